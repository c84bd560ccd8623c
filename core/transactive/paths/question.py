"""Checks what a recall asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from transactive.embedding.protocol import Embedder, Vectors
from transactive.errors import InvalidInput
from transactive.filters import Expression, Not, Test, Where, both, equals, parse
from transactive.namespaces import check_pattern
from transactive.paths.incoming import check_count, check_kind, check_name, check_query, check_time, check_vector
from transactive.policies import duration, unit_interval
from transactive.records import Degrade
from transactive.rules.access import Identity, narrowed


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One recall, checked."""

    query: str
    limit: int
    offset: int
    narrowed: Expression
    """What the call asks for, without what the caller may read."""
    min_similarity: float | None
    recency_weight: float | None
    importance_weight: float | None
    half_life: timedelta | None
    degrade: Degrade
    as_of: datetime | None = None
    """Ask what was known then."""
    superseded: bool = False
    """Find what was corrected too."""
    vector: Vectors | None = None
    """What to be close to, in the place of the query's own vector."""
    windows: bool = True
    """Whether turns may be among the answers."""
    every: bool = False
    """Whether what is unlike the query is an answer too, after what is like it."""
    vector_weight: float | None = None
    """How much the channels of vectors count, in [0, 1]; None as measured."""

    @property
    def wanted(self) -> int:
        """How many hits are needed to fill the page."""
        return self.limit + self.offset


def question(
    identity: Identity,
    query: str | None,
    *,
    degrade: Degrade,
    embedder: Embedder,
    vector: Sequence[float] | None = None,
    vector_weight: float | None = None,
    limit: int = 10,
    offset: int = 0,
    where: Where | None = None,
    namespaces: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    session: str | None = None,
    min_importance: float | None = None,
    min_similarity: float | None = None,
    recency_weight: float | None = None,
    importance_weight: float | None = None,
    half_life: timedelta | str | None = None,
    exclude_own: bool = False,
    include_superseded: bool = False,
    as_of: datetime | None = None,
) -> Question:
    """Check what a caller asks."""
    parts = [parse(where), *_narrowing(namespaces, kinds, session, min_importance)]
    if exclude_own:
        parts.append(Not(equals("agent", identity.agent)))
    if not isinstance(include_superseded, bool):
        raise InvalidInput("include_superseded is True or False")
    if degrade not in ("raise", "text", "empty"):
        raise InvalidInput(f"degrade is 'raise', 'text' or 'empty', not {degrade!r}")
    return Question(
        query=_asked(query, vector),
        limit=check_count(limit, "limit", least=1, most=1000),
        offset=check_count(offset, "offset", least=0, most=10_000),
        narrowed=both(*parts),
        min_similarity=None if min_similarity is None else _cosine(min_similarity),
        recency_weight=_optional(recency_weight, "recency_weight"),
        importance_weight=_optional(importance_weight, "importance_weight"),
        half_life=None if half_life is None else duration(half_life, "half_life"),
        degrade=degrade,
        as_of=None if as_of is None else check_time(as_of, "as_of"),
        superseded=include_superseded,
        vector=None if vector is None else check_vector(vector, embedder),
        vector_weight=1.0 if query is None else _optional(vector_weight, "vector_weight"),
    )


def _asked(query: str | None, vector: Sequence[float] | None) -> str:
    if query is None and vector is not None:
        return ""
    return check_query(query)


def _several(values: Sequence[str], what: str) -> Sequence[str]:
    if isinstance(values, str) or not isinstance(values, Sequence | set | frozenset):
        raise InvalidInput(f"{what} is a list of strings")
    return list(values)


def _optional(value: float | None, what: str) -> float | None:
    return None if value is None else unit_interval(value, what)


def _cosine(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        raise InvalidInput(f"min_similarity is a number from -1 to 1, not {value!r:.40}")
    return float(value)


def _narrowing(
    namespaces: Sequence[str] | None, kinds: Sequence[str] | None, session: str | None, min_importance: float | None
) -> Iterator[Expression]:
    """What the arguments ask for that a filter could say as well."""
    if namespaces is not None:
        yield narrowed([check_pattern(pattern) for pattern in _several(namespaces, "namespaces")])
    if kinds is not None:
        yield equals("kind", *(check_kind(kind) for kind in _several(kinds, "kinds")))
    if session is not None:
        yield equals("session", check_name(session, "a session"))
    if min_importance is not None:
        yield Test("importance", "gte", unit_interval(min_importance, "min_importance"))
