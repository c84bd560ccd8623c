"""An open store and two agents for each story."""

from collections.abc import Iterator

import pytest

from tests.team.stores import Clock, opened
from transactive import Agent, TeamMemory


@pytest.fixture
def clock() -> Clock:
    """The clock of `team`."""
    return Clock()


@pytest.fixture
def team(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary store with a small embedding model."""
    with opened(clock=clock) as team:
        yield team


@pytest.fixture
def ana(team: TeamMemory) -> Agent:
    """The agent that most stories are about."""
    return team.agent("ana")


@pytest.fixture
def ben(team: TeamMemory) -> Agent:
    """Another one, who shares `team/shared` with her and nothing else."""
    return team.agent("ben")
