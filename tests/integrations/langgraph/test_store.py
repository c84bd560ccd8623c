"""The store as LangGraph documents it: items, batches and namespaces."""

from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

pytest.importorskip("langgraph")

from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchItem,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

from tests.team.stores import Clock
from transactive import TeamMemory
from transactive.errors import InvalidInput, InvalidNamespace
from transactive_integrations.langgraph import TransactiveStore

SECOND = timedelta(seconds=1)


@pytest.fixture
def store(team: TeamMemory) -> TransactiveStore:
    return TransactiveStore(team.agent("planner"))


def keys(items: Any) -> list[str]:
    return [item.key for item in items]


# --- items -----------------------------------------------------------------------------------------------------------


def test_an_item_is_put_replaced_and_deleted(store: TransactiveStore, clock: Clock) -> None:
    assert isinstance(store, BaseStore)
    place = ("test", "documents")
    store.put(place, "doc", {"title": "First", "n": 1})
    first = store.get(place, "doc")
    assert isinstance(first, Item)
    assert (first.namespace, first.key, first.value) == (place, "doc", {"title": "First", "n": 1})
    assert first.created_at == first.updated_at == clock.now
    clock.advance(SECOND)
    store.put(place, "doc", {"title": "Second"})
    second = store.get(place, "doc")
    assert second is not None
    assert second.value == {"title": "Second"}
    assert second.created_at == first.created_at
    assert second.updated_at == first.created_at + SECOND
    assert store.get(place, "other") is None
    assert store.get(("test",), "doc") is None
    store.delete(place, "doc")
    assert store.get(place, "doc") is None
    store.delete(place, "doc")


def test_values_are_copies_in_both_directions(store: TransactiveStore) -> None:
    value = {"list": [1, 2], "nested": {"a": 1}}
    store.put(("a",), "k", value)
    value["list"].append(3)  # type: ignore[attr-defined]
    first, second = store.batch([GetOp(("a",), "k"), GetOp(("a",), "k")])
    found = store.search(("a",))[0]
    for item in (first, found):
        item.value["nested"]["a"] = 99  # type: ignore[union-attr]
    kept = {"list": [1, 2], "nested": {"a": 1}}
    assert second.value == kept  # type: ignore[union-attr]
    assert store.get(("a",), "k").value == kept  # type: ignore[union-attr]
    assert store.search(("a",))[0].value == kept


def test_values_are_copies_where_reading_renews_them(store: TransactiveStore) -> None:
    store.put(("a",), "k", {"n": [1]}, ttl=5)
    first, second = store.batch([GetOp(("a",), "k"), GetOp(("a",), "k")])
    first.value["n"].append(2)  # type: ignore[union-attr]
    assert second.value == {"n": [1]}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "key",
    ["", " ", "a/b", "a.b", "a\nb", "\x00", "ключ", "🚀" * 100, "\ud800", "../..", "*", "x" * 4096, "é", "e\u0301"],
)
def test_any_string_is_a_key(store: TransactiveStore, key: str) -> None:
    store.put(("a",), key, {"key": "it"})
    store.put(("a",), ("'" + key)[:4096], {"key": "another"})
    item = store.get(("a",), key)
    assert item is not None
    assert (item.key, item.value) == (key, {"key": "it"})
    store.delete(("a",), key)
    assert store.get(("a",), key) is None


def test_values_hold_what_json_holds(store: TransactiveStore) -> None:
    value = {
        "t": (1, 2),
        "none": None,
        "deep": {"a": [{"b": [True, 0.1 + 0.2, -(2**70)]}]},
        "": "",
        "text": "\x00\ud800é",
    }
    store.put(("v",), "k", MappingProxyType(value))  # type: ignore[arg-type]
    assert store.get(("v",), "k").value == {**value, "t": [1, 2]}  # type: ignore[union-attr]
    assert list(store.get(("v",), "k").value) == list(value)  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [{"x": float("nan")}, {"x": {1, 2}}, {"x": b"bytes"}, {1: "a"}, ["a"], "text", 7])
