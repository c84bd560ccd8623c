"""What the stories about a team stand on: a small deterministic model, a clock, and a look into the ledger."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from transactive import TeamMemory

DIMENSIONS = 8
START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def small_embedder(texts: Sequence[str]) -> list[list[float]]:
    """Eight numbers above 0 for each text: any two texts have a cosine above 0, so a recall reaches every memory."""
    return [[byte + 1.0 for byte in hashlib.blake2b(text.encode(), digest_size=DIMENSIONS).digest()] for text in texts]


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


def opened(path: str | Path = ":memory:", **options: Any) -> TeamMemory:
    """A store that does nothing by itself: no thread, no bar, no model."""
    chosen: dict[str, Any] = {"embedder": small_embedder, "background": False, "progress": False, **options}
    return TeamMemory.open(path, **chosen)


def written(team: TeamMemory) -> dict[str, int]:
    """How many rows each table of the ledger holds that a write would add to."""
    tables = ("memories", "revisions", "events", "audit", "namespaces", "grants", "groups", "policies", "sessions")
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        counts = {table: int(ledger.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]) for table in tables}
        counts["last event"] = int(ledger.execute("SELECT last_event FROM heads").fetchone()[0])
        counts["forgotten"] = int(
            ledger.execute("SELECT count(*) FROM memories WHERE forgotten_at IS NOT NULL").fetchone()[0]
        )
    return counts


def texts(found: Any) -> list[str]:
    """The texts of memories, or of hits, in their order."""
    return [item.text if hasattr(item, "text") else item.memory.text for item in found]
