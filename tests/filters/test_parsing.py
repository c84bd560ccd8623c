"""A filter becomes a tree, or an error that says what is wrong with it."""

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.filters.strategies import NUMBERS, TEXTS, metadata, wheres
from transactive.errors import InvalidFilter, InvalidInput, TransactiveError
from transactive.filters import (
    ALL,
    FIELDS,
    And,
    Expression,
    Not,
    Or,
    Test,
    attribute_tokens,
    both,
    equals,
    join_path,
    leaves,
    matches,
    metadata_values,
    normalise_path,
    parse,
    parse_time,
    token,
)
from transactive.filters.parsing import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES
from transactive.namespaces import patterns_covering

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def exists(path: str) -> Test:
    return Test(path, "exists")


# --- what there is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, ALL),
        ({}, ALL),
        ({"agent": "a"}, equals("agent", "a")),
        ({"agent": {"$eq": "a"}}, equals("agent", "a")),
        ({"agent": {"$ne": "a"}}, Not(equals("agent", "a"))),
        ({"agent": None}, Not(exists("agent"))),
        ({"agent": {"$eq": None}}, Not(exists("agent"))),
        ({"agent": {"$exists": True}}, exists("agent")),
        ({"agent": {"$exists": False}}, Not(exists("agent"))),
        ({"agent": {"$in": ["a", "b"]}}, equals("agent", "a", "b")),
        ({"agent": {"$in": ("a",)}}, equals("agent", "a")),
        ({"agent": {"$in": []}}, equals("agent")),
        ({"agent": {"$nin": ["a"]}}, Not(equals("agent", "a"))),
        ({"agent": {"$in": ["a", None]}}, Or((equals("agent", "a"), Not(exists("agent"))))),
        ({"agent": {"$nin": ["a", None]}}, Not(Or((equals("agent", "a"), Not(exists("agent")))))),
        ({"agent": {"$not": {"$eq": "a"}}}, Not(equals("agent", "a"))),
        ({"tags": {"$contains": "x"}}, Test("tags", "contains", "x")),
        ({"text": {"$contains": "x"}}, Test("text", "contains", "x")),
        ({"metadata.a": {"$contains": 1}}, Test("metadata.a", "contains", 1)),
        ({"verified": True}, equals("verified", True)),
        ({"importance": {"$gt": 0.5}}, Test("importance", "gt", 0.5)),
        ({"version": {"$gte": 2}}, Test("version", "gte", 2)),
        ({"confidence": {"$lt": 1}}, Test("confidence", "lt", 1)),
        ({"metadata.n": {"$lte": -1.5}}, Test("metadata.n", "lte", -1.5)),
        ({"created_at": {"$gte": NOON}}, Test("created_at", "gte", NOON)),
        ({"created_at": {"$gte": "2026-05-01T14:00:00+02:00"}}, Test("created_at", "gte", NOON)),
        ({"created_at": "2026-05-01T12:00:00Z"}, equals("created_at", NOON)),  # type: ignore[arg-type]
        ({"metadata.t": {"$lt": "2026-05-01T12:00:00Z"}}, Test("metadata.t", "lt", NOON)),
        ({"metadata.t": {"$lt": NOON}}, Test("metadata.t", "lt", NOON)),
        ({"metadata.t": NOON}, equals("metadata.t", "2026-05-01T12:00:00+00:00")),
        ({"metadata.t": NOON.astimezone(timezone(timedelta(hours=3)))}, equals("metadata.t", NOON.isoformat())),
        ({"a" + "gent": "a", "kind": "semantic"}, And((equals("agent", "a"), equals("kind", "semantic")))),
        ({"importance": {"$gt": 0, "$lt": 1}}, And((Test("importance", "gt", 0), Test("importance", "lt", 1)))),
        ({"$and": [{"agent": "a"}, {"kind": "working"}]}, And((equals("agent", "a"), equals("kind", "working")))),
        ({"$or": [{"agent": "a"}, {"agent": "b"}]}, Or((equals("agent", "a"), equals("agent", "b")))),
        ({"$not": {"agent": "a"}}, Not(equals("agent", "a"))),
        ({"$not": {}}, Not(ALL)),
        ({'metadata."a.b".c': 1}, equals('metadata."a.b".c', 1)),
        ({'metadata."a"': 1}, equals("metadata.a", 1)),
        ({'metadata.""': 1}, equals('metadata.""', 1)),
        ({r'metadata."say \"x\""': 1}, equals(r'metadata."say \"x\""', 1)),
        ({r'metadata."\u00e9"': 1}, equals("metadata.é", 1)),
        ({"metadata.$eq": 1}, equals("metadata.$eq", 1)),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_filter_becomes_a_tree(where: dict[str, Any] | None, expected: Expression) -> None:
    assert simplified(parse(where)) == simplified(expected)


