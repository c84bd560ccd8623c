"""The tables by which agents work together: tasks, facts, alerts, handoffs, the directory and what is measured."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    func,
)

from transactive.ledger.schema import metadata, whole


def _row() -> list[Column[object]]:
    """What every thing here has: a number, an id, where it lies, about whom it is, by whom and when."""
    return [
        Column("number", whole, primary_key=True, autoincrement=True),
        Column("uid", String(36), nullable=False, unique=True),
        Column("namespace", String(512), nullable=False),
        Column("user", String(512)),
        Column("sensitivity", String(16), nullable=False),
        Column("agent", String(200), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("version", Integer, nullable=False),
    ]


def _of(table: Table, name: str) -> Column[str]:
    return Column(name, String(36), ForeignKey(table.c.uid, ondelete="CASCADE"), nullable=False)


def _indexed(table: Table) -> None:
    Index(f"{table.name}_place", table.c.namespace, table.c.number)
    Index(f"{table.name}_user", table.c.user, sqlite_where=table.c.user.is_not(None))


tasks = Table(
    "tasks",
    metadata,
    *_row(),
    Column("app", String(512)),
    Column("session", String(512)),
    Column("text", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("assignee", String(210)),
    Column("priority", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("backoff", BigInteger, nullable=False),
    Column("not_before", BigInteger),
    Column("deadline", BigInteger),
    Column("needed", Integer, nullable=False),  # how many tasks must still be done before it
    Column("claimed_by", String(200)),
    Column("claim", String(36)),
    Column("lease_until", BigInteger),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("result", Text),
    Column("reason", Text),
    Column("duplicate_of", String(36)),
)
_indexed(tasks)
Index("tasks_next", tasks.c.status, tasks.c.priority.desc(), tasks.c.number)
Index("tasks_lease", tasks.c.lease_until, sqlite_where=tasks.c.lease_until.is_not(None))

task_needs = Table(
    "task_needs",
    metadata,
    _of(tasks, "task"),
    _of(tasks, "needs"),
    PrimaryKeyConstraint("task", "needs"),
    sqlite_with_rowid=False,
)
Index("task_needs_needs", task_needs.c.needs)

# Every claim of a task, and what became of it.
attempts = Table(
    "attempts",
    metadata,
    _of(tasks, "task"),
    Column("attempt", Integer, nullable=False),
    Column("agent", String(200), nullable=False),
    Column("claimed_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", String(16)),
    Column("reason", Text),
    PrimaryKeyConstraint("task", "attempt"),
    sqlite_with_rowid=False,
)

facts = Table(
    "facts",
    metadata,
    *_row(),
    Column("key", String(512), nullable=False),
    Column("value", Text, nullable=False),
    Column("deleted", Boolean(create_constraint=False), nullable=False),
)
_indexed(facts)
Index("facts_key", facts.c.namespace, facts.c.key, func.coalesce(facts.c.user, ""), facts.c.sensitivity, unique=True)

fact_versions = Table(
    "fact_versions",
    metadata,
    _of(facts, "fact"),
    Column("version", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("deleted", Boolean(create_constraint=False), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("fact", "version"),
    sqlite_with_rowid=False,
)

alerts = Table(
    "alerts",
    metadata,
    *_row(),
    Column("text", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("metadata", JSON, nullable=False),
)
_indexed(alerts)

alert_recipients = Table(
    "alert_recipients",
    metadata,
    _of(alerts, "alert"),
    Column("principal", String(210), nullable=False),
    PrimaryKeyConstraint("alert", "principal"),
    sqlite_with_rowid=False,
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    _of(alerts, "alert"),
    Column("agent", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text),
    PrimaryKeyConstraint("alert", "agent"),
    sqlite_with_rowid=False,
)

# What is handed over is named by ids, and read when it is looked at, by the rights of who looks.
handoffs = Table(
    "handoffs",
    metadata,
    *_row(),
    Column("kind", String(16), nullable=False),
    Column("to", String(210), nullable=False),
    Column("task", String(36)),
    Column("session", String(512)),
    Column("reason", Text),
    Column("notes", Text),
    Column("contents", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("taken_by", String(200)),
    Column("taken_at", BigInteger),
    Column("answer", Text),
    Column("resolved_by", String(200)),
    Column("resolved_at", BigInteger),
)
_indexed(handoffs)
Index("handoffs_task", handoffs.c.task, sqlite_where=handoffs.c.task.is_not(None))

directory = Table(
    "directory",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("role", String(200)),
    Column("description", Text),
    Column("capabilities", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
)

# Counted by the hour; no names, no texts.
measures = Table(
    "measures",
    metadata,
    Column("hour", BigInteger, nullable=False),
    Column("name", String(64), nullable=False),
    Column("value", Float, nullable=False),
    PrimaryKeyConstraint("hour", "name"),
    sqlite_with_rowid=False,
)
