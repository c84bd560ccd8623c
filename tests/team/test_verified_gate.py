"""Namespaces that take, or show, only what somebody has vouched for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.team.stores import START, opened, texts, written
from transactive import NewMemory, Policy, TeamMemory
from transactive.errors import AccessDenied, NotFound

HANDBOOK = "team/handbook"


def gated(team: TeamMemory, gate: bool | str = "hold", *, namespace: str = HANDBOOK) -> None:
    """A namespace behind a gate, which everybody reads, ana and ben write to, and vera verifies in."""
    team.namespaces.configure(namespace, Policy(verified_only=gate))  # type: ignore[arg-type]
    team.grant("*", namespace, "read")
    for writer in ("ana", "ben"):
        team.grant(writer, namespace, "write")
    team.grant("vera", namespace, "write", "verify")


def recalled(team: TeamMemory, query: str = "refunds") -> set[str]:
    """What anybody finds; the same by every way of asking."""
    reader = team.agent("reader")
    found = set(texts(reader.recall(query, limit=100)))
    assert set(texts(reader.recall(query, limit=100, namespaces=["team/**"]))) == found
    assert {hit.memory.text for hit in reader.context(query, budget=10_000).hits} == found
    return found


# --- refuse -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", ["refuse", True])
def test_only_the_verified_may_enter_where_drafts_are_refused(team, gate):
    gated(team, gate)
    before = written(team)
    for verb in (
        lambda: team.agent("ana").publish("Refunds take 5 days.", to=HANDBOOK),
        lambda: team.agent("vera").publish("Refunds take 5 days.", to=HANDBOOK),
        lambda: team.publish("Refunds take 5 days.", to=HANDBOOK),
        lambda: team.agent("vera").remember_many(
            [
                NewMemory(text="Refunds take 5 days.", namespace=HANDBOOK, verified=True),
                NewMemory(text="Refunds take 6 days.", namespace=HANDBOOK),
            ]
        ),
    ):
        with pytest.raises(AccessDenied, match="only verified memories may enter 'team/handbook'"):
            verb()
    assert written(team) == before

    note = team.agent("vera").publish("Refunds take 5 days.", to=HANDBOOK, verified=True)
    assert (note.verified, note.verified_by) == (True, "vera")
    assert recalled(team) == {"Refunds take 5 days."}


def test_whoever_may_not_verify_cannot_say_that_it_is_verified(team):
    gated(team, "refuse")
    before = written(team)
    with pytest.raises(AccessDenied, match="'ana' may not verify in 'team/handbook'"):
        team.agent("ana").publish("Refunds take 5 days.", to=HANDBOOK, verified=True)
    with pytest.raises(AccessDenied, match="verify"):
        team.agent("ana").remember("Refunds take 5 days.", verified=True)
    assert written(team) == before


def test_a_gate_is_inherited_and_can_be_opened_again_below(team):
    gated(team, "refuse", namespace="team/**")
    team.namespaces.configure("team/drafts", Policy(verified_only="off"))
    assert team.agent("ana").publish("Refunds take 5 days.", to="team/drafts").verified is False
    with pytest.raises(AccessDenied):
        team.agent("ana").publish("Refunds take 5 days.", to="team/never/seen/before")


# --- hold -------------------------------------------------------------------------------------------------------------


def test_a_draft_is_held_out_of_recall_until_it_is_verified_but_can_be_looked_at(team):
    gated(team)
    draft = team.agent("ana").publish("Refunds take 5 days.", to=HANDBOOK, tags=["draft"])
    vouched = team.agent("vera").publish("Refunds go to the card.", to=HANDBOOK, verified=True)
    reader = team.agent("reader")

    assert recalled(team) == {vouched.text}
    assert texts(team.recall("refunds", limit=100)) == [vouched.text], "the owner recalls no drafts either"
    assert sorted(texts(reader.list())) == sorted([draft.text, vouched.text])
    assert reader.get(draft.uid).text == draft.text
    assert (reader.count(), reader.count({"verified": False})) == (2, 1)
    assert reader.facets("tags") == {"draft": 1}
    assert texts(reader.recall("refunds", where={"verified": False})) == []

    team.agent("vera").verify(draft.uid)
    assert recalled(team) == {draft.text, vouched.text}


def test_a_draft_is_held_when_texts_are_searched_instead(tmp_path):
    with opened(tmp_path) as owner, opened(tmp_path, index=None) as beside:
        gated(owner)
        draft = owner.agent("ana").publish("Refunds take 5 days.", to=HANDBOOK)
        owner.agent("vera").publish("Refunds go to the card.", to=HANDBOOK, verified=True)
        assert recalled(beside) == {"Refunds go to the card."}
        assert texts(beside.recall("refunds", as_of=START + timedelta(days=10**5))) == ["Refunds go to the card."]
        beside.agent("vera").verify(draft.uid)
        assert recalled(beside) == {"Refunds go to the card.", "Refunds take 5 days."}
        assert recalled(owner) == recalled(beside)


@pytest.mark.parametrize("gate", ["hold", "refuse"])
def test_a_gate_that_is_set_later_holds_what_is_there_already_and_lets_it_go_again(team, gate):
    team.publish("Refunds take 5 days.", to=HANDBOOK)
    team.grant("*", HANDBOOK, "read")
    assert recalled(team) == {"Refunds take 5 days."}
    team.namespaces.configure("team/*", Policy(verified_only=gate))
    assert recalled(team) == set()
    team.namespaces.configure("team/*", Policy())
    assert recalled(team) == {"Refunds take 5 days."}


def test_drafts_do_not_eat_the_limit(team):
    gated(team)
    for number in range(40):
        team.agent("ana").publish(f"Refunds take {number} days.", to=HANDBOOK)
    team.agent("vera").publish("Lunch is at noon.", to=HANDBOOK, verified=True)
    assert texts(team.agent("reader").recall("refunds take 7 days", limit=1)) == ["Lunch is at noon."]


def test_a_held_draft_is_not_found_through_its_neighbours_window():
    """A window holds the words of the turns around it: a verified one must not answer to a draft's words."""
    with TeamMemory.open(":memory:", background=False) as team:
        gated(team)
        vera, ana = team.agent("vera", session="s1"), team.agent("ana", session="s1")
        said = ["we talked about lunch", "the zeppelin hangar burned", "then it rained"]
        for number, (agent, text) in enumerate(zip((vera, ana, vera), said, strict=True)):
            at = START + timedelta(minutes=number)
            agent.publish(text, to=HANDBOOK, created_at=at, verified=agent is vera)
        for hit in team.recall("zeppelin hangar"):
            assert hit.memory.text != said[1]
            assert "window_terms" not in hit.why.channels, hit.memory.text

        team.agent("vera").verify(team.list({"text": {"$contains": "zeppelin"}})[0].uid)
        around = {hit.memory.text: hit.why.channels for hit in team.recall("zeppelin hangar")}
        assert set(around) == set(said)
        assert "window_terms" in around[said[0]]
        assert "window_terms" in around[said[2]]

        draft = team.list({"text": {"$contains": "zeppelin"}})[0]
        ana.revise(draft.uid, text="the zeppelin hangar is safe")
        for hit in team.recall("zeppelin hangar"):
            assert "window_terms" not in hit.why.channels, "it is a draft again"


