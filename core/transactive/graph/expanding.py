"""recall(expand="graph"): from what was found, by the entities that it mentions, one edge on, to what mentions them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import and_

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
from transactive.rules.access import Identity
from transactive.store import Store

FROM, LEAST = 10, 50
"""How many of the best hits are followed, and how many there are at least to be overtaken."""
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
        base = self._recalling.recall(identity, replace(asked, limit=max(LEAST, asked.wanted), offset=0))
        with self._store.ledger.snapshot() as connection:
            reach = self._store.reach(connection, identity)
            now = self._store.clock()
            walk = Walk(self._store, connection, ledger.View(reach=reach, now=now, at=now))
            reached = self._reached(walk, asked, base)
            along = self._along(walk, asked, reached) if reached else {}
        found = {hit.memory.uid: hit for hit in base}
        hits = [*(self._higher(hit, along.get(uid)) for uid, hit in found.items())]
        hits += [hit for uid, hit in along.items() if uid not in found]
        hits.sort(key=lambda hit: (-hit.why.identifiers, -hit.score, hit.memory.uid))
        return Recall(hits[asked.offset : asked.wanted], degraded=base.degraded, reason=base.reason)

    def _higher(self, hit: Hit, other: Hit | None) -> Hit:
        """A hit that is also reached along the graph, with the better of its two scores."""
        if other is None or other.score <= hit.score:
            return hit
        return replace(hit, score=other.score, why=replace(hit.why, path=other.why.path))

    def _reached(self, walk: Walk, asked: Question, base: Sequence[Hit]) -> dict[int, Reached]:
        """The entities of the question and of the best hits, and their neighbours."""
        classes = Classes()
        start = self._mentioned(walk, asked, base, classes)
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
                    reached = Reached(start[near].score / SAME * NEXT * edge.confidence, str(edge))
                    for name in classes.of(far):
                        _better(found, name, reached)
        return found

    def _mentioned(self, walk: Walk, asked: Question, base: Sequence[Hit], classes: Classes) -> dict[int, Reached]:
        """The names in the question and in the best hits, with all that mean the same."""
        best = list(base[:FROM])
        top = max((hit.score for hit in best), default=1.0)
        candidates = list(naming.phrases(asked.query))
        known = ledger.of_keys(walk.connection, [key for key, _, _ in candidates])
        said = {name: Reached(top * SAME) for key in naming.held(candidates, known) for name in known[key]}
        names = walk.mentioned(hit.memory for hit in best)
        for hit in best:
            for name in names.get(hit.memory.uid, ()):
                _better(said, name, Reached(hit.score * SAME))
        some = dict(list(said.items())[:MOST_NAMES])
        walk.close(some, classes)
        found: dict[int, Reached] = {}
        for name, reached in some.items():
            for same in classes.of(name):
                _better(found, same, reached)
        return found

    def _along(self, walk: Walk, asked: Question, reached: Mapping[int, Reached]) -> dict[str, Hit]:
        """The memories that mention what was reached, as hits by uid."""
        where = both(walk.view.reach.condition(), asked.narrowed, *held_back(self._store, asked))
        clause = and_(memories.live(walk.view.now), filtering.condition(where))
        rows = ledger.mentioning(walk.connection, list(reached), clause, MOST_MEMORIES)
        read = [memories.to_memory(row) for row in rows]
        names = walk.mentioned(read)
        similarities = self._recalling.similarities(asked, [memory.uid for memory in read])
        found: dict[str, Hit] = {}
        for memory in read:
            ways = [reached[name] for name in names.get(memory.uid, ()) if name in reached]
            similarity = similarities.get(memory.uid, math.nan)
            if ways and (asked.min_similarity is None or similarity >= asked.min_similarity):
                found[memory.uid] = _hit(memory, ways, similarity)
        return found


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
