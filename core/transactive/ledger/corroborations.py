"""What is said more than once: the memory that there is, and who else says the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from transactive.ledger.memories import SOME, by_uids, live
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema import corroborations, memories
from transactive.ledger.times import stamp, unstamp
from transactive.records import Memory, Source

_HOLDS = corroborations.c.withdrawn_at.is_(None)


@dataclass(frozen=True, slots=True)
class Sameness:
    """What two memories share when the second is the first said again."""

    namespace: str
    kind: str
    user: str | None
    sensitivity: str

    @classmethod
    def of(cls, memory: Memory) -> Sameness:
        """That of a memory."""
        return cls(memory.namespace, memory.kind, memory.user, memory.sensitivity)


@dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """Somebody says what a memory says."""

    agent: str
    source: str | None
    memory: str | None
    """The uid of that agent's own memory, when it was promoted."""
    text: str | None
    """Another wording."""
    details: dict[str, Any]

    @property
    def key(self) -> str:
        """What tells one source of an agent from another."""
        return self.memory or self.source or ""


_BY_KEYS = (
    select(memories)
    .where(
        memories.c.text_key.in_(bindparam("keys", expanding=True)),
        memories.c.forgotten_at.is_(None),
        memories.c.superseded_by.is_(None),
    )
    .order_by(memories.c.sole.desc(), memories.c.number)
)


def by_keys(connection: Connection, keys: Iterable[bytes]) -> dict[tuple[Sameness, bytes], list[AnyRow]]:
    """The memories with these text keys that stand, by what they share and key, the sole ones first."""
    wanted = list(dict.fromkeys(keys))
    found: dict[tuple[Sameness, bytes], list[AnyRow]] = {}
    for start in range(0, len(wanted), SOME):
        for row in connection.execute(_BY_KEYS, {"keys": wanted[start : start + SOME]}):
            shared = Sameness(row.namespace, row.kind, row.user, row.sensitivity)
            found.setdefault((shared, row.text_key), []).append(row)
    return found


def add(connection: Connection, uid: str, saying: Saying, now: datetime) -> None:
    """Note that somebody says the same as a memory; the same source again counts as one."""
    row = {
        "uid": uid,
        "agent": saying.agent,
        "source": saying.key,
        "memory": saying.memory,
        "text": saying.text,
        "details": saying.details,
        "first_at": stamp(now),
        "last_at": stamp(now),
        "times": 1,
    }
    statement = insert(corroborations).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=[corroborations.c.uid, corroborations.c.agent, corroborations.c.source],
        set_={
            "last_at": statement.excluded.last_at,
            "times": corroborations.c.times + 1,
            "text": func.coalesce(statement.excluded.text, corroborations.c.text),
            "details": statement.excluded.details,
            "withdrawn_at": None,
        },
    )
    connection.execute(statement)
    connection.execute(
        update(memories)
        .where(memories.c.uid == uid)
        .values(reinforced=memories.c.reinforced + 1, last_seen_at=stamp(now))
    )
    recount(connection, [uid])


def recount(connection: Connection, uids: Sequence[str]) -> None:
    """Count again how many others say what these memories say."""
    others = (
        select(func.count())
        .where(corroborations.c.uid == memories.c.uid, corroborations.c.agent != memories.c.agent, _HOLDS)
        .scalar_subquery()
    )
    for start in range(0, len(uids), SOME):
        some = memories.c.uid.in_(uids[start : start + SOME])
        connection.execute(update(memories).where(some).values(corroborated=others))


def withdraw(connection: Connection, sources: Sequence[str], at: datetime | None) -> None:
    """The memories that corroborated others were forgotten at a time, or (None) are back."""
    touched: set[str] = set()
    for start in range(0, len(sources), SOME):
        some = corroborations.c.memory.in_(sources[start : start + SOME])
        changed = update(corroborations).where(some).values(withdrawn_at=stamp(at)).returning(corroborations.c.uid)
        touched.update(connection.execute(changed).scalars())
    recount(connection, sorted(touched))


def of(connection: Connection, uid: str) -> list[Source]:
    """Who else says what a memory says, first come first."""
    query = select(corroborations).where(corroborations.c.uid == uid)
    return [
        to_source(row) for row in connection.execute(query.order_by(corroborations.c.first_at, corroborations.c.agent))
    ]


