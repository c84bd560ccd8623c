"""A memory's config names where it is and whose, never a secret; loading it finds the same store."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_core")
pytest.importorskip("autogen_agentchat")
pytest.importorskip("autogen_ext")

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import Team
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import MemoryQueryEvent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CacheStore, ComponentModel
from autogen_core.memory import Memory
from pydantic import ValidationError

from tests.integrations.autogen.scripted import assistant, given, memories, text
from transactive import TeamMemory
from transactive.errors import InvalidInput, StoreClosed
from transactive_integrations.autogen import TransactiveCacheStore, TransactiveMemory


def loaded(config: ComponentModel) -> TransactiveMemory:
    """By way of JSON, as from a file."""
    memory = Memory.load_component(json.loads(config.model_dump_json()))
    assert isinstance(memory, TransactiveMemory)
    return memory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "memory"


async def test_a_memory_comes_back_with_all_its_options(folder: Path) -> None:
    options: dict[str, Any] = {
        "namespace": "team/shared",
        "name": "findings",
        "limit": 3,
        "budget": 400,
        "role": "user",
        "kind": "procedural",
        "degrade": "text",
        "where": {"created_at": {"$gte": datetime(2026, 1, 1, tzinfo=UTC)}},
        "kinds": ("procedural", "document"),
        "half_life": timedelta(days=30),
        "recency_weight": 0.5,
        "exclude_own": False,
    }
    with TeamMemory.open(folder) as team:
        agent = team.agent("writer", user="cust_42", session="s-1", app="desk")
        memory = TransactiveMemory(agent, **options)
        await memory.add(text("The Oslo office opens at nine."))
        config = memory.dump_component()
        again = loaded(config)
        assert config.provider == "transactive_integrations.autogen.TransactiveMemory"
        assert config.component_type == "memory"
        assert again.dump_component().model_dump() == config.model_dump()
        handle = again.agent
        assert (handle.name, handle.user, handle.session_id, handle.app) == ("writer", "cust_42", "s-1", "desk")
        for one in (memory, again):
            [found] = (await one.query("Oslo office")).results
            assert found.content == "The Oslo office opens at nine."
        await again.close()
        await memory.add(text("The store is still open."))


async def test_it_holds_no_secret_and_no_text(folder: Path) -> None:
    with TeamMemory.open(folder) as team:
        memory = TransactiveMemory(team.agent("writer"))
        await memory.add(text("The password is swordfish."))
        config = memory.dump_component().config
    assert set(config) == {"path", "agent", "limit", "budget", "role", "degrade", "options"}
    assert Path(config["path"]) == folder
    assert "swordfish" not in json.dumps(config)


async def test_loaded_where_nothing_is_open_it_opens_the_store_and_closes_it(folder: Path) -> None:
    with TeamMemory.open(folder) as team:
        memory = TransactiveMemory(team.agent("writer"))
        await memory.add(text("The Oslo office opens at nine."))
        config = memory.dump_component()
    assert TeamMemory.opened(folder) is None

    first, second = loaded(config), loaded(config)
    assert len((await first.query("Oslo")).results) == 1
    await first.close()
    await first.close()  # counted once
    assert len((await second.query("Oslo")).results) == 1
    await second.close()
    assert TeamMemory.opened(folder) is None
    with pytest.raises(StoreClosed):
        await second.query("Oslo")
    third = loaded(config)  # and again
    assert len((await third.query("Oslo")).results) == 1
    await third.close()


async def test_many_are_loaded_at_once(folder: Path) -> None:
    with TeamMemory.open(folder) as team:
        config = TransactiveMemory(team.agent("writer")).dump_component()
    memories = await asyncio.gather(*(asyncio.to_thread(loaded, config) for _ in range(20)))
    assert len({str(memory.agent.path) for memory in memories}) == 1
    await asyncio.gather(*(memory.close() for memory in memories))
    assert TeamMemory.opened(folder) is None


async def test_a_config_written_by_hand_makes_a_store(folder: Path) -> None:
    config = {
        "provider": "transactive_integrations.autogen.TransactiveMemory",
        "config": {"path": str(folder), "agent": "writer"},
    }
    memory = Memory.load_component(config)
    await memory.add(text("The Oslo office."))
    assert len((await memory.query("Oslo")).results) == 1
    await memory.close()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"agent": "writer"}, ValidationError),
        ({"path": "here", "agent": "writer", "limitt": 3}, ValidationError),
        ({"path": "here", "agent": "writer", "degrade": "quietly"}, ValidationError),
        ({"path": "here", "agent": "owner"}, InvalidInput),
        ({"path": "here", "agent": "writer", "options": {"top_k": 3}}, InvalidInput),
    ],
)
def test_a_wrong_config_is_refused_and_nothing_stays_open(
    wrong: dict[str, Any], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        Memory.load_component({"provider": "transactive_integrations.autogen.TransactiveMemory", "config": wrong})
    assert TeamMemory.opened(tmp_path / "here") is None


async def test_the_owners_and_a_sessions_memory_come_back_as_such(folder: Path) -> None:
    with TeamMemory.open(folder) as team:
        owner = loaded(TransactiveMemory(team).dump_component())
        assert owner.agent.name == "owner"
        bound = loaded(TransactiveMemory(team.bind(user="cust_42")).dump_component())
        assert (bound.agent.name, bound.agent.user) == ("owner", "cust_42")

        writer = team.agent("writer")
        writer.remember("The Oslo office is old.")
        with writer.session() as session:
            session.remember("The Oslo office is new.")
            within = TransactiveMemory(session)
            for memory in (within, loaded(within.dump_component())):
                assert [r.content for r in (await memory.query("Oslo office")).results] == ["The Oslo office is new."]


async def test_the_agents_own_dump_brings_its_memory_with_it(folder: Path) -> None:
    with TeamMemory.open(folder) as team:
        team.agent("guide").publish("The Oslo office opens at nine.")
        agent = assistant("writer", ["Nine.", "At nine."], TransactiveMemory(team.agent("writer")))
        config = json.loads(agent.dump_component().model_dump_json())

    again = AssistantAgent.load_component(config)
    await again.run(task="When does the Oslo office open?")
    await again.run(task="The Oslo office, when?")
    assert len(memories(given(again)[-1])) == 1
    assert "opens at nine" in memories(given(again)[-1])[0]
    [memory] = again._memory or []
    await memory.close()
    assert TeamMemory.opened(folder) is None


async def test_a_teams_own_dump_brings_all_memories_with_it(folder: Path) -> None:
    with TeamMemory.open(folder) as store:
        store.agent("guide").publish("The Oslo office opens at nine.")
        agents: list[Any] = [
            assistant(name, ["Nine."], TransactiveMemory(store.agent(name))) for name in ("writer", "critic")
        ]
        crew = RoundRobinGroupChat(agents, termination_condition=MaxMessageTermination(3))
        config = json.loads(crew.dump_component().model_dump_json())
        again: Team = Team.load_component(config)
        result = await again.run(task="When does the Oslo office open?")
    recalled = [message for message in result.messages if isinstance(message, MemoryQueryEvent)]
    assert [event.source for event in recalled] == ["writer", "critic"]


async def test_a_cache_comes_back(folder: Path) -> None:
    with TeamMemory.open(folder) as team:
        cache: TransactiveCacheStore[str] = TransactiveCacheStore(
            team.agent("writer", user="u"), ttl=timedelta(days=7), degrade="empty"
        )
        cache.set("k", "v")
        config = cache.dump_component()
        assert config.component_type == "cache_store"
        with pytest.raises(InvalidInput, match="holds"):
            TransactiveCacheStore(team.agent("writer"), holds=int).dump_component()
    again: Any = CacheStore.load_component(json.loads(config.model_dump_json()))
    assert isinstance(again, TransactiveCacheStore)
    assert again.get("k") == "v"
    assert again.dump_component().config["ttl"] == "604800.0s"
    again.close()
    assert TeamMemory.opened(folder) is None
