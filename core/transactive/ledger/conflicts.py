"""What an arbiter compares, and which pairs it has looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from transactive.filters import Expression
from transactive.ledger import filtering
from transactive.ledger.memories import live, to_memory
from transactive.ledger.schema import dismissals, memories
from transactive.records import Memory

KINDS = ("semantic", "procedural", "decision", "learning")


def claims(connection: Connection, where: Expression, now: datetime, limit: int) -> list[Memory]:
    """Live facts, procedures, decisions and learnings that nothing has superseded, oldest first."""
    query = select(memories).where(live(now), filtering.condition(where), memories.c.kind.in_(KINDS))
    query = query.where(memories.c.superseded_by.is_(None)).order_by(memories.c.created_at, memories.c.number)
    return [to_memory(row) for row in connection.execute(query.limit(limit))]


def dismiss(connection: Connection, pair: Sequence[str]) -> None:
    """Note that two memories are no conflict."""
    first, second = sorted(pair)
    connection.execute(insert(dismissals).on_conflict_do_nothing(), {"first": first, "second": second})


def dismissed(connection: Connection) -> set[tuple[str, str]]:
    """Every such pair, each in order."""
    return {(row.first, row.second) for row in connection.execute(select(dismissals))}
