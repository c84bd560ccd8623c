"""Many threads on one store, while index builds and swaps go on: nobody fails, and nothing gets lost between them."""

import random
import sqlite3
import threading
from collections import defaultdict
from contextlib import closing

import pytest

from benchmarks.crash_checks import Held, Model, Sight, inspect
from tests.crash.processes import edge, soon
from transactive import Memory, NewMemory, TeamMemory
from transactive.errors import TransactiveError
from transactive.index.edge import EdgeIndex
from transactive.ledger import memories

pytestmark = pytest.mark.slow

THREADS, CALLS, CONTENDED = 8, 120, 4
SUBJECTS = ("the refund for the annual plan", "a slow query on the orders table", "the onboarding call", "the outage")


class Worker(threading.Thread):
    """One agent that calls every verb, mostly on its own memories, sometimes on those that all of them revise."""

    def __init__(self, team, number, contended):
        super().__init__(daemon=True)
        self.agent = team.agent(f"agent-{number}")
        self.team = team
        self.contended = contended
        self.revisions = []
        self.live, self.gone, self.forgets = {}, {}, {}
        self.error = None
        self._random = random.Random(number)
        self._made = 0

    def run(self):
        verbs = [self.remember, self.remember_many, self.recall, self.revise, self.contend, self.forget, self.undo]
        try:
            for _ in range(CALLS):
                self._random.choices(verbs, weights=[30, 6, 25, 15, 10, 9, 5])[0]()
        except BaseException as error:  # noqa: BLE001  # the test shows it
            self.error = error

    def _new(self):
        self._made += 1
        key = f"{self.agent.name.upper()}-{self._made:05d}"
        session = self._random.choice([None, f"talk-{self.agent.name}"])
        text = f"{key}: {self._random.choice(SUBJECTS)}"
        return key, NewMemory(text=text, tags=["note"], metadata={"n": self._made}, session=session)

    def _keep(self, key, memory):
        self.live[key] = Held(memory.uid, memory.agent, memory.text, memory.version)

    def remember(self):
        key, new = self._new()
        self._keep(key, self.agent.publish(new.text, tags=new.tags, metadata=new.metadata, session=new.session))

    def remember_many(self):
        new = dict(self._new() for _ in range(self._random.randint(5, 60)))
        for key, memory in zip(new, self.agent.remember_many(list(new.values())), strict=True):
            self._keep(key, memory)

    def recall(self):
        if self.live:
            key = self._random.choice(list(self.live))
            hits = self.agent.recall(f"what was said about {key}?", limit=3)
            assert hits[0].memory.text == self.live[key].text

    def revise(self):
        if self.live:
            key = self._random.choice(list(self.live))
            text = f"{key}: corrected, {self._random.choice(SUBJECTS)} {self._random.random()}"
            self._keep(key, self.agent.revise(self.live[key].uid, text=text))

    def contend(self):
        key, uid = self._random.choice(list(self.contended.items()))
        text = f"{key}: {self._random.choice(SUBJECTS)}, as {self.agent.name} says {self._random.random()}"
        self.revisions.append((key, self.team.revise(uid, text=text)))

    def forget(self):
        if self.live:
            key = self._random.choice(list(self.live))
            self.forgets[key] = self.agent.forget(self.live[key].uid)
            self.gone[key] = self.live.pop(key)

    def undo(self):
        if self.gone:
            key = self._random.choice(list(self.gone))
            assert self.agent.undo(self.forgets.pop(key)) == 1
            self.live[key] = self.gone.pop(key)


def last_revisions(workers):
    """What the contended memories must have become: each version was acknowledged to one thread."""
    versions: defaultdict[str, dict[int, Memory]] = defaultdict(dict)
    for worker in workers:
        for key, memory in worker.revisions:
            assert versions[key].setdefault(memory.version, memory) is memory, "two threads were told one version"
    for by_version in versions.values():
        assert sorted(by_version) == list(range(2, len(by_version) + 2))
    return {key: by_version[max(by_version)] for key, by_version in versions.items()}


def test_eight_threads_find_and_leave_exactly_what_was_acknowledged_to_them(tmp_path):
    with TeamMemory.open(tmp_path, build_at=200, progress=False) as team:
        contended = {
            key: team.publish(f"{key}: nothing yet", tags=["note"], metadata={"n": n}).uid
            for n, key in enumerate(f"CASE-{n:05d}" for n in range(CONTENDED))
        }
        first = edge(team).generation
        workers = [Worker(team, number, contended) for number in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.error for worker in workers if worker.error is not None] == []
        assert soon(lambda: edge(team).generation != first), "no build was swapped in meanwhile"

        model = Model()
        for worker in workers:
            model.live |= worker.live
            model.gone |= worker.gone
        for key, memory in last_revisions(workers).items():
            model.live[key] = Held(memory.uid, memory.agent, memory.text, memory.version)
        model.touched = set(contended) | set(model.gone)
        assert inspect(Sight(team=team, swept=False, random=random.Random(1), others=150), model) == (0, [])
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        assert ledger.execute("SELECT * FROM pending").fetchall() == []
    with TeamMemory.open(tmp_path, background=False, progress=False) as team:
        assert inspect(Sight(team=team, swept=True, random=random.Random(2)), model) == (0, [])


