"""How names of entities are compared, and which names a text may hold.

Two names are the same when their words are: case, punctuation and spaces do not count ("Acme Corp." and "ACME corp").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator

MOST_WORDS = 6
"""The longest name that is looked for in texts."""
_LONGEST_UNSPACED = 12
_WORD = re.compile(r"[^\W_]+(?:[-'’.@/:+#&][^\W_]+)*[+#]*")
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힯]+")
_COMMON = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "can",
        "do",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "i",
        "if",
        "in",
        "is",
        "it",
        "its",
        "may",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "out",
        "she",
        "so",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "they",
        "this",
        "to",
        "up",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "who",
        "will",
        "with",
        "you",
        "your",
    ]
)


def words(text: str) -> list[str]:
    """The words of a text in the form in which names are compared: NFKC, case folded; identifiers stay whole."""
    return [
        word.replace("’", "'").removesuffix("'s")
        for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    ]


def name_key(name: str) -> str:
    """What is the same for every way to write a name; never empty for a name that is not."""
    return " ".join(words(name)) or unicodedata.normalize("NFKC", name).casefold().strip()


def phrases(text: str) -> Iterator[tuple[str, int, int]]:
    """Every name that a text may hold, as its key with the first word and the word after; longest first.

    A script without spaces has no words: there, every part of a run of its characters may be one.
    """
    found = words(text)
    for size in range(min(MOST_WORDS, len(found)), 0, -1):
        for start in range(len(found) - size + 1):
            key = " ".join(found[start : start + size])
            if size > 1 or _tells(key):
                yield key, start, start + size
    for place, word in enumerate(found):
        for run in _UNSPACED.findall(word):
            yield from ((part, place, place + 1) for part in _parts(run) if part != word)


def _parts(run: str) -> Iterator[str]:
    for size in range(min(_LONGEST_UNSPACED, len(run)), 1, -1):
        yield from (run[start : start + size] for start in range(len(run) - size + 1))


def _tells(word: str) -> bool:
    return len(word) > 1 and word not in _COMMON


def held(candidates: Iterable[tuple[str, int, int]], known: Container[str]) -> list[str]:
    """Those of a text's phrases that are known names: of two that share a word, the longer one."""
    taken: set[int] = set()
    found: dict[str, None] = {}
    for key, start, end in candidates:
        if key in known and (key in found or taken.isdisjoint(range(start, end))):
            taken.update(range(start, end))
            found[key] = None
    return list(found)
