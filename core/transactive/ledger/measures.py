"""What is counted by the hour."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from transactive.ledger.schema_coordination import measures

_insert = insert(measures)
_ADD = _insert.on_conflict_do_update(
    index_elements=[measures.c.hour, measures.c.name], set_={"value": measures.c.value + _insert.excluded.value}
)


def add(connection: Connection, counted: Mapping[tuple[int, str], int]) -> None:
    """Add to what was counted in each hour (since 1970-01-01 UTC) under each name."""
    if counted:
        rows = [{"hour": hour, "name": name, "value": value} for (hour, name), value in counted.items()]
        connection.execute(_ADD, rows)


def read(connection: Connection, first: int, last: int) -> list[tuple[int, str, int]]:
    """Hour, name and count, from the hour `first` to before `last`."""
    query = select(measures).where(measures.c.hour >= first, measures.c.hour < last).order_by(measures.c.hour)
    return [(row.hour, row.name, int(row.value)) for row in connection.execute(query)]
