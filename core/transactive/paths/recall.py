"""recall: access, embed, candidates from every channel in one round trip, fuse, rank, hydrate and re-check."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from transactive.embedding.protocol import Vectors, embed_query
from transactive.embedding.terms import identifier_term
from transactive.errors import EmbeddingFailed, FilterTooBroad, IndexUnavailable
from transactive.filters import And, Expression, Not, Test, both, equals
from transactive.index.protocol import Index, Search, rewritten
from transactive.ledger import events, memories
from transactive.ledger.rows import AnyRow
from transactive.paths.question import Question
from transactive.paths.settle import INLINE, Settling
from transactive.paths.words import by_former_words, by_words, fulfils, held_back
from transactive.policies import effective
from transactive.records import ChannelScore, Hit, Memory, Recall, Why
from transactive.rules import cues, fusion, ranking, weighing
from transactive.rules.access import Identity, Reach, widened
from transactive.rules.identifiers import exact
from transactive.store import Store, View, names_scopes

log = logging.getLogger("transactive")

DEPTH, DOCUMENT_DEPTH = 100, 50
"""Candidates of a channel. Of documents there are two lists, not four that complement each other."""
_SPARE = 2  # rows read beyond the page, for candidates that the ledger rules out
MOST_IDS = 10_000
_NO_SCORES = np.zeros(0)


@dataclass(frozen=True, slots=True)
class Found:
    """A memory on its way to a hit."""

    memory: Memory
    relevance: float
    place: int
    """Its row in the fused candidates."""
    rank: int
    importance_factor: float = 1.0
    decay_factor: float = 1.0

    @property
    def score(self) -> float:
        """The final score."""
        return self.relevance * self.importance_factor * self.decay_factor


class Recalling:
    """Finds memories."""

    def __init__(self, store: Store, settling: Settling) -> None:
        self._store = store
        self._settling = settling

    def recall(self, identity: Identity, asked: Question, widen: Callable[[Reach], Reach] | None = None) -> Recall:
        """The best hits, or what `degrade` says when the search cannot run.

        With `widen`, among what another reach may read, whose caller must not show it; that counts as no use.
        """
        self._store.check()
        with self._store.ledger.read() as connection:
            heads = events.read(connection)
            reach = self._store.reach(connection, identity, heads)
            if widen is not None:
                return self._found(connection, heads, widen(reach), asked)
            recall = self._found(connection, heads, reach, asked)
        return recall if asked.as_of is not None else self._noted(identity, recall)

    def _found(self, connection: Connection, heads: events.Heads, reach: Reach, asked: Question) -> Recall:
        if asked.as_of is not None:
            return by_former_words(self._store, connection, reach, asked, asked.as_of)
        if self._store.index is None:
            reason = "this store was opened without an index"
            if not asked.query:
                return _unanswered(asked, IndexUnavailable(f"{reason}, and a vector is answered by nothing else"))
            return by_words(self._store, connection, reach, asked, reason)
        try:
            if self._settling.behind(heads):
                self._settling.settle(INLINE)
            return Recall(self._search(connection, self._store.index, reach, asked))
        except (IndexUnavailable, EmbeddingFailed) as error:
            if asked.degrade == "raise":
                raise
            log.warning("recall degraded to %s: %s", asked.degrade, error)
            reason = f"{type(error).__name__}: {error}"
            if asked.degrade == "empty" or not asked.query:
                return _unanswered(asked, error)
            return by_words(self._store, connection, reach, asked, reason)

    def _noted(self, identity: Identity, recall: Recall) -> Recall:
        """What was answered was used; that is written down later, by whoever has the time."""
        if recall:
            self._store.count("recalls")
            self._store.count("recalls_from_others", recall[0].memory.agent != identity.agent)
        self._store.recalled.update((hit.memory.namespace, self._store.clock()) for hit in recall)
        self._store.used(hit.memory.uid for hit in recall)
        return recall

    def similarities(self, asked: Question, uids: Sequence[str]) -> dict[str, float]:
        """The cosines of the query and some memories' own texts, as far as the index is there and knows them."""
        index = self._store.index
        if index is None or not uids:
            return {}
        vector = embed_query(self._store.encoders.embedder, asked.query) if asked.vector is None else asked.vector
        return {uid: float(stored @ vector) for uid, stored in index.vectors(list(uids)).items()}

    # --- by similarity --------------------------------------------------------------------------------------------

    def _search(self, connection: Connection, index: Index, reach: Reach, asked: Question) -> list[Hit]:
        view = self._store.view(connection, reach)
        mentions = view.names.mentions(asked.query)
        vector = asked.vector
        if vector is None:
            said = cues.without(asked.query, mentions) if asked.windows else asked.query
            vector = embed_query(self._store.encoders.embedder, said)
        left_out = held_back(self._store, asked)
        where = self._where(connection, reach, view, asked)
        lists = index.candidates(
            Search(
                dense=vector,
                terms=self._store.encoders.sparse.query(asked.query),
                identifiers=tuple(map(identifier_term, exact(asked.query))),
                where=widened(where) if asked.superseded else where,
                corpus=view.readable,
                depth=max(DEPTH if asked.windows else DOCUMENT_DEPTH, 4 * asked.wanted),
                windows=asked.windows,
            )
        )
        weights = fusion.weights(asked.vector_weight)
        own = [(c.keys, c.scores) if weight else ([], _NO_SCORES) for c, weight in zip(lists, weights, strict=False)]
        fused = fusion.fuse(own, [c.keys for c in lists[4:]], weights, every=asked.every)
        named = {mention.name for mention in mentions}
        cue = _cue(asked.query, named)
        if asked.windows:
            fused, ranked = self._ranked(connection, fused, cue)
            if self._weighs(asked):
                ranked = self._weighed(connection, asked, fused, ranked)
        else:
            ranked = ranking.rank_documents(fused)
        found = self._readable(
            connection, reach, fused, ranked, where=both(asked.narrowed, *left_out), wanted=asked.wanted
        )
        hits: list[Hit] = []
        for item in found:
            similarity = _similarity(index, fused, item, vector)
            if asked.min_similarity is not None and not similarity >= asked.min_similarity:
                continue
            hits.append(_hit(fused, ranked, item, similarity, weights))
            if len(hits) == asked.wanted:
                break
        return hits[asked.offset :]

    def _where(self, connection: Connection, reach: Reach, view: View, asked: Question) -> Expression:
        """What the index is to look among: what may be read, is asked for, and is not over."""
        selected = view.selected(asked.narrowed, self._store.latest.gated)
        if self._store.superseding and not asked.superseded and not names_scopes(selected):
            selected = both(equals("scopes", "**"), selected)  # which everything has but what was superseded
        return both(self._resolved(connection, reach, selected), *self._not_expired(connection))

    def _ranked(
        self, connection: Connection, fused: fusion.Fused, cue: ranking.Cues
    ) -> tuple[fusion.Fused, ranking.Ranked]:
        traits = self._store.traits(connection, fused.keys)
        known = [key in traits for key in fused.keys]
        if not all(known):  # the index is behind a purge
            fused = _only(fused, known)
        return fused, ranking.rank(fused, [traits[key] for key in fused.keys], cue)

    def _readable(
        self,
        connection: Connection,
        reach: Reach,
        fused: fusion.Fused,
        ranked: ranking.Ranked,
        *,
        where: Expression,
        wanted: int,
    ) -> Iterator[Found]:
        """Candidates in order, from the ledger, which has the last word on what is live, readable and asked for."""
        now = self._store.clock()
        step = wanted + _SPARE
        for start in range(0, len(ranked.order), step):
            places = ranked.order[start : start + step].tolist()
            uids = [str(UUID(int=fused.keys[place])) for place in places]
            rows = memories.by_uids(connection, uids)
            for rank, (place, uid) in enumerate(zip(places, uids, strict=True), start):
                row = rows.get(uid)
                memory = None if row is None else _live(row, now)
                if memory is not None and reach.sees(memory) and fulfils(where, memory):
                    yield Found(
                        memory,
                        float(ranked.relevance[rank]),
                        place,
                        rank,
                        1.0 if ranked.importance_factor is None else float(ranked.importance_factor[rank]),
                        1.0 if ranked.decay_factor is None else float(ranked.decay_factor[rank]),
                    )

    def _weighs(self, asked: Question) -> bool:
        if asked.recency_weight or asked.importance_weight:
            return True
        policies = self._store.latest.policies.values()
        return any(policy.recency_weight or policy.importance_weight for policy in policies)

    def _weighed(
        self, connection: Connection, asked: Question, fused: fusion.Fused, ranked: ranking.Ranked
    ) -> ranking.Ranked:
        """The candidates in the order of their final scores, importance and decay counted in."""
        known = self._store.traits(connection, fused.keys)
        traits = [known[key] for key in fused.keys]
        places = {trait.namespace for trait in traits}
        policies = {place: effective(self._store.latest.policies, place) for place in places}
        weights = weighing.Weights(asked.importance_weight, asked.recency_weight, asked.half_life)
        return ranking.weigh(ranked, fused, *weighing.factors(traits, policies, weights, self._store.clock()))

    def _not_expired(self, connection: Connection) -> Sequence[Expression]:
        now = self._store.clock()
        if not self._store.expiring or not memories.any_expired(connection, now):
            return ()
        return (Not(Test("expires_at", "lte", now)),)

    def _resolved(self, connection: Connection, reach: Reach, where: Expression) -> Expression:
        """The expression with what only the ledger can decide replaced by ids."""

        def resolve(test: Test) -> Expression:
            readable = And((reach.condition(), test))
            found = memories.uids(connection, readable, self._store.clock(), MOST_IDS + 1)
            if len(found) > MOST_IDS:
                raise FilterTooBroad(
                    f"the condition on {test.path!r} matches more than {MOST_IDS:,} memories, too many for a recall; "
                    f"narrow it, or use list(){_declarable(test)}"
                )
            return equals("id", *found)

        return rewritten(where, self._store.settings.index_fields, resolve)


