"""What was not used for long counts for less, where that is asked for; what is used counts as new."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import get_args

import pytest

from tests.team.stores import START, Clock, opened, texts, written
from transactive import NewMemory, Policy
from transactive.errors import InvalidInput
from transactive.policies import Decay

DAY = timedelta(days=1)
DECAYS: tuple[Decay, ...] = get_args(Decay)
TEXT = "the queue is slow"


def accesses(team):
    """What the ledger has noted of the use of each memory: (when, how often), by uid."""
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        return {uid: (at, n) for uid, at, n in ledger.execute("SELECT uid, accessed_at, accesses FROM memories")}


def aged(team, *days):
    """The same said once for each age; episodic, so that each is a memory of its own."""
    items = [NewMemory(text=TEXT, kind="episodic", created_at=START - age * DAY, importance=0.5) for age in days]
    return team.agent("ana").remember_many(items)


def factors(team, **weights):
    return {
        hit.memory.created_at: round(hit.why.decay_factor, 6)
        for hit in team.agent("ana").recall(TEXT, limit=100, **weights)
    }


# --- ranking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decay", "at_half_a_day", "at_a_day", "at_three_days"),
    [
        ("exponential", 0.707107, 0.5, 0.125),
        ("linear", 0.75, 0.5, 0.0),
        ("logarithmic", 0.630930, 0.5, 0.333333),
        ("power", 0.666667, 0.5, 0.25),
        ("step", 1.0, 0.5, 0.5),
        ("none", 1.0, 1.0, 1.0),
    ],
)
def test_each_strategy_weighs_by_age(team, decay, at_half_a_day, at_a_day, at_three_days):
    team.namespaces.configure(
        "agents/*", Policy(decay=decay, half_life="1d", recency_weight=1.0, renew_on_access=False)
    )
    aged(team, 0.5, 0, 3, 1)
    found = factors(team)
    assert [found[START - age * DAY] for age in (0, 0.5, 1, 3)] == [1, at_half_a_day, at_a_day, at_three_days]
    hits = team.agent("ana").recall(TEXT)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit.score == pytest.approx(hit.why.relevance * hit.why.decay_factor) for hit in hits)


@pytest.mark.parametrize("decay", DECAYS)
def test_of_what_is_equally_relevant_the_newer_comes_first(team, decay):
    team.namespaces.configure("agents/*", Policy(decay=decay, half_life="1h", recency_weight=0.9))
    old, new = aged(team, 1 / 4, 0)  # of the same day: the date is part of what is searched
    hits = team.agent("ana").recall(TEXT)
    expected = sorted([old, new], key=lambda memory: memory.uid) if decay == "none" else [new, old]
    assert [hit.memory.uid for hit in hits] == [memory.uid for memory in expected]
    assert hits[0].why.relevance == pytest.approx(hits[1].why.relevance)


def test_every_strategy_is_tried():
    assert set(DECAYS) == {"exponential", "linear", "logarithmic", "power", "step", "none"}


def test_age_counts_for_nothing_until_it_is_asked_for(team):
    team.namespaces.configure("agents/*", Policy(renew_on_access=False))
    aged(team, 0, 300)
    assert set(factors(team).values()) == {1}
    assert factors(team, recency_weight=0.8)[START - 300 * DAY] == pytest.approx(0.2, abs=0.001)
    assert set(factors(team, recency_weight=0.0).values()) == {1}


def test_the_weight_of_the_call_takes_the_place_of_the_policys(team):
    team.namespaces.configure("agents/*", Policy(half_life="1d", recency_weight=1.0, renew_on_access=False))
    aged(team, 1)
    assert factors(team) == {START - DAY: 0.5}
    assert factors(team, recency_weight=0.5) == {START - DAY: 0.75}
    assert factors(team, recency_weight=0.0) == {START - DAY: 1}


def test_the_half_life_of_the_call_takes_the_place_of_the_policys(team):
    team.namespaces.configure("agents/*", Policy(half_life="1d", recency_weight=1.0, renew_on_access=False))
    aged(team, 2)
    assert factors(team) == {START - 2 * DAY: 0.25}
    assert factors(team, half_life="2d") == factors(team, half_life=2 * DAY) == {START - 2 * DAY: 0.5}
    for wrong in ("2 days", 0, "0s", timedelta(0)):
        with pytest.raises(InvalidInput, match="half_life"):
            team.recall(TEXT, half_life=wrong)


def test_each_namespace_and_kind_has_its_own_half_life(team):
    team.namespaces.configure("agents/*", Policy(half_life="1d", recency_weight=1.0))
    team.namespaces.configure(
        "team/shared", Policy(half_life="4d", half_life_factors={"working": 0.25}, recency_weight=1)
    )
    ana = team.agent("ana")
    for namespace in ("agents/ana", "team/shared"):
        for kind in ("episodic", "working"):
            ana.remember(TEXT, namespace=namespace, kind=kind, created_at=START - DAY)
    found = {(h.memory.namespace, h.memory.kind): round(h.why.decay_factor, 6) for h in ana.recall(TEXT)}
    assert found == {
        ("agents/ana", "episodic"): 0.5,
        ("agents/ana", "working"): 0.5,
        ("team/shared", "episodic"): round(2**-0.25, 6),
        ("team/shared", "working"): 0.5,
    }


def test_time_passes_for_what_is_there(team, clock):
    team.namespaces.configure("agents/*", Policy(half_life="1d", recency_weight=1.0, renew_on_access=False))
    aged(team, 0)
    left = []
    for _ in range(4):
        left += factors(team).values()
        clock.advance(DAY)
    assert left == [1, 0.5, 0.25, 0.125]


def test_decay_deletes_nothing(team, clock):
    team.namespaces.configure("agents/*", Policy(decay="linear", half_life="1h", recency_weight=1.0))
    aged(team, 400)
    clock.advance(DAY * 400)
    team.maintain()
    assert factors(team) == {START - 400 * DAY: 0}
    assert team.count() == 1


# --- renewal ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("used", ["recall", "context", "get", "said again", "nothing"])
def test_what_is_used_counts_as_new(team, clock, used):
    team.namespaces.configure("agents/*", Policy(half_life="1d"))
    ana = team.agent("ana")
    note = ana.remember(TEXT)
    clock.advance(2 * DAY)
    use = {
        "recall": lambda: ana.recall(TEXT),
        "context": lambda: ana.context(TEXT),
        "get": lambda: ana.get(note.id),
        "said again": lambda: ana.remember(TEXT),
        "nothing": lambda: None,
    }
    use[used]()
    team.maintain()
    clock.advance(DAY)
    assert factors(team, recency_weight=1.0) == {START: 0.125 if used == "nothing" else 0.5}


@pytest.mark.parametrize("looked", ["list", "count", "history", "why", "as_of", "not found"])
def test_what_is_only_looked_over_does_not(team, clock, looked):
    ana = team.agent("ana")
    note = ana.remember(TEXT)
    clock.advance(DAY)
    look = {
        "list": ana.list,
        "count": ana.count,
        "history": lambda: ana.history(note.id),
        "why": lambda: ana.why(note.id),
        "as_of": lambda: (ana.get(note.id, as_of=START), ana.recall(TEXT, as_of=START)),
        "not found": lambda: ana.recall(TEXT, kinds=["working"]),
    }
    look[looked]()
    team.maintain()
    assert accesses(team) == {note.uid: (None, 0)}


def test_a_recall_writes_nothing_and_upkeep_writes_it_down_in_one_go(team, clock):
    ana = team.agent("ana")
    notes = aged(team, 1, 2, 3)
    before = written(team)
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        version = ledger.execute("PRAGMA data_version").fetchone()
        for _ in range(3):
            assert len(ana.recall(TEXT)) == 3
        ana.get(notes[0].uid)
        assert ledger.execute("PRAGMA data_version").fetchone() == version, "the ledger was written to"
    assert set(accesses(team).values()) == {(None, 0)}
    team.maintain()
    now = int(clock.now.timestamp() * 1_000_000)
    assert accesses(team) == {notes[0].uid: (now, 4), notes[1].uid: (now, 3), notes[2].uid: (now, 3)}
    assert written(team) == before, "neither an event nor an audit row"
    shown = team.list()[0]
    assert (shown.accessed_at, shown.accesses, shown.version) == (clock.now, 4, 1)


def test_use_is_written_down_at_the_latest_when_the_store_is_closed(tmp_path):
    clock = Clock()
    with opened(tmp_path, clock=clock) as team:
        note = team.remember(TEXT)
        clock.advance(DAY)
        team.recall(TEXT)
    with opened(tmp_path, clock=clock) as team:
        assert accesses(team)[note.uid][1] == 1
        assert team.list()[0].accessed_at == clock.now


def test_beside_the_owner_of_the_index_use_is_written_down_too(tmp_path):
    clock = Clock()
    with opened(tmp_path, clock=clock) as owner:
        note = owner.remember(TEXT)
        clock.advance(DAY)
        with opened(tmp_path, clock=clock, index=None) as beside:
            assert texts(beside.recall(TEXT)) == [TEXT]
            beside.get(note.uid)
        assert accesses(owner)[note.uid][1] == 2


def test_of_two_uses_the_later_counts_whoever_writes_it_down_last(tmp_path):
    clock = Clock()
    with opened(tmp_path, clock=clock) as owner:
        note = owner.remember(TEXT)
        beside = opened(tmp_path, clock=clock, index=None)
        beside.get(note.uid)
        clock.advance(DAY)
        owner.get(note.uid)
        owner.maintain()
        beside.close()
        assert owner.list()[0].accessed_at == clock.now
        assert owner.list()[0].accesses == 2
