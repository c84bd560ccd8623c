"""Reads the graph: entities, neighbours, walks, paths, and parts of it; as far as a reader may.

A walk goes level by level, with one statement for each: every name is looked around once, of a hub the latest edges,
and the edges come with it. (One recursive statement looks around a name again at every depth at which it is reached,
and cannot bound a hub and tell the edges both: see docs/decisions/0020-graph.md.) Aliases cost no step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, and_

from transactive.errors import InvalidInput, NotFound
from transactive.graph.classes import Classes
from transactive.graph.naming import EntityLike, check_bare, check_edge_type, check_ref, ref_of
from transactive.ledger import graph as ledger
from transactive.ledger import memories, placed
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema_graph import edges as edge_table
from transactive.ledger.schema_graph import entities as entity_table
from transactive.ledger.times import unstamp
from transactive.paths.incoming import check_time
from transactive.paths.mentioning import MAX_TEXT
from transactive.paths.placing import patterns_of
from transactive.policies import unit_interval
from transactive.records import Edge, Entity, EntityRef, Memory
from transactive.rules import naming
from transactive.rules.access import Reach
from transactive.store import Store

MOST_ALIASES = 1000
"""How many alias edges of a name are followed."""
PEEK = 3
MOST_ROUNDS = 32
"""How long a chain of aliases may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a call narrows a walk to."""

    at: datetime | None = None
    as_of: datetime | None = None
    types: Sequence[str] | None = None
    namespaces: Sequence[str] | None = None
    min_confidence: float | None = None

    def view(self, reach: Reach, now: datetime) -> ledger.View:
        """The same, checked, as a view of the edges."""
        known = None if self.as_of is None else check_time(self.as_of, "as_of")
        return ledger.View(
            reach=reach,
            now=now,
            at=(known or now) if self.at is None else check_time(self.at, "at"),
            as_of=known,
            types=None if self.types is None else _types(self.types),
            namespaces=patterns_of(self.namespaces),
            min_confidence=0.0 if self.min_confidence is None else unit_interval(self.min_confidence, "min_confidence"),
        )


@dataclass(slots=True)
class Walked:
    """What a walk has seen."""

    classes: Classes = field(default_factory=Classes)
    depths: dict[int, int] = field(default_factory=dict)
    """By name."""
    edges: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By number, the names at their ends."""
    reached: int = 1
    """How many entities; an alias is none."""
    truncated: bool = False


