"""Key-value stores and the cache of models' answers, beyond LangChain's suites."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.documents import Document
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, Generation

from tests.integrations.langchain.scripted import Scripted, call, scripted
from tests.team.stores import Clock
from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidInput, StoreClosed
from transactive_integrations.langchain import TransactiveByteStore, TransactiveCache, TransactiveKeyValueStore

KEYS = ["", "a/b", "ö\n\x00", "\ud800", "%", "_", "key" * 1000]


def test_any_string_is_a_key_and_prefixes_are_taken_literally(team: TeamMemory) -> None:
    store = TransactiveKeyValueStore(team.agent("a"))
    store.mset([(key, {"key": key}) for key in KEYS])
    assert store.mget(KEYS) == [{"key": key} for key in KEYS]
    assert sorted(store.yield_keys()) == sorted(KEYS)
    assert list(store.yield_keys(prefix="%")) == ["%"]
    assert list(store.yield_keys(prefix="_")) == ["_"]
    store.mdelete(KEYS[:3])
    assert store.mget(KEYS)[:4] == [None, None, None, {"key": "\ud800"}]


def test_values_come_back_as_they_were(team: TeamMemory) -> None:
    store = TransactiveKeyValueStore(team.agent("a"))
    values = [
        Document("text", metadata={"at": datetime(2026, 1, 1, tzinfo=UTC)}, id="1"),
        HumanMessage([{"type": "image", "data": b"\x89"}]),
        {"a": (1, {2})},
        b"bytes",
        None,
        "x" * 20_000_000,
    ]
    store.mset(list(zip("abcdef", values, strict=True)))
    assert store.mget(list("abcdef")) == values
    with pytest.raises(InvalidInput, match="the value is a object"):
        store.mset([("good", 1), ("bad", object())])
    assert store.mget(["good"]) == [None]


def test_what_another_program_keeps_there_is_its_value(team: TeamMemory) -> None:
    team.agent("a").documents.put("team/shared", "k", {"n": 1}, data=b"beside")
    assert TransactiveKeyValueStore(team.agent("b"), namespace="team/shared").mget(["k"]) == [{"n": 1}]
    assert TransactiveByteStore(team.agent("b"), namespace="team/shared").mget(["k"]) == [b"beside"]


def test_bytes_are_bytes(team: TeamMemory) -> None:
    store = TransactiveByteStore(team.agent("a"))
    store.mset([("k", bytes(range(256))), ("view", memoryview(b"ab"))])  # type: ignore[list-item]
    assert store.mget(["k", "view"]) == [bytes(range(256)), b"ab"]
    with pytest.raises(InvalidInput, match="not str"):
        store.mset([("k", "text")])  # type: ignore[list-item]


def test_users_and_agents_never_mix(team: TeamMemory) -> None:
    stores = {user: TransactiveKeyValueStore(team.agent("a", user=user)) for user in ("alice", "bob", None)}
    for user, store in stores.items():
        store.mset([("k", user), (f"only {user}", True)])
    for user, store in stores.items():
        assert store.mget(["k"]) == [user]
        assert list(store.yield_keys()) == ["k", f"only {user}"]
    stores["bob"].mdelete(["k", "only alice", "only None"])
    assert [store.mget(["k"]) for store in stores.values()] == [["alice"], [None], [None]]
    assert stores[None].mget(["k"]) == [None]
    assert list(stores[None].yield_keys()) == ["k", "only None"]
    assert TransactiveKeyValueStore(team.agent("b")).mget(["k"]) == [None]
    with pytest.raises(AccessDenied):
        TransactiveKeyValueStore(team.agent("b"), namespace="agents/a/values").mset([("k", 1)])


def test_values_expire_if_they_are_to(team: TeamMemory, clock: Clock) -> None:
    store = TransactiveKeyValueStore(team.agent("a"), ttl="1h")
    store.mset([("k", 1)])
    clock.advance(timedelta(minutes=61))
    assert store.mget(["k"]) == [None]
    assert list(store.yield_keys()) == []


async def test_a_hundred_tasks_at_once(team: TeamMemory) -> None:
    store = TransactiveKeyValueStore(team.agent("a"))

    async def work(n: int) -> Any:
        await store.amset([(str(n), n), ("all", n)])
        return (await store.amget([str(n)]))[0]

    assert await asyncio.gather(*(work(n) for n in range(100))) == list(range(100))
    assert len([key async for key in store.ayield_keys()]) == 101


def test_a_closed_store_raises(team: TeamMemory) -> None:
    store = TransactiveKeyValueStore(team.agent("a"))
    team.close()
    with pytest.raises(StoreClosed):
        store.mget(["k"])


def test_parent_documents_live_in_it(team: TeamMemory) -> None:
    """LangChain's own user of such a store: small pieces are searched, whole documents are given."""
    retrievers = pytest.importorskip("langchain_classic.retrievers")
    splitters = pytest.importorskip("langchain_text_splitters")
    from transactive_integrations.langchain import TransactiveVectorStore

    librarian = team.agent("librarian")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        retriever = retrievers.ParentDocumentRetriever(
            vectorstore=TransactiveVectorStore(librarian),
            docstore=TransactiveKeyValueStore(librarian),
            child_splitter=splitters.RecursiveCharacterTextSplitter(chunk_size=20, chunk_overlap=0),
        )
    whole = Document("Tea is at four. Coffee is at nine. Water is there always.", metadata={"page": 1})
    retriever.add_documents([whole])
    assert [d.page_content for d in retriever.invoke("When is tea?")] == [whole.page_content]


