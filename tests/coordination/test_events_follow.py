"""Following: from the beginning, from a cursor or from now on; woken at once, and by what other processes write."""

import threading
import time

import pytest

from tests.coordination.conftest import IDLE, PATIENCE, Following, types
from tests.crash.processes import soon
from tests.team.stores import Clock, opened
from transactive.coordination import board, events
from transactive.coordination.feed import PAGE, Feed
from transactive.errors import InvalidInput, StoreClosed
from transactive.records import Claim

FOR_EVER = 3600.0


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    return team.agent("ada")


@pytest.fixture
def unpolled(monkeypatch):
    """Nobody looks by itself: whoever is to get something must be woken."""
    monkeypatch.setattr(events, "POLL_SECONDS", FOR_EVER)
    monkeypatch.setattr(board, "POLL_SECONDS", FOR_EVER)


# --- where it begins --------------------------------------------------------------------------------------------------


def test_it_begins_with_the_first_goes_on_behind_a_cursor_and_begins_anew_with_now(team, ada):
    emitted = [ada.events.emit("tick", number) for number in range(3)]
    assert list(ada.events.follow(idle=IDLE)) == emitted
    assert list(ada.events.follow(after=emitted[0].cursor, idle=IDLE)) == emitted[1:]
    fresh = ada.events.follow(after="now", idle=IDLE)
    later = ada.events.emit("tick", 3)
    assert list(fresh) == [later]


def test_the_cursor_of_a_follower_is_behind_what_it_gave(team, ada):
    emitted = [ada.events.emit("tick", number) for number in range(5)]
    follower = ada.events.follow(idle=IDLE)
    assert [next(follower), next(follower)] == emitted[:2]
    assert follower.cursor == emitted[1].cursor
    assert list(ada.events.follow(after=follower.cursor, idle=IDLE)) == emitted[2:]
    assert list(follower) == emitted[2:]


def test_a_follower_of_few_does_not_look_at_the_others_twice(team, ada):
    team.grant("ada", "projects/**", "read")
    follower = ada.events.follow(namespaces=["projects/**"], types=["task.*"], idle=IDLE)
    for number in range(4):
        ada.events.emit("tick", number)
    assert list(follower) == []
    assert follower.cursor == team.events.cursor(), "it has seen that there is nothing for it"


def test_more_than_a_page_comes_whole_and_in_order(team, ada):
    for number in range(PAGE + 7):
        ada.events.emit("tick" if number % 3 else "tock", number)
    assert [event.data for event in ada.events.follow(idle=IDLE)] == list(range(PAGE + 7))
    assert [event.data for event in ada.events.follow(types=["tock"], idle=IDLE)] == list(range(0, PAGE + 7, 3))


def test_it_filters_by_types_and_namespaces(team, ada):
    follower = ada.events.follow(types=["task.*", "deploy"], namespaces=["team/**"], idle=IDLE)
    ada.tasks.claim(ada.tasks.post("work"))
    ada.tasks.post("private work", namespace="agents/ada")
    ada.facts.set("a", 1)
    ada.events.emit("deploy")
    ada.events.emit("deployed")
    assert types(follower) == ["task.post", "task.claim", "deploy"]


# --- how it is woken --------------------------------------------------------------------------------------------------


def test_who_follows_is_woken_at_once_by_what_this_process_writes(team, ada, unpolled):
    following = Following(ada.events.follow(after="now"))
    other = Following(team.events.follow(after="now", types=["fact.*"]))
    for number in range(20):
        said = team.agent("bob").events.emit("tick", number)
        assert following.next() == said
        fact = team.facts.set("number", number)
        assert following.next().uid == other.next().uid == fact.uid


def test_who_waits_for_a_task_is_woken_at_once(team, ada, unpolled):
    got = []
    waiting = threading.Thread(target=lambda: got.append(ada.tasks.claim(wait="1h")), daemon=True)
    waiting.start()
    posted = team.agent("bob").tasks.post("work")
    waiting.join(PATIENCE)
    assert got
    assert got[0].task.uid == posted.uid


