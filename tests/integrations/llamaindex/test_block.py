"""The memory block: what leaves the short-term memory is recorded, and comes back to whom it belongs to."""

import asyncio
from io import BytesIO
from typing import Any

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core.base.llms.types import ChatMessage, DocumentBlock, ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.memory import BaseMemoryBlock, InsertMethod
from llama_index.core.memory import Memory as ChatMemory
from llama_index.core.memory.memory_blocks import StaticMemoryBlock

from tests.team.stores import Clock, opened, texts
from transactive import Extracted, TeamMemory
from transactive.errors import AccessDenied, InvalidFilter, InvalidInput
from transactive.testing import HashEmbedder
from transactive_integrations.llamaindex import TransactiveChatStore, TransactiveMemoryBlock

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452ff")


def user(text: str, **noted: Any) -> ChatMessage:
    return ChatMessage(role="user", content=text, additional_kwargs=noted)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=text)


async def shown(block: TransactiveMemoryBlock, question: str, **kwargs: Any) -> list[str]:
    """The texts that a question brings back."""
    return [content.text for content in await block.aget([user(question)], **kwargs)]


def test_it_is_a_memory_block(team: TeamMemory) -> None:
    block = TransactiveMemoryBlock(team.agent("ana"))
    assert isinstance(block, BaseMemoryBlock)
    assert (block.name, block.priority, block.accept_short_term_memory) == ("Memory", 1, True)
    assert "_agent" not in block.model_dump()


def test_what_overflows_the_short_term_memory_is_recorded_and_recalled(team: TeamMemory) -> None:
    ana = team.agent("ana", user="alice")
    block = TransactiveMemoryBlock(ana, similarity_top_k=3)

    async def run() -> list[ChatMessage]:
        memory = ChatMemory.from_defaults(
            session_id="s1",
            token_limit=150,
            token_flush_size=30,
            chat_store=TransactiveChatStore(ana),
            memory_blocks=[block],
        )
        await memory.aput_messages([user("My locker code is 4711."), assistant("I note it.")])
        for day in range(20):
            await memory.aput_messages([user(f"On day {day} the weather was fine."), assistant("Indeed.")])
        return await memory.aget(input="What is my locker code?")

    found = asyncio.run(run())
    assert found[0].role == "system"
    assert "<Memory>" in str(found[0].content)
    assert "ana (quoting user), 2026-05-04: My locker code is 4711." in str(found[0].content)
    (first, *_rest) = ana.recall("locker code", limit=1)
    assert (first.memory.session, first.memory.user, first.memory.kind) == ("s1", "alice", "episodic")
    assert first.memory.metadata["role"] == "user"
    assert first.memory.namespace == "agents/ana"


def test_messages_are_recorded_with_their_roles_and_are_not_changed(team: TeamMemory) -> None:
    ana = team.agent("ana")
    said = [
        ChatMessage(role="system", content="You are helpful."),
        user("The plum cake is sour."),
        ChatMessage(
            role="assistant",
            blocks=[
                TextBlock(text="I look."),
                ToolCallBlock(tool_call_id="1", tool_name="look", tool_kwargs={"at": "cake"}),
            ],
        ),
        ChatMessage(role="tool", content="It is sour.", additional_kwargs={"tool_call_id": "1"}),
        ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name="sweeten", tool_kwargs={"spoons": 2})]),
        ChatMessage(role="assistant", blocks=[]),
    ]
    before = [message.model_copy(deep=True) for message in said]
    asyncio.run(TransactiveMemoryBlock(ana).aput(said, from_short_term_memory=True, session_id="s1"))
    assert said == before  # the base class writes the session into them
    recorded = ana.transcript("s1")
    assert [(m.metadata["role"], m.text) for m in recorded] == [
        ("user", "The plum cake is sour."),
        ("assistant", "I look."),
        ("tool", "It is sour."),
        ("assistant", 'calls sweeten({"spoons": 2})'),
    ]
    assert recorded[1].metadata["tool_calls"] == [{"name": "look", "args": {"at": "cake"}}]
    assert {m.session for m in recorded} == {"s1"}


