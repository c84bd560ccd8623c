"""Facts and tasks, awaited."""

import asyncio

import pytest

from tests.coordination.conftest import IDLE
from tests.coordination.test_events_aio import awaits, eventually_waiting
from transactive.aio import THREADS
from transactive.errors import LeaseLost, VersionConflict

KEY = "order/991/status"


@pytest.fixture
def team(bare):
    return bare


def test_facts_are_awaited(team):
    async def main(aio):
        facts = aio.agent("ada").facts
        first = await facts.set(KEY, 1, expected_version=0)
        assert await facts.get(KEY) == first
        assert (await facts.update(KEY, lambda value: value + 1)).value == 2
        with pytest.raises(VersionConflict):
            await facts.set(KEY, 9, expected_version=1)
        assert [fact.value for fact in await facts.list(prefix="order/")] == [2]
        assert await facts.delete(KEY) is True
        assert [fact.value for fact in await facts.history(KEY)] == [1, 2, None]

    awaits(main, team)


def test_facts_are_followed(team):
    async def main(aio):
        facts = aio.agent("ada").facts
        start = await aio.events.cursor()
        for number in range(3):
            await facts.set(KEY, number)
            await facts.set("another", number)
        followed = [fact.value async for fact in facts.follow(KEY, after=start, idle=IDLE)]
        assert followed == [0, 1, 2]
        prefixed = [fact.key async for fact in facts.follow(prefix="o", after=start, idle=IDLE)]
        assert prefixed == [KEY] * 3

    awaits(main, team)


def test_many_count_together(team):
    async def main(aio):
        async def counted(number):
            for _ in range(10):
                await aio.agent(f"agent-{number}").facts.update(KEY, lambda value: (value or 0) + 1)

        await asyncio.gather(*(counted(number) for number in range(20)))
        fact = await aio.facts.get(KEY)
        assert fact is not None
        assert (fact.value, fact.version) == (200, 200)

    awaits(main, team)


def test_tasks_are_awaited(team):
    async def main(aio):
        ada, bob = aio.agent("ada").tasks, aio.agent("bob").tasks
        task = await ada.post("work", max_attempts=2, backoff="1s")
        claim = await bob.claim()
        assert claim is not None
        assert (await bob.renew(claim, lease="1h")).token == claim.token
        assert (await bob.release(claim)).status == "open"
        claim = await bob.claim(task)
        assert claim is not None
        assert (await bob.fail(claim, reason="no", retry=False)).status == "dead"
        assert (await ada.retry(task)).status == "open"
        claim = await bob.claim(wait="1s")
        assert claim is not None
        done = await bob.complete(claim, result=1)
        assert await ada.get(task) == done
        assert [attempt.outcome for attempt in await ada.attempts(task)] == ["released", "failed", "done"]
        assert (await ada.cancel(await ada.post("other"))).status == "cancelled"
        assert [one.text for one in await ada.list(status="cancelled")] == ["other"]
        assert await ada.count() == 2

    awaits(main, team)


def test_of_many_that_want_a_task_one_gets_it(team):
    async def main(aio):
        await aio.tasks.post("work")
        claims = await asyncio.gather(*(aio.agent(f"agent-{number}").tasks.claim() for number in range(20)))
        [claim] = [claim for claim in claims if claim is not None]
        with pytest.raises(LeaseLost):
            await aio.agent("another").tasks.complete(claim)

    awaits(main, team)


def test_many_who_wait_for_tasks_leave_the_pool_to_those_who_post_them(team):
    """Otherwise nobody could ever post the task that they all wait for."""

    async def main(aio):
        workers = 2 * THREADS
        waiting = [
            asyncio.create_task(aio.agent(f"agent-{number}").tasks.claim(wait="1h")) for number in range(workers)
        ]
        await eventually_waiting()
        posted = [(await aio.tasks.post(f"job {number}", assignee="*")).uid for number in range(workers)]
        claims = await asyncio.gather(*waiting)
        assert sorted(claim.task.uid for claim in claims if claim is not None) == sorted(posted)

    awaits(main, team)
