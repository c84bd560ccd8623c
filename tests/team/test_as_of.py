"""What was known at an earlier time: each memory as the ledger had it then, for those who may read it now."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest

from tests.team.stores import START, opened, texts
from transactive import NewMemory, Policy
from transactive.errors import InvalidInput, NotFound

HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
ORDERS = ("created_at", "recorded_at", "updated_at", "importance")


def known(handle, at, note):
    """What each verb says of a memory as of a time: its text, or None; one answer when they agree."""
    try:
        got = handle.get(note.uid, as_of=at).text
    except NotFound:
        got = None
    listed = [memory.text for memory in handle.list(as_of=at, limit=1000) if memory.uid == note.uid]
    counted = handle.count({"id": note.uid}, as_of=at)
    recalled = handle.recall("HNSW answers", as_of=at, include_superseded=True, limit=1000)
    found = [hit.memory.text for hit in recalled if hit.memory.uid == note.uid]
    assert ([got] if got else []) == listed == found
    assert counted == len(listed)
    return got


# --- what was known ---------------------------------------------------------------------------------------------------


def test_a_memory_was_known_from_when_it_was_recorded_not_from_when_it_happened(team, clock):
    clock.advance(HOUR)
    note = team.agent("ana").publish("HNSW answers in 5 ms", created_at=START - 100 * HOUR)
    for handle in (team, team.agent("ben")):
        assert known(handle, START - 50 * HOUR, note) is None
        assert known(handle, clock.now - TICK, note) is None
        assert known(handle, clock.now, note) == note.text
        assert known(handle, clock.now + HOUR, note) == note.text


def test_each_version_was_known_until_the_next(team, clock):
    ana = team.agent("ana")
    note = ana.publish("HNSW answers in 1 ms", tags=["a"], importance=0.1, metadata={"n": 1}, confidence=0.1)
    versions = [note]
    for n in (2, 3):
        clock.advance(HOUR)
        new = {"tags": ["abc"[n - 1]], "importance": n / 10, "metadata": {"n": n}, "confidence": n / 10}
        versions.append(ana.revise(note.uid, text=f"HNSW answers in {n} ms", **new))
    for n, version in enumerate(versions):
        for at in (START + n * HOUR, START + (n + 1) * HOUR - TICK):
            assert ana.get(note.uid, as_of=at) == version
            assert list(ana.list(as_of=at)) == [version]
            assert known(team, at, note) == version.text
    at = START + HOUR
    for where, count in (
        ({"tags": "b"}, 1),
        ({"tags": "a"}, 0),
        ({"metadata.n": 2}, 1),
        ({"metadata.n": {"$gt": 2}}, 0),
    ):
        assert ana.count(where, as_of=at) == len(ana.list(where, as_of=at)) == count
        assert len(ana.recall("HNSW", where=where, as_of=at)) == count
    assert texts(ana.recall("answers in 2 ms", as_of=at)) == ["HNSW answers in 2 ms"]
    assert len(ana.recall("HNSW", min_importance=0.25, as_of=at)) == 0
    assert len(ana.recall("HNSW", min_importance=0.15, as_of=at)) == 1


def test_the_words_of_a_former_version_find_it_then_and_not_now(team, clock):
    note = team.publish("the queue was slow")
    clock.advance(HOUR)
    team.revise(note.uid, text="the index was fast")
    assert texts(team.recall("slow queue", as_of=START)) == ["the queue was slow"]
    assert not team.recall("fast index", as_of=START)
    assert texts(team.recall("fast index", as_of=clock.now)) == ["the index was fast"]
    assert not team.recall("slow queue", as_of=clock.now)


def test_what_was_forgotten_was_known_until_then(team, clock):
    note = team.publish("HNSW answers in 5 ms")
    clock.advance(HOUR)
    forgotten = team.forget(note.uid)
    assert known(team, clock.now - TICK, note) == note.text
    assert known(team, clock.now, note) is None
    clock.advance(HOUR)
    team.undo(forgotten)
    assert known(team, START, note) == note.text
    assert known(team, clock.now, note) == note.text


def test_while_it_was_forgotten_it_was_not_known_even_if_it_came_back(team, clock):
    note = team.publish("HNSW answers in 5 ms")
    clock.advance(HOUR)
    forgotten = team.forget(note.uid)
    clock.advance(HOUR)
    team.undo(forgotten)
    assert known(team, START + HOUR, note) is None


def test_what_expired_was_known_until_then(team, clock):
    note = team.publish("HNSW answers in 5 ms", ttl="1h")
    clock.advance(9 * HOUR)
    for _ in range(2):  # before upkeep and after it
        assert known(team, START + HOUR - TICK, note) == note.text
        assert known(team, START + HOUR, note) is None
        team.maintain()


def test_what_was_corrected_stood_until_then(team, clock):
    wrong = team.publish("HNSW answers in 8 ms")
    clock.advance(HOUR)
    right = team.correct(wrong.uid, "HNSW answers in 18 ms")
    assert texts(team.recall("HNSW", as_of=START)) == [wrong.text]
    assert texts(team.recall("HNSW", as_of=clock.now)) == [right.text]
    assert team.get(wrong.uid, as_of=START).superseded_by is None
    assert team.get(wrong.uid, as_of=clock.now).superseded_by == right.uid
    clock.advance(HOUR)
    team.forget(right.uid)
    assert texts(team.recall("HNSW", as_of=clock.now)) == [wrong.text]
    assert texts(team.recall("HNSW", as_of=START)) == [wrong.text]


def test_what_stood_corrected_then_did_even_if_the_correction_was_taken_back_since(team, clock):
    wrong = team.publish("HNSW answers in 8 ms")
    clock.advance(HOUR)
    right = team.correct(wrong.uid, "HNSW answers in 18 ms")
    clock.advance(HOUR)
    team.forget(right.uid)
    assert texts(team.recall("HNSW", as_of=START + HOUR)) == [right.text]


def test_what_was_verified_later_was_a_draft_then(team, clock):
    note = team.publish("HNSW answers in 5 ms")
    clock.advance(HOUR)
    team.verify(note.uid, by="dana")
    assert team.get(note.uid, as_of=START).verified is False
    assert team.get(note.uid, as_of=clock.now).verified_by == "dana"
    assert team.count({"verified": True}, as_of=START) == 0
    assert team.count({"verified": True}, as_of=clock.now) == 1
    team.namespaces.configure("team/shared", Policy(verified_only="hold"))
    assert not team.recall("HNSW", as_of=START)
    assert texts(team.recall("HNSW", as_of=clock.now)) == [note.text]


def test_what_was_purged_or_erased_is_gone_from_the_past_too(team, clock):
    purged = team.publish("HNSW answers in 5 ms")
    erased = team.publish("HNSW answers in 6 ms", user="cust_1")
    clock.advance(HOUR)
    team.forget(purged.uid)
    team.erase(user="cust_1")
    clock.advance(40 * 24 * HOUR)
    assert team.maintain().purged == 1
    assert known(team, START, purged) is known(team, START, erased) is None


# --- how it is answered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ORDERS)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_the_past_hold_everything_once_in_order(team, clock, by, descending):
    ana = team.agent("ana")
    items = [
        NewMemory(text=f"note {n}", kind="episodic", importance=n % 3 / 10, created_at=START - n % 4 * HOUR)
        for n in range(17)
    ]
    first = ana.remember_many(items[:9])
    clock.advance(HOUR)
    first += ana.remember_many(items[9:])
    clock.advance(HOUR)
    ana.revise(first[2].id, text="note 2 again", importance=0.15)
    at = clock.now
    expected = list(ana.list(order_by=("-" if descending else "") + by, limit=100))
    clock.advance(HOUR)
    for memory in first[::3]:
        ana.revise(memory.id, text="changed", importance=1.0)
    ana.forget(first[1].id)
    ana.remember("too late")

    order = ("-" if descending else "") + by
    page = ana.list(order_by=order, limit=5, as_of=at)
    found = list(page)
    while page.next is not None:
        assert len(page) == 5
        page = ana.list(order_by=order, limit=5, after=page.next, as_of=at)
        found += page
    assert [memory.uid for memory in found] == [memory.uid for memory in expected]
    assert texts(found) == texts(expected)
    values = [getattr(memory, by) for memory in found]
    assert values == sorted(values, reverse=descending)
    assert ana.count(as_of=at) == 17


def test_recall_of_the_past_is_by_words_and_says_so(team, clock):
    note = team.publish("HNSW answers in 5 ms", tags=["x"], session="s", kind="semantic")
    team.publish("unrelated")
    found = team.recall("HNSW", as_of=clock.now)
    assert found.degraded
    assert found.reason is not None
    assert START.isoformat() in found.reason
    [hit] = found
    assert (hit.memory.uid, hit.why.degraded, hit.score) == (note.uid, True, 1.0)
    assert math.isnan(hit.similarity)
    assert texts(team.recall("HNSW", as_of=clock.now, session="s", kinds=["semantic"], namespaces=["team/*"])) == [
        note.text
    ]
    assert not team.recall("HNSW", as_of=clock.now, offset=1)
    assert "HNSW" in str(team.context("HNSW", as_of=clock.now))
    with pytest.raises(InvalidInput, match="min_similarity"):
        team.recall("HNSW", as_of=clock.now, min_similarity=0.1)


@pytest.mark.parametrize("wrong", [datetime(2026, 5, 4), "2026-05-04", 5])  # noqa: DTZ001  # that is what is wrong
def test_a_time_is_aware(team, wrong):
    for call in (
        team.list,
        team.count,
        lambda as_of: team.get("x", as_of=as_of),
        lambda as_of: team.recall("x", as_of=as_of),
    ):
        with pytest.raises(InvalidInput, match="as_of"):
            call(as_of=wrong)


def test_without_an_index_it_is_the_same(tmp_path, clock):
    with opened(tmp_path, clock=clock, index=None) as team:
        note = team.publish("HNSW answers in 5 ms")
        clock.advance(HOUR)
        team.revise(note.uid, text="HNSW answers in 6 ms")
        assert known(team, START, note) == "HNSW answers in 5 ms"
        assert known(team, clock.now, note) == "HNSW answers in 6 ms"


# --- who may ----------------------------------------------------------------------------------------------------------


def test_the_rights_are_those_of_now(team, clock):
    note = team.remember("HNSW answers in 5 ms", namespace="team/box", user="cust_1", sensitivity="confidential")
    clock.advance(HOUR)
    ben = team.agent("ben")
    assert known(ben, START, note) is None
    team.grant("ben", "team/box", "read")
    assert known(ben, START, note) is None, "not cleared"
    team.grant("ben", "team/box", "read", clearance="confidential")
    assert known(ben, START, note) == note.text
    assert known(team.agent("ben", user="cust_1"), START, note) == note.text
    assert known(team.agent("ben", user="cust_2"), START, note) is None
    team.revoke("ben", "team/box")
    assert known(ben, START, note) is None


def test_ids_of_ones_own_are_looked_up_then_as_well(team, clock):
    ana = team.agent("ana")
    ana.remember("HNSW answers in 5 ms", id="n1")
    clock.advance(HOUR)
    ana.forget("n1")
    ana.remember("HNSW answers in 6 ms", id="n1")
    assert ana.get("n1", as_of=clock.now).text == "HNSW answers in 6 ms"
    assert texts(ana.list(as_of=START)) == ["HNSW answers in 5 ms"]
    with pytest.raises(NotFound, match="was known at"):
        ana.get("n2", as_of=START)
