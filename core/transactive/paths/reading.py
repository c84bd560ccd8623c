"""get, list, count, facets, history: straight from the ledger, filtered before the limit."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from transactive.errors import InvalidInput, NotFound
from transactive.filters import ALL, Expression, Where, both, matches, parse, read_memory
from transactive.ledger import events, memories, versions
from transactive.ledger.rows import AnyRow
from transactive.ledger.versions import Past
from transactive.namespaces import check_path
from transactive.paths.incoming import check_count, check_name, check_time
from transactive.records import Memory, Page
from transactive.rules.access import Identity, Reach
from transactive.store import Store


class Reading:
    """Shows what a principal may read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, identity: Identity, id: str, namespace: str | None = None, as_of: datetime | None = None) -> Memory:
        """One live memory; `NotFound` when it is absent, forgotten, expired or not readable."""
        self._store.check()
        with self._store.ledger.read() as connection:
            reach = self._store.reach(connection, identity)
            if as_of is not None:
                return self._then(connection, reach, id, namespace, check_time(as_of, "as_of"))
            return memories.to_memory(self.row(connection, reach, id, namespace))

    def shown(self, identity: Identity, id: str, namespace: str | None, as_of: datetime | None) -> Memory:
        """The same, for somebody who asked for it: it counts as an access."""
        memory = self.get(identity, id, namespace, as_of)
        if as_of is None:
            self._store.used([memory.uid])
        return memory

    def _then(self, connection: Connection, reach: Reach, id: str, namespace: str | None, at: datetime) -> Memory:
        name = check_name(id, "an id")
        place = reach.identity.private if namespace is None else check_path(namespace)
        for memory in versions.then(connection, memories.by_id(connection, name, place), at):
            if reach.sees(memory):
                return memory
        raise NotFound(f"no memory {name!r:.100} was known at {at.isoformat()} that {reach.identity.agent!r} can read")

    def row(self, connection: Connection, reach: Reach, id: str, namespace: str | None = None) -> AnyRow:
        """The row of one live memory that the identity may read."""
        name = check_name(id, "an id")
        place = reach.identity.private if namespace is None else check_path(namespace)
        for row in memories.by_id(connection, name, place):
            if readable(reach, row, self._store):
                return row
        raise NotFound(f"no memory {name!r:.100} that {reach.identity.agent!r} can read")

    def several(self, identity: Identity, uids: Sequence[str]) -> list[Memory]:
        """Of these memories, those that are live and that the identity may read, in the order given."""
        with self._store.ledger.read() as connection:
            reach = self._store.reach(connection, identity)
            rows = memories.by_uids(connection, uids)
        found = [rows[uid] for uid in uids if uid in rows]
        return [memories.to_memory(row) for row in found if readable(reach, row, self._store)]

    def standing(self, connection: Connection, reach: Reach, memory: Memory) -> Memory:
        """What stands at the end of a chain of corrections, as far as the identity may read it."""
        current, seen = memory, {memory.uid}
        while current.superseded_by is not None and current.superseded_by not in seen:
            row = memories.by_uids(connection, [current.superseded_by]).get(current.superseded_by)
            after = None if row is None else memories.to_memory(row)
            if after is None or after.forgotten_at is not None or not reach.sees(after):
                break
            seen.add(after.uid)
            current = after
        return current

    def history(self, identity: Identity, id: str, namespace: str | None = None) -> list[Memory]:
        """Every version of one live memory, oldest first."""
        self._store.check()
        with self._store.ledger.read() as connection:
            reach = self._store.reach(connection, identity)
            return memories.history(connection, self.row(connection, reach, id, namespace))

    def list(
        self,
        identity: Identity,
        where: Where | None,
        order_by: str,
        limit: int,
        after: str | None,
        *,
        as_of: datetime | None = None,
    ) -> Page:
        """One page of live memories."""
        self._store.check()
        if not isinstance(order_by, str) or order_by.removeprefix("-") not in memories.ORDERS:
            raise InvalidInput(f"order_by is one of {', '.join(memories.ORDERS)}, with a leading '-' to descend")
        size = check_count(limit, "limit", least=1, most=10_000)
        asked, place = parse(where), None if after is None else _decoded(after, order_by)
        at = None if as_of is None else check_time(as_of, "as_of")
        with self._store.ledger.read() as connection:
            if at is not None:
                past = self._past(connection, identity, asked, at)
                found, cursor = versions.page(connection, past, order_by=order_by, after=place, limit=size)
            else:
                allowed = self._where(connection, identity, asked)
                found, cursor = memories.page(
                    connection, allowed, self._store.clock(), order_by=order_by, after=place, limit=size
                )
        return Page(found, next=None if cursor is None else _encoded(order_by, cursor))

    def count(self, identity: Identity, where: Where | None, as_of: datetime | None = None) -> int:
        """How many live memories fulfil `where`."""
        self._store.check()
        asked = parse(where)
        with self._store.ledger.read() as connection:
            if as_of is not None:
                return versions.count(connection, self._past(connection, identity, asked, check_time(as_of, "as_of")))
            return memories.count(connection, self._where(connection, identity, asked), self._store.clock())

    def facets(self, identity: Identity, field: str, where: Where | None, limit: int) -> dict[str, int]:
        """Live memories counted by the values of a field."""
        self._store.check()
        asked, size = parse(where), check_count(limit, "limit", least=1, most=10_000)
        with self._store.ledger.read() as connection:
            allowed = self._where(connection, identity, asked)
            return memories.facets(connection, field, allowed, self._store.clock(), size)

    def _past(self, connection: Connection, identity: Identity, asked: Expression, at: datetime) -> Past:
        allowed = self._where(connection, identity, ALL)
        return Past(at, allowed, lambda memory: matches(asked, lambda path: read_memory(memory, path)))

    def _where(self, connection: Connection, identity: Identity, asked: Expression) -> Expression:
        heads = events.read(connection)
        return both(self._store.reach(connection, identity, heads).condition(), asked)


def readable(reach: Reach, row: AnyRow, store: Store) -> bool:
    """Whether a row is live and may be shown."""
    memory = memories.to_memory(row)
    over = memory.expires_at is not None and memory.expires_at <= store.clock()
    return memory.forgotten_at is None and not over and reach.sees(memory)


def _encoded(order_by: str, cursor: tuple[float, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps([order_by, *cursor]).encode()).decode().rstrip("=")


def _decoded(after: str, order_by: str) -> tuple[float, int]:
    try:
        said, value, number = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        place = (value + 0, int(number))
        if not (abs(value) < 2**63 and 0 <= place[1] < 2**63):
            raise ValueError(after)
    except (ValueError, TypeError, OverflowError, AttributeError, RecursionError):
        raise InvalidInput("after= takes the `next` of an earlier page, unchanged") from None
    if said != order_by:
        raise InvalidInput(f"the page before was ordered by {said!r}; go on with the same order_by")
    return place
