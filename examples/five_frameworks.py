"""One memory, five frameworks: what one agent learns, agents of the other frameworks know, and by whom.

Parcel 4711 is late. A CrewAI crew finds out why and publishes it; a LangGraph graph recalls that and writes a plan; an
AutoGen team answers the customer from both; LlamaIndex retrieves all of it with its authors; a LangChain agent, asked a
day later, knows it through its middleware. The models are scripted, so that this runs anywhere: they answer with what
the memory put into their prompts, and invent nothing.

    pip install 'transactive[all]' && python examples/five_frameworks.py
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any, TypedDict

for name in ("CREWAI_DISABLE_TELEMETRY", "CREWAI_DISABLE_TRACKING", "OTEL_SDK_DISABLED"):
    os.environ[name] = "true"
os.environ["CREWAI_TRACING_ENABLED"] = os.environ["LANGSMITH_TRACING"] = "false"

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, ModelFamily, ModelInfo, RequestUsage
from crewai import Agent, BaseLLM, Crew, Task
from langchain.agents import create_agent
from langchain_core.language_models import SimpleChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

from transactive import TeamMemory
from transactive_integrations.autogen import TransactiveMemory as AutoGenMemory
from transactive_integrations.autogen import record
from transactive_integrations.crewai import TransactiveMemory as CrewAIMemory
from transactive_integrations.langchain import MemoryMiddleware
from transactive_integrations.langgraph import TransactiveSaver, TransactiveStore
from transactive_integrations.llamaindex import TransactiveRetriever

SHARED = "team/shared"
PLANS = "team/plans"
QUESTION = "Where is parcel 4711, and what happens now?"


def remembered(prompt: str) -> str:
    """What a memory put into a prompt: its numbered lines, without numbers, dates and authors."""
    lines = re.findall(r"^\[\d+\] \([^)]*\) (.+)$", prompt, re.MULTILINE)
    return " ".join(dict.fromkeys(lines)) or "I know nothing about that."


# --- CrewAI: a crew finds out, and publishes ------------------------------------------------------------------------


class Investigator(BaseLLM):
    """A scripted model: what the investigator finds out. Nobody asks it anything for the memory's sake."""

    calls: int = 0

    def call(self, messages: Any, *_: Any, **__: Any) -> str:
        self.calls += 1
        return "Parcel 4711 is stuck at the customs office in Rotterdam since Monday: the invoice is missing."


def crewai_publishes(team: TeamMemory) -> int:
    model = Investigator(model="scripted")
    investigator = Agent(role="investigator", goal="find lost parcels", backstory="knows every carrier", llm=model)
    task = Task(description="Why is parcel 4711 late?", expected_output="the reason", agent=investigator)
    memory = CrewAIMemory(team.agent("investigator"), namespace=SHARED)
    Crew(agents=[investigator], tasks=[task], memory=memory).kickoff()
    return model.calls


# --- LangGraph: a graph recalls, and writes a plan ------------------------------------------------------------------


class State(TypedDict, total=False):
    question: str
    reason: str


def langgraph_plans(team: TeamMemory) -> str:
    planner = team.agent("planner")

    def recall(state: State) -> State:
        return {"reason": planner.recall(state["question"])[0].memory.text}

    def plan(state: State, runtime: Runtime[None]) -> None:
        assert runtime.store is not None
        steps = "Parcel 4711: the shipping desk sends the invoice to customs today; delivery is expected on Thursday."
        runtime.store.put(("parcels", "4711"), "plan", {"text": steps, "because": state["reason"]}, index=["text"])

    builder = StateGraph(State)
    builder.add_node("recall", recall)
    builder.add_node("plan", plan)
    builder.add_edge(START, "recall")
    builder.add_edge("recall", "plan")
    store, saver = TransactiveStore(planner, namespace=PLANS), TransactiveSaver(planner)
    config: Any = {"configurable": {"thread_id": "parcel-4711"}}
    builder.compile(store=store, checkpointer=saver).invoke({"question": "Why is parcel 4711 late?"}, config)
    return str(store.search(("parcels",), query="when is the delivery?")[0].value["text"])


# --- AutoGen: a team answers from both ------------------------------------------------------------------------------


class FromMemory(ChatCompletionClient):
    """A scripted model that answers with what the memory says."""

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        said = remembered("\n".join(m.content for m in messages if isinstance(m.content, str)))
        return CreateResult(finish_reason="stop", content=said, usage=self.total_usage(), cached=False)

    async def create_stream(self, messages: Sequence[LLMMessage], **_: Any) -> AsyncGenerator[str | CreateResult, None]:
        yield await self.create(messages)

    async def close(self) -> None: ...

    def actual_usage(self) -> RequestUsage:
        return RequestUsage(0, 0)

    def total_usage(self) -> RequestUsage:
        return RequestUsage(0, 0)

    def count_tokens(self, messages: Sequence[LLMMessage], **_: Any) -> int:
        return 0

    def remaining_tokens(self, messages: Sequence[LLMMessage], **_: Any) -> int:
        return 100_000

    @property
    def capabilities(self) -> Any:
        return self.model_info

    @property
    def model_info(self) -> ModelInfo:
        return ModelInfo(
            vision=False, function_calling=False, json_output=False, family=ModelFamily.UNKNOWN, structured_output=False
        )


async def autogen_answers(team: TeamMemory) -> str:
    writer = team.agent("writer")
    agent = AssistantAgent("writer", model_client=FromMemory(), memory=[AutoGenMemory(writer)])
    chat = RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(2))
    result = await chat.run(task=QUESTION)
    await record(writer, result.messages[1:], namespace=SHARED)
    return str(result.messages[-1].to_text())


# --- LlamaIndex: everything, with its authors -----------------------------------------------------------------------


def llamaindex_retrieves(team: TeamMemory) -> list[tuple[str, str]]:
    nodes = TransactiveRetriever(team.agent("auditor"), similarity_top_k=10).retrieve("parcel 4711")
    return sorted((str(found.node.metadata["author"]), found.node.get_content()) for found in nodes)


# --- LangChain: an agent that knows through its middleware ----------------------------------------------------------


class Desk(SimpleChatModel):
    """A scripted model that answers with what the memory says."""

    def _call(self, messages: list[BaseMessage], *_: Any, **__: Any) -> str:
        return remembered("\n".join(message.text for message in messages))

    @property
    def _llm_type(self) -> str:
        return "scripted"


def langchain_answers(team: TeamMemory) -> str:
    desk = create_agent(Desk(), tools=[], middleware=[MemoryMiddleware(team.agent("desk"))])
    config: Any = {"configurable": {"thread_id": "desk-1"}}
    answer = desk.invoke({"messages": [HumanMessage(QUESTION)]}, config)
    return str(answer["messages"][-1].text)


def main() -> None:
    with TeamMemory.open(":memory:") as team:
        team.grant("*", f"{PLANS}/**", "read", "write")
        calls = crewai_publishes(team)
        print(f"CrewAI    published; model calls: {calls}, for the memory: {calls - 1}")
        print("LangGraph planned:", langgraph_plans(team))
        print("AutoGen   answered:", asyncio.run(autogen_answers(team)))
        for author, text in llamaindex_retrieves(team):
            print(f"LlamaIndex found, by {author}: {text}")
        print("LangChain answered:", langchain_answers(team))


if __name__ == "__main__":
    main()
