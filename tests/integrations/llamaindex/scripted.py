"""Models that say what a test wrote for them, and note what they were shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ToolCallBlock
from llama_index.core.bridge.pydantic import Field
from llama_index.core.llms.mock import MockFunctionCallingLLM

Step: TypeAlias = str | ToolCallBlock | Callable[[Sequence[ChatMessage]], str | ToolCallBlock]


def call(tool: str, **arguments: Any) -> ToolCallBlock:
    """A step that calls a tool."""
    return ToolCallBlock(tool_call_id=f"call-{tool}", tool_name=tool, tool_kwargs=arguments)


class Script(MockFunctionCallingLLM):
    """A function-calling model with its lines written down: each answer takes the next one."""

    steps: list[Any] = Field(default_factory=list)
    shown: list[list[ChatMessage]] = Field(default_factory=list)
    """What it was shown, answer by answer."""

    def __init__(self, *steps: Step) -> None:
        super().__init__(response_generator=self._answer, is_chat_model=True, steps=list(steps))

    def _answer(self, messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
        self.shown.append([message.model_copy(deep=True) for message in messages])
        assert self.steps, "the script is at its end"
        step = self.steps.pop(0)
        said = step if isinstance(step, str | ToolCallBlock) else step(messages)
        block = TextBlock(text=said) if isinstance(said, str) else said
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=[block])

    def seen(self, answer: int = -1) -> str:
        """All the text of what it was shown for one answer."""
        return "\n".join(
            block.text for message in self.shown[answer] for block in message.blocks if isinstance(block, TextBlock)
        )
