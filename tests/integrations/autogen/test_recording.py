"""What agents said is kept, once, in the name of whoever said it, with all that it was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

pytest.importorskip("autogen_agentchat")
pytest.importorskip("autogen_ext")

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import (
    BaseChatMessage,
    HandoffMessage,
    MemoryQueryEvent,
    MultiModalMessage,
    StopMessage,
    StructuredMessage,
    TextMessage,
    ThoughtEvent,
    ToolCallSummaryMessage,
)
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken, FunctionCall, Image
from autogen_core.models import AssistantMessage, CreateResult, RequestUsage
from PIL import Image as Pillow
from pydantic import BaseModel

from tests.integrations.autogen.scripted import assistant, model
from tests.team.stores import opened
from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidInput, SessionClosed, StoreClosed
from transactive_integrations.autogen import Recorder, TransactiveMemory, record, recorded


async def look_up(city: str) -> str:
    """Look an office up."""
    return f"{city} opens at nine."


def call(name: str, arguments: str) -> CreateResult:
    usage = RequestUsage(prompt_tokens=1, completion_tokens=1)
    wanted = [FunctionCall(id="call-1", name=name, arguments=arguments)]
    return CreateResult(finish_reason="function_calls", content=wanted, usage=usage, cached=False)


def crew(*memories: TransactiveMemory) -> RoundRobinGroupChat:
    agents: list[Any] = [
        assistant("writer", ["Oslo opens at nine.", "Fine."], *memories),
        assistant("critic", ["Is that so?"]),
    ]
    return RoundRobinGroupChat(agents, termination_condition=MaxMessageTermination(4))


async def test_a_run_is_recorded_once_with_who_spoke(team: TeamMemory) -> None:
    desk = team.agent("desk")
    result = await crew().run(task="When does Oslo open?")
    written = await record(desk, result.messages, session="run-1")
    assert [(m.text, m.agent, m.metadata["author"], m.metadata["role"], m.session) for m in written] == [
        ("When does Oslo open?", "desk", "user", "user", "run-1"),
        ("Oslo opens at nine.", "desk", "writer", "assistant", "run-1"),
        ("Is that so?", "desk", "critic", "assistant", "run-1"),
        ("Fine.", "desk", "writer", "assistant", "run-1"),
    ]
    assert [m.created_at for m in written] == [message.created_at for message in result.messages]
    assert [m.metadata["message_type"] for m in written] == ["TextMessage"] * 4
    assert await record(desk, result.messages, session="run-1") == []
    assert await record(desk, result, session="run-1") == []  # the result itself will do
    assert team.count() == 4
    assert desk.documents.count() == 0  # words need nothing beside them


async def test_each_speaks_in_its_own_name(team: TeamMemory) -> None:
    speakers = {name: team.agent(name) for name in ("writer", "critic")}
    team.grant("*", "team/chats", "read", "write")
    result = await crew().run(task="When does Oslo open?")
    options: dict[str, Any] = {"speakers": speakers, "namespace": "team/chats", "session": "run-1"}
    written = await record(team.agent("desk"), result.messages, **options)
    by_text = {memory.text: memory.agent for memory in written}
    assert by_text == {
        "When does Oslo open?": "desk",
        "Oslo opens at nine.": "writer",
        "Is that so?": "critic",
        "Fine.": "writer",
    }
    assert [m.agent for m in team.transcript("run-1")] == ["desk", "writer", "critic", "writer"]
    assert team.agent("critic").recall("Oslo opens")[0].memory.agent == "writer"


async def test_in_private_each_has_only_what_it_said(team: TeamMemory) -> None:
    speakers = {name: team.agent(name) for name in ("writer", "critic")}
    await record(team.agent("desk"), await crew().run(task="When does Oslo open?"), speakers=speakers)
    assert {name: agent.count() for name, agent in speakers.items()} == {"writer": 2, "critic": 1}
    assert speakers["critic"].recall("Oslo")[:1] != []
    assert all(hit.memory.agent == "critic" for hit in speakers["critic"].recall("Oslo"))


async def test_a_stream_is_recorded_while_it_runs(team: TeamMemory) -> None:
    desk = team.agent("desk")
    counted: list[int] = []
    seen: list[Any] = []
    async for event in recorded(desk, crew().run_stream(task="When does Oslo open?"), session="run-1"):
        seen.append(event)
        counted.append(desk.count())
    assert counted == [1, 2, 3, 4, 4]  # durable when it is seen; the result adds nothing
    assert isinstance(seen[-1], TaskResult)
    assert [m.text for m in team.transcript("run-1")] == [m.to_text() for m in seen[-1].messages]


async def test_the_stream_of_one_agents_messages_is_recorded_too(team: TeamMemory) -> None:
    desk = team.agent("desk")
    agent = assistant("writer", ["Nine."])
    stream = agent.on_messages_stream([TextMessage(content="When?", source="user")], CancellationToken())
    async for _ in recorded(desk, stream):
        pass
    assert [memory.text for memory in desk.list()] == ["Nine."]


async def test_a_stream_that_is_left_is_closed(team: TeamMemory) -> None:
    closed: list[bool] = []

    async def stream() -> AsyncGenerator[BaseChatMessage, None]:
        try:
            while True:
                yield TextMessage(content="On and on.", source="writer")
        finally:
            closed.append(True)

    running = recorded(team.agent("desk"), stream())
    async for _ in running:
        break
    await running.aclose()
    assert closed == [True]


async def test_streamed_pieces_thoughts_and_recalls_are_not_turns(team: TeamMemory) -> None:
    """What was recalled would otherwise be remembered again with each turn."""
    desk = team.agent("desk")
    desk.remember("Oslo opens at nine.")
    agent = AssistantAgent(
        "writer", model_client=model("It opens at nine."), model_client_stream=True, memory=[TransactiveMemory(desk)]
    )
    kinds = [type(event).__name__ async for event in recorded(desk, agent.run_stream(task="When does Oslo open?"))]
    assert "MemoryQueryEvent" in kinds
    assert "ModelClientStreamingChunkEvent" in kinds
    await record(desk, [ThoughtEvent(content="Hm.", source="writer")], tools=True)
    assert sorted(m.text for m in desk.list({"kind": "episodic"})) == ["It opens at nine.", "When does Oslo open?"]


@pytest.mark.parametrize("tools", [False, True])
async def test_calls_of_tools_are_recorded_where_it_is_said(team: TeamMemory, tools: bool) -> None:
    desk = team.agent("desk")
    agent = assistant(
        "writer", [call("look_up", '{"city": "Oslo"}'), "Nine."], tools=[look_up], reflect_on_tool_use=True
    )
    await record(desk, await agent.run(task="When?"), tools=tools)
    turns = desk.list(order_by="created_at")
    texts = [memory.text for memory in turns]
    if not tools:
        assert texts == ["When?", "Nine."]
        return
    assert texts == ["When?", 'calls look_up({"city": "Oslo"})', "look_up: Oslo opens at nine.", "Nine."]
    assert turns[1].metadata["tool_calls"] == [{"name": "look_up", "args": {"city": "Oslo"}}]
    assert [turn.metadata["role"] for turn in turns] == ["user", "assistant", "tool", "assistant"]


async def test_the_answer_of_a_tool_is_what_the_agent_said(team: TeamMemory) -> None:
    desk = team.agent("desk")
    agent = assistant("writer", [call("look_up", '{"city": "Oslo"}')], tools=[look_up])
    result = await agent.run(task="When?")
    written = await record(desk, result)
    assert written[-1].text == "Oslo opens at nine."
    assert written[-1].metadata["tool_calls"] == [{"name": "look_up", "args": {"city": "Oslo"}}]
    whole = await Recorder(desk).message(written[-1])
    assert isinstance(whole, ToolCallSummaryMessage)
    assert whole == result.messages[-1]


class Opening(BaseModel):
    city: str
    hour: int


async def test_what_is_more_than_words_is_kept_whole(team: TeamMemory) -> None:
    desk = team.agent("desk")
    picture = Image(Pillow.frombytes("RGB", (2, 1), b"\x01\x02\x03\xf0\xf1\xf2"))
    messages: list[BaseChatMessage] = [
        MultiModalMessage(content=["Look at", picture, "please"], source="user", metadata={"locale": "nb"}),
        StructuredMessage[Opening](content=Opening(city="Oslo", hour=9), source="writer"),
        HandoffMessage(
            content="Over to you.",
            target="critic",
            source="writer",
            context=[AssistantMessage(content="x", source="w")],
        ),
        TextMessage(content="Noted.", source="critic", metadata={"confidence": "0.9"}),
        StopMessage(content="Done.", source="critic"),
    ]
    recorder = Recorder(desk, session="run-1")
    written = await recorder.record(messages)
    assert [memory.text for memory in written] == [
        "Look at [image]please",
        '{"city":"Oslo","hour":9}',
        "Over to you.",
        "Noted.",
        "Done.",
    ]
    assert written[0].metadata["locale"] == "nb"
    assert written[0].metadata["document"] == {"namespace": "agents/desk", "key": f"message:{messages[0].id}"}
    assert "document" not in written[4].metadata
    assert written[3].metadata["confidence"] == "0.9"
    whole: list[Any] = [await recorder.message(memory, types=[StructuredMessage[Opening]]) for memory in written]
    assert isinstance(whole[0], MultiModalMessage)
    assert isinstance(whole[0].content[1], Image)
    assert whole[0].content[1].image.tobytes() == b"\x01\x02\x03\xf0\xf1\xf2"
    assert whole[1:4] == messages[1:4]
    assert whole[4] is None  # its words are all that it is
    with pytest.raises(InvalidInput, match="StructuredMessage"):
        await recorder.message(written[1])
    assert await recorder.record(messages) == []
    assert desk.documents.count() == 4


async def test_people_may_have_other_names(team: TeamMemory) -> None:
    desk = team.agent("desk")
    proxy = UserProxyAgent("mia", input_func=lambda _: "In May, please.")
    writer = assistant("writer", ["Noted."])
    result = await RoundRobinGroupChat([proxy, writer], termination_condition=MaxMessageTermination(3)).run(
        task="When?"
    )
    written = await record(desk, result.messages, users=["user", "mia"])
    assert [(m.metadata["author"], m.metadata["role"]) for m in written] == [
        ("user", "user"),
        ("mia", "user"),
        ("writer", "assistant"),
    ]
    with pytest.raises(InvalidInput, match="users"):
        Recorder(desk, users="mia")


async def test_one_users_conversation_is_never_another_ones(team: TeamMemory) -> None:
    alice, bob = (team.agent("desk", user=user) for user in ("alice", "bob"))
    picture = Image(Pillow.new("RGB", (1, 1)))
    message = MultiModalMessage(content=["My Oslo pin is 1234", picture], source="user")
    [turn] = await record(alice, [message])
    assert not bob.recall("Oslo pin")
    with pytest.raises(AccessDenied):
        await Recorder(bob).message(turn)
    assert await Recorder(alice).message(turn) is not None
    [other] = await record(bob, [message])  # the same message, said to another
    assert other.user == "bob"


async def test_what_is_wrong_is_refused(team: TeamMemory) -> None:
    desk = team.agent("desk")
    message = TextMessage(content="Oslo", source="user")
    for wrong in (message, "Oslo", 3, ["Oslo"], [message, None]):
        with pytest.raises(InvalidInput):
            await record(desk, cast("Any", wrong))
    with pytest.raises(AccessDenied):
        await record(desk, [message], namespace="agents/writer")
    with desk.session("run-1"):
        pass
    with pytest.raises(SessionClosed):
        await record(desk, [message], session="run-1")
    assert desk.count() == 0
    assert await record(desk, []) == []
    assert await record(desk, [MemoryQueryEvent(content=[], source="writer")]) == []


async def test_a_failing_memory_ends_the_run_or_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    store = opened()
    desk = store.agent("desk")
    store.close()
    with pytest.raises(StoreClosed):
        await record(desk, [TextMessage(content="Oslo", source="user")])
    recorder = Recorder(desk, degrade="empty")
    with caplog.at_level(logging.WARNING, logger="transactive.integrations"):
        events = [event async for event in recorder.stream(crew().run_stream(task="When?"))]
    assert isinstance(events[-1], TaskResult)
    assert recorder.degradations == 4
    assert "StoreClosed" in caplog.text


async def test_a_hundred_runs_at_once(team: TeamMemory) -> None:
    handles = [team.agent("desk", session=f"run-{number}") for number in range(100)]

    async def run(number: int) -> None:
        agent = assistant("writer", [f"Answer {number}."])
        async for _ in recorded(handles[number], agent.run_stream(task=f"Question {number}?")):
            pass

    await asyncio.gather(*(run(number) for number in range(100)))
    assert team.count() == 200
    for number in (0, 42, 99):
        said = [memory.text for memory in team.transcript(f"run-{number}")]
        assert said == [f"Question {number}?", f"Answer {number}."]
