"""Maximal marginal relevance, against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transactive.rules.diversity import Vectors, diverse


def unit(rows: list[list[float]]) -> Vectors:
    """Rows of length 1, or 0."""
    vectors = np.array(rows, np.float32).reshape(len(rows), len(rows[0]) if rows else 1)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    divided: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return divided


@st.composite
def candidates(draw: st.DrawFn) -> tuple[Vectors, Vectors]:
    size = draw(st.integers(0, 8))
    row = st.lists(st.integers(-3, 3).map(float), min_size=3, max_size=3)
    rows = draw(st.lists(row, min_size=size, max_size=size))
    relevance = draw(st.lists(st.integers(-10, 10), min_size=size, max_size=size))
    return np.array([value / 10 for value in relevance], np.float32), unit(rows)


def worth(relevance: Vectors, vectors: Vectors, diversity: float, chosen: list[int], place: int) -> float:
    """By the definition: what is relevant, less what it is like among those that were chosen."""
    likeness = max((float(vectors[place] @ vectors[one]) for one in chosen), default=0.0)
    return (1 - diversity) * float(relevance[place]) - diversity * likeness


@given(candidates(), st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0)), st.integers(0, 10))
def test_each_choice_is_the_best_that_is_left(given_, diversity, count):
    relevance, vectors = given_
    chosen = diverse(relevance, vectors, diversity, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(relevance))
    for number, place in enumerate(chosen):
        before = chosen[:number]
        left = [other for other in range(len(relevance)) if other not in before]
        best = max(worth(relevance, vectors, diversity, before, other) for other in left)
        assert worth(relevance, vectors, diversity, before, place) == pytest.approx(best, abs=1e-5)


@given(candidates(), st.sampled_from((0.0, 0.3, 1.0)))
def test_a_longer_choice_begins_as_the_shorter_one(given_, diversity):
    relevance, vectors = given_
    assume(len(relevance) > 2)
    whole = diverse(relevance, vectors, diversity, len(relevance))
    assert sorted(whole) == list(range(len(relevance)))
    assert diverse(relevance, vectors, diversity, 2) == whole[:2]


def test_without_diversity_the_order_is_that_of_relevance():
    relevance = np.array([0.1, 0.9, 0.9, 0.5], np.float32)
    vectors = unit([[1, 0], [1, 0], [1, 0], [0, 1]])
    assert diverse(relevance, vectors, 0.0, 4) == [1, 2, 3, 0]
    assert diverse(relevance, vectors, 0.5, 2) == [1, 3]
    assert diverse(relevance, vectors, 1.0, 2) == [0, 3]


def test_what_points_away_is_worth_more_than_what_has_nothing_in_common():
    relevance = np.array([1.0, 0.5, 0.5], np.float32)
    assert diverse(relevance, unit([[1, 0], [0, 1], [-1, 0]]), 0.5, 2) == [0, 2]


def test_what_has_no_vector_is_like_nothing():
    relevance = np.array([1.0, 0.9, 0.5], np.float32)
    assert diverse(relevance, unit([[1, 0], [1, 0], [0, 0]]), 0.5, 2) == [0, 2]
