"""A correction takes the place of what was wrong, which stays in the history but is recalled no more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.team.stores import opened, texts, written
from transactive import NewMemory
from transactive.errors import AccessDenied, InvalidInput, NotFound, VersionConflict

WRONG, RIGHT = "HNSW answers in 8 ms at 10M vectors", "HNSW answers in 18 ms at 10M vectors"
QUERY = "how fast is HNSW at 10M vectors?"


def recalled(handle, **how):
    return texts(handle.recall(QUERY, **how))


def test_what_was_corrected_is_recalled_only_when_asked_for(team):
    ana = team.agent("ana")
    wrong = ana.publish(WRONG)
    right = ana.correct(wrong.uid, RIGHT)
    for handle in (ana, team.agent("ben"), team):
        assert recalled(handle) == [RIGHT]
        assert sorted(recalled(handle, include_superseded=True)) == sorted([WRONG, RIGHT])
        assert WRONG not in str(handle.context(QUERY))
        assert WRONG in str(handle.context(QUERY, include_superseded=True))
        assert recalled(handle, limit=1) == [RIGHT]
    assert (right.supersedes, right.superseded_by, right.namespace) == ((wrong.uid,), None, "team/shared")
    old = ana.get(wrong.uid)
    assert (old.superseded, old.superseded_by, old.text, old.version) == (True, right.uid, WRONG, 1)
    assert sorted(texts(ana.list())) == sorted([WRONG, RIGHT])
    assert {(o.relation, o.uid) for o in ana.why(right.uid).origins} == {("supersedes", wrong.uid)}
    assert {(o.relation, o.uid) for o in ana.why(wrong.uid).origins} == {("superseded by", right.uid)}


def test_by_words_alone_it_is_the_same(tmp_path):
    with opened(tmp_path, index=None) as team:
        wrong = team.remember(WRONG)
        team.correct(wrong.id, RIGHT)
        assert recalled(team) == [RIGHT]
        assert len(recalled(team, include_superseded=True)) == 2


def test_it_stays_out_after_the_store_was_opened_again_and_in_another_process(tmp_path, another):
    with opened(tmp_path) as team:
        team.correct(team.publish(WRONG).uid, RIGHT)
    with opened(tmp_path) as team:
        assert recalled(team) == [RIGHT]
        child = another(tmp_path, index=None).opened()
        assert WRONG not in child.ask("recall", QUERY)
        [right] = team.list({"text": {"$contains": "18 ms"}})
        newest = child.ask("correct", right.uid, "HNSW answers in 28 ms at 10M")
        assert recalled(team) == ["HNSW answers in 28 ms at 10M"]
        assert team.get(newest).supersedes


def test_what_is_not_given_is_as_it_was(team):
    ana = team.agent("ana")
    wrong = ana.remember(
        WRONG,
        kind="learning",
        importance=0.3,
        tags=["hnsw"],
        metadata={"papers": 5},
        user="cust_1",
        sensitivity="public",
    )
    right = ana.correct(wrong.id, RIGHT)
    for name in ("kind", "importance", "tags", "metadata", "user", "sensitivity", "namespace"):
        assert getattr(right, name) == getattr(wrong, name), name
    again = ana.correct(right.id, WRONG, importance=0.9, tags=["x"], metadata={"y": 1}, source="me", confidence=1.0)
    assert (again.importance, again.tags, again.metadata) == (0.9, ("x",), {"y": 1})
    assert (again.source, again.confidence) == ("me", 1.0)


def test_source_and_confidence_vouch_for_the_former_claim_alone(team):
    wrong = team.remember(WRONG, source="arxiv", confidence=0.4)
    right = team.correct(wrong.id, RIGHT)
    assert (right.source, right.confidence) == (None, None)


def test_the_long_form_takes_the_place_of_several_and_many_can_be_written_at_once(team):
    ana = team.agent("ana")
    first, second = ana.publish(WRONG), ana.publish("HNSW answers in 9 ms at 10M vectors")
    right = ana.publish(RIGHT, supersedes=[first.uid, second.uid])
    assert right.supersedes == (first.uid, second.uid)
    assert recalled(ana) == [RIGHT]
    made = ana.remember_many([NewMemory(text="corrected in a batch", namespace="team/shared", supersedes=right.uid)])
    assert team.get(right.uid).superseded_by == made[0].uid
    with pytest.raises(InvalidInput, match="supersedes"):
        ana.publish("x", supersedes=[7])


def test_a_correction_is_a_memory_of_its_own_even_where_the_same_is_said_already(team):
    ana = team.agent("ana")
    said, wrong = ana.publish(RIGHT), ana.publish(WRONG)
    right = ana.correct(wrong.uid, RIGHT)
    assert right.uid != said.uid
    assert recalled(ana) == [RIGHT, RIGHT]


# --- who was first ----------------------------------------------------------------------------------------------------


def test_what_was_corrected_already_is_a_conflict_that_carries_the_correction(team):
    ana = team.agent("ana")
    wrong = ana.remember(WRONG)
    right = ana.correct(wrong.id, RIGHT)
    before = written(team)
    for call in (
        lambda: ana.correct(wrong.id, "another"),
        lambda: ana.remember("another", supersedes=[wrong.id]),
        lambda: ana.remember_many(["fine", NewMemory(text="another", supersedes=[wrong.id])]),
    ):
        with pytest.raises(VersionConflict, match="superseded already") as conflict:
            call()
        assert conflict.value.current == right
        assert RIGHT not in str(conflict.value)
    assert written(team) == before
    assert ana.correct(conflict.value.current.id, "another").supersedes == (right.uid,)


# --- who may ----------------------------------------------------------------------------------------------------------


def test_who_may_revise_it_may_correct_it_and_nobody_else(team):
    wrong = team.agent("ana").publish(WRONG)
    before = written(team)
    ben = team.agent("ben")
    for call in (lambda: ben.correct(wrong.uid, RIGHT), lambda: ben.publish(RIGHT, supersedes=wrong.uid)):
        with pytest.raises(AccessDenied, match="only what it wrote itself"):
            call()
    assert written(team) == before
    with pytest.raises(NotFound):
        ben.correct(team.agent("ana").remember(WRONG).id, RIGHT)
    team.grant("ben", "team/shared", "admin")
    assert ben.correct(wrong.uid, RIGHT).agent == "ben"
    team.revoke("*", "team/shared", "write")
    with pytest.raises(AccessDenied):
        team.agent("ana").publish("x", supersedes=wrong.uid)


@pytest.mark.parametrize(
    "other",
    [{"user": "cust_2"}, {"user": None}, {"namespace": "team/other"}, {"sensitivity": "confidential"}],
    ids=["other user", "no user", "other namespace", "more sensitive"],
)
def test_it_stands_where_the_wrong_one_stood_for_the_same_readers(team, other):
    wrong = team.remember(WRONG, user="cust_1", namespace="team/shared")
    before = written(team)
    place = {"user": "cust_1", "namespace": "team/shared", **other}
    with pytest.raises(AccessDenied, match="could read the one can read the other"):
        team.remember(RIGHT, supersedes=wrong.uid, **place)
    assert written(team) == before
    assert team.remember(RIGHT, supersedes=wrong.uid, namespace="team/shared", user="cust_1", sensitivity="public")


def test_a_bound_handle_corrects_what_is_about_its_user(team):
    desk = team.agent("desk", user="cust_1")
    about = desk.remember("the plan is Pro")
    assert desk.correct(about.id, "the plan is Basic").user == "cust_1"
    general = team.agent("desk").remember("refunds take 5 days")
    with pytest.raises(AccessDenied, match="bound to a user"):
        desk.correct(general.uid, "refunds take 3 days")


# --- back and forth ---------------------------------------------------------------------------------------------------


def test_forgetting_the_correction_brings_the_old_one_back_and_undo_hides_it_again(team):
    ana = team.agent("ana")
    wrong = ana.publish(WRONG)
    right = ana.correct(wrong.uid, RIGHT)
    forgotten = ana.forget(right.uid)
    assert recalled(ana) == [WRONG]
    assert not ana.get(wrong.uid).superseded
    assert ana.undo(forgotten) == 1
    assert recalled(ana) == [RIGHT]
    assert ana.get(wrong.uid).superseded_by == right.uid


def test_undo_leaves_a_later_correction_in_its_place(team):
    ana = team.agent("ana")
    wrong = ana.publish(WRONG)
    first = ana.correct(wrong.uid, "HNSW answers in 28 ms at 10M vectors")
    forgotten = ana.forget(first.uid)
    second = ana.correct(wrong.uid, RIGHT)
    ana.undo(forgotten)
    assert ana.get(wrong.uid).superseded_by == second.uid
    assert WRONG not in recalled(ana)


def test_forgetting_both_and_undoing_it_leaves_them_as_they_were(team):
    ana = team.agent("ana")
    wrong = ana.publish(WRONG)
    right = ana.correct(wrong.uid, RIGHT)
    forgotten = ana.forget(where={"namespace": "team/shared"})
    assert recalled(ana) == []
    assert ana.undo(forgotten) == 2
    assert recalled(ana) == [RIGHT]
    assert ana.get(wrong.uid).superseded_by == right.uid


def test_a_chain_of_corrections_ends_at_the_last(team):
    ana = team.agent("ana")
    first = ana.publish(WRONG)
    second = ana.correct(first.uid, "HNSW answers in 28 ms at 10M vectors")
    third = ana.correct(second.uid, RIGHT)
    assert recalled(ana) == [RIGHT]
    assert [o.uid for o in ana.why(third.uid).walk()] == [third.uid, second.uid, first.uid]
    ana.forget(second.uid)
    assert recalled(ana) == [RIGHT], "what was corrected twice does not come back with the middle gone"


def test_a_correction_that_is_over_in_time_does_not_bring_the_wrong_one_back(team, clock):
    ana = team.agent("ana")
    wrong = ana.publish(WRONG)
    ana.publish(RIGHT, supersedes=wrong.uid, ttl="1h")
    clock.advance(timedelta(hours=1))
    assert recalled(ana) == []
    assert team.maintain().expired == 1
    assert recalled(ana) == []
    assert ana.get(wrong.uid).superseded