def test_the_index_keeps_the_last_revision_even_when_an_earlier_one_reaches_it_later(tmp_path, monkeypatch):
    with TeamMemory.open(tmp_path, background=False) as team:
        kept = team.remember("CASE-00001: the refund for the annual plan", tags=["note"], metadata={"n": 1})
        settling = team._engine.settling
        wrote, committed, overtaken = settling.wrote, threading.Event(), threading.Event()

        def delayed(*arguments):
            if threading.current_thread() is slow:
                committed.set()
                assert overtaken.wait(30)
            wrote(*arguments)

        monkeypatch.setattr(settling, "wrote", delayed)
        slow = threading.Thread(target=lambda: team.revise(kept.uid, text="CASE-00001: a slow query"))
        slow.start()
        assert committed.wait(30)
        last = team.revise(kept.uid, text="CASE-00001: the onboarding call was moved to Monday")
        overtaken.set()
        slow.join()

        model = Model(live={"CASE-00001": Held(last.uid, last.agent, last.text, 3)})
        assert inspect(Sight(team=team, swept=True, random=random.Random(1)), model) == (0, [])
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        assert ledger.execute("SELECT * FROM pending").fetchall() == []


def test_a_recall_leaves_nothing_out_when_another_thread_forgets_in_the_middle_of_it(tmp_path, monkeypatch):
    with TeamMemory.open(tmp_path, background=False) as team:
        team.remember_many([f"NOTE-{n:05d} of the archive" for n in range(10)])
        gone = team.remember("a mistake")
        assert len(team.recall("archive", limit=20)) == 11
        team.remember("NOTE-00010 of the archive")
        read = memories.traits

        def interrupted(*arguments):
            if gone.uid in {memory.uid for memory in team.list()}:
                team.forget(gone.uid)
            return read(*arguments)

        monkeypatch.setattr(memories, "traits", interrupted)
        assert len({hit.memory.text for hit in team.recall("archive", limit=20)} - {gone.text}) == 11


def test_what_is_written_just_when_a_reindex_ends_is_found_and_nothing_fails(tmp_path, monkeypatch, caplog):
    with TeamMemory.open(tmp_path, background=False, progress=False) as team:
        team.remember("NOTE-00000 of the archive")
        publish, failed = EdgeIndex.publish, []

        def write():
            try:
                for number in range(1, 4):
                    team.remember(f"NOTE-{number:05d} of the archive")
                team._engine.settling.tidy(now=True)  # as the background thread does
                team.remember("NOTE-00004 of the archive")
            except TransactiveError as error:
                failed.append(error)

        writer = threading.Thread(target=write)

        def interrupted(index):
            publish(index)
            writer.start()
            writer.join(0.5)  # it may have to wait until the new index is in use

        monkeypatch.setattr(EdgeIndex, "publish", interrupted)
        team.reindex(progress=False)
        writer.join(30)
        assert not writer.is_alive()
        assert failed == []
        for number in range(5):
            key = f"NOTE-{number:05d}"
            assert [hit.memory.text for hit in team.recall(key, limit=1)] == [f"{key} of the archive"]
        assert edge(team).count() == 5
    assert [record.getMessage() for record in caplog.records] == []


def test_recalls_go_on_while_another_thread_swaps_the_index(tmp_path):
    with TeamMemory.open(tmp_path, build_at=10**9, progress=False) as team:
        team.remember_many([f"NOTE-{n:05d} of the archive" for n in range(400)])
        stopped, wrong = threading.Event(), []

        def read():
            chosen = random.Random(1)
            while not stopped.is_set():
                key = f"NOTE-{chosen.randrange(400):05d}"
                found = [hit.memory.text for hit in team.recall(key, limit=1)]
                if found != [f"{key} of the archive"]:
                    wrong.append((key, found))

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        generations = {edge(team).generation}
        for _ in range(2):
            assert team.maintain(build=True).built
            generations.add(edge(team).generation)
        team.reindex(progress=False)
        generations.add(edge(team).generation)
        stopped.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert len(generations) == 4


def test_a_build_that_had_nothing_to_index_is_not_repeated(tmp_path):
    with TeamMemory.open(tmp_path, build_at=50, background=False, progress=False) as team:
        index, poll = edge(team), team._engine.maintaining.poll
        team.remember_many([f"NOTE-{n:05d}" for n in range(60)])
        first = index.generation

        def built():
            poll()
            return index.generation != first

        assert soon(built, 30)
        poll()
        assert not index.building
        team.remember_many([f"NOTE-{n:05d}" for n in range(60, 120)])
        poll()
        assert index.building
