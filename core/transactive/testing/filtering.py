"""The part of the suite that is about filters: every condition that an index answers, as the reference answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from transactive.filters import ALL, NONE, And, Expression, Not, Or, Test, both, equals, matches, parse
from transactive.index.protocol import Index, Point, answers, read_fields
from transactive.testing.points import sample_points, uid_of
from transactive.testing.suite import DECLARED, Suite, all_uids

_TIME = "2026-05-02T00:00:00Z"
FILTERS: tuple[Mapping[str, Any], ...] = (
    {"agent": "billing"},
    {"agent": "nobody"},
    {"agent": {"$ne": "billing"}},
    {"agent": {"$in": ["Zoë", "billing/eu"]}},
    {"agent": {"$in": []}},
    {"agent": {"$nin": []}},
    {"agent": {"$nin": ["billing", "triage"]}},
    {"agent": {"$exists": True}},
    {"kind": {"$exists": False}},
    {"kind": "decision", "sensitivity": "confidential"},
    {"namespace": "acme/support"},
    {"namespace": {"$nin": ["acme/support", "globex/support"]}},
    {"namespace": {"$exists": True}},
    {"namespace": None},
    {"user": None},
    {"user": {"$ne": None}},
    {"user": {"$in": ["cust_42", None]}},
    {"user": {"$nin": ["cust_42", None]}},
    {"user": {"$ne": "cust_42"}},
    {"session": {"$exists": True}, "app": "desk"},
    {"app": {"$exists": False}},
    {"verified": True},
    {"verified": False},
    {"verified": {"$ne": True}},
    {"verified": {"$exists": True}},
    {"verified": {"$in": [True, False]}},
    {"superseded": True},
    {"superseded": False},
    {"superseded": {"$ne": True}},
    {"superseded": {"$exists": True}},
    {"superseded": None},
    {"superseded": {"$in": [True]}},
    {"verified": True, "superseded": {"$nin": [True]}},
    {"$or": [{"superseded": True}, {"user": None}]},
    {"tags": "urgent"},
    {"tags": {"$contains": "refund"}},
    {"tags": {"$ne": "urgent"}},
    {"tags": {"$in": ["urgent", "none"]}},
    {"tags": {"$exists": False}},
    {"tags": None},
    {"importance": {"$gt": 0.5}},
    {"importance": {"$gte": 0.5}},
    {"importance": {"$lt": 1, "$gt": 0}},
    {"importance": {"$lte": 0}},
    {"created_at": {"$gte": _TIME}},
    {"created_at": {"$lt": _TIME, "$gt": "2026-05-01T12:00:00+02:00"}},
    {"created_at": {"$not": {"$gte": _TIME}}},
    {"metadata.amount": 100},
    {"metadata.amount": 100.0},
    {"metadata.amount": "100"},
    {"metadata.amount": True},
    {"metadata.amount": 99.5},
    {"metadata.amount": None},
    {"metadata.amount": {"$ne": None}},
    {"metadata.amount": {"$ne": 100}},
    {"metadata.amount": {"$nin": [100, None]}},
    {"metadata.amount": {"$gt": 99.5}},
    {"metadata.amount": {"$gte": 99.5, "$lt": 250}},
    {"metadata.amount": {"$lte": 100}},
    {"metadata.amount": {"$contains": 100}},
    {"metadata.amount": {"$contains": 250.0}},
    {"metadata.amount.net": {"$exists": True}},
    {"metadata.paid": True},
    {"metadata.paid": 1},
    {"metadata.paid": "true"},
    {"metadata.paid": {"$nin": [False, 1]}},
    {"metadata.customer": {"$exists": True}},
    {"metadata.customer.id": "cust_42"},
    {"metadata.customer": "cust_42"},
    {"metadata.papers": 2},
    {"metadata.papers": {"$contains": 2.0}},
    {"metadata.papers": {"$exists": True}},
    {"metadata.orders.id": "o2"},
    {"metadata.orders.sum": {"$gt": 10}},
    {"metadata.due": {"$gte": "2026-05-03T00:00:00Z"}},
    {"metadata.due": {"$lt": "2026-05-02T00:00:01+00:00"}},
    {"metadata.due": "tomorrow"},
    {'metadata."a.b"': "dotted"},
    {"metadata.a.b": "dotted"},
    {'metadata."say \\"x\\""': 1},
    {"metadata.city": "東京"},
    {"metadata.note": ""},
    {"metadata.note": {"$exists": True}},
    {"metadata.place": {"$in": [1, 3.0, "5", True]}},
    {"$or": [{"agent": "billing"}, {"tags": "urgent"}]},
    {"$or": [{"agent": "billing"}, {"$and": [{"user": "cust_7"}, {"$not": {"verified": True}}]}]},
    {"$and": [{"$or": [{"user": None}, {"user": "cust_42"}]}, {"importance": {"$gte": 0.3}}]},
    {"$not": {"$or": [{"agent": "billing"}, {"metadata.amount": {"$gte": 100}}]}},
    {"$not": {"$not": {"kind": "decision"}}},
    {"$not": {}},
    {"$or": [{}, {"agent": "nobody"}]},
    {},
)


class Filtering(Suite):
    """Every condition that an index answers is answered as the reference does."""

    @pytest.fixture
    def filled(self, index: Index) -> Index:
        """An index with sample points."""
        index.upsert(sample_points(36))
        return index

    def test_every_filter_selects_what_the_reference_selects(self, filled: Index) -> None:
        """In candidates and in counts, and its negation the rest."""
        wrong: dict[str, tuple[list[int], list[int], int, int]] = {}
        for where in FILTERS:
            expression = parse(where)
            expected = [p.number for p in sample_points(36) if selects(expression, p)]
            uids = all_uids(filled, expression)
            selected = [p.number for p in sample_points(36) if p.uid in uids]
            answer = (selected, expected, filled.count(expression), filled.count(Not(expression)))
            if answer != (expected, expected, len(expected), 36 - len(expected)):
                wrong[str(where)] = answer
        assert wrong == {}

    def test_ids_are_a_condition_like_any_other(self, filled: Index) -> None:
        """Alone, among others, negated and empty."""
        uids = [p.uid for p in sample_points(36)]
        assert all_uids(filled, equals("id", *uids[:3], uid_of("absent"))) == set(uids[:3])
        assert filled.count(Not(equals("id", *uids[:3]))) == 33
        assert filled.count(equals("id")) == 0
        assert all_uids(filled, both(equals("id", *uids[:4]), equals("agent", "triage"))) == {uids[0]}

    def test_a_pattern_of_namespaces_is_one_condition(self, filled: Index) -> None:
        """Through `scopes`, which callers cannot write."""
        assert filled.count(equals("scopes", "acme/**")) == 24
        assert filled.count(equals("scopes", "acme/*", "globex/support")) == 24
        assert filled.count(Not(equals("scopes", "**"))) == 0
        assert filled.count(equals("scopes")) == 0

    def test_always_and_never_can_be_nested(self, filled: Index) -> None:
        """An empty `and` is true, an empty `or` false, wherever they stand."""
        always: list[Expression] = [ALL, Not(NONE), And((ALL, ALL)), Or((NONE, ALL)), Not(And((NONE, ALL)))]
        never: list[Expression] = [NONE, Not(ALL), And((ALL, NONE)), Or((NONE, NONE)), Or((Not(ALL), NONE))]
        assert [filled.count(expression) for expression in always] == [36] * 5
        assert [filled.count(expression) for expression in never] == [0] * 5


def selects(expression: Expression, stored: Point) -> bool:
    """What the reference says of a point; every condition has to be one that an index answers."""
    _check_answered(expression)
    return matches(expression, lambda path: read_fields(stored, path))


def _check_answered(expression: Expression) -> None:
    match expression:
        case And(items) | Or(items):
            for item in items:
                _check_answered(item)
        case Not(item):
            _check_answered(item)
        case Test():
            assert answers(expression, DECLARED), f"no index answers {expression}"
