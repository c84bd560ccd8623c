"""One holder at a time, whoever it is and however it ends."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transactive.index.lock import FileLock

HOLDER = """
import sys
from pathlib import Path
from transactive.index.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "not made yet" / "owner.lock"


@contextmanager
def another_process(path: Path) -> Generator[subprocess.Popen[str]]:
    """A process that has tried to take the lock, and waits for the end of its stdin."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_lock_is_held_by_one(path: Path) -> None:
    first, second = FileLock(path), FileLock(path)
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_a_holder_can_be_named(path: Path) -> None:
    lock = FileLock(path)
    assert lock.acquire()
    owner = FileLock(path).owner()
    assert (owner["pid"], owner["host"]) == (os.getpid(), socket.gethostname())
    assert abs(datetime.now(UTC) - datetime.fromisoformat(owner["since"])) < timedelta(minutes=1)
    lock.release()


def test_who_fails_to_take_it_leaves_the_holders_name(path: Path) -> None:
    with another_process(path) as process:
        assert said(process) == "True"
        assert not FileLock(path).acquire()
        assert FileLock(path).owner()["pid"] == process.pid


def test_a_shorter_name_replaces_a_longer_one_whole(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"pid": 1, "host": "a-very-long-name" * 100}))
    lock = FileLock(path)
    assert lock.acquire()
    assert lock.owner()["pid"] == os.getpid()
    lock.release()


@pytest.mark.parametrize("text", ["", "half a", "[1]", "\udcff"])
def test_an_unreadable_name_is_no_error(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert FileLock(path).owner() == {}


def test_an_absent_file_names_nobody(path: Path) -> None:
    assert FileLock(path).owner() == {}


def test_another_process_holds_it_until_it_is_killed(path: Path) -> None:
    with another_process(path) as process:
        assert said(process) == "True"
        lock = FileLock(path)
        assert not lock.acquire()
        process.kill()
        process.wait()
        assert lock.acquire()
        lock.release()


def test_this_process_keeps_another_out(path: Path) -> None:
    lock = FileLock(path)
    assert lock.acquire()
    with another_process(path) as process:
        assert said(process) == "False"
    lock.release()
    with another_process(path) as process:
        assert said(process) == "True"


def test_releasing_what_is_not_held_is_harmless(path: Path) -> None:
    holder, other = FileLock(path), FileLock(path)
    other.release()
    assert holder.acquire()
    other.release(delete=True)
    assert path.exists()
    assert not other.acquire()
    holder.release()
    holder.release()


def test_a_lock_can_be_deleted_when_it_is_given_up(path: Path) -> None:
    lock = FileLock(path)
    assert lock.acquire()
    lock.release(delete=True)
    assert not path.exists()
    assert lock.acquire()
    lock.release()
