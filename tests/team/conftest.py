"""An open store for each story."""

from collections.abc import Iterator

import pytest

from tests.crash.conftest import another
from tests.team.stores import Clock, opened
from transactive import TeamMemory

__all__ = ["another"]  # a fixture: another process at a store


@pytest.fixture
def clock() -> Clock:
    """The clock of `team`."""
    return Clock()


@pytest.fixture
def team(clock: Clock) -> Iterator[TeamMemory]:
    """A temporary store with a small embedding model."""
    with opened(clock=clock) as team:
        yield team
