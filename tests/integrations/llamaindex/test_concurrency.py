"""A hundred tasks at once on one of each: nothing is lost, nobody sees another's, and the loop goes on."""

import asyncio
import re
import threading
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import Memory as ChatMemory
from llama_index.core.schema import TextNode
from llama_index.core.storage.chat_store.base_db import MessageStatus

from tests.integrations.llamaindex.scripted import Script, call
from tests.team.stores import START, opened
from transactive import TeamMemory
from transactive.testing import HashEmbedder
from transactive_integrations.llamaindex import (
    TransactiveChatStore,
    TransactiveEmbedding,
    TransactiveMemoryBlock,
    TransactiveRetriever,
    TransactiveToolSpec,
    TransactiveVectorStore,
    query_engine_tool,
)

TASKS = 100


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def test_a_hundred_agents_with_their_memories_on_one_store(team: TeamMemory) -> None:
    """Each runs LlamaIndex's own loop: a chat store, a block and tools, on handles of one agent, one user each."""

    async def run(number: int) -> str:
        ana = team.agent("ana", user=f"user-{number}")
        llm = Script(
            call("remember", text=f"The locker code of guest{number} is code{number:03d}."),
            call("recall", query="What is the locker code?"),
            f"It is code{number:03d}.",
        )
        memory = ChatMemory.from_defaults(
            session_id="same-id",
            chat_store=TransactiveChatStore(ana),
            memory_blocks=[TransactiveMemoryBlock(ana)],
        )
        agent = FunctionAgent(tools=TransactiveToolSpec(ana).to_tool_list(), llm=llm)
        answer = str(await agent.run(f"I am guest{number}.", memory=memory))
        assert set(re.findall(r"code\d{3}", llm.seen(2))) == {f"code{number:03d}"}
        assert set(re.findall(r"guest\d+", llm.seen(2))) == {f"guest{number}"}
        assert len(await memory.aget_all()) == 6
        return answer

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*map(run, range(TASKS)))

    assert asyncio.run(all_of_them()) == [f"It is code{number:03d}." for number in range(TASKS)]
    assert team.count({"agent": "ana"}) == TASKS


def test_a_hundred_tasks_on_one_chat_store_lose_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "store", embedder=HashEmbedder()) as team:
        store = TransactiveChatStore(team.agent("ana"))

        async def talk(number: int) -> None:
            key = f"session-{number % 10}"
            for turn in range(3):
                await store.add_message(key, user(f"{number}/{turn}"))
            await store.archive_oldest_messages(key, 1)
            await store.get_messages(key)

        async def run() -> None:
            await asyncio.gather(*map(talk, range(TASKS)))

        asyncio.run(run())
    with opened(tmp_path / "store", embedder=HashEmbedder()) as team:
        store = TransactiveChatStore(team.agent("ana"))

        async def read() -> None:
            found = []
            for number in range(10):
                key = f"session-{number}"
                everything = await store.get_messages(key, None)
                archived = await store.count_messages(key, MessageStatus.ARCHIVED)
                assert (len(everything), archived) == (30, 10)
                found += [str(message.content) for message in everything]
                for speaker in range(number, TASKS, 10):  # each one's turns in its order
                    said = [str(m.content) for m in everything if str(m.content).startswith(f"{speaker}/")]
                    assert said == [f"{speaker}/{turn}" for turn in range(3)]
            assert len(set(found)) == 3 * TASKS

        asyncio.run(read())


def test_a_hundred_tasks_write_and_search_one_vector_store_and_retriever(team: TeamMemory) -> None:
    ana = team.agent("ana")
    store = TransactiveVectorStore(ana)
    index = VectorStoreIndex.from_vector_store(store, embed_model=TransactiveEmbedding(ana))
    retriever = TransactiveRetriever(ana, similarity_top_k=1)
    tool = query_engine_tool(ana)

    async def work(number: int) -> None:
        await index.ainsert_nodes([TextNode(id_=f"n{number}", text=f"plum number{number} is sour")])
        (found,) = await index.as_retriever(similarity_top_k=1).aretrieve(f"plum number{number}")
        assert found.node.node_id == f"n{number}"
        (hit,) = await retriever.aretrieve(f"number{number}")
        assert f"number{number} " in hit.text
        assert f"number{number} " in str((await tool.acall(f"number{number}")).content)
        if number % 2:
            await store.adelete_nodes([f"n{number}"])

    async def run() -> None:
        await asyncio.gather(*map(work, range(TASKS)))

    asyncio.run(run())
    assert {node.node_id for node in store.get_nodes()} == {f"n{number}" for number in range(0, TASKS, 2)}


def test_nothing_that_is_awaited_blocks_the_loop() -> None:
    """The store asks its clock for the time whenever it works, and never in the thread of the loop."""
    threads: list[int] = []

    def clock() -> datetime:
        threads.append(threading.get_ident())
        return START

    with opened(clock=clock, embedder=HashEmbedder()) as team:
        ana = team.agent("ana")
        store, chats, block = TransactiveVectorStore(ana), TransactiveChatStore(ana), TransactiveMemoryBlock(ana)
        index = VectorStoreIndex.from_vector_store(store, embed_model=TransactiveEmbedding(ana))
        spec = TransactiveToolSpec(ana)

        async def run() -> int:
            await index.ainsert_nodes([TextNode(id_="n", text="plum")])
            await index.as_retriever().aretrieve("plum")
            await store.aget_nodes(["n"])
            await store.adelete_nodes(["n"])
            await store.adelete("d")
            await store.aclear()
            for message in (user("plum"), user("pear")):
                await chats.add_message("s", message)
            await chats.set_messages("s", [user("plum"), user("pear")])
            await chats.get_messages("s")
            await chats.count_messages("s")
            await chats.archive_oldest_messages("s", 1)
            await chats.delete_oldest_messages("s", 1)
            await chats.delete_message("s", 0)
            await chats.delete_messages("s")
            await chats.get_keys()
            await block.aput([user("plum")], session_id="s")
            await block.aget([user("plum")], session_id="s")
            await block.amessage("x")
            await TransactiveRetriever(ana).aretrieve("plum")
            await query_engine_tool(ana).acall("plum")
            await spec.aforget((await spec.aremember("pear")).removeprefix("Remembered, with id ")[:-1])
            await spec.arecall("plum")
            return threading.get_ident()

        threads.clear()
        loop = asyncio.run(run())
        assert len(threads) > 20
        assert loop not in threads