def test_what_json_cannot_hold_refuses_the_whole_batch(store: TransactiveStore, value: Any) -> None:
    store.put(("v",), "kept", {"x": 1})
    with pytest.raises(InvalidInput):
        store.batch([PutOp(("v",), "kept", None), PutOp(("v",), "new", {"x": 2}), PutOp(("v",), "bad", value)])
    assert store.get(("v",), "kept").value == {"x": 1}  # type: ignore[union-attr]
    assert store.get(("v",), "new") is None


# --- batches ---------------------------------------------------------------------------------------------------------


def test_reads_see_what_was_there_before_the_batch(store: TransactiveStore) -> None:
    store.put(("test", "foo"), "one", {"data": "value1"})
    store.put(("test", "bar"), "two", {"data": "value2"})
    results = store.batch(
        [
            GetOp(("test", "foo"), "one"),
            PutOp(("test", "bar"), "two", {"data": "value1"}),
            SearchOp(("test",), filter={"data": "value1"}),
            PutOp(("test", "new"), "three", {"data": "value1"}),
            ListNamespacesOp(),
            PutOp(("test", "foo"), "one", None),
            GetOp(("test", "new"), "three"),
            GetOp(("test", "foo"), "one"),
        ]
    )
    assert len(results) == 8
    assert results[0].value == {"data": "value1"}  # type: ignore[union-attr]
    assert keys(results[2]) == ["one"]
    assert results[4] == [("test", "bar"), ("test", "foo")]
    assert results[7] == results[0]
    assert [results[i] for i in (1, 3, 5, 6)] == [None] * 4
    assert keys(store.search(("test",), filter={"data": "value1"})) in (["three", "two"], ["two", "three"])
    assert store.get(("test", "foo"), "one") is None


def test_the_last_put_of_a_key_wins(store: TransactiveStore) -> None:
    puts = [
        PutOp(("ns",), "k", {"v": 1}),
        PutOp(["ns"], "k", {"v": 2}),  # type: ignore[arg-type]
        PutOp(("ns",), "gone", {"v": 1}),
        PutOp(("ns",), "gone", None),
        PutOp(("ns",), "back", None),
        PutOp(("ns",), "back", {"v": 3}),
        PutOp(("other",), "k", {"v": 4}),
    ]
    assert store.batch(puts) == [None] * 7
    assert {(i.namespace, i.key): i.value["v"] for i in store.search(())} == {
        (("ns",), "k"): 2,
        (("ns",), "back"): 3,
        (("other",), "k"): 4,
    }


def test_two_items_of_one_text_in_one_batch(store: TransactiveStore) -> None:
    store.batch([PutOp(("a",), "1", {"t": "the same words"}), PutOp(("a",), "2", {"t": "the same words"})])
    assert set(keys(store.search(("a",), query="same words"))) == {"1", "2"}


def test_an_empty_batch_and_a_strange_one(store: TransactiveStore) -> None:
    assert store.batch([]) == []
    assert store.batch(op for op in [GetOp(("a",), "k")]) == [None]
    with pytest.raises(InvalidInput, match="a batch takes"):
        store.batch([("a", "k")])  # type: ignore[list-item]


# --- namespaces ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", [(), ("a.b",), ("the", "fun", ""), ("langgraph", "x"), ("a\x00",), (1,)])
def test_namespaces_that_langgraph_refuses(store: TransactiveStore, namespace: Any) -> None:
    with pytest.raises(InvalidNamespaceError):
        store.put(namespace, "k", {})


@pytest.mark.parametrize("namespace", [("a.b",), ("a", ""), ("a\x00b",), (7,), "abc"])
@pytest.mark.parametrize("make", [lambda n: GetOp(n, "k"), lambda n: PutOp(n, "k", {}), SearchOp])
def test_a_wrong_label_refuses_the_whole_batch(store: TransactiveStore, make: Any, namespace: Any) -> None:
    with pytest.raises(InvalidNamespaceError):
        store.batch([PutOp(("ok",), "k", {"v": 1}), make(namespace)])
    assert store.search(()) == []
    with pytest.raises(InvalidNamespaceError):
        store.batch([ListNamespacesOp(match_conditions=(MatchCondition("prefix", ("a.b",)),))])


