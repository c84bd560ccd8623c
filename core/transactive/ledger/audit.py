"""Reads the audit, and checks its chain of hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from transactive.ledger.events import TENANT, audit_hash
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema import audit, heads
from transactive.ledger.times import stamp, unstamp
from transactive.records import AuditCheck, AuditEntry

_STEP = 1000
_HASHED = ("number", "at", "principal", "action", "target", "count", "details")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which entries."""

    principal: str | None = None
    actions: Sequence[str] = ()
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(connection: Connection, asked: Asked, *, after: int = 0, limit: int | None = None) -> list[AuditEntry]:
    """Entries with a higher number than `after`, in order."""
    query = select(audit).where(audit.c.number > after, *_conditions(asked)).order_by(audit.c.number)
    return [to_entry(row) for row in connection.execute(query.limit(limit))]


def _conditions(asked: Asked) -> Iterator[ColumnElement[bool]]:
    if asked.principal is not None:
        yield audit.c.principal == asked.principal
    if asked.actions:
        yield audit.c.action.in_(asked.actions)
    if asked.target is not None:
        yield audit.c.target == asked.target
    if asked.since is not None:
        yield audit.c.at >= stamp(asked.since)
    if asked.until is not None:
        yield audit.c.at < stamp(asked.until)


def to_entry(row: AnyRow) -> AuditEntry:
    """A row as a record."""
    values = mapping(row)
    return AuditEntry(
        number=row.number,
        at=unstamp(row.at),
        principal=row.principal,
        action=row.action,
        target=row.target,
        count=values["count"],
        details=row.details,
        hash=values["hash"].hex(),
    )


def verify(connection: Connection) -> AuditCheck:
    """Whether every entry has the hash that follows from it and the one before, and none is missing, the last neither.

    A chain shows that an entry was changed, deleted or added; who can write to the ledger can also make a new chain.
    Keep an export elsewhere to notice that.
    """
    head = connection.execute(select(heads.c.last_audit, heads.c.last_audit_hash).where(heads.c.tenant == TENANT)).one()
    number, previous = 0, bytes(32)
    while True:
        query = select(audit).where(audit.c.number > number).order_by(audit.c.number).limit(_STEP)
        rows = connection.execute(query).all()
        for row in rows:
            if row.number != number + 1:
                return AuditCheck(entries=number, broken_at=number + 1, reason="an entry is missing")
            values = mapping(row)
            previous = audit_hash(previous, {name: values[name] for name in _HASHED})
            if previous != row.hash:
                return AuditCheck(entries=number, broken_at=row.number, reason="an entry was changed")
            number = row.number
        if not rows:
            break
    if number < head.last_audit:
        return AuditCheck(entries=number, broken_at=number + 1, reason="the last entries are missing")
    if number > head.last_audit or previous != head.last_audit_hash:
        return AuditCheck(entries=number, broken_at=number, reason="an entry was added, or the head was changed")
    return AuditCheck(entries=number)