class Walk:
    """One reading of the graph, over one connection and view."""

    def __init__(self, store: Store, connection: Connection, view: ledger.View) -> None:
        self._store = store
        self.connection = connection
        self.view = view

    # --- which entities -------------------------------------------------------------------------------------------

    def find(self, entity: EntityLike, classes: Classes) -> list[int]:
        """The names that an entity has, those that the reader may know; `NotFound` when there are none."""
        names = self._named(entity)
        self.close(names, classes)
        seen = self._visible([name for name in classes if classes.add(name) in {classes.add(n) for n in names}])
        if not seen:
            raise NotFound(f"no entity {_shown(entity)} that {self.view.reach.identity.agent!r} may read")
        if isinstance(entity, str) and not classes.same(seen):
            found = sorted({type for type, _ in ledger.refs(self.connection, sorted(seen)).values()})
            raise InvalidInput(
                f"{entity!r:.100} names several entities, of the types {', '.join(found)}; name one: (type, name)"
            )
        return sorted(seen)

    def _named(self, entity: EntityLike) -> list[int]:
        if isinstance(entity, str):
            numbers = ledger.of_keys(self.connection, [check_bare(entity)])
            return sorted(self._visible([number for several in numbers.values() for number in several]))
        return list(ledger.numbers(self.connection, [ref_of(check_ref(entity))]).values())

    def _visible(self, names: Sequence[int]) -> set[int]:
        return {row.name for row in ledger.known_rows(self.connection, names, replace(self.view, namespaces=None))}

    def close(self, names: Iterable[int], classes: Classes) -> list[int]:
        """Take in names with all that mean the same; returns those that came along."""
        fresh = [name for name in names if name not in classes]
        for name in fresh:
            classes.add(name)
        along: list[int] = []
        for _ in range(MOST_ROUNDS):
            if not fresh:
                break
            rows = ledger.around(self.connection, fresh, self.view, most=MOST_ALIASES, aliases=True)
            fresh = []
            for _, alias, proper, _ in rows:
                fresh += [name for name in (alias, proper) if name not in classes]
                classes.join(alias, proper)
            along += fresh
        return along

    # --- walking --------------------------------------------------------------------------------------------------

    def walk(
        self, start: Sequence[int], *, depth: int, limit: int, fan_out: int, direction: str, classes: Classes
    ) -> Walked:
        """Go out from names, level by level, to a depth."""
        walked = Walked(classes=classes, depths=dict.fromkeys(start, 0))
        frontier = list(start)
        for level in range(1, depth + 1):
            steps = ledger.around(self.connection, frontier, self.view, most=fan_out + 1, direction=direction)
            rows = _bounded(steps, fan_out)
            walked.truncated |= len(rows) < len(steps)
            frontier = self._reached(walked, rows, level, limit)
            if level < depth and walked.reached >= limit and self._goes_on(walked, frontier):
                walked.truncated = True
                break
        return walked

    def _goes_on(self, walked: Walked, frontier: Sequence[int]) -> bool:
        """Whether more can be reached from the last names, as far as a look at a few edges of each tells."""
        steps = ledger.around(self.connection, frontier, self.view, most=PEEK)
        return any(name not in walked.depths for _, source, target, _ in steps for name in (source, target))

    def _reached(self, walked: Walked, rows: Sequence[ledger.Step], level: int, limit: int) -> list[int]:
        """Take in what a level has reached, with its aliases; returns what is to be looked around next."""
        new: list[int] = []
        depths = walked.depths
        for number, source, target, found in rows:
            name = target if found == source else source
            if name not in depths:
                if walked.reached >= limit:
                    walked.truncated = True
                    continue
                depths[name] = level
                walked.reached += 1
                new.append(name)
            walked.edges[number] = source, target
        along = self.close(new, walked.classes)
        for name in along:
            walked.depths.setdefault(name, level)
        return [*new, *along]

    def path(
        self, start: Sequence[int], goal: Sequence[int], *, depth: int, limit: int, fan_out: int, classes: Classes
    ) -> list[int] | None:
        """The numbers of the edges of a shortest way; sought from both ends, always where there is less to do."""
        ends = _End(start), _End(goal)
        steps = 0
        while steps < depth and all(end.frontier for end in ends) and sum(len(end.came) for end in ends) < limit:
            near, far = sorted(ends, key=lambda end: len(end.frontier))
            met = self._step(near, far, fan_out, classes)
            steps += 1
            if met is not None:
                return [*reversed(ends[0].way(met)), *ends[1].way(met)]
        return None

    def _step(self, near: _End, far: _End, fan_out: int, classes: Classes) -> int | None:
        rows = ledger.around(self.connection, near.frontier, self.view, most=fan_out)
        new: list[int] = []
        for number, source, target, found in rows:
            here, there = (source, target) if found == source else (target, source)
            if there not in near.came:
                near.came[there] = (here, number)
                new.append(there)
        for name in self.close(new, classes):
            new += near.along(name, new, classes)
        near.frontier = new
        return next((name for name in new if name in far.came), None)

    # --- showing --------------------------------------------------------------------------------------------------

    def entities(self, classes: Classes, names: Iterable[int] | None = None) -> dict[int, Entity]:
        """The entities of names, by name; names of which the reader may know nothing are left out."""
        wanted = sorted(classes if names is None else names)
        chosen = {classes.add(name) for name in wanted}
        members = {root: some for root, some in classes.members().items() if root in chosen}
        every = [name for some in members.values() for name in some]
        rows: dict[int, list[AnyRow]] = {}
        for row in ledger.known_rows(self.connection, every, self.view):
            rows.setdefault(row.name, []).append(row)
        shown = {root: to_entity(some, rows) for root, some in members.items()}
        return {name: entity for name in wanted if (entity := shown[classes.add(name)]) is not None}

    def edges(self, rows: Iterable[AnyRow], entities: Mapping[int, Entity]) -> list[Edge]:
        """Edges as records; those of which an end may not be shown are left out."""
        shown = [row for row in rows if row.source in entities and row.target in entities]
        sources = self._sources([row.uid for row in shown])
        return [
            to_edge(row, entities[row.source].ref, entities[row.target].ref, sources.get(row.uid, ())) for row in shown
        ]

    def standing(self, numbers: Iterable[int], entities: Mapping[int, Entity]) -> list[Edge]:
        """The same of edges that the view lets through: what had ended one may not count any more."""
        at = self.view.at
        found = self.edges(ledger.edge_rows(self.connection, list(numbers)), entities)
        return [replace(e, valid_until=None) if e.valid_until is not None and e.valid_until <= at else e for e in found]

    def each(self, numbers: Sequence[int], entities: Mapping[int, Entity]) -> list[Edge | None]:
        """The same, one for each number; None for what may not be shown."""
        rows = {row.number: row.uid for row in ledger.edge_rows(self.connection, numbers)}
        shown = {edge.uid: edge for edge in self.standing(numbers, entities)}
        return [shown.get(rows[number]) if number in rows else None for number in numbers]

    def _sources(self, uids: Sequence[str]) -> dict[str, list[str]]:
        """By edge, the memories that say so and that the reader may read."""
        found = ledger.sources_of(self.connection, uids)
        rows = memories.by_uids(self.connection, [uid for several in found.values() for uid in several])
        seen = {
            uid
            for uid, row in rows.items()
            if row.forgotten_at is None and self.view.reach.sees(memories.to_memory(row))
        }
        return {edge: [uid for uid in several if uid in seen] for edge, several in found.items()}

    def mentioned(self, read: Iterable[Memory]) -> dict[str, list[int]]:
        """By memory, the names that it mentions, those that the reader may know; of two in one place the longer one."""
        texts = {memory.uid: memory.text for memory in read}
        noted = ledger.mentioned_by(self.connection, list(texts))
        every = sorted({name for names in noted.values() for name, _ in names})
        seen = self._visible(every)
        refs = ledger.refs(self.connection, sorted(seen))
        found: dict[str, list[int]] = {}
        for uid, names in noted.items():
            keys = {refs[name][1] for name, extracted in names if name in seen and not extracted}
            said = set(naming.held(naming.phrases(texts[uid][:MAX_TEXT]), keys))
            found[uid] = [n for n, extracted in names if n in seen and (extracted or refs[n][1] in said)]
        return found

    def shown(self, rows: Sequence[AnyRow]) -> list[Edge]:
        """Edges as records, with the names proper of both ends."""
        classes = Classes()
        self.close([name for row in rows for name in (row.source, row.target)], classes)
        return self.edges(rows, self.entities(classes))

    def history(self, uid: str) -> list[Edge]:
        """Every version of an edge that the reader may read."""
        return self.shown(
            ledger.history(
                self.connection, uid, and_(placed.readable(self.view.reach, edge_table), ledger.rests(self.view.now))
            )
        )


