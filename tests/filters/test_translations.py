"""The reference, the ledger's SQL and the index's filter select the same memories."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import delete, select

from tests.filters.strategies import DECLARED, TIMES, many, memories, wheres
from tests.index.edge import open_edge
from transactive.filters import Expression, Not, Test, equals, matches, parse, read_memory
from transactive.filters.parsing import MAX_DEPTH
from transactive.index.edge import EdgeIndex
from transactive.index.protocol import FLAGS, Point, rewritten
from transactive.ledger import filtering, lineage, schema
from transactive.ledger import memories as table
from transactive.ledger.database import Database
from transactive.records import Memory
from transactive.testing.points import point, uid_of
from transactive.testing.suite import all_uids


class World:
    """The same memories in a ledger and in an index."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Database(folder / "ledger.db")
        self.index: EdgeIndex = open_edge(folder / "index", DECLARED)
        self.held: Sequence[Memory] = ()

    def hold(self, held: Sequence[Memory]) -> None:
        """These memories and no others."""
        with self.ledger.write() as connection:
            connection.execute(delete(schema.attributes))
            connection.execute(delete(schema.memories))
            table.add(connection, [table.to_row(memory, turn=False, tells_when=False) for memory in held])
            superseded = [memory.uid for memory in held if memory.superseded]
            lineage.supersede(connection, superseded, uid_of("another memory"), TIMES[4])  # as a later write does
        self.index.delete([memory.uid for memory in self.held])
        self.index.upsert([to_point(memory) for memory in held])
        self.held = held

    def by_reference(self, expression: Expression) -> list[int]:
        """The places of the memories that the reference selects."""
        return [place for place, memory in enumerate(self.held) if matches(expression, partial(read_memory, memory))]

    def by_ledger(self, expression: Expression) -> list[int]:
        """Those that SQL selects."""
        with self.ledger.read() as connection:
            query = select(schema.memories.c.uid).where(filtering.condition(expression))
            return self._places(connection.execute(query).scalars())

    def by_index(self, expression: Expression) -> list[int]:
        """Those that the index selects, where the reference resolves what no index answers."""

        def resolve(test: Test) -> Expression:
            return equals("id", *(self.held[place].uid for place in self.by_reference(test)))

        answered = rewritten(expression, DECLARED, resolve)
        found = self._places(all_uids(self.index, answered))
        assert self.index.count(answered) == len(found)
        return found

    def _places(self, uids: Iterable[str]) -> list[int]:
        places = {memory.uid: place for place, memory in enumerate(self.held)}
        return sorted(places[uid] for uid in uids)

    def check(self, where: dict[str, Any]) -> list[int]:
        """Assert that all three select the same, and the rest when it is negated; returns whom."""
        expression = parse(where)
        expected = self.by_reference(expression)
        rest = [place for place in range(len(self.held)) if place not in expected]
        assert self.by_ledger(expression) == expected, f"the ledger on {where}: {self.shown(expected)}"
        assert self.by_index(expression) == expected, f"the index on {where}: {self.shown(expected)}"
        assert self.by_ledger(Not(expression)) == rest, f"the ledger on not {where}"
        assert self.by_index(Not(expression)) == rest, f"the index on not {where}"
        return expected

    def shown(self, places: list[int]) -> str:
        return f"expected {places} of {[dict(memory.metadata) for memory in self.held]}"


