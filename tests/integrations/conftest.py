"""What the tests of every adapter share: an open memory for each story, coroutines that run, no word to the network."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.team.stores import Clock, opened
from transactive import TeamMemory
from transactive.testing import HashEmbedder


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run asynchronous tests, also those of the frameworks' suites, whichever plugin is there."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


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
