"""Finds the identifiers in a text (`INV-5678`, `cust_42`, paths, addresses), and character pairs in unspaced scripts.

A word tokenizer splits `INV-5678`, takes `C++` for `C#` and finds nothing in 東京タワー; these terms go beside its own.
"""

from __future__ import annotations

import re

MAX_IDENTIFIERS = 500
# What an identifier has: a digit, a sign inside, or a sign at the end of a word. Most chunks have none.
_MARKED = re.compile(r"\d|[-_/@.#+\\:=]\w|\w[+#]")
_TRIM = "\"'`“”‘’«»()[]{}<>,;:!?…"
_MARK = re.compile(r"[-_/@.#+\\:=]")
_UNSPACED = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿가-힯]+")
_LOOSE = re.compile(
    r"""\d+(st|nd|rd|th|s|am|pm|k|m|h|d|x|ms|kg|km|gb|mb|%)?   # counts, ordinals, clock hours, sizes
    |[\d.,:/%€$£-]+                                       # amounts, times, dates, ranges
    |[^\W\d_]+([-/.'’+][^\W\d_]+)*\+?                     # words, hyphenated words, abbreviations
    |[^\W\d_]*\d{1,2}""",
    re.VERBOSE | re.IGNORECASE,
)


def identifiers(text: str) -> list[str]:
    """Tokens with a digit, or with one of `- _ / @ . # +` inside, case-folded, each once, in order; at most 500."""
    if not _MARKED.search(text):
        return []
    found: dict[str, None] = {}
    for chunk in _UNSPACED.sub(" ", text).split():  # 請求書INV-9001が is an identifier between words
        if _MARKED.search(chunk):
            word = trimmed(chunk)
            if len(word) > 1 and (any(c.isdigit() for c in word) or _MARK.search(word)):
                found[word[:200]] = None
                if len(found) == MAX_IDENTIFIERS:
                    break
    return list(found)


def trimmed(word: str) -> str:
    """A chunk of text without the punctuation around it and without a possessive `'s`, case-folded."""
    bare = word.strip(_TRIM).rstrip(".").strip(_TRIM).casefold()
    return bare[:-2] if bare.endswith(("'s", "’s")) else bare


def exact(query: str) -> list[str]:
    """The query's identifiers that name one thing, so that whoever writes them wants the memories that contain them.

    Counts, dates, amounts, ordinary words with a hyphen and the like are identifiers for ranking only.
    """
    return [word for word in identifiers(query) if not _loose(word)][:4]


_TIGHT = re.compile(
    r"""\d{5,}                                  # a number that counts nothing
    |/\S\S+|(?=.*[^\W\d_])\S+/\S*[./]\S*   # paths
    |\d+\.\d+\.\d+\.\d+                     # network addresses
    |[^\W\d_]{1,2}[+#]+                       # c++, c#
    |[\w.+-]+@[\w-]+(\.[\w-]+)+              # mail addresses""",
    re.VERBOSE,
)


def _loose(word: str) -> bool:
    return _TIGHT.fullmatch(word) is None and _LOOSE.fullmatch(word) is not None


def character_pairs(text: str) -> list[str]:
    """Bigrams of every run of Han, Kana or Hangul characters; a run of one character is itself."""
    pairs: dict[str, None] = {}
    for run in _UNSPACED.findall(text):
        for i in range(max(1, len(run) - 1)):
            pairs[run[i : i + 2]] = None
    return list(pairs)
