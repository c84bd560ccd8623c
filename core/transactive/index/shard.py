"""One Qdrant Edge shard: translates points and searches, and every foreign error, in one place."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import qdrant_edge as edge

from transactive.embedding.protocol import Vectors
from transactive.embedding.terms import Sparse
from transactive.errors import IndexUnavailable, TransactiveError
from transactive.filters import ALL, Expression
from transactive.index import edge_filters
from transactive.index.protocol import FACETS, RANGES, Candidates, Channel, Declared, Point, Search, without_windows

_SPARSE: tuple[Channel, ...] = ("terms", "window_terms")
_DENSE: tuple[Channel, ...] = ("dense", "window_dense")
_EVERY = 10_000_000  # of the terms in `kv`: those of one field are picked afterwards
_SCANNED = 2_000  # so few vectors are scanned rather than indexed
_SAMPLED = 16
_QUERIES = 16
_BATCH = 500  # points in one call: each holds the interpreter for its whole length


class Shard:
    """One shard in one folder. Not durable before `flush`: what is lost until then, the ledger still has pending."""

    def __init__(self, shard: edge.EdgeShard, folder: Path, declared: Declared) -> None:
        self._shard = shard
        self.folder = folder
        self._declared = declared

    @classmethod
    def create(cls, folder: Path, dimensions: int, declared: Declared) -> Shard:
        """An empty shard in a new folder."""
        with _translated(folder):
            folder.mkdir(parents=True)
            shard = edge.EdgeShard.create(str(folder), _config(dimensions))
            for name, schema in _payload_indexes(declared).items():
                shard.update(edge.UpdateOperation.create_field_index(name, schema))
            shard.flush()
        return cls(shard, folder, declared)

    @classmethod
    def load(cls, folder: Path, declared: Declared) -> Shard:
        """The shard in a folder; `IndexUnavailable` when it is damaged."""
        with _translated(folder):
            return cls(edge.EdgeShard.load(str(folder)), folder, declared)

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace."""
        self.put([self._to_edge(point) for point in points])

    def put(self, points: Sequence[edge.Point]) -> None:
        """Insert or replace points in the engine's own form."""
        with _translated(self.folder):
            for start in range(0, len(points), _BATCH):
                batch = list(points[start : start + _BATCH])
                self._shard.update(edge.UpdateOperation.upsert_points(batch))

    def delete(self, uids: Sequence[str]) -> None:
        """Delete; absent ones are ignored."""
        if uids:
            with _translated(self.folder):
                self._shard.update(edge.UpdateOperation.delete_points(list(uids)))

    def copied(self, uids: Sequence[str]) -> list[edge.Point]:
        """These points as another shard takes them; absent ones are left out."""
        with _translated(self.folder):
            records = self._shard.retrieve(list(uids), with_payload=True, with_vector=True)
        return [edge.Point(record.id, record.vector or {}, record.payload) for record in records]

    def candidates(self, search: Search) -> list[Candidates]:
        """Every channel in one call."""
        where = edge_filters.condition(search.where)
        corpus = edge_filters.condition(search.corpus)
        idf = edge.SearchParams(idf=edge.IdfParams(corpus=corpus)) if corpus is not None else None
        dense, terms = search.dense.tolist(), _sparse(search.terms)
        first, last = (_SPARSE, _DENSE) if search.windows else (_SPARSE[:1], _DENSE[:1])
        channels: list[tuple[Channel, Any, str]] = [(name, terms, name) for name in first]
        channels.extend((name, dense, name) for name in last)
        channels.extend(("identifiers", edge.SparseVector([term], [1.0]), "terms") for term in search.identifiers)
        requests = [
            edge.QueryRequest(
                limit=search.depth,
                query=edge.Query.Nearest(vector, using=using),
                filter=where,
                params=idf if using in _SPARSE else None,
            )
            for _, vector, using in channels
        ]
        with _translated(self.folder):
            lists = self._shard.query_batch(edge.QueryBatchRequest(requests))
        found = [_candidates(name, points) for (name, _, _), points in zip(channels, lists, strict=True)]
        return found if search.windows else without_windows(found)

    def nearest(self, vectors: Sequence[Vectors], where: Expression, limit: int) -> list[list[tuple[str, float]]]:
        """A few queries a call, since each call holds the interpreter."""
        condition = edge_filters.condition(where)
        found: list[list[tuple[str, float]]] = []
        for start in range(0, len(vectors), _QUERIES):
            requests = [
                edge.QueryRequest(limit=limit, query=edge.Query.Nearest(v.tolist(), using="dense"), filter=condition)
                for v in vectors[start : start + _QUERIES]
            ]
            with _translated(self.folder):
                lists = self._shard.query_batch(edge.QueryBatchRequest(requests))
            found.extend([(str(point.id), float(point.score)) for point in points] for points in lists)
        return found

    def vectors(self, uids: Sequence[str]) -> dict[str, Vectors]:
        """The dense vectors of these points."""
        with _translated(self.folder):
            records = self._shard.retrieve(list(uids), with_payload=False, with_vector=["dense"])
        named = {str(record.id): cast("dict[str, list[float]]", record.vector) for record in records}
        return {uid: np.asarray(vector["dense"], np.float32) for uid, vector in named.items() if "dense" in vector}

    def check(self) -> None:
        """`IndexUnavailable` when some of its points lack a vector: the engine loads a shard that has lost a file."""
        sample = edge.QueryRequest(limit=_SAMPLED, query=edge.Sample.Random, with_vector=True)
        with _translated(self.folder):
            points = self._shard.query(sample)
        for point in points:
            if not {*_DENSE, *_SPARSE} <= set(cast("dict[str, Any]", point.vector or {})):
                raise IndexUnavailable(f"the index in {self.folder} has lost vectors")

    def count(self, where: Expression = ALL) -> int:
        """How many points fulfil the expression."""
        with _translated(self.folder):
            return self._shard.count(edge.CountRequest(exact=True, filter=edge_filters.condition(where)))

    def facets(self, field: str, where: Expression = ALL, limit: int = 100) -> dict[str, int]:
        """Counted by the values of a keyword field."""
        if field not in FACETS:
            raise ValueError(field)
        key = field if field == "namespace" else "kv"
        request = edge.FacetRequest(key, limit=_EVERY, exact=True, filter=edge_filters.condition(where))
        with _translated(self.folder):
            hits = {str(hit.value): hit.count for hit in self._shard.facet(request).hits if hit.count}  # stale terms: 0
        counts = hits if key == field else edge_filters.values_of(field, hits)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit])

    def flush(self) -> None:
        """Everything on disk."""
        with _translated(self.folder):
            self._shard.flush()

    def unindexed(self) -> int:
        """Points whose dense vectors are in no HNSW graph; sparse ones are always indexed."""
        with _translated(self.folder):
            info = self._shard.info()
        vectors = len(_SPARSE) + len(_DENSE)
        return max(0, (info.points_count * vectors - info.indexed_vectors_count) // len(_DENSE))

    def close(self) -> None:
        """Release the files."""
        with _translated(self.folder):
            self._shard.close()

    def _to_edge(self, point: Point) -> edge.Point:
        vectors = {
            "dense": point.dense.tolist(),
            "window_dense": point.window_dense.tolist(),
            "terms": _sparse(point.terms),
            "window_terms": _sparse(point.window_terms),
        }
        return edge.Point(point.uid, vectors, edge_filters.payload(point, self._declared))


def _config(dimensions: int) -> edge.EdgeConfig:
    scanned = max(10, _SCANNED * dimensions * 4 // 1024)  # the engine counts kilobytes
    dense = edge.EdgeVectorParams(size=dimensions, distance=edge.Distance.Cosine)
    sparse = edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf, memory=edge.Memory.Cold)
    threads = max(1, (os.cpu_count() or 2) - 1)  # the builder leaves the process that searches a core
    return edge.EdgeConfig(
        vectors=dict.fromkeys(_DENSE, dense),  # pyright: ignore[reportArgumentType]
        sparse_vectors=dict.fromkeys(_SPARSE, sparse),  # pyright: ignore[reportArgumentType]
        hnsw_config=edge.HnswIndexConfig(
            m=16, ef_construct=100, full_scan_threshold=scanned, max_indexing_threads=threads
        ),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=scanned),
        wal_enabled=False,  # the ledger's pending rows are the log: docs/decisions
    )


