"""Whatever is asked of it in batches, the store answers as LangGraph's own store in memory.

Where that one is known to be wrong the two are not compared: it forgets `created_at` on a replacement, lists emptied
namespaces, hands out its own values, raises on a range over a missing field, and takes a missing field for null.
"""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("langgraph")

from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, Op, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from tests.team.stores import opened
from transactive import TeamMemory
from transactive.testing import Clock, HashEmbedder
from transactive_integrations.langgraph import TransactiveStore

LABELS = ["a", "b", "ab", "a b", "ü", "*", '"q"', "[", "%2A"]
KEYS = ["k1", "k2", "", "ключ", "a.b"]

labels = st.sampled_from(LABELS)
namespaces = st.lists(labels, min_size=1, max_size=3).map(tuple)
values = st.fixed_dictionaries(
    {
        "n": st.sampled_from([2, 3, 4, 2.5, 3.0, -7, 1e9]),
        "s": st.sampled_from(["red", "blue", "", "Red", "ünï", "3"]),
        "b": st.booleans(),
        "o": st.sampled_from([{"x": 2, "y": "p"}, {"x": 3}, {}, "text", ["x"]]),
        "tags": st.sampled_from([["x", "y"], ["y", "x"], [], ["x", ["y"]], "x", [2, 2.0]]),
    },
    optional={"extra": st.sampled_from(["some words", "other words", ["words"]])},
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "s": st.sampled_from(["red", {"$eq": "blue"}, {"$ne": "red"}, "", "3"]),
        "n": st.sampled_from(
            [3, 2.5, {"$gt": 3}, {"$gte": "3"}, {"$lt": 2.5}, {"$ne": 3}, {"$gt": 2, "$lte": 4}, {"$lte": -7.0}]
        ),
        "b": st.sampled_from([True, False, {"$ne": True}]),
        "o": st.sampled_from(
            [{"x": 2}, {"x": {"$ne": 3}, "y": "p"}, {"$eq": {"x": 3.0}}, {"$ne": {"x": 3}}, {}, "text", ["x"], []]
        ),
        "tags": st.sampled_from(["x", ["x", "y"], [], ["x", ["y"]], {"$ne": ["y", "x"]}, {"$ne": "x"}, [2, 2]]),
        "extra": st.sampled_from(["some words", ["words"], {"$eq": "other words"}]),
    },
)
pages = st.sampled_from([(100, 0), (3, 0), (2, 1), (5, 4), (0, 0)])
conditions = st.lists(
    st.tuples(st.sampled_from(["prefix", "suffix"]), st.lists(labels, max_size=3).map(tuple)).map(
        lambda said: MatchCondition(*said)
    ),
    max_size=2,
).map(tuple)
ops = st.one_of(
    st.tuples(namespaces, st.sampled_from(KEYS), values, st.sampled_from([None, False, ["extra"]])).map(
        lambda said: PutOp(*said)
    ),
    st.tuples(namespaces, st.sampled_from(KEYS)).map(lambda said: PutOp(*said, None)),
    st.tuples(namespaces, st.sampled_from(KEYS)).map(lambda said: GetOp(*said)),
    st.tuples(
        st.lists(labels, max_size=2).map(tuple),
        st.none() | filters,
        pages,
        st.sampled_from([None, "some words", "red"]),
    ).map(lambda said: SearchOp(said[0], said[1], *said[2], said[3])),
    st.tuples(conditions, st.sampled_from([None, 1, 2]), pages).map(
        lambda said: ListNamespacesOp(said[0], said[1], *said[2])
    ),
)
batches = st.lists(st.lists(ops, max_size=8), min_size=1, max_size=6)
roots = itertools.count()


@pytest.fixture(scope="module")
def team() -> Iterator[TeamMemory]:
    with opened(clock=Clock(step="1s"), embedder=HashEmbedder()) as team:
        yield team


def answered(reference: InMemoryStore, batch: list[Op]) -> list[Any]:
    # Asked for a key, it makes an empty namespace: so the listings are asked first.
    order = sorted(range(len(batch)), key=lambda place: not isinstance(batch[place], ListNamespacesOp))
    results: list[Any] = [None] * len(batch)
    for place, result in zip(order, reference.batch([batch[place] for place in order]), strict=True):
        results[place] = copy.deepcopy(result)
    for namespace in [namespace for namespace, items in reference._data.items() if not items]:
        del reference._data[namespace]
    return results


def compare(op: Op, got: Any, expected: Any) -> None:
    if isinstance(op, GetOp):
        assert (got and (got.namespace, got.key, got.value)) == (
            expected and (expected.namespace, expected.key, expected.value)
        )
    elif isinstance(op, SearchOp):
        found = {(item.namespace, item.key): item.value for item in got}
        assert len(found) == len(got) == len(expected)  # pages are of the same size, each item once
        if op.limit == 100:
            assert found == {(item.namespace, item.key): item.value for item in expected}
        scores = [item.score for item in got if item.score is not None]
        assert scores == sorted(scores, reverse=True)
        times = [item.updated_at for item in got if item.score is None]
        assert times == sorted(times, reverse=True)
    else:
        assert got == expected


@settings(max_examples=200, deadline=None, derandomize=True)
@given(batches=batches)
def test_every_batch_is_answered_alike(team: TeamMemory, batches: list[list[Op]]) -> None:
    store = TransactiveStore(team.agent("planner"), namespace=f"agents/planner/s{next(roots)}")
    reference = InMemoryStore()
    for batch in batches:
        results = store.batch(batch)
        assert len(results) == len(batch)
        for op, got, expected in zip(batch, results, answered(reference, batch), strict=True):
            compare(op, got, expected)
    everything = store.search((), limit=1000)
    assert {(i.namespace, i.key): i.value for i in everything} == {
        (i.namespace, i.key): i.value for i in reference.search((), limit=1000)
    }
    assert store.list_namespaces(limit=1000) == sorted({item.namespace for item in everything})
