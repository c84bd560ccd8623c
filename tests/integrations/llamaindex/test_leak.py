"""Two sessions on one memory block: LlamaIndex's own shows the second what the first one said; ours never does.

Reported as run-llama/llama_index#22701: `VectorMemoryBlock._aget` keeps the first session's filter in the block. When
the first test fails, LlamaIndex has repaired it, and the test can go.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import BaseMemoryBlock, VectorMemoryBlock

from transactive import TeamMemory
from transactive_integrations.llamaindex import TransactiveEmbedding, TransactiveMemoryBlock, TransactiveVectorStore

SECRETS = {"alice": "ALICE's secret pin is 1234", "bob": "BOB's secret pin is 5678"}


def text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(block.text for block in content)


async def conversation(block: BaseMemoryBlock[Any]) -> dict[str, str]:
    """Each session tells its secret, then each asks for it; what each was shown."""
    for session, secret in SECRETS.items():
        await block.aput([ChatMessage(role="user", content=secret)], session_id=session)
    question = [ChatMessage(role="user", content="What is the secret pin?")]
    return {session: text(await block.aget(question, session_id=session)) for session in SECRETS}


def test_the_frameworks_block_leaks(team: TeamMemory) -> None:
    store = TransactiveVectorStore(team.agent("support"))
    block = VectorMemoryBlock(vector_store=store, embed_model=TransactiveEmbedding(team))
    seen = asyncio.run(conversation(block))
    assert "1234" in seen["alice"]
    assert "1234" in seen["bob"]
    assert "5678" not in seen["bob"]


def test_ours_does_not(team: TeamMemory) -> None:
    seen = asyncio.run(conversation(TransactiveMemoryBlock(team.agent("support"))))
    assert "1234" in seen["alice"]
    assert "5678" not in seen["alice"]
    assert "5678" in seen["bob"]
    assert "1234" not in seen["bob"]


def test_neither_do_a_hundred_sessions_at_once(team: TeamMemory) -> None:
    block = TransactiveMemoryBlock(team.agent("support"), similarity_top_k=20)

    async def session(number: int, ask: Callable[[str], Any]) -> str:
        name = f"session-{number}"
        said = [ChatMessage(role="user", content=f"The secret pin of guest {number} is pin{number:03d}.")]
        await block.aput(said, session_id=name)
        return text(await block.aget([ChatMessage(role="user", content="secret pin of the guest")], session_id=name))

    async def run() -> list[str]:
        return await asyncio.gather(*(session(number, text) for number in range(100)))

    for number, seen in enumerate(asyncio.run(run())):
        assert seen.count("pin of guest") == 1
        assert f"pin{number:03d}" in seen
