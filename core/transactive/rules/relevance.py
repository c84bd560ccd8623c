"""Whether a hit is about what was asked, or only the least bad of what there is: a recall always answers something."""

from __future__ import annotations

from transactive.records import Hit
from transactive.rules.duplicates import marks

LEAST_SIMILAR = 0.25
"""The cosine from which on a memory is about what was asked; half of it is enough where they share a word."""


def is_about(hit: Hit, query: str, least: float = LEAST_SIMILAR) -> bool:
    """Whether a hit is near to a query, shares an identifier with it, or was found by its words alone."""
    if hit.why.identifiers or hit.why.degraded or hit.similarity >= least:
        return True
    return hit.similarity >= least / 2 and bool(marks(hit.memory.text).words & marks(query).words)
