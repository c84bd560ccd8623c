"""Points of the kind that an index holds, made without a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

from transactive.embedding.protocol import Embedder
from transactive.embedding.terms import Sparse, SparseEncoder, extra_terms
from transactive.index.protocol import Fields, Point
from transactive.namespaces import patterns_covering
from transactive.testing.embedder import HashEmbedder

_ROOT = UUID("5f0c5b2e-6a3f-4d52-9d0b-3f6a1f0f7c11")
_START = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
_EMBEDDER = HashEmbedder()
_DEFAULTS = {"agent": "triage", "kind": "semantic", "sensitivity": "internal", "created_at": _START, "importance": 0.5}


def uid_of(name: str) -> str:
    """A point id for a name: the same name, the same id."""
    return str(uuid5(_ROOT, name))


def point(
    text: str,
    *,
    name: str | None = None,
    around: Sequence[str] = (),
    embedder: Embedder = _EMBEDDER,
    number: int = 1,
    namespace: str = "team/shared",
    **fields: Any,
) -> Point:
    """The point of one text; `name` sets its id (by default the text does), `around` are the texts of its window."""
    words = " ".join([text, *around])
    given: dict[str, Any] = {**_DEFAULTS, **fields}
    described = Fields(namespace=namespace, scopes=tuple(patterns_covering(namespace)), **given)
    return Point(
        uid=uid_of(name or text),
        number=number,
        fields=described,
        dense=embedder.embed_query(text),
        terms=_encoder().turn(text, extra_terms(text)),
        window_dense=embedder.embed_query(words),
        window_terms=_encoder().window(words, extra_terms(words)),
    )


def sparse_query(text: str) -> Sparse:
    """The sparse vector of a query."""
    return _encoder().query(text)


@cache
def _encoder() -> SparseEncoder:
    return SparseEncoder()


def sample_points(count: int = 24, *, embedder: Embedder = _EMBEDDER) -> list[Point]:
    """Points of a support team's week: two tenants, four agents, and fields that are missing now and then.

    Each has an identifier of its own (`INV-5000`, `INV-5001` …); any count gives the same beginning.
    """
    texts = [_text(place) for place in range(count)]
    return [
        point(text, around=texts[max(0, place - 1) : place], embedder=embedder, number=place + 1, **_fields(place))
        for place, text in enumerate(texts)
    ]


_SUBJECTS = ("The customer", "Billing", "The warehouse", "Acme", "Our courier")
_DEEDS = ("disputes", "has paid", "wants a refund for", "asked about", "confirmed", "lost", "reopened")
_WHY = ("after the outage", "in euros", "twice", "before the deadline")


def _text(place: int) -> str:
    subject, deed, why = _SUBJECTS[place % 5], _DEEDS[place % 7], _WHY[place % 4]
    return f"{subject} {deed} invoice INV-{5000 + place} {why}."


def _fields(place: int) -> dict[str, Any]:
    return {
        "namespace": ("acme/support", "acme/support/triage", "globex/support")[place % 3],
        "agent": ("triage", "billing", "Zoë", "billing/eu")[place % 4],
        "kind": ("episodic", "semantic", "decision")[place % 3],
        "sensitivity": ("public", "internal", "confidential")[place % 3],
        "created_at": _START + timedelta(hours=place),
        "importance": place % 11 / 10,
        "user": (None, "cust_42", "cust_7")[place % 3],
        "session": None if place % 5 else f"ticket-{place // 10}",
        "app": "desk" if place % 2 else None,
        "verified": place % 4 == 0,
        "superseded": place % 9 == 4,
        "tags": (("refund", "urgent"), (), ("refund",))[place % 3],
        "metadata": _METADATA[place % len(_METADATA)] | {"place": place},
    }


# A value of every kind under the same key, so that comparisons meet the wrong type as often as the right one.
_METADATA: tuple[dict[str, Any], ...] = (
    {"amount": 100, "due": "2026-05-02T00:00:00+00:00", "paid": True},
    {"amount": 99.5, "customer": {"id": "cust_42", "plan": "pro"}, "paid": 1},
    {"amount": "100", "papers": [1, 2, 3], "paid": "true"},
    {"amount": [100, 250], "customer": {"id": None}, "due": "2026-05-03T12:00:00+02:00"},
    {"amount": None, "a.b": "dotted", 'say "x"': 1, "paid": False},
    {},
    {"amount": 100.0, "orders": [{"id": "o1", "sum": 5}, {"id": "o2", "sum": 50}], "due": "tomorrow"},
    {"amount": True, "papers": [], "city": "東京", "note": ""},
    {"amount": {"net": 84, "gross": 100}, "due": ["2026-05-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"]},
)
