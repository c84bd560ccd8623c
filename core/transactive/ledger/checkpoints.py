"""Threads, their checkpoints, the values of their channels and what is written between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from transactive.ledger.memories import SOME
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema import checkpoint_parts, checkpoint_values, checkpoint_writes, checkpoints, threads
from transactive.ledger.times import stamp, unstamp
from transactive.records import Checkpoint, CheckpointWrite, Typed
from transactive.rules import chunks

_CALLED = and_(
    threads.c.namespace == bindparam("namespace"),
    threads.c.thread == bindparam("thread"),
    func.coalesce(threads.c.user, "") == bindparam("about"),
)
_THREAD = select(threads.c.number).where(_CALLED)
_OF = checkpoints.c.of == bindparam("of_")
_SPACE = checkpoints.c.space == bindparam("space_")
_ONE = select(checkpoints).where(_OF, _SPACE, checkpoints.c.id == bindparam("id_"))
_LATEST = select(checkpoints).where(_OF, _SPACE).order_by(checkpoints.c.id.desc()).limit(1)
_NAMED = select(checkpoints).join(threads, threads.c.number == checkpoints.c.of).where(_CALLED, _SPACE)
_NAMED_ONE = _NAMED.where(checkpoints.c.id == bindparam("id_"))
_NAMED_LATEST = _NAMED.order_by(checkpoints.c.id.desc()).limit(1)
_KNOWN = select(checkpoints.c.id, checkpoints.c.versions, checkpoints.c["values"])
_KNOWN_SOME = _KNOWN.where(_OF, _SPACE, checkpoints.c.id.in_([bindparam("id_"), bindparam("parent_")]))
_KNOWN_LATEST = _KNOWN.where(_OF, _SPACE).order_by(checkpoints.c.id.desc()).limit(1)
_VALUES = select(checkpoint_values).where(checkpoint_values.c.number.in_(bindparam("numbers", expanding=True)))
_PARTS = select(checkpoint_parts.c.name, checkpoint_parts.c.data).where(
    checkpoint_parts.c.of == bindparam("of_"), checkpoint_parts.c.name.in_(bindparam("names", expanding=True))
)
_WRITES = (
    select(checkpoint_writes)
    .where(
        checkpoint_writes.c.of == bindparam("of_"),
        checkpoint_writes.c.space == bindparam("space_"),
        checkpoint_writes.c.id == bindparam("id_"),
    )
    .order_by(checkpoint_writes.c.path, checkpoint_writes.c.task, checkpoint_writes.c["index"])
)
_ADD_VALUE = insert(checkpoint_values).returning(checkpoint_values.c.number)
_ADD_PARTS = upsert(checkpoint_parts).on_conflict_do_nothing()
_put = upsert(checkpoints)
_PUT = _put.on_conflict_do_update(
    index_elements=[checkpoints.c.of, checkpoints.c.space, checkpoints.c.id],
    set_={c.name: _put.excluded[c.name] for c in checkpoints.c if c.name not in {"number", "of", "space", "id"}},
)
_KEEP_WRITES = upsert(checkpoint_writes).on_conflict_do_nothing()
_write = upsert(checkpoint_writes)
_RENEW_WRITES = _write.on_conflict_do_update(
    index_elements=["of", "space", "id", "task", "index"],
    set_={name: _write.excluded[name] for name in ("path", "channel", "type", "data")},
)
Known = Mapping[str, tuple[Any, int]]
"""For each channel with a value, its version and the value's number."""


# --- threads ------------------------------------------------------------------------------------------------------


def thread(connection: Connection, namespace: str, name: str, user: str | None) -> int | None:
    """A thread's number."""
    return connection.execute(_THREAD, {"namespace": namespace, "thread": name, "about": user or ""}).scalar()


def begun(connection: Connection, namespace: str, name: str, user: str | None, now: datetime) -> int:
    """A thread's number; begun when it was not there."""
    found = thread(connection, namespace, name, user)
    if found is None:
        row = {"namespace": namespace, "thread": name, "user": user, "created_at": stamp(now)}
        found = connection.execute(insert(threads).returning(threads.c.number), row).scalar_one()
    return found


