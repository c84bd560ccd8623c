"""An open store for each story, and one with the model that is bundled."""

from collections.abc import Iterator

import pytest

from tests.team.stores import Clock, opened
from transactive import TeamMemory


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
def real(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary store with the bundled model: what is alike in meaning is near in it."""
    with TeamMemory.open(":memory:", progress=False, background=False, clock=clock) as team:
        yield team
