"""What an embedding model is to us, and the checks every model's vectors pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from transactive.errors import EmbeddingFailed

Vectors: TypeAlias = npt.NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """An embedding model."""

    @property
    def name(self) -> str:
        """What the store remembers of it: another name is another model."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of its vectors."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """One row for each text, shape [n, dimensions], float32."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """The vector of a query, shape [dimensions], float32."""
        ...


def embed_documents(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Rows of length 1 (0 for a text without a known word); `EmbeddingFailed` when the model's answer is unusable."""
    if not texts:
        return np.zeros((0, embedder.dimensions), np.float32)
    return _checked(embedder, _asked(embedder, lambda: embedder.embed_documents(texts)), len(texts))


def embed_query(embedder: Embedder, text: str) -> Vectors:
    """The query's vector of length 1, checked like a document's."""
    asked = _asked(embedder, lambda: embedder.embed_query(text))
    return _checked(embedder, asked.reshape(1, -1), 1).reshape(-1)


def _asked(embedder: Embedder, ask: Callable[[], Vectors]) -> Vectors:
    try:
        return np.asarray(ask(), dtype=np.float32)
    except Exception as error:  # the model is foreign code: whatever it raises is one error of ours
        # Its type only: what a model says of a text may quote it. The rest is in the cause.
        raise EmbeddingFailed(f"the embedding model {embedder.name!r} failed with {type(error).__name__}") from error


def _checked(embedder: Embedder, vectors: Vectors, count: int) -> Vectors:
    expected = (count, embedder.dimensions)
    if vectors.shape != expected:
        raise EmbeddingFailed(f"the embedding model {embedder.name!r} gave shape {vectors.shape}, expected {expected}")
    if not np.isfinite(vectors).all():
        raise EmbeddingFailed(f"the embedding model {embedder.name!r} gave NaN or infinity")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=np.float32)
