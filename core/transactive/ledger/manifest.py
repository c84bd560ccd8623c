"""What the store is: its id, its embedding model and the settings that stored vectors depend on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from transactive.ledger.schema import manifest


def read(connection: Connection) -> dict[str, Any]:
    """Every key."""
    return {row.key: row.value for row in connection.execute(select(manifest.c.key, manifest.c.value))}


def write(connection: Connection, **values: Any) -> None:
    """Set keys."""
    statement = insert(manifest)
    statement = statement.on_conflict_do_update(
        index_elements=[manifest.c.key], set_={"value": statement.excluded.value}
    )
    for key, value in values.items():
        connection.execute(statement, {"key": key, "value": value})
