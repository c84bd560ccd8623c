"""Times to live: minutes, renewed by reading, swept."""

import gc
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("langgraph")

from langgraph.store.base import GetOp, PutOp, SearchOp

from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.errors import InvalidInput
from transactive.testing import HashEmbedder
from transactive_integrations.langgraph import TransactiveStore

TICK = 1 / 60 / 50  # minutes: 20 ms


def made(team: TeamMemory, **ttl: Any) -> TransactiveStore:
    return TransactiveStore(team.agent("planner"), ttl=ttl or None)  # type: ignore[arg-type]


def keys(items: Any) -> list[str]:
    return sorted(item.key for item in items)


def rows(team: TeamMemory) -> int:
    return team.documents.count()


def test_minutes_after_its_last_write_an_item_is_gone(team: TeamMemory, clock: Clock) -> None:
    store = made(team)
    store.put(("live",), "a", {"text": "some words"})
    store.put(("live",), "c", {"text": "some words"}, ttl=10)
    store.put(("dead",), "b", {"text": "some words"}, ttl=0.5)
    clock.advance(timedelta(seconds=29))
    assert keys(store.batch([SearchOp((), refresh_ttl=False)])[0]) == ["a", "b", "c"]
    store.put(("live",), "c", {"text": "some words"}, ttl=1)
    clock.advance(timedelta(seconds=2))
    assert store.get(("dead",), "b") is None
    assert keys(store.search(())) == ["a", "c"]
    assert keys(store.search((), query="some words", refresh_ttl=False)) == ["a", "c"]
    assert store.list_namespaces() == [("live",)]
    clock.advance(timedelta(seconds=60))
    assert keys(store.search(())) == ["a"]


def test_the_configured_time_holds_where_none_is_said(team: TeamMemory, clock: Clock) -> None:
    store = made(team, default_ttl=1, refresh_on_read=False)
    store.put(("ns",), "short", {"v": 1})
    store.put(("ns",), "forever", {"v": 1}, ttl=None)
    store.put(("ns",), "long", {"v": 1}, ttl=5)
    clock.advance(timedelta(seconds=61))
    assert keys(store.search(("ns",))) == ["forever", "long"]
    clock.advance(timedelta(days=300))
    assert keys(store.search(("ns",))) == ["forever"]


def test_a_put_without_a_time_takes_it_away(team: TeamMemory, clock: Clock) -> None:
    store = made(team)
    store.put(("ns",), "k", {"v": 1}, ttl=1)
    store.put(("ns",), "k", {"v": 2})
    clock.advance(timedelta(days=1))
    assert store.get(("ns",), "k") is not None


@pytest.mark.parametrize("query", [None, "words"])
def test_reading_renews(team: TeamMemory, clock: Clock, query: str | None) -> None:
    store = made(team)
    for key in ("got", "searched", "left", "passed"):
        store.put(("ns",), key, {"key": key, "text": "words"}, ttl=1)
    for _ in range(3):
        clock.advance(timedelta(seconds=40))
        assert store.get(("ns",), "got") is not None
        assert keys(store.search(("ns",), query=query, filter={"key": "searched"})) == ["searched"]
        store.get(("ns",), "left", refresh_ttl=False)
        store.search(("ns",), query=query, filter={"key": "passed"}, refresh_ttl=False)
    assert keys(store.search(("ns",))) == ["got", "searched"]


def test_only_what_is_given_is_renewed(team: TeamMemory, clock: Clock) -> None:
    store = made(team)
    for i in range(4):
        clock.advance(timedelta(seconds=1))
        store.put(("ns",), f"k{i}", {"text": "words"}, ttl=1)
    clock.advance(timedelta(seconds=40))
    assert keys(store.search(("ns",), limit=2)) == ["k2", "k3"]
    clock.advance(timedelta(seconds=40))
    assert keys(store.search(("ns",), refresh_ttl=False)) == ["k2", "k3"]


