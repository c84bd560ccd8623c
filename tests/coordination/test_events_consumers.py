"""Named consumers: each event at least once, nothing that was acknowledged again, across restarts and kills."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import transactive
from tests.coordination.conftest import IDLE, types
from tests.team.stores import opened
from transactive.errors import EventsExpired, InvalidInput, NotFound

SCRIPT = Path(__file__).with_name("reader.py")


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    return team.agent("ada")


def datas(events):
    return [event.data for event in events]


def emitted(team, count, first=0):
    return [team.events.emit("tick", number) for number in range(first, first + count)]


# --- acknowledging ----------------------------------------------------------------------------------------------------


def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(team, ada):
    events = emitted(team, 5)
    consumer = ada.events.consumer("mailer")
    assert datas(consumer.follow(idle=IDLE)) == [0, 1, 2, 3, 4]
    assert datas(consumer.follow(idle=IDLE)) == [0, 1, 2, 3, 4]
    consumer.acknowledge(events[1])
    assert datas(consumer.follow(idle=IDLE)) == [2, 3, 4]
    assert datas(consumer.list(limit=2)) == [2, 3]
    consumer.acknowledge(events[4].cursor)
    assert datas(consumer.list()) == []
    assert consumer.cursor == events[4].cursor


def test_an_acknowledgement_never_goes_back(team, ada):
    events = emitted(team, 4)
    consumer = ada.events.consumer("mailer")
    for event in (events[2], events[0], events[2], events[1]):
        consumer.acknowledge(event)
    assert datas(consumer.list()) == [3]


def test_whoever_asks_for_the_name_goes_on_at_its_place(team, ada):
    events = emitted(team, 4)
    ada.events.consumer("mailer").acknowledge(events[1])
    again = team.agent("ada").events.consumer("mailer", after="now")
    assert datas(again.list()) == [2, 3], "after= counts only where there is none of that name"
    assert datas(team.agent("bob").events.consumer("mailer").list()) == [0, 1, 2, 3], "each agent has its own"
    assert datas(team.agent("ada", user="cust_42").events.consumer("mailer").list()) == [0, 1, 2, 3]


def test_it_begins_where_it_is_told_to(team, ada):
    events = emitted(team, 3)
    behind = ada.events.consumer("behind", after=events[0].cursor)
    now = ada.events.consumer("now", after="now")
    emitted(team, 1, first=3)
    assert datas(behind.list()) == [1, 2, 3]
    assert datas(now.list()) == [3]


def test_it_filters_and_passes_over_what_it_does_not_want(team, ada):
    consumer = ada.events.consumer("tasks", types=["task.*"], namespaces=["team/**"])
    emitted(team, 3)
    task = ada.tasks.post("work")
    emitted(team, 3)
    [event] = consumer.list()
    assert event.uid == task.uid
    consumer.acknowledge(event)
    assert consumer.list() == []
    assert types(ada.events.consumer("tasks").list()) == ["tick"] * 3, "the filter is that of who asks, not the place's"


def test_a_loop_over_a_consumer_follows(team, ada):
    emitted(team, 3)
    got = []
    for event in ada.events.consumer("mailer"):
        got.append(event.data)
        ada.events.consumer("mailer").acknowledge(event)
        if len(got) < 6:
            emitted(team, 1, first=len(got) + 2)
        else:
            break
    assert got == list(range(6))


def test_consumers_are_listed_and_removed(team, ada, clock):
    events = emitted(team, 2)
    ada.events.consumer("mailer").acknowledge(events[0])
    ada.events.consumer("counter")
    team.agent("bob").events.consumer("mailer")
    assert [(info.agent, info.name) for info in ada.events.consumers()] == [("ada", "counter"), ("ada", "mailer")]
    assert (ada.events.consumers()[1].cursor, ada.events.consumers()[1].updated_at) == (events[0].cursor, clock.now)
    assert len(team.events.consumers()) == 3
    old = ada.events.consumer("mailer")
    assert ada.events.remove_consumer("mailer") is True
    assert ada.events.remove_consumer("mailer") is False
    assert ada.events.remove_consumer("nobody") is False
    assert [info.agent for info in team.events.consumers()] == ["ada", "bob"]
    for verb in (old.list, old.follow, lambda: old.cursor, lambda: old.acknowledge(events[1])):
        with pytest.raises(NotFound):
            verb()
    assert datas(ada.events.consumer("mailer").list()) == [0, 1], "made anew, it begins at the beginning"


def test_a_bound_handle_has_consumers_of_its_own(team):
    chat = team.agent("triage", user="cust_42")
    chat.events.consumer("mailer")
    assert [info.name for info in chat.events.consumers()] == ["mailer"]
    assert team.agent("triage", user="cust_77").events.consumers() == []
    assert team.agent("triage", user="cust_77").events.remove_consumer("mailer") is False


@pytest.mark.parametrize("name", ["", " ", None, 7, "x" * 201])
def test_a_consumer_has_a_name(ada, name):
    for verb in (ada.events.consumer, ada.events.remove_consumer):
        with pytest.raises(InvalidInput):
            verb(name)


@pytest.mark.parametrize("event", ["now", "", "nonsense", None, 3])
def test_only_an_event_is_acknowledged(team, ada, event):
    emitted(team, 2)
    consumer = ada.events.consumer("mailer")
    with pytest.raises(InvalidInput):
        consumer.acknowledge(event)
    assert datas(consumer.list()) == [0, 1]


def test_the_same_call_at_each_start_works_when_where_it_began_is_long_gone(team, ada, clock):
    start = ada.events.cursor()
    [event] = emitted(team, 1)
    ada.events.consumer("mailer", after=start).acknowledge(event)
    clock.advance(2 * IDLE)
    emitted(team, 1, first=1)
    assert team.events.trim(older_than=IDLE) == 1
    assert datas(ada.events.consumer("mailer", after=start).list()) == [1]
    with pytest.raises(EventsExpired):
        ada.events.consumer("another", after=start)


# --- restarts ---------------------------------------------------------------------------------------------------------


def test_a_consumer_goes_on_after_the_store_was_closed(tmp_path):
    with opened(tmp_path, index=None) as team:
        events = emitted(team, 6)
        team.agent("ada").events.consumer("mailer").acknowledge(events[2])
    with opened(tmp_path, index=None) as team:
        consumer = team.agent("ada").events.consumer("mailer")
        assert datas(consumer.list()) == [3, 4, 5]
        emitted(team, 1, first=6)
        assert datas(consumer.follow(idle=IDLE)) == [3, 4, 5, 6]
        assert consumer.list()[0] == events[3], "a cursor means the same after a restart"


def read(folder: Path, most: int) -> tuple[list[int], list[int]]:
    """What a reader, which acknowledges every third event, has got and acknowledged before it was killed."""
    root = str(Path(transactive.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            said = [json.loads(process.stdout.readline()) for _ in range(most)]
        finally:
            process.kill()
        said += [json.loads(line) for line in process.stdout if line.endswith("\n")]
    got = [line["got"] for line in said if "got" in line]
    return got, [line["acknowledged"] for line in said if "acknowledged" in line]


@pytest.mark.slow
def test_a_reader_that_is_killed_misses_nothing_and_repeats_nothing_that_it_acknowledged(tmp_path):
    with opened(tmp_path, index=None) as team:
        count = 0
        seen: list[int] = []
        acknowledged = -1
        for lines in (1, 4, 9, 2, 17):
            emitted(team, 20, first=count)
            count += 20
            got, done = read(tmp_path, lines)
            assert got == list(range(got[0], got[0] + len(got))), "in order, none left out"
            assert got[0] in {acknowledged + 1, acknowledged + 4}, "the kill may hide one acknowledgement that counted"
            acknowledged = max([acknowledged, *done])
            seen += got
        reader = team.agent("reader").events.consumer("mailer")
        rest = datas(reader.list())
        assert set(seen) | set(rest) == set(range(count))
        assert rest[0] in {acknowledged + 1, acknowledged + 4}
        assert rest == list(range(rest[0], count))
