"""Random memories and random filters over them, from values that are easily taken for one another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

from hypothesis import strategies as st

from transactive.filters import join_path
from transactive.index.protocol import FLAGS, Declared
from transactive.records import KINDS, SENSITIVITIES, Kind, Memory, NewMemory
from transactive.testing.points import uid_of

T = TypeVar("T")

WRITTEN: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "document")
"""Kinds that `remember` takes."""
NAMESPACES = ("prod", "prod/support", "prod/supportive", "prod/support/triage", "agents/Zoë")
AGENTS = ("triage", "Triage", "billing/eu", 'the "boss"', "a.b", "50%", "東京", "a=b?")
NAMES = ("cust_42", "cust_4", "Cust_42", "cust 42", "1", "true", "é", 'x"y', "%", "n" * 300)
TAGS = ("urgent", "Urgent", "tags?", "user=1", "東京", "1", "true", "t" * 199)
WORDS = ("refund", "Refund", "100%", "_", 'say "no"', "東京タワー", "it's", "a\\b", "İstanbul")
IDS = ("my-id", "INV-1", "1", 'quoted "id"')
EAST = timezone(timedelta(hours=5, minutes=30))

# Neighbours by a microsecond where a float still tells them apart, and where it no longer does.
TIMES = tuple(
    moment + timedelta(microseconds=step)
    for moment in (
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 5, 1, 9, 0, tzinfo=UTC),
        datetime(9998, 12, 31, tzinfo=UTC),
    )
    for step in (0, 1)
)
TIME_TEXTS = (
    "2026-05-01T09:00:00Z",
    "2026-05-01T09:00:00+00:00",
    "2026-05-01T14:30:00+05:30",
    "2026-05-01T09:00:00.000001+00:00",
    "2026-05-01 09:00:00Z",
    "1969-12-31T23:59:59.999999+00:00",
    "2026-05-01",
    "2026-05-01T09:00:00",
    "2026-02-30T09:00:00Z",
)
NUMBERS = (
    *(0, 1, -1, 2, 100, 2**31, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 1 - 2**63),
    *(0.0, -0.0, 1.0, 0.1, 0.1 + 0.2, -1.5, 99.5, 2.0**53, 2.0**63, 1e300, 5e-324),
)
TEXTS = ("", "1", "1.0", "true", "null", "x", "X", "é", "東京", 'say "x"', "a=b", "[]", "t" * 300, *TIME_TEXTS)
KEYS = ("n", "n[]", "when", "a", "a.b", "", '"', "a?", "a=1", "$eq", "Ünï")
DECLARED: Declared = {
    "metadata.n": "number",
    "metadata.when": "time",
    "metadata.a.n": "number",
    "metadata.a": "time",
    'metadata."a.b"': "number",
}

_present = st.one_of(
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
)
scalars = st.none() | _present
keys = st.sampled_from(KEYS)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=5
)
numbers = st.sampled_from(NUMBERS)
numbered = st.fixed_dictionaries({"n": numbers})
likely = st.fixed_dictionaries(  # what most filters ask for, mostly as they expect it
    {},
    optional={
        "n": numbers | st.lists(numbers | scalars, max_size=3),
        "when": st.sampled_from(TIME_TEXTS) | scalars,
        "a": values | numbered | st.lists(numbered, max_size=2),
    },
)
metadata = st.tuples(likely, st.dictionaries(keys, values, max_size=2)).map(lambda both: both[0] | both[1])
names = st.none() | st.sampled_from(NAMES)
USER_OF = dict(zip(NAMES, (*NAMES[3:], *NAMES[:3]), strict=True))
"""Whose each session is: a session has one user."""
unit = st.sampled_from((0.0, 0.1, 0.1 + 0.2, 0.5, 1.0))


@st.composite
def new_memories(draw: st.DrawFn) -> NewMemory:
    """What a caller may hand to `remember_many`, but for an id of its own and what is there already."""
    session = draw(names)
    return NewMemory(
        text=f"memory of {draw(st.sampled_from(WORDS))}",
        namespace=draw(st.sampled_from(NAMESPACES)),
        kind=draw(st.sampled_from(WRITTEN)),
        importance=draw(unit),
        tags=draw(st.lists(st.sampled_from(TAGS), max_size=2, unique=True)),
        metadata=draw(metadata),
        user=draw(names if session is None else st.sampled_from((None, USER_OF[session]))),
        session=session,
        created_at=draw(st.sampled_from(TIMES)),
        source=draw(names),
        confidence=draw(st.none() | unit),
        verified=draw(st.booleans()),
        sensitivity=draw(st.sampled_from(SENSITIVITIES)),
    )


@st.composite
def many(draw: st.DrawFn, each: st.SearchStrategy[T], most: int) -> list[T]:
    """Few or many, each number as likely: enough to be worth a set-up, and less where less shows a fault."""
    return [draw(each) for _ in range(draw(st.integers(1, most)))]


@st.composite
def memories(draw: st.DrawFn, most: int = 40) -> list[Memory]:
    """The same as records of a ledger, with every field that a filter can name."""
    return [draw(_memory(place, new)) for place, new in enumerate(draw(many(new_memories(), most)))]


@st.composite
def _memory(draw: st.DrawFn, place: int, new: NewMemory) -> Memory:
    uid = uid_of(f"memory {place}")
    own = f"{draw(st.sampled_from(IDS))} {place}" if draw(st.integers(0, 3)) == 0 else uid
    recorded = draw(st.sampled_from(TIMES))
    verified = recorded if new.verified else None
    assert new.namespace is not None
    assert new.kind is not None
    assert new.importance is not None
    assert new.created_at is not None
    assert new.sensitivity is not None
    return Memory(
        id=own,
        uid=uid,
        namespace=new.namespace,
        kind=new.kind,
        text=new.text,
        importance=new.importance,
        agent=draw(st.sampled_from(AGENTS)),
        created_at=new.created_at,
        recorded_at=recorded,
        updated_at=recorded,
        version=draw(st.integers(1, 3)),
        user=new.user,
        session=new.session,
        app=draw(names),
        tags=tuple(new.tags),
        metadata=new.metadata or {},
        source=new.source,
        confidence=new.confidence,
        sensitivity=new.sensitivity,
        verified_by=None if verified is None else "auditor",
        verified_at=verified,
        expires_at=draw(st.none() | st.sampled_from(TIMES)),
        superseded_by=draw(st.none() | st.just(uid_of("another memory"))),
    )


# --- filters ----------------------------------------------------------------------------------------------------------

_HELD: dict[str, tuple[str, ...]] = {
    "namespace": (*NAMESPACES, "prod/sup", "PROD"),
    "kind": KINDS,
    "agent": AGENTS,
    "user": NAMES,
    "session": NAMES,
    "app": NAMES,
    "source": NAMES,
    "sensitivity": SENSITIVITIES,
    "tags": TAGS,
    "id": (*(f"{own} {place}" for own in IDS for place in range(3)), *(uid_of(f"memory {n}") for n in range(6)), "no"),
}
_NUMBERED = ("importance", "importance", "confidence", "version")
_TIMED = ("created_at", "created_at", "recorded_at", "updated_at", "expires_at")
_RANGES = ("$gt", "$gte", "$lt", "$lte")
_paths = st.one_of(
    st.sampled_from(tuple(DECLARED)),
    st.sampled_from([(key,) for key in KEYS]).map(lambda segments: "metadata." + join_path(segments)),
    st.lists(keys, min_size=1, max_size=3).map(lambda segments: "metadata." + join_path(segments)),
)
_numbers = unit | numbers
_times = st.one_of(
    st.sampled_from(TIMES),
    st.sampled_from(TIMES[2:6]).map(lambda time: time.astimezone(EAST)),
    st.sampled_from(TIME_TEXTS[:6]),
)


def _evenly(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of them, each as likely, where `one_of` would take each of their own alternatives as one more."""
    return st.sampled_from(kinds).flatmap(lambda kind: kind)


