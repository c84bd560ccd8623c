"""Promotion: an important memory is copied to where others read it, or is one more source of what is there already."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from transactive.embedding.protocol import Vectors, embed_documents
from transactive.errors import AccessDenied, InvalidInput, RateLimited, VersionConflict
from transactive.ledger import corroborations, lineage, memories
from transactive.namespaces import check_path
from transactive.paths.admission import check_admission, check_may, take_tokens
from transactive.paths.incoming import expiry
from transactive.paths.judging import Judging, closer
from transactive.paths.reading import Reading
from transactive.paths.reinforce import Existing, reinforce
from transactive.paths.writing import Change, Writing
from transactive.policies import Policy, effective
from transactive.records import Memory
from transactive.rules import promotion
from transactive.rules.access import Identity
from transactive.rules.cues import tells_when
from transactive.rules.duplicates import text_key

log = logging.getLogger("transactive")


class Promoting:
    """Copies memories to where others read them."""

    def __init__(self, writing: Writing, reading: Reading, judging: Judging) -> None:
        self._writing = writing
        self._reading = reading
        self._judging = judging
        self._store = writing.store
        self._warned: set[tuple[str, str]] = set()

    def promote(self, identity: Identity, id: str, to: str | None, namespace: str | None) -> Memory:
        """Promote by hand; returns the copy, or the memory that it now corroborates. Again, it returns the same."""
        target = self._store.settings.shared if to is None else check_path(to)
        if target is None:
            raise InvalidInput("this store has no shared namespace (open(…, shared=None)); say promote(…, to=…)")
        memory = self._reading.get(identity, id, namespace)
        vector = self._vector(memory)
        near = self.near(identity, target, vector)
        with self._writing.change(identity, "promote") as change:
            row = self._reading.row(change.connection, change.reach, memory.uid, memory.namespace)
            change.target = target
            return self._copied(change, memories.to_memory(row), target, near, vector)

    def target(self, memory: Memory, policies: Mapping[str, Policy]) -> str | None:
        """Where policy sends a memory."""
        if memory.kind == "document":
            return None  # it says what its document says, where that is
        if not any(policy.promote_to or policy.promote_at is not None for policy in policies.values()):
            return None
        return promotion.target(memory, effective(policies, memory.namespace), self._store.settings.shared)

    def near(self, identity: Identity, to: str, vector: Vectors | None) -> tuple[str, ...]:
        """Memories of the target that may say the same already; to be looked up before the transaction."""
        policy = effective(self._store.latest.policies, to)
        if vector is None or not policy.reinforce or policy.duplicate_at is None:
            return ()
        found = self._judging.nearest(identity, to, [vector])
        return closer(found[0] if found is not None else (), policy.duplicate_at)

    def by_policy(self, change: Change, memory: Memory, near: Sequence[str], vector: Vectors | None) -> Memory | None:
        """Promote what was just written or revised, where the policy says so and the writer may.

        A write is no failure because its promotion is not allowed: that is logged, and counted in the audit.
        """
        to = self.target(memory, change.tables.policies)
        if to is None:
            return None
        try:
            return self._copied(change, memory, to, near, vector)
        except (AccessDenied, RateLimited) as error:
            change.details["not_promoted"] = change.details.get("not_promoted", 0) + 1
            if (memory.agent, to) not in self._warned:
                self._warned.add((memory.agent, to))
                log.warning("not promoted: %s", error)
            return None

    def _copied(self, change: Change, memory: Memory, to: str, near: Sequence[str], vector: Vectors | None) -> Memory:
        if to == memory.namespace:
            raise InvalidInput(f"the memory is in {to!r} already; promote it to another namespace")
        check_may(change.reach, "write", to)
        if memory.superseded_by is not None:
            current = self._reading.standing(change.connection, change.reach, memory)
            raise VersionConflict("the memory was superseded; promote .current", current)
        row = corroborations.supported(change.connection, memory.uid, to, change.now)
        done = None if row is None else memories.to_memory(row)
        if done is not None and self._still_says(change, done, memory):
            return done
        policy = effective(change.tables.policies, to)
        copy = self._copy(change, memory, to, policy)
        existing = Existing(change, [copy], near) if policy.reinforce else None
        old = None if existing is None else existing.repeated(copy, near)
        if old is not None:
            return reinforce(change, old, copy, importance_given=False, own=memory.uid)
        self._add(change, copy, memory, existing, vector)
        return copy

    def _copy(self, change: Change, memory: Memory, to: str, policy: Policy) -> Memory:
        assert policy.ttl is None or not isinstance(policy.ttl, str)
        copy = promotion.copy(
            memory,
            self._store.new_id(),
            to,
            change.reach.identity.agent,
            change.now,
            keeps_verified=change.reach.may("verify", to),
            expires=expiry(change.now, policy.ttl),
        )
        check_admission(copy, policy)
        return copy

    def _add(
        self, change: Change, copy: Memory, origin: Memory, existing: Existing | None, vector: Vectors | None
    ) -> None:
        """Write the copy; where there may be `existing` ones that it might repeat, others can repeat it too."""
        take_tokens(change, [copy.namespace])
        key = None if existing is None else text_key(copy.text)
        sole = existing is not None and existing.free(copy)
        change.enter([copy.namespace])
        row = memories.to_row(copy, turn=False, tells_when=tells_when(copy.text), text_key=key, sole=sole)
        memories.add(change.connection, [row])
        change.changed(copy, "promote")
        self._supersede(change, copy, origin)
        if vector is not None:
            change.fresh[copy.uid] = (1, vector)
        if copy.expires_at is not None:
            self._store.expiring = True

    def _still_says(self, change: Change, done: Memory, memory: Memory) -> bool:
        """Whether an earlier copy is one that the promoter may know of, and says what the memory now says."""
        mine = done.promoted_by == change.reach.identity.agent
        copied = done.promoted_from == memory.uid
        return (mine or change.reach.sees(done)) and (not copied or text_key(done.text) == text_key(memory.text))

    def _supersede(self, change: Change, copy: Memory, memory: Memory) -> None:
        """The copy takes the place of former copies of its origin or what that corrects, unless others back them."""
        origins = [memory.uid, *memory.supersedes]
        former = [row for uid in origins for row in lineage.copies(change.connection, uid)]
        stale = [
            old
            for old in map(memories.to_memory, former)
            if old.uid != copy.uid
            and (old.namespace, old.user, old.sensitivity) == (copy.namespace, copy.user, copy.sensitivity)
            and old.forgotten_at is None
            and not (old.superseded or old.corroborated)
            and change.reach.changes(old)
        ]
        if stale:
            lineage.supersede(change.connection, [old.uid for old in stale], copy.uid, change.now)
            memories.change(change.connection, copy.uid, supersedes=[old.uid for old in stale])
            change.supersedes = True
        for old in stale:
            change.changed(old, "supersede")

    def _vector(self, memory: Memory) -> Vectors | None:
        if self._store.index is None:
            return None
        vector: Vectors = embed_documents(self._store.encoders.embedder, [memory.text])[0]
        return vector
