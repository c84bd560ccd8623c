"""The verbs of a memory's later life, of governance, sessions and capture, each awaited once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.team.stores import opened, texts
from transactive import Extracted, Policy
from transactive.aio import AsyncTeamMemory
from transactive.errors import AccessDenied, ModelFailed, RateLimited, SessionClosed


def test_each_verb_is_awaited(tmp_path, clock):
    async def story(aio: AsyncTeamMemory) -> None:
        ana, ben = aio.agent("ana"), aio.agent("ben")
        note = await ana.remember("HNSW answers in 5 ms.")
        copy = await ana.promote(note.uid)
        assert (await aio.verify(copy.uid, by="dana")).verified_by == "dana"
        tree = await ben.why(copy.uid)
        assert [node.relation for node in tree.walk()] == ["", "promoted from"]
        corrected = await ana.correct(copy.uid, "HNSW answers in 8 ms.")
        assert texts(await ben.recall("HNSW")) == [corrected.text]
        await ben.publish("HNSW answers in 9 ms.")
        (conflict,) = await ben.conflicts("team/**")
        assert (await aio.resolve(conflict, keep=corrected.uid)) is not None
        assert await ben.conflicts("team/**") == []

        async with ana.session(user="cust_1", summary=True) as session:
            await session.remember("We decided to refund 40 EUR by Friday.")
            assert texts(await session.transcript()) == texts(await session.recall("refund"))
        assert (await session.info()).summary is not None
        with pytest.raises(SessionClosed):
            await session.remember("late")
        awaited = await ana.session()
        assert (await awaited.end()).closed
        assert len(await ana.sessions()) == 2
        assert len(await ana.transcript(session.id)) == 1

        (turn,) = await ana.observe([{"role": "user", "content": "My plan is Pro."}], session="s9")
        assert await ana.wait(30)
        assert texts(await ben.recall("plan"))[:1] == ["The plan is Pro."]

        clock.advance(timedelta(days=40))
        made = await ana.compact(max_importance=1.0)
        assert made.condensed > 0
        assert made.forgotten is not None
        assert await ana.undo(made.forgotten) == made.forgotten.count
        assert (await ana.get(turn.uid)).text == turn.text

        assert (await aio.forget(where={"session": "s9"}, dry_run=True, derived=True)).count > 0
        assert (await aio.erase(user="cust_1")).sessions == 1
        assert (await aio.maintain(build=False)).purged == 0
        assert await aio.audit.verify()
        assert (await aio.audit.list(actions="erase"))[0].principal == "owner"
        assert await aio.audit.export(tmp_path / "audit.jsonl") == len(await aio.audit.list())

    with opened(clock=clock, extractor=lambda turns: [Extracted(text="The plan is Pro.")]) as team:
        asyncio.run(story(team.aio))


def test_errors_come_through(clock):
    def failing(turns: object) -> list[Extracted]:
        raise OSError("no network")

    async def story(aio: AsyncTeamMemory) -> None:
        ana = aio.agent("ana")
        await aio.namespaces.configure("agents/ana", Policy(write_rate="1/m", max_sensitivity="internal"))
        with pytest.raises(AccessDenied):
            await ana.remember("x", sensitivity="confidential")
        await ana.observe(["x"])
        with pytest.raises(RateLimited) as limit:
            await ana.remember("y")
        assert limit.value.retry_after == timedelta(minutes=1)
        with pytest.raises(ModelFailed):
            await ana.wait(30)
        with pytest.raises(ZeroDivisionError):
            async with ana.session("s1"):
                raise ZeroDivisionError
        assert [info.closed for info in await ana.sessions()] == [True]

    with opened(clock=clock, extractor=failing) as team:
        asyncio.run(story(team.aio))
