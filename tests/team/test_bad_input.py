"""Nonsense is refused with an error of ours that says what would be right, and nothing is written."""

from __future__ import annotations

import base64
import contextlib
import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.team.stores import START, opened, small_embedder, written
from transactive import Agent, NewMemory, Policy, TeamMemory
from transactive.errors import (
    AccessDenied,
    DuplicateId,
    EmbeddingFailed,
    InvalidFilter,
    InvalidInput,
    InvalidNamespace,
    NotFound,
    TransactiveError,
)
from transactive.records import Conflict

SECRET = "the vault opens with 7391"
HUGE = 10**400


def nested(depth: int) -> dict[str, Any]:
    value: Any = "leaf"
    for _ in range(depth):
        value = {"in": value}
    return {"in": value}


def cyclic() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["again"] = {"and again": [value]}
    return value


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


class World(NamedTuple):
    """A store with something in it."""

    team: TeamMemory
    agent: Agent
    note: str


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with opened() as team:
        agent = team.agent("ana")
        note = agent.remember(SECRET, id="note", tags=["t"], metadata={"n": 1}, session="s")
        team.agent("ben").publish(SECRET)
        team.groups.set("red", ["ana"])
        yield World(team, agent, note.uid)


def refused(
    world: World, call: Callable[[], object], kind: type[TransactiveError] = InvalidInput, says: str = ""
) -> None:
    """The call raises this error, which says this and never the text of a memory, and the ledger is as it was."""
    before = written(world.team)
    with pytest.raises(kind) as caught:
        call()
    assert written(world.team) == before
    message = str(caught.value)
    assert says in message
    assert SECRET not in message
    assert 10 < len(message) < 700, message


# --- what a memory may be ---------------------------------------------------------------------------------------------

TEXTS = {
    "empty": ("", "empty"),
    "blank": (" \n\t", "empty"),
    "too long": ("x" * ((1 << 20) + 1), "1,048,576 bytes"),
    "too long in bytes": ("é" * (1 << 19) + "x", "split it"),
    "bytes": (b"bytes", "string"),
    "a number": (5, "string"),
    "nothing": (None, "string"),
    "a list": (["a"], "string"),
    "NUL": ("a\x00b", "NUL"),
    "a lone surrogate": ("ab\ud800", "surrogate at position 2"),
}


@pytest.mark.parametrize(("text", "says"), TEXTS.values(), ids=TEXTS)
def test_texts(world, text, says):
    refused(world, lambda: world.agent.remember(text), says=says)
    refused(world, lambda: world.agent.publish(text), says=says)
    refused(world, lambda: world.agent.remember_many(["fine", text]), says="item 1: ")
    refused(world, lambda: world.agent.remember_many([NewMemory(text=text)]), says=says)
    if text is not None:
        refused(world, lambda: world.agent.revise("note", text=text), says=says)


