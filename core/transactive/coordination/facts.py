"""`agent.facts`: the verbs, for one identity."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from transactive.coordination.events import Follower
from transactive.records import Fact, Sensitivity
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.coordination.register import Register


class Facts:
    """The state that a team shares: one value under each key, with versions, compare-and-set and history.

    A fact is named by namespace, key and user; by default it lies in the shared namespace. To set one takes the rights
    `read` and `write` there: whoever has them may replace what it may read, whoever wrote it. A handle bound to a user
    sets that user's facts, and reads those, and where there is none of the key, those of no user.
    """

    def __init__(self, register: Register, identity: Identity) -> None:
        self._register = register
        self._identity = identity

    def set(
        self,
        key: str,
        value: Any,
        *,
        expected_version: int | None = None,
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Fact:
        """Set the value under a key.

        Args:
            key: 1 to 512 characters, such as `"order/991/status"`.
            value: Whatever JSON holds, up to 1 MiB.
            expected_version: The version that is to be replaced; 0: there must be none, or a deleted one.
            namespace: Where.
            user: About whom.
            sensitivity: By default that of the former value, or `internal`; one that this agent may read.

        A value that this agent may not read is not replaced, and not told of: beside that, this one stands for those
        who may not read that either.

        Raises:
            VersionConflict: it is at another version; `.current` is what it is, or None.
            InvalidInput, AccessDenied, RateLimited.

        In every case nothing was written.
        """
        return self._register.set(
            self._identity,
            key,
            value,
            expected=expected_version,
            namespace=namespace,
            user=user,
            sensitivity=sensitivity,
        )

    def update(
        self,
        key: str,
        change: Callable[[Any], Any],
        *,
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Fact:
        """Replace a value by what a function makes of it (of None where there is none), as often as others come first.

        The function must do nothing else: it is called again when somebody else has changed the value meanwhile.
        """
        return self._register.update(
            self._identity, key, change, namespace=namespace, user=user, sensitivity=sensitivity
        )

    def get(self, key: str, *, namespace: str | None = None, user: str | None = None) -> Fact | None:
        """The fact under a key; None when there is none that may be read."""
        return self._register.get(self._identity, key, namespace, user)

    def delete(
        self,
        key: str,
        *,
        expected_version: int | None = None,
        namespace: str | None = None,
        user: str | None = None,
    ) -> bool:
        """Delete the value under a key, as a new version; whether there was one. Raises `VersionConflict` as `set`."""
        return self._register.delete(self._identity, key, expected_version, namespace, user)

    def history(self, key: str, *, namespace: str | None = None, user: str | None = None) -> Sequence[Fact]:
        """Every version of a fact, oldest first, deletions included; empty when there is none that may be read."""
        return self._register.history(self._identity, key, namespace, user)

    def follow(
        self,
        key: str | None = None,
        *,
        prefix: str | None = None,
        namespaces: Sequence[str] | None = None,
        after: str | None = "now",
        idle: timedelta | str | None = None,
    ) -> Follower[Fact]:
        """Every version of a fact as it is set, or of all whose keys begin with a prefix: `for fact in …follow("a"):`.

        `after` and `idle` are those of `events.follow`; by default it begins with the next change.
        """
        return self._register.follow(self._identity, key, prefix, namespaces=namespaces, after=after, idle=idle)

    def list(
        self,
        *,
        prefix: str = "",
        namespaces: Sequence[str] | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> builtins.list[Fact]:
        """The facts that the agent may read, of keys with a prefix, by namespace and key."""
        return self._register.list(self._identity, prefix, namespaces, limit, offset)
