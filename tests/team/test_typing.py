"""What type checkers infer. mypy and pyright check this file with the others; here it is also run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import assert_type

from tests.team.stores import opened
from transactive import Agent, Context, Forgotten, Grant, Hit, Memory, Page, Policy, Recall, TeamMemory
from transactive.aio import AsyncAgent, AsyncTeamMemory
from transactive.records import Maintenance, NamespaceInfo


def the_verbs_of_a_handle(agent: Agent) -> None:
    note = agent.remember("x", tags=["a"], metadata={"n": 1})
    assert_type(note, Memory)
    assert_type(agent.remember_many(["x"]), Sequence[Memory])
    assert_type(agent.publish("x"), Memory)
    assert_type(agent.revise(note.id, text="y"), Memory)
    found = agent.recall("x")
    assert_type(found, Recall)
    assert_type(found[0], Hit)
    assert_type(found[:1], Sequence[Hit])
    assert_type(next(iter(found)).memory.text, str)
    assert_type(agent.context("x"), Context)
    assert_type(agent.get(note.id), Memory)
    page = agent.list()
    assert_type(page, Page)
    assert_type(page[0], Memory)
    assert_type(page.next, str | None)
    assert_type(agent.count(), int)
    assert_type(agent.facets("kind"), dict[str, int])
    assert_type(agent.history(note.id), Sequence[Memory])
    assert_type(agent.forget(note.id), Forgotten)
    assert_type(agent.forget(where={"agent": "x"}, dry_run=True), Forgotten)
    agent.remember("for undo", id="undo")
    assert_type(agent.undo(agent.forget("undo")), int)


def the_verbs_of_a_store(team: TeamMemory) -> None:
    assert_type(team.agent("ana"), Agent)
    assert_type(team.recall("x"), Recall)
    assert_type(team.grant("ana", "a/**", "read", "write"), Grant)
    assert_type(team.grants(), Sequence[Grant])
    assert_type(team.revoke("ana", "a/**"), int)
    assert_type(team.maintain(build=False), Maintenance)
    assert_type(team.namespaces.policy("a"), Policy)
    assert_type(team.namespaces.list(), Sequence[NamespaceInfo])
    assert_type(team.groups.list(), Mapping[str, Sequence[str]])
    assert_type(team.aio, AsyncTeamMemory)
    with team as same:
        assert_type(same, TeamMemory)


async def the_same_awaited(team: AsyncTeamMemory) -> None:
    agent = team.agent("ana")
    assert_type(agent, AsyncAgent)
    note = await agent.remember("x", tags=["a"], metadata={"n": 1})
    assert_type(note, Memory)
    assert_type(await agent.remember_many(["x"]), Sequence[Memory])
    assert_type(await agent.publish("x"), Memory)
    assert_type(await agent.revise(note.id, text="y", expected_version=1), Memory)
    found = await agent.recall("x", limit=5, where={"agent": "ana"})
    assert_type(found, Recall)
    assert_type(found[0], Hit)
    assert_type(await agent.context("x", budget=100), Context)
    assert_type(await agent.get(note.id), Memory)
    assert_type(await agent.list(limit=5), Page)
    assert_type(await agent.count(), int)
    assert_type(await agent.facets("kind"), dict[str, int])
    assert_type(await agent.history(note.id), Sequence[Memory])
    assert_type(await agent.forget(note.id), Forgotten)
    assert_type(await agent.forget(where={"agent": "x"}, dry_run=True), Forgotten)
    assert_type(await team.recall("x"), Recall)
    assert_type(await team.grant("ana", "a/**", "read"), Grant)
    assert_type(await team.grants(), Sequence[Grant])
    assert_type(await team.maintain(build=False), Maintenance)
    assert_type(await team.namespaces.policy("a"), Policy)
    assert_type(await team.namespaces.list(), Sequence[NamespaceInfo])
    assert_type(await team.groups.list(), Mapping[str, Sequence[str]])


async def what_is_refused(team: AsyncTeamMemory, agent: AsyncAgent, sync: Agent) -> None:
    """Never called: each line is an error to the checkers, which would complain of an ignore that nothing needs."""
    sync.recall(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sync.recall("x", limits=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    sync.forget()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    sync.remember("x", kind="fact")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await agent.recall(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await agent.recall("x", limits=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await agent.remember("x", kind="fact")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await agent.forget()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await team.grant("ana", "a", "delete")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_the_values_are_what_the_types_say():
    with opened() as team:
        the_verbs_of_a_handle(team.agent("ana"))
        asyncio.run(the_same_awaited(team.aio))
        the_verbs_of_a_store(team)
