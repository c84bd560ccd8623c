"""LlamaIndex's metadata filters in the store's own filter language, with the meaning that LlamaIndex gives them.

The reference is `build_metadata_filter_fn` of its own vector store, and beyond it nested filters. A missing value
matches `!=`, `nin` and `is_empty` alone; `==`, `in` and the comparisons look at single values, never into lists; 1 is
True. What the reference answers with a TypeError (a string compared with a number) does not match. `contains`, `any`
and `all` ask for elements of lists, as they are documented; for a part of a string there is `text_match`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from transactive.errors import InvalidFilter
from transactive.filters import join_path

Condition: TypeAlias = dict[str, Any]
Ids: TypeAlias = Callable[[Callable[[Mapping[str, Any]], bool]], Condition]
"""Given a test of a node's metadata, the condition that names the nodes which pass it."""

LISTS = "_lists"
"""Where a node's value names the fields of its metadata that are lists."""
ALWAYS: Condition = {}
NEVER: Condition = {"$not": {}}
_RANGES: dict[FilterOperator, tuple[str, Callable[[Any, Any], bool]]] = {
    FilterOperator.GT: ("$gt", operator.gt),
    FilterOperator.GTE: ("$gte", operator.ge),
    FilterOperator.LT: ("$lt", operator.lt),
    FilterOperator.LTE: ("$lte", operator.le),
}
_MATCHES = frozenset({FilterOperator.TEXT_MATCH, FilterOperator.TEXT_MATCH_INSENSITIVE})
_OPPOSITES = {FilterOperator.NE: FilterOperator.EQ, FilterOperator.NIN: FilterOperator.IN}
_OF_LISTS = frozenset({FilterOperator.IN, FilterOperator.ANY, FilterOperator.ALL})


def to_where(filters: MetadataFilters | None, ids: Ids) -> Condition:
    """The filter on a node's document that means the same; `InvalidFilter` for what means nothing."""
    if filters is None or not filters.filters:
        return ALWAYS
    parts = [to_where(f, ids) if isinstance(f, MetadataFilters) else _one(f, ids) for f in filters.filters]
    match filters.condition:
        case FilterCondition.OR:
            return {"$or": parts}
        case FilterCondition.NOT:
            return {"$not": {"$or": parts}}
        case _:
            return {"$and": parts}


def _one(asked: MetadataFilter, ids: Ids) -> Condition:
    opposite = _OPPOSITES.get(asked.operator)
    if opposite is not None:
        return {"$not": _one(asked.model_copy(update={"operator": opposite}), ids)}
    if asked.operator == FilterOperator.IS_EMPTY:
        return {"$or": [{_path(asked): {"$exists": False}}, _single(asked, {"$eq": ""})]}
    if isinstance(asked.value, list) != (asked.operator in _OF_LISTS):
        one = "a list of values" if asked.operator in _OF_LISTS else "one value"
        raise InvalidFilter(f"the filter {asked.operator.value!r} on {asked.key!r} takes {one}")
    if asked.value is None:
        return _nothing(asked)
    return _tested(asked, ids)


def _nothing(asked: MetadataFilter) -> Condition:
    if asked.operator == FilterOperator.EQ:
        return NEVER
    raise InvalidFilter(f"the filter {asked.operator.value!r} on {asked.key!r} takes a value, not None")


def _tested(asked: MetadataFilter, ids: Ids) -> Condition:
    value: Any = asked.value
    if asked.operator in _RANGES:
        return _ranged(asked, value)
    if asked.operator == FilterOperator.EQ:
        return _single(asked, {"$in": _equal(value)})
    if asked.operator == FilterOperator.IN:
        return _single(asked, {"$in": [same for one in value for same in _equal(one)]})
    if asked.operator in _MATCHES:
        return _matched(asked, value, ids)
    return _held(asked, value)


def _ranged(asked: MetadataFilter, value: Any) -> Condition:
    name, compare = _RANGES[asked.operator]
    within = _single(asked, {name: value})
    flags = [flag for flag in (True, False) if not isinstance(value, str) and compare(flag, value)]
    return {"$or": [within, _single(asked, {"$in": flags})]} if flags else within


def _held(asked: MetadataFilter, value: Any) -> Condition:
    if asked.operator == FilterOperator.ALL:
        present = {"$or": [{_path(asked): {"$exists": True}}, _is_list(asked)]}  # an empty list exists in no filter
        return {"$and": [present, *(_holds(asked, [one]) for one in value)]}
    return _holds(asked, value if asked.operator == FilterOperator.ANY else [value])


def _path(asked: MetadataFilter) -> str:
    return "value." + join_path([asked.key])


def _single(asked: MetadataFilter, condition: Condition) -> Condition:
    return {"$and": [{_path(asked): condition}, {"$not": _is_list(asked)}]}


def _holds(asked: MetadataFilter, values: list[Any]) -> Condition:
    among = {"$in": [same for one in values for same in _equal(one)]}
    return {"$and": [{_path(asked): among}, _is_list(asked)]}


def _is_list(asked: MetadataFilter) -> Condition:
    return {f"value.{LISTS}": {"$contains": asked.key}}


def _equal(value: Any) -> list[Any]:
    """What equals a value in Python: 1 and True, 0 and False."""
    return [value, bool(value)] if not isinstance(value, str) and value in {0, 1} else [value]


def _matched(asked: MetadataFilter, value: Any, ids: Ids) -> Condition:
    if not isinstance(value, str):
        raise InvalidFilter(f"the filter {asked.operator.value!r} on {asked.key!r} takes a string")
    folded = asked.operator == FilterOperator.TEXT_MATCH_INSENSITIVE
    wanted = value.lower() if folded else value

    def found(metadata: Mapping[str, Any]) -> bool:
        held = metadata.get(asked.key)
        return isinstance(held, str) and wanted in (held.lower() if folded else held)

    return ids(found)
