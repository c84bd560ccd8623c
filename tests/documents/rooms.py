"""What the stories about documents and checkpoints stand on: places, fruit that lies on axes, and what is written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, MutableSequence, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event

from tests.team.stores import written
from transactive import Agent, TeamMemory
from transactive.records import Document

HOME = "agents/ana"
ROOMS = ("documents", "threads", "checkpoints", "checkpoint_values", "checkpoint_parts", "checkpoint_writes")
_ROOT = Path(__file__).resolve().parents[2]
_AXES = ("apple", "pear", "car", "bus")


def axes(texts: Sequence[str]) -> list[list[float]]:
    """A text lies where its words do: each of four words is a direction, and any other text is in the middle."""
    found = [[float(text.split().count(word)) for word in _AXES] for text in texts]
    return [vector if any(vector) else [1.0] * len(_AXES) for vector in found]


def rows(team: TeamMemory, tables: Iterable[str] = ROOMS) -> dict[str, int]:
    """How many rows each of these tables of the ledger holds."""
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        return {table: int(ledger.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]) for table in tables}


def everything(team: TeamMemory) -> dict[str, Any]:
    """How many rows a write would add to."""
    return {**written(team), **rows(team)}


def after_reading(team: TeamMemory, what: str, waiting: MutableSequence[Any]) -> None:
    """Once this store has read something from its ledger, let the last call that waits run before it goes on."""

    def read(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if what in statement and waiting:
            waiting.pop()()

    event.listen(team._engine.store.ledger._reader, "after_cursor_execute", read)


def keys(found: Iterable[Any]) -> list[str]:
    """The keys of documents, or of hits, in their order."""
    return [item.key if isinstance(item, Document) else item.document.key for item in found]


def of(agent: Agent, key: str, place: str = HOME) -> Document:
    """A document that is there."""
    found = agent.documents.get(place, key)
    assert found is not None
    return found


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, and wait for its end."""
    path = os.pathsep.join(map(str, (_ROOT, _ROOT / "core")))
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