def to_point(memory: Memory) -> Point:
    names = (
        "namespace",
        "agent",
        "kind",
        "sensitivity",
        "created_at",
        "importance",
        "expires_at",
        "user",
        "session",
        "app",
    )
    fields: dict[str, Any] = {name: getattr(memory, name) for name in (*names, *FLAGS, "tags", "metadata")}
    made = point(memory.text, **fields)
    return Point(
        uid=memory.uid,
        number=1,
        fields=made.fields,
        dense=made.dense,
        terms=made.terms,
        window_dense=made.window_dense,
        window_terms=made.window_terms,
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.index.close()
    world.ledger.close()


def memory(place: int, **fields: Any) -> Memory:
    plain: dict[str, Any] = {
        "id": uid_of(f"memory {place}"),
        "uid": uid_of(f"memory {place}"),
        "namespace": "prod",
        "kind": "semantic",
        "text": "memory",
        "importance": 0.5,
        "agent": "triage",
        "created_at": TIMES[4],
        "recorded_at": TIMES[4],
        "updated_at": TIMES[4],
        "version": 1,
    }
    return Memory(**(plain | fields))


def told(*metadata: dict[str, Any]) -> list[Memory]:
    return [memory(place, metadata=each) for place, each in enumerate(metadata)]


@settings(max_examples=settings().max_examples // 2, suppress_health_check=[HealthCheck.too_slow])
@given(held=memories(most=40), asked=many(wheres, most=40))
def test_ledger_and_index_select_what_the_reference_selects(
    world: World, held: list[Memory], asked: list[dict[str, Any]]
) -> None:
    world.hold(held)
    for where in asked:
        world.check(where)


# --- what chance may miss ---------------------------------------------------------------------------------------------

BATCH = told(
    {"n": 1},
    {"n": 1.0},
    {"n": True},
    {"n": "1"},
    {"n": None},
    {"n": []},
    {},
    {"n": [1, 2]},
    {"n": [[1], ["1"]]},
    {"n": {"n": 1}},
    {"n": [{"n": 1}, {"n": 2}]},
    {"n": 2**53 + 1},
    {"n": 2.0**53},
    {"n": ""},
    {"n": "2026-05-01T09:00:00Z"},
    {"n": {}},
    {"n": 0},
    {"n": -0.0},
    {"n": "n" * 300},
    {"n": "n" * 299 + "m"},
)
CASES: list[tuple[dict[str, Any], list[int]]] = [
    ({"metadata.n": 1}, [0, 1, 7, 8]),
    ({"metadata.n": 1.0}, [0, 1, 7, 8]),
    ({"metadata.n": True}, [2]),
    ({"metadata.n": "1"}, [3, 8]),
    ({"metadata.n": None}, [4, 5, 6, 15]),
    ({"metadata.n": {"$exists": False}}, [4, 5, 6, 15]),
    ({"metadata.n": {"$in": [None, 2]}}, [4, 5, 6, 7, 15]),
    ({"metadata.n": {"$contains": 1}}, [7, 8]),
    ({"metadata.n.n": 1}, [9, 10]),
    ({"metadata.n.n": {"$contains": 1}}, []),
    ({"metadata.n": 2**53 + 1}, [11]),
    ({"metadata.n": 2**53}, [12]),
    ({"metadata.n": {"$gt": 2**53}}, [11]),
    ({"metadata.n": {"$gte": 2**53}}, [11, 12]),
    ({"metadata.n": {"$lt": 2}}, [0, 1, 7, 8, 16, 17]),
    ({"metadata.n": {"$gte": 1, "$lt": 2}}, [0, 1, 7, 8]),
    ({"metadata.n": {"$gt": "2026-05-01T08:59:59Z"}}, [14]),
    ({"metadata.n": ""}, [13]),
    ({"metadata.n": 0}, [16, 17]),
    ({"metadata.n": "n" * 300}, [18]),
    ({"metadata.n": {"$in": []}}, []),
    ({"metadata.n": {"$nin": []}}, list(range(20))),
    ({"$not": {"metadata.n": {"$gt": -1}}}, [2, 3, 4, 5, 6, 9, 10, 13, 14, 15, 18, 19]),
]


@pytest.mark.parametrize(("where", "expected"), CASES, ids=lambda value: str(value)[:60])
def test_what_is_equal_and_what_is_not(world: World, where: dict[str, Any], expected: list[int]) -> None:
    world.hold(BATCH)
    assert world.check(where) == expected


def test_neighbouring_times_are_told_apart_at_both_ends_of_the_calendar(world: World) -> None:
    world.hold([memory(place, created_at=time) for place, time in enumerate(TIMES)])
    for place, time in enumerate(TIMES):
        assert world.check({"created_at": {"$lt": time}}) == list(range(place)), time
        assert world.check({"created_at": {"$gte": time}}) == list(range(place, len(TIMES))), time
        assert world.check({"created_at": time}) == [place], time


def test_keys_that_look_like_syntax_are_keys(world: World) -> None:
    world.hold(told({"a.b": 1}, {"a": {"b": 1}}, {"a[]": 1}, {"a": [1]}, {"": {"": 1}}, {'"': 1}, {"a?": 1}, {"a": 1}))
    assert world.check({'metadata."a.b"': 1}) == [0]
    assert world.check({"metadata.a.b": 1}) == [1]
    assert world.check({"metadata.a[]": 1}) == [2]
    assert world.check({"metadata.a": {"$contains": 1}}) == [3]
    assert world.check({'metadata."".""': 1}) == [4]
    assert world.check({r'metadata."\""': 1}) == [5]
    assert world.check({"metadata.a?": {"$exists": True}}) == [6]
    assert world.check({"metadata.a": {"$exists": True}}) == [1, 3, 7]
    assert world.check({'metadata."a"': 1}) == [3, 7]


def test_a_foreign_id_is_found_as_well_as_the_uid(world: World) -> None:
    world.hold([memory(0, id="mine"), memory(1)])
    assert world.check({"id": "mine"}) == [0]
    assert world.check({"id": {"$in": [uid_of("memory 0"), uid_of("memory 1"), "no uuid"]}}) == [0, 1]
    assert world.check({"id": uid_of("memory 1").upper()}) == []
    assert world.check({"id": {"$ne": "mine"}}) == [1]
    assert world.check({"id": {"$exists": True}}) == [0, 1]


@pytest.mark.parametrize("character", ["%", "_", "\\", "'", '"', "\0", "İ", "ß", "\u0301"])
def test_a_substring_is_taken_literally(world: World, character: str) -> None:
    world.hold([memory(0, text="none of it"), memory(1, text=f"a{character.replace(chr(0), '-')}b")])
    assert world.check({"text": {"$contains": character}}) == ([] if character == "\0" else [1])


def test_a_pattern_covers_in_the_ledger_what_it_covers_elsewhere(world: World) -> None:
    paths = ("prod", "prod/support", "prod/supportive", "prod/support/triage", "prod!", "prod0", "PROD/x", "other")
    world.hold([memory(place, namespace=path) for place, path in enumerate(paths)])
    for pattern, expected in {
        "prod": [0],
        "prod/*": [1, 2],
        "prod/**": [0, 1, 2, 3],
        "prod/support/**": [1, 3],
        "prod/support/*": [3],
        "*": [0, 4, 5, 7],
        "**": list(range(8)),
        "prod/sup*": [],
        "PROD/**": [6],
    }.items():
        condition = equals("scopes", pattern)
        assert world.by_reference(condition) == expected, pattern
        assert world.by_ledger(condition) == expected, pattern
        assert world.by_index(condition) == expected, pattern


def test_thousands_of_values_and_patterns_are_no_error(world: World) -> None:
    world.hold([memory(0, agent="a 7"), memory(1, agent="other", metadata={"n": 7}, tags=("a 7",))])
    many = [f"a {n}" for n in range(10_000)]
    assert world.check({"agent": {"$in": many}}) == [0]
    assert world.check({"tags": {"$in": many}}) == [1]
    assert world.check({"metadata.n": {"$nin": list(range(10_000))}}) == [0]
    assert world.check({"id": {"$in": [*many[1:], uid_of("memory 0")]}}) == [0]
    scopes = equals("scopes", *(f"ns {n}" for n in range(2_000)), "prod")  # as many grants as a principal may have
    assert world.by_ledger(scopes) == world.by_index(scopes) == [0, 1]


def test_as_many_conditions_as_may_be_are_no_error(world: World) -> None:
    world.hold([memory(0, metadata={"n": 3}), memory(1, tags=("x",))])
    any_of = {"$or": [{"metadata.n": n} for n in range(100)] + [{"tags": f"t{n}"} for n in range(350)]}
    assert world.check(any_of) == [0]
    for keys in (("$not",), ("$not", "$or"), ("$and", "$or"), ("$not", "$and", "$or")):
        deep: dict[str, Any] = {"metadata.n": 3}
        for level in range(MAX_DEPTH):
            key = keys[level % len(keys)]
            deep = {key: deep} if key == "$not" else {key: [deep, {"tags": "none" if key == "$or" else {"$ne": "x"}}]}
        world.check(deep)
