"""How relevance fades with age."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive import Policy
from transactive.policies import Decay
from transactive.records import KINDS, Kind
from transactive.rules.decay import age, factor, factors, kept, seconds_of

DECAYS: tuple[Decay, ...] = get_args(Decay)
FADING = [decay for decay in DECAYS if decay != "none"]
NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
decays = st.sampled_from(DECAYS)
ages = st.timedeltas(timedelta(-10), timedelta(days=365_000))
half_lives = st.timedeltas(timedelta(microseconds=1), timedelta(days=36_500))


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


@given(decays, st.lists(st.floats(0, 1e9), min_size=1, max_size=9))
def test_many_at_once_are_what_each_is(decay, ratios):
    many = factors(decay, np.array(ratios))
    for ratio, found in zip(ratios, many, strict=True):
        assert 0 <= found <= 1
        if ratio < 1e6:
            day = timedelta(days=1)
            assert found == pytest.approx(factor(decay, ratio * day, day), abs=1e-6) or decay == "step"


@pytest.mark.parametrize("decay", DECAYS)
def test_many_at_once_at_their_ends_and_in_the_middle(decay):
    assert factors(decay, np.array([0.0, 1.0])).tolist() == pytest.approx([1, 1 if decay == "none" else 0.5])


# --- under a policy ---------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)
multipliers = st.floats(0.01, 100)
kinds = st.sampled_from(KINDS)


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


def test_the_half_life_of_a_kind():
    policy = Policy(half_life="1h", half_life_factors={"procedural": 4})
    assert seconds_of(policy, "procedural") == 4 * 3600
    assert seconds_of(policy, "semantic") == 3600
    assert seconds_of(policy, "procedural", DAY) == 4 * 86_400, "that of the call is multiplied too"
    assert seconds_of(Policy(), "semantic") == 30 * 86_400
