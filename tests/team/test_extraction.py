"""What is extracted from conversations is done once, whatever fails, closes or dies meanwhile."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.team.stores import opened, texts
from tests.team.traces import runs
from transactive import Extracted, Memory, Policy, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, ModelFailed, NotFound

KILLED = -signal.SIGKILL if sys.platform != "win32" else 1


def facts(turns: Sequence[Memory]) -> list[Extracted]:
    """Each turn is a fact."""
    return [Extracted(text=f"Fact: {turn.text}", turns=[n]) for n, turn in enumerate(turns)]


class Moody:
    """An extractor that works when it is well."""

    def __init__(self) -> None:
        self.well = False
        self.calls = 0
        self.spoils = ""

    def __call__(self, turns: Sequence[Memory]) -> list[Extracted]:
        self.calls += 1
        if not self.well and self.spoils in " ".join(turn.text for turn in turns):
            raise OSError("no network")
        return facts(turns)


def shared(team: TeamMemory) -> list[str]:
    """What was extracted."""
    return sorted(texts(team.list({"namespace": "team/shared"})))


def test_an_extractor_that_fails_is_told_by_wait_and_tried_again_by_the_next(caplog):
    model = Moody()
    with opened(extractor=model) as team, caplog.at_level(logging.WARNING, "transactive"):
        ana = team.agent("ana")
        ana.observe(["The plan is Pro."])
        for _ in range(2):
            with pytest.raises(ModelFailed, match="OSError"):
                ana.wait(30)
        assert texts(team.list()) == ["The plan is Pro."], "the turns are kept"
        model.well = True
        assert ana.wait(30)
        assert shared(team) == ["Fact: The plan is Pro."]
        calls = model.calls
        assert ana.wait(30)
        assert model.calls == calls, "once it is done it is done"
        assert "Pro" not in caplog.text


def test_one_conversation_that_fails_does_not_hold_up_the_others():
    model = Moody()
    model.spoils = "bad"
    with opened(extractor=model) as team:
        ana = team.agent("ana")
        for text in ("good one", "bad one", "good two"):
            ana.observe([text])
        with pytest.raises(ModelFailed):
            ana.wait(30)
        assert shared(team) == ["Fact: good one", "Fact: good two"]
        model.well = True
        assert ana.wait(30)
        assert shared(team) == ["Fact: bad one", "Fact: good one", "Fact: good two"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        {"text": "x"},
        [3],
        [Extracted(text=" ")],
        [Extracted(text="x", kind="rumour")],  # type: ignore[arg-type]
        [Extracted(text="x", importance=2)],
        [Extracted(text="x", confidence=-1)],
        [Extracted(text="x", turns=[1])],
        [Extracted(text="x", turns=[True])],
    ],
    ids=repr,
)
def test_nonsense_is_a_failure_of_the_model_and_nothing_of_it_is_kept(answer):
    with opened(extractor=lambda turns: answer) as team:
        team.agent("ana").observe(["hello"])
        with pytest.raises(ModelFailed):
            team.wait(30)
        assert texts(team.list()) == ["hello"]


def test_an_extractor_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match="extractor"):
        opened(extractor=3)


def test_what_a_killed_process_had_not_extracted_is_done_at_the_next_open(tmp_path):
    code = """
import os, signal, sys, threading
from tests.team.stores import opened
entered = threading.Event()
def hang(turns):
    entered.set()
    threading.Event().wait()
ana = opened(sys.argv[1], extractor=hang).agent("ana", user="cust_1")
ana.observe(["The plan is Pro."])
assert entered.wait(30)
ana.observe(["The card is red."])
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert runs(code, tmp_path) == KILLED
    with opened(tmp_path) as team:
        assert team.wait(30)
        assert shared(team) == [], "nobody is there to do it"
    with opened(tmp_path, extractor=facts) as team:
        assert team.wait(30)
        assert shared(team) == ["Fact: The card is red.", "Fact: The plan is Pro."]
        assert team.facets("user") == {"cust_1": 4}


