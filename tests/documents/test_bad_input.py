"""Nonsense is refused with an error of ours that says what would be right, and nothing is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.documents.rooms import HOME, everything
from tests.team.stores import opened
from tests.team.test_bad_input import FILTERS, PATHS, SECRET, cyclic, nested
from transactive import Agent, TeamMemory
from transactive.errors import EmbedderMismatch, InvalidFilter, InvalidInput, InvalidNamespace, TransactiveError
from transactive.records import NewDocument

HUGE = 10**400


class Room(NamedTuple):
    """A store with a document in it."""

    team: TeamMemory
    agent: Agent


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with opened() as team:
        agent = team.agent("ana")
        agent.documents.put(HOME, "note", {"t": SECRET, "n": 1}, index=True, ttl="1h")
        yield Room(team, agent)


def refused(
    room: Room,
    call: Callable[[], object],
    kind: type[TransactiveError] | tuple[type[TransactiveError], ...] = InvalidInput,
    says: str = "",
) -> None:
    """The call raises this error, which says this and never what a document holds, and the ledger is as it was."""
    before = everything(room.team)
    with pytest.raises(kind) as caught:
        call()
    assert everything(room.team) == before
    message = str(caught.value)
    assert says in message
    assert SECRET not in message
    assert 10 < len(message) < 700, message


def numbered(cases: dict[str, tuple[str, list[Any]]]) -> list[Any]:
    return [
        pytest.param(name, value, says, id=f"{name}-{number}")  # values are too odd to be printed
        for name, (says, values) in cases.items()
        for number, value in enumerate(values)
    ]


FIELDS: dict[str, tuple[str, list[Any]]] = {
    "key": ("key", [None, 5, b"k", ["k"], ("k",), "k" * 4097, "\ud800" * 4097]),
    "value": (
        "value",
        [
            math.nan,
            [math.inf],
            {"a": {"b": [-math.inf]}},
            b"bytes",
            {"a": b"bytes"},
            {1, 2},
            object(),
            datetime(2026, 5, 4),  # noqa: DTZ001
            timedelta(1),
            1j,
            {1: "a"},
            {None: 1},
            {True: 1},
            {("a",): 1},
            {"a": {5: 1}},
            10**5000,
            nested(64),
            nested(5_000),
            cyclic(),
            [cyclic()],
            iter("ab"),
            "v" * ((1 << 24) + 1),
        ],
    ),
    "data": ("data", ["text", 5, [1, 2], ["a"], object(), bytearray]),
    "index": (
        "",
        [
            None,
            5,
            "title",
            b"title",
            {"title": 1},
            [5],
            [None],
            [b"title"],
            [["title"]],
            [""],
            ["a..b"],
            ["a["],
            ["title", "a]"],
            ["a[" + "1" * 5_000 + "]"],
        ],
    ),
    "text": ("text", [5, b"text", ["text"], True]),
    "ttl": ("ttl", ["", "soon", "5", "-5m", "0s", 5, 5.0, timedelta(0), timedelta(-1), math.nan, True]),
    "user": ("user", ["", "  ", 5, b"x", "a\x00", "\ud800", "x" * 513]),
    "sensitivity": ("public, internal", ["secret", "", 1, ["public"], {}]),
    "vector": ("vector", ["text", 5j, {}, object(), [None] * 8, [math.nan] * 8, [math.inf] * 8, [HUGE] * 8, ["a"] * 8]),
}


@pytest.mark.parametrize(("name", "value", "says"), numbered(FIELDS))
def test_fields(room, name, value, says):
    given: dict[str, Any] = {"key": "note", "index": True, "text": None if name == "index" else SECRET} | {name: value}
    documents = room.agent.documents
    kind = (InvalidInput, EmbedderMismatch) if name == "vector" else InvalidInput
    refused(room, lambda: documents.put(HOME, **given), kind, says=says)
    refused(room, lambda: documents.put(HOME, **{"key": "new", **given}), kind, says=says)
    batch = [NewDocument(key="one"), NewDocument(key="two"), NewDocument(**given)]
    refused(room, lambda: documents.put_many(batch), kind, says=says)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_namespaces_and_patterns(room, path):
    documents = room.agent.documents
    calls: list[Callable[[], object]] = [
        lambda: documents.put(path, "k"),
        lambda: documents.put_many([NewDocument(key="k")], namespace=path),
        lambda: documents.put_many([NewDocument(key="one"), NewDocument(key="k", namespace=path)]),
        lambda: documents.get(path, "k"),
        lambda: documents.get_many([(HOME, "note"), (path, "k")]),
        lambda: documents.delete(path, "k"),
        lambda: documents.delete_many([(HOME, "note"), (path, "k")]),
        lambda: documents.clear(path),
        lambda: documents.list(path),
        lambda: documents.count(path),
        lambda: documents.namespaces(path),
        lambda: documents.search("x", namespaces=["a", path]),
    ]
    for call in calls:
        refused(room, call, InvalidInput, says="namespace")


@pytest.mark.parametrize("pattern", ["*", "**", "a/*", "agents/**"])
def test_a_pattern_is_not_a_namespace(room, pattern):
    documents = room.agent.documents
    for call in (
        lambda: documents.put(pattern, "k"),
        lambda: documents.get(pattern, "note"),
        lambda: documents.delete(pattern, "note"),
    ):
        refused(room, call, InvalidNamespace, says="reserved")


@pytest.mark.parametrize("key", [None, 5, b"k", ["k"], "k" * 4097], ids=lambda key: f"{key!r:.10}")
def test_keys(room, key):
    documents = room.agent.documents
    for call in (
        lambda: documents.get(HOME, key),
        lambda: documents.get_many([(HOME, "note"), (HOME, key)]),
        lambda: documents.delete(HOME, key),
        lambda: documents.delete_many([(HOME, "note"), (HOME, key)]),
        lambda: documents.list(prefix=key),
        lambda: documents.count(prefix=key),
        lambda: documents.clear("**", prefix=key),
    ):
        refused(room, call, says="key")


@pytest.mark.parametrize(
    "names", [None, 5, "note", b"note", {"agents/ana": "note"}, ["note"], [("a",)], [("a", "b", "c")], [5], [None]]
)
def test_lists_of_keys(room, names):
    refused(room, lambda: room.agent.documents.get_many(names))
    refused(room, lambda: room.agent.documents.delete_many(names))


@pytest.mark.parametrize("items", ["text", b"bytes", None, 5, NewDocument(key="k"), {"key": "value"}], ids=repr)
def test_a_batch_is_a_list_of_documents(room, items):
    refused(room, lambda: room.agent.documents.put_many(items))


@pytest.mark.parametrize("item", [None, 5, "k", {"key": "k"}, ("k", 1), NewDocument], ids=repr)
def test_an_item_is_a_new_document(room, item):
    fine = NewDocument(key="fine")
    refused(room, lambda: room.agent.documents.put_many([fine, item, fine]), says="NewDocument")
    refused(room, lambda: room.agent.documents.put_many([*[fine] * 1_100, item]), says="NewDocument")


@pytest.mark.parametrize("user", ["", "  ", 5, b"x", "a\x00", "\ud800", "x" * 513], ids=lambda user: f"{user!r:.10}")
def test_users(room, user):
    documents = room.agent.documents
    for call in (
        lambda: documents.get(HOME, "note", user=user),
        lambda: documents.get_many([(HOME, "note")], user=user),
        lambda: documents.delete(HOME, "note", user=user),
        lambda: documents.delete_many([(HOME, "note")], user=user),
        lambda: room.agent.bind(user=user),
        lambda: room.agent.bind(session=user),
        lambda: room.agent.bind(app=user),
    ):
        refused(room, call)


LISTS: dict[str, list[Any]] = {
    "order_by": ["", "-", "text", "value", "--key", "key desc", "number", 5, None, []],
    "limit": [-1, True, "5", 2.5, math.nan, HUGE],
    "offset": [-1, True, "0", 0.5, None, HUGE],
}


@pytest.mark.parametrize(("name", "value", "says"), numbered({name: (name, v) for name, v in LISTS.items()}))
def test_lists(room, name, value, says):
    refused(room, lambda: room.agent.documents.list(**{name: value}), says=says)
    refused(room, lambda: room.agent.documents.list(**{name: value}, refresh=True), says=says)


SEARCHES: dict[str, list[Any]] = {
    "query": ["", "  ", 5, b"x", "a\x00", "\ud800", ["x"]],
    "vector_weight": [2, -0.1, math.nan, "x", True, [0.5], HUGE],
    "diversity": [2, -0.1, math.nan, "x", True, [0.5], HUGE],
    "candidates": [0, -1, True, "5", 2.5, 1_001, HUGE],
    "limit": [0, -1, 1001, True, "5", 2.5, None, HUGE],
    "offset": [-1, 10_001, True, "0", 0.5, None],
    "min_similarity": [2, -1.1, math.nan, "x", True],
    "degrade": ["", "maybe", 5, True],
    "namespaces": ["agents/**", 5, [5], [""]],
    "where": ["x", 5, ["x"], [("agent", "ana")]],
    "vector": ["text", object(), [math.nan] * 8, [math.inf] * 8, [HUGE] * 8, [1.0], [], [[1.0] * 8], [None] * 8],
}


@pytest.mark.parametrize(("name", "value", "says"), numbered({name: ("", v) for name, v in SEARCHES.items()}))
def test_searches(room, name, value, says):
    kind = (InvalidInput, EmbedderMismatch) if name == "vector" else InvalidInput
    given: dict[str, Any] = {"query": "what?", "diversity": 0.5} | {name: value}
    refused(room, lambda: room.agent.documents.search(**given), kind)
    refused(room, lambda: room.agent.documents.search(**given, refresh=True), kind)


def test_a_search_is_for_something(room):
    refused(room, room.agent.documents.search, says="query")
    refused(room, lambda: room.agent.documents.search(where={"value.n": 1}, limit=5), says="query")


def ours(where: Any) -> Any:
    """A filter on memories as one on documents."""
    if not isinstance(where, dict):
        return where
    return {key.replace("metadata", "value", 1) if isinstance(key, str) else key: v for key, v in where.items()}


FOREIGN = {name: {name: "x"} for name in ("id", "kind", "text", "tags", "session", "metadata.n", "key", "value", "uid")}
WHERE = {
    **{name: ours(where) for name, where in FILTERS.items()},
    **FOREIGN,
    "no path": {"value.": 1},
    "an unquoted dot": {"value.a..b": 1},
    "a broken quote": {'value."a': 1},
    "inside $and": {"$and": [{"value.n": 1}, {"metadata.n": 1}]},
    "inside $not": {"$not": {"kind": "document"}},
    "inside $or": {"$or": [{"value.n": {"$like": "x"}}]},
    "an $and that is no list": {"$and": {"value.n": 1}},
}


@pytest.mark.parametrize("where", WHERE.values(), ids=WHERE)
def test_filters(room, where):
    documents = room.agent.documents
    for call in (
        lambda: documents.list(where=where),
        lambda: documents.count(where=where),
        lambda: documents.namespaces(where=where),
        lambda: documents.clear("**", where=where),
        lambda: documents.search("what?", where=where),
    ):
        refused(room, call, InvalidFilter)


@pytest.mark.parametrize("depth", [20, 5_000])
@pytest.mark.parametrize("operator", ["$not", "$and", "$or", "field"])
def test_filters_that_are_too_deep(room, depth, operator):
    deep: Any = {"value.n": 1} if operator != "field" else 1
    for _ in range(depth):
        deep = {"$not": deep} if operator in {"$not", "field"} else {operator: [deep]}
    where = {"value.n": deep} if operator == "field" else deep
    for call in (
        lambda: room.agent.documents.list(where=where),
        lambda: room.agent.documents.clear("**", where=where),
        lambda: room.agent.documents.search("what?", where=where),
    ):
        refused(room, call, InvalidFilter)


def test_what_only_looks_like_nonsense(room):
    documents = room.agent.documents
    try:
        assert documents.put(HOME, "odd", {"": {"a": [None, 10**300]}}, index=["none", "a[99]"]).uid is None
        assert documents.list(where={'value.""': {"$exists": True}}, prefix="odd")
        assert documents.put(HOME, "odd", index=[], text=None, vector=None).version == 2
        assert documents.put(HOME, "odd", 1, index=("$",)).uid is not None
        assert documents.list("nowhere/at/all/**") == []
    finally:
        documents.delete(HOME, "odd")