def test_langgraphs_own_root_is_open_to_batches(store: TransactiveStore) -> None:
    store.batch([PutOp(("langgraph", "foo"), "bar", {"v": 1}), PutOp((), "top", {"v": 2})])
    assert keys(store.search(("langgraph",))) == ["bar"]
    assert store.get((), "top").value == {"v": 2}  # type: ignore[union-attr]
    assert store.list_namespaces() == [(), ("langgraph", "foo")]
    assert store.search(("langgraph", "foo"))[0].namespace == ("langgraph", "foo")


LABELS = [
    "a",
    "ab",
    "A",
    "with space",
    "100%_like",
    "%41",
    "a/b",
    "*",
    "**",
    "~",
    "日本語",
    "trailing\n",
    "é",
    "e\u0301",
    "\ud800",
    "café 🚀",
    "[x]",
    "null",
    '"',
    "\\",
    "\u2028",
    "ﬁ",
    "Å",
]


def test_every_label_is_itself_and_no_other(store: TransactiveStore) -> None:
    namespaces = [("user", label) for label in LABELS] + [(label, "x") for label in LABELS]
    store.batch([PutOp(namespace, "k", {"of": list(map(ascii, namespace))}) for namespace in namespaces])
    for namespace in namespaces:
        assert store.get(namespace, "k").value == {"of": list(map(ascii, namespace))}  # type: ignore[union-attr]
        assert [item.namespace for item in store.search(namespace)] == [namespace]
    assert store.list_namespaces(limit=1000) == sorted(namespaces)
    assert sorted(i.namespace for i in store.search(("user",), limit=100)) == sorted(("user", n) for n in LABELS)


def test_lists_are_namespaces_too(store: TransactiveStore) -> None:
    store.put(["a", "b"], "k", {"v": 1})  # type: ignore[arg-type]
    assert store.get(("a", "b"), "k") == store.get(["a", "b"], "k")  # type: ignore[arg-type]
    assert store.search(["a"])[0].namespace == ("a", "b")  # type: ignore[arg-type]
    assert store.list_namespaces(prefix=["a", "*"]) == [("a", "b")]  # type: ignore[arg-type]


def test_too_deep_or_too_long_is_an_error_of_ours(store: TransactiveStore) -> None:
    store.put(tuple("abcdefghijklm"), "k", {})
    for namespace in (tuple("abcdefghijklmn"), ("x" * 600,)):
        with pytest.raises(InvalidNamespace):
            store.put(namespace, "k", {})


def test_a_prefix_is_of_labels_not_of_letters(store: TransactiveStore) -> None:
    for place, key in ((("a", "b"), "1"), (("a", "bc"), "2"), (("a", "b", "c"), "3"), (("ab",), "4"), (("A",), "5")):
        store.put(place, key, {})
    assert set(keys(store.search(("a", "b")))) == {"1", "3"}
    assert set(keys(store.search(("a",)))) == {"1", "2", "3"}
    assert set(keys(store.search(()))) == {"1", "2", "3", "4", "5"}
    assert set(keys(store.search(("a", "b"), query="anything"))) == {"1", "3"}
    assert store.list_namespaces(prefix=("a",)) == [("a", "b"), ("a", "b", "c"), ("a", "bc")]
    assert store.list_namespaces(suffix=("b",)) == [("a", "b")]


NAMESPACES = [
    ("a", "b", "c"),
    ("a", "b", "d", "e"),
    ("a", "b", "d", "i"),
    ("a", "b", "f"),
    ("a", "c", "f"),
    ("ab", "x"),
    ("admin", "users", "789"),
    ("b", "a", "f"),
    ("users", "123"),
    ("users", "456", "settings"),
]

