"""How relevance fades with age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.policies import Decay
from transactive.rules.decay import age, factor, weighted

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
