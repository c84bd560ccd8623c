"""What of a knowledge graph a handle should see: the ledger's rows as they are, and the rules said once more.

That a row is there is taken from the ledger; who may read it, which names mean the same and what is connected is
decided here, by loops over all that there is.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path as Folder
from typing import Any

from tests.coordination.model import Model, Place
from tests.team.model import Handle
from transactive.ledger.times import stamp

Name = tuple[str, str]
"""Type and key."""
Row = Mapping[str, Any]


@dataclass
class Rows:
    """The graph as the ledger holds it, and the facts."""

    names: dict[int, Name]
    entities: list[Row]
    edges: list[Row]
    """Every version."""
    mentions: set[tuple[int, str]]
    sources: dict[str, set[str]]
    """By edge, the memories that say so."""
    facts: list[Row]

    @classmethod
    def read(cls, folder: Folder) -> Rows:
        """What there is now."""
        with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
            ledger.row_factory = sqlite3.Row

            def rows(table: str) -> list[Row]:
                return [dict(row) for row in ledger.execute(f'SELECT * FROM "{table}"')]

            sources: dict[str, set[str]] = {}
            for row in rows("edge_sources"):
                sources.setdefault(row["edge"], set()).add(row["memory"])
            return cls(
                names={row["number"]: (row["type"], row["key"]) for row in rows("names")},
                entities=rows("entities"),
                edges=rows("edges"),
                mentions={(row["name"], row["memory"]) for row in rows("mentions")},
                sources=sources,
                facts=rows("facts"),
            )

    def places(self) -> Iterable[tuple[str, Place]]:
        """Where each entity and edge lies."""
        return ((row["uid"], lies(row)) for row in (*self.entities, *self.edges))


@dataclass
class Seen:
    """The graph as a handle may know it."""

    said: dict[int, list[Row]] = field(default_factory=dict)
    """By name, what is said of it."""
    edges: list[Row] = field(default_factory=list)
    """Those that are so now."""
    classes: dict[int, frozenset[int]] = field(default_factory=dict)
    """By name, the names that mean the same."""

    def titles(self, name: int) -> frozenset[str]:
        """How an entity is called."""
        return frozenset(row["title"] for each in self.classes[name] for row in self.said[each])

    def everything(self) -> Counter[frozenset[str]]:
        """All entities, by what they are called: different things may have the same name."""
        return Counter(self.titles(min(names)) for names in set(self.classes.values()))

    def around(self, name: int) -> list[Row]:
        """The edges of an entity."""
        own = self.classes[name]
        return [row for row in self.edges if row["source"] in own or row["target"] in own]

    def distances(self, name: int) -> dict[frozenset[int], int]:
        """How many edges each entity is away."""
        found = {self.classes[name]: 0}
        waiting = deque([name])
        while waiting:
            near = waiting.popleft()
            for row in self.around(near):
                for other in (row["source"], row["target"]):
                    if self.classes[other] not in found:
                        found[self.classes[other]] = found[self.classes[near]] + 1
                        waiting.append(other)
        return found


def seen(model: Model, rows: Rows, who: Handle) -> Seen:
    """What a handle may know of a graph."""
    live = {uid: told.place for uid, told in model.memories.items() if model.live(told)}
    found = Seen()
    for row in rows.entities:
        mentioned = any(name == row["name"] and live.get(uid) == lies(row) for name, uid in rows.mentions)
        if model.sees(who, lies(row)) and (row["stated"] or mentioned):
            found.said.setdefault(row["name"], []).append(row)
    held = [row for row in rows.edges if row["retired_at"] is None]
    standing = [row for row in held if row["stated"] or not rows.sources.get(row["uid"], set()).isdisjoint(live)]
    ends = {row["uid"] for row in standing}
    now = [row for row in standing if model.sees(who, lies(row)) and _so(row, model.now, ends)]
    found.classes = _classes(found.said, [row for row in now if row["type"] == "same_as"])
    found.edges = [
        row for row in now if row["type"] != "same_as" and {row["source"], row["target"]} <= found.said.keys()
    ]
    return found


def lies(row: Row) -> Place:
    """Where a row lies."""
    return Place(row["namespace"], row["user"], row["sensitivity"])


def metadata(row: Row) -> object:
    """What is said of a row."""
    return json.loads(row["metadata"])


def _so(row: Row, now: datetime, standing: Container[str]) -> bool:
    """Whether an edge is so at a time; what another one has ended goes on when that does not stand any more."""
    at = stamp(now)
    begun = row["valid_from"] is None or row["valid_from"] <= at
    goes_on = row["ended_by"] is not None and row["ended_by"] not in standing
    return begun and (row["valid_until"] is None or row["valid_until"] > at or goes_on)


def _classes(names: Iterable[int], aliases: Iterable[Row]) -> dict[int, frozenset[int]]:
    found = {name: frozenset({name}) for name in names}
    for row in aliases:
        joined = found[row["source"]] | found[row["target"]]
        found.update(dict.fromkeys(joined, joined))
    return found