def test_close_waits_for_the_call_that_runs_and_leaves_the_rest_for_the_next_open(tmp_path):
    entered, gate = threading.Event(), threading.Event()

    def slow(turns: Sequence[Memory]) -> list[Extracted]:
        entered.set()
        assert gate.wait(30)
        return facts(turns)

    team = opened(tmp_path, extractor=slow)
    team.agent("ana").observe(["one"])
    assert entered.wait(30)
    team.agent("ana").observe(["two"])
    closing = threading.Thread(target=team.close)
    closing.start()
    gate.set()
    closing.join(30)
    assert not closing.is_alive()
    assert not [thread for thread in threading.enumerate() if thread.name == "transactive-extract"]
    with opened(tmp_path, extractor=facts) as team:
        assert team.wait(30)
        assert shared(team) == ["Fact: one", "Fact: two"]
        assert [memory.reinforced for memory in team.list({"namespace": "team/shared"})] == [0, 0]


def test_turns_that_were_forgotten_or_erased_meanwhile_are_not_extracted(tmp_path):
    with opened(tmp_path, extractor=Moody()) as team:
        ana = team.agent("ana", user="cust_1")
        ana.forget(ana.observe(["forgotten"])[0].uid)
        ana.observe(["erased"])
        team.agent("ana").observe(["kept"])
        with pytest.raises(ModelFailed):
            team.wait(30)
        team.erase(user="cust_1")
    with opened(tmp_path, extractor=facts) as team:
        assert team.wait(30)
        assert shared(team) == ["Fact: kept"]


def test_turns_whose_time_is_over_are_not_extracted(clock):
    model = Moody()
    with opened(extractor=model, clock=clock) as team:
        ana = team.agent("ana")
        team.namespaces.configure("agents/ana", Policy(ttl="1h"))
        ana.observe(["over"])
        with pytest.raises(ModelFailed):
            ana.wait(30)
        clock.advance(timedelta(minutes=50))
        ana.observe(["not over"])
        clock.advance(timedelta(minutes=20))
        model.well = True
        assert ana.wait(30)
        assert shared(team) == ["Fact: not over"]
        clock.advance(timedelta(hours=1))
        team.maintain(build=False)
        assert ana.wait(30)


@pytest.mark.parametrize("granted", [("write",), ("read", "write")], ids=["write", "read and write"])
def test_what_the_observer_may_not_read_is_not_extracted_in_its_name(granted):
    """What is extracted rests on its turns, and can be read where they perhaps cannot."""
    with opened(extractor=facts) as team:
        team.grant("ana", "team/drop", *granted)
        ana = team.agent("ana")
        ana.observe(["secret"], namespace="team/drop")
        ana.observe(["open"])
        assert ana.wait(30)
        assert shared(team) == (["Fact: open", "Fact: secret"] if "read" in granted else ["Fact: open"])


def test_an_erasure_while_the_model_is_asked_keeps_its_answer_out():
    stores: list[TeamMemory] = []

    def slow(turns: Sequence[Memory]) -> list[Extracted]:
        stores[0].erase(user="cust_1")
        return facts(turns)

    with opened(extractor=slow) as team:
        stores.append(team)
        team.agent("ana", user="cust_1").observe(["secret"])
        with suppress(NotFound):  # what it rests on is gone; tried again, there is nothing to do
            team.wait(60)
        assert team.wait(60)
        assert texts(team.list()) == []


def test_facts_are_written_with_the_rights_of_who_observed(tmp_path):
    with opened(tmp_path, extractor=facts) as team:
        team.revoke("*", "team/shared", "write")
        team.agent("ana").observe(["one"])
        assert team.wait(30)
        assert team.facets("namespace") == {"agents/ana": 2}
        with pytest.raises(AccessDenied):
            team.agent("ana").observe(["two"], namespace="agents/ben")


@pytest.mark.parametrize(
    "policy", [Policy(verified_only="refuse"), Policy(max_sensitivity="public")], ids=["gate", "ceiling"]
)
def test_facts_that_the_shared_namespace_does_not_take_fail_no_wait_for_ever(policy):
    """They stay with the agent, as where it may not write."""
    with opened(extractor=facts) as team:
        team.namespaces.configure("team/shared", policy)
        team.agent("ana").observe(["one"])
        assert team.wait(30)
        assert sorted(texts(team.agent("ana").list())) == ["Fact: one", "one"]


def test_facts_of_a_closed_session_are_still_extracted():
    with opened(extractor=facts) as team:
        with team.agent("ana").session() as session:
            session.observe(["one"])
        assert team.wait(30)
        assert shared(team) == ["Fact: one"]
