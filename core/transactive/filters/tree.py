"""The syntax tree of a filter, and the fields that it can name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

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
    "superseded": "flag",
    "importance": "number",
    "confidence": "number",
    "version": "number",
    "created_at": "time",
    "recorded_at": "time",
    "updated_at": "time",
    "expires_at": "time",
}


def both(*items: Expression) -> Expression:
    """All of them, without needless nesting."""
    flat: list[Expression] = []
    for item in items:
        flat.extend(item.items if isinstance(item, And) else (item,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def equals(path: str, *values: Scalar) -> Test:
    """The condition that a field has one of these values."""
    return Test(path, "in", tuple(values))
