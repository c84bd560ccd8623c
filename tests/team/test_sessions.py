"""Units of work: begun, shared, read in order, summed up, and closed for good."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.crash.processes import Child
from tests.team.stores import opened, texts, written
from transactive import Memory, NewMemory, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, ModelFailed, NotFound, SessionClosed


class ChatModel:
    """A fake of a LangChain chat model, which answers with blocks of content."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def with_structured_output(self, schema: object) -> object:
        return self

    def invoke(self, prompt: str) -> object:
        self.prompts.append(prompt)
        return type("Message", (), {"content": [{"type": "text", "text": "They "}, "met."]})()


# --- begun and ended --------------------------------------------------------------------------------------------------


def test_each_session_has_a_fresh_id_and_stamps_what_is_written_in_it(team, clock):
    ana = team.agent("ana")
    sessions = [ana.session(user="cust_42", app="desk", metadata={"ticket": "TKT-1", "n": [1, 2]}) for _ in range(3)]
    assert len({session.id for session in sessions}) == 3
    first = sessions[0]
    assert (first.info.agent, first.info.user, first.info.app) == ("ana", "cust_42", "desk")
    assert (first.info.started_at, first.info.ended_at, first.info.closed) == (clock.now, None, False)
    assert dict(first.info.metadata) == {"ticket": "TKT-1", "n": [1, 2]}
    note = first.remember("INV-5678 is wrong")
    assert (note.session, note.user, note.app, note.kind) == (first.id, "cust_42", "desk", "episodic")
    assert first.publish("published").session == first.id
    assert {m.session for m in first.remember_many(["a", "b"])} == {first.id}
    assert (first.agent.name, first.name, first.session_id) == ("ana", "ana", first.id)


def test_it_ends_with_its_block_even_when_that_raises(team, clock):
    ana = team.agent("ana")
    with ana.session() as session:
        session.remember("x")
        clock.advance(timedelta(minutes=5))
    assert session.info.closed
    assert session.info.ended_at == clock.now
    assert session.info.ended_at - session.info.started_at == timedelta(minutes=5)
    with pytest.raises(ZeroDivisionError), ana.session() as broken:
        raise ZeroDivisionError
    assert broken.info.closed


def test_ended_twice_it_stays_as_it_was(team, clock):
    session = team.agent("ana").session()
    ended = session.end()
    clock.advance(timedelta(hours=1))
    assert session.end(summary=True) == ended


def test_an_id_of_ones_own_goes_on_with_an_open_session_and_with_no_other(team):
    ana = team.agent("ana")
    session = ana.session("ticket-1", metadata={"n": 1})
    assert ana.session("ticket-1").info == session.info
    with pytest.raises(AccessDenied, match="another agent"):
        team.agent("ben").session("ticket-1")
    session.end()
    with pytest.raises(SessionClosed):
        ana.session("ticket-1")


# --- closed -----------------------------------------------------------------------------------------------------------


def test_a_closed_session_takes_nothing_from_any_door(tmp_path):
    with opened(tmp_path) as team, opened(tmp_path, index=None) as beside:
        ana = team.agent("ana")
        session = ana.session("s1")
        note = session.remember("said", kind="semantic")
        session.end()
        before = written(team)
        doors = [
            lambda: session.remember("late"),
            lambda: session.publish("late"),
            lambda: session.remember_many(["late"]),
            lambda: session.correct(note.uid, "late"),
            lambda: session.observe(["late"]),
            lambda: ana.remember("late", session="s1"),
            lambda: ana.remember_many([NewMemory(text="fine"), NewMemory(text="late", session="s1")]),
            lambda: ana.observe(["late"], session="s1"),
            lambda: team.agent("ben", session="s1").remember("late"),
            lambda: team.remember("late", session="s1"),
            lambda: beside.agent("ana").remember("late", session="s1"),
            lambda: asyncio.run(team.aio.agent("ana").remember("late", session="s1")),
        ]
        for door in doors:
            with pytest.raises(SessionClosed, match="has ended"):
                door()
        assert written(team) == before
        assert texts(session.transcript()) == ["said"]
        assert texts(session.recall("said")) == ["said"]


