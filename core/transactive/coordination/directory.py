"""`agent.directory`: the verbs, for one identity."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from transactive.records import AgentInfo
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.coordination.roster import Roster


class Directory:
    """Who is there: agents as they have registered themselves. Every agent may read it; nobody is in it unasked."""

    def __init__(self, roster: Roster, identity: Identity) -> None:
        self._roster = roster
        self._identity = identity

    def register(
        self,
        *,
        role: str | None = None,
        capabilities: Sequence[str] = (),
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> AgentInfo:
        """Say who this agent is, in the place of what it said before.

        Args:
            role: Such as `"billing specialist"`.
            capabilities: What it can do, such as `["refunds", "invoices"]`: at most 100.
            description: More of it, in a sentence or two.
            metadata: A JSON object of at most 64 KiB.
        """
        return self._roster.register(self._identity, role, capabilities, description, metadata)

    def heartbeat(self) -> None:
        """Say that this agent is there; what it writes says so too. Raises `NotFound` unless it has registered."""
        self._roster.heartbeat(self._identity)

    def get(self, name: str) -> AgentInfo:
        """An agent's entry. Raises `NotFound`."""
        return self._roster.get(name)

    def list(self, *, capability: str | None = None, role: str | None = None) -> builtins.list[AgentInfo]:
        """The agents that have registered, by name; those with a capability or in a role, in whatever case."""
        return self._roster.registered(capability, role)

    def remove(self, name: str | None = None) -> bool:
        """Take this agent's entry out, or for the owner anybody's; whether there was one."""
        return self._roster.remove(self._identity, name)
