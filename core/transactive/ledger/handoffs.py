"""Handoffs: rows, and to whom they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from transactive.ledger import placed
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema_coordination import handoffs
from transactive.ledger.times import stamp
from transactive.rules.access import Reach, principals


def add(connection: Connection, row: Mapping[str, Any]) -> AnyRow:
    """Insert a handoff."""
    return connection.execute(insert(handoffs).returning(handoffs), dict(row)).one()


def change(connection: Connection, uid: str, now: datetime, **values: Any) -> AnyRow:
    """Make a new version of a handoff; returns its row."""
    changed = update(handoffs).where(handoffs.c.uid == uid)
    changed = changed.values(version=handoffs.c.version + 1, updated_at=stamp(now), **values)
    return connection.execute(changed.returning(handoffs)).one()


def readable(reach: Reach, groups: Mapping[str, Iterable[str]]) -> ColumnElement[bool]:
    """What a caller handed over, was handed, or has taken, and lies where it may read; for the owner, all."""
    allowed = placed.readable(reach, handoffs)
    if reach.identity.is_owner:
        return allowed
    agent = reach.identity.agent
    mine = or_(handoffs.c.agent == agent, handoffs.c.taken_by == agent, received(reach, groups))
    return and_(allowed, mine)


def received(reach: Reach, groups: Mapping[str, Iterable[str]]) -> ColumnElement[bool]:
    """What a caller was handed, itself or by its group."""
    return handoffs.c.to.in_(sorted(principals(reach.identity.agent, groups) - {"*"}))


def matching(connection: Connection, where: ColumnElement[bool], limit: int, offset: int) -> list[AnyRow]:
    """Handoffs that fulfil `where`, latest first."""
    query = select(handoffs).where(where).order_by(handoffs.c.number.desc())
    return list(connection.execute(query.limit(limit).offset(offset)))


def escalated(connection: Connection, since: int, until: int) -> list[int]:
    """When each escalation of a time was made."""
    made = handoffs.c.created_at
    query = select(made).where(handoffs.c.kind == "escalation", made >= since, made < until)
    return list(connection.execute(query).scalars())


def count(connection: Connection, where: ColumnElement[bool]) -> int:
    """How many there are."""
    return int(connection.execute(select(func.count()).select_from(handoffs).where(where)).scalar_one())