@pytest.mark.slow
def test_a_session_that_one_process_ended_is_closed_to_another(tmp_path):
    with opened(tmp_path) as team:
        session = team.agent("ana").session("s1")
        child = Child(tmp_path, index=None)
        try:
            child.opened()
            child.ask("remember", "in time", agent="ben", session="s1")
            session.end()
            child.tell("remember", "late", agent="ben", session="s1")
            assert child.heard()["error"] == "SessionClosed"
        finally:
            child.kill()
        assert texts(team.transcript("s1")) == ["in time"]


# --- whose ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", ["user", "app"])
def test_an_id_is_not_used_again_for_another_user_or_app(team, bound):
    ana = team.agent("ana")
    ana.session("s1", **{bound: "first"}).remember("x")
    refused = [
        lambda: ana.session("s1", **{bound: "second"}),
        lambda: team.agent("ana", **{bound: "second"}).remember("y", session="s1"),
        lambda: team.agent("ben", session="s1", **{bound: "second"}).remember("y"),
    ]
    before = written(team)
    for verb in refused:
        with pytest.raises(AccessDenied, match=f"belongs to another {bound}"):
            verb()
    assert written(team) == before
    team.agent("ben", **{bound: "first"}).remember("z", session="s1")


def test_a_session_without_a_user_belongs_to_the_first_one_it_is_about(team):
    team.agent("ana", session="s1").remember("hello")
    team.agent("ana", session="s1").remember("about one", user="cust_1")
    with pytest.raises(AccessDenied):
        team.agent("ana", session="s1").remember("about two", user="cust_2")
    with pytest.raises(AccessDenied):
        team.agent("ana").remember_many([NewMemory(text=u, user=u, session="s2") for u in ("cust_1", "cust_2")])
    assert team.count({"session": "s2"}) == 0


def test_a_handle_bound_to_a_user_begins_sessions_of_that_user_only(team):
    bound = team.agent("ana", user="cust_1")
    assert bound.session().info.user == "cust_1"
    with pytest.raises(AccessDenied):
        bound.session(user="cust_2")


# --- shared -----------------------------------------------------------------------------------------------------------


def test_agents_of_a_team_share_a_session_and_its_transcript_says_who_said_what_in_order(team, clock):
    ana, ben = team.agent("ana"), team.agent("ben")
    session = ana.session()
    session.publish("It started at noon.", created_at=clock.now - timedelta(hours=2))
    clock.advance(timedelta(minutes=1))
    ben.publish("I saw it too.", session=session.id)
    session.remember("Ben may be wrong.")
    clock.advance(timedelta(minutes=1))
    ben.remember("Ana may be wrong.", session=session.id)
    session.publish("Before all that.", created_at=clock.now - timedelta(days=1))
    team.publish("Another matter.")

    whole = team.transcript(session.id)
    assert [(m.agent, m.text) for m in whole] == [
        ("ana", "Before all that."),
        ("ana", "It started at noon."),
        ("ben", "I saw it too."),
        ("ana", "Ben may be wrong."),
        ("ben", "Ana may be wrong."),
    ]
    assert str(whole).splitlines()[2] == "[2026-05-04 09:01] ben: I saw it too."
    assert texts(session.transcript()) == texts(whole)[:4], "what ben keeps to itself is not ana's to read"
    assert texts(ben.transcript(session.id)) == [text for text in texts(whole) if text != "Ben may be wrong."]
    assert texts(team.agent("eve", user="cust_9").transcript(session.id)) == texts(whole)[:3]
    assert texts(ana.transcript("no such session")) == []


def test_turns_of_one_moment_stay_in_the_order_in_which_they_were_said(team):
    session = team.agent("ana").session()
    said = [f"turn {number}" for number in range(30)]
    session.remember_many(said[:15])
    for text in said[15:]:
        session.remember(text)
    assert texts(session.transcript()) == said


def test_a_promoted_copy_and_the_summary_are_no_contributions(team):
    with team.agent("ana").session(summary=True) as session:
        session.promote(session.remember("We decided to refund 40 EUR.").uid)
    assert texts(session.transcript()) == ["We decided to refund 40 EUR."]


