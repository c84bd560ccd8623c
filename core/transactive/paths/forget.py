"""forget and undo: out of every answer at once, and back again."""

from __future__ import annotations

from collections.abc import Sequence

from transactive.errors import InvalidInput, NotFound
from transactive.filters import Expression, Where, both, parse
from transactive.ledger import access, memories, namespaces
from transactive.ledger.rows import AnyRow
from transactive.namespaces import OWNER
from transactive.paths.reading import Reading
from transactive.paths.revise import check_may_change
from transactive.paths.writing import Change, Writing
from transactive.records import Forgotten, Memory
from transactive.rules.access import Identity
from transactive.rules.ids import is_uuid

SAMPLE = 10


class Forgetting:
    """Takes memories away, and brings them back."""

    def __init__(self, writing: Writing, reading: Reading) -> None:
        self._writing = writing
        self._reading = reading
        self._store = writing.store

    def one(self, identity: Identity, id: str, namespace: str | None, *, dry_run: bool) -> Forgotten:
        """Forget one memory; `NotFound`, or `AccessDenied` when it may be read but not forgotten."""
        if dry_run:
            self._store.check()
            with self._store.ledger.read() as connection:
                reach = self._store.reach(connection, identity)
                memory = memories.to_memory(self._reading.row(connection, reach, id, namespace))
                check_may_change(reach, memory)
            return Forgotten(id=None, count=1, sample=(memory,), dry_run=True)
        forget_id = self._store.new_id()
        with self._writing.change(identity, "forget") as change:
            row = self._reading.row(change.connection, change.reach, id, namespace)
            check_may_change(change.reach, memories.to_memory(row))
            found = self._take(change, [row], forget_id)
        return self._forgotten(forget_id, found)

    def where(self, identity: Identity, where: Where, *, dry_run: bool) -> Forgotten:
        """Forget every memory that fulfils `where` and that the identity may forget."""
        if not where:
            raise InvalidInput("forget(where=…) takes a filter that is not empty; to forget all, name the namespace")
        return self.expression(identity, parse(where), dry_run=dry_run)

    def expression(
        self,
        identity: Identity,
        asked: Expression,
        *,
        dry_run: bool,
        action: str = "forget",
        place: str | None = None,
    ) -> Forgotten:
        """The same for a parsed filter; with `place`, that namespace's own policy and entry go too."""
        if dry_run:
            self._store.check()
            with self._store.ledger.read() as connection:
                allowed = both(self._store.reach(connection, identity).changeable(), asked)
                now = self._store.clock()
                sample, _ = memories.page(connection, allowed, now, limit=SAMPLE)
                return Forgotten(
                    id=None, count=memories.count(connection, allowed, now), sample=tuple(sample), dry_run=True
                )
        forget_id = self._store.new_id()
        with self._writing.change(identity, action) as change:
            rows = memories.matching(change.connection, both(change.reach.changeable(), asked), change.now)
            found = self._take(change, rows, forget_id)
            if place is not None:
                change.target = place
                access.remove_policy(change.connection, place)
                namespaces.remove(change.connection, place)
        return self._forgotten(forget_id, found)

    def expired(self, uids: Sequence[str]) -> int:
        """Forget memories whose time is over; `undo` does not bring them back into any answer."""
        forget_id = self._store.new_id()
        with self._writing.change(Identity(OWNER), "expire") as change:
            rows = [r for r in memories.by_uids(change.connection, uids).values() if r.forgotten_at is None]
            self._take(change, rows, forget_id)
        self._store.forget_known()
        return len(rows)

    def _take(self, change: Change, rows: Sequence[AnyRow], forget_id: str) -> list[Memory]:
        memories.forget(change.connection, [row.uid for row in rows], forget_id, change.now)
        self._note(change, rows, forget_id)
        return [memories.to_memory(row) for row in rows]

    def _note(self, change: Change, rows: Sequence[AnyRow], forget_id: str) -> None:
        found = [memories.to_memory(row) for row in rows]
        for memory in found:
            change.changed(memory)
        change.turned([row.uid for row in rows if row.turn])
        change.neighbours.difference_update(memory.uid for memory in found)
        places = {memory.namespace for memory in found}
        change.target = places.pop() if len(places) == 1 else f"{len(places)} namespaces"
        change.details = {"forget_id": forget_id}

    def _forgotten(self, forget_id: str, found: Sequence[Memory]) -> Forgotten:
        self._store.forget_known()
        return Forgotten(id=forget_id, count=len(found), sample=tuple(found[:SAMPLE]))

    def undo(self, identity: Identity, forgotten: Forgotten | str) -> int:
        """Bring back what one `forget` took, as far as the identity may; returns how many came back."""
        forget_id = forgotten.id if isinstance(forgotten, Forgotten) else forgotten
        if not isinstance(forget_id, str) or not is_uuid(forget_id):
            raise InvalidInput("undo takes what forget() returned, or its id; a dry run forgot nothing and has none")
        with self._writing.change(identity, "undo") as change:
            taken = memories.forgotten(change.connection, forget_id)
            rows = [row for row in taken if change.reach.changes(memories.to_memory(row))]
            if not rows:
                raise NotFound(f"no forgotten memories under {forget_id!r:.100} that {identity.agent!r} may restore")
            memories.restore(change.connection, [row.uid for row in rows])
            namespaces.add(change.connection, {row.namespace for row in rows}, change.now)
            self._note(change, rows, forget_id)
        self._store.forget_known()
        return len(rows)
