"""Writes the graph: entities stated, connections made and ended, names joined and parted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_

from transactive.errors import AccessDenied, InvalidInput, NotFound
from transactive.graph.classes import Classes
from transactive.graph.naming import EntityLike, check_edge_type, check_ref, check_type, ref_of
from transactive.graph.walking import Walk
from transactive.ledger import graph as ledger
from transactive.ledger import placed
from transactive.ledger.graph import SAME
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema_graph import edges as edge_table
from transactive.ledger.schema_graph import entities as entity_table
from transactive.ledger.times import stamp
from transactive.paths.admission import check_may, check_may_share
from transactive.paths.incoming import check_metadata, check_text, check_time
from transactive.paths.mentioning import look_back
from transactive.paths.placing import Place, Placing
from transactive.paths.reading import Reading
from transactive.paths.writing import Change
from transactive.policies import unit_interval
from transactive.records import Edge, EdgeType, Entity, EntityRef, NewEdge, Sensitivity
from transactive.rules import validity
from transactive.rules.access import Identity
from transactive.rules.validity import Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Joining:
    """A connection that is to be made."""

    source: EntityRef
    type: str
    target: EntityRef
    confidence: float | None = None
    metadata: dict[str, Any] | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    sources: Sequence[str] = ()
    """Uids of the memories that say so."""
    stated: bool = True
    """Whether it holds by itself; else only as long as one of these memories counts."""


class Batch:
    """What is held of the ends of some connections, as it is while they are made one after the other."""

    def __init__(self, numbers: Mapping[ledger.Ref, int], classes: Classes, types: Mapping[str, EdgeType]) -> None:
        self.numbers = numbers
        self.classes = classes
        self._held: dict[tuple[str, int], dict[int, dict[str, AnyRow]]] = {}
        """By type and source, by target, the edges by uid."""
        self._types = types

    def take(self, row: AnyRow) -> None:
        """This is how an edge is held now."""
        self._held.setdefault((row.type, row.source), {}).setdefault(row.target, {})[row.uid] = row

    def same(self, type: str, froms: Sequence[int], tos: Sequence[int]) -> list[AnyRow]:
        """The edges of a type between names, at whatever times."""
        ends = (self._held.get((type, name), {}) for name in froms)
        return [row for targets in ends for name in tos for row in targets.get(name, {}).values()]

    def others(self, type: str, froms: Sequence[int], tos: Sequence[int]) -> list[AnyRow]:
        """Those of a single-valued type that lead elsewhere."""
        if not self.single(type):
            return []
        ends = (self._held.get((type, name), {}) for name in froms)
        return [row for targets in ends for name, rows in targets.items() if name not in tos for row in rows.values()]

    def single(self, type: str) -> bool:
        """Whether a thing has one such edge at a time."""
        said = self._types.get(type)
        return said is not None and said.single


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about."""

    uid: str
    namespace: str
    user: str | None
    sensitivity: Sensitivity
    version: int


Report = Callable[[int, int], None]
BATCH = 1000


