"""AutoGen: an agent's memory, what agents said, a cache and saved states on one team memory.

writer = AssistantAgent("writer", model_client=client, memory=[TransactiveMemory(team.agent("writer"))])
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from transactive_integrations.common import missing

if TYPE_CHECKING:
    from transactive_integrations.autogen.cache import TransactiveCacheStore
    from transactive_integrations.autogen.memory import TransactiveMemory
    from transactive_integrations.autogen.recording import Recorder, record, recorded
    from transactive_integrations.autogen.state import load_state, save_state

__all__ = [
    "Recorder",
    "TransactiveCacheStore",
    "TransactiveMemory",
    "load_state",
    "record",
    "recorded",
    "save_state",
]

_HOMES = {
    "Recorder": "recording",
    "TransactiveCacheStore": "cache",
    "TransactiveMemory": "memory",
    "load_state": "state",
    "record": "recording",
    "recorded": "recording",
    "save_state": "state",
}

if find_spec("autogen_core") is None:
    raise missing("autogen")


def __getattr__(name: str) -> Any:
    """An adapter, loaded when it is first asked for: memory, cache and states do without `autogen_agentchat`."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"autogen_core", "autogen_agentchat"}:
            raise
        raise missing("autogen") from error
