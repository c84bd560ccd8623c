"""For whom a run is, what it may see, and how it asks: the names that LangChain's config and runtime context hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transactive import Agent, Recall
from transactive.errors import InvalidInput
from transactive.filters import Where
from transactive_integrations.common import Guard, RecallOptions, configured

USER = "user_id"
THREAD = "thread_id"


def checked(options: RecallOptions) -> RecallOptions:
    """The options, when there are such."""
    if unknown := sorted(set(options) - set(RecallOptions.__annotations__)):
        raise InvalidInput(f"unknown option {unknown[0]!r:.60}; there are {', '.join(RecallOptions.__annotations__)}")
    return options


@dataclass(frozen=True, slots=True)
class Caller:
    """A handle, and under which name a run says which user it is for."""

    agent: Agent
    user_key: str = USER
    all_users: bool = False
    """Whether a run for nobody sees what is about any user, as the unbound handle itself does."""

    def handle(self, config: Mapping[str, Any] | None, context: object = None) -> Agent:
        """The handle bound to the run's user and thread.

        Raises:
            InvalidInput: context and config name two users, or one without a name.
            AccessDenied: the handle is bound to another user.
        """
        named = (_held(context, self.user_key), _held((config or {}).get("configurable"), self.user_key))
        users = {str(name) for name in named if name is not None}
        if len(users) > 1:
            raise InvalidInput(f"the run names two users: context and config differ in {self.user_key!r}")
        if any(not user.strip() for user in users):
            raise InvalidInput(f"{self.user_key!r} is empty; leave it out where a run is for no user")
        return self.agent.bind(user=next(iter(users), None), session=configured(config, THREAD))

    def sees(self, handle: Agent, where: Where | None) -> Where | None:
        """The filter, narrowed to what is about no user when the run is for nobody."""
        if handle.user is not None or self.all_users:
            return where
        return both(where, {"user": None})


def both(*wheres: Where | None) -> Where | None:
    """All of several filters."""
    given = [where for where in wheres if where is not None]
    return {"$and": given} if len(given) > 1 else given[0] if given else None


def _held(holder: object, name: str) -> object:
    """What a dict, a dataclass or a model holds under a name."""
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def ask(agent: Agent, query: str, limit: int, guard: Guard, options: RecallOptions) -> Recall:
    """What an agent remembers about something; degraded, when the memory fails and the guard lets it."""

    def recall() -> Recall:
        found = agent.recall(query, limit=limit, degrade=guard.degrade, **options)
        if found.degraded:
            guard.note("recall", found.reason)
        return found

    return guard.run("recall", recall, lambda reason: Recall(degraded=True, reason=reason))


def asked(text: str) -> str:
    """A text as a query: without what a query may not hold; empty where nothing is left to ask."""
    return text.replace("\x00", "").encode(errors="replace").decode().strip()
