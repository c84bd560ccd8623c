"""The store inside the agent loops that it is made for, with scripted models."""

import asyncio
import uuid
from typing import Any, TypedDict

import pytest

pytest.importorskip("langgraph")

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from transactive import TeamMemory
from transactive_integrations.langgraph import TransactiveStore

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")


class State(TypedDict, total=False):
    message: str
    recalled: list[str]


class Context(TypedDict):
    user: str


@pytest.fixture
def store(team: TeamMemory) -> TransactiveStore:
    return TransactiveStore(team.agent("planner"))


# --- LangGraph's own graphs and functions ----------------------------------------------------------------------------


def recall(state: State, runtime: Runtime[Context]) -> State:
    assert runtime.store is not None
    hits = runtime.store.search(("memories", runtime.context["user"]), query=state["message"], limit=1)
    return {"recalled": [hit.value["text"] for hit in hits]}


def remember(state: State, runtime: Runtime[Context]) -> State:
    assert runtime.store is not None
    runtime.store.put(("memories", runtime.context["user"]), str(uuid.uuid4()), {"text": state["message"]})
    return {}


async def arecall(state: State, runtime: Runtime[Context]) -> State:
    assert runtime.store is not None
    hits = await runtime.store.asearch(("memories", runtime.context["user"]), query=state["message"], limit=1)
    return {"recalled": [hit.value["text"] for hit in hits]}


async def aremember(state: State, runtime: Runtime[Context]) -> State:
    assert runtime.store is not None
    await runtime.store.aput(("memories", runtime.context["user"]), str(uuid.uuid4()), {"text": state["message"]})
    return {}


def graph(store: TransactiveStore, first: Any, second: Any) -> Any:
    builder = StateGraph(State, context_schema=Context)
    builder.add_node("recall", first)
    builder.add_node("remember", second)
    builder.add_edge(START, "recall")
    builder.add_edge("recall", "remember")
    builder.add_edge("remember", END)
    return builder.compile(checkpointer=InMemorySaver(), store=store)


