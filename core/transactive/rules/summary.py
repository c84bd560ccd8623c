"""A summary without a language model: the sentences that stand nearest the middle of the text and are important.

    score(sentence) = cosine to the mean of all sentences' term vectors + importance

The cosine to the centroid is that of MEAD (Radev et al., 2004); importance is that of `rules.importance`. Sentences
that repeat one already taken are passed over (more than half of the words), and the rest keep their order.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from transactive.rules import importance
from transactive.rules.duplicates import marks

MOST = 1000
"""Characters of a summary."""
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


def extract(texts: Sequence[str], most: int = MOST) -> str:
    """At most `most` characters of the most telling sentences, in their order, joined by spaces."""
    sentences = [s for text in texts for s in (part.strip() for part in _SENTENCE.split(text)) if s]
    terms = [_terms(sentence) for sentence in sentences]
    centroid: dict[str, float] = {}
    for found in terms:
        for word, count in found.items():
            centroid[word] = centroid.get(word, 0.0) + count / found.total()
    scores = [_cosine(found, centroid) + importance.score(text) for found, text in zip(terms, sentences, strict=True)]
    taken: list[int] = []
    length = 0
    for place in sorted(range(len(sentences)), key=lambda n: (-scores[n], n)):
        if length + len(sentences[place]) + 1 > most or any(_repeats(terms[place], terms[t]) for t in taken):
            continue
        taken.append(place)
        length += len(sentences[place]) + 1
    chosen = " ".join(sentences[place] for place in sorted(taken))
    return chosen or (sentences[scores.index(max(scores))][: most - 1] + "…" if sentences else "")


def _terms(sentence: str) -> Counter[str]:
    found = marks(sentence)
    return found.words + Counter(found.numbers) + Counter(found.dates)


def _cosine(one: Counter[str], other: Mapping[str, float]) -> float:
    product = sum(count * other.get(word, 0.0) for word, count in one.items())
    norms = math.sqrt(sum(c * c for c in one.values()) * sum(c * c for c in other.values()))
    return product / norms if norms else 0.0


def _repeats(one: Counter[str], other: Counter[str]) -> bool:
    return (one & other).total() > 0.5 * max(1, min(one.total(), other.total()))
