"""Which names of the graph a memory's text holds: found at the write; for a new name, in what was written before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from transactive.ledger import graph
from transactive.rules import naming

BACK = 1000
"""Among how many of the latest memories that may hold a new name it is looked for."""
MAX_TEXT = 20_000
"""How many characters of a text are searched for names."""


def mention(connection: Connection, texts: Mapping[str, str]) -> None:
    """Note which names some memories hold, by their texts as they are now."""
    candidates = {uid: list(naming.phrases(text[:MAX_TEXT])) for uid, text in texts.items()}
    keys = {key for found in candidates.values() for key, _, _ in found}
    known = graph.of_keys(connection, keys)
    graph.forget_mentions(connection, list(texts), extracted=False)
    rows = [
        (number, uid) for uid, found in candidates.items() for key in naming.held(found, known) for number in known[key]
    ]
    graph.mention(connection, rows, extracted=False)


def look_back(connection: Connection, new: Iterable[graph.Ref], now: datetime) -> None:
    """Note which of the memories that are there hold names that are new."""
    texts: dict[str, str] = {}
    if not graph.any_memory(connection):
        return
    for key in dict.fromkeys(key for _, key in new):
        if any(True for _ in naming.phrases(key)):
            texts.update(graph.text_with(connection, key, now, BACK))
    if texts:
        mention(connection, texts)
