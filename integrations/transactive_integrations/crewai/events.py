"""What CrewAI's event bus is told: that a memory is asked or written, and how that went."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from crewai.events.event_bus import crewai_event_bus
from crewai.events.types.memory_events import (
    MemoryQueryCompletedEvent,
    MemoryQueryFailedEvent,
    MemoryQueryStartedEvent,
    MemorySaveCompletedEvent,
    MemorySaveFailedEvent,
    MemorySaveStartedEvent,
)
from crewai.memory.types import MemoryMatch
from crewai.memory.unified_memory import Memory

_SOURCE = "unified_memory"


@contextmanager
def querying(memory: Memory, query: str, limit: int) -> Iterator[list[MemoryMatch]]:
    """Tell of a recall; the block fills the list that it is given with what was found."""
    found: list[MemoryMatch] = []
    asked: dict[str, Any] = {"query": query, "limit": limit, "score_threshold": None, "source_type": _SOURCE}
    crewai_event_bus.emit(memory, MemoryQueryStartedEvent(**asked))
    start = time.perf_counter()
    try:
        yield found
    except Exception as error:
        crewai_event_bus.emit(memory, MemoryQueryFailedEvent(**asked, error=str(error)))
        raise
    crewai_event_bus.emit(memory, MemoryQueryCompletedEvent(**asked, results=found, query_time_ms=_since(start)))


@contextmanager
def saving(
    memory: Memory, value: str, metadata: Mapping[str, Any] | None, agent_role: str | None = None
) -> Iterator[None]:
    """Tell of a save."""
    said: dict[str, Any] = {"value": value, "agent_role": agent_role, "source_type": _SOURCE}
    said["metadata"] = None if metadata is None else dict(metadata)
    crewai_event_bus.emit(memory, MemorySaveStartedEvent(**said))
    start = time.perf_counter()
    try:
        yield
    except Exception as error:
        crewai_event_bus.emit(memory, MemorySaveFailedEvent(**said, error=str(error)))
        raise
    said["metadata"] = said["metadata"] or {}
    crewai_event_bus.emit(memory, MemorySaveCompletedEvent(**said, save_time_ms=_since(start)))


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000