def test_recall_and_context_stay_inside_unless_told_otherwise(team):
    ana = team.agent("ana")
    ana.remember("refunds outside")
    with ana.session() as session, ana.session() as other:
        session.remember("refunds inside")
        other.remember("refunds elsewhere")
        assert texts(session.recall("refunds")) == ["refunds inside"]
        assert "outside" not in str(session.context("refunds"))
        assert texts(session.recall("refunds", session=other.id)) == ["refunds elsewhere"]
        assert len(session.agent.recall("refunds")) == 3
        assert session.count() == 3, "other reads are those of the agent"


def test_an_agents_sessions_are_listed_latest_first(team, clock):
    ana, ben = team.agent("ana"), team.agent("ben")
    begun = []
    for agent, user in ((ana, "cust_1"), (ben, "cust_1"), (ana, "cust_2"), (ana, None)):
        clock.advance(timedelta(minutes=1))
        begun.append(agent.session(user=user).id)
    assert [info.id for info in ana.sessions()] == [begun[3], begun[2], begun[0]]
    assert [info.id for info in ana.sessions(limit=1)] == [begun[3]]
    assert [info.id for info in ana.sessions(user="cust_1")] == [begun[0]]
    assert [info.id for info in team.sessions()] == begun[::-1]
    assert [info.id for info in team.sessions(user="cust_1")] == [begun[1], begun[0]]
    assert [info.id for info in team.agent("ana", user="cust_2").sessions()] == [begun[2]]
    with pytest.raises(InvalidInput):
        team.agent("ana", user="cust_2").sessions(user="cust_1")


# --- summaries --------------------------------------------------------------------------------------------------------


def summed_up(team: TeamMemory, summary: object) -> Memory:
    with team.agent("ana").session(user="cust_1", summary=summary) as session:
        session.remember("INV-5678 was paid twice.")
        session.remember("We decided to refund 40 EUR by Friday.")
    assert session.info.summary is not None
    return team.get(session.info.summary)


def test_the_built_in_summary_keeps_what_tells_most(team):
    found = summed_up(team, True)
    assert "refund 40 EUR by Friday" in found.text
    assert (found.agent, found.user, found.namespace, found.tags) == ("ana", "cust_1", "agents/ana", ("summary",))
    assert found.session is not None
    assert [m.uid for m in team.transcript(found.session)] == list(found.derived_from)


def test_a_function_or_a_chat_model_sums_up(team):
    def joined(memories: Sequence[Memory]) -> str:
        return " / ".join(memory.text for memory in memories)

    assert summed_up(team, joined).text == "INV-5678 was paid twice. / We decided to refund 40 EUR by Friday."
    model = ChatModel()
    assert summed_up(team, model).text == "They met."
    assert "INV-5678 was paid twice." in model.prompts[0]
    with opened(summarizer=joined) as other:
        assert summed_up(other, True).text.startswith("INV-5678 was paid twice. /")
    quiet = team.agent("ana").session(summary=joined)
    assert quiet.end().summary is None, "nothing was said"
    unasked = team.agent("ana").session()
    unasked.remember("x")
    assert unasked.end().summary is None


def test_a_summary_is_asked_for_at_the_end_and_put_where_it_is_read(team):
    session = team.agent("ana").session()
    session.publish("We decided to refund 40 EUR.")
    ended = session.end(summary=True, namespace="team/shared")
    assert team.agent("ben").get(ended.summary or "").text == "We decided to refund 40 EUR."


def test_a_summariser_that_fails_leaves_the_session_open_to_be_ended_again(team):
    def failing(memories: Sequence[Memory]) -> str:
        raise OSError("no network")

    session = team.agent("ana").session(summary=failing)
    session.remember("x")
    with pytest.raises(ModelFailed):
        session.end()
    assert not session.info.closed
    session.remember("y")
    assert session.end(summary=False).closed


def test_only_who_began_it_looks_at_it_and_ends_it(team):
    session = team.agent("ana").session("s1")
    with pytest.raises(NotFound):
        team._engine.sitting.end(team.agent("ben")._identity, "s1", False, None)
    assert team._engine.sitting.end(team._identity, session.id, False, None).closed, "the owner may"
