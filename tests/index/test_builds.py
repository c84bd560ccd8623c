"""An index build in a child process: nobody waits for it, nothing is lost meanwhile, and it dies with its parent."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.index.edge import open_edge
from transactive.errors import IndexUnavailable
from transactive.filters import equals
from transactive.index.build import Build, main
from transactive.index.edge import EdgeIndex
from transactive.index.generations import Generations, builder_lock
from transactive.index.lock import FileLock
from transactive.index.protocol import Search
from transactive.testing import HashEmbedder, sample_points
from transactive.testing.points import point, sparse_query, uid_of
from transactive.testing.suite import all_uids, found

DEADLINE = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def index(folder: Path) -> Iterator[EdgeIndex]:
    """An index with forty points."""
    index = open_edge(folder)
    index.upsert(sample_points(40))
    yield index
    index.close()


def generations(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("g-"))


def taken(index: EdgeIndex) -> None:
    """Wait for the build and take its result."""
    assert index.wait_build(DEADLINE)
    assert index.take_build()


def poll(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def ended(pid: int) -> bool:
    """Whether a process is gone, or is only waiting to be asked for its exit code."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


# --- the swap ---------------------------------------------------------------------------------------------------------


def test_a_build_puts_a_new_generation_in_the_place_of_the_old(index: EdgeIndex, folder: Path) -> None:
    old = index.generation
    index.start_build()
    assert index.building
    assert (index.generation, index.count()) == (old, 40)  # which goes on answering
    taken(index)
    assert (index.building, index.count()) == (False, 40)
    assert index.generation != old
    assert generations(folder) == [index.generation]
    current = Generations(folder).current()
    assert current is not None
    assert (current.folder.name, current.signature) == (index.generation, {"dimensions": 64})


def test_what_is_written_during_a_build_is_there_after_the_swap(index: EdgeIndex, folder: Path) -> None:
    some = sample_points(40)
    index.start_build()
    index.upsert([point("written meanwhile", tags=("new",))])
    index.delete([some[0].uid, some[1].uid])
    index.upsert([point("another text", name="replaced"), point("the latest text", name="replaced")])
    index.upsert([some[1]])  # deleted, and back again
    index.upsert([point("written and deleted")])
    index.delete([uid_of("written and deleted")])
    during = all_uids(index)
    taken(index)
    expected = {p.uid for p in some[1:]} | {uid_of("written meanwhile"), uid_of("replaced")}
    assert during == expected
    for _ in range(2):
        assert all_uids(index) == expected
        assert index.count() == len(expected)
        assert found(index, "latest")["terms"] == [uid_of("replaced")]
        assert found(index, "another")["terms"] == []
        assert index.count(equals("tags", "new")) == 1
        index.close()
        index = open_edge(folder)
    index.close()


def test_what_is_written_after_the_builder_ended_is_there_after_the_swap(index: EdgeIndex) -> None:
    index.start_build()
    assert index.wait_build(DEADLINE)
    index.upsert([point("late")])
    index.delete([sample_points(1)[0].uid])
    assert index.take_build()
    assert index.count() == 40
    assert found(index, "late")["terms"] == [uid_of("late")]


def test_many_writes_during_a_build_are_brought_over_in_portions(index: EdgeIndex) -> None:
    index.start_build()
    index.upsert([point(f"many {n}", tags=("many",)) for n in range(650)])
    index.delete([uid_of(f"many {n}") for n in range(100, 200)])
    taken(index)
    assert index.count() == 40 + 550
    assert index.count(equals("tags", "many")) == 550


def test_a_built_point_keeps_its_vectors_and_fields(index: EdgeIndex) -> None:
    some = sample_points(40)
    index.start_build()
    index.upsert(some[:20])  # half of them replayed, half of them copied
    taken(index)
    vectors = index.vectors([p.uid for p in some])
    for stored in some:
        assert vectors[stored.uid] == pytest.approx(stored.dense, abs=1e-6)
    for agent, count in Counter(p.fields.agent for p in some).items():
        assert index.count(equals("agent", agent)) == count


