"""The team's measures as a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transactive.errors import InvalidInput, MissingExtra
from transactive.records import Measured, Metrics

_SUFFIXES = {".png", ".svg", ".pdf"}
_Line = tuple[str, Callable[[Measured], float | None]]
_PANELS: tuple[tuple[str, Sequence[_Line]], ...] = (
    (
        "Tasks",
        (("posted", lambda m: m.tasks_posted), ("done", lambda m: m.tasks_done), ("dead", lambda m: m.tasks_dead)),
    ),
    ("Rework", (("avoided", lambda m: m.rework_avoided), ("done", lambda m: m.rework_done))),
    (
        "Shares",
        (
            ("escalations per task", lambda m: m.escalation_rate),
            ("recalls answered by others", lambda m: m.shared_recall_rate),
        ),
    ),
    (
        "Median minutes of a task",
        (("waiting", lambda m: _minutes(m.waiting_seconds)), ("working", lambda m: _minutes(m.working_seconds))),
    ),
)


def draw(metrics: Metrics, file: str | Path) -> None:
    """Draw four panels over time into a file; no window is opened, and matplotlib's global state is left alone."""
    if not isinstance(file, str | Path):
        raise InvalidInput(f"a picture is drawn into a file: its path is a string or a Path, not {type(file).__name__}")
    path = Path(file)
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidInput(f"a picture is written to {', '.join(sorted(_SUFFIXES))}, not {path.suffix!r}")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("a picture of the measures", "charts") from error
    figure: Any = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"Team, {metrics.total.start:%Y-%m-%d} to {metrics.total.end:%Y-%m-%d}")
    axes = figure.subplots(2, 2)
    for place, (title, lines) in zip(axes.flat, _PANELS, strict=True):
        _panel(place, title, lines, metrics.series)
    figure.savefig(path)


def _panel(axes: Any, title: str, lines: Sequence[_Line], series: Sequence[Measured]) -> None:
    for label, value in lines:
        points = [(measured.start, said) for measured in series if (said := value(measured)) is not None]
        axes.plot([at for at, _ in points], [said for _, said in points], marker="o", markersize=3, label=label)
    axes.set_title(title)
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
    axes.tick_params(axis="x", rotation=30, labelsize="small")


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60