def simplified(expression: Expression) -> Expression:
    """Without double negation, which means nothing."""
    match expression:
        case Not(Not(item)):
            return simplified(item)
        case Not(item):
            return Not(simplified(item))
        case And(items):
            return And(tuple(map(simplified, items)))
        case Or(items):
            return Or(tuple(map(simplified, items)))
        case _:
            return expression


def test_a_field_is_not_missing_when_it_is_not_none() -> None:
    assert simplified(parse({"user": {"$ne": None}})) == exists("user")


def test_a_set_of_values_is_a_list_of_values() -> None:
    assert parse({"agent": {"$in": {"a"}}}) == parse({"agent": {"$in": frozenset({"a"})}}) == equals("agent", "a")


@pytest.mark.parametrize("field", [*FIELDS, "metadata.anything"])
def test_every_field_can_be_asked_whether_it_exists(field: str) -> None:
    assert parse({field: {"$exists": True}}) == exists(field)


def test_a_metadata_path_is_split_at_dots_outside_of_quotes() -> None:
    inner = {"a.b": {"c": 1}, "a": {"b": 2, 'q"': 3}, "": 4}
    for path, expected in {'"a.b".c': 1, "a.b": 2, r'a."q\""': 3, '""': 4}.items():
        values = metadata_values(inner, "metadata." + normalise_path(path))
        assert [value for value, _ in values] == [expected], path


# --- what there is not ------------------------------------------------------------------------------------------------