def names(connection: Connection, namespace: str, user: str | None) -> list[str]:
    """The names of the threads of a namespace, sorted."""
    query = select(threads.c.thread).where(_of_user(namespace, user)).order_by(threads.c.thread)
    return list(connection.execute(query).scalars())


def _of_user(namespace: str, user: str | None) -> ColumnElement[bool]:
    return and_(threads.c.namespace == namespace, func.coalesce(threads.c.user, "") == (user or ""))


def remove_thread(connection: Connection, number: int) -> None:
    """Delete a thread with all that belongs to it."""
    connection.execute(delete(threads).where(threads.c.number == number))


# --- writing ------------------------------------------------------------------------------------------------------


def known(connection: Connection, of: int, space: str, id: str, parent: str | None) -> tuple[Known, bool]:
    """The values that a new checkpoint may go on with, and whether one of its id is there.

    Those of its parent or, where that is not there, of the latest one; those of its own id go first.
    """
    asked = {"of_": of, "space_": space, "id_": id, "parent_": parent or id}
    rows = {row[0]: row for row in connection.execute(_KNOWN_SOME, asked)}
    if parent not in rows:
        latest = connection.execute(_KNOWN_LATEST, {"of_": of, "space_": space}).first()
        rows.update({} if latest is None else {latest[0]: latest})
    found: dict[str, tuple[Any, int]] = {}
    for _, versions, numbers in sorted(rows.values(), key=lambda row: bool(row[0] == id)):
        held = json.loads(versions)
        found.update({channel: (held.get(channel), number) for channel, number in json.loads(numbers).items()})
    return found, id in rows


def add_values(connection: Connection, of: int, values: Mapping[str, Typed]) -> dict[str, int]:
    """Store values; returns the number of each."""
    parts: dict[bytes, bytes] = {}
    numbers: dict[str, int] = {}
    for channel, (kind, data) in values.items():
        row: dict[str, Any] = {"of": of, "type": kind, "data": data, "parts": None}
        if len(data) > chunks.WHOLE:
            cut = [(chunks.name(part), part) for part in chunks.parts(data)]
            parts.update(cut)
            row.update(data=None, parts=b"".join(name for name, _ in cut))
        numbers[channel] = connection.execute(_ADD_VALUE, row).scalar_one()
    if parts:
        connection.execute(_ADD_PARTS, [{"of": of, "name": name, "data": part} for name, part in parts.items()])
    return numbers


def put(connection: Connection, of: int, checkpoint: Checkpoint, numbers: Mapping[str, int]) -> None:
    """Store a checkpoint, or put it in the place of the one of that id; `numbers` are those of its values."""
    connection.execute(
        _PUT,
        {
            "of": of,
            "space": checkpoint.space,
            "id": checkpoint.id,
            "parent": checkpoint.parent,
            "type": checkpoint.body[0],
            "body": checkpoint.body[1],
            "metadata_type": checkpoint.metadata[0],
            "metadata": checkpoint.metadata[1],
            "versions": json.dumps(dict(checkpoint.versions), separators=(",", ":")),
            "values": json.dumps(dict(numbers), separators=(",", ":")),
            "run": checkpoint.run,
            "deltas": json.dumps(checkpoint.deltas) if checkpoint.deltas else None,
            "agent": checkpoint.agent,
            "created_at": stamp(checkpoint.created_at),
        },
    )


def add_writes(connection: Connection, of: int, space: str, id: str, writes: Sequence[CheckpointWrite]) -> None:
    """Store writes: of ordinary ones the first stays, of special ones the last."""
    rows: list[dict[str, Any]] = [
        {
            "of": of,
            "space": space,
            "id": id,
            "task": write.task,
            "index": write.index,
            "path": write.path,
            "channel": write.channel,
            "type": write.value[0],
            "data": write.value[1],
        }
        for write in writes
    ]
    for statement, some in (
        (_KEEP_WRITES, [row for row in rows if row["index"] >= 0]),
        (_RENEW_WRITES, [row for row in rows if row["index"] < 0]),
    ):
        if some:
            connection.execute(statement, some)


