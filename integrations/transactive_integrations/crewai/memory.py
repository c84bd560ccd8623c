"""CrewAI's memory on one agent's handle: `Crew(…, memory=TransactiveMemory(team.agent("crew")))`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Literal, NoReturn, Self

from crewai.memory.types import MemoryMatch, MemoryRecord
from crewai.memory.unified_memory import Memory
from crewai.memory.utils import join_scope_paths
from pydantic import PrivateAttr

from transactive import Agent, NewMemory, Recall
from transactive.filters import Where
from transactive.namespaces import check_pattern
from transactive.records import Degrade, Kind
from transactive_integrations.crewai import events
from transactive_integrations.crewai.records import PRIVATE, RECORDS, both, match, record, tagged, visible
from transactive_integrations.crewai.storage import TransactiveStorage

Depth = Literal["shallow", "deep"]
_PIECE = 250_000
"""Characters of a text that are one memory at most: 1 MB, whatever they are."""


class NoModel:
    """Stands where CrewAI keeps the model of a memory: there is none, and CrewAI then keeps texts as they are."""

    def call(self, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        raise NotImplementedError("this memory calls no model: texts are kept as they are")


class TransactiveMemory(Memory):
    """A `crewai.Memory` that keeps the text, recalls by text and vectors together, and calls no model.

    It goes wherever CrewAI takes a memory: a crew, an agent, a flow; `scope()` and `slice()` are views of it. What it
    keeps are memories of the agent, in namespaces below `namespace`; when a save returns it survives a killed process.
    What is private is found by recalls of its own source alone, whoever else saves the same.

    Args:
        agent: Whose memory; a handle bound to a user keeps and sees that user's alone.
        namespace: Where scope "/" is, by default the agent's private namespace. To share, name one that others may
            read and write; private records are kept in the agent's own all the same.
        reads: Further namespaces (patterns) that a recall without a scope searches, such as `["team/shared"]`.
        kinds: Kinds of memories to recall, by default all but `document`.
        degrade: What happens when the memory fails: `raise`, or log and count it and answer by full `text`, or with
            nothing at all (`empty`). CrewAI itself logs what a memory raises while an agent runs, and goes on.
        read_only: Save nothing.
        root_scope: A scope that every other is below.
        recency_weight: How much age counts in a recall, in [0, 1]; by default as each namespace's policy says.
        importance_weight: How much importance counts, likewise.
        half_life: For the age, instead of the policy's.
    """

    _reads: list[str] = PrivateAttr()
    _kinds: Sequence[Kind] | None = PrivateAttr()
    _weights: dict[str, Any] = PrivateAttr()

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        reads: Sequence[str] = (),
        kinds: Sequence[Kind] | None = None,
        degrade: Degrade = "raise",
        read_only: bool = False,
        root_scope: str | None = None,
        recency_weight: float | None = None,
        importance_weight: float | None = None,
        half_life: timedelta | str | None = None,
    ) -> None:
        storage = TransactiveStorage(agent, namespace=namespace, degrade=degrade)
        # CrewAI's `Agent.copy` makes a plain `Memory` of these fields: it must find the same store, and no model.
        super().__init__(
            storage=storage,
            embedder=storage.embed,
            llm=NoModel(),  # type: ignore[arg-type]  # any object is kept
            read_only=read_only,
            root_scope=root_scope,
            consolidation_threshold=1.0,
            exploration_budget=0,
            query_analysis_threshold=2**31,
        )
        self._reads = [check_pattern(pattern) for pattern in reads]
        self._kinds = kinds
        weights = {"recency_weight": recency_weight, "importance_weight": importance_weight}
        self._weights = {**weights, "half_life": half_life}

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self  # a view: what CrewAI copies goes on with the same memory

    @property
    def agent(self) -> Agent:
        """The handle that it reads and writes with."""
        return self._store.agent

    @property
    def degradations(self) -> int:
        """How often it answered less well than it should have, or did not write; never with `degrade="raise"`."""
        return self._store.degradations

    @property
    def _store(self) -> TransactiveStorage:
        storage: TransactiveStorage = self.storage  # type: ignore[assignment]  # what `__init__` put there
        return storage

    # --- saving -------------------------------------------------------------------------------------------------------

    def remember(  # noqa: PLR0917  # CrewAI's signature
        self,
        content: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        importance: float | None = None,
        source: str | None = None,
        private: bool = False,
        agent_role: str | None = None,
        root_scope: str | None = None,
    ) -> MemoryRecord | None:
        """Keep one text; returns its record, or None when the memory is read-only (or degraded).

        A fact that is there already, of the same visibility, is reinforced, and that record returned.

        Args:
            content: What to keep.
            scope: Where, below the root scope.
            categories: Its tags.
            metadata: A JSON object.
            importance: In [0, 1]; by default what the text says of it.
            source: Whose it is, or where it is from.
            private: Whether only recalls of this source find it.
            agent_role: Noted in the metadata as `agent_role`, unless it is the handle's own name.
            root_scope: Instead of the memory's own.
        """
        if self.read_only:
            return None
        new = self._new(scope, categories, metadata, importance, source, private, agent_role, root_scope)
        with events.saving(self, content, metadata, agent_role):
            kept = self._save([new(text=content)])
        return kept[0] if kept else None

    def remember_many(  # noqa: PLR0917  # CrewAI's signature
        self,
        contents: list[str],
        scope: str | None = None,
        categories: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        importance: float | None = None,
        source: str | None = None,
        private: bool = False,
        agent_role: str | None = None,
        root_scope: str | None = None,
    ) -> list[MemoryRecord]:
        """Keep several texts in one transaction; they are there when this returns, and their records are returned."""
        if not contents or self.read_only:
            return []
        new = self._new(scope, categories, metadata, importance, source, private, agent_role, root_scope)
        with events.saving(self, f"{len(contents)} memories", metadata, agent_role):
            return self._save([new(text=content) for content in contents])

    def _new(  # noqa: PLR0917  # CrewAI's order
        self,
        scope: str | None,
        categories: Sequence[str] | None,
        metadata: Mapping[str, Any] | None,
        importance: float | None,
        source: str | None,
        private: bool,
        agent_role: str | None,
        root_scope: str | None,
    ) -> partial[NewMemory]:
        path = join_scope_paths(self.root_scope if root_scope is None else root_scope, scope)
        role = {"agent_role": agent_role} if agent_role not in {None, self.agent.name} else {}
        return partial(
            NewMemory,
            namespace=self._store.scopes.namespace(path, private=private),
            importance=importance,
            tags=tuple(categories or ()),
            metadata={**role, **(metadata or {})},
            source=source,
            sensitivity=PRIVATE if private else None,
        )

    def _save(self, items: Sequence[NewMemory]) -> list[MemoryRecord]:
        store = self._store
        kept = store.guard.run("memory save", lambda: store.agent.remember_many(items), lambda _: [])
        return [record(memory, store.scopes) for memory in kept]

    def extract_memories(self, content: str) -> list[str]:
        """The text itself, whole: nothing is left to a model. Only what exceeds a memory's size is cut in pieces."""
        text = _clean(content)
        return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)] if text.strip() else []

    # --- recalling ----------------------------------------------------------------------------------------------------

    def recall(  # noqa: PLR0917  # CrewAI's signature
        self,
        query: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        limit: int = 10,
        depth: Depth = "deep",  # noqa: ARG002  # there is but one
        source: str | None = None,
        include_private: bool = False,
    ) -> list[MemoryMatch]:
        """What is remembered about something, best first; every filter counts before the limit.

        Args:
            query: A question or a few words.
            scope: A scope, with all below it.
            categories: Tags of which one must be there.
            limit: At most 1,000.
            depth: Both are the same here: one search by text and vectors, without a model.
            source: Whose private records may be found.
            include_private: Whether everybody's may.
        """
        with events.querying(self, query, limit) as found:
            if limit > 0 and query.strip():
                found.extend(self._found(query, scope, categories, limit, None if include_private else visible(source)))
        return found

    def _found(
        self, query: str, scope: str | None, categories: Sequence[str] | None, limit: int, seen: Where | None
    ) -> list[MemoryMatch]:
        store = self._store
        path = join_scope_paths(self.root_scope, scope)
        of_kind = RECORDS if self._kinds is None else None

        def ask() -> Recall:
            hits = store.agent.recall(
                _clean(query),
                namespaces=[*store.scopes.patterns(path), *(self._reads if scope is None else ())],
                where=both(of_kind, seen, tagged(categories)),
                kinds=self._kinds,
                limit=limit,
                degrade=store.guard.degrade,
                **self._weights,
            )
            if hits.degraded and store.guard.degrade != "raise":
                store.guard.note("memory recall", hits.reason)
            return hits

        hits = store.guard.run("memory recall", ask, lambda reason: Recall(degraded=True, reason=reason))
        return [match(hit, store.scopes, store.agent.name) for hit in hits]

    # --- awaited: in threads, so that the loop goes on ----------------------------------------------------------------

    async def aremember(  # noqa: PLR0917  # CrewAI's signature
        self,
        content: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        importance: float | None = None,
        source: str | None = None,
        private: bool = False,
    ) -> MemoryRecord | None:
        """`remember`, awaited."""
        return await asyncio.to_thread(self.remember, content, scope, categories, metadata, importance, source, private)

    async def aremember_many(  # noqa: PLR0917  # CrewAI's signature
        self,
        contents: list[str],
        scope: str | None = None,
        categories: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        importance: float | None = None,
        source: str | None = None,
        private: bool = False,
        agent_role: str | None = None,
    ) -> list[MemoryRecord]:
        """`remember_many`, awaited."""
        return await asyncio.to_thread(
            self.remember_many, contents, scope, categories, metadata, importance, source, private, agent_role
        )

    async def arecall(  # noqa: PLR0917  # CrewAI's signature
        self,
        query: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        limit: int = 10,
        depth: Depth = "deep",
        source: str | None = None,
        include_private: bool = False,
    ) -> list[MemoryMatch]:
        """`recall`, awaited."""
        return await asyncio.to_thread(self.recall, query, scope, categories, limit, depth, source, include_private)


def _clean(text: str) -> str:
    """Without what no store of text holds: NUL and halves of surrogate pairs, which models do write."""
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
