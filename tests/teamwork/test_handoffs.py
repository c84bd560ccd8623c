"""Handoffs: made to one, taken by one, resolved with an answer; and what becomes of the task meanwhile."""

from __future__ import annotations

import pytest

from tests.team.stores import START
from tests.teamwork.rooms import at_once, claimed, rows, types
from transactive import Agent
from transactive.errors import AccessDenied, AlreadyTaken, InvalidInput, LeaseLost, NotFound
from transactive.records import Handoff


def made_to(agent: Agent, **asked: object) -> list[str]:
    """The ids of the handoffs to an agent."""
    return [handoff.uid for handoff in agent.handoffs.list(**asked)]  # type: ignore[arg-type]


# --- one of them, from beginning to end -------------------------------------------------------------------------------


def test_a_handoff_is_pending_then_taken_then_resolved(team, clock):
    ana, ben = team.agent("ana"), team.agent("ben")
    made = ana.handoff(to="ben", reason="It is about money", notes="The customer is in a hurry")
    assert (made.kind, made.agent, made.to, made.status, made.version) == ("handoff", "ana", "ben", "pending", 1)
    assert (made.reason, made.notes) == ("It is about money", "The customer is in a hurry")
    assert (made.namespace, made.user, made.sensitivity, made.created_at) == ("team/shared", None, "internal", START)
    assert (made.taken_by, made.answer, made.resolved_by) == (None, None, None)

    taken = ben.handoffs.take(made)
    assert (taken.status, taken.taken_by, taken.taken_at, taken.version) == ("taken", "ben", clock.now, 2)
    done = ben.handoffs.resolve(taken, answer={"refunded": 20})
    assert (done.status, done.resolved_by, done.resolved_at) == ("resolved", "ben", clock.now)
    assert (done.taken_by, done.answer, done.version) == ("ben", {"refunded": 20}, 3)
    assert ana.handoffs.get(made.uid).answer == {"refunded": 20}
    assert types(team, only=["handoff.*"]) == ["handoff.send", "handoff.take", "handoff.resolve"]


def test_it_is_resolved_without_being_taken_first(team):
    made = team.agent("ana").handoff(to="ben", reason="x")
    done = team.agent("ben").handoffs.resolve(made)
    assert (done.status, done.taken_by, done.answer, done.resolved_by) == ("resolved", None, None, "ben")


def test_of_many_that_take_it_one_does(team):
    team.groups.set("billing", [f"worker{n}" for n in range(8)])
    made = team.agent("ana").handoff(to="group:billing", reason="x")
    found = at_once(8, lambda n: team.agent(f"worker{n}").handoffs.take(made))
    [winner] = [got for got in found if isinstance(got, Handoff)]
    assert sum(isinstance(got, AlreadyTaken) for got in found) == 7
    assert team.handoffs.get(made).taken_by == winner.taken_by
    assert types(team, only=["handoff.take"]) == ["handoff.take"]


def test_of_many_that_resolve_it_one_does(team):
    made = team.agent("ana").handoff(to="ben", reason="x")
    found = at_once(8, lambda n: team.agent("ben").handoffs.resolve(made, answer=n))
    [winner] = [got for got in found if isinstance(got, Handoff)]
    assert sum(isinstance(got, AlreadyTaken) for got in found) == 7
    assert team.handoffs.get(made).answer == winner.answer


def test_what_somebody_has_is_not_taken_and_not_resolved_by_others(team):
    team.groups.set("billing", ["ben", "carl"])
    ben, carl = team.agent("ben"), team.agent("carl")
    made = team.agent("ana").handoff(to="group:billing", reason="x")
    ben.handoffs.take(made)
    for again in (ben.handoffs.take, carl.handoffs.take, carl.handoffs.resolve):
        with pytest.raises(AlreadyTaken, match="ben"):
            again(made)
    ben.handoffs.resolve(made, answer=1)
    for again in (ben.handoffs.take, ben.handoffs.resolve, carl.handoffs.resolve, team.handoffs.resolve):
        with pytest.raises(AlreadyTaken):
            again(made)
    assert team.handoffs.get(made).answer == 1


