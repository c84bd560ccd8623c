"""What goes in and comes out: frozen records; a change is a new record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar, overload

Kind = Literal["episodic", "semantic", "procedural", "working", "decision", "learning"]
Sensitivity = Literal["public", "internal", "confidential"]
Right = Literal["read", "write", "verify", "admin"]
Degrade = Literal["raise", "text", "empty"]

KINDS: tuple[Kind, ...] = ("episodic", "semantic", "procedural", "working", "decision", "learning")
SENSITIVITIES: tuple[Sensitivity, ...] = ("public", "internal", "confidential")
RIGHTS: tuple[Right, ...] = ("read", "write", "verify", "admin")

T = TypeVar("T")


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
    forgotten_at: datetime | None = None

    @property
    def verified(self) -> bool:
        """Whether somebody with the right to do so has verified it."""
        return self.verified_by is not None


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


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelScore:
    """One channel's part in a hit."""

    raw: float
    """The channel's own score: BM25, or a cosine."""
    normalised: float
    """In [0, 1]: min–max within the channel's candidates."""
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """How a hit's score came about; `str(why)` is one readable line."""

    channels: Mapping[str, ChannelScore] = field(default_factory=dict)
    boosts: Mapping[str, float] = field(default_factory=dict)
    """What was added to the fused relevance, by reason: `author`, `date`, `session` …"""
    relevance: float = 0.0
    """In [0, 1]."""
    importance_factor: float = 1.0
    decay_factor: float = 1.0
    identifiers: int = 0
    """How many of the query's identifiers the memory contains; such memories rank first."""
    degraded: bool = False
    """Found by full text alone."""

    def __str__(self) -> str:
        parts = [f"{name} {score.normalised:.2f}×{score.weight:g}" for name, score in self.channels.items()]
        parts += [f"+{boost:.2f} {name}" for name, boost in self.boosts.items()]
        if self.identifiers:
            parts.append(f"contains {self.identifiers} identifier{'s' if self.identifiers > 1 else ''}")
        factors = {"importance": self.importance_factor, "decay": self.decay_factor}
        parts += [f"×{factor:.2f} {name}" for name, factor in factors.items() if factor != 1.0]
        return ", ".join(parts) or ("full text" if self.degraded else "no channel")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A memory that was found, and why."""

    memory: Memory
    score: float
    """In [0, 1]: relevance × importance factor × decay factor."""
    similarity: float
    """Cosine of the query and the memory's own text, in [-1, 1]; NaN when found without vectors."""
    why: Why


class _Frozen(Sequence[T], Generic[T]):
    """A sequence that is built once."""

    def __init__(self, items: Sequence[T] = ()) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, _Frozen) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._items)!r})"


class Recall(_Frozen[Hit]):
    """The hits of one recall, best first."""

    def __init__(self, hits: Sequence[Hit] = (), *, degraded: bool = False, reason: str | None = None) -> None:
        super().__init__(hits)
        self.degraded = degraded
        """Whether the answer came without the index; never true unless that was asked for."""
        self.reason = reason
        """Why it is degraded."""


class Page(_Frozen[Memory]):
    """One page of `list`; pass `next` as `after=` for the following one."""

    def __init__(self, memories: Sequence[Memory] = (), *, next: str | None = None) -> None:
        super().__init__(memories)
        self.next = next
        """An opaque cursor, or None after the last page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """Text for a prompt, with citations `[1]`, `[2]` … into `hits`; `str(context)` is the text."""

    text: str
    hits: tuple[Hit, ...]
    tokens: int
    """What `count_tokens` says of `text`; at most the budget."""
    omitted: int
    """How many further hits did not fit."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """What a `forget` took away, or would take away; pass it to `undo`."""

    id: str | None
    """None for a dry run."""
    count: int
    sample: tuple[Memory, ...]
    """Up to ten of them."""
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
    """Memories past their time to live, taken out of the index."""
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
