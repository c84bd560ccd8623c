"""What every adapter needs: a clear word when a framework is missing, and what happens when the memory fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict, TypeVar, get_args

from transactive.errors import EmbeddingFailed, IndexUnavailable, InvalidInput, StoreBusy, StoreClosed, StoreDamaged
from transactive.filters import Where
from transactive.records import Degrade, Kind

R = TypeVar("R")
log = logging.getLogger("transactive.integrations")

UNAVAILABLE = (IndexUnavailable, EmbeddingFailed, StoreBusy, StoreClosed, StoreDamaged)
"""The errors of a memory that fails, as opposed to a caller that does."""


class Narrowing(TypedDict, total=False):
    """What narrows and weighs a recall: keywords of `agent.recall` that a configuration can hold."""

    where: Where | None
    namespaces: Sequence[str] | None
    kinds: Sequence[Kind] | None
    session: str | None
    min_importance: float | None
    min_similarity: float | None
    recency_weight: float | None
    importance_weight: float | None
    half_life: timedelta | str | None
    exclude_own: bool
    include_superseded: bool


class RecallOptions(Narrowing, total=False):
    """The same, and the time that is asked about."""

    as_of: datetime | None


def missing(extra: str) -> ImportError:
    """The error of an adapter whose framework is not installed."""
    return ImportError(f"{extra} is not installed; this adapter needs it: pip install 'transactive[{extra}]'")


class Guard:
    """Carries out the `degrade=` of one adapter.

    With `"raise"` a memory that fails raises. With `"text"` and `"empty"` the failure is logged and counted, and what
    the adapter gives instead says that it is degraded: the agent works on. Bad input and denied access always raise.
    """

    def __init__(self, degrade: Degrade = "raise") -> None:
        if degrade not in get_args(Degrade):
            raise InvalidInput(f"degrade is one of {', '.join(get_args(Degrade))}, not {degrade!r:.40}")
        self.degrade: Degrade = degrade
        self.degradations = 0
        """How often something was answered or written less well than it should have been."""

    def note(self, what: str, reason: object) -> None:
        """Log and count that something was degraded."""
        self.degradations += 1
        log.warning("%s degraded: %s", what, reason)

    def run(self, what: str, call: Callable[[], R], instead: Callable[[str], R]) -> R:
        """What `call` gives, or, when the memory fails and is allowed to, `instead` with the reason."""
        try:
            return call()
        except UNAVAILABLE as error:
            return instead(self._failed(what, error))

    async def arun(self, what: str, call: Callable[[], Awaitable[R]], instead: Callable[[str], R]) -> R:
        """The same, awaited."""
        try:
            return await call()
        except UNAVAILABLE as error:
            return instead(self._failed(what, error))

    def _failed(self, what: str, error: Exception) -> str:
        if self.degrade == "raise":
            raise error
        reason = f"{type(error).__name__}: {error}"
        self.note(what, reason)
        return reason


def configured(config: Mapping[str, Any] | None, name: str) -> str | None:
    """A name in the `configurable` of a LangChain or LangGraph config, such as `thread_id`, as a string."""
    value = ((config or {}).get("configurable") or {}).get(name)
    return None if value is None or value == "" else str(value)
