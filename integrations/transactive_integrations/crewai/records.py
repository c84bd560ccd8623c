"""CrewAI's records as memories, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crewai.memory.types import MemoryMatch, MemoryRecord

from transactive.filters import Where, join_path
from transactive.records import Hit, Memory, Sensitivity
from transactive_integrations.crewai.scopes import Scopes

PRIVATE: Sensitivity = "confidential"
"""How a private record is marked: it cannot be revised away, and a promoted copy keeps it."""
RECORDS: Where = {"kind": {"$ne": "document"}}
"""Memories, and not what makes the documents of other adapters found."""


def record(memory: Memory, scopes: Scopes) -> MemoryRecord:
    """The record of a memory; its times are naive UTC, as CrewAI's are."""
    return MemoryRecord(
        id=memory.id,
        content=memory.text,
        scope=scopes.scope(memory.namespace),
        categories=list(memory.tags),
        metadata=dict(memory.metadata),
        importance=memory.importance,
        created_at=_naive(memory.created_at),
        last_accessed=_naive(memory.accessed_at or memory.updated_at),
        source=memory.source,
        private=memory.sensitivity == PRIVATE,
    )


def match(hit: Hit, scopes: Scopes, reader: str) -> MemoryMatch:
    """A hit as CrewAI shows it; of another agent's memory, the metadata names the `agent`."""
    found = record(hit.memory, scopes)
    if hit.memory.agent != reader:
        found.metadata["agent"] = hit.memory.agent  # whatever the memory says of itself
    reasons = [*hit.why.channels, *hit.why.boosts, *(["identifier"] if hit.why.identifiers else [])]
    return MemoryMatch(record=found, score=hit.score, match_reasons=["degraded"] if hit.why.degraded else reasons)


def aware(time: datetime) -> datetime:
    """A time of CrewAI's, which has no zone and means UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _naive(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(tzinfo=None)


def visible(source: str | None) -> Where:
    """What a recall may find: what is private only for the source that it is of."""
    public: Where = {"sensitivity": {"$ne": PRIVATE}}
    return public if source is None else {"$or": [public, {"source": source}]}


def both(*conditions: Where | None) -> Where | None:
    """All of these conditions that are given."""
    given = [condition for condition in conditions if condition]
    return {"$and": given} if given else None


def every(*conditions: Where | None) -> Where:
    """The same, and that it is a record."""
    return both(RECORDS, *conditions) or RECORDS


def tagged(categories: Sequence[str] | None) -> Where | None:
    """That it has one of these categories."""
    return {"tags": {"$in": list(categories)}} if categories else None


def described(metadata: Mapping[str, Any] | None) -> Where | None:
    """That its metadata has these values; None is a value that is missing."""
    return {f"metadata.{join_path([key])}": value for key, value in metadata.items()} if metadata else None
