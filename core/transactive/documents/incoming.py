"""Checks documents before anything is written, and takes their text out of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from transactive.embedding.protocol import Embedder, Vectors
from transactive.errors import AccessDenied, InvalidInput
from transactive.filters import MAX_INTEGER
from transactive.paths.incoming import (
    MAX_METADATA,
    MAX_TEXT,
    check_sensitivity,
    check_vector,
    optional_name,
)
from transactive.paths.values import encodable, encode
from transactive.policies import duration
from transactive.records import NewDocument, Sensitivity
from transactive.rules import fields
from transactive.rules.access import Identity

MAX_KEY = 4096
MAX_DATA = 1 << 26
_DEEP, _SHORT = 15, 1000


@dataclass(frozen=True, slots=True)
class Checked:
    """A document in normal form."""

    key: str
    value: Any
    json: str
    data: bytes | None
    namespace: str | None
    text: str | None
    """What is indexed of it."""
    vector: Vectors | None
    """Of that text, where the caller has it already."""
    ttl: timedelta | None
    user: str | None
    sensitivity: Sensitivity | None


def check(new: object, identity: Identity, embedder: Embedder | None) -> Checked:
    """The document, or `InvalidInput`; without an embedder, as where there is no index, its vector is left out."""
    if not isinstance(new, NewDocument):
        raise InvalidInput(f"a document is a NewDocument, not {type(new).__name__}")
    encoded = encode(new.value)
    value = json.loads(encoded)
    return Checked(
        key=check_key(new.key),
        value=value,
        json=encoded,
        data=_data(new.data),
        namespace=new.namespace,
        text=_text(new, value),
        vector=None if new.vector is None or embedder is None else check_vector(new.vector, embedder),
        ttl=None if new.ttl is None else duration(new.ttl, "ttl"),
        user=check_user(new.user, identity),
        sensitivity=None if new.sensitivity is None else check_sensitivity(new.sensitivity),
    )


def check_key(key: object) -> str:
    """A key: any string of at most 4,096 characters."""
    if not isinstance(key, str):
        raise InvalidInput(f"a document's key is a string, not {type(key).__name__}")
    if len(key) > MAX_KEY:
        raise InvalidInput(f"a document's key has at most {MAX_KEY:,} characters, this one has {len(key):,}")
    return str.__str__(key)


def check_user(user: object, identity: Identity) -> str | None:
    """About whom a document is: the user that the handle is bound to, or the one that is named."""
    named = optional_name(user, "a user")
    if identity.user is not None and named not in {None, identity.user}:
        raise AccessDenied(
            "this handle is bound to one user and reads and writes about that user only; leave user= out"
        )
    return identity.user or named


def _data(data: object) -> bytes | None:
    if data is None:
        return None
    if not isinstance(data, bytes | bytearray | memoryview):
        raise InvalidInput(f"a document's data are bytes, not {type(data).__name__}")
    if len(data) > MAX_DATA:
        raise InvalidInput(f"a document's data have at most {MAX_DATA:,} bytes, these have {len(data):,}")
    return bytes(data)


def _text(new: NewDocument, value: object) -> str | None:
    if new.text is not None:
        if not isinstance(new.text, str):
            raise InvalidInput(f"the text of a document is a string, not {type(new.text).__name__}")
        return indexable(new.text)
    if isinstance(new.index, bool):
        paths = [fields.WHOLE] if new.index else []
    elif isinstance(new.index, str) or not isinstance(new.index, Iterable) or isinstance(new.index, bytes | Mapping):
        raise InvalidInput("index is True, False, or a list of field paths such as ['title', 'items[*].note']")
    else:
        paths = list(new.index)
    return indexable(fields.text_of(value, [fields.steps(path) for path in paths]))


def indexable(text: str) -> str | None:
    """As much of a text as a memory holds, without what it cannot; None when nothing is left."""
    kept = text.replace("\x00", "").encode(errors="replace")[:MAX_TEXT].decode(errors="ignore")
    return kept if kept.strip() else None


def filterable(value: object) -> dict[str, Any]:
    """What filters can see of a value in a search: all of it, or of a large object its shorter top-level scalars.

    Without what metadata cannot hold: NUL characters, lone surrogates, integers over 64 bits.
    """
    kept: dict[str, Any] = _held(value if isinstance(value, dict) else {"$": value}, 0)
    if len(json.dumps(kept)) > MAX_METADATA:
        size, small = 0, dict[str, Any]()
        for name, inner in kept.items():
            size += len(json.dumps([name, inner]))
            if isinstance(inner, dict | list) or (isinstance(inner, str) and len(inner) > _SHORT):
                size -= len(json.dumps([name, inner]))
            elif size <= MAX_METADATA // 2:
                small[name] = inner
        return small
    return kept


def _held(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return {name: _held(inner, depth + 1) for name, inner in value.items() if _holds(name) and _holds(inner, depth)}
    if isinstance(value, list):
        return [_held(inner, depth + 1) for inner in value if _holds(inner, depth)]
    return value


def _holds(value: object, depth: int = 0) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and encodable(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return -MAX_INTEGER - 1 <= value <= MAX_INTEGER
    return depth < _DEEP or not isinstance(value, dict | list)


def check_names(keys: object) -> Sequence[tuple[Any, Any]]:
    """Pairs of namespace and key."""
    if isinstance(keys, str | bytes | Mapping) or not isinstance(keys, Iterable):
        raise InvalidInput("keys are a list of (namespace, key) pairs")
    pairs = list(keys)
    if any(not isinstance(pair, tuple | list) or len(pair) != 2 for pair in pairs):
        raise InvalidInput("keys are a list of (namespace, key) pairs")
    return [(namespace, key) for namespace, key in pairs]
