"""Whether two texts say the same, or different things about the same thing.

Texts say the same when their tokens are the same but for case, spaces, punctuation and fillers: "HNSW takes
5ms." and "the HNSW takes 5 ms". That is decided by a key, and costs no comparison. Where a policy sets `duplicate_at`,
another wording with so close an embedding says the same too, if it only adds or leaves out plain words: an embedding
alone cannot tell "the fix works" from "the fix doesn't", who reports to whom, nor C++ from C#.
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
_FILLERS = {"the", "that", "please", "really", "very", "also"}
_RESTRICTING = {
    *("only", "except", "unless", "until", "but", "if", "when", "while", "before", "after", "almost", "nearly", "half"),
    *("first", "last", "new", "old", "former", "next", "some", "most", "all", "every", "any", "few", "many", "maybe"),
    *("perhaps", "probably", "possibly", "might", "may", "can", "could", "should", "must", "will", "would", "shall"),
    *("is", "are", "was", "were", "be", "been", "has", "have", "had", "does", "did", "do", "to", "by", "from", "off"),
}
_GIST = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+(?:[.,:]\d+)*|[^\w\s]|_+")
_OPENING, _CLOSING = "([{\"'`«“‘¿¡", ".,;:!)]}\"'`»”’…"
_ALIKE = 0.6
"""The share of their other words that two texts have in common when they are about the same thing."""


def gist(text: str) -> list[str]:
    """The tokens of a text that tell it from another: words, numbers and signs, without punctuation and fillers."""
    normal = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    # Only around words is a sign punctuation: `!=`, `[]` and `..` say something.
    chunks = (chunk.lstrip(_OPENING).rstrip(_CLOSING) or chunk for chunk in normal.split())
    tokens = (token for chunk in chunks for token in _GIST.findall(chunk))
    return [token for token in tokens if token not in _FILLERS]


@lru_cache(maxsize=4096)
def text_key(text: str) -> bytes:
    """16 bytes that are the same for texts that say the same."""
    return hashlib.sha256(" ".join(gist(text) or [text]).encode()).digest()[:16]


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

    @property
    def figures(self) -> tuple[tuple[str, ...], frozenset[str], bool]:
        """Numbers, dates and negation: where they differ, two texts about the same thing contradict each other."""
        return self.numbers, self.dates, self.negated


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
    """Whether, of two texts whose embeddings are close, one only adds plain words to the other."""
    if differences(one, other):
        return False
    a, b = gist(one), gist(other)
    added, dropped = Counter(b) - Counter(a), Counter(a) - Counter(b)
    if added and dropped:
        return False
    if any(not word.isalpha() or word in _RESTRICTING | _NEGATIONS for word in (added | dropped)):
        return False
    common = set(a) & set(b)
    return [word for word in a if word in common] == [word for word in b if word in common]


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
