"""What matters to all is copied to where all read it: once, with its origin, and with everybody who found it too."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest

from tests.team.stores import opened, texts, written
from transactive import Policy
from transactive.errors import AccessDenied, InvalidInput, NotFound

FINDING = "HNSW answers in 5 ms at 10M vectors"


def shared(team):
    return team.list({"namespace": "team/shared"})


def audited(team, action):
    return [entry for entry in team.audit.list() if entry.action == action]


# --- by policy --------------------------------------------------------------------------------------------------------


def test_what_is_important_enough_is_promoted_as_it_is_written(team):
    team.namespaces.configure("agents/*", Policy(promote_to="team/shared", promote_at=0.7))
    ana = team.agent("ana")
    kept, promoted = ana.remember("small", importance=0.69), ana.remember(FINDING, importance=0.7)
    [copy] = shared(team)
    assert (copy.text, copy.promoted_from, copy.promoted_by, copy.agent) == (FINDING, promoted.uid, "ana", "ana")
    assert copy.uid != promoted.uid
    assert sorted(texts(ana.list({"namespace": "agents/ana"}))) == sorted([kept.text, FINDING])
    assert [hit.memory.uid for hit in team.agent("ben").recall(FINDING)] == [copy.uid]


def test_without_a_policy_nothing_is(team):
    team.agent("ana").remember(FINDING, importance=1.0)
    assert not shared(team)


def test_many_are_promoted_as_one_is_and_in_the_same_transaction(team):
    team.namespaces.configure("agents/*", Policy(promote_at=0.5))
    before = written(team)
    made = team.agent("ana").remember_many(["a fact", "another fact", FINDING, "and one more fact"])
    rated = [memory.text for memory in made if memory.importance >= 0.5]
    assert sorted(texts(shared(team))) == sorted(rated)
    after = written(team)
    assert after["audit"] == before["audit"] + 1
    assert after["events"] == before["events"] + 4 + len(rated)


def test_a_memory_that_becomes_important_or_verified_is_promoted_then(team):
    team.namespaces.configure("agents/*", Policy(promote_at=0.7))
    ana = team.agent("ana")
    note = ana.remember(FINDING, importance=0.2)
    assert not shared(team)
    ana.revise(note.id, importance=0.9)
    assert [copy.promoted_from for copy in shared(team)] == [note.uid]

    team.namespaces.configure("agents/*", Policy(promote_at=0.7, promote_to="team/checked"))
    team.namespaces.configure("team/checked", Policy(verified_only=True))
    team.grant("*", "team/checked", "read", "write")
    team.grant("dana", "team/checked", "verify")
    draft = ana.remember("The licence allows it", importance=0.9)
    assert not team.list({"namespace": "team/checked"})
    team.verify(draft.uid, by="dana")
    [checked] = team.list({"namespace": "team/checked"})
    assert (checked.promoted_from, checked.verified_by) == (draft.uid, "dana")


def test_a_copy_goes_no_further_by_itself_and_by_hand_it_does(team):
    team.namespaces.configure("agents/*", Policy(promote_to="team/shared", promote_at=0.5))
    team.namespaces.configure("team/shared", Policy(promote_to="team/all", promote_at=0.5))
    team.grant("*", "team/all", "read", "write")
    ana = team.agent("ana")
    ana.remember(FINDING, importance=0.9)
    [copy] = shared(team)
    assert not team.list({"namespace": "team/all"})
    assert ana.publish("said there", importance=0.9).text in texts(team.list({"namespace": "team/all"}))
    further = ana.promote(copy.uid, to="team/all")
    assert further.promoted_from == copy.uid


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_the_copy_keeps_author_user_time_and_content_and_names_its_origin(team, clock):
    team.grant("lead", "agents/ana", "read")
    note = team.agent("ana").remember(
        FINDING, importance=0.3, tags=["finding"], metadata={"papers": 5}, user="cust_1", source="arxiv",
        confidence=0.9, session="s", ttl="90d", kind="learning", id="my-note",
    )  # fmt: skip
    clock.advance(timedelta(hours=1))
    copy = team.agent("lead").promote(note.uid)
    for name in (
        "text",
        "importance",
        "agent",
        "user",
        "session",
        "kind",
        "tags",
        "metadata",
        "source",
        "confidence",
        "created_at",
        "sensitivity",
    ):
        assert getattr(copy, name) == getattr(note, name), name
    assert (copy.namespace, copy.promoted_from, copy.promoted_by) == ("team/shared", note.uid, "lead")
    assert (copy.recorded_at, copy.version, copy.expires_at) == (clock.now, 1, None)
    assert copy.id == copy.uid != note.uid
    assert team.get(copy.uid) == copy
    tree = team.why(copy.uid)
    assert [(o.relation, o.uid) for o in tree.origins] == [("promoted from", note.uid)]
    assert "by way of lead" in str(tree)
    assert [(o.relation, o.uid) for o in team.why(note.uid).origins] == [("promoted to", copy.uid)]


def test_a_copy_lives_as_long_as_the_policy_of_its_new_place_says(team, clock):
    team.namespaces.configure("team/shared", Policy(ttl="1h"))
    copy = team.agent("ana").promote(team.agent("ana").remember(FINDING).id)
    assert (copy.expires_at - clock.now).total_seconds() == 3600


def test_a_bound_handle_promotes_what_is_about_its_user(team):
    desk = team.agent("desk", user="cust_1")
    copy = desk.promote(desk.remember("INV-5678 was refunded").id)
    assert copy.user == "cust_1"
    assert not team.agent("desk", user="cust_2").recall("INV-5678")


def test_again_the_same_is_returned(team):
    ana = team.agent("ana")
    note = ana.remember(FINDING)
    copy = ana.promote(note.id)
    before = written(team)
    assert ana.promote(note.id) == copy
    assert team.promote(note.uid) == copy
    assert written(team) | {"audit": 0} == before | {"audit": 0}, "the calls are in the audit, and nothing else changed"
    assert copy.reinforced == 0


def test_of_many_who_promote_at_once_one_makes_the_copy(team):
    team.grant("*", "agents/ana", "read")
    note = team.agent("ana").remember(FINDING)
    others = [team.agent(name).remember(FINDING) for name in ("ben", "cyd")]
    made: list[str] = []
    start = threading.Barrier(8)

    def promote(number):
        start.wait()
        made.append(team.agent(f"agent {number}").promote(note.uid).uid)
        made.append(team.promote(others[number % 2].uid).uid)

    threads = [threading.Thread(target=promote, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 16
    [copy] = shared(team)
    assert set(made) == {copy.uid}
    assert (copy.reinforced, copy.corroborated) == (2, 2)


def test_two_processes_promote_once(tmp_path, another):
    with opened(tmp_path) as team:
        ana = team.agent("ana")
        notes = [ana.remember(f"finding {n} of the team") for n in range(30)]
        child = another(tmp_path, index=None).opened()
        for note in notes:
            child.tell("promote", note.uid, agent="ana")
        mine = [ana.promote(note.uid).uid for note in notes]
        assert [child.answer() for _ in notes] == mine
        assert sorted(memory.uid for memory in shared(team)) == sorted(mine)
        assert {memory.reinforced for memory in shared(team)} == {0}


def test_a_note_of_ones_own_is_promoted_by_its_own_id(team):
    ana = team.agent("ana")
    team.grant("ana", "projects/x", "read", "write")
    ana.remember(FINDING, id="n1", namespace="projects/x")
    assert ana.promote("n1", namespace="projects/x").text == FINDING
    with pytest.raises(NotFound):
        ana.promote("n1")


def test_to_where_it_is_already_and_to_nowhere(team):
    note = team.agent("ana").publish(FINDING)
    with pytest.raises(InvalidInput, match="in 'team/shared' already"):
        team.promote(note.uid)
    with opened(shared=None) as other:
        mine = other.agent("ana").remember(FINDING)
        with pytest.raises(InvalidInput, match="no shared namespace"):
            other.agent("ana").promote(mine.id)
        assert other.promote(mine.uid, to="projects/x").namespace == "projects/x"


def test_a_policy_that_would_never_promote_is_refused():
    with opened(shared=None) as other:
        before = written(other)
        for policy in (Policy(promote_at=0.7), Policy(promote_at=0.0, ttl="1h")):
            with pytest.raises(InvalidInput, match="no shared namespace"):
                other.namespaces.configure("agents/*", policy)
        assert written(other) == before
        other.namespaces.configure("agents/ana", Policy(promote_to="projects/x", promote_at=0.9))
        with pytest.raises(InvalidInput, match="promote_to"):
            other.namespaces.configure("agents/ana", Policy(promote_at=0.7))
        other.namespaces.configure("agents/*", Policy(promote_at=0.7))
        other.namespaces.configure("agents/ana", Policy(promote_to="projects/x"))
        other.grant("ana", "projects/x", "write")
        other.agent("ana").remember(FINDING, importance=0.8)
        assert texts(other.list({"namespace": "projects/x"})) == [FINDING]


# --- who may ----------------------------------------------------------------------------------------------------------


def test_it_needs_the_right_to_write_there_and_to_read_here(team):
    team.grant("ana", "team/board", "read")
    note = team.agent("ana").remember(FINDING)
    before = written(team)
    with pytest.raises(AccessDenied, match="may not write in 'team/board'"):
        team.agent("ana").promote(note.id, to="team/board")
    with pytest.raises(NotFound):
        team.agent("ben").promote(note.uid)
    assert written(team) == before


def test_what_may_not_be_promoted_is_written_all_the_same_and_that_is_told(team, caplog):
    team.namespaces.configure("agents/*", Policy(promote_to="team/board", promote_at=0.5))
    with caplog.at_level(logging.WARNING, logger="transactive"):
        first = team.agent("ana").remember(FINDING, importance=0.9)
        team.agent("ana").remember_many(["a decision", "a promise"], namespace="agents/ana")
    assert team.agent("ana").get(first.id).text == FINDING
    assert not team.list({"namespace": "team/board"})
    told = [record for record in caplog.records if "not promoted" in record.getMessage()]
    assert len(told) == 1, "once for each agent and place"
    assert FINDING not in caplog.text
    [entry] = audited(team, "remember")
    assert entry.details["not_promoted"] == 1
    assert team.audit.verify()


@pytest.mark.parametrize("gate", ["refuse", "ceiling", "rate"])
def test_the_gates_of_the_target_hold_for_copies_too(team, gate):
    policies = {
        "refuse": Policy(verified_only=True),
        "ceiling": Policy(max_sensitivity="public"),
        "rate": Policy(write_rate="1/h"),
    }
    team.namespaces.configure("team/shared", policies[gate])
    ana = team.agent("ana")
    if gate == "rate":
        ana.publish("the one of this hour")
    there = shared(team)
    team.namespaces.configure("agents/*", Policy(promote_at=0.5))
    ana.remember(FINDING, importance=0.9)
    assert list(shared(team)) == list(there)
    assert audited(team, "remember")[-1].details == {"not_promoted": 1}
    note = ana.remember("another", importance=0.1)
    with pytest.raises(Exception, match=r"verified|holds memories|may write") as refused:
        ana.promote(note.id)
    assert type(refused.value).__name__ == ("RateLimited" if gate == "rate" else "AccessDenied")


@pytest.mark.parametrize("may_verify", [True, False])
def test_a_copy_is_verified_when_who_promotes_could_have_verified_it(team, may_verify):
    team.grant("ana", "agents/ana", "verify")
    if may_verify:
        team.grant("ana", "team/shared", "verify")
    note = team.agent("ana").remember(FINDING, verified=True)
    assert team.agent("ana").promote(note.id).verified is may_verify
