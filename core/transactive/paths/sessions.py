"""Sessions: begun, ended, summed up, and read in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from transactive.errors import AccessDenied, InvalidInput, NotFound
from transactive.ledger import sessions
from transactive.ledger.times import stamp
from transactive.models import Models, ModelsLike
from transactive.paths.admission import check_session
from transactive.paths.incoming import check_count, check_metadata, check_name, optional_name
from transactive.paths.remember import Remembering
from transactive.paths.writing import Writing
from transactive.records import Memory, NewMemory, SessionInfo, Transcript
from transactive.rules.access import Identity, Reach, most_sensitive


class Sitting:
    """Begins and ends sessions."""

    def __init__(self, writing: Writing, remembering: Remembering, models: Models) -> None:
        self._writing = writing
        self._remembering = remembering
        self._models = models
        self._store = writing.store

    def start(self, identity: Identity, id: str | None, metadata: Mapping[str, Any] | None) -> SessionInfo:
        """A new session under a fresh id; with an id, that one, which must be new or the identity's own and open."""
        name = self._store.new_id() if id is None else check_name(id, "a session")
        noted = check_metadata(metadata)
        with self._writing.change(identity, "start_session") as change:
            found = sessions.by_ids(change.connection, [name]).get(name)
            if found is not None:
                check_session(found, identity.user, identity.app)
                if found.agent != identity.agent:
                    raise AccessDenied(f"session {name!r:.100} was begun by another agent; take part with session=")
                return found
            info = SessionInfo(
                id=name,
                agent=identity.agent,
                user=identity.user,
                app=identity.app,
                started_at=change.now,
                metadata=noted,
            )
            sessions.add(change.connection, [info])
        return info

    def end(self, identity: Identity, id: str, summary: ModelsLike | bool, namespace: str | None) -> SessionInfo:
        """Close a session for good, after summing it up if that was asked for; closed already, it stays as it is."""
        name = check_name(id, "a session")
        info = self.info(identity, name)
        if info.closed:
            return info
        said = self.transcript(identity, name) if summary not in (None, False) else ()
        uid = self._summed_up(identity, info, said, summary, namespace).uid if said else None
        with self._writing.change(identity, "end_session") as change:
            values: dict[str, Any] = {"ended_at": stamp(change.now), "ended_by": identity.agent}
            sessions.change(change.connection, name, **values, **({} if uid is None else {"summary": uid}))
            return sessions.by_ids(change.connection, [name])[name]

    def _summed_up(
        self, identity: Identity, info: SessionInfo, said: Any, summary: ModelsLike | bool, namespace: str | None
    ) -> Memory:
        turns: list[Memory] = list(said)
        text = self._models.summary(turns, None if summary is True else summary)
        item = NewMemory(
            text=text,
            kind="episodic",
            user=info.user,
            session=info.id,
            tags=("summary",),
            sensitivity=most_sensitive(turns),
            derived_from=tuple(turn.uid for turn in turns),
        )
        return self._remembering.one(identity, item, namespace)

    def info(self, identity: Identity, id: str) -> SessionInfo:
        """A session that the identity began (or any, for the owner); `NotFound` otherwise."""
        self._store.check()
        with self._store.ledger.read() as connection:
            found = sessions.by_ids(connection, [id]).get(id)
        if found is None or not _own(identity, found):
            raise NotFound(f"no session {id!r:.100} that {identity.agent!r} has begun")
        return found

    def transcript(self, identity: Identity, id: str) -> Transcript:
        """What was contributed to a session, as far as the identity may read it, in order."""
        name = check_name(id, "a session")
        self._store.check()
        with self._store.ledger.read() as connection:
            reach = self._reach(connection, identity)
            found = sessions.transcript(connection, name, reach.condition(), self._store.clock())
        return Transcript(found, session=name)

    def listed(self, identity: Identity, user: str | None, limit: int) -> list[SessionInfo]:
        """The sessions that the identity began, latest first; for the owner, all."""
        self._store.check()
        conditions = {} if identity.is_owner else {"agent": identity.agent}
        about = optional_name(user, "a user") or identity.user
        if identity.user not in {None, about}:
            raise InvalidInput("this handle is bound to one user and sees that user's sessions only; leave user= out")
        if about is not None:
            conditions["user"] = about
        with self._store.ledger.read() as connection:
            return sessions.listed(connection, conditions, check_count(limit, "limit", least=1, most=10_000))

    def _reach(self, connection: Connection, identity: Identity) -> Reach:
        return self._store.reach(connection, identity)


def _own(identity: Identity, info: SessionInfo) -> bool:
    mine = identity.is_owner or info.agent == identity.agent
    return mine and (identity.user is None or info.user in {None, identity.user})
