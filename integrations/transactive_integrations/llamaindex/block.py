"""The memory block: long-term memory behind LlamaIndex's short-term one, filtered anew with each call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Literal, Unpack

from llama_index.core.base.llms.types import ChatMessage, ContentBlock, MessageRole, TextBlock
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.memory import BaseMemoryBlock
from llama_index.core.utils import get_tokenizer

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.filters import Where
from transactive.records import Degrade, NewDocument
from transactive_integrations.common import Guard, RecallOptions
from transactive_integrations.llamaindex.asking import ask, line
from transactive_integrations.llamaindex.messages import (
    as_turn,
    dump_message,
    keeps,
    load_message,
    message_id,
    text_of,
)

Across = Literal["session", "user", "all"]
KEPT = "message:"
"""What the key of a message that is more than words starts with; its hash follows."""


class TransactiveMemoryBlock(BaseMemoryBlock[list[ContentBlock]]):
    """Records what leaves the short-term memory, and recalls what the last words of the user are about.

    One block serves many sessions and users at once: what a call may see is decided with that call, and nothing of it
    stays in the block. `across="session"` sees what was recorded in the session that asks and what belongs to no
    session (the team's findings, and facts about the user); `"user"`, what is about the user too, from whichever
    session; `"all"`, whatever the handle may read. A handle that is bound to a user never sees another one's.
    """

    name: str = "Memory"
    priority: int = 1
    similarity_top_k: int = Field(default=5, ge=1, le=1000)
    across: Across = "session"
    namespace: str | None = None
    """Where it records; by default the agent's private namespace."""
    degrade: Degrade = "raise"
    tokenizer_fn: Callable[[str], Sequence[Any]] = Field(default_factory=get_tokenizer, exclude=True)
    _agent: Agent = PrivateAttr()
    _guard: Guard = PrivateAttr()
    _options: RecallOptions = PrivateAttr()

    def __init__(
        self,
        agent: Agent,
        *,
        name: str = "Memory",
        description: str | None = None,
        priority: int = 1,
        accept_short_term_memory: bool = True,
        similarity_top_k: int = 5,
        across: Across = "session",
        namespace: str | None = None,
        degrade: Degrade = "raise",
        tokenizer_fn: Callable[[str], Sequence[Any]] | None = None,
        **options: Unpack[RecallOptions],
    ) -> None:
        fields: dict[str, Any] = {
            "name": name,
            "description": description,
            "priority": priority,
            "accept_short_term_memory": accept_short_term_memory,
            "similarity_top_k": similarity_top_k,
            "across": across,
            "namespace": namespace,
            "degrade": degrade,
            "tokenizer_fn": tokenizer_fn or get_tokenizer(),
        }
        super().__init__(**fields)
        self._agent = agent
        self._guard = Guard(degrade)
        self._options = options

    @property
    def guard(self) -> Guard:
        """Counts how often the memory was degraded."""
        return self._guard

    # --- recalling ------------------------------------------------------------------------------------------------

    async def _aget(
        self,
        messages: list[ChatMessage] | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        **block_kwargs: Any,  # noqa: ARG002  # those of other blocks
    ) -> list[ContentBlock]:
        """What is remembered about the user's last words, the best first, one block each."""
        query = _asked(messages or ())
        if not query:
            return []
        agent = self._agent.bind(user=user_id) if user_id is not None else self._agent
        options = self._narrowed(agent.user, session_id or agent.session_id)
        found = await asyncio.to_thread(ask, agent, query, self.similarity_top_k, self._guard, options)
        lines = [line(hit.memory) for hit in found]
        if found.degraded:
            lines.append("(The memory is degraded: this may be incomplete.)")
        return [TextBlock(text=text) for text in lines]

    def _narrowed(self, user: str | None, session: str | None) -> RecallOptions:
        """The options of one call, as a new record: the block's own are never changed."""
        if self.across == "all":
            return self._options
        parts: list[Where] = [{"session": None, "user": {"$in": [user, None]}}]  # an unbound handle sees every user's
        if session is not None:
            parts.append({"session": session})
        if self.across == "user":
            if user is None:
                raise InvalidInput('across="user" needs a user: a handle bound to one, or memory.aget(user_id=…)')
            parts.append({"user": user})
        options = self._options.copy()
        where = options.get("where")
        options["where"] = {"$or": parts} if where is None else {"$and": [where, {"$or": parts}]}
        return options

    async def atruncate(self, content: list[ContentBlock], tokens_to_truncate: int) -> list[ContentBlock] | None:
        """Leave the least relevant out, until at least so many tokens are saved; the best stay."""
        kept = list(content)
        saved = 0
        while kept and saved < tokens_to_truncate:
            block = kept.pop()
            saved += len(self.tokenizer_fn(block.text)) if isinstance(block, TextBlock) else 0
        return kept or None

    # --- recording ------------------------------------------------------------------------------------------------

    async def aput(
        self, messages: list[ChatMessage], from_short_term_memory: bool = False, session_id: str | None = None
    ) -> None:
        """Record messages in a session; unlike the base class, without writing that into the messages."""
        if from_short_term_memory and not self.accept_short_term_memory:
            return
        await asyncio.to_thread(self._record, messages, session_id)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        await asyncio.to_thread(self._record, messages, None)

    def _record(self, messages: Iterable[ChatMessage], session: str | None) -> None:
        def place(message: ChatMessage) -> tuple[str | None, str | None]:
            noted = message.additional_kwargs
            return noted.get("user_id"), session or noted.get("session_id")

        for (user, named), group in groupby(messages, key=place):
            agent = self._agent if user is None else self._agent.bind(user=user)
            said = list(group)
            self._guard.run("record", partial(self._observe, agent, said, named), lambda _: None)

    def _observe(self, agent: Agent, said: list[ChatMessage], session: str | None) -> None:
        namespace = self.namespace or agent.namespace
        kept = [
            NewDocument(key=KEPT + message_id(message), value={"session": session}, data=dump_message(message))
            for message in said
            if keeps(message)
        ]
        if kept:
            agent.documents.put_many(kept, namespace=namespace)
        agent.observe(map(as_turn, said), session=session, namespace=namespace)

    async def amessage(self, message_id: str, *, user_id: str | None = None) -> ChatMessage | None:
        """The whole message, with its images and other blocks, that a memory names in its metadata (`message_id`)."""
        agent = self._agent if user_id is None else self._agent.bind(user=user_id)
        namespace = self.namespace or agent.namespace
        held = await asyncio.to_thread(agent.documents.get, namespace, KEPT + message_id)
        return None if held is None or held.data is None else load_message(held.data)


def _asked(messages: Sequence[ChatMessage]) -> str:
    """The user's last words, or else the last of anybody."""
    said = [message for message in messages if text_of(message)]
    users = [message for message in said if message.role == MessageRole.USER]
    return text_of((users or said)[-1]) if said else ""
