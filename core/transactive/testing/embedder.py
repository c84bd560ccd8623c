"""An embedding model without a model: texts that share words are near each other, and nothing else is known."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from transactive.embedding.protocol import Vectors

_WORD = re.compile(r"\w+")


class HashEmbedder:
    """The mean of one pseudo-random direction for each word, scaled to length 1: the same on every machine, for ever.

    A text without a word has the zero vector, as with the bundled model.
    """

    def __init__(self, dimensions: int = 64) -> None:
        self.dimensions = dimensions
        self.name = f"hash-{dimensions}"

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Shape [n, dimensions]."""
        return np.array([self.embed_query(text) for text in texts], np.float32).reshape(-1, self.dimensions)

    def embed_query(self, text: str) -> Vectors:
        """Shape [dimensions]."""
        total = np.zeros(self.dimensions, np.float32)
        for word in _WORD.findall(text.casefold()):
            total += _direction(word, self.dimensions)
        norm = float(np.linalg.norm(total))
        return np.asarray(total / norm if norm > 0 else total, np.float32)


@cache
def _direction(word: str, dimensions: int) -> Vectors:
    digest = hashlib.shake_128(word.encode()).digest((dimensions + 7) // 8)
    bits = np.unpackbits(np.frombuffer(digest, np.uint8))[:dimensions]
    return bits.astype(np.float32) * 2 - 1
