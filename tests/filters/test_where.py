"""`where=` means the same in recall, list, count and forget: what the index cannot decide, the ledger does."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.filters.strategies import NAMESPACES, TIMES, many, new_memories, wheres
from transactive import Agent, TeamMemory
from transactive.errors import FilterTooBroad, InvalidFilter
from transactive.filters import matches, parse, read_memory
from transactive.namespaces import covers
from transactive.paths import recall
from transactive.records import Memory, NewMemory
from transactive.testing import Clock, HashEmbedder


def opened(path: Path | str, **options: Any) -> TeamMemory:
    return TeamMemory.open(path, embedder=HashEmbedder(16), background=False, progress=False, clock=Clock(), **options)


@pytest.fixture(scope="module")
def shared() -> Iterator[TeamMemory]:
    """A store where one range on metadata is declared, and an auditor may read a part."""
    declared = {"metadata.n": "number", "metadata.when": "time"}
    with opened(":memory:", index_fields=declared) as team:
        for namespace in NAMESPACES:
            team.grant("writer", namespace, "write", "verify")
        team.grant("auditor", "prod/**", "read")
        yield team


def fulfilling(held: list[Memory], where: dict[str, Any]) -> set[str]:
    expression = parse(where)
    return {memory.uid for memory in held if matches(expression, partial(read_memory, memory))}


def every_answer(reader: Agent, where: dict[str, Any]) -> dict[str, set[str]]:
    """The ids that each verb gives; every memory holds the query's word, and so is a candidate."""
    listed = {memory.uid: memory.superseded for memory in reader.list(where, limit=1000)}
    assert reader.count(where) == len(listed)
    standing = {hit.memory.uid for hit in reader.recall("memory", where=where, limit=1000)}
    assert standing == {uid for uid, superseded in listed.items() if not superseded}
    found = reader.recall("memory", where=where, limit=1000, include_superseded=True)
    return {"recall": {hit.memory.uid for hit in found}, "list": set(listed)}


def readable(memory: Memory) -> bool:
    """Whether the auditor may read it: its grant is for what is at most internal."""
    return covers("prod/**", memory.namespace) and memory.sensitivity != "confidential"


@settings(max_examples=settings().max_examples // 4, suppress_health_check=[HealthCheck.too_slow])
@given(new=many(new_memories(), most=25), corrected=st.integers(0, 5), asked=many(wheres, most=12))
def test_every_verb_gives_what_the_reference_selects(
    shared: TeamMemory, new: list[NewMemory], corrected: int, asked: list[dict[str, Any]]
) -> None:
    shared.forget(where={"id": {"$exists": True}})
    written = {memory.uid for memory in shared.agent("writer", app="desk").remember_many(new)}
    written |= {shared.correct(uid, "memory of a correction").uid for uid in sorted(written)[:corrected]}
    held = list(shared.list(limit=1000))
    assert {memory.uid for memory in held} == written
    auditor = shared.agent("auditor")
    seen = [memory for memory in held if readable(memory)]
    for where in asked:
        expected = fulfilling(held, where)
        assert every_answer(shared, where) == {"recall": expected, "list": expected}, where
        narrowed = fulfilling(seen, where)
        assert every_answer(auditor, where) == {"recall": narrowed, "list": narrowed}, where
        assert shared.forget(where=where, dry_run=True).count == len(expected), where


# --- stories ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def team() -> Iterator[TeamMemory]:
    with opened(":memory:") as team:
        yield team


def texts(found: Any) -> set[str]:
    return {getattr(item, "memory", item).text for item in found}


def test_an_undeclared_range_is_decided_by_the_ledger(team: TeamMemory) -> None:
    team.remember("memory of 5", metadata={"amount": 5})
    team.remember("memory of 50", metadata={"amount": 50})
    team.remember("memory of text", metadata={"amount": "50"})
    more = {"metadata.amount": {"$gt": 10}}
    assert texts(team.recall("memory", where=more)) == texts(team.list(more)) == {"memory of 50"}
    assert texts(team.recall("memory", where={"$not": more})) == {"memory of 5", "memory of text"}


def test_a_filter_keeps_the_limit_for_what_fulfils_it(team: TeamMemory) -> None:
    team.remember_many([f"refund refund refund {n}" for n in range(300)])
    team.remember("a refund, and much else that was said about it", metadata={"amount": 50}, tags=["rare"])
    filters: list[dict[str, Any]] = [
        {"tags": "rare"},
        {"metadata.amount": {"$gte": 50}},
        {"text": {"$contains": "much else"}},
    ]
    for where in filters:
        assert len(team.recall("refund", limit=1, where=where)) == 1, where


def test_a_callers_own_id_is_found_by_every_verb(team: TeamMemory) -> None:
    team.remember("memory of mine", id="INV-7")
    uid = team.remember("memory of nobody").uid
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"id": "INV-7"}, {"memory of mine"}),
        ({"id": {"$in": ["INV-7", uid, "no uuid"]}}, {"memory of mine", "memory of nobody"}),
        ({"id": {"$nin": ["INV-7", "no uuid"]}}, {"memory of nobody"}),
        ({"id": {"$exists": True}}, {"memory of mine", "memory of nobody"}),
        ({"id": None}, set()),
    ]
    for where, expected in cases:
        assert texts(team.recall("memory", where=where)) == texts(team.list(where)) == expected, where


