"""The vector store: nodes as documents, found by vectors, words or both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.records import Degrade, Document, DocumentHit, DocumentRecall, NewDocument
from transactive_integrations.common import Guard
from transactive_integrations.llamaindex.asking import noted
from transactive_integrations.llamaindex.embedding import Origin
from transactive_integrations.llamaindex.filters import LISTS, Condition, to_where
from transactive_integrations.llamaindex.nodes import dump_node, indexed_text, load_node

ID, SOURCE = "_node_id", "_ref_doc_id"
NODES: Condition = {f"value.{ID}": {"$exists": True}}
"""What tells nodes from other documents in a namespace that is shared."""
_REFERENCES = ("document_id", "doc_id", "ref_doc_id")
"""Under these names LlamaIndex's stores let a filter ask for the source document."""

_Mode = VectorStoreQueryMode
_WEIGHTS = {_Mode.DEFAULT: 1.0, _Mode.MMR: 1.0, _Mode.SPARSE: 0.0, _Mode.TEXT_SEARCH: 0.0, _Mode.HYBRID: None}
"""How much vectors count against words in each mode; None as measured to be best, or as `alpha` says."""
BALANCED = 0.5
"""LlamaIndex's own default of `mmr_threshold`."""


class TransactiveVectorStore(BasePydanticVectorStore):
    """Keeps nodes for `VectorStoreIndex.from_vector_store(store, embed_model=TransactiveEmbedding(agent))`.

    Nodes come back as they were, but for their vectors. They live in `namespace` (by default `agents/<name>/nodes`,
    private), and `agent.recall` finds them too. A handle that is bound to a user writes and deletes that user's.
    """

    stores_text: bool = True
    is_embedding_query: bool = True
    namespace: str
    degrade: Degrade = "raise"
    _agent: Agent = PrivateAttr()
    _guard: Guard = PrivateAttr()
    _origin: Origin = PrivateAttr()

    def __init__(self, agent: Agent, *, namespace: str | None = None, degrade: Degrade = "raise") -> None:
        fields: dict[str, Any] = {"namespace": namespace or f"{agent.namespace}/nodes", "degrade": degrade}
        super().__init__(**fields)
        self._agent = agent
        self._guard = Guard(degrade)
        self._origin = Origin(agent.embedder)

    @classmethod
    def class_name(cls) -> str:
        """Its name in LlamaIndex's dumps."""
        return "TransactiveVectorStore"

    @property
    def client(self) -> Agent:
        """The handle that it reads and writes with."""
        return self._agent

    @property
    def guard(self) -> Guard:
        """Counts how often the memory was degraded."""
        return self._guard

    # --- writing --------------------------------------------------------------------------------------------------

    def add(self, nodes: Sequence[BaseNode], **add_kwargs: Any) -> list[str]:  # noqa: ARG002  # LlamaIndex's signature
        """Write nodes, in the place of those with the same ids; returns the ids.

        Raises `EmbedderMismatch` when their vectors were made by another model than the store's.
        """
        self._guard.run("add", lambda: self._put(nodes), lambda _: None)
        return [node.node_id for node in nodes]

    def _put(self, nodes: Sequence[BaseNode]) -> None:
        mode = self._origin.of_nodes(nodes)
        self._agent.documents.put_many([_document(node, mode) for node in nodes], namespace=self.namespace)

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:  # noqa: ARG002  # as above
        """Delete every node of a source document."""
        self._clear(lambda: self._where(doc_ids=[ref_doc_id]))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,  # noqa: ARG002  # as above
    ) -> None:
        """Delete the nodes with these ids that fulfil the filters; nothing when neither is given."""
        if node_ids is not None or filters is not None:
            self._clear(lambda: self._where(filters, node_ids))

    def clear(self) -> None:
        """Delete every node in the namespace."""
        self._clear(self._where)

    def _clear(self, where: Callable[[], Condition]) -> None:
        self._guard.run("delete", lambda: self._agent.documents.clear(self.namespace, where=where()), lambda _: 0)

    # --- reading --------------------------------------------------------------------------------------------------

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """The nodes with these ids, in their order, that fulfil the filters; all when neither is given."""
        found = self._guard.run("get", lambda: self._list(self._where(filters, node_ids)), lambda _: [])
        nodes = [load_node(document.data or b"") for document in found]
        if node_ids is None:
            return nodes
        of = {node.node_id: node for node in nodes}
        return [of[node_id] for node_id in dict.fromkeys(node_ids) if node_id in of]

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The nodes that are closest to a query, by the vector, by its words, or by both.

        Modes are default (vectors; similarities are cosines), mmr, sparse and text_search (words), and hybrid, weighted
        by `alpha` (0 words alone, 1 vectors alone), by default as the store is tuned.
        """
        found = noted(self._guard, "query", lambda: self._search(query, kwargs), empty=DocumentRecall)
        return VectorStoreQueryResult(
            nodes=[load_node(hit.document.data or b"") for hit in found],
            similarities=[_score(hit, query.mode) for hit in found],
            ids=[hit.document.key for hit in found],
        )

    def _search(self, query: VectorStoreQuery, kwargs: Mapping[str, Any]) -> DocumentRecall:
        limit, where = _limit(query), self._where(query.filters, query.node_ids or None, query.doc_ids or None)
        words, vector = _asked(query)
        if limit < 1:
            return DocumentRecall()
        if vector is not None:
            self._origin.of_query(query.query_str, vector)
        return self._agent.documents.search(
            words,
            vector=vector,
            vector_weight=query.alpha if query.mode == _Mode.HYBRID else _WEIGHTS[query.mode],
            namespaces=[self.namespace],
            where=where,
            limit=limit,
            diversity=None if query.mode != _Mode.MMR else 1.0 - _threshold(query, kwargs),
            degrade=self._guard.degrade,
        )

    def _where(
        self,
        filters: MetadataFilters | None = None,
        node_ids: list[str] | None = None,
        doc_ids: list[str] | None = None,
    ) -> Condition:
        parts = [NODES, to_where(filters, self._ids)]
        if node_ids is not None:
            parts.append({f"value.{ID}": {"$in": node_ids}})
        if doc_ids is not None:
            parts.append({f"value.{SOURCE}": {"$in": doc_ids}})
        return {"$and": parts}

    def _ids(self, passes: Callable[[Mapping[str, Any]], bool]) -> Condition:
        return {f"value.{ID}": {"$in": [d.value[ID] for d in self._list(NODES) if passes(d.value)]}}

    def _list(self, where: Condition) -> list[Document]:
        return list(self._agent.documents.list(self.namespace, where=where, order_by="created_at", limit=None))

    # --- awaited --------------------------------------------------------------------------------------------------

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """The same, awaited."""
        return await asyncio.to_thread(self.add, nodes, **kwargs)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """The same, awaited."""
        await asyncio.to_thread(self.delete, ref_doc_id, **delete_kwargs)

    async def adelete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **delete_kwargs: Any
    ) -> None:
        """The same, awaited."""
        await asyncio.to_thread(self.delete_nodes, node_ids, filters, **delete_kwargs)

    async def aclear(self) -> None:
        """The same, awaited."""
        await asyncio.to_thread(self.clear)

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """The same, awaited."""
        return await asyncio.to_thread(self.get_nodes, node_ids, filters)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The same, awaited."""
        return await asyncio.to_thread(self.query, query, **kwargs)


