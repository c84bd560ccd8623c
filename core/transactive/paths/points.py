"""Builds index points from the ledger: a memory's own text, and for a turn the window around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row

from transactive.embedding.protocol import Vectors, embed_documents
from transactive.embedding.terms import Sparse, SparseEncoder
from transactive.index.protocol import Fields, Index, Point
from transactive.ledger import memories, windows
from transactive.ledger.times import unstamp
from transactive.namespaces import patterns_covering
from transactive.store import Encoders

MOST_TURN_TERMS = 60


def headed(row: Row[Any]) -> str:
    """The sparse text of a memory: "(8 May 2026) author: text"."""
    date = unstamp(row.created_at)
    return f"({date.day} {date:%B} {date.year}) {row.agent}: {row.text}"


def build(
    encoders: Encoders,
    connection: Connection,
    numbers: Mapping[str, int],
    fresh: Mapping[str, Vectors],
    index: Index | None = None,
) -> tuple[list[Point], list[str]]:
    """The points of these memories (uid → event number) as the ledger has them now, and the uids of those that are gone.

    `fresh` holds dense vectors that the caller has just computed; others are read from `index` or computed.
    """
    rows = memories.by_uids(connection, numbers)
    live = [row for row in rows.values() if row.forgotten_at is None]
    around = _windows(windows.around(connection, [row for row in live if row.turn]))
    vectors = _vectors(encoders, index, {r.uid: r for row in live for r in around.get(row.uid, (row,))}, fresh)
    points = [_point(encoders, row, around.get(row.uid), vectors, numbers[row.uid]) for row in live]
    held = {row.uid for row in live}
    return points, [uid for uid in numbers if uid not in held]


def _windows(chains: Mapping[windows.Chain, list[Row[Any]]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for stretch in chains.values():
        for place, row in enumerate(stretch):
            found[row.uid] = stretch[max(0, place - windows.RADIUS) : place + windows.RADIUS + 1]
    return found


def _vectors(
    encoders: Encoders, index: Index | None, rows: Mapping[str, Row[Any]], fresh: Mapping[str, Vectors]
) -> dict[str, Vectors]:
    """A dense vector for every row. The index is trusted for first versions only: a later one may not be settled yet."""
    found = {uid: fresh[uid] for uid in rows if uid in fresh}
    if index is not None:
        found.update(index.vectors([uid for uid, row in rows.items() if uid not in found and row.version == 1]))
    missing = [uid for uid in rows if uid not in found]
    computed = embed_documents(encoders.embedder, [rows[uid].text for uid in missing])
    return {**found, **dict(zip(missing, computed, strict=True))}


def _point(
    encoders: Encoders, row: Row[Any], window: list[Row[Any]] | None, vectors: Mapping[str, Vectors], number: int
) -> Point:
    dense = vectors[row.uid]
    if window is None:
        terms = window_terms = encoders.sparse.document(headed(row))
        window_dense = dense
    else:
        terms, window_terms = _turn_terms(encoders.sparse, row, window)
        window_dense = _mean(vectors[neighbour.uid] for neighbour in window)
    return Point(
        uid=row.uid,
        number=number,
        fields=_fields(row),
        dense=dense,
        terms=terms,
        window_dense=window_dense,
        window_terms=window_terms,
    )


def _turn_terms(sparse: SparseEncoder, row: Row[Any], window: list[Row[Any]]) -> tuple[Sparse, Sparse]:
    return sparse.turn(headed(row)), sparse.window(" ".join(map(headed, window)))


def _mean(vectors: Iterable[Vectors]) -> Vectors:
    total = np.sum(list(vectors), axis=0)
    norm = float(np.linalg.norm(total))
    return np.asarray(total / norm if norm > 0 else total, dtype=np.float32)


def _fields(row: Row[Any]) -> Fields:
    return Fields(
        namespace=row.namespace,
        scopes=tuple(patterns_covering(row.namespace)),
        agent=row.agent,
        kind=row.kind,
        sensitivity=row.sensitivity,
        created_at=unstamp(row.created_at),
        importance=row.importance,
        user=row.user,
        session=row.session,
        app=row.app,
        verified=row.verified_by is not None,
        tags=tuple(row.tags),
        metadata=row.metadata,
    )
