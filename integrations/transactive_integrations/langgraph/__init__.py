"""LangGraph: a store, a checkpointer and a cache on one team memory.

    graph = builder.compile(
        store=TransactiveStore(team.agent("planner")),
        checkpointer=TransactiveSaver(team.agent("planner")),
        cache=TransactiveCache(team.agent("planner")),
    )

`transactive_integrations.langgraph.factories` opens them for `langgraph.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transactive_integrations.common import missing

try:
    from transactive_integrations.langgraph.cache import TransactiveCache
    from transactive_integrations.langgraph.store import TransactiveStore
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in {"langgraph", "langchain_core"}:
        raise
    raise missing("langgraph") from error

if TYPE_CHECKING:
    from transactive_integrations.langgraph.saver import TransactiveSaver

__all__ = ["TransactiveCache", "TransactiveSaver", "TransactiveStore"]


def __getattr__(name: str) -> Any:
    """The checkpointer, loaded when it is first asked for."""
    if name != "TransactiveSaver":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from transactive_integrations.langgraph.saver import TransactiveSaver

    return TransactiveSaver
