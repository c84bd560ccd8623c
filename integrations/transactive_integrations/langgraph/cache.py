"""LangGraph's cache of node and task results on the documents of one agent: `builder.compile(cache=…)`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from langgraph.cache.base import BaseCache, FullKey, Namespace, ValueT
from langgraph.checkpoint.serde.base import SerializerProtocol

from transactive import Agent
from transactive.namespaces import check_path
from transactive.records import Degrade, NewDocument
from transactive_integrations.common import Guard

Pairs = Mapping[FullKey, tuple[ValueT, int | None]]


class TransactiveCache(BaseCache[ValueT]):
    """A LangGraph cache that outlives the process: each result is a document, its bytes beside the serialiser's tag.

    Args:
        agent: Whose documents; a handle bound to a user keeps and sees that user's alone.
        namespace: Where, by default `<agent.namespace>/cache`, which is private.
        serde: How results are serialised; by default LangGraph's own way.
        degrade: What happens when the memory fails: `raise`, or else log and count it, find nothing and keep nothing.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        serde: SerializerProtocol | None = None,
        degrade: Degrade = "raise",
    ) -> None:
        super().__init__(serde=serde)
        self._documents = agent.documents
        self._user = agent.user
        self._place = check_path(f"{agent.namespace}/cache" if namespace is None else namespace)
        self._guard = Guard(degrade)

    @property
    def degradations(self) -> int:
        """How often it found or kept nothing because the memory failed; never with `degrade="raise"`."""
        return self._guard.degradations

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, ValueT]:
        """What is there, and not expired, of what is asked for."""
        return self._guard.run("cache get", partial(self._get, keys), lambda _: {}) if keys else {}

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, ValueT]:
        """The same, in a thread."""
        return await asyncio.to_thread(self.get, keys)

    def set(self, pairs: Pairs[ValueT]) -> None:
        """Keep results, each with its time to live in seconds, or None."""
        self._guard.run("cache set", partial(self._set, pairs), lambda _: None)

    async def aset(self, pairs: Pairs[ValueT]) -> None:
        """The same, in a thread."""
        await asyncio.to_thread(self.set, pairs)

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Delete the results of these namespaces, by default all."""
        self._guard.run("cache clear", partial(self._clear, namespaces), lambda _: None)

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """The same, in a thread."""
        await asyncio.to_thread(self.clear, namespaces)

    def _get(self, keys: Sequence[FullKey]) -> dict[FullKey, ValueT]:
        asked = [(tuple(namespace), key) for namespace, key in keys]
        found = self._documents.get_many([(self._place, _key(full)) for full in asked])
        return {
            full: self.serde.loads_typed((document.value, document.data or b""))
            for full, document in zip(asked, found, strict=True)
            if document is not None and document.user == self._user
        }

    def _set(self, pairs: Pairs[ValueT]) -> None:
        kept: list[NewDocument] = []
        over: list[tuple[str, str]] = []
        for full, (value, ttl) in pairs.items():
            if ttl is not None and ttl <= 0:
                over.append((self._place, _key(full)))
                continue
            tag, data = self.serde.dumps_typed(value)
            lifetime = None if ttl is None else timedelta(seconds=ttl)
            kept.append(NewDocument(key=_key(full), namespace=self._place, value=tag, data=data, ttl=lifetime))
        if kept:
            self._documents.put_many(kept)
        if over:
            self._documents.delete_many(over)

    def _clear(self, namespaces: Sequence[Namespace] | None) -> None:
        for prefix in [""] if namespaces is None else [_prefix(namespace) for namespace in namespaces]:
            self._documents.clear(self._place, prefix=prefix, where={"user": self._user})


def _prefix(namespace: Sequence[str]) -> str:
    """As JSON, which says itself where it ends: no namespace's keys begin with another's prefix."""
    return json.dumps(list(namespace))


def _key(full: FullKey) -> str:
    return _prefix(full[0]) + full[1]
