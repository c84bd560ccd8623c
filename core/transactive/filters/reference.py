"""The reference evaluator: what a filter means. The index and the ledger must equal it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from transactive.filters.tree import FIELDS, And, Expression, Not, Or, Test, Value
from transactive.filters.values import leaves, parse_time, token
from transactive.namespaces import patterns_covering
from transactive.records import Memory

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
    if type(a) is type(b):
        return a == b
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
    if path == "draft":
        return [] if memory.verified else [(memory.namespace, False)]
    value = getattr(memory, path)
    if isinstance(value, tuple):
        return [(item, True) for item in value]
    return [] if value is None else [(value, False)]
