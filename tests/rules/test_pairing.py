"""Each text is compared with the few that are most like it, of those that may contradict it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.rules import pairing
from transactive.rules.pairing import closest, codes


@st.composite
def worlds(draw):
    """Unit vectors, whom each is about, and what it says."""
    count = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    vectors = rng.normal(size=(count, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    about = draw(st.lists(st.sampled_from((None, "ana", "")), min_size=count, max_size=count))
    says = draw(st.lists(st.sampled_from(((), ("5",), ("8",))), min_size=count, max_size=count))
    return vectors, about, says


@given(worlds(), st.floats(-1, 1), st.integers(1, 12), st.integers(1, 5))
def test_each_is_paired_with_the_closest_that_say_something_else_about_the_same(world, least, most, block):
    vectors, about, says = world
    cosines = vectors @ vectors.T
    expected: dict[tuple[int, int], float] = {}
    for one in range(len(vectors)):
        others = [n for n in range(len(vectors)) if about[n] == about[one] and says[n] != says[one]]
        ranked = sorted((-float(cosines[one, n]), n) for n in others if cosines[one, n] >= least)
        expected.update({(min(one, n), max(one, n)): -negative for negative, n in ranked[:most]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairing, "_BLOCK", block)
        assert closest(vectors, about, says, least=least, most=most) == pytest.approx(expected, abs=1e-5)


def test_equal_values_have_the_same_number():
    assert list(codes(["a", None, "a", ("b",), None])) == [0, 1, 0, 2, 1]
    assert len(codes([])) == 0
