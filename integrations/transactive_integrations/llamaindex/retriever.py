"""The retriever and the query engine: what the agent remembers, as nodes and as an answer with its sources."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Unpack

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.callbacks.base import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle

from transactive import Agent, Recall
from transactive.records import Degrade
from transactive_integrations.common import Guard, RecallOptions
from transactive_integrations.llamaindex.asking import ask, line
from transactive_integrations.llamaindex.nodes import to_nodes

if TYPE_CHECKING:
    from llama_index.core.prompts.mixin import PromptMixinType

NOTHING = "Nothing is remembered about that."


class TransactiveRetriever(BaseRetriever):
    """Retrieves what an agent may read: its own memories and those that others shared, with their authors.

    `agent` is the identity; `options` are the keywords of `agent.recall` (`namespaces`, `where`, `kinds`, …). Each node
    has the memory's uid as its id, and author, namespace and time in its metadata.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        similarity_top_k: int = 10,
        degrade: Degrade = "raise",
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
        **options: Unpack[RecallOptions],
    ) -> None:
        super().__init__(callback_manager=callback_manager, verbose=verbose)
        self.agent = agent
        self.similarity_top_k = similarity_top_k
        self.guard = Guard(degrade)
        self._options = options

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return to_nodes(self.recall(query_bundle.query_str))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)

    def recall(self, query: str) -> Recall:
        """The hits as the memory gives them."""
        return ask(self.agent, query, self.similarity_top_k, self.guard, self._options)


class TransactiveQueryEngine(BaseQueryEngine):
    """Answers with what is remembered, numbered and with its authors; no model is asked.

    For an answer that a model words, hand the retriever to LlamaIndex's own `RetrieverQueryEngine`, or `llm=` to
    `query_engine_tool`.
    """

    def __init__(self, retriever: TransactiveRetriever, *, callback_manager: CallbackManager | None = None) -> None:
        super().__init__(callback_manager=callback_manager or retriever.callback_manager)
        self.retriever = retriever

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """The nodes that an answer would rest on."""
        nodes: list[NodeWithScore] = self.retriever.retrieve(query_bundle)
        return nodes

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        found = self.retriever.recall(query_bundle.query_str)
        nodes = to_nodes(found)
        metadata: dict[str, Any] = {node.node_id: node.metadata for node in nodes}
        said = "\n".join(f"[{number}] {line(hit.memory)}" for number, hit in enumerate(found, 1)) or NOTHING
        if found.degraded:
            metadata["degraded"] = found.reason
            said += "\n(The memory is degraded: this may be incomplete.)"
        return Response(response=said, source_nodes=nodes, metadata=metadata)

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return await asyncio.to_thread(self._query, query_bundle)
