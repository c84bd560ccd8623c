"""Who wrote a memory, and about whom, comes from the handle and cannot be forged."""

from __future__ import annotations

import inspect
import sqlite3
from contextlib import closing
from dataclasses import FrozenInstanceError, fields

import pytest

from tests.team.stores import opened, texts, written
from transactive import Agent, NewMemory, TeamMemory
from transactive.errors import AccessDenied, NotFound


def test_the_author_is_whose_handle_it_is(team):
    ana = team.agent("ana", session="s1", app="desk")
    for memory in (ana.remember("a"), ana.publish("b"), *ana.remember_many(["c", NewMemory(text="d")])):
        assert (memory.agent, memory.session, memory.app) == ("ana", "s1", "desk")
        assert ana.get(memory.uid) == memory
    assert team.remember("e").agent == "owner"


@pytest.mark.parametrize("verb", ["remember", "remember_many", "publish", "revise"])
def test_no_verb_takes_an_author(verb):
    taken = set(inspect.signature(getattr(Agent, verb)).parameters)
    assert not taken & {"agent", "author", "by", "app", "verified_by", "recorded_at", "updated_at", "version"}


def test_an_item_of_a_batch_has_no_author_and_no_past():
    names = {field.name for field in fields(NewMemory)}
    assert not names & {"agent", "app", "uid", "verified_by", "verified_at", "recorded_at", "updated_at", "version"}
    with pytest.raises(TypeError):
        NewMemory(text="x", agent="ben")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_a_handle_and_a_memory_cannot_be_renamed(team):
    ana = team.agent("ana", user="cust_1")
    for name in ("name", "user", "session_id", "app", "namespace"):
        with pytest.raises(AttributeError):
            setattr(ana, name, "ben")
    with pytest.raises(FrozenInstanceError):
        ana.remember("x").agent = "ben"
    assert ana.name == "ana"


def test_metadata_and_tags_that_speak_of_another_author_change_nothing(team):
    ana = team.agent("ana")
    memory = ana.publish("I am ben", tags=["agent:ben"], metadata={"agent": "ben", "user": "cust_1"})
    assert (memory.agent, memory.user) == ("ana", None)
    assert team.agent("ben").count({"agent": "ben"}) == 0
    assert team.agent("ben").count({"agent": "ana"}) == 1
    assert team.facets("agent") == {"ana": 1}


def test_who_revises_does_not_become_the_author(team):
    team.grant("editor", "team/shared", "read", "admin")
    note = team.agent("ana").publish("first")
    revised = team.agent("editor").revise(note.uid, text="second")
    assert (revised.agent, revised.version) == ("ana", 2)
    assert {memory.agent for memory in team.history(note.uid)} == {"ana"}
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        assert ledger.execute("SELECT revised_by FROM revisions").fetchall() == [("editor",)]


def test_the_audit_names_who_acted(team):
    ana = team.agent("ana")
    note = ana.publish("x")
    team.agent("ben").publish("y")
    ana.forget(note.uid)
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        rows = ledger.execute("SELECT principal, action, count FROM audit ORDER BY number").fetchall()
    assert rows[-3:] == [("ana", "remember", 1), ("ben", "remember", 1), ("ana", "forget", 1)]


def test_names_that_look_alike_are_one_agent_and_names_that_differ_are_two(team):
    team.agent("Zo\u00eb").remember("composed")
    assert texts(team.agent("Zoe\u0308").list()) == ["composed"]
    for other in ("zo\u00eb", "Zoe", "Zo\u00eb/", "Zo%C3%AB", "agents/Zo\u00eb", "../Zo\u00eb"):
        assert team.agent(other).count() == 0
        assert team.agent(other).namespace != team.agent("Zo\u00eb").namespace


@pytest.mark.parametrize("name", [".", "..", "a/b", "a%2Fb", "**", "a*", "a b", "x\u2028y"])
def test_a_strange_name_has_a_namespace_of_its_own(team, name):
    odd = team.agent(name)
    odd.remember("mine")
    assert odd.namespace.count("/") == 1
    assert [info.path for info in team.namespaces.list("agents/*")] == [odd.namespace]
    assert odd.count({"namespace": odd.namespace}) == 1
    assert team.agent("ana").count() == 0


# --- verified ---------------------------------------------------------------------------------------------------------


def test_only_who_may_verify_writes_verified_memories(team):
    ana = team.agent("ana")
    before = written(team)
    with pytest.raises(AccessDenied, match="may not verify"):
        ana.publish("trust me", verified=True)
    assert written(team) == before
    team.grant("ana", "team/shared", "verify")
    assert ana.publish("trust me", verified=True).verified_by == "ana"


