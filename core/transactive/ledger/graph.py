"""The knowledge graph: names, what is said of them in namespaces, and the connections that a reader may see.

A walk is made of `around`: one statement gives the edges of any number of names, of each at most the latest so many,
so that a hub costs no more than its bound.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    tuple_,
    union,
    union_all,
    update,
)

from transactive.ledger import placed
from transactive.ledger.events import named
from transactive.ledger.rows import AnyRow, AnySelect, mapping
from transactive.ledger.schema import memories
from transactive.ledger.schema_graph import edge_sources, edge_types, edges, entities, mentions, names
from transactive.ledger.text import phrase
from transactive.ledger.times import stamp
from transactive.records import EdgeType
from transactive.rules.access import Reach

SAME = "same_as"
"""The type of the edges that make a name another one's alias: from the alias to the name proper."""
SINGLE = ("works_at", SAME)
"""Types of which a thing has one edge at a time unless it was said otherwise."""
Ref = tuple[str, str]
"""Type and key."""


# --- names --------------------------------------------------------------------------------------------------------


def numbers(connection: Connection, refs: Iterable[Ref]) -> dict[Ref, int]:
    """The numbers of names by type and key; those that nobody has used are left out."""
    wanted = list(dict.fromkeys(refs))
    found: dict[Ref, int] = {}
    for start in range(0, len(wanted), placed.SOME):
        some = tuple_(names.c.key, names.c.type).in_([(key, type) for type, key in wanted[start : start + placed.SOME]])
        found.update(((row.type, row.key), row.number) for row in connection.execute(select(names).where(some)))
    return found


def of_keys(connection: Connection, keys: Iterable[str]) -> dict[str, list[int]]:
    """The numbers of names of any type, by key."""
    wanted = list(dict.fromkeys(keys))
    found: dict[str, list[int]] = {}
    for start in range(0, len(wanted), placed.SOME):
        query = select(names.c.key, names.c.number).where(names.c.key.in_(wanted[start : start + placed.SOME]))
        for key, number in connection.execute(query):
            found.setdefault(key, []).append(number)
    return found


def refs(connection: Connection, wanted: Sequence[int]) -> dict[int, Ref]:
    """Types and keys by number."""
    found: dict[int, Ref] = {}
    for start in range(0, len(wanted), placed.SOME):
        query = select(names).where(names.c.number.in_(wanted[start : start + placed.SOME]))
        found.update((row.number, (row.type, row.key)) for row in connection.execute(query))
    return found


def ensure(connection: Connection, wanted: Iterable[Ref]) -> tuple[dict[Ref, int], list[Ref]]:
    """The numbers of names, those that were new among them."""
    several = list(dict.fromkeys(wanted))
    found = numbers(connection, several)
    new = [ref for ref in several if ref not in found]
    if new:
        connection.execute(insert(names), [{"type": type, "key": key} for type, key in new])
        named(connection, len(new))
        found.update(numbers(connection, new))
    return found, new


# --- what is said of a name -----------------------------------------------------------------------------------------


def counts(now: Any) -> ColumnElement[bool]:
    """Of a memory that counts at a time, in microseconds: neither forgotten nor expired nor corrected."""
    m = memories.c
    return and_(m.forgotten_at.is_(None), m.superseded_by.is_(None), or_(m.expires_at.is_(None), m.expires_at > now))


def known(reach: Reach, now: Any) -> ColumnElement[bool]:
    """The entities that a caller may read: stated, or mentioned by a memory of the same place that counts."""
    e, m = entities.c, memories.c
    mentioned = (
        select(mentions.c.name)
        .join(memories, m.uid == mentions.c.memory)
        .where(
            mentions.c.name == e.name,
            m.namespace == e.namespace,
            func.coalesce(m.user, "") == func.coalesce(e.user, ""),
            m.sensitivity == e.sensitivity,
            counts(now),
        )
    )
    return and_(placed.readable(reach, entities), or_(e.stated, mentioned.exists()))


def known_rows(connection: Connection, wanted: Sequence[int], view: View) -> list[AnyRow]:
    """What is said of names that the reader may read, each row with the name's type."""
    shape = view.shape
    given = {"given_": json.dumps(list(wanted)), "now_": stamp(view.now)}
    return list(connection.execute(_known(shape.reach, shape.namespaces), given).all())


@lru_cache(maxsize=256)
def _known(reach: Reach, namespaces: tuple[str, ...] | None) -> AnySelect:
    here = placed.within(entities, namespaces)
    readable = known(reach, bindparam("now_", type_=BigInteger))
    query: AnySelect = select(entities, names.c.type).join(names, names.c.number == entities.c.name)
    return query.where(entities.c.name.in_(_given()), here, readable)


