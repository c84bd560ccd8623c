"""Who may do what with a task, whom it is not shown to, and what is no task at all."""

from datetime import datetime, timedelta

import pytest

from tests.coordination.conftest import numbers
from transactive import Policy
from transactive.errors import AccessDenied, InvalidInput, NotFound, RateLimited

WHATEVER = "01930000-0000-7000-8000-000000000000"


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    return team.agent("ada")


@pytest.fixture
def bob(team):
    return team.agent("bob")


def refusals(tasks, uid):
    """What each verb that names a task answers about it."""
    said = []
    for verb in (
        tasks.get,
        tasks.attempts,
        tasks.claim,
        tasks.cancel,
        tasks.retry,
        lambda t: tasks.post("x", needs=[t]),
    ):
        with pytest.raises(NotFound) as refused:
            verb(uid)
        said.append(str(refused.value).replace(uid, "…"))
    return said


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_what_one_may_not_read_is_not_there(team, ada):
    hidden = team.tasks.post("secret", namespace="projects/apollo")
    absent = refusals(ada.tasks, WHATEVER)
    assert refusals(ada.tasks, hidden.uid) == absent
    assert (ada.tasks.list(), ada.tasks.count(), ada.tasks.claim()) == ([], 0, None)
    assert ada.tasks.list(namespaces=["projects/**"]) == []


def test_a_task_above_ones_clearance_is_not_there(team, ada):
    team.grant("ada", "ops", "read", "write")
    hidden = team.tasks.post("secret", namespace="ops", sensitivity="confidential", assignee="*")
    assert refusals(ada.tasks, hidden.uid) == refusals(ada.tasks, WHATEVER)
    assert ada.tasks.post("secret", namespace="ops", unique=True).uid != hidden.uid
    assert ada.tasks.claim().task.text == "secret"
    assert ada.tasks.claim() is None


def test_what_a_task_needs_is_named_only_as_far_as_it_may_be_read(team, ada):
    hidden = team.tasks.post("secret", namespace="projects/apollo")
    shared = team.tasks.post("shared")
    task = team.tasks.post("both", needs=[hidden, shared])
    assert team.tasks.get(task).needs == (hidden.uid, shared.uid)
    assert ada.tasks.get(task).needs == (shared.uid,)
    assert {one.text: one.needs for one in ada.tasks.list()}["both"] == (shared.uid,)
    ada.tasks.complete(ada.tasks.claim(shared))
    assert ada.tasks.claim(task) is None, "and it waits for the other all the same"


def test_a_bound_handle_sees_and_takes_what_is_about_its_user_and_about_none(team):
    for user in ("cust_42", "cust_77", None):
        team.tasks.post(f"about {user}", user=user)
    chat = team.agent("triage", user="cust_42")
    assert [task.text for task in chat.tasks.list()] == ["about cust_42", "about None"]
    other = next(task for task in team.tasks.list() if task.user == "cust_77")
    assert refusals(chat.tasks, other.uid) == refusals(chat.tasks, WHATEVER)
    own = chat.tasks.post("mine")
    assert (own.user, team.agent("triage", user="cust_77").tasks.list(assignee="*")) == ("cust_42", [])
    with pytest.raises(AccessDenied):
        chat.tasks.post("about another", user="cust_77")
    while (claim := chat.tasks.claim()) is not None:
        chat.tasks.complete(claim)
    assert [task.text for task in team.tasks.list(status="open")] == ["about cust_77"]


def test_who_may_only_write_posts_and_learns_nothing(team):
    team.grant("webhook", "ops", "write")
    webhook = team.agent("webhook")
    team.tasks.post("Restart the mail server", namespace="ops")
    posted = webhook.tasks.post("Restart the mail server", namespace="ops", unique=True)
    assert (posted.agent, posted.duplicate_of) == ("webhook", None)
    assert team.tasks.count() == 2
    assert refusals(webhook.tasks, posted.uid) == refusals(webhook.tasks, WHATEVER)
    assert (webhook.tasks.list(), webhook.tasks.count(), webhook.tasks.claim()) == ([], 0, None)


# --- what is allowed --------------------------------------------------------------------------------------------------


def test_to_post_takes_the_right_to_write_there(team, ada):
    team.grant("ada", "ops", "read")
    with pytest.raises(AccessDenied):
        ada.tasks.post("work", namespace="ops")
    with pytest.raises(AccessDenied):
        ada.tasks.post("work", namespace="agents/bob")
    assert numbers(team) == []


def test_a_task_is_cancelled_and_retried_by_who_posted_it_or_has_admin_there(team, ada, bob):
    task = ada.tasks.post("work")
    with pytest.raises(AccessDenied, match="admin"):
        bob.tasks.cancel(task)
    bob.tasks.fail(bob.tasks.claim(task), reason="no", retry=False)
    with pytest.raises(AccessDenied):
        bob.tasks.retry(task)
    assert ada.tasks.retry(task).status == "open"
    team.grant("bob", "team/shared", "admin")
    assert bob.tasks.cancel(task).status == "cancelled"
    assert bob.tasks.retry(task).status == "open"
    assert team.tasks.cancel(task).status == "cancelled"


def test_who_may_write_there_no_more_cancels_nothing(team, ada):
    team.grant("ada", "ops", "read", "write")
    task = ada.tasks.post("work", namespace="ops")
    team.revoke("ada", "ops", "write")
    with pytest.raises(AccessDenied):
        ada.tasks.cancel(task)


