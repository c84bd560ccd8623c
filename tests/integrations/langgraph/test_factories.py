"""What `langgraph.json` names, and what a missing framework says."""

import asyncio
import inspect
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("langgraph")

from transactive import TeamMemory
from transactive.errors import InvalidInput, StoreLocked
from transactive_integrations.langgraph import factories


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PATH", "AGENT", "NAMESPACE", "DEGRADE"):
        monkeypatch.delenv(f"TRANSACTIVE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_server_may_call_them_without_arguments() -> None:
    for factory in (factories.store, factories.checkpointer):
        assert all(
            p.default is not p.empty or p.kind is p.VAR_KEYWORD for p in inspect.signature(factory).parameters.values()
        )


def test_a_store_by_default(folder: Path) -> None:
    async def story() -> None:
        async with factories.store() as store:
            await store.aput(("a",), "k", {"text": "olives"})
            assert store.namespace == "agents/langgraph/store"
        async with factories.store() as store:
            assert [item.key for item in await store.asearch((), query="olives")] == ["k"]

    asyncio.run(story())
    assert (folder / "team-memory" / "ledger.db").exists()
    TeamMemory.open(folder / "team-memory").close()  # it was closed


def test_a_store_by_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"PATH": str(folder / "elsewhere"), "AGENT": "planner", "NAMESPACE": "agents/planner/lg", "DEGRADE": "text"}
    for name, value in said.items():
        monkeypatch.setenv(f"TRANSACTIVE_{name}", value)

    async def story() -> None:
        async with factories.store(ttl={"default_ttl": 5}) as store:
            assert store.namespace == "agents/planner/lg"
            assert store.ttl_config == {"default_ttl": 5}
        async with factories.store(agent="writer", namespace="agents/writer/x") as store:
            assert store.namespace == "agents/writer/x"
        monkeypatch.setenv("TRANSACTIVE_DEGRADE", "quietly")
        with pytest.raises(InvalidInput, match="TRANSACTIVE_DEGRADE"):
            async with factories.store():
                raise AssertionError

    asyncio.run(story())
    assert (folder / "elsewhere" / "ledger.db").exists()
    TeamMemory.open(folder / "elsewhere").close()


def test_two_in_one_process_share_the_open_memory(folder: Path) -> None:
    async def story() -> None:
        async with factories.store(agent="planner") as first:
            async with factories.store(folder / "team-memory", agent="planner") as second:
                first.put(("a",), "k", {"text": "olives"})
                assert second.get(("a",), "k") is not None
            assert first.get(("a",), "k") is not None
            with pytest.raises(StoreLocked):
                TeamMemory.open(folder / "team-memory")

    asyncio.run(story())
    TeamMemory.open(folder / "team-memory").close()


def test_store_and_checkpointer_at_once(folder: Path) -> None:
    pytest.importorskip("transactive_integrations.langgraph.saver")
    from langgraph.graph import END, START, MessagesState, StateGraph

    async def story() -> None:
        async with factories.store() as store, factories.checkpointer() as saver:
            builder = StateGraph(MessagesState)
            builder.add_node("say", lambda state: {"messages": [("ai", f"{len(state['messages'])}")]})
            builder.add_edge(START, "say")
            builder.add_edge("say", END)
            graph = builder.compile(store=store, checkpointer=saver)
            config = {"configurable": {"thread_id": "t"}}
            await graph.ainvoke({"messages": [("user", "one")]}, config)
            answer = await graph.ainvoke({"messages": [("user", "two")]}, config)
            assert [message.content for message in answer["messages"]] == ["one", "1", "two", "3"]

    asyncio.run(story())


def test_without_langgraph_the_extra_is_named() -> None:
    source = """
        import sys
        import transactive_integrations
        assert not [name for name in sys.modules if name.split(".")[0] in ("langgraph", "langchain_core")]
        sys.modules["langgraph"] = None
        try:
            import transactive_integrations.langgraph
        except ImportError as error:
            assert "pip install 'transactive[langgraph]'" in str(error), error
        else:
            raise SystemExit("it was imported")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(source)], check=True)
