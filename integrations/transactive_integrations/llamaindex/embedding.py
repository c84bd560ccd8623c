"""The store's own embedding model as LlamaIndex's, and the check that vectors were made by it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, MetadataMode

from transactive import Agent
from transactive.embedding import Embedder, Vectors
from transactive.errors import EmbedderMismatch, EmbeddingFailed
from transactive_integrations.llamaindex.nodes import indexed_text

SAME, STRANGE = 0.99, 0.2
"""From which cosine two vectors of one text are of one model, and below which they surely are not."""


class TransactiveEmbedding(BaseEmbedding):
    """The model that the store embeds with, for `VectorStoreIndex` and whatever else asks for an `embed_model`."""

    _embedder: Embedder = PrivateAttr()

    def __init__(self, agent: Agent, **kwargs: Any) -> None:
        super().__init__(model_name=agent.embedder.name, **kwargs)
        self._embedder = agent.embedder

    @classmethod
    def class_name(cls) -> str:
        """Its name in LlamaIndex's dumps."""
        return "TransactiveEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = np.asarray(self._embedder.embed_query(query), float).tolist()
        return vector

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = np.asarray(self._embedder.embed_documents(texts), float).tolist()
        return vectors

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)


class Origin:
    """Whether the vectors that an index hands over were made by the store's own model.

    Dimensions alone do not tell. So the first node of every batch is embedded once more, and queries until one of them
    has proved to be of the same model.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._proved = False

    def of_nodes(self, nodes: Sequence[BaseNode]) -> MetadataMode:
        """Which text of the nodes was embedded, with or without the metadata; `EmbedderMismatch` when neither was."""
        for node in nodes:
            if node.embedding is not None:
                self._check_size(node.embedding)
        for node in nodes:
            mode = None if node.embedding is None else self._mode(node, node.embedding)
            if mode is not None:
                return mode
        return MetadataMode.EMBED

    def _mode(self, node: BaseNode, given: Sequence[float]) -> MetadataMode | None:
        """None when the node cannot tell: the model knows nothing in it."""
        for mode in (MetadataMode.EMBED, MetadataMode.NONE):
            text = indexed_text(node, mode)
            own = None if text is None else self._embedded(text)
            if own is None or not np.any(own):
                return None
            if _cosine(own, given) >= SAME:
                return mode
        raise self._mismatch(f"the vector of node {node.node_id!r:.100} is not what it makes of that node's text")

    def of_query(self, query: str | None, given: Sequence[float]) -> None:
        """`EmbedderMismatch` when a query's vector cannot be the model's.

        It may still be of another text than the query, as with hypothetical documents: only what is far from the
        query's own vector is refused. A model that fails just now tells nothing.
        """
        self._check_size(given)
        if self._proved or not query or not query.strip():
            return
        try:
            own = self._embedded(query, asked=True)
        except EmbeddingFailed:
            return
        cosine = _cosine(own, given)
        self._proved = cosine >= SAME
        if np.any(own) and cosine < STRANGE:
            raise self._mismatch("the query's vector is far from what it makes of the query")

    def _embedded(self, text: str, *, asked: bool = False) -> Vectors:
        try:
            return self._embedder.embed_query(text) if asked else self._embedder.embed_documents([text])[0]
        except Exception as error:  # the model is foreign code: whatever it raises is one error of ours
            raise EmbeddingFailed(
                f"the embedding model {self._embedder.name!r} failed with {type(error).__name__}"
            ) from error

    def _check_size(self, given: Sequence[float]) -> None:
        if len(given) != self._embedder.dimensions:
            raise self._mismatch(f"this vector has {len(given)} dimensions, not {self._embedder.dimensions}")

    def _mismatch(self, what: str) -> EmbedderMismatch:
        return EmbedderMismatch(
            f"the store's vectors are made by {self._embedder.name!r}, and {what}; give the index that model: "
            "embed_model=TransactiveEmbedding(agent), or open the store with embedder=<the index's model>"
        )


def _cosine(own: Vectors, given: Sequence[float]) -> float:
    other = np.asarray(given, np.float64)
    length = float(np.linalg.norm(own) * np.linalg.norm(other))
    return float(own @ other) / length if length else 0.0
