"""What was known at an earlier time: each memory in the version that the ledger had then.

`recorded_at`, `updated_at`, `forgotten_at` and `superseded_at` say when the ledger knew what. What was purged or erased
since is gone from every earlier time too. Counts of accesses and of sources are today's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, asc, desc, func, or_, select

from transactive.filters import Expression
from transactive.ledger import filtering
from transactive.ledger.memories import SOME, VERSIONED, to_memory
from transactive.ledger.rows import AnyRow, AnySelect, mapping
from transactive.ledger.schema import gaps, memories, revisions
from transactive.ledger.times import stamp
from transactive.records import Memory

IMMUTABLE = frozenset({"created_at", "recorded_at"})


def known(at: datetime) -> ColumnElement[bool]:
    """Recorded by then, and neither forgotten nor expired."""
    time = stamp(at)
    return and_(
        memories.c.recorded_at <= time,
        or_(memories.c.forgotten_at.is_(None), memories.c.forgotten_at > time),
        or_(memories.c.expires_at.is_(None), memories.c.expires_at > time),
        memories.c.uid.not_in(select(gaps.c.uid).where(gaps.c.by.is_(None), *_covers(time))),
    )


def _covers(time: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return gaps.c.since <= time, gaps.c.until > time


def then(connection: Connection, rows: Sequence[AnyRow], at: datetime) -> list[Memory]:
    """These memories as they were; those that were not known then are left out."""
    time = stamp(at)
    former = _former(connection, [row.uid for row in rows if row.updated_at > time], time)
    away, corrected = _gaps(connection, [row.uid for row in rows], time)
    found: list[Memory] = []
    for row in rows:
        gone = row.uid in away or (row.forgotten_at is not None and row.forgotten_at <= time)
        over = row.expires_at is not None and row.expires_at <= time
        if row.recorded_at > time or gone or over or (row.updated_at > time and row.uid not in former):
            continue
        values = dict(mapping(row))
        if row.uid in former:
            values |= {name: mapping(former[row.uid])[name] for name in VERSIONED}
        memory = to_memory({**values, "forgotten_at": None})
        if row.uid in corrected:
            memory = replace(memory, superseded_by=corrected[row.uid])
        elif row.superseded_at is not None and row.superseded_at > time:
            memory = replace(memory, superseded_by=None)
        found.append(memory)
    return found


def _gaps(connection: Connection, uids: Sequence[str], time: int) -> tuple[set[str], dict[str, str]]:
    """Which of these were forgotten then though they are back, and which superseded though they stand again."""
    away: set[str] = set()
    corrected: dict[str, str] = {}
    for start in range(0, len(uids), SOME):
        query = select(gaps.c.uid, gaps.c.by).where(gaps.c.uid.in_(uids[start : start + SOME]), *_covers(time))
        for row in connection.execute(query):
            if row.by is None:
                away.add(row.uid)
            else:
                corrected[row.uid] = row.by
    return away, corrected


def _former(connection: Connection, uids: Sequence[str], time: int) -> dict[str, AnyRow]:
    """The last revision of each by then."""
    found: dict[str, AnyRow] = {}
    for start in range(0, len(uids), SOME):
        query = select(revisions).where(revisions.c.uid.in_(uids[start : start + SOME]), revisions.c.updated_at <= time)
        found.update((row.uid, row) for row in connection.execute(query.order_by(revisions.c.version)))
    return found


@dataclass(frozen=True, slots=True)
class Past:
    """What is asked of an earlier time."""

    at: datetime
    allowed: Expression
    """Over fields that never change: the database decides it."""
    wanted: Callable[[Memory], bool]
    """Over the memory as it was."""


def page(
    connection: Connection, past: Past, *, order_by: str, after: tuple[float, int] | None, limit: int
) -> tuple[list[Memory], tuple[float, int] | None]:
    """One page of what was known, as `memories.page` gives of what is."""
    column, descending = order_by.removeprefix("-"), order_by.startswith("-")
    found = _ordered(connection, past, column, descending=descending)
    beyond = (item for item in found if after is None or _is_after(item[0], after, descending))
    items = [item for item, _ in zip(beyond, range(limit + 1), strict=False)]
    cursor = items[limit - 1][0] if len(items) > limit else None
    return [memory for _, memory in items[:limit]], cursor


def count(connection: Connection, past: Past) -> int:
    """How many memories were known."""
    return sum(1 for _ in _ordered(connection, past, "created_at", descending=False))


def _is_after(place: tuple[float, int], after: tuple[float, int], descending: bool) -> bool:
    return place < after if descending else place > after


def _ordered(
    connection: Connection, past: Past, column: str, *, descending: bool
) -> Iterator[tuple[tuple[float, int], Memory]]:
    """Each memory with its place: a value that never changes is ordered by the database, another one here."""
    query = select(memories).where(known(past.at), filtering.condition(past.allowed))
    if column in IMMUTABLE:
        order = desc if descending else asc
        query = query.order_by(order(memories.c[column]), order(memories.c.number))
        yield from _placed(connection, query, past, column)
    else:
        placed = _placed(connection, query, past, column)
        yield from sorted(placed, key=lambda item: item[0], reverse=descending)


def _placed(
    connection: Connection, query: AnySelect, past: Past, column: str
) -> Iterator[tuple[tuple[float, int], Memory]]:
    for rows in connection.execute(query).partitions(SOME):
        numbers = {row.uid: row.number for row in rows}
        for memory in then(connection, rows, past.at):
            if past.wanted(memory):
                value = getattr(memory, column)
                yield (stamp(value) if isinstance(value, datetime) else value, numbers[memory.uid]), memory


def numbers_then(at: datetime, current: ColumnElement[bool], former: ColumnElement[bool]) -> AnySelect:
    """Numbers of the memories known then whose text then fulfils a condition: `current` over `memories`, where the
    text is still the same, `former` over `revisions`, where it was replaced since.
    """
    time = stamp(at)
    last = (
        select(func.max(revisions.c.version))
        .where(revisions.c.uid == memories.c.uid, revisions.c.updated_at <= time)
        .correlate(memories)
        .scalar_subquery()
    )
    later = select(revisions.c.uid).where(revisions.c.version == last, revisions.c.uid == memories.c.uid, former)
    still = and_(memories.c.updated_at <= time, current)
    replaced = and_(memories.c.updated_at > time, later.correlate(memories).exists())
    return select(memories.c.number).where(known(at), or_(still, replaced))


def by_numbers(connection: Connection, numbers: Iterable[int], at: datetime) -> dict[int, Memory]:
    """Memories as they were, by number."""
    wanted = list(numbers)
    found: dict[int, Memory] = {}
    for start in range(0, len(wanted), SOME):
        rows = connection.execute(select(memories).where(memories.c.number.in_(wanted[start : start + SOME]))).all()
        number = {row.uid: row.number for row in rows}
        found.update((number[memory.uid], memory) for memory in then(connection, rows, at))
    return found