def _compared(equal: st.SearchStrategy[Any], ordered: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """Conditions on a field whose values are `equal`, and which is ordered by `ordered`."""
    forms: list[st.SearchStrategy[Any]] = [
        st.tuples(st.sampled_from(("$eq", "$ne")), st.none() | equal).map(_entry),
        st.tuples(st.sampled_from(("$in", "$nin")), st.lists(st.none() | equal, max_size=3)).map(_entry),
        st.booleans().map(lambda wanted: {"$exists": wanted}),
    ]
    if ordered is not None:
        forms += [st.dictionaries(st.sampled_from(_RANGES), ordered, min_size=1, max_size=2)] * 2
    conditions = _evenly(*forms)
    return _evenly(equal, conditions, conditions, conditions.map(lambda condition: {"$not": condition}))


def _entry(parts: tuple[str, Any]) -> dict[str, Any]:
    return {parts[0]: parts[1]}


def _entries() -> st.SearchStrategy[dict[str, Any]]:
    """Conditions on one field."""
    words = st.sampled_from((*WORDS, "memory", "MEMORY", " "))
    contains = _evenly(
        st.tuples(st.just("tags"), st.sampled_from(TAGS).map(lambda tag: {"$contains": tag})),
        st.tuples(st.just("text"), words.map(lambda word: {"$contains": word})),
        st.tuples(_paths, _present.map(lambda value: {"$contains": value})),
    )
    held = [st.tuples(st.just(name), _compared(st.sampled_from(values))) for name, values in _HELD.items()]
    return _evenly(
        _evenly(*held, *(st.tuples(st.just(flag), _compared(st.booleans())) for flag in FLAGS)),
        contains,
        st.tuples(st.sampled_from(_NUMBERED), _compared(_numbers, _numbers)),
        st.tuples(st.sampled_from(_TIMED), _compared(_times, _times)),
        st.tuples(_paths, _compared(_present, _numbers | _times)),
        st.tuples(_paths, _compared(_present, _numbers | _times)),
    ).map(_entry)


def _joined(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        some.map(lambda items: {"$and": items}),
        some.map(lambda items: {"$or": items}),
        inner.map(lambda item: {"$not": item}),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
    )


wheres = st.recursive(_entries(), _joined, max_leaves=4)
"""Valid filters of every operator, nested."""
