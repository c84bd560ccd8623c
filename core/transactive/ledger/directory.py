"""Which agents have registered, as what, and when each was last seen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from transactive.ledger.events import access_changed
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema_coordination import directory
from transactive.ledger.times import stamp, unstamp
from transactive.records import AgentInfo


def register(connection: Connection, row: Mapping[str, Any]) -> None:
    """Put an agent's entry in the place of the one it had; when it registered first is kept."""
    statement = insert(directory)
    changed = {name: statement.excluded[name] for name in row if name not in {"name", "registered_at"}}
    connection.execute(statement.on_conflict_do_update(index_elements=[directory.c.name], set_=changed), dict(row))
    access_changed(connection)


def seen(connection: Connection, name: str, now: datetime) -> None:
    """Note that an agent was there."""
    mine = update(directory).where(directory.c.name == name, directory.c.last_seen < stamp(now))
    connection.execute(mine.values(last_seen=stamp(now)))


def remove(connection: Connection, name: str) -> bool:
    """Delete an agent's entry; whether there was one."""
    gone = connection.execute(delete(directory).where(directory.c.name == name)).rowcount > 0
    if gone:
        access_changed(connection)
    return gone


def everybody(connection: Connection) -> list[AgentInfo]:
    """Every entry, by name."""
    return [_to_info(row) for row in connection.execute(select(directory).order_by(directory.c.name))]


def names(connection: Connection) -> frozenset[str]:
    """The names of all."""
    return frozenset(connection.execute(select(directory.c.name)).scalars())


def _to_info(row: AnyRow) -> AgentInfo:
    return AgentInfo(
        name=row.name,
        role=row.role,
        description=row.description,
        capabilities=tuple(row.capabilities),
        metadata=mapping(row)["metadata"],
        registered_at=unstamp(row.registered_at),
        last_seen=unstamp(row.last_seen),
    )