WRONG: list[tuple[Any, str]] = [
    ([("agent", "a")], "a filter is a dict"),
    ("agent = 'a'", "a filter is a dict such as {'agent': 'billing'}, not str"),
    ({1: "a"}, "keys are field names or \\$and, \\$or, \\$not; 1 is neither"),
    ({"$nor": [{}]}, "unknown operator '\\$nor'; between fields there are"),
    ({"$eq": "a"}, "unknown operator '\\$eq'; between fields there are"),
    ({"owner": "a"}, "unknown field 'owner'; fields are id, namespace, .* and metadata.<key>"),
    ({"metadata": {"a": 1}}, "unknown field 'metadata'"),
    ({"scopes": "prod/**"}, "unknown field 'scopes'"),
    ({"": 1}, "unknown field ''"),
    ({"Agent": "a"}, "unknown field 'Agent'"),
    ({"$and": []}, "\\$and takes a non-empty list of filters"),
    ({"$or": []}, "\\$or takes a non-empty list of filters"),
    ({"$or": {"agent": "a"}}, "\\$or takes a non-empty list"),
    ({"$or": ["agent"]}, "a filter is a dict"),
    ({"$not": [{"agent": "a"}]}, "a filter is a dict"),
    ({"$not": None}, "a filter is a dict"),
    ({"agent": {}}, "the condition on 'agent' is empty"),
    ({"agent": {"$not": {}}}, "the condition on 'agent' is empty"),
    ({"agent": {"$like": "a%"}}, "unknown operator '\\$like' on 'agent'; there are \\$eq, \\$ne"),
    ({"agent": {"eq": "a"}}, "unknown operator 'eq' on 'agent'"),
    ({"agent": {1: "a"}}, "unknown operator 1 on 'agent'"),
    ({"metadata.a": {"b": 1}}, "unknown operator 'b' on 'metadata.a'"),
    ({"agent": 1}, "'agent' is compared with a string, not int"),
    ({"agent": ["a"]}, "'agent' is compared with a string, not list"),
    ({"agent": {"$in": ["a", 1]}}, "'agent' is compared with a string, not int"),
    ({"agent": {"$in": "ab"}}, "'agent' take a list of values"),
    ({"agent": {"$nin": {"a": 1}}}, "'agent' take a list of values"),
    ({"agent": {"$in": None}}, "'agent' take a list of values"),
    ({"agent": {"$in": 1}}, "'agent' take a list of values"),
    ({"agent": {"$exists": 1}}, "\\$exists on 'agent' takes True or False"),
    ({"agent": {"$exists": None}}, "\\$exists on 'agent' takes True or False"),
    ({"agent": {"$gt": "a"}}, "\\$gt on 'agent' compares numbers with numbers and times with times"),
    ({"tags": {"$lt": 1}}, "\\$lt on 'tags' compares numbers"),
    ({"tags": ["a"]}, "'tags' is compared with a string, not list"),
    ({"tags": {"$contains": None}}, "'tags' is compared with a string, not NoneType"),
    ({"verified": "true"}, "'verified' is compared with True or False, not str"),
    ({"verified": 1}, "'verified' is compared with True or False, not int"),
    ({"verified": {"$gte": True}}, "\\$gte on 'verified' compares numbers"),
    ({"importance": True}, "'importance' is compared with a number, not bool"),
    ({"importance": {"$gt": True}}, "compare"),
    ({"importance": {"$gt": "1"}}, "'importance' is compared with a number, not str"),
    ({"importance": {"$gt": None}}, "'importance' is compared with a number, not NoneType"),
    ({"importance": {"$gt": float("nan")}}, "'importance' is compared with a finite number"),
    ({"importance": float("inf")}, "'importance' is compared with a finite number"),
    ({"version": {"$lt": 10**400}}, "'version' is compared with a number of at most 64 bits"),
    ({"metadata.n": 2**64}, "'metadata.n' is compared with a number of at most 64 bits"),
    ({"metadata.n": {"$gt": 2**64}}, "'metadata.n' is compared with a number of at most 64 bits"),
    ({"metadata.n": float("-inf")}, "'metadata.n' is compared with a finite number"),
    ({"metadata.n": {"$gt": "ten"}}, "\\$gt on 'metadata.n' compares numbers with numbers and times with times"),
    ({"metadata.n": {"$gt": False}}, "\\$gt on 'metadata.n' compares numbers"),
    ({"metadata.n": {"$gt": None}}, "\\$gt on 'metadata.n' compares numbers"),
    ({"metadata.n": {"$lt": datetime(2026, 5, 1)}}, "\\$lt on 'metadata.n' compares numbers"),  # noqa: DTZ001
    ({"metadata.n": [1]}, "'metadata.n' is compared with a string, number, bool or None, not list"),
    ({"metadata.n": {"$contains": [1]}}, "'metadata.n' is compared with a string, number, bool or None, not list"),
    ({"metadata.n": {"$eq": {"a": 1}}}, "'metadata.n' is compared with a string, number, bool or None, not dict"),
    ({"metadata.n": b"x"}, "'metadata.n' is compared with a string, number, bool or None, not bytes"),
    ({"metadata.n": datetime(2026, 5, 1)}, "'metadata.n' is compared with a timezone-aware datetime"),  # noqa: DTZ001
    ({"created_at": "2026-05-01"}, "'created_at' is compared with a timezone-aware datetime or an ISO 8601 string"),
    ({"created_at": "2026-05-01T12:00:00"}, "'created_at' is compared with a timezone-aware datetime"),
    ({"created_at": {"$gt": "2026-02-30T12:00:00Z"}}, "'created_at' is compared with a timezone-aware datetime"),
    ({"created_at": {"$gt": 1_700_000_000}}, "'created_at' is compared with a timezone-aware datetime"),
    ({"created_at": {"$gt": datetime(2026, 5, 1)}}, "'created_at' is compared with"),  # noqa: DTZ001
    ({"text": {"$contains": ""}}, "\\$contains on 'text' takes a non-empty string"),
    ({"text": {"$contains": 1}}, "\\$contains on 'text' takes a non-empty string"),
    ({"agent": {"$contains": "a"}}, "\\$contains applies to 'text', 'tags' and lists in metadata, not to 'agent'"),
    ({"importance": {"$contains": 1}}, "\\$contains applies to"),
    ({"metadata.": 1}, "the metadata path '' is malformed"),
    ({"metadata.a.": 1}, "the metadata path 'a.' is malformed"),
    ({"metadata..a": 1}, "the metadata path '.a' is malformed"),
    ({'metadata."a': 1}, "the metadata path .* is malformed"),
    ({'metadata."a"b': 1}, "the metadata path .* is malformed"),
    ({'metadata.a"b': 1}, "the metadata path .* is malformed"),
    ({'metadata."a".': 1}, "the metadata path .* is malformed"),
    ({"agent": "\ud800"}, "lone surrogate"),
    ({"metadata.n": {"$in": ["x" * 300 + "\udfff"]}}, "lone surrogate"),
    ({"metadata.\udc80": 1}, "lone surrogate"),
    ({'metadata."\\ud800"': 1}, "the metadata path .* is malformed"),
    ({"text": {"$contains": "\udc80"}}, "lone surrogate"),
]


