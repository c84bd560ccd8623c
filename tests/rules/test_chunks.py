"""Bytes are cut where their content says so: nothing is lost, and a change moves the cuts around it alone."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.rules.chunks import LEAST, MOST, NAME, name, parts

SEED = 4
LARGE = random.Random(SEED).randbytes(200_000)
data = st.binary(max_size=3_000) | st.builds(
    lambda size, seed, unit: (random.Random(seed).randbytes(unit) * (size // unit + 1))[:size],
    st.integers(0, 60_000),
    st.integers(0, 5),
    st.sampled_from((1, 3, 256, 8_192, 100_000)),
)


@given(data)
def test_the_parts_are_the_whole_and_of_the_promised_sizes(whole):
    found = parts(whole)
    assert b"".join(found) == whole
    assert all(len(part) <= MOST for part in found)
    assert all(len(part) >= LEAST for part in found[:-1])
    assert all(found)


@pytest.mark.parametrize("whole", [b"", b"a", b"abc", b"abcd", b"a" * (LEAST - 1)])
def test_what_is_short_is_one_part(whole):
    assert parts(whole) == ([whole] if whole else [])


@pytest.mark.parametrize("byte", [0, 1, 97, 255])
def test_what_repeats_is_cut_all_the_same(byte):
    found = parts(bytes([byte]) * 100_000)
    assert sum(map(len, found)) == 100_000
    assert max(map(len, found)) <= MOST
    assert len(set(found)) <= 2


def test_parts_are_of_about_512_bytes():
    assert 400 < len(LARGE) / len(parts(LARGE)) < 650


@given(st.integers(0, 200_000), st.binary(min_size=1, max_size=40), st.integers(0, 40))
def test_a_change_makes_few_new_parts(place, inserted, deleted):
    changed = LARGE[:place] + inserted + LARGE[place + deleted :]
    new = set(parts(changed)) - set(parts(LARGE))
    assert sum(map(len, new)) <= 4 * MOST
    assert len(new) <= 12


@given(st.integers(1, 2_000))
def test_what_grows_keeps_its_parts(more):
    whole, grown = parts(LARGE[:20_000]), parts(LARGE[: 20_000 + more])
    assert grown[: len(whole) - 1] == whole[:-1]


def test_cuts_do_not_depend_on_what_was_before():
    later = parts(LARGE[1_000:])
    shared = set(parts(LARGE)) & set(later)
    assert sum(map(len, shared)) > len(LARGE) - 20_000


def test_names_tell_parts_apart():
    found = parts(LARGE)
    names = [name(part) for part in found]
    assert len(set(names)) == len(set(found))
    assert {len(one) for one in names} == {NAME}
    assert all(name(bytes(bytearray(part))) == one for part, one in zip(found, names, strict=True))
    assert all(a != b for a, b in pairwise(names))