def _document(node: BaseNode, mode: MetadataMode) -> NewDocument:
    data = dump_node(node)
    metadata: dict[str, Any] = node.model_dump(mode="json")["metadata"]
    source = node.ref_doc_id
    references = {} if source is None else {**dict.fromkeys(_REFERENCES, source), SOURCE: source}
    lists = {LISTS: [name for name, value in metadata.items() if isinstance(value, list)]}
    text = indexed_text(node, mode)
    return NewDocument(
        key=node.node_id,
        value={**references, **metadata, ID: node.node_id, **(lists if lists[LISTS] else {})},
        data=data,
        text=text,
        vector=None if text is None else node.embedding,
    )


def _score(hit: DocumentHit, mode: VectorStoreQueryMode) -> float:
    return hit.similarity if _WEIGHTS[mode] == 1.0 and not isnan(hit.similarity) else hit.score


def _limit(query: VectorStoreQuery) -> int:
    of_mode = {_Mode.SPARSE: query.sparse_top_k, _Mode.HYBRID: query.hybrid_top_k}
    given = of_mode.get(query.mode)
    return query.similarity_top_k if given is None else given


def _asked(query: VectorStoreQuery) -> tuple[str | None, Sequence[float] | None]:
    """The words and the vector of a query, as far as its mode wants them."""
    if query.mode not in _WEIGHTS:
        offered = ", ".join(mode.value for mode in _WEIGHTS)
        raise InvalidInput(f"the query mode {query.mode.value!r} is not offered; there are {offered}")
    weight = _WEIGHTS[query.mode]
    words = query.query_str if query.query_str and query.query_str.strip() else None
    vector = None if weight == 0.0 else query.query_embedding
    if weight == 0.0 and words is None:
        raise InvalidInput(f"the query mode {query.mode.value!r} searches for words: query_str is missing")
    if words is None and vector is None:
        raise InvalidInput("a query has words (query_str), a vector (query_embedding), or both")
    return (None if weight == 1.0 and vector is not None else words), vector


def _threshold(query: VectorStoreQuery, kwargs: Mapping[str, Any]) -> float:
    given = kwargs.get("mmr_threshold", query.mmr_threshold)
    return BALANCED if given is None else float(given)
