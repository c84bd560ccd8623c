"""`MemoryContent` as memories and documents, and back."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any
from uuid import uuid4

from autogen_core import Image
from autogen_core.memory import MemoryContent, MemoryMimeType

from transactive import Agent, Hit, Memory
from transactive.errors import InvalidInput
from transactive.records import Document, Kind

NOTED = "autogen"
"""What the adapter notes for itself in metadata and values."""
PREFIX = "autogen/"
"""What the key of a document that holds a content starts with."""
SOURCE = "document:" + PREFIX
MOST_INDEXED = 250_000


def keep(agent: Agent, namespace: str, content: MemoryContent, kind: Kind | None) -> None:
    """Text as a memory; anything else as a document, found by its own text or by what its metadata says."""
    given = dict(content.metadata or {})
    if NOTED in given:
        raise InvalidInput(f"the metadata of a content may not have the key {NOTED!r}; the adapter uses it")
    mime = _named(content.mime_type)
    noted: dict[str, Any] = {"mime_type": mime}
    match content.content:
        case str() as text:
            metadata = given if mime == MemoryMimeType.TEXT.value else given | {NOTED: noted}
            agent.remember(text, namespace=namespace, metadata=metadata, kind=kind)
        case dict() as value:
            text = _json(value) if any(_words(value)) else _described(mime, given)
            _put(agent, namespace, given | {NOTED: noted | {"is": "dict", "content": value}}, text, None)
        case Image() as image:
            data = base64.b64decode(image.to_base64())
            _put(agent, namespace, given | {NOTED: noted | {"is": "image"}}, _described(mime, given), data)
        case bytes() as data:
            text = _text_in(data, mime) or _described(mime, given)
            _put(agent, namespace, given | {NOTED: noted | {"is": "bytes"}}, text, data)
        case other:
            raise InvalidInput(f"a content is text, a dict, bytes or an Image, not {type(other).__name__}")


def _put(agent: Agent, namespace: str, value: dict[str, Any], text: str, data: bytes | None) -> None:
    agent.documents.put(namespace, PREFIX + str(uuid4()), value, text=_clean(text), data=data)


def given_back(agent: Agent, hit: Hit, degraded: str | None) -> MemoryContent:
    """What was added, with its score and author in the metadata."""
    memory = hit.memory
    document = _document(agent, memory)
    if document is None:
        return as_text(hit, degraded)
    kept = dict(document.value)
    noted = kept.pop(NOTED)
    return MemoryContent(
        content=_content(document, noted), mime_type=_mime(noted["mime_type"]), metadata=_metadata(hit, kept, degraded)
    )


def as_text(hit: Hit, degraded: str | None) -> MemoryContent:
    """What a prompt shows of it: its text."""
    kept = dict(hit.memory.metadata)
    noted = kept.pop(NOTED, None)
    mime = noted.get("mime_type") if isinstance(noted, Mapping) and hit.memory.kind != "document" else None
    return MemoryContent(
        content=hit.memory.text,
        mime_type=_mime(mime or MemoryMimeType.TEXT.value),
        metadata=_metadata(hit, kept, degraded),
    )


def as_query(query: str | MemoryContent) -> str:
    """What a recall is asked; `InvalidInput` when there are no words in it."""
    if isinstance(query, str):
        return query
    content = query.content
    if isinstance(content, bytes):
        content = _text_in(content, _named(query.mime_type)) or content
    if isinstance(content, dict):
        content = " ".join(_words(content))
    if not isinstance(content, str):
        raise InvalidInput(f"a query is text, not {type(content).__name__}")
    return content


def _document(agent: Agent, memory: Memory) -> Document | None:
    if memory.kind != "document" or not (memory.source or "").startswith(SOURCE):
        return None
    key = (memory.source or "").removeprefix("document:")
    return agent.documents.get(memory.namespace, key, user=memory.user)


def _content(document: Document, noted: Mapping[str, Any]) -> dict[str, Any] | bytes | Image:
    if noted["is"] == "dict":
        value: dict[str, Any] = noted["content"]
        return value
    data = document.data or b""
    return data if noted["is"] == "bytes" else Image.from_base64(base64.b64encode(data).decode())


def _metadata(hit: Hit, given: Mapping[str, Any], degraded: str | None) -> dict[str, Any]:
    memory = hit.memory
    noted = {
        "id": memory.uid,
        "score": hit.score,
        "similarity": None if isnan(hit.similarity) else hit.similarity,
        "author": memory.agent,
        "namespace": memory.namespace,
        "created_at": memory.created_at.isoformat(),
        "kind": memory.kind,
        "user": memory.user,
        "session": memory.session,
        "app": memory.app,
        "tags": list(memory.tags) or None,
        "source": memory.source,
        "verified_by": memory.verified_by,
        "degraded": degraded,
    }
    said = {name: value for name, value in noted.items() if value is not None}
    return {f"metadata.{name}" if name in said else name: value for name, value in given.items()} | said


def _named(mime: MemoryMimeType | str) -> str:
    return str(getattr(mime, "value", mime))


def _mime(mime: str) -> MemoryMimeType | str:
    try:
        return MemoryMimeType(mime)
    except ValueError:
        return mime


def _described(mime: str, metadata: Mapping[str, Any]) -> str:
    return " ".join([f"[{mime}]", *_words(metadata)])


def _text_in(data: bytes, mime: str) -> str | None:
    if not mime.startswith("text/") and mime != MemoryMimeType.JSON.value:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if text.strip() else None


def _json(value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a content that is a dict holds what JSON can: {error}") from None


def _clean(text: str) -> str:
    """As much of a text as can be indexed."""
    return text.replace("\x00", " ")[:MOST_INDEXED].encode(errors="replace").decode()


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
