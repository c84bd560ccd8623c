"""AutoGen's own scripted model, agents that use it, and looks into what they were given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core.memory import Memory, MemoryContent, MemoryMimeType
from autogen_core.models import CreateResult, LLMMessage, ModelFamily, ModelInfo, SystemMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

INFO = ModelInfo(
    vision=True, function_calling=True, json_output=True, family=ModelFamily.UNKNOWN, structured_output=True
)


def model(*answers: str | CreateResult) -> ReplayChatCompletionClient:
    """A model that gives these answers, one after the other."""
    return ReplayChatCompletionClient(list(answers), model_info=INFO)


def assistant(name: str, answers: Sequence[str | CreateResult], *memories: Memory, **options: Any) -> AssistantAgent:
    """An agent with a scripted model."""
    return AssistantAgent(name, model_client=model(*answers), memory=list(memories) or None, **options)


def given(agent: Any) -> list[list[LLMMessage]]:
    """What the agent's model was given, call by call."""
    client: ReplayChatCompletionClient = agent._model_client
    return [call["messages"] for call in client.create_calls]


def memories(messages: Sequence[Any]) -> list[str]:
    """The memory messages among a context's messages, or among their saved forms."""
    contents = [message["content"] if isinstance(message, dict) else message.content for message in messages]
    return [text for text in contents if isinstance(text, str) and text.startswith("Relevant memories (")]


def system(messages: Sequence[LLMMessage]) -> list[str]:
    """What the system messages say."""
    return [message.content for message in messages if isinstance(message, SystemMessage)]


def text(content: str, **metadata: Any) -> MemoryContent:
    """A text to remember."""
    return MemoryContent(content=content, mime_type=MemoryMimeType.TEXT, metadata=metadata or None)
