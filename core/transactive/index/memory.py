"""An index in plain Python, exact and slow: the fake that tests run on, and the conformance suite's own proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log
from uuid import UUID

import numpy as np

from transactive.embedding.protocol import Vectors
from transactive.embedding.terms import Sparse
from transactive.filters import ALL, Expression, matches
from transactive.index.protocol import FACETS, Candidates, Channel, Point, Search, read_fields, without_windows


class MemoryIndex:
    """Points in a dict; every search scans all of them."""

    def __init__(self, id: str = "memory") -> None:
        self.id = id
        self._points: dict[str, Point] = {}
        self._event: int | None = None

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace."""
        self._points.update((point.uid, point) for point in points)

    def delete(self, uids: Sequence[str]) -> None:
        """Delete; absent ones are ignored."""
        for uid in uids:
            self._points.pop(uid, None)

    def candidates(self, search: Search) -> list[Candidates]:
        """Every channel by exhaustive search."""
        readable = self._matching(search.where)
        corpus = self._matching(search.corpus)
        dense = {point.uid: float(point.dense @ search.dense) for point in readable}
        window = {point.uid: float(point.window_dense @ search.dense) for point in readable}
        lists = [
            _ranked("terms", _sparse(readable, corpus, "terms", search.terms), search.depth),
            _ranked("window_terms", _sparse(readable, corpus, "window_terms", search.terms), search.depth),
            _ranked("dense", dense, search.depth),
            _ranked("window_dense", window, search.depth),
        ]
        for term in search.identifiers:
            one = Sparse(np.array([term], np.uint32), np.ones(1, np.float32))
            lists.append(_ranked("identifiers", _sparse(readable, corpus, "terms", one), search.depth))
        return lists if search.windows else without_windows([lists[0], lists[2], *lists[4:]])

    def nearest(self, vectors: Sequence[Vectors], where: Expression, limit: int) -> list[list[tuple[str, float]]]:
        """By exhaustive search."""
        points = self._matching(where)
        found: list[list[tuple[str, float]]] = []
        for vector in vectors:
            scored = [(point.uid, float(point.dense @ vector)) for point in points]
            found.append(sorted(scored, key=lambda item: (-item[1], item[0]))[:limit])
        return found

    def vectors(self, uids: Sequence[str]) -> dict[str, Vectors]:
        """The dense vectors of these points."""
        return {uid: self._points[uid].dense for uid in uids if uid in self._points}

    def count(self, where: Expression = ALL) -> int:
        """How many points fulfil the expression."""
        return len(self._matching(where))

    def facets(self, field: str, where: Expression = ALL, limit: int = 100) -> dict[str, int]:
        """Counted by the values of a keyword field."""
        if field not in FACETS:
            raise ValueError(field)
        counts = Counter(str(value) for point in self._matching(where) for value, _ in read_fields(point, field))
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit])

    def flush(self) -> None:
        """Nothing to do."""

    def mark(self, event: int) -> None:
        """Kept as it is."""
        self._event = event

    def marked(self) -> int | None:
        """What was noted last."""
        return self._event

    def unindexed(self) -> int:
        """Every point is scanned, and that is all it can do."""
        return 0

    def clear(self) -> None:
        """Delete every point."""
        self._points.clear()

    def close(self) -> None:
        """Nothing to do."""

    def _matching(self, where: Expression) -> list[Point]:
        return [p for p in self._points.values() if matches(where, lambda path, p=p: read_fields(p, path))]  # type: ignore[misc]


def _sparse(points: list[Point], corpus: list[Point], name: str, query: Sparse) -> dict[str, float]:
    """Dot products of term weights with the inverse document frequency of the corpus: ln(1 + (N − n + ½)/(n + ½))."""
    documents = Counter(int(term) for point in corpus for term in getattr(point, name).indices)
    size = len(corpus)
    idf = {
        int(term): log(1 + (size - documents[int(term)] + 0.5) / (documents[int(term)] + 0.5)) for term in query.indices
    }
    weights = {
        int(term): float(value) * idf[int(term)] for term, value in zip(query.indices, query.values, strict=True)
    }
    scores: dict[str, float] = {}
    for point in points:
        stored: Sparse = getattr(point, name)
        shared = [
            weights[int(t)] * float(v) for t, v in zip(stored.indices, stored.values, strict=True) if int(t) in weights
        ]
        if shared:
            scores[point.uid] = sum(shared)
    return scores


def _ranked(channel: Channel, scores: dict[str, float], depth: int) -> Candidates:
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:depth]
    return Candidates(channel, [UUID(uid).int for uid, _ in best], np.array([score for _, score in best], np.float64))
