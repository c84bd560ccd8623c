"""After a purge no text, and after an erasure nothing of a user, is in any file of the store."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.crash.processes import Child
from tests.team.stores import Clock, opened, texts
from tests.team.traces import Customer, found_in, leaks, peopled, rare, reopened, runs
from transactive import NewMemory, Policy, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, NotFound

KILLED = -signal.SIGKILL if sys.platform != "win32" else 1
DIE = """
import os, signal, sys
from datetime import datetime
from tests.team.stores import Clock
from tests.team.traces import reopened
from transactive.ledger.database import Database
from transactive.paths.maintain import Maintaining
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
clock = Clock(datetime.fromisoformat(sys.argv[2]))
"""


@pytest.fixture
def another_process():
    """Starts another process at a store; none outlives its test."""
    started: list[Child] = []

    def start(folder: Path, **options: object) -> Child:
        started.append(Child(folder, **options))
        return started[-1]

    yield start
    for child in started:
        child.kill()


@pytest.fixture
def store(tmp_path):
    """A store's folder, its clock, and the two customers that it knows."""
    clock = Clock()
    team, one, other = peopled(tmp_path / "store", clock)
    with team:
        yield team, clock, one, other


def everything(customer: Customer) -> list[str]:
    return [*customer.texts, *customer.labels]


def still_recalled(team: TeamMemory, other: Customer) -> None:
    """What is remembered of somebody else is all there, and found."""
    assert found_in(team.path, everything(other)) == set(everything(other))
    for number in range(0, 120, 24):
        word = other.texts[3 * number]
        hits = team.recall(word, limit=3)
        assert any(word in hit.memory.text for hit in hits), word


# --- erase ------------------------------------------------------------------------------------------------------------


def test_the_files_hold_every_word_before_it_is_erased(store):
    """Without this the searches below would prove nothing."""
    team, _, one, _ = store
    assert found_in(team.path, everything(one)) == set(everything(one))


def test_an_erased_user_is_in_no_file(store):
    team, _, one, other = store
    before = {memory.uid for memory in team.list(limit=1000) if memory.user == other.name}
    about = team.count({"user": one.name})

    erased = team.erase(user=one.name)
    assert leaks(team.path, everything(one)) == set()
    assert erased.memories > about, "what was forgotten, and what others derived, went too"
    assert erased.sessions == 1
    assert team.count({"user": one.name}) == 0
    assert all(one.name not in str(info) for info in team.sessions())
    assert {memory.uid for memory in team.list(limit=1000) if memory.user == other.name} == before
    still_recalled(team, other)
    team.close()
    assert leaks(team.path, everything(one)) == set()


def test_the_audit_keeps_only_that_it_happened(store):
    team, clock, one, _ = store
    erased = team.erase(user=one.name)
    entry = team.audit.list(actions="erase")[-1]
    assert (entry.principal, entry.count, entry.at) == ("owner", erased.memories, clock.now)
    counts = {"sessions": 1, "documents": 0, "threads": 0, "coordinated": 0}
    assert dict(entry.details) == {"sources": erased.sources, **counts}
    assert team.audit.verify()


def test_an_erased_user_can_come_back_and_be_erased_again(store):
    team, _, one, other = store
    team.erase(user=one.name)
    word = rare("back")
    team.agent("ana", user=one.name).remember(f"Back again: {word}")
    assert texts(team.recall(word, limit=1)) == [f"Back again: {word}"]
    assert team.erase(user=one.name).memories == 1
    assert leaks(team.path, [word, *everything(one)]) == set()
    assert team.erase(user=one.name).memories == 0
    still_recalled(team, other)


def test_only_the_owner_erases_and_only_where_the_index_is(tmp_path):
    with opened(tmp_path) as team, opened(tmp_path, index=None) as beside:
        team.agent("ana", user="u").remember("about u")
        with pytest.raises(AccessDenied):
            team._engine.maintaining.erase(team.agent("ana")._identity, "u", False)
        with pytest.raises(InvalidInput, match="index"):
            beside.erase(user="u")
        assert team.count() == 1


def test_nothing_is_left_when_another_process_has_it_open_too(tmp_path, another_process):
    clock = Clock()
    team, one, other = peopled(tmp_path / "store", clock, each=40)
    with team:
        child = another_process(team.path, index=None).opened()
        assert int(child.ask("count")) == team.count()
        child.tell("write", "dan", 20)
        assert child.answer() == 20
        team.erase(user=one.name)
        assert leaks(team.path, everything(one)) == set()
        assert child.ask("count", {"user": one.name}) == "0"
        assert found_in(team.path, everything(other)) == set(everything(other))


def test_an_erasure_that_was_killed_before_the_index_was_rebuilt_is_finished_at_the_next_open(tmp_path):
    clock, folder = Clock(), tmp_path / "store"
    team, one, other = peopled(folder, clock)
    team.close()
    code = DIE + "Maintaining._renew = die\nreopened(sys.argv[1], clock).erase(user=sys.argv[3])"
    assert runs(code, folder, clock.now.isoformat(), one.name) == KILLED
    with reopened(folder, clock) as team:
        assert leaks(folder, everything(one)) == set()
        assert team.count({"user": one.name}) == 0
        still_recalled(team, other)


