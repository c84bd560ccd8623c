"""Which store, and whose view of it: what the config of a component names, and how it is found again."""

from __future__ import annotations

import os
import threading
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from transactive import Agent, Session, TeamMemory
from transactive.namespaces import OWNER


class HandleConfig(BaseModel):
    """An agent's view of a store. It names no key, no password and no embedding model."""

    model_config = ConfigDict(extra="forbid")

    path: str
    """The store's folder; created when it is not there."""
    agent: str | None = None
    """Whose view it is; None is the owner's."""
    user: str | None = None
    session: str | None = None
    app: str | None = None


def described(handle: Agent) -> dict[str, Any]:
    """The fields of a `HandleConfig`, for the handle."""
    return {
        "path": os.path.realpath(handle.path),
        "agent": None if handle.name == OWNER else handle.name,
        "user": handle.user,
        "session": handle.session_id,
        "app": handle.app,
    }


def within(handle: Agent) -> str | None:
    """The session that a handle's recall stays within."""
    return handle.id if isinstance(handle, Session) else None


_lock = threading.Lock()
_opened: dict[str, tuple[TeamMemory, int]] = {}
"""What was opened for configs, with how many use it."""


class Lease:
    """The store of one loaded component: the one that this process has open, or else opened and closed with it."""

    def __init__(self, path: str) -> None:
        self._folder = os.path.realpath(os.path.expanduser(path))
        self._counted = False
        with _lock:
            self.team = self._found()

    def _found(self) -> TeamMemory:
        held = _opened.get(self._folder)
        if held is None or held[0].closed:
            borrowed = TeamMemory.opened(self._folder)
            if borrowed is not None:
                return borrowed
            held = TeamMemory.open(self._folder, progress=False), 0
        _opened[self._folder] = held[0], held[1] + 1
        self._counted = True
        return held[0]

    @classmethod
    def of(cls, config: HandleConfig) -> tuple[Self, Agent]:
        """The lease on a config's store, and the view that the config names."""
        lease = cls(config.path)
        try:
            return lease, _handle(lease.team, config)
        except BaseException:  # whatever it was is raised again: nothing stays open
            lease.close()
            raise

    def close(self) -> None:
        """Give it back; the last one closes what was opened for configs. Harmless when given back already."""
        with _lock:
            held = _opened.get(self._folder)
            if not self._counted or held is None or held[0] is not self.team:
                return
            self._counted = False
            if held[1] > 1:
                _opened[self._folder] = self.team, held[1] - 1
            else:
                del _opened[self._folder]
                self.team.close()


def _handle(team: TeamMemory, config: HandleConfig) -> Agent:
    if config.agent is None:
        return team.bind(user=config.user, session=config.session, app=config.app)
    return team.agent(config.agent, user=config.user, session=config.session, app=config.app)
