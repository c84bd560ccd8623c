"""The record manager of LangChain's indexing API: what was indexed, of which source, and when."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

from langchain_core.indexing import RecordManager

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.namespaces import check_path
from transactive.records import NewDocument

SOURCES = 10_000
"""How many group ids one filter names."""


class TransactiveRecordManager(RecordManager):
    """Keeps records for `langchain_core.indexing.index` and `aindex`, each a document.

    There is no schema to create, and no `degrade=`: a record that cannot be read is not one that is missing.

    Args:
        agent: Whose documents.
        namespace: Where, by default `<agent.namespace>/records`; another one for each vector store.
    """

    def __init__(self, agent: Agent, *, namespace: str | None = None) -> None:
        super().__init__(check_path(f"{agent.namespace}/records" if namespace is None else namespace))
        self._documents = agent.documents
        self._user = agent.user
        self._latest = 0.0
        self._lock = threading.Lock()

    def create_schema(self) -> None:
        """Nothing: documents need no schema."""

    async def acreate_schema(self) -> None:
        """Nothing, likewise."""

    def get_time(self) -> float:
        """The time in seconds since 1970, never less than before; the ledger is in the process, so is its clock."""
        with self._lock:
            self._latest = max(self._latest, time.time())
            return self._latest

    async def aget_time(self) -> float:
        """The same."""
        return self.get_time()

    def update(
        self,
        keys: Sequence[str],
        *,
        group_ids: Sequence[str | None] | None = None,
        time_at_least: float | None = None,
    ) -> None:
        """Put records, as of now.

        Raises:
            InvalidInput: there are not as many groups as keys, or `time_at_least` is still to come.
        """
        if group_ids is not None and len(group_ids) != len(keys):
            raise InvalidInput(f"there are {len(keys)} keys and {len(group_ids)} group ids; each key has one")
        now = self.get_time()
        if time_at_least is not None and time_at_least > now:
            raise InvalidInput(f"time_at_least lies {time_at_least - now:.3f} seconds ahead: the clock went back")
        groups = [None] * len(keys) if group_ids is None else group_ids
        self._documents.put_many(
            [
                NewDocument(key=key, value={"group_id": group, "updated_at": now})
                for key, group in zip(keys, groups, strict=True)
            ],
            namespace=self.namespace,
        )

    async def aupdate(
        self,
        keys: Sequence[str],
        *,
        group_ids: Sequence[str | None] | None = None,
        time_at_least: float | None = None,
    ) -> None:
        """The same, in a thread."""
        await asyncio.to_thread(self.update, keys, group_ids=group_ids, time_at_least=time_at_least)

    def exists(self, keys: Sequence[str]) -> list[bool]:
        """For each key, whether there is a record."""
        found = self._documents.get_many([(self.namespace, key) for key in keys])
        return [document is not None and document.user == self._user for document in found]

    async def aexists(self, keys: Sequence[str]) -> list[bool]:
        """The same, in a thread."""
        return await asyncio.to_thread(self.exists, keys)

    def list_keys(
        self,
        *,
        before: float | None = None,
        after: float | None = None,
        group_ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[str]:
        """Keys of records updated before and after these times, of these groups."""
        groups = None if group_ids is None else list(dict.fromkeys(group_ids))
        if groups is None or len(groups) <= SOURCES:
            return self._listed(before, after, groups, limit)
        found: list[str] = []
        for start in range(0, len(groups), SOURCES):
            left = None if limit is None else limit - len(found)
            found += self._listed(before, after, groups[start : start + SOURCES], left)
        return found

    def _listed(
        self, before: float | None, after: float | None, groups: list[str] | None, limit: int | None
    ) -> list[str]:
        where: dict[str, Any] = {"user": self._user}
        times = {"$lt": before, "$gt": after}
        if any(at is not None for at in times.values()):
            where["value.updated_at"] = {sign: at for sign, at in times.items() if at is not None}
        if groups is not None:
            where["value.group_id"] = {"$in": groups}
        found = self._documents.list(self.namespace, where=where, order_by="key", limit=limit)
        return [document.key for document in found]

    async def alist_keys(
        self,
        *,
        before: float | None = None,
        after: float | None = None,
        group_ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[str]:
        """The same, in a thread."""
        return await asyncio.to_thread(self.list_keys, before=before, after=after, group_ids=group_ids, limit=limit)

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Delete records."""
        self._documents.delete_many([(self.namespace, key) for key in keys])

    async def adelete_keys(self, keys: Sequence[str]) -> None:
        """The same, in a thread."""
        await asyncio.to_thread(self.delete_keys, keys)