def test_an_erasure_that_was_killed_after_the_index_was_rebuilt_is_finished_too(tmp_path):
    clock, folder = Clock(), tmp_path / "store"
    team, one, other = peopled(folder, clock, each=40)
    team.close()
    code = DIE + "Database.scrub = die\nreopened(sys.argv[1], clock).erase(user=sys.argv[3])"
    assert runs(code, folder, clock.now.isoformat(), one.name) == KILLED
    with reopened(folder, clock) as team:
        assert leaks(folder, everything(one)) == set()
        assert found_in(team.path, everything(other)) == set(everything(other))


def test_an_open_without_the_index_after_such_a_kill_does_not_call_it_finished(tmp_path):
    clock, folder = Clock(), tmp_path / "store"
    team, one, _ = peopled(folder, clock, each=40)
    team.close()
    code = DIE + "Maintaining._renew = die\nreopened(sys.argv[1], clock).erase(user=sys.argv[3])"
    assert runs(code, folder, clock.now.isoformat(), one.name) == KILLED
    with reopened(folder, clock, index=None) as beside:
        assert beside.count({"user": one.name}) == 0
    reopened(folder, clock).close()
    assert leaks(folder, everything(one)) == set()


def test_erasing_leaves_no_trace_however_the_rows_were_shuffled(tmp_path):
    """Pages split and rows move to others; what a row was must not stay in the gap that it left."""
    folder, victim, others = tmp_path / "store", Customer("victim"), Customer("others")
    with opened(folder) as team:
        for number in range(150):
            one = others if number % 3 else victim
            item = replace(one.item(number, 80 + 37 * number % 900), tags=[one.label() for _ in range(20)])
            (memory,) = team.remember_many([item])
            if number % 4 == 0:
                team.revise(memory.uid, tags=[*memory.tags, "x" * (number + 1)])
        team.erase(user=victim.name)
        assert leaks(folder, everything(victim)) == set()
        assert found_in(folder, others.texts) == set(others.texts)


# --- purge ------------------------------------------------------------------------------------------------------------


def purged_store(team: TeamMemory, clock: Clock, one: Customer) -> None:
    """All about a customer, and all that came from it, is forgotten, and the horizon is passed."""
    forgotten = team.forget(where={"user": one.name}, derived=True)
    assert team.undo(forgotten) == forgotten.count
    forgotten = team.forget(where={"user": one.name}, derived=True)
    assert team.maintain(build=False).purged == 0
    clock.advance(timedelta(days=31))
    assert found_in(team.path, one.texts) == set(one.texts), "until maintain() has purged it"
    assert team.maintain(build=False).purged >= forgotten.count
    with pytest.raises(NotFound):
        team.undo(forgotten)


def test_past_the_horizon_a_purged_text_is_in_no_file(store):
    team, clock, one, other = store
    purged_store(team, clock, one)
    assert leaks(team.path, one.texts) == set()
    assert team.audit.list(actions="purge")
    word = other.texts[0]
    assert word in team.recall(word, limit=1)[0].memory.text
    team.close()
    assert leaks(team.path, one.texts) == set()


def test_a_purge_that_was_killed_before_the_full_text_was_merged_is_finished_later(tmp_path):
    clock, folder = Clock(), tmp_path / "store"
    team, one, _ = peopled(folder, clock, each=40)
    team.forget(where={"user": one.name}, derived=True)
    team.close()
    clock.advance(timedelta(days=31))
    code = DIE + "Database.scrub = die\nreopened(sys.argv[1], clock).maintain(build=False)"
    assert runs(code, folder, clock.now.isoformat()) == KILLED
    with reopened(folder, clock) as team:
        team.maintain(build=False)
        assert team.count({"user": one.name}) == 0
        assert leaks(folder, one.texts) == set()


@pytest.mark.parametrize("size", [100, 3_000, 200_000], ids=["short", "one page", "overflow pages"])
def test_a_text_of_any_size_is_gone_past_its_horizon(tmp_path, clock, size):
    one = Customer("one")
    with opened(tmp_path, clock=clock) as team:
        team.namespaces.configure("**", Policy(purge_after="1d"))
        kept = [team.remember(f"kept {rare('kept', number)}").text for number in range(30)]
        uids = [memory.uid for memory in team.remember_many([one.item(number, size) for number in range(8)])]
        for uid in uids[:4]:
            team.revise(uid, text=f"short {one.word()}")
            team.revise(uid, text=f"{one.item(0, size).text}")
        for uid in uids:
            team.forget(uid)
        clock.advance(timedelta(days=2))
        assert team.maintain(build=False).purged == len(uids)
        assert leaks(tmp_path, one.texts) == set()
        assert sorted(texts(team.list(limit=100))) == sorted(kept)


def test_what_expired_is_purged_as_what_was_forgotten(tmp_path, clock):
    word = rare("short-lived")
    with opened(tmp_path, clock=clock) as team:
        team.remember_many([NewMemory(text=f"{word} {n}", kind="episodic", ttl="1h") for n in range(5)])
        clock.advance(timedelta(hours=2))
        assert team.maintain(build=False).expired == 5
        assert leaks(tmp_path, [word])
        clock.advance(timedelta(days=31))
        assert team.maintain(build=False).purged == 5
        assert leaks(tmp_path, [word]) == set()
