"""Records what agents said: of a run's result, or of a stream while it runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, TypeAlias, TypedDict, TypeVar, Unpack

from autogen_agentchat.base import Response, TaskResult
from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    MessageFactory,
    StopMessage,
    StructuredMessage,
    TextMessage,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)
from autogen_core import FunctionCall
from pydantic import BaseModel

from transactive import Agent, Memory
from transactive.errors import InvalidInput
from transactive.records import Degrade, NewDocument
from transactive_integrations.common import Guard

T = TypeVar("T")
Said: TypeAlias = BaseChatMessage | BaseAgentEvent
KEPT = "message:"
"""What the key of a message that is more than words starts with; its id follows."""


class Recorder:
    """Keeps what is said in runs of agents and teams, each message once, as a turn.

    Chat messages are recorded, with their author and time; of the events, with `tools=True`, calls of tools and what
    they gave. What was recalled, thought or streamed in pieces is not. A message that is more than words (images,
    structured content, results of tools, metadata) is kept whole beside its turn: `message` gives it back.

    Args:
        agent: Whose memory it is; without `speakers` the author of every turn, with who spoke in its metadata.
        session: In which unit of work.
        namespace: Where; by default in the private namespace of each speaker.
        speakers: Handles by the names of AutoGen's agents: what such an agent says is recorded in its own name.
        users: The names under which people speak.
        tools: Whether calls of tools and their results are recorded too.
        degrade: With `text` or `empty` a memory that fails is logged and counted, and the run goes on.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        session: str | None = None,
        namespace: str | None = None,
        speakers: Mapping[str, Agent] | None = None,
        users: Collection[str] = ("user",),
        tools: bool = False,
        degrade: Degrade = "raise",
    ) -> None:
        if isinstance(users, str):
            raise InvalidInput("users is a list of names")
        self.agent = agent
        self.session = session
        self.namespace = namespace
        self.speakers = dict(speakers or {})
        self.users = frozenset(users)
        self.tools = tools
        self.guard = Guard(degrade)

    @property
    def degradations(self) -> int:
        """How often the memory failed, and something was not recorded; never with `degrade="raise"`."""
        return self.guard.degradations

    async def record(self, messages: TaskResult | Response | Iterable[Said]) -> Sequence[Memory]:
        """Record messages; those whose ids were recorded before are passed over. Durable when this returns."""
        said = _said(messages)
        return await asyncio.to_thread(self.guard.run, "record", lambda: self._record(said), lambda _: [])

    async def stream(self, stream: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """A run's stream, each message recorded before it is passed on."""
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, BaseChatMessage | BaseAgentEvent):
                    await self.record([item])
                elif isinstance(item, Response):
                    await self.record(item)
                yield item

    async def message(
        self, turn: Memory, *, types: Iterable[type[StructuredMessage[Any]]] = ()
    ) -> BaseChatMessage | None:
        """The whole message of a turn, with its images and other content; None when the turn says it all.

        `types` are the structured messages that it may be, such as `StructuredMessage[Answer]`.
        """
        place = turn.metadata.get("document")
        if not isinstance(place, Mapping):
            return None
        agent = next((handle for handle in self.speakers.values() if handle.name == turn.agent), self.agent)
        get = partial(agent.documents.get, str(place.get("namespace")), str(place.get("key")), user=turn.user)
        document = await asyncio.to_thread(get)
        if document is None or document.data is None:
            return None
        factory = MessageFactory()
        for kind in types:
            factory.register(kind)
        try:
            message = factory.create(json.loads(document.data))
        except ValueError as error:
            raise InvalidInput(f"{error}; name it: types=[StructuredMessage[…]]") from None
        return message if isinstance(message, BaseChatMessage) else None

    def _record(self, messages: Sequence[Said]) -> list[Memory]:
        by_speaker: dict[str | None, list[Said]] = {}
        for message in messages:
            speaker = message.source if message.source in self.speakers else None
            by_speaker.setdefault(speaker, []).append(message)
        written: list[Memory] = []
        for speaker, said in by_speaker.items():
            written += self._observe(self.agent if speaker is None else self.speakers[speaker], said)
        return written

    def _observe(self, agent: Agent, said: Sequence[Said]) -> Sequence[Memory]:
        place = self.namespace or agent.namespace
        turns = [turn for message in said if (turn := self._turn(message, place)) is not None]
        kept = [_whole(message) for message in said if isinstance(message, BaseChatMessage) and _is_more(message)]
        if kept:
            agent.documents.put_many(kept, namespace=place)
        return agent.observe(turns, session=self.session, namespace=place) if turns else []

    def _turn(self, message: Said, place: str) -> dict[str, Any] | None:
        """A message as `observe` takes it; None for what is not recorded."""
        metadata: dict[str, Any] = {**message.metadata, "message_type": _kind(message)}
        if isinstance(message, BaseChatMessage) and _is_more(message):
            metadata["document"] = {"namespace": place, "key": KEPT + message.id}
        turn: dict[str, Any] = {
            "role": "user" if message.source in self.users else "assistant",
            "name": message.source,
            "id": message.id,
            "created_at": message.created_at,
            "metadata": metadata,
        }
        match message:
            case ToolCallSummaryMessage():
                return turn | {"content": message.content, "tool_calls": _calls(message.tool_calls)}
            case BaseChatMessage():
                return turn | {"content": message.to_model_text()}
            case ToolCallRequestEvent() if self.tools:
                return turn | {"content": "", "tool_calls": _calls(message.content)}
            case ToolCallExecutionEvent() if self.tools:
                results = "\n".join(f"{result.name}: {result.content}" for result in message.content)
                return turn | {"role": "tool", "content": results}
            case _:
                return None


