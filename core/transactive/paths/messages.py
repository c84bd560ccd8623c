"""Reads one message of a conversation, whichever framework it is from, by its attributes: no framework is imported.

Understood are strings, `{"role": …, "content": …}`, and the message objects of LangChain (`type`), AutoGen (`source`)
and LlamaIndex (`role`, `blocks`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from transactive.errors import InvalidInput

_ROLES = {"human": "user", "ai": "assistant", "function": "tool", "developer": "system", "model": "assistant"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What somebody said, called or answered."""

    role: str
    """`user`, `assistant`, `tool` or `system`."""
    text: str
    author: str | None = None
    id: str | None = None
    at: datetime | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else a dict says in its `metadata`."""

    @property
    def metadata(self) -> dict[str, Any]:
        """For the memory: what the message says of itself, role, author and tool calls."""
        noted: dict[str, Any] = {**self.more, "role": self.role}
        if self.author is not None:
            noted["author"] = self.author
        if self.id is not None:
            noted["message_id"] = self.id
        if self.tool_calls:
            noted["tool_calls"] = self.tool_calls
        return noted


def read(message: object) -> Message:
    """The message in one form; `InvalidInput` when it is none."""
    if isinstance(message, str):
        return Message(role="assistant", text=message)
    if not isinstance(message, Mapping) and not hasattr(message, "content"):
        raise InvalidInput(
            "a message is a string, a dict with 'role' and 'content', or a message object of LangChain, AutoGen or "
            f"LlamaIndex, not {type(message).__name__}"
        )
    get = _getter(message)
    role = _role(get)
    calls = _calls(get("tool_calls"))
    return Message(
        role=role,
        text=_text(get("content"), get("blocks")) or _called(calls),
        author=_string(get("name")) or _string(get("source")),
        id=_string(get("id")),
        at=_time(get("created_at") or get("timestamp")),
        tool_calls=calls,
        more=_more(message),
    )


def _more(message: object) -> Mapping[str, Any]:
    given = cast("Mapping[str, Any]", message).get("metadata") if isinstance(message, Mapping) else None
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInput(f"a message's metadata is a dict, not {type(given).__name__}")
    return given


def _getter(message: object) -> Any:
    if isinstance(message, Mapping):
        return cast("Mapping[str, Any]", message).get

    def get(name: str) -> Any:
        return getattr(message, name, None)

    return get


def _role(get: Any) -> str:
    said = get("role") if get("role") is not None else get("type")
    name = str(getattr(said, "value", said) or "").lower().removesuffix("messagechunk")
    role = _ROLES.get(name, name)
    if role in {"user", "assistant", "tool", "system"}:
        return role
    return "user" if get("source") == "user" else "assistant"


def _text(content: Any, blocks: Any) -> str:
    parts = content or blocks
    if isinstance(parts, str):
        return parts
    if not isinstance(parts, Sequence):
        return "" if parts is None else json.dumps(parts, default=str, ensure_ascii=False)
    return "\n".join(filter(None, map(_block, parts)))


def _block(block: Any) -> str:
    if isinstance(block, str):
        return block
    get = _getter(block)
    text = get("text")
    if isinstance(text, str):
        return text
    kind = get("type") or get("block_type") or type(block).__name__
    return "" if kind in {"tool_use", "tool_call", "thinking", "reasoning"} else f"[{kind}]"


def _calls(calls: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for call in calls if isinstance(calls, Sequence) and not isinstance(calls, str) else ():
        get = _getter(call)
        inner = _getter(get("function")) if get("function") is not None else get
        args = inner("args") if inner("args") is not None else inner("arguments")
        if isinstance(args, str):
            with suppress(ValueError):
                args = json.loads(args)
        name = inner("name")
        found.append({"name": str(name) if name else "tool", "args": json.loads(json.dumps(args, default=str))})
    return found


def _called(calls: list[dict[str, Any]]) -> str:
    return "; ".join(f"calls {c['name']}({json.dumps(c['args'], ensure_ascii=False)})" for c in calls)


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _time(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return None
