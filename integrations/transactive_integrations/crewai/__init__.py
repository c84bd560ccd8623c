"""CrewAI: a crew's memory, its storage, its flows' state and its knowledge on one team memory.

    crew = Crew(agents=[…], tasks=[…], memory=TransactiveMemory(team.agent("crew")))

No LLM call, no API key. CrewAI takes seconds to import: nothing of it is loaded before one of these names is used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from transactive_integrations.common import missing

if find_spec("crewai") is None:
    raise missing("crewai")

if TYPE_CHECKING:
    from transactive_integrations.crewai.flow import TransactiveFlowPersistence
    from transactive_integrations.crewai.knowledge import TransactiveKnowledge, knowledge_factory
    from transactive_integrations.crewai.members import give_memories
    from transactive_integrations.crewai.memory import TransactiveMemory
    from transactive_integrations.crewai.storage import TransactiveStorage, storage_factory

__all__ = [
    "TransactiveFlowPersistence",
    "TransactiveKnowledge",
    "TransactiveMemory",
    "TransactiveStorage",
    "give_memories",
    "knowledge_factory",
    "storage_factory",
]

_HOMES = {
    "TransactiveFlowPersistence": "flow",
    "TransactiveKnowledge": "knowledge",
    "TransactiveMemory": "memory",
    "TransactiveStorage": "storage",
    "knowledge_factory": "knowledge",
    "give_memories": "members",
    "storage_factory": "storage",
}


def __getattr__(name: str) -> Any:
    """A public name, loaded when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("crewai."):
            raise
        # With pydantic>=2.13, installers choose CrewAI 1.6 in silence, whose memory was something else.
        raise ImportError("this adapter needs crewai>=1.15, and that pydantic<2.13") from error