class RecorderOptions(TypedDict, total=False):
    """The keywords of `Recorder`."""

    session: str | None
    namespace: str | None
    speakers: Mapping[str, Agent] | None
    users: Collection[str]
    tools: bool
    degrade: Degrade


async def record(
    agent: Agent, messages: TaskResult | Response | Iterable[Said], **options: Unpack[RecorderOptions]
) -> Sequence[Memory]:
    """Record what was said in a run: its result, or the result's messages; `options` are those of `Recorder`."""
    return await Recorder(agent, **options).record(messages)


def recorded(
    agent: Agent, stream: AsyncGenerator[T, None], **options: Unpack[RecorderOptions]
) -> AsyncGenerator[T, None]:
    """The stream of a run, recorded while it runs; `options` are those of `Recorder`."""
    return Recorder(agent, **options).stream(stream)


def _said(messages: Any) -> list[Said]:
    if isinstance(messages, TaskResult):
        return list(messages.messages)
    if isinstance(messages, Response):
        return [*(messages.inner_messages or ()), messages.chat_message]
    if isinstance(messages, BaseModel) or not isinstance(messages, Iterable):
        raise InvalidInput(f"what is recorded is a list of messages, such as result.messages, not {_kind(messages)}")
    said = list(messages)
    for message in said:
        if not isinstance(message, BaseChatMessage | BaseAgentEvent):
            raise InvalidInput(f"what is recorded are AutoGen's messages and events, not {_kind(message)}")
    return said


def _kind(thing: object) -> str:
    return type(thing).__name__


def _is_more(message: BaseChatMessage) -> bool:
    """Whether a message is more than its words, author and time."""
    worded = type(message) in {TextMessage, StopMessage, HandoffMessage}
    return not worded or bool(message.metadata) or bool(getattr(message, "context", None))


def _whole(message: BaseChatMessage) -> NewDocument:
    kept = {"message_id": message.id, "source": message.source, "type": _kind(message)}
    return NewDocument(key=KEPT + message.id, value=kept, data=json.dumps(message.dump()).encode())


def _calls(calls: Iterable[FunctionCall]) -> list[dict[str, Any]]:
    return [{"name": call.name, "args": call.arguments} for call in calls]
