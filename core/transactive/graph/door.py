"""`agent.graph`: the verbs, for one identity."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from transactive.records import (
    Edge,
    EdgeType,
    Entity,
    EntityRef,
    Extraction,
    Memory,
    Neighbor,
    NewEdge,
    Path,
    Progress,
    Sensitivity,
    Subgraph,
)
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.filters import Where
    from transactive.graph.extracting import Extracting
    from transactive.graph.linking import Linking
    from transactive.graph.looking import Looking

Like = EntityRef | Entity | tuple[str, str] | str
"""A pair of type and name, an `Entity`, or where something is read, a name alone."""
Direction = Literal["out", "in", "both"]


class KnowledgeGraph:
    """Entities and what connects them, said in namespaces, under the grants of memories.

    An entity is a type and a name: `("company", "Acme Corp")`; case, punctuation and spaces of the name do not count.
    Whoever says something of the same type and name, in whatever namespace, says it of the same entity, and one graph
    spans all that an agent may read: each edge has namespace, user, sensitivity and author, and is there for who may
    read that. To write takes the rights `read` and `write` in the namespace, by default the private one; whoever has
    them may change what it may read there, and what was there stays in the history.

    Reads take `at` (what was so then; by default now) and `as_of` (what was known then).
    """

    def __init__(self, linking: Linking, looking: Looking, extracting: Extracting, identity: Identity) -> None:
        self._linking = linking
        self._looking = looking
        self._extracting = extracting
        self._identity = identity

    # --- writing --------------------------------------------------------------------------------------------------

    def add(
        self,
        entity: Like,
        *,
        aliases: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Entity:
        """State an entity, with its other names; again, it is the same one, with what is new.

        Memories that hold one of its names are linked to it, those that are there and those to come.
        """
        place = self._linking.place(self._identity, namespace, user, sensitivity)
        return self._linking.add(self._identity, entity, aliases, metadata, place)

    def link(
        self,
        source: Like,
        type: str,
        target: Like,
        *,
        confidence: float | None = None,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        sources: Sequence[str] = (),
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Edge:
        """Connect two entities, which need not be there before. The same once more is the same edge.

        Args:
            source: Where the edge begins: a pair of type and name, or an `Entity`.
            type: `works_at`, `part_of`, `depends_on`, `relates_to` or one of your own.
            target: Where it ends.
            confidence: In [0, 1]; 1 unless said. Another one makes a new version.
            valid_from: Since when it is so; None where that is not known.
            valid_until: Until when it was so.
            metadata: A JSON object of at most 64 KiB.
            sources: Ids of memories that say so.
            namespace: Where this is said.
            user: About whom.
            sensitivity: By default `internal`.

        Of a type that is single (`works_at` is, others by `define`), an edge ends the one that says otherwise: that was
        so until this one began. What began later stays, and ends this one.
        """
        from transactive.graph.linking import check_edge

        new: Any = NewEdge(
            source=source,  # type: ignore[arg-type]  # whatever it is: it is checked
            type=type,
            target=target,  # type: ignore[arg-type]
            confidence=confidence,
            metadata=metadata,
            valid_from=valid_from,
            valid_until=valid_until,
            sources=sources,
        )
        place = self._linking.place(self._identity, namespace, user, sensitivity)
        return self._linking.link(self._identity, check_edge(new), place)

    def link_many(
        self,
        items: Iterable[NewEdge | tuple[tuple[str, str], str, tuple[str, str]]],
        *,
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
        progress: bool | Callable[[Progress], None] = False,
    ) -> Sequence[Edge]:
        """Connect many, 1,000 in a transaction; one invalid item refuses all, naming its place.

        Args:
            items: `NewEdge` records with the fields of `link`, or triples (source, type, target).
            namespace: Where all of it is said.
            user: About whom.
            sensitivity: By default `internal`.
            progress: True for a bar (lines where there is no terminal), or a callback.
        """
        from transactive.graph.linking import check_edges
        from transactive.progress import reporter

        place = self._linking.place(self._identity, namespace, user, sensitivity)
        return self._linking.link_many(self._identity, check_edges(items), place, reporter(progress, "linking"))

    def unlink(
        self,
        source: Like | Edge,
        type: str | None = None,
        target: Like | None = None,
        *,
        at: datetime | None = None,
        namespace: str | None = None,
    ) -> builtins.list[Edge]:
        """End an edge, or those of a source (of a type, to a target) in a namespace, at a time, by default now.

        They stay known as having been so until then. Returns what has ended.
        """
        place = self._linking.place(self._identity, namespace)
        return self._linking.unlink(self._identity, source, type, target, at=at, place=place)

    def merge(self, alias: Like, into: Like, *, namespace: str | None = None) -> Entity:
        """Say that two names are of one entity, whose name is the second one; for whoever may read the namespace."""
        return self._linking.merge(self._identity, alias, into, self._linking.place(self._identity, namespace))

    def split(self, alias: Like, *, namespace: str | None = None) -> Entity:
        """Say that a name is of an entity of its own after all; raises `NotFound` when it is an alias of nothing."""
        return self._linking.split(self._identity, alias, self._linking.place(self._identity, namespace))

    def remove(self, entity: Like, *, namespace: str | None = None) -> int:
        """Delete an entity in a namespace for good, history included, with its edges there; returns how many edges."""
        return self._linking.remove(self._identity, entity, self._linking.place(self._identity, namespace))

    def define(self, type: str, *, single: bool, description: str | None = None) -> EdgeType:
        """Say whether a thing has one edge of a type at a time; only the owner may."""
        return self._linking.define(self._identity, type, single, description)

    def types(self) -> Sequence[EdgeType]:
        """The types of edges of which something was said."""
        return self._linking.types()

    def extract(
        self,
        ids: Sequence[str] | None = None,
        *,
        where: Where | None = None,
        limit: int = 1000,
        extractor: Any = None,
    ) -> Extraction:
        """Take the entities and connections that memories state into the graph, in the memories' own namespaces.

        Args:
            ids: Of memories that lie where the agent may write.
            where: A filter instead: the latest `limit` that fulfil it and lie where it may write.
            limit: 1 to 10,000.
            extractor: A function from a text to `Found`s, or a LangChain chat model; by default the store's, or a few
                patterns of English.

        What is taken from a memory holds as long as that counts: forgotten, expired or corrected, it takes that along.
        With `Policy(extract_graph=True)` this happens at every write.
        """
        return self._extracting.extract(self._identity, ids, where, limit, extractor)

    # --- reading --------------------------------------------------------------------------------------------------

    def get(self, entity: Like) -> Entity:
        """An entity, with all its names. Raises `NotFound`."""
        return self._looking.get(self._identity, entity)

    def list(
        self,
        *,
        type: str | None = None,
        namespaces: Sequence[str] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Entity]:
        """The entities that the agent may read, by name."""
        return self._looking.entities(self._identity, type, namespaces, limit, offset)

    def edges(
        self,
        entity: Like,
        *,
        types: Sequence[str] | None = None,
        direction: Direction = "both",
        at: datetime | None = None,
        as_of: datetime | None = None,
        namespaces: Sequence[str] | None = None,
        min_confidence: float | None = None,
        limit: int = 100,
    ) -> builtins.list[Edge]:
        """The edges of an entity, latest first. The arguments are those of `traverse`."""
        return [
            neighbor.edge
            for neighbor in self.neighbors(
                entity,
                types=types,
                direction=direction,
                at=at,
                as_of=as_of,
                namespaces=namespaces,
                min_confidence=min_confidence,
                limit=limit,
            )
        ]

    def neighbors(
        self,
        entity: Like,
        *,
        types: Sequence[str] | None = None,
        direction: Direction = "both",
        at: datetime | None = None,
        as_of: datetime | None = None,
        namespaces: Sequence[str] | None = None,
        min_confidence: float | None = None,
        limit: int = 100,
    ) -> builtins.list[Neighbor]:
        """What is one edge away, latest edge first. The arguments are those of `traverse`. Raises `NotFound`."""
        filters = self._looking.filters(at, as_of, types, namespaces, min_confidence)
        return self._looking.neighbors(self._identity, entity, filters, direction, limit)

    def traverse(
        self,
        entity: Like,
        *,
        depth: int = 2,
        types: Sequence[str] | None = None,
        direction: Direction = "both",
        at: datetime | None = None,
        as_of: datetime | None = None,
        namespaces: Sequence[str] | None = None,
        min_confidence: float | None = None,
        limit: int = 200,
        fan_out: int = 100,
    ) -> Subgraph:
        """What is up to `depth` edges away, closest first.

        Args:
            entity: Where to begin.
            depth: 1 to 10 edges; an alias is no step.
            types: Types of edges to go along.
            direction: Along edges (`out`), against them (`in`), or both.
            at: Along those that were so then; by default now.
            as_of: Along those that were known then.
            namespaces: Patterns; along those that were said there.
            min_confidence: Along those of at least this confidence.
            limit: How many entities at most, 1 to 10,000.
            fan_out: How many edges of one entity and direction at most, the latest ones, 1 to 10,000.

        Raises `NotFound`.
        """
        filters = self._looking.filters(at, as_of, types, namespaces, min_confidence)
        return self._looking.traverse(
            self._identity, entity, filters, depth=depth, direction=direction, limit=limit, fan_out=fan_out
        )

    def path(
        self,
        source: Like,
        target: Like,
        *,
        max_depth: int = 6,
        types: Sequence[str] | None = None,
        at: datetime | None = None,
        as_of: datetime | None = None,
        namespaces: Sequence[str] | None = None,
        min_confidence: float | None = None,
    ) -> Path | None:
        """A shortest way from one entity to another, along edges or against them; None when there is none.

        At most `max_depth` edges (1 to 20); of each entity the latest 1,000 edges of a direction are tried, and about
        10,000 entities in all. Raises `NotFound` for an entity that is not there.
        """
        filters = self._looking.filters(at, as_of, types, namespaces, min_confidence)
        return self._looking.path(self._identity, source, target, filters, max_depth)

    def subgraph(
        self,
        entities: Sequence[Like] | None = None,
        *,
        types: Sequence[str] | None = None,
        at: datetime | None = None,
        as_of: datetime | None = None,
        namespaces: Sequence[str] | None = None,
        min_confidence: float | None = None,
        limit: int = 10_000,
    ) -> Subgraph:
        """Some entities and the edges among them; without `entities`, all that the agent may read.

        `limit` bounds the entities, and ten times as many edges. It becomes text for other programs by `to_json()`,
        `to_graphml()`, `to_mermaid()`, and a graph of NetworkX by `to_networkx()`.
        """
        filters = self._looking.filters(at, as_of, types, namespaces, min_confidence)
        return self._looking.subgraph(self._identity, entities, filters, limit)

    def history(self, edge: Edge | str) -> Sequence[Edge]:
        """Every version of an edge, oldest first: what was held of it, from when to when. Raises `NotFound`."""
        return self._looking.history(self._identity, edge)

    def mentions(self, entity: Like, *, limit: int = 100) -> builtins.list[Memory]:
        """The memories that mention an entity, by any of its names, latest first. Raises `NotFound`."""
        return self._looking.mentions(self._identity, entity, limit)

    def mentioned(self, memory: Memory | str) -> builtins.list[Entity]:
        """The entities that a memory mentions, by name. Raises `NotFound`."""
        return self._looking.mentioned(self._identity, memory)
