"""Which names of the graph memories' texts hold: found at the write; for a new name, in what was written before.

Every name is noted that a text holds, a part of a longer one too: which of them count, a reader's view decides, since
a longer name that the reader may not know must not hide the shorter one.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from transactive.ledger import graph
from transactive.rules import naming

BACK = 1000
"""Among how many of the latest memories that may hold a new name it is looked for."""
MAX_TEXT = 20_000
"""How many characters of a text are searched for names."""


def keys_in(text: str) -> set[str]:
    """The keys of all names that a text may hold."""
    return {key for key, _, _ in naming.phrases(text[:MAX_TEXT])}


def mention(connection: Connection, texts: Mapping[str, str]) -> None:
    """Note which names some memories hold, by their texts as they are now."""
    candidates = {uid: keys_in(text) for uid, text in texts.items()}
    known = graph.of_keys(connection, set().union(*candidates.values()))
    graph.forget_mentions(connection, list(texts), extracted=False)
    rows = [(number, uid) for uid, keys in candidates.items() for key in keys & known.keys() for number in known[key]]
    graph.mention(connection, sorted(rows), extracted=False)


def look_back(connection: Connection, new: Mapping[graph.Ref, str]) -> None:
    """Note which of the memories that are there hold names that are new, each as it is written."""
    if not new or not graph.any_memory(connection):
        return
    texts: dict[str, str] = {}
    for (_, key), title in new.items():
        if key in keys_in(key):
            texts.update(graph.text_with(connection, {title, key}, BACK))
    if texts:
        mention(connection, texts)
