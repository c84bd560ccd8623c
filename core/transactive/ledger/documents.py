"""Keyed values: rows by their names, and what a caller may read of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    asc,
    bindparam,
    delete,
    desc,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    true,
)

from transactive.filters import And, Expression, Not, Test, both
from transactive.ledger import placed
from transactive.ledger.memories import SOME
from transactive.ledger.rows import AnyRow, AnySelect
from transactive.ledger.schema import documents, hidden, memories
from transactive.ledger.times import stamp, unstamp
from transactive.records import Document
from transactive.rules.access import Reach

Name = tuple[str, str, str | None]
"""Namespace, key and user."""
_COLUMNS = ("namespace", "agent", "user", "app", "sensitivity")
ORDERS = ("updated_at", "created_at", "key")
_LAST = "\ud7ff"
"""The last sign before the surrogates."""
_PRIVATE = 0xF000 - 0xD800
_UNHELD = re.compile("[\x00\x01\ud7ff-\udfff]")
_ESCAPED = re.compile("[\x01\ud7ff].", re.DOTALL)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST = 2**63 - 1


def stored_key(key: str) -> str:
    """A key as the ledger holds it: without what a text column cannot hold, in the same order, prefixes as prefixes."""
    return _UNHELD.sub(lambda found: _escaped(found[0]), key)


def _escaped(sign: str) -> str:
    if sign < "\x02":
        return "\x01" + chr(ord(sign) + 1)
    return _LAST + ("\x02" if sign == _LAST else chr(ord(sign) + _PRIVATE))


def read_key(stored: str) -> str:
    """The key that is stored so."""
    return _ESCAPED.sub(lambda found: _read(found[0]), stored)


def _read(escaped: str) -> str:
    if escaped[0] == "\x01":
        return chr(ord(escaped[1]) - 1)
    return _LAST if escaped[1] == "\x02" else chr(ord(escaped[1]) - _PRIVATE)


def to_document(row: AnyRow) -> Document:
    """A row as a record, with a copy of its value."""
    return Document(
        namespace=row.namespace,
        key=read_key(row.key),
        value=json.loads(row.value),
        data=row.data,
        agent=row.agent,
        user=row.user,
        app=row.app,
        sensitivity=row.sensitivity,
        created_at=unstamp(row.created_at),
        updated_at=unstamp(row.updated_at),
        version=row.version,
        ttl=None if row.ttl is None else timedelta(microseconds=row.ttl),
        expires_at=unstamp(row.expires_at),
        uid=row.uid,
    )


def to_row(document: Document, value: str) -> dict[str, Any]:
    """A record as a row; `value` is the JSON of its value."""
    return {
        "namespace": document.namespace,
        "key": stored_key(document.key),
        "user": document.user,
        "value": value,
        "data": document.data,
        "agent": document.agent,
        "app": document.app,
        "sensitivity": document.sensitivity,
        "version": document.version,
        "ttl": None if document.ttl is None else min(document.ttl // _MICROSECOND, _LONGEST),
        "created_at": stamp(document.created_at),
        "updated_at": stamp(document.updated_at),
        "expires_at": stamp(document.expires_at),
        "uid": document.uid,
    }


def live(now: datetime) -> ColumnElement[bool]:
    """Not expired, and found by no memory that was forgotten."""
    over = documents.c.expires_at <= stamp(now)
    forgotten = documents.c.uid.in_(select(memories.c.uid).where(hidden))  # few, and looked up once
    return and_(or_(documents.c.expires_at.is_(None), ~over), or_(documents.c.uid.is_(None), ~forgotten))


def readable(reach: Reach) -> ColumnElement[bool]:
    """What a caller may read."""
    return placed.readable(reach, documents)


def writable(reach: Reach) -> ColumnElement[bool]:
    """What lies where a caller may write."""
    return placed.writable(reach, documents)


def under(pattern: str) -> ColumnElement[bool]:
    """In a namespace that a pattern covers."""
    return placed.under(documents, pattern)


def of_user(user: str | None) -> ColumnElement[bool]:
    """What a handle bound to a user may change: its own. An unbound one may change everybody's."""
    return true() if user is None else documents.c.user == user


def split(expression: Expression) -> tuple[ColumnElement[bool], Expression]:
    """What of a filter the columns decide, as a clause, and the rest."""
    parts = expression.items if isinstance(expression, And) else (expression,)
    clauses = {place: clause for place, part in enumerate(parts) if (clause := _clause(part)) is not None}
    rest = both(*(part for place, part in enumerate(parts) if place not in clauses))
    return and_(true(), *clauses.values()), rest


