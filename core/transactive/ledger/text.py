"""Full text: what answers when there is no index, and what `degrade="text"` falls back to."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from math import log

from sqlalchemy import ColumnElement, Connection, literal_column, select, table, text

from transactive.filters import Expression
from transactive.ledger import filtering
from transactive.ledger.memories import count, live
from transactive.ledger.rows import AnyRow, AnySelect
from transactive.ledger.schema import memories

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힯]")  # scripts that FTS5's tokenizer does not split
MAX_WORDS = 24


def search(
    connection: Connection, query: str, where: Expression, now: datetime, limit: int
) -> list[tuple[AnyRow, float]]:
    """Live memories that fulfil `where` and share a word with the query, with scores above 0, best first.

    The score sums the inverse document frequencies of the words found, ln(1 + (N − n + ½)/(n + ½)), counted over what
    `where` lets through: FTS5's own rank counts every row, and would tell of rows that the caller may not read.
    """
    allowed = filtering.condition(where)
    total = count(connection, where, now)
    scores: Counter[int] = Counter()
    for condition in _conditions(query):
        numbers = select(memories.c.number).where(condition, live(now), allowed)
        found = connection.execute(numbers).scalars().all()
        weight = log(1 + (total - len(found) + 0.5) / (len(found) + 0.5))
        scores.update(dict.fromkeys(found, weight))
    best = dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit])
    rows = {row.number: row for row in connection.execute(select(memories).where(memories.c.number.in_(best)))}
    return [(rows[number], score) for number, score in best.items()]


def _conditions(query: str) -> list[ColumnElement[bool]]:
    """One condition a word, the longest first; for a script without spaces, one for each pair of characters."""
    words = dict.fromkeys(sorted(_WORD.findall(query.casefold()), key=len, reverse=True))
    found: list[ColumnElement[bool]] = []
    for word in words:
        if _UNSPACED.search(word):
            pairs = dict.fromkeys(word[i : i + 2] for i in range(max(1, len(word) - 1)))
            found.extend(memories.c.text.contains(pair, autoescape=True) for pair in pairs)
        else:
            found.append(_matches(word))
    return found[:MAX_WORDS]


def _matches(word: str) -> ColumnElement[bool]:
    matching: AnySelect = select(literal_column("rowid")).select_from(table("memory_text"))
    return memories.c.number.in_(matching.where(text("memory_text MATCH :word").bindparams(word=f'"{word}"')))