# --- verify -----------------------------------------------------------------------------------------------------------


def test_verifying_is_a_right_of_its_own(team):
    gated(team)
    draft = team.agent("ana").publish("Refunds take 5 days.", to=HANDBOOK)
    team.grant("chief", HANDBOOK, "admin")
    before = written(team)
    for name in ("ana", "ben", "chief", "reader"):
        with pytest.raises(AccessDenied, match="verify"):
            team.agent(name).verify(draft.uid)
    with pytest.raises(NotFound):
        team.agent("vera").verify(team.agent("ana").remember("private").uid)
    team.grant("outside", "team/other", "read", "verify")
    with pytest.raises(AccessDenied):
        team.agent("outside").verify(draft.uid)
    assert written(team)["revisions"] == before["revisions"]
    assert team.get(draft.uid).verified is False


def test_who_verified_it_and_when_is_a_new_version(team, clock):
    gated(team)
    draft = team.agent("ana").publish("Refunds take 5 days.", to=HANDBOOK)
    clock.advance(timedelta(hours=1))
    verified = team.agent("vera").verify(draft.uid)
    assert (verified.verified_by, verified.verified_at) == ("vera", clock.now)
    assert (verified.agent, verified.version, verified.text) == ("ana", 2, draft.text)
    assert team.get(draft.uid).verified_by == "vera"
    assert [memory.verified for memory in team.history(draft.uid)] == [False, True]

    clock.advance(timedelta(hours=1))
    again = team.verify(draft.uid, by="dana")
    assert (again.verified_by, again.version) == ("vera", 2), "verified already, it stays as it is"