@pytest.mark.parametrize(("where", "message"), WRONG, ids=lambda value: ascii(value)[:60])
def test_what_is_wrong_is_named(where: Any, message: str) -> None:
    with pytest.raises(InvalidFilter, match=message) as caught:
        parse(where)
    assert isinstance(caught.value, InvalidInput | ValueError | TransactiveError)
    str(caught.value).encode()  # a message can be printed


def nested(depth: int, key: str = "$not") -> dict[str, Any]:
    where: dict[str, Any] = {"agent": "a"}
    for _ in range(depth):
        where = {key: where} if key == "$not" else {key: [where]}
    return where


@pytest.mark.parametrize("key", ["$not", "$and", "$or"])
def test_a_filter_nests_only_so_deep(key: str) -> None:
    parse(nested(MAX_DEPTH, key))
    for depth in (MAX_DEPTH + 1, 10_000):
        with pytest.raises(InvalidFilter, match=f"a filter nests at most {MAX_DEPTH} deep"):
            parse(nested(depth, key))


def test_the_not_of_a_field_nests_only_so_deep() -> None:
    condition: dict[str, Any] = {"$eq": "a"}
    for _ in range(MAX_DEPTH + 1):
        condition = {"$not": condition}
    with pytest.raises(InvalidFilter, match=f"a filter nests at most {MAX_DEPTH} deep"):
        parse({"agent": condition})


def test_a_filter_has_only_so_many_conditions() -> None:
    parse({"$or": [{"agent": str(n)} for n in range(MAX_CONDITIONS - 1)]})
    with pytest.raises(InvalidFilter, match=f"at most {MAX_CONDITIONS} conditions; for many values .* use"):
        parse({"$or": [{"agent": str(n)} for n in range(MAX_CONDITIONS + 1)]})
    parse({"agent": {"$in": [str(n) for n in range(MAX_VALUES)]}})
    with pytest.raises(InvalidFilter, match="take at most 10,000 values"):
        parse({"agent": {"$nin": [str(n) for n in range(MAX_VALUES + 1)]}})


@given(wheres)
def test_a_valid_filter_is_parsed_the_same_each_time_and_left_as_it_was(where: dict[str, Any]) -> None:
    before = repr(where)
    assert parse(where) == parse(where)
    assert repr(where) == before


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["$eq", "agent"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*FIELDS, "metadata.x", "metadata.", "$and", "$or", "$not", "$in", "$gt", "$exists", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(json_like)
def test_anything_else_is_an_invalid_filter_and_no_other_error(where: Any) -> None:
    with contextlib.suppress(InvalidFilter):
        parse(where)


# --- paths, tokens and times ------------------------------------------------------------------------------------------

segments = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(['"', ".", "a."]))