def _given() -> AnySelect:
    """What is handed in as one parameter, a JSON array: a list of parameters would be compiled each time."""
    values: AnySelect = select(func.json_each(bindparam("given_")).table_valued("value", name="given").c.value)
    return values


def entity_rows(connection: Connection, wanted: Sequence[int], where: ColumnElement[bool]) -> list[AnyRow]:
    """What is said of names."""
    found: list[AnyRow] = []
    for start in range(0, len(wanted), placed.SOME):
        some = entities.c.name.in_(wanted[start : start + placed.SOME])
        found.extend(connection.execute(select(entities).where(some, where)))
    return found


def listed(
    connection: Connection, where: ColumnElement[bool], type: str | None, limit: int, offset: int
) -> list[AnyRow]:
    """What is said of names, by name; with each its type."""
    query = select(entities, names.c.type, names.c.key).join(names, names.c.number == entities.c.name).where(where)
    if type is not None:
        query = query.where(names.c.type == type)
    return list(
        connection.execute(query.order_by(names.c.key, names.c.type, entities.c.number).limit(limit).offset(offset))
    )


@dataclass(frozen=True, slots=True)
class Scope:
    """Where something is said of names."""

    namespace: str
    user: str | None
    sensitivity: str

    def of(self, table: Table) -> ColumnElement[bool]:
        """What lies exactly there."""
        return and_(
            table.c.namespace == self.namespace,
            func.coalesce(table.c.user, "") == (self.user or ""),
            table.c.sensitivity == self.sensitivity,
        )

    def row(self) -> dict[str, Any]:
        """Its columns."""
        return {"namespace": self.namespace, "user": self.user, "sensitivity": self.sensitivity}


