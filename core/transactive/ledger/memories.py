"""Memories, their revisions and their filterable attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    asc,
    bindparam,
    delete,
    desc,
    func,
    insert,
    literal,
    or_,
    select,
    true,
)

from transactive.errors import InvalidInput
from transactive.filters import Expression, attribute_tokens, leaves, parse_time, token
from transactive.ledger import filtering
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema import attributes, gaps, memories, revisions
from transactive.ledger.times import stamp, unstamp
from transactive.records import Kind, Memory, Sensitivity
from transactive.rules.ranking import Traits

_LIVE = memories.c.forgotten_at.is_(None)
VERSIONED = [column.name for column in revisions.c if column.name not in {"number", "uid", "revised_by"}]
ORDERS = ("created_at", "recorded_at", "updated_at", "importance")
SOME = 500  # how many ids one statement takes


def live(now: datetime) -> ColumnElement[bool]:
    """Neither forgotten nor expired."""
    return and_(_LIVE, or_(memories.c.expires_at.is_(None), memories.c.expires_at > stamp(now)))


def to_memory(row: AnyRow | Mapping[str, Any]) -> Memory:
    """A row of `memories` as a record."""
    m = row if isinstance(row, Mapping) else mapping(row)
    return Memory(
        id=m["foreign_id"] or m["uid"],
        uid=m["uid"],
        namespace=m["namespace"],
        kind=m["kind"],
        text=m["text"],
        importance=m["importance"],
        agent=m["agent"],
        created_at=unstamp(m["created_at"]),
        recorded_at=unstamp(m["recorded_at"]),
        updated_at=unstamp(m["updated_at"]),
        version=m["version"],
        user=m["user"],
        session=m["session"],
        app=m["app"],
        tags=tuple(m["tags"]),
        metadata=m["metadata"],
        source=m["source"],
        confidence=m["confidence"],
        sensitivity=m["sensitivity"],
        verified_by=m["verified_by"],
        verified_at=unstamp(m["verified_at"]),
        expires_at=unstamp(m["expires_at"]),
        derived_from=tuple(m["derived_from"]),
        supersedes=tuple(m["supersedes"]),
        superseded_by=m["superseded_by"],
        promoted_from=m["promoted_from"],
        promoted_by=m["promoted_by"],
        reinforced=m["reinforced"],
        corroborated=m["corroborated"],
        last_seen_at=unstamp(m["last_seen_at"]),
        accessed_at=unstamp(m["accessed_at"]),
        accesses=m["accesses"],
        forgotten_at=unstamp(m["forgotten_at"]),
    )


def to_row(
    memory: Memory,
    *,
    turn: bool,
    tells_when: bool,
    text_key: bytes | None = None,
    sole: bool = False,
    heir_of: str | None = None,
) -> dict[str, Any]:
    """A new memory as a row; of one text key, one can be the sole one."""
    return {
        "uid": memory.uid,
        "foreign_id": memory.id if memory.id != memory.uid else None,
        "namespace": memory.namespace,
        "kind": memory.kind,
        "agent": memory.agent,
        "user": memory.user,
        "session": memory.session,
        "app": memory.app,
        "source": memory.source,
        "sensitivity": memory.sensitivity,
        "turn": turn,
        "tells_when": tells_when,
        "derived_from": list(memory.derived_from),
        "supersedes": list(memory.supersedes),
        "promoted_from": memory.promoted_from,
        "promoted_by": memory.promoted_by,
        "text_key": text_key,
        "sole": sole,
        "heir_of": heir_of,
        "reinforced": 0,
        "corroborated": 0,
        "accesses": 0,
        "created_at": stamp(memory.created_at),
        "recorded_at": stamp(memory.recorded_at),
        "expires_at": stamp(memory.expires_at),
        **_versioned(memory),
    }


def _versioned(memory: Memory) -> dict[str, Any]:
    return {
        "text": memory.text,
        "importance": memory.importance,
        "tags": list(memory.tags),
        "metadata": dict(memory.metadata),
        "confidence": memory.confidence,
        "verified_by": memory.verified_by,
        "verified_at": stamp(memory.verified_at),
        "updated_at": stamp(memory.updated_at),
        "version": memory.version,
    }


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert new memories with their attributes."""
    if not rows:
        return
    connection.execute(insert(memories), rows)
    _add_attributes(connection, [entry for row in rows for entry in _attributes(row)])


def _add_attributes(connection: Connection, entries: list[dict[str, Any]]) -> None:
    if entries:
        connection.execute(insert(attributes), entries)


