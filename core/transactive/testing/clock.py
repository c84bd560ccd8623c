"""A clock that stands still until it is told to go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from transactive.policies import duration

_START = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)


class Clock:
    """Gives the time that a test says it is: `TeamMemory.open(…, clock=Clock())`.

    Each reading moves it on by `step`, which is nothing by default.
    """

    def __init__(self, start: datetime = _START, *, step: timedelta | str = timedelta(0)) -> None:
        self.now = start.astimezone(UTC)
        """What the next reading says."""
        self._step = step if isinstance(step, timedelta) else duration(step, "step")

    def __call__(self) -> datetime:
        """The time, in UTC."""
        now = self.now
        self.now += self._step
        return now

    def advance(self, by: timedelta | str) -> datetime:
        """Move on by a timedelta or a text such as `"24h"`; returns what it then is."""
        self.now += by if isinstance(by, timedelta) else duration(by, "by")
        return self.now

    def __repr__(self) -> str:
        return f"Clock({self.now.isoformat()})"
