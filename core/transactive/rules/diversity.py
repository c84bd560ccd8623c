"""Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): what is relevant and not like what was chosen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


def diverse(relevance: Vectors, vectors: Vectors, diversity: float, count: int) -> list[int]:
    """At most `count` rows, in the order in which argmax((1 − d)·relevance − d·max cosine to a chosen one) takes them.

    `relevance` has shape [n]; `vectors`, [n, dimensions], have length 1, or 0 where there is none.
    """
    likeness = np.zeros(len(relevance), np.float32)
    left = np.ones(len(relevance), bool)
    chosen: list[int] = []
    while len(chosen) < min(count, len(relevance)):
        worth = np.where(left, (1.0 - diversity) * relevance - diversity * likeness, -np.inf)
        place = int(np.argmax(worth))
        cosines = vectors @ vectors[place]
        likeness = cosines if not chosen else np.maximum(likeness, cosines)
        left[place] = False
        chosen.append(place)
    return chosen
