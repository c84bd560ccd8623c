"""Shows how far a long operation is: a callback, a bar where `rich` and a terminal are there, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeAlias

from transactive.errors import InvalidInput
from transactive.records import Progress

ProgressLike: TypeAlias = bool | Callable[[Progress], None]
Report: TypeAlias = Callable[[int, int], None]


def reporter(progress: ProgressLike, what: str) -> Report | None:
    """A function of (done, total) for what a caller passed as `progress=`; None for False."""
    if progress is False:
        return None
    if not callable(progress) and progress is not True:
        raise InvalidInput(f"progress is True, False or a function, not {progress!r:.40}")
    if progress is not True:
        return lambda done, total: progress(Progress(what, done, total))
    return _bar(what) if sys.stderr.isatty() else _lines(what)


def _bar(what: str) -> Report:
    try:
        from rich.progress import Progress as Bar
    except ImportError:  # the extra `cli` is not installed: lines do as well
        return _lines(what)
    bar = Bar(transient=True)
    task = bar.add_task(what, total=None)
    bar.start()

    def report(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if done >= total:
            bar.stop()

    return report


def _lines(what: str) -> Report:
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done >= total or now - last >= 2.0:
            last = now
            sys.stderr.write(f"{what}: {done:,} of {total:,}\n")

    return report
