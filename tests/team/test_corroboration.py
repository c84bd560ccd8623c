"""Who found the same: counted, listed, taken back with what they rested on, and told only to who may read it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.team.stores import texts
from transactive import Policy

FINDING = "HNSW answers in 5 ms at 10M vectors"


def shared(team):
    return team.list({"namespace": "team/shared"})


@pytest.fixture
def found(team, clock):
    """The same finding by ana, promoted; and by ben and cyd, promoted after it."""
    notes = {}
    for name in ("ana", "ben", "cyd"):
        clock.advance(timedelta(hours=1))
        notes[name] = team.agent(name).remember(FINDING, tags=[name], metadata={name: 1}, confidence=0.5)
        team.agent(name).promote(notes[name].id)
    return notes


def test_the_same_of_another_is_a_source_and_not_a_second_memory(team, clock, found):
    [copy] = shared(team)
    assert (copy.agent, copy.promoted_from) == ("ana", found["ana"].uid)
    assert (copy.corroborated, copy.reinforced, copy.last_seen_at) == (2, 2, clock.now)
    first, second = team.why(copy.uid).sources
    assert [(s.agent, s.memory, s.text, s.times, s.withdrawn) for s in (first, second)] == [
        ("ben", found["ben"].uid, None, 1, False),
        ("cyd", found["cyd"].uid, None, 1, False),
    ]
    assert second.first_at - first.first_at == timedelta(hours=1)
    assert first.details["tags"] == ["ben"]
    assert first.details["confidence"] == 0.5
    assert (copy.tags, copy.metadata, copy.version) == (("ana",), {"ana": 1}, 1), "it is ana's"
    assert "also said by ben" in str(team.why(copy.uid))


def test_again_counts_nobody_twice(team, found):
    [copy] = shared(team)
    for name in ("ben", "ana", "cyd", "ben"):
        assert team.agent(name).promote(found[name].uid) == copy
    assert shared(team)[0] == copy


def test_the_authors_own_words_corroborate_nobody(team, found):
    team.agent("ana").publish(FINDING)
    [copy] = shared(team)
    assert (copy.corroborated, copy.reinforced) == (2, 3)


def test_each_source_of_another_counts(team):
    copy = team.agent("ana").publish(FINDING)
    for source in ("paper 1", "paper 2", "paper 1", None):
        team.agent("ben").publish(FINDING, source=source)
    found = team.get(copy.uid)
    assert (found.corroborated, found.reinforced) == (3, 4)
    assert {(s.source, s.times) for s in team.why(copy.uid).sources} == {("paper 1", 2), ("paper 2", 1), (None, 1)}


def test_a_source_that_is_forgotten_no_longer_counts_until_it_is_back(team, found):
    [copy] = shared(team)
    forgotten = team.agent("ben").forget(found["ben"].uid)
    assert forgotten.count == 1
    assert team.get(copy.uid).corroborated == 1
    assert [(s.agent, s.withdrawn) for s in team.why(copy.uid).sources] == [("ben", True), ("cyd", False)]
    assert "(withdrawn)" in str(team.why(copy.uid))
    assert team.agent("ben").undo(forgotten) == 1
    assert team.get(copy.uid).corroborated == 2
    assert not any(source.withdrawn for source in team.why(copy.uid).sources)


def test_a_source_that_expired_or_was_evicted_was_not_wrong(team, clock, found):
    [copy] = shared(team)
    team.namespaces.configure("agents/ben", Policy(max_memories=1))
    team.agent("ben").remember("something newer", importance=1.0)
    clock.advance(timedelta(hours=1))
    assert team.maintain().evicted == 1
    assert team.get(copy.uid).corroborated == 2


def test_a_copy_that_others_found_too_outlives_its_origin(team, found):
    [copy] = shared(team)
    assert team.agent("ana").forget(found["ana"].uid).count == 1
    assert shared(team)[0].uid == copy.uid


def test_a_copy_that_nobody_else_found_goes_with_its_origin_and_comes_back_with_it(team):
    ana = team.agent("ana")
    note = ana.remember(FINDING)
    copy = ana.promote(note.id)
    forgotten = ana.forget(note.id)
    assert forgotten.count == 2
    assert not shared(team)
    assert ana.undo(forgotten) == 2
    assert [memory.uid for memory in shared(team)] == [copy.uid]


def test_a_copy_that_was_forgotten_is_made_anew(team):
    ana = team.agent("ana")
    note = ana.remember(FINDING)
    first = ana.promote(note.id)
    ana.forget(first.uid)
    second = ana.promote(note.id)
    assert second.uid != first.uid
    assert [memory.uid for memory in shared(team)] == [second.uid]


def test_what_was_said_there_in_the_first_place_is_corroborated_as_well(team):
    said = team.agent("ana").publish(FINDING)
    note = team.agent("ben").remember(FINDING)
    assert team.agent("ben").promote(note.id).uid == said.uid
    assert team.get(said.uid).corroborated == 1
    assert team.get(said.uid).promoted_from is None


def test_another_user_or_sensitivity_is_another_finding(team):
    for user in (None, "cust_1", "cust_2"):
        for level in ("public", "internal"):
            note = team.agent("ana").remember(FINDING, user=user, sensitivity=level, kind="learning")
            team.promote(note.uid)
    assert len(shared(team)) == 6


def test_who_may_only_write_there_learns_nothing(team):
    team.grant("ana", "team/box", "read", "write")
    team.grant("ben", "team/box", "write")
    ana, ben = team.agent("ana"), team.agent("ben")
    there = ana.remember(FINDING, namespace="team/box")
    known, unknown = ben.remember(FINDING), ben.remember("nobody knows this yet")
    copies = [ben.promote(note.id, to="team/box") for note in (known, unknown)]
    assert there.uid not in {copy.uid for copy in copies}
    assert [(c.agent, c.reinforced, c.corroborated, c.version) for c in copies] == [("ben", 0, 0, 1)] * 2
    assert [copy.promoted_from for copy in copies] == [known.uid, unknown.uid]
    assert [ben.promote(note.id, to="team/box").uid for note in (known, unknown)] == [copy.uid for copy in copies]
    assert ana.get(there.uid).reinforced == 0
    assert sorted(texts(ana.list({"namespace": "team/box"}))) == sorted([FINDING, *texts(copies)])


def test_who_may_only_write_there_is_not_told_of_anothers_promotion_either(team):
    team.grant("ben", "agents/ana", "read")
    team.grant("ben", "team/box", "write")
    team.grant("ana", "team/box", "read", "write")
    note = team.agent("ana").remember(FINDING)
    first = team.agent("ana").promote(note.id, to="team/box")
    copy = team.agent("ben").promote(note.uid, to="team/box")
    assert copy.uid != first.uid
    assert copy.promoted_by == "ben"