def _clause(part: Expression) -> ColumnElement[bool] | None:
    match part:
        case Not(item):
            inner = _clause(item)
            return None if inner is None else not_(func.coalesce(inner, false()))
        case Test(path=path, operator="exists") if path in _COLUMNS:
            return documents.c[path].is_not(None)
        case Test(path=path, operator="in", operand=operand) if path in _COLUMNS:
            return documents.c[path].in_(operand)
        case _:
            return None


def prefixed(prefix: str) -> ColumnElement[bool]:
    """Of a key that starts with a prefix."""
    start = stored_key(prefix)
    return true() if not start else func.substr(documents.c.key, 1, len(start)) == start


def by_names(connection: Connection, names: Iterable[Name]) -> dict[Name, AnyRow]:
    """Rows by name, whatever their state, with whether they are `hidden` by a forgotten memory."""
    wanted: dict[str, dict[str, list[str]]] = {}
    for namespace, key, user in dict.fromkeys(names):
        wanted.setdefault(namespace, {}).setdefault(user or "", []).append(stored_key(key))
    found: dict[Name, AnyRow] = {}
    for namespace, users in wanted.items():
        for user, keys in users.items():
            for start in range(0, len(keys), SOME):
                named = {"namespace_": namespace, "keys_": keys[start : start + SOME], "user_": user}
                rows = connection.execute(_BY_NAME, named)
                found.update(((row.namespace, read_key(row.key), row.user), row) for row in rows)
    return found


_SELECT: AnySelect = select(documents, memories.c.forgotten_at.label("hidden")).outerjoin(
    memories, memories.c.uid == documents.c.uid
)
_BY_NAME: AnySelect = _SELECT.where(
    documents.c.namespace == bindparam("namespace_"),
    documents.c.key.in_(bindparam("keys_", expanding=True)),
    func.coalesce(documents.c.user, "") == bindparam("user_"),
)
_BY_UID: AnySelect = select(documents).where(documents.c.uid.in_(bindparam("uids_", expanding=True)))


def by_uids(connection: Connection, uids: Sequence[str]) -> dict[str, AnyRow]:
    """The rows that these memories make found."""
    found: dict[str, AnyRow] = {}
    for start in range(0, len(uids), SOME):
        rows = connection.execute(_BY_UID, {"uids_": uids[start : start + SOME]})
        found.update((row.uid, row) for row in rows)
    return found


def matching(
    connection: Connection, where: ColumnElement[bool], order_by: str, *, limit: int | None = None, offset: int = 0
) -> Iterator[AnyRow]:
    """Rows in an order, each read when it is asked for; `limit` and `offset` of what fulfils `where`."""
    column = documents.c[order_by.removeprefix("-")]
    direction = desc if order_by.startswith("-") else asc
    order = direction(column), direction(documents.c.number)
    if limit is not None:  # the numbers alone are sorted, not the values with them
        numbers = select(documents.c.number).where(where).order_by(*order).limit(limit).offset(offset)
        where = documents.c.number.in_(numbers)
    yield from connection.execute(select(documents).where(where).order_by(*order))


def count(connection: Connection, where: ColumnElement[bool]) -> int:
    """How many rows fulfil `where`."""
    return int(connection.execute(select(func.count()).select_from(documents).where(where)).scalar_one())


def places(connection: Connection, where: ColumnElement[bool]) -> list[str]:
    """The namespaces of rows that fulfil `where`, sorted."""
    query = select(documents.c.namespace).where(where).distinct().order_by(documents.c.namespace)
    return list(connection.execute(query).scalars())


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert new rows."""
    if rows:
        connection.execute(insert(documents), rows)


def replace(connection: Connection, number: int, row: Mapping[str, Any]) -> None:
    """Put a new version in the place of a row."""
    connection.execute(documents.update().where(documents.c.number == number).values(**row))


def renew(connection: Connection, number: int, expires_at: datetime | None) -> None:
    """Let a row live longer."""
    connection.execute(documents.update().where(documents.c.number == number).values(expires_at=stamp(expires_at)))


def remove(connection: Connection, numbers: Sequence[int]) -> None:
    """Delete rows."""
    for start in range(0, len(numbers), SOME):
        connection.execute(delete(documents).where(documents.c.number.in_(numbers[start : start + SOME])))


def expired(connection: Connection, where: ColumnElement[bool], now: datetime, limit: int) -> list[AnyRow]:
    """At most `limit` rows that fulfil `where` and whose time is over."""
    query = select(documents).where(documents.c.expires_at <= stamp(now), where)
    return list(connection.execute(query.order_by(documents.c.expires_at).limit(limit)))
