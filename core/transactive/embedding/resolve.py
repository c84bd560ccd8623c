"""From what a user writes as `embedder=` to an embedding model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from transactive.embedding.adapters import CallableEmbedder, FastEmbedder, LangChainEmbedder, LlamaIndexEmbedder
from transactive.embedding.protocol import Embedder
from transactive.embedding.static import StaticEmbedder
from transactive.errors import InvalidInput

EmbedderLike: TypeAlias = str | Embedder | Callable[[list[str]], Any] | Any

_KNOWN = (
    "'static', 'fastembed:<model or folder>', a callable from texts to vectors, a LangChain or LlamaIndex embeddings "
    "object, or an object with name, dimensions, embed_documents and embed_query"
)


def resolve(embedder: EmbedderLike | None) -> Embedder:
    """The model that `embedder` names or is; `InvalidInput` says what there is."""
    if embedder is None or embedder == "static":
        return StaticEmbedder()
    if isinstance(embedder, str):
        kind, _, model = embedder.partition(":")
        if kind == "fastembed" and model:
            return FastEmbedder(model)
        raise InvalidInput(f"unknown embedder {embedder!r}; there are {_KNOWN}")
    if isinstance(embedder, Embedder):
        return embedder
    if hasattr(embedder, "get_text_embedding_batch"):
        return LlamaIndexEmbedder(embedder)
    if hasattr(embedder, "embed_documents") and hasattr(embedder, "embed_query"):
        return LangChainEmbedder(embedder)
    if callable(embedder):
        return CallableEmbedder(embedder)
    raise InvalidInput(f"{type(embedder).__name__} is no embedder; there are {_KNOWN}")
