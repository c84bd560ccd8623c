"""What is added comes back as it was, with its author; what is private stays private; what fails says so."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("autogen_core")
pytest.importorskip("autogen_agentchat")
pytest.importorskip("autogen_ext")

from autogen_core import CancellationToken, ComponentBase, Image
from autogen_core.memory import Memory, MemoryContent, MemoryMimeType
from autogen_core.model_context import UnboundedChatCompletionContext
from autogen_core.models import UserMessage
from PIL import Image as Pillow

from tests.integrations.autogen.scripted import assistant, given, memories, text
from tests.team.stores import opened, small_embedder
from transactive import Agent, TeamMemory
from transactive.errors import AccessDenied, EmbeddingFailed, InvalidFilter, InvalidInput, InvalidNamespace, StoreClosed
from transactive.testing import HashEmbedder
from transactive_integrations.autogen import TransactiveMemory


async def found(memory: TransactiveMemory, query: str = "Oslo office", **options: Any) -> list[MemoryContent]:
    results: list[MemoryContent] = (await memory.query(query, **options)).results
    return results


async def contents(memory: TransactiveMemory, query: str = "Oslo office") -> list[object]:
    return [result.content for result in await found(memory, query)]


def picture() -> Image:
    pixels = bytes(range(0, 240, 10))
    return Image(Pillow.frombytes("RGB", (4, 2), pixels))


def test_it_is_autogens_memory(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    assert isinstance(memory, Memory)
    assert isinstance(memory, ComponentBase)
    assert memory.component_type == "memory"


# --- what is added comes back -----------------------------------------------------------------------------------------


async def test_text_comes_back_with_score_and_author(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer", session="s-1", app="desk"))
    await memory.add(text("The Oslo office opens at nine.", topic="offices", floor=3))
    [result] = await found(memory)
    assert result.content == "The Oslo office opens at nine."
    assert result.mime_type == MemoryMimeType.TEXT
    assert result.metadata is not None
    said = result.metadata
    assert (said["topic"], said["floor"]) == ("offices", 3)
    assert (said["author"], said["namespace"], said["session"], said["app"]) == (
        "writer",
        "agents/writer",
        "s-1",
        "desk",
    )
    assert 0 < said["score"] <= 1
    assert said["similarity"] > 0
    assert said["id"] == team.list()[0].uid
    assert said["kind"] == "episodic"
    assert "user" not in said
    json.dumps(said)


@pytest.mark.parametrize("mime", [MemoryMimeType.MARKDOWN, MemoryMimeType.JSON, "text/x-log"])
async def test_the_kind_of_text_comes_back(team: TeamMemory, mime: MemoryMimeType | str) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    await memory.add(MemoryContent(content="# Oslo office", mime_type=mime))
    [result] = await found(memory)
    assert (result.content, result.mime_type) == ("# Oslo office", mime)
    assert "autogen" not in (result.metadata or {})


NESTED = {"city": "Oslo", "floors": [1, 2, {"name": "office"}], "open": True, "rent": None, "area": 1.5}


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (NESTED, MemoryMimeType.JSON),
        ({}, MemoryMimeType.JSON),
        (b"\xff\x00\xfe not UTF-8", MemoryMimeType.BINARY),
        (b"", MemoryMimeType.BINARY),
        (b"plain words about the office", "text/plain"),
        (b"\xff\xff", MemoryMimeType.JSON),
    ],
    ids=["dict", "empty dict", "bytes", "no bytes", "bytes of text", "bytes that are no text"],
)
async def test_what_is_not_text_comes_back(team: TeamMemory, content: Any, mime: Any) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    await memory.add(MemoryContent(content=content, mime_type=mime, metadata={"about": "Oslo office", "n": 1}))
    [result] = await found(memory)
    assert result.content == content
    assert type(result.content) is type(content)
    assert result.mime_type == (MemoryMimeType(mime) if mime == "text/plain" else mime)
    assert result.metadata is not None
    assert (result.metadata["about"], result.metadata["n"], result.metadata["author"]) == ("Oslo office", 1, "writer")
    assert result.metadata["source"].startswith("document:autogen/")
    assert "autogen" not in result.metadata


async def test_an_image_comes_back_pixel_for_pixel(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    shown = picture()
    await memory.add(
        MemoryContent(content=shown, mime_type=MemoryMimeType.IMAGE, metadata={"title": "Plan of the Oslo office"})
    )
    [result] = await found(memory, "plan of the office")
    assert isinstance(result.content, Image)
    assert result.content.image.size == (4, 2)
    assert result.content.image.tobytes() == shown.image.tobytes()
    assert result.mime_type == MemoryMimeType.IMAGE
    [hit] = team.agent("writer").recall("plan of the office")  # other frameworks find it by what is said of it
    assert hit.memory.text == "[image/*] Plan of the Oslo office"


async def test_a_large_dict_comes_back(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    large = {"office": "Oslo", "rows": [{"n": n, "text": "x" * 100} for n in range(5_000)]}
    await memory.add(MemoryContent(content=large, mime_type=MemoryMimeType.JSON))
    [result] = await found(memory)
    assert result.content == large


async def test_metadata_can_be_asked_for_whatever_the_content_is(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"), limit=20)
    await memory.add(text("The Oslo office.", topic="office"))
    await memory.add(MemoryContent(content={"a": "Oslo"}, mime_type="application/json", metadata={"topic": "office"}))
    await memory.add(text("The Oslo office again.", topic="other"))
    assert len(await found(memory, where={"metadata.topic": "office"})) == 2
    assert len(await found(memory)) == 3


async def test_metadata_named_as_the_stamps_are_is_kept_beside_them(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    await memory.add(text("The Oslo office.", author="mallory", score=12))
    [result] = await found(memory)
    assert result.metadata is not None
    assert (result.metadata["author"], result.metadata["metadata.author"]) == ("writer", "mallory")
    assert result.metadata["metadata.score"] == 12


async def test_what_is_wrong_is_refused_and_nothing_is_written(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    wrong = [
        text("  "),
        text("NUL \x00"),
        text("Oslo", autogen={"mime_type": "x"}),
        text("Oslo", when=object()),
        MemoryContent(content={"image": picture()}, mime_type=MemoryMimeType.JSON),
        MemoryContent(content=b"x", mime_type=MemoryMimeType.BINARY, metadata={"n": float("nan")}),
    ]
    for content in wrong:
        with pytest.raises(InvalidInput):
            await memory.add(content)
    assert team.count() == 0
    assert team.documents.count() == 0


async def test_a_namespace_that_is_none_is_refused_at_once(team: TeamMemory) -> None:
    for wrong in ("team//shared", "", "team/*"):
        with pytest.raises(InvalidNamespace):
            TransactiveMemory(team.agent("writer"), namespace=wrong)


async def test_a_namespace_without_the_right_is_refused(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"), namespace="agents/reader")
    with pytest.raises(AccessDenied):
        await memory.add(text("Oslo"))
    assert await found(memory) == []


async def test_a_query_is_text_or_a_content_with_words(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    await memory.add(text("The Oslo office opens at nine."))
    for query in (
        MemoryContent(content="Oslo office", mime_type=MemoryMimeType.TEXT),
        MemoryContent(content={"where": ["Oslo", 9]}, mime_type=MemoryMimeType.JSON),
        MemoryContent(content=b"Oslo office", mime_type="text/plain"),
    ):
        assert len((await memory.query(query)).results) == 1
    for nothing in ("", "  ", MemoryContent(content=picture(), mime_type=MemoryMimeType.IMAGE)):
        with pytest.raises(InvalidInput):
            await memory.query(nothing)


async def test_a_query_may_be_narrowed(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"), limit=2)
    for number in range(4):
        await memory.add(text(f"Oslo office, note {number}", number=number))
    assert len(await found(memory)) == 2
    assert len(await found(memory, limit=4)) == 4
    assert len(await found(memory, limit=4, where={"metadata.number": {"$lt": 1}})) == 1
    assert await found(memory, kinds=["procedural"]) == []
    for unknown in ({"top_k": 3}, {"degrade": "empty"}):
        with pytest.raises(InvalidInput, match="a recall takes"):
            await memory.query("Oslo", **unknown)
    with pytest.raises(InvalidFilter):
        await memory.query("Oslo", where={"colour": "red"})
    with pytest.raises(InvalidInput, match="min_score"):
        TransactiveMemory(team.agent("writer"), **cast("Any", {"min_score": 3}))


# --- private and shared -----------------------------------------------------------------------------------------------


async def test_private_is_private_and_shared_is_shared(team: TeamMemory) -> None:
    writer, critic = team.agent("writer"), team.agent("critic")
    own, others = TransactiveMemory(writer), TransactiveMemory(critic)
    shared, theirs = (TransactiveMemory(agent, namespace="team/shared") for agent in (writer, critic))
    await own.add(text("Oslo office: my draft is late."))
    await own.add(
        MemoryContent(content=b"\x00\xff", mime_type="application/pdf", metadata={"name": "Oslo office draft"})
    )
    await shared.add(text("Oslo office: opens at nine."))

    assert await contents(others) == ["Oslo office: opens at nine."]
    assert await contents(theirs) == ["Oslo office: opens at nine."]
    assert await contents(shared) == ["Oslo office: opens at nine."]
    assert len(await contents(own)) == 3
    [result] = await found(others)
    assert result.metadata is not None
    assert result.metadata["author"] == "writer"


async def test_a_private_memory_never_reaches_another_agents_model(team: TeamMemory) -> None:
    await TransactiveMemory(team.agent("writer")).add(text("The Oslo office password is swordfish."))
    critic = assistant("critic", ["I don't know."], TransactiveMemory(team.agent("critic")))
    await critic.run(task="What is the Oslo office password?")
    assert not any("swordfish" in str(message.content) for message in given(critic)[0])


@pytest.mark.parametrize("content", ["Alice's Oslo pin is 1234.", b"\xff1234"])
async def test_one_users_memory_is_never_another_ones(team: TeamMemory, content: Any) -> None:
    """The same agent serves both."""
    alice, bob = (TransactiveMemory(team.agent("desk", user=user)) for user in ("alice", "bob"))
    await alice.add(MemoryContent(content=content, mime_type="text/plain", metadata={"about": "Oslo pin"}))
    assert await found(bob, "Oslo pin") == []
    assert await contents(alice, "Oslo pin") == [content]
    agent = assistant("desk", ["No."], bob)
    await agent.run(task="What is Alice's Oslo pin?")
    assert memories(given(agent)[0]) == []

    await bob.clear()
    assert await contents(alice, "Oslo pin") == [content]
    [result] = await found(TransactiveMemory(team.agent("desk")), "Oslo pin")  # bound to nobody: it sees both
    assert result.metadata is not None
    assert result.metadata["user"] == "alice"
    assert result.content == content


async def test_the_owner_has_a_memory_too(team: TeamMemory) -> None:
    memory = TransactiveMemory(team)
    await memory.add(text("The Oslo office is sold."))
    assert await contents(memory) == ["The Oslo office is sold."]
    assert await found(TransactiveMemory(team.agent("writer"))) == []


async def test_clear_forgets_what_the_agent_wrote_there_and_can_be_undone(team: TeamMemory) -> None:
    writer, critic = team.agent("writer"), team.agent("critic")
    shared, private = TransactiveMemory(writer, namespace="team/shared"), TransactiveMemory(writer)
    await shared.add(text("Oslo office: from the writer."))
    await shared.add(MemoryContent(content={"Oslo": "office"}, mime_type=MemoryMimeType.JSON))
    await private.add(text("Oslo office: private."))
    critic.publish("Oslo office: from the critic.")
    writer.documents.put("team/shared", "settings", {"theme": "dark"})

    await shared.clear()
    assert await contents(shared) == ["Oslo office: from the critic."]
    assert await contents(private) != []
    assert writer.documents.get("team/shared", "settings") is not None  # not a memory
    await shared.clear()  # nothing left of its own: harmless


async def test_clearing_one_users_memory_leaves_what_is_about_nobody(team: TeamMemory) -> None:
    general, alice = TransactiveMemory(team.agent("desk")), TransactiveMemory(team.agent("desk", user="alice"))
    await general.add(text("Oslo office: opens at nine."))
    await alice.add(text("Oslo office: Alice has a key."))
    assert len(await contents(alice)) == 2
    await alice.clear()
    assert await contents(alice) == ["Oslo office: opens at nine."]
    await general.clear()
    assert await contents(general) == []


async def test_close_leaves_the_store_to_whoever_opened_it(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    await memory.close()
    await memory.close()
    await memory.add(text("The Oslo office."))
    assert len(await found(memory)) == 1


# --- failing, waiting, at once ----------------------------------------------------------------------------------------


def closed() -> Agent:
    store = opened(embedder=HashEmbedder())
    agent = store.agent("writer")
    agent.remember("The Oslo office opens at nine.")
    store.close()
    return agent


class Failing(HashEmbedder):
    """A model that fails from some time on."""

    failing = False

    def embed_query(self, text: str) -> Any:
        if self.failing:
            raise RuntimeError("out of order")
        return super().embed_query(text)


async def test_by_default_a_failing_memory_raises() -> None:
    memory = TransactiveMemory(closed())
    for failing in (memory.query("Oslo"), memory.add(text("Oslo")), memory.clear()):
        with pytest.raises(StoreClosed):
            await failing
    agent = assistant("writer", ["Nine."], memory)
    with pytest.raises(StoreClosed):
        await agent.run(task="When does the Oslo office open?")


async def test_where_it_may_the_agent_works_on_and_it_is_marked(caplog: pytest.LogCaptureFixture) -> None:
    memory = TransactiveMemory(closed(), degrade="empty")
    agent = assistant("writer", ["Nine."], memory)
    with caplog.at_level(logging.WARNING, logger="transactive.integrations"):
        result = await agent.run(task="When does the Oslo office open?")
    assert result.messages[-1].to_text() == "Nine."
    assert memory.guard.degradations == 1
    assert "StoreClosed" in caplog.text
    [said] = memories(given(agent)[0])
    assert said.splitlines()[1:] == ["(The memory is degraded: this may be incomplete.)"]
    assert await found(memory) == []
    await memory.add(text("Oslo"))
    assert memory.degradations == 3
    with pytest.raises(StoreClosed):  # what should be gone, and is not, is never passed over
        await memory.clear()
    with pytest.raises(InvalidInput):
        await memory.query("")


async def test_by_full_text_what_is_found_is_marked() -> None:
    model = Failing()
    with opened(embedder=model) as store:
        writer = store.agent("writer")
        writer.remember("The Oslo office opens at nine.")
        model.failing = True
        with pytest.raises(EmbeddingFailed):
            await found(TransactiveMemory(writer))
        memory = TransactiveMemory(writer, degrade="text")
        [result] = await found(memory)
        assert result.metadata is not None
        assert "EmbeddingFailed" in result.metadata["degraded"]
        assert memory.guard.degradations == 1
        agent = assistant("writer", ["Nine."], memory)
        await agent.run(task="When does the Oslo office open?")
        [said] = memories(given(agent)[0])
        assert "opens at nine" in said
        assert said.endswith("(The memory is degraded: this may be incomplete.)")
        assert memory.guard.degradations == 2
    with pytest.raises(InvalidInput, match="degrade"):
        TransactiveMemory(writer, degrade=cast("Any", "quietly"))


async def test_the_loop_goes_on_while_the_memory_works(tmp_path: Path) -> None:
    """The model waits for what only the loop can do: a memory that held the loop up would wait in vain."""
    going_on = threading.Event()
    in_vain: list[str] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        if texts and "slow" in texts[0] and not going_on.wait(10):
            in_vain.append(texts[0])
        return small_embedder(texts)

    async def go_on() -> None:
        await asyncio.sleep(0)
        going_on.set()

    with opened(embedder=embed) as store:
        memory = TransactiveMemory(store.agent("writer"))
        context = UnboundedChatCompletionContext()
        await context.add_message(UserMessage(content="slow question", source="user"))
        for slow in (
            lambda: memory.add(text("slow note")),
            lambda: memory.query("slow query"),
            lambda: memory.update_context(context),
            lambda: memory.add(MemoryContent(content={"slow": "dict"}, mime_type="application/json")),
        ):
            going_on.clear()
            await asyncio.gather(slow(), go_on())
    assert in_vain == []


async def test_a_cancelled_call_is_not_waited_for(team: TeamMemory) -> None:
    memory = TransactiveMemory(team.agent("writer"))
    token = CancellationToken()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await memory.query("Oslo", token)
    with pytest.raises(asyncio.CancelledError):
        await memory.add(text("Oslo"), token)
    live = CancellationToken()
    await memory.add(text("Oslo office"), live)
    assert len((await memory.query("Oslo", live)).results) == 1


async def test_a_hundred_tasks_at_once_lose_nothing(team: TeamMemory) -> None:
    agents = [team.agent(f"agent-{number}") for number in range(5)]
    shared = [TransactiveMemory(agent, namespace="team/shared", limit=3) for agent in agents]

    async def work(number: int) -> int:
        memory = shared[number % 5]
        if number % 4:
            await memory.add(text(f"Oslo office, finding number {number}."))
        else:
            content = {"finding": number, "office": "Oslo"}
            await memory.add(MemoryContent(content=content, mime_type=MemoryMimeType.JSON))
        context = UnboundedChatCompletionContext()
        await context.add_message(UserMessage(content=f"finding number {number}", source="user"))
        for _ in range(2):
            await memory.update_context(context)
        assert len(memories(await context.get_messages())) == 1
        return len((await memory.query("Oslo office")).results)

    assert await asyncio.gather(*(work(number) for number in range(100))) == [3] * 100
    assert team.count() == 100
    by_author = team.facets("agent")
    assert by_author == {f"agent-{number}": 20 for number in range(5)}
    assert team.documents.count("team/shared") == 25


async def test_a_hundred_agents_answer_at_once(team: TeamMemory) -> None:
    team.agent("guide").publish("The Oslo office opens at nine.")
    agents = [
        assistant(f"agent_{number}", ["Nine."] * 2, TransactiveMemory(team.agent(f"agent_{number}")))
        for number in range(100)
    ]
    for _ in range(2):
        await asyncio.gather(*(agent.run(task="When does the Oslo office open?") for agent in agents))
    for agent in agents:
        assert len(memories(await agent.model_context.get_messages())) == 1