def test_the_owner_settles_what_somebody_has_taken(team):
    made = team.agent("ana").handoff(to="ben", reason="x")
    team.agent("ben").handoffs.take(made)
    assert team.handoffs.resolve(made, answer="stop").resolved_by == "owner"


# --- to whom ----------------------------------------------------------------------------------------------------------


def test_both_sides_see_it_and_nobody_else(team):
    ana, ben, carl = (team.agent(name) for name in ("ana", "ben", "carl"))
    made = ana.handoff(to="ben", reason="between us")
    assert (made_to(ben), made_to(ben, sent=True)) == ([made.uid], [])
    assert (made_to(ana), made_to(ana, sent=True)) == ([], [made.uid])
    assert made_to(carl) == made_to(carl, sent=True) == []
    assert made_to(team) == [made.uid]
    for verb in (carl.handoffs.get, carl.handoffs.take, carl.handoffs.resolve, carl.handoffs.wait):
        with pytest.raises(NotFound):
            verb(made)


def test_who_has_made_it_may_neither_take_nor_resolve_it(team):
    ana = team.agent("ana")
    made = ana.handoff(to="ben", reason="x")
    for verb in (ana.handoffs.take, ana.handoffs.resolve):
        with pytest.raises(AccessDenied):
            verb(made)


def test_a_handoff_to_a_group_is_for_whoever_is_in_it_now(team):
    ben, carl = team.agent("ben"), team.agent("carl")
    team.groups.set("billing", ["ben"])
    made = team.agent("ana").handoff(to="group:billing", reason="x")
    assert (made_to(ben), made_to(carl)) == ([made.uid], [])
    team.groups.set("billing", ["carl"])
    with pytest.raises(NotFound):
        ben.handoffs.take(made)
    carl.handoffs.take(made)
    team.groups.set("billing", ["ben"])
    assert made_to(carl) == [made.uid], "who has taken it keeps it"
    assert carl.handoffs.resolve(made, answer="done").resolved_by == "carl"


def test_it_lies_where_the_sender_may_write_and_the_other_may_read(team):
    ana = team.agent("ana")
    before = rows(team)
    with pytest.raises(AccessDenied):
        ana.handoff(to="ben", reason="x", namespace="prod")
    with pytest.raises(InvalidInput, match="could not see a handoff"):
        ana.handoff(to="ben", reason="x", namespace="agents/ana")
    with pytest.raises(InvalidInput, match="could not see a handoff"):
        ana.handoff(to="ben", reason="x", sensitivity="confidential")
    assert rows(team) == before
    team.grant("ana", "prod", "read", "write")
    team.grant("ben", "prod", "read")
    made = ana.handoff(to="ben", reason="x", namespace="prod")
    assert made_to(team.agent("ben")) == [made.uid]
    team.revoke("ben", "prod")
    assert made_to(team.agent("ben")) == []


def test_a_handle_bound_to_a_user_sees_what_is_about_that_user_and_about_none(team):
    ana = team.agent("ana")
    made = {user: ana.handoff(to="ben", reason="x", user=user).uid for user in ("u1", "u2", None)}
    assert made_to(team.agent("ben", user="u1")) == [made[None], made["u1"]]
    with pytest.raises(NotFound):
        team.agent("ben", user="u1").handoffs.take(made["u2"])
    assert team.agent("ana", user="u1").handoff(to="ben", reason="x").user == "u1"
    with pytest.raises(AccessDenied):
        team.agent("ana", user="u1").handoff(to="ben", reason="x", user="u2")


