"""The checkpointer: LangGraph's own conformance suite, and graphs that run, stop, fork and go on with it."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest

pytest.importorskip("langgraph")
pytest.importorskip("langgraph.checkpoint.conformance")

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Send, interrupt

from transactive import TeamMemory
from transactive.errors import InvalidInput, NotFound
from transactive_integrations.langgraph.saver import TransactiveSaver


def thread(name: str = "t", **more: Any) -> Any:
    return {"configurable": {"thread_id": name, **more}}


@pytest.fixture
def team():
    with TeamMemory.open(":memory:", background=False) as team:
        yield team


@pytest.fixture
def saver(team):
    return TransactiveSaver(team.agent("planner"))


# --- the contract --------------------------------------------------------------------------------------------------


class SyncSaver(TransactiveSaver):
    """The synchronous half, asked by a suite that only awaits."""

    async def aget_tuple(self, config):
        return self.get_tuple(config)

    async def alist(self, config, **conditions):
        for found in self.list(config, **conditions):
            yield found

    async def aput(self, *given):
        return self.put(*given)

    async def aput_writes(self, *given, **more):
        self.put_writes(*given, **more)

    async def adelete_thread(self, thread_id):
        self.delete_thread(thread_id)

    async def adelete_for_runs(self, run_ids):
        self.delete_for_runs(run_ids)

    async def acopy_thread(self, source_thread_id, target_thread_id):
        self.copy_thread(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids, *, strategy="keep_latest"):
        self.prune(thread_ids, strategy=strategy)


@pytest.mark.parametrize("kind", [TransactiveSaver, SyncSaver])
def test_langgraphs_conformance_suite_passes_whole(team, kind):
    @checkpointer_test(name=kind.__name__)
    async def made():
        yield kind(team)

    report = asyncio.run(validate(made))
    assert {capability.value for capability in ALL_CAPABILITIES} == set(report.results)
    assert all(result.passed is True for result in report.results.values()), report.to_dict()
    assert report.passed_all()


# --- graphs --------------------------------------------------------------------------------------------------------


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    steps: Annotated[int, operator.add]


def answering(state: State) -> dict[str, Any]:
    return {"messages": [AIMessage(f"answer {state['steps']}")], "steps": 1}


def graph(saver, node=answering):
    builder = StateGraph(State)
    builder.add_node("answer", node)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver)


def said(state) -> list[str]:
    return [message.content for message in state["messages"]]


def test_a_thread_goes_on_in_another_process(tmp_path):
    for number in range(3):
        with TeamMemory.open(tmp_path, background=False) as team:
            state = graph(TransactiveSaver(team)).invoke({"messages": [HumanMessage(f"q{number}")]}, thread())
    assert said(state) == ["q0", "answer 0", "q1", "answer 1", "q2", "answer 2"]


def test_a_run_stops_for_a_person_and_goes_on(saver):
    def asking(state: State) -> dict[str, Any]:
        return {"messages": [AIMessage(interrupt("how much?"))], "steps": 1}

    running = graph(saver, asking)
    stopped = running.invoke({"messages": [HumanMessage("refund me")]}, thread())
    assert stopped["__interrupt__"][0].value == "how much?"
    assert said(running.invoke(Command(resume="five"), thread())) == ["refund me", "five"]


def test_time_travel_forks_a_thread_and_keeps_both_branches(saver):
    running = graph(saver)
    for question in ("a", "b"):
        running.invoke({"messages": [HumanMessage(question)]}, thread())
    past = next(s for s in running.get_state_history(thread()) if said(s.values) == ["a", "answer 0"])
    fork = running.invoke({"messages": [HumanMessage("c")]}, past.config)
    assert said(fork) == ["a", "answer 0", "c", "answer 1"]
    everything = [said(s.values) for s in running.get_state_history(thread()) if s.values]
    assert ["a", "answer 0", "b", "answer 1"] in everything
    assert ["a", "answer 0", "c", "answer 1"] in everything


def test_a_graph_within_a_graph_and_parallel_tasks_are_kept_as_in_memory(saver):
    def build(checkpointer):
        inner = StateGraph(State)
        inner.add_node("deep", answering)
        inner.add_edge(START, "deep")
        outer = StateGraph(State)
        outer.add_node("inner", inner.compile(checkpointer=True))
        outer.add_node("leaf", lambda state: {"steps": 10})
        outer.add_conditional_edges(
            START, lambda state: [Send("leaf", state), Send("leaf", state), Send("inner", state)]
        )
        return outer.compile(checkpointer=checkpointer)

    def story(checkpointer):
        running = build(checkpointer)
        states = [running.invoke({"messages": [HumanMessage(q)], "steps": 0}, thread()) for q in ("x", "y")]
        history = [
            (s.metadata["step"], s.next, said(s.values) if s.values else None)
            for s in running.get_state_history(thread())
        ]
        spaces = {found.config["configurable"]["checkpoint_ns"].split(":")[0] for found in checkpointer.list(thread())}
        return [(said(state), state["steps"]) for state in states], history, spaces

    assert story(saver) == story(InMemorySaver())


def test_an_entrypoint_resumes_without_doing_its_tasks_again(saver):
    done = []

    @task
    def costly(number: int) -> int:
        done.append(number)
        return number * 2

    @entrypoint(checkpointer=saver)
    def workflow(number: int) -> dict[str, Any]:
        doubled = costly(number).result()
        return {"doubled": doubled, "agreed": interrupt("sure?")}

    workflow.invoke(4, thread())
    assert workflow.invoke(Command(resume=True), thread()) == {"doubled": 8, "agreed": True}
    assert done == [4]


def test_a_hundred_threads_at_once_lose_nothing(team):
    saver = TransactiveSaver(team)
    running = graph(saver)

    async def one(number: int) -> list[str]:
        for question in ("a", "b"):
            state = await running.ainvoke({"messages": [HumanMessage(f"{question}{number}")]}, thread(f"t{number}"))
        return said(state)

    async def everybody() -> list[list[str]]:
        return await asyncio.gather(*(one(number) for number in range(100)))

    assert asyncio.run(everybody()) == [[f"a{n}", "answer 0", f"b{n}", "answer 1"] for n in range(100)]
    assert len(team.checkpoints.threads(namespace=f"{team.namespace}/threads")) == 100


# --- delta channels ------------------------------------------------------------------------------------------------


def appended(state: list[str], writes: Any) -> list[str]:
    return [*state, *(item for write in writes for item in write)]


class Deltas(TypedDict):
    log: Annotated[list[str], DeltaChannel(appended, snapshot_frequency=5)]
    turn: int


def logging_graph(saver):
    builder = StateGraph(Deltas)
    builder.add_node("log", lambda state: {"log": [f"seen {state['turn']}"]})
    builder.add_edge(START, "log")
    return builder.compile(checkpointer=saver)


def log_of(running, name: str) -> list[str]:
    return running.get_state(thread(name)).values["log"]


@pytest.mark.parametrize("turns", range(1, 9))
def test_prune_and_copy_keep_what_delta_channels_follow_from(saver, turns):
    running = logging_graph(saver)
    for turn in range(turns):
        running.invoke({"turn": turn, "log": [f"in {turn}"]}, thread())
    whole = [line for turn in range(turns) for line in (f"in {turn}", f"seen {turn}")]
    saver.copy_thread("t", "copy")
    before = len(list(saver.list(thread())))
    saver.prune(["t"])
    after = len(list(saver.list(thread())))
    assert after < before if turns > 2 else after == before  # the first two turns stand on no snapshot
    assert log_of(running, "t") == log_of(running, "copy") == whole
    running.invoke({"turn": 99, "log": ["more"]}, thread())
    assert log_of(running, "t") == [*whole, "more", "seen 99"]


def test_deleting_a_run_keeps_what_later_ones_follow_from(saver):
    running = logging_graph(saver)
    for turn in range(3):
        running.invoke({"turn": turn, "log": [f"in {turn}"]}, {**thread(), "metadata": {"run_id": f"run-{turn}"}})
    saver.delete_for_runs(["run-0"])
    assert log_of(running, "t") == ["in 0", "seen 0", "in 1", "seen 1", "in 2", "seen 2"]
    saver.delete_for_runs(["run-0", "run-1", "run-2"])
    assert list(saver.list(thread())) == []


# --- safety --------------------------------------------------------------------------------------------------------


@dataclass
class Plan:
    steps: list[str]


def test_only_types_that_are_allowed_are_made_again(team):
    value = {"plan": Plan(["a"])}
    strict, allowing = TransactiveSaver(team), TransactiveSaver(team, allow=[Plan])
    assert allowing.serde.loads_typed(allowing.serde.dumps_typed(value)) == value
    assert not isinstance(strict.serde.loads_typed(strict.serde.dumps_typed(value))["plan"], Plan)


def test_messages_need_no_permission(saver):
    messages = [HumanMessage("hi"), AIMessage("", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}])]
    assert saver.serde.loads_typed(saver.serde.dumps_typed(messages)) == messages


def test_encrypted_state_is_nowhere_in_the_files(tmp_path):
    pytest.importorskip("Crypto")
    serde = EncryptedSerializer.from_pycryptodome_aes(key=b"0123456789abcdef")
    with TeamMemory.open(tmp_path, background=False) as team:
        saver = TransactiveSaver(team, serde=serde)
        state = graph(saver).invoke({"messages": [HumanMessage("the pin is 9413")]}, thread())
        assert said(graph(saver).get_state(thread()).values) == said(state)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"9413" not in path.read_bytes(), path


def test_users_and_agents_have_threads_of_their_own(team):
    ana = team.agent("ana")
    savers = [TransactiveSaver(a) for a in (ana, ana.bind(user="u1"), ana.bind(user="u2"), team.agent("ben"))]
    for number, saver in enumerate(savers):
        graph(saver).invoke({"messages": [HumanMessage(f"secret {number}")]}, thread())
    for number, saver in enumerate(savers):
        assert said(graph(saver).get_state(thread()).values)[0] == f"secret {number}"
        assert {
            said(found.checkpoint["channel_values"])[0]
            for found in saver.list(None)
            if found.checkpoint["channel_values"].get("messages")
        } == {f"secret {number}"}
    assert team.erase(user="u1", progress=False).threads == 1
    assert list(savers[1].list(None)) == []
    assert said(graph(savers[2]).get_state(thread()).values)[0] == "secret 2"


def test_a_user_whom_the_config_names_has_threads_of_their_own(team):
    saver = TransactiveSaver(team.agent("ana"), user="user_id")
    for user in ("u1", "u2", None):
        config = thread(user_id=user) if user else thread()
        assert said(graph(saver).invoke({"messages": [HumanMessage(f"I am {user}")]}, config))[0] == f"I am {user}"
    assert said(graph(saver).get_state(thread(user_id="u1")).values)[0] == "I am u1"
    assert said(graph(TransactiveSaver(team.agent("ana").bind(user="u2"))).get_state(thread()).values)[0] == "I am u2"


def test_a_team_shares_threads_where_it_may(team):
    team.grant("*", "team/threads/**", "read", "write")
    ana, ben = (TransactiveSaver(team.agent(name), namespace="team/threads") for name in ("ana", "ben"))
    graph(ana).invoke({"messages": [HumanMessage("hand this over")]}, thread())
    assert said(graph(ben).invoke({"messages": [HumanMessage("taken")]}, thread()))[0] == "hand this over"


def test_what_is_wrong_is_said(team, saver):
    with pytest.raises(InvalidInput, match="thread"):
        saver.get_tuple({"configurable": {}})
    with pytest.raises(InvalidInput, match="keep_latest"):
        saver.prune(["t"], strategy="some")
    with pytest.raises(NotFound):
        saver.copy_thread("nowhere", "x")
    with pytest.raises(InvalidInput, match="handle"):
        TransactiveSaver("planner")  # type: ignore[arg-type]


def test_a_failing_memory_raises_or_lets_the_graph_work_on(team):
    patient, strict = TransactiveSaver(team, degrade="empty"), TransactiveSaver(team)
    team.close()
    state = graph(patient).invoke({"messages": [HumanMessage("hello")]}, thread())
    assert said(state) == ["hello", "answer 0"]
    assert patient.degradations > 1
    with pytest.raises(Exception, match="closed"):
        graph(strict).invoke({"messages": [HumanMessage("hello")]}, thread())


def test_storage_grows_with_what_changes(tmp_path):
    """A step of a thread with a hundred messages costs about as much with four hundred."""

    def grown(messages: int) -> int:
        folder = tmp_path / str(messages)
        with TeamMemory.open(folder, background=False) as team:
            running = graph(TransactiveSaver(team))
            running.update_state(thread(), {"messages": [HumanMessage(words(n)) for n in range(messages)]})
            before = held(team)
            for _ in range(20):
                running.invoke({"messages": [HumanMessage("and another one")]}, thread())
            return held(team) - before

    def words(seed: int) -> str:
        return " ".join(f"{(seed + place) * 7919 % 99991:x}" for place in range(60))

    def held(team: TeamMemory) -> int:
        with sqlite3.connect(team.path / "ledger.db") as raw:
            return sum(
                raw.execute(f"SELECT coalesce(sum(length(data)), 0) FROM {table}").fetchone()[0]
                for table in ("checkpoint_parts", "checkpoint_values", "checkpoint_writes")
            )

    assert grown(400) < 2 * grown(100)
