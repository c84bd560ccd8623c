"""CrewAI's storage protocol on the memories of one agent: `Memory(storage=TransactiveStorage(agent), embedder=…)`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Self

import numpy as np
from crewai.memory.types import MemoryRecord, ScopeInfo
from crewai.memory.utils import normalize_scope_path

from transactive import Agent, Memory, NewMemory, Recall
from transactive.errors import DuplicateId, EmbedderMismatch
from transactive.filters import Where
from transactive.records import Degrade
from transactive_integrations.common import Guard
from transactive_integrations.crewai.contents import Contents
from transactive_integrations.crewai.records import PRIVATE, aware, described, every, record, tagged
from transactive_integrations.crewai.scopes import Scopes

_SAME = 0.98
"""The cosine from which on two vectors of one text are taken to be of one model."""


class TransactiveStorage:
    """A `StorageBackend`: records are memories of the agent, and scopes namespaces below `namespace`.

    It searches by vector, which is all that the protocol hands it; for hybrid recall take `TransactiveMemory`. Vectors
    must be made by the store's own model: `embed` is one to give to CrewAI.

    Args:
        agent: Whose memories; a handle bound to a user keeps and sees that user's alone.
        namespace: Where scope "/" is, by default the agent's private namespace.
        degrade: What happens when the memory fails: `raise`, or else log and count it, find and keep nothing.
    """

    def __init__(self, agent: Agent, *, namespace: str | None = None, degrade: Degrade = "raise") -> None:
        self.agent = agent
        self.scopes = Scopes(agent, namespace)
        self.guard = Guard(degrade)
        self._contents = Contents(agent, self.scopes)
        self._trusted = False

    def __repr__(self) -> str:
        return f"TransactiveStorage({self.scopes.root!r}, agent={self.agent.name!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # a view: what CrewAI copies goes on with the same memory

    @property
    def degradations(self) -> int:
        """How often it answered less well than it should have, or did not write; never with `degrade="raise"`."""
        return self.guard.degradations

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors of the store's own model: the `embedder=` of a `crewai.Memory` on this storage."""
        return [[float(x) for x in row] for row in self.agent.embedder.embed_documents(list(texts))]

    # --- writing ------------------------------------------------------------------------------------------------------

    def save(self, records: list[MemoryRecord]) -> None:
        """Keep records under their ids; one whose id is taken replaces the record that has it."""
        if records:
            self.guard.run("storage save", partial(self._save, records), lambda _: None)

    async def asave(self, records: list[MemoryRecord]) -> None:
        """The same, in a thread."""
        await asyncio.to_thread(self.save, records)

    def _save(self, records: Sequence[MemoryRecord]) -> None:
        self._check(records)
        try:
            self.agent.remember_many([self._new(item) for item in records])
        except DuplicateId:  # nothing was written
            for item in {item.id: item for item in records}.values():
                self._put(item)

    def update(self, record: MemoryRecord) -> None:
        """Replace the record with the same id; one that was private stays so, and its source's."""
        self._check([record])
        self.guard.run("storage update", partial(self._put, record), lambda _: None)

    def _put(self, item: MemoryRecord) -> None:
        old = self._contents.found(item.id)
        if old is None:
            self.agent.remember_many([self._new(item)])
            return
        if old.sensitivity == PRIVATE:
            item = item.model_copy(update={"private": True, "source": old.source})
        new = self._new(item)
        if (old.namespace, old.source) != (new.namespace, new.source) or item.private != (old.sensitivity == PRIVATE):
            self._move(old, new)
            return
        given = {"importance": new.importance, "tags": new.tags, "metadata": new.metadata or {}}
        held = {"importance": old.importance, "tags": old.tags, "metadata": dict(old.metadata), "text": old.text}
        changes: dict[str, Any] = {k: v for k, v in {**given, "text": new.text}.items() if v != held[k]}
        if changes:
            self.agent.revise(old.uid, **changes)

    def _move(self, old: Memory, new: NewMemory) -> None:
        forgotten = self.agent.forget(old.uid)
        try:
            self.agent.remember_many([new])
        except BaseException:
            self.agent.undo(forgotten)
            raise

    def _new(self, item: MemoryRecord) -> NewMemory:
        return NewMemory(
            text=item.content,
            id=item.id,
            namespace=self.scopes.namespace(item.scope, private=item.private),
            importance=item.importance,
            tags=tuple(dict.fromkeys(item.categories)),
            metadata=item.metadata,
            created_at=aware(item.created_at),
            source=item.source,
            sensitivity=PRIVATE if item.private else None,
        )

    def _check(self, records: Sequence[MemoryRecord]) -> None:
        """`EmbedderMismatch` for vectors of another length than the store's, or, at the first, of another model."""
        model = self.agent.embedder
        for item in records:
            vector = np.asarray(item.embedding or (), np.float32)
            if not vector.size:
                continue
            if vector.shape != (model.dimensions,):
                raise EmbedderMismatch(
                    f"the vectors of this store have {model.dimensions} dimensions ({model.name}), this one has shape "
                    f"{vector.shape}; give CrewAI embedder=storage.embed"
                )
            if not self._trusted:
                own = np.asarray(model.embed_documents([item.content])[0], np.float32)
                scale = float(np.linalg.norm(own) * np.linalg.norm(vector))
                if scale and float(own @ vector) < _SAME * scale:
                    raise EmbedderMismatch(
                        f"this vector was not made by the store's model ({model.name}); "
                        "give CrewAI embedder=storage.embed"
                    )
                self._trusted = scale > 0

    def delete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """Forget the records that fulfil all of these; `agent.undo` brings them back. Returns how many it was."""
        where = every(
            tagged(categories),
            None if record_ids is None else {"id": {"$in": record_ids}},
            None if older_than is None else {"created_at": {"$lt": aware(older_than)}},
            described(metadata_filter),
        )
        if record_ids is not None and not record_ids:
            return 0
        return self.guard.run("storage delete", lambda: self._forget(scope_prefix, where), lambda _: 0)

    async def adelete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """The same, in a thread."""
        return await asyncio.to_thread(self.delete, scope_prefix, categories, record_ids, older_than, metadata_filter)

    def reset(self, scope_prefix: str | None = None) -> None:
        """Forget every record of a scope, by default of all."""
        self.delete(scope_prefix)

    def _forget(self, scope: str | None, where: Where) -> int:
        inside = self._contents.inside(scope)
        return self.agent.forget(where={"$and": [inside, where]}).count if inside else 0

    # --- reading ------------------------------------------------------------------------------------------------------

    def search(  # noqa: PLR0917  # CrewAI's signature
        self,
        query_embedding: list[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """The records closest to a vector, each with its cosine in [0, 1]; all filters count before the limit."""
        if limit <= 0:
            return []
        ask = partial(
            self.agent.recall,
            vector=query_embedding,
            namespaces=self.scopes.patterns(scope_prefix),
            where=every(tagged(categories), described(metadata_filter)),
            limit=limit,
            min_similarity=min_score if min_score > 0 else None,
            degrade="raise",
        )
        hits = self.guard.run("storage search", ask, lambda reason: Recall(degraded=True, reason=reason))
        found = [(record(hit.memory, self.scopes), min(1.0, max(0.0, hit.similarity))) for hit in hits]
        return sorted(found, key=lambda pair: -pair[1])

    async def asearch(  # noqa: PLR0917  # CrewAI's signature
        self,
        query_embedding: list[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """The same, in a thread."""
        return await asyncio.to_thread(
            self.search, query_embedding, scope_prefix, categories, metadata_filter, limit, min_score
        )

    def get_record(self, record_id: str) -> MemoryRecord | None:
        """The record of this id, or None."""
        memory = self.guard.run("storage get", lambda: self._contents.found(record_id), lambda _: None)
        return None if memory is None else record(memory, self.scopes)

    def list_records(self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0) -> list[MemoryRecord]:
        """The records of a scope, newest first; private ones too, as everywhere but in a recall."""
        if limit <= 0 or offset < 0:
            return []
        wanted = limit + offset
        listed = self.guard.run("storage list", lambda: self._contents.listed(scope_prefix, wanted), lambda _: [])
        return [record(memory, self.scopes) for memory in listed[offset:]]

    def get_scope_info(self, scope: str) -> ScopeInfo:
        """How much a scope holds with all below it, since when, under which categories and in which scopes."""
        path = normalize_scope_path(scope)
        return self.guard.run("storage info", lambda: self._contents.info(path), lambda _: ScopeInfo(path=path))

    def list_scopes(self, parent: str = "/") -> list[str]:
        """The scopes directly below one."""
        return self.guard.run("storage list", lambda: self._contents.children(parent), lambda _: [])

    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """The categories in a scope, each with how many records have it."""
        return self.guard.run("storage list", lambda: self._contents.categories(scope_prefix), lambda _: {})

    def count(self, scope_prefix: str | None = None) -> int:
        """How many records a scope holds, by default all."""
        places = self.guard.run("storage count", lambda: self._contents.places(scope_prefix), lambda _: {})
        return sum(places.values())


def storage_factory(
    agent: Agent, spec: str = "transactive", *, degrade: Degrade = "raise"
) -> Callable[[str], TransactiveStorage | None]:
    """A factory for `set_memory_storage_factory`: `Memory(storage="transactive")` then lies in the agent's namespace.

    `Memory(storage="transactive:team/shared")` lies in that namespace. Other specs are left to CrewAI.
    """

    def make(asked: str) -> TransactiveStorage | None:
        name, separator, namespace = asked.partition(":")
        if name != spec or (separator and not namespace):
            return None
        return TransactiveStorage(agent, namespace=namespace or None, degrade=degrade)

    return make
