"""One write: a ledger transaction with its events, audit row and pending rows, and then the index."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from transactive.embedding.protocol import Vectors
from transactive.ledger import events, namespaces, pending, windows
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
    """For each changed memory: action, uid, namespace, sensitivity, agent, user, version."""
    supersedes: bool = False
    """Whether it makes a memory take the place of another."""
    fresh: dict[str, tuple[int, Vectors]] = field(default_factory=dict)
    """Vectors of the texts that were written, each with the version that it is of."""
    neighbours: set[str] = field(default_factory=set)
    """Memories that the index must take in again though they did not change: turns whose window did, and the like."""

    _entered: set[str] = field(default_factory=set)

    def changed(self, memory: Memory, action: str | None = None) -> None:
        """Note a changed memory; `action` where its event is another than the call's."""
        self.rows.append(
            {
                "action": action or self.action,
                "uid": memory.uid,
                "namespace": memory.namespace,
                "sensitivity": memory.sensitivity,
                "agent": memory.agent,
                "user": memory.user,
                "kind": memory.kind,
                "version": memory.version,
            }
        )

    def enter(self, places: Iterable[str]) -> None:
        """Note namespaces that are written to, perhaps for the first time."""
        new = [place for place in dict.fromkeys(places) if place not in self.tables.namespaces | self._entered]
        namespaces.add(self.connection, new, self.now)
        self._entered.update(new)

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
        self.store.superseding |= change.supersedes
        self.store.forget_traits(row["uid"] for row in change.rows)
        self.store.learn({Who(r["namespace"], r["agent"], r["user"], r["sensitivity"], r["kind"]) for r in change.rows})
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
        numbers.update(zip((row["uid"] for row in change.rows), assigned, strict=True))  # of several, the last
        pending.add(change.connection, self.settling.index_ids, numbers)
        return numbers