@given(segments.filter(bool), segments.filter(bool))
def test_a_path_of_any_keys_can_be_written_in_one_way(one: list[str], other: list[str]) -> None:
    assert normalise_path(join_path(one)) == join_path(one)
    assert (join_path(one) == join_path(other)) == (one == other)


@given(metadata)
def test_every_value_is_found_by_its_path(held: dict[str, Any]) -> None:
    for leaf in leaves(held):
        path = "metadata." + leaf.path
        assert (leaf.value, leaf.in_list) in metadata_values(held, path)
        assert parse({path: leaf.value}) == equals(path, leaf.value)


@given(metadata)
def test_lists_as_tuples_are_the_same(held: dict[str, Any]) -> None:
    assert sorted(attribute_tokens(held)) == sorted(attribute_tokens(json.loads(json.dumps(held))))


distinct = st.sampled_from((*NUMBERS, *TEXTS, True, False, -(2**63), -(2.0**63))) | st.integers() | st.floats(-10, 10)
distinct = distinct.filter(lambda value: not isinstance(value, int) or abs(value) <= 2**63)


@given(distinct, distinct)
def test_equal_values_and_only_they_have_equal_tokens(one: Any, other: Any) -> None:
    same = one == other and isinstance(one, bool) == isinstance(other, bool)
    assert (token(one) == token(other)) == same


def test_both_ends_of_the_integers_are_the_floats_they_are() -> None:
    assert token(-(2**63)) == token(-(2.0**63))
    assert token(2**53) == token(2.0**53)
    assert token(2**53 + 1) != token(2.0**53)
    assert token(True) != token(1)
    assert token("1") != token(1)
    assert token(0.0) == token(-0.0) == token(0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01T12:00:00Z", NOON),
        ("2026-05-01 12:00Z", NOON),
        ("2026-05-01T14:00:00+02:00", NOON),
        ("2026-05-01T14:00:00+0200", NOON),
        ("2026-05-01T12:00:00.25Z", NOON + timedelta(milliseconds=250)),
        ("2026-05-01T12:00:00.000001Z", NOON + timedelta(microseconds=1)),
        ("2026-05-01", None),
        ("2026-05-01T12:00:00", None),
        ("2026-05-01T12:00:00.0000001Z", None),
        ("2026-13-01T12:00:00Z", None),
        ("20260501T120000Z", None),
        ("0001-01-01T00:00:00+12:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("2026-05-01T12:00:00Z and more", None),
        ("\uff12\uff10\uff12\uff16-05-01T12:00:00Z", None),
        ("", None),
        (1_700_000_000, None),
        (None, None),
        (datetime(2026, 5, 1, 12), None),  # noqa: DTZ001
        (datetime(2026, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))), None),
    ],
    ids=str,
)
def test_a_time_has_a_zone_or_is_none(text: object, expected: datetime | None) -> None:
    assert parse_time(text) == expected


# --- what the reference says ------------------------------------------------------------------------------------------


def fulfils(where: dict[str, Any], held: dict[str, list[Any]]) -> bool:
    """Whether a record whose fields have these values (a list's elements in a list of one) fulfils a filter."""

    def read(path: str) -> list[tuple[Any, bool]]:
        return [(v[0], True) if isinstance(v, list) else (v, False) for v in held.get(path, [])]

    return matches(parse(where), read)


