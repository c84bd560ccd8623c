"""Events, awaited: followers that hold no thread, can be cancelled, closed and woken, and miss and repeat nothing."""

import asyncio
import inspect
import threading

import pytest

from tests.coordination.conftest import IDLE, PATIENCE, types
from tests.team.stores import opened
from transactive.aio import THREADS, AsyncEvents, AsyncFacts, AsyncTasks
from transactive.coordination import Events, Facts, Tasks, events
from transactive.coordination.feed import Feed

FOR_EVER = 3600.0


@pytest.fixture
def team(bare):
    return bare


def awaits(main, team):
    """Run a story within `PATIENCE`."""

    async def run():
        async with asyncio.timeout(PATIENCE):
            return await main(team.aio)

    return asyncio.run(run())


@pytest.fixture
def unpolled(monkeypatch):
    """Nobody looks by itself: whoever is to get something must be woken."""
    monkeypatch.setattr(events, "POLL_SECONDS", FOR_EVER)


async def eventually_waiting():
    """Let the others come to where they wait."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("door", "awaited"), [(Events, AsyncEvents), (Tasks, AsyncTasks), (Facts, AsyncFacts)])
def test_every_verb_is_there_with_the_same_parameters(door, awaited):
    def verbs(cls):
        return {name: verb for name, verb in inspect.getmembers(cls, callable) if not name.startswith("_")}

    assert verbs(door).keys() == verbs(awaited).keys()
    for name, verb in verbs(door).items():
        assert inspect.signature(verb) == inspect.signature(verbs(awaited)[name]), name


# --- following --------------------------------------------------------------------------------------------------------


def test_events_are_followed_from_the_first_from_a_cursor_and_filtered(team):
    async def main(aio):
        ada = aio.agent("ada")
        emitted = [await ada.events.emit("tick", number) for number in range(3)]
        await ada.facts.set("a", 1)
        assert [event async for event in ada.events.follow(types=["tick"], idle=IDLE)] == emitted
        assert [event async for event in ada.events.follow(after=emitted[1].cursor, types=["tick"], idle=IDLE)] == [
            emitted[2]
        ]
        assert types(await ada.events.list()) == ["tick", "tick", "tick", "fact.set"]
        assert await ada.events.cursor() == (await ada.events.list())[-1].cursor

    awaits(main, team)


def test_who_follows_is_woken_at_once(team, unpolled):
    async def main(aio):
        got = asyncio.Queue[object]()

        async def follow():
            async for event in aio.agent("ada").events.follow():
                await got.put(event)

        task = asyncio.create_task(follow())
        for number in range(20):
            said = await aio.events.emit("tick", number)
            assert await got.get() == said
        written = await asyncio.to_thread(team.events.emit, "tock")
        assert await got.get() == written
        task.cancel()

    awaits(main, team)


def test_now_is_when_it_is_entered(team):
    async def main(aio):
        await aio.events.emit("before")
        async with aio.agent("ada").events.follow(after="now", idle=IDLE) as follower:
            await aio.events.emit("after")
            assert types([event async for event in follower]) == ["after"]

    awaits(main, team)


def test_now_is_when_its_cursor_is_asked_for(team):
    async def main(aio):
        await aio.events.emit("before")
        follower = aio.agent("ada").events.follow(after="now", idle=IDLE)
        assert await follower.cursor() == await aio.events.cursor()
        await aio.events.emit("after")
        assert types([event async for event in follower]) == ["after"]

    awaits(main, team)


def test_a_wrong_cursor_is_refused_when_it_begins(team):
    async def main(aio):
        with pytest.raises(ValueError, match="cursor"):
            await anext(aio.events.follow(after="yesterday"))

    awaits(main, team)


def test_thirty_followers_leave_the_pool_to_others_and_get_everything(team, unpolled):
    async def main(aio):
        async def first_three(number):
            async with aio.agent(f"agent-{number}").events.follow() as follower:
                return [(await anext(follower)).data for _ in range(3)]

        waiting = [asyncio.create_task(first_three(number)) for number in range(30)]
        for number in range(3):
            await eventually_waiting()
            await aio.events.emit("tick", number)
        assert await asyncio.gather(*waiting) == [[0, 1, 2]] * 30

    assert THREADS < 30
    awaits(main, team)


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_a_wait_that_is_cancelled_misses_nothing_and_repeats_nothing(team):
    async def main(aio):
        got = []
        async with aio.agent("ada").events.follow() as follower:
            for number in range(15):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(follower), IDLE.total_seconds() / 4)
                await aio.events.emit("tick", number)
                got.append((await anext(follower)).data)
        assert got == list(range(15))

    awaits(main, team)


def test_a_wait_that_is_cancelled_in_the_middle_of_a_look_repeats_nothing(team, monkeypatch):
    """The look itself goes on in its thread, and the next wait does not look beside it."""
    looking, looking_again, go_on = threading.Event(), threading.Event(), threading.Event()
    look = Feed.page

    def page(self, *arguments):
        found = look(self, *arguments)
        if looking.is_set():
            looking_again.set()
        else:
            looking.set()
            go_on.wait(PATIENCE)
        return found

    for number in range(3):
        team.events.emit("tick", number)
    monkeypatch.setattr(Feed, "page", page)

    async def main(aio):
        follower = aio.agent("ada").events.follow(idle="0.3s")
        first = asyncio.create_task(anext(follower))
        await asyncio.to_thread(looking.wait, PATIENCE)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.create_task(anext(follower))
        await asyncio.to_thread(looking_again.wait, 0.5)
        go_on.set()
        return [(await second).data, *[event.data async for event in follower]]

    assert awaits(main, team) == [0, 1, 2]


def test_a_follower_that_was_cancelled_before_it_had_begun_leaves_nothing_behind(team, monkeypatch):
    signal = team._engine.store.signal
    before = len(signal._waiting)
    beginning, go_on, begun = threading.Event(), threading.Event(), threading.Event()
    position = Feed.position

    def slowly(self, after):
        beginning.set()
        go_on.wait(PATIENCE)
        try:
            return position(self, after)
        finally:
            begun.set()

    monkeypatch.setattr(Feed, "position", slowly)

    async def main(aio):
        follower = aio.agent("ada").events.follow()
        first = asyncio.create_task(anext(follower))
        await asyncio.to_thread(beginning.wait, PATIENCE)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        await asyncio.to_thread(begun.wait, PATIENCE)
        await aio.events.emit("tick")
        assert (await anext(follower)).type == "tick"
        await follower.aclose()

    awaits(main, team)
    assert len(signal._waiting) == before


# --- closing ----------------------------------------------------------------------------------------------------------


def test_it_ends_when_it_is_closed_by_another_task(team, unpolled):
    async def main(aio):
        follower = aio.agent("ada").events.follow()
        got: list[object] = []
        first = asyncio.Event()

        async def follow():
            async for event in follower:
                got.append(event.data)
                first.set()

        task = asyncio.create_task(follow())
        await aio.events.emit("tick", 1)
        await first.wait()
        await follower.aclose()
        await task
        await follower.aclose()
        assert got == [1]
        assert [event async for event in follower] == []

    awaits(main, team)


def test_what_was_closed_before_it_had_begun_gives_nothing(team):
    async def main(aio):
        await aio.events.emit("tick")
        follower = aio.agent("ada").events.follow(idle=IDLE)
        await follower.aclose()
        assert [event async for event in follower] == []

    awaits(main, team)


def test_it_ends_when_the_store_is_closed(clock):
    team = opened(clock=clock, index=None)

    async def main(aio):
        follower = aio.agent("ada").events.follow()
        await aio.events.emit("tick")
        assert (await anext(follower)).type == "tick"
        rest = asyncio.create_task(anext(follower, None))
        await eventually_waiting()
        await aio.close()
        assert await rest is None

    awaits(main, team)


def test_who_leaves_a_loop_early_is_woken_no_more(team):
    signal = team._engine.store.signal
    before = len(signal._waiting)

    async def main(aio):
        await aio.events.emit("tick")
        async with aio.agent("ada").events.follow() as follower:
            async for _ in follower:
                break
            assert len(signal._waiting) > before

    awaits(main, team)
    assert len(signal._waiting) == before


def test_a_follower_whose_loop_has_ended_harms_nobody(team):
    async def main(aio):
        follower = aio.agent("ada").events.follow()
        await aio.events.emit("tick")
        await anext(follower)
        return follower

    follower = awaits(main, team)
    team.events.emit("tick")
    assert len(team.events.list()) == 2
    asyncio.run(follower.aclose())


# --- consumers --------------------------------------------------------------------------------------------------------


def test_a_consumer_is_awaited(team):
    async def main(aio):
        events = [await aio.events.emit("tick", number) for number in range(4)]
        ada = aio.agent("ada")
        consumer = await ada.events.consumer("mailer", types=["tick"])
        assert consumer.name == "mailer"
        async for event in consumer:
            await consumer.acknowledge(event)
            if event == events[1]:
                break
        assert await consumer.cursor() == events[1].cursor
        assert await consumer.list(limit=1) == [events[2]]
        again = await ada.events.consumer("mailer")
        assert [event async for event in again.follow(idle=IDLE)] == events[2:]
        assert [info.name for info in await ada.events.consumers()] == ["mailer"]
        assert await ada.events.remove_consumer("mailer") is True
        assert await ada.events.remove_consumer("mailer") is False

    awaits(main, team)


def test_retention_is_awaited(team, clock):
    async def main(aio):
        await aio.events.emit("tick")
        clock.advance(2 * IDLE)
        await aio.events.retain("30d")
        assert await aio.events.trim(older_than=IDLE) == 1
        assert await aio.events.list() == []

    awaits(main, team)
