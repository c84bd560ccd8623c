"""What the stories about the graph share: names to speak of, and short ways to say what was answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from transactive import Agent, TeamMemory
from transactive.records import Edge, Entity, EntityRef, Found, Neighbor, Subgraph

ALICE, BOB, CAROL = ("person", "Alice Chen"), ("person", "Bob Diaz"), ("person", "Carol Okoye")
ACME, BETA, GAMMA = ("company", "Acme Corp"), ("company", "Beta Works"), ("company", "Gamma Ltd")
REDIS, BILLING, LEDGER = ("service", "Redis"), ("service", "Billing"), ("service", "Ledger")
SHARED = "team/shared"
TABLES = ("names", "entities", "edges", "edge_sources", "mentions", "edge_types")


def thing(name: str) -> EntityRef:
    """An entity of no special type."""
    return EntityRef("thing", name)


def year(number: int) -> datetime:
    """The first moment of a year."""
    return datetime(number, 1, 1, tzinfo=UTC)


def names(found: Iterable[Entity | Neighbor]) -> list[str]:
    """The names of entities, or of those one edge away, in their order."""
    return [(item.entity if isinstance(item, Neighbor) else item).name for item in found]


def said(edges: Iterable[Edge]) -> list[str]:
    """Edges as short sentences, sorted."""
    return sorted(map(str, edges))


def depths(part: Subgraph) -> dict[str, int]:
    """How far away each entity is, by name."""
    return {ref.name: depth for ref, depth in part.depths.items()}


def rows(team: TeamMemory | Agent) -> dict[str, int]:
    """How many rows the tables of the graph and what a write adds to them hold."""
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        every = (*TABLES, "memories", "events", "audit", "namespaces")
        return {table: int(ledger.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]) for table in every}


def works_at(text: str) -> list[Found]:
    """An extractor that reads lines such as `Alice Chen > Acme Corp`, and takes a lone name as a mention."""
    found: list[Found] = []
    for line in text.splitlines():
        person, _, company = (part.strip() for part in line.partition(">"))
        if company:
            found.append(Found(source=("person", person), type="works_at", target=("company", company)))
        else:
            found.append(Found(source=("person", person)))
    return found


class FakeChat:
    """A chat model by what it can do: it answers what it was given, and keeps what it was asked."""

    def __init__(self, items: Sequence[Mapping[str, Any]] | object) -> None:
        self._answer = {"items": items} if isinstance(items, list) else items
        self.schemas: list[Any] = []
        self.prompts: list[str] = []

    def with_structured_output(self, schema: Any) -> FakeChat:
        """A model that answers in this form: here the same one."""
        self.schemas.append(schema)
        return self

    def invoke(self, prompt: str) -> object:
        """The answer."""
        self.prompts.append(prompt)
        return self._answer
