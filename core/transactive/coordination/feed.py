"""Reads the sequence of events as far as a reader may; keeps the places of consumers; cuts off what is old."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, not_, or_, select, true

from transactive.errors import AccessDenied, EventsExpired, InvalidInput, NotFound
from transactive.ledger import alerts, consumers, events, handoffs, manifest, placed
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema import events as table
from transactive.ledger.schema_coordination import alerts as alert_table
from transactive.ledger.schema_coordination import handoffs as handoff_table
from transactive.ledger.times import unstamp
from transactive.paths.incoming import check_count, check_name
from transactive.paths.placing import Place, Placing, patterns_of
from transactive.paths.values import encode
from transactive.policies import ago, duration
from transactive.records import ConsumerInfo, Event, Sensitivity
from transactive.rules import cursors
from transactive.rules.access import Identity, Reach

PAGE = 200
MAX_DATA = 1 << 16
RESERVED = ("memory", "document", "entity", "edge", "task", "fact", "alert", "handoff", "agent", "decision", "learning")
_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events, for whom."""

    identity: Identity
    namespaces: list[str] | None
    types: list[str] | None


@dataclass(frozen=True, slots=True)
class _Said:
    """An agent's own event, on its way into the ledger."""

    uid: str
    namespace: str
    user: str | None
    sensitivity: Sensitivity
    version: int = 1


