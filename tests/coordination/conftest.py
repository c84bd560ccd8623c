"""An open store for each story, and what the stories look at it with."""

import itertools
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from tests.crash.conftest import another
from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.records import Event

__all__ = ["another"]  # a fixture: another process at a store

IDLE = timedelta(milliseconds=20)
"""How long a follower waits in a story for what will not come."""
PATIENCE = 20.0
"""Seconds in which whatever must happen has happened, on a busy machine too."""


@pytest.fixture
def clock() -> Clock:
    """The clock of `team`."""
    return Clock()


@pytest.fixture
def team(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary store with a small embedding model."""
    with opened(clock=clock) as team:
        yield team


@pytest.fixture
def bare(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary store without an index, which is opened faster: for stories in which nothing is searched for."""
    with opened(clock=clock, index=None) as team:
        yield team


class Following(threading.Thread):
    """A thread that follows: what it gets can be waited for, and the error that ended it is kept."""

    def __init__(self, follower: Iterator[Any]) -> None:
        super().__init__(daemon=True)
        self.error: Exception | None = None
        self._follower = follower
        self._got: queue.Queue[Any] = queue.Queue()
        self.start()

    def run(self) -> None:
        try:
            for item in self._follower:
                self._got.put(item)
        except Exception as error:  # noqa: BLE001  # the story looks at it
            self.error = error

    def next(self, seconds: float = PATIENCE) -> Any:
        """The next one that it gets."""
        return self._got.get(timeout=seconds)

    def ended(self) -> bool:
        """Whether it ends in time, and without an error."""
        self.join(PATIENCE)
        return not self.is_alive() and self.error is None and self._got.empty()


def numbers(team: TeamMemory) -> list[int]:
    """The numbers of the events, as the ledger holds them."""
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        return [number for (number,) in ledger.execute("SELECT number FROM events ORDER BY number")]


def types(events: Iterator[Event] | Any) -> list[str]:
    """The types of events, in their order."""
    return [event.type for event in events]


def in_threads(count: int, work: Callable[[int], object]) -> None:
    """Do work in several threads at once; whatever goes wrong in one of them is raised."""
    start = threading.Barrier(count)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001  # raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in itertools.islice(errors, 1):
        raise error
