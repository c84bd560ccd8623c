"""What the stories of working together share: looks into the ledger, a crowd of threads, and work to hand over."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

from transactive import Agent, TeamMemory
from transactive.records import Claim

T = TypeVar("T")


def rows(team: TeamMemory, *without: str) -> dict[str, int]:
    """How many rows each table of the ledger holds."""
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'memory_text%'"
        tables = sorted(str(name) for (name,) in ledger.execute(named))
        return {
            table: int(ledger.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])
            for table in tables
            if table not in without
        }


def said(team: TeamMemory, *tables: str) -> str:
    """All that some tables of the ledger hold, as one text."""
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        return "\n".join(repr(row) for table in tables for row in ledger.execute(f'SELECT * FROM "{table}"'))


def at_once(threads: int, call: Callable[[int], T]) -> list[T | Exception]:
    """What each of several threads gets from a call that all make at the same moment; what it raised, if it did."""
    together = threading.Barrier(threads)

    def one(number: int) -> T | Exception:
        together.wait(timeout=30)
        try:
            return call(number)
        except Exception as error:  # noqa: BLE001  # it is what the story is about
            return error

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))


def claimed(agent: Agent, text: str = "Refund invoice INV-5687") -> Claim:
    """A task that an agent has posted for itself and works on."""
    claim = agent.tasks.claim(agent.tasks.post(text, assignee=agent.name), lease="1h")
    assert claim is not None
    return claim


def types(team: TeamMemory, after: str | None = None, only: Sequence[str] | None = None) -> list[str]:
    """The types of events, in order."""
    return [event.type for event in team.events.list(after=after, types=only)]
