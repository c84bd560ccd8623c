"""The state of a running program, as it is handed in and as it comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Typed: TypeAlias = tuple[str, bytes]
"""A serialised value: the name of its format, and its bytes, which nobody here looks into."""
Version: TypeAlias = str | int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointWrite:
    """What one task of the step after a checkpoint has written to one channel."""

    task: str
    index: int
    """Its place among the task's writes; below 0 for the special ones, of which a later one replaces a former."""
    channel: str
    value: Typed
    path: str = ""
    """Where the task stands in the program; writes come back ordered by path, task and index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The state of one thread at one moment."""

    namespace: str
    thread: str
    space: str
    """Which of the thread's programs: empty for the outermost one, else the name of one within it."""
    id: str
    """Sorts by time."""
    parent: str | None
    """The id of the checkpoint that it continues."""
    body: Typed
    """The state without the values of its channels."""
    metadata: Typed
    versions: Mapping[str, Version]
    """The version that each channel had."""
    values: Mapping[str, Typed]
    """The values of the channels that had one."""
    writes: tuple[CheckpointWrite, ...]
    run: str | None
    deltas: tuple[str, ...]
    """Channels whose value follows from the writes since an earlier checkpoint."""
    agent: str
    created_at: datetime
