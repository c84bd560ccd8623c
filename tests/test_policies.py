"""Policies: checked when made, inherited field by field."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.team.stores import opened
from transactive import Policy
from transactive.errors import InvalidInput
from transactive.namespaces import covers, patterns_covering
from transactive.policies import DECAYS, DEFAULT, GATES, Rate, duration, effective, rate, to_json, unit_interval
from transactive.records import KINDS, SENSITIVITIES, Kind

durations = st.timedeltas(timedelta(microseconds=1), timedelta(days=36_500)) | st.just(timedelta.max)
policies: st.SearchStrategy[Policy] = st.builds(
    Policy,
    decay=st.sampled_from((None, *DECAYS)),
    half_life=st.none() | durations,
    recency_weight=st.none() | st.floats(0, 1),
    importance_weight=st.none() | st.floats(0, 1),
    ttl=st.none() | durations,
    half_life_factors=st.none() | st.dictionaries(st.sampled_from(KINDS), st.floats(0, 1e6, exclude_min=True)),
    renew_on_access=st.none() | st.booleans(),
    max_memories=st.none() | st.integers(1, 2**40),
    promote_to=st.sampled_from((None, "team/shared", "a/b")),
    promote_at=st.none() | st.floats(0, 1),
    reinforce=st.none() | st.booleans(),
    advertise=st.none() | st.booleans(),
    extract_graph=st.none() | st.booleans(),
    duplicate_at=st.none() | st.floats(0, 1),
    write_rate=st.sampled_from((None, "1/s", "60/m", "1000/24h")),
    verified_only=st.sampled_from((None, True, False, *GATES)),
    max_sensitivity=st.sampled_from((None, *SENSITIVITIES)),
    purge_after=st.none() | durations,
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
    back = Policy(**to_json(policy))
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
    assert (policy.half_life_factors, policy.renew_on_access) == ({}, True)
    assert (policy.max_memories, policy.promote_to, policy.promote_at) == (None, None, None)
    assert (policy.reinforce, policy.duplicate_at, policy.write_rate) == (True, None, None)
    assert (policy.verified_only, policy.max_sensitivity) == ("off", "confidential")
    assert policy.purge_after == timedelta(days=30)


# --- each field -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("decay", "power", "power"),
        ("half_life", "24h", timedelta(hours=24)),
        ("half_life_factors", {"procedural": 4, "working": 0.1}, {"procedural": 4.0, "working": 0.1}),
        ("half_life_factors", {}, {}),
        ("renew_on_access", False, False),
        ("recency_weight", 1, 1.0),
        ("importance_weight", 0, 0.0),
        ("max_memories", 1, 1),
        ("promote_to", "team/shared", "team/shared"),
        ("promote_at", 0, 0.0),
        ("reinforce", False, False),
        ("duplicate_at", 1, 1.0),
        ("write_rate", " 60/m ", "60/m"),
        ("verified_only", True, "refuse"),
        ("verified_only", False, "off"),
        ("verified_only", "hold", "hold"),
        ("max_sensitivity", "public", "public"),
        ("advertise", True, True),
        ("extract_graph", False, False),
        ("purge_after", "1s", timedelta(seconds=1)),
    ],
)
def test_what_a_field_takes(field, given, kept):
    value = getattr(Policy(**{field: given}), field)
    assert value == kept
    assert type(value) is type(kept)


INVALID: list[tuple[str, Any]] = [
    ("decay", "exponentially"),
    ("decay", True),
    ("half_life", "0d"),
    ("half_life_factors", {"facts": 2}),
    ("half_life_factors", {"semantic": 0}),
    ("half_life_factors", {"semantic": -1.0}),
    ("half_life_factors", {"semantic": True}),
    ("half_life_factors", {"semantic": "2"}),
    ("half_life_factors", {"semantic": math.nan}),
    ("half_life_factors", {"semantic": math.inf}),
    ("half_life_factors", {"semantic": 2e6}),
    ("half_life_factors", [("semantic", 2)]),
    ("renew_on_access", 1),
    ("renew_on_access", "yes"),
    ("recency_weight", 1.1),
    ("importance_weight", math.nan),
    ("max_memories", 0),
    ("max_memories", -5),
    ("max_memories", 10.0),
    ("max_memories", True),
    ("promote_to", ""),
    ("promote_to", "team/*"),
    ("promote_to", "/team"),
    ("promote_to", 5),
    ("promote_at", 2),
    ("promote_at", True),
    ("reinforce", "never"),
    ("reinforce", 0),
    ("duplicate_at", -0.1),
    ("write_rate", "60"),
    ("write_rate", "0/m"),
    ("write_rate", "-1/m"),
    ("write_rate", "1.5/m"),
    ("write_rate", "60/0m"),
    ("write_rate", "60/y"),
    ("write_rate", "9999999999/s"),
    ("write_rate", 60),
    ("verified_only", "yes"),
    ("verified_only", 1),
    ("max_sensitivity", "secret"),
    ("advertise", "yes"),
    ("advertise", 1),
    ("extract_graph", "rules"),
    ("purge_after", "-1d"),
    ("purge_after", 30),
]


@pytest.mark.parametrize(("field", "value"), INVALID, ids=lambda value: f"{value!r:.30}")
def test_what_a_field_does_not_take(field, value):
    with pytest.raises(InvalidInput) as refused:
        Policy(**{field: value})
    assert field in str(refused.value) or field == "promote_to"


def test_every_field_is_tried():
    names = {field.name for field in fields(Policy)}
    assert {field for field, _ in INVALID} | {"ttl"} == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5/s", Rate(count=5, per=timedelta(seconds=1))),
        ("60/m", Rate(count=60, per=timedelta(minutes=1))),
        ("1000/24h", Rate(count=1000, per=timedelta(days=1))),
        ("1/2w", Rate(count=1, per=timedelta(weeks=2))),
    ],
)
def test_rates(text, expected):
    assert rate(text) == expected


def test_a_policy_does_not_change_with_what_it_was_made_of():
    given: dict[Kind, float] = {"semantic": 2.0}
    policy = Policy(half_life_factors=given)
    given["semantic"] = 9.0
    assert policy.half_life_factors == {"semantic": 2.0}


@settings(max_examples=5)
@given(st.dictionaries(st.sampled_from(PATTERNS), policies, min_size=1, max_size=6))
def test_policies_are_there_when_the_store_is_opened_again(tmp_path_factory, configured):
    folder = tmp_path_factory.mktemp("store")
    with opened(folder) as team:
        for pattern, policy in configured.items():
            team.namespaces.configure(pattern, policy)
        before = {place: team.namespaces.policy(place) for place in ("a", "a/b", "a/b/c", "ab")}
    with opened(folder) as team:
        for place, policy in before.items():
            assert team.namespaces.policy(place) == policy == effective(configured, place)


def test_a_duration_may_be_as_long_as_there_are_any(tmp_path):
    policy = Policy(half_life=timedelta.max, ttl=timedelta.max, purge_after=timedelta.max)
    with opened(tmp_path) as team:
        team.namespaces.configure("**", policy)
        ana = team.agent("ana")
        note = ana.remember("a note", importance=0.1)
        assert ana.undo(ana.forget(note.uid)) == 1
        ana.forget(note.uid)
        assert team.maintain(build=False).purged == 0
        assert ana.compact(older_than=timedelta.max).condensed == 0
    with opened(tmp_path) as team:
        assert team.namespaces.policy("a").ttl == timedelta.max


def test_a_policy_is_frozen_and_says_what_it_takes():
    with pytest.raises(FrozenInstanceError):
        Policy().ttl = "1h"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        Policy("exponential")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError):
        Policy(half_time="1h")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
