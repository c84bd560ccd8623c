"""Chat stores: the messages of a conversation, in order, each a document that comes back as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.storage.chat_store import BaseChatStore
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus

from transactive import Agent
from transactive.records import Degrade
from transactive_integrations.common import Guard
from transactive_integrations.llamaindex.history import History

R = TypeVar("R")


def _nothing(_reason: str) -> list[ChatMessage]:
    return []


class TransactiveChatStore(AsyncDBChatStore):
    """Keeps the messages of LlamaIndex's `Memory`: `Memory.from_defaults(chat_store=TransactiveChatStore(agent))`.

    Messages are private to the agent, below `namespace` (by default `agents/<name>/chats`), one namespace a key. A
    handle that is bound to a user keeps that user's apart. They are not found by recall; a memory block records them.
    """

    namespace: str
    degrade: Degrade = "raise"
    _history: History = PrivateAttr()
    _guard: Guard = PrivateAttr()

    def __init__(self, agent: Agent, *, namespace: str | None = None, degrade: Degrade = "raise") -> None:
        fields: dict[str, Any] = {"namespace": namespace or f"{agent.namespace}/chats", "degrade": degrade}
        super().__init__(**fields)
        self._history = History(agent, self.namespace)
        self._guard = Guard(degrade)

    @classmethod
    def class_name(cls) -> str:
        """Its name in LlamaIndex's dumps."""
        return "TransactiveChatStore"

    @property
    def guard(self) -> Guard:
        """Counts how often the memory was degraded."""
        return self._guard

    async def _run(self, what: str, call: Callable[[], R], instead: Callable[[str], R]) -> R:
        return await asyncio.to_thread(self._guard.run, what, call, instead)

    async def get_messages(
        self,
        key: str,
        status: MessageStatus | None = MessageStatus.ACTIVE,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[ChatMessage]:
        """The messages of a key, oldest first; `status=None` gives the archived ones too."""
        return await self._run("chat", lambda: self._history.get(key, status, limit, offset or 0), _nothing)

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        """How many messages a key has."""
        return await self._run("chat", lambda: self._history.count(key, status), lambda _: 0)

    async def add_message(self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE) -> None:
        """Add a message after those that are there."""
        await self.add_messages(key, [message], status)

    async def add_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Add messages in their order, up to 1,000 in one transaction."""
        numbered = self._history.numbered(messages)  # here, so that the order is that of the calls
        await self._run("chat", lambda: self._history.add(key, numbered, status), lambda _: None)

    async def set_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Put messages in the place of all that a key has."""
        await self._run("chat", lambda: self._history.set(key, messages, status), lambda _: None)

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete and give the message at a place, counted from 0 through `get_messages(key, status=None)`."""
        return await self._run("chat", lambda: self._history.delete_at(key, idx), lambda _: None)

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        """Delete a key's messages, all unless a status is named."""
        await self._run("chat", lambda: self._history.clear(key, status), lambda _: None)

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Delete and give the oldest `n` active messages."""
        return await self._run("chat", lambda: self._history.take_oldest(key, n), _nothing)

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Archive and give the oldest `n` active messages."""
        return await self._run("chat", lambda: self._history.take_oldest(key, n, archive=True), _nothing)

    async def get_keys(self) -> list[str]:
        """Every key that has messages."""
        return await self._run("chat", self._history.keys, lambda _: [])


class TransactiveSyncChatStore(BaseChatStore):
    """The same messages for LlamaIndex's older memories: `ChatMemoryBuffer.from_defaults(chat_store=…)`."""

    namespace: str
    degrade: Degrade = "raise"
    _history: History = PrivateAttr()
    _guard: Guard = PrivateAttr()

    def __init__(self, agent: Agent, *, namespace: str | None = None, degrade: Degrade = "raise") -> None:
        fields: dict[str, Any] = {"namespace": namespace or f"{agent.namespace}/chats", "degrade": degrade}
        super().__init__(**fields)
        self._history = History(agent, self.namespace)
        self._guard = Guard(degrade)

    @classmethod
    def class_name(cls) -> str:
        """Its name in LlamaIndex's dumps."""
        return "TransactiveSyncChatStore"

    @property
    def guard(self) -> Guard:
        """Counts how often the memory was degraded."""
        return self._guard

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Put messages in the place of all that a key has."""
        self._guard.run("chat", lambda: self._history.set(key, messages, MessageStatus.ACTIVE), lambda _: None)

    def get_messages(self, key: str) -> list[ChatMessage]:
        """The messages of a key, oldest first."""
        return self._guard.run("chat", lambda: self._history.get(key, MessageStatus.ACTIVE, None, 0), _nothing)

    def add_message(self, key: str, message: ChatMessage) -> None:
        """Add a message after those that are there."""
        self.add_messages(key, [message])

    def add_messages(self, key: str, messages: Sequence[ChatMessage]) -> None:
        """Add messages in their order."""
        numbered = self._history.numbered(messages)
        self._guard.run("chat", lambda: self._history.add(key, numbered, MessageStatus.ACTIVE), lambda _: None)

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Delete a key's messages and give those that were active; None when there were none."""
        return self._guard.run("chat", lambda: self._history.take_all(key), _nothing) or None

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete and give the message at a place, counted from 0."""
        return self._guard.run("chat", lambda: self._history.delete_at(key, idx, MessageStatus.ACTIVE), lambda _: None)

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Delete and give the last message."""
        return self._guard.run("chat", lambda: self._history.delete_at(key, -1, MessageStatus.ACTIVE), lambda _: None)

    def get_keys(self) -> list[str]:
        """Every key that has messages."""
        return self._guard.run("chat", self._history.keys, lambda _: [])
