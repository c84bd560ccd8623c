"""What a question says about the memory it wants: who wrote it, when it happened, that it asks for a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from transactive.rules.dates import MONTHS

_WORD = re.compile(r"\w+")
_POSSESSIVE = re.compile(r"['’]s?(?!\w)")
_MONTHS = [name.lower() for name in MONTHS]
_MONTH = "|".join(month for month in _MONTHS if month != "may")
_YEAR = re.compile(r"\b((?:19|20)\d\d)(?:-(\d\d)(?:-\d\d)?)?\b")
# "may" is a verb too: a month only beside a number or after one of these words
_NAMED_MONTH = re.compile(
    rf"\b({_MONTH})\b|(?:\d|\b(?:in|of|on|last|this|since|early|late|mid)) (may)\b|\b(may)(?= \d)", re.IGNORECASE
)
_PERIOD = r"(?:night|week|weekend|month|year|summer|winter|spring|fall|autumn|mon|tue|wed|thu|fri|sat|sun)\w*"
_NUMBER = r"(?:a|two|three|four|five|six|few|couple(?: of)?|\d+)"
_ASKS_WHEN = re.compile(
    r"^\s*(?:when|since when|(?:on |in |by )?(?:what|which) (?:date|day|month|year|week|time)|how long ago)\b"
    r"|\b(?:what|which) (?:date|month|year)\b",
    re.IGNORECASE,
)
_TEMPORAL = re.compile(  # over lower case: ignoring case in the pattern costs twice the time
    rf"\b(?:yesterday|today|tonight|tomorrow|(?:last|next|this) {_PERIOD}|this (?:morning|afternoon|evening|past)"
    rf"|{_NUMBER} (?:minutes|hours|days?|weeks?|weekends?|months?|years?)(?: ago)?"
    r"|(?:the )?other day|recently|ago|since"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:19|20)\d\d|\d{1,2}(?:st|nd|rd|th)"
    rf"|{_MONTH})\b"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A known name in a query, and where it stands, its possessive ending included."""

    name: str
    start: int
    end: int
    proper: bool
    """Written with a capital, a digit or a sign: a name rather than a word like any other."""


class Names:
    """Known names, looked up in a query in time proportional to the query."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for name in sorted(names):
            self.add(name)

    def add(self, name: str) -> None:
        """Know one more name; harmless when it is known."""
        words = tuple(word.casefold() for word in _WORD.findall(name))
        entries = self._by_first.get(words[0], []) if words else []
        if words and (words, name) not in entries:
            # a new list: another thread may be reading the old one
            self._by_first[words[0]] = sorted([*entries, (words, name)], key=lambda entry: (-len(entry[0]), entry[1]))

    def mentions(self, query: str) -> list[Mention]:
        """Every known name in the query, the longest at each place."""
        return list(self._mentions(query)) if self._by_first else []

    def _mentions(self, query: str) -> Iterator[Mention]:
        words = list(_WORD.finditer(query))
        folded = tuple(match[0].casefold() for match in words)
        place = 0
        while place < len(words):
            found = next(
                (e for e in self._by_first.get(folded[place], ()) if folded[place : place + len(e[0])] == e[0]), None
            )
            if found is None:
                place += 1
                continue
            start, end = words[place].start(), words[place + len(found[0]) - 1].end()
            written = query[start:end]
            possessive = _POSSESSIVE.match(query, end)
            yield Mention(
                found[1], start, possessive.end() if possessive else end, not written.islower() or not written.isalpha()
            )
            place += len(found[0])


def without(query: str, mentions: Iterable[Mention]) -> str:
    """The query without its proper names, for the dense channels: a sentence encoder else ranks whoever is named first.

    The query itself when nothing else would be left.
    """
    kept = query
    for mention in sorted(mentions, key=lambda m: -m.start):
        if mention.proper:
            kept = f"{kept[: mention.start]} {kept[mention.end :]}"
    kept = re.sub(r"\s+([?!.,])", r"\1", " ".join(kept.split()))
    return kept if _WORD.search(kept) else query


def asks_when(query: str) -> bool:
    """Whether the question asks for a time (English)."""
    return _ASKS_WHEN.search(query) is not None


def tells_when(text: str) -> bool:
    """Whether a text carries an expression of time (English)."""
    return _TEMPORAL.search(text.lower()) is not None


@dataclass(frozen=True, slots=True)
class MentionedDate:
    """A year, a month, or both, that a query names."""

    year: int | None
    month: int | None

    def matches(self, time: datetime) -> bool:
        """Whether everything that was named agrees."""
        return self.year in {None, time.year} and self.month in {None, time.month}


def mentioned_date(query: str) -> MentionedDate | None:
    """The year or month that the query names (English month names, or ISO dates); None when it names neither."""
    year_match, month_match = _YEAR.search(query), _NAMED_MONTH.search(query)
    year = int(year_match[1]) if year_match else None
    month = int(year_match[2]) if year_match and year_match[2] else None
    if month_match:
        named = next(group for group in month_match.groups() if group)
        month = _MONTHS.index(named.lower()) + 1
    if month is not None and not 1 <= month <= 12:
        month = None
    return None if year is None and month is None else MentionedDate(year, month)