class Linking:
    """Changes the graph."""

    def __init__(self, placing: Placing, reading: Reading) -> None:
        self._placing = placing
        self._store = placing.store
        self._reading = reading

    def place(
        self,
        identity: Identity,
        namespace: str | None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Place:
        """Where a call says to say something."""
        return self._placing.place(identity, namespace, user, sensitivity)

    # --- entities -------------------------------------------------------------------------------------------------

    def add(
        self,
        identity: Identity,
        entity: EntityLike,
        aliases: Sequence[str],
        metadata: Mapping[str, Any] | None,
        place: Place,
    ) -> Entity:
        """State an entity, with other names of it."""
        ref = check_ref(entity)
        others = [check_ref((ref.type, alias)) for alias in _names(aliases)]
        said = None if metadata is None else check_metadata(metadata)
        with self._placing.change(identity, "add_entity", place) as change:
            check_may_share(change.reach, place)
            numbers = self._state(change, place, [ref, *others], stated=True)
            if said is not None:
                self._describe(change, place, numbers[ref_of(ref)], said)
            named = [Joining(source=other, type=SAME, target=ref) for other in others if ref_of(other) != ref_of(ref)]
            self._joined(change, place, [(edge, ()) for edge in named], numbers)
            return self._entity(change, ref)

    def _state(self, change: Change, place: Place, refs: Sequence[EntityRef], *, stated: bool) -> dict[ledger.Ref, int]:
        """Have every name known in a place; returns their numbers."""
        keys = {ref_of(ref): ref for ref in refs}
        numbers, new = ledger.ensure(change.connection, keys)
        scope = _scope(place)
        rows = ledger.entity_rows(change.connection, sorted(numbers.values()), scope.of(entity_table))
        held = {row.name: row for row in rows}
        fresh = [self._fresh(change, place, keys[key], n, stated) for key, n in numbers.items() if n not in held]
        ledger.say(change.connection, fresh)
        for row in fresh:
            change.noted("entity.add", _subject(row))
        for known in held.values() if stated else ():
            if not known.stated:
                ledger.change_entity(change.connection, known.number, change.now, stated=True)
        look_back(change.connection, {ref: keys[ref].name for ref in new})
        return numbers

    def known(self, change: Change, place: Place, refs: Sequence[EntityRef]) -> None:
        """Within a transaction: have names known in a place by what mentions them."""
        self._state(change, place, refs, stated=False)

    def _fresh(self, change: Change, place: Place, ref: EntityRef, number: int, stated: bool) -> dict[str, Any]:
        return {
            **_scope(place).row(),
            "uid": self._store.new_id(),
            "name": number,
            "title": ref.name,
            "agent": change.reach.identity.agent,
            "metadata": {},
            "stated": stated,
            "created_at": stamp(change.now),
            "updated_at": stamp(change.now),
            "version": 1,
        }

    def _describe(self, change: Change, place: Place, number: int, metadata: dict[str, Any]) -> None:
        [row] = ledger.entity_rows(change.connection, [number], _scope(place).of(entity_table))
        if mapping(row)["metadata"] != metadata:
            ledger.change_entity(change.connection, row.number, change.now, metadata=metadata)
            change.noted("entity.change", Subject(row.uid, row.namespace, row.user, row.sensitivity, row.version + 1))

    def _entity(self, change: Change, entity: EntityLike) -> Entity:
        walk = self._walk(change)
        classes = Classes()
        names = walk.find(entity, classes)
        return next(iter(walk.entities(classes, names).values()))

    def remove(self, identity: Identity, entity: EntityLike, place: Place) -> int:
        """Delete an entity in a namespace for good, with the edges there that begin or end at it."""
        with self._placing.writing.change(identity, "remove_entity") as change:
            check_may(change.reach, "write", place.namespace)
            names = self._walk(change).find(entity, Classes())
            scope = and_(placed.readable(change.reach, entity_table), entity_table.c.namespace == place.namespace)
            gone, edges = ledger.remove(change.connection, scope, names)
            if not gone:
                raise NotFound(f"that entity is not said in {place.namespace!r}; say namespace= where it is")
            for row in gone:
                change.noted("entity.remove", Subject(row.uid, row.namespace, row.user, row.sensitivity, row.version))
            change.target = place.namespace
            change.details = {"entities": len(gone), "edges": edges}
        return edges

    # --- edges ----------------------------------------------------------------------------------------------------

    def link(self, identity: Identity, new: Joining, place: Place) -> Edge:
        """Make a connection; the same once more is the same edge, and of a type that is single it ends the former."""
        with self._placing.change(identity, "link", place) as change:
            check_may_share(change.reach, place)
            rows = self.linked(change, place, [(new, self._sources(change, new, place))])
            return self._walk(change).shown(rows)[0]

    def link_many(
        self, identity: Identity, several: Sequence[Joining], place: Place, report: Report | None
    ) -> list[Edge]:
        """Make connections, 1,000 in a transaction."""
        done: list[Edge] = []
        for start in range(0, len(several), BATCH):
            some = several[start : start + BATCH]
            with self._placing.change(identity, "link", place) as change:
                check_may_share(change.reach, place)
                found = [self._sources(change, new, place) for new in some]
                rows = self.linked(change, place, list(zip(some, found, strict=True)))
                done += self._walk(change).shown(rows)
            if report is not None:
                report(len(done), len(several))
        return done

    def _sources(self, change: Change, new: Joining, place: Place) -> list[str]:
        return [self._reading.row(change.connection, change.reach, id, place.namespace).uid for id in new.sources]

    def linked(self, change: Change, place: Place, several: Sequence[tuple[Joining, Sequence[str]]]) -> list[AnyRow]:
        """Within a transaction: make connections, each with the memories that say so."""
        numbers: dict[ledger.Ref, int] = {}
        for stated in (True, False):
            ends = [end for new, _ in several if new.stated == stated for end in (new.source, new.target)]
            numbers |= self._state(change, place, ends, stated=stated) if ends else {}
        return self._joined(change, place, several, numbers)

    def _joined(
        self,
        change: Change,
        place: Place,
        several: Sequence[tuple[Joining, Sequence[str]]],
        numbers: Mapping[ledger.Ref, int],
    ) -> list[AnyRow]:
        batch = self._batch(change, place, [new for new, _ in several], numbers)
        rows: list[AnyRow] = []
        for new, uids in several:
            row, known = self._join(change, place, batch, new)
            if uids and ledger.rest_on(change.connection, row.uid, uids) and known:
                change.noted("edge.change", _subject(mapping(row)))
            rows.append(row)
        return rows

    def _batch(
        self, change: Change, place: Place, several: Sequence[Joining], numbers: Mapping[ledger.Ref, int]
    ) -> Batch:
        """What is held of the ends of some connections, in the place where they are made."""
        classes = Classes()
        view = ledger.View(reach=change.reach, now=change.now, at=change.now, namespaces=(place.namespace,))
        Walk(self._store, change.connection, view).close(sorted(set(numbers.values())), classes)
        batch = Batch(numbers, classes, ledger.types(change.connection))
        for type in sorted({new.type for new in several}):
            of_type = [new for new in several if new.type == type]
            froms = {number for new in of_type for number in classes.of(numbers[ref_of(new.source)])}
            tos = {number for new in of_type for number in classes.of(numbers[ref_of(new.target)])}
            targets = None if batch.single(type) else sorted(tos)  # a hub has too many to read them all
            for row in ledger.held(change.connection, _scope(place), type, sorted(froms), targets):
                batch.take(row)
        return batch

    def _join(self, change: Change, place: Place, batch: Batch, new: Joining) -> tuple[AnyRow, bool]:
        """One connection; and whether it was there already, just so."""
        source, target = batch.numbers[ref_of(new.source)], batch.numbers[ref_of(new.target)]
        alias = new.type == SAME  # of which the names themselves are the ends, not what they mean
        froms, tos = ([source], [target]) if alias else (batch.classes.of(source), batch.classes.of(target))
        now = stamp(change.now)
        span = stamp(new.valid_from), stamp(new.valid_until)
        same, others = batch.same(new.type, froms, tos), batch.others(new.type, froms, tos)
        again = next((row for row in reversed(same) if validity.overlap(_span(row), span, now)), None)
        if again is not None:
            same.remove(again)
            row = self._said_again(change, batch, again, new, (same, others))
            return row, row is again
        if same and span[0] is None and (span[1] is None or span[1] > now):
            span = now, span[1]  # it was so before, and not in between
        uid = self._store.new_id()
        span = self._displaced(change, batch, others, span, uid)
        row = self._inserted(change, place, {"uid": uid, "source": source, "target": target}, new, span)
        batch.take(row)
        return row, False

    def _said_again(
        self,
        change: Change,
        batch: Batch,
        row: AnyRow,
        new: Joining,
        beside: tuple[Sequence[AnyRow], Sequence[AnyRow]],
    ) -> AnyRow:
        """The edge as it is once it was said again; what an extractor says changes nothing that was stated.

        Beside it are the same edge at other times, and those that say otherwise.
        """
        held = mapping(row)
        if row.stated and not new.stated:
            return row
        sure = 1.0 if new.stated and not row.stated else None
        said: dict[str, Any] = {
            "confidence": sure if new.confidence is None else new.confidence,
            "metadata": new.metadata,
            "valid_from": stamp(new.valid_from),
            "valid_until": stamp(new.valid_until),
            "stated": new.stated,
        }
        changes = {name: value for name, value in said.items() if value is not None and value != held[name]}
        if not changes:
            return row
        if "valid_from" in changes or "valid_until" in changes:
            span = changes.get("valid_from", row.valid_from), changes.get("valid_until", row.valid_until)
            since, until = self._displaced(change, batch, beside[1], span, row.uid)
            self._covered(change, batch, beside[0], (since, until))
            changes |= {"valid_from": since, "valid_until": until}
        written = self._replaced(change, row, "edge.change", **changes)
        batch.take(written)
        return written

    def _covered(self, change: Change, batch: Batch, same: Sequence[AnyRow], span: Span) -> None:
        """What the new time of an edge covers of its other times is not told twice."""
        for row in same:
            if validity.overlap(_span(row), span, stamp(change.now)):
                end = max((time for time in (row.valid_from, span[0]) if time is not None), default=0)
                batch.take(self._replaced(change, row, "edge.end", valid_until=end, ended_by=None))

    def _displaced(self, change: Change, batch: Batch, others: Sequence[AnyRow], span: Span, uid: str) -> Span:
        """End what a single-valued type allows no longer; returns from and until when the new edge is so."""
        ends, settled = validity.displaced([_span(row) for row in others], span, stamp(change.now))
        for place, end in ends.items():
            batch.take(self._replaced(change, others[place], "edge.end", valid_until=end, ended_by=uid))
        return settled

    def _replaced(self, change: Change, row: AnyRow, type: str, **changes: Any) -> AnyRow:
        """The next version of an edge in the place of one."""
        ledger.retire(change.connection, row.number, change.now)
        by = {"agent": change.reach.identity.agent, "session": change.reach.identity.session}
        version = ledger.next_version(row, recorded_at=stamp(change.now), **by, **changes)
        written = ledger.add_edge(change.connection, version)
        change.noted(type, _subject(mapping(written)))
        return written

    def _inserted(self, change: Change, place: Place, ends: Mapping[str, Any], new: Joining, span: Span) -> AnyRow:
        identity = change.reach.identity
        row = ledger.add_edge(
            change.connection,
            {
                **_scope(place).row(),
                **ends,
                "alias": ends["source"] if new.type == SAME else None,
                "proper": ends["target"] if new.type == SAME else None,
                "version": 1,
                "agent": identity.agent,
                "session": identity.session,
                "type": new.type,
                "confidence": 1.0 if new.confidence is None else new.confidence,
                "metadata": new.metadata or {},
                "stated": new.stated,
                "valid_from": span[0],
                "valid_until": span[1],
                "recorded_at": stamp(change.now),
            },
        )
        change.noted("edge.link", _subject(mapping(row)))
        return row

    def unlink(
        self,
        identity: Identity,
        source: EntityLike | Edge,
        type: str | None,
        target: EntityLike | None,
        *,
        at: datetime | None,
        place: Place,
    ) -> list[Edge]:
        """End connections: what was so stays known, until `at`."""
        when = None if at is None else check_time(at, "at")
        with self._placing.writing.change(identity, "unlink") as change:
            walk = self._walk(change)
            found = self._meant(walk, source, type, target)
            where = source.namespace if isinstance(source, Edge) else place.namespace
            rows = [row for row in found if row.namespace == where]
            check_may(change.reach, "write", where)
            change.target = where
            return walk.shown([self._ended(change, row, when or change.now) for row in rows])

    def _meant(
        self, walk: Walk, source: EntityLike | Edge, type: str | None, target: EntityLike | None
    ) -> list[AnyRow]:
        if isinstance(source, Edge):
            rows = ledger.history(walk.connection, source.uid, walk.view.condition(edge_table))
            return [row for row in rows if row.retired_at is None]
        if not isinstance(source, Entity | tuple | str):
            raise InvalidInput("unlink what? An edge, or the entity where edges begin")
        kind = None if type is None else check_edge_type(type)
        ends = [None if end is None else walk.find(end, Classes()) for end in (source, target)]
        return ledger.matching(walk.connection, walk.view, source=ends[0], type=kind, target=ends[1])

    def _ended(self, change: Change, row: AnyRow, when: datetime) -> AnyRow:
        if row.valid_from is not None and stamp(when) < row.valid_from:
            raise InvalidInput("an edge cannot end before it began; say a later at=")
        return self._replaced(change, row, "edge.end", valid_until=stamp(when), ended_by=None)

    # --- aliases and types ----------------------------------------------------------------------------------------

    def merge(self, identity: Identity, alias: EntityLike, into: EntityLike, place: Place) -> Entity:
        """Say that two names are of one entity."""
        one, other = check_ref(alias), check_ref(into)
        with self._placing.change(identity, "merge", place) as change:
            check_may_share(change.reach, place)
            numbers = self._state(change, place, [one, other], stated=True)
            self._merged(change, place, numbers[ref_of(one)], numbers[ref_of(other)])
            return self._entity(change, other)

    def _merged(self, change: Change, place: Place, alias: int, proper: int) -> None:
        """Make one name, with all that mean the same in a place, mean another one."""
        view = ledger.View(reach=change.reach, now=change.now, at=change.now, namespaces=(place.namespace,))
        walk = Walk(self._store, change.connection, view)
        for row in self._aliased(walk, place, proper):  # what is a name proper now is no alias
            self._replaced(change, row, "edge.end", valid_until=stamp(change.now), ended_by=None)
        classes = Classes()
        walk.close([alias, proper], classes)
        if classes.same([alias, proper]):
            return
        top = classes.members()[classes.add(alias)][0]
        refs = ledger.refs(change.connection, [top, proper])
        ends = {number: EntityRef(*ref) for number, ref in refs.items()}
        edge = Joining(source=ends[top], type=SAME, target=ends[proper])
        self._joined(change, place, [(edge, ())], {ref_of(ref): number for number, ref in ends.items()})

    def _aliased(self, walk: Walk, place: Place, name: int) -> list[AnyRow]:
        """The edges by which a name is an alias in a place."""
        rows = ledger.matching(walk.connection, walk.view, source=[name], type=SAME, target=None)
        return [row for row in rows if row.namespace == place.namespace]

    def split(self, identity: Identity, alias: EntityLike, place: Place) -> Entity:
        """Say that a name is of an entity of its own after all."""
        ref = check_ref(alias)
        with self._placing.change(identity, "split", place) as change:
            number = ledger.numbers(change.connection, [ref_of(ref)]).get(ref_of(ref))
            ends = [] if number is None else self._aliased(self._walk(change), place, number)
            if not ends:
                raise NotFound(f"in {place.namespace!r} that name is an alias of nothing; say namespace= where it is")
            for row in ends:
                self._replaced(change, row, "edge.end", valid_until=stamp(change.now), ended_by=None)
            return self._entity(change, ref)

    def define(self, identity: Identity, type: str, single: bool, description: str | None) -> EdgeType:
        """Say what holds for edges of a type."""
        if not isinstance(single, bool):
            raise InvalidInput("single is True or False")
        if description is not None:
            check_text(description, "a description")
        if not identity.is_owner:
            raise AccessDenied("types of edges are defined by the owner of the store: team.graph.define(…)")
        defined = EdgeType(type=check_edge_type(type), single=single, description=description)
        with self._placing.writing.change(identity, "define_edges") as change:
            ledger.define(change.connection, defined)
            change.details = {"type": type, "single": single}
        return defined

    def types(self) -> list[EdgeType]:
        """What holds for types of edges."""
        self._store.check()
        with self._store.ledger.read() as connection:
            found = ledger.types(connection)
        return [found[type] for type in sorted(found) if type != SAME]

    def _walk(self, change: Change) -> Walk:
        return Walk(self._store, change.connection, ledger.View(reach=change.reach, now=change.now, at=change.now))


def check_edge(new: NewEdge) -> Joining:
    """A connection that a caller asks for, checked."""
    since = None if new.valid_from is None else check_time(new.valid_from, "valid_from")
    until = None if new.valid_until is None else check_time(new.valid_until, "valid_until")
    if since is not None and until is not None and since >= until:
        raise InvalidInput("valid_until must be later than valid_from")
    if isinstance(new.sources, str) or not isinstance(new.sources, Sequence):
        raise InvalidInput("sources is a list of ids of memories")
    joining = Joining(
        source=check_ref(new.source),
        type=check_edge_type(new.type),
        target=check_ref(new.target),
        confidence=None if new.confidence is None else unit_interval(new.confidence, "confidence"),
        metadata=None if new.metadata is None else check_metadata(new.metadata),
        valid_from=since,
        valid_until=until,
        sources=list(new.sources),
    )
    if ref_of(joining.source) == ref_of(joining.target):
        raise InvalidInput("an edge joins two entities, and these are one")
    return joining


def check_edges(items: object) -> list[Joining]:
    """The items of a `link_many`, each a `NewEdge` or a triple; an error names the place of the one that is wrong."""
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise InvalidInput("link_many takes a list of NewEdge records, or of triples (source, type, target)")
    found: list[Joining] = []
    for place, item in enumerate(items):
        try:
            found.append(check_edge(_edge(item)))
        except InvalidInput as error:
            raise type(error)(f"item {place}: {error}; nothing was written") from error
    return found


def _edge(item: object) -> NewEdge:
    if isinstance(item, NewEdge):
        return item
    if isinstance(item, tuple | list) and len(item) == 3:
        return NewEdge(source=item[0], type=item[1], target=item[2])
    raise InvalidInput(f"an edge is a NewEdge or a triple (source, type, target), not {type(item).__name__}")


def check_entity_type(type: object) -> str:
    """A type of entities."""
    return check_type(type, "an entity's type")


def _span(row: AnyRow) -> Span:
    return row.valid_from, row.valid_until


def _subject(row: Mapping[str, Any]) -> Subject:
    return Subject(row["uid"], row["namespace"], row["user"], row["sensitivity"], row["version"])


def _scope(place: Place) -> ledger.Scope:
    return ledger.Scope(place.namespace, place.user, place.sensitivity)


def _names(aliases: object) -> list[str]:
    if isinstance(aliases, str) or not isinstance(aliases, Sequence | set | frozenset):
        raise InvalidInput("aliases is a list of names")
    return list(aliases)
