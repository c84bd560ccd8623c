"""Old, unimportant memories become a few, and can be had back until they are purged."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.team.stores import opened, texts, written
from transactive import Memory, NewMemory, Policy, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, ModelFailed, NotFound


def counted(memories: Sequence[Memory]) -> str:
    """A summary that says how many it stands for."""
    return f"{len(memories)} notes from {memories[0].text!r} to {memories[-1].text!r}"


class ChatModel:
    """A fake of a LangChain chat model."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def with_structured_output(self, schema: object) -> object:
        return self

    def invoke(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return "summed up by a model"


def chatter(team: TeamMemory, count: int = 4, **fields: Any) -> list[str]:
    """Some unimportant memories; their uids."""
    chosen: dict[str, Any] = {"kind": "episodic", "importance": 0.1, **fields}
    items = [NewMemory(text=f"ana chats {n}", **chosen) for n in range(count)]
    return [memory.uid for memory in team.agent("ana").remember_many(items)]


def test_only_what_is_old_and_unimportant_is_condensed(team, clock):
    ana = team.agent("ana")
    old = chatter(team, 4)
    important = ana.remember("We decided to sell.", importance=0.9)
    just_above = ana.remember("A bit more.", importance=0.31)
    corrected = ana.remember("It was so.", importance=0.1)
    correction = ana.correct(corrected.uid, "It was otherwise.", importance=0.8)
    elsewhere = ana.publish("Elsewhere.", importance=0.1)
    clock.advance(timedelta(days=30, seconds=1))
    young = chatter(team, 2)

    made = ana.compact(summarizer=counted)
    assert (made.condensed, len(made.summaries), made.dry_run) == (4, 1, False)
    (summary,) = made.summaries
    assert summary.text == "4 notes from 'ana chats 0' to 'ana chats 3'"
    assert summary.derived_from == tuple(old)
    assert (summary.agent, summary.namespace, summary.kind, summary.importance) == (
        "ana",
        "agents/ana",
        "episodic",
        0.1,
    )
    kept = {m.uid for m in (important, just_above, corrected, correction, elsewhere, summary)} | set(young)
    assert {memory.uid for memory in team.list(limit=100)} == kept
    assert summary.text in texts(ana.recall("ana chats", limit=100))
    assert "ana chats 0" not in texts(ana.recall("ana chats", limit=100, where={"created_at": {"$lt": clock.now}}))


@pytest.mark.parametrize(("older_than", "max_importance", "count"), [("1d", 1.0, 3), ("3d", 1.0, 2), ("1h", 0.2, 2)])
def test_how_old_and_how_unimportant_can_be_said(team, clock, older_than, max_importance, count):
    for age, importance in ((timedelta(days=5), 0.1), (timedelta(days=4), 0.5), (timedelta(days=2), 0.2)):
        team.remember(f"{importance}", kind="episodic", importance=importance, created_at=clock.now - age)
    made = team.compact(older_than=older_than, max_importance=max_importance, dry_run=True)
    assert made.condensed == count


def test_a_dry_run_changes_nothing_and_asks_no_model(team, clock):
    chatter(team)
    clock.advance(timedelta(days=40))
    before, model = written(team), ChatModel()
    made = team.agent("ana").compact(dry_run=True, summarizer=model)
    assert (made.condensed, made.summaries, made.forgotten, made.dry_run) == (4, (), None, True)
    assert (written(team), model.prompts) == (before, [])


def test_users_sensitivities_kinds_and_sessions_never_mix(team, clock):
    groups: list[dict[str, Any]] = [
        {},
        {"user": "cust_1"},
        {"user": "cust_2"},
        {"sensitivity": "public"},
        {"sensitivity": "confidential"},
        {"session": "s1"},
        {"session": "s2"},
        {"kind": "working"},
    ]
    members = [chatter(team, 2, **fields) for fields in groups]
    alone = chatter(team, 1, user="cust_3")
    clock.advance(timedelta(days=40))
    made = team.agent("ana").compact(summarizer=counted)
    assert made.condensed == 2 * len(groups)
    assert sorted(map(sorted, members)) == sorted(sorted(summary.derived_from) for summary in made.summaries)
    for summary in made.summaries:
        origins = [node.memory for node in team.why(summary.uid).origins]
        for origin in origins:
            assert origin is not None
            for field in ("user", "sensitivity", "session", "kind", "namespace"):
                assert getattr(origin, field) == getattr(summary, field)
    assert team.get(alone[0]).text == "ana chats 0", "one alone is not condensed"


def test_at_most_fifty_become_one(team, clock):
    chatter(team, 120)
    clock.advance(timedelta(days=40))
    made = team.agent("ana").compact(summarizer=counted)
    assert [len(summary.derived_from) for summary in made.summaries] == [50, 50, 20]


def test_the_originals_can_be_seen_until_they_are_purged(team, clock):
    old = chatter(team)
    clock.advance(timedelta(days=40))
    ana = team.agent("ana")
    (summary,) = ana.compact(summarizer=counted).summaries
    assert [node.memory and node.memory.text for node in ana.why(summary.uid).origins] == [
        f"ana chats {n}" for n in range(4)
    ]
    with pytest.raises(NotFound):
        ana.get(old[0])
    clock.advance(timedelta(days=31))
    team.maintain(build=False)
    assert [(node.uid, node.memory) for node in ana.why(summary.uid).origins] == [(uid, None) for uid in old]


def test_undo_brings_every_group_back(team, clock):
    before = set(chatter(team, 3) + chatter(team, 3, user="cust_1"))
    clock.advance(timedelta(days=40))
    ana = team.agent("ana")
    made = ana.compact(summarizer=counted)
    assert made.forgotten is not None
    assert (made.forgotten.count, len(made.summaries)) == (6, 2)
    assert ana.undo(made.forgotten) == 6
    for summary in made.summaries:
        ana.forget(summary.uid)
    assert {memory.uid for memory in ana.list()} == before


def test_what_corroborated_still_does_after_it_was_condensed(team, clock):
    ana, ben = team.agent("ana"), team.agent("ben")
    copy = ana.promote(ana.remember("The office opens at nine.", importance=0.1).uid)
    ben.promote(ben.remember("The office opens at nine.", importance=0.1).uid)
    ben.remember("Lunch is at noon.", importance=0.1)
    clock.advance(timedelta(days=40))
    assert ben.compact(summarizer=counted).condensed == 2
    assert team.get(copy.uid).corroborated == 1


# --- summarisers ------------------------------------------------------------------------------------------------------


def test_without_a_model_the_most_telling_sentences_are_taken(team, clock):
    said = ["Okay.", "The invoice INV-5678 was refunded on 3 May.", "Thanks!", "Dana decided to close account 42."]
    said += [f"Some small talk about {n} things, " * 20 + "and so on." for n in ("many", "few", "no", "all")]
    team.remember_many([NewMemory(text=text, kind="episodic", importance=0.2) for text in said])
    clock.advance(timedelta(days=40))
    (summary,) = team.compact().summaries
    assert "INV-5678 was refunded on 3 May" in summary.text
    assert "Dana decided to close account 42." in summary.text
    assert len(summary.text) <= 1000


def test_the_stores_summariser_is_used_and_the_calls_before_it(clock):
    model = ChatModel()
    with opened(clock=clock, summarizer=model) as team:
        chatter(team)
        clock.advance(timedelta(days=40))
        (summary,) = team.agent("ana").compact().summaries
        assert summary.text == "summed up by a model"
        assert "ana chats 0" in model.prompts[0]
        chatter(team)
        clock.advance(timedelta(days=40))
        assert "notes from" in team.agent("ana").compact(summarizer=counted).summaries[0].text


@pytest.mark.parametrize("answer", ["", "  ", None, 3, ZeroDivisionError()], ids=repr)
def test_a_summariser_that_fails_leaves_everything(team, clock, answer):
    """Also what was asked for before: a caller that gets no `Compaction` could not undo it."""

    def failing(memories: Sequence[Memory]) -> str:
        if memories[0].user is None:
            return "the first group is summed up"
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    chatter(team, 3)
    chatter(team, 3, user="cust_1")
    clock.advance(timedelta(days=40))
    before = written(team)
    with pytest.raises(ModelFailed):
        team.agent("ana").compact(summarizer=failing)
    assert written(team) == before


def test_what_changes_while_a_model_is_asked_is_not_condensed(team, clock):
    """It takes seconds; what was revised, forgotten or erased meanwhile must not come back, or go, by the summary."""
    uids = chatter(team, 4)
    erased = chatter(team, 3, user="cust_1")
    clock.advance(timedelta(days=40))

    def slow(memories: Sequence[Memory]) -> str:
        if memories[0].user is None:
            team.revise(uids[0], text="this is important now", importance=0.9)
        elif team.count({"user": "cust_1"}):
            team.erase(user="cust_1")
        return " and ".join(memory.text for memory in memories)

    with suppress(NotFound, ModelFailed):  # to refuse is as well
        team.agent("ana").compact(summarizer=slow)
    assert team.get(uids[0]).text == "this is important now"
    assert team.count({"user": "cust_1"}) == 0, "what was erased does not come back as a summary"
    assert erased[0] not in {uid for memory in team.list() for uid in memory.derived_from}


# --- rights -----------------------------------------------------------------------------------------------------------


def test_an_agent_condenses_what_it_may_change(team, clock):
    mine = [NewMemory(text=f"mine {n}", kind="episodic", importance=0.1) for n in range(2)]
    team.agent("ana").remember_many(mine, namespace="team/shared")
    team.agent("ben").remember_many([NewMemory(text="x", kind="episodic", importance=0.1)] * 3, namespace="team/shared")
    clock.advance(timedelta(days=40))
    assert team.agent("ana").compact("team/shared", dry_run=True).condensed == 2
    with pytest.raises(AccessDenied):
        team.agent("ana").compact("agents/ben")
    team.grant("reader", "team/x", "read", "admin")
    with pytest.raises(AccessDenied, match="write"):
        team.agent("reader").compact("team/x")
    team.grant("chief", "team/shared", "write", "admin")
    assert team.agent("chief").compact("team/shared", dry_run=True).condensed == 5


def test_a_handle_bound_to_a_user_condenses_nothing_of_another(team, clock):
    chatter(team, 3, user="cust_1")
    chatter(team, 3, user="cust_2")
    clock.advance(timedelta(days=40))
    made = team.agent("ana", user="cust_1").compact(summarizer=counted)
    assert {summary.user for summary in made.summaries} == {"cust_1"}
    assert team.count({"user": "cust_2"}) == 3


def test_drafts_and_verified_memories_do_not_mix_and_a_gate_is_kept(team, clock):
    uids = chatter(team, 4)
    for uid in uids[:2]:
        team.verify(uid, by="dana")
    team.namespaces.configure("agents/ana", Policy(verified_only="hold"))
    clock.advance(timedelta(days=40))
    made = team.agent("ana").compact(summarizer=counted)
    assert sorted(map(sorted, (s.derived_from for s in made.summaries))) == sorted([sorted(uids[:2]), sorted(uids[2:])])


def test_where_a_summary_may_not_be_written_no_model_is_asked_and_nothing_is_condensed(team, clock):
    """A caller that gets no `Compaction` could not undo what was condensed before."""
    verified = chatter(team, 2)
    chatter(team, 2)
    chatter(team, 2, sensitivity="confidential")
    for uid in verified:
        team.verify(uid, by="dana")
    clock.advance(timedelta(days=40))
    for policy in (Policy(verified_only="refuse"), Policy(max_sensitivity="internal")):
        team.namespaces.configure("agents/ana", policy)
        before, model = written(team), ChatModel()
        for dry_run in (True, False):
            with pytest.raises(AccessDenied):
                team.compact("agents/ana", summarizer=model, dry_run=dry_run)
        assert (written(team), model.prompts) == (before, [])


@pytest.mark.parametrize("how", ["ceiling", "write", "admin"])
def test_what_may_no_longer_be_condensed_once_the_model_has_answered_stays(team, clock, how):
    """What was condensed before is told, and can be undone."""
    team.grant("chief", "agents/ana", "read", "write", "admin", clearance="confidential")
    chatter(team, 2)
    chatter(team, 3, sensitivity="confidential")
    clock.advance(timedelta(days=40))

    def slow(memories: Sequence[Memory]) -> str:
        if how == "ceiling":
            team.namespaces.configure("agents/ana", Policy(max_sensitivity="internal"))
        else:
            team.revoke("chief", "agents/ana", how)
        return counted(memories)

    made = (team if how == "ceiling" else team.agent("chief")).compact("agents/ana", summarizer=slow)
    assert [summary.sensitivity for summary in made.summaries] == (["internal"] if how == "ceiling" else [])
    assert made.condensed == (2 if how == "ceiling" else 0)
    assert team.count() == (4 if how == "ceiling" else 5)
    if made.forgotten is not None:
        assert team.undo(made.forgotten) == 2


@pytest.mark.parametrize("answer", ["a\x00b", "\ud800", "x" * (2**20 + 1)], ids=["NUL", "surrogate", "too long"])
def test_a_summary_that_no_memory_can_hold_leaves_everything(team, clock, answer):
    chatter(team, 2)
    chatter(team, 2, user="cust_1")
    clock.advance(timedelta(days=40))
    before = written(team)
    with pytest.raises(InvalidInput):
        team.agent("ana").compact(summarizer=lambda group: "fine" if group[0].user is None else answer)
    assert written(team) == before


def test_wrong_arguments_are_refused(team, clock):
    chatter(team, 2)
    clock.advance(timedelta(days=1))
    for wrong in (
        {"older_than": "soon"},
        {"max_importance": 2},
        {"namespace": "team/**"},
        {"summarizer": 3},
    ):
        with pytest.raises(InvalidInput):
            team.agent("ana").compact(**{"older_than": "1s", **wrong})
