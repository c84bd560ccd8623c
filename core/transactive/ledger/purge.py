"""Deletes for good: rows with everything that hangs on them, and what SQLite keeps of deleted text in its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, select

from transactive.ledger import corroborations as sources
from transactive.ledger import graph
from transactive.ledger.memories import SOME
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema import (
    consumers,
    corroborations,
    documents,
    event_bodies,
    extractions,
    memories,
    sessions,
    threads,
    user_keys,
)
from transactive.ledger.schema_coordination import alerts, facts, handoffs, tasks
from transactive.ledger.tasks import recount


def forgotten_in(connection: Connection) -> list[str]:
    """The namespaces in which anything forgotten is still kept."""
    query = select(memories.c.namespace).where(memories.c.forgotten_at.is_not(None)).distinct()
    return list(connection.execute(query).scalars())


def due(connection: Connection, before: Mapping[str, int], limit: int) -> list[str]:
    """At most `limit` uids of memories that were forgotten before a time that depends on their namespace."""
    found: list[str] = []
    for namespace, time in before.items():
        query = select(memories.c.uid).where(memories.c.namespace == namespace, memories.c.forgotten_at <= time)
        found.extend(connection.execute(query.limit(limit - len(found))).scalars())
        if len(found) >= limit:
            break
    return found


def remove(connection: Connection, uids: Sequence[str], *, sayings: bool) -> int:
    """Delete memories with their revisions, attributes and sources, and, with `sayings`, what they were a source of.

    Without, only what was withdrawn goes. Returns how many such sources it was.
    """
    gone = 0
    touched: set[str] = set()
    for start in range(0, len(uids), SOME):
        some = uids[start : start + SOME]
        said = delete(corroborations).where(corroborations.c.memory.in_(some))
        said = said if sayings else said.where(corroborations.c.withdrawn_at.is_not(None))
        found = connection.execute(said.returning(corroborations.c.uid)).scalars().all()
        gone, touched = gone + len(found), touched | set(found)
        connection.execute(delete(memories).where(memories.c.uid.in_(some)))
    sources.recount(connection, sorted(touched))
    return gone


def remove_sayings(connection: Connection, before: Mapping[str, int]) -> int:
    """Delete what was said of memories and taken back before a time that depends on their namespace."""
    gone = 0
    for namespace, time in before.items():
        of = select(memories.c.uid).where(memories.c.namespace == namespace)
        said = delete(corroborations).where(
            corroborations.c.forget_id.is_not(None), corroborations.c.withdrawn_at <= time, corroborations.c.uid.in_(of)
        )
        gone += len(connection.execute(said.returning(corroborations.c.uid)).all())
    return gone


def said_in(connection: Connection) -> list[str]:
    """The namespaces of memories of which anything said was taken back."""
    query = select(memories.c.namespace).join(corroborations, corroborations.c.uid == memories.c.uid)
    return list(connection.execute(query.where(corroborations.c.forget_id.is_not(None)).distinct()).scalars())


def of_user(connection: Connection, user: str) -> list[AnyRow]:
    """Every memory about a user, forgotten ones included."""
    return list(connection.execute(select(memories).where(memories.c.user == user).order_by(memories.c.number)))


def remove_kept(connection: Connection, user: str, uids: Sequence[str]) -> tuple[int, int]:
    """Delete the documents about a user, or found by these memories, and the user's threads; returns how many each."""
    gone = connection.execute(delete(documents).where(documents.c.user == user)).rowcount
    for start in range(0, len(uids), SOME):
        found = documents.c.uid.in_(uids[start : start + SOME])
        gone += connection.execute(delete(documents).where(found)).rowcount
    return gone, connection.execute(delete(threads).where(threads.c.user == user)).rowcount


def remove_coordinated(connection: Connection, user: str) -> int:
    """Delete the tasks, facts, alerts, handoffs, entities and edges about a user; returns how many.

    With them what the user's events say, and the places of consumers whose handles were bound to the user.
    """
    gone = graph.remove_user(connection, user)
    for table in (tasks, facts, alerts, handoffs):
        gone += int(connection.execute(delete(table).where(table.c.user == user)).rowcount)
    recount(connection)
    connection.execute(delete(event_bodies).where(event_bodies.c.user == user))
    connection.execute(delete(consumers).where(consumers.c.user == user))
    graph.sweep(connection)
    return gone


def remove_user(connection: Connection, user: str) -> int:
    """Delete a user's sessions, what was still to be extracted, and the key of their pseudonym; returns how many."""
    gone = connection.execute(delete(sessions).where(sessions.c.user == user).returning(sessions.c.id)).all()
    connection.execute(delete(extractions).where(func.json_extract(extractions.c.identity, "$.user") == user))
    connection.execute(delete(user_keys).where(user_keys.c.user == user))
    return len(gone)
