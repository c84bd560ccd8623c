"""purge and erase: deleted for good, out of every file of the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transactive.errors import AccessDenied
from transactive.ledger import events, graph, lineage, manifest, memories, purge
from transactive.ledger.times import stamp
from transactive.paths.incoming import check_name
from transactive.paths.writing import Writing
from transactive.policies import horizon
from transactive.records import Erased
from transactive.rules.access import Identity

STEP = 20


class Erasing:
    """Deletes what is forgotten long enough, and all about a user at once."""

    def __init__(self, writing: Writing, owner: Identity) -> None:
        self._writing = writing
        self._owner = owner
        self._store = writing.store

    def purge(self, pause: Callable[[int], None]) -> int:
        """Delete what was forgotten longer ago than the policies keep it, step by step; returns how many it was."""
        done = 0
        while True:
            with self._store.ledger.read() as connection:
                places = purge.forgotten_in(connection)
            before = self._horizons(places)
            with self._store.ledger.read() as connection:
                uids = purge.due(connection, before, STEP) if before else []
            if not uids:
                break
            with self._writing.change(self._owner, "purge") as change:
                purge.remove(change.connection, uids, sayings=False)
                graph.sweep(change.connection)
                manifest.write(change.connection, unscrubbed=True)
                change.details = {"memories": len(uids)}
            done += len(uids)
            pause(done)
        if self._purge_sayings() or done or self._noted("unscrubbed"):
            self._forget_caches()
            self._store.ledger.scrub()
            self._note(unscrubbed=False)
        return done

    def _purge_sayings(self) -> int:
        with self._store.ledger.read() as connection:
            places = purge.said_in(connection)
        before = self._horizons(places)
        if not before:
            return 0
        with self._store.ledger.write() as connection:
            manifest.write(connection, unscrubbed=True)
            return purge.remove_sayings(connection, before)

    def _horizons(self, places: Sequence[str]) -> dict[str, int]:
        """For each of these namespaces, the time before which what was forgotten was forgotten too long ago."""
        with self._store.ledger.read() as connection:
            policies = self._store.tables(connection).policies
        now = self._store.clock()
        return {place: stamp(horizon(policies, place, now)) for place in places}

    def erase(self, identity: Identity, user: str) -> Erased:
        """Delete all about a user, with copies and what was derived from it; the index must then be rebuilt."""
        if not identity.is_owner:
            raise AccessDenied("only the owner of the store can erase a user: team.erase(user=…)")
        name = check_name(user, "a user")
        with self._writing.change(identity, "erase") as change:
            rows = purge.of_user(change.connection, name)
            uids = [row.uid for row in rows]
            uids += sorted(lineage.descendants(change.connection, uids))
            found = memories.by_uids(change.connection, uids)
            change.turned([row.uid for row in found.values() if row.turn])
            change.neighbours.difference_update(uids)
            change.neighbours.update(lineage.reinstate(change.connection, uids, change.now))
            change.neighbours.difference_update(uids)
            for row in found.values():
                change.changed(memories.to_memory(row))
            for event in change.rows:
                event["user"] = events.ERASED  # the event says that a memory went, and no longer whose it was
            documents, threads = purge.remove_kept(change.connection, name, uids)
            sources = purge.remove(change.connection, uids, sayings=True)
            sessions = purge.remove_user(change.connection, name)
            coordinated = purge.remove_coordinated(change.connection, name)
            change.details = {"sources": sources, "sessions": sessions, "documents": documents, "threads": threads}
            change.details["coordinated"] = coordinated
            manifest.write(change.connection, erasing=True)
        self._forget_caches()
        return Erased(
            memories=len(uids),
            sources=sources,
            sessions=sessions,
            documents=documents,
            threads=threads,
            coordinated=coordinated,
        )

    def unfinished(self) -> bool:
        """Whether an erasure was interrupted before the index was built anew."""
        return self._noted("erasing")

    def finished(self) -> None:
        """Nothing erased is left in any file."""
        self._note(erasing=False)

    def _noted(self, key: str) -> bool:
        with self._store.ledger.read() as connection:
            return bool(manifest.read(connection).get(key))

    def _note(self, **values: bool) -> None:
        with self._store.ledger.write() as connection:
            manifest.write(connection, **values)

    def _forget_caches(self) -> None:
        self._store.forget_known()
        self._store.accessed = {}
        for forget in self._store.forgetters:
            forget()