def test_a_block_that_takes_nothing_from_the_short_term_memory(team: TeamMemory) -> None:
    ana = team.agent("ana")
    block = TransactiveMemoryBlock(ana, accept_short_term_memory=False)
    asyncio.run(block.aput([user("Overflow.")], from_short_term_memory=True, session_id="s1"))
    assert ana.count() == 0
    asyncio.run(block.aput([user("Handed over.")], session_id="s1"))
    assert texts(ana.list()) == ["Handed over."]


def test_it_records_where_it_is_told_to(team: TeamMemory) -> None:
    block = TransactiveMemoryBlock(team.agent("ana"), namespace="team/shared")
    asyncio.run(block.aput([user("The plum cake is sour.")], session_id="s1"))
    (hit,) = team.agent("ben").recall("plum cake")
    assert (hit.memory.agent, hit.memory.session) == ("ana", "s1")
    denied = TransactiveMemoryBlock(team.agent("ana"), namespace="agents/ben", degrade="empty")
    with pytest.raises(AccessDenied):
        asyncio.run(denied.aput([user("Into your private namespace.")]))


# --- who sees what ----------------------------------------------------------------------------------------------------


def test_a_session_sees_its_own_and_the_teams_but_never_another_ones(team: TeamMemory) -> None:
    ana = team.agent("ana")
    block = TransactiveMemoryBlock(ana)
    team.agent("ben").publish("Pins have four digits.")

    async def run() -> None:
        await block.aput([user("Alice's pin is 1234.")], session_id="alice")
        await block.aput([user("Bob's pin is 5678.")], session_id="bob")
        for _ in range(2):  # in any order, however often
            for name, pin in (("alice", "1234"), ("bob", "5678")):
                found = "\n".join(await shown(block, "What is the pin?", session_id=name))
                assert pin in found
                assert "four digits" in found
                assert {"1234", "5678"} & set(found.replace(".", " ").split()) == {pin}
        assert await shown(block, "What is the pin?", session_id="new") == ["ben, 2026-05-04: Pins have four digits."]
        assert await shown(block, "What is the pin?") == ["ben, 2026-05-04: Pins have four digits."]

    asyncio.run(run())


def test_across_sessions_a_user_sees_what_is_about_that_user_alone(team: TeamMemory) -> None:
    support = team.agent("support")
    block = TransactiveMemoryBlock(support, across="user", similarity_top_k=10)

    async def run() -> None:
        await block.aput([user("Alice's pin is 1234.", user_id="alice")], session_id="a1")
        await block.aput([user("Alice's other pin is 4321.", user_id="alice")], session_id="a2")
        await block.aput([user("Bob's pin is 5678.", user_id="bob")], session_id="b1")
        await block.aput([user("Nobody's pin is 9999.")], session_id="n1")
        found = await shown(block, "pin", session_id="a3", user_id="alice")
        assert sorted(line.split()[-1] for line in found) == ["1234.", "4321."]
        assert [line.split()[-1] for line in await shown(block, "pin", session_id="b1", user_id="bob")] == ["5678."]
        with pytest.raises(InvalidInput, match="needs a user"):
            await shown(block, "pin", session_id="a1")

    asyncio.run(run())
    assert {memory.user for memory in support.list()} == {"alice", "bob", None}


def test_a_handle_bound_to_a_user_stays_with_that_user(team: TeamMemory) -> None:
    alice = TransactiveMemoryBlock(team.agent("support", user="alice"), across="all")
    bob = TransactiveMemoryBlock(team.agent("support", user="bob"), across="all")

    async def run() -> None:
        await alice.aput([user("Alice's pin is 1234.")], session_id="s")
        assert await shown(bob, "pin", session_id="s") == []
        assert len(await shown(alice, "pin", session_id="other")) == 1
        with pytest.raises(AccessDenied):
            await shown(bob, "pin", user_id="alice")
        with pytest.raises(AccessDenied):
            await bob.aput([user("I am Alice.", user_id="alice")])

    asyncio.run(run())