# --- reading ------------------------------------------------------------------------------------------------------


def one(connection: Connection, of: int, space: str, id: str | None) -> AnyRow | None:
    """One checkpoint of a thread, by default the latest."""
    query, asked = (_LATEST, {}) if id is None else (_ONE, {"id_": id})
    return connection.execute(query, {"of_": of, "space_": space, **asked}).first()


def named(
    connection: Connection, namespace: str, name: str, user: str | None, *, space: str, id: str | None
) -> AnyRow | None:
    """The same, by the thread's name; its number is the row's `of`."""
    query, asked = (_NAMED_LATEST, {}) if id is None else (_NAMED_ONE, {"id_": id})
    names = {"namespace": namespace, "thread": name, "about": user or "", "space_": space}
    return connection.execute(query, {**names, **asked}).first()


def numbers_of(row: AnyRow) -> dict[str, int]:
    """The numbers of a checkpoint's values."""
    return dict(json.loads(mapping(row)["values"]))


def values(connection: Connection, of: int, numbers: Iterable[int]) -> dict[int, Typed]:
    """The values of these numbers."""
    wanted = list(set(numbers))
    if not wanted:
        return {}
    rows = connection.execute(_VALUES, {"numbers": wanted}).all()
    cut = {row.number: _names(row.parts) for row in rows if row.parts is not None}
    parts = _parts(connection, of, {name for some in cut.values() for name in some})
    return {
        row.number: (row.type, row.data if row.parts is None else b"".join([parts[name] for name in cut[row.number]]))
        for row in rows
    }


def _names(joined: bytes) -> list[bytes]:
    return [joined[start : start + chunks.NAME] for start in range(0, len(joined), chunks.NAME)]


