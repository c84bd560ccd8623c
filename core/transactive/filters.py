"""The one filter language, its syntax tree and its reference evaluator.

    {"agent": "billing", "metadata.amount": {"$gte": 100}, "$or": [{"tags": "urgent"}, {"importance": {"$gt": 0.8}}]}

Operators: `$eq $ne $gt $gte $lt $lte $in $nin $exists $contains`, joined by `$and $or $not`. Missing, null and an empty
list are one thing. `$ne` and `$nin` are exactly not `$eq` and not `$in`, so a missing field matches them; every other
comparison never matches a missing field. A list matches when one of its elements does. `True` is not 1; 1 is 1.0.
`$gt …` compare numbers with numbers and times with times. `$contains` asks for an element of a list, or a substring of
`text`. A metadata key with a dot in it is written `metadata."a.b"`.

`parse` makes the tree; the index and the ledger translate it, and `matches` says what is right.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from transactive.errors import InvalidFilter, InvalidInput
from transactive.namespaces import patterns_covering
from transactive.records import Memory

Where: TypeAlias = Mapping[str, Any]
Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | datetime
Operator = Literal["in", "exists", "gt", "gte", "lt", "lte", "contains"]


@dataclass(frozen=True, slots=True)
class Test:
    """One condition on one field. `operand` is a tuple of scalars for `in`, else one value."""

    __test__ = False  # not a test class, whatever pytest may think of the name

    path: str
    operator: Operator
    operand: Any = None


@dataclass(frozen=True, slots=True)
class And:
    """All of them; true when there are none."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them; false when there are none."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Exactly the complement."""

    item: Expression


Expression: TypeAlias = Test | And | Or | Not
ALL: Expression = And(())
NONE: Expression = Or(())

# What a field holds; `metadata.…` may hold anything.
FIELDS: dict[str, str] = {
    "id": "text",
    "namespace": "text",
    "kind": "text",
    "agent": "text",
    "user": "text",
    "session": "text",
    "app": "text",
    "source": "text",
    "sensitivity": "text",
    "tags": "list",
    "text": "body",
    "verified": "flag",
    "importance": "number",
    "confidence": "number",
    "version": "number",
    "created_at": "time",
    "recorded_at": "time",
    "updated_at": "time",
    "expires_at": "time",
}
_RANGES: dict[str, Operator] = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}
_OPERATORS = ("$eq", "$ne", *_RANGES, "$in", "$nin", "$exists", "$contains")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")
MAX_INTEGER = 2**63 - 1
MAX_DEPTH = 32
MAX_CONDITIONS = 500
MAX_VALUES = 10_000


# --- values -----------------------------------------------------------------------------------------------------------


def parse_time(value: object) -> datetime | None:
    """The time that an aware `datetime` or an ISO 8601 string with a UTC offset stands for; None for anything else."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo is not None else None
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
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER:
        value = int(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    if len(text) > 200:  # a keyword index holds each distinct value whole
        return "#" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return text


def join_path(segments: Sequence[str]) -> str:
    """Path segments joined by dots; a segment that is empty or holds a dot or a quote is quoted."""
    return ".".join(json.dumps(s, ensure_ascii=False) if not s or "." in s or '"' in s else s for s in segments)


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
        return join_path(list(_split_quoted(path)))
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


# --- parsing ----------------------------------------------------------------------------------------------------------


def parse(where: Where | None) -> Expression:
    """The tree of a filter; `InvalidFilter` names what is wrong with it."""
    expression = ALL if where is None else _parse_object(where, 0)
    if _size(expression) > MAX_CONDITIONS:
        raise InvalidFilter(f"a filter has at most {MAX_CONDITIONS} conditions; for many values of one field use $in")
    return expression


def _size(expression: Expression) -> int:
    match expression:
        case And(items) | Or(items):
            return 1 + sum(map(_size, items))
        case Not(item):
            return 1 + _size(item)
        case Test():
            return 1


def both(*items: Expression) -> Expression:
    """All of them, without needless nesting."""
    flat: list[Expression] = []
    for item in items:
        flat.extend(item.items if isinstance(item, And) else (item,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def equals(path: str, *values: Scalar) -> Test:
    """The condition that a field has one of these values."""
    return Test(path, "in", tuple(values))


def _parse_object(where: object, depth: int) -> Expression:
    if not isinstance(where, Mapping):
        raise InvalidFilter(f"a filter is a dict such as {{'agent': 'billing'}}, not {type(where).__name__}")
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"a filter nests at most {MAX_DEPTH} deep")
    return both(*(_parse_entry(key, value, depth) for key, value in where.items()))


def _parse_entry(key: object, value: Any, depth: int) -> Expression:
    if not isinstance(key, str):
        raise InvalidFilter(f"a filter's keys are field names or $and, $or, $not; {key!r} is neither")
    if key == "$not":
        return Not(_parse_object(value, depth + 1))
    if key in {"$and", "$or"}:
        if not isinstance(value, list | tuple) or not value:
            raise InvalidFilter(f"{key} takes a non-empty list of filters")
        items = tuple(_parse_object(item, depth + 1) for item in value)
        return both(*items) if key == "$and" else Or(items)
    if key.startswith("$"):
        raise InvalidFilter(f"unknown operator {key!r}; between fields there are $and, $or and $not")
    return _parse_field(_check_field(key), value, depth)


def _check_field(name: str) -> str:
    if name in FIELDS:
        return name
    if _text("a field's name", name).startswith("metadata."):
        return "metadata." + normalise_path(name.removeprefix("metadata."))
    raise InvalidFilter(f"unknown field {name!r}; fields are {', '.join(FIELDS)} and metadata.<key>")


def _parse_field(path: str, condition: Any, depth: int) -> Expression:
    if not isinstance(condition, Mapping):
        return _parse_test(path, "$eq", condition)
    if not condition:
        raise InvalidFilter(f"the condition on {path!r} is empty; give a value or an operator")
    parts: list[Expression] = []
    for operator, operand in condition.items():
        if operator == "$not":
            parts.append(Not(_parse_field(path, operand, depth + 1)))
        else:
            parts.append(_parse_test(path, operator, operand))
    return both(*parts)


def _parse_test(path: str, operator: object, operand: Any) -> Expression:
    match operator:
        case "$ne" | "$nin":
            return Not(_parse_test(path, "$eq" if operator == "$ne" else "$in", operand))
        case "$eq":
            return Not(Test(path, "exists")) if operand is None else Test(path, "in", (_scalar(path, operand),))
        case "$in":
            return _parse_in(path, operand)
        case "$exists":
            if not isinstance(operand, bool):
                raise InvalidFilter(f"$exists on {path!r} takes True or False")
            return Test(path, "exists") if operand else Not(Test(path, "exists"))
        case "$contains":
            return _parse_contains(path, operand)
        case str() if operator in _RANGES:
            return Test(path, _RANGES[operator], _ordered(path, operator, operand))
        case _:
            raise InvalidFilter(f"unknown operator {operator!r} on {path!r}; there are {', '.join(_OPERATORS)}")


def _parse_in(path: str, operand: Any) -> Expression:
    if isinstance(operand, str | bytes | Mapping) or not isinstance(operand, Sequence | set | frozenset):
        raise InvalidFilter(f"$in and $nin on {path!r} take a list of values")
    if len(operand) > MAX_VALUES:
        raise InvalidFilter(f"$in and $nin on {path!r} take at most {MAX_VALUES:,} values")
    values = [value for value in operand if value is not None]
    test: Expression = Test(path, "in", tuple(_scalar(path, value) for value in values))
    return test if len(values) == len(operand) else Or((test, Not(Test(path, "exists"))))


def _parse_contains(path: str, operand: Any) -> Expression:
    if FIELDS.get(path) == "body":
        if not isinstance(operand, str) or not operand:
            raise InvalidFilter("$contains on 'text' takes a non-empty string")
        return Test(path, "contains", _text("the value for 'text'", operand))
    if path in FIELDS and FIELDS[path] != "list":
        raise InvalidFilter(f"$contains applies to 'text', 'tags' and lists in metadata, not to {path!r}")
    return Test(path, "contains", _scalar(path, operand))


_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "a string"),
    "list": ((str,), "a string"),
    "body": ((str,), "a string"),
    "flag": ((bool,), "True or False"),
    "number": ((int, float), "a number"),
}


