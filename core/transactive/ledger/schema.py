"""The ledger's tables. Times are microseconds since 1970-01-01 UTC; lists and objects are JSON."""

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
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    literal_column,
    text,
)
from sqlalchemy.types import UserDefinedType

metadata = MetaData()


class _Exact(UserDefinedType[float]):
    """A number kept as it is: an integer of 64 bits stays one, where `Numeric` would make it a float."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "NUMERIC"


whole = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER autoincrements on SQLite

manifest = Table(
    "manifest",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

# One row: the serial point of every write. Taken late in a transaction, it numbers events and chains the audit.
heads = Table(
    "heads",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("last_event", BigInteger, nullable=False, default=0),
    Column("cut", BigInteger, nullable=False, default=0),  # the last event that retention has deleted
    Column("last_audit", BigInteger, nullable=False, default=0),
    Column("last_audit_hash", LargeBinary(32), nullable=False),
    Column("access_epoch", BigInteger, nullable=False, default=0),
    Column(
        "names", BigInteger, nullable=False, default=0
    ),  # how many names the graph has: none, and no text is searched
)


def _versioned() -> list[Column[object]]:
    """What one version of a memory holds, the current one and the former ones alike."""
    return [
        Column("text", Text, nullable=False),
        Column("importance", Float, nullable=False),
        Column("tags", JSON, nullable=False),
        Column("metadata", JSON, nullable=False),
        Column("confidence", Float),
        Column("verified_by", String(200)),
        Column("verified_at", BigInteger),
        Column("updated_at", BigInteger, nullable=False),
        Column("version", Integer, nullable=False),
    ]


memories = Table(
    "memories",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    Column("uid", String(36), nullable=False, unique=True),
    Column("foreign_id", String(512)),
    Column("namespace", String(512), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("user", String(512)),
    Column("session", String(512)),
    Column("app", String(512)),
    Column("source", Text),
    Column("sensitivity", String(16), nullable=False),
    Column("turn", Boolean(create_constraint=False), nullable=False),
    Column("tells_when", Boolean(create_constraint=False), nullable=False),
    Column("derived_from", JSON, nullable=False),
    Column("supersedes", JSON, nullable=False),
    Column("superseded_by", String(36)),
    Column("superseded_at", BigInteger),
    Column("promoted_from", String(36)),
    Column("promoted_by", String(200)),
    Column("heir_of", String(36)),  # the forgotten memory whose finding it keeps, in the name of who said it as well
    Column("text_key", LargeBinary(16)),  # of facts and promoted copies: the same for texts that say the same
    Column("sole", Boolean(create_constraint=False), nullable=False, default=False),  # the one that others reinforce
    Column("reinforced", Integer, nullable=False, default=0),
    Column("corroborated", Integer, nullable=False, default=0),  # the corroborations of others that hold, counted
    Column("last_seen_at", BigInteger),
    Column("accessed_at", BigInteger),
    Column("accesses", Integer, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("forgotten_at", BigInteger),
    Column("forget_id", String(36)),
    *_versioned(),
    UniqueConstraint("namespace", "foreign_id", name="memories_foreign_id"),
    sqlite_autoincrement=True,  # a number is never used twice: cursors and full-text rows rely on it
)
_live = memories.c.forgotten_at.is_(None)
Index("memories_namespace", memories.c.namespace, memories.c.created_at, sqlite_where=_live, postgresql_where=_live)
Index("memories_created", memories.c.created_at, memories.c.number, sqlite_where=_live, postgresql_where=_live)
Index(
    "memories_turns",
    memories.c.session,
    memories.c.namespace,
    memories.c.created_at,
    memories.c.number,
    sqlite_where=text("turn = 1 AND forgotten_at IS NULL"),  # as the queries spell it: SQLite compares the words
    postgresql_where=and_(memories.c.turn, _live),
)
Index(
    "memories_known",
    memories.c.namespace,
    memories.c.agent,
    memories.c.user,
    memories.c.sensitivity,
    memories.c.kind,
    sqlite_where=_live,
    postgresql_where=_live,
)
Index("memories_user", memories.c.user)
Index("memories_expiry", memories.c.expires_at, sqlite_where=memories.c.expires_at.is_not(None))
Index("memories_forget", memories.c.forget_id, sqlite_where=memories.c.forget_id.is_not(None))
Index(
    "memories_forgotten",
    memories.c.namespace,
    memories.c.forgotten_at,
    sqlite_where=memories.c.forgotten_at.is_not(None),
)
hidden = and_(memories.c.kind == literal_column("'document'"), memories.c.forgotten_at.is_not(None))
"""Of a document that is forgotten; a literal, since SQLite compares the words of a query with those of an index."""
Index("memories_hidden", memories.c.uid, sqlite_where=hidden, postgresql_where=hidden)
Index("memories_superseded", memories.c.superseded_by, sqlite_where=memories.c.superseded_by.is_not(None))
Index("memories_heirs", memories.c.heir_of, sqlite_where=memories.c.heir_of.is_not(None))
Index("memories_promoted", memories.c.promoted_from, sqlite_where=memories.c.promoted_from.is_not(None))
_same = and_(memories.c.sole, _live, memories.c.superseded_by.is_(None))
Index("memories_text_key", memories.c.text_key, sqlite_where=memories.c.text_key.is_not(None))
Index(
    "memories_same",
    memories.c.text_key,
    memories.c.namespace,
    memories.c.kind,
    func.coalesce(memories.c.user, ""),
    memories.c.sensitivity,
    unique=True,
    sqlite_where=_same,
    postgresql_where=_same,
)


def _memory(name: str = "uid", *, primary_key: bool = False) -> Column[str]:
    """The uid of the memory that a row is of; it changes and goes with it."""
    of = ForeignKey(memories.c.uid, ondelete="CASCADE", onupdate="CASCADE")
    return Column(name, String(36), of, primary_key=primary_key, nullable=False)


revisions = Table(
    "revisions",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    _memory(),
    Column("revised_by", String(200), nullable=False),
    *_versioned(),
    UniqueConstraint("uid", "version", name="revisions_version"),
    sqlite_autoincrement=True,
)

# Who else says the same as a memory, each with each of its sources. `source` is the uid of that agent's own memory
# where it was promoted, else what the agent named, else empty; `text` is another wording.
corroborations = Table(
    "corroborations",
    metadata,
    _memory(primary_key=True),
    Column("agent", String(200), primary_key=True),
    Column("source", String(512), primary_key=True),
    Column("memory", String(36)),
    Column("text", Text),
    Column("details", JSON, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("forget_id", String(36)),  # of the `forget` that took back this saying alone
)
Index("corroborations_memory", corroborations.c.memory, sqlite_where=corroborations.c.memory.is_not(None))

# When a memory was out of sight though it is not now: forgotten and brought back, or superseded (`by`) for a time.
gaps = Table(
    "gaps",
    metadata,
    _memory(),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("by", String(36)),
)
Index("gaps_uid", gaps.c.uid)

# Pairs that an arbiter has looked at and found no conflict.
dismissals = Table(
    "dismissals",
    metadata,
    _memory("first", primary_key=True),
    _memory("second", primary_key=True),
)

# Observed turns from which facts have still to be extracted.
extractions = Table(
    "extractions",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    Column("identity", JSON, nullable=False),
    Column("uids", JSON, nullable=False),
    sqlite_autoincrement=True,
)

# Token buckets of the write rates that policies set.
rates = Table(
    "rates",
    metadata,
    Column("agent", String(200), primary_key=True),
    Column("namespace", String(512), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# What filters on tags and metadata look up: the tokens of `filters.attribute_tokens`, and numbers and times to compare.
attributes = Table(
    "attributes",
    metadata,
    _memory(),
    Column("token", Text, nullable=False),
    Column("path", Text),
    Column("value", _Exact()),
    Column("time", BigInteger),
)
Index("attributes_uid", attributes.c.uid)
Index("attributes_token", attributes.c.token, attributes.c.uid)
Index("attributes_value", attributes.c.path, attributes.c.value, sqlite_where=attributes.c.value.is_not(None))
Index("attributes_time", attributes.c.path, attributes.c.time, sqlite_where=attributes.c.time.is_not(None))

# Keyed values. What makes one found by search is a memory of the kind `document`: forgotten, it is hidden, and purged,
# it is gone.
documents = Table(
    "documents",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    Column("namespace", String(512), nullable=False),
    Column("key", Text, nullable=False),
    Column("user", String(512)),
    Column("value", Text, nullable=False),  # JSON; not the type of that name, which would not keep its order of keys
    Column("data", LargeBinary),
    Column("agent", String(200), nullable=False),
    Column("app", String(512)),
    Column("sensitivity", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("ttl", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("uid", String(36), ForeignKey(memories.c.uid, ondelete="CASCADE", onupdate="CASCADE"), unique=True),
)
Index("documents_name", documents.c.namespace, documents.c.key, func.coalesce(documents.c.user, ""), unique=True)
Index("documents_updated", documents.c.namespace, documents.c.updated_at)
Index("documents_user", documents.c.user, sqlite_where=documents.c.user.is_not(None))
Index("documents_expiry", documents.c.expires_at, sqlite_where=documents.c.expires_at.is_not(None))

# The state of running programs. A value is stored once for every version that its channel has, cut into parts of which
# equal ones are stored once for the thread.
threads = Table(
    "threads",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    Column("namespace", String(512), nullable=False),
    Column("thread", String(512), nullable=False),
    Column("user", String(512)),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
Index("threads_name", threads.c.namespace, threads.c.thread, func.coalesce(threads.c.user, ""), unique=True)
Index("threads_user", threads.c.user, sqlite_where=threads.c.user.is_not(None))


def _of_thread() -> Column[int]:
    return Column("of", whole, ForeignKey(threads.c.number, ondelete="CASCADE"), nullable=False)


checkpoints = Table(
    "checkpoints",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    _of_thread(),
    Column("space", String(512), nullable=False),
    Column("id", String(512), nullable=False),
    Column("parent", String(512)),
    Column("type", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("metadata_type", String(64), nullable=False),
    Column("metadata", LargeBinary, nullable=False),
    Column("versions", Text, nullable=False),
    Column("values", Text, nullable=False),  # for each channel with a value, its number in checkpoint_values
    Column("run", String(512)),
    Column("deltas", Text),
    Column("agent", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
Index("checkpoints_id", checkpoints.c.of, checkpoints.c.space, checkpoints.c.id, unique=True)
Index("checkpoints_run", checkpoints.c.run, sqlite_where=checkpoints.c.run.is_not(None))

checkpoint_values = Table(
    "checkpoint_values",
    metadata,
    Column("number", whole, primary_key=True, autoincrement=True),
    _of_thread(),
    Column("type", String(64), nullable=False),
    Column("data", LargeBinary),
    Column("parts", LargeBinary),  # their names, one after the other, where the value was cut
    sqlite_autoincrement=True,  # a number is never used twice: values are kept at hand by theirs
)
Index("checkpoint_values_of", checkpoint_values.c.of)

checkpoint_parts = Table(
    "checkpoint_parts",
    metadata,
    _of_thread(),
    Column("name", LargeBinary(12), nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("of", "name"),
    sqlite_with_rowid=False,
)

checkpoint_writes = Table(
    "checkpoint_writes",
    metadata,
    _of_thread(),
    Column("space", String(512), nullable=False),
    Column("id", String(512), nullable=False),
    Column("task", String(512), nullable=False),
    Column("index", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("channel", String(512), nullable=False),
    Column("type", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("of", "space", "id", "task", "index"),
    sqlite_with_rowid=False,
)

namespaces = Table(
    "namespaces",
    metadata,
    Column("path", String(512), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
)

policies = Table(
    "policies",
    metadata,
    Column("pattern", String(520), primary_key=True),
    Column("policy", JSON, nullable=False),
    Column("set_by", String(200), nullable=False),
    Column("set_at", BigInteger, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("id", whole, primary_key=True, autoincrement=True),
    Column("principal", String(210), nullable=False),
    Column("pattern", String(520), nullable=False),
    Column("rights", JSON, nullable=False),
    Column("clearance", String(16), nullable=False),
    Column("granted_by", String(200), nullable=False),
    Column("granted_at", BigInteger, nullable=False),
    Column("valid_from", BigInteger),
    Column("valid_until", BigInteger),
    sqlite_autoincrement=True,
)

groups = Table(
    "groups",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("member", String(200), primary_key=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(512), primary_key=True),
    Column("agent", String(200), nullable=False),
    Column("user", String(512)),
    Column("app", String(512)),
    Column("metadata", JSON, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", String(200)),
    Column("summary", String(36)),
)

# Ordered and gap-free; ids and counts only, never text. `user` is an HMAC under that user's key, `agent` who did it.
events = Table(
    "events",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("type", String(100), nullable=False),
    Column("uid", String(36), nullable=False),
    Column("namespace", String(512), nullable=False),
    Column("sensitivity", String(16), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("user", String(32)),
    Column("version", Integer, nullable=False),
)

# What agents say in events of their own; apart from these, so that it can be erased.
event_bodies = Table(
    "event_bodies",
    metadata,
    Column(
        "number", BigInteger, ForeignKey(events.c.number, ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("user", String(512)),
    Column("data", Text, nullable=False),
)
Index("event_bodies_user", event_bodies.c.user, sqlite_where=event_bodies.c.user.is_not(None))

# How far named consumers have come.
consumers = Table(
    "consumers",
    metadata,
    Column("agent", String(200), primary_key=True),
    Column("user", String(512), primary_key=True),  # empty for a handle that is bound to none
    Column("name", String(200), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

user_keys = Table(
    "user_keys",
    metadata,
    Column("user", String(512), primary_key=True),
    Column("key", LargeBinary(32), nullable=False),
)

# One row a call, each chained to the one before by its hash.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("principal", String(200), nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", String(520), nullable=False),
    Column("count", Integer, nullable=False),
    Column("details", JSON, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# What an index has still to learn; a row goes when the index has flushed what it learned.
pending = Table(
    "pending",
    metadata,
    Column("index_id", String(64), primary_key=True),
    Column("uid", String(36), primary_key=True),
    Column("number", BigInteger, nullable=False),
)
Index("pending_number", pending.c.index_id, pending.c.number)

FULL_TEXT = ("memory_text", "revision_text")
# Full text over `memories.text` and `revisions.text`, kept by triggers.
SQLITE_FULL_TEXT = [
    statement
    for table in ("memories", "revisions")
    for name in ("memory_text" if table == "memories" else "revision_text",)
    for statement in (
        f"CREATE VIRTUAL TABLE {name} USING fts5(text, content='{table}', content_rowid='number', "
        "tokenize='porter unicode61')",
        f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table} BEGIN "
        f"INSERT INTO {name}(rowid, text) VALUES (new.number, new.text); END",
        f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN "
        f"INSERT INTO {name}({name}, rowid, text) VALUES ('delete', old.number, old.text); END",
        f"CREATE TRIGGER {name}_update AFTER UPDATE OF text ON {table} BEGIN "
        f"INSERT INTO {name}({name}, rowid, text) VALUES ('delete', old.number, old.text); "
        f"INSERT INTO {name}(rowid, text) VALUES (new.number, new.text); END",
    )
]
