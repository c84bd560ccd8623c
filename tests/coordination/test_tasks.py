"""Tasks are posted, offered in their order to those that they are meant for, claimed by one, and done once."""

from datetime import timedelta

import pytest

from tests.coordination.conftest import in_threads, types
from transactive.errors import AccessDenied, InvalidInput, LeaseLost
from transactive.records import Claim


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    return team.agent("ada")


@pytest.fixture
def bob(team):
    return team.agent("bob")


def texts(tasks):
    return [task.text for task in tasks]


def worked_off(agent, **asked):
    """The texts of all tasks that an agent can claim one after the other."""
    done = []
    while (claim := agent.tasks.claim(**asked)) is not None:
        done.append(agent.tasks.complete(claim).text)
    return done


# --- from post to done ------------------------------------------------------------------------------------------------


def test_a_task_is_posted_claimed_and_done(team, ada, bob, clock):
    posted = ada.tasks.post("Refund INV-5678", payload={"amount": 12.5}, session="ticket-7", priority=3)
    assert (posted.status, posted.agent, posted.namespace, posted.session) == ("open", "ada", "team/shared", "ticket-7")
    assert (posted.payload, posted.priority, posted.created_at) == ({"amount": 12.5}, 3, clock.now)
    assert (posted.attempts, posted.failures, posted.started_at, posted.version) == (0, 0, None, 1)

    clock.advance(timedelta(minutes=1))
    claim = bob.tasks.claim()
    assert claim.expires_at == clock.now + timedelta(minutes=5)
    assert (claim.task.uid, claim.task.status, claim.task.claimed_by) == (posted.uid, "claimed", "bob")
    assert (claim.task.attempts, claim.task.started_at, claim.task.lease_until) == (1, clock.now, claim.expires_at)
    assert ada.tasks.get(posted) == claim.task
    assert ada.tasks.claim() is None
    assert ada.tasks.claim(posted) is None

    clock.advance(timedelta(minutes=1))
    done = bob.tasks.complete(claim, result={"refund": 991})
    assert (done.status, done.result, done.finished_at) == ("done", {"refund": 991}, clock.now)
    assert ada.tasks.get(posted.uid) == done
    assert ada.tasks.claim(posted) is None
    assert types(team.events.list()) == ["task.post", "task.claim", "task.complete"]


def test_to_complete_twice_with_one_claim_changes_nothing(team, ada, bob, clock):
    ada.tasks.post("Refund INV-5678")
    claim = bob.tasks.claim()
    done = bob.tasks.complete(claim, result="first")
    clock.advance(timedelta(days=1))
    again = bob.tasks.complete(claim, result="second")
    assert again == done
    assert types(team.events.list()) == ["task.post", "task.claim", "task.complete"]
    assert [attempt.outcome for attempt in ada.tasks.attempts(done)] == ["done"]


def test_what_is_given_back_is_offered_at_once_and_counts_as_no_failure(ada, bob):
    task = ada.tasks.post("Refund INV-5678", max_attempts=1)
    for round in range(3):
        back = bob.tasks.release(bob.tasks.claim(task), reason=f"not my field {round}")
        assert (back.status, back.failures, back.attempts) == ("open", 0, round + 1)
        assert (back.reason, back.claimed_by, back.lease_until) == (f"not my field {round}", None, None)
    assert ada.tasks.claim() is not None


def test_attempts_tell_of_every_claim_and_what_became_of_it(ada, bob, clock):
    task = ada.tasks.post("Refund INV-5678", backoff="1s")
    start = clock.now
    bob.tasks.release(bob.tasks.claim(), reason="lunch")
    bob.tasks.fail(bob.tasks.claim(), reason="the bank is closed")
    clock.advance(timedelta(seconds=1))
    bob.tasks.claim(lease="1m")
    clock.advance(timedelta(minutes=1))
    ada.tasks.complete(ada.tasks.claim())
    ended = [(a.number, a.agent, a.outcome, a.reason) for a in ada.tasks.attempts(task)]
    assert ended == [
        (1, "bob", "released", "lunch"),
        (2, "bob", "failed", "the bank is closed"),
        (3, "bob", "expired", None),
        (4, "ada", "done", None),
    ]
    assert [a.claimed_at - start for a in ada.tasks.attempts(task.uid)] == [timedelta(seconds=s) for s in (0, 0, 1, 61)]
    going = ada.tasks.claim(ada.tasks.post("another"))
    [attempt] = ada.tasks.attempts(going.task)
    assert (attempt.outcome, attempt.ended_at) == (None, None)