def test_there_is_one_build_at_a_time(index: EdgeIndex, folder: Path) -> None:
    index.start_build()
    index.start_build()
    assert len(generations(folder)) <= 3  # two generations, and the lock of one
    taken(index)
    assert not index.take_build()
    assert not index.wait_build(0)


def test_nothing_is_taken_before_the_builder_has_ended(index: EdgeIndex) -> None:
    assert not index.take_build()
    index.start_build()
    old = index.generation
    if not index.wait_build(0):  # as good as always: a process takes longer to start than this
        assert not index.take_build() or index.generation != old
    poll(lambda: index.wait_build(0.05), "the builder ends")
    index.take_build()
    assert index.generation != old


def test_builds_follow_each_other(index: EdgeIndex, folder: Path) -> None:
    for n in range(3):
        index.upsert([point(f"before build {n}")])
        index.start_build()
        index.upsert([point(f"during build {n}")])
        taken(index)
    assert index.count() == 46
    assert generations(folder) == [index.generation]


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [16, 256])
def test_a_build_makes_the_graph(folder: Path, dimensions: int) -> None:
    """What was scanned one by one is so no longer, and the answers stay."""
    model = HashEmbedder(dimensions)
    index = open_edge(folder, dimensions=dimensions)
    try:
        index.upsert(sample_points(3_000, embedder=model))
        assert index.unindexed() == 3_000
        before = nearest(index, model)
        index.start_build()
        taken(index)
        assert index.unindexed() == 0
        assert len(set(before) & set(nearest(index, model))) >= 40  # of 50: a graph is nearly exact
        index.upsert([point("one more", embedder=model)])
        assert index.unindexed() == 1
    finally:
        index.close()


def nearest(index: EdgeIndex, model: HashEmbedder) -> list[int]:
    """The fifty points whose text is most like a question."""
    query = model.embed_query("The courier lost invoice INV-77 twice")
    return index.candidates(Search(dense=query, terms=sparse_query("courier"), depth=50))[2].keys


# --- builds that come to nothing --------------------------------------------------------------------------------------


def test_a_stopped_build_leaves_the_old_generation(index: EdgeIndex, folder: Path) -> None:
    old = index.generation
    index.start_build()
    index.upsert([point("written meanwhile")])
    index.stop_build()
    index.stop_build()
    assert not index.building
    assert (index.generation, index.count()) == (old, 41)
    assert generations(folder) == [old]
    assert not index.take_build()
    index.start_build()  # and another one may follow
    taken(index)
    assert index.count() == 41


def test_closing_stops_a_build(index: EdgeIndex, folder: Path) -> None:
    old = index.generation
    index.start_build()
    index.close()
    assert generations(folder) == [old]
    again = open_edge(folder)
    assert again.count() == 40
    again.close()


def test_clearing_stops_a_build(index: EdgeIndex, folder: Path) -> None:
    index.start_build()
    index.clear()
    assert not index.building
    assert not index.take_build()
    assert index.count() == 0
    assert generations(folder) == [index.generation]


