"""States of agents and teams, kept as documents: a run goes on where it stopped, in another process too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.records import Document

LARGE = 1 << 22
"""From how many characters on a state is kept beside the value, which may be larger."""
BESIDE = "autogen: state in data"


class Stateful(Protocol):
    """What has a state: agents, teams, model contexts, runtimes, terminations."""

    async def save_state(self) -> Mapping[str, Any]:
        """The state as a JSON object."""
        ...

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up a state."""
        ...


async def save_state(
    agent: Agent,
    target: Stateful,
    key: str,
    *,
    namespace: str | None = None,
    ttl: timedelta | str | None = None,
) -> Document:
    """Keep the state of an agent or a team under a key, in the place of the former one.

    By default in the private namespace of `agent`, under `autogen/state`. A handle bound to a user has the
    states of that user alone, an unbound one those of no user.

    Raises:
        InvalidInput: the state holds what JSON cannot.
    """
    state = await target.save_state()
    return await asyncio.to_thread(_put, agent, _place(agent, namespace), key, state, ttl)


async def load_state(agent: Agent, target: Stateful, key: str, *, namespace: str | None = None) -> bool:
    """Let an agent or a team take up the state that was kept under a key; False when there is none."""
    document = await asyncio.to_thread(agent.documents.get, _place(agent, namespace), key)
    if document is None or document.user != agent.user:
        return False
    await target.load_state(document.value if document.data is None else json.loads(document.data))
    return True


def _place(agent: Agent, namespace: str | None) -> str:
    return namespace or f"{agent.namespace}/autogen/state"


def _put(agent: Agent, namespace: str, key: str, state: Mapping[str, Any], ttl: timedelta | str | None) -> Document:
    try:
        encoded = json.dumps(state, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the state of {key!r:.60} is what JSON can hold: {error}") from None
    if len(encoded) < LARGE:
        return agent.documents.put(namespace, key, state, ttl=ttl)
    return agent.documents.put(namespace, key, BESIDE, data=encoded.encode(), ttl=ttl)