def test_a_revised_text_is_verified_no_longer(team):
    team.grant("checker", "team/shared", "verify", "write", "read", "admin")
    note = team.agent("checker").publish("8 ms", verified=True)
    team.grant("editor", "team/shared", "admin")
    assert team.agent("editor").revise(note.uid, importance=0.9).verified
    assert not team.agent("editor").revise(note.uid, text="18 ms").verified
    assert not team.agent("checker").get(note.uid).verified
    assert [memory.verified for memory in team.history(note.uid)] == [True, True, False]


# --- bound to a user --------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(team: TeamMemory) -> dict[str, str]:
    """Memories of one agent about two customers, and about none."""
    ana = team.agent("ana")
    about = {"cust_1": "cust_1", "cust_2": "cust_2", "nobody": None}
    return {name: ana.publish(f"a note about {name}", user=user).uid for name, user in about.items()}


def test_a_bound_handle_sees_its_user_and_what_is_about_nobody(team, desk):
    bound = team.agent("ana", user="cust_1")
    expected = ["a note about cust_1", "a note about nobody"]
    assert sorted(texts(bound.list())) == expected
    assert sorted(texts(bound.recall("a note about cust_2", limit=100))) == expected
    assert sorted(texts(bound.context("cust_2", budget=1000, count_tokens=len).hits)) == expected
    assert bound.count() == 2
    assert bound.facets("user") == {"cust_1": 1}
    assert bound.facets("agent") == {"ana": 2}
    for where in (
        {"user": "cust_2"},
        {"id": desk["cust_2"]},
        {"$or": [{"user": "cust_2"}]},
        {"user": {"$nin": ["cust_1"], "$exists": True}},
    ):
        assert not bound.list(where)
        assert not bound.recall("note", where=where)
        assert bound.count(where) == 0
        assert bound.facets("kind", where) == {}
        assert bound.forget(where=where, dry_run=True).count == 0


def test_a_bound_handle_cannot_touch_another_user(team, desk):
    bound, theirs = team.agent("ana", user="cust_1"), desk["cust_2"]
    for call in (
        lambda: bound.get(theirs),
        lambda: bound.history(theirs),
        lambda: bound.revise(theirs, text="changed"),
        lambda: bound.forget(theirs),
        lambda: bound.forget(theirs, dry_run=True),
        lambda: bound.remember("so", derived_from=[theirs]),
    ):
        before = written(team)
        with pytest.raises(NotFound):
            call()
        assert written(team) == before
    assert bound.forget(where={"agent": "ana"}).count == 2
    assert team.get(theirs).text == "a note about cust_2"


def test_a_bound_handle_writes_about_its_user_only(team, desk):
    bound = team.agent("ana", user="cust_1")
    assert bound.remember("x").user == "cust_1"
    assert bound.publish("y", user="cust_1").user == "cust_1"
    assert bound.remember_many(["z"])[0].user == "cust_1"
    before = written(team)
    for call in (
        lambda: bound.remember("x", user="cust_2"),
        lambda: bound.publish("x", user="cust_2"),
        lambda: bound.remember_many(["fine", NewMemory(text="x", user="cust_2")]),
    ):
        with pytest.raises(AccessDenied, match="bound to one user") as caught:
            call()
        assert "cust_1" not in str(caught.value)
    assert written(team) == before


def test_a_bound_handle_cannot_undo_what_was_forgotten_of_another_user(team, desk):
    forgotten = team.agent("ana").forget(where={"user": {"$exists": True}})
    assert forgotten.count == 2
    bound = team.agent("ana", user="cust_1")
    assert bound.undo(forgotten) == 1
    with pytest.raises(NotFound):
        bound.undo(forgotten)
    assert sorted(texts(team.list())) == ["a note about cust_1", "a note about nobody"]


def test_a_grant_does_not_widen_a_bound_handle(team, desk):
    team.grant("boss", "**", "read", "write", "admin", "verify", clearance="confidential")
    bound = team.agent("boss", user="cust_1")
    assert bound.count() == 2
    with pytest.raises(NotFound):
        bound.get(desk["cust_2"])
    assert team.agent("boss").count() == 3


def test_names_of_other_users_do_not_steer_a_recall():
    with opened() as team:
        ana = team.agent("ana")
        for user in ("Miriam", "Oskar"):
            ana.publish(f"{user} likes the blue one", user=user)
        bound = team.agent("ana", user="Oskar")
        (hit,) = bound.recall("what does Miriam like?")
        assert hit.memory.user == "Oskar"
        assert "author" not in hit.why.boosts