def of_others(connection: Connection, uids: Sequence[str]) -> dict[str, list[Source]]:
    """By uid, what others than the author say of these memories, and is not withdrawn."""
    found: dict[str, list[Source]] = {}
    for start in range(0, len(uids), SOME):
        query = select(corroborations).join(memories, memories.c.uid == corroborations.c.uid)
        query = query.where(corroborations.c.uid.in_(uids[start : start + SOME]), _HOLDS)
        query = query.where(corroborations.c.agent != memories.c.agent)
        for row in connection.execute(query.order_by(corroborations.c.first_at, corroborations.c.agent)):
            found.setdefault(row.uid, []).append(to_source(row))
    return found


def direct(connection: Connection) -> list[tuple[AnyRow, Source]]:
    """What others than the author say of live memories in their own right, each with the memory's row."""
    query = select(corroborations, memories.c.uid.label("of")).join(memories, memories.c.uid == corroborations.c.uid)
    query = query.where(corroborations.c.agent != memories.c.agent, corroborations.c.memory.is_(None), _HOLDS)
    rows = connection.execute(query.where(memories.c.forgotten_at.is_(None))).all()
    held = by_uids(connection, [row.uid for row in rows])
    return [(held[row.uid], to_source(row)) for row in rows]


def take_back(connection: Connection, sayings: Sequence[tuple[str, Source]], forget_id: str, now: datetime) -> None:
    """One `forget` withdraws what was said of these memories."""
    for uid, source in sayings:
        values = {"withdrawn_at": stamp(now), "forget_id": forget_id}
        connection.execute(update(corroborations).where(_said(uid, source)).values(values))
    recount(connection, sorted({uid for uid, _ in sayings}))


def taken_back(connection: Connection, forget_id: str) -> list[tuple[AnyRow, Source]]:
    """What one `forget` withdrew of memories that stayed, each with the memory's row."""
    rows = connection.execute(select(corroborations).where(corroborations.c.forget_id == forget_id)).all()
    held = by_uids(connection, [row.uid for row in rows])
    return [(held[row.uid], to_source(row)) for row in rows]


def give_back(connection: Connection, sayings: Sequence[tuple[str, Source]]) -> None:
    """What was withdrawn of these memories holds again."""
    for uid, source in sayings:
        values = {"withdrawn_at": None, "forget_id": None}
        connection.execute(update(corroborations).where(_said(uid, source)).values(values))
    recount(connection, sorted({uid for uid, _ in sayings}))


def _said(uid: str, source: Source) -> ColumnElement[bool]:
    key = source.memory or source.source or ""
    return and_(corroborations.c.uid == uid, corroborations.c.agent == source.agent, corroborations.c.source == key)


def return_to(connection: Connection, uid: str, heir: str) -> None:
    """A memory is back: the sources that its heir took over are its own again."""
    moved = update(corroborations).where(corroborations.c.uid == heir).values(uid=uid)
    connection.execute(moved.prefix_with("OR IGNORE"))
    recount(connection, [uid, heir])


def inherit(connection: Connection, uid: str, heir: str, sources: Sequence[Source]) -> None:
    """Another agent's memory takes over these sources of one that was forgotten or says something else now."""
    for source in sources:
        connection.execute(update(corroborations).where(_said(uid, source)).values(uid=heir))
    recount(connection, [uid, heir])


def word(connection: Connection, uid: str, text: str) -> None:
    """What was said of a memory in its own words was said in these: it has others from now on."""
    same = update(corroborations).where(corroborations.c.uid == uid, corroborations.c.text.is_(None))
    connection.execute(same.values(text=text))


def drop(connection: Connection, uid: str, source: Source) -> None:
    """A source of a memory is a memory of its own."""
    connection.execute(delete(corroborations).where(_said(uid, source)))


def to_source(row: AnyRow) -> Source:
    """A row as a record."""
    return Source(
        agent=row.agent,
        source=None if row.memory is not None else row.source or None,
        memory=row.memory,
        text=row.text,
        first_at=unstamp(row.first_at),
        last_at=unstamp(row.last_at),
        times=mapping(row)["times"],
        withdrawn_at=unstamp(row.withdrawn_at),
        details=row.details,
    )


def supported(connection: Connection, source: str, namespace: str, now: datetime) -> AnyRow | None:
    """The live memory of a namespace that a memory was promoted to already: as its copy, or as one more source."""
    there = and_(memories.c.namespace == namespace, live(now))
    copies = select(memories).where(memories.c.promoted_from == source, there)
    row = connection.execute(copies.order_by(memories.c.number.desc())).first()
    if row is not None:
        return row
    backed = select(memories).join(
        corroborations, and_(corroborations.c.uid == memories.c.uid, corroborations.c.memory == source)
    )
    return connection.execute(backed.where(there)).first()
