"""How a team does, over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was counted in one stretch of time."""

    start: datetime
    end: datetime
    writes: int = 0
    """Memories written."""
    rework_avoided: int = 0
    """Writes that said again what was there, and tasks that were not posted a second time."""
    rework_done: int = 0
    """Tasks finished that ask for nearly what an earlier one asked for."""
    tasks_posted: int = 0
    tasks_done: int = 0
    tasks_dead: int = 0
    escalations: int = 0
    waiting_seconds: float | None = None
    """Median time from posting to the first claim, of tasks finished in it."""
    working_seconds: float | None = None
    """Median time from the first claim to the end, of tasks finished in it."""
    recalls: int = 0
    """Recalls that found something."""
    recalls_from_others: int = 0
    """Of those, the ones whose best hit another agent wrote."""

    @property
    def rework_rate(self) -> float | None:
        """Tasks done a second time, among the tasks done."""
        return _share(self.rework_done, self.tasks_done)

    @property
    def escalation_rate(self) -> float | None:
        """Escalations for each task that ended."""
        return _share(self.escalations, self.tasks_done + self.tasks_dead)

    @property
    def shared_recall_rate(self) -> float | None:
        """Recalls answered by another agent's memory, among those answered."""
        return _share(self.recalls_from_others, self.recalls)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """The team's measures: in all, and stretch by stretch, oldest first."""

    total: Measured
    series: tuple[Measured, ...] = ()
    agents: Mapping[str, int] = field(default_factory=dict)
    """Tasks done, by agent."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values that JSON holds."""
        return {
            "total": _plain(self.total),
            "series": [_plain(measured) for measured in self.series],
            "agents": dict(self.agents),
        }

    def plot(self, path: str | Path) -> None:
        """Draw them into a file, PNG, SVG or PDF by its suffix; needs the extra `charts`."""
        from transactive.records.charts import draw

        draw(self, path)


_RATES = ("rework_rate", "escalation_rate", "shared_recall_rate")


def _plain(measured: Measured) -> dict[str, Any]:
    names = (*Measured.__dataclass_fields__, *_RATES)
    values = {name: getattr(measured, name) for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
