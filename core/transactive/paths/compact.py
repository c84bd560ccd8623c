"""compact: old, unimportant memories are condensed; the originals are forgotten, and shown until they are purged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

from transactive.filters import Not, Test, both, equals
from transactive.ledger import memories
from transactive.ledger.rows import AnyRow
from transactive.models import Models, ModelsLike
from transactive.namespaces import check_path
from transactive.paths.admission import check_admission, check_may_write
from transactive.paths.forget import Forgetting
from transactive.paths.writing import Writing
from transactive.policies import ago, duration, effective, unit_interval
from transactive.records import Compaction, Forgotten, Memory
from transactive.rules.access import Identity
from transactive.rules.cues import tells_when

TOGETHER = 50
"""How many memories one summary stands for at most."""


class Compacting:
    """Condenses memories."""

    def __init__(self, writing: Writing, forgetting: Forgetting, models: Models) -> None:
        self._writing = writing
        self._forgetting = forgetting
        self._models = models
        self._store = writing.store

    def compact(
        self,
        identity: Identity,
        namespace: str,
        *,
        older_than: timedelta | str,
        max_importance: float,
        summarizer: ModelsLike,
        dry_run: bool,
    ) -> Compaction:
        """Condense what is old and unimportant; memories of different users, sensitivities or sessions never mix."""
        where = check_path(namespace)
        before = ago(self._store.clock(), duration(older_than, "older_than"))
        most = unit_interval(max_importance, "max_importance")
        asked = both(
            equals("namespace", where),
            Test("created_at", "lt", before),
            Test("importance", "lte", most),
            Not(equals("superseded", True)),
        )
        self._store.check()
        with self._store.ledger.read() as connection:
            reach = self._store.reach(connection, identity)
            check_may_write(reach, where)
            rows = memories.matching(connection, both(reach.changeable(), asked), self._store.clock())
        old = [memories.to_memory(row) for row in rows]
        # A summary is as old as what it sums up, but not to be condensed as soon as it is made.
        groups = list(_groups([memory for memory in old if not memory.derived_from or memory.recorded_at < before]))
        count = sum(map(len, groups))
        if dry_run or not groups:
            return Compaction(summaries=(), condensed=count, forgotten=None, dry_run=dry_run)
        forget_id = self._store.new_id()
        texts = [self._models.summary(group, summarizer) for group in groups]  # all of them before anything is written
        done = [
            (summary, group)
            for group, text in zip(groups, texts, strict=True)
            if (summary := self._condensed(identity, group, text, forget_id)) is not None
        ]
        gone = [memory for _, group in done for memory in group]
        return Compaction(
            summaries=tuple(summary for summary, _ in done),
            condensed=len(gone),
            forgotten=Forgotten(id=forget_id, count=len(gone), sample=tuple(gone[:10])) if gone else None,
        )

    def _condensed(self, identity: Identity, group: Sequence[Memory], text: str, forget_id: str) -> Memory | None:
        """One summary in the place of one group, in one transaction; None when the group is not what it was."""
        first, uid = group[0], self._store.new_id()
        with self._writing.change(identity, "compact") as change:
            rows = memories.by_uids(change.connection, [memory.uid for memory in group])
            if any(memory.uid not in rows or _changed(memory, rows[memory.uid]) for memory in group):
                return None
            vouched = first.verified and change.reach.may("verify", first.namespace)
            policy = effective(change.tables.policies, first.namespace)
            summary = Memory(
                id=uid,
                uid=uid,
                namespace=first.namespace,
                kind=first.kind,
                text=text,
                importance=max(memory.importance for memory in group),
                agent=identity.agent,
                created_at=group[-1].created_at,
                recorded_at=change.now,
                updated_at=change.now,
                version=1,
                user=first.user,
                session=first.session,
                app=first.app,
                tags=tuple(dict.fromkeys(tag for memory in group for tag in memory.tags)),
                sensitivity=first.sensitivity,
                verified_by=identity.agent if vouched else None,
                verified_at=change.now if vouched else None,
                expires_at=max((m.expires_at for m in group if m.expires_at is not None), default=None)
                if all(m.expires_at is not None for m in group)
                else None,
                derived_from=tuple(memory.uid for memory in group),
            )
            check_admission(summary, policy)
            row = memories.to_row(summary, turn=False, tells_when=tells_when(text))
            memories.add(change.connection, [row])
            change.changed(summary)
            self._forgetting.taken(change, [memory.uid for memory in group], forget_id)
        self._store.forget_known()
        return summary


def _changed(memory: Memory, row: AnyRow) -> bool:
    """Whether a memory was revised, forgotten or superseded since it was summed up."""
    return bool(row.version != memory.version or row.forgotten_at is not None or row.superseded_by is not None)


def _groups(found: Sequence[Memory]) -> Iterator[list[Memory]]:
    """What may be condensed together, oldest first: readable by the same agents, and of one kind and session."""
    groups: dict[tuple[object, ...], list[Memory]] = defaultdict(list)
    for memory in sorted(found, key=lambda m: m.created_at):  # of one moment, in the order in which they came
        shared = (memory.user, memory.sensitivity, memory.kind, memory.session, memory.app, memory.verified)
        groups[shared].append(memory)
    for members in groups.values():
        for start in range(0, len(members), TOGETHER):
            some = members[start : start + TOGETHER]
            if len(some) > 1:
                yield some
