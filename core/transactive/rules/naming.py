"""How names of entities are compared, and which names a text may hold.

Two names are the same when their words are: case, punctuation and spaces do not count ("Acme Corp." and "ACME corp").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from typing import TypeAlias

Phrase: TypeAlias = tuple[str, int, int]
"""The key of a name that a text may hold, and where in the text it begins and ends."""
_WIDTH = 1 << 20
MOST_WORDS = 8
"""The longest name that is looked for in texts."""
_LONGEST_UNSPACED = 12
_WORD = re.compile(r"[^\W_]+(?:[-'’.@/:+#&][^\W_]+)*[+#]*")
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힯]+")
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by can do for from had has have he her his i if in is it its may me my no not of on "
        "or our out she so that the their them then there they this to up us was we were what when who will with "
        "you your",
    )
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


def phrases(text: str) -> Iterator[Phrase]:
    """Every name that a text may hold, longest first; at most eight words each.

    A script without spaces has no words: there, every part of a run of its characters may be one.
    """
    found = words(text)
    for size in range(min(MOST_WORDS, len(found)), 0, -1):
        for start in range(len(found) - size + 1):
            key = " ".join(found[start : start + size])
            if size > 1 or _tells(key):
                yield key, start * _WIDTH, (start + size) * _WIDTH
    for place, word in enumerate(found):
        for match in _UNSPACED.finditer(word):
            first = place * _WIDTH + match.start()
            yield from ((part, first + at, first + at + len(part)) for part, at in _parts(match[0]) if part != word)


def _parts(run: str) -> Iterator[tuple[str, int]]:
    for size in range(min(_LONGEST_UNSPACED, len(run)), 1, -1):
        yield from ((run[start : start + size], start) for start in range(len(run) - size + 1))


def _tells(word: str) -> bool:
    return len(word) > 1 and word not in _COMMON


def held(candidates: Iterable[Phrase], known: Container[str]) -> list[str]:
    """Those of a text's phrases that are known names: of two that share a part of it, the longer one."""
    taken: list[tuple[int, int]] = []
    found: dict[str, None] = {}
    for key, start, end in candidates:
        if key in known and (key in found or all(end <= first or last <= start for first, last in taken)):
            taken.append((start, end))
            found[key] = None
    return list(found)
