"""One write: a ledger transaction with its events, audit row and pending rows, and then the index."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from transactive.embedding.protocol import Vectors
from transactive.ledger import directory, events, namespaces, pending, windows
from transactive.paths.mentioning import mention
from transactive.paths.settle import Settling
from transactive.records import Memory, Noted
from transactive.rules.access import Identity, Reach
from transactive.store import Store, Tables, Who

_SEEN_AFTER = timedelta(minutes=1)
_CALLED = {"remember_many": "remember"}
_WITHOUT_TEXT = frozenset({"forget", "expire", "evict", "purge", "delete", "delete_namespace", "erase", "supersede"})
"""What is done to memories without giving them a text."""


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
    """For each changed memory: type, uid, namespace, sensitivity, agent, user, kind, version."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    """The same of everything else that changed."""
    texts: dict[str, str] = field(default_factory=dict)
    """By uid, the texts of memories that were written."""
    supersedes: bool = False
    """Whether it makes a memory take the place of another."""
    fresh: dict[str, tuple[int, Vectors]] = field(default_factory=dict)
    """Vectors of the texts that were written, each with the version that it is of."""
    neighbours: set[str] = field(default_factory=set)
    """Memories that the index must take in again though they did not change: turns whose window did, and the like."""

    assigned: list[int] = field(default_factory=list)
    """Once it is committed, the numbers of its events."""
    _entered: set[str] = field(default_factory=set)

    def changed(self, memory: Memory, action: str | None = None) -> None:
        """Note a changed memory; `action` where its event is another than the call's."""
        done = action or self.action
        if done not in _WITHOUT_TEXT:
            self.texts[memory.uid] = memory.text
        self.rows.append(
            {
                "type": events.MEMORY + _CALLED.get(done, done),
                "uid": memory.uid,
                "namespace": memory.namespace,
                "sensitivity": memory.sensitivity,
                "agent": memory.agent,
                "user": memory.user,
                "kind": memory.kind,
                "version": memory.version,
            }
        )

    def noted(self, type: str, record: Noted, *, data: str | None = None) -> None:
        """Note a change of something that is no memory; `data` is what an agent's own event says, as JSON."""
        self.notes.append(
            {
                "type": type,
                "uid": record.uid,
                "namespace": record.namespace,
                "sensitivity": record.sensitivity,
                "user": record.user,
                "version": record.version,
                "data": data,
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
            if heads.names:
                mention(connection, change.texts)
            if identity.agent in change.tables.registered:
                self._seen(change, identity.agent)
            assigned = change.assigned = self._record(change, identity)
            safe = self.settling.clear(connection)
        numbers = self._numbers(change, assigned)
        self.settling.cleared(safe)
        self.store.superseding |= change.supersedes
        self.store.forget_traits(row["uid"] for row in change.rows)
        self.store.learn({Who(r["namespace"], r["agent"], r["user"], r["sensitivity"], r["kind"]) for r in change.rows})
        self.settling.wrote(numbers, assigned, change.fresh)
        if assigned:
            self.store.signal.give()

    def _seen(self, change: Change, agent: str) -> None:
        """Note, once a minute, that an agent of the directory is there."""
        last = self.store.seen.get(agent)
        if last is None or change.now - last >= _SEEN_AFTER:
            self.store.seen[agent] = change.now
            directory.seen(change.connection, agent, change.now)

    def _record(self, change: Change, identity: Identity) -> list[int]:
        entry = events.Entry(
            principal=identity.agent,
            action=change.action,
            target=change.target,
            count=len(change.rows) + len(change.notes),
            details=change.details,
        )
        assigned = events.record(change.connection, [*change.rows, *change.notes], entry, change.now)
        pending.add(change.connection, self.settling.index_ids, self._numbers(change, assigned))
        return assigned

    def _numbers(self, change: Change, assigned: list[int]) -> dict[str, int]:
        """With which event the index must learn of each memory."""
        numbers = dict.fromkeys(change.neighbours, assigned[-1] if assigned else 0)
        numbers.update(zip((row["uid"] for row in change.rows), assigned, strict=False))  # of several, the last
        return numbers