LISTINGS: list[dict[str, Any]] = [
    {},
    {"prefix": ("a",)},
    {"prefix": ("a", "b")},
    {"prefix": ("a", "b"), "max_depth": 3},
    {"prefix": ("a", "b"), "max_depth": 1},
    {"prefix": ("a", "*")},
    {"prefix": ("a", "*", "f")},
    {"prefix": ("*", "*", "f")},
    {"prefix": ("*", "users")},
    {"suffix": ("f",)},
    {"suffix": ("d", "*")},
    {"suffix": ("*", "f")},
    {"suffix": ("*",)},
    {"suffix": ("a", "b", "c", "d", "e")},
    {"prefix": ("a",), "suffix": ("f",)},
    {"prefix": ("a", "b"), "suffix": ("b", "f")},
    {"prefix": ("users",), "max_depth": 2},
    {"max_depth": 1},
    {"max_depth": 2, "limit": 3},
    {"limit": 4, "offset": 3},
    {"offset": 100},
    {"limit": 0},
    {"prefix": ("none",)},
    {"prefix": ("a", "b", "c", "d", "e", "f")},
]


@pytest.mark.parametrize("listing", LISTINGS, ids=str)
def test_namespaces_are_listed_as_by_the_store_in_memory(store: TransactiveStore, listing: dict[str, Any]) -> None:
    reference = InMemoryStore()
    for each in (store, reference):
        each.batch([PutOp(namespace, "k", {}) for namespace in NAMESPACES])
    assert store.list_namespaces(**listing) == reference.list_namespaces(**listing)


def test_an_emptied_namespace_is_listed_no_more(store: TransactiveStore) -> None:
    store.batch([PutOp(("ns", str(i)), "k", {}) for i in range(6)])
    store.batch([PutOp(("ns", str(i)), "k", None) for i in range(0, 6, 2)])
    assert store.list_namespaces() == [("ns", "1"), ("ns", "3"), ("ns", "5")]


def test_an_unknown_kind_of_match_is_an_error(store: TransactiveStore) -> None:
    store.put(("a",), "k", {})
    with pytest.raises(InvalidInput, match="match type"):
        store.batch([ListNamespacesOp(match_conditions=(MatchCondition("infix", ("a",)),))])  # type: ignore[arg-type]


# --- pages -----------------------------------------------------------------------------------------------------------


def test_without_a_query_the_newest_comes_first(store: TransactiveStore, clock: Clock) -> None:
    for i in range(5):
        store.put(("docs",), f"d{i}", {"i": i})
        clock.advance(SECOND)
    store.put(("docs",), "d0", {"i": 0, "touched": True})
    assert keys(store.search(("docs",))) == ["d0", "d4", "d3", "d2", "d1"]
    assert keys(store.search(("docs",), limit=2, offset=1)) == ["d4", "d3"]
    assert store.search(("docs",), limit=2, offset=10) == []
    assert all(isinstance(item, SearchItem) and item.score is None for item in store.search(("docs",)))


@pytest.mark.parametrize("size", [1, 7, 13])
@pytest.mark.parametrize("filter", [None, {"even": True}])
def test_pages_hold_each_item_once_when_all_are_of_one_time(
    store: TransactiveStore, size: int, filter: dict[str, Any] | None
) -> None:
    store.batch([PutOp(("tie",), f"t{i:03d}", {"even": i % 2 == 0}) for i in range(60)])
    full = keys(store.search(("tie",), filter=filter, limit=1000))
    assert len(set(full)) == (30 if filter else 60)
    pages = [store.search(("tie",), filter=filter, limit=size, offset=o) for o in range(0, 60, size)]
    assert [key for page in pages for key in keys(page)] == full


@pytest.mark.parametrize(
    "op", [SearchOp((), offset=-1), SearchOp((), limit=-1), ListNamespacesOp(offset=-1), ListNamespacesOp(limit=-1)]
)
def test_negative_pages_are_refused_before_anything_is_written(store: TransactiveStore, op: Any) -> None:
    with pytest.raises(InvalidInput, match="negative"):
        store.batch([PutOp(("ns",), "new", {}), op])
    assert store.search(()) == []


def test_a_page_of_nothing(store: TransactiveStore) -> None:
    store.put(("ns",), "k", {"text": "words"})
    none, one = store.batch([SearchOp((), limit=0, query="words"), SearchOp((), limit=1)])
    assert none == []
    assert keys(one) == ["k"]
