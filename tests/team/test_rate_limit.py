"""How much an agent may write to a namespace, counted in the ledger: every process together stays within it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from tests.crash.processes import Child
from tests.team.stores import opened, texts, written
from transactive import NewMemory, Policy, TeamMemory
from transactive.errors import InvalidInput, RateLimited

PLACE = "team/busy"


@pytest.fixture
def limited(team):
    """A store in which each agent writes three memories a minute to `team/busy`."""
    team.namespaces.configure(PLACE, Policy(write_rate="3/m"))
    team.grant("*", PLACE, "read", "write")
    return team


def say(team: TeamMemory, agent: str, count: int = 1) -> int:
    """How many of some writes are let through."""
    done = 0
    for number in range(count):
        try:
            team.agent(agent).publish(f"{agent} says {number} of {count}", to=PLACE, kind="episodic")
        except RateLimited:
            continue
        done += 1
    return done


def refused(team: TeamMemory, agent: str = "ana", count: int = 1) -> timedelta:
    """How long an agent is told to wait; nothing is written meanwhile."""
    before = written(team)
    with pytest.raises(RateLimited, match="nothing was written") as limit:
        team.agent(agent).remember_many(
            [NewMemory(text=f"{n}", kind="episodic") for n in range(count)], namespace=PLACE
        )
    assert written(team) == before
    return limit.value.retry_after


def test_a_full_bucket_lets_as_many_through_at_once_and_then_says_when(limited, clock):
    assert say(limited, "ana", 3) == 3
    assert refused(limited) == timedelta(seconds=20)
    assert refused(limited, count=2) == timedelta(seconds=40)
    assert refused(limited, count=3) == timedelta(seconds=60)
    clock.advance(timedelta(seconds=5))
    assert refused(limited) == timedelta(seconds=15)


def test_after_exactly_the_time_it_named_the_call_is_let_through(limited, clock):
    say(limited, "ana", 3)
    for _ in range(4):
        wait = refused(limited)
        clock.advance(wait - timedelta(milliseconds=1))
        assert refused(limited) == timedelta(milliseconds=1)
        clock.advance(timedelta(milliseconds=1))
        assert say(limited, "ana") == 1


def test_the_bucket_fills_no_further_than_its_size(limited, clock):
    clock.advance(timedelta(days=1))
    assert say(limited, "ana", 5) == 3
    clock.advance(timedelta(days=1))
    assert say(limited, "ana", 5) == 3


def test_a_clock_that_went_back_adds_nothing_then_or_afterwards(limited, clock):
    assert say(limited, "ana", 2) == 2
    clock.advance(timedelta(minutes=-10))
    assert say(limited, "ana", 5) == 1
    clock.advance(timedelta(minutes=10))
    assert say(limited, "ana", 5) == 0, "no time has passed since the bucket was last full"


def test_every_agent_and_every_namespace_has_its_own(limited, clock):
    limited.namespaces.configure("agents/*", Policy(write_rate="1/h"))
    assert say(limited, "ana", 5) == 3
    assert say(limited, "ben", 5) == 3
    limited.agent("ana").remember("in its own")
    with pytest.raises(RateLimited, match=r"'ana' may write 1/h to 'agents/ana'; try again in 3.6e\+03 s"):
        limited.agent("ana").remember("once more")
    limited.agent("ben").remember("in its own")
    limited.agent("ana").publish("where there is no limit")


def test_the_owner_is_exempt(limited):
    for number in range(10):
        limited.publish(f"{number}", to=PLACE, kind="episodic")
    assert say(limited, "ana", 5) == 3


def test_a_batch_is_let_through_whole_or_not_at_all(limited):
    ana = limited.agent("ana")
    assert len(ana.remember_many([NewMemory(text=f"{n}", kind="episodic") for n in range(2)], namespace=PLACE)) == 2
    assert refused(limited, count=2) == timedelta(seconds=20)
    assert say(limited, "ana") == 1


def test_a_batch_over_two_namespaces_takes_from_neither_when_one_is_empty(limited):
    limited.namespaces.configure("team/other", Policy(write_rate="5/m"))
    limited.grant("*", "team/other", "read", "write")
    say(limited, "ana", 3)
    for _ in range(10):
        with pytest.raises(RateLimited):
            limited.agent("ana").remember_many([NewMemory(text="x", namespace=p) for p in ("team/other", PLACE)])
    for number in range(5):
        limited.agent("ana").publish(f"{number}", to="team/other", kind="episodic")


def test_a_batch_that_no_bucket_could_ever_hold_is_an_error_of_another_kind(limited):
    before = written(limited)
    with pytest.raises(InvalidInput, match="write at most 3 at a time"):
        limited.agent("ana").remember_many([NewMemory(text=f"{n}", kind="episodic") for n in range(4)], namespace=PLACE)
    assert written(limited) == before
    assert say(limited, "ana", 3) == 3


def test_a_long_batch_is_refused_before_its_first_part_is_written(team):
    """It is written a thousand at a time, but it is one call: refused, it leaves nothing."""
    team.namespaces.configure("agents/ana", Policy(write_rate="1500/h"))
    items = [NewMemory(text=f"{n}", kind="episodic", importance=0.5) for n in range(1_600)]
    before = written(team)
    with pytest.raises(InvalidInput):
        team.agent("ana").remember_many(items)
    assert written(team) == before
    team.agent("ana").remember_many(items[:1_000])
    before = written(team)
    with pytest.raises(RateLimited):
        team.agent("ana").remember_many(items[:1_200])
    assert written(team) == before


# --- what counts ------------------------------------------------------------------------------------------------------


def test_a_revision_and_a_correction_count(limited):
    ana = limited.agent("ana")
    note = ana.publish("first", to=PLACE)
    ana.revise(note.uid, text="second")
    corrected = ana.correct(note.uid, "third")
    for verb in (
        lambda: ana.revise(corrected.uid, text="fourth"),
        lambda: ana.correct(corrected.uid, "fourth"),
        lambda: ana.observe(["fourth"], namespace=PLACE),
    ):
        with pytest.raises(RateLimited):
            verb()
    assert limited.get(corrected.uid).text == "third"


def test_what_is_said_again_counts(limited):
    """Else a flood of repetitions would go past the limit."""
    for _ in range(3):
        limited.agent("ana").publish("the same", to=PLACE)
    with pytest.raises(RateLimited):
        limited.agent("ana").publish("the same", to=PLACE)
    assert limited.list()[0].reinforced == 2


def test_a_promotion_counts_where_it_goes_to(limited):
    ana = limited.agent("ana")
    notes = [ana.remember(f"finding {word}").uid for word in ("one", "two", "three", "four")]
    for uid in notes[:3]:
        ana.promote(uid, to=PLACE)
    before = written(limited)
    with pytest.raises(RateLimited) as limit:
        ana.promote(notes[3], to=PLACE)
    assert limit.value.retry_after == timedelta(seconds=20)
    assert written(limited) == before
    assert ana.promote(notes[0], to=PLACE).promoted_from == notes[0], "what is there already is no write"


def test_a_write_goes_on_when_only_its_promotion_is_limited(limited, clock):
    limited.namespaces.configure("agents/ana", Policy(promote_to=PLACE, promote_at=0.5))
    ana = limited.agent("ana")
    for number in range(5):
        ana.remember(f"finding {number}", kind="episodic", importance=0.9)
    assert (ana.count({"namespace": "agents/ana"}), ana.count({"namespace": PLACE})) == (5, 3)
    assert [dict(entry.details) for entry in limited.audit.list(principal="ana")[3:]] == [{"not_promoted": 1}] * 2


def test_reading_forgetting_and_undo_cost_nothing(limited):
    ana = limited.agent("ana")
    notes = [ana.publish(f"{n}", to=PLACE, kind="episodic").uid for n in range(3)]
    for uid in notes:
        ana.undo(ana.forget(uid))
    assert sorted(texts(ana.recall("0", limit=10))) == ["0", "1", "2"]


def test_a_limit_can_be_lifted_and_set_anew(limited, clock):
    say(limited, "ana", 3)
    limited.namespaces.configure(PLACE, Policy())
    assert say(limited, "ana", 9) == 9
    clock.advance(timedelta(hours=1))
    limited.namespaces.configure(PLACE, Policy(write_rate="2/h"))
    assert say(limited, "ana", 9) == 2
    clock.advance(timedelta(minutes=30))
    assert say(limited, "ana", 9) == 1


@pytest.mark.parametrize("rate", ["", "3", "0/m", "-1/m", "3/x", "3/0s", "3 per m", 3])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InvalidInput):
        Policy(write_rate=rate)


# --- several processes ------------------------------------------------------------------------------------------------


def test_the_bucket_survives_a_restart_and_is_shared_by_openers(tmp_path, clock):
    with opened(tmp_path, clock=clock) as team, opened(tmp_path, clock=clock, index=None) as beside:
        team.namespaces.configure(PLACE, Policy(write_rate="3/m"))
        team.grant("*", PLACE, "read", "write")
        assert (say(team, "ana"), say(beside, "ana"), say(team, "ana")) == (1, 1, 1)
        assert refused(beside) == refused(team) == timedelta(seconds=20)
    with opened(tmp_path, clock=clock) as team:
        assert refused(team) == timedelta(seconds=20)


@pytest.mark.slow
def test_four_processes_together_stay_within_the_limit(tmp_path):
    """60 at once, and one more each second: whoever asks, and however they race."""
    with opened(tmp_path) as team:
        team.namespaces.configure("team/shared", Policy(write_rate="60/m"))
        children = [Child(tmp_path, index=None) for _ in range(4)]
        try:
            for child in children:
                child.opened()
            started = time.monotonic()
            for child in children:
                child.tell("write", "ana", 200)
            said = [child.heard() for child in children]
            lasted = time.monotonic() - started
        finally:
            for child in children:
                child.kill()
        assert {message["error"] for message in said} == {"RateLimited"}
        allowed = len(team.audit.list(principal="ana", limit=1000))  # all say the same: a source each, not a memory
        assert 60 <= allowed <= 60 + lasted + 1
