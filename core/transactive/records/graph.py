"""Entities, what connects them, and parts of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from transactive.records.memory import Sensitivity


class EntityRef(NamedTuple):
    """Which entity: a type and a name; a plain pair serves as well."""

    type: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """Somebody or something, as far as the reader may know of it."""

    uid: str
    type: str
    name: str
    """As it is written where it was last stated."""
    aliases: tuple[str, ...] = ()
    """Its other names."""
    namespace: str
    """Where what follows is said of it; the same entity may be known in others too."""
    namespaces: tuple[str, ...] = ()
    """All of those that the reader may read."""
    user: str | None = None
    sensitivity: Sensitivity = "internal"
    agent: str
    """Who stated it first there."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def ref(self) -> EntityRef:
        """Its type and name."""
        return EntityRef(self.type, self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One connection, as it was held when it was read."""

    uid: str
    type: str
    source: EntityRef
    target: EntityRef
    namespace: str
    user: str | None = None
    sensitivity: Sensitivity = "internal"
    agent: str
    """Who stated this version."""
    session: str | None = None
    confidence: float = 1.0
    """In [0, 1]."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    """Uids of the memories that say so, of those that the reader may read."""
    valid_from: datetime | None = None
    """Since when it is so; None where that is not known."""
    valid_until: datetime | None = None
    """Until when it was so; None while it is."""
    recorded_at: datetime
    """When the ledger took this version."""
    retired_at: datetime | None = None
    """When a later version took its place; None for what is held now."""
    version: int = 1

    def __str__(self) -> str:
        return f"{self.source.name} {self.type} {self.target.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEdge:
    """One item for `graph.link_many`: the same fields as the arguments of `graph.link`."""

    source: EntityRef | Entity | tuple[str, str]
    type: str
    target: EntityRef | Entity | tuple[str, str]
    confidence: float | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    metadata: Mapping[str, Any] | None = None
    sources: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbor:
    """An entity one edge away."""

    entity: Entity
    edge: Edge
    outgoing: bool
    """Whether the edge leads to it; else from it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subgraph:
    """A part of the graph, closest entities first."""

    entities: tuple[Entity, ...] = ()
    edges: tuple[Edge, ...] = ()
    depths: Mapping[EntityRef, int] = field(default_factory=dict)
    """How many edges each entity is away from where the walk began."""
    truncated: bool = False
    """Whether there was more than the bounds let through."""

    def __len__(self) -> int:
        return len(self.entities)

    def to_dict(self) -> dict[str, Any]:
        """Entities and edges as plain values that JSON holds."""
        from transactive.records import graph_formats

        return graph_formats.as_dict(self)

    def to_json(self) -> str:
        """The same as JSON text."""
        from transactive.records import graph_formats

        return graph_formats.as_json(self)

    def to_graphml(self) -> str:
        """GraphML, which Gephi, yEd, Cytoscape and NetworkX read."""
        from transactive.records import graph_formats

        return graph_formats.as_graphml(self)

    def to_mermaid(self) -> str:
        """A Mermaid flowchart, which Markdown viewers draw."""
        from transactive.records import graph_formats

        return graph_formats.as_mermaid(self)

    def to_networkx(self) -> Any:
        """A `networkx.MultiDiGraph` whose nodes are pairs of type and name; needs the extra `graph`."""
        from transactive.records import graph_formats

        return graph_formats.as_networkx(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """A shortest way between two entities: `entities[n]` and `entities[n + 1]` are joined by `edges[n]`."""

    entities: tuple[Entity, ...]
    edges: tuple[Edge, ...]

    def __len__(self) -> int:
        return len(self.edges)

    def __str__(self) -> str:
        parts = [self.entities[0].name]
        for entity, edge in zip(self.entities[1:], self.edges, strict=True):
            forward = edge.target == entity.ref
            parts += [f"—{edge.type}→" if forward else f"←{edge.type}—", entity.name]
        return " ".join(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeType:
    """What holds for edges of a type."""

    type: str
    single: bool
    """Whether a thing has one such edge at a time: another one ends the former."""
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What an extractor finds in a text: a connection of two entities, or with no `type`, the mention of the first."""

    source: tuple[str, str]
    type: str | None = None
    target: tuple[str, str] | None = None
    confidence: float = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Extraction:
    """What `graph.extract` did."""

    memories: int
    """How many were read."""
    entities: int
    """How many names they mention."""
    edges: tuple[Edge, ...] = ()
    """What they say is connected, new or said again."""
