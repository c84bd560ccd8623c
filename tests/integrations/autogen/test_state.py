"""A run goes on where it stopped, in another process and with other objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_core")
pytest.importorskip("autogen_agentchat")
pytest.importorskip("autogen_ext")

from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import MultiModalMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import Image
from autogen_core.model_context import UnboundedChatCompletionContext
from PIL import Image as Pillow

from tests.integrations.autogen.scripted import assistant, given, memories
from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidInput, StoreClosed
from transactive_integrations.autogen import TransactiveMemory, load_state, save_state


def crew(team: TeamMemory, *answers: str) -> RoundRobinGroupChat:
    agents: list[Any] = [assistant(name, answers, TransactiveMemory(team.agent(name))) for name in ("writer", "critic")]
    return RoundRobinGroupChat(agents, termination_condition=MaxMessageTermination(2))


async def test_a_team_goes_on_in_another_process(tmp_path: Path) -> None:
    with TeamMemory.open(tmp_path / "memory") as team:
        team.agent("guide").publish("The Oslo office opens at nine.")
        first = crew(team, "Nine.", "Good.")
        await first.run(task="When does the Oslo office open?")
        saved = await save_state(team.agent("desk"), first, "ticket-7")
        state = await first.save_state()
        assert saved.value == state
        assert (saved.namespace, saved.agent) == ("agents/desk/autogen/state", "desk")

    with TeamMemory.open(tmp_path / "memory") as team:
        later = crew(team, "At nine.", "Very good.")
        assert await load_state(team.agent("desk"), later, "ticket-7")
        assert await later.save_state() == state
        result = await later.run(task="And again, the Oslo office?")
        assert [message.source for message in result.messages][-1] == "critic"  # the writer had spoken last
        critic = later._participants[1]
        seen = given(critic)[0]
        assert [m.content for m in seen if m.type == "UserMessage"] == [
            "When does the Oslo office open?",
            "Nine.",
            "And again, the Oslo office?",
        ]
        assert len(memories(seen)) == 1


async def test_an_agent_and_a_context_have_states_too(team: TeamMemory) -> None:
    desk = team.agent("desk")
    agent = assistant("writer", ["Nine."])
    await agent.run(task="When?")
    await save_state(desk, agent, "writer")
    await save_state(desk, agent.model_context, "context")
    again, context = assistant("writer", []), UnboundedChatCompletionContext()
    assert await load_state(desk, again, "writer")
    assert await load_state(desk, context, "context")
    assert await again.save_state() == await agent.save_state()
    assert len(await context.get_messages()) == 2


async def test_absent_is_false_and_leaves_everything_as_it_is(team: TeamMemory) -> None:
    agent = assistant("writer", ["Nine."])
    await agent.run(task="When?")
    before = await agent.save_state()
    assert not await load_state(team.agent("desk"), agent, "absent")
    assert await agent.save_state() == before


async def test_a_state_with_images_of_many_megabytes_comes_back(team: TeamMemory) -> None:
    import random

    pixels = random.Random(7).randbytes(3 * 1200 * 1200)
    picture = Image(Pillow.frombytes("RGB", (1200, 1200), pixels))
    agent = assistant("writer", ["A picture."])
    await agent.run(task=MultiModalMessage(content=["What is this?", picture], source="user"))
    saved = await save_state(team.agent("desk"), agent, "large")
    assert saved.data is not None
    again = assistant("writer", [])
    assert await load_state(team.agent("desk"), again, "large")
    question: Any = (await again.model_context.get_messages())[0]
    assert question.content[1].image.tobytes() == pixels


class Odd:
    """Something whose state is what it is."""

    def __init__(self, state: Any) -> None:
        self.state = state

    async def save_state(self) -> Any:
        return self.state

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self.state = state


async def test_what_json_cannot_hold_is_refused_and_the_former_state_stays(team: TeamMemory) -> None:
    desk = team.agent("desk")
    await save_state(desk, Odd({"turn": 1}), "key")
    for wrong in ({"data": b"bytes"}, {"n": float("nan")}, {"o": object()}):
        with pytest.raises(InvalidInput):
            await save_state(desk, Odd(wrong), "key")
    read = Odd(None)
    assert await load_state(desk, read, "key")
    assert read.state == {"turn": 1}


async def test_states_of_users_and_agents_are_apart(team: TeamMemory) -> None:
    alice, bob = (team.agent("desk", user=user) for user in ("alice", "bob"))
    await save_state(alice, Odd({"secret": "pin 1234"}), "chat")
    for other in (bob, team.agent("other", user="alice"), team.agent("other")):
        read = Odd("nothing")
        assert not await load_state(other, read, "chat")
        assert read.state == "nothing"
    await save_state(team.agent("desk"), Odd({"of": "nobody"}), "chat")
    assert not await load_state(bob, Odd({}), "chat")  # bob's chat is not one of nobody's
    with pytest.raises(AccessDenied):
        await save_state(bob, Odd({}), "chat", namespace="agents/other")
    assert await load_state(alice, Odd({}), "chat")


async def test_shared_by_a_namespace(team: TeamMemory) -> None:
    team.grant("*", "team/states", "read", "write")
    await save_state(team.agent("desk"), Odd({"turn": 3}), "chat", namespace="team/states", ttl="30d")
    read = Odd({})
    assert await load_state(team.agent("other"), read, "chat", namespace="team/states")
    assert read.state == {"turn": 3}
    assert not team.agent("desk").recall("turn")  # a state is no memory


async def test_a_store_that_fails_is_never_an_absent_state() -> None:
    """An agent that began anew would write over what is there."""
    team = TeamMemory.open(":memory:")
    desk = team.agent("desk")
    await save_state(desk, Odd({"turn": 1}), "chat")
    team.close()
    with pytest.raises(StoreClosed):
        await load_state(desk, Odd({}), "chat")
