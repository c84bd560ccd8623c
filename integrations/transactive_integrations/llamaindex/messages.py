"""LlamaIndex's chat messages as bytes and back, and as turns that the memory observes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from io import IOBase
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ToolCallBlock,
    VideoBlock,
)

from transactive.errors import InvalidInput
from transactive_integrations.llamaindex.nodes import dump_node, load_node

STREAMS: dict[type[Any], str] = {ImageBlock: "image", AudioBlock: "audio", VideoBlock: "video", DocumentBlock: "data"}
"""Blocks that may hold a stream instead of bytes, and where."""
IMAGES = "additional_images"
NOTED = frozenset({"session_id", "user_id", "tool_calls", "tool_call_id"})
"""Additional arguments that a turn says in its own way."""


def dump_message(message: ChatMessage) -> bytes:
    """A message as JSON: every block, with its bytes, and the additional arguments.

    A stream is read, from its beginning. Raises `InvalidInput` when something in it is not what JSON holds.
    """
    images = message.additional_kwargs.get("images") or []  # nodes, of which LlamaIndex has made blocks too
    noted = {name: value for name, value in message.additional_kwargs.items() if not images or name != "images"}
    blocks = [_settled(block) for block in message.blocks]
    try:
        held = message.model_copy(update={"blocks": blocks, "additional_kwargs": noted}).model_dump(mode="json")
        return json.dumps(held | ({IMAGES: [dump_node(image).decode() for image in images]} if images else {})).encode()
    except (TypeError, ValueError) as error:  # pydantic's own is one too
        raise InvalidInput(f"the message holds what JSON cannot: {error}") from None


def load_message(data: bytes) -> ChatMessage:
    """The message that was dumped; a file that it names need not be there any longer."""
    held: dict[str, Any] = json.loads(data)
    images = held.pop(IMAGES, [])
    gone = dict(_without_missing_files(held["blocks"]))
    message = ChatMessage.model_validate(held)
    for place, path in gone.items():
        block: Any = message.blocks[place]
        block.path = path
    if images:
        message.additional_kwargs["images"] = [load_node(image.encode()) for image in images]
    return message


def _without_missing_files(blocks: list[dict[str, Any]]) -> Iterator[tuple[int, Path]]:
    for place, block in enumerate(blocks):
        path = block.get("path")
        if path is not None and block["block_type"] != "document" and not Path(path).is_file():
            block["path"] = None
            yield place, Path(path)


def _settled(block: Any) -> Any:
    name = STREAMS.get(type(block))
    stream = None if name is None else getattr(block, name)
    if name is None or not isinstance(stream, IOBase):
        return block
    stream.seek(0)
    return type(block).model_validate({**dict(block), name: stream.read()})


# --- as turns ---------------------------------------------------------------------------------------------------------


def as_turn(message: ChatMessage) -> dict[str, Any]:
    """A message as `agent.observe` takes it; one that is more than words has the id under which `keeps` has it kept."""
    turn: dict[str, Any] = {
        "role": message.role.value,
        "content": "\n".join(filter(None, map(_said, message.blocks))),
        "tool_calls": [*_calls(message)],
    }
    return turn | ({"id": message_id(message)} if keeps(message) else {})


def keeps(message: ChatMessage) -> bool:
    """Whether a message is more than words and tool calls, so that all of it is to be kept beside the turn."""
    more = any(not isinstance(block, TextBlock | ToolCallBlock | CachePoint) for block in message.blocks)
    return more or not message.additional_kwargs.keys() <= NOTED


def message_id(message: ChatMessage) -> str:
    """The same for the same message: a hash of it."""
    return hashlib.blake2b(dump_message(message), digest_size=16).hexdigest()


def text_of(message: ChatMessage) -> str:
    """The words of a message."""
    return "\n".join(block.text for block in message.blocks if isinstance(block, TextBlock)).strip()


def _said(block: Any) -> str:
    if isinstance(block, TextBlock):
        return block.text
    if isinstance(block, ToolCallBlock | CachePoint):
        return ""
    named = getattr(block, "title", None) or getattr(block, "path", None)
    return f"[{block.block_type}: {named}]" if named else f"[{block.block_type}]"


def _calls(message: ChatMessage) -> Iterator[Any]:
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    for block in blocks:
        yield {"name": block.tool_name, "args": block.tool_kwargs}
    if not blocks:
        for call in message.additional_kwargs.get("tool_calls") or ():
            yield call if isinstance(call, Mapping) else getattr(call, "__dict__", {"name": str(call)})
