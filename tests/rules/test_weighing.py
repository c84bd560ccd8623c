"""How much importance and age count for each candidate: by its namespace's policy, or as the call says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive import Policy
from transactive.policies import Decay
from transactive.records import KINDS, Kind
from transactive.rules.decay import kept
from transactive.rules.ranking import Traits
from transactive.rules.weighing import Weights, factors

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
DECAYS: tuple[Decay, ...] = get_args(Decay)
fractions = st.floats(0, 1)
weights = st.none() | fractions


def candidate(
    age: float, importance: float = 0.5, *, used: float | None = None, namespace: str = "a", kind: Kind = "semantic"
) -> Traits:
    """One of so many days, used so many days ago."""
    since = min(age, age if used is None else used)
    return Traits(
        "ana", None, None, NOW - age * DAY, tells_when=False, namespace=namespace, kind=kind, importance=importance,
        touched=(NOW - since * DAY).timestamp(),
    )  # fmt: skip


def decayed(candidates: list[Traits], policy: Policy, **asked: float | timedelta) -> list[float]:
    found = factors(candidates, {"a": policy}, Weights(**asked), NOW)[1]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return [round(float(value), 6) for value in found]


candidates = st.lists(
    st.builds(
        candidate,
        st.floats(-10, 10_000),
        fractions,
        used=st.none() | st.floats(0, 10_000),
        kind=st.sampled_from(KINDS),
    ),
    max_size=8,
)
policies = st.builds(
    Policy,
    decay=st.sampled_from(DECAYS),
    half_life=st.timedeltas(timedelta(microseconds=1), timedelta(days=36_500)),
    half_life_factors=st.dictionaries(st.sampled_from(KINDS), st.floats(1e-6, 1e6)),
    renew_on_access=st.booleans(),
    recency_weight=weights,
    importance_weight=weights,
)


@given(candidates, policies, weights, weights)
def test_a_factor_takes_no_more_than_its_weight(given_candidates, policy, importance, recency):
    found = factors(given_candidates, {"a": policy}, Weights(importance, recency), NOW)
    for values, weight in zip(
        found,
        (
            importance if importance is not None else policy.importance_weight or 0,
            recency if recency is not None else policy.recency_weight or 0,
        ),
        strict=True,
    ):
        assert len(values) == len(given_candidates)
        assert all(1 - weight - 1e-9 <= value <= 1 + 1e-9 for value in values)


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=6), st.sampled_from(DECAYS), fractions)
def test_age_counts_as_the_rule_of_decay_says(ages, decay, weight):
    policy = Policy(decay=decay, half_life=timedelta(days=0.7654321))
    found = factors([candidate(age) for age in ages], {"a": policy}, Weights(recency=weight), NOW)[1]
    for age, value in zip(ages, found, strict=True):
        left = kept(policy, "semantic", NOW - age * DAY, None, NOW)
        assert value == pytest.approx(1 - weight * (1 - left), abs=1e-6)


def test_nothing_counts_until_it_is_asked_for():
    importance, decay = factors([candidate(9, 0.1), candidate(0, 1.0)], {"a": Policy()}, Weights(), NOW)
    assert importance.tolist() == decay.tolist() == [1, 1]


def test_importance_counts_by_its_weight():
    some = [candidate(0, value) for value in (0.0, 0.5, 1.0)]
    for weight, expected in ((1.0, [0, 0.5, 1]), (0.5, [0.5, 0.75, 1]), (0.0, [1, 1, 1])):
        assert factors(some, {"a": Policy()}, Weights(importance=weight), NOW)[0].tolist() == expected
        assert factors(some, {"a": Policy(importance_weight=weight)}, Weights(), NOW)[0].tolist() == expected
        asked = factors(some, {"a": Policy(importance_weight=0.3)}, Weights(importance=weight), NOW)[0]
        assert asked.tolist() == expected


def test_the_call_takes_the_place_of_the_policy():
    policy = Policy(half_life=DAY, recency_weight=1.0)
    assert decayed([candidate(2)], policy) == [0.25]
    assert decayed([candidate(2)], policy, recency=0.0) == [1]
    assert decayed([candidate(2)], policy, recency=0.5) == [0.625]
    assert decayed([candidate(2)], policy, half_life=2 * DAY) == [0.5]


def test_a_use_renews_unless_the_policy_says_otherwise():
    policy = Policy(half_life=DAY, recency_weight=1.0)
    assert decayed([candidate(4, used=1), candidate(4)], policy) == [0.5, 0.0625]
    still = Policy(half_life=DAY, recency_weight=1.0, renew_on_access=False)
    assert decayed([candidate(4, used=1), candidate(4)], still) == [0.0625, 0.0625]


def test_each_namespace_and_kind_by_its_own():
    some = [candidate(1, namespace=place, kind=kind) for place in "ab" for kind in ("semantic", "procedural")]
    by_place = {
        "a": Policy(half_life=DAY, half_life_factors={"procedural": 0.5}, recency_weight=1.0),
        "b": Policy(decay="none", recency_weight=1.0),
    }
    assert factors(some, by_place, Weights(), NOW)[1].tolist() == pytest.approx([0.5, 0.25, 1, 1])
