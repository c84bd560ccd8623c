"""Joins the channels' candidate lists into one relevance in [0, 1]: min–max within each list, then a weighted sum.

Chosen and weighted on LoCoMo's development half (docs/decisions/0003-fusion.md); reciprocal rank fusion loses to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CHANNELS = ("terms", "window_terms", "dense", "window_dense")
WEIGHTS = np.array([0.5, 1.0, 0.5, 0.5])

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fused:
    """Candidates of every channel; row i of each array belongs to `keys[i]`."""

    keys: list[int]
    raw: Floats
    """Shape [n, 4]: the channels' own scores; NaN where a channel did not find it."""
    normalised: Floats
    """Shape [n, 4], in [0, 1]; 0 where a channel did not find it."""
    relevance: Floats
    """Shape [n], in [0, 1]: the weighted mean of `normalised`."""
    identifiers: npt.NDArray[np.int64]
    """Shape [n]: how many of the query's identifiers it contains."""


def weights(vectors: float | None) -> Floats:
    """The channels' weights when those of vectors shall count for a share in [0, 1]; None is as measured, as is 0.5."""
    share = 0.5 if vectors is None else vectors
    shares: Floats = 2.0 * np.array([1.0 - share, 1.0 - share, share, share])
    return WEIGHTS * shares


def minmax(scores: Floats) -> Floats:
    """Scores scaled to [0, 1] within their list; a list of equal scores becomes ones."""
    if scores.size == 0:
        return scores
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones_like(scores)


def fuse(
    lists: Sequence[tuple[Sequence[int], Floats]],
    identifiers: Sequence[Sequence[int]],
    weights: Floats = WEIGHTS,
    *,
    every: bool = False,
) -> Fused:
    """Fuse one candidate list a channel, in the order of `CHANNELS`; `identifiers` are lists of ids that contain one.

    A candidate that a channel did not find has 0 there. Candidates without a score above 0 are kept out of their list,
    since a cosine of 0 or less says nothing; unless `every` one is wanted, however far it is.
    """
    rows: dict[int, int] = {}
    entries: list[tuple[list[int], Floats]] = []
    for keys, scores in lists:
        positive = len(keys) if every else int(np.count_nonzero(scores > 0))  # best first: the positive ones lead
        entries.append(([rows.setdefault(key, len(rows)) for key in keys[:positive]], scores[:positive]))
    contained = [rows.setdefault(key, len(rows)) for found in identifiers for key in found]
    raw = np.full((len(rows), len(lists)), np.nan)
    normalised = np.zeros((len(rows), len(lists)))
    for column, (numbers, scores) in enumerate(entries):
        raw[numbers, column] = scores
        normalised[numbers, column] = minmax(scores)
    counts = np.bincount(np.array(contained, np.intp), minlength=len(rows))
    return Fused(list(rows), raw, normalised, normalised @ weights / weights.sum(), counts)
