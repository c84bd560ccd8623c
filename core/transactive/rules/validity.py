"""Since when and until when connections are so, where a thing can have one at a time. Times are microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TypeAlias

Span: TypeAlias = tuple[int | None, int | None]
"""From and until; None where that is not known, or not over."""


def begins(span: Span, now: int) -> float:
    """From when on a new statement counts: since it says so; what was over already, since ever; else from now on."""
    since, until = span
    if since is not None:
        return since
    return -inf if until is not None and until <= now else now


def overlap(held: Span, new: Span, now: int) -> bool:
    """Whether something held is about the same time as a new statement."""
    since, until = held
    over = until is not None and until <= begins(new, now)
    later = since is not None and new[1] is not None and since >= new[1]
    return not over and not later


def displaced(held: Sequence[Span], new: Span, now: int) -> tuple[dict[int, int], Span]:
    """What of those that say otherwise ends, by place with the time; and when the new one is so.

    What began before the new one ends with its beginning; what begins later stays, and ends the new one. A new one that
    was over before anybody knows when others began ends none.
    """
    since, until = new
    start = begins(new, now)
    ends: dict[int, int] = {}
    for place, (begun, over) in enumerate(held):
        if not overlap((begun, over), (since, until), now):
            continue
        if begun is not None and begun > start:
            until = begun if until is None else min(until, begun)
        elif start != -inf:
            ends[place] = int(start)
    return ends, (int(start) if ends else since, until)