def thread(name: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


def test_threads_of_one_user_share_a_memory_and_users_do_not(store: TransactiveStore, team: TeamMemory) -> None:
    compiled = graph(store, recall, remember)

    def run(name: str, user: str, message: str) -> list[str]:
        answer = compiled.invoke({"message": message}, thread(name), context={"user": user})
        return list(answer["recalled"])

    assert run("t1", "alice", "I love hiking in the alps") == []
    assert run("t2", "alice", "I love hiking") == ["I love hiking in the alps"]
    assert run("t3", "bob", "I love hiking") == []
    assert store.list_namespaces(prefix=("memories",)) == [("memories", "alice"), ("memories", "bob")]
    assert team.agent("planner").recall("hiking in the alps")[0].memory.agent == "planner"


@pytest.mark.parametrize("nodes", [(arecall, aremember), (recall, remember)], ids=["async", "sync"])
def test_the_same_awaited(store: TransactiveStore, nodes: Any) -> None:
    compiled = graph(store, *nodes)

    async def run(name: str, message: str) -> list[str]:
        answer = await compiled.ainvoke({"message": message}, thread(name), context={"user": "alice"})
        return list(answer["recalled"])

    async def story() -> None:
        assert await run("t1", "my cat is called Miso") == []
        assert await run("t2", "what is my cat called?") == ["my cat is called Miso"]

    asyncio.run(story())


def test_functions_and_tasks_reach_the_store(store: TransactiveStore) -> None:
    @task
    def note(text: str) -> None:
        get_store().put(("notes",), text, {"text": text})

    @entrypoint(store=store)
    def work(text: str) -> list[str]:
        note(text).result()
        return [item.value["text"] for item in get_store().search(("notes",), query=text)]

    assert work.invoke("water the plants") == ["water the plants"]
    assert sorted(work.invoke("water the garden")) == ["water the garden", "water the plants"]


# --- LangChain's create_agent ----------------------------------------------------------------------------------------


def test_tools_of_create_agent_reach_the_store(store: TransactiveStore) -> None:
    pytest.importorskip("langchain")
    from langchain.agents import create_agent
    from langchain.tools import ToolRuntime, tool

    from tests.integrations.langgraph.scripted import call, script

    @tool
    def save(text: str, runtime: ToolRuntime) -> str:
        """Keep a fact about the user."""
        assert runtime.store is not None
        runtime.store.put(("users", "alice"), text, {"text": text})
        return "kept"

    @tool
    async def look_up(query: str, runtime: ToolRuntime) -> str:
        """Find what is known about the user."""
        assert runtime.store is not None
        hits = await runtime.store.asearch(("users", "alice"), query=query, limit=1)
        return str(hits[0].value["text"])

    model = script(call("save", text="She is allergic to nuts."), "Noted.")
    create_agent(model, [save], store=store).invoke({"messages": [("user", "I'm allergic to nuts")]})
    model = script(call("look_up", query="allergic to what?"), "No nuts, then.")
    agent = create_agent(model, [look_up], store=store)
    answer = asyncio.run(agent.ainvoke({"messages": [("user", "what may I not eat?")]}))
    assert [m.content for m in answer["messages"][-2:]] == ["She is allergic to nuts.", "No nuts, then."]


# --- deepagents ------------------------------------------------------------------------------------------------------


def test_deepagents_keep_their_files_in_it(store: TransactiveStore) -> None:
    pytest.importorskip("deepagents")
    from deepagents import create_deep_agent
    from deepagents.backends import StoreBackend

    from tests.integrations.langgraph.scripted import call, script

    backend = StoreBackend(namespace=lambda _: ("files", "alice"))
    model = script(
        call("write_file", file_path="/memories/food.md", content="likes: olives\nhates: nuts\n"), "Written."
    )
    create_deep_agent(model, backend=backend, store=store).invoke(
        {"messages": [("user", "remember that")]}, thread("1")
    )
    model = script(call("read_file", file_path="/memories/food.md"), call("grep", pattern="olives"), "Olives.")
    agent = create_deep_agent(model, backend=backend, store=store)
    answer = asyncio.run(agent.ainvoke({"messages": [("user", "what do I like?")]}, thread("2")))
    said = [str(message.content) for message in answer["messages"] if message.type == "tool"]
    assert "likes: olives" in said[0]
    assert "/memories/food.md" in said[1]
    assert [item.key for item in store.search(("files", "alice"), query="olives")] == ["/memories/food.md"]


def test_every_operation_of_deepagents_backend(store: TransactiveStore) -> None:
    pytest.importorskip("deepagents")
    from deepagents.backends import StoreBackend

    backend = StoreBackend(namespace=lambda _: ("files",), store=store)
    for i in range(150):  # more than one page
        assert backend.write(f"/many/{i:03d}.txt", f"number {i}").error is None
    assert backend.edit("/many/007.txt", "number", "No.").error is None
    assert backend.read("/many/007.txt").file_data["content"] == "No. 7"  # type: ignore[index]
    assert len(backend.ls("/many").entries or []) == 150
    assert [match["path"] for match in backend.grep("No. 7").matches or []] == ["/many/007.txt"]
    assert len(backend.glob("*.txt", "/many").matches or []) == 150
    image = bytes(range(256))
    assert backend.upload_files([("/pictures/a.png", image)])[0].error is None
    assert backend.download_files(["/pictures/a.png"])[0].content == image
    assert backend.delete("/many").error is None
    assert [item.key for item in store.search(())] == ["/pictures/a.png"]


# --- langmem ---------------------------------------------------------------------------------------------------------


def test_langmems_tools_keep_and_find_memories(store: TransactiveStore) -> None:
    pytest.importorskip("langmem")
    from langchain.agents import create_agent
    from langmem import create_manage_memory_tool, create_search_memory_tool

    from tests.integrations.langgraph.scripted import call, script

    namespace = ("memories", "{langgraph_user_id}")
    tools = [create_manage_memory_tool(namespace), create_search_memory_tool(namespace)]

    def run(user: str, *lines: Any) -> list[str]:
        config = {"configurable": {"langgraph_user_id": user}}
        answer = create_agent(script(*lines), tools, store=store).invoke({"messages": [("user", "hi")]}, config)
        return [str(message.content) for message in answer["messages"] if message.type == "tool"]

    assert "created memory" in run("alice", call("manage_memory", content="Prefers dark mode."), "ok")[0]
    assert "Prefers dark mode." in run("alice", call("search_memory", query="dark or light?"), "ok")[0]
    assert run("bob", call("search_memory", query="dark or light?"), "ok") == ["[]"]
    (item,) = store.search(("memories", "alice"))
    run("alice", call("manage_memory", action="update", id=item.key, content="Prefers light mode."), "ok")
    assert [i.value for i in store.search(("memories", "alice"))] == [{"content": "Prefers light mode."}]
    run("alice", call("manage_memory", action="delete", id=item.key), "ok")
    assert store.search(("memories",)) == []


@pytest.mark.parametrize("awaited", [False, True])
def test_langmems_manager_extracts_into_it(store: TransactiveStore, awaited: bool) -> None:
    pytest.importorskip("langmem")
    from langmem import create_memory_store_manager

    from tests.integrations.langgraph.scripted import call, script

    model = script(call("Memory", content="Alice manages the ML team."))
    manager = create_memory_store_manager(model, namespace=("facts", "{langgraph_user_id}"), store=store)
    said = {"messages": [{"role": "user", "content": "Alice manages the ML team and mentors Bob."}]}
    config = {"configurable": {"langgraph_user_id": "u1"}}
    if awaited:
        asyncio.run(manager.ainvoke(said, config))  # type: ignore[arg-type]
    else:
        manager.invoke(said, config)  # type: ignore[arg-type]
    (item,) = store.search(("facts", "u1"), query="who manages the team?")
    assert item.value == {"kind": "Memory", "content": {"content": "Alice manages the ML team."}}
    assert item.score == 1.0
