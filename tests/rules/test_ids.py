"""Ids that sort by time, and ids of the caller's own."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transactive.rules.ids import is_uuid, of_foreign, uuid7

STORE = "0190b3a0-0000-7000-8000-000000000001"
OTHER = "0190b3a0-0000-7000-8000-000000000002"
moments = st.integers(0, 2**48 - 1)
randoms = st.integers(0, 2**74 - 1)
names = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@given(moments, randoms)
def test_a_uuid7_is_one_by_the_standard(moment, random):
    id = UUID(uuid7(moment, random))
    assert (id.version, id.variant) == (7, "specified in RFC 4122")
    assert id.int >> 80 == moment
    assert is_uuid(str(id))


@given(moments, moments, randoms, randoms)
def test_ids_sort_by_time(one, other, a, b):
    assume(one != other)
    assert (uuid7(one, a) < uuid7(other, b)) == (one < other)


@given(moments, randoms, randoms)
def test_every_random_bit_counts(moment, a, b):
    assert (uuid7(moment, a) == uuid7(moment, b)) == (a == b)


@given(names, names, names, names)
def test_a_foreign_id_has_one_uid_in_each_namespace_of_each_store(place, id, other_place, other_id):
    uid = of_foreign(STORE, place, id)
    assert is_uuid(uid)
    assert UUID(uid).version == 5
    assert uid == of_foreign(STORE, place, id)
    assert uid != of_foreign(OTHER, place, id)
    assert (uid == of_foreign(STORE, other_place, other_id)) == ((place, id) == (other_place, other_id))


@pytest.mark.parametrize(
    "text", ["", "x", STORE.upper(), STORE.replace("-", ""), f"{{{STORE}}}", f"urn:uuid:{STORE}", STORE + "0"]
)
def test_what_is_no_uuid_in_canonical_form(text):
    assert not is_uuid(text)