def test_a_filter_of_the_blocks_own_holds_with_that_of_the_call(team: TeamMemory) -> None:
    ana = team.agent("ana")
    where = {"tags": "pin"}
    block = TransactiveMemoryBlock(ana, where=where, kinds=["semantic"])
    ana.remember("The first pin is 1234.", tags=["pin"], session="s", kind="semantic")
    ana.remember("The second pin is 5678.", session="s", kind="semantic")
    ana.remember("The third pin is 9999.", tags=["pin"], session="t", kind="semantic")
    assert [line[-5:] for line in asyncio.run(shown(block, "pin", session_id="s"))] == ["1234."]
    assert [line[-5:] for line in asyncio.run(shown(block, "pin", session_id="t"))] == ["9999."]
    assert where == {"tags": "pin"}
    with pytest.raises(InvalidFilter):
        asyncio.run(shown(TransactiveMemoryBlock(ana, where={"colour": 1}, degrade="empty"), "pin"))


def test_it_asks_with_the_users_last_words(team: TeamMemory) -> None:
    ana = team.agent("ana")
    ana.remember_many(["The plum cake is sour.", "The locker code is 4711."])
    block = TransactiveMemoryBlock(ana, similarity_top_k=1)

    async def asked(*messages: ChatMessage) -> list[str]:
        return [content.text[-7:] for content in await block.aget(list(messages))]

    async def run() -> None:
        assert (await asked(user("locker code?"), assistant("the plum cake")))[0].endswith("4711.")
        assert (await asked(assistant("the plum cake")))[0].endswith("sour.")
        assert await block.aget([]) == []
        assert await block.aget(None) == []
        assert await block.aget([user("   ")]) == []
        assert await block.aget([ChatMessage(role="user", blocks=[ImageBlock(image=PNG)])]) == []

    asyncio.run(run())


# --- truncation -------------------------------------------------------------------------------------------------------


def test_truncated_it_keeps_the_best(team: TeamMemory) -> None:
    block = TransactiveMemoryBlock(team.agent("ana"), tokenizer_fn=str.split)
    content = [TextBlock(text=f"{word} is of five words") for word in ("best", "good", "fair", "poor")]

    async def kept(tokens: int) -> list[str] | None:
        left = await block.atruncate(content, tokens)
        return left and [item.text.split()[0] for item in left]

    assert asyncio.run(kept(0)) == ["best", "good", "fair", "poor"]
    assert asyncio.run(kept(1)) == ["best", "good", "fair"]
    assert asyncio.run(kept(5)) == ["best", "good", "fair"]
    assert asyncio.run(kept(6)) == ["best", "good"]
    assert asyncio.run(kept(20)) is None
    assert asyncio.run(kept(1000)) is None
    assert len(content) == 4


def test_within_a_memory_that_is_full_the_best_stay_in_the_prompt(team: TeamMemory) -> None:
    """LlamaIndex's default drops the whole block."""
    ana = team.agent("ana")
    ana.remember("The locker code of the bicycle cellar is 4711.")
    ana.remember_many([f"A locker of type {n} has many uses and is rather heavy to carry about." for n in range(9)])

    async def run(*blocks: Any) -> str:
        memory = ChatMemory.from_defaults(
            session_id="s", token_limit=100, chat_store=TransactiveChatStore(ana), memory_blocks=list(blocks)
        )
        await memory.aput(user("What is the locker code of the bicycle cellar?"))
        (system, *_rest) = await memory.aget()
        return str(system.content)

    said = asyncio.run(run(TransactiveMemoryBlock(ana, similarity_top_k=10)))
    assert "4711" in said
    assert said.count("rather heavy") in range(1, 9)
    always = StaticMemoryBlock(name="rules", static_content="Be polite.", priority=0)
    both = asyncio.run(run(TransactiveMemoryBlock(ana, similarity_top_k=10), always))
    assert "Be polite." in both
    assert "4711" in both


def test_it_may_be_inserted_into_the_users_message(team: TeamMemory) -> None:
    ana = team.agent("ana")
    ana.remember("The locker code is 4711.")

    async def run() -> list[ChatMessage]:
        memory = ChatMemory.from_defaults(
            session_id="s",
            chat_store=TransactiveChatStore(ana),
            memory_blocks=[TransactiveMemoryBlock(ana)],
            insert_method=InsertMethod.USER,
        )
        await memory.aput(user("What is the locker code?"))
        await memory.aget()
        return await memory.aget()

    (message,) = asyncio.run(run())
    assert str(message.content).count("4711") == 1  # nothing piles up


