"""What an index is to us: points in, candidates out. It decides nothing and is the only copy of nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from transactive.embedding.protocol import Vectors
from transactive.embedding.terms import Sparse
from transactive.filters import ALL, FIELDS, And, Expression, Not, Or, Test, Value, metadata_values

Channel = Literal["terms", "window_terms", "dense", "window_dense", "identifiers"]
RangeKind = Literal["number", "time"]

# Fields on which an index answers equality and existence; ranges it answers on these two and on declared metadata.
KEYWORDS = (
    "namespace",
    "scopes",
    "agent",
    "user",
    "session",
    "app",
    "kind",
    "sensitivity",
    "verified",
    "superseded",
    "tags",
    "draft",
)
FLAGS = ("verified", "superseded")
RANGES = ("created_at", "importance", "expires_at")
FACETS = ("namespace", "agent", "kind", "sensitivity")
ALWAYS = frozenset({"namespace", "scopes", "agent", "kind", "sensitivity", *FLAGS})
"""Fields that no memory lacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """What a point can be filtered by: never text."""

    namespace: str
    scopes: tuple[str, ...]
    """Every pattern that covers the namespace: a pattern grant is then one term. Of what was superseded they are marked
    (`namespaces.superseded`), so that the condition of access leaves it out at no cost."""
    agent: str
    kind: str
    sensitivity: str
    created_at: datetime
    importance: float
    expires_at: datetime | None = None
    user: str | None = None
    session: str | None = None
    app: str | None = None
    verified: bool = False
    superseded: bool = False
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def draft(self) -> str | None:
        """The namespace of what is not verified: some hold that back."""
        return None if self.verified else self.namespace


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One memory as an index holds it. Vectors have length 1, or 0 where a text has no known word."""

    uid: str
    number: int
    """The event that the point is up to date with."""
    fields: Fields
    dense: Vectors
    terms: Sparse
    window_dense: Vectors
    """Of the turn and its neighbours; for what is no turn, the same as `dense`."""
    window_terms: Sparse


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """A query for every channel at once."""

    dense: Vectors
    terms: Sparse
    identifiers: tuple[int, ...] = ()
    """Term ids; each makes a list of its own."""
    where: Expression = ALL
    corpus: Expression = ALL
    """What the caller may read: the population of the inverse document frequencies."""
    depth: int = 100
    windows: bool = True
    """Whether the channels of windows are asked; else those of the own text are given in their place."""


class Candidates(NamedTuple):
    """One channel's list: parallel, best first."""

    channel: Channel
    keys: list[int]
    """Each `uid` as its 128-bit integer: hundreds of them are hashed and compared for one recall."""
    scores: npt.NDArray[np.float64]


def without_windows(lists: Sequence[Candidates]) -> list[Candidates]:
    """The lists of a search without windows, with those of the own texts in their place."""
    terms, dense, *rest = lists
    return [terms, terms._replace(channel="window_terms"), dense, dense._replace(channel="window_dense"), *rest]


class Index(Protocol):
    """Upserts and deletes are idempotent and seen by the next call; `flush` makes them survive a power cut."""

    @property
    def id(self) -> str:
        """The name under which the ledger keeps what this index has still to learn."""
        ...

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert points, or replace them whole."""
        ...

    def delete(self, uids: Sequence[str]) -> None:
        """Delete points; absent ones are ignored."""
        ...

    def candidates(self, search: Search) -> list[Candidates]:
        """At most `depth` points a channel: terms, window_terms, dense, window_dense, then one list an identifier."""
        ...

    def nearest(self, vectors: Sequence[Vectors], where: Expression, limit: int) -> list[list[tuple[str, float]]]:
        """For each vector, at most `limit` points that fulfil the expression with their cosines, closest first."""
        ...

    def vectors(self, uids: Sequence[str]) -> dict[str, Vectors]:
        """The dense vectors of these points; absent ones are left out."""
        ...

    def count(self, where: Expression = ALL) -> int:
        """How many points fulfil the expression."""
        ...

    def facets(self, field: str, where: Expression = ALL, limit: int = 100) -> dict[str, int]:
        """Points that fulfil the expression, counted by the values of one of `FACETS`, most frequent first."""
        ...

    def flush(self) -> None:
        """Write everything to disk."""
        ...

    def mark(self, event: int) -> None:
        """Note beside the points that every event up to this one was in them at the last `flush`."""
        ...

    def marked(self) -> int | None:
        """What was noted last; None when nothing was, or the note is unreadable."""
        ...

    def unindexed(self) -> int:
        """How many points similarity search scans one by one."""
        ...

    def clear(self) -> None:
        """Delete every point."""
        ...

    def close(self) -> None:
        """Release every resource; harmless when closed already."""
        ...


Declared: TypeAlias = Mapping[str, RangeKind]


def answers(test: Test, declared: Declared) -> bool:
    """Whether an index can decide a condition; what it can't, the ledger resolves to uids first.

    A caller's `id` is among that: it may be an id of the caller's own. The uids it resolves to, an index takes as `id`.
    """
    ordered = test.operator in {"gt", "gte", "lt", "lte"}
    if test.path.startswith("metadata."):
        if not ordered:
            return True
        kind = "time" if isinstance(test.operand, datetime) else "number"
        return declared.get(test.path) == kind and _exact(test.operand)
    if test.path in RANGES:
        return ordered and _exact(test.operand)
    return test.path in KEYWORDS and not ordered


def _exact(operand: Value) -> bool:
    """Whether a range of floats decides it: further out, neighbouring integers or microseconds are one float."""
    if isinstance(operand, datetime):
        return abs(operand.timestamp()) < 2**32
    return not isinstance(operand, int | float) or abs(operand) < 2**53


def rewritten(expression: Expression, declared: Declared, resolve: Any) -> Expression:
    """The expression with each condition that an index can't decide replaced by `resolve(test)`."""
    match expression:
        case And(items):
            return And(tuple(rewritten(item, declared, resolve) for item in items))
        case Or(items):
            return Or(tuple(rewritten(item, declared, resolve) for item in items))
        case Not(item):
            return Not(rewritten(item, declared, resolve))
        case Test():
            return expression if answers(expression, declared) else resolve(expression)


def read_fields(point: Point, path: str) -> list[tuple[Value, bool]]:
    """A point's values for `filters.matches`."""
    if path == "id":
        return [(point.uid, False)]
    if path.startswith("metadata."):
        return metadata_values(point.fields.metadata, path)
    value = getattr(point.fields, path) if path in FIELDS or path in {"scopes", "draft"} else None
    if isinstance(value, tuple):
        return [(item, True) for item in value]
    return [] if value is None else [(value, False)]
