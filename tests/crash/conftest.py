"""What the stories of crashes and of several processes share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.processes import Child


@pytest.fixture
def another() -> Iterator[Callable[..., Child]]:
    """Starts another process at a store; none outlives its test."""
    started: list[Child] = []

    def start(folder: Path, **options: Any) -> Child:
        started.append(Child(folder, **options))
        return started[-1]

    yield start
    for child in started:
        child.kill()