FIELDS: dict[str, tuple[str, list[Any]]] = {
    "importance": ("from 0 to 1", [math.nan, math.inf, -math.inf, 2, -0.1, "x", "0.5", True, [0.5], HUGE, 1 + 0j]),
    "confidence": ("from 0 to 1", [math.nan, math.inf, 1.01, -1, "high", False]),
    "created_at": ("", [datetime(2026, 5, 4), "2026-05-04T00:00:00Z", 1_777_000_000, START.date()]),  # noqa: DTZ001
    "kind": ("episodic, semantic", ["fact", "", 5, ["semantic"], "Semantic", {}]),
    "sensitivity": ("public, internal, confidential", ["secret", "", 1, None.__class__, ["public"]]),
    "tags": ("", ["urgent", b"urgent", 5, [""], [5], ["a\x00"], ["\ud800"], [None], ["x" * 201], {"a": 1}, iter("a")]),
    "metadata": (
        "",
        [
            "x",
            [],
            [("a", 1)],
            {"a": {1, 2}},
            {"a": math.nan},
            {"a": [1, {"b": -math.inf}]},
            {"a": 2**63},
            {"a": -(2**63) - 1},
            {"a": HUGE},
            {"a": 1j},
            {"a": b"x"},
            {"a": object()},
            {"a": datetime(2026, 5, 4)},  # noqa: DTZ001
            {"a": timedelta(1)},
            {1: "a"},
            {"a": {None: 1}},
            {"a": "\x00"},
            {"a": "\udfff"},
            {"\ud800": 1},
            {"\x00": 1},
            nested(17),
            nested(5_000),
            cyclic(),
            {"a": "x" * 70_000},
        ],
    ),
    "ttl": ("", ["", "soon", "5", "-5m", "0s", "5 fortnights", 5, timedelta(0), timedelta(-1), math.nan, True]),
    "user": ("user", ["", "  ", 5, b"x", "a\x00", "\ud800", "x" * 513]),
    "session": ("session", ["", 5, "\x00", "\ud800", "x" * 513]),
    "source": ("source", ["", 5, "\x00", "\ud800"]),
    "id": ("id", ["", " ", 5, b"x", "a\x00", "\ud800", "x" * 513, ["a"]]),
    "verified": ("True or False", ["yes", 1, None]),
    "derived_from": ("derived_from", ["abc", 5, [5], [""], ["\ud800"], {"a"}]),
}
CASES = [
    pytest.param(name, value, says, id=f"{name}-{number}")  # values are too odd to be printed
    for name, (says, values) in FIELDS.items()
    for number, value in enumerate(values)
]


@pytest.mark.parametrize(("name", "value", "says"), CASES)
def test_fields(world, name, value, says):
    refused(world, lambda: world.agent.remember(SECRET, **{name: value}), says=says)
    refused(world, lambda: world.agent.publish(SECRET, **{name: value}), says=says)
    batch = [NewMemory(text="one"), NewMemory(text="two"), NewMemory(text=SECRET, **{name: value})]
    refused(world, lambda: world.agent.remember_many(batch), says="item 2: ")
    if name in {"importance", "confidence", "tags", "metadata"}:
        refused(world, lambda: world.agent.revise("note", **{name: value}), says=says)


