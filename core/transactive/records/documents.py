"""Keyed values, as they are handed in and as they come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from transactive.records.answers import Frozen
from transactive.records.memory import Sensitivity


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One value under its key, as it stood when it was read; `value` is the reader's own copy."""

    namespace: str
    key: str
    value: Any
    """What JSON holds: an object, a list, a string, a number, a bool or None."""
    data: bytes | None
    """What JSON does not hold: an image, a serialised object."""
    agent: str
    """Who wrote this version: stamped from the bound handle."""
    user: str | None
    """About whom it is: a part of its name, as namespace and key are."""
    app: str | None
    sensitivity: Sensitivity
    created_at: datetime
    """When the key was first written; stays when the value is replaced."""
    updated_at: datetime
    version: int
    """1 for the first, one more with each value that replaces it."""
    ttl: timedelta | None
    """How long it lives from its last write, or from its last reading with `refresh=True`."""
    expires_at: datetime | None
    uid: str | None
    """The memory by which `search` and `recall` find it; None when it is not indexed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewDocument:
    """One item for `documents.put_many`: the same fields as the arguments of `documents.put`."""

    key: str
    value: Any = None
    data: bytes | None = None
    namespace: str | None = None
    index: bool | Sequence[str] = False
    text: str | None = None
    vector: Sequence[float] | None = None
    ttl: timedelta | str | None = None
    user: str | None = None
    sensitivity: Sensitivity | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentHit:
    """A document that was found."""

    document: Document
    score: float
    """In [0, 1]; comparable within one search."""
    similarity: float
    """Cosine of the query and the indexed text, in [-1, 1]; NaN when found without vectors."""


class DocumentRecall(Frozen[DocumentHit]):
    """The hits of one search over documents, best first."""

    def __init__(self, hits: Sequence[DocumentHit] = (), *, degraded: bool = False, reason: str | None = None) -> None:
        super().__init__(hits)
        self.degraded = degraded
        """Whether the answer came without the index; never true unless that was asked for."""
        self.reason = reason
        """Why it is degraded."""
