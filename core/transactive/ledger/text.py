"""Full text: what answers when there is no index, and what `degrade="text"` falls back to."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, literal_column, or_, select, table, text, true

from transactive.filters import Expression
from transactive.ledger import filtering
from transactive.ledger.memories import live
from transactive.ledger.schema import memories

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힯]")  # scripts that FTS5's tokenizer does not split
MAX_WORDS = 64


def search(
    connection: Connection, query: str, where: Expression, now: datetime, limit: int
) -> list[tuple[Row[Any], float]]:
    """Live memories that fulfil `where` and share a word with the query, with BM25 scores above 0, best first.

    Words in scripts without spaces are searched as substrings, with a score of 1 for each that is found.
    """
    words = list(dict.fromkeys(_WORD.findall(query.casefold())))[:MAX_WORDS]
    spaced = [word for word in words if not _UNSPACED.search(word)]
    found: dict[int, tuple[Row[Any], float]] = {}
    if spaced:
        for row in _matching(connection, spaced, where, now, limit):
            found[row.number] = (row, -float(row.rank))
    for word in words:
        if word not in spaced:
            for row in _containing(connection, word, where, now, limit):
                found[row.number] = (row, found[row.number][1] + 1.0 if row.number in found else 1.0)
    return sorted(found.values(), key=lambda pair: (-pair[1], pair[0].number))[:limit]


def _matching(
    connection: Connection, words: list[str], where: Expression, now: datetime, limit: int
) -> list[Row[Any]]:
    expression = " OR ".join(f'"{word}"' for word in words)
    rank = literal_column("bm25(memory_text)").label("rank")
    full_text = table("memory_text")
    query = (
        select(memories, rank)
        .select_from(memories.join(full_text, literal_column("memory_text.rowid") == memories.c.number))
        .where(text("memory_text MATCH :expression").bindparams(expression=expression))
        .where(live(now), filtering.condition(where))
        .order_by(rank, memories.c.number)
        .limit(limit)
    )
    return list(connection.execute(query))


def _containing(connection: Connection, word: str, where: Expression, now: datetime, limit: int) -> list[Row[Any]]:
    pieces = [word[i : i + 2] for i in range(max(1, len(word) - 1))]
    condition = or_(*(memories.c.text.contains(piece, autoescape=True) for piece in pieces[:MAX_WORDS]))
    query = select(memories).where(and_(true(), live(now), filtering.condition(where), condition))
    return list(connection.execute(query.limit(limit)))
