"""Policies: checked when made, inherited field by field."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive import Policy
from transactive.errors import InvalidInput
from transactive.namespaces import covers, patterns_covering
from transactive.policies import DECAYS, DEFAULT, duration, effective, to_json, unit_interval

durations = st.timedeltas(timedelta(microseconds=1), timedelta(days=36_500))
policies: st.SearchStrategy[Policy] = st.builds(
    Policy,
    decay=st.sampled_from((None, *DECAYS)),
    half_life=st.none() | durations,
    recency_weight=st.none() | st.floats(0, 1),
    importance_weight=st.none() | st.floats(0, 1),
    ttl=st.none() | durations,
)
PATTERNS = ("**", "*", "a", "a/**", "a/*", "a/b", "a/b/*", "a/b/**", "a/b/c", "ab/**")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("1.5d", timedelta(hours=36)),
        (" 2w ", timedelta(days=14)),
        (timedelta(microseconds=1), timedelta(microseconds=1)),
    ],
)
def test_durations(text, value):
    assert duration(text, "ttl") == value
    assert Policy(ttl=text).ttl == value


WRONG: list[Any] = [
    "",
    "5",
    "h",
    "-1h",
    "1 h",
    "1y",
    "1e3s",
    "0s",
    "9" * 400 + "d",
    "\uff11\uff48",
    5,
    0.5,
    True,
    None,
    [],
    timedelta(0),
]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: f"{value!r:.12}")
def test_what_is_no_duration(value):
    with pytest.raises(InvalidInput, match="half_life is"):
        duration(value, "half_life")


@given(st.one_of(st.floats(0, 1), st.sampled_from((0, 1))))
def test_fractions(value):
    assert unit_interval(value, "x") == value
    assert isinstance(unit_interval(value, "x"), float)


@pytest.mark.parametrize(
    "value", [-0.001, 1.001, math.nan, math.inf, True, False, "0.5", None, [0], 10**400, 1j], ids=lambda v: f"{v!r:.12}"
)
def test_what_is_no_fraction(value):
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        unit_interval(value, "x")


@given(policies)
def test_a_policy_is_what_it_was_after_json(policy):
    back = Policy(**to_json(policy))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert back == policy


@given(
    st.dictionaries(st.sampled_from(PATTERNS), policies, max_size=6),
    st.sampled_from(("a", "a/b", "a/b/c", "ab", "a/b/c/d")),
)
def test_each_field_comes_from_the_closest_pattern_that_sets_it(configured, namespace):
    found = effective(configured, namespace)
    closest = [pattern for pattern in patterns_covering(namespace) if pattern in configured]
    assert all(covers(pattern, namespace) for pattern in closest)
    for field in fields(Policy):
        values = [getattr(configured[pattern], field.name) for pattern in closest]
        expected = next((value for value in values if value is not None), getattr(DEFAULT, field.name))
        assert getattr(found, field.name) == expected


def test_exact_before_children_before_subtree():
    configured = {
        "a/b": Policy(ttl="1s"),
        "a/*": Policy(ttl="2s"),
        "a/b/**": Policy(ttl="3s"),
        "a/**": Policy(ttl="4s"),
    }
    for gone, seconds in ((None, 1), ("a/b", 2), ("a/*", 3), ("a/b/**", 4), ("a/**", None)):
        configured.pop(gone or "", None)
        ttl = effective(configured, "a/b").ttl
        assert ttl == (None if seconds is None else timedelta(seconds=seconds))


def test_the_defaults():
    policy = effective({}, "anywhere")
    assert (policy.decay, policy.half_life, policy.ttl) == ("exponential", timedelta(days=30), None)
    assert (policy.recency_weight, policy.importance_weight) == (0, 0)


def test_a_policy_is_frozen_and_says_what_it_takes():
    with pytest.raises(FrozenInstanceError):
        Policy().ttl = "1h"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        Policy("exponential")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError):
        Policy(half_time="1h")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