def _scalar(path: str, value: Any) -> Any:
    held = FIELDS.get(path)
    if held == "time":
        return _time(path, value)
    if held is None:
        if isinstance(value, datetime):
            return _time(path, value).isoformat()
        if not isinstance(value, str | int | float | bool):
            raise InvalidFilter(f"{path!r} is compared with a string, number, bool or None, not {type(value).__name__}")
        return _clean(path, value)
    types, expected = _TYPES[held]
    if not isinstance(value, types) or (isinstance(value, bool) and held != "flag"):
        raise InvalidFilter(f"{path!r} is compared with {expected}, not {type(value).__name__}")
    return _clean(path, value)


def _clean(path: str, value: Any) -> Any:
    if isinstance(value, str):
        return _text(f"the value for {path!a}", value)
    return value if isinstance(value, bool) else _number(path, value)


def _number(path: str, value: float) -> float:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidFilter(f"{path!r} is compared with a finite number")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise InvalidFilter(f"{path!r} is compared with a number of at most 64 bits")
    return value


def _text(what: str, value: str) -> str:
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidFilter(f"{what} in the filter holds a lone surrogate; decode its source as UTF-8")
    return value


def _time(path: str, value: Any) -> datetime:
    time = parse_time(value)
    if time is None:
        raise InvalidFilter(
            f"{path!r} is compared with a timezone-aware datetime or an ISO 8601 string with an offset "
            f"('2026-05-01T00:00:00Z'), not {value!r:.60}"
        )
    return time