def _attributes(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of `attributes` for one memory: a token for each tag and metadata term, and what can be compared."""
    if not row["tags"] and not row["metadata"]:
        return []
    terms = [f"tags={token(tag)}" for tag in row["tags"]] + (["tags?"] if row["tags"] else [])
    terms += ["metadata." + term for term in attribute_tokens(row["metadata"])]
    blank = {"uid": row["uid"], "token": "", "path": None, "value": None, "time": None}
    entries = [{**blank, "token": term} for term in terms]
    for leaf in leaves(row["metadata"]):
        time = parse_time(leaf.value)
        if time is not None:
            entries.append({**blank, "path": leaf.path, "time": stamp(time)})
        elif isinstance(leaf.value, int | float) and not isinstance(leaf.value, bool):
            entries.append({**blank, "path": leaf.path, "value": leaf.value})
    return entries


def replace(connection: Connection, old: Memory, new: Memory, *, turn: bool, tells_when: bool, by: str) -> None:
    """Make `new` the current version; `old` goes to the revisions."""
    former = {"uid": old.uid, "revised_by": by, **_versioned(old)}
    connection.execute(insert(revisions), former)
    values = {**_versioned(new), "turn": turn, "tells_when": tells_when}
    connection.execute(memories.update().where(memories.c.uid == new.uid).values(**values))
    connection.execute(delete(attributes).where(attributes.c.uid == new.uid))
    _add_attributes(connection, _attributes({"uid": new.uid, **_versioned(new)}))


def overwrite(connection: Connection, memory: Memory, *, tells_when: bool) -> None:
    """Put a memory in the place of what is there under its uid, without a revision."""
    row = to_row(memory, turn=False, tells_when=tells_when)
    kept = {"uid", "foreign_id", "recorded_at", "reinforced", "corroborated", "accesses"}
    values = {name: value for name, value in row.items() if name not in kept}
    connection.execute(memories.update().where(memories.c.uid == memory.uid).values(**values))
    connection.execute(delete(attributes).where(attributes.c.uid == memory.uid))
    _add_attributes(connection, _attributes(row))


def change(connection: Connection, uid: str, **values: Any) -> None:
    """Set columns of one memory that no version holds."""
    connection.execute(memories.update().where(memories.c.uid == uid).values(**values))


_BY_UIDS = select(memories).where(memories.c.uid.in_(bindparam("uids", expanding=True)))


def by_uids(connection: Connection, uids: Iterable[str]) -> dict[str, AnyRow]:
    """Rows by uid, forgotten ones included; absent ids are left out."""
    wanted = list(dict.fromkeys(uids))
    found: dict[str, AnyRow] = {}
    for start in range(0, len(wanted), SOME):
        some = connection.execute(_BY_UIDS, {"uids": wanted[start : start + SOME]})
        found.update((row.uid, row) for row in some)
    return found


_BY_ID = select(memories).where(
    or_(
        memories.c.uid == bindparam("id"),
        and_(memories.c.foreign_id == bindparam("id"), memories.c.namespace == bindparam("namespace")),
    )
)


def by_id(connection: Connection, id: str, namespace: str) -> list[AnyRow]:
    """What an id may mean: the memory with this uid, and the one with this foreign id in `namespace`.

    Forgotten ones included; at most two, the former first.
    """
    rows = connection.execute(_BY_ID, {"id": id, "namespace": namespace})
    return sorted(rows, key=lambda row: bool(row.uid != id))


def taken(connection: Connection, uids: Sequence[str], now: datetime) -> set[str]:
    """Which of these uids belong to live memories."""
    return {uid for uid, row in by_uids(connection, uids).items() if is_live(row, now)}


def is_live(row: AnyRow, now: datetime) -> bool:
    """Whether a row is neither forgotten nor expired."""
    return row.forgotten_at is None and not _over(row, now)


def _over(row: AnyRow, now: datetime) -> bool:
    return row.expires_at is not None and bool(row.expires_at <= stamp(now))


def expired_among(connection: Connection, uids: Sequence[str], now: datetime) -> list[Memory]:
    """Those of these memories whose time is over and that nobody has forgotten yet."""
    found = by_uids(connection, uids).values()
    return [to_memory(row) for row in found if row.forgotten_at is None and _over(row, now)]


def displace(connection: Connection, uids: Sequence[str], new_id: Callable[[], str]) -> None:
    """Give forgotten memories fresh uids and no foreign id, so that theirs can be used again; undo still finds them."""
    for uid, row in by_uids(connection, uids).items():
        if row.forgotten_at is not None:
            fresh = memories.update().where(memories.c.uid == uid).values(uid=new_id(), foreign_id=None)
            connection.execute(fresh)


def history(connection: Connection, current: AnyRow) -> list[Memory]:
    """Every version of a memory, oldest first."""
    query = select(revisions).where(revisions.c.uid == current.uid).order_by(revisions.c.version)
    now = dict(mapping(current))
    former = [
        to_memory({**now, **{name: mapping(row)[name] for name in VERSIONED}}) for row in connection.execute(query)
    ]
    return [*former, to_memory(current)]


def page(
    connection: Connection,
    where: Expression,
    now: datetime,
    *,
    order_by: str = "created_at",
    after: tuple[float, int] | None = None,
    limit: int,
) -> tuple[list[Memory], tuple[float, int] | None]:
    """Live memories that fulfil `where`, ordered (a leading `-` descends), and the cursor of the next page."""
    column, descending = memories.c[order_by.removeprefix("-")], order_by.startswith("-")
    query = select(memories).where(live(now), filtering.condition(where))
    if after is not None:
        value, number = after
        beyond, tie = (
            (column < value, memories.c.number < number) if descending else (column > value, memories.c.number > number)
        )
        query = query.where(or_(beyond, and_(column == value, tie)))
    order = desc if descending else asc
    rows = connection.execute(query.order_by(order(column), order(memories.c.number)).limit(limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    cursor = None if last is None else (mapping(last)[column.name], last.number)
    return [to_memory(row) for row in rows[:limit]], cursor


def count(connection: Connection, where: Expression, now: datetime) -> int:
    """How many live memories fulfil `where`."""
    query = select(func.count()).select_from(memories).where(live(now), filtering.condition(where))
    return int(connection.execute(query).scalar_one())


FACETS = ("namespace", "agent", "user", "session", "app", "kind", "sensitivity", "tags")


def facets(connection: Connection, field: str, where: Expression, now: datetime, limit: int) -> dict[str, int]:
    """Live memories that fulfil `where`, counted by the values of a field, most frequent first."""
    if field not in FACETS:
        raise InvalidInput(f"facets are counted by {', '.join(FACETS)}, not by {field!r}")
    if field == "tags":
        return _tag_facets(connection, where, now, limit)
    column = memories.c[field]
    query = select(column, func.count()).where(live(now), filtering.condition(where), column.is_not(None))
    rows = connection.execute(query.group_by(column).order_by(func.count().desc(), column).limit(limit))
    return {str(value): int(number) for value, number in rows}


def _tag_facets(connection: Connection, where: Expression, now: datetime, limit: int) -> dict[str, int]:
    each = func.json_each(memories.c.tags).table_valued("value")
    query = select(each.c.value, func.count()).select_from(memories).join(each, true())
    query = query.where(live(now), filtering.condition(where)).group_by(each.c.value)
    rows = connection.execute(query.order_by(func.count().desc(), each.c.value).limit(limit))
    return {str(value): int(number) for value, number in rows}


def uids(connection: Connection, where: Expression, now: datetime, limit: int) -> list[str]:
    """The uids of at most `limit` live memories that fulfil `where`."""
    query = select(memories.c.uid).where(live(now), filtering.condition(where)).limit(limit)
    return list(connection.execute(query).scalars())


def matching(connection: Connection, where: Expression, now: datetime) -> list[AnyRow]:
    """Every live memory that fulfils `where`, oldest first."""
    query = select(memories).where(live(now), filtering.condition(where)).order_by(memories.c.number)
    return list(connection.execute(query))


def forget(connection: Connection, uids: Sequence[str], forget_id: str, now: datetime) -> None:
    """Take memories out of every answer, until they are restored."""
    for start in range(0, len(uids), SOME):
        some = memories.c.uid.in_(uids[start : start + SOME])
        connection.execute(memories.update().where(some).values(forgotten_at=stamp(now), forget_id=forget_id))


def restore(connection: Connection, uids: Sequence[str], now: datetime) -> None:
    """Bring forgotten memories back. What was said anew meanwhile stays beside them: they are not its sole ones."""
    for start in range(0, len(uids), SOME):
        some = memories.c.uid.in_(uids[start : start + SOME])
        gone = select(memories.c.uid, memories.c.forgotten_at, literal(stamp(now))).where(some)
        connection.execute(insert(gaps).from_select(["uid", "since", "until"], gone))
        connection.execute(memories.update().where(some).values(forgotten_at=None, forget_id=None, sole=False))


def forgotten(connection: Connection, forget_id: str) -> list[AnyRow]:
    """What one `forget` took away."""
    query = select(memories).where(memories.c.forget_id == forget_id).order_by(memories.c.number)
    return list(connection.execute(query))


def known(connection: Connection) -> list[tuple[str, str, str | None, Sensitivity, Kind]]:
    """Every live combination of namespace, agent, user, sensitivity and kind."""
    m = memories.c
    rows = connection.execute(select(m.namespace, m.agent, m.user, m.sensitivity, m.kind).where(_LIVE).distinct())
    return [(row.namespace, row.agent, row.user, row.sensitivity, row.kind) for row in rows]


_TRAITS = select(
    memories.c.uid,
    memories.c.agent,
    memories.c.user,
    memories.c.session,
    memories.c.created_at,
    memories.c.tells_when,
    memories.c.namespace,
    memories.c.kind,
    memories.c.importance,
    func.max(func.coalesce(memories.c.accessed_at, 0), func.coalesce(memories.c.last_seen_at, 0)).label("used_at"),
).where(memories.c.uid.in_(bindparam("uids", expanding=True)))


def traits(connection: Connection, uids: Sequence[str]) -> dict[str, Traits]:
    """What ranking needs to know of each memory; absent ones are left out."""
    found: dict[str, Traits] = {}
    for start in range(0, len(uids), SOME):
        some = connection.execute(_TRAITS, {"uids": uids[start : start + SOME]})
        for uid, agent, user, session, created_at, tells_when, namespace, kind, importance, used_at in some:
            found[uid] = Traits(
                agent,
                user,
                session,
                unstamp(created_at),
                tells_when,
                namespace,
                kind,
                importance,
                max(created_at, used_at) / 1e6,
            )
    return found


def expiring(connection: Connection) -> bool:
    """Whether any memory has a time to live."""
    return (
        connection.execute(select(memories.c.uid).where(memories.c.expires_at.is_not(None)).limit(1)).first()
        is not None
    )


def any_expired(connection: Connection, now: datetime) -> bool:
    """Whether there is a memory whose time is over and that nobody has forgotten yet."""
    over = select(memories.c.uid).where(_LIVE, memories.c.expires_at <= stamp(now)).limit(1)
    return connection.execute(over).first() is not None


def held(connection: Connection, namespace: str, now: datetime) -> int:
    """How many live memories a namespace has."""
    query = select(func.count()).select_from(memories).where(memories.c.namespace == namespace, live(now))
    return int(connection.execute(query).scalar_one())


def retained(connection: Connection, namespace: str, now: datetime) -> Iterator[Sequence[AnyRow]]:
    """What decides which live memories of a namespace stay, in parts; `used_at` is 0 where it never was."""
    used = func.max(func.coalesce(memories.c.accessed_at, 0), func.coalesce(memories.c.last_seen_at, 0))
    columns = (memories.c.uid, memories.c.number, memories.c.importance, memories.c.kind, memories.c.created_at)
    number = 0
    while True:
        query = select(*columns, used.label("used_at")).where(memories.c.namespace == namespace, live(now))
        query = query.where(memories.c.number > number).order_by(memories.c.number).limit(SOME)
        rows = connection.execute(query).all()
        if not rows:
            return
        yield rows
        number = rows[-1].number


def expired_uids(connection: Connection, now: datetime) -> list[str]:
    """The uids of all of them, first come first."""
    query = select(memories.c.uid).where(_LIVE, memories.c.expires_at <= stamp(now)).order_by(memories.c.expires_at)
    return list(connection.execute(query).scalars())


def total(connection: Connection) -> int:
    """How many memories are not forgotten, expired ones included: what the index holds when it is complete."""
    return int(connection.execute(select(func.count()).select_from(memories).where(_LIVE)).scalar_one())


def left(connection: Connection, after: int) -> int:
    """How many of those have a higher number."""
    query = select(func.count()).select_from(memories).where(_LIVE, memories.c.number > after)
    return int(connection.execute(query).scalar_one())


def batch(connection: Connection, after: int, limit: int) -> list[AnyRow]:
    """The next memories that are not forgotten, by number: for rebuilding an index."""
    query = select(memories).where(_LIVE, memories.c.number > after).order_by(memories.c.number).limit(limit)
    return list(connection.execute(query))
