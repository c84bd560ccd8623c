"""Where memories come from, what contradicts, and what sessions and compaction leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from transactive.records.governance import Forgotten
from transactive.records.memory import Memory

Relation = Literal["", "promoted from", "derived from", "supersedes", "superseded by", "promoted to"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Another source of what a memory says."""

    agent: str
    source: str | None
    """What that agent named as its source, if anything."""
    memory: str | None
    """The uid of that agent's own memory, when it was promoted."""
    text: str | None
    """How it was worded there; None when it was the same text."""
    first_at: datetime
    last_at: datetime
    times: int
    withdrawn_at: datetime | None
    """When it was forgotten; it counts no longer."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else was said with it: tags, metadata, importance, confidence, session."""

    @property
    def withdrawn(self) -> bool:
        """Whether it was forgotten, so that it counts no longer."""
        return self.withdrawn_at is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """A memory with all that it goes back to; `str(provenance)` draws the tree."""

    uid: str
    relation: Relation = ""
    """What it is to the memory above it; empty at the root."""
    memory: Memory | None = None
    """None where the asker may not read it, or it was purged."""
    revisions: tuple[Memory, ...] = ()
    """Its former versions, oldest first."""
    sources: tuple[Source, ...] = ()
    """Who else says the same."""
    origins: tuple[Provenance, ...] = ()
    """What it was promoted or derived from, supersedes, is superseded by and was promoted to, each with its own."""

    def walk(self) -> Iterator[Provenance]:
        """This node and all below it."""
        yield self
        for origin in self.origins:
            yield from origin.walk()

    def __str__(self) -> str:
        return "\n".join(self._lines("", ""))

    def _lines(self, first: str, rest: str) -> Iterator[str]:
        yield first + self._headline()
        below: list[str | Provenance] = [*_facts(self), *self.origins]
        for place, item in enumerate(below):
            last = place == len(below) - 1
            fork, bar = ("└─ ", "   ") if last else ("├─ ", "│  ")
            if isinstance(item, str):
                yield rest + fork + item
            else:
                yield from item._lines(rest + fork, rest + bar)

    def _headline(self) -> str:
        said = f"{self.relation} " if self.relation else ""
        if self.memory is None:
            return f"{said}{self.uid} (not readable, or purged)"
        gone = " (forgotten)" if self.memory.forgotten_at is not None else ""
        return f"{said}{self.memory.namespace} {_short(self.memory.text)!r} ({self.memory.id}){gone}"


def _facts(node: Provenance) -> list[str]:
    memory = node.memory
    if memory is None:
        return []
    by = f"by {memory.agent}, {memory.created_at:%Y-%m-%d %H:%M}"
    named = {"about": memory.user, "in session": memory.session, "from": memory.source, "by way of": memory.promoted_by}
    by += "".join(f", {word} {value}" for word, value in named.items() if value is not None)
    facts = [by if memory.confidence is None else f"{by}, confidence {memory.confidence:g}"]
    if memory.verified_at is not None:
        facts.append(f"verified by {memory.verified_by}, {memory.verified_at:%Y-%m-%d %H:%M}")
    facts += [f"version {old.version} was {_short(old.text)!r}" for old in node.revisions]
    return facts + [_said(source) for source in node.sources]


def _said(source: Source) -> str:
    times = f", {source.times} times" if source.times > 1 else ""
    wording = f" as {_short(source.text)!r}" if source.text else ""
    withdrawn = " (withdrawn)" if source.withdrawn else ""
    return f"also said by {source.agent}{wording}, {source.last_at:%Y-%m-%d %H:%M}{times}{withdrawn}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:77] + "…"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """Two memories that say different things about the same thing; hand it to `resolve`."""

    first: Memory
    """The older one."""
    second: Memory
    reasons: tuple[str, ...]
    """What differs: `attribute`, `number`, `date`, `negation`."""
    similarity: float
    """Cosine of the two texts; NaN where they were compared by entity and attribute alone, without an index."""

    def __str__(self) -> str:
        sides = (f"{_short(m.text)!r} ({m.agent}, {m.created_at:%Y-%m-%d})" for m in (self.first, self.second))
        return f"{' and '.join(self.reasons)}: " + " against ".join(sides)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionInfo:
    """A unit of work: who began it, about whom, when, and how it ended."""

    id: str
    agent: str
    user: str | None
    app: str | None
    started_at: datetime
    ended_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    summary: str | None = None
    """The uid of the memory that sums it up."""

    @property
    def closed(self) -> bool:
        """Whether it takes no more memories."""
        return self.ended_at is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Compaction:
    """What `compact` condensed, or would condense."""

    summaries: tuple[Memory, ...]
    """The new memories; of a dry run, none."""
    condensed: int
    """How many memories they stand for."""
    forgotten: Forgotten | None
    """What `undo` takes to bring the originals back (the summaries stay until they are forgotten)."""
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """What an extractor found in a conversation."""

    text: str
    kind: Literal["fact", "preference", "skill", "attribute"] = "fact"
    """Facts and preferences are shared (about the user, if there is one); skills and attributes stay with the agent."""
    entity: str | None = None
    attribute: str | None = None
    """With `entity`: what it is about; two facts that differ there are a conflict."""
    value: str | None = None
    importance: float | None = None
    confidence: float | None = None
    turns: Sequence[int] = ()
    """Which of the turns it rests on, counted from 0; none means all."""
