"""What happens when the memory fails: by default it raises; told to, the agent works on, and it is marked."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import Memory as ChatMemory
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters, VectorStoreQuery

from tests.integrations.llamaindex.scripted import Script, call
from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.embedding import Vectors
from transactive.errors import AccessDenied, EmbeddingFailed, InvalidInput, StoreClosed
from transactive.testing import HashEmbedder
from transactive_integrations.llamaindex import (
    TransactiveChatStore,
    TransactiveEmbedding,
    TransactiveMemoryBlock,
    TransactiveQueryEngine,
    TransactiveRetriever,
    TransactiveSyncChatStore,
    TransactiveToolSpec,
    TransactiveVectorStore,
    query_engine_tool,
)


class Moody(HashEmbedder):
    """A model that fails when it is told to."""

    fails = False

    def embed_query(self, text: str) -> Vectors:
        if self.fails:
            raise ConnectionError("the model is away")
        return super().embed_query(text)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.fails:
            raise ConnectionError("the model is away")
        return super().embed_documents(texts)


@pytest.fixture
def model() -> Moody:
    return Moody()


@pytest.fixture
def team(model: Moody) -> Iterator[TeamMemory]:
    with opened(clock=Clock(), embedder=model) as team:
        team.agent("ana").publish("The plum cake is sour.")
        yield team


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def test_by_default_a_failing_model_raises(team: TeamMemory, model: Moody) -> None:
    model.fails = True
    ana = team.agent("ana")
    with pytest.raises(EmbeddingFailed):
        TransactiveRetriever(ana).retrieve("plum")
    with pytest.raises(EmbeddingFailed):
        query_engine_tool(ana).call("plum")
    with pytest.raises(EmbeddingFailed):
        asyncio.run(TransactiveMemoryBlock(ana).aget([user("plum")]))
    with pytest.raises(EmbeddingFailed):
        asyncio.run(TransactiveMemoryBlock(ana).aput([user("plum")]))
    with pytest.raises(EmbeddingFailed):
        TransactiveVectorStore(ana).query(VectorStoreQuery(query_str="plum"))
    with pytest.raises(EmbeddingFailed):
        TransactiveVectorStore(ana).add([TextNode(text="plum", embedding=[0.1] * 64)])


def test_told_so_it_answers_by_words_and_says_so(
    team: TeamMemory, model: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    model.fails = True
    retriever = TransactiveRetriever(team.agent("ana"), degrade="text")
    (found,) = retriever.retrieve("plum cake")
    assert found.text == "The plum cake is sour."
    assert "EmbeddingFailed" in found.metadata["degraded"]
    assert retriever.guard.degradations == 1
    assert [r.levelno for r in caplog.records if r.name == "transactive.integrations"] == [logging.WARNING]
    answer = TransactiveQueryEngine(retriever).query("plum cake")
    assert "[1] ana, 2026-05-04: The plum cake is sour." in str(answer)
    assert "(The memory is degraded: this may be incomplete.)" in str(answer)
    assert "EmbeddingFailed" in answer.metadata["degraded"]
    model.fails = False
    (found,) = retriever.retrieve("plum cake")
    assert "degraded" not in found.metadata
    assert retriever.guard.degradations == 2


def test_told_so_it_answers_nothing_and_the_agent_works_on(team: TeamMemory, model: Moody) -> None:
    model.fails = True
    ana = team.agent("ana")
    block = TransactiveMemoryBlock(ana, degrade="empty")
    spec = TransactiveToolSpec(ana, degrade="empty")
    llm = Script(call("recall", query="plum"), call("remember", text="The plum cake is sweet."), "I go on.")
    agent = FunctionAgent(tools=spec.to_tool_list(), llm=llm)
    memory = ChatMemory.from_defaults(chat_store=TransactiveChatStore(ana), memory_blocks=[block])

    async def run() -> str:
        return str(await agent.run("How is the plum cake?", memory=memory))

    assert asyncio.run(run()) == "I go on."
    assert "(The memory is degraded: this may be incomplete.)" in llm.seen(0)  # the block, in the prompt
    assert "(The memory is degraded: this may be incomplete.)" in llm.seen(1)
    assert "The memory is unavailable: not remembered." in llm.seen(2)
    assert block.guard.degradations >= 1
    assert spec.guard.degradations == 2


def test_after_the_store_is_closed(team: TeamMemory, caplog: pytest.LogCaptureFixture) -> None:
    ana = team.agent("ana")
    adapters: list[Any] = [
        TransactiveRetriever(ana, degrade="text"),
        TransactiveMemoryBlock(ana, degrade="text"),
        TransactiveChatStore(ana, degrade="empty"),
        TransactiveSyncChatStore(ana, degrade="empty"),
        TransactiveVectorStore(ana, degrade="empty"),
        TransactiveToolSpec(ana, degrade="empty"),
    ]
    retriever, block, chats, older, store, spec = adapters
    strict: list[Any] = [TransactiveRetriever(ana), TransactiveChatStore(ana), TransactiveVectorStore(ana)]
    team.close()
    only = MetadataFilters(filters=[MetadataFilter(key="x", value="y", operator="text_match")])

    async def run() -> None:
        assert await block.aput([user("plum")]) is None
        assert [content.text[:24] for content in await block.aget([user("plum")])] == ["(The memory is degraded:"]
        await chats.add_message("s", user("plum"))
        await chats.set_messages("s", [user("plum")])
        await chats.delete_messages("s")
        assert await chats.get_messages("s") == []
        assert await chats.count_messages("s") == 0
        assert await chats.archive_oldest_messages("s", 1) == []
        assert await chats.delete_message("s", 0) is None
        assert await chats.get_keys() == []
        with pytest.raises(StoreClosed):
            await strict[1].get_messages("s")

    asyncio.run(run())
    assert retriever.retrieve("plum") == []
    older.add_message("s", user("plum"))
    assert older.get_messages("s") == []
    assert older.delete_messages("s") is None
    assert store.query(VectorStoreQuery(query_str="plum", filters=only)).nodes == []
    assert store.get_nodes(filters=only) == []
    store.delete_nodes(filters=only)
    store.add([TextNode(text="plum")])
    assert spec.forget("x") == "The memory is unavailable: nothing was forgotten."
    assert [adapter.guard.degradations for adapter in adapters] == [1, 2, 8, 3, 4, 1]
    assert len(caplog.records) >= 19
    assert "plum" not in caplog.text  # no word of a memory in the log
    for failing in (lambda: strict[0].retrieve("plum"), strict[2].get_nodes, strict[2].clear):
        with pytest.raises(StoreClosed):
            failing()


def test_bad_input_and_denied_access_raise_whatever_was_told(team: TeamMemory) -> None:
    ana = team.agent("ana")
    with pytest.raises(InvalidInput):
        TransactiveRetriever(ana, degrade="empty").retrieve(" ")
    with pytest.raises(AccessDenied):
        TransactiveVectorStore(ana, namespace="agents/ben", degrade="empty").add([TextNode(text="plum")])
    with pytest.raises(AccessDenied):
        asyncio.run(TransactiveChatStore(ana, namespace="agents/ben", degrade="empty").add_message("s", user("plum")))
    with pytest.raises(InvalidInput, match="degrade"):
        TransactiveRetriever(ana, degrade="maybe")  # type: ignore[arg-type]


def test_a_query_whose_vector_is_there_already_needs_no_model(team: TeamMemory, model: Moody) -> None:
    store = TransactiveVectorStore(team.agent("ana"))
    store.add([TextNode(id_="n", text="plum cake")])
    vector = TransactiveEmbedding(team).get_query_embedding("plum")
    model.fails = True
    assert store.query(VectorStoreQuery(query_str="plum", query_embedding=vector)).ids == ["n"]
