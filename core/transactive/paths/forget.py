"""forget and undo: out of every answer at once, and back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from transactive.errors import InvalidInput, NotFound
from transactive.filters import Expression, Where, both, matches, parse, read_memory
from transactive.ledger import access, corroborations, lineage, memories, namespaces
from transactive.ledger.rows import AnyRow
from transactive.ledger.times import unstamp
from transactive.namespaces import OWNER
from transactive.paths.admission import check_may_change
from transactive.paths.heirs import heir_of, succeed
from transactive.paths.reading import Reading
from transactive.paths.reinforce import rekey
from transactive.paths.writing import Change, Writing
from transactive.policies import horizon
from transactive.records import Forgotten, Memory, Source
from transactive.rules.access import Identity, Reach
from transactive.rules.ids import is_uuid

SAMPLE = 10
OUTLIVED = frozenset({"expire", "evict", "compact"})
"""How memories go that were not wrong: what they backed stays backed, and what they corrected stays corrected."""


class Forgetting:
    """Takes memories away, and brings them back."""

    def __init__(self, writing: Writing, reading: Reading) -> None:
        self._writing = writing
        self._reading = reading
        self._store = writing.store

    def one(
        self, identity: Identity, id: str, namespace: str | None, *, derived: bool = False, dry_run: bool = False
    ) -> Forgotten:
        """Forget one memory; `NotFound`, or `AccessDenied` when it may be read but not forgotten."""
        if dry_run:
            self._store.check()
            with self._store.ledger.read() as connection:
                reach = self._store.reach(connection, identity)
                row = self._reading.row(connection, reach, id, namespace)
                check_may_change(reach, memories.to_memory(row))
                return _preview([row, *_following(connection, reach, [row], self._store.clock(), derived=derived)])
        forget_id = self._store.new_id()
        with self._writing.change(identity, "forget") as change:
            row = self._reading.row(change.connection, change.reach, id, namespace)
            check_may_change(change.reach, memories.to_memory(row))
            rows = [row, *_following(change.connection, change.reach, [row], change.now, derived=derived)]
            found = self._take(change, rows, forget_id)
        return self._forgotten(forget_id, found)

    def where(self, identity: Identity, where: Where, *, derived: bool = False, dry_run: bool = False) -> Forgotten:
        """Forget every memory that fulfils `where` and that the identity may forget."""
        if not where:
            raise InvalidInput("forget(where=…) takes a filter that is not empty; to forget all, name the namespace")
        return self.expression(identity, parse(where), derived=derived, dry_run=dry_run)

    def expression(
        self,
        identity: Identity,
        asked: Expression,
        *,
        derived: bool = False,
        dry_run: bool,
        action: str = "forget",
        place: str | None = None,
    ) -> Forgotten:
        """The same for a parsed filter; with `place`, that namespace's own policy and entry go too."""
        if dry_run:
            self._store.check()
            with self._store.ledger.read() as connection:
                reach = self._store.reach(connection, identity)
                rows = memories.matching(connection, both(reach.changeable(), asked), self._store.clock())
                rows += _following(connection, reach, rows, self._store.clock(), derived=derived)
                withdrawn = len(_sayings(connection, reach, asked, rows))
                return replace(_preview(rows), withdrawn=withdrawn)
        forget_id = self._store.new_id()
        with self._writing.change(identity, action) as change:
            rows = memories.matching(change.connection, both(change.reach.changeable(), asked), change.now)
            rows += _following(change.connection, change.reach, rows, change.now, derived=derived)
            sayings = _sayings(change.connection, change.reach, asked, rows)
            corroborations.take_back(change.connection, sayings, forget_id, change.now)
            found = self._take(change, rows, forget_id)
            self._succeed(change, rows, asked)
            if place is not None:
                change.target = place
                access.remove_policy(change.connection, place)
                namespaces.remove(change.connection, place)
        return replace(self._forgotten(forget_id, found), withdrawn=len(sayings))

    def _succeed(self, change: Change, rows: Sequence[AnyRow], asked: Expression) -> None:
        """What other agents have said as well, and does not fulfil the filter in their names, stays in them."""
        backed = [row.uid for row in rows if row.corroborated]
        for row in memories.by_uids(change.connection, backed).values():  # as they stand now that others went with them
            succeed(change, row, lambda heir: not _fulfils(asked, heir), self._store.new_id)

    def outlived(self, uids: Sequence[str], action: str) -> int:
        """Forget memories whose time is over (`expire`), or for which there is no more room (`evict`)."""
        with self._writing.change(Identity(OWNER), action) as change:
            return len(self.taken(change, uids, self._store.new_id()))

    def taken(self, change: Change, uids: Sequence[str], forget_id: str) -> list[Memory]:
        """Forget those of these memories that are not forgotten, within a transaction."""
        rows = [row for row in memories.by_uids(change.connection, uids).values() if row.forgotten_at is None]
        return self._take(change, rows, forget_id)

    def _take(self, change: Change, rows: Sequence[AnyRow], forget_id: str) -> list[Memory]:
        uids = [row.uid for row in rows]
        memories.forget(change.connection, uids, forget_id, change.now)
        if change.action not in OUTLIVED:
            corroborations.withdraw(change.connection, uids, change.now)
            back = lineage.reinstate(change.connection, uids, change.now)
            rekey(change, back)
            change.neighbours.update(back)
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

    def _past(self, change: Change, namespace: str, gone_at: datetime | None) -> bool:
        """Whether what is gone since a time is due to be purged, whether that has happened yet or not."""
        return gone_at is not None and gone_at <= horizon(change.tables.policies, namespace, change.now)

    def _superseded_again(self, change: Change, memory: Memory) -> list[str]:
        """A correction is back: what it corrected, if nothing else took its place, is corrected again."""
        former = memories.by_uids(change.connection, memory.supersedes).values()
        again = [row.uid for row in former if row.superseded_by is None]
        lineage.supersede(change.connection, again, memory.uid, change.now)
        handed = [
            row.uid for row in former if row.superseded_by is not None and row.superseded_by == memory.superseded_by
        ]
        lineage.hand_over(change.connection, handed, memory.uid)
        change.supersedes |= bool(again)
        return again

    def _forgotten(self, forget_id: str, found: Sequence[Memory]) -> Forgotten:
        self._store.forget_known()
        return Forgotten(id=forget_id, count=len(found), sample=tuple(found[:SAMPLE]))

    def undo(self, identity: Identity, forgotten: Forgotten | str) -> int:
        """Bring back what one `forget` took, as far as the identity may; returns how many came back."""
        forget_id = forgotten.id if isinstance(forgotten, Forgotten) else forgotten
        if not isinstance(forget_id, str) or not is_uuid(forget_id):
            raise InvalidInput("undo takes what forget() returned, or its id; a dry run forgot nothing and has none")
        with self._writing.change(identity, "undo") as change:
            rows = self._restorable(change, forget_id)
            said = self._said_again(change, forget_id)
            if not rows and not said:
                raise NotFound(
                    f"no forgotten memories under {forget_id!r:.100} that {identity.agent!r} may restore, or no more"
                )
            uids = [row.uid for row in rows]
            memories.restore(change.connection, uids, change.now)
            rekey(change, uids)
            corroborations.withdraw(change.connection, uids, None)
            for row in rows:
                change.neighbours.update(self._superseded_again(change, memories.to_memory(row)))
            namespaces.add(change.connection, {row.namespace for row in rows}, change.now)
            self._disinherit(change, uids)
            self._note(change, rows, forget_id)
        self._store.forget_known()
        return len(rows)

    def _restorable(self, change: Change, forget_id: str) -> list[AnyRow]:
        """What one `forget` took, that the identity may change and that is not purged."""
        return [
            row
            for row in memories.forgotten(change.connection, forget_id)
            if change.reach.changes(memories.to_memory(row))
            and not self._past(change, row.namespace, unstamp(row.forgotten_at))
        ]

    def _said_again(self, change: Change, forget_id: str) -> list[str]:
        """Of the sayings that one `forget` took back, those that the identity may change and that are not purged."""
        back = [
            (row.uid, source)
            for row, source in corroborations.taken_back(change.connection, forget_id)
            if change.reach.changes(heir_of(memories.to_memory(row), source, row.uid, change.now))
            and not self._past(change, row.namespace, source.withdrawn_at)
        ]
        corroborations.give_back(change.connection, back)
        return [uid for uid, _ in back]

    def _disinherit(self, change: Change, uids: Sequence[str]) -> None:
        """What is back needs no heir: its sources are its own again."""
        heirs = lineage.heirs(change.connection, uids)
        for heir, uid in heirs.items():
            corroborations.return_to(change.connection, uid, heir)
        gone = list(memories.by_uids(change.connection, heirs).values())
        memories.forget(change.connection, list(heirs), self._store.new_id(), change.now)
        for row in gone:
            change.changed(memories.to_memory(row), "forget")


