"""put, get, delete and list: keyed values, each with the memory that makes it found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_

from transactive.documents.incoming import Checked, check, check_key, check_names, check_user, filterable
from transactive.documents.where import fulfils, parse_documents
from transactive.embedding.protocol import Vectors, embed_documents
from transactive.errors import AccessDenied, InvalidInput
from transactive.filters import ALL, Where
from transactive.ledger import documents as ledger
from transactive.ledger import events, memories, purge
from transactive.ledger.documents import Name
from transactive.ledger.rows import AnyRow
from transactive.ledger.times import stamp
from transactive.namespaces import check_path, check_pattern
from transactive.paths.admission import check_admission, check_gate, check_level, check_may_write, take_tokens
from transactive.paths.incoming import MAX_NAME, check_count, expiry
from transactive.paths.writing import Change, Writing
from transactive.policies import effective
from transactive.records import Document, Memory, NewDocument
from transactive.rules.access import Identity, Reach
from transactive.rules.cues import tells_when

BATCH = 1000
SWEEP = 20
IMPORTANCE = 0.5
"""Of what makes a document found: neither weighed up nor down."""
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked document and where it goes."""

    item: Checked
    name: Name
    vector: Vectors | None
    """Of its text, where that is not what is there already."""


@dataclass(slots=True)
class Put:
    """The rows of one transaction: memories first, since documents refer to them."""

    memories: list[dict[str, Any]] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    """Memories that make nothing found any more; last, since what they make found goes with them."""


