"""Who may do what, and what the store says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from transactive.records.memory import Memory, Right, Sensitivity


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """What a `forget` took away, or would take away; pass it to `undo`."""

    id: str | None
    """None for a dry run."""
    count: int
    sample: tuple[Memory, ...]
    """Up to ten of them."""
    withdrawn: int = 0
    """How many sayings of memories that stay: others said the same, and it is no longer counted that they did."""
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A principal's rights on the namespaces that a pattern covers."""

    id: int
    principal: str
    """An agent's name, `group:<name>` or `*`."""
    pattern: str
    rights: frozenset[Right]
    clearance: Sensitivity
    granted_by: str
    granted_at: datetime
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NamespaceInfo:
    """One namespace that holds or held memories, or was configured."""

    path: str
    count: int
    """Live memories."""
    created_at: datetime
    last_used_at: datetime
    """The later of the last write and the last recall that reached into it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Maintenance:
    """What one `maintain()` did."""

    settled: int
    """Index entries brought up to date."""
    expired: int
    """Memories past their time to live, forgotten."""
    evicted: int
    """Memories beyond their namespace's `max_memories`, forgotten."""
    purged: int
    """Memories forgotten longer ago than their namespace's `purge_after`, deleted for good."""
    built: bool
    """Whether an index build ran to its end."""
    unindexed: int
    """Memories that similarity search still scans one by one."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a long operation, for a progress callback."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """What `erase` deleted for good."""

    memories: int
    """Those of the user, their promoted copies, and all that was derived from them."""
    sources: int
    """What other memories held of the user's words as further sources of the same finding."""
    sessions: int
    documents: int = 0
    """Those about the user, and those that any of these memories made found."""
    threads: int = 0
    """The user's threads, with their checkpoints."""
    coordinated: int = 0
    """Tasks, facts, alerts, handoffs, entities and edges about the user."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One call that changed something: who, what, where, on how many memories and when; never text."""

    number: int
    """1 for the store's first, without gaps."""
    at: datetime
    principal: str
    action: str
    target: str
    """A namespace or pattern, or how many namespaces."""
    count: int
    details: Mapping[str, Any] = field(default_factory=dict)
    hash: str = ""
    """SHA-256 over the hash of the entry before and this one, in hexadecimal digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditCheck:
    """Whether the audit is as it was written; true in a condition when it is."""

    entries: int
    """How many were checked."""
    broken_at: int | None = None
    """The number of the first that was changed, deleted or added."""
    reason: str | None = None

    def __bool__(self) -> bool:
        return self.broken_at is None
