"""Flows that persist: their state outlives the process, and nobody else sees it."""

import asyncio
import os
import subprocess
import sys
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path

import pytest

pytest.importorskip("crewai")

from crewai.flow.async_feedback.types import HumanFeedbackPending, PendingFeedbackContext
from crewai.flow.flow import Flow, listen, start
from crewai.flow.human_feedback import human_feedback
from crewai.flow.persistence import FlowPersistence, persist
from crewai.flow.persistence.factory import set_flow_persistence_factory
from pydantic import BaseModel

from tests.team.stores import opened
from transactive import TeamMemory
from transactive.errors import InvalidInput, StoreClosed
from transactive.testing import HashEmbedder
from transactive_integrations.crewai import TransactiveFlowPersistence

FLOW_ID = "3f0c6b1e-0000-4000-8000-000000000001"


@pytest.fixture
def kept(team):
    return TransactiveFlowPersistence(team.agent("crew"))


class Counting(BaseModel):
    id: str = FLOW_ID
    count: int = 0
    notes: list[str] = []
    picture: bytes = b""
    when: datetime | None = None


def counting(persistence):
    """A flow of two steps whose every state is kept."""

    @persist(persistence)
    class Count(Flow[Counting]):
        @start()
        def first(self):
            self.state.count += 1
            self.state.notes.append("first")
            self.state.picture += b"\xff\x00"
            self.state.when = datetime(2026, 5, 4, tzinfo=UTC)

        @listen(first)
        def second(self):
            self.state.count += 10
            return self.state.count

    return Count()


def test_it_is_a_flow_persistence(kept):
    assert isinstance(kept, FlowPersistence)


def test_a_flow_goes_on_where_it_was_in_another_process(tmp_path):
    """The first process is killed in the middle of its second step."""
    script = f"""
import os
from crewai.flow.flow import Flow, listen, start
from crewai.flow.persistence import persist
from transactive import TeamMemory
from transactive.testing import HashEmbedder
from transactive_integrations.crewai import TransactiveFlowPersistence

team = TeamMemory.open({str(tmp_path / "memory")!r}, embedder=HashEmbedder(), background=False, progress=False)

@persist(TransactiveFlowPersistence(team.agent("crew")))
class Work(Flow):
    @start()
    def first(self):
        self.state["found"] = ["parcel 4711", b"\\x00\\xff"]

    @listen(first)
    def second(self):
        os._exit(9)

Work().kickoff(inputs={{"id": {FLOW_ID!r}}})
"""
    done = subprocess.run([sys.executable, "-c", script], env=dict(os.environ), check=False, timeout=300)
    assert done.returncode == 9
    with opened(tmp_path / "memory", embedder=HashEmbedder()) as team:
        persistence = TransactiveFlowPersistence(team.agent("crew"))

        @persist(persistence)
        class Resumed(Flow):
            @start()
            def first(self):
                return None

            @listen(first)
            def second(self):
                return self.state["found"]

        assert Resumed().kickoff(inputs={"id": FLOW_ID}) == ["parcel 4711", b"\x00\xff"]


