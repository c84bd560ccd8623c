"""What is said again: the memory that there is gains a source, instead of there being two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from transactive.ledger import corroborations, memories
from transactive.ledger.corroborations import Sameness, Saying
from transactive.ledger.rows import AnyRow
from transactive.ledger.times import stamp
from transactive.paths.judging import FACTS, Draft, compatible, merged, repeats
from transactive.paths.writing import Change
from transactive.policies import Policy
from transactive.records import Memory
from transactive.rules.cues import tells_when
from transactive.rules.duplicates import text_key


class Existing:
    """The memories that new ones may repeat, as they stand within one transaction."""

    def __init__(self, change: Change, new: Iterable[Memory], near: Iterable[str] = ()) -> None:
        self._change = change
        self._keyed = corroborations.by_keys(change.connection, (text_key(memory.text) for memory in new))
        self._near = memories.by_uids(change.connection, near)

    def repeated(self, new: Memory, near: Sequence[str]) -> Memory | None:
        """The memory that the new one says again, if the writer may know of it and nothing of the new one is lost.

        A promoted one loses nothing: what is said with it stays with its origin.
        """
        reach, promoted = self._change.reach, new.promoted_from is not None
        exact = self._keyed.get((Sameness.of(new), text_key(new.text)), [])
        rows = [*exact, *(self._near[uid] for uid in near if uid in self._near)]
        for row in rows:
            old = memories.to_memory(row)
            may_change = promoted or reach.changes(old)
            known = self._stands(row) and reach.sees(old)
            if known and repeats(new, old) and compatible(new, old, may_change=may_change):
                return old
        return None

    def _stands(self, row: AnyRow) -> bool:
        over = row.expires_at is not None and row.expires_at <= stamp(self._change.now)
        return row.forgotten_at is None and row.superseded_by is None and not over

    def free(self, memory: Memory) -> bool:
        """Whether a new memory may be the sole one with its text; an expired one is so no longer."""
        for row in self._keyed.get((Sameness.of(memory), text_key(memory.text)), []):
            if row.sole and self._stands(row):
                return False
            if row.sole:
                memories.change(self._change.connection, row.uid, sole=False)
        return True


def told_apart(
    change: Change, drafts: Sequence[Draft], policies: Mapping[str, Policy]
) -> tuple[dict[int, tuple[Draft, bytes | None, bool]], dict[int, tuple[Draft, Memory | int]]]:
    """The drafts that are new, with their text keys, and those that say again what a memory or a draft says."""
    new: dict[int, tuple[Draft, bytes | None, bool]] = {}
    again: dict[int, tuple[Draft, Memory | int]] = {}
    existing = _existing(change, drafts)
    keyed: dict[tuple[Sameness, bytes], list[int]] = {}
    for place, draft in enumerate(drafts):
        memory = draft.memory
        if not (_repeatable(draft) and policies[memory.namespace].reinforce):
            new[place] = draft, None, False
            continue
        key = text_key(memory.text)
        group = (Sameness.of(memory), key)
        old: Memory | int | None = None
        if draft.is_fact:
            twins = {n: new[n][0] for n in (*keyed.get(group, ()), draft.twin) if n in new}
            old = existing.repeated(memory, draft.near) or _repeated(memory, twins)
        if old is not None:
            again[place] = draft, old
        else:
            new[place] = draft, key, group not in keyed and existing.free(memory)
            keyed.setdefault(group, []).append(place)
    return new, again


def _existing(change: Change, drafts: Sequence[Draft]) -> Existing:
    facts = [draft for draft in drafts if _repeatable(draft)]
    return Existing(change, (draft.memory for draft in facts), (uid for draft in facts for uid in draft.near))


def _repeatable(draft: Draft) -> bool:
    """Whether others may say it again: facts and procedures without an id of their own."""
    return draft.memory.kind in FACTS and not draft.own_id


def _repeated(memory: Memory, twins: Mapping[int, Draft]) -> int | None:
    """The place of the first of the same batch that says the same, if nothing is lost in it."""
    return next((n for n, twin in twins.items() if compatible(memory, twin.memory, may_change=True)), None)


def reinforce(
    change: Change,
    old: Memory,
    new: Memory,
    *,
    importance_given: bool,
    own: str | None = None,
    may_change: bool = False,
) -> Memory:
    """Let the old memory gain what the new one says; `own` is the uid of the author's own memory, when promoted."""
    details: dict[str, Any] = {
        "tags": list(new.tags),
        "metadata": dict(new.metadata),
        "importance": new.importance,
        "confidence": new.confidence,
        "session": new.session,
        "created_at": new.created_at.isoformat(),
        "derived_from": list(new.derived_from),
    }
    saying = Saying(
        agent=new.agent,
        source=new.source,
        memory=own,
        text=None if new.text == old.text else new.text,
        details={key: value for key, value in details.items() if value not in (None, [], {})},
    )
    corroborations.add(change.connection, old.uid, saying, change.now)
    if old.expires_at is not None and (new.expires_at is None or new.expires_at > old.expires_at):
        memories.change(change.connection, old.uid, expires_at=stamp(new.expires_at))
    gained = merged(new, old, importance_given=importance_given)
    if gained and (may_change or change.reach.changes(old)):
        revised = replace(old, **gained, version=old.version + 1, updated_at=change.now)
        by = change.reach.identity.agent
        memories.replace(change.connection, old, revised, turn=False, tells_when=tells_when(old.text), by=by)
    now = memories.to_memory(memories.by_uids(change.connection, [old.uid])[old.uid])
    change.changed(now, "reinforce")
    return now


def rekey(change: Change, uids: Sequence[str]) -> None:
    """Facts and copies that stand again are what others reinforce, unless somebody has said the same since."""
    rows = [row for row in memories.by_uids(change.connection, uids).values() if row.text_key is not None]
    existing = Existing(change, map(memories.to_memory, rows))
    given: set[tuple[Sameness, bytes]] = set()
    for row in rows:
        memory = memories.to_memory(row)
        key = (Sameness.of(memory), row.text_key)
        stands = row.forgotten_at is None and row.superseded_by is None
        if stands and key not in given and existing.free(memory):
            given.add(key)
            memories.change(change.connection, memory.uid, sole=True)
