"""The team's measures: every figure of a small history, in all and by stretches, as data and as a picture."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.team.stores import START, Clock, opened
from transactive import Agent, TeamMemory
from transactive.errors import AccessDenied, InvalidInput
from transactive.records import Metrics

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
COUNTS = (
    "writes",
    "rework_avoided",
    "rework_done",
    "tasks_posted",
    "tasks_done",
    "tasks_dead",
    "escalations",
    "recalls",
    "recalls_from_others",
)


def done(team: TeamMemory, clock: Clock, agent: str, text: str, *, waits: timedelta, takes: timedelta) -> None:
    """A task that is posted now, claimed after a while, and done after another."""
    task = team.tasks.post(text, assignee=agent)
    clock.advance(waits)
    claim = team.agent(agent).tasks.claim(task, lease="30d")
    assert claim is not None
    clock.advance(takes)
    team.agent(agent).tasks.complete(claim)


def first_day(team: TeamMemory, clock: Clock) -> None:
    """Three tasks done, one of them a second time, one dead, one question, two recalls."""
    ana, ben = team.agent("ana"), team.agent("ben")
    done(team, clock, "ana", "Refund invoice INV-1", waits=MINUTE, takes=10 * MINUTE)
    done(team, clock, "ben", "Refund invoice INV-1", waits=3 * MINUTE, takes=20 * MINUTE)
    done(team, clock, "ana", "Write the weekly report", waits=8 * MINUTE, takes=60 * MINUTE)
    assert ana.tasks.post("Write the weekly report", unique=True).status == "done"
    claim = ana.tasks.claim(ana.tasks.post("Call the bank", assignee="ana"))
    assert claim is not None
    ana.tasks.fail(claim, reason="nobody answers", retry=False)
    ana.escalate(reason="The bank does not answer", to="human:dana")
    ana.publish("The bank is closed.")
    ben.publish("The bank is closed.")
    ben.remember("The canteen is open.")
    ana.recall("bank")
    ben.recall("bank", where={"agent": "ana"})
    ben.recall("bank", where={"agent": "nobody"})


@pytest.fixture(scope="module")
def history() -> Iterator[Metrics]:
    """Two days with a day of nothing between them, measured on the third."""
    clock = Clock(START)
    with opened(clock=clock) as team:
        first_day(team, clock)
        clock.now = START + timedelta(days=2)
        done(team, clock, "ben", "Paint the door", waits=2 * HOUR, takes=4 * HOUR)
        team.agent("ana").tasks.post("Paint the window")
        yield team.metrics(since=START, until=START + timedelta(days=3))


def test_every_figure_of_the_history(history):
    total = history.total
    assert {name: getattr(total, name) for name in COUNTS} == {
        "writes": 3,
        "rework_avoided": 2,
        "rework_done": 1,
        "tasks_posted": 6,
        "tasks_done": 4,
        "tasks_dead": 1,
        "escalations": 1,
        "recalls": 2,
        "recalls_from_others": 1,
    }
    assert total.waiting_seconds == (3 + 8) / 2 * 60
    assert total.working_seconds == (20 + 60) / 2 * 60
    assert (total.start, total.end) == (START, START + timedelta(days=3))


def test_the_rates_are_shares_of_what_they_are_rates_of(history):
    assert history.total.rework_rate == 1 / 4
    assert history.total.escalation_rate == 1 / 5
    assert history.total.shared_recall_rate == 1 / 2
    idle = history.series[1]
    assert (idle.rework_rate, idle.escalation_rate, idle.shared_recall_rate) == (None, None, None)
    assert (idle.waiting_seconds, idle.working_seconds) == (None, None)


def test_the_series_is_stretch_by_stretch_and_adds_up(history):
    assert [(measured.start - START).days for measured in history.series] == [0, 1, 2]
    assert all(measured.end - measured.start == timedelta(days=1) for measured in history.series)
    assert [measured.tasks_done for measured in history.series] == [3, 0, 1]
    assert [measured.tasks_posted for measured in history.series] == [4, 0, 2]
    assert [measured.waiting_seconds for measured in history.series] == [180, None, 7200]
    assert [measured.working_seconds for measured in history.series] == [1200, None, 14400]
    for name in COUNTS:
        assert sum(getattr(measured, name) for measured in history.series) == getattr(history.total, name), name


def test_who_has_done_most_tasks_is_named_first(history):
    assert list(history.agents.items()) == [("ana", 2), ("ben", 2)]


def test_who_did_the_task_counts_and_not_who_gave_it_up(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    task = team.tasks.post("Paint the door", assignee="*")
    given_up = ana.tasks.claim(task)
    assert given_up is not None
    ana.tasks.release(given_up)
    claim = ben.tasks.claim(task)
    assert claim is not None
    ben.tasks.complete(claim)
    assert team.metrics().agents == {"ben": 1}


# --- how a time is cut ------------------------------------------------------------------------------------------------


def test_by_default_it_is_the_last_thirty_days_up_to_now(team, clock):
    clock.now = START + timedelta(minutes=17)
    team.tasks.post("x")
    found = team.metrics()
    assert found.total.end - found.total.start == timedelta(days=30)
    assert found.total.start < clock.now < found.total.end
    assert (len(found.series), found.total.tasks_posted) == (30, 1)
    clock.advance(timedelta(days=31))
    assert team.metrics().total.tasks_posted == 0


def test_times_are_taken_down_to_the_hour(team):
    found = team.metrics(since=START + 59 * MINUTE, until=START + 3 * HOUR + MINUTE, every="1h")
    assert (found.total.start, found.total.end) == (START, START + 3 * HOUR)
    assert [measured.start for measured in found.series] == [START, START + HOUR, START + 2 * HOUR]


def test_the_last_stretch_may_be_shorter(team):
    found = team.metrics(since=START, until=START + 7 * HOUR, every=timedelta(hours=3))
    assert [(measured.end - measured.start) // HOUR for measured in found.series] == [3, 3, 1]


def test_what_happened_at_an_edge_is_counted_once(team, clock):
    for hours in range(4):
        clock.now = START + hours * HOUR
        team.tasks.post(f"task {hours}")
        team.agent("ana").publish(f"note {hours}")
    found = team.metrics(since=START + HOUR, until=START + 3 * HOUR, every="1h")
    assert [(measured.tasks_posted, measured.writes) for measured in found.series] == [(1, 1), (1, 1)]


def test_before_the_first_year_nothing_is_measured(team):
    assert team.metrics(until=datetime(1, 1, 2, tzinfo=UTC)).total.tasks_posted == 0


def test_a_time_of_another_zone_is_the_same_time(team):
    team.tasks.post("x")
    until = (START + HOUR).astimezone(ZoneInfo("Asia/Tokyo"))
    assert team.metrics(since=START, until=until).total.tasks_posted == 1


# --- what is counted --------------------------------------------------------------------------------------------------


def test_a_handoff_is_no_recall_of_the_agents(team):
    """What a package is sought by was asked by nobody, and would outweigh what was."""
    team.agent("ben").publish("The bank is closed.")
    team.agent("ana").recall("bank")
    team.agent("ana").handoff(to="ben", reason="bank")
    assert team.metrics().total.recalls == 1


def test_only_an_escalation_is_one(team):
    team.agent("ana").handoff(to="ben", reason="x")
    assert team.metrics().total.escalations == 0
    team.agent("ana").escalate(reason="x", to="ben")
    assert team.metrics().total.escalations == 1


def test_what_was_refused_is_not_counted(team):
    team.agent("ana").publish("The bank is closed.")
    with pytest.raises(AccessDenied):
        team.agent("ben").remember("The bank is closed.", namespace="prod")
    with pytest.raises(AccessDenied):
        team.agent("ben").tasks.post("x", namespace="prod")
    total = team.metrics().total
    assert (total.writes, total.rework_avoided, total.tasks_posted) == (1, 0, 0)


def test_counts_of_many_threads_add_up(team):
    def reads(agent: Agent) -> None:
        for _ in range(25):
            agent.recall("bank")

    team.agent("ana").publish("The bank is closed.")
    threads = [threading.Thread(target=reads, args=(team.agent(f"reader{n}"),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = team.metrics().total
    assert (total.recalls, total.recalls_from_others) == (100, 100)


def test_counts_survive_closing_and_opening_again(tmp_path):
    clock = Clock()
    with opened(tmp_path, clock=clock) as team:
        first_day(team, clock)
        before = team.metrics().total
        assert before.recalls == 2
    with opened(tmp_path, clock=clock) as team:
        assert team.metrics().total == before
        team.agent("ben").recall("bank", where={"agent": "ana"})
        assert team.metrics().total.recalls == 3
    with opened(tmp_path, clock=clock, index=None) as beside:
        assert (beside.metrics().total.recalls, beside.metrics().total.recalls_from_others) == (3, 2)


# --- as data and as a picture -----------------------------------------------------------------------------------------


def test_the_data_is_what_json_holds(history):
    data = history.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["total"]["start"] == "2026-05-04T09:00:00+00:00"
    assert (data["total"]["rework_rate"], data["total"]["tasks_done"]) == (0.25, 4)
    assert len(data["series"]) == 3
    assert data["agents"] == {"ana": 2, "ben": 2}


BEGINS = {".png": b"\x89PNG\r\n\x1a\n", ".svg": b"<?xml", ".pdf": b"%PDF-"}


@pytest.mark.parametrize("suffix", [*BEGINS, ".PNG"])
def test_the_picture_is_of_the_kind_that_its_name_says(history, tmp_path, suffix):
    path = tmp_path / f"team{suffix}"
    history.plot(path if suffix != ".svg" else str(path))
    assert path.read_bytes().startswith(BEGINS[suffix.lower()])


def test_a_team_that_has_done_nothing_has_a_picture_too(team, tmp_path):
    team.metrics().plot(tmp_path / "team.png")
    assert (tmp_path / "team.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["team.jpg", "team", "team.png.txt", ".png"])
def test_a_picture_of_another_kind_is_refused(history, tmp_path, name):
    with pytest.raises(InvalidInput, match=r"\.pdf"):
        history.plot(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# --- who may, and nonsense --------------------------------------------------------------------------------------------


def test_only_the_owner_measures(team):
    with pytest.raises(AccessDenied):
        team._engine.measuring.metrics(team.agent("ana")._identity, None, None, "24h")


@pytest.mark.parametrize(
    "asked",
    [
        {"every": "90m"},
        {"every": "30m"},
        {"every": timedelta(0)},
        {"every": timedelta(hours=-1)},
        {"every": "x"},
        {"every": 5},
        {"since": "yesterday"},
        {"since": datetime(2026, 5, 4)},  # noqa: DTZ001
        {"until": 5},
        {"since": START, "until": START},
        {"since": START, "until": START + 59 * MINUTE},
        {"since": START + HOUR, "until": START},
        {"since": datetime(2000, 1, 1, tzinfo=UTC), "every": "1h"},
        {"until": datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "since": START, "every": "1h"},
    ],
    ids=str,
)
def test_nonsense_is_refused(team, asked):
    with pytest.raises(InvalidInput):
        team.metrics(**asked)