def _parts(connection: Connection, of: int, wanted: Iterable[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    names = list(wanted)
    for start in range(0, len(names), SOME):
        rows = connection.execute(_PARTS, {"of_": of, "names": names[start : start + SOME]})
        found.update((row[0], row[1]) for row in rows)
    return found


def writes(connection: Connection, of: int, space: str, id: str) -> tuple[CheckpointWrite, ...]:
    """What was written after a checkpoint, in order."""
    rows = connection.execute(_WRITES, {"of_": of, "space_": space, "id_": id})
    return tuple(
        CheckpointWrite(
            task=row.task, index=mapping(row)["index"], channel=row.channel, value=(row.type, row.data), path=row.path
        )
        for row in rows
    )


def to_checkpoint(
    row: AnyRow,
    namespace: str,
    thread: str,
    values: Mapping[str, Typed],
    writes: tuple[CheckpointWrite, ...],
) -> Checkpoint:
    """A row as a record."""
    return Checkpoint(
        namespace=namespace,
        thread=thread,
        space=row.space,
        id=row.id,
        parent=row.parent,
        body=(row.type, row.body),
        metadata=(row.metadata_type, row.metadata),
        versions=json.loads(row.versions),
        values=values,
        writes=writes,
        run=row.run,
        deltas=tuple(json.loads(row.deltas)) if row.deltas else (),
        agent=row.agent,
        created_at=unstamp(row.created_at),
    )


def listed(
    connection: Connection,
    namespace: str,
    user: str | None,
    *,
    thread: str | None,
    space: str | None,
    id: str | None,
    before: str | None,
) -> Iterator[AnyRow]:
    """Checkpoints with the names of their threads, latest first."""
    parts = [_of_user(namespace, user)]
    asked = ((threads.c.thread, thread), (checkpoints.c.space, space), (checkpoints.c.id, id))
    parts.extend(column == value for column, value in asked if value is not None)
    if before is not None:
        parts.append(checkpoints.c.id < before)
    query = select(checkpoints, threads.c.thread).join(threads, threads.c.number == checkpoints.c.of)
    yield from connection.execute(query.where(*parts).order_by(checkpoints.c.id.desc(), checkpoints.c.space))


# --- deleting and copying -----------------------------------------------------------------------------------------


def outline(connection: Connection, of: int) -> list[AnyRow]:
    """Every checkpoint of a thread without its contents, latest first."""
    columns = ("number", "space", "id", "parent", "run", "deltas", "versions", "values")
    query = select(*(checkpoints.c[name] for name in columns)).where(checkpoints.c.of == of)
    return list(connection.execute(query.order_by(checkpoints.c.id.desc())))


def threads_of_runs(connection: Connection, namespace: str, user: str | None, runs: Sequence[str]) -> list[int]:
    """The threads of a namespace in which any of these runs took part."""
    found: set[int] = set()
    for start in range(0, len(runs), SOME):
        query = select(checkpoints.c.of).join(threads, threads.c.number == checkpoints.c.of)
        some = checkpoints.c.run.in_(runs[start : start + SOME])
        found.update(connection.execute(query.where(some, _of_user(namespace, user))).scalars())
    return sorted(found)


def remove(connection: Connection, of: int, gone: Sequence[AnyRow]) -> None:
    """Delete checkpoints with what was written after them, and the values and parts that no other one has."""
    for row in gone:
        connection.execute(delete(checkpoints).where(checkpoints.c.number == row.number))
        _remove_writes(connection, of, row)
    collect(connection, of)


def _remove_writes(connection: Connection, of: int, row: AnyRow) -> None:
    after = (checkpoint_writes.c.of == of, checkpoint_writes.c.space == row.space, checkpoint_writes.c.id == row.id)
    connection.execute(delete(checkpoint_writes).where(*after))


def collect(connection: Connection, of: int) -> None:
    """Delete the values of a thread that no checkpoint has, and the parts that no value has."""
    held = connection.execute(select(checkpoints.c["values"]).where(checkpoints.c.of == of)).scalars()
    used = {number for numbers in held for number in json.loads(numbers).values()}
    stored = connection.execute(
        select(checkpoint_values.c.number, checkpoint_values.c.parts).where(checkpoint_values.c.of == of)
    ).all()
    _delete(connection, checkpoint_values.c.number, [row.number for row in stored if row.number not in used])
    needed = {name for row in stored if row.number in used and row.parts is not None for name in _names(row.parts)}
    parts = connection.execute(select(checkpoint_parts.c.name).where(checkpoint_parts.c.of == of)).scalars()
    unused = [name for name in parts if name not in needed]
    for start in range(0, len(unused), SOME):
        some = checkpoint_parts.c.name.in_(unused[start : start + SOME])
        connection.execute(delete(checkpoint_parts).where(checkpoint_parts.c.of == of, some))


def _delete(connection: Connection, column: ColumnElement[int], numbers: Sequence[int]) -> None:
    for start in range(0, len(numbers), SOME):
        connection.execute(delete(checkpoint_values).where(column.in_(numbers[start : start + SOME])))


def copy(connection: Connection, source: int, target: int) -> None:
    """Copy a thread's checkpoints, values, parts and writes to another one, where those of the same id are replaced."""
    for row in outline(connection, source):
        _remove_writes(connection, target, row)
    numbers: dict[int, int] = {}
    for row in connection.execute(select(checkpoint_values).where(checkpoint_values.c.of == source)).all():
        values = {"of": target, "type": row.type, "data": row.data, "parts": row.parts}
        numbers[row.number] = connection.execute(_ADD_VALUE, values).scalar_one()
    _copy(connection, checkpoint_parts, source, target)
    for row in connection.execute(select(checkpoints).where(checkpoints.c.of == source)).all():
        held = {channel: numbers[number] for channel, number in json.loads(mapping(row)["values"]).items()}
        values = {**mapping(row), "of": target, "values": json.dumps(held, separators=(",", ":"))}
        del values["number"]
        connection.execute(_PUT, values)
    _copy(connection, checkpoint_writes, source, target)
    collect(connection, target)


def _copy(connection: Connection, table: Any, source: int, target: int) -> None:
    names = [column.name for column in table.c if column.name != "of"]
    taken = select(bindparam("target_", target), *(table.c[name] for name in names)).where(table.c.of == source)
    connection.execute(upsert(table).from_select(["of", *names], taken).prefix_with("OR REPLACE"))
