"""Leases, failures, back-off, deadlines, dead letters: when a task is offered again, and who has lost it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.coordination.conftest import types
from tests.team.stores import opened
from transactive.errors import AccessDenied, InvalidInput, LeaseLost, NotFound

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    return team.agent("ada")


@pytest.fixture
def bob(team):
    return team.agent("bob")


def is_lost(tasks, claim):
    """No verb that takes a claim does anything."""
    before = tasks.get(claim.task)
    for verb in (
        lambda: tasks.complete(claim, result="late"),
        lambda: tasks.renew(claim),
        lambda: tasks.release(claim),
        lambda: tasks.fail(claim, reason="late"),
        lambda: tasks.fail(claim, reason="late", retry=False),
    ):
        with pytest.raises(LeaseLost):
            verb()
    assert tasks.get(claim.task) == before
    return True


# --- leases -----------------------------------------------------------------------------------------------------------


def test_a_lease_that_runs_out_offers_the_task_again(team, ada, bob, clock):
    task = ada.tasks.post("work")
    lost = bob.tasks.claim(lease="10m")
    clock.advance(10 * MINUTE - timedelta(microseconds=1))
    assert ada.tasks.claim() is None
    clock.advance(timedelta(microseconds=1))
    assert (ada.tasks.get(task).status, ada.tasks.get(task).claimed_by) == ("open", None)
    assert is_lost(bob.tasks, lost), "even while nobody else has taken it"
    taken = ada.tasks.claim()
    assert (taken.task.uid, taken.task.attempts, taken.task.failures) == (task.uid, 2, 1)
    assert is_lost(bob.tasks, lost)
    assert ada.tasks.complete(taken).status == "done"
    assert is_lost(bob.tasks, lost)
    assert types(team.events.list()) == ["task.post", "task.claim", "task.expire", "task.claim", "task.complete"]


def test_what_could_be_claimed_now_includes_what_a_lease_ran_out_for(ada, bob, clock):
    ada.tasks.post("work")
    bob.tasks.claim(lease="1m")
    assert ada.tasks.list(offered=True) == []
    clock.advance(MINUTE)
    assert [task.text for task in ada.tasks.list(offered=True)] == ["work"]
    assert ada.tasks.claim() is not None


def test_a_lease_is_renewed_from_now_on(ada, bob, clock):
    task = ada.tasks.post("work")
    claim = bob.tasks.claim(lease="10m")
    for _ in range(5):
        clock.advance(8 * MINUTE)
        claim = bob.tasks.renew(claim, lease="10m")
        assert claim.expires_at == clock.now + 10 * MINUTE == ada.tasks.get(task).lease_until
        assert ada.tasks.claim() is None
    assert bob.tasks.complete(claim).status == "done"
    assert len(ada.tasks.attempts(task)) == 1


def test_the_claim_of_before_a_renewal_is_still_the_same_claim(ada, bob, clock):
    ada.tasks.post("work")
    old = bob.tasks.claim(lease="10m")
    bob.tasks.renew(old, lease="1h")
    clock.advance(30 * MINUTE)
    assert bob.tasks.complete(old).status == "done"


def test_of_an_agents_two_claims_of_one_task_the_first_is_lost(bob, ada, clock):
    ada.tasks.post("work")
    first = bob.tasks.claim(lease="1m")
    clock.advance(MINUTE)
    second = bob.tasks.claim(lease="1m")
    assert second.token != first.token
    assert is_lost(bob.tasks, first)
    assert bob.tasks.complete(second).status == "done"
    assert is_lost(bob.tasks, first)


def test_a_claim_cannot_be_made_up(ada, bob):
    ada.tasks.post("work")
    claim = bob.tasks.claim()
    assert is_lost(bob.tasks, replace(claim, token="another"))
    assert claim.token not in repr(claim)
    for other in (None, claim.task, claim.token, claim.task.uid):
        for verb in (bob.tasks.complete, bob.tasks.renew, bob.tasks.release):
            with pytest.raises(InvalidInput):
                verb(other)
        with pytest.raises(InvalidInput):
            bob.tasks.fail(other, reason="no")


def test_leases_hold_across_a_restart(tmp_path, clock):
    with opened(tmp_path, clock=clock, index=None) as team:
        team.tasks.post("work")
        claim = team.agent("bob").tasks.claim(lease="10m")
    with opened(tmp_path, clock=clock, index=None) as team:
        assert team.agent("ada").tasks.claim() is None
        assert claim is not None
        assert team.agent("bob").tasks.complete(claim).status == "done"


def test_upkeep_notes_leases_that_have_run_out(team, ada, bob, clock):
    task = ada.tasks.post("work", max_attempts=1)
    bob.tasks.claim(lease="1m")
    clock.advance(MINUTE)
    team.maintain()
    assert ada.tasks.get(task).status == "dead"
    assert [attempt.outcome for attempt in ada.tasks.attempts(task)] == ["expired"]
    event = team.events.list()[-1]
    assert (event.type, event.agent) == ("task.dead", "owner")


# --- failures ---------------------------------------------------------------------------------------------------------


def test_what_has_failed_rests_twice_as_long_each_time_and_at_most_an_hour(ada, bob, clock):
    task = ada.tasks.post("work", backoff="10m", max_attempts=6)
    for failures, rest in enumerate((10, 20, 40, 60, 60), 1):
        failed = bob.tasks.fail(bob.tasks.claim(), reason=f"no {failures}")
        assert (failed.status, failed.failures, failed.reason) == ("open", failures, f"no {failures}")
        assert failed.not_before == clock.now + rest * MINUTE
        clock.advance(rest * MINUTE - timedelta(microseconds=1))
        assert bob.tasks.claim() is None
        assert bob.tasks.claim(task) is None
        clock.advance(timedelta(microseconds=1))
    dead = bob.tasks.fail(bob.tasks.claim(), reason="for good")
    assert (dead.status, dead.failures, dead.finished_at) == ("dead", 6, clock.now)
    assert bob.tasks.claim() is None


def test_a_failure_for_good_is_a_dead_letter_at_once(team, ada, bob):
    ada.tasks.post("work", max_attempts=10)
    dead = bob.tasks.fail(bob.tasks.claim(), reason="there is no such invoice", retry=False)
    assert (dead.status, dead.reason, dead.failures) == ("dead", "there is no such invoice", 1)
    assert [task.uid for task in ada.tasks.list(status="dead")] == [dead.uid]
    assert types(team.events.list())[-1] == "task.dead"


def test_leases_that_run_out_count_as_failures_and_end_in_a_dead_letter(ada, bob, clock):
    task = ada.tasks.post("a task that kills its worker", max_attempts=3)
    for _ in range(3):
        assert bob.tasks.claim(lease="1m") is not None
        clock.advance(MINUTE)
    assert bob.tasks.claim() is None
    dead = ada.tasks.get(task)
    assert (dead.status, dead.failures, dead.attempts) == ("dead", 3, 3)
    assert [attempt.outcome for attempt in ada.tasks.attempts(task)] == ["expired"] * 3


def test_a_dead_letter_is_offered_again_with_no_failures(team, ada, bob, clock):
    task = ada.tasks.post("work", max_attempts=2, backoff="1h")
    for _ in range(2):
        bob.tasks.fail(bob.tasks.claim(), reason="no")
        clock.advance(HOUR)
    again = ada.tasks.retry(task)
    assert (again.status, again.failures, again.attempts, again.finished_at) == ("open", 0, 2, None)
    first = bob.tasks.fail(bob.tasks.claim(), reason="no")
    assert (first.status, first.failures, first.not_before) == ("open", 1, clock.now + HOUR)
    clock.advance(HOUR)
    assert bob.tasks.complete(bob.tasks.claim()).attempts == 4
    assert len(ada.tasks.attempts(task)) == 4


def test_only_what_is_dead_or_cancelled_is_retried(ada, bob):
    task = ada.tasks.post("work")
    with pytest.raises(InvalidInput, match="open"):
        ada.tasks.retry(task)
    claim = bob.tasks.claim()
    with pytest.raises(InvalidInput, match="claimed"):
        ada.tasks.retry(task)
    bob.tasks.complete(claim)
    with pytest.raises(InvalidInput, match="done"):
        ada.tasks.retry(task)


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_a_task_that_nobody_claimed_by_its_deadline_is_a_dead_letter(team, ada, bob, clock):
    task = ada.tasks.post("work", deadline=clock.now + HOUR)
    clock.advance(HOUR - timedelta(microseconds=1))
    assert [one.uid for one in bob.tasks.list(offered=True)] == [task.uid]
    clock.advance(timedelta(microseconds=1))
    assert bob.tasks.claim(task) is None
    assert bob.tasks.claim() is None
    dead = ada.tasks.get(task)
    assert (dead.status, dead.failures) == ("dead", 0)
    assert dead.reason is not None
    assert "deadline" in dead.reason
    assert types(team.events.list()) == ["task.post", "task.dead"]


def test_what_could_be_claimed_now_leaves_out_what_is_past_its_deadline(ada, clock):
    ada.tasks.post("work", deadline=clock.now + HOUR)
    clock.advance(HOUR)
    assert ada.tasks.list(offered=True) == []
    assert ada.tasks.claim() is None


def test_who_claimed_in_time_may_finish_after_the_deadline(ada, bob, clock):
    ada.tasks.post("work", deadline=clock.now + HOUR)
    clock.advance(HOUR - MINUTE)
    claim = bob.tasks.claim(lease="2h")
    clock.advance(HOUR)
    assert bob.tasks.complete(claim).status == "done"


@pytest.mark.parametrize("ending", ["expires", "fails", "is given back"])
def test_a_claim_that_comes_to_nothing_after_the_deadline_leaves_a_dead_letter(ada, bob, clock, ending):
    task = ada.tasks.post("work", deadline=clock.now + HOUR, backoff="1s")
    claim = bob.tasks.claim(lease="2h")
    clock.advance(HOUR + MINUTE)
    if ending == "fails":
        bob.tasks.fail(claim, reason="no")
    elif ending == "is given back":
        bob.tasks.release(claim)
    clock.advance(2 * HOUR)
    assert ada.tasks.claim() is None
    assert ada.tasks.get(task).status == "dead"


def test_however_many_deadlines_pass_at_once_none_of_them_is_claimed(team, ada, clock):
    team.grant("ada", "batch/**", "read", "write")
    deadline = clock.now + HOUR
    for number in range(1_001):
        ada.tasks.post(f"job {number}", namespace=f"batch/{number // 10}", deadline=deadline)
    clock.advance(2 * HOUR)
    assert ada.tasks.claim() is None


def test_a_retry_takes_the_deadline_away(ada, bob, clock):
    task = ada.tasks.post("work", deadline=clock.now + HOUR)
    clock.advance(HOUR)
    assert bob.tasks.claim() is None
    assert ada.tasks.retry(task).deadline is None
    assert bob.tasks.claim() is not None


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_a_cancelled_task_is_offered_no_more_and_a_claim_on_it_is_lost(team, ada, bob):
    task = ada.tasks.post("work")
    claim = bob.tasks.claim()
    cancelled = ada.tasks.cancel(task, reason="the customer has called it off")
    assert (cancelled.status, cancelled.reason) == ("cancelled", "the customer has called it off")
    assert cancelled.claimed_by is None
    assert is_lost(bob.tasks, claim)
    assert bob.tasks.claim() is None
    assert [attempt.outcome for attempt in ada.tasks.attempts(task)] == ["cancelled"]
    again = ada.tasks.retry(task)
    assert again.status == "open"
    assert is_lost(bob.tasks, claim), "the old claim stays lost"
    assert bob.tasks.claim() is not None


def test_what_is_over_cannot_be_cancelled(ada, bob):
    task = ada.tasks.post("work")
    bob.tasks.complete(bob.tasks.claim())
    with pytest.raises(InvalidInput):
        ada.tasks.cancel(task)
    other = ada.tasks.post("other")
    ada.tasks.cancel(other)
    with pytest.raises(InvalidInput):
        ada.tasks.cancel(other)


# --- waiting for one --------------------------------------------------------------------------------------------------


def test_who_waits_in_vain_gets_none(ada):
    assert ada.tasks.claim(wait="0.05s") is None
    with pytest.raises(NotFound):
        ada.tasks.claim("nothing", wait="1h")


def test_who_waits_for_what_is_not_meant_for_it_is_told_at_once(ada, bob):
    task = ada.tasks.post("for ada", assignee="ada")
    with pytest.raises(AccessDenied):
        bob.tasks.claim(task, wait="1h")
