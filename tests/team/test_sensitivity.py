"""public < internal < confidential: who is cleared for what, and what may be where, in every verb."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.team.stores import opened, texts, written
from transactive import Agent, Policy, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, NotFound
from transactive.records import SENSITIVITIES as LEVELS

PLACE = "team/files"


def filled(team: TeamMemory) -> dict[str, str]:
    """One memory of each level in one namespace, each by another agent about another user; their uids."""
    team.grant("*", PLACE, "write", clearance="confidential")
    uids: dict[str, str] = {}
    for level in LEVELS:
        author = team.agent(f"author-{level}", user=f"user-{level}", session=f"session-{level}", app=f"app-{level}")
        uids[level] = author.publish(f"Report {level}.", to=PLACE, sensitivity=level, tags=[level], kind="semantic").uid
    return uids


def shown(agent: Agent, uids: dict[str, str]) -> set[str]:
    """The levels that an agent is shown, by every verb that could tell of one; the answers agree."""

    def by_id(verb: Callable[..., Any]) -> set[str]:
        found = set()
        for level, uid in uids.items():
            try:
                verb(uid)
            except NotFound:
                continue
            found.add(level)
        return found

    def by_text(found: Any) -> set[str]:
        return {text.removeprefix("Report ").rstrip(".") for text in texts(found)}

    def by_name(field: str) -> set[str]:
        return {value.rpartition("-")[2] for value in agent.facets(field)}

    answers: dict[str, set[str]] = {
        "get": by_id(agent.get),
        "history": by_id(agent.history),
        "why": by_id(agent.why),
        "list": by_text(agent.list()),
        "recall": by_text(agent.recall("report", limit=100)),
        "context": {hit.memory.sensitivity for hit in agent.context("report", budget=10_000).hits},
        "text": by_text(agent.recall("report", limit=100, as_of=agent._engine.store.clock())),
        "count": {level for level in LEVELS if agent.count({"sensitivity": level})},
        "transcript": {level for level in LEVELS if len(agent.transcript(f"session-{level}"))},
        **{f"facets({field})": by_name(field) for field in ("sensitivity", "tags", "agent", "user", "session", "app")},
    }
    assert agent.count() == len(answers["list"])
    assert len({frozenset(levels) for levels in answers.values()}) == 1, answers
    return answers["list"]


# --- clearance --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clearance", LEVELS)
def test_a_clearance_reaches_its_level_and_those_below_in_every_verb(team, clearance):
    uids = filled(team)
    team.grant("reader", PLACE, "read", clearance=clearance)
    assert shown(team.agent("reader"), uids) == set(LEVELS[: LEVELS.index(clearance) + 1])
    assert shown(team.agent("nobody"), uids) == set()
    assert shown(team, uids) == set(LEVELS)


def test_the_highest_of_several_grants_counts_while_it_holds(team, clock):
    uids = filled(team)
    team.grant("reader", "team/**", "read", clearance="public")
    team.groups.set("auditors", ["reader"])
    team.grant("group:auditors", PLACE, "read", clearance="confidential", valid_until=clock.now + timedelta(hours=1))
    assert shown(team.agent("reader"), uids) == set(LEVELS)
    clock.advance(timedelta(hours=1))
    assert shown(team.agent("reader"), uids) == {"public"}


def test_without_the_index_the_same_is_shown(tmp_path):
    with opened(tmp_path) as team, opened(tmp_path, index=None) as beside:
        uids = filled(team)
        team.grant("reader", PLACE, "read")
        assert shown(beside.agent("reader"), uids) == shown(team.agent("reader"), uids) == {"public", "internal"}


def test_what_is_not_shown_cannot_be_changed_by_who_knows_its_id(team):
    uids = filled(team)
    team.grant("chief", PLACE, "read", "write", "verify", "admin", clearance="internal")
    chief, before = team.agent("chief"), written(team)
    for verb in (
        chief.forget,
        lambda uid: chief.revise(uid, text="x"),
        chief.verify,
        chief.promote,
        lambda uid: chief.correct(uid, "x"),
        lambda uid: chief.remember("x", derived_from=[uid]),
    ):
        with pytest.raises(NotFound):
            verb(uids["confidential"])
    assert chief.forget(where={"namespace": PLACE}, dry_run=True).count == 2
    assert written(team) == before


def test_names_that_only_hidden_memories_bear_do_not_steer_recall(team):
    """A name in the question counts only where it is the name of somebody whose memories the asker may read."""
    team.agent("zelda").publish("Nothing of note.", sensitivity="confidential", kind="episodic")
    team.agent("ana").publish("Zelda is on holiday.", kind="episodic")
    hits = team.agent("reader").recall("what does zelda say?")
    assert [hit.why.boosts for hit in hits if "author" in hit.why.boosts] == []
    team.agent("zelda").publish("I am back.", kind="episodic")
    assert any("author" in hit.why.boosts for hit in team.agent("reader").recall("what does zelda say?"))


def test_a_hidden_memory_does_not_make_a_new_one_a_repetition(team):
    hidden = team.publish("The office opens at nine.", sensitivity="confidential")
    own = team.agent("ana").publish("The office opens at nine.", sensitivity="internal")
    assert own.uid != hidden.uid
    team.grant("writer", PLACE, "write")
    team.publish("The office opens at nine.", to=PLACE)
    blind = team.agent("writer").publish("The office opens at nine.", to=PLACE)
    assert (blind.agent, blind.reinforced) == ("writer", 0)


def test_internal_is_the_default_and_other_levels_are_none(team):
    assert team.remember("x").sensitivity == "internal"
    wrongs: list[Any] = ["secret", "", 3]
    for wrong in wrongs:
        with pytest.raises(InvalidInput):
            team.remember("x", sensitivity=wrong)
        with pytest.raises(InvalidInput):
            team.grant("ana", PLACE, "read", clearance=wrong)
        with pytest.raises(InvalidInput):
            Policy(max_sensitivity=wrong)


# --- ceilings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ceiling", LEVELS)
def test_a_namespace_takes_no_more_than_its_ceiling_from_anybody(team, ceiling):
    team.namespaces.configure("team/*", Policy(max_sensitivity=ceiling))
    for level in LEVELS:
        for writer in (team, team.agent("ana")):
            if LEVELS.index(level) <= LEVELS.index(ceiling):
                writer.publish(f"{level} by {writer.name}", sensitivity=level)
                continue
            before = written(team)
            with pytest.raises(AccessDenied, match=f"holds memories up to {ceiling!r}"):
                writer.publish(f"{level} by {writer.name}", sensitivity=level)
            assert written(team) == before


def test_nothing_is_promoted_above_a_ceiling(team, caplog):
    team.namespaces.configure("team/shared", Policy(max_sensitivity="public"))
    team.namespaces.configure("agents/ana", Policy(promote_to="team/shared", promote_at=0.5))
    ana = team.agent("ana")
    with caplog.at_level(logging.WARNING, "transactive"):
        note = ana.remember("An internal matter.", importance=0.9)
    assert "matter" not in caplog.text
    assert team.count({"namespace": "team/shared"}) == 0
    for promoter in (ana, team):
        with pytest.raises(AccessDenied, match="holds memories up to 'public'"):
            promoter.promote(note.uid)
    ana.remember("A public matter.", importance=0.9, sensitivity="public")
    assert texts(team.list({"namespace": "team/shared"})) == ["A public matter."]


@pytest.mark.parametrize("ceiling", LEVELS[:2])
def test_a_ceiling_that_is_set_later_hides_what_is_above_it_from_all_but_the_owner(team, ceiling):
    uids = filled(team)
    team.grant("reader", PLACE, "read", "write", "admin", clearance="confidential")
    reader = team.agent("reader")
    assert shown(reader, uids) == set(LEVELS)
    team.namespaces.configure("team/**", Policy(max_sensitivity=ceiling))
    assert shown(reader, uids) == set(LEVELS[: LEVELS.index(ceiling) + 1])
    assert shown(team, uids) == set(LEVELS)
    with pytest.raises(NotFound):
        reader.forget(uids["confidential"])
    assert team.forget(uids["confidential"]).count == 1
    team.namespaces.configure("team/**", Policy())
    assert shown(reader, uids) == {"public", "internal"}


def test_a_ceiling_hides_from_the_author_in_its_own_namespace_too(team):
    ana = team.agent("ana")
    note = ana.remember("Private.", sensitivity="confidential")
    team.namespaces.configure("agents/**", Policy(max_sensitivity="internal"))
    with pytest.raises(NotFound):
        ana.get(note.uid)
    assert (ana.count(), texts(ana.recall("private"))) == (0, [])
    assert team.get(note.uid).text == "Private."


def test_undo_brings_nothing_back_above_a_ceiling_but_for_the_owner(team):
    ana = team.agent("ana")
    secret = ana.remember("Confidential.", sensitivity="confidential")
    ana.remember("Internal.")
    forgotten = ana.forget(where={"agent": "ana"})
    team.namespaces.configure("agents/ana", Policy(max_sensitivity="internal"))
    assert ana.undo(forgotten) == 1
    assert texts(ana.list()) == ["Internal."]
    with pytest.raises(NotFound):
        ana.undo(forgotten)
    assert team.undo(forgotten) == 1
    assert texts(ana.list()) == ["Internal."]
    assert team.get(secret.uid).text == "Confidential."


def test_what_is_made_of_memories_is_as_sensitive_as_the_most_sensitive_of_them(team):
    with team.agent("ana").session(summary=True) as session:
        session.remember("We met.", sensitivity="public")
        session.remember("We decided to sell.", sensitivity="confidential")
    assert session.info.summary is not None
    assert team.get(session.info.summary).sensitivity == "confidential"


def test_a_window_never_mixes_sensitivities():
    with TeamMemory.open(":memory:", background=False) as team:
        ana = team.agent("ana", session="s1")
        ana.publish("we talked about lunch")
        ana.publish("the zeppelin hangar burned", sensitivity="confidential")
        ana.publish("then it rained")
        for hit in team.agent("reader").recall("zeppelin hangar"):
            assert "window_terms" not in hit.why.channels
