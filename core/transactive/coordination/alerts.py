"""`agent.alerts`: the verbs, for one identity."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from transactive.records import Alert, Sensitivity, Severity
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.coordination.events import Follower
    from transactive.coordination.inbox import Inbox


class Alerts:
    """Messages to named agents or groups, kept until they are acknowledged, and after.

    An alert lies in a namespace, by default the shared one; of those who may read there, its recipients, its sender and
    the owner get it.
    """

    def __init__(self, inbox: Inbox, identity: Identity) -> None:
        self._inbox = inbox
        self._identity = identity

    def send(
        self,
        text: str,
        *,
        to: Sequence[str] | str,
        severity: Severity = "info",
        metadata: Mapping[str, Any] | None = None,
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Alert:
        """Send an alert; needs the right `write` in its namespace.

        Args:
            text: What there is to know.
            to: Agents, `group:<name>`, `*`, people (`human:<name>`); agents must be able to read the namespace.
            severity: `info`, `warning` or `critical`.
            metadata: A JSON object of at most 64 KiB.
            namespace: Where.
            user: About whom.
            sensitivity: By default `internal`.

        Raises `InvalidInput`, `AccessDenied` or `RateLimited`: nothing was sent.
        """
        return self._inbox.send(
            self._identity,
            text,
            to=to,
            severity=severity,
            metadata=metadata,
            namespace=namespace,
            user=user,
            sensitivity=sensitivity,
        )

    def acknowledge(self, alert: Alert | str, *, note: str | None = None) -> Alert:
        """Say that this agent has seen an alert that was sent to it; said again, it changes nothing.

        Raises `NotFound`.
        """
        return self._inbox.acknowledge(self._identity, alert, note)

    def get(self, alert: Alert | str) -> Alert:
        """An alert as it stands, with who has acknowledged it. Raises `NotFound`."""
        return self._inbox.get(self._identity, alert)

    def follow(self, *, after: str | None = "now", idle: timedelta | str | None = None) -> Follower[Alert]:
        """The alerts to this agent as they are sent: `for alert in agent.alerts.follow():`; see `events.follow`."""
        return self._inbox.follow(self._identity, after, idle)

    def list(
        self,
        *,
        acknowledged: bool | None = False,
        sent: bool = False,
        severity: Severity | Sequence[Severity] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Alert]:
        """The alerts to this agent, latest first.

        Args:
            acknowledged: Those that it has not acknowledged (False), has (True), or both (None).
            sent: Those that it has sent instead, whoever has acknowledged them.
            severity: One or several.
            limit: 1 to 10,000.
            offset: How many to pass over.
        """
        return self._inbox.list(
            self._identity, acknowledged=acknowledged, sent=sent, severity=severity, limit=limit, offset=offset
        )

    def count(self) -> int:
        """How many there are that it has not acknowledged."""
        return self._inbox.count(self._identity)
