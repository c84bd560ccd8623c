"""How relevance fades with age."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive import Memory, Policy
from transactive.policies import Decay
from transactive.records import KINDS, Kind
from transactive.rules.decay import age, factor, kept, of_memory, weighted

DECAYS: tuple[Decay, ...] = get_args(Decay)
FADING = [decay for decay in DECAYS if decay != "none"]
NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
decays = st.sampled_from(DECAYS)
ages = st.timedeltas(timedelta(-10), timedelta(days=365_000))
half_lives = st.timedeltas(timedelta(microseconds=1), timedelta(days=36_500))
fractions = st.floats(0, 1)


@pytest.mark.parametrize("decay", FADING)
@given(half_lives)
def test_half_is_left_at_the_half_life(decay, half_life):
    assert factor(decay, half_life, half_life) == pytest.approx(0.5)


@given(decays, half_lives)
def test_all_is_left_at_the_start_and_of_the_future(decay, half_life):
    assert factor(decay, timedelta(0), half_life) == 1
    assert factor(decay, -half_life, half_life) == 1


@given(decays, ages, half_lives)
def test_a_factor_is_a_fraction(decay, age, half_life):
    assert 0 <= factor(decay, age, half_life) <= 1


@given(decays, ages, ages, half_lives)
def test_older_is_never_worth_more(decay, one, other, half_life):
    young, old = sorted((one, other))
    assert factor(decay, old, half_life) <= factor(decay, young, half_life)


@pytest.mark.parametrize(
    ("decay", "at_twice", "at_ten_times"),
    [
        ("exponential", 0.25, 2.0**-10),
        ("linear", 0.0, 0.0),
        ("logarithmic", 1 / 2.584963, 1 / 4.459432),
        ("power", 1 / 3, 1 / 11),
        ("step", 0.5, 0.5),
        ("none", 1.0, 1.0),
    ],
)
def test_the_shapes(decay, at_twice, at_ten_times):
    day = timedelta(days=1)
    assert factor(decay, 2 * day, day) == pytest.approx(at_twice)
    assert factor(decay, 10 * day, day) == pytest.approx(at_ten_times)


def test_a_step_falls_at_the_half_life_and_not_before():
    day, tick = timedelta(days=1), timedelta(microseconds=1)
    assert [factor("step", day + by, day) for by in (-tick, timedelta(0), tick)] == [1, 0.5, 0.5]


def test_age_counts_from_the_later_of_happening_and_use():
    created, used = NOW - timedelta(days=9), NOW - timedelta(days=2)
    assert age(created, None, NOW) == timedelta(days=9)
    assert age(created, used, NOW) == age(used, created, NOW) == timedelta(days=2)


@given(fractions, fractions)
def test_a_weight_bounds_what_a_factor_can_take(value, weight):
    assert 1 - weight - 1e-9 <= weighted(value, weight) <= 1 + 1e-9
    assert weighted(value, 0) == 1
    assert weighted(value, 1) == pytest.approx(value)
    assert weighted(1, weight) == 1


# --- under a policy ---------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)
multipliers = st.floats(0.01, 100)
kinds = st.sampled_from(KINDS)


def of_age(days: float, kind: Kind = "semantic", **changes: Any) -> Memory:
    then = NOW - days * DAY
    return Memory(
        id="1", uid="1", namespace="a", kind=kind, text="x", importance=0.5, agent="ana",
        created_at=then, recorded_at=then, updated_at=then, version=1, **changes,
    )  # fmt: skip


@pytest.mark.parametrize("decay", FADING)
@given(kinds, multipliers)
def test_half_is_left_at_the_half_life_of_the_kind(decay, kind, multiplier):
    policy = Policy(decay=decay, half_life=DAY, half_life_factors={kind: multiplier})
    created = NOW - timedelta(seconds=math.ceil(DAY.total_seconds() * multiplier))
    assert kept(policy, kind, created, None, NOW) == pytest.approx(0.5, abs=1e-3)
    other: Kind = "working" if kind != "working" else "semantic"
    assert kept(policy, other, NOW - DAY, None, NOW) == pytest.approx(0.5)


@given(decays, ages, ages, kinds, multipliers, st.booleans())
def test_what_is_left_of_a_memory_is_a_fraction_and_falls_with_age(decay, one, other, kind, multiplier, renews):
    policy = Policy(decay=decay, half_life=DAY, half_life_factors={kind: multiplier}, renew_on_access=renews)
    young, old = (kept(policy, kind, NOW - age, None, NOW) for age in sorted((one, other)))
    assert 0 <= old <= young <= 1


@given(decays, ages, ages)
def test_an_access_never_makes_older(decay, created, used):
    policy = Policy(decay=decay, half_life=DAY)
    renewed = kept(policy, "semantic", NOW - created, NOW - used, NOW)
    assert renewed >= kept(policy, "semantic", NOW - created, None, NOW)
    assert renewed == kept(policy, "semantic", NOW - min(created, used), None, NOW)


@given(decays, ages, half_lives, st.floats(1e-6, 1e6))
def test_no_half_life_that_a_policy_takes_is_too_short_or_too_long(decay, created, half_life, multiplier):
    policy = Policy(decay=decay, half_life=half_life, half_life_factors={"working": multiplier})
    assert 0 <= kept(policy, "working", NOW - created, None, NOW) <= 1


def test_an_access_just_now_makes_new_unless_the_policy_says_otherwise():
    for renews, left in ((None, 1.0), (True, 1.0), (False, 0.25)):
        policy = Policy(half_life=DAY, renew_on_access=renews)
        assert kept(policy, "semantic", NOW - 2 * DAY, NOW, NOW) == left


def test_without_a_policy_it_is_exponential_with_thirty_days():
    assert kept(Policy(), "semantic", NOW - 60 * DAY, None, NOW) == pytest.approx(0.25)


@given(decays, half_lives)
def test_a_half_life_of_the_call_takes_the_place_of_the_policys(decay, half_life):
    asked = kept(Policy(decay=decay, half_life=DAY), "semantic", NOW - 9 * DAY, None, NOW, half_life=half_life)
    assert asked == kept(Policy(decay=decay, half_life=half_life), "semantic", NOW - 9 * DAY, None, NOW)


def test_the_half_life_of_the_call_is_multiplied_for_the_kind_too():
    policy = Policy(half_life="1h", half_life_factors={"procedural": 4})
    assert kept(policy, "procedural", NOW - 4 * DAY, None, NOW, half_life=DAY) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, 2.0**-4),
        ({"accessed_at": NOW - DAY}, 0.5),
        ({"last_seen_at": NOW - DAY}, 0.5),
        ({"accessed_at": NOW - 2 * DAY, "last_seen_at": NOW - DAY}, 0.5),
        ({"accessed_at": NOW - DAY, "last_seen_at": NOW - 2 * DAY}, 0.5),
        ({"accessed_at": NOW - 9 * DAY}, 2.0**-4),
    ],
)
def test_reading_a_memory_and_saying_it_again_both_renew_it(changes, left):
    assert of_memory(Policy(half_life=DAY), of_age(4, **changes), NOW) == pytest.approx(left)


def test_of_memory_counts_its_kind_and_the_half_life_of_the_call():
    policy = Policy(half_life=DAY, half_life_factors={"procedural": 2})
    assert of_memory(policy, of_age(2, "procedural"), NOW) == pytest.approx(0.5)
    assert of_memory(policy, of_age(2), NOW) == pytest.approx(0.25)
    assert of_memory(policy, of_age(2), NOW, 2 * DAY) == pytest.approx(0.5)
