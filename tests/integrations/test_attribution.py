"""The table of docs/integrations/attribution.md is true: what each framework's names and ids become."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.update(
    CREWAI_TRACING_ENABLED="false",
    CREWAI_DISABLE_TELEMETRY="true",
    OTEL_SDK_DISABLED="true",
    LANGSMITH_TRACING="false",
    CREWAI_TESTING="true",
)

from tests.team.stores import opened
from transactive import TeamMemory
from transactive.errors import AccessDenied
from transactive.testing import HashEmbedder

pytestmark = pytest.mark.filterwarnings("ignore")  # of the frameworks, imported together


@pytest.fixture
def team() -> Iterator[TeamMemory]:
    with opened(embedder=HashEmbedder()) as team:
        yield team


# --- LangGraph --------------------------------------------------------------------------------------------------------


def test_langgraphs_thread_is_a_thread_of_checkpoints_and_no_session(team: TeamMemory) -> None:
    pytest.importorskip("langgraph")
    from langgraph.graph import START, StateGraph
    from typing_extensions import TypedDict

    from transactive_integrations.langgraph import TransactiveSaver

    class State(TypedDict):
        n: int

    alice = team.agent("planner", user="alice")
    builder = StateGraph(State)
    builder.add_node("step", lambda state: {"n": state["n"] + 1})
    builder.add_edge(START, "step")
    config: Any = {"configurable": {"thread_id": "t-1", "user_id": "bob"}, "metadata": {"run_id": "run-1"}}
    graph = builder.compile(checkpointer=TransactiveSaver(alice))
    graph.invoke({"n": 1}, config)

    kept = alice.checkpoints.get("t-1", namespace="agents/planner/threads")
    assert kept is not None
    assert (kept.thread, kept.space, kept.agent, kept.run) == ("t-1", "", "planner", "run-1")
    assert team.agent("planner").checkpoints.get("t-1", namespace="agents/planner/threads") is None  # alice's alone
    assert team.agent("planner", user="bob").checkpoints.get("t-1", namespace="agents/planner/threads") is None
    assert alice.sessions() == []


def test_langgraphs_labels_are_a_place_and_no_user(team: TeamMemory) -> None:
    pytest.importorskip("langgraph")
    from transactive_integrations.langgraph import TransactiveStore

    TransactiveStore(team.agent("planner")).put(("users", "a b"), "theme", {"dark": True})
    found = team.agent("planner").documents.get("agents/planner/store/users/a%20b", "theme")
    assert found is not None
    assert (found.agent, found.user, found.value) == ("planner", None, {"dark": True})


# --- LangChain --------------------------------------------------------------------------------------------------------


def test_langchains_thread_is_the_session_and_its_user_the_user(team: TeamMemory) -> None:
    pytest.importorskip("langchain")
    from langchain.agents import create_agent
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.messages import HumanMessage

    from transactive_integrations.langchain import MemoryMiddleware, TransactiveRetriever

    support = team.agent("support", app="helpdesk")
    model = FakeListChatModel(responses=["Noted."])
    agent = create_agent(model, [], middleware=[MemoryMiddleware(support)], name="front desk")
    config: Any = {"configurable": {"thread_id": "t-1", "user_id": "alice"}, "tags": ["x"], "metadata": {"run": "y"}}
    said = HumanMessage("Tea without milk.", id="m-1", name="Alice B.")
    agent.invoke({"messages": [said]}, config)

    turns = {turn.metadata["role"]: turn for turn in team.transcript("t-1")}
    assert {(t.agent, t.user, t.session, t.app) for t in turns.values()} == {("support", "alice", "t-1", "helpdesk")}
    noted = turns["user"].metadata
    assert (noted["message_id"], noted["author"], noted["role"]) == ("m-1", "Alice B.", "user")
    assert not {"tags", "run", "x", "y"} & set(noted)

    retriever = TransactiveRetriever(support)
    assert retriever.invoke("tea milk") == []  # a run for nobody sees what is about nobody
    [found, *_] = retriever.invoke("tea milk", {"configurable": {"user_id": "alice"}})
    assert found.metadata["memory"]["agent"] == "support"
    assert retriever.invoke("tea milk", {"configurable": {"user_id": "bob"}}) == []
    with pytest.raises(AccessDenied):
        TransactiveRetriever(team.agent("support", user="bob")).invoke("tea", {"configurable": {"user_id": "alice"}})


def test_langchains_session_id_is_the_session(team: TeamMemory) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.messages import HumanMessage

    from transactive_integrations.langchain import TransactiveChatHistory

    chat = team.agent("chat", user="alice")
    TransactiveChatHistory(chat, "s-1", recallable=True).add_messages([HumanMessage("Hello there")])
    [turn] = team.transcript("s-1")
    assert (turn.agent, turn.user) == ("chat", "alice")
    [kept] = chat.documents.list("agents/chat/history")
    assert kept.key.startswith("history/s-1/")
    assert turn.metadata["document"] == {"namespace": "agents/chat/history", "key": kept.key}


# --- CrewAI -----------------------------------------------------------------------------------------------------------


def test_crewais_roles_are_agents_or_metadata_and_scopes_namespaces(team: TeamMemory) -> None:
    pytest.importorskip("crewai")
    from crewai import Agent as CrewAgent
    from crewai import BaseLLM

    from transactive_integrations.crewai import TransactiveMemory, give_memories

    class Silent(BaseLLM):
        def call(self, *_: Any, **__: Any) -> str:
            return "Thought: done.\nFinal Answer: done."

    analyst = CrewAgent(role="Senior Analyst", goal="g", backstory="b", llm=Silent(model="none"))
    given = give_memories(team, [analyst])
    assert given["Senior Analyst"].agent.name == "Senior Analyst"

    team.grant("crew", "team/shared/**", "read", "write")  # what everybody may, they may in that namespace alone
    memory = TransactiveMemory(team.agent("crew"), namespace="team/shared")
    kept: Any = memory.remember(
        "Parcel 4711 waits.", scope="/team/a", categories=["late"], source="alice", agent_role="Analyst", importance=0.7
    )
    [found] = team.list({"kind": {"$ne": "document"}})
    assert (found.agent, found.user, found.session) == ("crew", None, None)
    assert (found.namespace, found.tags, found.source) == ("team/shared/team/a", ("late",), "alice")
    assert found.metadata == {"agent_role": "Analyst"}
    assert found.importance == 0.7
    assert kept.id == found.uid

    memory.remember("The pin is 1234.", private=True, source="alice")
    [private] = team.list({"sensitivity": "confidential"})
    assert private.namespace.startswith("agents/crew/private/")
    assert "1234" in str(memory.recall("the pin", source="alice"))
    assert "1234" not in str(memory.recall("the pin", source="bob"))


def test_crewais_flows_are_documents_by_their_id(team: TeamMemory) -> None:
    pytest.importorskip("crewai")
    from transactive_integrations.crewai import TransactiveFlowPersistence

    TransactiveFlowPersistence(team.agent("crew")).save_state("flow-1", "step", {"id": "flow-1", "n": 1})
    kept = team.agent("crew").documents.get("agents/crew/flows", "state:flow-1")
    assert kept is not None
    assert kept.value["method"] == "step"


# --- AutoGen ----------------------------------------------------------------------------------------------------------


def test_autogens_names_are_authors_or_handles(team: TeamMemory) -> None:
    pytest.importorskip("autogen_agentchat")
    from autogen_agentchat.messages import TextMessage

    from transactive_integrations.autogen import record

    messages = [
        TextMessage(content="Where is it?", source="user", id="m-1"),
        TextMessage(content="In Oslo.", source="writer", id="m-2", metadata={"locale": "nb"}),
        TextMessage(content="Good.", source="critic", id="m-3"),
    ]
    desk = team.agent("desk", user="alice", app="helpdesk")
    speakers = {"writer": team.agent("scribe", user="alice", app="helpdesk")}
    turns = asyncio.run(record(desk, messages, session="run-1", speakers=speakers))
    assert {(t.user, t.session, t.app) for t in turns} == {("alice", "run-1", "helpdesk")}
    by_author = {str(t.metadata["author"]): t for t in turns}
    assert {name: t.agent for name, t in by_author.items()} == {"user": "desk", "writer": "scribe", "critic": "desk"}
    assert by_author["user"].metadata["role"] == "user"
    writers = by_author["writer"]
    assert (writers.metadata["message_id"], writers.metadata["locale"], writers.metadata["message_type"]) == (
        "m-2",
        "nb",
        "TextMessage",
    )
    assert writers.created_at == messages[1].created_at
    assert writers.metadata["document"] == {"namespace": "agents/scribe", "key": "message:m-2"}


# --- LlamaIndex -------------------------------------------------------------------------------------------------------


def test_llamaindexs_session_is_the_session_and_its_user_the_user(team: TeamMemory) -> None:
    pytest.importorskip("llama_index.core")
    from llama_index.core.base.llms.types import ChatMessage

    from transactive_integrations.llamaindex import TransactiveChatStore, TransactiveMemoryBlock

    block = TransactiveMemoryBlock(team.agent("guide"), tokenizer_fn=str.split)
    said = ChatMessage(role="user", content="My locker is number 7.", additional_kwargs={"user_id": "alice"})
    asyncio.run(block.aput([said], session_id="s-1"))
    [turn] = team.transcript("s-1")
    assert (turn.agent, turn.user, turn.session, turn.metadata["role"]) == ("guide", "alice", "s-1", "user")

    store = TransactiveChatStore(team.agent("guide", user="alice"))
    asyncio.run(store.add_message("s-1", said))
    assert team.documents.namespaces("agents/guide/chats/**") == ["agents/guide/chats/alice/s-1/active"]


def test_llamaindexs_ids_are_keys_and_values(team: TeamMemory) -> None:
    pytest.importorskip("llama_index.core")
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

    from transactive_integrations.llamaindex import TransactiveVectorStore

    node = TextNode(id_="n-1", text="Oslo opens at nine.", metadata={"city": "Oslo"})
    node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="doc-1")
    TransactiveVectorStore(team.agent("guide")).add([node])
    kept = team.agent("guide").documents.get("agents/guide/nodes", "n-1")
    assert kept is not None
    assert (kept.value["_ref_doc_id"], kept.value["ref_doc_id"], kept.value["city"]) == ("doc-1", "doc-1", "Oslo")


# --- all --------------------------------------------------------------------------------------------------------------


def test_every_framework_of_the_table_has_a_story_here() -> None:
    page = (Path(__file__).parents[2] / "docs" / "integrations" / "attribution.md").read_text(encoding="utf-8")
    stories = [name for name in globals() if name.startswith("test_")]
    for framework in ("LangGraph", "LangChain", "CrewAI", "AutoGen", "LlamaIndex"):
        assert f"| **{framework}** |" in page
        assert any(name.startswith(f"test_{framework.lower()}s_") for name in stories)