# --- the cache -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(team: TeamMemory) -> Iterator[TransactiveCache]:
    cache = TransactiveCache(team.agent("cache"))
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


def test_a_model_is_asked_once(team: TeamMemory, cache: TransactiveCache) -> None:
    model = scripted(
        AIMessage("Paris.", usage_metadata={"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}), "No."
    )
    first = model.invoke("The capital of France?")
    again = model.invoke("The capital of France?")
    assert first.text == again.text == "Paris."
    assert len(model.seen) == 1
    assert model.invoke("The capital of Spain?").text == "No."
    assert len(model.seen) == 2
    cache.clear()
    assert model.invoke("The capital of France?").text == "Paris."
    assert len(model.seen) == 3

    kept = team.agent("cache").documents.list("**")
    assert not any("France" in repr(d) for d in kept), "prompts are not kept, only their hashes"


async def test_a_model_is_asked_once_awaited(team: TeamMemory, cache: TransactiveCache) -> None:
    model = scripted(call("search", query="x"))
    answers = [await model.ainvoke("Search for x.") for _ in range(3)]
    assert len(model.seen) == 1
    assert all(answer.tool_calls == answers[0].tool_calls for answer in answers)


def test_models_of_text_are_cached_too(cache: TransactiveCache) -> None:
    model = FakeListLLM(responses=["one", "two"])
    assert [model.invoke("Count."), model.invoke("Count.")] == ["one", "one"]


def test_answers_come_back_as_they_were(team: TeamMemory) -> None:
    cache = TransactiveCache(team.agent("cache"))
    answers = [
        ChatGeneration(message=AIMessage("a", id="1", response_metadata={"model": "m"}), generation_info={"n": 1}),
        Generation(text="b"),
    ]
    cache.update("p", "m", answers)
    assert cache.lookup("p", "m") == answers
    assert isinstance(cache.lookup("p", "m"), list)
    assert cache.lookup("p", "n") is None
    assert cache.lookup("", "pm") is None


def test_answers_of_users_never_mix_and_expire(team: TeamMemory, clock: Clock) -> None:
    caches = {user: TransactiveCache(team.agent("c", user=user), ttl="1h") for user in ("alice", "bob", None)}
    caches[None].update("p", "m", [Generation(text="of nobody")])
    caches["alice"].update("p", "m", [Generation(text="of alice")])
    assert caches["bob"].lookup("p", "m") is None
    assert caches["alice"].lookup("p", "m") == [Generation(text="of alice")]
    caches[None].clear()
    assert caches["alice"].lookup("p", "m") is not None
    clock.advance(timedelta(minutes=61))
    assert caches["alice"].lookup("p", "m") is None


def test_a_failing_memory_is_a_cache_that_is_empty(team: TeamMemory) -> None:
    strict, working_on = TransactiveCache(team.agent("c")), TransactiveCache(team.agent("c"), degrade="empty")
    team.close()
    with pytest.raises(StoreClosed):
        strict.lookup("p", "m")
    set_llm_cache(working_on)
    try:
        model: Scripted = scripted("Answer.")
        assert model.invoke("Question?").text == "Answer."
        working_on.clear()
    finally:
        set_llm_cache(None)
    assert working_on.degradations == 3
