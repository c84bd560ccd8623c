"""Who gets which events: decided when they are read, by the grants of then; users are pseudonyms in the ledger."""

import itertools
import random
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from tests.coordination.conftest import IDLE, Following, numbers, types
from tests.team.stores import opened
from tests.team.traces import leaks, rare
from transactive.errors import InvalidInput


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    return team.agent("ada")


def uids(events):
    return [event.uid for event in events]


# --- grants -----------------------------------------------------------------------------------------------------------


def test_an_agent_gets_only_what_it_may_read(team, ada):
    team.facts.set("plan", 1, namespace="projects/apollo")
    kept = ada.facts.set("own", 1, namespace=ada.namespace)
    team.agent("bob").remember("private to bob")
    assert uids(ada.events.list()) == [kept.uid]
    assert uids(ada.events.follow(idle=IDLE)) == [kept.uid]
    assert ada.events.list(namespaces=["projects/**", "agents/bob"]) == []
    assert len(team.events.list()) == 3


def test_a_grant_shows_what_happened_before_it_and_its_end_hides_that_again(team, ada):
    before = [team.facts.set("plan", number, namespace="projects/apollo").uid for number in range(2)]
    assert ada.events.list() == []
    team.grant("ada", "projects/*", "read")
    assert uids(ada.events.list()) == before
    team.revoke("ada", "projects/*")
    assert ada.events.list() == []


def test_a_follower_feels_a_grant_and_its_end(team, ada):
    following = Following(ada.events.follow(after="now"))
    team.grant("ada", "projects/apollo", "read")
    shown = team.events.emit("shown", namespace="projects/apollo")
    assert following.next() == shown
    team.revoke("ada", "projects/apollo")
    team.events.emit("hidden", namespace="projects/apollo")
    shared = team.events.emit("shared.later")
    assert following.next() == shared


def test_a_grant_that_runs_out_by_itself_ends_what_is_read(team, ada, clock):
    team.grant("ada", "projects/apollo", "read", valid_until=clock.now + timedelta(hours=1))
    team.events.emit("tick", namespace="projects/apollo")
    assert types(ada.events.list()) == ["tick"]
    clock.advance(timedelta(hours=1))
    assert ada.events.list() == []


def test_the_right_to_write_alone_shows_nothing(team):
    team.grant("logger", "ops/log", "write")
    logger = team.agent("logger")
    said = logger.events.emit("line.written", 1, namespace="ops/log")
    logger.tasks.post("rotate", namespace="ops/log")
    assert said.data == 1
    assert logger.events.list() == []


@pytest.mark.parametrize(
    ("clearance", "seen"),
    [("public", ["a.public"]), ("internal", ["a.public", "a.internal"])],
)
def test_a_clearance_bounds_the_sensitivity_of_what_is_read(team, ada, clearance, seen):
    team.grant("ada", "ops", "read", "write", clearance=clearance)
    for level in ("public", "internal", "confidential"):
        team.events.emit(f"a.{level}", namespace="ops", sensitivity=level)
    assert types(ada.events.list()) == seen
    assert types(ada.events.follow(idle=IDLE)) == seen


# --- users ------------------------------------------------------------------------------------------------------------


def test_a_handle_that_is_bound_to_a_user_gets_what_is_about_that_user_and_about_none(team):
    chat, other, nobodys = (team.agent("triage", user=user) for user in ("cust_42", "cust_77", None))
    mine = chat.events.emit("ticket.opened", 42)
    nobodys.events.emit("shift.begun")
    other.events.emit("ticket.opened", 77)
    kept = chat.facts.set("tier", "gold")
    assert types(chat.events.list()) == ["ticket.opened", "shift.begun", "fact.set"]
    assert chat.events.list()[0] == mine
    assert uids(chat.events.list(types=["fact.*"])) == [kept.uid]
    assert [event.data for event in other.events.list()] == [None, 77]
    assert len(nobodys.events.list()) == 4, "a handle that is bound to none is limited by grants alone"


