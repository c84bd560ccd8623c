"""Heirs: what an agent has said as well stays, in its name and words, when the memory that it reinforced goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from transactive.ledger import corroborations, lineage, memories
from transactive.ledger.rows import AnyRow
from transactive.paths.reinforce import rekey
from transactive.paths.writing import Change
from transactive.records import Memory, Source, another
from transactive.rules.cues import tells_when
from transactive.rules.duplicates import text_key


def succeed(
    change: Change,
    row: AnyRow,
    stays: Callable[[Memory], bool],
    new_id: Callable[[], str],
    *,
    until_undone: bool = True,
) -> None:
    """Of the others that say what a memory says, the first who may stay gets a memory, and the rest back it."""
    former = memories.to_memory(row)
    sources = corroborations.of_others(change.connection, [row.uid]).get(row.uid, [])
    heirs = [(heir_of(former, source, new_id(), change.now), source) for source in sources]
    staying = [(heir, source) for heir, source in heirs if stays(heir)]
    if not staying:
        return
    heir, first = staying[0]
    key = None if row.text_key is None else text_key(heir.text)
    change.enter([heir.namespace])
    of = row.uid if until_undone else None
    new = memories.to_row(heir, turn=False, tells_when=tells_when(heir.text), text_key=key, heir_of=of)
    memories.add(change.connection, [new])
    backing = [source for _, source in staying[1:] if source.agent != first.agent]
    corroborations.inherit(change.connection, row.uid, heir.uid, backing)
    if former.superseded_by is not None:
        lineage.supersede(change.connection, [heir.uid], former.superseded_by, change.now)
    rekey(change, [heir.uid])
    change.changed(heir, "succeed")


def divide(change: Change, row: AnyRow, new_id: Callable[[], str]) -> None:
    """A memory says something else from now on: what others have said as well, in the words of then, stays theirs."""
    corroborations.word(change.connection, row.uid, row.text)
    if row.corroborated:
        succeed(change, row, lambda _: True, new_id, until_undone=False)
        for source in corroborations.of_others(change.connection, [row.uid]).get(row.uid, []):
            corroborations.drop(change.connection, row.uid, source)  # it is the heir now
        corroborations.recount(change.connection, [row.uid])


def heir_of(memory: Memory, source: Source, uid: str, now: datetime) -> Memory:
    """The same finding in the name of another agent that said it, as that agent said it."""
    said = source.details
    return another(
        memory,
        uid,
        now,
        agent=source.agent,
        text=source.text or memory.text,
        source=source.source,
        tags=tuple(said.get("tags", ())),
        metadata=said.get("metadata", {}),
        confidence=said.get("confidence"),
        session=said.get("session"),
        created_at=source.first_at,
        derived_from=tuple(said.get("derived_from", ())),
        importance=said.get("importance", memory.importance),
        promoted_from=source.memory,
        promoted_by=None if source.memory is None else source.agent,
    )