TRUTH: list[tuple[dict[str, Any], dict[str, list[Any]], bool]] = [
    ({}, {}, True),
    ({"$not": {}}, {}, False),
    ({"user": "a"}, {"user": ["a"]}, True),
    ({"user": "a"}, {"user": ["A"]}, False),
    ({"user": "a"}, {}, False),
    ({"user": {"$ne": "a"}}, {}, True),
    ({"user": {"$nin": ["a"]}}, {}, True),
    ({"user": {"$nin": []}}, {}, True),
    ({"user": {"$in": []}}, {"user": ["a"]}, False),
    ({"user": None}, {}, True),
    ({"user": None}, {"user": ["a"]}, False),
    ({"user": {"$ne": None}}, {}, False),
    ({"user": {"$in": ["b", None]}}, {}, True),
    ({"user": {"$nin": ["b", None]}}, {}, False),
    ({"user": {"$nin": ["b", None]}}, {"user": ["a"]}, True),
    ({"user": {"$exists": False}}, {}, True),
    ({"metadata.n": 1}, {"metadata.n": [1.0]}, True),
    ({"metadata.n": 1}, {"metadata.n": [True]}, False),
    ({"metadata.n": True}, {"metadata.n": [1]}, False),
    ({"metadata.n": "1"}, {"metadata.n": [1]}, False),
    ({"metadata.n": 2}, {"metadata.n": [[1], [2]]}, True),
    ({"metadata.n": {"$ne": 2}}, {"metadata.n": [[1], [2]]}, False),
    ({"metadata.n": {"$gt": 1}}, {"metadata.n": [[1], [2]]}, True),
    ({"metadata.n": {"$gt": 1, "$lt": 1}}, {"metadata.n": [[0], [2]]}, True),
    ({"metadata.n": {"$gt": 0}}, {"metadata.n": [True]}, False),
    ({"metadata.n": {"$gt": 0}}, {"metadata.n": ["1"]}, False),
    ({"metadata.n": {"$lt": 0}}, {}, False),
    ({"metadata.n": {"$not": {"$lt": 0}}}, {}, True),
    ({"metadata.n": {"$gte": 2**53 + 1}}, {"metadata.n": [2.0**53]}, False),
    ({"metadata.n": {"$contains": 1}}, {"metadata.n": [1]}, False),
    ({"metadata.n": {"$contains": 1}}, {"metadata.n": [[1]]}, True),
    ({"metadata.t": {"$gt": NOON}}, {"metadata.t": ["2026-05-01T14:00:01+02:00"]}, True),
    ({"metadata.t": {"$gt": NOON}}, {"metadata.t": ["2026-05-01T13:00:00+02:00"]}, False),
    ({"metadata.t": {"$gt": NOON}}, {"metadata.t": ["tomorrow"]}, False),
    ({"metadata.t": {"$gt": NOON}}, {"metadata.t": [99]}, False),
    ({"metadata.t": "2026-05-01T12:00:00Z"}, {"metadata.t": ["2026-05-01T12:00:00+00:00"]}, False),
    ({"created_at": "2026-05-01T12:00:00Z"}, {"created_at": [NOON]}, True),
    ({"text": {"$contains": "und"}}, {"text": ["refunded"]}, True),
    ({"text": {"$contains": "Und"}}, {"text": ["refunded"]}, False),
    ({"tags": {"$contains": "a"}}, {"tags": [["ab"]]}, False),
    ({"$or": [{"user": "a"}, {"user": "b"}]}, {"user": ["b"]}, True),
    ({"$and": [{"user": "a"}, {"user": "b"}]}, {"user": ["b"]}, False),
]


@pytest.mark.parametrize(("where", "held", "expected"), TRUTH, ids=str)
def test_the_reference_says(where: dict[str, Any], held: dict[str, list[Any]], *, expected: bool) -> None:
    assert fulfils(where, held) is expected


def test_what_lies_below_exists_and_equals_nothing() -> None:
    def read(path: str) -> list[tuple[Any, bool]]:
        return metadata_values({"a": {"b": "\x00below"}}, path)

    assert matches(parse({"metadata.a": {"$exists": True}}), read)
    assert not matches(parse({"metadata.a": "\x00below"}), read)
    assert matches(parse({"metadata.a.b": "\x00below"}), read)
    assert not matches(parse({"metadata.a": {"$gt": "2026-05-01T12:00:00Z"}}), read)


def test_needless_nesting_is_left_out() -> None:
    one, two, three = equals("agent", "a"), equals("kind", "b"), equals("user", "c")
    assert both() == both(ALL, ALL) == ALL
    assert both(one) == both(ALL, one) == one
    assert both(And((one, two)), three) == And((one, two, three))


def test_a_namespace_is_covered_by_its_ancestors_patterns() -> None:
    assert patterns_covering("a/b") == ["a/b", "a/*", "a/b/**", "a/**", "**"]
    assert patterns_covering("a") == ["a", "*", "a/**", "**"]