class _End:
    """One end of a search for a path, and how far it has come."""

    def __init__(self, names: Sequence[int]) -> None:
        self.frontier = list(names)
        self.came: dict[int, tuple[int, int] | None] = dict.fromkeys(names)
        """By name, from which other one, by the edge of which number."""

    def along(self, name: int, new: Sequence[int], classes: Classes) -> list[int]:
        """An alias was reached with the name that it belongs to."""
        if name in self.came:
            return []
        proper = next(other for other in new if classes.add(other) == classes.add(name))
        self.came[name] = self.came[proper]
        return [name]

    def way(self, name: int) -> list[int]:
        """The edges from a name back to the end."""
        found: list[int] = []
        step = self.came[name]
        while step is not None:
            before, number = step
            found.append(number)
            step = self.came[before]
        return found


def to_entity(names: Sequence[int], rows: Mapping[int, Sequence[AnyRow]]) -> Entity | None:
    """What is said of a class of names, the name proper first, as one record; None when nothing is."""
    said = [row for name in names if name in rows for row in _latest(rows[name])]
    if not said:
        return None
    first = dict(zip(_ENTITY, said[0], strict=True))
    alone = len(said) == 1
    titles = () if alone else tuple(title for title in dict.fromkeys(row.title for row in said))
    return Entity(
        uid=first["uid"],
        type=first["type"],
        name=first["title"],
        aliases=tuple(title for title in titles if title != first["title"]),
        namespace=first["namespace"],
        namespaces=(first["namespace"],) if alone else tuple(sorted({row.namespace for row in said})),
        user=first["user"],
        sensitivity=first["sensitivity"],
        agent=first["agent"],
        metadata=first["metadata"],
        created_at=unstamp(first["created_at"] if alone else min(row.created_at for row in said)),
        updated_at=unstamp(first["updated_at"]),
        version=first["version"],
    )


