"""The store's own embedding model as LangChain's, and the check that another one is the same."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.embeddings import Embeddings

from transactive import Agent
from transactive.embedding import Embedder, resolve
from transactive.errors import EmbedderMismatch


class TransactiveEmbeddings(Embeddings):
    """The model that made a store's vectors: by default the bundled one, which needs no key and no download."""

    def __init__(self, agent: Agent) -> None:
        self.embedder: Embedder = agent.embedder

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text."""
        vectors: list[list[float]] = self.embedder.embed_documents(list(texts)).tolist() if texts else []
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a query."""
        vector: list[float] = self.embedder.embed_query(text).tolist()
        return vector


def check_embeddings(agent: Agent, embedding: Embeddings) -> None:
    """`EmbedderMismatch` unless this is the model that made the store's vectors, by its name and its dimensions."""
    own = agent.embedder
    given = embedding.embedder if isinstance(embedding, TransactiveEmbeddings) else resolve(embedding)
    if (given.name, given.dimensions) != (own.name, own.dimensions):
        raise EmbedderMismatch(
            f"the store's vectors were made by {own.name!r} with {own.dimensions} dimensions, and this is "
            f"{given.name!r} with {given.dimensions}; use that model, or open the "
            "store with this one (reindex=True)"
        )