def test_a_bound_handle_follows_what_is_about_its_user(team):
    following = Following(team.agent("triage", user="cust_42").events.follow(after="now"))
    team.events.emit("ticket.opened", 77, user="cust_77")
    said = team.events.emit("ticket.opened", 42, user="cust_42")
    assert following.next() == said


def test_a_bound_handle_says_things_about_its_user_only(team):
    chat = team.agent("triage", user="cust_42")
    with pytest.raises(PermissionError):
        chat.events.emit("ticket.opened", user="cust_77")
    assert numbers(team) == []


def test_the_ledger_names_users_in_events_by_pseudonyms(team):
    for user in ("cust_42", "cust_42", "cust_77"):
        team.events.emit("ticket.opened", user=user)
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        named = [user for (user,) in ledger.execute("SELECT user FROM events ORDER BY number")]
    assert named[0] == named[1] != named[2]
    assert not {"cust_42", "cust_77"} & set(named)


def test_of_an_erased_user_events_keep_that_something_happened_and_nothing_else(tmp_path, clock):
    user, word, name = rare("user"), rare("data"), rare("consumer")
    with opened(tmp_path, clock=clock) as team:
        chat = team.agent("triage", user=user)
        chat.events.consumer(name)
        chat.events.emit("ticket.opened", {"said": word})
        chat.facts.set(f"tier/{word}", word)
        claim = chat.tasks.claim(chat.tasks.post(word))
        assert claim is not None
        chat.tasks.complete(claim, result=word)
        kept = team.events.emit("shift.begun", "kept")
        assert leaks(team.path, [user, word, name])

        team.erase(user=user)
        assert leaks(team.path, [user, word, name]) == set()
        assert team.events.consumers() == []
        assert numbers(team) == list(range(1, numbers(team)[-1] + 1)), "nothing is cut out of the order"
        found = team.events.list()
        assert [event.data for event in found if event.data is not None] == ["kept"]
        assert types(found)[:2] == ["ticket.opened", "fact.set"]
        assert chat.events.list(types=["*"]) == [kept], "and a new handle of that name gets what is about nobody"


# --- cursors ----------------------------------------------------------------------------------------------------------


def test_cursors_do_not_tell_how_much_others_write(team):
    """What stands between two events of an agent changes nothing in how their cursors look."""
    chat = team.agent("triage", user="cust_42")
    steps = random.Random(7)
    cursors, behind = [], []
    for _ in range(60):
        cursors.append(chat.events.emit("tick").cursor)
        for _ in range(steps.choice([0, 0, 1, 5])):
            team.events.emit("hidden", namespace="agents/bob")
        behind.append(chat.events.cursor())
    assert len(set(cursors)) == 60
    assert {len(cursor) for cursor in cursors + behind} == {len(cursors[0])}
    rising = sum(one < other for one, other in itertools.pairwise(cursors))
    assert 15 < rising < 45, "their order is not that of time"
    shared = max(len(_common(one, other)) for one, other in itertools.pairwise(cursors))
    assert shared <= 3, "neighbours have nothing in common"


def _common(one: str, other: str) -> str:
    return one[: next((n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))]


def test_two_stores_have_different_cursors_for_the_same_place(team, clock):
    with opened(clock=clock) as other:
        assert team.events.emit("tick").cursor != other.events.emit("tick").cursor


def test_a_cursor_that_was_tampered_with_is_refused(team):
    cursor = team.events.emit("tick").cursor
    for place in range(len(cursor)):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        with pytest.raises(InvalidInput):
            team.events.list(after=changed)


def test_a_cursor_of_what_has_not_happened_yet_is_refused(team):
    """As after a ledger was restored from a copy: what comes must not be passed over."""
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        ledger.execute("UPDATE heads SET last_event = 10")
        ledger.commit()
        ahead = team.events.cursor()
        ledger.execute("UPDATE heads SET last_event = 0")
        ledger.commit()
    with pytest.raises(InvalidInput):
        team.events.follow(after=ahead)
