"""search: documents by their indexed text, or by a vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from transactive.documents.keeping import Keeping
from transactive.documents.where import parse_documents
from transactive.filters import Where, both, equals
from transactive.ledger import documents as ledger
from transactive.paths.incoming import check_count
from transactive.paths.question import Question, question
from transactive.paths.recall import Recalling
from transactive.policies import unit_interval
from transactive.records import Degrade, DocumentHit, DocumentRecall, Hit
from transactive.rules.access import Identity
from transactive.rules.diversity import diverse
from transactive.store import Store

AMONG, LEAST_AMONG = 4, 20
"""How many candidates, for each that is wanted and at least, a diverse choice has."""


class Finding:
    """Finds documents."""

    def __init__(self, store: Store, keeping: Keeping, recalling: Recalling) -> None:
        self._store = store
        self._keeping = keeping
        self._recalling = recalling

    def search(
        self,
        identity: Identity,
        query: str | None,
        *,
        vector: Sequence[float] | None,
        vector_weight: float | None,
        namespaces: Sequence[str],
        where: Where | None,
        limit: int,
        offset: int,
        min_similarity: float | None,
        diversity: float | None,
        candidates: int | None,
        degrade: Degrade | None,
        refresh: bool,
    ) -> DocumentRecall:
        """The best documents, as `recall` finds memories."""
        spread = 0.0 if diversity is None else unit_interval(diversity, "diversity")
        asked = question(
            identity,
            query,
            vector=vector,
            vector_weight=vector_weight,
            embedder=self._store.encoders.embedder,
            degrade=self._store.settings.degrade if degrade is None else degrade,
            limit=limit,
            offset=offset,
            namespaces=namespaces,
            min_similarity=min_similarity,
        )
        narrowed = both(asked.narrowed, equals("kind", "document"), parse_documents(where))
        asked = replace(asked, every=True, windows=False, narrowed=narrowed)
        among = None if candidates is None else check_count(candidates, "candidates", least=1, most=1000)
        hits = self._recalling.recall(identity, _widened(asked, among) if spread else asked)
        found = self._documents(hits)
        if spread:
            # By full text alone there are no vectors: the most relevant ones then.
            found = found[asked.offset : asked.wanted] if hits.degraded else self._diverse(found, asked, spread)
        if refresh:
            renewed = self._keeping.refreshed(identity, [hit.document for hit in found])
            pairs = zip(found, renewed, strict=True)
            found = [hit if new is None else replace(hit, document=new) for hit, new in pairs]
        return DocumentRecall(found, degraded=hits.degraded, reason=hits.reason)

    def _documents(self, hits: Sequence[Hit]) -> list[DocumentHit]:
        with self._store.ledger.read() as connection:
            rows = ledger.by_uids(connection, [hit.memory.uid for hit in hits])
        return [
            DocumentHit(document=ledger.to_document(rows[hit.memory.uid]), score=hit.score, similarity=hit.similarity)
            for hit in hits
            if hit.memory.uid in rows
        ]

    def _diverse(self, found: Sequence[DocumentHit], asked: Question, diversity: float) -> list[DocumentHit]:
        """Of the candidates, those that are close to the query and not to one another."""
        index = self._store.index
        stored = {} if index is None else index.vectors([hit.document.uid or "" for hit in found])
        nothing = np.zeros(self._store.encoders.embedder.dimensions, np.float32)
        vectors = np.array([stored.get(hit.document.uid or "", nothing) for hit in found]).reshape(-1, len(nothing))
        relevance = np.nan_to_num(np.array([hit.similarity for hit in found], np.float32))
        chosen = diverse(relevance, vectors, diversity, asked.wanted)
        return [found[place] for place in chosen[asked.offset :]]


def _widened(asked: Question, among: int | None) -> Question:
    return replace(asked, limit=among or max(LEAST_AMONG, AMONG * asked.wanted), offset=0)