PATHS: dict[str, Any] = {
    "empty": "",
    "leading slash": "/a",
    "trailing slash": "a/",
    "empty segment": "a//b",
    "space": "a b",
    "line break": "a/b\n",
    "NUL": "a\x00",
    "lone surrogate": "a/\ud800",
    "dots": "a/../b",
    "dot": ".",
    "a number": 5,
    "bytes": b"a",
    "a list": ["a"],
    "too deep": "/".join("a" * 17),
    "too long": "a" * 513,
    "star inside": "a/b*",
    "stars in the middle": "a/**/b",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_namespaces_and_patterns(world, path):
    team, agent = world.team, world.agent
    calls: list[Callable[[], object]] = [
        lambda: agent.remember(SECRET, namespace=path),
        lambda: agent.remember_many([SECRET], namespace=path),
        lambda: agent.publish(SECRET, to=path),
        lambda: agent.get("note", namespace=path),
        lambda: agent.history("note", namespace=path),
        lambda: agent.revise("note", importance=1, namespace=path),
        lambda: agent.forget("note", namespace=path),
        lambda: agent.recall("x", namespaces=[path]),
        lambda: agent.context("x", namespaces=["a", path]),
        lambda: team.grant("ana", path, "read"),
        lambda: team.revoke("ana", path),
        lambda: team.namespaces.configure(path, Policy(ttl="1h")),
        lambda: team.namespaces.policy(path),
        lambda: team.namespaces.delete(path),
        lambda: team.namespaces.list(path),
    ]
    for call in calls:
        refused(world, call, InvalidNamespace, says="namespace")
    refused(world, lambda: agent.remember_many([NewMemory(text=SECRET, namespace=path)]), InvalidInput, says="item 0: ")


@pytest.mark.parametrize("pattern", ["*", "**", "a/*", "a/**"])
def test_a_pattern_is_not_a_namespace(world, pattern):
    for call in (
        lambda: world.agent.remember(SECRET, namespace=pattern),
        lambda: world.agent.get("note", namespace=pattern),
        lambda: world.team.namespaces.policy(pattern),
        lambda: world.team.namespaces.delete(pattern),
    ):
        refused(world, call, InvalidNamespace, says="reserved")


# --- batches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("items", ["a text", b"bytes", None, 5, SECRET], ids=repr)
def test_a_batch_is_an_iterable_of_items_and_not_a_text(world, items):
    refused(world, lambda: world.agent.remember_many(items))


@pytest.mark.parametrize("item", [None, 5, b"x", {"text": "x"}, ("x",)], ids=repr)
def test_an_item_is_a_text_or_a_new_memory(world, item):
    refused(world, lambda: world.agent.remember_many(["fine", item, "fine"]), says="item 1: ")


def test_an_id_that_is_taken_refuses_the_batch_by_its_index(world):
    taken = NewMemory(text=SECRET, id="note")
    refused(world, lambda: world.agent.remember(SECRET, id="note"), DuplicateId, says="'note'")
    refused(world, lambda: world.agent.remember_many(["fine", taken]), DuplicateId, says="item 1: ")
    twice = [NewMemory(text="a", id="new"), "fine", NewMemory(text="b", id="new")]
    refused(world, lambda: world.agent.remember_many(twice), DuplicateId, says="item 2: ")


def test_an_item_in_a_forbidden_place_refuses_the_batch_by_its_index(world):
    elsewhere = NewMemory(text=SECRET, namespace="agents/ben")
    refused(world, lambda: world.agent.remember_many(["fine", elsewhere]), AccessDenied, says="item 1: ")


def test_an_item_that_rests_on_nothing_refuses_the_batch_by_its_index(world):
    groundless = NewMemory(text=SECRET, derived_from=["nothing"])
    refused(world, lambda: world.agent.remember(SECRET, derived_from=["nothing"]), NotFound, says="'nothing'")
    refused(world, lambda: world.agent.remember_many(["fine", groundless]), NotFound, says="item 1: ")


def test_a_bad_item_refuses_a_batch_of_any_length(world):
    """Batches are written by the thousand: what is wrong with the last item is found before the first is written."""
    groundless = NewMemory(text=SECRET, derived_from=["nothing"])
    refused(world, lambda: world.agent.remember_many([f"fine {n}" for n in range(1000)] + [groundless]), NotFound)
    refused(world, lambda: world.agent.remember_many([f"fine {n}" for n in range(1000)] + [""]), says="item 1000: ")


# --- questions --------------------------------------------------------------------------------------------------------

QUESTIONS: dict[str, list[Any]] = {
    "limit": [0, -1, 1001, True, "5", 2.5, None, math.nan, HUGE],
    "offset": [-1, 10_001, True, "0", 0.5, None],
    "kinds": ["semantic", ["fact"], 5, [5], [["semantic"]]],
    "namespaces": ["team/**", 5, [5], [""]],
    "session": ["", 5, "\ud800"],
    "min_importance": [2, -1, math.nan, "x", True],
    "min_similarity": [2, -1.1, math.nan, "x", True],
    "recency_weight": [2, -1, math.nan, "x", True],
    "importance_weight": [2, -1, math.nan, "x"],
    "half_life": ["soon", 0, timedelta(0), timedelta(-1), 5],
    "degrade": ["", "maybe", 5, True],
    "where": ["x", 5, ["x"], [("agent", "ana")]],
}
ASKED = [
    pytest.param(name, value, id=f"{name}-{number}")
    for name, values in QUESTIONS.items()
    for number, value in enumerate(values)
]


@pytest.mark.parametrize(("name", "value"), ASKED)
def test_recalls(world, name, value):
    refused(world, lambda: world.agent.recall("what?", **{name: value}))
    if name != "offset":
        refused(world, lambda: world.agent.context("what?", **{name: value}))


@pytest.mark.parametrize("query", ["", "  ", None, 5, b"x", "a\x00", "\ud800", ["x"]], ids=repr)
def test_queries(world, query):
    refused(world, lambda: world.agent.recall(query), says="query")
    refused(world, lambda: world.agent.context(query), says="query")


@pytest.mark.parametrize("budget", [0, -5, True, "100", 10.5, None, math.inf], ids=repr)
def test_budgets(world, budget):
    refused(world, lambda: world.agent.context("what?", budget=budget), says="budget")


@pytest.mark.parametrize("limit", [0, -1, 10_001, True, "5", 2.5, None], ids=repr)
def test_page_sizes(world, limit):
    refused(world, lambda: world.agent.list(limit=limit), says="limit")
    refused(world, lambda: world.agent.facets("kind", limit=limit), says="limit")


@pytest.mark.parametrize(
    "order", ["", "text", "-text", "--created_at", "number", "created_at desc", 5, None, []], ids=repr
)
def test_orders(world, order):
    refused(world, lambda: world.agent.list(order_by=order), says="order_by is one of created_at")


@pytest.mark.parametrize("field", ["", "text", "id", "metadata.n", 5, None, ["kind"], "number"], ids=repr)
def test_facets(world, field):
    refused(world, lambda: world.agent.facets(field), says="namespace, agent, user")


CURSORS: dict[str, Any] = {
    "a number": 5,
    "empty": "",
    "not base64": "%%%",
    "not ASCII": "é",
    "a lone surrogate": "\ud800",
    "not JSON": base64.urlsafe_b64encode(b"{").decode(),
    "nested": base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    "too short": cursor("-created_at", 1),
    "too long": cursor("-created_at", 1, 1, 1),
    "of another order": cursor("created_at", 1, 1),
    "a string for a time": cursor("-created_at", "x", 1),
    "a list for a time": cursor("-created_at", [], 1),
    "not a number": cursor("-created_at", math.nan, 1),
    "an infinite place": cursor("-created_at", 1, math.inf),
    "a huge time": cursor("-created_at", 10**30, 1),
    "a huge place": cursor("-created_at", 1, 10**30),
}


@pytest.mark.parametrize("after", CURSORS.values(), ids=CURSORS)
def test_cursors(world, after):
    refused(world, lambda: world.agent.list(after=after))


FILTERS: dict[str, Any] = {
    "a string": "agent",
    "a list": [{"agent": "ana"}],
    "a key that is no string": {1: 2},
    "an unknown field": {"colour": "red"},
    "metadata as a whole": {"metadata": {"n": 1}},
    "an empty metadata path": {"metadata.": 1},
    "an unquoted dot": {"metadata.a..b": 1},
    "an unknown operator": {"agent": {"$regex": ".*"}},
    "an unknown operator between fields": {"$nor": [{"agent": "ana"}]},
    "an operator without a dollar": {"agent": {"in": ["ana"]}},
    "an empty condition": {"agent": {}},
    "an empty $and": {"$and": []},
    "an $or that is no list": {"$or": {"agent": "ana"}},
    "a $not that is no filter": {"$not": "ana"},
    "a text against a number": {"importance": "high"},
    "a flag against a number": {"importance": True},
    "a number against a text": {"agent": 5},
    "bytes": {"agent": b"ana"},
    "a list against a text": {"agent": ["ana"]},
    "an $in that is no list": {"agent": {"$in": "ana"}},
    "an $in with a wrong type": {"agent": {"$in": ["ana", 5]}},
    "an $exists that is no flag": {"agent": {"$exists": 1}},
    "an order on texts": {"agent": {"$gt": "ana"}},
    "an order on a list": {"tags": {"$gt": 1}},
    "a $contains on a text field": {"agent": {"$contains": "an"}},
    "an empty $contains": {"text": {"$contains": ""}},
    "a naive time": {"created_at": {"$gte": datetime(2026, 5, 4)}},  # noqa: DTZ001
    "a date": {"created_at": "2026-05-04"},
    "NaN": {"importance": {"$gt": math.nan}},
    "infinity": {"metadata.n": math.inf},
    "an object in metadata": {"metadata.n": {"$eq": {"a": 1}}},
    "a huge number": {"importance": HUGE},
    "a huge number in an order": {"importance": {"$gt": HUGE}},
    "a version over 64 bits": {"version": {"$gt": 2**70}},
    "metadata over 64 bits in an order": {"metadata.n": {"$gt": 2**70}},
    "a lone surrogate": {"agent": "\ud800"},
    "a lone surrogate as an id": {"id": "\ud800"},
    "a lone surrogate as a tag": {"tags": {"$contains": "\ud800"}},
    "a lone surrogate in metadata": {"metadata.n": "\ud800"},
    "a lone surrogate in a path": {"metadata.\ud800": 1},
    "a lone surrogate in a text": {"text": {"$contains": "\ud800"}},
}


@pytest.mark.parametrize("where", FILTERS.values(), ids=FILTERS)
def test_filters(world, where):
    agent = world.agent
    for call in (
        lambda: agent.list(where),
        lambda: agent.count(where),
        lambda: agent.facets("kind", where),
        lambda: agent.recall("what?", where=where),
        lambda: agent.context("what?", where=where),
        lambda: agent.forget(where=where),
        lambda: agent.forget(where=where, dry_run=True),
        lambda: agent.forget(where={"agent": "ana", "$or": [{"agent": "ana"}, where]}),
    ):
        refused(world, call, InvalidFilter)


def test_a_filter_that_is_too_long_or_too_deep_is_not_a_damaged_store(world):
    deep: dict[str, Any] = {"agent": "ana"}
    for _ in range(100):
        deep = {"$not": deep}
    for where in (deep, {"$and": [{"agent": "ana"}] * 3000}, {"$or": [{"tags": "t"}] * 3000}):
        with contextlib.suppress(InvalidFilter):
            assert world.agent.count(where) in {0, 1}


# --- ids and handles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "id", ["", "  ", None, 5, b"x", "a\x00", "\ud800", "x" * 513, ["note"]], ids=lambda i: f"{i!r:.20}"
)
def test_ids(world, id):
    for call in (
        lambda: world.agent.get(id),
        lambda: world.agent.history(id),
        lambda: world.agent.revise(id, importance=1),
    ):
        refused(world, call, says="id")
    refused(world, lambda: world.agent.forget(id))
    refused(world, lambda: world.agent.forget(id, dry_run=True))


