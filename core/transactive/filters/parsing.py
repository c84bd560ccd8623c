"""From what a caller writes to the tree; every mistake is named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from transactive.errors import InvalidFilter
from transactive.filters.tree import ALL, FIELDS, And, Expression, Not, Operator, Or, Test, Where, both
from transactive.filters.values import MAX_INTEGER, normalise_path, parse_time

_RANGES: dict[str, Operator] = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}
_OPERATORS = ("$eq", "$ne", *_RANGES, "$in", "$nin", "$exists", "$contains")
MAX_DEPTH = 12
MAX_CONDITIONS = 500
MAX_VALUES = 10_000


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


def _parse_object(where: object, depth: int) -> Expression:
    if not isinstance(where, Mapping):
        raise InvalidFilter(f"a filter is a dict such as {{'agent': 'billing'}}, not {type(where).__name__}")
    _check_depth(depth)
    return both(*(_parse_entry(key, value, depth) for key, value in where.items()))


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"a filter nests at most {MAX_DEPTH} deep")


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
    _check_depth(depth)
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
    if isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
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