def test_a_revised_memory_is_filtered_by_what_it_is_now(team: TeamMemory) -> None:
    id = team.remember("memory", metadata={"state": "open", "n": 1}, tags=["old"]).id
    team.revise(id, metadata={"state": "closed", "n": 2}, tags=["new"], importance=0.9)
    cases: list[tuple[dict[str, Any], int]] = [
        ({"metadata.state": "open"}, 0),
        ({"metadata.state": "closed"}, 1),
        ({"metadata.n": {"$gt": 1}}, 1),
        ({"metadata.n": {"$lte": 1}}, 0),
        ({"tags": "old"}, 0),
        ({"tags": "new"}, 1),
        ({"importance": {"$gt": 0.8}}, 1),
        ({"version": 2}, 1),
    ]
    for where, count in cases:
        assert len(team.recall("memory", where=where)) == len(team.list(where)) == team.count(where) == count, where


def test_a_memory_past_its_time_fulfils_nothing(team: TeamMemory) -> None:
    team.remember("memory", ttl="1h", metadata={"n": 1})
    clock = team._engine.store.clock
    assert isinstance(clock, Clock)
    filters: list[dict[str, Any]] = [{}, {"metadata.n": {"$gt": 0}}, {"metadata.n": 1}]
    for where in filters:
        assert len(team.recall("memory", where=where)) == 1
    clock.advance(timedelta(hours=1))
    for where in [*filters, {"$not": {"metadata.n": 2}}]:
        assert not team.recall("memory", where=where)
        assert team.count(where) == 0


@pytest.mark.parametrize("verb", ["recall", "list", "count", "facets", "forget", "context"])
def test_a_wrong_filter_is_an_error_in_every_verb(team: TeamMemory, verb: str) -> None:
    team.remember("memory")
    calls: dict[str, Callable[[Any], object]] = {
        "recall": lambda where: team.recall("memory", where=where),
        "list": team.list,
        "count": team.count,
        "facets": lambda where: team.facets("agent", where),
        "forget": lambda where: team.forget(where=where),
        "context": lambda where: team.context("memory", where=where),
    }
    wrong: list[Any] = [
        {"nonsense": 1},
        {"agent": {"$like": "x"}},
        {"metadata.n": {"$gt": "x"}},
        {"agent": "\ud800"},
        "agent",
    ]
    for where in wrong:
        with pytest.raises(InvalidFilter):
            calls[verb](where)
    assert team.count() == 1


# --- too broad --------------------------------------------------------------------------------------------------------


def test_a_condition_that_fits_too_many_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "MOST_IDS", 20)
    broad = {"metadata.amount": {"$gte": 0}}
    later = {"metadata.due": {"$gte": TIMES[4]}}
    when = TIMES[4].isoformat()
    with opened(tmp_path) as team:
        team.remember_many([NewMemory(text=f"memory {n}", metadata={"amount": n, "due": when}) for n in range(20)])
        assert len(team.recall("memory", where=broad, limit=100)) == 20
        team.remember("memory 20", metadata={"amount": 20, "due": when})
        with pytest.raises(FilterTooBroad, match=r"index_fields=\{'metadata.amount': 'number'\}"):
            team.recall("memory", where=broad)
        with pytest.raises(FilterTooBroad, match=r"index_fields=\{'metadata.due': 'time'\}"):
            team.recall("memory", where=later)
        with pytest.raises(FilterTooBroad, match="'text' matches more than 20 memories") as caught:
            team.recall("memory", where={"text": {"$contains": "memory"}})
        assert "index_fields" not in str(caught.value)  # no declaration would help
        assert len(team.list(broad)) == team.count(broad) == 21  # which never was too broad
        with pytest.raises(FilterTooBroad):
            team.recall("memory", where=broad, degrade="text")  # a wrong question is not a failed search
    with opened(tmp_path, index_fields={"metadata.amount": "number", "metadata.due": "time"}) as team:
        assert len(team.recall("memory", where=broad, limit=100)) == 21
        assert len(team.recall("memory", where=later, limit=100)) == 21
        assert texts(team.recall("memory", where={"metadata.amount": {"$gt": 19}})) == {"memory 20"}
    with opened(tmp_path) as team:  # declared once and for all
        assert len(team.recall("memory", where=broad, limit=100)) == 21
        team.remember("memory 21", metadata={"amount": 21})
        assert len(team.recall("memory", where=broad, limit=100)) == 22
    with opened(tmp_path, index_fields={}) as team, pytest.raises(FilterTooBroad):
        team.recall("memory", where=broad)


def test_what_others_wrote_makes_no_condition_too_broad(team: TeamMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it tell how much that is."""
    monkeypatch.setattr(recall, "MOST_IDS", 20)
    team.agent("busy").remember_many([NewMemory(text=f"memory {n}", metadata={"amount": n}) for n in range(30)])
    quiet = team.agent("quiet")
    quiet.remember("memory of mine", metadata={"amount": 7})
    assert texts(quiet.recall("memory", where={"metadata.amount": {"$gt": 0}})) == {"memory of mine"}
