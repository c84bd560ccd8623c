"""remember, remember_many, publish: check everything, embed, write one transaction a batch, index it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from transactive.embedding.protocol import Vectors, embed_documents
from transactive.errors import AccessDenied, DuplicateId, InvalidInput, NotFound, VersionConflict
from transactive.ledger import events, lineage, memories
from transactive.namespaces import check_path
from transactive.paths.admission import (
    check_admission,
    check_may_change,
    check_may_write,
    check_no_document,
    join_sessions,
    take_tokens,
)
from transactive.paths.incoming import check_item, check_items, expiry
from transactive.paths.judging import MOST_LOOKED_UP, Draft, Judging
from transactive.paths.points import is_turn
from transactive.paths.promote import Promoting
from transactive.paths.reading import Reading
from transactive.paths.reinforce import reinforce, told_apart
from transactive.paths.writing import Change, Writing
from transactive.policies import Policy, effective
from transactive.records import Found, Memory, NewMemory
from transactive.rules import ids
from transactive.rules.access import Identity, Reach, clears
from transactive.rules.cues import tells_when

BATCH = 1000
ALONE = frozenset({"remember", "correct", "resolve"})
"""Calls that take one item: an error need not name its place."""


class Connecting(Protocol):
    """Takes what is written into the knowledge graph, where the policy says so."""

    def found(self, memories: Sequence[Memory], policies: Mapping[str, Policy]) -> dict[int, list[Found]]:
        """Before the transaction: what each memory, by its place, says is connected."""
        ...

    def connect(self, change: Change, memory: Memory, found: Sequence[Found]) -> None:
        """Within it: put that into the graph."""
        ...


Report = Callable[[int, int], None]
Also = Callable[[Change, Sequence[Memory]], None]


class Remembering:
    """Takes memories in."""

    def __init__(self, writing: Writing, reading: Reading, judging: Judging, promoting: Promoting) -> None:
        self._writing = writing
        self._reading = reading
        self._judging = judging
        self._promoting = promoting
        self._store = writing.store
        self.connecting: Connecting | None = None

    def one(
        self, identity: Identity, item: NewMemory, namespace: str | None = None, *, action: str = "remember"
    ) -> Memory:
        """Remember one item."""
        return self.many(identity, [item], namespace, action=action)[0]

    def many(
        self,
        identity: Identity,
        items: Iterable[str | NewMemory],
        namespace: str | None = None,
        *,
        report: Report | None = None,
        action: str = "remember_many",
        also: Also | None = None,
    ) -> list[Memory]:
        """Remember every item or, when one is invalid, none: the error names its place.

        Written in batches of 1,000: a crash in the middle leaves whole batches. `also` runs in each transaction.
        """
        self._store.check()
        given = check_items(items)
        alone = action in ALONE
        drafts, policies = self._drafts(identity, given, namespace, alone=alone)
        self._check_ids(drafts, alone=alone)
        drafts = self._judging.scored(drafts)
        done: list[Memory] = []
        few = len(drafts) <= MOST_LOOKED_UP
        rated = [draft.memory.namespace for draft in drafts]  # the first batch takes the tokens of all
        for start in range(0, len(drafts), BATCH):
            some = drafts[start : start + BATCH]
            ahead = () if start else rated
            done.extend(self._write(identity, some, policies, action, also=also, ahead=ahead, few=few))
            if report is not None:
                report(len(done), len(drafts))
        return done

    def _drafts(
        self, identity: Identity, items: Sequence[Any], namespace: str | None, *, alone: bool
    ) -> tuple[list[Draft], dict[str, Policy]]:
        """The items, checked, and the policies of their namespaces."""
        default = check_path(namespace) if namespace is not None else identity.private
        now = self._store.clock()
        policies: dict[str, Policy] = {}
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
                    policy = policies.get(where) or policies.setdefault(where, effective(tables.policies, where))
                    drafts.append(
                        self._draft(identity, self._sourced(connection, reach, new, where), where, now, policy)
                    )
                except (InvalidInput, AccessDenied, NotFound, VersionConflict) as error:
                    if alone or isinstance(error, VersionConflict):
                        raise
                    raise type(error)(f"item {place}: {error}; nothing was written") from error
        return drafts, policies

    def _sourced(self, connection: Connection, reach: Reach, new: NewMemory, namespace: str) -> NewMemory:
        """With the uids of what it rests on and corrects; `NotFound` unless the writer can read each."""
        derived, superseded = (
            [self._reading.row(connection, reach, id, namespace) for id in ids] if ids else []
            for ids in (new.derived_from, new.supersedes)
        )
        for row in superseded:
            self._check_superseded(connection, reach, memories.to_memory(row))
        return replace(new, derived_from=[r.uid for r in derived], supersedes=[r.uid for r in superseded])

    def _check_superseded(self, connection: Connection, reach: Reach, old: Memory) -> None:
        check_may_change(reach, old)
        check_no_document(old)
        if old.superseded_by is not None:
            current = self._reading.standing(connection, reach, old)
            raise VersionConflict(f"memory {old.id!r:.100} was superseded already; correct .current", current)

    def _draft(self, identity: Identity, new: NewMemory, namespace: str, now: datetime, policy: Policy) -> Draft:
        if identity.user is not None and new.user not in {None, identity.user}:
            raise AccessDenied("this handle is bound to one user and writes about that user only; leave user= out")
        memory = self._memory(identity, new, namespace, now, policy)
        check_admission(memory, policy)
        turn = is_turn(self._store.encoders, memory)
        return Draft(memory, turn, own_id=new.id is not None, importance_given=new.importance is not None)

    def _memory(self, identity: Identity, new: NewMemory, namespace: str, now: datetime, policy: Policy) -> Memory:
        """What an item is once all that it leaves open is filled in."""
        session = new.session or identity.session
        uid = ids.of_foreign(self._store.settings.store_id, namespace, new.id) if new.id else self._store.new_id()
        ttl: Any = new.ttl if new.ttl is not None else policy.ttl
        return Memory(
            id=new.id or uid,
            uid=uid,
            namespace=namespace,
            kind=new.kind or ("episodic" if session else "semantic"),
            text=new.text,
            importance=new.importance or 0.0,
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
            supersedes=tuple(new.supersedes),
        )

    def _check_ids(self, drafts: Sequence[Draft], *, alone: bool) -> None:
        chosen = [(n, draft.memory) for n, draft in enumerate(drafts) if draft.memory.id != draft.memory.uid]
        if not chosen:
            return
        with self._store.ledger.read() as connection:
            taken = memories.taken(connection, [memory.uid for _, memory in chosen], self._store.clock())
        for place, memory in chosen:
            if memory.uid in taken:
                raise _duplicate(memory, None if alone else place)
            taken.add(memory.uid)

    def _write(
        self,
        identity: Identity,
        drafts: Sequence[Draft],
        policies: Mapping[str, Policy],
        action: str,
        *,
        also: Also | None,
        ahead: Sequence[str],
        few: bool,
    ) -> list[Memory]:
        vectors = self._embedded(drafts)
        judged = self._judging.judged(identity, drafts, vectors, policies, few=few)
        near = self._targets(identity, judged, vectors)
        drafted = [draft.memory for draft in judged]
        found = {} if self.connecting is None else self.connecting.found(drafted, policies)
        try:
            with self._writing.change(identity, action) as change:
                written = self._insert(change, judged, vectors, near, policies, ahead=ahead)
                if also is not None:
                    also(change, written)
                for place, connections in found.items():
                    assert self.connecting is not None
                    self.connecting.connect(change, written[place], connections)
        except IntegrityError as error:  # somebody took the id between the check and the transaction
            chosen = next((draft.memory for draft in judged if draft.own_id), judged[0].memory)
            raise _duplicate(chosen) from error
        self._store.count("writes", len(written))
        if any(draft.memory.expires_at is not None for draft in judged):
            self._store.expiring = True
        return written

    def _embedded(self, drafts: Sequence[Draft]) -> Vectors:
        """Vectors, computed before the transaction; where there is no index, whoever owns it computes them."""
        texts = [] if self._store.index is None else [draft.memory.text for draft in drafts]
        return embed_documents(self._store.encoders.embedder, texts)

    def _targets(self, identity: Identity, drafts: Sequence[Draft], vectors: Vectors) -> dict[int, tuple[str, ...]]:
        """For each draft that policy will promote, what may say the same in its target already."""
        policies = self._store.latest.policies
        near: dict[int, tuple[str, ...]] = {}
        for place, draft in enumerate(drafts):
            to = self._promoting.target(draft.memory, policies)
            if to is not None and len(vectors):
                near[place] = self._promoting.near(identity, to, vectors[place])
        return near

    def _insert(
        self,
        change: Change,
        drafts: Sequence[Draft],
        vectors: Vectors,
        near: Mapping[int, tuple[str, ...]],
        policies: Mapping[str, Policy],
        *,
        ahead: Sequence[str],
    ) -> list[Memory]:
        new, again = told_apart(change, drafts, policies)
        self._admit(change, drafts, ahead)
        self._displace(change, [draft.memory.uid for draft in drafts if draft.own_id])
        self._add(change, list(new.values()))
        change.fresh.update((d.memory.uid, (1, vectors[n])) for n, (d, *_) in new.items() if len(vectors))
        written = {n: draft.memory for n, (draft, *_) in new.items()}
        self._store.count("rework_avoided", len(again))
        for n, (draft, old) in again.items():
            written[n] = self._said_again(change, draft, old, written)
        for n in range(len(drafts)):
            vector = vectors[n] if len(vectors) and n in new else None
            self._promoting.by_policy(change, written[n], near.get(n, ()), vector)
        return [written[n] for n in range(len(drafts))]

    def _add(self, change: Change, new: Sequence[tuple[Draft, bytes | None, bool]]) -> None:
        rows = [
            memories.to_row(d.memory, turn=d.turn, tells_when=tells_when(d.memory.text), text_key=key, sole=sole)
            for d, key, sole in new
        ]
        memories.add(change.connection, rows)
        for draft, *_ in new:
            change.changed(draft.memory)
            self._supersede(change, draft.memory)
        self._turned(change, [draft.memory.uid for draft, *_ in new if draft.turn])

    def _said_again(self, change: Change, draft: Draft, old: Memory | int, written: Mapping[int, Memory]) -> Memory:
        """What a draft repeats, a memory or a draft before it, gains what is said with it."""
        own = isinstance(old, int)  # what the same call has just written may gain all that the call says
        said = written[old] if isinstance(old, int) else old
        current = memories.to_memory(memories.by_uids(change.connection, [said.uid])[said.uid])
        return reinforce(change, current, draft.memory, importance_given=draft.importance_given, may_change=own)

    def _displace(self, change: Change, uids: Sequence[str]) -> None:
        """An id that a forgotten or expired memory had is free again."""
        over = memories.expired_among(change.connection, uids, change.now)
        memories.forget(change.connection, [old.uid for old in over], self._store.new_id(), change.now)
        for old in over:
            change.changed(old, "expire")
        memories.displace(change.connection, uids, self._store.new_id)

    def _admit(self, change: Change, drafts: Sequence[Draft], ahead: Sequence[str]) -> None:
        """Once more what was checked before the transaction, and what only it can decide: rates and sessions."""
        verified = {d.memory.namespace for d in drafts if d.memory.verified}
        places = list(dict.fromkeys(draft.memory.namespace for draft in drafts))
        for place in places:
            check_may_write(change.reach, place, place in verified)
        take_tokens(change, ahead)
        join_sessions(change, [draft.memory for draft in drafts])
        change.enter(places)
        change.target = places[0] if len(places) == 1 else f"{len(places)} namespaces"

    def _supersede(self, change: Change, memory: Memory) -> None:
        if not memory.supersedes:
            return
        for old in memories.by_uids(change.connection, memory.supersedes).values():
            former = memories.to_memory(old)
            self._check_superseded(change.connection, change.reach, former)
            as_open = clears(former.sensitivity, memory.sensitivity)
            if former.user != memory.user or former.namespace != memory.namespace or not as_open:
                raise AccessDenied(
                    "a memory takes the place of one of the same namespace and user, and of no lower sensitivity, so "
                    "that whoever could read the one can read the other"
                )
            change.changed(former, "supersede")
        lineage.supersede(change.connection, memory.supersedes, memory.uid, change.now)
        change.supersedes = True

    def _turned(self, change: Change, turns: Sequence[str]) -> None:
        if turns:
            change.turned(turns)
            change.neighbours.difference_update(turns)


def _duplicate(memory: Memory, place: int | None = None) -> DuplicateId:
    where = "" if place is None else f"item {place}: "
    return DuplicateId(
        f"{where}the id {memory.id!r:.100} is taken in {memory.namespace!r}; to change that memory use revise(), "
        "to have a fresh id leave id= out; nothing was written"
    )
