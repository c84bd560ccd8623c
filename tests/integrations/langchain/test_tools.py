"""Tools for models: what they do, and what no model can make them do."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("langchain")

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from tests.integrations.langchain.scripted import call, scripted
from tests.integrations.langchain.test_middleware import Context, asks, both, invoked, run_of
from transactive import Policy, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, StoreClosed
from transactive_integrations.langchain import memory_tools
from transactive_integrations.langchain.tools import NOTHING, OUT_OF_REACH


def tools_of(team: TeamMemory, name: str = "support", **options: Any) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in memory_tools(team.agent(name), **options)}


def test_remember_recall_forget(team: TeamMemory) -> None:
    tools = tools_of(team)
    said = tools["remember"].invoke({"text": "Tea is at four.", "importance": 0.9, "tags": ["time"]})
    [memory] = team.agent("support").list()
    assert memory.uid in said
    assert (memory.text, memory.importance, memory.tags) == ("Tea is at four.", 0.9, ("time",))
    assert memory.namespace == "agents/support"
    assert memory.agent == "support"
    assert tools["recall"].invoke({"query": "When is tea?"}) == f"[{memory.uid}] (2026-05-04, support) Tea is at four."
    assert tools["forget"].invoke({"id": f" {memory.uid} "}) == "Forgotten: Tea is at four."
    assert tools["recall"].invoke({"query": "When is tea?"}) == NOTHING


def test_the_model_sees_what_it_may_choose_and_nothing_else(team: TeamMemory) -> None:
    def parameters(tool: BaseTool) -> dict[str, Any]:
        given: dict[str, Any] = convert_to_openai_tool(tool)["function"]["parameters"]
        return given

    tools = tools_of(team)
    assert {name: set(parameters(tool)["properties"]) for name, tool in tools.items()} == {
        "remember": {"text", "importance", "tags"},
        "recall": {"query", "limit"},
        "forget": {"id"},
    }
    several = tools_of(team, namespaces=["agents/support", "team/shared"])["remember"]
    assert parameters(several)["properties"]["namespace"]["enum"] == ["agents/support", "team/shared"]
    assert set(tools_of(team, names=["recall"])) == {"recall"}


@pytest.mark.parametrize("more", [{"user": "bob"}, {"agent": "boss"}, {"session": "s"}, {"namespace": "team/shared"}])
def test_a_model_cannot_choose_who_it_is_or_where_it_writes(team: TeamMemory, more: dict[str, str]) -> None:
    remember = tools_of(team, namespaces=["agents/support"])["remember"]
    answer = remember.invoke({"text": "Pay me.", **more})
    assert "validation error" in answer
    assert team.count() == 0


def test_a_model_writes_where_it_is_allowed(team: TeamMemory) -> None:
    remember = tools_of(team, namespaces=["agents/support", "team/shared"])["remember"]
    remember.invoke({"text": "Private tea."})
    remember.invoke({"text": "Shared tea.", "namespace": "team/shared"})
    assert "validation error" in remember.invoke({"text": "Stolen tea.", "namespace": "agents/boss"})
    assert {m.text: m.namespace for m in team.list()} == {
        "Private tea.": "agents/support",
        "Shared tea.": "team/shared",
    }


def test_a_model_forgets_only_its_own_and_where_it_is_allowed(team: TeamMemory) -> None:
    forget = tools_of(team)["forget"]
    others = team.agent("boss").publish("Prices rise in May.")
    own_elsewhere = team.agent("support").publish("We close at five.")
    of_a_user = team.agent("support", user="alice").remember("Alice likes tea.")
    hidden = team.agent("boss").remember("A secret.")
    answers = {forget.invoke({"id": m.uid}) for m in (others, own_elsewhere, of_a_user, hidden)}
    assert not any("Forgotten" in answer for answer in answers)
    assert not any("secret" in answer for answer in answers)
    assert team.count() == 4

    wide = tools_of(team, namespaces=["team/shared"])["forget"]
    assert "Forgotten" in wide.invoke({"id": own_elsewhere.uid})
    assert "Forgotten" not in wide.invoke({"id": others.uid}), "another author's"
    assert "Forgotten" in forget.invoke({"id": of_a_user.uid}, run_of("t", "alice"))


def test_recall_stays_within_what_it_may_read(team: TeamMemory) -> None:
    team.agent("boss").remember("Secret tea.")
    team.publish("Shared tea.")
    team.agent("support").remember("Private tea.")
    assert "Shared" in tools_of(team)["recall"].invoke({"query": "tea"})
    assert "Secret" not in tools_of(team)["recall"].invoke({"query": "tea"})
    narrow = tools_of(team, reads=["agents/support"])["recall"].invoke({"query": "tea"})
    assert "Private" in narrow
    assert "Shared" not in narrow


def test_what_a_model_gets_wrong_comes_back_to_it(team: TeamMemory) -> None:
    tools = tools_of(team)
    assert "empty" in tools["recall"].invoke({"query": " \x00"})
    assert "validation error" in tools["recall"].invoke({"query": "tea", "limit": 10_000})
    assert "validation error" in tools["remember"].invoke({"text": "tea", "importance": 7})
    assert "NUL" in tools["remember"].invoke({"text": "a\x00b"})
    assert "no memory" in tools["forget"].invoke({"id": "everything"}) or "forget" in tools["forget"].invoke(
        {"id": "x"}
    )
    team.namespaces.configure("agents/support", Policy(write_rate="1/h"))
    tools["remember"].invoke({"text": "one"})
    limited = tools["remember"].invoke({"type": "tool_call", "name": "remember", "id": "1", "args": {"text": "two"}})
    assert isinstance(limited, ToolMessage)
    assert limited.status == "error"


@both
@pytest.mark.parametrize("named", ["context", "config"])
async def test_two_users_never_mix_in_an_agent(team: TeamMemory, awaited: bool, named: str) -> None:
    async def run(user: str, *answers: Any) -> str:
        model = scripted(*answers)
        agent = create_agent(model, tools=memory_tools(team.agent("support")), context_schema=Context)
        context: Any = Context(user) if named == "context" else None
        config = run_of(f"of {user}", user if named == "config" else None)
        state = await invoked(agent, asks("Go."), awaited=awaited, config=config, context=context)
        return "\n".join(m.text for m in state["messages"] if isinstance(m, ToolMessage))

    said = await run("alice", call("remember", text="Alice's pin is 1234."), "Done.")
    uid = re.findall(r"[0-9a-f-]{36}", said)[0]
    assert "1234" not in await run("bob", call("recall", query="pin"), "Done.")
    assert "Forgotten" not in await run("bob", call("forget", id=uid), "Done.")
    assert "1234" in await run("alice", call("recall", query="pin"), "Done.")
    [memory] = team.agent("support").list()
    assert (memory.user, memory.session) == ("alice", "of alice")


def test_the_user_of_the_handle_cannot_be_changed(team: TeamMemory) -> None:
    [recall] = memory_tools(team.agent("support", user="alice"), names=["recall"])
    with pytest.raises(AccessDenied):
        recall.invoke({"query": "tea"}, run_of("t", "bob"))


def test_a_model_that_calls_them_in_a_loop(team: TeamMemory) -> None:
    model = scripted(call("remember", text="Tea is at four."), call("recall", query="tea"), "Tea is at four.")
    agent = create_agent(model, tools=memory_tools(team.agent("support")))
    state = agent.invoke({"messages": [HumanMessage("Remember that tea is at four, then tell me.")]})
    answers = [m.text for m in state["messages"] if isinstance(m, ToolMessage)]
    assert answers[0].startswith("Remembered")
    assert "Tea is at four." in answers[1]
    assert len(model.bound) >= 3


@pytest.mark.parametrize(
    "wrong",
    [{"namespaces": []}, {"namespaces": "team/shared"}, {"namespaces": ["a//b"]}, {"names": ["erase"]}],
    ids=str,
)
def test_wrong_settings(team: TeamMemory, wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        memory_tools(team.agent("a"), **wrong)


def test_a_failing_memory(team: TeamMemory) -> None:
    strict, working_on = tools_of(team), tools_of(team, degrade="empty")
    team.close()
    with pytest.raises(StoreClosed):
        strict["recall"].invoke({"query": "tea"})
    assert working_on["remember"].invoke({"text": "tea"}) == OUT_OF_REACH
    assert working_on["forget"].invoke({"id": "x"}) == OUT_OF_REACH
    assert "degraded" in working_on["recall"].invoke({"query": "tea"})
