"""Builds index points from the ledger: a memory's own text, and for a turn the window around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from sqlalchemy import Connection

from transactive.embedding.protocol import Vectors, embed_documents
from transactive.embedding.terms import extra_terms
from transactive.index.protocol import Fields, Index, Point
from transactive.ledger import memories, windows
from transactive.ledger.rows import AnyRow
from transactive.ledger.times import unstamp
from transactive.namespaces import patterns_covering, superseded
from transactive.records import Memory
from transactive.rules.dates import in_words
from transactive.store import Encoders

MOST_TURN_TERMS = 60

Fresh: TypeAlias = Mapping[str, tuple[int, Vectors]]
"""Dense vectors that the caller has just computed, each with the version that it is of."""


def is_turn(encoders: Encoders, memory: Memory) -> bool:
    """Whether a memory is a conversational turn: episodic, said in a session, and of at most 60 terms."""
    if memory.kind != "episodic" or memory.session is None or memory.derived_from or memory.promoted_from:
        return False
    return len(memory.text) < 4000 and encoders.sparse.terms(memory.text) <= MOST_TURN_TERMS


def headed(row: AnyRow) -> str:
    """The sparse text of a memory: "(8 May 2026) author: text"."""
    return f"({in_words(unstamp(row.created_at))}) {row.agent}: {row.text}"


@dataclass(frozen=True, slots=True)
class Encoded:
    """What one text contributes to its own point and to the windows of its neighbours."""

    headed: str
    extra: list[int]
    dense: Vectors


def build(
    encoders: Encoders,
    connection: Connection,
    numbers: Mapping[str, int],
    fresh: Fresh,
    index: Index | None = None,
) -> tuple[list[Point], list[str]]:
    """The points of these memories (uid → event number) as the ledger has them now, and the uids of those gone.

    Dense vectors that are not in `fresh` are read from `index` or computed.
    """
    rows = memories.by_uids(connection, numbers)
    live = [row for row in rows.values() if row.forgotten_at is None]
    around = _windows(windows.around(connection, [row for row in live if row.turn]))
    encoded = _encoded(encoders, index, {r.uid: r for row in live for r in around.get(row.uid, (row,))}, fresh)
    points = [_point(encoders, row, around.get(row.uid), encoded, numbers[row.uid]) for row in live]
    held = {row.uid for row in live}
    return points, [uid for uid in numbers if uid not in held]


def _windows(chains: Sequence[Sequence[AnyRow]]) -> dict[str, Sequence[AnyRow]]:
    return {
        row.uid: stretch[max(0, place - windows.RADIUS) : place + windows.RADIUS + 1]
        for stretch in chains
        for place, row in enumerate(stretch)
    }


def _encoded(encoders: Encoders, index: Index | None, rows: Mapping[str, AnyRow], fresh: Fresh) -> dict[str, Encoded]:
    """Every text encoded once. The index is trusted for first versions only: a later one may not be settled yet."""
    vectors = {uid: fresh[uid][1] for uid, row in rows.items() if uid in fresh and fresh[uid][0] == row.version}
    if index is not None and len(vectors) < len(rows):
        stored = [uid for uid, row in rows.items() if uid not in vectors and row.version == 1]
        vectors.update(index.vectors(stored))
    missing = [uid for uid in rows if uid not in vectors]
    vectors.update(zip(missing, embed_documents(encoders.embedder, [rows[uid].text for uid in missing]), strict=True))
    return {uid: Encoded(headed(row), extra_terms(row.text), vectors[uid]) for uid, row in rows.items()}


def _point(
    encoders: Encoders,
    row: AnyRow,
    window: Sequence[AnyRow] | None,
    encoded: Mapping[str, Encoded],
    number: int,
) -> Point:
    own = encoded[row.uid]
    if window is None:
        window_dense = own.dense
        terms = window_terms = encoders.sparse.document(own.headed, own.extra)
    else:
        parts = [encoded[neighbour.uid] for neighbour in window]
        window_dense = _mean([part.dense for part in parts])
        terms = encoders.sparse.turn(own.headed, own.extra)
        window_terms = encoders.sparse.window(
            " ".join(part.headed for part in parts), [term for part in parts for term in part.extra]
        )
    return Point(
        uid=row.uid,
        number=number,
        fields=_fields(row),
        dense=own.dense,
        terms=terms,
        window_dense=window_dense,
        window_terms=window_terms,
    )


def _mean(vectors: Sequence[Vectors]) -> Vectors:
    total = np.sum(vectors, axis=0)
    norm = float(np.linalg.norm(total))
    return np.asarray(total / norm if norm > 0 else total, dtype=np.float32)


def _fields(row: AnyRow) -> Fields:
    patterns = patterns_covering(row.namespace)
    return Fields(
        namespace=row.namespace,
        scopes=tuple(map(superseded, patterns) if row.superseded_by is not None else patterns),
        agent=row.agent,
        kind=row.kind,
        sensitivity=row.sensitivity,
        created_at=unstamp(row.created_at),
        importance=row.importance,
        expires_at=unstamp(row.expires_at),
        user=row.user,
        session=row.session,
        app=row.app,
        verified=row.verified_by is not None,
        superseded=row.superseded_by is not None,
        tags=tuple(row.tags),
        metadata=row.metadata,
    )
