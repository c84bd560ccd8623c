"""Filters on documents: the one filter language, with `value.<path>` where memories have `metadata.<path>`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transactive.errors import InvalidFilter
from transactive.filters import Expression, Value, Where, matches, metadata_values, parse
from transactive.records import Document

FIELDS = ("namespace", "agent", "user", "app", "sensitivity", "created_at", "updated_at")
VALUE = "value."
MAX_DEPTH = 16


def parse_documents(where: Where | None) -> Expression:
    """The tree of a filter on documents, as one on the memories that make them found."""
    return parse(where if where is None else _renamed(where, 0))


def _renamed(where: object, depth: int) -> Any:
    if not isinstance(where, Mapping) or depth > MAX_DEPTH:
        return where  # `parse` says what is wrong with it
    return {_field(key): _inner(key, inner, depth + 1) for key, inner in where.items()}


def _inner(key: object, inner: Any, depth: int) -> Any:
    if key in {"$and", "$or"} and isinstance(inner, list | tuple):
        return [_renamed(item, depth) for item in inner]
    return _renamed(inner, depth) if key == "$not" else inner


def _field(key: object) -> object:
    if not isinstance(key, str) or key.startswith("$") or key in FIELDS:
        return key
    if key.startswith(VALUE):
        return "metadata." + key.removeprefix(VALUE)
    raise InvalidFilter(f"unknown field {key!r:.100}; documents have value.<path>, {', '.join(FIELDS)}")


def fulfils(expression: Expression, document: Document) -> bool:
    """Whether a document fulfils a filter."""

    def read(path: str) -> list[tuple[Value, bool]]:
        if path.startswith("metadata."):
            value = document.value if isinstance(document.value, dict) else {"$": document.value}
            return metadata_values(value, path)
        held = getattr(document, path)
        return [] if held is None else [(held, False)]

    return matches(expression, read)