def _following(
    connection: Connection, reach: Reach, rows: Sequence[AnyRow], now: datetime, *, derived: bool
) -> list[AnyRow]:
    """What goes with these: promoted copies that nobody else corroborates, or all that came from them."""
    uids = [row.uid for row in rows]
    known = set(uids)
    below = lineage.descendants(connection, uids) if derived else set(lineage.sole_copies(connection, uids))
    found = memories.by_uids(connection, sorted(below - known)).values()
    return [row for row in found if memories.is_live(row, now) and reach.changes(memories.to_memory(row))]


def _sayings(
    connection: Connection, reach: Reach, asked: Expression, rows: Sequence[AnyRow]
) -> list[tuple[str, Source]]:
    """What was said of other memories, and would fulfil the filter as a memory of its own: it backs them no longer."""
    going = {row.uid for row in rows}
    found: list[tuple[str, Source]] = []
    for row, source in corroborations.direct(connection):
        own = heir_of(memories.to_memory(row), source, row.uid, unstamp(row.recorded_at))
        if row.uid not in going and reach.changes(own) and _fulfils(asked, own):
            found.append((row.uid, source))
    return found


def _fulfils(asked: Expression, memory: Memory) -> bool:
    return matches(asked, lambda path: read_memory(memory, path))


def _preview(rows: Sequence[AnyRow]) -> Forgotten:
    sample = tuple(memories.to_memory(row) for row in rows[:SAMPLE])
    return Forgotten(id=None, count=len(rows), sample=sample, dry_run=True)
