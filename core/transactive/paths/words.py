"""Recall by full text: where there is no index, where `degrade="text"` asks for it, and of the past."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from transactive.errors import InvalidInput
from transactive.filters import ALL, Expression, Not, both, equals, matches, read_memory
from transactive.ledger import memories, text
from transactive.ledger.versions import Past
from transactive.paths.question import Question
from transactive.records import Hit, Memory, Recall, Why
from transactive.rules.access import Reach
from transactive.store import Store


def held_back(store: Store, asked: Question) -> tuple[Expression, ...]:
    """What recall leaves out although it may be read: what was corrected, and drafts where they are held back."""
    current = () if asked.superseded else (Not(equals("superseded", True)),)
    gated = store.latest.gated
    return (*current, *((Not(equals("draft", *gated)),) if gated else ()))


def fulfils(where: Expression, memory: Memory) -> bool:
    """Whether a memory is among what an expression selects."""
    return where == ALL or matches(where, lambda path: read_memory(memory, path))


def by_words(store: Store, connection: Connection, reach: Reach, asked: Question, reason: str) -> Recall:
    """What is live and shares words with the query."""
    if asked.min_similarity is not None and asked.degrade == "raise":
        raise InvalidInput(f"min_similarity needs the index, and {reason}; leave it out")
    where = both(reach.condition(), asked.narrowed, *held_back(store, asked))
    found = text.search(connection, asked.query, where, store.clock(), asked.wanted)
    return _recall([(memories.to_memory(row), score) for row, score in found], asked, reason)


def by_former_words(store: Store, connection: Connection, reach: Reach, asked: Question, at: datetime) -> Recall:
    """What was known then has no vectors any more: its words are searched."""
    if asked.min_similarity is not None:
        raise InvalidInput("min_similarity needs vectors, and the past has none; leave it out, or as_of=")
    current = () if asked.superseded else (Not(equals("superseded", True)),)
    where = both(asked.narrowed, *current, *held_back(store, replace(asked, superseded=True)))
    past = Past(at, reach.condition(), lambda memory: fulfils(where, memory))
    found = text.search_then(connection, asked.query, past, asked.wanted)
    return _recall(found, asked, f"the past ({at.isoformat()}) is searched by words")


def _recall(found: Sequence[tuple[Memory, float]], asked: Question, reason: str) -> Recall:
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
    return Recall(hits[asked.offset :], degraded=True, reason=reason)
