"""compact: old, unimportant memories are condensed; the originals are forgotten, and shown until they are purged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from transactive.errors import AccessDenied
from transactive.filters import Expression, Not, Test, both, equals
from transactive.ledger import memories
from transactive.ledger.rows import AnyRow
from transactive.models import Models, ModelsLike
from transactive.namespaces import check_path
from transactive.paths.admission import check_admission, check_may_change, check_may_write
from transactive.paths.forget import Forgetting
from transactive.paths.incoming import check_text
from transactive.paths.writing import Writing
from transactive.policies import ago, duration, effective, unit_interval
from transactive.records import Compaction, Forgotten, Memory, another
from transactive.rules.access import Identity, Reach
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
        asked = both(
            equals("namespace", where),
            Test("created_at", "lt", before),
            Test("importance", "lte", unit_interval(max_importance, "max_importance")),
            Not(equals("superseded", True)),
            Not(equals("kind", "document")),  # a document says what its value says
        )
        groups = self._groups(identity, where, asked, before)
        count = sum(map(len, groups))
        if dry_run or not groups:
            return Compaction(summaries=(), condensed=count, forgotten=None, dry_run=dry_run)
        # All of them before anything is written: a caller that gets no answer could not undo it.
        texts = [check_text(self._models.summary(group, summarizer)) for group in groups]
        forget_id = self._store.new_id()
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

    def _groups(self, identity: Identity, where: str, asked: Expression, before: datetime) -> list[list[Memory]]:
        """What is to be condensed together; `AccessDenied` unless each of the summaries may be written."""
        self._store.check()
        now = self._store.clock()
        with self._store.ledger.read() as connection:
            reach = self._store.reach(connection, identity)
            policy = effective(self._store.tables(connection).policies, where)
            check_may_write(reach, where)
            rows = memories.matching(connection, both(reach.changeable(), asked), now)
        old = [memories.to_memory(row) for row in rows]
        # A summary is as old as what it sums up, but not to be condensed as soon as it is made.
        groups = list(_grouped([memory for memory in old if not memory.derived_from or memory.recorded_at < before]))
        for group in groups:
            check_admission(_summary(group, "", "", reach, now), policy)
        return groups

    def _condensed(self, identity: Identity, group: Sequence[Memory], text: str, forget_id: str) -> Memory | None:
        """One summary in the place of one group, in one transaction.

        None when the group is not what it was, or may no longer be condensed, since its summary was asked for.
        """
        uids = [memory.uid for memory in group]
        try:
            with self._writing.change(identity, "compact") as change:
                rows = memories.by_uids(change.connection, uids)
                if any(memory.uid not in rows or _changed(memory, rows[memory.uid]) for memory in group):
                    return None
                summary = _summary(group, text, self._store.new_id(), change.reach, change.now)
                check_may_write(change.reach, summary.namespace)
                check_admission(summary, effective(change.tables.policies, summary.namespace))
                for memory in group:
                    check_may_change(change.reach, memory)
                memories.add(change.connection, [memories.to_row(summary, turn=False, tells_when=tells_when(text))])
                change.changed(summary)
                self._forgetting.taken(change, uids, forget_id)
        except AccessDenied:
            return None
        self._store.forget_known()
        return summary


def _summary(group: Sequence[Memory], text: str, uid: str, reach: Reach, now: datetime) -> Memory:
    """What stands for a group: as young as the last of it, as important as the most important, readable by the same."""
    first = group[0]
    vouched = first.verified and reach.may("verify", first.namespace)
    ends = [memory.expires_at for memory in group if memory.expires_at is not None]
    return another(
        first,
        uid,
        now,
        text=text,
        importance=max(memory.importance for memory in group),
        agent=reach.identity.agent,
        created_at=group[-1].created_at,
        tags=tuple(dict.fromkeys(tag for memory in group for tag in memory.tags)),
        metadata={},
        source=None,
        confidence=None,
        verified_by=reach.identity.agent if vouched else None,
        verified_at=now if vouched else None,
        expires_at=max(ends) if len(ends) == len(group) else None,
        derived_from=tuple(memory.uid for memory in group),
    )


def _changed(memory: Memory, row: AnyRow) -> bool:
    """Whether a memory was revised, forgotten or superseded since it was summed up."""
    return bool(row.version != memory.version or row.forgotten_at is not None or row.superseded_by is not None)


def _grouped(found: Sequence[Memory]) -> Iterator[list[Memory]]:
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