@pytest.mark.parametrize("forgotten", [None, 5, b"x", ["x"], "\ud800", "a\x00", ""], ids=repr)
def test_what_cannot_be_undone(world, forgotten):
    refused(world, lambda: world.agent.undo(forgotten), TransactiveError)
    refused(world, lambda: world.team.undo(forgotten), TransactiveError)


def test_a_dry_run_cannot_be_undone(world):
    shown = world.agent.forget("note", dry_run=True)
    refused(world, lambda: world.agent.undo(shown), says="dry run")


def test_forgetting_takes_an_id_or_a_filter(world):
    refused(world, world.agent.forget, says="one of the two")
    refused(world, lambda: world.agent.forget("note", where={"agent": "ana"}), says="one of the two")
    refused(world, lambda: world.agent.forget(where={}), says="not empty")


def test_revising_changes_something(world):
    refused(world, lambda: world.agent.revise("note"), says="text=")
    for version in (0, -1, "1", True, 1.5, HUGE):
        refused(world, partial(world.agent.revise, "note", importance=1, expected_version=version), says="version")


NAMES: list[Any] = ["", "  ", None, 5, b"ana", "*", "owner", "group:red", "a\x00", "a\nb", "\ud800", "x" * 201]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: f"{name!r:.20}")
def test_agent_names(world, name):
    refused(
        world,
        lambda: world.team.agent(name),
        says="reserved" if name in {"*", "owner", "group:red"} else "agent's name",
    )
    refused(world, lambda: world.team.groups.set("red", ["ana", name]))
    if name not in {"*", "group:red"}:
        refused(world, lambda: world.team.grant(name, "a", "read"))
        refused(world, lambda: world.team.revoke(name, "a"))
        if name is not None:
            refused(world, lambda: world.team.grants(name))