def _unanswered(asked: Question, error: IndexUnavailable | EmbeddingFailed) -> Recall:
    if asked.degrade == "raise":
        raise error
    return Recall((), degraded=True, reason=f"{type(error).__name__}: {error}")


def _declarable(test: Test) -> str:
    """What else helps: a range on metadata can be declared, and is then answered by the index."""
    if not test.path.startswith("metadata.") or test.operator not in {"gt", "gte", "lt", "lte"}:
        return ""
    kind = "time" if isinstance(test.operand, datetime) else "number"
    return f"; or declare the field: TeamMemory.open(…, index_fields={{{test.path!r}: {kind!r}}})"


def _cue(query: str, named: Collection[str]) -> ranking.Cues:
    return ranking.Cues(
        name=next(iter(named)) if len(named) == 1 else None,
        when=cues.asks_when(query),
        date=cues.mentioned_date(query),
    )


def _live(row: AnyRow, now: datetime) -> Memory | None:
    memory = memories.to_memory(row)
    over = memory.expires_at is not None and memory.expires_at <= now
    return None if over or memory.forgotten_at is not None else memory


def _only(fused: fusion.Fused, kept: Sequence[bool]) -> fusion.Fused:
    mask = np.array(kept, bool)
    keys = [key for key, keep in zip(fused.keys, kept, strict=True) if keep]
    return fusion.Fused(keys, fused.raw[mask], fused.normalised[mask], fused.relevance[mask], fused.identifiers[mask])


