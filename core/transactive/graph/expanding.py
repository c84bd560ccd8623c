"""recall(expand="graph"): from what was found, by the entities that it mentions, one edge on, to what mentions them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_

from transactive.filters import both
from transactive.graph.classes import Classes
from transactive.graph.walking import Walk
from transactive.ledger import filtering, memories
from transactive.ledger import graph as ledger
from transactive.paths.question import Question
from transactive.paths.recall import Recalling
from transactive.paths.words import held_back
from transactive.records import Hit, Memory, Recall, Why
from transactive.rules import naming
from transactive.rules.access import Identity, Reach
from transactive.store import Store

FROM = 10
"""How many of the best hits are followed."""
FAN_OUT = 20
MOST_NAMES = 200
MOST_MEMORIES = 200
SAME, NEXT = 0.7, 0.5
"""What a memory counts, of the hit it was reached from: one about the same entity, and one about a neighbour."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How well an entity is reached, and how."""

    score: float
    path: str = ""


class Expanding:
    """Recalls along the graph."""

    def __init__(self, store: Store, recalling: Recalling) -> None:
        self._store = store
        self._recalling = recalling

    def recall(self, identity: Identity, asked: Question) -> Recall:
        """What is found, with what is one edge away from it: each counts less than the hit that led to it."""
        base = self._recalling.recall(identity, replace(asked, limit=min(1000, asked.wanted), offset=0))
        with self._store.ledger.snapshot() as connection:
            reach = self._store.reach(connection, identity)
            now = self._store.clock()
            walk = Walk(self._store, connection, ledger.View(reach=reach, now=now, at=now))
            reached = self._reached(walk, asked, base)
            along = self._along(connection, reach, asked, base, reached) if reached else []
        hits = sorted([*base, *along], key=lambda hit: (-hit.why.identifiers, -hit.score, hit.memory.uid))
        return Recall(hits[asked.offset : asked.wanted], degraded=base.degraded, reason=base.reason)

    def _reached(self, walk: Walk, asked: Question, base: Sequence[Hit]) -> dict[int, Reached]:
        """The entities of the question and of the best hits, and their neighbours."""
        start = self._mentioned(walk, asked, base)
        classes = Classes()
        walk.close(start, classes)
        walked = walk.walk(sorted(start), depth=1, limit=MOST_NAMES, fan_out=FAN_OUT, direction="both", classes=classes)
        entities = walk.entities(classes)
        found = {
            name: replace(reached, path=f"about {entities[name].name}")
            for name, reached in start.items()
            if name in entities
        }
        numbers = list(walked.edges)
        for number, edge in zip(numbers, walk.each(numbers, entities), strict=True):
            source, target = walked.edges[number]
            for near, far in ((source, target), (target, source)):
                if edge is not None and near in start and far not in start:
                    _better(found, far, Reached(start[near].score / SAME * NEXT * edge.confidence, str(edge)))
        return found

    def _mentioned(self, walk: Walk, asked: Question, base: Sequence[Hit]) -> dict[int, Reached]:
        best = list(base[:FROM])
        names = ledger.mentioned_by(walk.connection, [hit.memory.uid for hit in best])
        found: dict[int, Reached] = {}
        top = max((hit.score for hit in best), default=1.0)
        candidates = list(naming.phrases(asked.query))
        known = ledger.of_keys(walk.connection, [key for key, _, _ in candidates])
        for key in naming.held(candidates, known):
            found.update(dict.fromkeys(known[key], Reached(top * SAME)))
        for hit in best:
            for name in names.get(hit.memory.uid, ()):
                _better(found, name, Reached(hit.score * SAME))
        return dict(list(found.items())[:MOST_NAMES])

    def _along(
        self, connection: Connection, reach: Reach, asked: Question, base: Sequence[Hit], reached: Mapping[int, Reached]
    ) -> list[Hit]:
        seen = {hit.memory.uid for hit in base}
        where = both(reach.condition(), asked.narrowed, *held_back(self._store, asked))
        clause = and_(memories.live(self._store.clock()), filtering.condition(where))
        rows = ledger.mentioning(connection, list(reached), clause, MOST_MEMORIES)
        found = {row.uid: memories.to_memory(row) for row in rows if row.uid not in seen}
        names = ledger.mentioned_by(connection, list(found))
        similarities = self._recalling.similarities(asked, list(found))
        hits = (
            _hit(
                memory,
                [reached[name] for name in names.get(uid, ()) if name in reached],
                similarities.get(uid, math.nan),
            )
            for uid, memory in found.items()
        )
        least = asked.min_similarity
        return [hit for hit in hits if least is None or hit.similarity >= least]


def _better(found: dict[int, Reached], name: int, reached: Reached) -> None:
    if name not in found or found[name].score < reached.score:
        found[name] = reached


def _hit(memory: Memory, ways: Iterable[Reached], similarity: float) -> Hit:
    best = max(ways, key=lambda way: way.score)
    return Hit(
        memory=memory,
        score=min(1.0, best.score),
        similarity=similarity,
        why=Why(relevance=min(1.0, best.score), path=best.path),
    )