@pytest.mark.parametrize("name", ["😀" * 60, " " * 100 + "x" + " " * 99, "é/" * 100], ids=lambda name: f"{name:.6}")
def test_an_agent_that_has_a_handle_can_name_its_own_namespace(world, name):
    with contextlib.suppress(InvalidInput):  # a name that is too long is refused as such
        agent = world.team.agent(name)
        assert agent.remember("named", namespace=agent.namespace).namespace == agent.namespace
        assert agent.count({"namespace": agent.namespace}) == 1


@pytest.mark.parametrize("what", ["user", "session", "app"])
@pytest.mark.parametrize("value", ["", " ", 5, b"x", "a\x00", "\ud800", "x" * 513], ids=lambda value: f"{value!r:.20}")
def test_what_a_handle_is_bound_to(world, what, value):
    refused(world, lambda: world.team.agent("ana", **{what: value}), says=what)


# --- handles, sessions and waiting ------------------------------------------------------------------------------------

USERS: list[Any] = ["", " ", 5, b"x", [], {}, {"a"}, "a\x00", "\ud800", "x" * 513]


@pytest.mark.parametrize("user", USERS, ids=lambda user: f"{user!r:.20}")
def test_whom_a_session_is_about(world, user):
    for handle in (world.agent, world.team.agent("ana", user="cust_1")):
        refused(world, partial(handle.session, user=user), says="a user")
        refused(world, partial(handle.sessions, user=user), says="a user")