class Feed:
    """The sequence of events."""

    def __init__(self, placing: Placing) -> None:
        self._placing = placing
        self._store = placing.store
        self._key = bytes.fromhex(self._store.settings.cursor_key)

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self._store.closed

    def heard(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """While this lasts, a function is called at each commit of this process."""
        return self._store.signal.heard(wake)

    # --- cursors --------------------------------------------------------------------------------------------------

    def cursor_at(self, number: int) -> str:
        """The cursor behind an event."""
        return cursors.encode(number, self._key)

    def now(self) -> str:
        """The cursor behind the last event."""
        return self.cursor_at(self._heads().last_event)

    def position(self, after: str | None) -> int:
        """The number behind which to go on."""
        heads = self._heads()
        if after is None:
            return heads.cut
        if after == "now":
            return heads.last_event
        number = cursors.decode(after, self._key) if isinstance(after, str) else None
        if number is None or number > heads.last_event:
            raise InvalidInput("after= takes the `cursor` of an event of this store, unchanged; None for the first")
        self._check_kept(number, heads)
        return number

    def seconds(self, idle: timedelta | str | None) -> float | None:
        """A duration in seconds."""
        return None if idle is None else duration(idle, "idle").total_seconds()

    def _heads(self) -> events.Heads:
        self._store.check()
        with self._store.ledger.read() as connection:
            return events.read(connection)

    def _check_kept(self, number: int, heads: events.Heads) -> None:
        if number < heads.cut:
            raise EventsExpired(
                "some of the events behind this cursor were deleted by retention; look at the state as it is now, and "
                "begin again with the first event that is kept: after=None"
            )

    # --- reading --------------------------------------------------------------------------------------------------

    def asked(self, identity: Identity, namespaces: Sequence[str] | None, types: Sequence[str] | None) -> Asked:
        """Which events a caller asks for, checked."""
        return Asked(identity, patterns_of(namespaces), None if types is None else _types(types))

    def page(self, asked: Asked, after: int, limit: int = PAGE) -> tuple[list[tuple[int, Event]], int]:
        """The next events with their numbers, and how far was looked."""
        with self._placing.reading(asked.identity) as (connection, reach):
            heads = events.read(connection)
            self._check_kept(after, heads)
            if after >= heads.last_event:
                return [], after
            unbound = replace(reach, identity=replace(reach.identity, user=None))  # users are pseudonyms here
            where = and_(
                placed.readable(unbound, table),
                events.of_user(connection, asked.identity.user),
                self._received(reach),
                _within(asked),
            )
            rows = events.page(connection, after, where, limit)
        return [(row.number, self._event(row)) for row in rows], heads.last_event

    def _received(self, reach: Reach) -> ColumnElement[bool]:
        """Of messages, those alone that the reader gets."""
        if reach.identity.is_owner:
            return true()
        groups = self._store.latest.groups
        kinds = ((alert_table, alerts.readable), (handoff_table, handoffs.readable))
        parts: list[ColumnElement[bool]] = []
        for of, readable in kinds:
            begins = table.c.type.startswith(of.name.removesuffix("s") + ".", autoescape=True)
            shown = select(of.c.uid).where(of.c.uid == table.c.uid, readable(reach, groups))
            parts.append(or_(not_(begins), shown.exists()))
        return and_(*parts)

    def some(self, asked: Asked, after: str | None, limit: int) -> list[Event]:
        """At most `limit` events that are there."""
        most = check_count(limit, "limit", least=1, most=10_000)
        found, _ = self.page(asked, self.position(after), most)
        return [event for _, event in found]

    def _event(self, row: AnyRow) -> Event:
        return Event(
            cursor=self.cursor_at(row.number),
            type=row.type,
            at=unstamp(row.at),
            agent=row.agent,
            uid=row.uid,
            namespace=row.namespace,
            sensitivity=row.sensitivity,
            version=row.version,
            data=None if row.data is None else json.loads(row.data),
        )

    # --- saying ---------------------------------------------------------------------------------------------------

    def emit(
        self,
        identity: Identity,
        type: str,
        data: Any,
        *,
        namespace: str | None,
        user: str | None,
        sensitivity: Sensitivity | None,
    ) -> Event:
        """Write an event of an agent's own."""
        called = _own_type(type)
        said = encode(data, "an event's data", most=MAX_DATA)
        place: Place = self._placing.place(identity, namespace, user, sensitivity, shared=True)
        event = _Said(self._store.new_id(), place.namespace, place.user, place.sensitivity)
        with self._placing.change(identity, "emit", place) as change:
            change.noted(called, event, data=said)
        number = change.assigned[-1]
        return Event(
            cursor=self.cursor_at(number),
            type=called,
            at=change.now,
            agent=identity.agent,
            uid=event.uid,
            namespace=event.namespace,
            sensitivity=event.sensitivity,
            version=1,
            data=json.loads(said),
        )

    # --- consumers ------------------------------------------------------------------------------------------------

    def begin(self, identity: Identity, name: str, after: str | None) -> None:
        """Note a consumer, unless there is one of that name."""
        called = _consumer(identity, name)
        self._store.check()
        with self._store.ledger.read() as connection:
            if consumers.position(connection, called) is not None:
                return  # where it would have begun may be gone
        start = self.position(after)
        with self._store.ledger.write() as connection:
            if consumers.position(connection, called) is None:
                consumers.acknowledge(connection, called, start, self._store.clock())

    def acknowledged(self, identity: Identity, name: str) -> int:
        """How far a consumer has come."""
        self._store.check()
        with self._store.ledger.read() as connection:
            position = consumers.position(connection, _consumer(identity, name))
        if position is None:
            raise NotFound(f"{identity.agent!r} has no consumer {name!r:.100}; make it: agent.events.consumer(…)")
        return position

    def acknowledge(self, identity: Identity, name: str, cursor: str) -> None:
        """Move a consumer on."""
        called = _consumer(identity, name)
        number = cursors.decode(cursor, self._key) if isinstance(cursor, str) else None
        if number is None or number > self._heads().last_event:
            raise InvalidInput("acknowledge takes an event of this store, or its cursor")
        with self._store.ledger.write() as connection:
            if consumers.position(connection, called) is None:
                raise NotFound(f"{identity.agent!r} has no consumer {name!r:.100} any more")
            consumers.acknowledge(connection, called, number, self._store.clock())

    def consumers(self, identity: Identity) -> list[ConsumerInfo]:
        """The consumers of an agent; for the owner all."""
        self._store.check()
        with self._store.ledger.read() as connection:
            rows = consumers.of_agent(connection, None if identity.is_owner else identity.agent, identity.user)
        return [
            ConsumerInfo(
                agent=row.agent,
                name=row.name,
                cursor=self.cursor_at(row.position),
                updated_at=unstamp(row.updated_at),
            )
            for row in rows
        ]

    def remove_consumer(self, identity: Identity, name: str) -> bool:
        """Delete a consumer."""
        self._store.check()
        with self._store.ledger.write() as connection:
            return consumers.remove(connection, _consumer(identity, name))

    # --- retention ------------------------------------------------------------------------------------------------

    def trim(self, identity: Identity, older_than: timedelta | str, *, unread: bool) -> int:
        """Delete what is older, up to where nobody needs it."""
        self._check_owner(identity)
        age = duration(older_than, "older_than")
        with self._placing.writing.change(identity, "trim") as change:
            upto = min(events.before(change.connection, ago(change.now, age)), self._needed(change.connection, unread))
            gone = events.cut(change.connection, upto) if upto else 0
            change.details = {"events": gone}
        return gone

    def _needed(self, connection: Connection, unread: bool) -> int:
        """The last event that may go."""
        index = self._store.index
        marked = None if index is None else (index.marked() or 0)
        slowest = None if unread else consumers.slowest(connection)
        return min((number for number in (marked, slowest) if number is not None), default=2**62)

    def retain(self, identity: Identity, older_than: timedelta | str | None) -> None:
        """Note how long upkeep keeps events."""
        self._check_owner(identity)
        kept = None if older_than is None else duration(older_than, "older_than").total_seconds()
        with self._placing.writing.change(identity, "retain") as change:
            manifest.write(change.connection, event_retention=kept)
            change.details = {"seconds": kept}

    def sweep(self, identity: Identity) -> int:
        """Delete what is older than `retain` says."""
        with self._store.ledger.read() as connection:
            kept = manifest.read(connection).get("event_retention")
            if kept is None:
                return 0
            age = timedelta(seconds=kept)
            if events.before(connection, ago(self._store.clock(), age)) <= events.read(connection).cut:
                return 0
        return self.trim(identity, age, unread=False)

    def _check_owner(self, identity: Identity) -> None:
        self._store.check()
        if not identity.is_owner:
            raise AccessDenied("only the owner of the store decides how long events are kept: team.events.…")


def _within(asked: Asked) -> ColumnElement[bool]:
    types = true() if asked.types is None else events.of_types(asked.types)
    return and_(placed.within(table, asked.namespaces), types)


def _types(types: Sequence[str]) -> list[str]:
    if isinstance(types, str) or not isinstance(types, Sequence | set | frozenset):
        raise InvalidInput("types is a list such as ['task.complete', 'fact.*']")
    for pattern in types:
        plain = pattern.removesuffix(".*") if isinstance(pattern, str) else ""
        if pattern != "*" and not _TYPE.fullmatch(plain):
            raise InvalidInput(
                f"a type of events is a dotted name like 'task.complete' or 'task.*', not {pattern!r:.80}"
            )
    return list(types)


def _own_type(type: object) -> str:
    if not isinstance(type, str) or not _TYPE.fullmatch(type) or len(type) > 100:
        raise InvalidInput(f"an event's type is a dotted name of lower case like 'deploy.finished', not {type!r:.80}")
    if type.split(".")[0] in RESERVED:
        raise InvalidInput(f"events of the type {type!r} are the store's own; begin yours with another word")
    return type


def _consumer(identity: Identity, name: object) -> consumers.Name:
    return identity.agent, identity.user or "", check_name(name, "a consumer's name", longest=200)
