"""Sparse vectors: BM25 term weights of Qdrant's own tokenizer, and one extra term for each identifier and CJK pair.

The weights follow Robertson & Zaragoza (2009) with a fixed average length of 256, so that stored vectors never go
stale; the inverse document frequency is applied by the index at query time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from qdrant_edge import Bm25, Bm25Config, SparseVector

from transactive.errors import InvalidInput
from transactive.rules.identifiers import character_pairs, identifiers

AVERAGE_LENGTH = 256.0
MAX_TERMS = 60
_HEAD = 400  # characters: the terms of a long text's beginning are kept before others


class Sparse(NamedTuple):
    """Parallel arrays: distinct term ids (uint32) and their weights."""

    indices: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float32]


class SparseEncoder:
    """Texts of one language as sparse vectors."""

    def __init__(self, language: str = "english") -> None:
        self.language = language
        try:
            self._turn = _model(language, 0.9, 0.0)
            self._window = _model(language, 0.9, 0.4)
            self._document = _model(language, 1.2, 0.75)
        except ValueError as error:
            raise InvalidInput(f"language {language!r}: {error}") from error

    def turn(self, text: str, extra: Iterable[int]) -> Sparse:
        """A conversational turn: k₁ 0.9, b 0. `extra` are the term ids of `extra_terms`."""
        return _vector(self._turn.embed_document(text), extra)

    def window(self, text: str, extra: Iterable[int]) -> Sparse:
        """A turn with its neighbours: k₁ 0.9, b 0.4."""
        return _vector(self._window.embed_document(text), extra)

    def document(self, text: str, extra: Iterable[int]) -> Sparse:
        """Any other text: k₁ 1.2, b 0.75, its 60 foremost terms."""
        return _vector(self._foremost(text), extra)

    def query(self, text: str) -> Sparse:
        """Each distinct term with weight 1."""
        return _vector(self._document.embed_query(text), extra_terms(text))

    def terms(self, text: str) -> int:
        """How many distinct terms a text has, stopwords not counted."""
        return len(self._turn.embed_query(text).indices)

    def _foremost(self, text: str) -> SparseVector:
        vector = self._document.embed_document(text)
        if len(vector.indices) <= MAX_TERMS:
            return vector
        head = set(self._document.embed_query(text[:_HEAD]).indices)
        ranked = sorted(
            zip(vector.indices, vector.values, strict=True), key=lambda term: (term[0] not in head, -term[1], term[0])
        )[:MAX_TERMS]
        return SparseVector([index for index, _ in ranked], [value for _, value in ranked])


def identifier_term(identifier: str) -> int:
    """The term id of a case-folded identifier: 32 bits of a hash, apart from the tokenizer's own."""
    return int.from_bytes(hashlib.blake2b(b"identifier\0" + identifier.encode(), digest_size=4).digest(), "little")


def extra_terms(text: str) -> list[int]:
    """The term ids of a text's identifiers and character pairs."""
    return [identifier_term(term) for term in (*identifiers(text), *character_pairs(text))]


def _model(language: str, k: float, b: float) -> Bm25:
    return Bm25(Bm25Config(k=k, b=b, avg_len=AVERAGE_LENGTH, language=language))


def _vector(vector: SparseVector, extra: Iterable[int]) -> Sparse:
    weights = dict(zip(vector.indices, vector.values, strict=True))
    for term in extra:
        weights.setdefault(term, 1.0)
    return Sparse(np.fromiter(weights.keys(), np.uint32), np.fromiter(weights.values(), np.float32))