def test_lists_are_latest_first_and_narrowed(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    first, second, third = (ana.handoff(to="ben", reason=str(n)).uid for n in range(3))
    asked = ana.escalate(reason="may I?", to="ben").uid
    ben.handoffs.take(second)
    ben.handoffs.resolve(third)
    assert made_to(ben) == [asked, third, second, first]
    assert made_to(ben, status="taken") == [second]
    assert made_to(ben, status=["taken", "resolved"]) == [third, second]
    assert made_to(ben, kind="escalation") == [asked]
    assert made_to(ben, kind="handoff", status="pending") == [first]
    assert made_to(ben, limit=2, offset=1) == [third, second]
    assert made_to(ana, sent=True, kind="escalation") == [asked]


# --- the task ---------------------------------------------------------------------------------------------------------


def test_a_task_that_is_handed_over_is_open_for_the_other_one_alone(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    claim = claimed(ana)
    made = ana.handoff(to="ben", task=claim, reason="It is about money")
    with pytest.raises(LeaseLost):
        ana.tasks.complete(claim)
    assert ana.tasks.claim() is None
    assert made.package.task is not None
    now = team.tasks.get(claim.task)
    assert (now.status, now.assignee, now.claimed_by, now.reason) == ("open", "ben", None, None)  # it says why itself
    ben.handoffs.take(made)
    mine = ben.tasks.claim(ben.handoffs.get(made).package.task)
    assert mine is not None
    assert ben.tasks.complete(mine).status == "done"
    assert [(a.agent, a.outcome) for a in team.tasks.attempts(now)] == [("ana", "handed over"), ("ben", "done")]


def test_a_task_that_is_handed_to_a_group_is_open_for_its_members(team):
    team.groups.set("billing", ["ben"])
    claim = claimed(team.agent("ana"))
    team.agent("ana").handoff(to="group:billing", task=claim)
    assert team.agent("carl").tasks.claim() is None
    got = team.agent("ben").tasks.claim()
    assert got is not None
    assert got.task.uid == claim.task.uid


def test_what_was_posted_is_handed_over_by_its_poster_or_by_who_holds_its_claim(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    task = ana.tasks.post("Refund", assignee="*")
    with pytest.raises(AccessDenied):
        ben.handoff(to="carl", task=task)
    claim = ben.tasks.claim(task)
    assert claim is not None
    ben.handoff(to="carl", task=claim)
    assert team.tasks.get(task).assignee == "carl"
    ana.handoff(to="dan", task=task.uid)
    assert team.tasks.get(task).assignee == "dan"


def test_a_lost_claim_hands_nothing_over(team, clock):
    ana = team.agent("ana")
    claim = ana.tasks.claim(ana.tasks.post("Refund", assignee="ana"), lease="1m")
    assert claim is not None
    clock.now = claim.expires_at
    before = rows(team)
    with pytest.raises(LeaseLost):
        ana.handoff(to="ben", task=claim)
    assert rows(team) == before
    assert made_to(team) == []


def test_what_is_done_cannot_be_handed_over(team):
    ana = team.agent("ana")
    claim = claimed(ana)
    ana.tasks.complete(claim)
    for task in (claim.task, claim):
        with pytest.raises((InvalidInput, LeaseLost)):
            ana.handoff(to="ben", task=task)
    with pytest.raises(NotFound):
        ana.handoff(to="ben", task="no such task")
    assert made_to(team) == []


def test_a_task_that_the_other_one_may_not_read_is_not_handed_over(team):
    """Nobody could claim it: the other one does not see it, and it is no longer the sender's."""
    ana = team.agent("ana")
    task = ana.tasks.post("Refund", namespace="agents/ana")
    with pytest.raises((InvalidInput, AccessDenied)):
        ana.handoff(to="ben", task=task)
    assert team.tasks.get(task).assignee is None


def test_the_handoff_of_a_task_is_about_the_same_user_and_as_sensitive(team):
    team.grant("*", "team/shared", "read", "write", clearance="confidential")
    ana = team.agent("ana")
    task = ana.tasks.post("Refund", user="u1", session="s1", sensitivity="confidential")
    made = ana.handoff(to="ben", task=task)
    assert (made.user, made.session, made.sensitivity) == ("u1", "s1", "confidential")


def test_a_handoff_outlives_its_task(team):
    """It lies elsewhere, so that it is not deleted with the task."""
    team.grant("*", "proj", "read", "write")
    ana, ben = team.agent("ana"), team.agent("ben")
    made = ana.handoff(to="ben", task=ana.tasks.post("Refund", namespace="proj"))
    team.namespaces.delete("proj")
    assert ben.handoffs.get(made).package.task is None
    assert ben.handoffs.resolve(made, answer="as you like").answer == "as you like"
