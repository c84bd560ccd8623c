"""From memories to the graph: what they state is connected, with the memory as its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transactive.errors import AccessDenied, InvalidInput, ModelFailed
from transactive.filters import Where
from transactive.graph.linking import Joining, Linking
from transactive.graph.naming import check_edge_type, check_ref, ref_of
from transactive.graph.walking import Walk
from transactive.ledger import graph as ledger
from transactive.ledger.rows import AnyRow
from transactive.models import Models, ModelsLike
from transactive.paths.placing import Place, Placing
from transactive.paths.reading import Reading
from transactive.paths.writing import Change
from transactive.policies import Policy
from transactive.records import Extraction, Found, Memory
from transactive.rules.access import Identity

BATCH = 50


class Extracting:
    """Takes connections out of memories. What it puts into the graph holds as long as the memory counts."""

    def __init__(self, placing: Placing, linking: Linking, reading: Reading, models: Models) -> None:
        self._placing = placing
        self._store = placing.store
        self._linking = linking
        self._reading = reading
        self._models = models

    def extract(
        self, identity: Identity, ids: Sequence[str] | None, where: Where | None, limit: int, extractor: ModelsLike
    ) -> Extraction:
        """What some memories state, into the graph."""
        several = self._wanted(identity, ids, where, limit)
        rows: list[AnyRow] = []
        names: set[tuple[str, str]] = set()
        for start in range(0, len(several), BATCH):
            some = several[start : start + BATCH]
            found = [(memory, self._models.connections(memory.text, extractor)) for memory in some]
            names |= {ref for _, items in found for item in items for ref in _refs(item)}
            with self._placing.writing.change(identity, "extract_graph") as change:
                for memory, items in found:
                    rows += self._connected(change, memory, items)
                change.details = {"memories": len(some)}
        return Extraction(memories=len(several), entities=len(names), edges=self._shown(identity, rows))

    def _shown(self, identity: Identity, rows: Sequence[AnyRow]) -> tuple[Any, ...]:
        latest = {row.uid: row for row in rows}
        with self._placing.reading(identity) as (connection, reach):
            now = self._store.clock()
            return tuple(
                Walk(self._store, connection, ledger.View(reach=reach, now=now, at=now)).shown(list(latest.values()))
            )

    def _wanted(self, identity: Identity, ids: Sequence[str] | None, where: Where | None, limit: int) -> list[Memory]:
        """The memories that are asked for and lie where the agent may write."""
        if (ids is None) == (where is None):
            raise InvalidInput("extract takes ids of memories, or where=, one of the two")
        if ids is None:
            with self._placing.reading(identity) as (_, reach):
                places = sorted(self._store.latest.namespaces)
            here: Where = {"namespace": {"$in": [place for place in places if reach.may("write", place)]}}
            return list(self._reading.list(identity, {"$and": [where, here]}, "-created_at", limit, None))
        if isinstance(ids, str) or not isinstance(ids, Sequence):
            raise InvalidInput("ids is a list of ids of memories")
        several = [self._reading.get(identity, id) for id in ids]
        with self._placing.reading(identity) as (_, reach):
            held = next((memory for memory in several if not reach.may("write", memory.namespace)), None)
        if held is not None:
            raise AccessDenied(f"{identity.agent!r} may not write in {held.namespace!r}, where that would lie")
        return several

    # --- at the write ---------------------------------------------------------------------------------------------

    def found(self, memories: Sequence[Memory], policies: Mapping[str, Policy]) -> dict[int, list[Found]]:
        """What memories that are about to be written state, where their policy asks for it."""
        wanted = {n: memory for n, memory in enumerate(memories) if policies[memory.namespace].extract_graph}
        return {n: self._models.connections(memory.text) for n, memory in wanted.items()}

    def connect(self, change: Change, memory: Memory, found: Sequence[Found]) -> None:
        """Put what a memory states into the graph."""
        if change.reach.may_at(
            "read", memory.namespace, memory.sensitivity
        ):  # who may only write there learns nothing of what is there
            self._connected(change, memory, found)

    def _connected(self, change: Change, memory: Memory, found: Sequence[Found]) -> list[AnyRow]:
        place = Place(memory.namespace, memory.user, memory.sensitivity)
        rows: list[AnyRow] = []
        mentioned: set[tuple[str, str]] = set()
        for item in found:
            try:
                mentioned |= _refs(item)
                rows += self._item(change, place, item, memory.uid)
            except InvalidInput as error:
                raise ModelFailed(f"the graph extractor named what cannot be: {error}") from error
        numbers = ledger.numbers(change.connection, sorted(mentioned))
        ledger.mention(change.connection, [(number, memory.uid) for number in numbers.values()], extracted=True)
        return rows

    def _item(self, change: Change, place: Place, item: Found, uid: str) -> list[AnyRow]:
        source = check_ref(item.source)
        if item.type is None or item.target is None:
            self._linking.known(change, place, [source])
            return []
        edge = Joining(
            source=source,
            type=check_edge_type(item.type),
            target=check_ref(item.target),
            confidence=item.confidence,
            stated=False,
        )
        return (
            [] if ref_of(edge.source) == ref_of(edge.target) else self._linking.linked(change, place, [(edge, [uid])])
        )


def _refs(item: Found) -> set[tuple[str, str]]:
    ends = [item.source] if item.target is None else [item.source, item.target]
    try:
        return {ref_of(check_ref(end)) for end in ends}
    except InvalidInput as error:
        raise ModelFailed(f"the graph extractor named what cannot be: {error}") from error
