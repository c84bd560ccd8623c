"""A handoff's package: all that who takes over needs, nothing that they may not read, and always as it stands now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.team.stores import texts
from tests.teamwork.rooms import claimed, rows
from transactive import Agent, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, NotFound
from transactive.records import Handoff

ABOUT = "The payment gateway refuses invoice INV-5687"


def known(handoff: Handoff) -> list[str]:
    """The texts of the memories in a package."""
    return texts(handoff.package.memories)


def edges(handoff: Handoff) -> list[str]:
    """What is connected in a package."""
    return [str(edge) for edge in handoff.package.graph.edges]


@pytest.fixture
def ana(real: TeamMemory) -> Agent:
    return real.agent("ana")


@pytest.fixture
def ben(real: TeamMemory) -> Agent:
    return real.agent("ben")


# --- what is in it ----------------------------------------------------------------------------------------------------


def test_a_package_holds_all_that_is_needed(real, ana, ben, clock):
    fact = real.agent("carl").publish("The payment gateway refuses cards that have expired.")
    real.agent("carl").publish("The canteen serves soup on Mondays.")
    decision = ben.decisions.record("Try a refused invoice once more", context="the payment gateway refuses an invoice")
    learning = ben.learnings.record("failure", "Calling the bank about a refused invoice changed nothing")
    ana.graph.link(("service", "payment gateway"), "depends_on", ("company", "Acme Bank"), namespace="team/shared")
    ana.graph.link(("person", "Eve"), "works_at", ("company", "Elsewhere"), namespace="team/shared")
    task = ana.tasks.post(ABOUT, assignee="ana", payload={"amount": 20}, session="chat-1")
    other = ana.tasks.post("Call the customer back", session="chat-1")
    ended = ana.tasks.post("Say hello", session="chat-1")
    ana.tasks.cancel(ended)
    ana.tasks.post("Water the plants")
    for words in ("My invoice was refused", "I shall look at it"):
        ana.publish(words, session="chat-1", kind="episodic")
        clock.advance(timedelta(minutes=1))
    claim = ana.tasks.claim(task)
    assert claim is not None
    ana.tasks.fail(claim, reason="The gateway answered 502")
    clock.advance(timedelta(minutes=1))
    claim = ana.tasks.claim(task)
    assert claim is not None

    package = ben.handoffs.get(ana.handoff(to="ben", task=claim)).package
    assert package.task is not None
    assert (package.task.uid, package.task.payload) == (task.uid, {"amount": 20})
    assert [(a.agent, a.outcome, a.reason) for a in package.attempts] == [
        ("ana", "failed", "The gateway answered 502"),
        ("ana", "handed over", None),
    ]
    assert fact.uid in [memory.uid for memory in package.memories]
    assert "soup" not in str(texts(package.memories))
    assert [found.memory.uid for found in package.decisions] == [decision.memory.uid]
    assert [found.memory.uid for found in package.learnings] == [learning.memory.uid]
    assert [found.uid for found in package.tasks] == [other.uid]
    assert texts(package.transcript) == ["My invoice was refused", "I shall look at it"]
    assert [str(edge) for edge in package.graph.edges] == ["payment gateway depends_on Acme Bank"]
    assert {entity.name for entity in package.graph.entities} == {"payment gateway", "Acme Bank"}
    assert package.omitted == 0
    assert package.tokens == real._engine.store.count_tokens(ben.handoffs.list()[0].to_markdown())


def test_tasks_that_it_needs_or_that_need_it_are_around_it(real, ana, ben):
    first = ana.tasks.post("Ask for the card")
    task = ana.tasks.post(ABOUT, needs=[first])
    last = ana.tasks.post("Write the report", needs=[task])
    made = ana.handoff(to="ben", task=task)
    assert {found.uid for found in ben.handoffs.get(made).package.tasks} == {first.uid, last.uid}


def test_a_task_around_it_that_is_done_is_there_no_more(real, ana, ben):
    other = ana.tasks.post("Ask for the card", session="s")
    made = ana.handoff(to="ben", reason="x", session="s")
    assert [task.uid for task in ben.handoffs.get(made).package.tasks] == [other.uid]
    claim = ana.tasks.claim(other)
    assert claim is not None
    ana.tasks.complete(claim)
    assert ben.handoffs.get(made).package.tasks == ()


def test_the_conversation_is_that_of_the_handle_unless_another_is_named(real, ana, ben):
    for session in ("chat-1", "chat-2"):
        ana.publish(f"said in {session}", session=session, kind="episodic")
    in_chat = ana.bind(session="chat-1")
    assert texts(in_chat.handoff(to="ben", reason="x").package.transcript) == ["said in chat-1"]
    assert texts(in_chat.handoff(to="ben", reason="x", session="chat-2").package.transcript) == ["said in chat-2"]
    assert ana.handoff(to="ben", reason="x").package.transcript == ()


def test_what_is_said_in_the_conversation_later_is_there_too(real, ana, ben):
    made = ana.handoff(to="ben", reason="x", session="chat-1")
    ana.publish("one thing more", session="chat-1", kind="episodic")
    assert texts(ben.handoffs.get(made).package.transcript) == ["one thing more"]


def test_without_an_index_the_package_is_sought_by_words(tmp_path):
    with TeamMemory.open(tmp_path, index=None, embedder=lambda texts: [[1.0]] * len(texts), progress=False) as team:
        ana = team.agent("ana")
        ana.publish("The gateway refuses expired cards.")
        assert known(ana.handoff(to="ben", reason="the gateway refuses")) == ["The gateway refuses expired cards."]


# --- who may read what ------------------------------------------------------------------------------------------------


def test_only_what_both_may_read_is_in_it(real, ana, ben):
    shared = ana.publish(f"{ABOUT}: known to all.")
    ana.remember(f"{ABOUT}: for ana alone.")
    ben.remember(f"{ABOUT}: for ben alone.")
    ana.decisions.record(f"{ABOUT}: decided alone", namespace="agents/ana")
    ana.learnings.record("success", f"{ABOUT}: learned alone", namespace="agents/ana")
    made = ana.handoff(to="ben", reason=ABOUT)
    for side in (ana, ben, real):
        package = side.handoffs.get(made).package
        assert [memory.uid for memory in package.memories] == [shared.uid]
        assert (package.decisions, package.learnings) == ((), ())


def test_each_side_sees_of_tasks_conversation_and_graph_what_it_may_read(real, ana, ben):
    ana.tasks.post("open to all", session="s")
    ana.tasks.post("for ana alone", session="s", namespace="agents/ana")
    ana.publish("said to all", session="s", kind="episodic")
    ana.remember("thought by ana", session="s", kind="episodic")
    ana.graph.link(("service", "payment gateway"), "depends_on", ("company", "Acme Bank"), namespace="team/shared")
    ana.graph.link(("service", "payment gateway"), "owned_by", ("person", "Secret Sam"), namespace="agents/ana")
    made = ana.handoff(to="ben", reason=ABOUT, session="s")
    package = ben.handoffs.get(made).package
    assert texts(package.tasks) == ["open to all"]
    assert texts(package.transcript) == ["said to all"]
    assert edges(ben.handoffs.get(made)) == ["payment gateway depends_on Acme Bank"]
    assert {entity.name for entity in package.graph.entities} == {"payment gateway", "Acme Bank"}


def test_what_must_be_in_it_is(real, ana, ben):
    canteen = ana.publish("The canteen serves soup on Mondays.")
    made = ana.handoff(to="ben", reason=ABOUT, include=[canteen.uid])
    assert known(ben.handoffs.get(made)) == ["The canteen serves soup on Mondays."]


def test_what_the_other_one_may_not_read_cannot_be_included(real, ana, ben):
    mine = ana.remember("The vault opens with 7391.")
    claim = claimed(ana)
    before = rows(real)
    with pytest.raises(AccessDenied, match="publish") as caught:
        ana.handoff(to="ben", task=claim, include=[mine.uid])
    assert "7391" not in str(caught.value)
    assert rows(real) == before
    assert ana.tasks.complete(claim).status == "done", "the claim still counts"
    with pytest.raises(AccessDenied):
        ana.handoff(to="group:billing", include=[mine.uid])
    real.grant("ben", "agents/ana", "read")
    assert known(ana.handoff(to="ben", include=[mine.uid])) == ["The vault opens with 7391."]


def test_what_the_sender_may_not_read_cannot_be_included(real, ana, ben):
    theirs = ben.remember("The vault opens with 7391.")
    for id in (theirs.uid, "no such memory"):
        with pytest.raises(NotFound):
            ana.handoff(to="ben", include=[id])


def test_what_is_of_another_user_cannot_be_included(real, ana, ben):
    """It would not be shown, and whoever hands over would not know."""
    other = ana.publish("The card of the other one ends in 4242.", user="u2")
    before = rows(real)
    with pytest.raises((AccessDenied, InvalidInput)):
        ana.handoff(to="ben", include=[other.uid], user="u1")
    assert rows(real) == before


def test_of_a_group_only_what_the_group_itself_may_read_is_in_it(real, ana, ben):
    real.grant("ana", "prod", "read", "write")
    real.groups.set("billing", ["ben", "carl"])
    real.grant("ben", "prod", "read")
    ana.remember(ABOUT, namespace="prod")
    made = ana.handoff(to="group:billing", reason=ABOUT)
    assert known(ben.handoffs.get(made)) == []
    real.grant("group:billing", "prod", "read")
    assert known(ben.handoffs.get(ana.handoff(to="group:billing", reason=ABOUT))) == [ABOUT]


def test_a_person_is_shown_what_the_sender_knew_by_the_owner(real, ana):
    ana.remember(f"{ABOUT}: I have tried it twice.")
    asked = ana.escalate(reason=ABOUT, to="human:dana")
    assert known(real.handoffs.get(asked)) == [f"{ABOUT}: I have tried it twice."]
    assert known(real.agent("human:dana").handoffs.get(asked)) == [], "a handle of that name has rights of its own"


def test_a_package_about_a_user_holds_nothing_of_another(real, ana, ben):
    for user in ("u1", "u2", None):
        ana.publish(f"{ABOUT} of {user}", user=user)
        ana.tasks.post(f"call {user}", user=user, session="s")
        payer = ("person", f"payer {user}")
        ana.graph.link(("service", "payment gateway"), "charges", payer, namespace="team/shared", user=user)
        if user != "u2":  # a session is of one user
            ana.publish(f"said by {user}", user=user, session="s", kind="episodic")
    made = ana.handoff(to="ben", reason=ABOUT, user="u1", session="s")
    for side in (ana, ben, real):
        found = side.handoffs.get(made)
        assert {f"{ABOUT} of None", f"{ABOUT} of u1"} <= set(known(found))
        assert sorted(texts(found.package.tasks)) == ["call None", "call u1"]
        assert sorted(texts(found.package.transcript)) == ["said by None", "said by u1"]
        assert sorted(edges(found)) == ["payment gateway charges payer None", "payment gateway charges payer u1"]
        assert "u2" not in found.to_markdown()
        assert "u2" not in str(found.to_dict())


def test_for_a_handle_bound_to_a_user_a_package_holds_nothing_of_another(real, ana):
    for user in ("u1", "u2"):
        ana.publish(f"{ABOUT} of {user}", user=user)
    made = ana.handoff(to="ben", reason=ABOUT)
    assert known(real.agent("ben", user="u1").handoffs.get(made)) == [f"{ABOUT} of u1"]


# --- as it stands now -------------------------------------------------------------------------------------------------


def test_a_right_that_is_taken_away_takes_it_out(real, ana, ben):
    for principal in ("ana", "ben"):
        real.grant(principal, "prod", "read", "write")
    ana.remember(ABOUT, namespace="prod")
    made = ana.handoff(to="ben", reason=ABOUT)
    assert known(ben.handoffs.get(made)) == [ABOUT]
    real.revoke("ben", "prod")
    assert known(ben.handoffs.get(made)) == []
    assert known(ana.handoffs.get(made)) == [ABOUT]


def test_what_is_forgotten_corrected_or_revised_is_so_in_it(real, ana, ben):
    wrong = ana.publish(f"{ABOUT} for lack of money")
    revised = ana.publish(f"{ABOUT} since yesterday")
    gone = ana.publish(f"{ABOUT} by mistake")
    made = ana.handoff(to="ben", reason=ABOUT)
    assert len(known(ben.handoffs.get(made))) == 3
    ana.correct(wrong.uid, f"{ABOUT}: the card has expired")
    ana.revise(revised.uid, text=f"{ABOUT} since today")
    undo = ana.forget(gone.uid)
    found = known(ben.handoffs.get(made))
    assert f"{ABOUT} since today" in found
    assert not {f"{ABOUT} for lack of money", f"{ABOUT} since yesterday", f"{ABOUT} by mistake"} & set(found)
    ana.undo(undo)
    assert f"{ABOUT} by mistake" in known(ben.handoffs.get(made))


def test_what_expired_is_out_of_it(real, ana, ben, clock):
    ana.publish(ABOUT, ttl="1h")
    made = ana.handoff(to="ben", reason=ABOUT)
    assert known(ben.handoffs.get(made)) == [ABOUT]
    clock.advance(timedelta(hours=2))
    assert known(ben.handoffs.get(made)) == []


def test_what_is_erased_is_out_of_it(real, ana, ben):
    ana.publish(f"{ABOUT} of u1", user="u1")
    kept = ana.publish(f"{ABOUT} of nobody")
    ana.tasks.post("call u1", user="u1", session="s")
    ana.publish("said by u1", user="u1", session="s", kind="episodic")
    ana.graph.link(("service", "payment gateway"), "charged", ("person", "Uma One"), namespace="team/shared", user="u1")
    made = ana.handoff(to="ben", reason=ABOUT, session="s")
    whole = ben.handoffs.get(made).to_markdown()
    assert all(words in whole for words in ("of u1", "call u1", "said by u1", "Uma One"))
    real.erase(user="u1")
    found = ben.handoffs.get(made)
    assert [memory.uid for memory in found.package.memories] == [kept.uid]
    assert not any(words in found.to_markdown() for words in ("of u1", "call u1", "said by u1", "Uma One"))
