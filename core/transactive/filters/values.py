"""The values that filters compare: times, canonical tokens, and the leaves of metadata."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from transactive.errors import InvalidFilter, InvalidInput
from transactive.filters.tree import Scalar, Test

_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")
MAX_INTEGER = 2**63 - 1
_PLAIN = re.compile(r'[^."=?\[\]]+')


def parse_time(value: object) -> datetime | None:
    """The time that an aware `datetime` or an ISO 8601 string with a UTC offset stands for; None for anything else."""
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC) if value.tzinfo is not None else None
        except OverflowError:
            return None
    if isinstance(value, str) and len(value) < 40 and _ISO.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    return None


def token(value: Scalar) -> str:
    """The canonical form of a scalar: equal values, and only they, have equal tokens (1 and 1.0; not 1 and True)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        value = int(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    if len(text) > 200:  # a keyword index holds each distinct value whole
        return "#" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return text


def join_path(segments: Sequence[str]) -> str:
    """Path segments joined by dots; a segment that is empty or holds a sign that terms use is quoted."""
    return ".".join(s if _PLAIN.fullmatch(s) else json.dumps(s, ensure_ascii=False) for s in segments)


def _split_quoted(path: str) -> Iterator[str]:
    rest = path
    while True:
        if rest.startswith('"'):
            segment, end = json.JSONDecoder().raw_decode(rest)
            if end < len(rest) and rest[end] != ".":
                raise ValueError(rest)
        else:
            end = rest.find(".") if "." in rest else len(rest)
            segment = rest[:end]
            if not segment or '"' in segment:
                raise ValueError(rest)
        yield str(segment)
        if end == len(rest):
            return
        rest = rest[end + 1 :]


def normalise_path(path: str) -> str:
    """A metadata path (without `metadata.`) as `join_path` writes it."""
    try:
        normal = join_path(list(_split_quoted(path)))
        normal.encode()
        return normal
    except ValueError:
        raise InvalidFilter(
            f'the metadata path {path!r} is malformed; write metadata.key.inner, or metadata."a.b" for a key with a dot'
        ) from None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar inside metadata: its path, and whether it is itself an element of a list."""

    path: str
    value: Scalar
    in_list: bool


def leaves(metadata: Mapping[str, Any]) -> list[Leaf]:
    """Every scalar of `metadata`; null, empty lists and empty objects leave nothing."""
    found: list[Leaf] = []
    stack: list[tuple[tuple[str, ...], Any, bool]] = [((), metadata, False)]
    while stack:
        segments, value, in_list = stack.pop()
        if isinstance(value, Mapping):
            stack.extend(((*segments, key), inner, False) for key, inner in reversed(list(value.items())))
        elif isinstance(value, list | tuple):
            stack.extend((segments, inner, True) for inner in reversed(value))
        elif value is not None:
            found.append(Leaf(join_path(segments), value, in_list))
    return found


def attribute_tokens(metadata: Mapping[str, Any]) -> list[str]:
    """The terms by which equality, existence and membership in `metadata` are looked up, in index and ledger alike."""
    tokens: dict[str, None] = {}
    for leaf in leaves(metadata):
        tokens[f"{leaf.path}={token(leaf.value)}"] = None
        if leaf.in_list:
            tokens[f"{leaf.path}[]={token(leaf.value)}"] = None
        segments = list(_split_quoted(leaf.path))
        for depth in range(1, len(segments) + 1):
            tokens[join_path(segments[:depth]) + "?"] = None
    return list(tokens)


def metadata_token(test: Test, value: Scalar | None = None) -> str:
    """The term in `attribute_tokens` that answers an `in`, `exists` or `contains` test on a metadata path."""
    path = test.path.removeprefix("metadata.")
    if test.operator == "exists":
        return path + "?"
    assert value is not None
    return f"{path}[]={token(value)}" if test.operator == "contains" else f"{path}={token(value)}"


def check_filterable(value: object) -> None:
    """`InvalidInput` when a metadata scalar is not one that filters can compare."""
    if isinstance(value, int) and not isinstance(value, bool) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise InvalidInput("an integer in metadata has at most 64 bits; store larger ones as strings")
