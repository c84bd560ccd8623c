"""The serial point of every write, and what it numbers: events (one a memory) and audit rows (one a call)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from transactive.ledger.schema import audit, events, heads, user_keys
from transactive.ledger.times import stamp

TENANT = "default"


@dataclass(frozen=True, slots=True)
class Heads:
    """How far the ledger has come, in numbers that only grow."""

    last_event: int
    access_epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One call, for the audit: who did what where, to how many; never text."""

    principal: str
    action: str
    target: str
    count: int
    details: dict[str, Any] = field(default_factory=dict)


_READ = select(heads.c.last_event, heads.c.access_epoch).where(heads.c.tenant == TENANT)
_TAKE = update(heads).where(heads.c.tenant == TENANT)


def read(connection: Connection) -> Heads:
    """The heads as this connection sees them."""
    row = connection.execute(_READ).one()
    return Heads(row.last_event, row.access_epoch)


def record(
    connection: Connection, action: str, changed: Sequence[dict[str, Any]], entry: Entry, now: datetime
) -> list[int]:
    """Number one event for each changed memory row, and chain one audit row; returns the events' numbers.

    A row may name an `action` of its own.

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
        users = _pseudonyms(connection, {row["user"] for row in changed if row["user"] is not None})
        connection.execute(
            insert(events),
            [
                {
                    "number": number,
                    "at": stamp(now),
                    "action": row.get("action", action),
                    "uid": row["uid"],
                    "namespace": row["namespace"],
                    "sensitivity": row["sensitivity"],
                    "agent": row["agent"],
                    "user": users.get(row["user"]),
                    "version": row["version"],
                }
                for number, row in zip(numbers, changed, strict=True)
            ],
        )
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
    rows = connection.execute(select(user_keys.c.user, user_keys.c.key).where(user_keys.c.user.in_(wanted)))
    keys = {row.user: row.key for row in rows}
    fresh = {user: secrets.token_bytes(32) for user in wanted if user not in keys}
    if fresh:
        connection.execute(insert(user_keys), [{"user": user, "key": key} for user, key in fresh.items()])
    return {
        user: hmac.new(key, user.encode(), hashlib.sha256).hexdigest()[:32] for user, key in {**keys, **fresh}.items()
    }


def access_changed(connection: Connection) -> None:
    """Tell every process that grants, groups, policies or namespaces are not what they were."""
    connection.execute(_TAKE.values(access_epoch=heads.c.access_epoch + 1))


def changed_since(connection: Connection, number: int) -> set[str]:
    """The memories that any later event is about."""
    return set(connection.execute(select(events.c.uid).where(events.c.number > number).distinct()).scalars())
