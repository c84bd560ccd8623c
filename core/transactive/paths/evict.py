"""Eviction: what a full namespace forgets first."""

from __future__ import annotations

import heapq

from transactive.ledger import events, memories
from transactive.ledger.times import unstamp
from transactive.policies import Policy, effective
from transactive.rules import decay, retention
from transactive.store import Store


def beyond(store: Store) -> list[str]:
    """The uids beyond each namespace's `max_memories`, of the lowest retention score, lowest first."""
    with store.ledger.read() as connection:
        tables = store.tables(connection, events.read(connection))
        if all(policy.max_memories is None for policy in tables.policies.values()):
            return []
        places = {place: effective(tables.policies, place) for place in sorted(tables.namespaces)}
    found: list[str] = []
    for place, policy in places.items():
        if policy.max_memories is not None:
            found.extend(_lowest(store, place, policy, policy.max_memories))
    return found


def _lowest(store: Store, namespace: str, policy: Policy, most: int) -> list[str]:
    now = store.clock()
    with store.ledger.read() as connection:
        excess = memories.held(connection, namespace, now) - most
        if excess <= 0:
            return []
        scored: list[tuple[float, int, str]] = []
        for rows in memories.retained(connection, namespace, now):
            scored += [
                (
                    retention.score(
                        row.importance,
                        decay.kept(policy, row.kind, unstamp(row.created_at), unstamp(row.used_at or None), now),
                    ),
                    row.number,
                    row.uid,
                )
                for row in rows
            ]
            scored = heapq.nsmallest(excess, scored)
    return [uid for _, _, uid in scored]
