"""Checks what a caller hands in, before anything is written."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from transactive.embedding.protocol import Embedder, Vectors
from transactive.errors import EmbedderMismatch, InvalidInput
from transactive.filters import check_filterable
from transactive.policies import duration, unit_interval
from transactive.records import KINDS, SENSITIVITIES, Kind, NewMemory, Sensitivity

MAX_TEXT = 1 << 20
MAX_METADATA = 1 << 16
MAX_NAME = 512
MAX_TAG = 200
_MAX_DEPTH = 16


def check_text(text: object, what: str = "a memory's text") -> str:
    """A memory's text: 1 byte to 1 MiB of UTF-8, not only white space, without NUL and lone surrogates."""
    if not isinstance(text, str):
        raise InvalidInput(f"{what} is a string, not {type(text).__name__}")
    if not text.strip():
        raise InvalidInput(f"{what} is empty")
    size = len(_encoded(text, what))
    if size > MAX_TEXT:
        raise InvalidInput(f"{what} has at most {MAX_TEXT:,} bytes, this one has {size:,}; split it")
    return text


def check_query(query: object) -> str:
    """A query: a string that is not only white space."""
    if not isinstance(query, str) or not query.strip():
        raise InvalidInput("a query is a non-empty string; to see memories without one, use list()")
    _encoded(query, "a query")
    return query


def _encoded(text: str, what: str) -> bytes:
    if "\x00" in text:
        raise InvalidInput(f"{what} holds a NUL character")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{what} holds a lone surrogate at position {error.start}; decode its source as UTF-8"
        ) from None


def check_name(value: object, what: str, *, longest: int = MAX_NAME) -> str:
    """A name such as a user's or a session's: 1 to 512 characters, NFC, without control characters."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{what} is a non-empty string, not {value!r:.60}")
    _encoded(value, what)
    if len(value) > longest:
        raise InvalidInput(f"{what} has at most {longest} characters, this one has {len(value)}")
    return unicodedata.normalize("NFC", value)


def optional_name(value: object, what: str) -> str | None:
    """The same, or None."""
    return None if value is None else check_name(value, what)


def check_time(value: object, what: str) -> datetime:
    """A timezone-aware datetime, as UTC."""
    if not isinstance(value, datetime):
        raise InvalidInput(f"{what} is a timezone-aware datetime, not {type(value).__name__}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidInput(f"{what} has no time zone; write datetime(…, tzinfo=UTC) or .astimezone()")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{what} is outside the years 1 to 9999 in UTC") from None


def check_kind(kind: object) -> Kind:
    """One of the seven kinds."""
    if kind not in KINDS:
        raise InvalidInput(f"a kind is one of {', '.join(KINDS)}, not {kind!r:.60}")
    return kind


def check_sensitivity(value: object) -> Sensitivity:
    """One of the three levels."""
    if value not in SENSITIVITIES:
        raise InvalidInput(f"a sensitivity is one of {', '.join(SENSITIVITIES)}, not {value!r:.60}")
    return value


def check_tags(tags: object) -> tuple[str, ...]:
    """A sequence of strings, each once, in the order given."""
    if isinstance(tags, str | bytes) or not isinstance(tags, Sequence | set | frozenset):
        raise InvalidInput("tags are a list of strings")
    checked = [check_name(tag, "a tag", longest=MAX_TAG) for tag in tags]
    return tuple(dict.fromkeys(checked if isinstance(tags, Sequence) else sorted(checked)))


def check_metadata(metadata: object) -> dict[str, Any]:
    """A JSON object of at most 64 KiB, as a copy; aware datetimes become ISO 8601 strings."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidInput(f"metadata is a dict, not {type(metadata).__name__}")
    copy = dict(_entry("metadata", key, value, 0) for key, value in metadata.items())
    size = len(json.dumps(copy))
    if size > MAX_METADATA:
        raise InvalidInput(f"metadata has at most {MAX_METADATA:,} bytes as JSON, this has {size:,}")
    return copy


def _entry(path: str, key: object, value: object, depth: int) -> tuple[str, Any]:
    if not isinstance(key, str):
        raise InvalidInput(f"{path} has the key {key!r:.60}; JSON keys are strings")
    _encoded(key, f"a key in {path}")
    return key, _json(f"{path}.{key}", value, depth + 1)


