"""A model that says what it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.outputs import ChatResult
from pydantic import Field


class Scripted(FakeMessagesListChatModel):
    """LangChain's own fake model, which also notes what it was shown and takes tools."""

    seen: list[list[BaseMessage]] = Field(default_factory=list)
    bound: list[Any] = Field(default_factory=list)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.seen.append(list(messages))
        result = super()._generate(messages, stop, run_manager, **kwargs)
        for generation in result.generations:  # each answer is a message of its own, as a model's is
            generation.message = generation.message.model_copy(deep=True)
        return result

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Scripted:
        self.bound.extend(tools)
        return self

    @property
    def systems(self) -> list[str]:
        """The system message of each call, or an empty string."""
        return ["\n".join(m.text for m in shown if isinstance(m, SystemMessage)) for shown in self.seen]


def scripted(*answers: str | AIMessage) -> Scripted:
    """A model that gives these answers in turn, and then begins anew."""
    return Scripted(responses=[AIMessage(a) if isinstance(a, str) else a for a in answers or ("Noted.",)])


def call(name: str, **args: Any) -> AIMessage:
    """A model's answer that calls one tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"call-{name}"}])
