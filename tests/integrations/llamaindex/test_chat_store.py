"""The chat stores: messages come back exactly, in order, as LlamaIndex's own SQL store would give them."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_index.core")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.memory import Memory as ChatMemory
from llama_index.core.schema import ImageDocument
from llama_index.core.storage.chat_store import BaseChatStore
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore

from transactive import TeamMemory
from transactive.errors import InvalidInput
from transactive_integrations.llamaindex import TransactiveChatStore, TransactiveSyncChatStore

ACTIVE, ARCHIVED = MessageStatus.ACTIVE, MessageStatus.ARCHIVED
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452ff")


def message(text: str, role: str = "user") -> ChatMessage:
    return ChatMessage(role=role, content=text)


def contents(messages: list[ChatMessage]) -> list[str | None]:
    return [message.content for message in messages]


@pytest.fixture
def store(team: TeamMemory) -> TransactiveChatStore:
    return TransactiveChatStore(team.agent("ana"))


def test_they_are_chat_stores(team: TeamMemory) -> None:
    assert isinstance(TransactiveChatStore(team), AsyncDBChatStore)
    assert isinstance(TransactiveSyncChatStore(team), BaseChatStore)
    memory = ChatMemory.from_defaults(chat_store=TransactiveChatStore(team.agent("ana")))
    assert isinstance(memory.sql_store, TransactiveChatStore)
    buffer = ChatMemoryBuffer.from_defaults(chat_store=TransactiveSyncChatStore(team.agent("ana")))
    assert buffer.to_dict()["chat_store"]["class_name"] == "TransactiveSyncChatStore"


# --- exactly as they were ---------------------------------------------------------------------------------------------

MESSAGES = {
    "plain": message("Hello."),
    "no content": ChatMessage(role="assistant"),
    "empty content": message(""),
    "odd text": message("NUL \x00, surrogate \ud800, 東京, \n\t'\""),
    "every role": ChatMessage(role=MessageRole.CHATBOT, blocks=[TextBlock(text="one"), TextBlock(text="two")]),
    "image bytes": ChatMessage(blocks=[TextBlock(text="see"), ImageBlock(image=PNG, detail="high")]),
    "image url": ChatMessage(blocks=[ImageBlock(url="https://example.com/cat.png")]),
    "audio": ChatMessage(blocks=[AudioBlock(audio=b"ID3\x00\xff", format="mp3")]),
    "video": ChatMessage(blocks=[VideoBlock(video=b"\x00\x00\x00\x18ftypmp42\xff", fps=2)]),
    "document": ChatMessage(blocks=[DocumentBlock(data=b"%PDF-1.4 \xff\x00", title="a.pdf")]),
    "thinking": ChatMessage(
        role="assistant",
        blocks=[ThinkingBlock(content="hm", num_tokens=3, additional_information={"signature": "x"})],
    ),
    "tool call": ChatMessage(
        role="assistant",
        blocks=[
            TextBlock(text="I look."),
            ToolCallBlock(tool_call_id="1", tool_name="look", tool_kwargs={"at": {"x": [1, 2.5, None, True]}}),
            ToolCallBlock(tool_call_id=None, tool_name="raw", tool_kwargs='{"unfinished": '),
        ],
    ),
    "tool answer": ChatMessage(role="tool", content="5 ms", additional_kwargs={"tool_call_id": "1", "n": {"m": [1]}}),
    "provider's tool calls": ChatMessage(
        role="assistant",
        additional_kwargs={"tool_calls": [{"id": "1", "function": {"name": "look", "arguments": "{}"}}]},
    ),
    "citable": ChatMessage(
        blocks=[CitableBlock(title="t", source="s", content=[TextBlock(text="x"), DocumentBlock(data=b"\xff%PDF")])]
    ),
    "citation": ChatMessage(
        blocks=[
            CitationBlock(
                cited_content=TextBlock(text="x"), source="s", title="t", additional_location_info={"start": 1}
            )
        ]
    ),
    "cache point": ChatMessage(blocks=[TextBlock(text="x"), CachePoint(cache_control=CacheControl(type="ephemeral"))]),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_comes_back_as_it_was(team: TeamMemory, name: str) -> None:
    sent = MESSAGES[name]
    before = sent.model_copy(deep=True)
    store, older = TransactiveChatStore(team.agent("ana")), TransactiveSyncChatStore(team.agent("ana"))

    async def run() -> list[ChatMessage]:
        await store.add_message("s", sent)
        return await store.get_messages("s")

    assert asyncio.run(run()) == [before]
    assert older.get_messages("s") == [before]
    assert sent == before


def test_a_stream_is_kept_by_what_it_holds(store: TransactiveChatStore) -> None:
    sent = ChatMessage(blocks=[ImageBlock(image=BytesIO(PNG)), AudioBlock(audio=BytesIO(b"ID3\xff"), format="mp3")])

    async def run() -> ChatMessage:
        await store.add_message("s", sent)
        return (await store.get_messages("s"))[0]

    back = asyncio.run(run())
    assert back.blocks[0].resolve_image().read() == PNG
    assert back.blocks[1].resolve_audio().read() == b"ID3\xff"
    assert back.blocks[1].format == "mp3"


def test_a_message_can_be_read_when_its_file_is_gone(store: TransactiveChatStore, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(PNG)
    sent = ChatMessage(blocks=[TextBlock(text="see"), ImageBlock(path=picture)])

    async def run() -> list[ChatMessage]:
        await store.add_message("s", sent)
        picture.unlink()
        return await store.get_messages("s")

    assert asyncio.run(run()) == [sent]


def test_images_in_the_older_form_come_back_once(store: TransactiveChatStore) -> None:
    sent = ChatMessage(content="see", additional_kwargs={"images": [ImageDocument(image=PNG)]})
    assert len(sent.blocks) == 2

    async def run() -> list[ChatMessage]:
        await store.add_message("s", sent)
        return await store.get_messages("s")

    (back,) = asyncio.run(run())
    assert back.blocks == sent.blocks
    assert [image.resolve_image().read() for image in back.additional_kwargs["images"]] == [PNG]


def test_what_json_cannot_hold_is_refused_and_nothing_is_written(store: TransactiveChatStore) -> None:
    bad = ChatMessage(content="x", additional_kwargs={"object": object()})

    async def run() -> int:
        with pytest.raises(InvalidInput, match="JSON"):
            await store.add_messages("s", [message("good"), bad])
        return await store.count_messages("s", None)

    assert asyncio.run(run()) == 0


# --- as the SQL store of LlamaIndex does it ---------------------------------------------------------------------------

Act = Callable[[AsyncDBChatStore], Awaitable[Any]]
KEYS = st.sampled_from(["s", "t", "a/b", "", ".", "-", "=odd", "é", "x" * 300])
STATUS = st.sampled_from([ACTIVE, ARCHIVED, None])
COUNTS = st.integers(0, 4)
TEXTS = st.lists(st.sampled_from("abcdef"), max_size=3)


def adding(key: str, texts: list[str], status: MessageStatus) -> Act:
    return lambda store: store.add_messages(key, [message(text) for text in texts], status)


def setting(key: str, texts: list[str]) -> Act:
    return lambda store: store.set_messages(key, [message(text) for text in texts])


ACTS: st.SearchStrategy[tuple[str, Act]] = st.one_of(
    st.tuples(st.just("add"), st.builds(adding, KEYS, TEXTS.filter(bool), st.sampled_from([ACTIVE, ARCHIVED]))),
    st.tuples(st.just("set"), st.builds(setting, KEYS, TEXTS)),
    st.tuples(st.just("archive"), st.builds(lambda k, n: lambda s: s.archive_oldest_messages(k, n), KEYS, COUNTS)),
    st.tuples(st.just("take"), st.builds(lambda k, n: lambda s: s.delete_oldest_messages(k, n), KEYS, COUNTS)),
    st.tuples(st.just("delete"), st.builds(lambda k, status: lambda s: s.delete_messages(k, status), KEYS, STATUS)),
    st.tuples(
        st.just("get"),
        st.builds(
            lambda k, status, limit, offset: lambda s: s.get_messages(k, status, limit, offset),
            KEYS,
            STATUS,
            st.one_of(st.none(), COUNTS),
            st.one_of(st.none(), COUNTS),
        ),
    ),
    st.tuples(st.just("count"), st.builds(lambda k, status: lambda s: s.count_messages(k, status), KEYS, STATUS)),
)


async def compared(ours: AsyncDBChatStore, acts: list[tuple[str, Act]]) -> None:
    theirs = SQLAlchemyChatStore(table_name="messages")
    try:
        for name, act in acts:
            said, expected = await act(ours), await act(theirs)
            assert said == expected, name
            assert sorted(await ours.get_keys()) == sorted(await theirs.get_keys())
        for key in await theirs.get_keys():
            for status in (ACTIVE, ARCHIVED, None):
                assert await ours.get_messages(key, status) == await theirs.get_messages(key, status)
    finally:
        if theirs._async_engine is not None:
            await theirs._async_engine.dispose()


def test_it_answers_as_the_sql_store_does(team: TeamMemory) -> None:
    agents = count()

    @settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(acts=st.lists(ACTS, max_size=8))
    def check(acts: list[tuple[str, Act]]) -> None:
        asyncio.run(compared(TransactiveChatStore(team.agent(f"agent {next(agents)}")), acts))

    check()


def test_messages_stay_in_the_order_of_the_calls(store: TransactiveChatStore) -> None:
    async def run() -> list[str | None]:
        await asyncio.gather(*(store.add_message("s", message(str(number))) for number in range(100)))
        return contents(await store.get_messages("s"))

    assert asyncio.run(run()) == [str(number) for number in range(100)]


def test_one_message_is_deleted_by_its_place(store: TransactiveChatStore) -> None:
    async def run() -> None:
        await store.add_messages("s", [message(text) for text in "abcd"])
        await store.archive_oldest_messages("s", 1)
        assert await store.delete_message("s", 1) == message("b")
        assert contents(await store.get_messages("s", None)) == ["a", "c", "d"]
        assert await store.delete_message("s", -1) == message("d")
        assert await store.delete_message("s", 7) is None
        assert await store.delete_message("absent", 0) is None
        assert contents(await store.get_messages("s", None)) == ["a", "c"]

    asyncio.run(run())


def test_the_synchronous_store_has_the_same_messages(team: TeamMemory) -> None:
    older, newer = TransactiveSyncChatStore(team.agent("ana")), TransactiveChatStore(team.agent("ana"))
    older.set_messages("s", [message(text) for text in "abc"])
    older.add_message("s", message("d"))
    assert contents(asyncio.run(newer.get_messages("s"))) == ["a", "b", "c", "d"]
    assert older.delete_message("s", 1) == message("b")
    assert older.delete_last_message("s") == message("d")
    assert contents(asyncio.run(older.aget_messages("s"))) == ["a", "c"]
    assert older.get_keys() == ["s"]
    assert older.delete_message("s", 9) is None
    assert contents(older.delete_messages("s") or []) == ["a", "c"]
    assert older.delete_messages("s") is None
    assert older.delete_last_message("s") is None
    assert older.get_messages("s") == []
    assert older.get_keys() == []


@pytest.mark.parametrize("key", ["a/b", "", " ", ".", "..", "-", "*", "=x", "e\u0301", "x" * 5000, "\x00", "\ud800"])
def test_any_string_is_a_key(store: TransactiveChatStore, key: str) -> None:
    async def run() -> None:
        await store.add_message("other", message("theirs"))
        await store.add_message(key, message("mine"))
        assert contents(await store.get_messages(key)) == ["mine"]
        assert sorted(await store.get_keys()) == sorted(["other", key])

    asyncio.run(run())


# --- whose they are ---------------------------------------------------------------------------------------------------


def test_chats_are_private_to_the_agent_and_found_by_no_recall(team: TeamMemory) -> None:
    ana, ben = TransactiveChatStore(team.agent("ana")), TransactiveChatStore(team.agent("ben"))

    async def run() -> None:
        await ana.add_message("s", message("the plum safe"))
        assert await ben.get_messages("s") == []
        assert await ben.get_keys() == []
        assert list(team.agent("ana").recall("plum safe")) == []

    asyncio.run(run())


def test_users_have_chats_of_their_own_under_the_same_key(team: TeamMemory) -> None:
    alice = TransactiveChatStore(team.agent("support", user="alice"))
    bob = TransactiveChatStore(team.agent("support", user="bob"))
    nobody = TransactiveChatStore(team.agent("support"))
    dash = TransactiveChatStore(team.agent("support", user="-"))

    async def run() -> None:
        for store, text in ((alice, "alice's"), (bob, "bob's"), (nobody, "nobody's"), (dash, "dash's")):
            await store.add_message("s", message(text))
        for store, text in ((alice, "alice's"), (bob, "bob's"), (nobody, "nobody's"), (dash, "dash's")):
            assert contents(await store.get_messages("s")) == [text]
            assert await store.get_keys() == ["s"]
        await nobody.delete_messages("s")
        assert contents(await alice.get_messages("s")) == ["alice's"]
        await asyncio.to_thread(team.erase, user="alice")
        assert await alice.get_messages("s") == []
        assert contents(await bob.get_messages("s")) == ["bob's"]

    asyncio.run(run())


def test_a_team_shares_a_chat_by_namespace(team: TeamMemory) -> None:
    team.grant("*", "desk/**", "read", "write")
    ana = TransactiveChatStore(team.agent("ana"), namespace="desk")
    ben = TransactiveChatStore(team.agent("ben"), namespace="desk")

    async def run() -> Any:
        await ana.add_message("ticket-1", message("from ana"))
        await ben.add_message("ticket-1", message("from ben"))
        return contents(await ana.get_messages("ticket-1"))

    assert asyncio.run(run()) == ["from ana", "from ben"]


def test_a_setting_that_fails_has_lost_nothing(store: TransactiveChatStore) -> None:
    bad = ChatMessage(content="x", additional_kwargs={"object": object()})

    async def run() -> Any:
        await store.add_messages("s", [message("a"), message("b")])
        with pytest.raises(InvalidInput):
            await store.set_messages("s", [message("c"), bad])
        return contents(await store.get_messages("s"))

    run_: Coroutine[Any, Any, Any] = run()
    assert asyncio.run(run_) == ["a", "b"]
