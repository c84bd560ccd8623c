"""conflicts and resolve: pairs that say different things about the same thing, and what an arbiter makes of them."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from transactive.embedding.protocol import Vectors, embed_documents
from transactive.errors import AccessDenied, InvalidInput, VersionConflict
from transactive.filters import both, equals
from transactive.ledger import conflicts, events, lineage, memories
from transactive.namespaces import check_pattern
from transactive.paths.admission import check_may_change
from transactive.paths.incoming import check_count
from transactive.paths.reading import Reading
from transactive.paths.remember import Remembering
from transactive.paths.writing import Change, Writing
from transactive.records import Conflict, Memory, NewMemory
from transactive.rules import duplicates, pairing
from transactive.rules.access import Identity, clears

SIMILAR = 0.6
"""The cosine from which on two texts are compared word by word."""
MOST = 20_000
COMPARED = 16
"""With how many others each memory is compared: of facts from one template, every two would be alike."""


class Arbitrating:
    """Finds and settles conflicts."""

    def __init__(self, writing: Writing, reading: Reading, remembering: Remembering) -> None:
        self._writing = writing
        self._reading = reading
        self._remembering = remembering
        self._store = writing.store

    def conflicts(self, identity: Identity, pattern: str, limit: int) -> list[Conflict]:
        """The pairs among what the identity may read in these namespaces, the most similar first."""
        where, most = check_pattern(pattern), check_count(limit, "limit", least=1, most=10_000)
        self._store.check()
        with self._store.ledger.read() as connection:
            heads = events.read(connection)
            reach = self._store.reach(connection, identity, heads)
            allowed = both(reach.condition(), equals("scopes", where))
            claims = conflicts.claims(connection, allowed, self._store.clock(), MOST + 1)
            dismissed = conflicts.dismissed(connection)
        if len(claims) > MOST:
            raise InvalidInput(f"{where!r} covers more than {MOST:,} facts, too many to compare; narrow the pattern")
        found: dict[tuple[str, str], Conflict] = {}
        for conflict in (*_by_attribute(claims), *self._by_likeness(claims)):
            pair = _pair(conflict.first, conflict.second)
            if pair not in dismissed:
                found.setdefault(pair, conflict)
        ordered = sorted(
            found.values(), key=lambda c: (-c.similarity if c.similarity == c.similarity else -2.0, c.first.uid)
        )
        return ordered[:most]

    def resolve(
        self, identity: Identity, conflict: Conflict, keep: str | None, text: str | None, *, dismiss: bool
    ) -> Memory | None:
        """Keep one of the two, or put another memory in the place of both, or say that it is none."""
        if not isinstance(conflict, Conflict):
            raise InvalidInput("resolve takes one of the conflicts that conflicts() lists")
        if (keep is not None) + (text is not None) + bool(dismiss) != 1:
            raise InvalidInput("resolve takes one of keep=, text= and dismiss=True")
        if text is not None:
            return self._replaced(identity, conflict, text)
        with self._writing.change(identity, "resolve") as change:
            first, second = (self._current(change, memory) for memory in (conflict.first, conflict.second))
            change.target = first.namespace
            if dismiss:
                check_may_change(change.reach, first)
                check_may_change(change.reach, second)
                conflicts.dismiss(change.connection, _pair(first, second))
                return None
            kept, gone = _chosen(first, second, keep)
            return self._kept(change, kept, gone)

    def _kept(self, change: Change, kept: Memory, gone: Memory) -> Memory:
        check_may_change(change.reach, gone)
        same = kept.namespace == gone.namespace and kept.user == gone.user
        if not same or not clears(gone.sensitivity, kept.sensitivity):
            raise AccessDenied(
                "the two are not readable by the same agents, so that neither can stand for the other: "
                "correct or forget the wrong one where it is"
            )
        lineage.supersede(change.connection, [gone.uid], kept.uid, change.now)
        memories.change(change.connection, kept.uid, supersedes=[*kept.supersedes, gone.uid])
        change.changed(gone, "supersede")
        change.supersedes = True
        return memories.to_memory(memories.by_uids(change.connection, [kept.uid])[kept.uid])

    def _replaced(self, identity: Identity, conflict: Conflict, text: str) -> Memory:
        first, second = conflict.first, conflict.second
        if first.sensitivity != second.sensitivity:
            raise AccessDenied("the two are of different sensitivity: correct or forget the wrong one where it is")
        new = NewMemory(
            text=text,
            kind=first.kind,
            importance=max(first.importance, second.importance),
            tags=tuple(dict.fromkeys((*first.tags, *second.tags))),
            metadata={k: v for k, v in {**first.metadata, **second.metadata}.items() if k != "value"},
            user=first.user,
            sensitivity=first.sensitivity,
            supersedes=(first.uid, second.uid),
        )

        def unchanged(change: Change, _written: Sequence[Memory]) -> None:
            for memory in (first, second):
                row = memories.by_uids(change.connection, [memory.uid])[memory.uid]
                if row.version != memory.version:
                    raise _changed(replace(memories.to_memory(row), superseded_by=None))

        return self._remembering.many(identity, [new], first.namespace, action="resolve", also=unchanged)[0]

    def _current(self, change: Change, memory: Memory) -> Memory:
        current = memories.to_memory(self._reading.row(change.connection, change.reach, memory.uid, memory.namespace))
        if current.version != memory.version or current.superseded:
            raise _changed(current)
        return current

    def _by_likeness(self, claims: Sequence[Memory]) -> Iterator[Conflict]:
        """Very similar texts with other numbers, dates or negations."""
        if len(claims) < 2:
            return
        users = [memory.user for memory in claims]
        figures = [duplicates.marks(memory.text).figures for memory in claims]
        pairs = pairing.closest(self._vectors(claims), users, figures, least=SIMILAR, most=COMPARED)
        for (earlier, later), similarity in pairs.items():
            first, second = claims[earlier], claims[later]
            if duplicates.alike(first.text, second.text):
                reasons = duplicates.differences(first.text, second.text)
                yield Conflict(first=first, second=second, reasons=reasons, similarity=similarity)

    def _vectors(self, claims: Sequence[Memory]) -> Vectors:
        index = self._store.index
        stored = {} if index is None else index.vectors([m.uid for m in claims])
        missing = [m for m in claims if m.uid not in stored]
        embedded = embed_documents(self._store.encoders.embedder, [m.text for m in missing])
        stored.update(zip((m.uid for m in missing), embedded, strict=True))
        return np.stack([stored[m.uid] for m in claims])


def _changed(current: Memory) -> VersionConflict:
    return VersionConflict("one of the two changed since it was listed; list the conflicts again", current)


def _by_attribute(claims: Sequence[Memory]) -> Iterator[Conflict]:
    """The same entity and attribute with another value, as extractors note them: each against the latest of them."""
    groups: dict[tuple[str | None, str, str], list[Memory]] = defaultdict(list)
    for memory in claims:
        entity, attribute = memory.metadata.get("entity"), memory.metadata.get("attribute")
        if entity is not None and attribute is not None:
            key = (memory.user, json.dumps(entity).casefold(), json.dumps(attribute).casefold())
            groups[key].append(memory)
    for members in groups.values():
        values = [_value(memory) for memory in members]
        recent = max(0, len(members) - COMPARED)
        for place, first in enumerate(members):
            for later in range(max(place + 1, recent), len(members)):
                if values[place] != values[later]:
                    yield Conflict(first=first, second=members[later], reasons=("attribute",), similarity=math.nan)


def _value(memory: Memory) -> str:
    value = memory.metadata.get("value")
    return json.dumps(value).casefold() if value is not None else duplicates.text_key(memory.text).hex()


def _pair(first: Memory, second: Memory) -> tuple[str, str]:
    one, other = sorted((first.uid, second.uid))
    return one, other


def _chosen(first: Memory, second: Memory, keep: str | None) -> tuple[Memory, Memory]:
    if keep in (first.uid, first.id):  # what is no text need not be hashable
        return first, second
    if keep in (second.uid, second.id):
        return second, first
    raise InvalidInput("keep= is the id of one of the two memories of the conflict")
