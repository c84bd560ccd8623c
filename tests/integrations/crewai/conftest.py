"""An open memory for each story, a folder for what CrewAI writes by itself, and no word to the network."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.testing import HashEmbedder

os.environ.update(
    CREWAI_TRACING_ENABLED="false", CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TESTING="true"
)
_folder = tempfile.TemporaryDirectory(prefix="crewai-")
os.environ["CREWAI_STORAGE_DIR"] = _folder.name
os.environ.pop("OPENAI_API_KEY", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """CrewAI warns of itself and of its dependencies; of us it must not."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.filterwarnings("error:::transactive"))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing connects anywhere."""

    def refuse(_self: socket.socket, address: Any) -> None:
        raise AssertionError(f"a test asked the network for {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


@pytest.fixture
def clock() -> Clock:
    """The clock of `team`."""
    return Clock()


@pytest.fixture
def team(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary memory in which texts that share words are near each other."""
    with opened(clock=clock, embedder=HashEmbedder()) as team:
        yield team
