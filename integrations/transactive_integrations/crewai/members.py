"""A memory of its own for each agent of a crew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from crewai.agents.agent_builder.base_agent import BaseAgent

from transactive import TeamMemory
from transactive.namespaces import SHARED
from transactive_integrations.crewai.memory import TransactiveMemory


def give_memories(
    team: TeamMemory,
    agents: Iterable[BaseAgent],
    *,
    user: str | None = None,
    app: str | None = None,
    reads: Sequence[str] = (SHARED,),
    **options: Any,
) -> dict[str, TransactiveMemory]:
    """Give each agent the memory of `team.agent(role)`: private to it, with the shared namespace to read from.

    An agent that has a memory keeps it. Call it before the crew is made; returns the memories given, by role.

    Args:
        team: The store.
        agents: Of the crew; agents of one role have one memory.
        user: Binds every memory to a user.
        app: Stamped on what they write.
        reads: What a member recalls from besides its own.
        options: The others of `TransactiveMemory`; `namespace="team/shared"` has all of them write there, each under
            its own name.
    """
    given: dict[str, TransactiveMemory] = {}
    for agent in agents:
        if agent.memory:
            continue
        role = agent.role.strip()
        if role not in given:
            given[role] = TransactiveMemory(team.agent(role, user=user, app=app), reads=reads, **options)
        agent.memory = given[role]
    return given
