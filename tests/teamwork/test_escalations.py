"""Escalations: a person, or whoever may decide, is asked; the task waits; the answer comes back and it goes on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.crash.processes import soon
from tests.team.stores import opened
from tests.team.traces import runs
from tests.teamwork.rooms import claimed, types
from transactive.coordination import handing
from transactive.errors import AccessDenied, AlreadyTaken, InvalidInput, NotFound


def test_a_task_waits_for_a_person_and_goes_on_with_the_answer(team):
    ana = team.agent("ana")
    claim = claimed(ana)
    asked = ana.escalate(claim, "more than I may refund", to="human:dana")
    assert (asked.kind, asked.to, asked.status) == ("escalation", "human:dana", "pending")
    waiting = team.tasks.get(claim.task)
    assert (waiting.status, waiting.claimed_by, waiting.reason) == ("waiting", None, None)  # the case says why
    assert ana.tasks.claim(claim.task) is None

    team.handoffs.take(asked, by="dana")
    done = team.handoffs.resolve(asked, answer="refund half of it", by="dana")
    assert (done.taken_by, done.resolved_by, done.answer) == ("dana", "dana", "refund half of it")
    again = ana.tasks.claim(claim.task)
    assert again is not None
    assert (again.task.attempts, again.task.failures, again.task.assignee) == (2, 0, "ana")
    assert again.task.reason is None
    assert ana.tasks.complete(again).status == "done"
    assert types(team, only=["handoff.*", "task.resume"]) == [
        "handoff.send",
        "handoff.take",
        "task.resume",
        "handoff.resolve",
    ]


def test_a_task_waits_for_an_agent_that_may_decide_too(team):
    """`escalate`: "The task waits meanwhile … the task is then offered to this agent again"."""
    ana, lead = team.agent("ana"), team.agent("lead")
    claim = claimed(ana)
    asked = ana.escalate(claim, "more than I may refund", to="lead")
    assert team.tasks.get(claim.task).status == "waiting"
    lead.handoffs.resolve(asked, answer="yes")
    again = team.tasks.get(claim.task)
    assert (again.status, again.assignee) == ("open", "ana")
    assert ana.tasks.claim(claim.task) is not None


def test_a_task_waits_for_a_group_that_may_decide_too(team):
    ana = team.agent("ana")
    team.groups.set("leads", ["lead"])
    claim = claimed(ana)
    asked = ana.escalate(claim, "more than I may refund", to="group:leads")
    assert team.tasks.get(claim.task).status == "waiting"
    team.agent("lead").handoffs.resolve(asked, answer="yes")
    assert ana.tasks.claim(claim.task) is not None


def test_a_task_that_is_handed_to_a_person_waits_too(team):
    ana = team.agent("ana")
    claim = claimed(ana)
    made = ana.handoff(to="human:dana", task=claim)
    assert team.tasks.get(claim.task).status == "waiting"
    team.handoffs.resolve(made, by="dana")
    assert (team.tasks.get(claim.task).status, team.tasks.get(claim.task).assignee) == ("open", "ana")


def test_a_task_that_was_cancelled_meanwhile_stays_so(team):
    ana = team.agent("ana")
    claim = claimed(ana)
    asked = ana.escalate(claim, "why", to="human:dana")
    ana.tasks.cancel(claim.task)
    assert team.handoffs.resolve(asked, answer="yes", by="dana").status == "resolved"
    assert team.tasks.get(claim.task).status == "cancelled"


def test_a_question_without_a_task_is_answered_too(team):
    ana = team.agent("ana")
    asked = ana.escalate(reason="May I refund 500?", to="human:dana")
    assert asked.package.task is None
    team.handoffs.resolve(asked, answer=["no", {"ask": "ben"}], by="dana")
    assert ana.handoffs.get(asked).answer == ["no", {"ask": "ben"}]


def test_a_task_that_is_gone_does_not_keep_its_question_from_being_answered(team):
    team.grant("*", "proj", "read", "write")
    ana = team.agent("ana")
    asked = ana.escalate(ana.tasks.post("Refund", namespace="proj"), "why", to="human:dana")
    team.namespaces.delete("proj")
    assert team.handoffs.resolve(asked, answer="yes", by="dana").answer == "yes"
    assert ana.handoffs.get(asked).answer == "yes"


# --- people -----------------------------------------------------------------------------------------------------------


def test_only_the_owner_acts_for_a_person(team):
    asked = team.agent("ana").escalate(reason="x", to="ben")
    for verb in (team.agent("ben").handoffs.take, team.agent("ben").handoffs.resolve):
        with pytest.raises(AccessDenied):
            verb(asked, by="dana")
    assert team.handoffs.get(asked).status == "pending"


def test_of_two_persons_one_takes_it(team):
    asked = team.agent("ana").escalate(reason="x", to="human:support")
    team.handoffs.take(asked, by="dana")
    with pytest.raises(AlreadyTaken, match="dana"):
        team.handoffs.take(asked, by="eve")
    assert team.handoffs.get(asked).taken_by == "dana"


def test_a_person_answers_by_a_handle_of_the_persons_name(team):
    asked = team.agent("ana").escalate(reason="May I?", to="human:dana")
    dana = team.agent("human:dana")
    assert [handoff.uid for handoff in dana.handoffs.list(status="pending")] == [asked.uid]
    dana.handoffs.take(asked)
    assert dana.handoffs.resolve(asked, answer="yes").resolved_by == "human:dana"
    for name in ("dana", "human:eve"):
        with pytest.raises(NotFound):
            team.agent(name).handoffs.get(asked)


@pytest.mark.parametrize("to", ["*", "", "owner", None, 5, ["ben"], "group:", "a\x00b"])
def test_it_is_made_to_one_that_there_can_be(team, to):
    with pytest.raises(InvalidInput):
        team.agent("ana").escalate(reason="x", to=to)
    with pytest.raises(InvalidInput):
        team.agent("ana").handoff(reason="x", to=to)
    assert team.handoffs.list() == []


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_whoever_waits_is_woken_by_the_answer(team, monkeypatch):
    monkeypatch.setattr(handing, "POLL_SECONDS", 60.0)  # looking now and then would hide that nobody was woken
    ana, lead = team.agent("ana"), team.agent("lead")
    asked = ana.escalate(reason="May I?", to="lead")
    answers: list[object] = []

    def wait() -> None:
        found = ana.handoffs.wait(asked, timeout="30s")
        answers.append(None if found is None else found.answer)

    waits = threading.Thread(target=wait)
    waits.start()
    assert soon(lambda: team._engine.store.signal._waiting)
    lead.handoffs.take(asked)
    lead.handoffs.resolve(asked, answer="yes")
    waits.join(timeout=20)
    assert answers == ["yes"]
    assert not team._engine.store.signal._waiting


def test_whoever_waits_too_long_gets_none(team):
    ana = team.agent("ana")
    asked = ana.escalate(reason="May I?", to="lead")
    assert ana.handoffs.wait(asked, timeout="0.01s") is None
    team.agent("lead").handoffs.resolve(asked, answer=0)
    found = ana.handoffs.wait(asked, timeout="0.01s")
    assert found is not None
    assert (found.status, found.answer) == ("resolved", 0)
    with pytest.raises(NotFound):
        ana.handoffs.wait("no such handoff", timeout="0.01s")


ANSWERS = """
import sys
from tests.team.stores import opened
with opened(sys.argv[1], index=None) as beside:
    beside.agent("lead").handoffs.resolve(sys.argv[2], answer="yes")
