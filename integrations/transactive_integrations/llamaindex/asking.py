"""How every adapter here asks the memory: one recall, its options, and what happens when it cannot be answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from transactive import Agent, Recall
from transactive.records import DocumentRecall, Memory, speaker
from transactive_integrations.common import Guard, RecallOptions

Answer = TypeVar("Answer", Recall, DocumentRecall)


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