# --- more than words --------------------------------------------------------------------------------------------------


def test_an_image_is_kept_and_referenced(team: TeamMemory) -> None:
    ana = team.agent("ana", user="alice")
    block = TransactiveMemoryBlock(ana)
    sent = ChatMessage(
        role="user",
        blocks=[
            TextBlock(text="This is my bicycle."),
            ImageBlock(image=PNG, detail="low"),
            DocumentBlock(data=BytesIO(b"%PDF-1.4 \xff\x00"), title="invoice.pdf"),
        ],
    )

    async def run() -> ChatMessage | None:
        for _ in range(2):  # the same message twice is recorded once
            await block.aput([sent], session_id="s")
        (found,) = await shown(block, "my bicycle", session_id="s")
        assert found == "ana (quoting user), 2026-05-04: This is my bicycle.\n[image]\n[document: invoice.pdf]"
        (hit,) = ana.recall("bicycle")
        return await block.amessage(hit.memory.metadata["message_id"])

    back = asyncio.run(run())
    assert back is not None
    assert back.blocks[:2] == sent.blocks[:2]
    assert back.blocks[1].resolve_image().read() == PNG
    assert back.blocks[2].resolve_document().read() == b"%PDF-1.4 \xff\x00"
    assert asyncio.run(block.amessage("no such id")) is None
    other = TransactiveMemoryBlock(team.agent("ana", user="bob"))
    assert asyncio.run(other.amessage(ana.recall("bicycle")[0].memory.metadata["message_id"])) is None


def test_an_image_without_words_is_kept_as_well(team: TeamMemory) -> None:
    ana = team.agent("ana")
    asyncio.run(TransactiveMemoryBlock(ana).aput([ChatMessage(role="user", blocks=[ImageBlock(image=PNG)])]))
    (memory,) = ana.list()
    assert memory.text == "[image]"
    (document,) = ana.documents.list("agents/ana")
    assert document.key == "message:" + memory.metadata["message_id"]


def test_what_else_a_message_says_is_kept_with_it(team: TeamMemory) -> None:
    ana = team.agent("ana")
    block = TransactiveMemoryBlock(ana)
    sent = user("It is sour.", user_id="alice", rating={"stars": 1, "by": ["alice"]})
    asyncio.run(block.aput([sent, user("Plain.", user_id="alice", session_id="s", tool_call_id="1")], session_id="s"))
    plain, rated = sorted(ana.list(), key=lambda memory: len(memory.metadata))
    assert (plain.text, plain.metadata) == ("Plain.", {"role": "user"})
    assert asyncio.run(block.amessage(rated.metadata["message_id"], user_id="alice")) == sent
    assert asyncio.run(block.amessage(rated.metadata["message_id"], user_id="bob")) is None


def test_facts_are_extracted_from_what_is_recorded_and_seen_in_every_session() -> None:
    """With an extractor the block feeds it: what it finds belongs to no session, and to the user."""

    def extract(turns: Any) -> list[Extracted]:
        return [Extracted(text="Alice likes plum cake.", kind="preference")]

    with opened(embedder=HashEmbedder(), extractor=extract, clock=Clock()) as team:
        support = team.agent("support", user="alice")
        block = TransactiveMemoryBlock(support)
        asyncio.run(block.aput([user("I adore cake with plums.")], session_id="s1"))
        assert support.wait(timeout=30)
        assert asyncio.run(shown(block, "cake", session_id="s2")) == ["support, 2026-05-04: Alice likes plum cake."]
        bob = TransactiveMemoryBlock(team.agent("support", user="bob"))
        assert asyncio.run(shown(bob, "cake", session_id="s1")) == []
        everybody = TransactiveMemoryBlock(team.agent("support"))  # bound to nobody: with each call to one, or to none
        assert asyncio.run(shown(everybody, "cake", session_id="s2")) == []
        assert len(asyncio.run(shown(everybody, "cake", session_id="s2", user_id="alice"))) == 1
        assert asyncio.run(shown(everybody, "cake", session_id="s2", user_id="bob")) == []