class Keeping:
    """Keeps documents."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._store = writing.store

    # --- writing --------------------------------------------------------------------------------------------------

    def put_many(
        self, identity: Identity, items: Iterable[NewDocument], namespace: str | None, *, action: str = "put"
    ) -> list[Document]:
        """Put every document or, when one is invalid, none; in batches of 1,000, each in one transaction."""
        self._store.check()
        if isinstance(items, NewDocument | str | bytes) or not isinstance(items, Iterable):
            raise InvalidInput("put_many takes a list of NewDocument records")
        default = identity.private if namespace is None else check_path(namespace)
        named = self._checked(identity, list(items), default, alone=action == "put")
        last = {name: place for place, (_, name) in enumerate(named)}  # of several under one name, the last stays
        done: dict[Name, Document] = {}
        kept = [named[place] for place in sorted(last.values())]
        rated = [name[0] for _, name in kept]  # the first batch takes the tokens of all
        for start in range(0, len(kept), BATCH):
            ahead = () if start else rated
            done.update(self._put_some(identity, kept[start : start + BATCH], action, ahead))
        # Each has a value of its own, though the same document stands for several.
        return [
            done[name] if last[name] == n else replace(done[name], value=deepcopy(done[name].value))
            for n, (_, name) in enumerate(named)
        ]

    def _checked(
        self, identity: Identity, items: Sequence[NewDocument], default: str, *, alone: bool
    ) -> list[tuple[Checked, Name]]:
        """Every document with its name; an error names the place of the one that is wrong."""
        named: list[tuple[Checked, Name]] = []
        with self._store.ledger.read() as connection:
            reach = self._store.reach(connection, identity)
        for number, new in enumerate(items):
            try:
                item = check(new, identity, None if self._store.index is None else self._store.encoders.embedder)
                place = default if item.namespace is None else check_path(item.namespace)
                check_may_write(reach, place)
                policy = effective(self._store.latest.policies, place)
                check_gate(place, policy, verified=False)
                check_level(place, policy, item.sensitivity)
            except (InvalidInput, AccessDenied) as error:
                if alone:
                    raise
                raise type(error)(f"item {number}: {error}; nothing was written") from error
            named.append((item, (place, item.key, item.user)))
        return named

    def _put_some(
        self, identity: Identity, items: Sequence[tuple[Checked, Name]], action: str, ahead: Sequence[str]
    ) -> dict[Name, Document]:
        drafts = self._drafts(items)
        with self._writing.change(identity, action) as change:
            places = list(dict.fromkeys(draft.name[0] for draft in drafts))
            for place in places:
                check_may_write(change.reach, place)
            take_tokens(change, ahead)
            change.enter(places)
            change.target = places[0] if len(places) == 1 else f"{len(places)} namespaces"
            change.details = {"documents": len(drafts)}
            former = ledger.by_names(change.connection, [draft.name for draft in drafts])
            put = Put()
            done = {draft.name: self._put(change, draft, former.get(draft.name), put) for draft in drafts}
            memories.add(change.connection, put.memories)
            ledger.add(change.connection, put.added)
            for number, values in put.replaced:
                ledger.replace(change.connection, number, values)
            self._remove(change, put.removed)
        if any(document.expires_at is not None and document.uid is not None for document in done.values()):
            self._store.expiring = True
        return done

    def _drafts(self, items: Sequence[tuple[Checked, Name]]) -> list[Draft]:
        """With the vectors of the texts: of what says the same as before, the index has it."""
        if self._store.index is None:  # whoever owns the index computes them
            return [Draft(item, name, item.vector) for item, name in items]
        vectors = {place: item.vector for place, (item, _) in enumerate(items) if item.vector is not None}
        asked = {n: item.text for n, (item, _) in enumerate(items) if item.text is not None and n not in vectors}
        vectors.update(self._held({place: (items[place][1], text) for place, text in asked.items()}))
        fresh = {place: text for place, text in asked.items() if place not in vectors}
        vectors.update(zip(fresh, embed_documents(self._store.encoders.embedder, list(fresh.values())), strict=True))
        return [Draft(item, name, vectors.get(place)) for place, (item, name) in enumerate(items)]

    def _held(self, asked: Mapping[int, tuple[Name, str]]) -> dict[int, Vectors]:
        """The vectors of those texts that are there under the same names, if the index is up to date."""
        if not asked:
            return {}
        with self._store.ledger.read() as connection:
            if self._writing.settling.behind(events.read(connection)):
                return {}
            rows = ledger.by_names(connection, [name for name, _ in asked.values()])
            texts = memories.by_uids(connection, [row.uid for row in rows.values() if row.uid is not None])
        uids = {
            place: rows[name].uid
            for place, (name, text) in asked.items()
            if name in rows and rows[name].uid in texts and texts[rows[name].uid].text == text
        }
        assert self._store.index is not None
        stored = self._store.index.vectors(list(uids.values()))
        return {place: stored[uid] for place, uid in uids.items() if uid in stored}

    def _put(self, change: Change, draft: Draft, row: AnyRow | None, put: Put) -> Document:
        item, policy = draft.item, effective(change.tables.policies, draft.name[0])
        former = None if row is None or row.hidden is not None or _over(row, change.now) else ledger.to_document(row)
        document = self._version(change, draft, former, item.ttl if item.ttl is not None else policy.ttl)
        memory = _memory(document, item, self._store.new_id())
        check_admission(memory, policy)
        held = None if row is None else row.uid
        if held is not None and row is not None and row.hidden is not None:
            put.removed.append(held)  # brought back, the forgotten one would say what was replaced
            held = None
        document = replace(document, uid=self._made_found(change, memory, draft, held, put))
        values = ledger.to_row(document, item.json)
        if row is None:
            put.added.append(values)
        else:
            put.replaced.append((row.number, values))
        return document

    def _version(self, change: Change, draft: Draft, former: Document | None, ttl: Any) -> Document:
        item, (namespace, key, user) = draft.item, draft.name
        identity, now = change.reach.identity, change.now
        if former is not None and change.reach.may("read", namespace) and not change.reach.sees(former):
            raise AccessDenied(f"{identity.agent!r} may not replace what it may not read in {namespace!r}")
        return Document(
            namespace=namespace,
            key=key,
            value=item.value,
            data=item.data,
            agent=identity.agent,
            user=user,
            app=identity.app,
            sensitivity=item.sensitivity or (former.sensitivity if former is not None else "internal"),
            created_at=now if former is None else former.created_at,
            updated_at=now,
            version=1 if former is None else former.version + 1,
            ttl=ttl,
            expires_at=expiry(now, ttl),
            uid=None,
        )

    def _made_found(self, change: Change, memory: Memory, draft: Draft, held: str | None, put: Put) -> str | None:
        """Write the memory that makes a document found, in the place of the one that did; returns its uid."""
        text = draft.item.text
        if text is None:
            put.removed.extend(() if held is None else (held,))
            return None
        if held is None:
            put.memories.append(memories.to_row(memory, turn=False, tells_when=tells_when(text)))
        else:
            former = memories.to_memory(memories.by_uids(change.connection, [held])[held])
            memory = replace(memory, id=former.id, uid=held, version=former.version + 1)
            memories.overwrite(change.connection, memory, tells_when=tells_when(text))
        if draft.vector is not None:
            change.fresh[memory.uid] = memory.version, draft.vector
        change.changed(memory)
        return memory.uid

    def _remove(self, change: Change, uids: Sequence[str]) -> None:
        for row in memories.by_uids(change.connection, uids).values():
            change.changed(memories.to_memory(row), "delete")
        purge.remove(change.connection, uids, sayings=True)

    # --- deleting -------------------------------------------------------------------------------------------------

    def delete_many(self, identity: Identity, keys: object, user: str | None) -> int:
        """Delete documents for good; absent ones are passed over. Returns how many there were."""
        self._store.check()
        about = check_user(user, identity)
        names = [(check_path(place), check_key(key), about) for place, key in check_names(keys)]
        with self._writing.change(identity, "delete") as change:
            for place in dict.fromkeys(name[0] for name in names):
                check_may_write(change.reach, place)
            rows = list(ledger.by_names(change.connection, names).values())
            gone = self._delete(change, [row for row in rows if self._shows(change.reach, row, change.now)])
            change.target = names[0][0] if names else "-"
        return gone

    def clear(self, identity: Identity, pattern: str, prefix: str, where: Where | None) -> int:
        """Delete every document that the caller may read and write in the namespaces that a pattern covers."""
        self._store.check()
        expression = parse_documents(where)
        scope = and_(ledger.under(check_pattern(pattern)), ledger.prefixed(check_key(prefix)))
        with self._writing.change(identity, "clear") as change:
            mine = and_(self._visible(change.reach), scope, ledger.of_user(identity.user))
            found = ledger.matching(change.connection, mine, "key")
            rows = [r for r in found if expression == ALL or fulfils(expression, ledger.to_document(r))]
            writable = {place: change.reach.may("write", place) for place in {row.namespace for row in rows}}
            rows = [row for row in rows if writable[row.namespace]]
            change.target = pattern
            return self._delete(change, rows)

    def _delete(self, change: Change, rows: Sequence[AnyRow]) -> int:
        ledger.remove(change.connection, [row.number for row in rows])
        self._remove(change, [row.uid for row in rows if row.uid is not None])
        change.details = {"documents": len(rows)}
        return len(rows)

    def sweep(self, identity: Identity, pause: Any = None) -> int:
        """Delete what has expired, in small steps; returns how many it was."""
        self._store.check()
        done = 0
        while True:
            with self._store.ledger.read() as connection:
                due = ledger.expired(connection, self._mine(connection, identity), self._store.clock(), SWEEP)
            if not due:
                return done
            with self._writing.change(identity, "expire") as change:
                rows = ledger.expired(change.connection, self._mine(change.connection, identity), change.now, SWEEP)
                self._delete(change, rows)
            done += len(rows)
            if pause is not None:
                pause(done)

    def _mine(self, connection: Connection, identity: Identity) -> ColumnElement[bool]:
        """What the caller may read, write, and change for whom it is bound to."""
        reach = self._store.reach(connection, identity)
        return and_(ledger.readable(reach), ledger.writable(reach), ledger.of_user(identity.user))

    # --- reading --------------------------------------------------------------------------------------------------

    def get_many(
        self, identity: Identity, keys: object, user: str | None, *, refresh: bool = False
    ) -> list[Document | None]:
        """Documents by name, in the order asked for; None for what is absent or not readable."""
        self._store.check()
        about = check_user(user, identity)
        pairs = [(check_path(place), check_key(key)) for place, key in check_names(keys)]
        users = {about, None} if identity.user is not None else {about}
        with self._store.ledger.read() as connection:
            reach = self._store.reach(connection, identity)
            rows = ledger.by_names(connection, [(*pair, one) for pair in pairs for one in users])
        now = self._store.clock()
        shown = {name: row for name, row in rows.items() if self._shows(reach, row, now)}
        found = [shown.get((*pair, about)) or (shown.get((*pair, None)) if None in users else None) for pair in pairs]
        documents = [None if row is None else ledger.to_document(row) for row in found]
        if refresh:
            return self.refreshed(identity, documents)
        return documents

    def listed(
        self,
        identity: Identity,
        pattern: str,
        *,
        prefix: str,
        where: Where | None,
        order_by: str,
        limit: int | None,
        offset: int,
        refresh: bool,
    ) -> list[Document]:
        """Documents in an order, filtered before the limit."""
        self._store.check()
        if not isinstance(order_by, str) or order_by.removeprefix("-") not in ledger.ORDERS:
            raise InvalidInput(f"order_by is one of {', '.join(ledger.ORDERS)}, descending with a leading '-'")
        most = MOST if limit is None else check_count(limit, "limit", least=0, most=MOST)
        first = check_count(offset, "offset", least=0, most=MOST)
        with self._store.ledger.read() as connection:
            scope = self._scope(connection, identity, pattern, prefix)
            columns, rest = ledger.split(parse_documents(where))
            if rest == ALL:
                rows = ledger.matching(connection, and_(scope, columns), order_by, limit=most, offset=first)
                documents = list(map(ledger.to_document, rows))
            else:
                found = self._found(connection, scope, where, order_by)
                documents = list(islice(found, first, first + most))
        if refresh:
            return [document for document in self.refreshed(identity, documents) if document is not None]
        return documents

    def count(self, identity: Identity, pattern: str, *, prefix: str, where: Where | None) -> int:
        """How many documents the caller may read."""
        self._store.check()
        with self._store.ledger.read() as connection:
            scope = self._scope(connection, identity, pattern, prefix)
            columns, rest = ledger.split(parse_documents(where))
            if rest == ALL:
                return ledger.count(connection, and_(scope, columns))
            return sum(1 for _ in self._found(connection, scope, where, "key"))

    def namespaces(self, identity: Identity, pattern: str, where: Where | None) -> list[str]:
        """The namespaces that hold documents which the caller may read."""
        self._store.check()
        with self._store.ledger.read() as connection:
            scope = self._scope(connection, identity, pattern, "")
            columns, rest = ledger.split(parse_documents(where))
            if rest == ALL:
                return ledger.places(connection, and_(scope, columns))
            return sorted({document.namespace for document in self._found(connection, scope, where, "key")})

    def _found(
        self, connection: Connection, scope: ColumnElement[bool], where: Where | None, order_by: str
    ) -> Iterator[Document]:
        columns, rest = ledger.split(parse_documents(where))
        documents = map(ledger.to_document, ledger.matching(connection, and_(scope, columns), order_by))
        return documents if rest == ALL else (d for d in documents if fulfils(rest, d))

    def _scope(self, connection: Connection, identity: Identity, pattern: str, prefix: str) -> ColumnElement[bool]:
        reach = self._store.reach(connection, identity)
        scope = ledger.under(check_pattern(pattern)), ledger.prefixed(check_key(prefix))
        return and_(self._visible(reach), *scope)

    def _visible(self, reach: Reach) -> ColumnElement[bool]:
        return and_(ledger.live(self._store.clock()), ledger.readable(reach))

    def _shows(self, reach: Reach, row: AnyRow, now: datetime) -> bool:
        return row.hidden is None and not _over(row, now) and reach.sees(ledger.to_document(row))

    def refreshed(self, identity: Identity, documents: Sequence[Document | None]) -> list[Document | None]:
        """The same, those with a time to live as they are now that it counts anew."""
        due = {(d.namespace, d.key, d.user): d for d in documents if d is not None and d.ttl is not None}
        if not due:
            return list(documents)
        renewed = self._renewed(identity, due)
        return [
            replace(d, expires_at=renewed[name])
            if d is not None and (name := (d.namespace, d.key, d.user)) in renewed
            else d
            for d in documents
        ]

    def _renewed(self, identity: Identity, due: Mapping[Name, Document]) -> dict[Name, datetime | None]:
        """When each expires now; an event only where the index must learn of it: it leaves out what has expired."""
        if any(document.uid is not None for document in due.values()):
            with self._writing.change(identity, "refresh") as change:
                return self._renew(change.connection, due, change)
        with self._store.ledger.write() as connection:
            return self._renew(connection, due, None)

    def _renew(
        self, connection: Connection, due: Mapping[Name, Document], change: Change | None
    ) -> dict[Name, datetime | None]:
        renewed: dict[Name, datetime | None] = {}
        for name, row in ledger.by_names(connection, due).items():
            if row.ttl is None or row.hidden is not None or _over(row, self._store.clock()):
                continue  # it is not what it was when it was read
            renewed[name] = expires_at = expiry(self._store.clock(), ledger.to_document(row).ttl)
            ledger.renew(connection, row.number, expires_at)
            if row.uid is not None and change is not None:
                memories.change(connection, row.uid, expires_at=stamp(expires_at))
                change.changed(memories.to_memory(memories.by_uids(connection, [row.uid])[row.uid]))
        return renewed


def _over(row: AnyRow, now: datetime) -> bool:
    return row.expires_at is not None and bool(row.expires_at <= stamp(now))


def _memory(document: Document, item: Checked, uid: str) -> Memory:
    return Memory(
        id=uid,
        uid=uid,
        namespace=document.namespace,
        kind="document",
        text=item.text or "",
        importance=IMPORTANCE,
        agent=document.agent,
        created_at=document.created_at,
        recorded_at=document.updated_at,
        updated_at=document.updated_at,
        version=1,
        user=document.user,
        app=document.app,
        metadata=filterable(document.value) if item.text is not None else {},
        source=f"document:{ledger.stored_key(document.key)}"[:MAX_NAME],
        sensitivity=document.sensitivity,
        expires_at=document.expires_at,
    )
