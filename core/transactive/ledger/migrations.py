"""Schema versions: a new store gets the newest tables, an older one comes up step by step, a newer one is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.schema import CreateTable

from transactive.errors import StoreTooNew
from transactive.ledger import schema, schema_coordination, schema_graph

Step = Callable[[Connection], None]

STEPS: Sequence[Step] = ()
"""`STEPS[n]` brings version n + 1 to n + 2. Never edit a step that was released: add one."""

VERSION = len(STEPS) + 1
TABLES = schema.metadata
"""All tables: the other modules add theirs to it."""
assert {schema_graph.edges.name, schema_coordination.tasks.name} <= set(TABLES.tables)


def migrate(connection: Connection, steps: Sequence[Step] = STEPS) -> int:
    """Bring the tables to the newest version within the caller's transaction; returns the version found (0 if new)."""
    newest = len(steps) + 1
    found = _version(connection)
    if found > newest:
        raise StoreTooNew(
            f"the store has schema version {found}, this Transactive knows up to {newest}; "
            "upgrade it: pip install --upgrade transactive"
        )
    if found == 0:
        _create(connection, newest)
    elif found < newest:
        for step in steps[found - 1 :]:
            step(connection)
        connection.execute(
            schema.manifest.update().where(schema.manifest.c.key == "schema_version").values(value=newest)
        )
    return found


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table("manifest"):
        return 0
    query = select(schema.manifest.c.value).where(schema.manifest.c.key == "schema_version")
    return int(connection.execute(query).scalar() or 0)


def _create(connection: Connection, version: int) -> None:
    for table in TABLES.sorted_tables:
        connection.execute(CreateTable(table))
        # In one order: where two indexes would do, SQLite's planner decides by the order in which they were made.
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            index.create(connection)
    for statement in schema.SQLITE_FULL_TEXT:
        connection.execute(text(statement))
    connection.execute(schema.manifest.insert().values(key="schema_version", value=version))
    connection.execute(
        schema.heads.insert().values(
            tenant="default", last_event=0, cut=0, last_audit=0, last_audit_hash=bytes(32), access_epoch=0, names=0
        )
    )
