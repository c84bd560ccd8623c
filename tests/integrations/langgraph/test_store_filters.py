"""What a store's filter means."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("langgraph")

from langgraph.store.base import PutOp

from tests.team.stores import opened
from transactive import TeamMemory
from transactive.errors import InvalidFilter
from transactive.testing import HashEmbedder
from transactive_integrations.langgraph import TransactiveStore

DOCUMENTS: dict[str, dict[str, Any]] = {
    "d1": {
        "color": "red",
        "score": 4.5,
        "count": 3,
        "active": True,
        "meta": {"lang": "en", "level": 1},
        "tags": ["x", "y"],
        "when": "2024-01-01T00:00:00+00:00",
    },
    "d2": {
        "color": "blue",
        "score": 3.0,
        "count": 10,
        "active": False,
        "meta": {"lang": "fr", "level": 2},
        "tags": ["y"],
        "when": "2024-06-01T02:00:00+02:00",
    },
    "d3": {
        "color": "red",
        "score": 5.0,
        "count": 1,
        "active": True,
        "meta": {"lang": "en", "level": 3},
        "tags": ["y", "x"],
        "when": "2025-01-01T00:00:00+00:00",
        "note": None,
    },
    "d4": {"color": "green", "score": 1, "count": 1.0, "active": False, "meta": {"lang": "de", "level": 1}, "tags": []},
}
ALL = set(DOCUMENTS)

CASES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, ALL),
    ({"color": "red"}, {"d1", "d3"}),
    ({"color": {"$eq": "blue"}}, {"d2"}),
    ({"color": {"$ne": "red"}}, {"d2", "d4"}),
    ({"color": "purple"}, set()),
    ({"color": {}}, set()),
    ({"score": {"$gt": 4.0}}, {"d1", "d3"}),
    ({"score": {"$gte": 4.5}}, {"d1", "d3"}),
    ({"score": {"$lt": 3.0}}, {"d4"}),
    ({"score": {"$lte": 3}}, {"d2", "d4"}),
    ({"score": {"$gt": 2, "$lt": 5}}, {"d1", "d2"}),
    ({"score": {"$gt": "4"}}, {"d1", "d3"}),
    ({"score": {"$gt": " 4.5e0 "}}, {"d3"}),
    ({"score": {"$gt": 10**30}}, set()),
    ({"color": {"$gt": 1}}, set()),  # a text is not compared with a number
    ({"active": {"$gte": 0}}, set()),
    ({"count": 1}, {"d3", "d4"}),  # 1 is 1.0
    ({"count": True}, set()),  # and True is not 1
    ({"active": 1}, set()),
    ({"active": True}, {"d1", "d3"}),
    ({"active": False, "color": "green"}, {"d4"}),
    # An object is in the field's own …
    ({"meta": {"lang": "en"}}, {"d1", "d3"}),
    ({"meta": {"lang": "en", "level": 3}}, {"d3"}),
    ({"meta": {"level": {"$gte": 2}}}, {"d2", "d3"}),
    ({"meta": {"lang": {"$ne": "en"}, "level": {"$lt": 2}}}, {"d4"}),
    ({"meta": {}}, ALL),
    ({"meta": {"missing": {"$ne": 1}}}, set()),
    # … and equal to it only as a whole; so is a list, with its order.
    ({"meta": {"$eq": {"lang": "en", "level": 1.0}}}, {"d1"}),
    ({"meta": {"$eq": {"lang": "en"}}}, set()),
    ({"meta": {"$ne": {"lang": "fr", "level": 2.0}}}, {"d1", "d3", "d4"}),
    ({"meta": {"$eq": {}}}, set()),
    ({"tags": ["y"]}, {"d2"}),
    ({"tags": ["x", "y"]}, {"d1"}),
    ({"tags": ("y", "x")}, {"d3"}),
    ({"tags": []}, {"d4"}),
    ({"tags": "y"}, set()),
    ({"tags": {"$eq": "x"}}, set()),
    ({"tags": {"$ne": ["y"]}}, {"d1", "d3", "d4"}),
    ({"tags": {"$ne": "y"}}, ALL),  # no list is a text
    # A missing field fulfils nothing; null is a value.
    ({"note": None}, {"d3"}),
    ({"note": {"$ne": "x"}}, {"d3"}),
    ({"note": {"$ne": None}}, set()),
    ({"color": {"$ne": None}}, ALL),
    ({"missing": {"$ne": 1}}, set()),
    ({"missing": {"$gt": 1}}, set()),
    ({"missing": None}, set()),
    ({"when": {"$gte": "2024-06-01T00:00:00Z"}}, {"d2", "d3"}),
    ({"when": {"$lt": datetime(2024, 3, 1, tzinfo=UTC)}}, {"d1"}),
    ({"when": "2024-01-01T00:00:00+00:00"}, {"d1"}),
    ({"when": {"$ne": "2024-01-01T00:00:00+00:00"}}, {"d2", "d3"}),
]


@pytest.fixture(scope="module")
def store() -> Iterator[TransactiveStore]:
    with opened(embedder=HashEmbedder()) as team:
        store = TransactiveStore(team.agent("planner"))
        store.batch([PutOp(("docs",), key, {**value, "text": "a few words"}) for key, value in DOCUMENTS.items()])
        store.put(("other",), "d1", DOCUMENTS["d1"])
        yield store


@pytest.mark.parametrize(
    ("filter", "expected"), CASES, ids=lambda value: str(sorted(value) if isinstance(value, set) else value)
)
def test_a_filter_lets_through(store: TransactiveStore, filter: dict[str, Any], expected: set[str]) -> None:
    assert {item.key for item in store.search(("docs",), filter=filter)} == expected
    found = store.search(("docs",), query="a few words", filter=filter)
    assert {item.key for item in found} == expected
    assert all(item.score is not None for item in found)


@pytest.mark.parametrize(
    ("filter", "what"),
    [
        ({"a": {"$in": [1]}}, "unknown operator '\\$in'"),
        ({"a": {"$regex": "x"}}, "unknown operator"),
        ({"a": {"$not": {"$eq": 1}}}, "unknown operator"),
        ({"a": {"$gt": 1, "b": 2}}, "unknown operator 'b'"),
        ({"$and": [{"a": 1}]}, "names of fields"),
        ({"$or": [{"a": 1}]}, "names of fields"),
        ({"a": {"b": {"$exists": True}}}, "unknown operator"),
        ({1: "one"}, "names of fields"),
        ({"a": {"$gt": "high"}}, "finite number or a time"),
        ({"a": {"$gt": "2024-06-01"}}, "finite number or a time"),
        ({"a": {"$gt": True}}, "finite number or a time"),
        ({"a": {"$gt": None}}, "finite number or a time"),
        ({"a": {"$lt": float("inf")}}, "finite number or a time"),
        ({"a": {"$lt": float("nan")}}, "finite number or a time"),
        ({"a": {"$lt": datetime(2024, 1, 1)}}, "finite number or a time"),  # noqa: DTZ001 - naive on purpose
        ({"a": float("nan")}, "JSON"),
        ({"a": {1, 2}}, "JSON"),
        ({"a": {"$eq": b"x"}}, "JSON"),
        ("color", "a filter is a dict"),
    ],
    ids=str,
)
def test_what_the_contract_does_not_know_is_an_error(store: TransactiveStore, filter: Any, what: str) -> None:
    for query in (None, "words"):
        with pytest.raises(InvalidFilter, match=what):
            store.search(("docs",), query=query, filter=filter)


KEYS = ["dotted.key", "with space", "", '"', "\\", "a\n", "[0]", "é", "a.b.c", "\ud800", "*", "value", "=?"]


@pytest.mark.parametrize("key", KEYS, ids=ascii)
def test_a_key_is_taken_as_it_is_written(team: TeamMemory, key: str) -> None:
    store = TransactiveStore(team.agent("planner"))
    store.put(("docs",), "it", {key: 1, "text": "words"})
    store.put(("docs",), "nested", {"dotted": {"key": 1}, "a": {"b": {"c": 1}}, "text": "words"})
    for query in (None, "words"):
        assert [i.key for i in store.search(("docs",), query=query, filter={key: 1})] == ["it"]
        assert {i.key for i in store.search(("docs",), query=query, filter={key: {"$gte": 1}})} == {"it"}
        assert [i.key for i in store.search(("docs",), query=query, filter={key: 2})] == []
    assert [i.key for i in store.search(("docs",), filter={"a": {"b": {"c": 1}}})] == ["nested"]


def test_a_filter_holds_before_the_limit(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))
    store.batch(
        [PutOp(("n",), f"{i:03d}", {"text": "the same words", "n": i, "tags": ["x"] * (i % 2)}) for i in range(200)]
    )
    cases: list[tuple[dict[str, Any], set[int]]] = [
        ({"n": {"$gte": 197}}, {197, 198, 199}),
        ({"n": 5}, {5}),
        ({"tags": ["x"], "n": {"$lt": 4}}, {1, 3}),
    ]
    for filter, expected in cases:
        for query in (None, "the same words"):
            assert {i.value["n"] for i in store.search(("n",), query=query, filter=filter, limit=3)} == expected
    assert len(store.search(("n",), query="the same words", filter={"tags": "x"}, limit=3)) == 0
    assert len(store.search(("n",), query="the same words", filter={"tags": {"$ne": "x"}}, limit=150)) == 150


def test_what_only_the_value_itself_can_tell_holds_before_the_limit_too(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))
    listed = [PutOp(("n",), f"list{i}", {"text": "the very same words", "tags": ["x"]}) for i in range(60)]
    plain = [PutOp(("n",), f"text{i}", {"text": "a few words", "tags": "x"}) for i in range(12)]
    store.batch([op for i, op in enumerate(listed) for op in (op, *plain[i : i + 1])])
    for query in (None, "the very same words"):
        for limit in (1, 5, 12, 20):
            found = store.search(("n",), query=query, filter={"tags": "x"}, limit=limit)
            assert len({item.key for item in found}) == min(limit, 12)
            assert all(item.value["tags"] == "x" and (item.score is not None) == (query is not None) for item in found)


def test_more_than_a_filter_can_see_in_the_index_is_found_all_the_same(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))
    store.put(("n",), "large", {"text": "words " * 20_000, "meta": {"kind": "large"}, "kind": "large", "big": 2**70})
    for filter in ({"kind": "large"}, {"meta": {"kind": "large"}}, {"big": 2**70}, {"big": {"$gt": 2**69}}):
        assert [i.key for i in store.search(("n",), filter=filter)] == ["large"], filter
        assert [i.key for i in store.search(("n",), query="words", filter=filter)] == ["large"], filter