"""


def test_an_answer_of_another_process_is_heard(tmp_path):
    with opened(tmp_path) as team, ThreadPoolExecutor(1) as pool:
        asked = team.agent("ana").escalate(reason="May I?", to="lead")
        waits = pool.submit(team.agent("ana").handoffs.wait, asked, timeout="60s")
        assert runs(ANSWERS, tmp_path, asked.uid) == 0
        found = waits.result(timeout=60)
        assert found is not None
        assert found.answer == "yes"


def test_a_follower_gets_each_step_of_what_is_to_its_agent_and_by_it(team):
    ana, ben, carl = (team.agent(name) for name in ("ana", "ben", "carl"))
    team.agent("dan").handoff(to="eve", reason="between others")
    made = ana.handoff(to="ben", reason="x")
    ben.handoffs.take(made)
    ben.handoffs.resolve(made, answer="done")
    for agent in (ana, ben):
        with agent.handoffs.follow(after=None, idle="0.01s") as steps:
            found = list(steps)
        assert [handoff.uid for handoff in found] == [made.uid] * 3
        assert found[-1].answer == "done"
    assert list(carl.handoffs.follow(after=None, idle="0.01s")) == []
    assert list(ana.handoffs.follow(idle="0.01s")) == []


def test_the_answer_comes_as_an_event(team):
    ana = team.agent("ana")
    asked = ana.escalate(claimed(ana), "May I?", to="human:dana")
    after = ana.events.cursor()
    team.handoffs.resolve(asked, answer="the secret word", by="dana")
    found = ana.events.list(after=after, types=["handoff.resolve"])
    assert [(event.uid, event.data) for event in found] == [(asked.uid, None)]
    assert ana.handoffs.get(found[0].uid).answer == "the secret word"


def test_the_answer_comes_to_a_handle_that_is_bound_to_a_user(team):
    ana = team.agent("ana", user="u1")
    asked = ana.escalate(reason="May I?", to="human:dana")
    team.handoffs.resolve(asked, answer="yes", by="dana")
    assert [event.type for event in ana.events.list(types=["handoff.*"])] == ["handoff.send", "handoff.resolve"]
    assert [handoff.answer for handoff in ana.handoffs.follow(after=None, idle="0.01s")] == ["yes", "yes"]
    assert list(team.agent("ana", user="u2").handoffs.follow(after=None, idle="0.01s")) == []