def say(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert entities."""
    if rows:
        connection.execute(insert(entities), list(rows))


def change_entity(connection: Connection, number: int, now: datetime, **values: Any) -> None:
    """Make a new version of an entity."""
    changed = update(entities).where(entities.c.number == number)
    connection.execute(changed.values(version=entities.c.version + 1, updated_at=stamp(now), **values))


# --- edges --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shape:
    """Which edges a walk may use, but for the times: statements are made once for each, since making one takes longer
    than running it.
    """

    reach: Reach
    types: tuple[str, ...] | None
    namespaces: tuple[str, ...] | None
    min_confidence: float
    past: bool

    def condition(self, table: placed.Named, times: Mapping[str, Any], *, aliases: bool) -> ColumnElement[bool]:
        """The edges as a clause; with `aliases`, those that join a name to another one."""
        parts = [placed.readable(self.reach, table), self._held(table, times), _so(table, times), _rests(table, times)]
        if self.namespaces is not None:
            parts.append(placed.within(table, self.namespaces))
        if aliases:
            parts.append(table.c.type == SAME)
        else:
            parts.append(table.c.type != SAME if self.types is None else table.c.type.in_(self.types))
            parts.append(true() if not self.min_confidence else table.c.confidence >= self.min_confidence)
        return and_(*parts)

    def _held(self, table: placed.Named, times: Mapping[str, Any]) -> ColumnElement[bool]:
        if not self.past:
            return table.c.retired_at.is_(None)
        known = times["as_of_"]
        return and_(table.c.recorded_at <= known, or_(table.c.retired_at.is_(None), table.c.retired_at > known))


def _so(table: placed.Named, times: Mapping[str, Any]) -> ColumnElement[bool]:
    at = times["at_"]
    begun = or_(table.c.valid_from.is_(None), table.c.valid_from <= at)
    ending = edges.alias("ending")
    stands = select(ending.c.number).where(
        ending.c.uid == table.c.ended_by, ending.c.retired_at.is_(None), _rests(ending, times)
    )
    goes_on = and_(table.c.ended_by.is_not(None), ~stands.exists())
    return and_(begun, or_(table.c.valid_until.is_(None), table.c.valid_until > at, goes_on))


def _rests(table: placed.Named, times: Mapping[str, Any]) -> ColumnElement[bool]:
    """On somebody's word, or on a memory that counts."""
    sources = select(edge_sources.c.edge).join(memories, memories.c.uid == edge_sources.c.memory)
    return or_(table.c.stated, sources.where(edge_sources.c.edge == table.c.uid, counts(times["now_"])).exists())


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """Which edges a walk may use."""

    reach: Reach
    now: datetime
    at: datetime
    """When they must be so."""
    as_of: datetime | None = None
    """When they must have been known; None for what is held now."""
    types: Sequence[str] | None = None
    namespaces: Sequence[str] | None = None
    min_confidence: float = 0.0

    @property
    def shape(self) -> Shape:
        """All of it but the times and who asks."""
        return Shape(
            placed.anybody(self.reach),
            None if self.types is None else tuple(self.types),
            None if self.namespaces is None else tuple(self.namespaces),
            self.min_confidence,
            self.as_of is not None,
        )

    @property
    def times(self) -> dict[str, int]:
        """The times, as parameters."""
        known = {} if self.as_of is None else {"as_of_": stamp(self.as_of)}
        return {"now_": stamp(self.now), "at_": stamp(self.at), **known}

    def condition(self, table: placed.Named, *, aliases: bool = False) -> ColumnElement[bool]:
        """The edges as a clause."""
        return self.shape.condition(table, self.times, aliases=aliases)


Step: TypeAlias = tuple[int, int, int, int]
"""An edge on a walk: its number, the names at its ends, and the one of these that it was found from."""
_PARAMETERS = {name: bindparam(name, type_=BigInteger) for name in ("now_", "at_", "as_of_")}


def around(
    connection: Connection,
    wanted: Sequence[int],
    view: View,
    *,
    most: int,
    direction: str = "both",
    aliases: bool = False,
) -> list[Step]:
    """The edges of names; of each name and direction at most `most`, the latest ones."""
    statement = _around(view.shape, direction, aliases)
    given = {"names_": json.dumps(list(wanted)), "most_": most, **view.times}
    steps: Any = connection.execute(statement, given).all()
    return list(steps)


def edge_rows(connection: Connection, numbers: Sequence[int]) -> list[AnyRow]:
    """Edges by their numbers, in the order of these."""
    rows = connection.execute(_BY_NUMBERS, {"given_": json.dumps(list(numbers))}).all()
    found = {row[0]: row for row in rows}
    return [found[number] for number in numbers if number in found]


_BY_NUMBERS = select(edges).where(edges.c.number.in_(_given()))


@lru_cache(maxsize=256)
def _around(shape: Shape, direction: str, aliases: bool) -> Any:
    parts = [
        _from(shape, near, aliases=aliases)
        for near, ways in (("source", ("out", "both")), ("target", ("in", "both")))
        if direction in ways
    ]
    return parts[0] if len(parts) == 1 else union_all(*parts)


_ALIASES = {"source": "alias", "target": "proper"}
_EDGES = {near: (edges.alias(f"{near}_of"), edges.alias(f"edge_{near}")) for near in ("source", "target")}


def _from(shape: Shape, near: str, *, aliases: bool) -> AnySelect:
    begins = func.json_each(bindparam("names_")).table_valued("value", name=f"begin_{near}")
    found = cast(begins.c.value, BigInteger)
    other, edge = _EDGES[near]
    latest = (
        select(other.c.number)
        .where(
            other.c[_ALIASES[near] if aliases else near] == begins.c.value,
            shape.condition(other, _PARAMETERS, aliases=aliases),
        )
        .order_by(other.c.number.desc())
        .limit(bindparam("most_", type_=Integer))
        .correlate(begins)
    )
    step: AnySelect = select(edge.c.number, edge.c.source, edge.c.target, found.label("found"))
    return step.select_from(begins.join(edge, edge.c.number.in_(latest)))


def between(connection: Connection, wanted: Sequence[int], view: View, limit: int) -> list[AnyRow]:
    """The edges among names, latest first."""
    chosen = json.dumps(list(wanted))
    inside: AnySelect = select(func.json_each(chosen).table_valued("value", name="inside").c.value)
    query = select(edges).where(edges.c.source.in_(inside), edges.c.target.in_(inside), view.condition(edges))
    return list(connection.execute(query.order_by(edges.c.number.desc()).limit(limit)))


_HELD = select(edges).where(
    edges.c.source.in_(bindparam("names_", expanding=True)),
    edges.c.type == bindparam("type_"),
    edges.c.retired_at.is_(None),
    edges.c.namespace == bindparam("namespace_"),
    func.coalesce(edges.c.user, "") == bindparam("user_"),
    edges.c.sensitivity == bindparam("sensitivity_"),
)


_HELD_AMONG = _HELD.where(
    edges.c.target.in_(select(func.json_each(bindparam("targets_")).table_valued("value", name="among").c.value))
)


def held(
    connection: Connection, scope: Scope, type: str, wanted: Sequence[int], targets: Sequence[int] | None
) -> list[AnyRow]:
    """The edges of a type, as they are held now, from some names in exactly this place, oldest first.

    With `targets`, those that end there.
    """
    place = {"namespace_": scope.namespace, "user_": scope.user or "", "sensitivity_": scope.sensitivity, "type_": type}
    ends = {} if targets is None else {"targets_": json.dumps(list(targets))}
    found: list[AnyRow] = []
    for start in range(0, len(wanted), placed.SOME):
        given = {"names_": wanted[start : start + placed.SOME], **place, **ends}
        found.extend(connection.execute(_HELD if targets is None else _HELD_AMONG, given))
    return sorted(found, key=lambda row: int(row.number))


def matching(
    connection: Connection, view: View, *, source: Sequence[int] | None, type: str | None, target: Sequence[int] | None
) -> list[AnyRow]:
    """The edges that a view lets through, of some sources, type and targets."""
    parts = [view.condition(edges, aliases=type == SAME)]
    if source is not None:
        parts.append(edges.c.source.in_(source))
    if target is not None:
        parts.append(edges.c.target.in_(target))
    if type is not None:
        parts.append(edges.c.type == type)
    return list(connection.execute(select(edges).where(*parts).order_by(edges.c.number)))


def history(connection: Connection, uid: str, where: ColumnElement[bool]) -> list[AnyRow]:
    """Every version of an edge that fulfils `where`, oldest first."""
    return list(connection.execute(select(edges).where(edges.c.uid == uid, where).order_by(edges.c.version)))


def rests(now: datetime) -> ColumnElement[bool]:
    """Of an edge that rests on somebody's word, or on a memory that counts."""
    return _rests(edges, {"now_": stamp(now)})


def add_edge(connection: Connection, row: Mapping[str, Any]) -> AnyRow:
    """Insert a version of an edge."""
    return connection.execute(insert(edges).returning(edges), dict(row)).one()


def retire(connection: Connection, number: int, now: datetime) -> None:
    """A version is held no longer."""
    connection.execute(update(edges).where(edges.c.number == number).values(retired_at=stamp(now)))


def next_version(row: AnyRow, **changes: Any) -> dict[str, Any]:
    """The columns of the version that follows a version of an edge."""
    values = mapping(row)
    kept = {column.name: values[column.name] for column in edges.c if column.name != "number"}
    return {**kept, "version": row.version + 1, "retired_at": None, **changes}


def sources_of(connection: Connection, uids: Sequence[str]) -> dict[str, list[str]]:
    """By edge, the uids of the memories that say so."""
    found: dict[str, list[str]] = {}
    for edge, memory in connection.execute(_SOURCES, {"given_": json.dumps(list(uids))}):
        found.setdefault(edge, []).append(memory)
    return found


_SOURCES = select(edge_sources).where(edge_sources.c.edge.in_(_given())).order_by(edge_sources.c.memory)


def rest_on(connection: Connection, edge: str, uids: Sequence[str]) -> bool:
    """Note memories that say so; whether one of them is new."""
    held = set(sources_of(connection, [edge]).get(edge, ()))
    new = [{"edge": edge, "memory": uid} for uid in dict.fromkeys(uids) if uid not in held]
    if new:
        connection.execute(insert(edge_sources), new)
    return bool(new)


def types(connection: Connection) -> dict[str, EdgeType]:
    """What was said of types of edges."""
    said = {
        row.type: EdgeType(type=row.type, single=row.single, description=row.description)
        for row in connection.execute(select(edge_types))
    }
    return {**{type: EdgeType(type=type, single=True) for type in SINGLE}, **said}


def define(connection: Connection, edge_type: EdgeType) -> None:
    """Say something of a type of edges."""
    connection.execute(delete(edge_types).where(edge_types.c.type == edge_type.type))
    row = {"type": edge_type.type, "single": edge_type.single, "description": edge_type.description}
    connection.execute(insert(edge_types), row)


# --- removing -----------------------------------------------------------------------------------------------------


def remove(connection: Connection, scopes: ColumnElement[bool], wanted: Sequence[int]) -> tuple[list[AnyRow], int]:
    """Delete entities for good, with the edges of the same places; returns the entities, and how many edges."""
    gone = list(connection.execute(delete(entities).where(entities.c.name.in_(wanted), scopes).returning(entities)))
    count = 0
    for row in gone:
        place = Scope(row.namespace, row.user, row.sensitivity)
        hung = and_(or_(edges.c.source == row.name, edges.c.target == row.name), place.of(edges))
        uids = list(connection.execute(delete(edges).where(hung).returning(edges.c.uid)).scalars())
        _forget_sources(connection, uids)
        count += len(set(uids))
    return gone, count


def _forget_sources(connection: Connection, uids: Sequence[str]) -> None:
    for start in range(0, len(uids), placed.SOME):
        connection.execute(delete(edge_sources).where(edge_sources.c.edge.in_(uids[start : start + placed.SOME])))


def remove_user(connection: Connection, user: str) -> int:
    """Delete what is about a user; returns how many entities and edges."""
    uids = list(connection.execute(delete(edges).where(edges.c.user == user).returning(edges.c.uid)).scalars())
    _forget_sources(connection, uids)
    gone = connection.execute(delete(entities).where(entities.c.user == user)).rowcount
    return len(set(uids)) + int(gone)


def remove_namespace(connection: Connection, path: str) -> None:
    """Delete what lies in a namespace."""
    uids = list(connection.execute(delete(edges).where(edges.c.namespace == path).returning(edges.c.uid)).scalars())
    _forget_sources(connection, uids)
    connection.execute(delete(entities).where(entities.c.namespace == path))


def sweep(connection: Connection) -> None:
    """Delete what rests on memories that are gone for good, and names that nobody uses."""
    rests = select(edge_sources.c.edge).where(edge_sources.c.edge == edges.c.uid).exists()
    connection.execute(delete(edges).where(not_(edges.c.stated), ~rests))
    mentioned = select(mentions.c.name).where(mentions.c.name == entities.c.name).exists()
    connection.execute(delete(entities).where(not_(entities.c.stated), ~mentioned))
    used = union(select(entities.c.name), select(edges.c.source), select(edges.c.target))
    connection.execute(delete(names).where(names.c.number.not_in(used)))


# --- mentions -----------------------------------------------------------------------------------------------------


def mention(connection: Connection, rows: Sequence[tuple[int, str]], *, extracted: bool) -> None:
    """Note which names which memories hold; harmless for what is noted already."""
    held: set[tuple[int, str]] = set()
    for start in range(0, len(rows), placed.SOME):
        some = tuple_(mentions.c.name, mentions.c.memory).in_(rows[start : start + placed.SOME])
        held.update((row.name, row.memory) for row in connection.execute(select(mentions).where(some)))
    new = [{"name": n, "memory": uid, "extracted": extracted} for n, uid in dict.fromkeys(rows) if (n, uid) not in held]
    if new:
        connection.execute(insert(mentions), new)


def forget_mentions(connection: Connection, uids: Sequence[str], *, extracted: bool) -> None:
    """These memories have another text: what was found in it by its words, or also by an extractor, is not known."""
    for start in range(0, len(uids), placed.SOME):
        some = uids[start : start + placed.SOME]
        gone = delete(mentions).where(mentions.c.memory.in_(some))
        connection.execute(gone if extracted else gone.where(not_(mentions.c.extracted)))
        if extracted:
            connection.execute(delete(edge_sources).where(edge_sources.c.memory.in_(some)))


def mentioned_by(connection: Connection, uids: Sequence[str]) -> dict[str, list[tuple[int, bool]]]:
    """By memory, the names that it mentions, and whether an extractor says so."""
    found: dict[str, list[tuple[int, bool]]] = {}
    for start in range(0, len(uids), placed.SOME):
        query = select(mentions).where(mentions.c.memory.in_(uids[start : start + placed.SOME]))
        for row in connection.execute(query.order_by(mentions.c.name)):
            found.setdefault(row.memory, []).append((row.name, row.extracted))
    return found


def mentioning(connection: Connection, wanted: Sequence[int], where: ColumnElement[bool], limit: int) -> list[AnyRow]:
    """The memories that mention any of these names and fulfil `where`, latest first."""
    some = select(mentions.c.memory).where(mentions.c.name.in_(wanted))
    query = select(memories).where(memories.c.uid.in_(some), where).order_by(memories.c.number.desc())
    return list(connection.execute(query.limit(limit)))


def text_with(connection: Connection, spellings: Iterable[str], limit: int) -> list[tuple[str, str]]:
    """Uids and texts of the latest memories that may hold a name, forgotten ones too: they may come back."""
    found = or_(*(phrase(spelling) for spelling in sorted(spellings)))
    query = select(memories.c.uid, memories.c.text).where(found).order_by(memories.c.number.desc()).limit(limit)
    return [(row.uid, row.text) for row in connection.execute(query)]


def any_memory(connection: Connection) -> bool:
    """Whether there is a memory at all."""
    return connection.execute(select(memories.c.number).limit(1)).first() is not None
