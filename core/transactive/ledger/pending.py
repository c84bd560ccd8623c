"""What each index has still to learn: written with the memory, deleted once the index has flushed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from transactive.ledger.schema import pending

_insert = insert(pending)
_UPSERT = _insert.on_conflict_do_update(
    index_elements=[pending.c.index_id, pending.c.uid], set_={"number": _insert.excluded.number}
)
_SETTLED = delete(pending).where(
    pending.c.index_id == bindparam("index"),
    pending.c.uid == bindparam("memory"),
    pending.c.number <= bindparam("upto"),
)


def add(connection: Connection, index_ids: Sequence[str], uids: Mapping[str, int]) -> None:
    """Each of these memories changed, or its window did, with the event of that number."""
    rows = [{"index_id": index, "uid": uid, "number": number} for index in index_ids for uid, number in uids.items()]
    if rows:
        connection.execute(_UPSERT, rows)


def settled(connection: Connection, index_id: str, uids: Mapping[str, int]) -> None:
    """The index has flushed these memories as of these events; what changed since stays pending."""
    if uids:
        rows = [{"index": index_id, "memory": uid, "upto": number} for uid, number in uids.items()]
        connection.execute(_SETTLED, rows)


def due(connection: Connection, index_id: str, after: int, limit: int) -> dict[str, int]:
    """At most `limit` memories that changed with an event later than `after`, in the order of events."""
    query = select(pending.c.uid, pending.c.number).where(pending.c.index_id == index_id, pending.c.number > after)
    rows = connection.execute(query.order_by(pending.c.number).limit(limit))
    return {row.uid: row.number for row in rows}


def count(connection: Connection, index_id: str) -> int:
    """How many memories an index has still to learn or to flush."""
    query = select(func.count()).select_from(pending).where(pending.c.index_id == index_id)
    return int(connection.execute(query).scalar_one())


def clear(connection: Connection, index_id: str, upto: int) -> None:
    """The index was rebuilt as of this event."""
    connection.execute(delete(pending).where(pending.c.index_id == index_id, pending.c.number <= upto))
