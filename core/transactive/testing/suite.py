"""What the suite of an index stands on: how an index is made, and how the tests ask it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pytest

from transactive.embedding.terms import identifier_term
from transactive.filters import ALL, Expression, equals, parse
from transactive.index.protocol import Channel, Declared, Index, Search
from transactive.testing.embedder import HashEmbedder
from transactive.testing.points import sparse_query

CHANNELS = ["terms", "window_terms", "dense", "window_dense"]
DECLARED: Declared = {"metadata.amount": "number", "metadata.due": "time", "metadata.orders.sum": "number"}
EMBEDDER = HashEmbedder()
_SOME_FILTERS: tuple[dict[str, Any], ...] = ({"tags": "urgent"}, {"metadata.amount": {"$gt": 99}}, {"superseded": True})


class Suite:
    """What every part of the suite stands on."""

    dimensions: ClassVar[int] = EMBEDDER.dimensions
    """The length of the vectors that the suite puts in."""

    @abstractmethod
    def make_index(self, folder: Path, declared: Declared) -> Index:
        """The index of a folder, created when there is none; `declared` are its metadata fields with ranges."""
        raise NotImplementedError("an index suite's subclass says how its index is made: make_index(folder, declared)")

    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[Index]:
        """A new, empty index."""
        index = self.make_index(tmp_path / "index", DECLARED)
        yield index
        index.close()


def search(text: str, *identifiers: str, where: Expression = ALL, corpus: Expression = ALL, depth: int = 200) -> Search:
    """A search for a text in every channel, and for identifiers."""
    return Search(
        dense=EMBEDDER.embed_query(text),
        terms=sparse_query(text),
        identifiers=tuple(identifier_term(identifier.casefold()) for identifier in identifiers),
        where=where,
        corpus=corpus,
        depth=depth,
    )


class Ranked(NamedTuple):
    """One channel's list, with the ids as they are written."""

    channel: Channel
    uids: list[str]
    scores: npt.NDArray[np.float64]


def ask(index: Index, question: Search) -> list[Ranked]:
    """The candidates of a search."""
    return [
        Ranked(channel, [str(UUID(int=key)) for key in keys], scores)
        for channel, keys, scores in index.candidates(question)
    ]


def found(index: Index, text: str) -> dict[str, list[str]]:
    """The ids that each channel finds."""
    return {c.channel: c.uids for c in ask(index, search(text))}


def all_uids(index: Index, where: Expression = ALL) -> set[str]:
    """The ids of all points that fulfil an expression: every point is a candidate of the dense channel."""
    return set(ask(index, search("invoice", where=where, depth=1000))[2].uids)


def terms_scores(index: Index, text: str, *, where: Expression = ALL, corpus: Expression = ALL) -> dict[str, float]:
    """The scores of the terms channel."""
    terms = ask(index, search(text, where=where, corpus=corpus))[0]
    return dict(zip(terms.uids, terms.scores.tolist(), strict=True))


def everything(index: Index) -> dict[str, Any]:
    """What an index answers about itself, in a form that can be compared."""
    corpus = equals("scopes", "**")
    lists = ask(index, search("The customer disputes invoice twice", "INV-5001", corpus=corpus, depth=1000))
    uids = sorted(lists[2].uids)
    return {
        "candidates": [
            sorted((uid, round(score, 4)) for uid, score in zip(c.uids, c.scores.tolist(), strict=True)) for c in lists
        ],
        "vectors": {uid: vector.round(4).tolist() for uid, vector in sorted(index.vectors(uids).items())},
        "facets": {field: index.facets(field) for field in ("namespace", "agent", "kind")},
        "nearest": [
            sorted((uid, round(cosine, 4)) for uid, cosine in near)
            for near in index.nearest([EMBEDDER.embed_query("The courier lost it")], ALL, 1000)
        ],
        "filtered": [index.count(parse(where)) for where in _SOME_FILTERS],
        "count": index.count(),
    }
