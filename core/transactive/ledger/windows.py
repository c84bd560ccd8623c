"""The turns around a turn: neighbours share namespace, session, user, sensitivity and verified state."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, and_, bindparam, select, tuple_

from transactive.ledger.memories import SOME
from transactive.ledger.rows import AnyRow, AnySelect
from transactive.ledger.schema import memories

RADIUS = 2
"""How many turns before and after a turn belong to its window."""

Chain: TypeAlias = tuple[str, str, str | None, str, bool]

_TURN = and_(memories.c.turn, memories.c.forgotten_at.is_(None))
_PLACE = (memories.c.created_at, memories.c.number)
_SHARED = (
    memories.c.session,
    memories.c.namespace,
    memories.c.user,
    memories.c.sensitivity,
    memories.c.verified_by,
)
_IN_CHAIN = and_(
    _TURN,
    memories.c.session == bindparam("session"),
    memories.c.namespace == bindparam("namespace"),
    memories.c.user.is_not_distinct_from(bindparam("user")),
    memories.c.sensitivity == bindparam("sensitivity"),
    memories.c.verified_by.is_not(None) == bindparam("verified"),
)
_FIRST, _LAST = (tuple_(bindparam(f"{end}_time"), bindparam(f"{end}_number")) for end in ("first", "last"))
_UP, _DOWN = [c.asc() for c in _PLACE], [c.desc() for c in _PLACE]


class _Queries(NamedTuple):
    """The parts of a chain around the places from first to last; `upto` serves where they are one."""

    before: AnySelect
    within: AnySelect
    after: AnySelect
    upto: AnySelect


def _stretch_queries(*columns: Any) -> _Queries:
    query = select(memories.c.uid, *_PLACE, *columns).where(_IN_CHAIN)
    place = tuple_(*_PLACE)
    return _Queries(
        before=query.where(place < _FIRST).order_by(*_DOWN).limit(2 * RADIUS),
        within=query.where(place >= _FIRST, place <= _LAST).order_by(*_UP),
        after=query.where(place > _LAST).order_by(*_UP).limit(2 * RADIUS),
        upto=query.where(place <= _LAST).order_by(*_DOWN).limit(2 * RADIUS + 1),
    )


_IDS = _stretch_queries()
_TEXTS = _stretch_queries(memories.c.text, memories.c.agent, memories.c.version)
_OF_UIDS = select(memories.c.uid, *_PLACE, *_SHARED, memories.c.turn).where(
    memories.c.uid.in_(bindparam("uids", expanding=True))
)


def chain(row: AnyRow) -> Chain:
    """What a turn shares with its neighbours."""
    return row.session, row.namespace, row.user, row.sensitivity, row.verified_by is not None


def around(connection: Connection, turns: Iterable[AnyRow]) -> list[list[AnyRow]]:
    """The chains of these turns, each in order and wide enough for the windows of all of them.

    Rows of uid, created_at, number, text, agent and version.
    """
    return [_stretch(connection, _TEXTS, key, rows) for key, rows in _by_chain(turns).items()]


def neighbours(connection: Connection, uids: Iterable[str]) -> set[str]:
    """The uids of every turn whose window these turns belong to, or belonged to before they were forgotten."""
    wanted = list(uids)
    found: set[str] = set()
    for start in range(0, len(wanted), SOME):
        turns = [row for row in connection.execute(_OF_UIDS, {"uids": wanted[start : start + SOME]}) if row.turn]
        for key, rows in _by_chain(turns).items():
            found |= _beside(_stretch(connection, _IDS, key, rows), rows)
    return found


def _by_chain(turns: Iterable[AnyRow]) -> dict[Chain, list[AnyRow]]:
    found: dict[Chain, list[AnyRow]] = {}
    for row in turns:
        found.setdefault(chain(row), []).append(row)
    return found


def _stretch(connection: Connection, queries: _Queries, key: Chain, rows: list[AnyRow]) -> list[AnyRow]:
    first = min((row.created_at, row.number) for row in rows)
    last = max((row.created_at, row.number) for row in rows)
    values = dict(zip(("session", "namespace", "user", "sensitivity", "verified"), key, strict=True))
    values |= {"first_time": first[0], "first_number": first[1], "last_time": last[0], "last_number": last[1]}
    after = connection.execute(queries.after, values).all()
    if first == last:
        return [*reversed(connection.execute(queries.upto, values).all()), *after]
    before, within = (connection.execute(query, values).all() for query in (queries.before, queries.within))
    return [*reversed(before), *within, *after]


def _beside(stretch: list[AnyRow], rows: list[AnyRow]) -> set[str]:
    places = [(row.created_at, row.number) for row in stretch]
    found: set[str] = set()
    for row in rows:
        place = (row.created_at, row.number)
        start, end = bisect_left(places, place), bisect_right(places, place)
        found.update(r.uid for r in stretch[max(0, start - RADIUS) : start] + stretch[end : end + RADIUS])
    return found
