"""LangChain's key-value stores: any value, or bytes, each a document under its key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar

from langchain_core.stores import BaseStore

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.namespaces import check_path
from transactive.records import Document, NewDocument
from transactive_integrations.langchain.values import put_together, taken_apart

V = TypeVar("V")


class _Store(BaseStore[str, V], Generic[V]):
    """A store in one namespace, by default `<agent.namespace>/values` or `<agent.namespace>/bytes`, which is private.

    A handle bound to a user has the values of that user alone, an unbound one those of no user. There is no `degrade=`:
    a missing value and one that cannot be read are not the same to who asks.

    Args:
        agent: Whose documents.
        namespace: Where.
        ttl: How long a value lives, such as `"7d"`.
    """

    _default: ClassVar[str]

    def __init__(self, agent: Agent, *, namespace: str | None = None, ttl: timedelta | str | None = None) -> None:
        self._documents = agent.documents
        self._user = agent.user
        self._place = check_path(f"{agent.namespace}/{self._default}" if namespace is None else namespace)
        self._ttl = ttl

    def mget(self, keys: Sequence[str]) -> list[V | None]:
        """The values under these keys, in their order; None where there is none."""
        found = self._documents.get_many([(self._place, key) for key in keys])
        return [None if d is None or d.user != self._user else self._value(d) for d in found]

    def mset(self, key_value_pairs: Sequence[tuple[str, V]]) -> None:
        """Put values under keys; of several under one key, the last stays."""
        self._documents.put_many([self._document(key, value) for key, value in key_value_pairs], namespace=self._place)

    def mdelete(self, keys: Sequence[str]) -> None:
        """Delete what is under these keys, if anything."""
        self._documents.delete_many([(self._place, key) for key in keys])

    def yield_keys(self, *, prefix: str | None = None) -> Iterator[str]:
        """The keys, or those that begin with a prefix, in their order."""
        where = {"user": self._user}
        found = self._documents.list(self._place, prefix=prefix or "", where=where, order_by="key", limit=None)
        for document in found:
            yield document.key

    async def ayield_keys(self, *, prefix: str | None = None) -> AsyncIterator[str]:
        """The same, read at once in a thread."""
        for key in await asyncio.to_thread(lambda: list(self.yield_keys(prefix=prefix))):
            yield key

    def _document(self, key: str, value: V) -> NewDocument:
        raise NotImplementedError

    def _value(self, document: Document) -> V:
        raise NotImplementedError


class TransactiveKeyValueStore(_Store[Any]):
    """A store of values: what JSON holds, and bytes, times, tuples, sets, LangChain's documents and messages.

    What another program wrote under a key as a document is read as its JSON value.
    """

    _default = "values"

    def _document(self, key: str, value: Any) -> NewDocument:
        plain, data = taken_apart(value)
        return NewDocument(key=key, value=plain, data=data, ttl=self._ttl)

    def _value(self, document: Document) -> Any:
        return put_together(document.value, document.data)


class TransactiveByteStore(_Store[bytes]):
    """A store of bytes, up to 64 MiB each: for `CacheBackedEmbeddings`, for serialised objects."""

    _default = "bytes"

    def _document(self, key: str, value: bytes) -> NewDocument:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise InvalidInput(f"a byte store keeps bytes, not {type(value).__name__}")
        return NewDocument(key=key, data=bytes(value), ttl=self._ttl)

    def _value(self, document: Document) -> bytes:
        return b"" if document.data is None else document.data
