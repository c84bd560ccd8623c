"""Full text: what answers when there is no index, what `degrade="text"` falls back to, and what searches the past."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from math import log

from sqlalchemy import ColumnElement, Connection, bindparam, func, literal_column, select, table, text

from transactive.filters import Expression
from transactive.ledger import filtering, versions
from transactive.ledger.memories import count, live
from transactive.ledger.rows import AnyRow, AnySelect
from transactive.ledger.schema import memories, revisions
from transactive.ledger.versions import Past
from transactive.records import Memory

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힯]")  # scripts that FTS5's tokenizer does not split
MAX_WORDS = 24
_READ = 200


def search(
    connection: Connection, query: str, where: Expression, now: datetime, limit: int
) -> list[tuple[AnyRow, float]]:
    """Live memories that fulfil `where` and share a word with the query, with scores above 0, best first.

    The score sums the inverse document frequencies of the words found, ln(1 + (N − n + ½)/(n + ½)), counted over what
    `where` lets through: FTS5's own rank counts every row, and would tell of rows that the caller may not read.
    """
    allowed = filtering.condition(where)
    total = count(connection, where, now)
    lists = (
        connection.execute(select(memories.c.number).where(_in_memories(word), live(now), allowed)).scalars().all()
        for word in _words(query)
    )
    best = dict(_scored(lists, total)[:limit])
    rows = {row.number: row for row in connection.execute(select(memories).where(memories.c.number.in_(best)))}
    return [(rows[number], score) for number, score in best.items()]


def search_then(connection: Connection, query: str, past: Past, limit: int) -> list[tuple[Memory, float]]:
    """The same over what was known at an earlier time."""
    condition = filtering.condition(past.allowed)
    everything = select(func.count()).select_from(memories).where(versions.known(past.at), condition)
    total = int(connection.execute(everything).scalar_one())
    asked = [versions.numbers_then(past.at, _in_memories(word), _in_revisions(word)) for word in _words(query)]
    scored = _scored((connection.execute(numbers.where(condition)).scalars().all() for numbers in asked), total)
    found: list[tuple[Memory, float]] = []
    for start in range(0, len(scored), _READ):
        some = dict(scored[start : start + _READ])
        known = versions.by_numbers(connection, some, past.at)
        found.extend((known[n], score) for n, score in some.items() if n in known and past.wanted(known[n]))
        if len(found) >= limit:
            break
    return found[:limit]


def _scored(lists: Iterable[Iterable[int]], total: int) -> list[tuple[int, float]]:
    scores: Counter[int] = Counter()
    for found in lists:
        numbers = list(found)
        weight = log(1 + (total - len(numbers) + 0.5) / (len(numbers) + 0.5))
        scores.update(dict.fromkeys(numbers, weight))
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _words(query: str) -> list[str]:
    """The words of a query, the longest first; of a script without spaces, each pair of characters."""
    words = dict.fromkeys(sorted(_WORD.findall(query.casefold()), key=len, reverse=True))
    found: dict[str, None] = {}
    for word in words:
        if _UNSPACED.search(word):
            found.update(dict.fromkeys(word[i : i + 2] for i in range(max(1, len(word) - 1))))
        else:
            found[word] = None
    return list(found)[:MAX_WORDS]


def _in_memories(word: str) -> ColumnElement[bool]:
    if _UNSPACED.search(word):
        return memories.c.text.contains(word, autoescape=True)
    return memories.c.number.in_(_matching("memory_text", word))


def _in_revisions(word: str) -> ColumnElement[bool]:
    if _UNSPACED.search(word):
        return revisions.c.text.contains(word, autoescape=True)
    return revisions.c.number.in_(_matching("revision_text", word))


def _matching(name: str, word: str) -> AnySelect:
    matching: AnySelect = select(literal_column("rowid")).select_from(table(name))
    parameter = f"{name}_word"
    return matching.where(text(f"{name} MATCH :{parameter}").bindparams(**{parameter: f'"{word}"'}))


def phrase(words: str) -> ColumnElement[bool]:
    """Of a memory that may hold these words, one after the other; whether it does is for the reader of the text."""
    found = _WORD.findall(words.lower())  # as the full text does it, which folds no more
    if not found or _UNSPACED.search(words):
        return memories.c.text.contains(words, autoescape=True)
    rows: AnySelect = select(literal_column("rowid")).select_from(table("memory_text"))
    said: ColumnElement[str] = bindparam(None, '"' + " ".join(found) + '"', unique=True)
    return memories.c.number.in_(rows.where(literal_column("memory_text").op("MATCH")(said)))
