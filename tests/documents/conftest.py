"""A store for each story, or, where a story needs but an agent of its own, one for all in a file."""

import itertools
from collections.abc import Iterator

import pytest

from tests.team.stores import START, Clock, opened
from transactive import Agent, TeamMemory

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def clocks() -> Clock:
    return Clock()


@pytest.fixture
def clock(clocks: Clock) -> Clock:
    """The clock of `team` and of `house`; each story begins at the same time."""
    clocks.now = START
    return clocks


@pytest.fixture
def team(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary store with a small embedding model."""
    with opened(clock=clock) as team:
        yield team


@pytest.fixture(scope="module")
def house(clocks: Clock) -> Iterator[TeamMemory]:
    """A store that many stories share."""
    with opened(clock=clocks) as team:
        yield team


@pytest.fixture
def ana(house: TeamMemory, clock: Clock) -> Agent:
    """An agent of `house` whom no other story knows."""
    return house.agent(f"ana{next(_numbers)}")
