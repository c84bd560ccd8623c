"""The awaited doors of these rooms: every verb, with the parameters of the one it stands for, and a story in each."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from transactive import TeamMemory
from transactive.aio import (
    AsyncAlerts,
    AsyncConsumer,
    AsyncDecisions,
    AsyncDirectory,
    AsyncEvents,
    AsyncFacts,
    AsyncHandoffs,
    AsyncKnowledgeGraph,
    AsyncLearnings,
    AsyncTasks,
    AsyncTeamMemory,
)
from transactive.coordination import (
    Alerts,
    Consumer,
    Decisions,
    Directory,
    Events,
    Facts,
    Handoffs,
    Learnings,
    Tasks,
)
from transactive.errors import AccessDenied, AlreadyTaken, InvalidInput, NotFound
from transactive.graph import KnowledgeGraph

T = TypeVar("T")
DOORS = [
    (Alerts, AsyncAlerts),
    (Consumer, AsyncConsumer),
    (Decisions, AsyncDecisions),
    (Directory, AsyncDirectory),
    (Events, AsyncEvents),
    (Facts, AsyncFacts),
    (Handoffs, AsyncHandoffs),
    (KnowledgeGraph, AsyncKnowledgeGraph),
    (Learnings, AsyncLearnings),
    (Tasks, AsyncTasks),
]


def verbs(door: type) -> dict[str, Callable[..., object]]:
    return {name: value for name, value in inspect.getmembers(door, callable) if not name.startswith("_")}


def awaits(main: Callable[[AsyncTeamMemory], Awaitable[T]], team: TeamMemory) -> T:
    async def run() -> T:
        return await asyncio.wait_for(main(team.aio), timeout=60)

    return asyncio.run(run())


@pytest.mark.parametrize(("door", "awaited"), DOORS, ids=lambda door: door.__name__)
def test_every_verb_is_there_with_the_same_parameters_and_words(door, awaited):
    assert set(verbs(door)) <= set(verbs(awaited))
    for name, verb in verbs(door).items():
        other = getattr(awaited, name)
        ours, theirs = inspect.signature(other), inspect.signature(verb)
        assert list(ours.parameters.values()) == list(theirs.parameters.values()), name
        assert other.__doc__ == verb.__doc__
        assert inspect.iscoroutinefunction(other) or name == "follow", name


def test_alerts_awaited(team):
    async def story(aio: AsyncTeamMemory) -> None:
        ana, ben = aio.agent("ana"), aio.agent("ben")
        async with ben.alerts.follow(idle="20s") as follower:
            assert await follower.cursor()
            sent = await ana.alerts.send("x", to="ben", severity="warning")
            assert await anext(follower) == sent
        assert await ben.alerts.count() == 1
        assert await ben.alerts.list(severity="warning") == [sent] == [await ben.alerts.get(sent)]
        assert len((await ben.alerts.acknowledge(sent, note="seen")).acknowledgements) == 1
        assert await ben.alerts.count() == 0
        with pytest.raises(NotFound):
            await aio.agent("carl").alerts.get(sent)

    awaits(story, team)


def test_experience_awaited(team):
    async def story(aio: AsyncTeamMemory) -> None:
        ana, ben = aio.agent("ana"), aio.agent("ben")
        made = await ana.decisions.record("Use the new gateway", why="it is faster")
        assert [d.memory.uid for d in await ben.decisions.find("gateway")] == [made.memory.uid]
        learned = await ana.learnings.record("failure", "The old gateway lost a payment")
        found = await ben.learnings.find("gateway", outcomes=["failure"])
        assert [found.memory.uid for found in found] == [learned.memory.uid]
        with pytest.raises(AccessDenied):
            await ana.decisions.record("x", by="dana")
        assert (await aio.decisions.record("x", by="dana")).by == "dana"

    awaits(story, team)


def test_handoffs_awaited(team):
    async def story(aio: AsyncTeamMemory) -> None:
        ana, ben = aio.agent("ana"), aio.agent("ben")
        task = await ana.tasks.post("Refund", assignee="ana")
        claim = await ana.tasks.claim(task)
        made = await ana.handoff(to="ben", task=claim, reason="It is about money")
        assert [handoff.uid for handoff in await ben.handoffs.list()] == [made.uid]
        assert (await ben.handoffs.take(made)).status == "taken"
        with pytest.raises(AlreadyTaken):
            await ben.handoffs.take(made)
        assert (await ben.handoffs.resolve(made, answer=1)).answer == 1
        assert (await ana.handoffs.get(made)).status == "resolved"
        asked = await ana.escalate(reason="May I?", to="human:dana")
        waits = asyncio.create_task(ana.handoffs.wait(asked, timeout="30s"))
        await aio.handoffs.resolve(asked, answer="yes", by="dana")
        answered = await waits
        assert answered is not None
        assert answered.answer == "yes"
        steps = [handoff.uid async for handoff in ana.handoffs.follow(after=None, idle="0.01s")]
        assert steps == [made.uid, made.uid, made.uid, asked.uid, asked.uid]

    awaits(story, team)


def test_whoever_waits_for_answers_keeps_nobody_from_giving_them(team):
    """As many wait as there are threads in the pool, and more."""

    async def story(aio: AsyncTeamMemory) -> None:
        ana = aio.agent("ana")
        asked = await ana.escalate(reason="May I?", to="lead")
        waits = [asyncio.create_task(ana.handoffs.wait(asked, timeout="4s")) for _ in range(12)]
        await asyncio.sleep(0)
        await aio.agent("lead").handoffs.resolve(asked, answer="yes")
        assert [found is not None and found.answer for found in await asyncio.gather(*waits)] == ["yes"] * 12

    awaits(story, team)


def test_directory_and_measures_awaited(team):
    async def story(aio: AsyncTeamMemory) -> None:
        ana, ben = aio.agent("ana"), aio.agent("ben")
        info = await ana.directory.register(role="clerk", capabilities=["refunds"])
        await ana.directory.heartbeat()
        assert await ben.directory.get("ana") == info
        assert await ben.directory.list(capability="refunds") == [info]
        await ana.publish("Refunds take three days.")
        assert [expert.agent for expert in await ben.who_knows("refunds")] == ["ana"]
        assert [expert.agent for expert in (await ben.ask("refunds")).experts] == ["ana"]
        assert await ana.directory.remove() is True
        assert (await aio.metrics(every="1h")).total.writes == 1
        with pytest.raises(InvalidInput):
            await aio.metrics(every="1m")

    awaits(story, team)
