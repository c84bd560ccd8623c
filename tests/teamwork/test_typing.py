"""What type checkers infer of these rooms. mypy and pyright check this file with the others; here it is also run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from tests.team.stores import opened
from transactive import Agent, TeamMemory
from transactive.aio import (
    AsyncAgent,
    AsyncAlerts,
    AsyncConsumer,
    AsyncFollower,
    AsyncHandoffs,
    AsyncTeamMemory,
)
from transactive.coordination import Alerts, Consumer, Follower, Handoffs
from transactive.records import (
    Advice,
    AgentInfo,
    Alert,
    Attempt,
    Claim,
    ConsumerInfo,
    Decision,
    Edge,
    Entity,
    Event,
    Expert,
    Fact,
    Handoff,
    Hit,
    Learning,
    Measured,
    Metrics,
    Package,
    Path,
    Subgraph,
    Task,
)

EVE, ACME = ("person", "Eve"), ("company", "Acme")


def tasks_facts_and_events(agent: Agent) -> None:
    task = agent.tasks.post("x", payload={"n": 1})
    assert_type(task, Task)
    assert_type(agent.tasks.claim(task), Claim | None)
    assert_type(agent.tasks.list(), list[Task])
    assert_type(agent.tasks.attempts(task), Sequence[Attempt])
    assert_type(agent.tasks.count(), int)
    assert_type(agent.facts.set("k", 1), Fact)
    assert_type(agent.facts.get("k"), Fact | None)
    assert_type(agent.facts.update("k", lambda value: value + 1), Fact)
    assert_type(agent.facts.history("k"), Sequence[Fact])
    assert_type(agent.facts.follow("k", idle="0.01s"), Follower[Fact])
    assert_type(agent.facts.list(), list[Fact])
    assert_type(agent.facts.delete("k"), bool)
    assert_type(agent.events.emit("deploy.finished"), Event)
    assert_type(agent.events.follow(idle="0.01s"), Follower[Event])
    assert_type(next(agent.events.follow(idle="0.01s")), Event)
    assert_type(agent.events.list(), Sequence[Event])
    assert_type(agent.events.consumer("c"), Consumer)
    assert_type(agent.events.consumers(), list[ConsumerInfo])


def alerts_and_handoffs(agent: Agent) -> None:
    assert_type(agent.alerts, Alerts)
    alert = agent.alerts.send("x", to=["ana"], severity="critical")
    assert_type(alert, Alert)
    assert_type(agent.alerts.acknowledge(alert), Alert)
    assert_type(agent.alerts.get(alert.uid), Alert)
    assert_type(agent.alerts.list(severity=["info", "critical"]), list[Alert])
    assert_type(agent.alerts.follow(idle="0.01s"), Follower[Alert])
    assert_type(agent.alerts.count(), int)
    assert_type(agent.handoffs, Handoffs)
    made = agent.handoff(to="ana", reason="x")
    assert_type(made, Handoff)
    assert_type(made.package, Package)
    assert_type(made.package.graph, Subgraph)
    assert_type(made.to_dict(), Mapping[str, Any])
    assert_type(made.to_markdown(), str)
    assert_type(made.to_html(), str)
    assert_type(agent.escalate(reason="x", to="human:dana"), Handoff)
    assert_type(agent.handoffs.get(made), Handoff)
    assert_type(agent.handoffs.take(made), Handoff)
    assert_type(agent.handoffs.resolve(made, answer=1), Handoff)
    assert_type(agent.handoffs.wait(made, timeout="0.01s"), Handoff | None)
    assert_type(agent.handoffs.list(status=["pending"], kind="handoff"), list[Handoff])
    assert_type(agent.handoffs.follow(idle="0.01s"), Follower[Handoff])


def experience_and_directory(agent: Agent) -> None:
    assert_type(agent.decisions.record("x", alternatives=["y"]), Decision)
    assert_type(agent.decisions.find("x"), Sequence[Decision])
    assert_type(agent.learnings.record("pattern", "x"), Learning)
    assert_type(agent.learnings.find("x", outcomes=["pattern"]), Sequence[Learning])
    assert_type(agent.directory.register(role="x"), AgentInfo)
    assert_type(agent.directory.get("ana"), AgentInfo)
    assert_type(agent.directory.list(), list[AgentInfo])
    assert_type(agent.directory.remove(), bool)
    experts = agent.who_knows("x")
    assert_type(experts, Sequence[Expert])
    assert_type(experts[0].evidence[0], Hit)
    assert_type(agent.ask("x"), Advice)


def the_graph(agent: Agent) -> None:
    edge = agent.graph.link(EVE, "works_at", ACME)
    assert_type(edge, Edge)
    assert_type(agent.graph.get(EVE), Entity)
    assert_type(agent.graph.list(), list[Entity])
    assert_type(agent.graph.edges(EVE), list[Edge])
    assert_type(agent.graph.traverse(EVE), Subgraph)
    assert_type(agent.graph.subgraph([EVE]), Subgraph)
    assert_type(agent.graph.path(EVE, ACME), Path | None)
    assert_type(agent.graph.history(edge), Sequence[Edge])


def measures(team: TeamMemory) -> None:
    found = team.metrics()
    assert_type(found, Metrics)
    assert_type(found.total, Measured)
    assert_type(found.series, tuple[Measured, ...])
    assert_type(found.total.rework_rate, float | None)
    assert_type(found.agents, Mapping[str, int])
    assert_type(found.to_dict(), dict[str, Any])


async def work_awaited(agent: AsyncAgent) -> None:
    task = await agent.tasks.post("x")
    assert_type(task, Task)
    assert_type(await agent.tasks.claim(task), Claim | None)
    assert_type(await agent.tasks.list(), list[Task])
    assert_type(await agent.facts.set("k", 1), Fact)
    assert_type(await agent.facts.get("k"), Fact | None)
    assert_type(await agent.facts.list(), list[Fact])
    assert_type(agent.facts.follow("k", idle="0.01s"), AsyncFollower[Fact])
    assert_type(await agent.events.emit("deploy.finished"), Event)
    assert_type(agent.events.follow(idle="0.01s"), AsyncFollower[Event])
    assert_type(await agent.events.list(), Sequence[Event])
    consumer = await agent.events.consumer("c")
    assert_type(consumer, AsyncConsumer)
    assert_type(await consumer.list(), Sequence[Event])
    assert_type(await agent.graph.link(EVE, "works_at", ACME), Edge)
    assert_type(await agent.graph.get(EVE), Entity)
    assert_type(await agent.graph.traverse(EVE), Subgraph)


async def talk_awaited(agent: AsyncAgent) -> None:
    assert_type(agent.alerts, AsyncAlerts)
    alert = await agent.alerts.send("x", to="ana", severity="info")
    assert_type(alert, Alert)
    assert_type(await agent.alerts.acknowledge(alert), Alert)
    assert_type(await agent.alerts.list(), list[Alert])
    assert_type(agent.alerts.follow(idle="0.01s"), AsyncFollower[Alert])
    assert_type(await agent.decisions.record("x"), Decision)
    assert_type(await agent.decisions.find("x"), Sequence[Decision])
    assert_type(await agent.learnings.record("pattern", "x"), Learning)
    assert_type(await agent.learnings.find("x"), Sequence[Learning])
    assert_type(agent.handoffs, AsyncHandoffs)
    made = await agent.handoff(to="ana", reason="x")
    assert_type(made, Handoff)
    assert_type(await agent.escalate(reason="x", to="ana"), Handoff)
    assert_type(await agent.handoffs.take(made), Handoff)
    assert_type(await agent.handoffs.resolve(made), Handoff)
    assert_type(await agent.handoffs.wait(made), Handoff | None)
    assert_type(await agent.handoffs.list(), list[Handoff])
    assert_type(agent.handoffs.follow(idle="0.01s"), AsyncFollower[Handoff])
    assert_type(await agent.directory.register(role="x"), AgentInfo)
    assert_type(await agent.directory.list(), list[AgentInfo])
    assert_type(await agent.who_knows("x"), Sequence[Expert])
    assert_type(await agent.ask("x"), Advice)


async def the_same_awaited(team: AsyncTeamMemory) -> None:
    await work_awaited(team.agent("ana"))
    await talk_awaited(team.agent("ana"))
    assert_type(await team.metrics(), Metrics)
    async for event in team.events.follow(after=None, idle="0.01s"):
        assert_type(event, Event)
        break
    async for alert in team.alerts.follow(after=None, idle="0.01s"):
        assert_type(alert, Alert)


async def what_is_refused(agent: AsyncAgent, sync: Agent) -> None:
    """Never called: each line is an error to the checkers, which would complain of an ignore that nothing needs."""
    sync.alerts.send("x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    sync.alerts.send("x", to="ana", severity="bad")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sync.learnings.record("lesson", "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sync.handoffs.list(status="done")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sync.handoff(reason="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await agent.alerts.send("x", to="ana", severity="bad")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await agent.learnings.record("lesson", "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await agent.handoff(reason="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_the_values_are_what_the_types_say():
    with opened() as team:
        ana = team.agent("ana")
        team.agent("ben").publish("x")
        tasks_facts_and_events(ana)
        alerts_and_handoffs(ana)
        experience_and_directory(ana)
        the_graph(ana)
        measures(team)
        asyncio.run(the_same_awaited(team.aio))
