"""Tools for agents: ask the memory as a query engine, or remember, recall and forget."""

from __future__ import annotations

import asyncio
from typing import Unpack

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.llms.llm import LLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.tools import QueryEngineTool
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec

from transactive import Agent, Memory
from transactive.errors import NotFound
from transactive.records import Degrade
from transactive_integrations.common import Guard, RecallOptions
from transactive_integrations.llamaindex.asking import ask, line
from transactive_integrations.llamaindex.retriever import NOTHING, TransactiveQueryEngine, TransactiveRetriever

MOST = 50
"""As many memories as a model may ask for at once."""


def query_engine_tool(
    agent: Agent,
    *,
    name: str = "memory",
    description: str = "What the team remembers: facts, findings and conversations, with their authors and dates.",
    llm: LLM | None = None,
    similarity_top_k: int = 10,
    return_direct: bool = False,
    degrade: Degrade = "raise",
    **options: Unpack[RecallOptions],
) -> QueryEngineTool:
    """A tool that answers questions from what an agent may read.

    Without `llm` it gives the memories themselves, cited; with one, that model words an answer from them.
    """
    retriever = TransactiveRetriever(agent, similarity_top_k=similarity_top_k, degrade=degrade, **options)
    engine: BaseQueryEngine = TransactiveQueryEngine(retriever)
    if llm is not None:
        engine = RetrieverQueryEngine.from_args(retriever, llm=llm)
    return QueryEngineTool.from_defaults(engine, name=name, description=description, return_direct=return_direct)


class TransactiveToolSpec(BaseToolSpec):
    """Tools by which a model remembers, recalls and forgets: `TransactiveToolSpec(agent).to_tool_list()`.

    The handle is the identity: no tool lets a model name another user, agent or namespace. What it remembers goes to
    `namespace`, by default the agent's private one; it forgets nothing that the agent may not.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        degrade: Degrade = "raise",
        **options: Unpack[RecallOptions],
    ) -> None:
        self.agent = agent
        self.guard = Guard(degrade)
        self.spec_functions: list[SPEC_FUNCTION_TYPE] = [
            (name, f"a{name}") for name in ("remember", "recall", "forget")
        ]
        self._namespace = namespace
        self._options = options

    def remember(self, text: str, importance: float | None = None, tags: list[str] | None = None) -> str:
        """Remember something for later, as one or a few full sentences that can be understood on their own.

        Args:
            text: What to remember.
            importance: From 0 (trivial) to 1 (vital).
            tags: Labels.
        """

        def write() -> Memory:
            return self.agent.remember(text, namespace=self._namespace, importance=importance, tags=tags or ())

        memory = self.guard.run("remember", write, lambda _: None)
        return "The memory is unavailable: not remembered." if memory is None else f"Remembered, with id {memory.uid}."

    def recall(self, query: str, limit: int = 5) -> str:
        """Find what is remembered about something, with ids, authors and dates.

        Args:
            query: A question or a few words.
            limit: How many memories at most.
        """
        found = ask(self.agent, query, min(max(limit, 1), MOST), self.guard, self._options)
        lines = [f"({hit.memory.uid}) {line(hit.memory)}" for hit in found] or [NOTHING]
        return "\n".join([*lines, "(The memory is degraded: this may be incomplete.)"] if found.degraded else lines)

    def forget(self, id: str) -> str:
        """Forget one memory, by the id that recall shows in front of it.

        Args:
            id: The memory's id.
        """

        def take() -> int:
            return self.agent.forget(id).count

        try:
            count = self.guard.run("forget", take, lambda _: None)
        except NotFound:
            return "There is no such memory."
        return "The memory is unavailable: nothing was forgotten." if count is None else f"Forgotten: {count}."

    async def aremember(self, text: str, importance: float | None = None, tags: list[str] | None = None) -> str:
        """The same, awaited."""
        return await asyncio.to_thread(self.remember, text, importance, tags)

    async def arecall(self, query: str, limit: int = 5) -> str:
        """The same, awaited."""
        return await asyncio.to_thread(self.recall, query, limit)

    async def aforget(self, id: str) -> str:
        """The same, awaited."""
        return await asyncio.to_thread(self.forget, id)
