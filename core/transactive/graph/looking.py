"""What the reading verbs of the graph do: a walk each, over one state of the ledger."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import and_

from transactive.errors import InvalidInput, NotFound
from transactive.graph.classes import Classes
from transactive.graph.naming import EntityLike, check_type
from transactive.graph.walking import Filters, Walk, Walked
from transactive.ledger import filtering, memories, placed
from transactive.ledger import graph as ledger
from transactive.ledger.schema_graph import entities as entity_table
from transactive.ledger.times import stamp
from transactive.paths.incoming import check_count, check_name
from transactive.paths.placing import Placing, patterns_of
from transactive.paths.reading import Reading
from transactive.records import Edge, Entity, Memory, Neighbor, Path, Subgraph
from transactive.rules.access import Identity

MOST = 10_000
MOST_DEPTH = 10
MOST_STEPS = 20
PATH_FAN_OUT = 1000
DIRECTIONS = ("out", "in", "both")


class Looking:
    """Reads the graph for the handle."""

    def __init__(self, placing: Placing, reading: Reading) -> None:
        self._placing = placing
        self._store = placing.store
        self._reading = reading

    def filters(
        self,
        at: datetime | None,
        as_of: datetime | None,
        types: Sequence[str] | None,
        namespaces: Sequence[str] | None,
        min_confidence: float | None,
    ) -> Filters:
        """What a call narrows a walk to."""
        return Filters(at=at, as_of=as_of, types=types, namespaces=namespaces, min_confidence=min_confidence)

    @contextmanager
    def _walk(self, identity: Identity, filters: Filters) -> Generator[Walk, None, None]:
        with self._placing.reading(identity) as (connection, reach):
            yield Walk(self._store, connection, filters.view(reach, self._store.clock()))

    def get(self, identity: Identity, entity: EntityLike) -> Entity:
        """One entity."""
        classes = Classes()
        with self._walk(identity, Filters()) as walk:
            names = walk.find(entity, classes)
            return next(iter(walk.entities(classes, names).values()))

    def entities(
        self, identity: Identity, type: str | None, namespaces: Sequence[str] | None, limit: int, offset: int
    ) -> list[Entity]:
        """Entities by name, each once."""
        most = check_count(limit, "limit", least=1, most=MOST)
        first = check_count(offset, "offset", least=0, most=1_000_000)
        kind = None if type is None else check_type(type, "an entity's type")
        with self._walk(identity, Filters(namespaces=namespaces)) as walk:
            where = and_(
                ledger.known(walk.view.reach, stamp(walk.view.now)),
                placed.within(entity_table, patterns_of(namespaces)),
            )
            found: dict[str, Entity] = {}
            start, step = 0, max(200, most)
            while len(found) < first + most:
                rows = ledger.listed(walk.connection, where, kind, step, start)
                classes = Classes()
                walk.close([row.name for row in rows], classes)
                entities = walk.entities(classes)
                found.update((row.uid, e) for row in rows if (e := entities.get(row.name)) and e.uid == row.uid)
                start += step
                if len(rows) < step:
                    break
        return list(found.values())[first : first + most]

    def neighbors(
        self, identity: Identity, entity: EntityLike, filters: Filters, direction: str, limit: int
    ) -> list[Neighbor]:
        """What is one edge away."""
        most = check_count(limit, "limit", least=1, most=MOST)
        classes = Classes()
        with self._walk(identity, filters) as walk:
            start = walk.find(entity, classes)
            walked = walk.walk(
                start, depth=1, limit=MOST, fan_out=most, direction=_direction(direction), classes=classes
            )
            entities = walk.entities(classes)
            edges = walk.standing(sorted(walked.edges, reverse=True)[:most], entities)
        own = {entities[name].ref for name in start if name in entities}
        ends = {entity.ref: entity for entity in entities.values()}
        return [
            Neighbor(
                entity=ends[edge.target if edge.source in own else edge.source], edge=edge, outgoing=edge.source in own
            )
            for edge in edges
        ]

    def traverse(
        self,
        identity: Identity,
        entity: EntityLike,
        filters: Filters,
        *,
        depth: int,
        direction: str,
        limit: int,
        fan_out: int,
    ) -> Subgraph:
        """What is up to some edges away."""
        far = check_count(depth, "depth", least=1, most=MOST_DEPTH)
        most = check_count(limit, "limit", least=1, most=MOST)
        each = check_count(fan_out, "fan_out", least=1, most=MOST)
        classes = Classes()
        with self._walk(identity, filters) as walk:
            start = walk.find(entity, classes)
            walked = walk.walk(
                start, depth=far, limit=most, fan_out=each, direction=_direction(direction), classes=classes
            )
            return self._part(walk, walked)

    def _part(self, walk: Walk, walked: Walked) -> Subgraph:
        entities = walk.entities(walked.classes, walked.depths)
        edges = walk.standing(walked.edges, entities)
        depths: dict[str, int] = {}
        for name, entity in entities.items():
            depths[entity.uid] = min(walked.depths[name], depths.get(entity.uid, MOST))
        each = sorted(
            {entity.uid: entity for entity in entities.values()}.values(), key=lambda e: (depths[e.uid], e.name)
        )
        return Subgraph(
            entities=tuple(each),
            edges=tuple(edges),
            depths={entity.ref: depths[entity.uid] for entity in each},
            truncated=walked.truncated,
        )

    def path(
        self, identity: Identity, source: EntityLike, target: EntityLike, filters: Filters, max_depth: int
    ) -> Path | None:
        """A shortest way."""
        far = check_count(max_depth, "max_depth", least=1, most=MOST_STEPS)
        classes = Classes()
        with self._walk(identity, filters) as walk:
            start, goal = walk.find(source, classes), walk.find(target, classes)
            begin = self._anywhere(walk, classes, start)
            if classes.same([*start, *goal]):
                return Path(entities=(begin,), edges=())
            numbers = walk.path(start, goal, depth=far, limit=MOST, fan_out=PATH_FAN_OUT, classes=classes)
            if numbers is None:
                return None
            rows = ledger.edge_rows(walk.connection, numbers)
            entities = walk.entities(classes, [name for row in rows for name in (row.source, row.target)])
            edges = walk.standing(numbers, entities)
        way, ends = [begin], {entity.ref: entity for entity in entities.values()}
        for edge in edges:
            way.append(ends[edge.target if edge.source == way[-1].ref else edge.source])
        return Path(entities=tuple(way), edges=tuple(edges))

    def _anywhere(self, walk: Walk, classes: Classes, names: Sequence[int]) -> Entity:
        """An entity that was found, wherever it is said."""
        everywhere = Walk(self._store, walk.connection, replace(walk.view, namespaces=None))
        return next(iter(everywhere.entities(classes, names).values()))

    def subgraph(
        self, identity: Identity, wanted: Sequence[EntityLike] | None, filters: Filters, limit: int
    ) -> Subgraph:
        """Some entities, or all, with the edges among them."""
        most = check_count(limit, "limit", least=1, most=MOST)
        if wanted is not None and (isinstance(wanted, str) or not isinstance(wanted, Sequence)):
            raise InvalidInput("entities is a list of entities")
        classes = Classes()
        with self._walk(identity, filters) as walk:
            names = self._everything(walk, 2 * most + 1) if wanted is None else self._each(walk, wanted)
            walk.close(names, classes)
            roots = list(dict.fromkeys(classes.add(name) for name in names))
            if len(roots) > most:
                classes = classes.only(roots[:most])
            rows = ledger.between(walk.connection, sorted(classes), walk.view, 10 * most + 1)
            walked = Walked(
                classes=classes,
                depths=dict.fromkeys(classes, 0),
                edges={row.number: (row.source, row.target) for row in rows[: 10 * most]},
                truncated=len(roots) > most or len(rows) > 10 * most,
            )
            return self._part(walk, walked)

    def _each(self, walk: Walk, wanted: Sequence[EntityLike]) -> list[int]:
        return list(dict.fromkeys(name for entity in wanted for name in walk.find(entity, Classes())))

    def _everything(self, walk: Walk, most: int) -> list[int]:
        where = and_(
            ledger.known(walk.view.reach, stamp(walk.view.now)), placed.within(entity_table, walk.view.namespaces)
        )
        return list(dict.fromkeys(row.name for row in ledger.listed(walk.connection, where, None, most, 0)))

    def history(self, identity: Identity, edge: Edge | str) -> list[Edge]:
        """Every version of an edge."""
        uid = edge.uid if isinstance(edge, Edge) else check_name(edge, "an edge")
        with self._walk(identity, Filters()) as walk:
            found = walk.history(uid)
        if not found:
            raise NotFound(f"no edge {uid!r:.100} that {identity.agent!r} may read")
        return found

    # --- memories -------------------------------------------------------------------------------------------------

    def mentions(self, identity: Identity, entity: EntityLike, limit: int) -> list[Memory]:
        """The memories that mention an entity."""
        most = check_count(limit, "limit", least=1, most=MOST)
        classes = Classes()
        with self._walk(identity, Filters()) as walk:
            walk.find(entity, classes)
            where = and_(memories.live(walk.view.now), filtering.condition(walk.view.reach.condition()))
            rows = ledger.mentioning(walk.connection, sorted(classes), where, 2 * most)
            read = [memories.to_memory(row) for row in rows]
            names = walk.mentioned(read)
        return [memory for memory in read if any(name in classes for name in names.get(memory.uid, ()))][:most]

    def mentioned(self, identity: Identity, memory: Memory | str) -> list[Entity]:
        """The entities that a memory mentions."""
        read = self._reading.get(identity, memory.uid if isinstance(memory, Memory) else memory)
        classes = Classes()
        with self._walk(identity, Filters()) as walk:
            names = walk.mentioned([read]).get(read.uid, [])
            walk.close(names, classes)
            found = walk.entities(classes, names)
        return sorted({entity.uid: entity for entity in found.values()}.values(), key=lambda entity: entity.name)


def _direction(direction: object) -> str:
    if direction not in DIRECTIONS:
        raise InvalidInput(f"direction is one of {', '.join(DIRECTIONS)}, not {direction!r:.40}")
    return str(direction)
