"""Alerts: to whom they are, and who has acknowledged them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert

from transactive.ledger import placed
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema_coordination import acknowledgements, alert_recipients, alerts
from transactive.ledger.times import stamp, unstamp
from transactive.records import Acknowledgement, Alert
from transactive.rules.access import Reach, principals

_insert = upsert(acknowledgements)
_ACKNOWLEDGE = _insert.on_conflict_do_nothing()


def add(connection: Connection, row: Mapping[str, Any], to: Sequence[str]) -> None:
    """Insert an alert with its recipients."""
    connection.execute(insert(alerts), dict(row))
    connection.execute(insert(alert_recipients), [{"alert": row["uid"], "principal": one} for one in to])


def readable(reach: Reach, groups: Mapping[str, Iterable[str]]) -> ColumnElement[bool]:
    """What was sent to a caller, or by it, and lies where it may read; for the owner, all."""
    if reach.identity.is_owner:
        return placed.readable(reach, alerts)
    mine = or_(received(reach, groups), alerts.c.agent == reach.identity.agent)
    return and_(placed.readable(reach, alerts), mine)


def received(reach: Reach, groups: Mapping[str, Iterable[str]]) -> ColumnElement[bool]:
    """What was sent to a caller: to itself, to a group of its, or to everybody but the sender."""
    agent = reach.identity.agent
    named = alert_recipients.c.principal.in_(sorted(principals(agent, groups) - {"*"}))
    everybody = and_(alert_recipients.c.principal == "*", alerts.c.agent != agent)
    sent = select(alert_recipients.c.alert).where(alert_recipients.c.alert == alerts.c.uid, or_(named, everybody))
    return sent.exists()


def unacknowledged(agent: str) -> ColumnElement[bool]:
    """What an agent has not acknowledged."""
    mine = and_(acknowledgements.c.alert == alerts.c.uid, acknowledgements.c.agent == agent)
    return ~select(acknowledgements.c.alert).where(mine).exists()


def matching(connection: Connection, where: ColumnElement[bool], limit: int, offset: int) -> list[Alert]:
    """Alerts that fulfil `where`, latest first."""
    query = select(alerts).where(where).order_by(alerts.c.number.desc()).limit(limit).offset(offset)
    return to_alerts(connection, list(connection.execute(query)))


def count(connection: Connection, where: ColumnElement[bool]) -> int:
    """How many there are."""
    return int(connection.execute(select(func.count()).select_from(alerts).where(where)).scalar_one())


def to_alerts(connection: Connection, rows: Sequence[AnyRow]) -> list[Alert]:
    """Rows as records."""
    to: dict[str, list[str]] = {}
    seen: dict[str, list[Acknowledgement]] = {}
    for start in range(0, len(rows), placed.SOME):
        uids = [row.uid for row in rows[start : start + placed.SOME]]
        sent = select(alert_recipients).where(alert_recipients.c.alert.in_(uids))
        for row in connection.execute(sent.order_by(alert_recipients.c.principal)):
            to.setdefault(row.alert, []).append(row.principal)
        known = select(acknowledgements).where(acknowledgements.c.alert.in_(uids))
        for row in connection.execute(known.order_by(acknowledgements.c.at, acknowledgements.c.agent)):
            said = Acknowledgement(agent=row.agent, at=unstamp(row.at), note=row.note)
            seen.setdefault(row.alert, []).append(said)
    return [_to_alert(row, to.get(row.uid, ()), seen.get(row.uid, ())) for row in rows]


def _to_alert(row: AnyRow, to: Sequence[str], seen: Sequence[Acknowledgement]) -> Alert:
    return Alert(
        uid=row.uid,
        text=row.text,
        severity=row.severity,
        to=tuple(to),
        namespace=row.namespace,
        agent=row.agent,
        user=row.user,
        sensitivity=row.sensitivity,
        metadata=mapping(row)["metadata"],
        created_at=unstamp(row.created_at),
        acknowledgements=tuple(seen),
        version=row.version,
    )


def acknowledge(connection: Connection, uid: str, agent: str, note: str | None, now: datetime) -> bool:
    """Note that an agent has seen an alert; False when it had said so before."""
    row = {"alert": uid, "agent": agent, "at": stamp(now), "note": note}
    new = connection.execute(_ACKNOWLEDGE, row).rowcount > 0
    if new:
        changed = alerts.update().where(alerts.c.uid == uid)
        connection.execute(changed.values(version=alerts.c.version + 1, updated_at=stamp(now)))
    return new
