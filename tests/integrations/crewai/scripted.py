"""A scripted model that counts its calls, crews that use it, and looks into what they were told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from crewai import Agent, BaseLLM, Crew, Task
from pydantic import Field

Answer = str | Callable[[str], str]


class Scripted(BaseLLM):
    """Answers with its script, one line a call and the last one for ever, and keeps every prompt."""

    script: list[Any] = Field(default_factory=lambda: ["It is done."])
    prompts: list[str] = Field(default_factory=list)

    def call(self, messages: Any, *_: Any, **__: Any) -> str:
        prompt = messages if isinstance(messages, str) else "\n".join(str(m.get("content")) for m in messages)
        self.prompts.append(prompt)
        answer = self.script[min(len(self.prompts), len(self.script)) - 1]
        return str(answer(prompt) if callable(answer) else answer)

    async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> str:
        return self.call(messages, *args, **kwargs)


def model(*script: Answer) -> Scripted:
    """A model with a script."""
    return Scripted(model="scripted", script=list(script) or ["It is done."])


def final(text: str) -> str:
    """What an agent says when it is done."""
    return f"Thought: I know it.\nFinal Answer: {text}"


def uses(tool: str, arguments: str) -> str:
    """What an agent says when it wants a tool."""
    return f"Thought: I need it.\nAction: {tool}\nAction Input: {arguments}"


def agent(llm: BaseLLM, role: str = "Analyst", **options: Any) -> Agent:
    """An agent with nothing special about it."""
    return Agent(role=role, goal="Answer", backstory="Knows much", llm=llm, **options)


def crew(agents: Sequence[Agent], *asked: str, **options: Any) -> Crew:
    """Each agent with one task, in order."""
    tasks = [
        Task(description=what, expected_output="an answer", agent=a) for what, a in zip(asked, agents, strict=True)
    ]
    return Crew(agents=list(agents), tasks=tasks, **options)
