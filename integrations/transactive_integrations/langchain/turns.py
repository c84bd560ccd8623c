"""Messages as turns of a conversation: what a memory can hold of them, and what is kept beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from transactive import Agent, Memory
from transactive.records import NewDocument
from transactive_integrations.langchain.values import put_together, taken_apart

MAX_TEXT = 1 << 20
"""Bytes of UTF-8 that a memory's text holds."""
_WORDLESS = frozenset(
    {
        "function_call",
        "invalid_tool_call",
        "reasoning",
        "redacted_thinking",
        "server_tool_call",
        "thinking",
        "tool_call",
        "tool_use",
    }
)
"""Blocks of a content that say nothing to a reader: calls, which a message names apart, and thoughts."""
_TEXTS = frozenset({"text", "text-plain"})


def text_of(message: BaseMessage, *, named: bool = False) -> str:
    """What a message says; with `named`, what is not text stands there by its type: `[image]`."""
    content = message.content
    parts = [content] if isinstance(content, str) else [_part(block, named=named) for block in content]
    return "\n".join(filter(None, parts))


def _part(block: str | Mapping[Any, Any], *, named: bool) -> str:
    if isinstance(block, str):
        return block
    if isinstance(block.get("text"), str):
        return str(block["text"])
    return f"[{block.get('type') or 'block'}]" if named and block.get("type") not in _WORDLESS else ""


def turn(message: BaseMessage, *, id: str | None = None, kept: tuple[str, str] | None = None) -> dict[str, Any]:
    """A message as `agent.observe` reads it, with as much of its text as a memory holds.

    `kept` is namespace and key of the document that holds it whole.
    """
    role = "user" if isinstance(message, HumanMessage) else "tool" if isinstance(message, ToolMessage) else "assistant"
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return {
        "role": role,
        "content": kept_text(text_of(message, named=True)),
        "name": message.name,
        "id": id or message.id,
        "tool_calls": calls,
        "metadata": None if kept is None else {"document": {"namespace": kept[0], "key": kept[1]}},
    }


def kept_text(text: str) -> str:
    """As much of a text as a memory holds: no NUL, no lone surrogate, and at most 1 MiB."""
    return text.replace("\x00", "").encode(errors="replace")[:MAX_TEXT].decode(errors="ignore")


def is_more(message: BaseMessage) -> bool:
    """Whether a message holds more than a turn can: images and other blocks, or a text that is too long for one."""
    content = message.content
    if isinstance(content, str):
        return kept_text(content) != content
    return any(not isinstance(b, str) and b.get("type") not in _TEXTS | _WORDLESS for b in content) or (
        kept_text(text_of(message)) != text_of(message)
    )


def is_spoken(message: BaseMessage, *, tools: bool = False, silent: Collection[str] = ()) -> bool:
    """Whether a message is part of the conversation: what people and models said, and with `tools` what tools did.

    Left out are summaries that a middleware put in the place of messages, and what the tools named in `silent` answer.
    """
    if message.additional_kwargs.get("lc_source") == "summarization":
        return False
    if isinstance(message, ToolMessage):
        return tools and message.name not in silent
    if isinstance(message, AIMessage):
        calls = [call for call in message.tool_calls if call["name"] not in silent] if tools else []
        return bool(calls or text_of(message, named=True).strip())
    return isinstance(message, HumanMessage)


def record(handle: Agent, messages: Sequence[BaseMessage], namespace: str) -> Sequence[Memory]:
    """Observe messages, each once; those that hold more than text are kept whole, where their turns say."""
    more = {message.id: message for message in messages if is_more(message)}
    places = {id: (namespace, f"message/{quoted(handle.session_id or '')}/{id}") for id in more}
    written = handle.observe([turn(m, kept=places.get(m.id)) for m in messages], namespace=namespace)
    fresh = [id for memory in written if (id := memory.metadata.get("message_id")) in more]
    if fresh:
        handle.documents.put_many([document(places[id][1], more[id]) for id in fresh], namespace=namespace)
    return written


def document(key: str, message: BaseMessage, ttl: timedelta | str | None = None) -> NewDocument:
    """A message as a document, whole."""
    value, data = taken_apart(message)
    return NewDocument(key=key, value=value, data=data, ttl=ttl)


def message_of(handle: Agent, memory: Memory) -> BaseMessage | None:
    """The message behind a recalled turn, with its images and all; None where the turn's text was all of it."""
    place = memory.metadata.get("document")
    if not isinstance(place, Mapping):
        return None
    found = handle.documents.get(str(place.get("namespace")), str(place.get("key")), user=memory.user)
    message = None if found is None else put_together(found.value, found.data)
    return message if isinstance(message, BaseMessage) else None


def quoted(name: str) -> str:
    """A name as part of a key: no `/` in it, so that no session's keys begin with another's."""
    return quote(name, safe="", errors="surrogatepass")