def _json(path: str, value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"{path:.100} nests deeper than {_MAX_DEPTH}")
    if isinstance(value, Mapping):
        return dict(_entry(path, key, inner, depth) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return [_json(path, inner, depth + 1) for inner in value]
    return _scalar(path, value)


def _scalar(path: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return check_time(value, path).isoformat()
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(f"{path:.100} is {value}, which JSON cannot hold")
        return float(value)
    if isinstance(value, int):
        check_filterable(value)
        return int(value)
    if isinstance(value, str):
        _encoded(value, path[:100])
        return str.__str__(value)  # the text of a str Enum, not its name
    raise InvalidInput(f"{path:.100} is a {type(value).__name__}, which JSON cannot hold")


def check_item(item: object) -> NewMemory:
    """A `NewMemory` whose every field is in normal form; a bare string is its text."""
    new = NewMemory(text=item) if isinstance(item, str) else item
    if not isinstance(new, NewMemory):
        raise InvalidInput(f"a memory is a string or a NewMemory, not {type(item).__name__}")
    return NewMemory(
        text=check_text(new.text),
        id=optional_name(new.id, "an id"),
        namespace=new.namespace,
        kind=None if new.kind is None else _kind(new.kind),
        importance=None if new.importance is None else unit_interval(new.importance, "importance"),
        tags=check_tags(new.tags),
        metadata=check_metadata(new.metadata),
        user=optional_name(new.user, "a user"),
        session=optional_name(new.session, "a session"),
        created_at=None if new.created_at is None else check_time(new.created_at, "created_at"),
        ttl=None if new.ttl is None else duration(new.ttl, "ttl"),
        source=optional_name(new.source, "a source"),
        confidence=None if new.confidence is None else unit_interval(new.confidence, "confidence"),
        verified=_flag(new.verified, "verified"),
        sensitivity=None if new.sensitivity is None else check_sensitivity(new.sensitivity),
        derived_from=_ids(new.derived_from, "derived_from"),
        supersedes=_ids([new.supersedes] if isinstance(new.supersedes, str) else new.supersedes, "supersedes"),
    )


def _kind(kind: object) -> Kind:
    if kind == "document":
        raise InvalidInput("a memory of the kind 'document' comes with a document: agent.documents.put(…, index=True)")
    return check_kind(kind)


def _flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{what} is True or False")
    return value


def check_items(items: object) -> list[object]:
    """The items of a `remember_many`."""
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise InvalidInput("remember_many takes a list of strings and NewMemory records; for one text use remember()")
    return list(items)


def _ids(ids: object, what: str) -> tuple[str, ...]:
    if isinstance(ids, str) or not isinstance(ids, Sequence):
        raise InvalidInput(f"{what} is a list of memory ids")
    return tuple(dict.fromkeys(check_name(id, f"an id in {what}") for id in ids))


def expiry(recorded_at: datetime, ttl: timedelta | None) -> datetime | None:
    """When a memory's time is over; beyond the year 9999 it never is."""
    try:
        return None if ttl is None else recorded_at + ttl
    except OverflowError:
        return None


def check_count(value: object, what: str, *, least: int, most: int) -> int:
    """A whole number in a range."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"{what} is a whole number from {least} to {most}, not {value!r:.40}")
    return value


def check_among(values: object, allowed: Sequence[str], what: str) -> list[str]:
    """One of the allowed words, or several of them, as a list."""
    several = [values] if isinstance(values, str) else values
    if not isinstance(several, Sequence | set | frozenset) or isinstance(several, bytes):
        raise InvalidInput(f"{what} is one of {', '.join(allowed)}, or a list of them, not {values!r:.60}")
    for one in several:
        if not isinstance(one, str) or one not in allowed:
            raise InvalidInput(f"{what} is one of {', '.join(allowed)}, not {one!r:.60}")
    return list(several)


def check_vector(given: object, embedder: Embedder) -> Vectors:
    """A vector of the store's own model, of length 1; `EmbedderMismatch` when it has other dimensions."""
    try:
        vector = np.asarray(given)
    except (TypeError, ValueError):
        raise InvalidInput("a vector is a list of numbers") from None
    if vector.dtype.kind not in "fiu":
        raise InvalidInput("a vector is a list of numbers")
    if vector.shape != (embedder.dimensions,):
        raise EmbedderMismatch(
            f"the vectors of this store have {embedder.dimensions} dimensions ({embedder.name}), this one has shape "
            f"{vector.shape}; make it with the store's own model"
        )
    exact = vector.astype(np.float64)
    most = float(np.abs(exact).max(initial=0.0))
    if not math.isfinite(most):
        raise InvalidInput("a vector holds finite numbers")
    scaled = exact / most if most else exact  # so that squares stay in range
    return (scaled / np.linalg.norm(scaled) if most else scaled).astype(np.float32)
