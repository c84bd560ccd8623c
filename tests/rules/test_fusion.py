"""Joining the channels' lists: min–max in each, then a weighted mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.rules.fusion import CHANNELS, WEIGHTS, Floats, fuse, minmax

scores = st.lists(st.floats(-1, 30, allow_subnormal=False), max_size=8, unique=True)


@st.composite
def channels(draw: st.DrawFn) -> list[tuple[list[int], Floats]]:
    lists = []
    for _ in CHANNELS:
        values = sorted(draw(scores), reverse=True)
        keys = draw(st.permutations(range(12)))[: len(values)]
        lists.append((keys, np.array(values)))
    return lists


def fused_by_hand(lists: list[tuple[list[int], Floats]]) -> dict[int, float]:
    total: dict[int, float] = {}
    for (keys, values), weight in zip(lists, WEIGHTS, strict=True):
        kept = {key: value for key, value in zip(keys, values, strict=True) if value > 0}
        low, high = min(kept.values(), default=0), max(kept.values(), default=0)
        for key, value in kept.items():
            part = (value - low) / (high - low) if high > low else 1.0
            total[key] = total.get(key, 0.0) + weight * part / WEIGHTS.sum()
    return total


@given(channels())
def test_relevance_is_the_weighted_mean_of_the_scaled_channels(lists):
    fused = fuse(lists, [])
    expected = fused_by_hand(lists)
    assert dict(zip(fused.keys, fused.relevance.tolist(), strict=True)) == pytest.approx(expected)
    assert ((fused.relevance >= 0) & (fused.relevance <= 1 + 1e-12)).all()


@given(channels(), st.lists(st.lists(st.integers(0, 15), unique=True, max_size=6), max_size=4))
def test_every_array_has_a_row_for_each_key(lists, containing):
    fused = fuse(lists, containing)
    assert len(set(fused.keys)) == len(fused.keys) == len(fused.relevance) == len(fused.identifiers)
    assert fused.raw.shape == fused.normalised.shape == (len(fused.keys), len(CHANNELS))
    counts = {key: sum(key in found for found in containing) for key in fused.keys}
    assert dict(zip(fused.keys, fused.identifiers.tolist(), strict=True)) == counts
    assert {key for found in containing for key in found} <= set(fused.keys)
    for column, (keys, values) in enumerate(lists):
        kept = {key: value for key, value in zip(keys, values, strict=True) if value > 0}
        for row, key in enumerate(fused.keys):
            assert fused.raw[row, column] == kept[key] if key in kept else np.isnan(fused.raw[row, column])


def test_what_a_channel_did_not_find_counts_nothing_there():
    fused = fuse([([1, 2], np.array([4.0, 2.0])), ([2], np.array([7.0])), ([], np.array([])), ([], np.array([]))], [])
    by_key = dict(zip(fused.keys, fused.relevance.tolist(), strict=True))
    assert by_key == {1: pytest.approx(0.5 / 2.5), 2: pytest.approx(1.0 / 2.5)}


def test_a_cosine_of_zero_or_less_says_nothing():
    nothing: tuple[list[int], Floats] = ([], np.array([]))
    fused = fuse([nothing, nothing, ([1, 2, 3], np.array([0.5, 0.0, -0.4])), nothing], [])
    assert fused.keys == [1]


def test_nothing_at_all():
    fused = fuse([([], np.array([]))] * 4, [])
    assert (fused.keys, len(fused.relevance)) == ([], 0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_minmax(values):
    scaled = minmax(np.array(values))
    assert ((scaled >= 0) & (scaled <= 1)).all()
    assert scaled.max() == 1
    order = np.argsort(values, kind="stable")
    assert (np.diff(scaled[order]) >= 0).all()
    if min(values) < max(values):
        assert scaled.min() == 0
