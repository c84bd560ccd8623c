"""How far named consumers of events have come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from transactive.ledger.rows import AnyRow
from transactive.ledger.schema import consumers
from transactive.ledger.times import stamp

Name = tuple[str, str, str]
"""Agent, user (empty for none) and name."""

_insert = insert(consumers)
_ACKNOWLEDGE = _insert.on_conflict_do_update(
    index_elements=[consumers.c.agent, consumers.c.user, consumers.c.name],
    set_={
        "position": func.max(consumers.c.position, _insert.excluded.position),
        "updated_at": _insert.excluded.updated_at,
    },
)


def position(connection: Connection, name: Name) -> int | None:
    """The last event that a consumer has acknowledged; None when there is no such consumer."""
    query = select(consumers.c.position).where(_is(name))
    return connection.execute(query).scalar_one_or_none()


def acknowledge(connection: Connection, name: Name, upto: int, now: datetime) -> None:
    """Note that a consumer is done with every event up to one; it never goes back."""
    agent, user, called = name
    row = {"agent": agent, "user": user, "name": called, "position": upto, "updated_at": stamp(now)}
    connection.execute(_ACKNOWLEDGE, row)


def remove(connection: Connection, name: Name) -> bool:
    """Delete a consumer; whether there was one."""
    return connection.execute(delete(consumers).where(_is(name))).rowcount > 0


def of_agent(connection: Connection, agent: str | None, user: str | None) -> list[AnyRow]:
    """The consumers of an agent, or with None all, by name."""
    query = select(consumers).order_by(consumers.c.agent, consumers.c.name)
    if agent is not None:
        query = query.where(consumers.c.agent == agent, consumers.c.user == (user or ""))
    return list(connection.execute(query))


def slowest(connection: Connection) -> int | None:
    """How far the consumer has come that has come least far; None when there is none."""
    least: int | None = connection.execute(select(func.min(consumers.c.position))).scalar_one()
    return least


def _is(name: Name) -> ColumnElement[bool]:
    agent, user, called = name
    return (consumers.c.agent == agent) & (consumers.c.user == user) & (consumers.c.name == called)
