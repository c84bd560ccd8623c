"""An open memory for each story, and no word to the network."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.testing import HashEmbedder

os.environ.update(OTEL_SDK_DISABLED="true", ANONYMIZED_TELEMETRY="false", DO_NOT_TRACK="1")
FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """LlamaIndex's workflows ask pydantic for what is deprecated; our own code may not."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"))
            item.add_marker(pytest.mark.filterwarnings("error:::transactive"))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing connects anywhere, and no default model is looked for."""

    def refuse(_self: socket.socket, address: Any) -> None:
        raise AssertionError(f"a test asked the network for {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    from llama_index.core import MockEmbedding, Settings
    from llama_index.core.llms import MockLLM

    monkeypatch.setattr(Settings, "_embed_model", MockEmbedding(embed_dim=8))
    monkeypatch.setattr(Settings, "_llm", MockLLM())


@pytest.fixture
def clock() -> Clock:
    """The clock of `team`."""
    return Clock()


@pytest.fixture
def team(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary memory in which texts that share words are near each other."""
    with opened(clock=clock, embedder=HashEmbedder()) as team:
        yield team
