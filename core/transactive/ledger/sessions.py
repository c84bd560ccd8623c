"""Sessions: who began them, about whom, when they ended, and who contributed what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from transactive.filters import Expression
from transactive.ledger import filtering
from transactive.ledger.memories import SOME, live, to_memory
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema import memories, sessions
from transactive.ledger.times import stamp, unstamp
from transactive.records import Memory, SessionInfo


def by_ids(connection: Connection, ids: Iterable[str]) -> dict[str, SessionInfo]:
    """The sessions with these ids; absent ones are left out."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, SessionInfo] = {}
    for start in range(0, len(wanted), SOME):
        for row in connection.execute(select(sessions).where(sessions.c.id.in_(wanted[start : start + SOME]))):
            found[row.id] = to_info(row)
    return found


def add(connection: Connection, infos: Sequence[SessionInfo]) -> None:
    """Begin sessions."""
    rows = [
        {
            "id": info.id,
            "agent": info.agent,
            "user": info.user,
            "app": info.app,
            "metadata": dict(info.metadata),
            "started_at": stamp(info.started_at),
        }
        for info in infos
    ]
    if rows:
        connection.execute(insert(sessions), rows)


def change(connection: Connection, id: str, **values: Any) -> None:
    """Set columns of one session."""
    connection.execute(update(sessions).where(sessions.c.id == id).values(**values))


def listed(connection: Connection, conditions: Mapping[str, str], limit: int) -> list[SessionInfo]:
    """Sessions with these values of `agent`, `user` or `app`, latest first."""
    query = select(sessions).order_by(sessions.c.started_at.desc(), sessions.c.id).limit(limit)
    for column, value in conditions.items():
        query = query.where(sessions.c[column] == value)
    return [to_info(row) for row in connection.execute(query)]


def transcript(connection: Connection, id: str, where: Expression, now: datetime) -> list[Memory]:
    """The live memories of a session that fulfil `where`, in the order in which they happened."""
    query = select(memories).where(memories.c.session == id, live(now), filtering.condition(where))
    summary = select(sessions.c.summary).where(sessions.c.id == id, sessions.c.summary.is_not(None))
    query = query.where(memories.c.promoted_from.is_(None), memories.c.uid.not_in(summary))
    rows = connection.execute(query.order_by(memories.c.created_at, memories.c.number))
    return [to_memory(row) for row in rows]


def to_info(row: AnyRow) -> SessionInfo:
    """A row as a record."""
    return SessionInfo(
        id=row.id,
        agent=row.agent,
        user=row.user,
        app=row.app,
        started_at=unstamp(row.started_at),
        ended_at=unstamp(row.ended_at),
        metadata=mapping(row)["metadata"],
        summary=row.summary,
    )
