"""What JSON does not hold, kept beside the JSON: times, bytes, tuples, LangChain's own objects come back as they were.

A value is taken apart into plain JSON, which filters can see, and marks that say at which path what kind of thing was.
Nothing is executed when it is put together: kinds and classes are those of the tables here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from langchain_core import messages, outputs
from langchain_core.documents import Document
from pydantic import BaseModel

from transactive.errors import InvalidInput

LONG = 1 << 16
"""Strings of more characters lie among the bytes: a JSON value holds at most 16 MiB, the bytes beside it 64."""
_HEAD = b'{"marks":'

Path = list[str | int]

_CLASSES: dict[str, type[BaseModel]] = {
    one.__name__: one
    for one in (
        Document,
        messages.AIMessage,
        messages.AIMessageChunk,
        messages.ChatMessage,
        messages.ChatMessageChunk,
        messages.FunctionMessage,
        messages.FunctionMessageChunk,
        messages.HumanMessage,
        messages.HumanMessageChunk,
        messages.RemoveMessage,
        messages.SystemMessage,
        messages.SystemMessageChunk,
        messages.ToolMessage,
        messages.ToolMessageChunk,
        outputs.ChatGeneration,
        outputs.ChatGenerationChunk,
        outputs.Generation,
        outputs.GenerationChunk,
    )
}
_WRITTEN: dict[type, tuple[str, Callable[[Any], Any]]] = {
    date: ("date", date.isoformat),
    datetime: ("datetime", datetime.isoformat),
    time: ("time", time.isoformat),
    timedelta: ("timedelta", lambda span: [span.days, span.seconds, span.microseconds]),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
    "decimal": Decimal,
    "uuid": UUID,
    "float": float,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "pairs": dict,
}


def taken_apart(value: object) -> tuple[Any, bytes | None]:
    """The value as JSON, and what JSON could not hold of it; None where that is nothing.

    Pydantic models that are not LangChain's become objects of their fields, as LangChain itself serialises them.
    """
    parts = _Parts()
    plain = parts.plain(value, [])
    if not parts.marks:
        return plain, None
    return plain, b"\n".join([json.dumps({"marks": parts.marks}).encode(), b"".join(parts.blobs)])


def put_together(plain: Any, data: bytes | None) -> Any:
    """The value that was taken apart, made of `plain` itself; one that was not taken apart is returned as it is."""
    if data is None or not data.startswith(_HEAD):
        return plain
    head, _, blobs = data.partition(b"\n")
    holder: Any = {"": plain}
    for path, kind, *more in reversed(json.loads(head)["marks"]):
        steps = ["", *path]
        inside, last = holder, steps.pop()
        for step in steps:
            inside = inside[step]
        inside[last] = _restored(kind, inside[last], more, blobs)
    return holder[""]


def _restored(kind: str, plain: Any, more: list[Any], blobs: bytes) -> Any:
    if kind == "object":
        return _CLASSES[more[0]](**plain)
    if kind in {"bytes", "text"}:
        start, size = more
        raw = blobs[start : start + size]
        return raw if kind == "bytes" else raw.decode("utf-8", "surrogatepass")
    return _READ[kind](plain)


@dataclass(slots=True)
class _Parts:
    """The marks, parents before what is in them, and the bytes that they point into."""

    marks: list[list[Any]] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    size: int = 0

    def plain(self, value: object, path: Path) -> Any:
        """What JSON holds of a value."""
        if value is None or isinstance(value, bool | int | float | str):
            return self._scalar(value, path)
        if isinstance(value, list | tuple | set | frozenset):
            if not isinstance(value, list):
                self._mark(path, _kind(value))
            return [self.plain(inner, [*path, place]) for place, inner in enumerate(value)]
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, bytes | bytearray):
            return self._blob(path, "bytes", bytes(value))
        if isinstance(value, BaseModel):
            return self._model(value, path)
        if type(value) in _WRITTEN:
            kind, write = _WRITTEN[type(value)]
            self._mark(path, kind)
            return write(value)
        place = ".".join(map(str, path)) or "the value"
        raise InvalidInput(
            f"{place:.100} is a {type(value).__name__}; kept are what JSON holds, bytes, times, tuples, sets, "
            "decimals, UUIDs, pydantic models, and LangChain's documents, messages and generations"
        )

    def _scalar(self, value: bool | int | float | str | None, path: Path) -> Any:
        if isinstance(value, str):
            text = str.__str__(value)
            long = len(text) > LONG
            return self._blob(path, "text", text.encode("utf-8", "surrogatepass")) if long else text
        if isinstance(value, float) and not math.isfinite(value):
            self._mark(path, "float")
            return repr(float(value))
        return value

    def _mapping(self, value: Mapping[Any, Any], path: Path) -> Any:
        if all(isinstance(key, str) for key in value):
            return {str.__str__(key): self.plain(inner, [*path, str.__str__(key)]) for key, inner in value.items()}
        self._mark(path, "pairs")
        return [self.plain([key, inner], [*path, place]) for place, (key, inner) in enumerate(value.items())]

    def _model(self, value: BaseModel, path: Path) -> Any:
        name = type(value).__name__
        if _CLASSES.get(name) is not type(value):
            return self.plain(value.model_dump(), path)
        self._mark(path, "object", name)
        return self._mapping(_fields(value), path)

    def _blob(self, path: Path, kind: str, content: bytes) -> None:
        self._mark(path, kind, self.size, len(content))
        self.blobs.append(content)
        self.size += len(content)

    def _mark(self, path: Path, *said: Any) -> None:
        self.marks.append([path, *said])


def _kind(value: tuple[Any, ...] | set[Any] | frozenset[Any]) -> str:
    return "tuple" if isinstance(value, tuple) else "set" if isinstance(value, set) else "frozenset"


def _fields(value: BaseModel) -> dict[str, Any]:
    """The fields that are not as they are by default, and those of the caller's own."""
    held = {name: getattr(value, name) for name in type(value).model_fields}
    for name, info in type(value).model_fields.items():
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        if not info.is_required() and type(default) is type(held[name]) and default == held[name]:
            del held[name]
    return held | (value.model_extra or {})