def test_a_state_outlives_the_store_that_it_was_kept_in(tmp_path):
    for expected in (11, 22):
        with opened(tmp_path, embedder=HashEmbedder()) as team:
            flow = counting(TransactiveFlowPersistence(team.agent("crew")))
            assert flow.kickoff(inputs={"id": FLOW_ID}) == expected
            assert flow.state.picture == b"\xff\x00" * (expected // 11)
            assert flow.state.when == datetime(2026, 5, 4, tzinfo=UTC)
            assert flow.state.notes == ["first"] * (expected // 11)


def test_an_awaited_flow_persists_too(kept):
    assert asyncio.run(counting(kept).kickoff_async(inputs={"id": FLOW_ID})) == 11
    assert kept.load_state(FLOW_ID)["count"] == 11


def test_one_step_may_persist_alone(kept):
    class Partly(Flow):
        @start()
        @persist(kept)
        def first(self):
            self.state["n"] = 1

        @listen(first)
        def second(self):
            self.state["n"] = 2

    flow = Partly()
    flow.kickoff(inputs={"id": FLOW_ID})
    assert kept.load_state(FLOW_ID) == {"id": FLOW_ID, "n": 1}


def test_a_fork_begins_with_the_state_of_another(kept):
    counting(kept).kickoff(inputs={"id": FLOW_ID})
    fork = counting(kept)
    assert fork.kickoff(restore_from_state_id=FLOW_ID) == 22
    assert kept.load_state(fork.state.id)["count"] == 22
    assert kept.load_state(FLOW_ID)["count"] == 11


def test_it_may_be_the_default_of_the_process(team):
    set_flow_persistence_factory(lambda: TransactiveFlowPersistence(team.agent("crew")))
    try:
        counting(None).kickoff(inputs={"id": FLOW_ID})
    finally:
        set_flow_persistence_factory(None)
    assert TransactiveFlowPersistence(team.agent("crew")).load_state(FLOW_ID)["count"] == 11


def test_only_the_latest_state_is_kept(kept, team):
    for n in range(5):
        kept.save_state(FLOW_ID, f"step {n}", {"id": FLOW_ID, "n": n})
    assert kept.load_state(FLOW_ID) == {"id": FLOW_ID, "n": 4}
    (document,) = team.agent("crew").documents.list()
    assert (document.namespace, document.value["method"], document.version) == ("agents/crew/flows", "step 4", 5)
    assert kept.load_state("another") is None


def test_states_of_other_agents_and_users_are_not_there(team):
    for user in (None, "ann", "bea"):
        mine = TransactiveFlowPersistence(team.agent("crew", user=user))
        assert mine.load_state(FLOW_ID) is None
        mine.save_state(FLOW_ID, "step", {"id": FLOW_ID, "user": user})
    for user in (None, "ann", "bea"):
        assert TransactiveFlowPersistence(team.agent("crew", user=user)).load_state(FLOW_ID)["user"] == user
    assert TransactiveFlowPersistence(team.agent("other")).load_state(FLOW_ID) is None


class Colour(Enum):
    RED = "red"


def test_what_json_does_not_hold_is_kept_or_refused(kept):
    state = {
        "bytes": b"\x00\xff",
        "more": [bytearray(b"ab"), {"deep": memoryview(b"cd")}],
        "like ours": {"$bytes": [0, 1]},
        "like the other": {"$dict": {"$bytes": "x"}},
        "date": date(2026, 5, 4),
        "decimal": Decimal("1.10"),
        "enum": Colour.RED,
        "path": Path("a/b"),
        "uuid": uuid.UUID(int=1),
        "set": {1},
        "tuple": (1, 2),
        "model": Counting(count=3, picture=b"xy"),
        7: "seven",
        "none": None,
    }
    kept.save_state(FLOW_ID, "step", state)
    back = kept.load_state(FLOW_ID)
    assert (back["bytes"], back["more"]) == (b"\x00\xff", [b"ab", {"deep": b"cd"}])
    assert (back["like ours"], back["like the other"]) == ({"$bytes": [0, 1]}, {"$dict": {"$bytes": "x"}})
    assert [back[k] for k in ("date", "decimal", "enum", "path")] == ["2026-05-04", "1.10", "red", "a/b"]
    assert (back["set"], back["tuple"], back["7"], back["none"]) == ([1], [1, 2], "seven", None)
    assert (back["model"]["count"], back["model"]["picture"]) == (3, b"xy")
    for wrong in ({"deep": [{"object": object()}]}, {("a", "b"): 1}, {"f": float("nan")}):
        with pytest.raises(InvalidInput):
            kept.save_state(FLOW_ID, "step", wrong)
    with pytest.raises(InvalidInput, match=r"deep\[0\].object"):
        kept.save_state(FLOW_ID, "step", {"deep": [{"object": object()}]})
    with pytest.raises(InvalidInput, match="a dict or a pydantic model"):
        kept.save_state(FLOW_ID, "step", ["no"])
    assert kept.load_state(FLOW_ID) == back


class Later:
    """Asks for feedback and does not wait for it."""

    def request_feedback(self, context, flow):
        raise HumanFeedbackPending(context=context)


class Review(Flow):
    @start()
    @human_feedback(message="Is it good?", provider=Later())
    def draft(self):
        self.state["draft"] = "HNSW in a nutshell"
        return "the draft"

    @listen(draft)
    def publish(self, result):
        return f"{self.state['draft']}: {result.feedback}"


def test_a_flow_that_waits_for_a_person_goes_on_after_a_restart(tmp_path):
    with opened(tmp_path, embedder=HashEmbedder()) as team:
        flow = Review(persistence=TransactiveFlowPersistence(team.agent("crew")))
        waiting = flow.kickoff()
        assert isinstance(waiting, HumanFeedbackPending)
    with opened(tmp_path, embedder=HashEmbedder()) as team:
        kept = TransactiveFlowPersistence(team.agent("crew"))
        state, context = kept.load_pending_feedback(waiting.context.flow_id)
        assert state["draft"] == "HNSW in a nutshell"
        assert (context.message, context.method_output) == ("Is it good?", "the draft")
        resumed = Review.from_pending(waiting.context.flow_id, kept)
        assert resumed.resume("yes, publish it") == "HNSW in a nutshell: yes, publish it"
        assert kept.load_pending_feedback(waiting.context.flow_id) is None


def test_a_persistence_that_may_degrade_lets_the_flow_go_on():
    context = PendingFeedbackContext(FLOW_ID, "Review", "draft", None, "Is it good?")
    with opened(embedder=HashEmbedder()) as team:
        kept = TransactiveFlowPersistence(team.agent("crew"), degrade="empty")
        strict = TransactiveFlowPersistence(team.agent("crew"))
    assert counting(kept).kickoff(inputs={"id": FLOW_ID}) == 11
    kept.save_pending_feedback(FLOW_ID, context, {})
    kept.clear_pending_feedback(FLOW_ID)
    assert kept.load_pending_feedback(FLOW_ID) is None
    assert kept.degradations >= 5
    with pytest.raises(StoreClosed):
        strict.load_state(FLOW_ID)
    with pytest.raises(RuntimeError, match="persistence failed"):
        counting(strict).kickoff()


def test_a_state_lives_as_long_as_it_shall(team: TeamMemory, clock):
    kept = TransactiveFlowPersistence(team.agent("crew"), ttl="1h")
    kept.save_state(FLOW_ID, "step", {"id": FLOW_ID})
    clock.now = clock.now.replace(hour=clock.now.hour + 2)
    assert kept.load_state(FLOW_ID) is None
