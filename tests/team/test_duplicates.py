"""The same said again makes one memory stronger instead of two; what is not the same stays two."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.team.stores import Clock, opened, texts, written
from transactive import NewMemory, Policy
from transactive.records import KINDS

TEXT = "HNSW answers in 5 ms at 10M vectors"
DAY = timedelta(days=1)


@pytest.fixture
def pair(team):
    """Two agents that write to one place."""
    team.grant("*", "team/box", "read", "write")
    team.namespaces.configure("team/box", Policy(duplicate_at=0.0))  # any embedding will do: the words decide
    return team.agent("ana"), team.agent("ben")


def said(handle, text=TEXT, **how):
    return handle.remember(text, namespace="team/box", **how)


# --- one memory -------------------------------------------------------------------------------------------------------


def test_the_same_again_is_the_same_memory_and_counts(team, pair, clock):
    ana, ben = pair
    first = said(ana, importance=0.5)
    clock.advance(DAY)
    again = said(ana, f"  {TEXT.upper()}. ")
    clock.advance(DAY)
    other = said(ben, source="arxiv")
    assert first.uid == again.uid == other.uid
    assert (first.reinforced, again.reinforced, other.reinforced) == (0, 1, 2)
    assert (again.corroborated, other.corroborated) == (0, 1), "oneself is no second source"
    assert (other.text, other.agent, other.created_at, other.version) == (TEXT, "ana", first.created_at, 1)
    assert other.last_seen_at == clock.now
    assert [(s.agent, s.source, s.text) for s in team.why(first.uid).sources] == [
        ("ana", None, f"  {TEXT.upper()}. "),
        ("ben", "arxiv", None),
    ]
    assert team.count() == 1
    assert [hit.memory.uid for hit in ana.recall(TEXT)] == [first.uid]
    assert [e.details.get("forget_id") for e in team.audit.list(actions="remember")] == [None] * 3


def test_another_wording_is_the_same_where_the_policy_asks_for_it(team, pair):
    ana, _ = pair
    first = said(ana, "the indexing of the corpus failed")
    wording = "the nightly indexing of the corpus failed"
    near = said(ana, wording)
    assert near.uid == first.uid
    assert near.text == "the indexing of the corpus failed"
    assert team.why(first.uid).sources[0].text == wording
    for policy in (Policy(), Policy(duplicate_at=1.0)):
        team.namespaces.configure("team/box", policy)
        assert said(ana, "the nightly indexing of the whole corpus failed").uid != first.uid
        team.forget(where={"text": {"$contains": "whole"}})
    assert said(ana, "The indexing of the corpus failed!").uid == first.uid


@pytest.mark.parametrize("text", ["HNSW answers in 8 ms at 10M vectors", "HNSW never answers in 5 ms at 10M vectors"])
def test_whatever_the_embedding_says_another_figure_or_a_negation_is_another_fact(team, pair, text):
    ana, _ = pair
    first = said(ana)
    assert said(ana, text).uid != first.uid
    assert team.count() == 2


def test_of_a_batch_the_twins_are_one(team, pair):
    ana, _ = pair
    made = ana.remember_many([TEXT, "another", f"{TEXT}.", NewMemory(text=TEXT, tags=["b"])], namespace="team/box")
    assert [memory.uid == made[0].uid for memory in made] == [True, False, True, True]
    assert team.get(made[0].uid).reinforced == 2
    assert team.get(made[0].uid).tags == ("b",)
    near = ana.remember_many(["the job failed", "the nightly job failed"], namespace="team/box")
    assert near[0].uid == near[1].uid


# --- two memories -----------------------------------------------------------------------------------------------------


def test_turns_are_never_merged(team, pair):
    ana, _ = pair
    turns = [said(ana, "Yes, thanks!", session="s") for _ in range(2)]
    assert turns[0].uid != turns[1].uid
    assert len(ana.transcript("s")) == 2


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "document"])
def test_only_facts_and_procedures_are(team, pair, kind):
    ana, _ = pair
    assert (said(ana, kind=kind).uid == said(ana, kind=kind).uid) is (kind in {"semantic", "procedural"})


@pytest.mark.parametrize(
    "other",
    [
        {"user": "cust_1"},
        {"sensitivity": "public"},
        {"sensitivity": "confidential"},
        {"kind": "procedural"},
        {"id": "mine"},
        {"verified": True},
        {"metadata": {"papers": 6}},
    ],
    ids=lambda other: "-".join(f"{k}" for k in other),
)
def test_what_would_lose_something_stays_beside_it(team, pair, other):
    ana, _ = pair
    team.grant("ana", "team/box", "verify", clearance="confidential")
    first = said(ana, metadata={"papers": 5})
    second = said(ana, **other)
    assert second.uid != first.uid
    assert team.get(first.uid).reinforced == 0
    for name, value in other.items():
        assert (second.verified if name == "verified" else getattr(second, name)) == value
    assert team.count() == 2


def test_another_namespace_is_another_place(team, pair):
    ana, _ = pair
    assert len({said(ana).uid, ana.remember(TEXT).uid, ana.publish(TEXT).uid}) == 3


def test_another_user_learns_nothing(team, pair):
    one, two = (team.agent("desk", user=user) for user in ("cust_1", "cust_2"))
    first = one.publish("the plan is Pro")
    second = two.publish("the plan is Pro")
    assert (second.uid != first.uid, second.user, second.reinforced) == (True, "cust_2", 0)


def test_who_may_only_write_cannot_tell(team, pair):
    ana, _ = pair
    there = said(ana)
    team.grant("blind", "team/blind", "write")
    team.remember(TEXT, namespace="team/blind")
    made = [team.agent("blind").remember(text, namespace="team/blind") for text in (TEXT, "unknown to all", TEXT)]
    assert len({memory.uid for memory in made} | {there.uid}) == 4
    assert {(m.reinforced, m.corroborated, m.version, m.last_seen_at) for m in made} == {(0, 0, 1, None)}
    assert {memory.reinforced for memory in team.list({"namespace": "team/blind"})} == {0}


def test_where_the_policy_wants_every_one_every_one_is_kept(team, pair):
    ana, _ = pair
    team.namespaces.configure("team/box", Policy(reinforce=False))
    assert said(ana).uid != said(ana).uid
    assert team.count() == 2


@pytest.mark.parametrize("gone", ["expired", "expired and upkept", "forgotten", "corrected"])
def test_after_the_memory_is_gone_it_is_made_anew(team, pair, clock, gone):
    ana, _ = pair
    first = said(ana, ttl="1h" if "expired" in gone else None)
    if gone == "forgotten":
        ana.forget(first.uid)
    elif gone == "corrected":
        ana.correct(first.uid, "HNSW answers in 9 ms at 10M vectors")
    clock.advance(DAY)
    if gone == "expired and upkept":
        team.maintain()
    second = said(ana)
    assert second.uid != first.uid
    assert second.reinforced == 0
    assert said(ana).uid == second.uid


def test_what_came_back_is_reinforced_again_unless_it_was_said_since(team, pair):
    ana, _ = pair
    first = said(ana)
    ana.undo(ana.forget(first.uid))
    assert said(ana).uid == first.uid
    forgotten = ana.forget(first.uid)
    second = said(ana)
    ana.undo(forgotten)
    assert team.count() == 2
    assert said(ana).uid in {first.uid, second.uid}
    assert team.count() == 2


# --- what it gains ----------------------------------------------------------------------------------------------------


def test_tags_and_metadata_are_added_as_a_new_version(team, pair, clock):
    ana, ben = pair
    team.grant("ben", "team/box", "admin")
    first = said(ana, tags=["a"], metadata={"papers": 5}, importance=0.4)
    clock.advance(DAY)
    now = said(ben, tags=["b", "a"], metadata={"papers": 5, "year": 2026})
    assert (now.tags, now.metadata, now.version) == (("a", "b"), {"papers": 5, "year": 2026}, 2)
    assert now.importance == 0.4, "what a rule says of it changes nothing"
    assert [(m.version, m.tags) for m in ana.history(first.uid)] == [(1, ("a",)), (2, ("a", "b"))]
    assert now.updated_at == clock.now
    assert texts(ana.list({"tags": "b", "metadata.year": 2026})) == [TEXT]
    assert [hit.memory.uid for hit in ana.recall(TEXT, where={"tags": "b"})] == [first.uid]


def test_to_what_one_may_not_change_one_adds_nothing(team, pair):
    ana, ben = pair
    first = said(ana, tags=["a"], metadata={"papers": 5}, importance=0.4)
    same = said(ben, tags=["a"], metadata={"papers": 5}, importance=0.9)
    assert (same.uid, same.importance, same.version) == (first.uid, 0.4, 1)
    tagged, more = said(ben, tags=["b"]), said(ben, metadata={"year": 2026})
    assert first.uid not in {tagged.uid, more.uid}
    assert (tagged.tags, more.metadata, more.agent) == (("b",), {"year": 2026}, "ben")
    assert (team.get(first.uid).tags, team.get(first.uid).metadata) == (("a",), {"papers": 5})


@pytest.mark.parametrize(("said_first", "said_then", "kept"), [(0.4, 0.9, 0.9), (0.9, 0.4, 0.9), (0.4, None, 0.4)])
def test_the_higher_importance_wins_if_somebody_gave_it(team, pair, said_first, said_then, kept):
    ana, _ = pair
    first = said(ana, importance=said_first)
    assert said(ana, importance=said_then).importance == kept
    assert team.get(first.uid).importance == kept


@pytest.mark.parametrize(
    ("first", "then", "days"), [("2d", "9d", 9), ("9d", "2d", 9), ("2d", None, None), (None, "2d", None)]
)
def test_the_longer_time_to_live_wins(team, pair, clock, first, then, days):
    ana, _ = pair
    kept = said(ana, ttl=first)
    now = said(ana, ttl=then)
    assert now.uid == kept.uid
    assert now.expires_at == (None if days is None else clock.now + days * DAY)


def test_what_it_gains_stays_within_what_a_memory_may_hold(team, pair):
    ana, _ = pair
    first = said(ana, metadata={"a": "x" * 40_000})
    second = said(ana, metadata={"b": "y" * 40_000})
    assert second.uid != first.uid
    assert second.metadata.keys() == {"b"}


# --- races ------------------------------------------------------------------------------------------------------------


def test_of_many_threads_that_say_the_same_one_makes_it(team, pair):
    start = threading.Barrier(8)
    made: list[str] = []

    def say(number):
        handle = team.agent(f"agent {number}")
        start.wait()
        made.extend(said(handle, f"finding {n} of the team").uid for n in range(5))

    threads = [threading.Thread(target=say, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = team.list({"namespace": "team/box"})
    assert len(found) == 5
    assert len(made) == 40
    assert set(made) == {memory.uid for memory in found}
    assert {(memory.reinforced, memory.corroborated) for memory in found} == {(7, 7)}


def test_of_two_processes_that_say_the_same_one_makes_it(tmp_path, another):
    count = 40
    with opened(tmp_path, clock=Clock()) as team:
        child = another(tmp_path, index=None).opened()
        child.tell("write", "ana", count)
        for number in range(count):
            team.agent("ben").publish(f"ANA-{number:04d} was written by ana")
        assert child.answer() == count
        found = team.list({"namespace": "team/shared"})
        assert len(found) == count
        assert {(memory.reinforced, memory.corroborated) for memory in found} == {(1, 1)}
        assert {memory.agent for memory in found} <= {"ana", "ben"}
        assert written(team)["memories"] == count