def _similarity(index: Index, fused: fusion.Fused, item: Found, vector: Vectors) -> float:
    """The cosine of the own text: from the dense channel, or else from the stored vector."""
    raw = float(fused.raw[item.place, fusion.CHANNELS.index("dense")])
    if not math.isnan(raw):
        return raw
    stored = index.vectors([item.memory.uid]).get(item.memory.uid)
    return math.nan if stored is None else float(stored @ vector)


def _hit(fused: fusion.Fused, ranked: ranking.Ranked, item: Found, similarity: float, weights: fusion.Floats) -> Hit:
    channels = {
        name: ChannelScore(
            raw=float(fused.raw[item.place, column]),
            normalised=float(fused.normalised[item.place, column]),
            weight=float(weights[column]),
        )
        for column, name in enumerate(fusion.CHANNELS)
        if not math.isnan(fused.raw[item.place, column])
    }
    boosts = {name: float(values[item.rank]) for name, values in ranked.boosts.items() if values[item.rank] > 0}
    why = Why(
        channels=channels,
        boosts=boosts,
        relevance=item.relevance,
        importance_factor=item.importance_factor,
        decay_factor=item.decay_factor,
        identifiers=int(fused.identifiers[item.place]),
    )
    return Hit(memory=item.memory, score=item.score, similarity=similarity, why=why)