@pytest.mark.parametrize("session", USERS, ids=lambda s: f"{s!r:.20}")
def test_in_which_session_is_observed(world, session):
    for said in ("hello", {"role": "user", "content": "hello", "id": "1"}):
        refused(world, partial(world.agent.observe, [said], session=session), says="a session")


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_where_is_observed(world, path):
    for said in ("hello", {"role": "user", "content": "hello", "id": "1"}):
        refused(world, partial(world.agent.observe, [said], namespace=path), InvalidNamespace, says="namespace")


@pytest.mark.parametrize("timeout", [math.nan, -1, -math.inf, -HUGE, "soon", True, [5], 1j], ids=lambda t: f"{t!r:.20}")
def test_how_long_to_wait(world, timeout):
    refused(world, lambda: world.agent.wait(timeout), says="timeout is a number of seconds")


@pytest.mark.parametrize("progress", [None, 5, "", [], object()], ids=lambda p: f"{p!r:.10}")
def test_how_progress_is_told(world, progress):
    refused(world, lambda: world.agent.remember_many(["fine"], progress=progress), says="progress is")


@pytest.mark.parametrize("counter", [5, "len", [5], True], ids=repr)
def test_how_tokens_are_counted(world, counter):
    refused(world, lambda: world.agent.context("what?", count_tokens=counter), says="count_tokens is")


# --- grants, groups, policies -----------------------------------------------------------------------------------------

GRANTS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "no right": (("ana", "a"), {}),
    "an unknown right": (("ana", "a", "delete"), {}),
    "a list of rights": (("ana", "a", ["read", "write"]), {}),
    "a number": (("ana", "a", 5), {}),
    "an empty group": (("group:", "a", "read"), {}),
    "an unknown clearance": (("ana", "a", "read"), {"clearance": "secret"}),
    "a clearance that is no text": (("ana", "a", "read"), {"clearance": ["public"]}),
    "a naive start": (("ana", "a", "read"), {"valid_from": datetime(2026, 5, 4)}),  # noqa: DTZ001
    "a naive end": (("ana", "a", "read"), {"valid_until": datetime(2026, 5, 4)}),  # noqa: DTZ001
    "a date as text": (("ana", "a", "read"), {"valid_until": "2026-05-04"}),
    "an end before the start": (("ana", "a", "read"), {"valid_from": START, "valid_until": START - timedelta(1)}),
    "an end at the start": (("ana", "a", "read"), {"valid_from": START, "valid_until": START}),
}


@pytest.mark.parametrize(("arguments", "options"), GRANTS.values(), ids=GRANTS)
def test_grants(world, arguments, options):
    refused(world, lambda: world.team.grant(*arguments, **options))


def test_rights_to_revoke(world):
    world.team.grant("ana", "a", "read")
    for right in ("delete", 5, ["read"], None):
        refused(world, partial(world.team.revoke, "ana", "a", right), says="read, write")
    assert world.team.revoke("ana", "a") == 1