def test_of_many_threads_that_want_a_task_one_gets_it(team, ada):
    for round in range(10):
        task = ada.tasks.post(f"job {round}")
        claims: dict[int, Claim | None] = {}

        def work(number, task=task, claims=claims):
            claims[number] = team.agent(f"worker-{number}").tasks.claim(task)

        in_threads(8, work)
        assert len([claim for claim in claims.values() if claim is not None]) == 1
        assert len(ada.tasks.attempts(task)) == 1


def test_many_threads_get_every_task_once(team, ada):
    posted = [ada.tasks.post(f"job {number}").uid for number in range(80)]
    done: list[str] = []

    def work(number):
        tasks = team.agent(f"worker-{number}").tasks
        while (claim := tasks.claim()) is not None:
            done.append(tasks.complete(claim).uid)

    in_threads(8, work)
    assert sorted(done) == sorted(posted)
    assert types(team.events.list()).count("task.complete") == 80


# --- in which order ---------------------------------------------------------------------------------------------------


def test_the_highest_priority_comes_first_and_of_those_the_oldest(ada):
    for text, priority in [("a", 0), ("b", 5), ("c", -1), ("d", 5), ("e", 0)]:
        ada.tasks.post(text, priority=priority)
    assert texts(ada.tasks.list()) == ["b", "d", "a", "e", "c"]
    assert worked_off(ada) == ["b", "d", "a", "e", "c"]


def test_a_worker_takes_from_a_part_of_the_namespaces(team, ada):
    team.grant("ada", "projects/**", "read", "write")
    ada.tasks.post("shared", priority=9)
    ada.tasks.post("deep", namespace="projects/apollo/crew")
    ada.tasks.post("flat", namespace="projects/apollo")
    assert worked_off(ada, namespace="projects/*") == ["flat"]
    assert worked_off(ada, namespace="projects/**") == ["deep"]
    assert worked_off(ada) == ["shared"]


def test_a_task_is_not_offered_before_its_time(ada, clock):
    later = ada.tasks.post("later", not_before=clock.now + timedelta(hours=1), priority=9)
    ada.tasks.post("now")
    assert texts(ada.tasks.list(offered=True)) == ["now"]
    assert ada.tasks.claim(later) is None
    assert worked_off(ada) == ["now"]
    clock.advance(timedelta(hours=1))
    assert texts(ada.tasks.list(offered=True)) == ["later"]
    assert worked_off(ada) == ["later"]


# --- what others must be done before ----------------------------------------------------------------------------------


def test_a_task_waits_for_those_that_it_needs(ada):
    first, second = ada.tasks.post("first"), ada.tasks.post("second")
    third = ada.tasks.post("third", needs=[first, second.uid], priority=9)
    assert third.needs == (first.uid, second.uid)
    assert ada.tasks.claim(third) is None
    assert texts(ada.tasks.list(offered=True)) == ["first", "second"]
    assert worked_off(ada) == ["first", "second", "third"]
    assert ada.tasks.get(third).needs == (first.uid, second.uid)


def test_what_needs_a_task_that_is_done_is_offered_at_once(ada):
    first = ada.tasks.post("first")
    ada.tasks.complete(ada.tasks.claim(first))
    assert worked_off(ada) == []
    ada.tasks.post("second", needs=[first, first.uid, first])
    assert worked_off(ada) == ["second"]


def test_a_chain_and_a_diamond_are_worked_off_in_order(ada):
    top = ada.tasks.post("top")
    left, right = ada.tasks.post("left", needs=[top]), ada.tasks.post("right", needs=[top])
    bottom = ada.tasks.post("bottom", needs=[left, right], priority=5)
    ada.tasks.post("after", needs=[bottom], priority=9)
    assert worked_off(ada) == ["top", "left", "right", "bottom", "after"]


