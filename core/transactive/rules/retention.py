"""Which memories a full namespace keeps: retention = ½ importance + ½ what decay has left, in [0, 1].

Importance and recency as equal parts, after the retrieval score of Park et al., Generative Agents (2023), without its
relevance, which only a question has.
"""

from __future__ import annotations


def score(importance: float, kept: float) -> float:
    """Retention of a memory of this importance, of which decay has left `kept`; both in [0, 1]."""
    return 0.5 * importance + 0.5 * kept
