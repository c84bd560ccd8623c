"""Namespaces that were written to or configured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from transactive.ledger import graph
from transactive.ledger import memories as ledger_memories
from transactive.ledger.events import access_changed
from transactive.ledger.rows import mapping
from transactive.ledger.schema import documents, memories, namespaces, threads
from transactive.ledger.schema_coordination import alerts, facts, handoffs, tasks
from transactive.ledger.tasks import recount
from transactive.ledger.times import stamp, unstamp
from transactive.records import NamespaceInfo


def paths(connection: Connection) -> list[str]:
    """Every namespace."""
    return list(connection.execute(select(namespaces.c.path).order_by(namespaces.c.path)).scalars())


def add(connection: Connection, new: Iterable[str], now: datetime) -> None:
    """Note namespaces that were not known; harmless for those that were."""
    rows = [{"path": path, "created_at": stamp(now), "last_used_at": stamp(now)} for path in new]
    if rows:
        connection.execute(insert(namespaces).on_conflict_do_nothing(), rows)
        access_changed(connection)


def used(connection: Connection, last: Mapping[str, datetime]) -> None:
    """Note when namespaces were last recalled from or written to."""
    for path, time in last.items():
        connection.execute(
            update(namespaces)
            .where(namespaces.c.path == path, namespaces.c.last_used_at < stamp(time))
            .values(last_used_at=stamp(time))
        )


def remove(connection: Connection, path: str) -> None:
    """Delete the entry of a namespace, with all that lies there but memories and the documents that they make found."""
    connection.execute(delete(namespaces).where(namespaces.c.path == path))
    connection.execute(delete(documents).where(documents.c.namespace == path, documents.c.uid.is_(None)))
    connection.execute(delete(threads).where(threads.c.namespace == path))
    for table in (tasks, facts, alerts, handoffs):
        connection.execute(delete(table).where(table.c.namespace == path))
    recount(connection)
    graph.remove_namespace(connection, path)
    access_changed(connection)


def infos(connection: Connection, now: datetime) -> list[NamespaceInfo]:
    """Every namespace with its size and its last use, by path."""
    held = (
        select(memories.c.namespace, func.count().label("count"), func.max(memories.c.recorded_at).label("last"))
        .where(ledger_memories.live(now))
        .group_by(memories.c.namespace)
        .subquery()
    )
    query = select(namespaces, held.c.count, held.c.last)
    query = query.outerjoin(held, held.c.namespace == namespaces.c.path).order_by(namespaces.c.path)
    return [
        NamespaceInfo(
            path=row.path,
            count=mapping(row)["count"] or 0,
            created_at=unstamp(row.created_at),
            last_used_at=unstamp(max(row.last_used_at, row.last or 0)),
        )
        for row in connection.execute(query)
    ]
