"""The turns around a turn: neighbours share namespace, session, user, sensitivity and verified state."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, and_, select, tuple_

from transactive.ledger.schema import memories

RADIUS = 2
"""How many turns before and after a turn belong to its window."""

Chain: TypeAlias = tuple[str, str, str | None, str, bool]

_TURN = and_(memories.c.turn, memories.c.forgotten_at.is_(None))
_POSITION = (memories.c.created_at, memories.c.number)


def chain(row: Row[Any]) -> Chain:
    """What a turn shares with its neighbours."""
    return row.session, row.namespace, row.user, row.sensitivity, row.verified_by is not None


def around(connection: Connection, turns: Iterable[Row[Any]]) -> dict[Chain, list[Row[Any]]]:
    """The chains of these turns, each in order, wide enough for the windows of its neighbours.

    A turn that is not live any more still shows where its chain changed.
    """
    by_chain: dict[Chain, list[Row[Any]]] = {}
    for row in turns:
        by_chain.setdefault(chain(row), []).append(row)
    return {key: _stretch(connection, key, rows) for key, rows in by_chain.items()}


def _stretch(connection: Connection, key: Chain, rows: list[Row[Any]]) -> list[Row[Any]]:
    first = min((row.created_at, row.number) for row in rows)
    last = max((row.created_at, row.number) for row in rows)
    position = tuple_(*_POSITION)
    query = select(memories).where(_TURN, _of_chain(key))
    before = query.where(position < first).order_by(*(c.desc() for c in _POSITION)).limit(2 * RADIUS)
    after = query.where(position > last).order_by(*_POSITION).limit(2 * RADIUS)
    within = query.where(position >= first, position <= last).order_by(*_POSITION)
    return [
        *reversed(connection.execute(before).all()),
        *connection.execute(within),
        *connection.execute(after),
    ]


def _of_chain(key: Chain) -> ColumnElement[bool]:
    session, namespace, user, sensitivity, verified = key
    return and_(
        memories.c.session == session,
        memories.c.namespace == namespace,
        memories.c.user.is_(None) if user is None else memories.c.user == user,
        memories.c.sensitivity == sensitivity,
        memories.c.verified_by.is_not(None) if verified else memories.c.verified_by.is_(None),
    )


def neighbours(connection: Connection, turns: Iterable[Row[Any]]) -> set[str]:
    """The uids of every turn whose window these turns belong to, or belonged to before they were forgotten."""
    found: set[str] = set()
    by_chain: dict[Chain, list[Row[Any]]] = {}
    for row in turns:
        by_chain.setdefault(chain(row), []).append(row)
    for key, rows in by_chain.items():
        stretch = _stretch(connection, key, rows)
        places = [(row.created_at, row.number) for row in stretch]
        for row in rows:
            place = (row.created_at, row.number)
            start, end = bisect_left(places, place), bisect_right(places, place)
            found.update(r.uid for r in stretch[max(0, start - RADIUS) : start] + stretch[end : end + RADIUS])
    return found
