"""recall: access, embed, candidates from every channel in one round trip, fuse, rank, hydrate and re-check."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from transactive.embedding.protocol import Vectors, embed_query
from transactive.embedding.terms import identifier_term
from transactive.errors import EmbeddingFailed, FilterTooBroad, IndexUnavailable, InvalidInput
from transactive.filters import ALL, And, Expression, Not, Test, both, equals, matches, read_memory
from transactive.index.protocol import Index, Search, rewritten
from transactive.ledger import events, memories, text
from transactive.ledger.rows import AnyRow
from transactive.ledger.versions import Past
from transactive.paths.question import Question
from transactive.paths.settle import INLINE, Settling
from transactive.policies import effective
from transactive.records import ChannelScore, Hit, Memory, Recall, Why
from transactive.rules import cues, decay, fusion, ranking
from transactive.rules.access import Identity, Reach
from transactive.rules.identifiers import exact
from transactive.store import Store

log = logging.getLogger("transactive")

DEPTH = 100
_SPARE = 6  # rows read beyond the page, for candidates that the ledger rules out
MOST_IDS = 10_000


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

    def recall(self, identity: Identity, asked: Question) -> Recall:
        """The best hits, or what `degrade` says when the search cannot run."""
        self._store.check()
        with self._store.ledger.read() as connection:
            heads = events.read(connection)
            reach = self._store.reach(connection, identity, heads)
            if asked.as_of is not None:
                return self._by_former_text(connection, reach, asked, asked.as_of)
            if self._store.index is None:
                return self._by_text(connection, reach, asked, "this store was opened without an index")
            try:
                if self._settling.behind(heads):
                    self._settling.settle(INLINE)
                hits = self._search(connection, self._store.index, reach, asked)
            except (IndexUnavailable, EmbeddingFailed) as error:
                if asked.degrade == "raise":
                    raise
                log.warning("recall degraded to %s: %s", asked.degrade, error)
                reason = f"{type(error).__name__}: {error}"
                if asked.degrade == "empty":
                    return Recall((), degraded=True, reason=reason)
                return self._by_text(connection, reach, asked, reason)
        return self._noted(Recall(hits))

    def _noted(self, recall: Recall) -> Recall:
        """What was answered was used; that is written down later, by whoever has the time."""
        self._store.recalled.update((hit.memory.namespace, self._store.clock()) for hit in recall)
        self._store.used(hit.memory.uid for hit in recall)
        return recall

    def _held_back(self, asked: Question) -> tuple[Expression, ...]:
        """What recall leaves out although it may be read: what was corrected, and drafts where they are held back."""
        current = () if asked.superseded else self._store.current()
        gated = self._store.latest.gated
        held = (Not(And((equals("namespace", *gated), Not(equals("verified", True))))),) if gated else ()
        return (*current, *held)

    # --- by similarity --------------------------------------------------------------------------------------------

    def _search(self, connection: Connection, index: Index, reach: Reach, asked: Question) -> list[Hit]:
        view = self._store.view(connection, reach)
        mentions = view.names.mentions(asked.query)
        vector = embed_query(self._store.encoders.embedder, cues.without(asked.query, mentions))
        held_back = self._held_back(asked)
        where = both(
            view.readable,
            self._resolved(connection, reach, asked.narrowed),
            *held_back,
            *self._not_expired(connection),
        )
        lists = index.candidates(
            Search(
                dense=vector,
                terms=self._store.encoders.sparse.query(asked.query),
                identifiers=tuple(map(identifier_term, exact(asked.query))),
                where=where,
                corpus=view.readable,
                depth=max(DEPTH, 4 * asked.wanted),
            )
        )
        fused = fusion.fuse([(c.keys, c.scores) for c in lists[:4]], [c.keys for c in lists[4:]])
        named = {mention.name for mention in mentions}
        cue = ranking.Cues(
            name=next(iter(named)) if len(named) == 1 else None,
            when=cues.asks_when(asked.query),
            date=cues.mentioned_date(asked.query),
        )
        fused, ranked = self._ranked(connection, fused, cue)
        found = self._readable(
            connection, reach, fused, ranked, where=both(asked.narrowed, *held_back), wanted=asked.wanted
        )
        if self._weighs(asked):
            found = iter(self._weighed(asked, fused, list(found)))
        hits: list[Hit] = []
        for item in found:
            similarity = _similarity(index, fused, item, vector)
            if asked.min_similarity is not None and not similarity >= asked.min_similarity:
                continue
            hits.append(_hit(fused, ranked, item, similarity))
            if len(hits) == asked.wanted:
                break
        return hits[asked.offset :]

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
                if memory is not None and reach.sees(memory) and _fulfils(where, memory):
                    yield Found(memory, float(ranked.relevance[rank]), place, rank)

    def _weighs(self, asked: Question) -> bool:
        if asked.recency_weight or asked.importance_weight:
            return True
        policies = self._store.latest.policies.values()
        return any(policy.recency_weight or policy.importance_weight for policy in policies)

    def _weighed(self, asked: Question, fused: fusion.Fused, found: list[Found]) -> list[Found]:
        """Every candidate with its importance and decay counted in, best first."""
        policies, now = self._store.latest.policies, self._store.clock()
        by_namespace = {item.memory.namespace: effective(policies, item.memory.namespace) for item in found}
        weighed: list[Found] = []
        for item in found:
            policy, memory = by_namespace[item.memory.namespace], item.memory
            kept = decay.of_memory(policy, memory, now, asked.half_life)
            importance_weight = _first(asked.importance_weight, policy.importance_weight)
            recency_weight = _first(asked.recency_weight, policy.recency_weight)
            weighed.append(
                Found(
                    memory,
                    item.relevance,
                    item.place,
                    item.rank,
                    decay.weighted(memory.importance, importance_weight),
                    decay.weighted(kept, recency_weight),
                )
            )
        return sorted(weighed, key=lambda f: (-fused.identifiers[f.place], -f.score, f.memory.uid))

    def _not_expired(self, connection: Connection) -> Sequence[Expression]:
        if not self._store.expiring:
            return ()
        over = memories.expired(connection, self._store.clock(), MOST_IDS)
        return (Not(equals("id", *(row.uid for row in over))),) if over else ()

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

    # --- by full text ---------------------------------------------------------------------------------------------

    def _by_text(self, connection: Connection, reach: Reach, asked: Question, reason: str) -> Recall:
        if asked.min_similarity is not None and asked.degrade == "raise":
            raise InvalidInput(f"min_similarity needs the index, and {reason}; leave it out")
        where = both(reach.condition(), asked.narrowed, *self._held_back(asked))
        rows = text.search(connection, asked.query, where, self._store.clock(), asked.wanted)
        best = max((score for _, score in rows), default=1.0) or 1.0
        hits = [
            Hit(
                memory=memories.to_memory(row),
                score=score / best,
                similarity=math.nan,
                why=Why(relevance=score / best, degraded=True),
            )
            for row, score in rows
        ]
        return self._noted(Recall(hits[asked.offset :], degraded=True, reason=reason))

    def _by_former_text(self, connection: Connection, reach: Reach, asked: Question, at: datetime) -> Recall:
        """What was known then has no vectors any more: its words are searched."""
        if asked.min_similarity is not None:
            raise InvalidInput("min_similarity needs vectors, and the past has none; leave it out, or as_of=")
        current = () if asked.superseded else (Not(equals("superseded", True)),)
        where = both(asked.narrowed, *current, *self._held_back(replace(asked, superseded=True)))
        past = Past(at, reach.condition(), lambda memory: _fulfils(where, memory))
        found = text.search_then(connection, asked.query, past, asked.wanted)
        best = max((score for _, score in found), default=1.0) or 1.0
        hits = [
            Hit(
                memory=memory,
                score=score / best,
                similarity=math.nan,
                why=Why(relevance=score / best, degraded=True),
            )
            for memory, score in found
        ]
        return Recall(hits[asked.offset :], degraded=True, reason=f"the past ({at.isoformat()}) is searched by words")


def _declarable(test: Test) -> str:
    """What else helps: a range on metadata can be declared, and is then answered by the index."""
    if not test.path.startswith("metadata.") or test.operator not in {"gt", "gte", "lt", "lte"}:
        return ""
    kind = "time" if isinstance(test.operand, datetime) else "number"
    return f"; or declare the field: TeamMemory.open(…, index_fields={{{test.path!r}: {kind!r}}})"


def _live(row: AnyRow, now: datetime) -> Memory | None:
    memory = memories.to_memory(row)
    over = memory.expires_at is not None and memory.expires_at <= now
    return None if over or memory.forgotten_at is not None else memory


def _fulfils(where: Expression, memory: Memory) -> bool:
    return where == ALL or matches(where, lambda path: read_memory(memory, path))


def _first(asked: float | None, policy: float | None) -> float:
    return asked if asked is not None else policy or 0.0


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


def _hit(fused: fusion.Fused, ranked: ranking.Ranked, item: Found, similarity: float) -> Hit:
    channels = {
        name: ChannelScore(
            raw=float(fused.raw[item.place, column]),
            normalised=float(fused.normalised[item.place, column]),
            weight=float(fusion.WEIGHTS[column]),
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
