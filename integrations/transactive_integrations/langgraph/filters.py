"""LangGraph's store filters: what they mean, and how much of it the store itself can decide before the limit.

A key names a field of the value, dots and all. A bare value is `$eq`, a bare object is what must be in the field's own,
and `$eq` and `$ne` compare whole objects and lists. A missing field fulfils nothing; null is a value. Numbers are
compared with numbers, times (ISO 8601 with an offset) with times; True is not 1.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from transactive.errors import InvalidFilter
from transactive.filters import Where, join_path, parse_time
from transactive.filters import parse as check_where

_RANGES: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
OPERATORS = ("$eq", "$ne", *_RANGES)
_HOLDS = "object"
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of one field: an operator of the contract, or `object` for a field that is one."""

    path: tuple[str, ...]
    operator: str
    operand: Any = None


Conditions = tuple[Condition, ...]


def parse(filter: Mapping[str, Any] | None) -> Conditions:
    """A filter's conditions, all of which must hold; `InvalidFilter` for what the contract doesn't know."""
    return () if filter is None else tuple(_fields((), filter))


def _fields(path: tuple[str, ...], fields: object) -> Iterator[Condition]:
    if not isinstance(fields, Mapping):
        raise InvalidFilter(f"a filter is a dict such as {{'color': 'red'}}, not {type(fields).__name__}")
    for key, wanted in fields.items():
        if not isinstance(key, str) or key.startswith("$"):
            raise InvalidFilter(f"a filter's keys are names of fields, not {key!r:.60}; all its conditions must hold")
        yield from _field((*path, key), wanted)


def _field(path: tuple[str, ...], wanted: Any) -> Iterator[Condition]:
    if not isinstance(wanted, Mapping):
        yield _condition(path, "$eq", wanted)
    elif any(str(key).startswith("$") for key in wanted):
        for name, operand in wanted.items():
            yield _condition(path, name, operand)
    else:
        yield Condition(path, _HOLDS)
        yield from _fields(path, wanted)


def _condition(path: tuple[str, ...], name: object, operand: Any) -> Condition:
    if name not in OPERATORS:
        raise InvalidFilter(f"unknown operator {name!r:.60} on {path[-1]!r:.60}; there are {', '.join(OPERATORS)}")
    return Condition(path, str(name), _ordered(path, operand) if name in _RANGES else _json(path, operand))


def _json(path: tuple[str, ...], operand: Any) -> Any:
    try:
        return json.loads(json.dumps(operand, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidFilter(f"{path[-1]!r:.60} is compared with what JSON holds: {error}") from None


def _ordered(path: tuple[str, ...], operand: Any) -> float | datetime:
    if isinstance(operand, str) and _NUMBER.fullmatch(operand):
        operand = float(operand) if re.search(r"[.eE]", operand) else int(operand)
    time = parse_time(operand)
    if time is not None:
        return time
    if isinstance(operand, int | float) and not isinstance(operand, bool) and abs(operand) < float("inf"):
        return operand
    raise InvalidFilter(
        f"$gt, $gte, $lt and $lte on {path[-1]!r:.60} take a finite number or a time (an aware datetime, or ISO 8601 "
        f"with an offset), not {operand!r:.60}"
    )


# --- what is decided here, exactly -----------------------------------------------------------------------------------


def fulfils(conditions: Conditions, value: Any) -> bool:
    """Whether a value fulfils every condition."""
    return all(_holds(condition, value) for condition in conditions)


def _holds(condition: Condition, value: Any) -> bool:
    for key in condition.path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    match condition.operator:
        case "object":
            return isinstance(value, dict)
        case "$eq":
            return _same(value, condition.operand)
        case "$ne":
            return not _same(value, condition.operand)
        case name:
            return _compared(_RANGES[name], value, condition.operand)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _compared(compare: Callable[[Any, Any], bool], stored: Any, operand: float | datetime) -> bool:
    if isinstance(operand, datetime):
        time = parse_time(stored)
        return time is not None and compare(time, operand)
    return isinstance(stored, int | float) and not isinstance(stored, bool) and compare(stored, operand)


# --- what is decided in the store, before the limit: at least as much as that ----------------------------------------


def where(conditions: Conditions) -> Where | None:
    """A filter of the store's own language that lets through whatever fulfils the conditions, and little else."""
    parts = [part for condition in conditions for part in _wider(condition) if _takes(part)]
    return {"$and": parts} if parts else None


def _wider(condition: Condition) -> Iterable[Where]:
    field = "value." + join_path(condition.path)
    match condition.operator:
        case "object":
            return ()
        case "$eq":
            return _equal(condition.path, condition.operand)
        case "$ne" if isinstance(condition.operand, str | int | float):
            # A list that has it as an element is not equal to it.
            return [{"$or": [{field: {"$ne": condition.operand}}, {field: {"$contains": condition.operand}}]}]
        case "$ne":
            return ()
        case name:
            return [{field: {name: condition.operand}}]


def _equal(path: tuple[str, ...], operand: Any) -> Iterator[Where]:
    field = "value." + join_path(path)
    if operand is None or operand in ([], {}):
        yield {field: {"$exists": False}}
    elif isinstance(operand, dict):
        for key, inner in operand.items():
            yield from _equal((*path, key), inner)
    elif isinstance(operand, list):
        yield from ({field: {"$contains": item}} for item in operand if isinstance(item, str | int | float))
    else:
        yield {field: operand}


def _takes(part: Where) -> bool:
    """Whether the store can decide it: not, for instance, what holds a lone surrogate or more than 64 bits."""
    try:
        check_where(_renamed(part))
    except InvalidFilter:
        return False
    return True


def _renamed(part: Any) -> Any:
    if isinstance(part, list):
        return [_renamed(inner) for inner in part]
    return {key if key == "$or" else "metadata." + key.removeprefix("value."): _inner(key, part[key]) for key in part}


def _inner(key: str, inner: Any) -> Any:
    return _renamed(inner) if key == "$or" else inner
