"""AutoGen's `Memory`: what the agent remembers, in the model's context and on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Self, TypeVar, Unpack, cast

from autogen_core import CancellationToken, Component
from autogen_core.memory import Memory, MemoryContent, MemoryQueryResult, UpdateContextResult
from autogen_core.model_context import ChatCompletionContext
from pydantic import Field
from pydantic_core import to_jsonable_python

from transactive import Agent, Context, Hit, Recall
from transactive.errors import InvalidInput
from transactive.filters import Where
from transactive.namespaces import check_path
from transactive.records import Degrade, Kind
from transactive_integrations.autogen.content import as_query, as_text, given_back, keep
from transactive_integrations.autogen.context import Mark, Role, said
from transactive_integrations.autogen.stores import HandleConfig, Lease, described, within
from transactive_integrations.common import Guard, Narrowing

R = TypeVar("R")
Answer = TypeVar("Answer", Context, Recall)
ECHOES = 100
"""Among how many hits it is looked for what the context says already."""


class TransactiveMemoryConfig(HandleConfig):
    """What `dump_component` writes of a memory: whose view of which store, and its options."""

    namespace: str | None = None
    name: str | None = None
    limit: int = 5
    budget: int = 1000
    role: Role = "system"
    kind: Kind | None = None
    degrade: Degrade = "raise"
    options: dict[str, Any] = Field(default_factory=dict)
    """Those of `agent.recall`."""


class TransactiveMemory(Memory, Component[TransactiveMemoryConfig]):
    """What an agent remembers, for AutoGen's agents.

    Before each answer of the model one message says what is remembered about what is being talked about; it takes the
    place of the one before. AutoGen adds nothing by itself: `add` remembers, and `record` keeps what agents said.

    Args:
        agent: The identity: an agent's handle, or the TeamMemory itself as the owner.
        namespace: Where `add` writes, and what is then looked into alone. By default the agent's private namespace is
            written to, and everything that the agent may read is looked into.
        name: What the message in the context is known by; by default where `add` writes. Two memories of one agent
            need two names.
        limit: How many memories a query gives, and at most go into the context.
        budget: How many tokens they may take there.
        role: Whether they come as a system message, or as one by "memory", for models that take system messages at
            the beginning alone.
        kind: That of what is added; by default `episodic` within a session, else `semantic`.
        degrade: What to do when the memory fails: `raise`, answer by full `text`, or `empty`.
        options: The keywords of `agent.recall`: `where`, `namespaces`, `kinds`, `min_similarity`, ….
    """

    component_config_schema = TransactiveMemoryConfig
    component_provider_override = "transactive_integrations.autogen.TransactiveMemory"

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        name: str | None = None,
        limit: int = 5,
        budget: int = 1000,
        role: Role = "system",
        kind: Kind | None = None,
        degrade: Degrade = "raise",
        **options: Unpack[Narrowing],
    ) -> None:
        _check_options(options)
        if role not in {"system", "user"}:
            raise InvalidInput(f"role is 'system' or 'user', not {role!r:.40}")
        self.agent = agent
        self.namespace = check_path(agent.namespace if namespace is None else namespace)
        self.name = name or self.namespace
        self.guard = Guard(degrade)
        self._mark = Mark(" ".join(self.name.split()), role)
        self._config: dict[str, Any] = {
            "namespace": namespace,
            "name": name,
            "limit": limit,
            "budget": budget,
            "role": role,
            "kind": kind,
            "degrade": degrade,
        }
        self._given = options
        self._options = options
        if namespace is not None:
            self._options = cast("Narrowing", {"namespaces": [self.namespace], **options})
        self._lease: Lease | None = None

    @property
    def degradations(self) -> int:
        """How often the memory failed, and was asked or written to without success; never with `degrade="raise"`."""
        return self.guard.degradations

    # --- in the model's context -----------------------------------------------------------------------------------

    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        """Say in the context what is remembered about its last words, in the place of what was said before.

        What the context says itself, word for word, is left out: turns that were recorded while they were said.
        """
        messages = await model_context.get_messages()
        asked = self._mark.asked(messages)
        found = await asyncio.to_thread(self._context, asked, said(messages)) if asked else _NOTHING
        await self._mark.replace(model_context, self._mark.message(found.text, degraded=found.degraded))
        reason = found.reason if found.degraded else None
        results = [as_text(hit, reason) for hit in found.hits]
        return UpdateContextResult(memories=MemoryQueryResult(results=results))

    def _context(self, asked: str, known: Collection[str]) -> Context:
        def ask() -> Context:
            found = self._asked(asked, self._options)
            if not any(hit.memory.text in known for hit in found.hits):
                return found
            wide = self.agent.recall(asked, limit=ECHOES, degrade=self.guard.degrade, **self._options)
            echoes = [hit.memory.uid for hit in wide if hit.memory.text in known]
            return self._asked(asked, {**self._options, "where": _without(self._options.get("where"), echoes)})

        return self._guarded(ask, lambda reason: replace(_NOTHING, degraded=True, reason=reason))

    def _asked(self, asked: str, options: Narrowing) -> Context:
        limit, budget = self._config["limit"], self._config["budget"]
        return self.agent.context(asked, limit=limit, budget=budget, degrade=self.guard.degrade, **options)

    # --- on demand ------------------------------------------------------------------------------------------------

    async def query(
        self, query: str | MemoryContent, cancellation_token: CancellationToken | None = None, **kwargs: Any
    ) -> MemoryQueryResult:
        """What is remembered about something, best first, as it was added; score and author are in the metadata.

        `kwargs` are the keywords of `agent.recall`, for this query alone: `limit=20`, `where=…`.

        Raises:
            InvalidInput: the query has no words, or a keyword is unknown.
        """
        limit = kwargs.pop("limit", self._config["limit"])
        _check_options(kwargs)
        options = cast("Narrowing", {**self._options, **kwargs})
        ask = partial(self._query, as_query(query), limit, options)
        return MemoryQueryResult(results=await _cancellable(ask, cancellation_token))

    def _query(self, asked: str, limit: int, options: Narrowing) -> list[MemoryContent]:
        def ask() -> Recall:
            return self.agent.recall(asked, limit=limit, degrade=self.guard.degrade, **options)

        found = self._guarded(ask, lambda reason: Recall(degraded=True, reason=reason))
        reason = found.reason if found.degraded else None
        return [self._given_back(hit, reason) for hit in found]

    def _given_back(self, hit: Hit, reason: str | None) -> MemoryContent:
        return self.guard.run("memory", lambda: given_back(self.agent, hit, reason), lambda why: as_text(hit, why))

    async def add(self, content: MemoryContent, cancellation_token: CancellationToken | None = None) -> None:
        """Remember a content: text as a memory; dicts, bytes and images as documents that are found by what is said
        of them in the metadata.
        """
        write = partial(keep, self.agent, self.namespace, content, self._config["kind"])
        await _cancellable(partial(self.guard.run, "add", write, lambda _: None), cancellation_token)

    async def clear(self) -> None:
        """Forget everything in the namespace that `add` writes to, as far as the agent may: what it wrote itself, and
        with `admin` what others did. A handle bound to a user forgets what is about that user alone. `agent.undo`
        brings it back until the purge horizon.
        """
        where: dict[str, Any] = {"namespace": self.namespace}
        if self.agent.user is not None:
            where["user"] = self.agent.user
        await asyncio.to_thread(self.agent.forget, where=where)

    async def close(self) -> None:
        """Give back the store that was opened for a loaded memory; one of a handle stays with whoever opened it."""
        if self._lease is not None:
            await asyncio.to_thread(self._lease.close)

    def _guarded(self, ask: Callable[[], Answer], instead: Callable[[str], Answer]) -> Answer:
        failures = self.guard.degradations
        found = self.guard.run("memory", ask, instead)
        if found.degraded and self.guard.degradations == failures:
            self.guard.note("memory", found.reason)
        return found

    # --- as a component -------------------------------------------------------------------------------------------

    def _to_config(self) -> TransactiveMemoryConfig:
        options = dict(self._given)
        session = within(self.agent)
        if session is not None:
            options.setdefault("session", session)
        if isinstance(half_life := options.get("half_life"), timedelta):
            options["half_life"] = f"{half_life.total_seconds()}s"
        return TransactiveMemoryConfig(**described(self.agent), **self._config, options=to_jsonable_python(options))

    @classmethod
    def _from_config(cls, config: TransactiveMemoryConfig) -> Self:
        lease, agent = Lease.of(config)
        mine = config.model_dump(exclude={*HandleConfig.model_fields, "options"})
        try:
            memory = cls(agent, **mine, **config.options)
        except BaseException:
            lease.close()
            raise
        memory._lease = lease
        return memory


def _check_options(options: Any) -> None:
    unknown = sorted(set(options) - Narrowing.__annotations__.keys())
    if unknown:
        known = ", ".join(Narrowing.__annotations__)
        raise InvalidInput(f"unknown: {', '.join(unknown)}; a recall takes {known}")


def _without(where: Where | None, uids: Sequence[str]) -> Where:
    others: Where = {"id": {"$nin": list(uids)}}
    return others if where is None else {"$and": [where, others]}


_NOTHING = Context(text="", hits=(), tokens=0, omitted=0)


async def _cancellable(call: Callable[[], R], token: CancellationToken | None) -> R:
    """What a call gives, made beside the loop; cancelled, it is not waited for, and runs to its end all the same."""
    task = asyncio.ensure_future(asyncio.to_thread(call))
    return await (task if token is None else token.link_future(task))
