"""How every adapter here asks the memory: one recall, its options, and what happens when it cannot be answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypedDict, TypeVar

from transactive import Agent, Recall
from transactive.filters import Where
from transactive.records import DocumentRecall, Kind, Memory, speaker
from transactive_integrations.common import Guard

Answer = TypeVar("Answer", Recall, DocumentRecall)


class RecallOptions(TypedDict, total=False):
    """What narrows and weighs a recall; the keywords of `agent.recall`."""

    where: Where | None
    namespaces: Sequence[str] | None
    kinds: Sequence[Kind] | None
    session: str | None
    min_importance: float | None
    min_similarity: float | None
    recency_weight: float | None
    importance_weight: float | None
    half_life: timedelta | str | None
    exclude_own: bool
    include_superseded: bool
    as_of: datetime | None


def ask(agent: Agent, query: str, limit: int, guard: Guard, options: RecallOptions) -> Recall:
    """What an agent remembers about something; degraded, when the memory fails and the guard lets it."""
    return noted(
        guard, "recall", lambda: agent.recall(query, limit=limit, degrade=guard.degrade, **options), empty=Recall
    )


def noted(guard: Guard, what: str, call: Callable[[], Answer], *, empty: type[Answer]) -> Answer:
    """An answer; one that is degraded is logged and counted, whether the memory degraded it or could give none."""
    failed: list[str] = []

    def instead(reason: str) -> Answer:
        failed.append(reason)
        return empty(degraded=True, reason=reason)

    found = guard.run(what, call, instead)
    if found.degraded and not failed:
        guard.note(what, found.reason)
    return found


def line(memory: Memory) -> str:
    """A memory for a prompt: who said it, when, and what."""
    return f"{speaker(memory)}, {memory.created_at:%Y-%m-%d}: {memory.text}"
