"""`agent.handoffs`: the verbs, for one identity."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from transactive.records import Handoff, HandoffKind, HandoffStatus
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.coordination.events import Follower
    from transactive.coordination.handing import Handing


class Handoffs:
    """What was handed over, to this agent and by it: `agent.handoff(…)` and `agent.escalate(…)` make them.

    A handoff is pending until somebody takes it, and taken until it is resolved with an answer. Its package is built at
    every look from what is there then, by the rights of who looks: nothing is copied, so what is corrected, forgotten
    or erased is so there too.
    """

    def __init__(self, handing: Handing, identity: Identity) -> None:
        self._handing = handing
        self._identity = identity

    def get(self, handoff: Handoff | str) -> Handoff:
        """A handoff as it stands, with its package. Raises `NotFound`."""
        return self._handing.get(self._identity, handoff)

    def take(self, handoff: Handoff | str, *, by: str | None = None) -> Handoff:
        """Take a pending one that was made to this agent or its group: of all that try, one does.

        `by` names the person for whom the owner takes it. Its task, where it was handed an open one, is then to be
        claimed: `agent.tasks.claim(handoff.package.task)`.

        Raises:
            NotFound: there is no such handoff for this agent.
            AccessDenied: this agent has made it itself.
            AlreadyTaken: somebody else has it, or it is resolved.
        """
        return self._handing.take(self._identity, handoff, by)

    def resolve(self, handoff: Handoff | str, *, answer: Any = None, by: str | None = None) -> Handoff:
        """Say that it is settled; who has taken it may, or, while nobody has, whom it was made to, and the owner.

        Args:
            handoff: Which.
            answer: What comes back to who handed it over: whatever JSON holds, up to 1 MiB.
            by: The person for whom the owner answers.

        A task that has waited for the answer is offered again to who had escalated it.

        Raises `NotFound` and `AccessDenied` as `take`, and `AlreadyTaken` when somebody else has it, or it is resolved.
        """
        return self._handing.resolve(self._identity, handoff, answer, by)

    def wait(self, handoff: Handoff | str, *, timeout: timedelta | str | None = None) -> Handoff | None:
        """Wait until it is resolved, and return it; None when `timeout` is over before. Raises `NotFound`."""
        return self._handing.wait(self._identity, handoff, timeout)

    def _heard(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """While this lasts, a function is called at each commit of this process: there may be an answer."""
        return self._handing.heard(wake)

    def follow(self, *, after: str | None = "now", idle: timedelta | str | None = None) -> Follower[Handoff]:
        """Handoffs to and by this agent as they are made, taken and resolved; see `events.follow`."""
        return self._handing.follow(self._identity, after, idle)

    def list(
        self,
        *,
        status: HandoffStatus | Sequence[HandoffStatus] | None = None,
        kind: HandoffKind | None = None,
        sent: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Handoff]:
        """Those that were made to this agent, latest first; for the owner, all.

        Args:
            status: `pending`, `taken` or `resolved`, one or several.
            kind: `handoff` or `escalation`.
            sent: Those that it has made itself instead.
            limit: 1 to 1,000.
            offset: How many to pass over.
        """
        return self._handing.list(self._identity, status=status, kind=kind, sent=sent, limit=limit, offset=offset)
