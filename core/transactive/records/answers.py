"""What reading and searching answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, overload

from transactive.records.memory import Memory

T = TypeVar("T")


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
    path: str | None = None
    """By which edge of the graph it was reached, where `recall(expand="graph")` went along one."""

    def __str__(self) -> str:
        parts = [f"{name} {score.normalised:.2f}×{score.weight:g}" for name, score in self.channels.items()]
        parts += [f"+{boost:.2f} {name}" for name, boost in self.boosts.items()]
        if self.identifiers:
            parts.append(f"contains {self.identifiers} identifier{'s' if self.identifiers > 1 else ''}")
        factors = {"importance": self.importance_factor, "decay": self.decay_factor}
        parts += [f"×{factor:.2f} {name}" for name, factor in factors.items() if factor != 1.0]
        if self.path is not None:
            parts.append(f"graph: {self.path}")
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


class Frozen(Sequence[T], Generic[T]):
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
        return self._items == other._items if isinstance(other, Frozen) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._items)!r})"


class Recall(Frozen[Hit]):
    """The hits of one recall, best first."""

    def __init__(self, hits: Sequence[Hit] = (), *, degraded: bool = False, reason: str | None = None) -> None:
        super().__init__(hits)
        self.degraded = degraded
        """Whether the answer came without the index; never true unless that was asked for."""
        self.reason = reason
        """Why it is degraded."""


class Page(Frozen[Memory]):
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
    degraded: bool = False
    """Whether the hits came without the index; never true unless that was asked for."""
    reason: str | None = None
    """Why they are degraded."""

    def __str__(self) -> str:
        return self.text


class Transcript(Frozen[Memory]):
    """What was contributed to a session, in order; `str(transcript)` is one line a contribution."""

    def __init__(self, memories: Sequence[Memory] = (), *, session: str = "") -> None:
        super().__init__(memories)
        self.session = session

    def __str__(self) -> str:
        return "\n".join(f"[{m.created_at:%Y-%m-%d %H:%M}] {speaker(m)}: {m.text}" for m in self)


def speaker(memory: Memory) -> str:
    """Who contributed a memory: the agent that wrote it, and whom it says that it quotes, as `observe` notes."""
    quoted = memory.metadata.get("author") or memory.metadata.get("role")
    own = quoted in {None, "assistant", memory.agent} or not isinstance(quoted, str)
    return memory.agent if own else f"{memory.agent} (quoting {quoted})"
