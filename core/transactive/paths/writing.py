"""One write: a ledger transaction with its events, audit row and pending rows, and then the index."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from transactive.embedding.protocol import Vectors
from transactive.ledger import events, pending, windows
from transactive.paths.settle import Settling
from transactive.records import Memory
from transactive.rules.access import Identity, Reach
from transactive.store import Store, Tables, Who


@dataclass(slots=True)
class Change:
    """What a write has changed so far; filled by the verb within the transaction."""

    connection: Connection
    reach: Reach
    tables: Tables
    now: datetime
    action: str
    target: str = "-"
    details: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    """For each changed memory: uid, namespace, sensitivity, agent, user, version."""
    fresh: dict[str, tuple[int, Vectors]] = field(default_factory=dict)
    """Vectors of the texts that were written, each with the version that it is of."""
    neighbours: set[str] = field(default_factory=set)
    """Turns whose window changed."""

    def changed(self, memory: Memory) -> None:
        """Note a changed memory."""
        self.rows.append(
            {
                "uid": memory.uid,
                "namespace": memory.namespace,
                "sensitivity": memory.sensitivity,
                "agent": memory.agent,
                "user": memory.user,
                "version": memory.version,
            }
        )

    def turned(self, uids: Iterable[str]) -> None:
        """Note turns that came, changed or went: the windows around them are not what they were."""
        self.neighbours |= windows.neighbours(self.connection, uids)


class Writing:
    """Carries out writes."""

    def __init__(self, store: Store, settling: Settling) -> None:
        self.store = store
        self.settling = settling

    @contextmanager
    def change(self, identity: Identity, action: str) -> Generator[Change, None, None]:
        """A transaction for one call of one principal: all of it or nothing, and then the index learns of it."""
        self.store.check()
        now = self.store.clock()
        with self.store.ledger.write() as connection:
            heads = events.read(connection)
            reach = self.store.reach(connection, identity, heads)
            change = Change(connection, reach, self.store.tables(connection, heads), now, action)
            yield change
            numbers = self._record(change, identity)
            safe = self.settling.clear(connection)
        self.settling.cleared(safe)
        self.store.learn({Who(r["namespace"], r["agent"], r["user"], r["sensitivity"]) for r in change.rows})
        self.settling.wrote(numbers, min(numbers.values(), default=0), change.fresh)

    def _record(self, change: Change, identity: Identity) -> Mapping[str, int]:
        entry = events.Entry(
            principal=identity.agent,
            action=change.action,
            target=change.target,
            count=len(change.rows),
            details=change.details,
        )
        assigned = events.record(change.connection, change.action, change.rows, entry, change.now)
        numbers = dict.fromkeys(change.neighbours, assigned[-1] if assigned else 0)
        numbers.update(zip((row["uid"] for row in change.rows), assigned, strict=True))
        pending.add(change.connection, self.settling.index_ids, numbers)
        return numbers