def test_the_configuration_says_whether_reading_renews(team: TeamMemory, clock: Clock) -> None:
    store = made(team, refresh_on_read=False)
    store.put(("ns",), "k", {"v": 1}, ttl=1)
    store.put(("ns",), "asked", {"v": 1}, ttl=1)
    clock.advance(timedelta(seconds=40))
    assert store.get(("ns",), "k") is not None
    assert store.get(("ns",), "asked", refresh_ttl=True) is not None
    clock.advance(timedelta(seconds=40))
    assert keys(store.search(("ns",))) == ["asked"]


def test_gets_of_one_batch_are_renewed_or_not_as_each_says(team: TeamMemory, clock: Clock) -> None:
    store = made(team)
    store.batch([PutOp(("ns",), key, {"key": key}, ttl=1) for key in "abc"])
    clock.advance(timedelta(seconds=40))
    found = store.batch(
        [GetOp(("ns",), "b", False), GetOp(("ns",), "a"), GetOp(("ns",), "x"), GetOp(("ns",), "c", False)]
    )
    assert [None if item is None else item.key for item in found] == ["b", "a", None, "c"]  # type: ignore[union-attr]
    clock.advance(timedelta(seconds=40))
    assert keys(store.search(())) == ["a"]


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), "soon"])
def test_a_time_that_is_none_is_refused(team: TeamMemory, ttl: float) -> None:
    store = made(team)
    with pytest.raises(InvalidInput):
        store.put(("ns",), "k", {"v": 1}, ttl=ttl)
    assert store.get(("ns",), "k") is None


def test_sweeping_deletes_what_is_over(team: TeamMemory, clock: Clock) -> None:
    store = made(team, default_ttl=1)
    store.put(("ns",), "short", {"text": "words"})
    store.put(("ns",), "plain", {"text": "words"}, index=False)
    store.put(("ns",), "forever", {"text": "words"}, ttl=None)
    assert store.sweep_ttl() == 0
    clock.advance(timedelta(seconds=61))
    assert store.sweep_ttl() == 2
    assert store.sweep_ttl() == 0
    assert rows(team) == 1
    store.put(("ns",), "short", {"text": "words"})
    assert store.get(("ns",), "short").created_at == clock.now  # type: ignore[union-attr]


# --- the sweeper -----------------------------------------------------------------------------------------------------


def until(holds: Any) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ttl-sweeper"]


def test_a_sweeper_sweeps_until_it_is_stopped(team: TeamMemory, clock: Clock) -> None:
    store = made(team, sweep_interval_minutes=1)
    store.put(("ns",), "k", {"text": "words"}, ttl=1)
    clock.advance(timedelta(minutes=2))
    future = store.start_ttl_sweeper(TICK)
    assert store.start_ttl_sweeper() is future
    assert len(running()) == 1
    until(lambda: store.sweep_ttl() == 0 and team.count({"kind": "document"}) == 0)
    assert store.stop_ttl_sweeper(timeout=5)
    assert future.done()
    assert not running()
    assert store.stop_ttl_sweeper()
    again = store.start_ttl_sweeper(TICK)
    assert again is not future
    assert store.stop_ttl_sweeper(5)


def test_a_sweeper_ends_when_it_is_cancelled(team: TeamMemory) -> None:
    store = made(team)
    future = store.start_ttl_sweeper(60)
    assert future.cancel()
    until(lambda: not running())


def test_a_sweeper_ends_with_its_store(team: TeamMemory) -> None:
    store = made(team)
    future = store.start_ttl_sweeper(60)
    del store
    gc.collect()
    future.result(timeout=5)
    until(lambda: not running())


def test_a_sweeper_ends_with_the_memory() -> None:
    with opened(embedder=HashEmbedder()) as team:
        store = made(team)
        future = store.start_ttl_sweeper(TICK)
    future.result(timeout=5)
    assert store.stop_ttl_sweeper(5)


@pytest.mark.parametrize("minutes", [-1, float("nan")])
def test_a_sweeper_wants_an_interval(team: TeamMemory, minutes: float) -> None:
    with pytest.raises(InvalidInput, match="interval"):
        made(team).start_ttl_sweeper(minutes)
