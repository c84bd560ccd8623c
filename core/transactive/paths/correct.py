"""correct and verify: a memory that takes the place of another, and one that somebody vouches for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from transactive.errors import AccessDenied
from transactive.ledger import memories
from transactive.paths.admission import check_admission, check_may
from transactive.paths.incoming import check_name
from transactive.paths.promote import Promoting
from transactive.paths.reading import Reading
from transactive.paths.remember import Remembering
from transactive.paths.writing import Writing
from transactive.policies import effective
from transactive.records import Memory, NewMemory
from transactive.rules.access import Identity


class Correcting:
    """Sets right, and vouches for."""

    def __init__(self, writing: Writing, reading: Reading, remembering: Remembering, promoting: Promoting) -> None:
        self._writing = writing
        self._reading = reading
        self._remembering = remembering
        self._promoting = promoting
        self._store = writing.store

    def correct(self, identity: Identity, id: str, given: NewMemory, namespace: str | None) -> Memory:
        """A new memory in the place of an old one; what `given` leaves open is as it was in the old one."""
        old = self._reading.get(identity, id, namespace)
        if identity.user is not None and old.user is None:
            raise AccessDenied("a handle bound to a user corrects what is about that user; use one that is not bound")
        kept: dict[str, Any] = {
            "kind": old.kind,
            "importance": old.importance,
            "tags": old.tags,
            "metadata": old.metadata,
            "user": old.user,
            "sensitivity": old.sensitivity,
        }
        asked = {name: value for name, value in kept.items() if getattr(given, name) in (None, ())}
        item = replace(given, namespace=old.namespace, supersedes=(old.uid,), **asked)
        return self._remembering.one(identity, item, old.namespace, action="correct")

    def verify(self, identity: Identity, id: str, by: str | None, namespace: str | None) -> Memory:
        """Mark a memory verified: a new version of it; verified already, it stays as it is."""
        if by is not None and not identity.is_owner:
            raise AccessDenied("by= names a person, and only the owner of the store may: team.verify(…, by=…)")
        verifier = identity.agent if by is None else check_name(by, "who verified it", longest=200)
        with self._writing.change(identity, "verify") as change:
            row = self._reading.row(change.connection, change.reach, id, namespace)
            old = memories.to_memory(row)
            check_may(change.reach, "verify", old.namespace)
            change.target = old.namespace
            if old.verified:
                return old
            new = replace(
                old, verified_by=verifier, verified_at=change.now, version=old.version + 1, updated_at=change.now
            )
            policy = effective(change.tables.policies, old.namespace)
            check_admission(new, policy)
            change.turned([row.uid])  # its neighbours were those that are not verified …
            memories.replace(change.connection, old, new, turn=row.turn, tells_when=row.tells_when, by=identity.agent)
            change.changed(new)
            change.turned([row.uid])  # … and are now those that are
            change.neighbours.discard(row.uid)
            self._promoting.by_policy(change, new, (), None)
        return new
