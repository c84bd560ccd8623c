"""The tables of the knowledge graph.

A name (`person`, "alice chen") is one number in the whole store and says nothing by itself. What is said of it lies in
namespaces: that it is an entity, and what it is connected to. So one graph spans all that a reader may read, and shows
nothing else: whatever is shown of a name comes from a row that the reader may read.
"""

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
    UniqueConstraint,
    func,
)

from transactive.ledger.schema import memories, metadata, whole

names = Table(
    "names",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    Column("type", String(64), nullable=False),
    Column("key", String(512), nullable=False),
    UniqueConstraint("key", "type", name="names_key"),
    sqlite_autoincrement=True,  # a number is never used twice: gaps in it tell nothing
)


def _name(name: str, *, primary_key: bool = False) -> Column[int]:
    of = ForeignKey(names.c.number, ondelete="CASCADE")
    return Column(name, whole, of, nullable=False, primary_key=primary_key)


def _memory(name: str) -> Column[str]:
    of = ForeignKey(memories.c.uid, ondelete="CASCADE", onupdate="CASCADE")
    return Column(name, String(36), of, nullable=False)


def _placed() -> list[Column[object]]:
    """Where something lies, about whom it is, and by whom."""
    return [
        Column("namespace", String(512), nullable=False),
        Column("user", String(512)),
        Column("sensitivity", String(16), nullable=False),
        Column("agent", String(200), nullable=False),
    ]


entities = Table(
    "entities",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    Column("uid", String(36), nullable=False, unique=True),
    _name("name"),
    *_placed(),
    Column("title", String(512), nullable=False),  # the name as it is written
    Column("metadata", JSON, nullable=False),
    Column("stated", Boolean(create_constraint=False), nullable=False),  # else it is known by what mentions it alone
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
)
Index(
    "entities_name",
    entities.c.name,
    entities.c.namespace,
    func.coalesce(entities.c.user, ""),
    entities.c.sensitivity,
    unique=True,
)
Index("entities_user", entities.c.user, sqlite_where=entities.c.user.is_not(None))

# A row is one version of what is held about a connection. It is retired, never changed: what was known earlier is
# `recorded_at` and `retired_at`, what was so in the world is `valid_from` and `valid_until`.
edges = Table(
    "edges",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    Column("uid", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    *_placed(),
    Column("type", String(64), nullable=False),
    _name("source"),
    _name("target"),
    Column("confidence", Float, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("session", String(512)),
    Column("stated", Boolean(create_constraint=False), nullable=False),  # else it rests on `edge_sources` alone
    Column("valid_from", BigInteger),
    Column("valid_until", BigInteger),
    Column("alias", whole),  # of a `same_as` edge its source once more, and its target: a walk looks for few among many
    Column("proper", whole),
    Column("ended_by", String(36)),  # the edge that says otherwise: without that, this one is so still
    Column("recorded_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
    UniqueConstraint("uid", "version", name="edges_version"),
)
Index("edges_source", edges.c.source)
Index("edges_target", edges.c.target)
Index("edges_alias", edges.c.alias, sqlite_where=edges.c.alias.is_not(None))
Index("edges_proper", edges.c.proper, sqlite_where=edges.c.proper.is_not(None))
Index("edges_user", edges.c.user, sqlite_where=edges.c.user.is_not(None))

# Which memories say so.
edge_sources = Table(
    "edge_sources",
    metadata,
    Column("edge", String(36), nullable=False),
    _memory("memory"),
    PrimaryKeyConstraint("edge", "memory"),
    sqlite_with_rowid=False,
)
Index("edge_sources_memory", edge_sources.c.memory)

# Which names a memory's text holds.
mentions = Table(
    "mentions",
    metadata,
    _name("name"),
    _memory("memory"),
    Column("extracted", Boolean(create_constraint=False), nullable=False),  # by an extractor; else by its words alone
    PrimaryKeyConstraint("name", "memory"),
    sqlite_with_rowid=False,
)
Index("mentions_memory", mentions.c.memory)

# Types of which one thing has one at a time.
edge_types = Table(
    "edge_types",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("single", Boolean(create_constraint=False), nullable=False),
    Column("description", Text),
)
