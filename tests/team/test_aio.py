"""The awaited doors: every verb, with the parameters of the one it stands for."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from tests.team.stores import opened, small_embedder, texts
from transactive import Agent, Policy, TeamMemory
from transactive.agent import Session
from transactive.aio import (
    AsyncAgent,
    AsyncAudit,
    AsyncCheckpoints,
    AsyncDocuments,
    AsyncGroups,
    AsyncNamespaces,
    AsyncSession,
    AsyncTeamMemory,
)
from transactive.checkpoints import Checkpoints
from transactive.documents import Documents
from transactive.errors import InvalidInput, NotFound, SessionClosed, StoreClosed, VersionConflict
from transactive.team import Audit, Groups, Namespaces

T = TypeVar("T")
AT_ONCE = {"agent", "bind", "opened"}
"""Verbs that read nothing, so that there is nothing to await."""
DOORS = [
    (Agent, AsyncAgent),
    (Session, AsyncSession),
    (TeamMemory, AsyncTeamMemory),
    (Namespaces, AsyncNamespaces),
    (Groups, AsyncGroups),
    (Audit, AsyncAudit),
    (Documents, AsyncDocuments),
    (Checkpoints, AsyncCheckpoints),
]


def verbs(door: type) -> dict[str, Callable[..., object]]:
    return {name: value for name, value in inspect.getmembers(door, callable) if not name.startswith("_")}


def awaits(main: Callable[[AsyncTeamMemory], Awaitable[T]], team: TeamMemory) -> T:
    async def run() -> T:
        return await main(team.aio)

    return asyncio.run(run())


@pytest.mark.parametrize(("door", "awaited"), DOORS, ids=lambda door: door.__name__)
def test_every_verb_is_there_with_the_same_parameters(door, awaited):
    missing = set(verbs(door)) - set(verbs(awaited))
    assert not missing
    for name, verb in verbs(door).items():
        ours, theirs = inspect.signature(getattr(awaited, name)), inspect.signature(verb)
        assert list(ours.parameters.values()) == list(theirs.parameters.values()), name


@pytest.mark.parametrize(("door", "awaited"), DOORS, ids=lambda door: door.__name__)
def test_every_verb_but_agent_is_awaited_and_says_what_it_does(door, awaited):
    """But for `session`, which is awaited or entered: see below."""
    for name, verb in verbs(door).items():
        other = getattr(awaited, name)
        if name not in AT_ONCE:
            assert inspect.iscoroutinefunction(other) or name == "session", name
            assert other.__doc__ == verb.__doc__


@pytest.mark.parametrize(("door", "awaited"), DOORS[:3], ids=lambda door: door.__name__)
def test_what_a_handle_is_bound_to_can_be_asked_of_both(door, awaited):
    properties = {name for name, _ in inspect.getmembers(door, lambda value: isinstance(value, property))}
    assert properties - {"aio"} <= set(dir(awaited))


def test_a_story_awaited(team):
    async def story(aio: AsyncTeamMemory) -> None:
        ana = aio.agent("ana", session="s1")
        assert ana.name == "ana"
        note = await ana.remember("first", tags=["a"])
        assert (note.agent, note.session) == ("ana", "s1")
        await ana.remember_many(["second", "third"])
        await ana.publish("shared")
        assert texts(await aio.agent("ben").recall("shared")) == ["shared"]
        assert (await ana.context("first", budget=100)).hits
        assert (await ana.get(note.id)).text == "first"
        assert len(await ana.list(limit=2)) == 2
        assert await ana.count({"tags": "a"}) == 1
        assert await ana.facets("tags") == {"a": 1}
        with pytest.raises(VersionConflict) as conflict:
            await ana.revise(note.id, text="x", expected_version=9)
        assert conflict.value.current == note
        await ana.revise(note.id, text="changed")
        assert texts(await ana.history(note.id)) == ["first", "changed"]
        forgotten = await ana.forget(where={"agent": "ana"})
        assert forgotten.count == 4
        with pytest.raises(NotFound):
            await ana.get(note.id)
        assert await ana.undo(forgotten) == 4

    awaits(story, team)


def test_a_store_is_governed_awaited(team):
    async def story(aio: AsyncTeamMemory) -> None:
        ana = aio.agent("ana")
        await ana.remember("first")
        await ana.publish("shared")
        await aio.grant("ben", "agents/ana", "read", clearance="internal")
        assert len(await aio.grants("ben")) == 1
        assert await aio.agent("ben").count() == 2
        assert await aio.revoke("ben", "agents/ana") == 1
        assert await aio.agent("ben").count() == 1
        await aio.groups.set("red", ["ana"])
        assert await aio.groups.get("red") == ["ana"]
        assert await aio.groups.list() == {"red": ["ana"]}
        await aio.groups.remove("red")
        await aio.namespaces.configure("agents/**", Policy(ttl="1d"))
        assert (await aio.namespaces.policy("agents/ana")).ttl == timedelta(days=1)
        assert len(await aio.namespaces.list()) == 2
        assert (await aio.namespaces.delete("agents/ana")).count == 1
        assert (await aio.maintain(build=False)).expired == 0
        await aio.reindex(progress=False)
        assert await aio.count() == 1
        with pytest.raises(InvalidInput):
            await ana.remember("")

    awaits(story, team)


def test_a_session_is_entered_and_ends_with_the_block(team):
    async def story(aio: AsyncTeamMemory) -> None:
        async with aio.agent("ana").session(user="cust_1", metadata={"ticket": "T-1"}) as session:
            note = await session.remember("the invoice was disputed")
            assert (note.session, note.user) == (session.id, "cust_1")
            assert texts(await session.transcript()) == ["the invoice was disputed"]
            assert not (await session.info()).closed
        assert (await session.info()).closed
        with pytest.raises(SessionClosed):
            await session.remember("too late")

    awaits(story, team)


def test_a_session_is_begun_awaited_and_ended_by_hand(team):
    async def story(aio: AsyncTeamMemory) -> None:
        session = await aio.agent("ana").session("ticket-1")
        assert isinstance(session, AsyncSession)
        await session.remember("the invoice was disputed")
        assert not (await session.info()).closed
        ended = await session.end(summary=lambda said: f"{len(said)} turn")
        assert (await aio.get(str(ended.summary))).text == "1 turn"

    awaits(story, team)


def test_a_session_whose_block_fails_ends_and_the_error_goes_on(team):
    async def story(aio: AsyncTeamMemory) -> None:
        with pytest.raises(KeyError):
            async with aio.agent("ana").session("ticket-1"):
                raise KeyError
        assert [info.closed for info in await aio.sessions()] == [True]

    awaits(story, team)


def test_a_store_is_opened_and_closed_awaited(tmp_path):
    async def story() -> None:
        async with await AsyncTeamMemory.open(tmp_path, embedder=small_embedder, background=False) as team:
            assert team.path == tmp_path
            await team.agent("ana").remember("x")
        with pytest.raises(StoreClosed):
            await team.count()

    asyncio.run(story())
    with opened(tmp_path) as team:
        assert team.count() == 1


def test_a_hundred_tasks_at_once(team):
    async def story(aio: AsyncTeamMemory) -> None:
        async def one(number: int) -> None:
            agent = aio.agent(f"agent {number % 5}", user=f"user {number % 3}")
            note = await agent.remember(f"note {number}")
            found = await agent.recall(f"note {number}", limit=1000)
            assert note.uid in {hit.memory.uid for hit in found}
            assert {hit.memory.user for hit in found} == {agent.sync.user}
            assert (await agent.revise(note.id, text=f"revised {number}", expected_version=1)).version == 2

        await asyncio.gather(*(one(number) for number in range(100)))

    awaits(story, team)
    assert sorted(texts(team.list(limit=1000))) == sorted(f"revised {number}" for number in range(100))


def test_the_loop_goes_on_while_a_verb_runs():
    gate = threading.Event()

    def slow(batch: Any) -> list[list[float]]:
        if list(batch) == ["wait for me"]:
            assert gate.wait(30)
        return small_embedder(batch)

    async def story(aio: AsyncTeamMemory) -> None:
        waiting = asyncio.create_task(aio.agent("ana").remember("wait for me"))
        assert await aio.agent("ben").count() == 0
        assert not waiting.done()
        gate.set()
        assert (await waiting).text == "wait for me"

    with opened(embedder=slow) as team:
        awaits(story, team)


def test_a_cancelled_caller_harms_nobody():
    """The verb runs to its end, with its lock; who comes next is served."""
    entered, gate = threading.Event(), threading.Event()

    def slow(batch: Any) -> list[list[float]]:
        if list(batch) == ["cancelled"]:
            entered.set()
            assert gate.wait(30)
        return small_embedder(batch)

    async def story(aio: AsyncTeamMemory) -> None:
        ana = aio.agent("ana")
        task = asyncio.create_task(ana.remember("cancelled"))
        await asyncio.to_thread(entered.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        await ana.remember("next")
        assert "next" in texts(await ana.list())

    with opened(embedder=slow) as team:
        awaits(story, team)
    with opened() as team:
        assert awaits(lambda aio: aio.count(), team) == 0
