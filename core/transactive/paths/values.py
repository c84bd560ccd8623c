"""Values of any shape that JSON can hold: documents, facts, results."""

from __future__ import annotations

import json
from collections.abc import Mapping

from transactive.errors import InvalidInput

MAX_VALUE = 1 << 24
_MAX_DEPTH = 64


def encode(value: object, what: str = "a document's value", *, most: int = MAX_VALUE) -> str:
    """A value as JSON; `InvalidInput` for what JSON cannot hold."""
    _check_depth(value, what, 0)
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{what} is what JSON can hold: {error}") from None
    if not encodable(encoded):
        encoded = json.dumps(value, separators=(",", ":"))
    if len(encoded) > most:
        raise InvalidInput(f"{what} has at most {most:,} characters as JSON, this has {len(encoded):,}")
    return encoded


def encodable(text: str) -> bool:
    """Whether a text is free of lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_depth(value: object, what: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"{what} nests at most {_MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise InvalidInput(f"{what} has the key {key!r:.60}; JSON keys are strings")
            _check_depth(inner, what, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_depth(inner, what, depth + 1)