def test_a_failure_a_dead_letter_and_a_cancellation_free_nothing(ada, clock):
    first = ada.tasks.post("first")
    ada.tasks.post("second", needs=[first])
    ada.tasks.fail(ada.tasks.claim(first), reason="no", retry=False)
    assert ada.tasks.claim() is None
    ada.tasks.cancel(first)
    assert ada.tasks.claim() is None
    ada.tasks.retry(first)
    assert worked_off(ada) == ["first", "second"]


def test_completing_twice_frees_what_waits_for_two_only_once(ada):
    first, other = ada.tasks.post("first"), ada.tasks.post("other")
    ada.tasks.post("second", needs=[first, other], priority=9)
    claim = ada.tasks.claim(first)
    ada.tasks.complete(claim)
    ada.tasks.complete(claim)
    assert texts(ada.tasks.list(offered=True)) == ["other"]


# --- for whom ---------------------------------------------------------------------------------------------------------


def test_a_task_is_for_its_assignee(team, ada, bob):
    task = ada.tasks.post("for bob", assignee="bob")
    assert ada.tasks.claim() is None
    with pytest.raises(AccessDenied, match="assigned"):
        ada.tasks.claim(task)
    assert texts(ada.tasks.list(assignee="bob")) == ["for bob"]
    assert ada.tasks.list(offered=True) == []
    assert worked_off(bob) == ["for bob"]


def test_a_task_is_for_those_who_are_in_its_group_just_then(team, ada, bob):
    team.groups.set("billing", ["bob"])
    ada.tasks.post("one", assignee="group:billing")
    ada.tasks.post("two", assignee="group:billing")
    assert ada.tasks.claim() is None
    assert bob.tasks.claim().task.text == "one"
    team.groups.set("billing", ["ada"])
    assert bob.tasks.claim() is None
    assert worked_off(ada) == ["two"]


def test_who_may_only_read_takes_what_is_for_everybody_or_for_itself_and_nothing_else(team, ada):
    team.grant("reader", "ops", "read")
    team.grant("ada", "ops", "read", "write")
    reader = team.agent("reader")
    for assignee in (None, "*", "reader"):
        ada.tasks.post(f"for {assignee}", namespace="ops", assignee=assignee)
    assert texts(reader.tasks.list(offered=True)) == ["for *", "for reader"]
    unassigned = next(task for task in reader.tasks.list() if task.assignee is None)
    with pytest.raises(AccessDenied):
        reader.tasks.claim(unassigned)
    assert worked_off(reader) == ["for *", "for reader"]


def test_what_is_for_a_person_is_for_no_agent(team, ada, bob):
    task = ada.tasks.post("Approve the refund", assignee="human:joan")
    assert bob.tasks.claim() is None
    with pytest.raises(AccessDenied):
        bob.tasks.claim(task)
    claim = team.agent("human:joan").tasks.claim()
    assert claim.task.uid == task.uid


def test_the_owner_may_take_any_task_that_it_names(team, ada):
    task = ada.tasks.post("for bob", assignee="bob")
    claim = team.tasks.claim(task)
    assert claim.task.claimed_by == "owner"
    assert team.tasks.complete(claim).status == "done"


def test_an_assignee_must_be_able_to_read_it(team, ada):
    team.grant("ada", "ops", "read", "write", clearance="confidential")
    with pytest.raises(InvalidInput, match="grant"):
        ada.tasks.post("secret", namespace="ops", assignee="bob")
    team.grant("bob", "ops", "read")
    assert ada.tasks.post("plain", namespace="ops", assignee="bob").assignee == "bob"
    with pytest.raises(InvalidInput):
        ada.tasks.post("secret", namespace="ops", assignee="bob", sensitivity="confidential")
    assert ada.tasks.count() == 1


# --- the same once more -----------------------------------------------------------------------------------------------


