"""Retention cuts off a beginning of the events, never what somebody has still to read, and says so to who is late."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial

import pytest

from tests.coordination.conftest import IDLE, numbers
from tests.team.stores import opened, texts
from transactive.errors import AccessDenied, EventsExpired, InvalidInput

DAY = timedelta(days=1)


@pytest.fixture
def team(bare):
    return bare


def daily(team, clock, days):
    """An event a day; the last one just now."""
    events = []
    for day in range(days):
        if day:
            clock.advance(DAY)
        events.append(team.events.emit("day.begun", day))
    return events


def datas(events):
    return [event.data for event in events]


def test_what_is_older_goes(team, clock):
    daily(team, clock, 5)
    assert team.events.trim(older_than="2d") == 2
    assert datas(team.events.list()) == [2, 3, 4]
    assert team.events.trim(older_than="2d") == 0
    assert numbers(team) == [3, 4, 5]


def test_the_order_goes_on_without_a_gap_behind_a_cut(team, clock):
    daily(team, clock, 4)
    clock.advance(3 * DAY)
    assert team.events.trim(older_than="1d") == 4
    assert team.events.list() == []
    team.facts.set("a", 1)
    team.events.emit("day.begun", 9)
    assert numbers(team) == [5, 6]
    assert len(team.events.list()) == 2
    assert list(team.events.follow(idle=IDLE)) == team.events.list()


def test_what_an_event_said_goes_with_it(team, clock):
    daily(team, clock, 3)
    team.events.trim(older_than="1d")
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        bodies = [number for (number,) in ledger.execute("SELECT number FROM event_bodies ORDER BY number")]
    assert bodies == numbers(team) == [2, 3]


def test_only_a_beginning_is_cut_off_even_when_the_clock_went_back(team, clock):
    team.events.emit("first")
    clock.advance(10 * DAY)
    team.events.emit("second")
    clock.advance(-9 * DAY)
    team.events.emit("third")
    clock.advance(9 * DAY)
    assert team.events.trim(older_than="5d") == 1
    assert numbers(team) == [2, 3]


def test_who_asks_for_what_is_gone_is_told(team, clock):
    events = daily(team, clock, 4)
    started = team.events.follow(idle=IDLE)
    assert next(started) == events[0]
    rest = team.events.follow(after=events[0].cursor, idle=IDLE)
    team.events.trim(older_than="1d")
    for verb in (team.events.list, team.events.follow, partial(team.facts.follow, "key")):
        with pytest.raises(EventsExpired, match="after=None"):
            verb(after=events[0].cursor)
    with pytest.raises(EventsExpired):
        next(rest)
    assert datas(team.events.list(after=events[1].cursor)) == [2, 3], "behind the last that went nothing is missing"
    assert datas(team.events.follow(idle=IDLE)) == [2, 3], "and None begins with the first that is kept"


def test_who_had_read_all_that_went_notices_nothing(team, clock):
    daily(team, clock, 3)
    follower = team.events.follow(idle=IDLE)
    assert datas(list(team.events.follow(idle=IDLE))) == [0, 1, 2]
    assert [next(follower).data for _ in range(3)] == [0, 1, 2]
    clock.advance(5 * DAY)
    assert team.events.trim(older_than="1d") == 3
    team.events.emit("day.begun", 3)
    assert datas(follower) == [3]


def test_what_a_consumer_has_not_acknowledged_stays(team, clock):
    events = daily(team, clock, 5)
    slow, fast = team.agent("ada").events.consumer("slow"), team.agent("bob").events.consumer("fast")
    fast.acknowledge(events[4])
    assert team.events.trim(older_than=IDLE) == 0
    slow.acknowledge(events[1])
    assert team.events.trim(older_than=IDLE) == 2
    assert datas(slow.list()) == [2, 3, 4]
    assert team.events.trim(older_than=IDLE, unread=True) == 2, "the last one is not older"
    for verb in (slow.list, slow.follow(idle=IDLE).__next__):
        with pytest.raises(EventsExpired):
            verb()
    assert fast.list() == []
    team.agent("ada").events.remove_consumer("slow")
    clock.advance(DAY)
    assert team.events.trim(older_than=IDLE) == 1


def test_upkeep_cuts_as_it_was_told(tmp_path, clock):
    with opened(tmp_path, clock=clock, index=None) as team:
        daily(team, clock, 5)
        team.maintain()
        assert len(numbers(team)) == 5, "by itself it keeps all"
        team.events.retain("2d")
        team.maintain()
        assert numbers(team) == [3, 4, 5]
    with opened(tmp_path, clock=clock, index=None) as team:
        clock.advance(DAY)
        team.maintain()
        assert numbers(team) == [4, 5], "that is kept across restarts"
        team.events.retain(None)
        clock.advance(30 * DAY)
        team.maintain()
        assert numbers(team) == [4, 5]


def test_only_the_owner_decides_how_long_events_are_kept(team, clock):
    daily(team, clock, 2)
    team.grant("ada", "**", "read", "write", "admin", clearance="confidential")
    events = team.agent("ada").events
    for verb in (lambda: events.trim(older_than="1s"), lambda: events.retain("1d"), lambda: events.retain(None)):
        with pytest.raises(AccessDenied):
            verb()
    assert len(numbers(team)) == 2


@pytest.mark.parametrize("age", [0, "0s", "yesterday", -DAY])
def test_an_age_is_a_duration(team, age):
    for verb in (lambda: team.events.trim(older_than=age), lambda: team.events.retain(age)):
        with pytest.raises(InvalidInput):
            verb()


def test_a_cut_is_audited(team, clock):
    daily(team, clock, 3)
    team.events.trim(older_than="1d")
    entry = team.audit.list()[-1]
    assert (entry.principal, entry.action, entry.details) == ("owner", "trim", {"events": 1})
    assert team.audit.verify()


# --- the index --------------------------------------------------------------------------------------------------------


def test_what_an_index_has_still_to_learn_stays(clock):
    with opened(clock=clock) as team:
        team.remember("INV-5678 was refunded")
        clock.advance(2 * DAY)
        team.remember("INV-5679 was refunded")
        assert team.events.trim(older_than="1d") == 0, "the index has not been flushed yet"
        team.maintain()
        assert team.events.trim(older_than="1d") == 1


@pytest.mark.parametrize("unread", [False, True])
def test_the_index_catches_up_after_a_cut_that_it_did_not_see(tmp_path, clock, unread):
    with opened(tmp_path, clock=clock) as team:
        team.remember("INV-5678 was refunded")
        gone = team.remember("INV-5679 was a mistake")
        revised = team.remember("INV-5680 is open")
    with opened(tmp_path, clock=clock, index=None) as team:
        team.remember("INV-5681 was refunded")
        team.forget(gone.uid)
        team.revise(revised.uid, text="INV-5680 was paid")
        clock.advance(2 * DAY)
        team.events.emit("tick")
        team.events.trim(older_than="1d", unread=unread)
        assert numbers(team)[-1] == 7
    with opened(tmp_path, clock=clock) as team:
        found = {number: texts(team.recall(f"INV-{number}"))[0] for number in (5678, 5680, 5681)}
        assert found == {
            5678: "INV-5678 was refunded",
            5680: "INV-5680 was paid",
            5681: "INV-5681 was refunded",
        }
        assert "INV-5679 was a mistake" not in texts(team.recall("INV-5679"))