@pytest.mark.parametrize("name", ["", " ", 5, None, "a\x00", "\ud800", "x" * 201], ids=lambda name: f"{name!r:.20}")
def test_group_names(world, name):
    refused(world, lambda: world.team.groups.set(name, ["ana"]), says="group")
    refused(world, lambda: world.team.groups.remove(name), says="group")
    refused(world, lambda: world.team.groups.get(name), says="group")


@pytest.mark.parametrize("members", ["ana", b"ana", None, 5, [5], [None], [["ana"]]], ids=repr)
def test_group_members(world, members):
    refused(world, lambda: world.team.groups.set("red", members))
    assert world.team.groups.get("red") == ["ana"]


POLICIES: list[dict[str, Any]] = [
    {"decay": "slow"},
    {"decay": 5},
    {"decay": ["none"]},
    {"half_life": "soon"},
    {"half_life": 0},
    {"half_life": timedelta(0)},
    {"half_life": "0d"},
    {"half_life": "-1d"},
    {"half_life": True},
    {"ttl": "1 day"},
    {"ttl": timedelta(-1)},
    {"ttl": ""},
    {"recency_weight": 2},
    {"recency_weight": math.nan},
    {"recency_weight": True},
    {"recency_weight": "x"},
    {"importance_weight": -0.1},
]


@pytest.mark.parametrize("values", POLICIES, ids=repr)
def test_policies(world, values):
    refused(world, lambda: world.team.namespaces.configure("a", Policy(**values)), says=next(iter(values)))


@pytest.mark.parametrize("policy", [None, {"ttl": "1h"}, "exponential", Policy], ids=repr)
def test_what_is_no_policy(world, policy):
    refused(world, lambda: world.team.namespaces.configure("a", policy), says="Policy")


def test_a_namespace_that_is_not_there_cannot_be_deleted(world):
    refused(world, lambda: world.team.namespaces.delete("nowhere"), NotFound, says="'nowhere'")
    refused(world, lambda: world.team.namespaces.delete("nowhere", dry_run=True), NotFound)


# --- the audit and conflicts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "actions",
    ["", "\ud800", "a\x00", ["\ud800"], ["forget", 5], [["forget"]], [None], b"forget", 5, {"forget"}],
    ids=repr,
)
def test_actions_of_the_audit(world, actions):
    refused(world, lambda: world.team.audit.list(actions=actions), says="action")


