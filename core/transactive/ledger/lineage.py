"""Which memories took the place of which, which are copies of which, and which were used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, cast, func, insert, literal, select, true, update

from transactive.ledger.memories import SOME
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema import gaps, memories
from transactive.ledger.times import stamp


def supersede(connection: Connection, uids: Sequence[str], by: str, now: datetime) -> None:
    """Let one memory take the place of others."""
    some = memories.c.uid.in_(uids)
    connection.execute(update(memories).where(some).values(superseded_by=by, superseded_at=stamp(now)))


def hand_over(connection: Connection, uids: Sequence[str], by: str) -> None:
    """What was superseded already is so by another memory, since the same time."""
    connection.execute(update(memories).where(memories.c.uid.in_(uids)).values(superseded_by=by))


def reinstate(connection: Connection, by: Sequence[str], now: datetime) -> list[str]:
    """The memories that had taken the place of others are gone: the others stand again; returns their uids.

    What one of them had itself been superseded by takes its place.
    """
    found: dict[str, str | None] = {}
    for start in range(0, len(by), SOME):
        query = select(memories.c.uid, memories.c.superseded_by).where(memories.c.uid.in_(by[start : start + SOME]))
        found.update((row.uid, row.superseded_by) for row in connection.execute(query))
    back: list[str] = []
    for uid in found:
        successor = _standing(found, uid)
        changed = update(memories).where(memories.c.superseded_by == uid)
        if successor is not None:
            connection.execute(changed.values(superseded_by=successor))
            continue
        columns = (memories.c.uid, memories.c.superseded_at, literal(stamp(now)), memories.c.superseded_by)
        stood = select(*columns).where(memories.c.superseded_by == uid)
        connection.execute(insert(gaps).from_select(["uid", "since", "until", "by"], stood))
        # Not as the sole one: the same may have been said anew meanwhile.
        stands = changed.values(superseded_by=None, superseded_at=None, sole=False).returning(memories.c.uid)
        back.extend(connection.execute(stands).scalars())
    other = _corrected_by(connection, back)
    for uid, corrector in other.items():
        supersede(connection, [uid], corrector, now)
    return [uid for uid in back if uid not in other]


def _corrected_by(connection: Connection, uids: Sequence[str]) -> dict[str, str]:
    """Which of these a standing memory says that it corrects: by uid, the latest that does."""
    each = func.json_each(memories.c.supersedes).table_valued("value")
    query = select(each.c.value, memories.c.uid).select_from(memories).join(each, true())
    query = query.where(cast(memories.c.supersedes, Text) != "[]", memories.c.forgotten_at.is_(None))
    found: dict[str, str] = {}
    for start in range(0, len(uids), SOME):
        some = query.where(each.c.value.in_(uids[start : start + SOME])).order_by(memories.c.number)
        found.update((corrected, corrector) for corrected, corrector in connection.execute(some))
    return found


def _standing(after: Mapping[str, str | None], uid: str) -> str | None:
    """Where a chain of corrections leads beyond the memories that are gone; None when it ends among them."""
    following = after[uid]
    while following is not None and following in after:
        following = after[following]
    return following


def superseding(connection: Connection) -> bool:
    """Whether any memory has been superseded."""
    query = select(memories.c.uid).where(memories.c.superseded_by.is_not(None)).limit(1)
    return connection.execute(query).first() is not None


def copies(connection: Connection, uid: str) -> list[AnyRow]:
    """What a memory was promoted to."""
    return list(connection.execute(select(memories).where(memories.c.promoted_from == uid).order_by(memories.c.number)))


def heirs(connection: Connection, uids: Sequence[str]) -> dict[str, str]:
    """By uid, the live heirs of memories that were forgotten: heir → memory."""
    found: dict[str, str] = {}
    for start in range(0, len(uids), SOME):
        query = select(memories.c.uid, memories.c.heir_of).where(
            memories.c.heir_of.in_(uids[start : start + SOME]), memories.c.forgotten_at.is_(None)
        )
        found.update((row.uid, row.heir_of) for row in connection.execute(query))
    return found


def sole_copies(connection: Connection, uids: Sequence[str]) -> list[str]:
    """The uids of what these were promoted to and nobody else corroborates."""
    found: list[str] = []
    for start in range(0, len(uids), SOME):
        query = select(memories.c.uid).where(
            memories.c.promoted_from.in_(uids[start : start + SOME]),
            memories.c.corroborated == 0,
            memories.c.forgotten_at.is_(None),
        )
        found.extend(connection.execute(query).scalars())
    return found


def descendants(connection: Connection, uids: Sequence[str]) -> set[str]:
    """Every memory that was promoted or derived from these, or from one that was, and so on; without these."""
    found: set[str] = set()
    frontier = list(uids)
    while frontier:
        some, frontier = frontier[:SOME], frontier[SOME:]
        new = _children(connection, some) - found
        found |= new
        frontier.extend(new)
    return found - set(uids)


def _children(connection: Connection, uids: Sequence[str]) -> set[str]:
    promoted = select(memories.c.uid).where(memories.c.promoted_from.in_(uids))
    each = func.json_each(memories.c.derived_from).table_valued("value")
    derived = select(memories.c.uid).where(
        cast(memories.c.derived_from, Text) != "[]", select(each.c.value).where(each.c.value.in_(uids)).exists()
    )
    return {*connection.execute(promoted).scalars(), *connection.execute(derived).scalars()}


_ACCESSED = (
    update(memories)
    .where(memories.c.uid == bindparam("memory"))
    .values(
        accessed_at=func.max(func.coalesce(memories.c.accessed_at, 0), bindparam("at")),
        accesses=memories.c.accesses + bindparam("times"),
    )
)


def accessed(connection: Connection, used: Mapping[str, tuple[datetime, int]]) -> None:
    """Note when memories were last used, and how many times more."""
    if used:
        rows = [{"memory": uid, "at": stamp(at), "times": times} for uid, (at, times) in used.items()]
        connection.execute(_ACCESSED, rows)
