"""Ledger → index: each write's own entries at once, those of other processes soon, and after a crash all that was open.

Every write leaves `pending` rows. A row goes once the index has flushed what it learned, inside a later write's
transaction; until then a crash loses nothing, because opening the store replays it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from transactive.errors import EmbeddingFailed, IndexUnavailable
from transactive.index.protocol import Index
from transactive.ledger import events, lineage, measures, namespaces, pending, windows
from transactive.paths import points
from transactive.paths.rebuild import Rebuild
from transactive.store import EDGE, Flushed, Store

log = logging.getLogger("transactive")

INLINE = 64
"""How many rows of other processes a recall settles before it searches."""
_BATCH = 1000
_FLUSH_AFTER = 1000
_FLUSH_SECONDS = 5.0


class Settling:
    """Keeps one index up to date with the ledger."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._flushed = Flushed()
        self._horizon = 0
        self._last_flush = self._last_renewal = time.monotonic()

    @property
    def index_ids(self) -> tuple[str, ...]:
        """The indexes for which writes leave pending rows, whether this process owns them or not."""
        return (EDGE,)

    def wrote(self, numbers: Mapping[str, int], assigned: Sequence[int], fresh: points.Fresh) -> None:
        """This process has committed changes to these memories (uid → event), and with them the events `assigned`.

        An index that fails now is no failure of the write: the ledger has it, and the row stays pending.
        """
        if self._store.index is None or not (numbers or assigned):
            return
        try:
            with self._lock:
                if numbers:
                    self._learn(self._store.index, numbers, fresh)
                if assigned and self._horizon == assigned[0] - 1:
                    self._horizon = assigned[-1]
        except (IndexUnavailable, EmbeddingFailed) as error:
            log.warning("recorded, but not indexed yet: %s", error)

    def replay(self, index: Index, after: int) -> None:
        """Bring in every change later than an event, pending or not: the index may be older than the ledger thinks."""
        with self._lock:
            with self._store.ledger.read() as connection:
                head = events.read(connection).last_event
                uids = events.changed_since(connection, after)
                uids |= windows.neighbours(connection, uids)
            self._learn(index, dict.fromkeys(uids, head), {})
            self._horizon = max(self._horizon, after)

    def settle(self, limit: int | None = None) -> int:
        """Bring in what is pending, at most `limit` memories; returns how many it was."""
        index = self._store.index
        if index is None:
            return 0
        done = 0
        while limit is None or done < limit:
            with self._lock:
                size = _BATCH if limit is None else min(_BATCH, limit - done)
                found = self._settle_some(index, size)
            done += found
            if found < size:
                break
        return done

    def switch(self, rebuild: Rebuild) -> None:
        """Finish a rebuild and use its index from now on, in one step: nothing is written to the old one meanwhile."""
        with self._lock:
            self._horizon = rebuild.finish()
            self._store.index, self._store.encoders = rebuild.index, rebuild.encoders
            self._flushed = Flushed()

    def behind(self, heads: events.Heads) -> bool:
        """Whether the ledger has events that this index may not know."""
        return self._store.index is not None and heads.last_event > self._horizon

    def _settle_some(self, index: Index, size: int) -> int:
        with self._store.ledger.read() as connection:
            head = events.read(connection).last_event
            due = pending.due(connection, index.id, self._horizon, size)
        known = {**self._flushed.safe, **self._flushed.waiting}
        new = {uid: number for uid, number in due.items() if known.get(uid, 0) < number}
        if new:
            self._learn(index, new, {})
            self._store.others_wrote()
        self._horizon = max(due.values()) if len(due) == size else max(self._horizon, head)
        return len(due)

    def _learn(self, index: Index, numbers: Mapping[str, int], fresh: points.Fresh) -> None:
        uids = list(numbers)
        for start in range(0, len(uids), _BATCH):
            some = {uid: numbers[uid] for uid in uids[start : start + _BATCH]}
            with self._store.ledger.read() as connection:
                held, gone = points.build(self._store.encoders, connection, some, fresh, index)
            index.upsert(held)
            index.delete(gone)
            waiting = self._flushed.waiting
            waiting.update((uid, max(number, waiting.get(uid, 0))) for uid, number in some.items())
            if len(self._flushed.waiting) >= _FLUSH_AFTER:
                self.flush()
        if time.monotonic() - self._last_flush >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Put on disk what the index has learned; its pending rows may then go."""
        with self._lock:
            if self._store.index is not None and self._flushed.waiting:
                self._store.index.flush()
                self._store.index.mark(self._horizon)
                self._flushed.safe.update(self._flushed.waiting)
                self._flushed.waiting.clear()
            self._last_flush = time.monotonic()

    def clear(self, connection: Connection) -> dict[str, int]:
        """Within a write's transaction: delete the pending rows of what is flushed, and note what was recalled from.

        Returns what `cleared` takes once the transaction has committed.
        """
        recalled, self._store.recalled = self._store.recalled, {}
        namespaces.used(connection, recalled)
        measures.add(connection, self._store.counted())
        safe = dict(self._flushed.safe)
        if self._store.index is not None:
            pending.settled(connection, self._store.index.id, safe)
        return safe

    def cleared(self, safe: Mapping[str, int]) -> None:
        """The transaction that deleted these pending rows has committed."""
        with self._lock:
            for uid, number in safe.items():
                if self._flushed.safe.get(uid) == number:
                    del self._flushed.safe[uid]

    def tidy(self, *, now: bool = False) -> None:
        """Flush what has waited for five seconds (or, with `now`, at all), and delete the pending rows of it."""
        if self._flushed.waiting and (now or time.monotonic() - self._last_flush >= _FLUSH_SECONDS):
            self.flush()
        if self._flushed.safe or self._store.recalled or self._store.measured:
            with self._store.ledger.write() as connection:
                safe = self.clear(connection)
            self.cleared(safe)
        if self._store.accessed and (now or time.monotonic() - self._last_renewal >= _FLUSH_SECONDS):
            self._renew()

    def _renew(self) -> None:
        """Write down what was used; nobody waits for it, and it is neither event nor audit."""
        self._last_renewal = time.monotonic()
        accessed, self._store.accessed = self._store.accessed, {}
        uids = list(accessed)
        for start in range(0, len(uids), _BATCH):
            with self._store.ledger.write() as connection:
                lineage.accessed(connection, {uid: accessed[uid] for uid in uids[start : start + _BATCH]})
