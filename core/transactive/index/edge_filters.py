"""Translates the filter language to Qdrant's.

A point's keyword fields and its metadata lie in one indexed array `kv` of terms, so that equality, existence and
membership are one kind of condition; ranges have fields of their own. What says something about people or contents
(user, session, app, tags, metadata) is there as a hash: an engine's files keep what was deleted until it compacts them.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from qdrant_edge import FieldCondition, Filter, HasIdCondition, MatchAny, MatchValue, RangeFloat

from transactive.filters import (
    And,
    Expression,
    Not,
    Or,
    Test,
    attribute_tokens,
    leaves,
    metadata_token,
    parse_time,
)
from transactive.index.protocol import ALWAYS, FLAGS, KEYWORDS, Declared, Fields, Point

_PLAIN = frozenset({"agent", "kind", "sensitivity", "draft", *FLAGS})
_IN_KV = tuple(name for name in KEYWORDS if name not in {"scopes", "namespace"})


def payload(point: Point, declared: Declared) -> dict[str, Any]:
    """A point's payload."""
    fields = point.fields
    return {
        "namespace": fields.namespace,
        "scopes": list(fields.scopes),
        "kv": terms(fields),
        "created_at": fields.created_at.timestamp(),
        "importance": fields.importance,
        **({} if fields.expires_at is None else {"expires_at": fields.expires_at.timestamp()}),
        **_ranges(fields, declared),
    }


def terms(fields: Fields) -> list[str]:
    """What equality, existence and membership are looked up by."""
    found: list[str] = []
    for name in _IN_KV:
        value = getattr(fields, name)
        values = value if isinstance(value, tuple) else () if value in {None, False} else (value,)
        found.extend(_term(name, item) for item in values)
        if values and name in {"user", "session", "app", "tags"}:
            found.append(name + "?")
    return [*found, *map(_hashed, ("metadata." + term for term in attribute_tokens(fields.metadata)))]


def _term(name: str, value: object) -> str:
    term = f"{name}={json.dumps(value)}"
    return term if name in _PLAIN else _hashed(term)


def _hashed(term: str) -> str:
    """72 bits: among a million terms, two are the same with a probability of one in ten billion."""
    return b64encode(blake2b(term.encode(), digest_size=9).digest()).decode()


def _ranges(fields: Fields, declared: Declared) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for leaf in leaves(fields.metadata) if declared else ():
        path = "metadata." + leaf.path
        value = _number(leaf.value) if declared.get(path) == "number" else _time(leaf.value)
        if path in declared and value is not None:
            found.setdefault(range_key(path), []).append(value)
    return found


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(value: object) -> float | None:
    time = parse_time(value)
    return None if time is None else time.timestamp()


def range_key(path: str) -> str:
    """The payload key of a declared metadata field; dots would nest it."""
    return "r_" + "".join(c if c.isalnum() else f"_{ord(c):x}_" for c in path)


_NOTHING = HasIdCondition(set())
_FEW = 16


def condition(expression: Expression) -> Filter | None:
    """The filter of an expression whose every condition `protocol.answers`; None when it is always true.

    Flat, and of single values where there are few: the engine checks a filter within a filter, and a list of values,
    point by point in twice to three times the time (docs/decisions/0005-keyword-terms.md).
    """
    if expression == And(()):
        return None
    found = _condition(expression)
    return found if isinstance(found, Filter) else Filter(must=[found])


def _condition(expression: Expression) -> Any:
    match expression:
        case And(items):
            return _all(items)
        case Or(items):
            return Filter(should=[_condition(item) for item in items]) if items else _NOTHING
        case Not(item):
            return Filter(must_not=[_condition(item)])
        case Test():
            return _test(expression)


def _all(items: Sequence[Expression]) -> Any:
    """One filter for all of them; of those that are alternatives, the first needs no filter of its own."""
    must: list[Any] = []
    must_not: list[Any] = []
    should: list[Any] = []
    for item in items:
        if isinstance(item, Not):
            must_not.append(_condition(item.item))
        elif not should and (choices := _choices(item)):
            should = choices
        else:
            must.append(_condition(item))
    return Filter(must=must or None, must_not=must_not or None, should=should or None)


def _choices(item: Expression) -> list[Any]:
    """The alternatives of an expression that is nothing else."""
    if isinstance(item, Or):
        return [_condition(choice) for choice in item.items]
    if isinstance(item, Test) and item.operator == "in" and item.path in KEYWORDS and item.path not in FLAGS:
        keyed = item.path in {"namespace", "scopes"}
        key, values = (item.path, list(item.operand)) if keyed else ("kv", _terms(item))
        return _values(key, values) if 1 < len(values) <= _FEW else []
    return []


def _test(test: Test) -> Any:
    if test.operator == "exists" and test.path in ALWAYS:
        return Filter()
    if test.path == "id":
        return HasIdCondition({UUID(uid) for uid in test.operand})
    if test.operator in {"gt", "gte", "lt", "lte"}:
        operand = test.operand.timestamp() if isinstance(test.operand, datetime) else float(test.operand)
        key = range_key(test.path) if test.path.startswith("metadata.") else test.path
        return FieldCondition(key, range=RangeFloat(**{test.operator: operand}))
    if test.path in {"namespace", "scopes"}:
        return _any(test.path, list(test.operand))
    if test.path in FLAGS:
        raised, other = _any("kv", [f"{test.path}=true"]), False in test.operand
        kinds = [*([raised] if True in test.operand else []), *([Filter(must_not=[raised])] if other else [])]
        return Filter(should=kinds) if kinds else _NOTHING
    return _any("kv", _terms(test))


def _terms(test: Test) -> list[str]:
    """What a condition looks up. A flag that is not raised has no term: it would stand on almost all memories."""
    values = test.operand if test.operator == "in" else (test.operand,)
    if test.path.startswith("metadata."):
        return [_hashed("metadata." + metadata_token(test, value)) for value in values]
    if test.operator != "exists":
        return [_term(test.path, value) for value in values]
    return [test.path + "?"]


def _any(key: str, values: list[str]) -> Any:
    if not values:
        return _NOTHING
    if len(values) > _FEW:
        return FieldCondition(key, match=MatchAny(values))
    found = _values(key, values)
    return found[0] if len(found) == 1 else Filter(should=found)


def _values(key: str, values: list[str]) -> list[Any]:
    return [FieldCondition(key, match=MatchValue(value)) for value in values]


def values_of(field: str, counts: dict[str, int]) -> dict[str, int]:
    """The terms of one keyword field among counted terms of all, as its values."""
    prefix = field + "="
    return {str(json.loads(t.removeprefix(prefix))): n for t, n in counts.items() if t.startswith(prefix)}
