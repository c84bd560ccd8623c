"""Chat history: the messages of one session, as they were, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import uuid4

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.namespaces import check_path
from transactive.records import Degrade
from transactive_integrations.common import Guard
from transactive_integrations.langchain.turns import document, is_spoken, quoted, turn
from transactive_integrations.langchain.values import put_together

SOME = 1_000
"""How many ids one filter names."""


class TransactiveChatHistory(BaseChatMessageHistory):
    """Keeps a session's messages whole: tool calls, images, artifacts, ids and all.

    A session is one user's: a handle bound to a user has that user's messages, an unbound one those of no user. With
    `recallable`, what was said is also observed: `agent.recall` finds it, and `clear` forgets it.

    Args:
        agent: Whose history.
        session_id: The session; also that of what is observed.
        namespace: Where, by default `<agent.namespace>/history`; what is recallable is then in `agent.namespace`.
        recallable: Whether what was said is to be recalled from other sessions.
        ttl: How long a message is kept, such as `"30d"`.
        degrade: What happens when the memory fails: `raise`, or else log and count it, give and keep nothing.
    """

    def __init__(
        self,
        agent: Agent,
        session_id: str,
        *,
        namespace: str | None = None,
        recallable: bool = False,
        ttl: timedelta | str | None = None,
        degrade: Degrade = "raise",
    ) -> None:
        super().__init__()
        if not isinstance(session_id, str) or not session_id:
            raise InvalidInput("session_id is a non-empty string")
        self._agent = agent.bind(session=session_id)
        self._place = check_path(f"{agent.namespace}/history" if namespace is None else namespace)
        self._observed = namespace
        self._prefix = f"history/{quoted(session_id)}/"
        self._recallable = recallable
        self._ttl = ttl
        self.guard = Guard(degrade)

    @property
    def degradations(self) -> int:
        """How often the memory failed, and messages were not given or not kept."""
        return self.guard.degradations

    @property
    def messages(self) -> list[BaseMessage]:
        """The messages of the session, oldest first."""
        return self.guard.run("history", self._messages, lambda _: [])

    @messages.setter
    def messages(self, messages: Sequence[BaseMessage]) -> None:
        self.clear()
        self.add_messages(messages)

    def _messages(self) -> list[BaseMessage]:
        found = self._agent.documents.list(
            self._place, prefix=self._prefix, where={"user": self._agent.user}, order_by="created_at", limit=None
        )
        return [put_together(kept.value, kept.data) for kept in found]

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages at the end."""
        self.guard.run("history", partial(self._add, list(messages)), lambda _: None)

    def _add(self, messages: list[BaseMessage]) -> None:
        if any(not isinstance(message, BaseMessage) for message in messages):
            raise InvalidInput("a chat history keeps messages of LangChain")
        keys = [f"{self._prefix}{uuid4().hex}" for _ in messages]
        documents = [document(key, message, self._ttl) for key, message in zip(keys, messages, strict=True)]
        self._agent.documents.put_many(documents, namespace=self._place)
        if self._recallable:
            said = [(k, m) for k, m in zip(keys, messages, strict=True) if is_spoken(m)]
            turns = [turn(message, id=key, kept=(self._place, key)) for key, message in said]
            self._agent.observe(turns, namespace=self._observed)

    def clear(self) -> None:
        """Remove every message of the session, and forget what was observed of them."""
        self.guard.run("history", self._clear, lambda _: None)

    def _clear(self) -> None:
        documents, where = self._agent.documents, {"user": self._agent.user}
        if self._recallable:
            keys = [kept.key for kept in documents.list(self._place, prefix=self._prefix, where=where, limit=None)]
            for start in range(0, len(keys), SOME):
                self._agent.forget(where={"metadata.message_id": {"$in": keys[start : start + SOME]}})
        documents.clear(self._place, prefix=self._prefix, where=where)
