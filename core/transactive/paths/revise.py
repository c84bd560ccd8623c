"""revise: a new version of a memory; the former one goes to its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from transactive.embedding.protocol import embed_documents
from transactive.errors import InvalidInput, VersionConflict
from transactive.ledger import graph, memories
from transactive.paths.admission import check_may_change, check_no_document, take_tokens
from transactive.paths.heirs import divide
from transactive.paths.incoming import check_count, check_metadata, check_tags, check_text
from transactive.paths.points import is_turn
from transactive.paths.promote import Promoting
from transactive.paths.reading import Reading
from transactive.paths.reinforce import Existing
from transactive.paths.remember import Connecting
from transactive.paths.writing import Change, Writing
from transactive.policies import effective, unit_interval
from transactive.records import Found, Memory
from transactive.rules.access import Identity
from transactive.rules.cues import tells_when
from transactive.rules.duplicates import text_key


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """What shall be different; None leaves a field as it is."""

    text: str | None = None
    importance: float | None = None
    tags: Sequence[str] | None = None
    metadata: Mapping[str, Any] | None = None
    confidence: float | None = None

    def changes(self) -> dict[str, Any]:
        """The given fields, checked."""
        given: dict[str, Any] = {}
        if self.text is not None:
            given["text"] = check_text(self.text)
        if self.tags is not None:
            given["tags"] = check_tags(self.tags)
        if self.metadata is not None:
            given["metadata"] = check_metadata(self.metadata)
        for name in ("importance", "confidence"):
            if getattr(self, name) is not None:
                given[name] = unit_interval(getattr(self, name), name)
        if not given:
            raise InvalidInput("revise what? give text=, importance=, tags=, metadata= or confidence=")
        return given


class Revising:
    """Changes memories."""

    def __init__(self, writing: Writing, reading: Reading, promoting: Promoting) -> None:
        self._writing = writing
        self._reading = reading
        self._promoting = promoting
        self.connecting: Connecting | None = None

    def revise(
        self, identity: Identity, id: str, revision: Revision, namespace: str | None, expected_version: int | None
    ) -> Memory:
        """The new version; `VersionConflict` when it is not `expected_version` that would be replaced."""
        changes = revision.changes()
        if expected_version is not None:
            check_count(expected_version, "expected_version", least=1, most=2**31)
        text = changes.get("text")
        store = self._writing.store
        texts = [text] if isinstance(text, str) and store.index is not None else []
        vectors = embed_documents(store.encoders.embedder, texts)
        found = self._connections(identity, id, namespace, changes)
        with self._writing.change(identity, "revise") as change:
            row = self._reading.row(change.connection, change.reach, id, namespace)
            old = memories.to_memory(row)
            check_may_change(change.reach, old)
            check_no_document(old)
            if expected_version is not None and old.version != expected_version:
                raise VersionConflict(
                    f"memory {id!r:.100} is at version {old.version}, not {expected_version}; "
                    "look at .current and revise that",
                    old,
                )
            take_tokens(change, [old.namespace])
            new = self._revised(old, changes, change)
            turn = is_turn(store.encoders, new)
            if row.text_key is not None and new.text != old.text:
                key, sole = text_key(new.text), Existing(change, [new]).free(new)
                memories.change(change.connection, row.uid, text_key=key, sole=sole)
            change.turned([row.uid])  # as it stood among its neighbours …
            memories.replace(change.connection, old, new, turn=turn, tells_when=tells_when(new.text), by=identity.agent)
            change.changed(new)
            if new.text != old.text:
                graph.forget_mentions(change.connection, [new.uid], extracted=True)  # the new text may not say so
            if text_key(new.text) != text_key(old.text):
                divide(change, row, store.new_id)
            if found and self.connecting is not None:
                self.connecting.connect(change, new, found)
            change.target = new.namespace
            change.turned([row.uid])  # … and as it stands: a revision may make a turn of it, or no turn
            change.neighbours.discard(row.uid)
            change.fresh.update((new.uid, (new.version, vector)) for vector in vectors)
            self._promoting.by_policy(change, new, (), None)
        return new

    def _connections(
        self, identity: Identity, id: str, namespace: str | None, changes: Mapping[str, Any]
    ) -> Sequence[Found]:
        """What the new text says is connected, where the policy asks for that."""
        policies = self._writing.store.policies_at_hand
        if self.connecting is None or "text" not in changes or not any(p.extract_graph for p in policies.values()):
            return ()
        memory = replace(self._reading.get(identity, id, namespace), text=changes["text"])
        place = {memory.namespace: effective(policies, memory.namespace)}
        return self.connecting.found([memory], place).get(0, ())

    def _revised(self, old: Memory, changes: Mapping[str, Any], change: Change) -> Memory:
        """A text that is no longer the one that was verified is not verified."""
        new = replace(old, **changes, version=old.version + 1, updated_at=change.now)
        if not old.verified or new.text == old.text:
            return new
        if change.reach.may("verify", old.namespace):
            return replace(new, verified_by=change.reach.identity.agent, verified_at=change.now)
        return replace(new, verified_by=None, verified_at=None)
