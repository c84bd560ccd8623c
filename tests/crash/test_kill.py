"""Whatever is killed, and whenever: what was acknowledged is there, once and whole."""

import shutil

import pytest

from benchmarks.crash import MODES, Crashes, builders
from tests.crash.processes import edge
from transactive import NewMemory, TeamMemory
from transactive.records import Progress

pytestmark = pytest.mark.slow

KILLS = 18
"""`benchmarks/crash.py` does the same two hundred times."""


def test_kills_at_random_moments_lose_nothing_double_nothing_and_leave_nothing_half_written(tmp_path):
    crashes = Crashes(tmp_path / "store", seed=12)
    for _ in crashes.run(KILLS, recalled=300):
        assert crashes.faults == []
    assert crashes.faults == []
    assert {mode for mode, tally in crashes.tallies.items() if tally.kills} == set(MODES)
    assert sum(tally.swaps for tally in crashes.tallies.values()) > 0
    assert sum(tally.cut for tally in crashes.tallies.values()) > 0
    assert builders(tmp_path) == []


def test_a_rebuild_that_was_killed_goes_on_where_it_had_come_to(tmp_path, another):
    with TeamMemory.open(tmp_path, index=None) as team:
        ada = team.agent("ada")
        ada.remember_many([NewMemory(text=f"NOTE-{n:06d} of the archive") for n in range(12_500)])
    first = another(tmp_path)
    while first.heard()["done"] < 11_000:
        pass
    first.kill()

    steps: list[Progress] = []
    with TeamMemory.open(tmp_path, progress=steps.append) as team:
        assert steps[0].done > 10_000
        assert steps[-1].done == 12_500
        assert edge(team).count() == 12_500
        for n in (0, 9_999, 10_000, 10_999, 11_000, 12_499):
            assert team.recall(f"NOTE-{n:06d}", limit=1)[0].memory.text == f"NOTE-{n:06d} of the archive"


def test_a_rebuild_that_was_killed_and_then_lost_starts_anew(tmp_path, another):
    with TeamMemory.open(tmp_path, index=None) as team:
        team.agent("ada").remember_many([NewMemory(text=f"NOTE-{n:06d} of the archive") for n in range(3_000)])
    first = another(tmp_path)
    while first.heard()["done"] < 2_000:
        pass
    first.kill()
    shutil.rmtree(tmp_path / "index")

    with TeamMemory.open(tmp_path, progress=False) as team:
        assert edge(team).count() == 3_000


def test_what_was_acknowledged_just_before_the_kill_is_found_after_it(tmp_path, another):
    child = another(tmp_path).opened()
    kept = child.ask("remember", "INV-5678 was refunded", agent="ada")
    revised = child.ask("remember", "INV-1111 is open", agent="ada")
    child.ask("revise", revised, text="INV-1111 is paid", agent="ada")
    gone = child.ask("remember", "INV-9999 is a mistake", agent="ada")
    child.ask("forget", gone, agent="ada")
    child.kill()

    with TeamMemory.open(tmp_path, progress=False) as team:
        assert team.recall("INV-5678", limit=1)[0].memory.uid == kept
        assert team.recall("INV-1111", limit=1)[0].memory.text == "INV-1111 is paid"
        assert gone not in [hit.memory.uid for hit in team.recall("INV-9999")]
        assert sorted(memory.uid for memory in team.list()) == sorted([kept, revised])
