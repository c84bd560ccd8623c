"""Embedding models: the protocol, the bundled static model, and adapters for those of other libraries."""

from transactive.embedding.adapters import CallableEmbedder, FastEmbedder, LangChainEmbedder, LlamaIndexEmbedder
from transactive.embedding.protocol import Embedder, Vectors
from transactive.embedding.resolve import EmbedderLike, resolve
from transactive.embedding.static import StaticEmbedder

__all__ = [
    "CallableEmbedder",
    "Embedder",
    "EmbedderLike",
    "FastEmbedder",
    "LangChainEmbedder",
    "LlamaIndexEmbedder",
    "StaticEmbedder",
    "Vectors",
    "resolve",
]
