"""What `langgraph.json` names: a store and a checkpointer that the server opens and closes.

    {"store": {"path": "transactive_integrations.langgraph.factories:store"},
     "checkpointer": {"path": "transactive_integrations.langgraph.factories:checkpointer"}}

Without arguments they go by the environment: TRANSACTIVE_PATH (the folder, by default `team-memory`), TRANSACTIVE_AGENT
(whose memory, by default `langgraph`), TRANSACTIVE_NAMESPACE (the store's root, by default the agent's private one) and
TRANSACTIVE_DEGRADE (`raise`, `text` or `empty`). Both may be used at once: the folder is opened once in a process.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from transactive import TeamMemory
from transactive.errors import InvalidInput
from transactive.records import Degrade
from transactive_integrations.langgraph import TransactiveStore

if TYPE_CHECKING:
    from transactive_integrations.langgraph import TransactiveSaver


@asynccontextmanager
async def store(
    path: str | Path | None = None,
    *,
    agent: str | None = None,
    namespace: str | None = None,
    degrade: Degrade | None = None,
    **options: Any,
) -> AsyncIterator[TransactiveStore]:
    """A `TransactiveStore` on the memory in a folder, which is closed afterwards.

    What is not said here goes by the environment; `options` are the store's own (`index=`, `ttl=`).
    """
    async with _team(path) as team:
        handle = team.agent(agent or _said("AGENT") or "langgraph")
        yield TransactiveStore(
            handle, namespace=namespace or _said("NAMESPACE"), degrade=degrade or _degrade(), **options
        )


@asynccontextmanager
async def checkpointer(
    path: str | Path | None = None, *, agent: str | None = None, **options: Any
) -> AsyncIterator[TransactiveSaver]:
    """A `TransactiveSaver` on the memory in a folder, which is closed afterwards; `options` are the saver's own."""
    from transactive_integrations.langgraph import TransactiveSaver

    async with _team(path) as team:
        yield TransactiveSaver(team.agent(agent or _said("AGENT") or "langgraph"), **options)


def _said(name: str) -> str | None:
    return os.environ.get(f"TRANSACTIVE_{name}") or None


def _degrade() -> Degrade:
    said = _said("DEGRADE") or "raise"
    if said not in get_args(Degrade):
        raise InvalidInput(f"TRANSACTIVE_DEGRADE is one of {', '.join(get_args(Degrade))}, not {said!r:.40}")
    return cast("Degrade", said)


# --- one team for each folder, however many open it -------------------------------------------------------------------

_lock = threading.Lock()
_open: dict[str, tuple[TeamMemory, int]] = {}


@asynccontextmanager
async def _team(path: str | Path | None) -> AsyncIterator[TeamMemory]:
    folder = _folder(path)
    team = await asyncio.to_thread(_taken, folder)
    try:
        yield team
    finally:
        await asyncio.to_thread(_left, folder)


def _folder(path: str | Path | None) -> str:
    return os.path.abspath(path or _said("PATH") or "team-memory")


def _taken(folder: str) -> TeamMemory:
    with _lock:
        team, users = _open.get(folder) or (TeamMemory.open(folder, progress=False), 0)
        _open[folder] = team, users + 1
        return team


def _left(folder: str) -> None:
    with _lock:
        team, users = _open.pop(folder)
        if users > 1:
            _open[folder] = team, users - 1
        else:
            team.close()
