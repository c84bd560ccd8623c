"""Builds the index anew from the ledger: after a loss, for another setting, or with another embedding model.

It fills a generation that nobody reads, notes in the manifest how far it came, and so goes on after a crash. What was
written meanwhile is brought in at the end, while writers wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from transactive.index.edge import EdgeIndex
from transactive.index.protocol import Declared
from transactive.ledger import events, manifest, memories, pending, windows
from transactive.ledger.database import Database
from transactive.paths import points
from transactive.store import Encoders

BATCH = 1000
_NOTE_EVERY = 10
Report = Callable[[int, int], None]


class Rebuild:
    """One rebuild into one generation."""

    def __init__(
        self, ledger: Database, folder: Path, signature: dict[str, Any], declared: Declared, encoders: Encoders
    ) -> None:
        self._ledger = ledger
        self._signature = signature
        self.encoders = encoders
        with ledger.read() as connection:
            noted = unfinished(connection)
            head = events.read(connection).last_event
        index = None
        if noted is not None and noted["signature"] == signature:
            index = EdgeIndex.resume(folder, noted["generation"], signature, declared)
        self._after = int(noted["after"]) if index is not None and noted is not None else 0
        self._head = int(noted["head"]) if index is not None and noted is not None else head
        self.index = index or EdgeIndex.create(folder, signature, declared)

    def fill(self, report: Report | None) -> None:
        """Put every memory in that is not there yet."""
        with self._ledger.read() as connection:
            total = memories.total(connection)
            done = total - memories.left(connection, self._after)
        batches = 0
        self._note()
        while True:
            with self._ledger.read() as connection:
                rows = memories.batch(connection, self._after, BATCH)
                held, _ = points.build(self.encoders, connection, dict.fromkeys((r.uid for r in rows), self._head), {})
            if not rows:
                return
            self.index.upsert(held)
            self._after = rows[-1].number
            done, batches = done + len(rows), batches + 1
            if batches % _NOTE_EVERY == 0:
                self._note()
            if report is not None:
                report(min(done, total), total)

    def _note(self) -> None:
        self.index.flush()
        state = {
            "generation": self.index.generation,
            "signature": self._signature,
            "after": self._after,
            "head": self._head,
        }
        with self._ledger.write() as connection:
            manifest.write(connection, rebuild=state)

    def finish(self) -> int:
        """Bring in what changed since the start, and make it the current index; writers wait meanwhile.

        Returns the event that it is up to date with.
        """
        with self._ledger.write() as connection:
            head = events.read(connection).last_event
            changed = dict.fromkeys(_changed(connection, self._head), head)
            held, gone = points.build(self.encoders, connection, changed, {})
            self.index.upsert(held)
            self.index.delete(gone)
            self.index.flush()
            self.index.mark(head)
            self.index.publish()
            pending.clear(connection, self.index.id, head)
            manifest.write(
                connection,
                rebuild=None,
                embedder=self._signature["embedder"],
                dimensions=self._signature["dimensions"],
            )
        return head


def unfinished(connection: Connection) -> Mapping[str, Any] | None:
    """What an interrupted rebuild noted."""
    noted: Mapping[str, Any] | None = manifest.read(connection).get("rebuild")
    return noted


def _changed(connection: Connection, head: int) -> set[str]:
    """Every memory that changed after an event, with the turns whose windows it belongs to."""
    uids = events.changed_since(connection, head)
    return uids | windows.neighbours(connection, uids)
