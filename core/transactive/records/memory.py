"""A memory, as it is handed in and as it comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

Kind = Literal["episodic", "semantic", "procedural", "working", "decision", "learning", "document"]
Sensitivity = Literal["public", "internal", "confidential"]
Right = Literal["read", "write", "verify", "admin"]
Degrade = Literal["raise", "text", "empty"]

KINDS: tuple[Kind, ...] = ("episodic", "semantic", "procedural", "working", "decision", "learning", "document")
SENSITIVITIES: tuple[Sensitivity, ...] = ("public", "internal", "confidential")
RIGHTS: tuple[Right, ...] = ("read", "write", "verify", "admin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """One remembered item, as it stood when it was read. Times are timezone-aware UTC."""

    id: str
    """The id that the caller chose, or else the same as `uid`."""
    uid: str
    """The store-wide id: a UUIDv7, or a UUIDv5 of the caller's own id."""
    namespace: str
    kind: Kind
    text: str
    importance: float
    """In [0, 1]."""
    agent: str
    """Who wrote it: stamped from the bound handle, never taken from the caller."""
    created_at: datetime
    """When it happened."""
    recorded_at: datetime
    """When the ledger took its first version."""
    updated_at: datetime
    """When the ledger took this version."""
    version: int
    """1 for the first, one more with each revision."""
    user: str | None = None
    session: str | None = None
    app: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    confidence: float | None = None
    sensitivity: Sensitivity = "internal"
    verified_by: str | None = None
    verified_at: datetime | None = None
    expires_at: datetime | None = None
    derived_from: tuple[str, ...] = ()
    """Uids of the memories that it rests on."""
    supersedes: tuple[str, ...] = ()
    """Uids of the memories that it corrects."""
    superseded_by: str | None = None
    """The uid of the memory that corrects it; it is then left out of recall."""
    promoted_from: str | None = None
    """The uid of the memory that it is a copy of, brought here from another namespace."""
    promoted_by: str | None = None
    reinforced: int = 0
    """How often the same was said again, by whomever."""
    corroborated: int = 0
    """How many others say the same: agents beside the author, each with each of its sources that still holds."""
    last_seen_at: datetime | None = None
    """When the same was last said again."""
    accessed_at: datetime | None = None
    """When it was last recalled or read by id, as far as that was noted (within seconds); decay counts from there."""
    accesses: int = 0
    forgotten_at: datetime | None = None

    @property
    def superseded(self) -> bool:
        """Whether another memory has taken its place."""
        return self.superseded_by is not None

    @property
    def verified(self) -> bool:
        """Whether somebody with the right to do so has verified it."""
        return self.verified_by is not None


def another(memory: Memory, uid: str, now: datetime, **changes: Any) -> Memory:
    """A new memory like a given one: what it says and about whom, and nothing of what has become of that one."""
    fresh: dict[str, Any] = {
        "id": uid,
        "uid": uid,
        "recorded_at": now,
        "updated_at": now,
        "version": 1,
        "verified_by": None,
        "verified_at": None,
        "derived_from": (),
        "supersedes": (),
        "superseded_by": None,
        "promoted_from": None,
        "promoted_by": None,
        "reinforced": 0,
        "corroborated": 0,
        "last_seen_at": None,
        "accessed_at": None,
        "accesses": 0,
        "forgotten_at": None,
    }
    return replace(memory, **{**fresh, **changes})


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMemory:
    """One item for `remember_many`: the same fields as the keywords of `remember`."""

    text: str
    id: str | None = None
    namespace: str | None = None
    kind: Kind | None = None
    importance: float | None = None
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] | None = None
    user: str | None = None
    session: str | None = None
    created_at: datetime | None = None
    ttl: timedelta | str | None = None
    source: str | None = None
    confidence: float | None = None
    verified: bool = False
    sensitivity: Sensitivity | None = None
    derived_from: Sequence[str] = ()
    supersedes: Sequence[str] | str = ()


class Placed(Protocol):
    """Whatever lies in a namespace."""

    @property
    def namespace(self) -> str:
        """Where."""
        ...

    @property
    def user(self) -> str | None:
        """About whom."""
        ...

    @property
    def sensitivity(self) -> Sensitivity:
        """How sensitive."""
        ...


class Authored(Placed, Protocol):
    """Whatever somebody has written."""

    @property
    def agent(self) -> str:
        """Who."""
        ...


class Noted(Placed, Protocol):
    """What an event can be about."""

    @property
    def uid(self) -> str:
        """Its id in the store."""
        ...

    @property
    def version(self) -> int:
        """1 for the first."""
        ...