def _payload_indexes(declared: Declared) -> dict[str, Any]:
    """Mapped files rather than memory: a shard loads in half the time, and filters run faster (measured)."""
    cold = edge.Memory.Cold
    ranges = [*RANGES, *(edge_filters.range_key(path) for path in declared)]
    return {
        "namespace": edge.KeywordIndexParams(is_tenant=True, enable_hnsw=False, memory=cold),
        "scopes": edge.KeywordIndexParams(memory=cold),
        "kv": edge.KeywordIndexParams(enable_hnsw=False, memory=cold),
        **{name: edge.FloatIndexParams(enable_hnsw=False, memory=cold) for name in ranges},
    }


def _sparse(vector: Sparse) -> edge.SparseVector:
    return edge.SparseVector(vector.indices.tolist(), vector.values.tolist())


def _candidates(channel: Channel, points: Sequence[edge.ScoredPoint]) -> Candidates:
    scores = np.array([point.score for point in points], np.float64)
    ids: list[Any] = [point.id for point in points]  # UUIDs, as which they were put in
    return Candidates(channel, [uid.int for uid in ids], scores)


@contextmanager
def _translated(folder: Path) -> Generator[None, None, None]:
    try:
        yield
    except TransactiveError:
        raise
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # the engine raises bare Exception, and its panics derive from BaseException alone
        raise IndexUnavailable(
            f"the index in {folder} failed: {error}; nothing in the ledger is lost: open the store again and the index "
            "is repaired, or rebuilt from the ledger"
        ) from error