def _ordered(path: str, operator: str, operand: Any) -> Any:
    held = FIELDS.get(path)
    if held == "time":
        return _time(path, operand)
    number = isinstance(operand, int | float) and not isinstance(operand, bool)
    if held == "number" or (held is None and number):
        return _scalar(path, operand)
    time = parse_time(operand) if held is None else None
    if time is not None:
        return time
    raise InvalidFilter(
        f"{operator} on {path!r} compares numbers with numbers and times with times (aware datetime or ISO 8601 with "
        f"an offset), not {type(operand).__name__}"
    )


# --- the reference ----------------------------------------------------------------------------------------------------

Reader: TypeAlias = Callable[[str], list[tuple[Value, bool]]]
"""Given a field's path, its values, each with whether it is an element of a list; empty when the field is missing."""

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def matches(expression: Expression, read: Reader) -> bool:
    """Whether the record that `read` reads fulfils the expression: the definition that index and ledger must equal."""
    match expression:
        case And(items):
            return all(matches(item, read) for item in items)
        case Or(items):
            return any(matches(item, read) for item in items)
        case Not(item):
            return not matches(item, read)
        case Test():
            return _test(expression, read(expression.path))


def _test(test: Test, values: list[tuple[Value, bool]]) -> bool:
    if test.operator == "exists":
        return bool(values)
    if test.operator == "in":
        return any(_same(value, wanted) for value, _ in values for wanted in test.operand)
    if test.operator == "contains":
        if FIELDS.get(test.path) == "body":
            return any(test.operand in str(value) for value, _ in values)
        return any(in_list and _same(value, test.operand) for value, in_list in values)
    return any(_compare(test, value) for value, _ in values)


def _same(a: Value, b: Value) -> bool:
    if isinstance(a, _Below):
        return False
    if isinstance(a, datetime) or isinstance(b, datetime):
        return a == b
    return token(a) == token(b)


def _compare(test: Test, value: Value) -> bool:
    stored: Any = value
    if isinstance(test.operand, datetime):
        stored = parse_time(value)
    elif isinstance(value, bool | str | datetime):
        stored = None
    return stored is not None and _COMPARE[test.operator](stored, test.operand)


def metadata_values(metadata: Mapping[str, Any], path: str) -> list[tuple[Value, bool]]:
    """The values at or, for `exists`, below a metadata path; what lies below never equals a scalar."""
    wanted = path.removeprefix("metadata.")
    below = wanted + "."
    found: list[tuple[Value, bool]] = []
    for leaf in leaves(metadata):
        if leaf.path == wanted:
            found.append((leaf.value, leaf.in_list))
        elif leaf.path.startswith(below):
            found.append((_BELOW, False))
    return found


class _Below(str):
    """Something that exists and equals nothing a caller can write."""

    __slots__ = ()


_BELOW = _Below("\x00below")


def read_memory(memory: Memory, path: str) -> list[tuple[Value, bool]]:
    """A memory's values for `matches`."""
    if path == "id":
        return [(memory.uid, False), (memory.id, False)]
    if path.startswith("metadata."):
        return metadata_values(memory.metadata, path)
    if path == "scopes":
        return [(pattern, True) for pattern in patterns_covering(memory.namespace)]
    value = getattr(memory, path)
    if isinstance(value, tuple):
        return [(item, True) for item in value]
    return [] if value is None else [(value, False)]


def check_filterable(value: object) -> None:
    """`InvalidInput` when a metadata scalar is not one that filters can compare."""
    if isinstance(value, int) and not isinstance(value, bool) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise InvalidInput("an integer in metadata has at most 64 bits; store larger ones as strings")
