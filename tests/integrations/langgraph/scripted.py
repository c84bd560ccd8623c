"""A chat model that says what it was told to, one message after the other, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable


class Scripted(BaseChatModel):
    """Says `lines` in their order."""

    lines: list[AIMessage]
    asked: list[list[BaseMessage]]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[Any, Any]:
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **options: Any,
    ) -> ChatResult:
        self.asked.append(messages)
        return ChatResult(generations=[ChatGeneration(message=self.lines[len(self.asked) - 1])])


def call(name: str, /, **arguments: Any) -> AIMessage:
    """The model asks for a tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}-{sorted(arguments)}"}])


def script(*lines: AIMessage | str) -> Scripted:
    """A model that says these lines, texts or calls of tools."""
    return Scripted(lines=[AIMessage(line) if isinstance(line, str) else line for line in lines], asked=[])
