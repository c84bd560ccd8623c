"""Agents of LlamaIndex, run by its own loops with scripted models, that remember together."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.memory import Memory as ChatMemory
from llama_index.core.tools import FunctionTool, QueryEngineTool
from llama_index.core.workflow import Context

from tests.integrations.llamaindex.scripted import Script, call
from tests.team.stores import opened, texts
from transactive import Memory, TeamMemory
from transactive.testing import HashEmbedder
from transactive_integrations.llamaindex import (
    TransactiveChatStore,
    TransactiveMemoryBlock,
    TransactiveSyncChatStore,
    TransactiveToolSpec,
    query_engine_tool,
)


def test_the_tools_are_the_frameworks(team: TeamMemory) -> None:
    tools = TransactiveToolSpec(team.agent("ana")).to_tool_list()
    assert [tool.metadata.name for tool in tools] == ["remember", "recall", "forget"]
    assert all(isinstance(tool, FunctionTool) for tool in tools)
    schema = tools[0].metadata.get_parameters_dict()
    assert set(schema["properties"]) == {"text", "importance", "tags"}  # no user, no agent, no namespace
    assert schema["required"] == ["text"]
    assert "What to remember." in tools[0].metadata.description
    assert isinstance(query_engine_tool(team.agent("ana")), QueryEngineTool)


def test_an_agent_remembers_recalls_and_forgets_by_tools(team: TeamMemory) -> None:
    ana = team.agent("ana")

    noted: list[Memory] = []

    def forget(messages: Sequence[ChatMessage]) -> ToolCallBlock:
        uid = str(messages[-1].content).split(")")[0].removeprefix("(")
        noted.append(ana.get(uid))
        return call("forget", id=uid)

    llm = Script(
        call("remember", text="The plum cake is baked at 180 degrees.", importance=0.9, tags=["baking"]),
        call("recall", query="how hot is the cake baked?"),
        forget,
        "Done.",
    )
    agent = FunctionAgent(tools=TransactiveToolSpec(ana).to_tool_list(), llm=llm)

    async def run() -> list[str]:
        handler = agent.run("Remember the cake, then forget it.")
        said = [
            event.tool_output.content async for event in handler.stream_events() if isinstance(event, ToolCallResult)
        ]
        assert str(await handler) == "Done."
        return said

    remembered, recalled, forgotten = asyncio.run(run())
    uid = remembered.removeprefix("Remembered, with id ").removesuffix(".")
    assert recalled == f"({uid}) ana, 2026-05-04: The plum cake is baked at 180 degrees."
    assert forgotten == "Forgotten: 1."
    assert list(ana.recall("cake")) == []
    assert [(memory.importance, memory.tags) for memory in noted] == [(0.9, ("baking",))]


def test_a_tool_that_fails_tells_the_model_and_the_agent_goes_on(team: TeamMemory) -> None:
    llm = Script(call("remember", text="  "), call("forget", id="nothing"), "I could not.")
    agent = FunctionAgent(tools=TransactiveToolSpec(team.agent("ana")).to_tool_list(), llm=llm)

    async def run() -> str:
        return str(await agent.run("Remember nothing."))

    assert asyncio.run(run()) == "I could not."
    assert "a memory's text is empty" in llm.seen(1)
    assert "There is no such memory." in llm.seen(2)


def test_a_tool_forgets_nothing_that_its_agent_may_not(team: TeamMemory) -> None:
    theirs = team.agent("ben").publish("Ben's finding about plums.")
    result = TransactiveToolSpec(team.agent("ana")).to_tool_list()[2]
    with pytest.raises(PermissionError):
        result.call(id=theirs.uid)
    assert texts(team.agent("ana").recall("plums")) == ["Ben's finding about plums."]


def test_agents_of_one_workflow_share_by_namespace_and_keep_the_rest_private(team: TeamMemory) -> None:
    researcher, writer = team.agent("researcher"), team.agent("writer")
    researching = Script(
        call("remember", text="HNSW answers in 5 ms at ten million vectors."),
        call("handoff", to_agent="writer", reason="found it"),
    )
    writing = Script(call("memory", input="how fast is HNSW?"), "HNSW answers in 5 ms [1].")
    workflow = AgentWorkflow(
        agents=[
            FunctionAgent(
                name="researcher",
                description="finds",
                tools=TransactiveToolSpec(researcher, namespace="team/shared").to_tool_list(),
                llm=researching,
                can_handoff_to=["writer"],
            ),
            FunctionAgent(name="writer", description="writes", tools=[query_engine_tool(writer)], llm=writing),
        ],
        root_agent="researcher",
    )

    async def run() -> str:
        return str(await workflow.run("How fast is HNSW? Write a sentence."))

    assert asyncio.run(run()) == "HNSW answers in 5 ms [1]."
    assert "[1] researcher, 2026-05-04: HNSW answers in 5 ms at ten million vectors." in writing.seen(1)
    (hit,) = writer.recall("HNSW")
    assert (hit.memory.agent, hit.memory.namespace) == ("researcher", "team/shared")


@pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning")  # LlamaIndex's own
def test_a_react_agent_uses_the_query_tool(team: TeamMemory) -> None:
    team.agent("researcher").publish("HNSW answers in 5 ms at ten million vectors.")
    llm = Script(
        'Thought: I look.\nAction: memory\nAction Input: {"input": "how fast is HNSW?"}',
        "Thought: I can answer without using any more tools.\nAnswer: 5 ms.",
    )

    async def run() -> str:
        return str(await ReActAgent(tools=[query_engine_tool(team.agent("writer"))], llm=llm).run("How fast?"))

    assert asyncio.run(run()) == "5 ms."
    assert "researcher, 2026-05-04: HNSW answers" in llm.seen(1)


def test_with_a_model_the_query_tool_words_an_answer_from_the_memories(team: TeamMemory) -> None:
    team.agent("researcher").publish("HNSW answers in 5 ms at ten million vectors.")
    output = query_engine_tool(team.agent("writer"), llm=MockLLM()).call("how fast is HNSW?")
    assert "Context information is below" in output.content
    assert "HNSW answers in 5 ms" in output.content
    assert output.raw_output.source_nodes[0].metadata["author"] == "researcher"


def test_an_agent_remembers_after_its_process_has_ended(tmp_path: Path) -> None:
    """Two runs over one folder: the chat goes on, and what has left the short-term memory is recalled."""

    async def run(team: TeamMemory, llm: Script, *said: str) -> str:
        ana = team.agent("ana", user="alice")
        memory = ChatMemory.from_defaults(
            session_id="chat-1",
            token_limit=120,
            token_flush_size=20,
            chat_store=TransactiveChatStore(ana),
            memory_blocks=[TransactiveMemoryBlock(ana)],
        )
        agent = FunctionAgent(llm=llm, tools=[], streaming=False)
        answer = ""
        for text in said:
            answer = str(await agent.run(text, memory=memory))
        return answer

    with opened(tmp_path / "store", embedder=HashEmbedder()) as team:
        first = Script("I note 4711.", *(f"Indeed, the weather of day {day} was fine." for day in range(12)))
        talk = [f"The weather of day {day} was fine, was it not?" for day in range(12)]
        asyncio.run(run(team, first, "My locker code is 4711.", *talk))
    with opened(tmp_path / "store", embedder=HashEmbedder()) as team:
        second = Script("Your locker code is 4711.")
        assert asyncio.run(run(team, second, "What is my locker code?")) == "Your locker code is 4711."
        assert "ana (quoting user)" in second.seen()
        assert "My locker code is 4711." in second.seen()
        assert "The weather of day 11 was fine" in second.seen()  # of the chat itself
        recorded = team.agent("ana", user="alice").list({"session": "chat-1"}, limit=1000)
        assert {memory.user for memory in recorded} == {"alice"}
        assert {memory.namespace for memory in recorded} == {"agents/ana"}


@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")  # of every `Memory`
def test_an_agent_keeps_its_memory_across_turns_of_one_context(team: TeamMemory) -> None:
    ana = team.agent("ana")
    llm = Script("Hello Ada.", "You are Ada.")
    agent = FunctionAgent(llm=llm, tools=[])
    memory = ChatMemory.from_defaults(session_id="s", chat_store=TransactiveChatStore(ana))

    async def run() -> str:
        context = Context(agent)
        await agent.run("I am Ada.", ctx=context, memory=memory)
        return str(await agent.run("Who am I?", ctx=context, memory=memory))

    assert asyncio.run(run()) == "You are Ada."
    assert [message.content for message in llm.shown[1]] == ["I am Ada.", "Hello Ada.", "Who am I?"]


def test_the_older_chat_memory_works_on_the_same_messages(team: TeamMemory) -> None:
    ana = team.agent("ana")
    llm = Script("Hello Ada.", "You are Ada.")
    agent = FunctionAgent(llm=llm, tools=[])

    async def run() -> str:
        store = TransactiveSyncChatStore(ana)
        await agent.run("I am Ada.", memory=ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="s"))
        newer = ChatMemory.from_defaults(session_id="s", chat_store=TransactiveChatStore(ana))
        return str(await agent.run("Who am I?", memory=newer))

    assert asyncio.run(run()) == "You are Ada."
    assert [message.content for message in llm.shown[1]] == ["I am Ada.", "Hello Ada.", "Who am I?"]
