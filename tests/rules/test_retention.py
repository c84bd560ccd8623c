"""Which memories a full namespace keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.rules.retention import score

fractions = st.floats(0, 1)


@given(fractions, fractions)
def test_a_score_is_a_fraction(importance, kept):
    assert 0 <= score(importance, kept) <= 1


@given(fractions, fractions, fractions)
def test_more_of_either_is_never_worth_less(one, other, fixed):
    less, more = sorted((one, other))
    assert score(less, fixed) <= score(more, fixed)
    assert score(fixed, less) <= score(fixed, more)


@given(fractions, fractions)
def test_both_count_alike(one, other):
    assert score(one, other) == pytest.approx(score(other, one))


def test_its_ends():
    assert (score(0, 0), score(1, 0), score(0, 1), score(1, 1)) == (0, 0.5, 0.5, 1)
    assert score(0.2, 0.8) == pytest.approx(0.5)
