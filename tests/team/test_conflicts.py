"""Two memories that say different things about the same thing are listed for an arbiter, who settles it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.team.stores import Clock, opened, texts, written
from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidInput, NotFound, VersionConflict
from transactive.paths.conflicts import COMPARED
from transactive.records import Conflict
from transactive.testing import HashEmbedder

FAST, SLOW = "HNSW answers in 5 ms at 10M vectors", "HNSW answers in 18 ms at 10M vectors"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def team(clock) -> Iterator[TeamMemory]:
    """A store in which texts that share words are near each other."""
    with opened(clock=clock, embedder=HashEmbedder(256)) as team:
        yield team


@pytest.fixture
def conflict(team, clock) -> Conflict:
    """Ana and ben disagree."""
    team.agent("ana").publish(FAST, tags=["a"], importance=0.3, metadata={"papers": 5})
    clock.advance(timedelta(hours=1))
    team.agent("ben").publish(SLOW, tags=["b"], importance=0.6, metadata={"year": 2026})
    found: Conflict = team.conflicts()[0]
    return found


# --- what is one ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "reasons"),
    [
        (FAST, SLOW, ("number",)),
        ("The beta of the shop ships on Friday", "The beta of the shop ships on Monday", ("date",)),
        ("The shop accepts coupons of partners", "The shop does not accept coupons of partners", ("negation",)),
        ("The review of the shop is on 8 May", "The review of the shop is on 9 June", ("number", "date")),
    ],
)
def test_very_similar_texts_with_another_figure_date_or_negation(team, clock, first, second, reasons):
    older = team.agent("ana").publish(first)
    clock.advance(timedelta(hours=1))
    newer = team.agent("ben").publish(second)
    team.publish("Lunch is at noon")
    [found] = team.conflicts("team/shared")
    assert (found.first, found.second, found.reasons) == (older, newer, reasons)
    assert 0.6 <= found.similarity < 1
    assert str(found).startswith(" and ".join(reasons))
    assert "ana" in str(found)


def test_the_same_entity_and_attribute_with_another_value(team):
    about = {"entity": "Order 991", "attribute": "status"}
    one = team.publish("it was shipped", metadata={**about, "value": "shipped"})
    team.publish("it has left the house", metadata={**about, "value": "Shipped"})
    other = team.publish(
        "lost by the carrier", metadata={"entity": "order 991", "attribute": "Status", "value": "lost"}
    )
    team.publish("red", metadata={"entity": "Order 991", "attribute": "colour", "value": "red"})
    team.publish("late", metadata={"entity": "Order 992", "attribute": "status", "value": "lost"})
    found = team.conflicts()
    assert {c.reasons for c in found} == {("attribute",)}
    assert all(c.second.uid == other.uid for c in found)
    assert len(found) == 2
    assert one.uid in {c.first.uid for c in found}
    assert all(math.isnan(c.similarity) for c in found)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"text": FAST}),
        ({}, {"text": "IVF was trained in 18 minutes on the other cluster"}),
        ({"user": "cust_1"}, {"user": "cust_2"}),
        ({"kind": "episodic"}, {"kind": "episodic"}),
        ({"kind": "working"}, {}),
    ],
    ids=["the same", "another thing", "other users", "episodes", "an episode"],
)
def test_what_is_none(team, first, second):
    team.remember(FAST, namespace="team/a", **first)
    team.remember(**{"text": SLOW, "namespace": "team/b", **second})
    assert not team.conflicts()


@pytest.mark.parametrize("kind", ["semantic", "procedural", "decision", "learning"])
def test_every_kind_that_claims_something_is_compared(team, kind):
    team.remember(FAST, kind=kind)
    team.remember(SLOW, kind=kind)
    assert len(team.conflicts()) == 1


def test_what_is_corrected_forgotten_or_over_is_not_in_conflict(team, clock):
    for how in ("correct", "forget", "expire"):
        place = f"team/{how}"
        first = team.remember(FAST, namespace=place, ttl="1h" if how == "expire" else None)
        team.remember(SLOW, namespace=place)
        assert len(team.conflicts(place)) == 1
        if how == "correct":
            team.correct(first.uid, SLOW)
        elif how == "forget":
            team.forget(first.uid)
        clock.advance(timedelta(hours=1))
        assert not team.conflicts(place)


def test_only_in_the_namespaces_that_were_asked_for_the_most_similar_first(team):
    for place in ("team/a", "team/b"):
        team.remember(FAST, namespace=place)
        team.remember(SLOW, namespace=place)
    assert {c.first.namespace for c in team.conflicts("team/a")} == {"team/a"}
    everywhere = team.conflicts("team/**")
    assert len(everywhere) == 4, "across namespaces too"
    assert [c.similarity for c in everywhere] == sorted((c.similarity for c in everywhere), reverse=True)
    assert list(team.conflicts("team/**", limit=2)) == list(everywhere[:2])
    with pytest.raises(InvalidInput):
        team.conflicts("team/**", limit=0)


def test_an_agent_is_told_only_of_what_it_may_read(team, conflict):
    ben = team.agent("ben")
    assert [(c.first.uid, c.second.uid) for c in ben.conflicts()] == [(conflict.first.uid, conflict.second.uid)]
    team.agent("ana").remember("HNSW answers in 7 ms at 10M vectors")
    team.publish("HNSW answers in 9 ms at 10M vectors", sensitivity="confidential")
    assert len(team.conflicts()) == 6
    assert len(ben.conflicts()) == 1
    assert not team.agent("ben", user="cust_1").conflicts("agents/**")


def test_of_many_facts_from_one_template_each_is_compared_with_the_few_most_like_it(team):
    made = team.remember_many([f"Customer {n} has {n * 7} seats on the plan Pro since {1900 + n}" for n in range(80)])
    found = team.conflicts(limit=10_000)
    assert 80 * COMPARED / 2 <= len(found) <= 80 * COMPARED
    assert {memory.uid for c in found for memory in (c.first, c.second)} == {memory.uid for memory in made}
    assert all(made.index(c.first) < made.index(c.second) for c in found), "the earlier one is the first"


def test_of_many_values_of_one_attribute_each_is_compared_with_the_latest(team, clock):
    made: list[str] = []
    for number in range(40):
        about = {"entity": "order 991", "attribute": "status", "value": number}
        made.append(team.remember("x" * (number + 1), metadata=about).uid)
        clock.advance(timedelta(minutes=1))
    found = team.conflicts(limit=10_000)
    latest = made[-COMPARED:]
    assert {(c.first.uid, c.second.uid) for c in found} == {
        (first, second) for place, first in enumerate(made) for second in latest if made.index(second) > place
    }


def test_copies_of_a_claim_hide_no_conflict(team):
    for number in range(2 * COMPARED):
        team.remember(FAST, namespace=f"agents/{number}")
        team.remember(SLOW, namespace=f"team/{number}")
    found = team.conflicts(limit=10_000)
    assert {frozenset((c.first.text, c.second.text)) for c in found} == {frozenset((FAST, SLOW))}
    assert len({memory.uid for c in found for memory in (c.first, c.second)}) == 4 * COMPARED


def test_without_an_index_they_are_found_too(tmp_path):
    with opened(tmp_path, index=None, embedder=HashEmbedder(256)) as team:
        team.remember(FAST)
        team.remember(SLOW)
        [found] = team.conflicts()
        assert found.reasons == ("number",)


# --- settling it ------------------------------------------------------------------------------------------------------


def test_one_is_kept_and_the_other_superseded(team, conflict):
    kept = team.resolve(conflict, keep=conflict.second.uid)
    assert (kept.uid, kept.supersedes, kept.text) == (conflict.second.uid, (conflict.first.uid,), SLOW)
    assert team.get(conflict.first.uid).superseded_by == kept.uid
    assert texts(team.agent("ana").recall("HNSW")) == [SLOW]
    assert not team.conflicts()
    assert [(e.principal, e.target) for e in team.audit.list(actions="resolve")] == [("owner", "team/shared")]
    team.forget(kept.uid)
    assert texts(team.agent("ana").recall("HNSW")) == [FAST]


def test_a_new_text_takes_the_place_of_both(team, conflict):
    new = team.resolve(conflict, text="HNSW answers in 5 ms (ef=50) or 18 ms (ef=200) at 10M vectors")
    assert new.supersedes == (conflict.first.uid, conflict.second.uid)
    assert (new.agent, new.tags, new.importance, new.namespace) == ("owner", ("a", "b"), 0.6, "team/shared")
    assert new.metadata == {"papers": 5, "year": 2026}
    assert texts(team.agent("ana").recall("HNSW")) == [new.text]
    assert not team.conflicts()


def test_the_value_of_neither_is_that_of_the_new_text(team):
    about = {"entity": "order 991", "attribute": "status"}
    for value in ("shipped", "lost"):
        team.publish(f"it was {value}", metadata={**about, "value": value})
    [found] = team.conflicts()
    assert team.resolve(found, text="it was found again").metadata == about


def test_what_is_no_conflict_is_dismissed_and_listed_no_more(team, conflict):
    assert team.resolve(conflict, dismiss=True) is None
    assert not team.conflicts()
    assert sorted(texts(team.agent("ana").recall("HNSW"))) == sorted([FAST, SLOW])
    third = team.publish("HNSW answers in 7 ms at 10M vectors")
    assert {frozenset((c.first.uid, c.second.uid)) for c in team.conflicts()} == {
        frozenset((one.uid, third.uid)) for one in (conflict.first, conflict.second)
    }


def test_a_new_text_tells_the_readers_of_the_one_nothing_of_the_other(team, clock):
    team.publish(FAST, sensitivity="public", metadata={"papers": 5})
    clock.advance(timedelta(hours=1))
    team.publish(SLOW, sensitivity="confidential", metadata={"customer": "Acme"}, tags=["merger"])
    [found] = team.conflicts()
    with pytest.raises(AccessDenied, match="sensitivity"):
        team.resolve(found, text="HNSW answers in 7 ms at 10M vectors")
    assert [memory.superseded for memory in team.list()] == [False, False]


@pytest.mark.parametrize("how", ["keep", "text", "dismiss"])
def test_what_changed_since_is_looked_at_again_first(team, conflict, how):
    revised = team.revise(conflict.first.uid, text="HNSW answers in 5 ms at 1M vectors", metadata={})
    given = {"keep": {"keep": conflict.second.uid}, "text": {"text": "both"}, "dismiss": {"dismiss": True}}
    before = written(team)
    with pytest.raises(VersionConflict) as changed:
        team.resolve(conflict, **given[how])
    assert changed.value.current == revised
    assert written(team) == before


@pytest.mark.parametrize("how", ["keep", "text", "dismiss"])
def test_what_is_settled_or_gone_cannot_be_settled_again(team, conflict, how):
    given = {"keep": {"keep": conflict.second.uid}, "text": {"text": "both"}, "dismiss": {"dismiss": True}}
    right = team.correct(conflict.first.uid, SLOW)
    with pytest.raises(VersionConflict):
        team.resolve(conflict, **given[how])
    team.forget(right.uid)
    team.forget(conflict.first.uid)
    with pytest.raises(NotFound):
        team.resolve(conflict, **given[how])


def test_the_arbiter_needs_the_right_to_change_what_loses(team, conflict):
    ana, mine, theirs = team.agent("ana"), conflict.first.uid, conflict.second.uid
    before = written(team)
    for call in (
        lambda: ana.resolve(conflict, keep=mine),
        lambda: ana.resolve(conflict, text="both"),
        lambda: ana.resolve(conflict, dismiss=True),
        lambda: team.agent("cyd").resolve(conflict, keep=mine),
    ):
        with pytest.raises(AccessDenied):
            call()
    assert written(team) == before
    assert ana.resolve(conflict, keep=theirs).uid == theirs


def test_across_places_neither_can_stand_for_the_other(team):
    team.remember(FAST, namespace="team/a")
    team.remember(SLOW, namespace="team/b")
    [found] = team.conflicts()
    for how in ({"keep": found.first.uid}, {"text": "both"}):
        with pytest.raises(AccessDenied, match=r"readable by the same|same namespace"):
            team.resolve(found, **how)


@pytest.mark.parametrize("given", [{}, {"keep": "x"}, {"text": "a", "dismiss": True}, {"keep": "x", "text": "a"}])
def test_one_of_the_three_ways_and_one_of_the_two_memories(team, conflict, given):
    with pytest.raises(InvalidInput):
        team.resolve(conflict, **given)
    with pytest.raises(InvalidInput, match="resolve takes one of the conflicts"):
        team.resolve("conflict", keep="x")
