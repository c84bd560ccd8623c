"""Whether two texts say the same, or different things about the same thing.

The same text, but for case, spaces and a final full stop, says the same. Another wording says the same when its
embedding is close (the policy's `duplicate_at`) and nothing in the words speaks against it: the same numbers and
identifiers, the same negations, the same words in the same order, and none in the place of another. An embedding alone
cannot tell "the fix works" from "the fix doesn't", nor who reports to whom.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from transactive.rules.dates import MONTHS

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+(?:[.,:]\d+)*|[^\W_]+")
_NUMBER = re.compile(r"(?<![^\W_])[-−]?\d+(?:[.,:/]\d+)*")
_SPLIT = re.compile(r"(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)")
_DAYS = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
_RELATIVE = {"today", "yesterday", "tomorrow", "tonight"}
_DATES = _DAYS | _RELATIVE | {month.lower() for month in MONTHS}
_NEGATIONS = {
    *("not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "without", "cannot"),
    *("isn't", "aren't", "wasn't", "weren't", "doesn't", "don't", "didn't", "can't", "couldn't", "won't", "wouldn't"),
    *("shouldn't", "mustn't", "hasn't", "haven't", "hadn't", "ain't"),
}
_FUNCTION = {
    *(
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "it",
        "its",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
    ),
    *(
        "am",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "will",
        "would",
        "shall",
        "should",
        "can",
        "could",
        "may",
        "must",
    ),
    *(
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "with",
        "by",
        "from",
        "as",
        "and",
        "or",
        "but",
        "so",
        "then",
        "also",
        "very",
    ),
    *(
        "there",
        "here",
        "i",
        "we",
        "you",
        "he",
        "she",
        "they",
        "our",
        "my",
        "your",
        "his",
        "her",
        "their",
        "which",
        "who",
    ),
    *("about", "just", "really", "please", "that's", "it's"),
}
_ALIKE = 0.6
"""The share of their other words that two texts have in common when they are about the same thing."""


def text_key(text: str) -> bytes:
    """16 bytes that are the same for the same text, but for case, spaces and a final full stop."""
    normal = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".! ")
    return hashlib.sha256((normal or text).encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class Marks:
    """What of a text decides whether it says the same as another."""

    numbers: tuple[str, ...]
    """Sorted, dates written in digits included."""
    dates: frozenset[str]
    """Names of days and months, and words such as "tomorrow"."""
    negated: bool
    order: tuple[str, ...]
    """The other words that carry meaning, without their commonest endings."""
    words: Counter[str]
    """The same, counted."""


@lru_cache(maxsize=4096)
def marks(text: str) -> Marks:
    """Take a text apart."""
    normal = unicodedata.normalize("NFKC", text).replace("’", "'")
    numbers = tuple(sorted(match.replace("−", "-").rstrip(".,:") for match in _NUMBER.findall(_SPLIT.sub(" ", normal))))
    dates: set[str] = set()
    words: list[str] = []
    negations = 0
    for word in _WORD.findall(normal):
        lower = word.casefold()
        if lower in _DATES and (lower != "may" or word[0].isupper()):
            dates.add(lower)
        elif lower in _NEGATIONS:
            negations += 1
        elif not word[0].isdigit() and lower not in _FUNCTION:
            words.append(_stem(lower))
    return Marks(numbers, frozenset(dates), negations % 2 == 1, tuple(words), Counter(words))


def _stem(word: str) -> str:
    bare = word.removesuffix("'s")
    for ending in ("ing", "ed", "es", "s"):
        if bare.endswith(ending) and len(bare) - len(ending) >= 3:
            return bare[: -len(ending)]
    return bare


def same(one: str, other: str) -> bool:
    """Whether nothing in the words of two texts whose embeddings are close speaks against their saying the same."""
    a, b = marks(one), marks(other)
    if differences(one, other):
        return False
    shared = a.words.keys() & b.words.keys()
    in_order = [word for word in a.order if word in shared] == [word for word in b.order if word in shared]
    return in_order and not (a.words - b.words and b.words - a.words)


def differences(one: str, other: str) -> tuple[str, ...]:
    """What two texts say differently: `number`, `date`, `negation`."""
    a, b = marks(one), marks(other)
    found = {"number": a.numbers != b.numbers, "date": a.dates != b.dates, "negation": a.negated != b.negated}
    return tuple(name for name, differs in found.items() if differs)


def alike(one: str, other: str) -> bool:
    """Whether two texts are about the same thing: most of their other words are the same."""
    a, b = marks(one).words, marks(other).words
    total = (a | b).total()
    return total > 0 and (a & b).total() / total >= _ALIKE