def _latest(rows: Sequence[AnyRow]) -> Sequence[AnyRow]:
    return rows if len(rows) == 1 else sorted(rows, key=lambda row: (not row.stated, -row.updated_at))


# A walk shows hundreds of rows: looked up by place, a value costs a tenth of what it does by name.
_ENTITY = (*(column.name for column in entity_table.c), "type")
_EDGE = tuple(column.name for column in edge_table.c)


def to_edge(row: AnyRow, source: EntityRef, target: EntityRef, sources: Sequence[str]) -> Edge:
    """A row as a record."""
    values = dict(zip(_EDGE, row, strict=True))
    return Edge(
        uid=values["uid"],
        type=values["type"],
        source=source,
        target=target,
        namespace=values["namespace"],
        user=values["user"],
        sensitivity=values["sensitivity"],
        agent=values["agent"],
        session=values["session"],
        confidence=values["confidence"],
        metadata=values["metadata"],
        sources=tuple(sources),
        valid_from=unstamp(values["valid_from"]),
        valid_until=unstamp(values["valid_until"]),
        recorded_at=unstamp(values["recorded_at"]),
        retired_at=unstamp(values["retired_at"]),
        version=values["version"],
    )


def _bounded(steps: Sequence[ledger.Step], most: int) -> Sequence[ledger.Step]:
    """Of each name and direction the latest edges alone."""
    if len(steps) <= most:
        return steps
    counts = Counter((found, found == source) for _, source, _, found in steps)
    if max(counts.values()) <= most:
        return steps
    oldest: dict[tuple[int, bool], int] = {}
    for number, source, _, found in steps:
        key = found, found == source
        oldest[key] = min(number, oldest.get(key, number))
    drop = {(*key, oldest[key]) for key, count in counts.items() if count > most}
    return [step for step in steps if (step[3], step[3] == step[1], step[0]) not in drop]


def _types(types: object) -> list[str]:
    if isinstance(types, str) or not isinstance(types, Sequence | set | frozenset):
        raise InvalidInput("types is a list of types of edges such as ['works_at', 'part_of']")
    return [check_edge_type(type) for type in types]


def _shown(entity: EntityLike) -> str:
    ref = entity.ref if isinstance(entity, Entity) else entity
    return f"{ref!r:.120}" if isinstance(ref, str) else f"({ref[0]!r:.60}, {ref[1]!r:.100})"
