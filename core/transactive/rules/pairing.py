"""Which of many texts are compared two by two: each with the few most like it that may contradict it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

_BLOCK = 250


def codes(values: Iterable[Hashable]) -> npt.NDArray[np.int64]:
    """A number for each value: the same for equal ones."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def closest(
    vectors: npt.NDArray[np.float32], about: Sequence[Hashable], says: Sequence[Hashable], *, least: float, most: int
) -> dict[tuple[int, int], float]:
    """The cosines of pairs that are about the same and say something else, by their places, the earlier first.

    Each is paired with the `most` of those that are closest to it, from the cosine `least` on.
    """
    found: dict[tuple[int, int], float] = {}
    subjects, sayings = codes(about), codes(says)
    for start in range(0, len(vectors), _BLOCK):
        some = slice(start, start + _BLOCK)
        cosines = vectors[some] @ vectors.T
        cosines[(subjects[some, None] != subjects) | (sayings[some, None] == sayings)] = -np.inf
        for row, other in _highest(cosines, least, most):
            pair = min(start + row, other), max(start + row, other)
            found[pair] = float(cosines[row, other])
    return found


def _highest(cosines: npt.NDArray[np.float32], least: float, most: int) -> Iterator[tuple[int, int]]:
    """The places of the `most` highest of each row."""
    for row in np.flatnonzero((cosines >= least).any(axis=1)):
        others = np.flatnonzero(cosines[row] >= least)
        if len(others) > most:
            others = others[np.argpartition(cosines[row, others], -most)[-most:]]
        for other in others:
            yield int(row), int(other)
