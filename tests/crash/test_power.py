"""What a power cut takes is what was not flushed: the ledger knows it, and the index is brought up to it."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from tests.crash.processes import edge
from transactive import TeamMemory

pytestmark = pytest.mark.slow


def pending(folder):
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        return ledger.execute("SELECT count(*) FROM pending").fetchone()[0]


def forget_pending(folder):
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        ledger.execute("DELETE FROM pending")
        ledger.commit()


def ledger_copied(source, target):
    """The ledger as of its last commit; whatever index the target has, it keeps."""
    target.mkdir(exist_ok=True)
    with closing(sqlite3.connect(source / "ledger.db")) as old, closing(sqlite3.connect(target / "ledger.db")) as new:
        old.backup(new)


def found(team, key):
    return [hit.memory.text for hit in team.recall(key, limit=3) if key in hit.memory.text]


@pytest.fixture
def cut(tmp_path):
    """A store whose index is older than its ledger, as a power cut leaves it, and the ids of two of its memories."""
    at_work, after = tmp_path / "at work", tmp_path / "after"
    with TeamMemory.open(at_work, durability="power", background=False) as team:
        team.remember_many([f"NOTE-{n:05d} of the archive" for n in range(300)])
        revised = team.remember("INV-1111 is open")
        gone = team.remember("INV-9999 is a mistake")
    shutil.copytree(at_work / "index", after / "index")
    with TeamMemory.open(at_work, durability="power", background=False) as team:
        team.remember_many([f"NOTE-{n:05d} of the archive" for n in range(300, 350)])
        team.revise(revised.uid, text="INV-1111 was paid under CUST-0042")
        team.forget(gone.uid)
        assert pending(at_work) == 52
        ledger_copied(at_work, after)
    assert pending(at_work) == 0
    return after


def check_healed(folder, caplog):
    with TeamMemory.open(folder, durability="power", background=False, progress=False) as team:
        rebuilt = any("rebuilding" in record.getMessage() for record in caplog.records)
        assert edge(team).count() == 351
        for n in (0, 299, 300, 349):
            assert found(team, f"NOTE-{n:05d}") == [f"NOTE-{n:05d} of the archive"]
        assert found(team, "CUST-0042") == ["INV-1111 was paid under CUST-0042"]
        assert found(team, "INV-9999") == []
    assert pending(folder) == 0
    return rebuilt


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
def test_durability_decides_how_the_ledger_is_synchronised(tmp_path, durability, synchronous):
    with TeamMemory.open(tmp_path, durability=durability) as team:
        ledger = team._engine.store.ledger
        with ledger.write() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == synchronous
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_pending_rows_stay_until_the_index_has_been_flushed(tmp_path):
    with TeamMemory.open(tmp_path, durability="power", background=False) as team:
        for number in range(3):
            team.remember(f"NOTE-{number:05d}")
        assert pending(tmp_path) == 3
        team._engine.settling.flush()
        assert pending(tmp_path) == 3, "they go in a later write's transaction"
        team.remember("one more")
        assert pending(tmp_path) == 1, "and what is not flushed stays"
    assert pending(tmp_path) == 0


def test_what_the_lost_index_had_not_flushed_is_replayed_from_the_pending_rows(cut, caplog):
    assert not check_healed(cut, caplog), "rebuilt, where 52 pending rows were all that was missing"


def test_what_the_lost_index_had_not_flushed_is_found_even_when_no_pending_row_tells_of_it(cut, caplog):
    forget_pending(cut)
    check_healed(cut, caplog)


def test_an_index_with_too_few_points_is_rebuilt(tmp_path, caplog):
    with TeamMemory.open(tmp_path, background=False) as team:
        kept = team.remember_many([f"NOTE-{n:05d} of the archive" for n in range(30)])
        team._engine.settling.tidy(now=True)
        edge(team).delete([kept[7].uid])
        assert found(team, "NOTE-00007") == []

    with TeamMemory.open(tmp_path, background=False, progress=False) as team:
        assert found(team, "NOTE-00007") == ["NOTE-00007 of the archive"]
    assert any("rebuilding" in record.getMessage() for record in caplog.records)


def test_an_older_index_is_repaired_even_when_it_has_as_many_points_as_the_ledger_has_memories(tmp_path):
    at_work, after = tmp_path / "at work", tmp_path / "after"
    with TeamMemory.open(at_work, background=False) as team:
        revised = team.remember("INV-1111 is open")
        gone = team.remember("INV-9999 is a mistake")
    shutil.copytree(at_work / "index", after / "index")
    with TeamMemory.open(at_work, background=False) as team:
        team.forget(gone.uid)
        team.remember("NOTE-00001 of the archive")
        team.revise(revised.uid, text="INV-1111 was paid under CUST-0042")
    ledger_copied(at_work, after)
    assert pending(after) == 0

    with TeamMemory.open(after, background=False, progress=False) as team:
        assert found(team, "NOTE-00001") == ["NOTE-00001 of the archive"]
        assert found(team, "CUST-0042") == ["INV-1111 was paid under CUST-0042"]
        assert found(team, "INV-9999") == []


def test_an_index_newer_than_its_ledger_invents_nothing(tmp_path):
    at_work, after = tmp_path / "at work", tmp_path / "after"
    with TeamMemory.open(at_work, background=False) as team:
        team.remember("INV-1111 is open")
    ledger_copied(at_work, after)
    with TeamMemory.open(at_work, background=False) as team:
        team.remember("INV-2222 came later")
    shutil.copytree(at_work / "index", after / "index")

    with TeamMemory.open(after, background=False, progress=False) as team:
        assert [hit.memory.text for hit in team.recall("INV-2222")] in ([], ["INV-1111 is open"])
        assert edge(team).count() == 1