@pytest.mark.parametrize(
    "path",
    [None, 5, True, b"audit", [], {"audit"}, "", ".", "a\x00b", "\ud800", "x" * 5000, "x/" * 5000, "~nobody at home/x"],
    ids=lambda path: f"{path!r:.20}",
)
def test_where_the_audit_can_be_exported_to(world, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    refused(world, lambda: world.team.audit.export(path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [[], {}, {"a"}, 5, "", "nobody"], ids=repr)
def test_what_is_kept_of_a_conflict(world, keep):
    team = world.team
    conflict = Conflict(first=team.get(world.note), second=team.list({"agent": "ben"})[0], reasons=(), similarity=1.0)
    refused(world, lambda: team.resolve(conflict, keep=keep), says="keep= is the id")


# --- opening ----------------------------------------------------------------------------------------------------------

OPTIONS: list[dict[str, Any]] = [
    {"index": "qdrant"},
    {"index": 5},
    {"durability": "none"},
    {"degrade": "maybe"},
    {"degrade": None},
    {"language": "klingon"},
    {"language": 5},
    {"shared": ""},
    {"shared": "a/*"},
    {"shared": 5},
    {"index_fields": ["metadata.n"]},
    {"index_fields": {"n": "number"}},
    {"index_fields": {"metadata.n": "float"}},
    {"index_fields": {"metadata.n": ["number"]}},
    {"index_fields": {"metadata.": "number"}},
    {"build_at": "many"},
    {"build_at": -1},
    {"embedder": 5},
    {"embedder": ""},
    {"embedder": "nonsense"},
    {"embedder": "fastembed:"},
    {"embedder": lambda texts: [1.0]},
    {"embedder": lambda texts: []},
    {"embedder": lambda texts: 1 / 0},
    {"clock": 5},
    {"clock": lambda: datetime(2026, 5, 4)},  # noqa: DTZ001
    {"clock": lambda: 1_777_000_000},
]


@pytest.mark.parametrize("options", OPTIONS, ids=[f"{next(iter(o))}-{n}" for n, o in enumerate(OPTIONS)])
def test_options_of_open(tmp_path, options):
    with pytest.raises(InvalidInput):
        opened(tmp_path, **options).close()
    with opened(tmp_path) as team:  # neither locked nor spoiled by the attempt
        team.agent("ana").remember("fine")
        assert team.count() == 1


def test_where_a_store_can_be(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a store")
    wrong: list[Any] = [file, file / "below", "", 5, None, "a\x00b", "postgresql://host/db"]
    for path in wrong:
        with pytest.raises(InvalidInput):
            opened(path)
    assert file.read_text() == "not a store"


# --- models -----------------------------------------------------------------------------------------------------------

VECTORS: dict[str, Callable[[list[str]], Any]] = {
    "raises": lambda texts: 1 / 0,
    "too few": lambda texts: [],
    "another width": lambda texts: [[1.0]] * len(texts),
    "NaN": lambda texts: [[math.nan] * 8] * len(texts),
    "infinite": lambda texts: [[math.inf] * 8] * len(texts),
    "ragged": lambda texts: [[1.0] * (9 + n) for n, _ in enumerate(texts)],
    "words": lambda texts: [["a"] * 8] * len(texts),
    "repeats what it was given": lambda texts: [float(text) for text in texts],
}


@pytest.mark.parametrize("answer", VECTORS.values(), ids=VECTORS)
def test_a_model_that_fails_writes_nothing_and_quotes_nothing(answer):
    broken = False

    def model(texts: list[str]) -> Any:
        return answer(texts) if broken else small_embedder(texts)

    with opened(embedder=model) as team:
        world = World(team, team.agent("ana"), team.agent("ana").remember("fine").uid)
        broken = True
        refused(world, lambda: world.agent.remember(SECRET), EmbeddingFailed)
        refused(world, lambda: world.agent.remember_many(["fine", SECRET]), EmbeddingFailed)
        refused(world, lambda: world.agent.revise(world.note, text=SECRET), EmbeddingFailed)
        refused(world, lambda: world.agent.recall("what?"), EmbeddingFailed)


# --- and what only looks like nonsense --------------------------------------------------------------------------------


class Colour(str, Enum):  # noqa: UP042  # a StrEnum prints as its value: that would be no test
    """A string with a name, as JSON has none."""

    RED = "red"


def test_what_is_unusual_and_right_is_kept_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as team:
        ana = team.agent("Ana  Ünal/QA 東京")
        text = "x" * (1 << 20)
        assert ana.get(ana.remember(text).id).text == text
        odd = ana.remember(
            "  'quoted' \"; DROP TABLE memories; -- \u202e\u2028 e\u0301 🧑‍🚒\r\n",
            id="a/b c",
            tags=("b", "a", "b"),
            metadata={"": {"a.b": [None, True, 1, 1.0, 2**63 - 1, -(2**63)]}, "at": START, "colour": Colour.RED},
            importance=1,
            created_at=datetime.min.replace(tzinfo=UTC),
            ttl=timedelta.max,
        )
        kept = ana.get("a/b c")
        assert kept == odd
        assert kept.text == "  'quoted' \"; DROP TABLE memories; -- \u202e\u2028 e\u0301 🧑‍🚒\r\n"
        assert kept.tags == ("b", "a")
        assert kept.metadata == {
            "": {"a.b": [None, True, 1, 1.0, 2**63 - 1, -(2**63)]},
            "at": START.isoformat(),
            "colour": "red",
        }
        assert kept.expires_at is None, "a time to live beyond the year 9999 never ends"
        assert json.loads(json.dumps(kept.metadata)) == kept.metadata
