"""Alerts: sent, listed, acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, true

from transactive.coordination.events import Follower, Numbered
from transactive.coordination.feed import Feed
from transactive.errors import InvalidInput, NotFound
from transactive.ledger import alerts as ledger
from transactive.ledger.placed import by_uid
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema_coordination import alerts as table
from transactive.ledger.times import stamp
from transactive.paths.incoming import check_among, check_count, check_metadata, check_name, check_text
from transactive.paths.placing import Placing
from transactive.paths.recipients import check_reaches
from transactive.paths.share import check_principal
from transactive.records import SEVERITIES, Alert, Sensitivity
from transactive.rules.access import Identity, Reach

MOST_RECIPIENTS = 100


class Inbox:
    """Carries alerts."""

    def __init__(self, placing: Placing, feed: Feed) -> None:
        self._placing = placing
        self._store = placing.store
        self._feed = feed

    def send(
        self,
        identity: Identity,
        text: str,
        *,
        to: Sequence[str] | str,
        severity: str,
        metadata: Mapping[str, Any] | None,
        namespace: str | None,
        user: str | None,
        sensitivity: Sensitivity | None,
    ) -> Alert:
        """Send an alert."""
        place = self._placing.place(identity, namespace, user, sensitivity, shared=True)
        recipients = _recipients(to)
        row: dict[str, Any] = {
            "uid": self._store.new_id(),
            "namespace": place.namespace,
            "user": place.user,
            "sensitivity": place.sensitivity,
            "agent": identity.agent,
            "version": 1,
            "text": check_text(text, "an alert's text"),
            "severity": _severities(severity if isinstance(severity, str) else None)[0],
            "metadata": check_metadata(metadata),
        }
        with self._placing.change(identity, "send_alert", place) as change:
            for recipient in recipients:
                check_reaches(change, place, recipient, "an alert")
            at = stamp(change.now)
            ledger.add(change.connection, {**row, "created_at": at, "updated_at": at}, recipients)
            alert = self._alert(change.connection, self._any(change.connection, row["uid"]))
            change.noted("alert.send", alert)
            change.details = {"recipients": len(recipients)}
        return alert

    def acknowledge(self, identity: Identity, alert: Alert | str, note: str | None) -> Alert:
        """Note that an alert was seen."""
        uid, said = _uid(alert), None if note is None else check_text(note, "a note")
        with self._placing.writing.change(identity, "acknowledge") as change:
            where = and_(self._readable(change.reach), ledger.received(change.reach, change.tables.groups))
            row = self._find(change.connection, change.reach, uid, where)
            change.target = row.namespace
            new = ledger.acknowledge(change.connection, uid, identity.agent, said, change.now)
            seen = self._alert(change.connection, self._any(change.connection, uid))
            if new:
                change.noted("alert.acknowledge", seen)
        return seen

    # --- reading --------------------------------------------------------------------------------------------------

    def get(self, identity: Identity, alert: Alert | str) -> Alert:
        """An alert as it stands."""
        uid = _uid(alert)
        with self._placing.reading(identity) as (connection, allowed):
            return self._alert(connection, self._find(connection, allowed, uid, self._readable(allowed)))

    def list(
        self,
        identity: Identity,
        *,
        acknowledged: bool | None,
        sent: bool,
        severity: str | Sequence[str] | None,
        limit: int,
        offset: int,
    ) -> list[Alert]:
        """Alerts, latest first."""
        most = check_count(limit, "limit", least=1, most=10_000)
        first = check_count(offset, "offset", least=0, most=1_000_000)
        if not (acknowledged is None or isinstance(acknowledged, bool)) or not isinstance(sent, bool):
            raise InvalidInput("acknowledged is True, False or None; sent is True or False")
        level = true() if severity is None else table.c.severity.in_(_severities(severity))
        with self._placing.reading(identity) as (connection, allowed):
            where = self._sent(allowed) if sent else self._received(allowed, acknowledged)
            return ledger.matching(connection, and_(self._readable(allowed), where, level), most, first)

    def count(self, identity: Identity) -> int:
        """How many wait to be acknowledged."""
        with self._placing.reading(identity) as (connection, allowed):
            return ledger.count(connection, and_(self._readable(allowed), self._received(allowed, False)))

    def follow(self, identity: Identity, after: str | None, idle: timedelta | str | None) -> Follower[Alert]:
        """Alerts as they are sent."""
        asked = self._feed.asked(identity, None, ["alert.send"])

        def shaped(events: Numbered) -> list[tuple[int, Alert]]:
            if not events:
                return []
            with self._placing.reading(identity) as (connection, allowed):
                uids = table.c.uid.in_([event.uid for _, event in events])
                where = and_(self._readable(allowed), ledger.received(allowed, self._groups()), uids)
                found = {alert.uid: alert for alert in ledger.matching(connection, where, len(events), 0)}
            return [(number, found[event.uid]) for number, event in events if event.uid in found]

        return Follower(self._feed, asked, self._feed.position(after), idle, shaped)

    def _groups(self) -> Mapping[str, Sequence[str]]:
        return self._store.latest.groups

    def _readable(self, allowed: Reach) -> ColumnElement[bool]:
        return ledger.readable(allowed, self._groups())

    def _received(self, allowed: Reach, acknowledged: bool | None) -> ColumnElement[bool]:
        received = ledger.received(allowed, self._groups())
        unseen = ledger.unacknowledged(allowed.identity.agent)
        return received if acknowledged is None else and_(received, ~unseen if acknowledged else unseen)

    def _sent(self, allowed: Reach) -> ColumnElement[bool]:
        return table.c.agent == allowed.identity.agent

    def _find(self, connection: Connection, allowed: Reach, uid: str, where: ColumnElement[bool]) -> AnyRow:
        row = by_uid(connection, table, uid, where)
        if row is None:
            raise NotFound(f"no alert {uid!r:.100} to {allowed.identity.agent!r}")
        return row

    def _any(self, connection: Connection, uid: str) -> AnyRow:
        row = by_uid(connection, table, uid, true())
        assert row is not None
        return row

    def _alert(self, connection: Connection, row: AnyRow) -> Alert:
        return ledger.to_alerts(connection, [row])[0]


def _recipients(to: object) -> list[str]:
    several = [to] if isinstance(to, str) else to
    if not isinstance(several, Sequence | set | frozenset) or not several:
        raise InvalidInput("to names one or more agents, groups ('group:sales'), people ('human:dana'), or '*'")
    found = list(dict.fromkeys(check_principal(one) for one in several))
    if len(found) > MOST_RECIPIENTS:
        raise InvalidInput(
            f"an alert has at most {MOST_RECIPIENTS} recipients; make a group of them: team.groups.set(…)"
        )
    return found


def _severities(levels: object) -> list[str]:
    return check_among(levels, SEVERITIES, "a severity")


def _uid(alert: object) -> str:
    return alert.uid if isinstance(alert, Alert) else check_name(alert, "an alert")