def test_a_failing_builder_is_an_error_and_the_old_generation_stays(
    index: EdgeIndex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = index.generation
    with monkeypatch.context() as broken:
        broken.setenv("PYTHONHOME", str(folder))  # no interpreter starts with this
        index.start_build()
    index.upsert([point("written meanwhile")])
    assert index.wait_build(DEADLINE)
    with pytest.raises(IndexUnavailable, match=r"(?s)the index build failed .exit code 1: .*searches go on without it"):
        index.take_build()
    assert not index.building
    assert (index.generation, index.count()) == (old, 41)
    assert generations(folder) == [old]
    assert not index.take_build()  # said once
    index.start_build()  # and the next one works
    taken(index)
    assert index.count() == 41


def test_a_builder_that_is_killed_is_an_error_and_the_old_generation_stays(index: EdgeIndex, folder: Path) -> None:
    old = index.generation
    index.start_build()
    assert index._build is not None
    index._build._process.kill()
    assert index.wait_build(DEADLINE)
    index.upsert([point("written meanwhile")])
    with pytest.raises(IndexUnavailable, match=r"the index build failed.*searches go on without it"):
        index.take_build()
    assert not index.building
    assert (index.generation, index.count()) == (old, 41)
    current = Generations(folder).current()
    assert current is not None
    assert current.folder.name == old
    assert generations(folder) == [old]


def test_a_folder_that_is_no_shard_fails_with_what_the_engine_said(tmp_path: Path) -> None:
    (tmp_path / "g-000001").mkdir()
    build = Build(tmp_path / "g-000001")
    assert build.wait(DEADLINE)
    said = build.outcome()
    assert said is not None
    assert said.startswith("exit code 1: ")
    assert "g-000001" in said or "config" in said.lower()


def test_a_generation_that_another_builder_holds_is_left_alone(tmp_path: Path) -> None:
    generation = tmp_path / "g-000001"
    lock = FileLock(builder_lock(generation))
    assert lock.acquire()
    build = Build(generation)
    assert build.wait(DEADLINE)
    said = build.outcome()
    assert said is not None
    assert said.startswith("exit code 3: another builder works on")
    lock.release()


# --- the child and its parent -----------------------------------------------------------------------------------------


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[Path]:
    """A generation whose build never ends: the worker waits for somebody to write its settings."""
    generation = tmp_path / "g-000001"
    generation.mkdir()
    os.mkfifo(generation / "edge_config.json")
    yield generation
    lock = FileLock(builder_lock(generation))
    if not lock.acquire():  # only where a test has failed
        os.kill(int(lock.owner()["pid"]), signal.SIGKILL)
    lock.release()


def worker_of(generation: Path) -> int:
    """The pid of the worker that holds a generation."""
    lock = FileLock(builder_lock(generation))
    poll(lambda: "pid" in lock.owner(), "the worker takes its lock")
    return int(lock.owner()["pid"])


def test_a_builder_at_work_is_waited_for_no_longer_than_asked(endless: Path) -> None:
    build = Build(endless)
    worker = worker_of(endless)
    assert build.running
    assert not build.wait(0.01)
    assert not ended(worker)
    assert not FileLock(builder_lock(endless)).acquire()
    build.stop()


def test_the_worker_dies_when_the_builder_is_stopped(endless: Path) -> None:
    build = Build(endless)
    worker = worker_of(endless)
    build.stop()
    assert not build.running
    poll(lambda: ended(worker), "the worker ends")
    lock = FileLock(builder_lock(endless))
    assert lock.acquire()  # the operating system gave it up
    lock.release(delete=True)


PARENT = """
import sys
from pathlib import Path
from transactive.index.build import Build
build = Build(Path(sys.argv[1]))
print(build._process.pid, flush=True)
build.wait()
"""


def test_the_worker_dies_when_the_parent_is_killed(endless: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(endless)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        supervisor = int(parent.stdout.readline())
        worker = worker_of(endless)
        assert not ended(supervisor)
        assert not ended(worker)
        parent.kill()
    poll(lambda: ended(worker) and ended(supervisor), "supervisor and worker end")


def test_a_supervisor_without_a_parent_ends_its_worker_at_once(endless: Path) -> None:
    command = [sys.executable, "-m", "transactive.index.build", str(endless)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode != 0


def test_a_worker_builds_in_the_process_that_calls_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "nice", lambda _: 0)  # it would slow every test that follows
    index = open_edge(folder)
    index.upsert(sample_points(5))
    index.close()
    generation = folder / index.generation
    assert main([str(generation), "--work"]) == 0
    assert not builder_lock(generation).exists()
    again = open_edge(folder)
    assert again.count() == 5
    again.close()
