"""An open memory for each story, and no word to the network."""

import os
from collections.abc import Iterator

import pytest

from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.testing import HashEmbedder

for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGGRAPH_CLI_NO_ANALYTICS"):
    os.environ[name] = "1" if name.endswith("ANALYTICS") else "false"


@pytest.fixture
def clock() -> Clock:
    """The clock of `team`."""
    return Clock()


@pytest.fixture
def team(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary memory in which texts that share words are near each other."""
    with opened(clock=clock, embedder=HashEmbedder()) as team:
        yield team
