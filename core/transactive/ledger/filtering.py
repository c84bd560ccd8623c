"""Translates the filter language to SQL: exact, so that filters apply before the limit."""

from __future__ import annotations

import operator
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select, true

from transactive.filters import FIELDS, And, Expression, Not, Or, Test, metadata_token, token
from transactive.ledger.rows import AnySelect
from transactive.ledger.schema import attributes, memories
from transactive.ledger.times import stamp

_COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def condition(expression: Expression) -> ColumnElement[bool]:
    """A WHERE clause over `memories` that holds exactly where `filters.matches` does (or is NULL where it doesn't)."""
    match expression:
        case And(items):
            return and_(true(), *map(condition, items))
        case Or(items):
            return or_(false(), *map(condition, items))
        case Not(item):
            return not_(func.coalesce(condition(item), false()))
        case Test(path=path):
            return _special(expression) if path in _SPECIAL else _test(expression)


def _test(test: Test) -> ColumnElement[bool]:
    if test.path.startswith("metadata."):
        return _metadata(test)
    column: ColumnElement[Any] = memories.c[test.path]
    if test.operator == "exists":
        return column.is_not(None)
    if test.operator == "in":
        return column.in_([_stored(test.path, value) for value in test.operand])
    if test.operator == "contains":
        return func.instr(column, test.operand) > 0
    compared: ColumnElement[bool] = _COMPARE[test.operator](column, _stored(test.path, test.operand))
    return compared


def _stored(path: str, value: Any) -> Any:
    return stamp(value) if FIELDS[path] == "time" else value


def _special(test: Test) -> ColumnElement[bool]:
    return _SPECIAL[test.path](test)


def _id(test: Test) -> ColumnElement[bool]:
    if test.operator == "exists":
        return true()
    return or_(memories.c.uid.in_(test.operand), memories.c.foreign_id.in_(test.operand))


def _verified(test: Test) -> ColumnElement[bool]:
    return _flag(test, memories.c.verified_by.is_not(None))


def _superseded(test: Test) -> ColumnElement[bool]:
    return _flag(test, memories.c.superseded_by.is_not(None))


def _flag(test: Test, raised: ColumnElement[bool]) -> ColumnElement[bool]:
    if test.operator == "exists":
        return true()
    return or_(false(), *(raised if wanted else not_(raised) for wanted in test.operand))


def _tags(test: Test) -> ColumnElement[bool]:
    if test.operator == "exists":
        return _has(attributes.c.token == "tags?")
    wanted = test.operand if test.operator == "in" else (test.operand,)
    return _has(attributes.c.token.in_([f"tags={token(tag)}" for tag in wanted]))


def _draft(test: Test) -> ColumnElement[bool]:
    return and_(memories.c.verified_by.is_(None), memories.c.namespace.in_(test.operand))


def _scopes(test: Test) -> ColumnElement[bool]:
    plain = [pattern for pattern in test.operand if not pattern.endswith("*")]
    patterns = [pattern for pattern in test.operand if pattern.endswith("*")]
    return or_(false(), memories.c.namespace.in_(plain), *(covered(memories.c.namespace, p) for p in patterns))


def covered(namespace: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """Whether a column holds a namespace that a pattern covers."""
    if pattern == "**":
        return true()
    if pattern == "*":
        return func.instr(namespace, "/") == 0
    if pattern.endswith("/**"):
        return or_(namespace == pattern[:-3], _below(namespace, pattern[:-3]))
    if not pattern.endswith("/*"):
        return namespace == pattern
    root = pattern[:-2]
    return and_(_below(namespace, root), func.instr(func.substr(namespace, len(root) + 2), "/") == 0)


def _below(namespace: ColumnElement[str], root: str) -> ColumnElement[bool]:
    # A range, not LIKE: case-sensitive, without wildcards, and answered from an index. "0" follows "/".
    return and_(namespace > root + "/", namespace < root + "0")


def _metadata(test: Test) -> ColumnElement[bool]:
    path = test.path.removeprefix("metadata.")
    if test.operator in _COMPARE:
        timed = not isinstance(test.operand, int | float)
        column = attributes.c.time if timed else attributes.c.value
        operand = stamp(test.operand) if timed else test.operand
        return _has(and_(attributes.c.path == path, _COMPARE[test.operator](column, operand)))
    if test.operator == "in":
        return _has(attributes.c.token.in_([_attribute(metadata_token(test, value)) for value in test.operand]))
    return _has(attributes.c.token == _attribute(metadata_token(test, test.operand)))


def _attribute(term: str) -> str:
    return "metadata." + term


def _has(clause: ColumnElement[bool]) -> ColumnElement[bool]:
    found: AnySelect = select(attributes.c.uid).where(clause)
    return memories.c.uid.in_(found)


_SPECIAL = {
    "id": _id,
    "draft": _draft,
    "verified": _verified,
    "superseded": _superseded,
    "tags": _tags,
    "scopes": _scopes,
}
