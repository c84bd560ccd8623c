"""LangGraph's cache on documents."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict

import pytest

pytest.importorskip("langgraph")

from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy

from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.errors import StoreClosed
from transactive_integrations.langgraph import TransactiveCache

FULL = (("graph.node:a", "ns"), "key")
STRANGE: list[tuple[tuple[str, ...], str]] = [
    ((), "k"),
    (("",), "k"),
    (("a",), ""),
    (("a", "b"), "k"),
    (("a,b",), "k"),
    (('a", "b',), "k"),
    (("a/b", "*", "..", "\x00", "日本"), 'k"]'),
    (tuple("abcdefghijklmnopqrstuvwxyz"), "k"),
    (("x" * 2000,), "k"),
]


@dataclass
class Point:
    x: int


@pytest.fixture
def cache(team: TeamMemory) -> TransactiveCache[Any]:
    return TransactiveCache(team.agent("planner"))


def test_results_come_back_as_from_the_cache_in_memory(cache: TransactiveCache[Any]) -> None:
    assert isinstance(cache, BaseCache)
    reference: InMemoryCache[Any] = InMemoryCache()
    values = [1, "text", None, {"a": [1, 2.5, b"bytes"]}, {1, 2}, Point(3), ("tuple",), b"\x00" * 1000]
    pairs = {(("ns",), str(i)): (value, None) for i, value in enumerate(values)}
    for each in (cache, reference):
        each.set(pairs)
    asked = [*pairs, (("ns",), "missing"), (("other",), "0")]
    assert cache.get(asked) == reference.get(asked)
    assert cache.get(asked)[("ns",), "5"] == Point(3)
    assert cache.get([]) == {}


def test_any_namespace_and_key_is_itself_and_no_other(cache: TransactiveCache[Any]) -> None:
    cache.set({full: (i, None) for i, full in enumerate(STRANGE)})
    assert cache.get(STRANGE) == {full: i for i, full in enumerate(STRANGE)}
    for i, full in enumerate(STRANGE):
        cache.clear([full[0]])
        left = [other for other in STRANGE[i + 1 :] if other[0] != full[0]]
        assert set(cache.get(STRANGE)) == set(left)


def test_a_result_expires_after_its_seconds(cache: TransactiveCache[Any], clock: Clock, team: TeamMemory) -> None:
    cache.set({(("a",), "short"): (1, 10), (("a",), "long"): (2, None), (("a",), "over"): (3, None)})
    cache.set({(("a",), "over"): (4, 0)})
    clock.advance(timedelta(seconds=9))
    asked = [(("a",), key) for key in ("short", "long", "over")]
    assert cache.get(asked) == {(("a",), "short"): 1, (("a",), "long"): 2}
    clock.advance(timedelta(seconds=2))  # reading did not renew it
    assert cache.get(asked) == {(("a",), "long"): 2}
    team.documents.sweep()
    assert team.documents.count() == 1


def test_clearing(cache: TransactiveCache[Any]) -> None:
    names = [(("a",), "k"), (("a", "b"), "k"), (("b",), "k")]
    cache.set(dict.fromkeys(names, (1, None)))
    cache.clear([("a",), ("none",)])
    assert set(cache.get(names)) == set(names[1:])
    cache.clear([])
    assert set(cache.get(names)) == set(names[1:])
    cache.clear()
    assert cache.get(names) == {}


def test_the_same_awaited_by_a_hundred_tasks(cache: TransactiveCache[Any]) -> None:
    async def work(i: int) -> None:
        full = (("t",), str(i))
        await cache.aset({full: (i, 60)})
        assert await cache.aget([full]) == {full: i}
        await cache.aclear([("t", str(i))])

    async def story() -> None:
        await asyncio.gather(*(work(i) for i in range(100)))
        assert len(await cache.aget([(("t",), str(i)) for i in range(100)])) == 100
        await cache.aclear()
        assert await cache.aget([(("t",), "1")]) == {}

    asyncio.run(story())


def test_a_cache_is_its_agents_and_its_users(team: TeamMemory) -> None:
    alice = TransactiveCache[Any](team.agent("planner", user="alice"))
    others: list[TransactiveCache[Any]] = [
        TransactiveCache(team.agent("planner")),
        TransactiveCache(team.agent("planner", user="bob")),
        TransactiveCache(team.agent("writer")),
        TransactiveCache(team.agent("writer"), namespace="agents/planner/cache"),
    ]
    others[0].set({(("n",), "k"): ("nobody", None)})
    alice.set({FULL: ("secret", None)})
    assert alice.get([FULL, (("n",), "k")]) == {FULL: "secret"}
    for other in others:
        assert other.get([FULL]) == {}
        other.clear()
    assert alice.get([FULL]) == {FULL: "secret"}


def test_results_are_found_by_no_search(team: TeamMemory, cache: TransactiveCache[Any]) -> None:
    cache.set({FULL: ("some words", None)})
    assert len(team.agent("planner").recall("some words")) == 0


def test_when_the_memory_fails(team: TeamMemory) -> None:
    strict, lenient = (TransactiveCache[Any](team.agent("planner"), degrade=d) for d in ("raise", "empty"))  # type: ignore[arg-type]
    team.close()
    with pytest.raises(StoreClosed):
        strict.get([FULL])
    lenient.set({FULL: (1, None)})
    assert lenient.get([FULL]) == {}
    lenient.clear()
    assert (strict.degradations, lenient.degradations) == (0, 3)


# --- in use ----------------------------------------------------------------------------------------------------------


class State(TypedDict, total=False):
    x: int
    y: int


def test_a_node_is_not_run_again_even_in_another_process(tmp_path: Path) -> None:
    runs: list[int] = []

    def double(state: State) -> State:
        runs.append(state["x"])
        return {"y": state["x"] * 2}

    def ask(x: int, *, awaited: bool = False) -> int:
        with opened(tmp_path) as team:
            builder = StateGraph(State)
            builder.add_node("double", double, cache_policy=CachePolicy(ttl=3600))
            builder.add_edge(START, "double")
            builder.add_edge("double", END)
            graph = builder.compile(cache=TransactiveCache(team.agent("planner")))
            answer = asyncio.run(graph.ainvoke({"x": x})) if awaited else graph.invoke({"x": x})
            return int(answer["y"])

    assert [ask(2), ask(2), ask(2, awaited=True), ask(3, awaited=True), ask(3)] == [4, 4, 4, 6, 6]
    assert runs == [2, 3]


def test_a_task_is_not_run_again(cache: TransactiveCache[Any]) -> None:
    runs: list[float] = []

    @task(cache_policy=CachePolicy())
    def slow(x: int) -> int:
        runs.append(time.monotonic())
        return x + 1

    @entrypoint(cache=cache)
    def work(x: int) -> int:
        return slow(x).result()

    assert [work.invoke(1), work.invoke(1), work.invoke(2)] == [2, 2, 3]
    assert len(runs) == 2
