"""The serial point of every write, and what it numbers: events (one a changed thing) and audit rows (one a call)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, false, func, insert, or_, select, true, update

from transactive.ledger.rows import AnyRow
from transactive.ledger.schema import audit, event_bodies, events, heads, user_keys
from transactive.ledger.times import stamp

TENANT = "default"
ERASED = "erased"
"""In the place of a pseudonym, for what is of nobody any more: no bound handle sees that it went."""
MEMORY = "memory."
"""How the types of events about memories begin."""


@dataclass(frozen=True, slots=True)
class Heads:
    """How far the ledger has come, in numbers that only grow."""

    last_event: int
    access_epoch: int
    names: int
    """How many names the graph has."""
    cut: int
    """The last event that retention has deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One call, for the audit: who did what where, to how many; never text."""

    principal: str
    action: str
    target: str
    count: int
    details: dict[str, Any] = field(default_factory=dict)


_READ = select(heads.c.last_event, heads.c.access_epoch, heads.c.names, heads.c.cut).where(heads.c.tenant == TENANT)
_TAKE = update(heads).where(heads.c.tenant == TENANT)


def read(connection: Connection) -> Heads:
    """The heads as this connection sees them."""
    row = connection.execute(_READ).one()
    return Heads(row.last_event, row.access_epoch, row.names, row.cut)


def record(connection: Connection, changed: Sequence[dict[str, Any]], entry: Entry, now: datetime) -> list[int]:
    """Number one event for each changed thing, and chain one audit row; returns the events' numbers.

    Of each: type, uid, namespace, sensitivity, user and version, and `data` where the event has some of its own.

    Call it as late in the transaction as possible: from here to the commit, every other writer waits.
    """
    taken = connection.execute(
        _TAKE.values(last_event=heads.c.last_event + len(changed), last_audit=heads.c.last_audit + 1).returning(
            heads.c.last_event, heads.c.last_audit, heads.c.last_audit_hash
        )
    ).one()
    first = taken.last_event - len(changed) + 1
    numbers = list(range(first, taken.last_event + 1))
    if changed:
        users = _pseudonyms(connection, {row["user"] for row in changed if row["user"] not in {None, ERASED}})
        connection.execute(
            insert(events),
            [
                {
                    "number": number,
                    "at": stamp(now),
                    "type": row["type"],
                    "uid": row["uid"],
                    "namespace": row["namespace"],
                    "sensitivity": row["sensitivity"],
                    "agent": entry.principal,
                    "user": users.get(row["user"], row["user"] and ERASED),
                    "version": row["version"],
                }
                for number, row in zip(numbers, changed, strict=True)
            ],
        )
        bodies = [
            {"number": number, "user": row["user"], "data": row["data"]}
            for number, row in zip(numbers, changed, strict=True)
            if row.get("data") is not None
        ]
        if bodies:
            connection.execute(insert(event_bodies), bodies)
    _chain(connection, taken.last_audit, taken.last_audit_hash, entry, now)
    return numbers


def _chain(connection: Connection, number: int, previous: bytes, entry: Entry, now: datetime) -> None:
    row = {
        "number": number,
        "at": stamp(now),
        "principal": entry.principal,
        "action": entry.action,
        "target": entry.target,
        "count": entry.count,
        "details": entry.details,
    }
    digest = audit_hash(previous, row)
    connection.execute(insert(audit), {**row, "hash": digest})
    connection.execute(_TAKE.values(last_audit_hash=digest))


def audit_hash(previous: bytes, row: dict[str, Any]) -> bytes:
    """SHA-256 over the previous row's hash and this row's canonical JSON."""
    canonical = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous + canonical.encode()).digest()


def _pseudonyms(connection: Connection, users: Iterable[str]) -> dict[str, str]:
    """Each user as an HMAC under a key of their own: once the key is erased, the events name nobody."""
    wanted = sorted(users)
    if not wanted:
        return {}
    keys = _keys(connection, wanted)
    fresh = {user: secrets.token_bytes(32) for user in wanted if user not in keys}
    if fresh:
        connection.execute(insert(user_keys), [{"user": user, "key": key} for user, key in fresh.items()])
    return {user: _pseudonym(user, key) for user, key in {**keys, **fresh}.items()}


def _keys(connection: Connection, users: Sequence[str]) -> dict[str, bytes]:
    rows = connection.execute(select(user_keys.c.user, user_keys.c.key).where(user_keys.c.user.in_(users)))
    return {row.user: row.key for row in rows}


def _pseudonym(user: str, key: bytes) -> str:
    return hmac.new(key, user.encode(), hashlib.sha256).hexdigest()[:32]


def access_changed(connection: Connection) -> None:
    """Tell every process that grants, groups, policies or namespaces are not what they were."""
    connection.execute(_TAKE.values(access_epoch=heads.c.access_epoch + 1))


def changed_since(connection: Connection, number: int) -> set[str]:
    """The memories that any later event is about."""
    later = select(events.c.uid).where(events.c.number > number, events.c.type.startswith(MEMORY)).distinct()
    return set(connection.execute(later).scalars())


def named(connection: Connection, names: int) -> None:
    """Tell every process that the graph has so many names more."""
    connection.execute(_TAKE.values(names=heads.c.names + names))


# --- the feed ---------------------------------------------------------------------------------------------------------


def of_user(connection: Connection, user: str | None) -> ColumnElement[bool]:
    """What a handle sees that is bound to a user: what is about that user and about none; unbound, all."""
    if user is None:
        return true()
    key = _keys(connection, [user]).get(user)
    mine = false() if key is None else events.c.user == _pseudonym(user, key)
    return or_(events.c.user.is_(None), mine)


def of_types(patterns: Sequence[str]) -> ColumnElement[bool]:
    """Of one of these types; `task.*` is every type that starts so."""
    exact = [pattern for pattern in patterns if not pattern.endswith("*")]
    starts = [pattern[:-1] for pattern in patterns if pattern.endswith("*")]
    return or_(false(), events.c.type.in_(exact), *(events.c.type.startswith(s, autoescape=True) for s in starts))


def page(connection: Connection, after: int, where: ColumnElement[bool], limit: int) -> list[AnyRow]:
    """At most `limit` events later than `after`, in order, each with its own data."""
    query = select(events, event_bodies.c.data).outerjoin(event_bodies, event_bodies.c.number == events.c.number)
    query = query.where(events.c.number > after, where).order_by(events.c.number).limit(limit)
    return list(connection.execute(query))


def before(connection: Connection, time: datetime) -> int:
    """The number of the last event before a time that no later one precedes: up to there retention may cut."""
    kept = select(func.min(events.c.number)).where(events.c.at >= stamp(time)).scalar_subquery()
    last = select(func.max(events.c.number)).where(
        and_(events.c.at < stamp(time), events.c.number < func.coalesce(kept, 2**62))
    )
    return int(connection.execute(last).scalar_one_or_none() or 0)


def cut(connection: Connection, upto: int) -> int:
    """Delete every event up to a number, and note that; returns how many it was."""
    gone = connection.execute(delete(events).where(events.c.number <= upto)).rowcount
    connection.execute(_TAKE.where(heads.c.cut < upto).values(cut=upto))
    return int(gone)
