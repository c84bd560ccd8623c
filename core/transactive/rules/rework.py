"""Whether two tasks ask for nearly the same work, and how long a task rests after a failure."""

from __future__ import annotations

from datetime import timedelta

from transactive.rules.duplicates import differences, marks

NEAR = 0.75
"""The share of their words that two tasks have in common when the one is the other once more."""
LONGEST_REST = timedelta(hours=1)


def near(one: str, other: str) -> bool:
    """Whether two texts ask for nearly the same: most of their words, and every number, date and negation."""
    if differences(one, other):
        return False
    a, b = marks(one).words, marks(other).words
    total = (a | b).total()
    return one == other if not total else (a & b).total() / total >= NEAR


def rest(backoff: timedelta, failures: int) -> timedelta:
    """How long to wait after the n-th failure: the back-off, doubled with each, at most an hour or the back-off."""
    if backoff >= LONGEST_REST:
        return backoff
    doubled: timedelta = backoff * (1 << min(failures - 1, 40))
    return min(LONGEST_REST, doubled)
