"""Facts: the value under a key, and every value that it had."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, not_, select, tuple_, update

from transactive.ledger import placed
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema_coordination import fact_versions, facts
from transactive.ledger.times import stamp, unstamp
from transactive.records import SENSITIVITIES, Fact
from transactive.rules.access import Reach


def to_fact(row: AnyRow) -> Fact:
    """A row as a record."""
    return Fact(
        uid=row.uid,
        namespace=row.namespace,
        key=row.key,
        value=json.loads(row.value),
        version=row.version,
        agent=row.agent,
        user=row.user,
        sensitivity=row.sensitivity,
        created_at=unstamp(row.created_at),
        updated_at=unstamp(row.updated_at),
        deleted=row.deleted,
    )


def named(
    connection: Connection, namespace: str, key: str, user: str | None, where: ColumnElement[bool]
) -> list[AnyRow]:
    """The facts of a name that fulfil `where`, deleted ones too: one a sensitivity, the most sensitive first."""
    query = select(facts).where(
        facts.c.namespace == namespace, facts.c.key == key, func.coalesce(facts.c.user, "") == (user or ""), where
    )
    return sorted(connection.execute(query), key=lambda row: -SENSITIVITIES.index(row.sensitivity))


def write(connection: Connection, row: dict[str, Any], now: datetime) -> AnyRow:
    """Insert a fact, or with a `number` make a new version of one; returns its row."""
    if "number" in row:
        number = row.pop("number")
        changed = update(facts).where(facts.c.number == number)
        values = {**row, "updated_at": stamp(now)}
        written = connection.execute(changed.values(**values).returning(facts)).one()
    else:
        fresh = {**row, "created_at": stamp(now), "updated_at": stamp(now)}
        written = connection.execute(insert(facts).returning(facts), fresh).one()
    version = {"fact": written.uid, "at": written.updated_at}
    version |= {name: getattr(written, name) for name in ("version", "value", "deleted", "agent")}
    connection.execute(insert(fact_versions), version)
    return written


def shown(reach: Reach) -> ColumnElement[bool]:
    """What a caller may read, of each name the most sensitive one that is there."""
    other = facts.alias("other")
    covered = select(other.c.number).where(
        other.c.namespace == facts.c.namespace,
        other.c.key == facts.c.key,
        func.coalesce(other.c.user, "") == func.coalesce(facts.c.user, ""),
        not_(other.c.deleted),
        _level(other) > _level(facts),
        placed.readable(reach, other),
    )
    return and_(placed.readable(reach, facts), not_(facts.c.deleted), ~covered.exists())


def _level(table: placed.Named) -> ColumnElement[int]:
    levels = {level: place for place, level in enumerate(SENSITIVITIES)}
    return case(levels, value=table.c.sensitivity)


def matching(connection: Connection, where: ColumnElement[bool], limit: int, offset: int) -> list[AnyRow]:
    """Facts that fulfil `where`, by namespace and key."""
    query = select(facts).where(where).order_by(facts.c.namespace, facts.c.key, facts.c.number)
    return list(connection.execute(query.limit(limit).offset(offset)))


_VERSION = select(
    facts.c.uid,
    facts.c.namespace,
    facts.c.key,
    facts.c.user,
    facts.c.sensitivity,
    facts.c.created_at,
    fact_versions.c.value,
    fact_versions.c.version,
    fact_versions.c.agent,
    fact_versions.c.deleted,
    fact_versions.c.at.label("updated_at"),
).join(facts, facts.c.uid == fact_versions.c.fact)


def history(connection: Connection, uid: str) -> list[Fact]:
    """Every version of a fact, oldest first."""
    query = _VERSION.where(facts.c.uid == uid).order_by(fact_versions.c.version)
    return [to_fact(row) for row in connection.execute(query)]


def versions(
    connection: Connection, wanted: Iterable[tuple[str, int]], where: ColumnElement[bool]
) -> dict[tuple[str, int], Fact]:
    """Facts in the versions that are named, of those that fulfil `where`."""
    pairs = list(wanted)
    found: dict[tuple[str, int], Fact] = {}
    for start in range(0, len(pairs), placed.SOME):
        some = tuple_(facts.c.uid, fact_versions.c.version).in_(pairs[start : start + placed.SOME])
        found.update(((row.uid, row.version), to_fact(row)) for row in connection.execute(_VERSION.where(some, where)))
    return found