def test_only_the_owner_names_somebody_else_who_vouches_for_it(team):
    gated(team)
    draft = team.agent("ana").publish("Refunds take 5 days.", to=HANDBOOK)
    with pytest.raises(AccessDenied, match="only the owner"):
        team.agent("vera").verify(draft.uid, by="dana")
    assert team.get(draft.uid).verified is False
    assert team.verify(draft.uid, by="dana").verified_by == "dana"
    own = team.publish("Refunds go to the card.", to=HANDBOOK)
    assert team.verify(own.uid).verified_by == "owner"


def test_a_verified_memory_whose_text_is_revised_drops_out(team):
    gated(team)
    note = team.agent("ana").publish("Refunds take 5 days.", to=HANDBOOK)
    team.agent("vera").verify(note.uid)
    tagged = team.agent("ana").revise(note.uid, tags=["policy"])
    assert tagged.verified_by == "vera", "it is the same text"
    assert recalled(team) == {note.text}

    revised = team.agent("ana").revise(note.uid, text="Refunds take 50 days.")
    assert (revised.verified, revised.verified_at) == (False, None)
    assert recalled(team) == set()
    assert team.agent("vera").verify(note.uid).verified
    assert recalled(team) == {"Refunds take 50 days."}


def test_whoever_may_verify_vouches_for_what_it_revises(team):
    gated(team)
    note = team.agent("vera").publish("Refunds take 5 days.", to=HANDBOOK, verified=True)
    team.agent("vera").revise(note.uid, text="Refunds take 6 days.")
    assert recalled(team) == {"Refunds take 6 days."}


@pytest.mark.parametrize("gate", ["hold", "refuse"])
def test_what_was_verified_cannot_be_made_another_text_behind_the_gate(team, gate):
    gated(team, gate)
    note = team.agent("ana").remember("Refunds take 5 days.")
    team.verify(note.uid)
    team.promote(note.uid, to=HANDBOOK)
    copy = team.list({"namespace": HANDBOOK})[0]
    assert recalled(team) == {note.text}
    team.agent("ana").revise(copy.uid, text="Refunds take 50 days.")
    assert recalled(team) == set()


# --- promotion --------------------------------------------------------------------------------------------------------


def test_a_draft_is_not_promoted_past_a_gate_that_refuses(team):
    gated(team, "refuse")
    note = team.agent("ana").remember("Refunds take 5 days.")
    before = written(team)
    for promoter in (team.agent("ana"), team):
        with pytest.raises(AccessDenied, match="only verified"):
            promoter.promote(note.uid, to=HANDBOOK)
    assert written(team) == before


def test_a_verified_memory_stays_verified_when_who_promotes_it_may_verify_there(team):
    gated(team, "refuse")
    note = team.agent("ana").remember("Refunds take 5 days.")
    team.verify(note.uid, by="dana")
    with pytest.raises(AccessDenied, match="only verified"):
        team.agent("ana").promote(note.uid, to=HANDBOOK)
    team.grant("vera", "agents/ana", "read")
    copy = team.agent("vera").promote(note.uid, to=HANDBOOK)
    assert (copy.verified_by, copy.agent, copy.promoted_by) == ("dana", "ana", "vera")
    assert recalled(team) == {note.text}


def test_a_promoted_draft_is_held_as_any_other(team):
    gated(team)
    note = team.agent("ana").remember("Refunds take 5 days.")
    copy = team.agent("ana").promote(note.uid, to=HANDBOOK)
    assert copy.verified is False
    assert recalled(team) == set()
    assert note.text in texts(team.agent("ana").recall("refunds")), "its origin is not behind the gate"
    team.agent("vera").verify(copy.uid)
    assert recalled(team) == {note.text}


def test_policy_promotes_what_is_verified_later_past_a_gate(team):
    gated(team, "refuse")
    team.namespaces.configure("agents/ana", Policy(promote_to=HANDBOOK, promote_at=0.5))
    note = team.agent("ana").remember("Refunds take 5 days.", importance=0.9)
    assert team.count({"namespace": HANDBOOK}) == 0, "a write is no failure because its promotion is not allowed"
    team.verify(note.uid)
    assert recalled(team) == {note.text}