def test_who_lost_the_right_to_read_a_task_has_lost_its_claim(team, ada):
    team.grant("ada", "ops", "read", "write")
    team.tasks.post("work", namespace="ops")
    claim = ada.tasks.claim()
    team.revoke("ada", "ops")
    for verb in (ada.tasks.complete, ada.tasks.renew, ada.tasks.release):
        with pytest.raises(NotFound):
            verb(claim)


def test_posting_counts_against_the_rate_of_a_namespace(team, ada):
    team.namespaces.configure("team/shared", Policy(write_rate="2/m"))
    ada.tasks.post("one")
    ada.tasks.post("two")
    with pytest.raises(RateLimited):
        ada.tasks.post("three")
    assert ada.tasks.count() == 2


# --- bad input --------------------------------------------------------------------------------------------------------

POSTS = [
    *({"text": text} for text in ("", " ", None, 7)),
    *({"payload": payload} for payload in (float("nan"), {1, 2}, {1: 2}, "x" * (1 << 20))),
    *({"assignee": assignee} for assignee in ("", "group:", 7, "stranger/../../x" * 40)),
    *({"namespace": namespace} for namespace in ("", "/", "projects/*", 7)),
    *({"priority": priority} for priority in (1.5, "high", True, 1 << 40)),
    *({"max_attempts": attempts} for attempts in (0, -1, 1001, "3", True)),
    *({"backoff": backoff} for backoff in ("0s", "soon", -timedelta(1), 5)),
    *({name: time} for name in ("not_before", "deadline") for time in ("tomorrow", datetime(2026, 5, 4), 5)),  # noqa: DTZ001
    *({"needs": needs} for needs in ("x", None, [7], [""], {"x": 1}, [str(n) for n in range(501)])),
    *({"user": user} for user in ("", 7)),
    *({"session": session} for session in ("", 7)),
    {"sensitivity": "secret"},
    {"unique": 1},
]


@pytest.mark.parametrize("bad", POSTS, ids=lambda bad: str(bad)[:40])
def test_a_task_that_makes_no_sense_is_refused_before_anything_is_written(team, ada, bad):
    with pytest.raises(InvalidInput):
        ada.tasks.post(**{"text": "work", **bad})
    assert numbers(team) == []


def test_a_task_that_needs_what_is_not_there_is_refused(team, ada):
    with pytest.raises(NotFound):
        ada.tasks.post("work", needs=[WHATEVER])
    assert numbers(team) == []


@pytest.mark.parametrize(
    "bad",
    [
        *({"lease": lease} for lease in ("0s", "soon", 5, -timedelta(1), timedelta.max)),
        *({"wait": wait} for wait in ("0s", "soon", 5)),
        *({"namespace": namespace} for namespace in ("", "/", 7, "a/**/b")),
        *({"task": task} for task in ("", 7, "x" * 600)),
    ],
    ids=str,
)
def test_a_claim_that_makes_no_sense_is_refused(ada, bad):
    ada.tasks.post("work")
    with pytest.raises(InvalidInput):
        ada.tasks.claim(**bad)
    assert ada.tasks.count(status="claimed") == 0


def test_a_claim_names_a_task_or_a_place_not_both(ada):
    task = ada.tasks.post("work")
    with pytest.raises(InvalidInput):
        ada.tasks.claim(task, namespace="team/**")


def test_what_is_said_about_a_claim_must_make_sense(ada):
    ada.tasks.post("work")
    claim = ada.tasks.claim()
    verbs = [
        *(lambda r=result: ada.tasks.complete(claim, result=r) for result in (float("inf"), object(), "x" * (1 << 20))),
        *(lambda r=reason: ada.tasks.fail(claim, reason=r) for reason in ("", None, 7)),
        *(lambda r=reason: ada.tasks.release(claim, reason=r) for reason in ("", 7)),
        *(lambda le=lease: ada.tasks.renew(claim, lease=le) for lease in ("0s", "soon", 5, timedelta.max)),
        lambda: ada.tasks.cancel(claim.task, reason=""),
    ]
    for verb in verbs:
        with pytest.raises(InvalidInput):
            verb()
    assert ada.tasks.get(claim.task) == claim.task
    assert ada.tasks.complete(claim).status == "done"


def test_a_task_that_rests_for_ages_can_fail(ada, clock):
    ada.tasks.post("work", backoff=timedelta(days=36_500))
    failed = ada.tasks.fail(ada.tasks.claim(), reason="no")
    assert failed.not_before == clock.now + timedelta(days=36_500)


def test_a_back_off_beyond_all_time_is_refused_or_does_no_harm(ada):
    try:
        ada.tasks.post("work", backoff=timedelta.max)
    except InvalidInput:
        return
    assert ada.tasks.fail(ada.tasks.claim(), reason="no").status == "open"


@pytest.mark.parametrize(
    "bad",
    [
        *({"status": status} for status in ("closed", ["open", "closed"], "Open")),
        *({"namespaces": namespaces} for namespaces in ("team/**", ["/"], [7])),
        *({"limit": limit} for limit in (0, 10_001, "5")),
        *({"offset": offset} for offset in (-1, "5")),
        {"assignee": ""},
        {"claimed_by": ""},
    ],
    ids=str,
)
def test_a_list_that_makes_no_sense_is_refused(ada, bad):
    with pytest.raises(InvalidInput):
        ada.tasks.list(**bad)
    if bad.keys() <= {"status", "namespaces"}:
        with pytest.raises(InvalidInput):
            ada.tasks.count(**bad)
