"""What lies in namespaces beside memories: what of a table a caller may read and write, and rows by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, Table, and_, false, or_, select, true
from sqlalchemy.sql.selectable import NamedFromClause

from transactive.ledger.filtering import covered
from transactive.ledger.rows import AnyRow
from transactive.records import SENSITIVITIES
from transactive.rules.access import Identity, Reach

Named: TypeAlias = Table | NamedFromClause
"""A table, or an alias of one."""
SOME = 500  # how many values one statement takes


def readable(reach: Reach, table: Named) -> ColumnElement[bool]:
    """What of a table with namespace, user and sensitivity a caller may read."""
    return _readable(anybody(reach), table)


def anybody(reach: Reach) -> Reach:
    """The reach of whoever may do the same: what it lets through is the same."""
    return Reach(Identity("", user=reach.identity.user), reach.rules, reach.ceilings)


@lru_cache(maxsize=1024)  # to build a clause takes longer than to run it
def _readable(reach: Reach, table: Named) -> ColumnElement[bool]:
    granted = or_(
        false(),
        *(
            and_(under(table, rule.pattern), _cleared(table, rule.clearance))
            for rule in dict.fromkeys(reach.rules)
            if "read" in rule.rights
        ),
    )
    below = (or_(table.c.namespace != place, _cleared(table, ceiling)) for place, ceiling in reach.ceilings)
    return and_(granted, about(reach.identity.user, table), *below)


def writable(reach: Reach, table: Named) -> ColumnElement[bool]:
    """What lies where a caller may write."""
    return _writable(anybody(reach), table)


@lru_cache(maxsize=1024)
def _writable(reach: Reach, table: Named) -> ColumnElement[bool]:
    return or_(false(), *(under(table, rule.pattern) for rule in reach.rules if "write" in rule.rights))


def under(table: Named, pattern: str) -> ColumnElement[bool]:
    """In a namespace that a pattern covers."""
    return covered(table.c.namespace, pattern)


def within(table: Named, patterns: Iterable[str] | None) -> ColumnElement[bool]:
    """In a namespace that one of these patterns covers; everywhere, when there are none."""
    return true() if patterns is None else or_(false(), *(under(table, pattern) for pattern in patterns))


def about(user: str | None, table: Named) -> ColumnElement[bool]:
    """What a handle that is bound to a user sees: what is about that user, and about none. Unbound, all."""
    return true() if user is None else or_(table.c.user == user, table.c.user.is_(None))


def _cleared(table: Named, clearance: str) -> ColumnElement[bool]:
    allowed = SENSITIVITIES[: SENSITIVITIES.index(clearance) + 1]
    return true() if len(allowed) == len(SENSITIVITIES) else table.c.sensitivity.in_(allowed)


def by_uids(connection: Connection, table: Named, uids: Sequence[str], where: ColumnElement[bool]) -> dict[str, AnyRow]:
    """Rows by their ids, of those that fulfil `where`."""
    found: dict[str, AnyRow] = {}
    for start in range(0, len(uids), SOME):
        query = select(table).where(table.c.uid.in_(uids[start : start + SOME]), where)
        found.update((row.uid, row) for row in connection.execute(query))
    return found


def by_uid(connection: Connection, table: Named, uid: str, where: ColumnElement[bool]) -> AnyRow | None:
    """The row with an id, if it fulfils `where`."""
    return connection.execute(select(table).where(table.c.uid == uid, where)).one_or_none()