@pytest.mark.slow
def test_who_follows_gets_what_another_process_writes(tmp_path, another):
    with opened(tmp_path) as team:
        following = Following(team.agent("ada").events.follow(after="now"))
        child = another(tmp_path, index=None).opened()
        for number in range(3):
            uid = child.ask("publish", f"NOTE-{number} of another process", agent="bob")
            event = following.next()
            assert (event.uid, event.type, event.agent) == (uid, "memory.remember", "bob")


@pytest.mark.slow
def test_who_waits_for_a_task_that_another_process_gives_back_gets_it(tmp_path, another):
    with opened(tmp_path, index=None, clock=Clock()) as one, opened(tmp_path, index=None, clock=Clock()) as two:
        task = one.agent("ada").tasks.post("work")
        claim = one.agent("ada").tasks.claim(task)
        assert claim is not None
        got: list[Claim | None] = []
        waiting = threading.Thread(target=lambda: got.append(two.agent("bob").tasks.claim(wait="1h")), daemon=True)
        waiting.start()
        one.agent("ada").tasks.release(claim)
        waiting.join(PATIENCE)
        assert [taken and taken.task.uid for taken in got] == [task.uid]


# --- how it ends ------------------------------------------------------------------------------------------------------


def test_it_ends_when_none_has_come_for_a_while(team, ada, unpolled):
    since = time.monotonic()
    assert list(ada.events.follow(idle="0.05s")) == []
    assert 0.05 <= time.monotonic() - since < PATIENCE


def test_it_ends_when_it_is_closed_from_another_thread(team, ada, unpolled):
    follower = ada.events.follow(after="now")
    following = Following(follower)
    ada.events.emit("tick", 1)
    assert following.next().data == 1
    follower.close()
    assert following.ended()
    follower.close()
    assert list(follower) == []


def test_a_closed_follower_gives_nothing_more(team, ada):
    for number in range(3):
        ada.events.emit("tick", number)
    with ada.events.follow(idle=IDLE) as follower:
        assert next(follower).data == 0
    assert list(follower) == []


def test_what_is_closed_is_woken_no_more(team, ada):
    signal = team._engine.store.signal
    before = len(signal._waiting)
    followers = [ada.events.follow(after="now") for _ in range(5)]
    assert len(signal._waiting) == before + 5
    for follower in followers:
        follower.close()
    list(ada.events.follow(idle=IDLE))
    assert len(signal._waiting) == before


def test_it_ends_when_the_store_is_closed(clock):
    team = opened(clock=clock)
    ada = team.agent("ada")
    following = [Following(ada.events.follow(after="now")), Following(ada.facts.follow("key"))]
    kept = ada.events.emit("tick")
    assert following[0].next() == kept
    team.close()
    assert [one.ended() for one in following] == [True, True]


def test_it_ends_too_when_the_store_is_closed_while_it_looks(clock, monkeypatch):
    team = opened(clock=clock)
    follower = team.agent("ada").events.follow()
    look = Feed.page

    def page(self, *arguments):
        team.close()
        return look(self, *arguments)

    monkeypatch.setattr(Feed, "page", page)
    assert list(follower) == []


def test_a_closed_store_is_followed_no_more(clock):
    team = opened(clock=clock)
    events = team.agent("ada").events
    team.close()
    for verb in (events.follow, events.list, events.cursor, lambda: events.emit("tick"), events.consumers):
        with pytest.raises(StoreClosed):
            verb()


@pytest.mark.parametrize("idle", ["soon", 5, 0, "0s", "-1s"])
def test_idle_is_a_duration(ada, idle):
    with pytest.raises(InvalidInput):
        ada.events.follow(idle=idle)


def test_a_cursor_of_another_store_is_refused(team, ada, clock):
    ada.events.emit("tick")
    with opened(clock=clock) as other:
        other.events.emit("tick")
        for after in (other.events.cursor(), other.events.list()[0].cursor):
            with pytest.raises(InvalidInput):
                ada.events.follow(after=after)


def test_a_hundred_followers_get_everything(team, ada):
    following = [Following(ada.events.follow(after="now")) for _ in range(100)]
    emitted = [ada.events.emit("tick", number) for number in range(5)]
    for one in following:
        assert [one.next() for _ in emitted] == emitted
    assert soon(lambda: all(one.is_alive() for one in following))
