"""What a model answered is asked once, in this process and the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_core")
pytest.importorskip("autogen_agentchat")
pytest.importorskip("autogen_ext")

from autogen_core import CacheStore, ComponentBase, FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, RequestUsage, UserMessage
from autogen_ext.models.cache import CHAT_CACHE_VALUE_TYPE, ChatCompletionCache
from pydantic import BaseModel

from tests.integrations.autogen.scripted import model
from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidInput, StoreClosed
from transactive_integrations.autogen import TransactiveCacheStore

QUESTION = [UserMessage(content="When does it open?", source="user")]


def answer(content: Any = "At nine.") -> CreateResult:
    usage = RequestUsage(prompt_tokens=3, completion_tokens=2)
    return CreateResult(finish_reason="stop", content=content, usage=usage, cached=False)


@pytest.fixture
def cache(team: TeamMemory) -> TransactiveCacheStore[Any]:
    return TransactiveCacheStore(team.agent("writer"))


def test_it_is_autogens_cache_store(cache: TransactiveCacheStore[Any]) -> None:
    assert isinstance(cache, CacheStore)
    assert isinstance(cache, ComponentBase)


@pytest.mark.parametrize(
    "value",
    [
        answer(),
        answer([FunctionCall(id="1", name="look_up", arguments='{"a": 1}')]),
        ["At ", "nine.", answer()],
        "text",
        {"a": [1, 2.5, None, {"b": True}]},
        [1, "two"],
        7,
        0,
        False,
        "",
        None,
    ],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(cache: TransactiveCacheStore[Any], value: Any) -> None:
    cache.set("key", value)
    again: Any = cache.get("key", "default")
    assert again == value
    assert type(again) is type(value)
    if isinstance(value, list):
        assert [type(item) for item in again] == [type(item) for item in value]


def test_absent_is_the_default(cache: TransactiveCacheStore[Any]) -> None:
    assert cache.get("absent") is None
    assert cache.get("absent", "default") == "default"


def test_a_key_is_any_string_and_the_last_value_stays(cache: TransactiveCacheStore[Any]) -> None:
    for key in ("", "a/b*", "ключ", "\n\x00", "k" * 4096):
        cache.set(key, "first")
        cache.set(key, key)
        assert cache.get(key) == key
    with pytest.raises(InvalidInput):
        cache.set("k" * 4097, 1)
    assert cache.clear() == 5
    assert cache.get("") is None


def test_what_comes_back_is_a_copy(cache: TransactiveCacheStore[Any]) -> None:
    given = answer()
    cache.set("key", given)
    given.content = "changed"
    read: Any = cache.get("key")
    assert isinstance(read, CreateResult)
    read.cached = True
    again: Any = cache.get("key")
    assert isinstance(again, CreateResult)
    assert (again.content, again.cached) == ("At nine.", False)


def test_what_it_does_not_hold_is_refused(cache: TransactiveCacheStore[Any]) -> None:
    for wrong in (b"bytes", object(), {1, 2}, {"a": b"b"}, (1, 2), float("nan")):
        with pytest.raises(InvalidInput):
            cache.set("key", wrong)
    assert cache.get("key") is None


class Weather(BaseModel):
    city: str
    data: bytes = b""


def test_other_types_are_held_where_it_is_said(team: TeamMemory) -> None:
    cache: TransactiveCacheStore[Any] = TransactiveCacheStore(team.agent("writer"), holds=Weather)
    cache.set("oslo", Weather(city="Oslo", data=b"rain"))
    assert cache.get("oslo") == Weather(city="Oslo", data=b"rain")
    with pytest.raises(InvalidInput, match="holds"):
        cache.set("oslo", "rain")
    other: TransactiveCacheStore[int] = TransactiveCacheStore(team.agent("writer"), holds=int)
    assert other.get("oslo", 7) == 7  # of another type now: absent
    with pytest.raises(InvalidInput, match="pydantic"):
        TransactiveCacheStore(team.agent("writer"), holds=object())


def test_a_value_lives_as_long_as_it_may(team: TeamMemory, clock: Clock) -> None:
    from datetime import timedelta

    cache: TransactiveCacheStore[str] = TransactiveCacheStore(team.agent("writer"), ttl="1h")
    cache.set("key", "value")
    clock.advance(timedelta(minutes=59))
    assert cache.get("key") == "value"
    clock.advance(timedelta(minutes=1))
    assert cache.get("key") is None


def test_caches_of_agents_and_users_are_apart(team: TeamMemory) -> None:
    handles = [
        team.agent("writer"),
        team.agent("critic"),
        team.agent("writer", user="a"),
        team.agent("writer", user="b"),
    ]
    caches: list[TransactiveCacheStore[str]] = [TransactiveCacheStore(handle) for handle in handles]
    caches[1].set("key", "critic")
    caches[2].set("key", "a")
    assert [cache.get("key") for cache in caches] == [None, "critic", "a", None]
    caches[0].set("key", "of no user")
    assert [cache.get("key") for cache in caches] == ["of no user", "critic", "a", None]
    assert [caches[3].clear(), caches[0].clear()] == [0, 1]
    assert caches[2].get("key") == "a"
    team.grant("*", "team/cache", "read", "write")
    shared = [TransactiveCacheStore[str](handle, namespace="team/cache") for handle in handles[:2]]
    shared[0].set("key", "for all")
    assert shared[1].get("key") == "for all"
    with pytest.raises(AccessDenied):
        TransactiveCacheStore[str](handles[0], namespace="agents/critic").set("key", "mine")


def test_cached_answers_are_no_memories(cache: TransactiveCacheStore[Any], team: TeamMemory) -> None:
    cache.set("key", answer("The Oslo office opens at nine."))
    assert team.count() == 0
    assert not team.agent("writer").recall("Oslo office")


def test_failing_it_raises_or_is_empty() -> None:
    store = opened()
    agent = store.agent("writer")
    store.close()
    with pytest.raises(StoreClosed):
        TransactiveCacheStore[str](agent).get("key")
    cache: TransactiveCacheStore[str] = TransactiveCacheStore(agent, degrade="empty")
    cache.set("key", "value")
    assert cache.get("key", "default") == "default"
    assert cache.degradations == 2


async def test_a_model_is_asked_once_also_by_the_next_process(tmp_path: Path) -> None:
    async def ask(client: ChatCompletionClient) -> tuple[Any, bool]:
        with TeamMemory.open(tmp_path / "memory") as team:
            store: TransactiveCacheStore[CHAT_CACHE_VALUE_TYPE] = TransactiveCacheStore(team.agent("writer"))
            result = await ChatCompletionCache(client, store).create(QUESTION)
            return result.content, result.cached

    client = model(answer())
    assert await ask(client) == ("At nine.", False)
    assert await ask(client) == ("At nine.", True)
    assert len(client.create_calls) == 1


async def test_a_stream_is_replayed_from_the_cache(team: TeamMemory) -> None:
    store: TransactiveCacheStore[CHAT_CACHE_VALUE_TYPE] = TransactiveCacheStore(team.agent("writer"))
    client = ChatCompletionCache(model("It opens at nine."), store)
    first = [part async for part in client.create_stream(QUESTION)]
    again = [part async for part in client.create_stream(QUESTION)]
    assert first[:-1] == again[:-1] == ["It ", "opens ", "at ", "nine."]
    assert isinstance(again[-1], CreateResult)
    assert again[-1].cached


async def test_the_caching_clients_own_dump_brings_the_cache_with_it(tmp_path: Path) -> None:
    with TeamMemory.open(tmp_path / "memory") as team:
        store: TransactiveCacheStore[CHAT_CACHE_VALUE_TYPE] = TransactiveCacheStore(team.agent("writer"))
        client = ChatCompletionCache(model(answer()), store)
        await client.create(QUESTION)
        again = ChatCompletionCache.load_component(client.dump_component())
        assert (await again.create(QUESTION)).cached
