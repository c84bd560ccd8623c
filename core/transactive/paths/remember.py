"""remember, remember_many, publish: check everything, embed, write one transaction a batch, index it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from transactive.embedding.protocol import Vectors, embed_documents
from transactive.errors import AccessDenied, DuplicateId, InvalidInput, NotFound
from transactive.ledger import events, memories, namespaces
from transactive.ledger.times import stamp
from transactive.namespaces import check_path
from transactive.paths.incoming import check_item, check_items, expiry
from transactive.paths.points import MOST_TURN_TERMS
from transactive.paths.reading import Reading
from transactive.paths.writing import Change, Writing
from transactive.policies import effective
from transactive.records import Memory, NewMemory, Right
from transactive.rules import ids
from transactive.rules.access import Identity, Reach
from transactive.rules.cues import tells_when

BATCH = 1000
DEFAULT_IMPORTANCE = 0.5
_MOST_SESSIONS = 10_000
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked item on its way in."""

    memory: Memory
    turn: bool


class Remembering:
    """Takes memories in."""

    def __init__(self, writing: Writing, reading: Reading) -> None:
        self._writing = writing
        self._reading = reading
        self._store = writing.store
        self._sessions: set[str] = set()
        """Sessions that the ledger has already, so that their further turns need not ask; a bounded cache."""

    def one(self, identity: Identity, item: NewMemory, namespace: str | None = None) -> Memory:
        """Remember one item."""
        return self.many(identity, [item], namespace, action="remember")[0]

    def many(
        self,
        identity: Identity,
        items: Iterable[str | NewMemory],
        namespace: str | None = None,
        *,
        report: Report | None = None,
        action: str = "remember_many",
    ) -> list[Memory]:
        """Remember every item or, when one is invalid, none: the error names its place.

        Written in batches of 1,000: a crash in the middle leaves whole batches.
        """
        self._store.check()
        given = check_items(items)
        drafts = self._drafts(identity, given, namespace, alone=action == "remember")
        self._check_ids(drafts, alone=action == "remember")
        done: list[Memory] = []
        for start in range(0, len(drafts), BATCH):
            some = drafts[start : start + BATCH]
            self._write(identity, some, action)
            done.extend(draft.memory for draft in some)
            if report is not None:
                report(len(done), len(drafts))
        return done

    def _drafts(self, identity: Identity, items: Sequence[Any], namespace: str | None, *, alone: bool) -> list[Draft]:
        default = check_path(namespace) if namespace is not None else identity.private
        now = self._store.clock()
        with self._store.ledger.read() as connection:
            heads = events.read(connection)
            reach = self._store.reach(connection, identity, heads)
            tables = self._store.tables(connection, heads)
            drafts: list[Draft] = []
            for place, item in enumerate(items):
                try:
                    new = check_item(item)
                    where = check_path(new.namespace) if new.namespace is not None else default
                    check_may_write(reach, where, new.verified)
                    sources = self._sources(connection, reach, new, where)
                    ttl = new.ttl if new.ttl is not None else effective(tables.policies, where).ttl
                    drafts.append(self._draft(identity, replace(new, derived_from=sources), where, now, ttl))
                except (InvalidInput, AccessDenied, NotFound) as error:
                    if alone:
                        raise
                    raise type(error)(f"item {place}: {error}; nothing was written") from error
        return drafts

    def _sources(self, connection: Connection, reach: Reach, new: NewMemory, namespace: str) -> list[str]:
        """The uids of what a memory is derived from; `NotFound` unless each is a memory that the writer can read."""
        return [self._reading.row(connection, reach, source, namespace).uid for source in new.derived_from]

    def _draft(self, identity: Identity, new: NewMemory, namespace: str, now: datetime, ttl: Any) -> Draft:
        if identity.user is not None and new.user not in {None, identity.user}:
            raise AccessDenied("this handle is bound to one user and writes about that user only; leave user= out")
        session = new.session or identity.session
        uid = ids.of_foreign(self._store.settings.store_id, namespace, new.id) if new.id else self._store.new_id()
        memory = Memory(
            id=new.id or uid,
            uid=uid,
            namespace=namespace,
            kind=new.kind or ("episodic" if session else "semantic"),
            text=new.text,
            importance=DEFAULT_IMPORTANCE if new.importance is None else new.importance,
            agent=identity.agent,
            created_at=new.created_at or now,
            recorded_at=now,
            updated_at=now,
            version=1,
            user=new.user or identity.user,
            session=session,
            app=identity.app,
            tags=tuple(new.tags),
            metadata=new.metadata or {},
            source=new.source,
            confidence=new.confidence,
            sensitivity=new.sensitivity or "internal",
            verified_by=identity.agent if new.verified else None,
            verified_at=now if new.verified else None,
            expires_at=expiry(now, ttl),
            derived_from=tuple(new.derived_from),
        )
        return Draft(memory, is_turn(self._writing, memory))

    def _check_ids(self, drafts: Sequence[Draft], *, alone: bool) -> None:
        chosen = [(n, draft.memory) for n, draft in enumerate(drafts) if draft.memory.id != draft.memory.uid]
        if not chosen:
            return
        with self._store.ledger.read() as connection:
            taken = memories.taken(connection, [memory.uid for _, memory in chosen])
        for place, memory in chosen:
            if memory.uid in taken:
                raise _duplicate(memory, None if alone else place)
            taken.add(memory.uid)

    def _write(self, identity: Identity, drafts: Sequence[Draft], action: str) -> None:
        fresh = self._embedded(drafts)
        try:
            with self._writing.change(identity, action) as change:
                self._insert(change, drafts)
                change.fresh = fresh
        except IntegrityError as error:  # somebody took the id between the check and the transaction
            chosen = next((draft.memory for draft in drafts if draft.memory.id != draft.memory.uid), drafts[0].memory)
            raise _duplicate(chosen) from error
        if any(draft.memory.expires_at is not None for draft in drafts):
            self._store.expiring = True
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.clear()
        self._sessions.update(draft.memory.session for draft in drafts if draft.memory.session is not None)

    def _embedded(self, drafts: Sequence[Draft]) -> dict[str, tuple[int, Vectors]]:
        """Vectors, computed before the transaction; where there is no index, whoever owns it computes them."""
        if self._store.index is None:
            return {}
        vectors = embed_documents(self._store.encoders.embedder, [draft.memory.text for draft in drafts])
        return {draft.memory.uid: (1, vector) for draft, vector in zip(drafts, vectors, strict=True)}

    def _insert(self, change: Change, drafts: Sequence[Draft]) -> None:
        connection = change.connection
        places = list(dict.fromkeys(draft.memory.namespace for draft in drafts))
        for place in places:
            check_may_write(change.reach, place, any(d.memory.verified for d in drafts if d.memory.namespace == place))
        namespaces.add(connection, [place for place in places if place not in change.tables.namespaces], change.now)
        memories.displace(connection, [d.memory.uid for d in drafts if d.memory.id != d.memory.uid], self._store.new_id)
        rows = [
            memories.to_row(draft.memory, turn=draft.turn, tells_when=tells_when(draft.memory.text)) for draft in drafts
        ]
        memories.add(connection, rows)
        self._note_sessions(change, drafts)
        turns = [draft.memory.uid for draft in drafts if draft.turn]
        if turns:
            change.turned(turns)
            change.neighbours.difference_update(turns)
        for draft in drafts:
            change.changed(draft.memory)
        change.target = places[0] if len(places) == 1 else f"{len(places)} namespaces"

    def _note_sessions(self, change: Change, drafts: Sequence[Draft]) -> None:
        first: dict[str, Memory] = {}
        for draft in drafts:
            session = draft.memory.session
            if session is not None and session not in self._sessions:
                first.setdefault(session, draft.memory)
        rows = [
            {
                "id": id,
                "agent": m.agent,
                "user": m.user,
                "app": m.app,
                "started_at": stamp(min(m.created_at, change.now)),
            }
            for id, m in first.items()
        ]
        namespaces.add_sessions(change.connection, rows)


def is_turn(writing: Writing, memory: Memory) -> bool:
    """Whether a memory is a conversational turn: episodic, in a session, and of at most 60 terms."""
    if memory.kind != "episodic" or memory.session is None:
        return False
    return len(memory.text) < 4000 and writing.store.encoders.sparse.terms(memory.text) <= MOST_TURN_TERMS


def check_may_write(reach: Reach, namespace: str, verified: bool = False) -> None:
    """`AccessDenied` unless the identity may write there, and verify there if it claims to."""
    needed: list[Right] = ["write", "verify"] if verified else ["write"]
    for right in needed:
        if not reach.may(right, namespace):
            agent = reach.identity.agent
            raise AccessDenied(
                f"{agent!r} may not {right} in {namespace!r}; the owner of the store can allow it: "
                f"team.grant({agent!r}, {namespace!r}, {right!r})"
            )


def _duplicate(memory: Memory, place: int | None = None) -> DuplicateId:
    where = "" if place is None else f"item {place}: "
    return DuplicateId(
        f"{where}the id {memory.id!r:.100} is taken in {memory.namespace!r}; to change that memory use revise(), "
        "to have a fresh id leave id= out; nothing was written"
    )
