"""Whether an important memory is copied to where others read it, and what the copy is."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive import Memory, Policy
from transactive.rules.promotion import THRESHOLD, copy, target

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
FINDING = Memory(
    id="mine", uid="1", namespace="agents/ana", kind="semantic", text="5 ms at 10M", importance=0.8, agent="ana",
    created_at=NOW - timedelta(days=1), recorded_at=NOW, updated_at=NOW, version=3, user="cust_1", session="s", app="a",
    tags=("finding",), metadata={"papers": 5}, source="arxiv", confidence=0.9, sensitivity="confidential",
    verified_by="dana", verified_at=NOW, expires_at=NOW + timedelta(days=1), derived_from=("2",), supersedes=("3",),
    superseded_by="4", reinforced=2, corroborated=1, last_seen_at=NOW, accessed_at=NOW, accesses=7,
)  # fmt: skip
STANDING = replace(FINDING, superseded_by=None)
fractions = st.floats(0, 1)


@given(fractions, st.none() | fractions, st.sampled_from((None, "team/shared", "agents/ana")))
def test_it_goes_when_the_policy_says_so_and_it_is_important_enough(importance, at, to):
    memory = replace(STANDING, importance=importance)
    found = target(memory, Policy(promote_to=to, promote_at=at), "team/x")
    enough = importance >= (THRESHOLD if at is None else at)
    meant = to or ("team/x" if at is not None else None)
    assert found == (meant if enough and meant != memory.namespace else None)


def test_without_a_policy_everything_stays():
    assert target(replace(STANDING, importance=1.0), Policy(), "team/shared") is None


def test_without_a_shared_namespace_only_a_named_one_is_gone_to():
    assert target(STANDING, Policy(promote_at=0.1), None) is None
    assert target(STANDING, Policy(promote_at=0.1, promote_to="team/x"), None) == "team/x"


@pytest.mark.parametrize(("importance", "goes"), [(0.699, False), (0.7, True), (1.0, True)])
def test_the_threshold_where_the_policy_names_none(importance, goes):
    memory = replace(STANDING, importance=importance)
    assert (target(memory, Policy(promote_to="team/x"), None) == "team/x") is goes


def test_a_copy_goes_no_further():
    memory = replace(STANDING, promoted_from="0")
    assert target(memory, Policy(promote_to="team/x", promote_at=0.0), None) is None


def test_what_is_known_to_be_wrong_goes_nowhere():
    assert target(FINDING, Policy(promote_to="team/x", promote_at=0.0), None) is None


@pytest.mark.parametrize("keeps", [True, False])
def test_the_copy(keeps):
    made = copy(FINDING, "9", "team/x", "ben", LATER, keeps_verified=keeps, expires=None)
    changed = {
        "id": "9", "uid": "9", "namespace": "team/x", "recorded_at": LATER, "updated_at": LATER, "version": 1,
        "expires_at": None, "derived_from": (), "supersedes": (), "superseded_by": None, "promoted_from": "1",
        "promoted_by": "ben", "reinforced": 0, "corroborated": 0, "last_seen_at": None, "accessed_at": None,
        "accesses": 0, **({} if keeps else {"verified_by": None, "verified_at": None}),
    }  # fmt: skip
    for field in fields(Memory):
        expected = changed.get(field.name, getattr(FINDING, field.name))
        assert getattr(made, field.name) == expected, field.name
