"""`create_agent` with a memory: real agent loops, with models that say what they are told to."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("langchain")

from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from tests.integrations.langchain.scripted import Scripted, call, scripted
from tests.team.stores import texts
from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidInput, SessionClosed, StoreClosed
from transactive_integrations.langchain import MemoryMiddleware, memory_tools, message_of
from transactive_integrations.langchain.middleware import HEADING, INCOMPLETE


def asks(text: str, id: str | None = None) -> Any:
    return {"messages": [HumanMessage(text, id=id)]}


def run_of(thread: str, user: str | None = None) -> Any:
    return {"configurable": {"thread_id": thread} | ({} if user is None else {"user_id": user})}


def agent_with(team: TeamMemory, model: Scripted, **options: Any) -> Any:
    memory = MemoryMiddleware(team.agent("support"), **options)
    return create_agent(model, tools=[], middleware=[memory], checkpointer=InMemorySaver())


async def invoked(agent: Any, asked: Mapping[str, Any], *, awaited: bool, **options: Any) -> dict[str, Any]:
    """One run, by `invoke` or by `ainvoke`."""
    answer: dict[str, Any] = await agent.ainvoke(asked, **options) if awaited else agent.invoke(asked, **options)
    return answer


both = pytest.mark.parametrize("awaited", [False, True], ids=["invoke", "ainvoke"])


@both
async def test_what_others_published_is_in_the_system_message(team: TeamMemory, awaited: bool) -> None:
    team.agent("billing").publish("Invoices of May were charged twice.")
    model = scripted("I see.")
    agent = create_agent(model, middleware=[MemoryMiddleware(team.agent("support"))], system_prompt="Be kind.")

    await invoked(agent, asks("What about the invoices of May?"), awaited=awaited)

    assert model.systems[0].startswith(f"Be kind.\n\n{HEADING}\n[1] (")
    assert "billing) Invoices of May were charged twice." in model.systems[0]


@both
async def test_one_thread_remembers_what_was_said_in_another(team: TeamMemory, awaited: bool) -> None:
    model = scripted("Noted: tea.", "Tea, of course.")
    agent = agent_with(team, model)

    await invoked(agent, asks("My favourite drink is tea."), awaited=awaited, config=run_of("monday"))
    await invoked(agent, asks("What is my favourite drink?"), awaited=awaited, config=run_of("tuesday"))

    assert model.systems[0] == ""
    assert "My favourite drink is tea." in model.systems[1]
    assert {m.session for m in team.agent("support").list()} == {"monday", "tuesday"}
    assert [m.metadata["role"] for m in team.agent("support").transcript("monday")] == ["user", "assistant"]


@both
async def test_the_persisted_state_holds_the_conversation_and_nothing_else(team: TeamMemory, awaited: bool) -> None:
    team.agent("support").remember("Ticket 7 is about tea.")
    plain, remembering = scripted("One.", "Two."), scripted("One.", "Two.")
    bare = create_agent(plain, tools=[], checkpointer=InMemorySaver())
    agent = agent_with(team, remembering)

    for number, text in enumerate(["What about tea?", "And ticket 7?"]):
        for one in (bare, agent):
            await invoked(one, asks(text, id=f"q{number}"), awaited=awaited, config=run_of("t"))

    states = [one.get_state(run_of("t")).values for one in (bare, agent)]
    said = [[(m.type, m.content) for m in state["messages"]] for state in states]
    assert (
        said[0] == said[1] == [("human", "What about tea?"), ("ai", "One."), ("human", "And ticket 7?"), ("ai", "Two.")]
    )
    assert [set(state) for state in states] == [{"messages"}, {"messages"}]
    assert all("Ticket 7" in system for system in remembering.systems)


def test_each_message_is_recorded_once_however_long_the_thread(team: TeamMemory) -> None:
    agent = agent_with(team, scripted("One.", "Two.", "Three."))
    for text in ("yes", "yes", "no"):
        agent.invoke(asks(text), run_of("t"))

    assert texts(team.agent("support").transcript("t")) == ["yes", "One.", "yes", "Two.", "no", "Three."]


def test_what_the_conversation_shows_is_not_recalled_into_it(team: TeamMemory) -> None:
    model = scripted("Noted.")
    agent = agent_with(team, model)
    agent.invoke(asks("The door code is 4711."), run_of("t"))
    agent.invoke(asks("What is the door code?"), run_of("t"))
    agent.invoke(asks("What is the door code?"), run_of("other"))

    assert "4711" not in model.systems[1]
    assert "4711" in model.systems[2]


@dataclass
class Context:
    user_id: str


@both
@pytest.mark.parametrize("named", ["context", "context as a dict", "config"])
async def test_two_users_never_mix(team: TeamMemory, awaited: bool, named: str) -> None:
    model = scripted("Noted.")
    memory = MemoryMiddleware(team.agent("support"))
    agent = create_agent(model, tools=[], middleware=[memory], checkpointer=InMemorySaver(), context_schema=Context)

    async def ask(user: str, thread: str, text: str) -> None:
        context: Any = {"context": Context(user), "context as a dict": {"user_id": user}, "config": None}[named]
        config = run_of(thread, user if named == "config" else None)
        await invoked(agent, asks(text), awaited=awaited, config=config, context=context)

    team.publish("Our shop opens at nine.")
    await ask("alice", "a1", "My pin is 1234, keep it secret.")
    await ask("bob", "b1", "What is my pin? When does the shop open?")
    await ask("alice", "a2", "What is my pin? When does the shop open?")

    assert "1234" not in model.systems[1]
    assert "nine" in model.systems[1]
    assert "1234" in model.systems[2]
    assert "nine" in model.systems[2]
    assert {m.user for m in team.list({"session": "a1"})} == {"alice"}


def test_a_run_for_nobody_sees_what_is_about_nobody(team: TeamMemory) -> None:
    team.agent("support", user="alice").remember("Alice's pin is 1234.")
    team.agent("support").remember("The pin pad is in the hall.")
    model = scripted("Noted.")
    agent_with(team, model).invoke(asks("Where is the pin?"), run_of("t"))
    agent_with(team, model, all_users=True).invoke(asks("Where is the pin?"), run_of("t2"))

    assert "1234" not in model.systems[0]
    assert "hall" in model.systems[0]
    assert "1234" in model.systems[1]


def test_a_run_cannot_leave_the_user_of_its_handle(team: TeamMemory) -> None:
    memory = MemoryMiddleware(team.agent("support", user="alice"), degrade="empty")
    agent = create_agent(scripted(), tools=[], middleware=[memory])
    with pytest.raises(AccessDenied):
        agent.invoke(asks("Hello?"), run_of("t", "bob"))


def test_a_run_that_names_two_users_or_an_empty_one_is_refused(team: TeamMemory) -> None:
    memory = MemoryMiddleware(team.agent("support"))
    agent = create_agent(scripted(), tools=[], middleware=[memory], context_schema=Context)
    with pytest.raises(InvalidInput, match="two users"):
        agent.invoke(asks("Hello?"), run_of("t", "bob"), context=Context("alice"))
    with pytest.raises(InvalidInput, match="is empty"):
        agent.invoke(asks("Hello?"), run_of("t"), context=Context(" "))


def test_a_thread_belongs_to_one_user(team: TeamMemory) -> None:
    memory = MemoryMiddleware(team.agent("support"))
    agent = create_agent(scripted(), tools=[], middleware=[memory])
    agent.invoke(asks("Hello?"), run_of("1", "alice"))
    with pytest.raises(AccessDenied, match="another user"):
        agent.invoke(asks("Hello?"), run_of("1", "bob"))


def test_private_stays_private_and_a_shared_namespace_is_shared(team: TeamMemory) -> None:
    sharing = MemoryMiddleware(team.agent("sales"), namespace="team/shared")
    keeping = MemoryMiddleware(team.agent("support"))
    create_agent(scripted("Noted."), middleware=[sharing]).invoke(asks("Acme buys ten licences."))
    create_agent(scripted("Noted."), middleware=[keeping]).invoke(asks("Acme is late with its licences."))

    found = texts(team.agent("writer").recall("Acme licences"))
    assert "Acme buys ten licences." in found
    assert not any("late" in text for text in found)


def test_options_narrow_what_is_recalled(team: TeamMemory) -> None:
    team.publish("Public word about tea.")
    team.agent("support").remember("Private word about tea.")
    model = scripted("Noted.")
    agent_with(team, model, namespaces=["team/**"], record=False).invoke(asks("tea?"), run_of("t"))
    assert "Public" in model.systems[0]
    assert "Private" not in model.systems[0]
    assert team.agent("support").count({"session": "t"}) == 0
    with pytest.raises(InvalidInput, match="unknown option 'name_space'"):
        MemoryMiddleware(team.agent("support"), name_space="x")  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match="record is"):
        MemoryMiddleware(team.agent("support"), record="everything")  # type: ignore[arg-type]


@both
async def test_a_tool_calling_model_remembers_and_recalls_in_a_loop(team: TeamMemory, awaited: bool) -> None:
    support = team.agent("support")
    model = scripted(
        call("remember", text="Alice pays by invoice.", tags=["billing"]),
        "I have noted that.",
        call("recall", query="How does Alice pay?"),
        "By invoice.",
    )
    memory = MemoryMiddleware(support, tools=memory_tools(support), record="tools")
    agent = create_agent(model, middleware=[memory], checkpointer=InMemorySaver())

    await invoked(agent, asks("I am Alice and pay by invoice."), awaited=awaited, config=run_of("1", "alice"))
    state = await invoked(agent, asks("How do I pay?"), awaited=awaited, config=run_of("2", "alice"))

    [answer] = [m for m in state["messages"] if isinstance(m, ToolMessage)]
    assert "Alice pays by invoice." in answer.content
    assert answer.status == "success"
    [fact] = support.list({"tags": "billing"})
    assert (fact.user, fact.session, fact.agent) == ("alice", "1", "support")
    recorded = texts(support.transcript("2"))
    assert recorded == ["How do I pay?", "By invoice."], "what memory tools answer is not remembered again"


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}."


def test_tools_are_recorded_when_asked_for(team: TeamMemory) -> None:
    for record, expected in (
        (True, ["Weather?", "It rains."]),
        ("tools", ["Weather?", 'calls weather({"city": "Oslo"})', "Rain in Oslo.", "It rains."]),
    ):
        model = scripted(call("weather", city="Oslo"), "It rains.")
        memory = MemoryMiddleware(team.agent("support"), record=record)  # type: ignore[arg-type]
        create_agent(model, tools=[weather], middleware=[memory]).invoke(asks("Weather?"), run_of(f"record {record}"))
        assert texts(team.agent("support").transcript(f"record {record}")) == expected


def test_the_question_stays_the_persons_while_tools_answer(team: TeamMemory) -> None:
    team.agent("support").remember("Umbrellas are in the hall.")
    model = scripted(call("weather", city="Oslo"), "Take an umbrella.")
    memory = MemoryMiddleware(team.agent("support"))
    create_agent(model, tools=[weather], middleware=[memory]).invoke(asks("Where are the umbrellas?"))
    assert len(model.systems) == 2
    assert all("in the hall" in system for system in model.systems)


IMAGE = {"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"}


def test_images_and_long_texts_are_kept_whole_and_referenced(team: TeamMemory) -> None:
    agent = agent_with(team, scripted("A cat."))
    seen = HumanMessage([{"type": "text", "text": "What is this?"}, IMAGE], id="m1")
    long = HumanMessage("\x00word " * 400_000, id="m2")
    agent.invoke({"messages": [seen]}, run_of("t", "alice"))
    agent.invoke({"messages": [long]}, run_of("t", "alice"))

    support = team.agent("support", user="alice")
    turn, answer, cut, _ = support.transcript("t")
    assert turn.text == "What is this?\n[image]"
    assert message_of(support, turn) == seen
    assert message_of(support, cut) == long
    assert "\x00" not in cut.text
    assert message_of(support, answer) is None
    with pytest.raises(AccessDenied):
        message_of(team.agent("support", user="bob"), turn)
    assert len(support.documents.list(limit=None)) == 2


def test_summaries_of_other_middleware_are_not_taken_for_speech(team: TeamMemory) -> None:
    model = scripted("One.", "Two.", "Three.")
    shortening = SummarizationMiddleware(scripted("A SUMMARY"), trigger=("messages", 4), keep=("messages", 1))
    memory = MemoryMiddleware(team.agent("support"))
    agent = create_agent(model, middleware=[shortening, memory], checkpointer=InMemorySaver())
    for text in ("first", "second", "third"):
        agent.invoke(asks(text), run_of("t"))

    shown = [message.text for message in agent.get_state(run_of("t")).values["messages"]]
    assert any("A SUMMARY" in text for text in shown)
    assert texts(team.agent("support").transcript("t")) == ["first", "One.", "second", "Two.", "third", "Three."]


def test_a_message_without_words_asks_nothing(team: TeamMemory) -> None:
    team.publish("Something.")
    model = scripted("Nice.")
    agent_with(team, model).invoke({"messages": [HumanMessage([IMAGE])]}, run_of("t"))
    assert model.systems == [""]


def test_blocks_of_a_system_message_stay_blocks(team: TeamMemory) -> None:
    team.publish("Tea is at four.")
    model = scripted("Nice.")
    block = {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}
    memory = MemoryMiddleware(team.agent("support"))
    create_agent(model, middleware=[memory], system_prompt=SystemMessage([block])).invoke(asks("When is tea?"))
    shown: Any
    [shown] = [m.content for m in model.seen[0] if isinstance(m, SystemMessage)]
    assert shown[0] == block
    assert "Tea is at four." in shown[1]["text"]


@both
async def test_a_failing_memory_raises_by_default(team: TeamMemory, awaited: bool) -> None:
    agent = agent_with(team, scripted())
    team.close()
    with pytest.raises(StoreClosed):
        await invoked(agent, asks("Hello?"), awaited=awaited, config=run_of("t"))


@both
@pytest.mark.parametrize("degrade", ["text", "empty"])
async def test_an_agent_works_on_without_its_memory_when_it_may(
    team: TeamMemory, awaited: bool, degrade: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model = scripted("I work on.")
    memory = MemoryMiddleware(team.agent("support"), degrade=degrade)
    agent = create_agent(model, middleware=[memory])
    team.close()
    with caplog.at_level(logging.WARNING, "transactive.integrations"):
        state = await invoked(agent, asks("Hello?"), awaited=awaited, config=run_of("t"))
    assert state["messages"][-1].text == "I work on."
    assert model.systems == [INCOMPLETE]
    assert memory.degradations == 2  # one recall, one record
    assert len(caplog.records) == 2


def test_bad_input_is_not_taken_for_a_failing_memory(team: TeamMemory) -> None:
    with team.agent("support").session("done"):
        pass
    memory = MemoryMiddleware(team.agent("support"), degrade="empty")
    with pytest.raises(SessionClosed):
        create_agent(scripted(), middleware=[memory]).invoke(asks("Hello?"), run_of("done"))


async def test_a_hundred_runs_at_once_lose_nothing(team: TeamMemory) -> None:
    agent = agent_with(team, Scripted(responses=[AIMessage("Noted.")]))
    await asyncio.gather(
        *(agent.ainvoke(asks(f"I am number {n}."), run_of(f"thread {n}", f"user {n}")) for n in range(100))
    )
    assert team.agent("support").count({"kind": "episodic"}) == 200
    for n in (0, 57, 99):
        assert texts(team.agent("support").transcript(f"thread {n}")) == [f"I am number {n}.", "Noted."]
        assert {m.user for m in team.agent("support").transcript(f"thread {n}")} == {f"user {n}"}


@contextmanager
def write_lock(team: TeamMemory) -> Iterator[None]:
    """Another process's transaction, which keeps writers waiting."""
    with closing(sqlite3.connect(team.path / "ledger.db", isolation_level=None)) as ledger:
        ledger.execute("BEGIN IMMEDIATE")
        yield
        ledger.execute("ROLLBACK")


async def test_the_loop_goes_on_while_the_memory_waits(team: TeamMemory) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(time.perf_counter())
            await asyncio.sleep(0.001)

    agent = agent_with(team, scripted("Noted."))
    ticking = asyncio.create_task(tick())
    with write_lock(team):
        run = asyncio.create_task(agent.ainvoke(asks("Hello?"), run_of("t")))
        await asyncio.wait([run], timeout=1.0)
        assert not run.done(), "the record waits for the ledger"
    await run
    ticking.cancel()
    assert max(after - before for before, after in pairwise(ticks)) < 0.5
    assert team.agent("support").count({"session": "t"}) == 2