def test_a_task_that_asks_for_nearly_the_same_names_the_earlier_one(ada, bob):
    first = ada.tasks.post("Refund the invoice INV-5678 of Acme")
    second = bob.tasks.post("Please refund the invoice INV-5678 of Acme")
    assert (first.duplicate_of, second.duplicate_of) == (None, first.uid)
    assert second.uid != first.uid
    assert bob.tasks.post("Refund the invoice INV-5679 of Acme").duplicate_of is None, "another number, another task"
    assert bob.tasks.post("Do not refund the invoice INV-5678 of Acme").duplicate_of is None


def test_unique_returns_the_task_that_is_there(team, ada, bob):
    first = ada.tasks.post("Refund the invoice INV-5678 of Acme", payload=1, unique=True)
    again = bob.tasks.post("Please refund the invoice INV-5678 of Acme", payload=2, unique=True)
    assert again == first
    assert types(team.events.list()) == ["task.post"]
    done = ada.tasks.complete(ada.tasks.claim(first))
    assert bob.tasks.post("Refund the invoice INV-5678 of Acme", unique=True) == done, "what is done counts too"


def test_unique_passes_over_the_dead_the_cancelled_other_places_other_users_and_the_unreadable(team, ada, bob):
    text = "Refund the invoice INV-5678 of Acme"
    dead = ada.tasks.post(text)
    ada.tasks.fail(ada.tasks.claim(dead), reason="no", retry=False)
    ada.tasks.cancel(ada.tasks.post(text))
    ada.tasks.post(text, namespace=ada.namespace)
    ada.tasks.post(text, user="cust_42")
    team.tasks.post(text, sensitivity="confidential")
    fresh = bob.tasks.post(text, unique=True)
    assert (fresh.agent, fresh.duplicate_of) == ("bob", None)


# --- lists ------------------------------------------------------------------------------------------------------------


def test_tasks_are_listed_and_counted_by_what_they_are(team, ada, bob, clock):
    ada.tasks.post("open")
    ada.tasks.post("elsewhere", namespace=ada.namespace)
    ada.tasks.cancel(ada.tasks.post("cancelled"))
    ada.tasks.fail(ada.tasks.claim(ada.tasks.post("dead")), reason="no", retry=False)
    bob.tasks.complete(bob.tasks.claim(ada.tasks.post("done")))
    bob.tasks.claim(ada.tasks.post("claimed"))
    assert texts(ada.tasks.list()) == ["open", "elsewhere", "cancelled", "dead", "done", "claimed"]
    for status in ("cancelled", "dead", "done", "claimed"):
        assert texts(ada.tasks.list(status=status)) == [status]
        assert ada.tasks.count(status=status) == 1
    assert texts(ada.tasks.list(status=["open", "done"])) == ["open", "elsewhere", "done"]
    assert texts(ada.tasks.list(namespaces=["agents/**"])) == ["elsewhere"]
    assert ada.tasks.count(namespaces=["team/shared"]) == 5
    assert texts(ada.tasks.list(claimed_by="bob")) == ["claimed"]
    assert ada.tasks.list(claimed_by="ada") == []
    assert texts(ada.tasks.list(limit=2, offset=1)) == ["elsewhere", "cancelled"]
    assert texts(bob.tasks.list(offered=True)) == ["open"]
    assert bob.tasks.count() == 5
    clock.advance(timedelta(hours=1))
    assert texts(ada.tasks.list(status="open")) == ["open", "elsewhere", "claimed"], "its lease has run out"
    assert (ada.tasks.count(status="claimed"), ada.tasks.list(claimed_by="bob")) == (0, [])


def test_another_handle_of_the_same_agent_may_go_on_with_a_claim_but_another_agent_may_not(team, ada, bob):
    ada.tasks.post("work")
    claim = bob.tasks.claim()
    for verb in (ada.tasks.complete, ada.tasks.renew, ada.tasks.release, lambda c: ada.tasks.fail(c, reason="no")):
        with pytest.raises(LeaseLost):
            verb(claim)
    assert team.agent("bob").tasks.complete(claim).status == "done"
