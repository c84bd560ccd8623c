"""why: a memory with all that it goes back to, as far as the asker may read it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from transactive.ledger import corroborations, lineage, memories
from transactive.paths.reading import Reading
from transactive.records import Memory, Provenance, Relation
from transactive.rules.access import Identity, Reach
from transactive.store import Store

MOST = 500
"""How many memories one tree shows; a summary may rest on thousands."""


class Explaining:
    """Draws provenance trees."""

    def __init__(self, store: Store, reading: Reading) -> None:
        self._store = store
        self._reading = reading

    def why(self, identity: Identity, id: str, namespace: str | None) -> Provenance:
        """The tree of one live memory. Forgotten origins are shown until they are purged, expired ones are not."""
        self._store.check()
        with self._store.ledger.read() as connection:
            reach = self._store.reach(connection, identity)
            row = self._reading.row(connection, reach, id, namespace)
            return self._node(connection, reach, row.uid, "", {row.uid})

    def _node(self, connection: Connection, reach: Reach, uid: str, relation: Relation, seen: set[str]) -> Provenance:
        row = memories.by_uids(connection, [uid]).get(uid)
        memory = None if row is None else memories.to_memory(row)
        if row is None or memory is None or not self._shows(reach, memory):
            return Provenance(uid=uid, relation=relation)
        below: list[Provenance] = []
        for name, other in self._origins(connection, memory):
            if other not in seen and len(seen) < MOST:
                seen.add(other)
                below.append(self._node(connection, reach, other, name, seen))
        return Provenance(
            uid=uid,
            relation=relation,
            memory=memory,
            revisions=tuple(memories.history(connection, row)[:-1]),
            sources=tuple(corroborations.of(connection, uid)),
            origins=tuple(below),
        )

    def _shows(self, reach: Reach, memory: Memory) -> bool:
        over = memory.expires_at is not None and memory.expires_at <= self._store.clock()
        return reach.sees(memory) and not over

    def _origins(self, connection: Connection, memory: Memory) -> Iterator[tuple[Relation, str]]:
        if memory.promoted_from is not None:
            yield "promoted from", memory.promoted_from
        for uid in memory.derived_from:
            yield "derived from", uid
        for uid in memory.supersedes:
            yield "supersedes", uid
        if memory.superseded_by is not None:
            yield "superseded by", memory.superseded_by
        for copy in lineage.copies(connection, memory.uid):
            if copy.forgotten_at is None:
                yield "promoted to", copy.uid
