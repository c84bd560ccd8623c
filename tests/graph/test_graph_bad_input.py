"""Each wrong argument of the graph gets an error of ours that says what would be right, before anything is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from tests.graph.graphs import ACME, ALICE, BETA, rows, year
from tests.team.stores import opened
from transactive import Agent
from transactive.errors import InvalidInput
from transactive.filters import Where

NAIVE = datetime(2026, 5, 4)  # noqa: DTZ001
Call = Callable[[Agent, Any], object]


@pytest.fixture(scope="module")
def world() -> Iterator[Agent]:
    """An agent with a little graph, and a team that it may define types for."""
    with opened() as team:
        team.graph.link(ALICE, "works_at", ACME)
        ana = team.agent("ana")
        ana.graph.link(ALICE, "works_at", ACME)
        yield ana


def refused(world: Agent, call: Callable[[], object]) -> None:
    """The call raises `InvalidInput` with a sentence, and the ledger is as it was."""
    before = rows(world)
    with pytest.raises(InvalidInput) as caught:
        call()
    assert rows(world) == before
    assert 10 < len(str(caught.value)) < 500, str(caught.value)


ENTITIES: dict[str, Any] = {
    "nothing": None,
    "a number": 5,
    "a list": ["company", "Acme"],
    "three parts": ("company", "Acme", "x"),
    "one part": ("company",),
    "no type": (None, "Acme"),
    "an empty type": ("", "Acme"),
    "a type in capitals": ("Company", "Acme"),
    "a type with a space": ("big company", "Acme"),
    "a type that begins with a digit": ("1company", "Acme"),
    "a long type": ("c" * 65, "Acme"),
    "a type with a line break": ("company\n", "Acme"),
    "no name": ("company", None),
    "an empty name": ("company", ""),
    "a blank name": ("company", " \n"),
    "a long name": ("company", "x" * 513),
    "NUL in a name": ("company", "a\x00b"),
    "a lone surrogate": ("company", "a\ud800"),
    "bytes": ("company", b"Acme"),
    "an empty string": "",
    "a blank string": "  ",
    "a lone surrogate alone": "\ud800",
}
TAKE_ENTITIES: dict[str, Call] = {
    "add": lambda a, e: a.graph.add(e),
    "link from": lambda a, e: a.graph.link(e, "uses", ACME),
    "link to": lambda a, e: a.graph.link(ALICE, "uses", e),
    "unlink": lambda a, e: a.graph.unlink(e),
    "merge": lambda a, e: a.graph.merge(e, ACME),
    "merge into": lambda a, e: a.graph.merge(ALICE, e),
    "split": lambda a, e: a.graph.split(e),
    "remove": lambda a, e: a.graph.remove(e),
    "get": lambda a, e: a.graph.get(e),
    "neighbors": lambda a, e: a.graph.neighbors(e),
    "edges": lambda a, e: a.graph.edges(e),
    "traverse": lambda a, e: a.graph.traverse(e),
    "path from": lambda a, e: a.graph.path(e, ALICE),
    "path to": lambda a, e: a.graph.path(ALICE, e),
    "subgraph": lambda a, e: a.graph.subgraph([e]),
    "mentions": lambda a, e: a.graph.mentions(e),
}


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_entities(world, entity):
    for call in TAKE_ENTITIES.values():
        refused(world, partial(call, world, entity))


@pytest.mark.parametrize("name", ["add", "link from", "link to", "merge", "merge into"])
def test_a_name_alone_does_not_say_what_to_write_about(world, name):
    refused(world, lambda: TAKE_ENTITIES[name](world, "Beta Works"))


TYPES = [None, 5, "", "Works_at", "works at", "works-at", "_works", "1st", "w" * 65, "works_at\n", "same_as", b"uses"]


@pytest.mark.parametrize("type", TYPES, ids=repr)
def test_types_of_edges(world, type):
    refused(world, lambda: world.graph.link(ALICE, type, BETA))
    if type is not None:
        refused(world, lambda: world.graph.unlink(ALICE, type))
        refused(world, lambda: world.graph.traverse(ALICE, types=[type]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.1, "0.5", True, [0.5], 1j], ids=repr)
def test_confidences(world, value):
    refused(world, lambda: world.graph.link(ALICE, "uses", BETA, confidence=value))
    for read in (world.graph.neighbors, world.graph.edges, world.graph.traverse):
        refused(world, partial(read, ALICE, min_confidence=value))
    refused(world, lambda: world.graph.path(ALICE, ACME, min_confidence=value))
    refused(world, lambda: world.graph.subgraph(min_confidence=value))


@pytest.mark.parametrize("value", [NAIVE, "2026-05-04", 5, NAIVE.date()], ids=repr)
def test_times(world, value):
    refused(world, lambda: world.graph.link(ALICE, "uses", BETA, valid_from=value))
    refused(world, lambda: world.graph.link(ALICE, "uses", BETA, valid_until=value))
    refused(world, lambda: world.graph.unlink(ALICE, at=value))
    for name in ("at", "as_of"):
        time = {name: value}
        for read in (world.graph.neighbors, world.graph.edges, world.graph.traverse):
            refused(world, partial(read, ALICE, **time))
        refused(world, partial(world.graph.path, ALICE, ACME, **time))
        refused(world, partial(world.graph.subgraph, **time))


@pytest.mark.parametrize("until", [year(2020), year(2019)])
def test_an_edge_ends_after_it_begins(world, until):
    refused(world, lambda: world.graph.link(ALICE, "uses", BETA, valid_from=year(2020), valid_until=until))


@pytest.mark.parametrize("value", ["x", [], [("a", 1)], {"a": math.nan}, {"a": {1}}, {1: "a"}, {"a": "x" * 70_000}])
def test_metadata(world, value):
    refused(world, lambda: world.graph.add(BETA, metadata=value))
    refused(world, lambda: world.graph.link(ALICE, "uses", BETA, metadata=value))


@pytest.mark.parametrize("value", ["Ally", 5, [5], [""], [None], ["\ud800"], ["x" * 513], {"a": 1}], ids=repr)
def test_aliases(world, value):
    refused(world, lambda: world.graph.add(BETA, aliases=value))


@pytest.mark.parametrize("value", ["id", 5, {"a"}, [5], [""], [None]], ids=repr)
def test_sources(world, value):
    refused(world, lambda: world.graph.link(ALICE, "uses", BETA, sources=value))


def test_an_edge_joins_two_entities(world):
    refused(world, lambda: world.graph.link(ALICE, "knows", ("person", "alice CHEN.")))


COUNTS: dict[str, tuple[Call, list[Any]]] = {
    "depth": (lambda a, n: a.graph.traverse(ALICE, depth=n), [0, 11]),
    "limit of traverse": (lambda a, n: a.graph.traverse(ALICE, limit=n), [0, 10_001]),
    "fan_out": (lambda a, n: a.graph.traverse(ALICE, fan_out=n), [0, 10_001]),
    "limit of neighbors": (lambda a, n: a.graph.neighbors(ALICE, limit=n), [0, 10_001]),
    "limit of edges": (lambda a, n: a.graph.edges(ALICE, limit=n), [0, 10_001]),
    "max_depth": (lambda a, n: a.graph.path(ALICE, ACME, max_depth=n), [0, 21]),
    "limit of subgraph": (lambda a, n: a.graph.subgraph(limit=n), [0, 10_001]),
    "limit of list": (lambda a, n: a.graph.list(limit=n), [0, 10_001]),
    "offset": (lambda a, n: a.graph.list(offset=n), [-1]),
    "limit of mentions": (lambda a, n: a.graph.mentions(ALICE, limit=n), [0, 10_001]),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(world, name):
    call, outside = COUNTS[name]
    for value in [*outside, -5, 1.5, "3", None, True, math.nan]:
        refused(world, partial(call, world, value))


@pytest.mark.parametrize("value", ["team/**", 5, [5], [""], ["a//b"], ["a/**/b"], [None]], ids=repr)
def test_patterns(world, value):
    for read in (world.graph.neighbors, world.graph.edges, world.graph.traverse):
        refused(world, partial(read, ALICE, namespaces=value))
    refused(world, lambda: world.graph.path(ALICE, ACME, namespaces=value))
    refused(world, lambda: world.graph.subgraph(namespaces=value))
    refused(world, lambda: world.graph.list(namespaces=value))


@pytest.mark.parametrize("value", ["", "/a", "a//b", "a/*", "**", 5, "a b"], ids=repr)
def test_namespaces(world, value):
    place = {"namespace": value}
    refused(world, lambda: world.graph.add(BETA, **place))
    refused(world, lambda: world.graph.link(ALICE, "uses", BETA, **place))
    refused(world, lambda: world.graph.unlink(ALICE, **place))
    refused(world, lambda: world.graph.merge(ALICE, BETA, **place))
    refused(world, lambda: world.graph.split(ALICE, **place))
    refused(world, lambda: world.graph.remove(ALICE, **place))


OTHERS: dict[str, Callable[[Any], object]] = {
    "a level that there is not": lambda graph: graph.add(BETA, sensitivity="secret"),
    "a level of an edge": lambda graph: graph.link(ALICE, "uses", BETA, sensitivity=5),
    "an empty user": lambda graph: graph.add(BETA, user=""),
    "a user that is no string": lambda graph: graph.link(ALICE, "uses", BETA, user=5),
    "a direction": lambda graph: graph.neighbors(ALICE, direction="up"),
    "a direction of a walk": lambda graph: graph.traverse(ALICE, direction=None),
    "types as a string": lambda graph: graph.traverse(ALICE, types="uses"),
    "types as a number": lambda graph: graph.neighbors(ALICE, types=5),
    "entities as a string": lambda graph: graph.subgraph("Alice Chen"),
    "entities as a number": lambda graph: graph.subgraph(5),
    "a type of entities": lambda graph: graph.list(type="Person"),
    "history of nothing": lambda graph: graph.history(None),
    "history of a blank": lambda graph: graph.history(""),
    "mentioned by nothing": lambda graph: graph.mentioned(None),
}


@pytest.mark.parametrize("call", OTHERS.values(), ids=OTHERS)
def test_other_arguments(world, call):
    refused(world, partial(call, world.graph))


@pytest.mark.parametrize(
    ("type", "more"),
    [
        ("Lives in", {"single": True}),
        ("same_as", {"single": False}),
        (None, {"single": True}),
        ("lives_in", {"single": "yes"}),
        ("lives_in", {"single": 1}),
        ("lives_in", {"single": True, "description": 5}),
        ("lives_in", {"single": True, "description": "\ud800"}),
    ],
)
def test_definitions(type, more):
    with opened() as team:
        before = rows(team)
        with pytest.raises(InvalidInput):
            team.graph.define(type, **more)
        assert rows(team) == before


def test_filters_of_extract_are_checked_like_any(world):
    wrong: list[Where] = [{"nothing": 1}, {"tags": {"$near": 1}}]
    for where in wrong:
        refused(world, partial(world.graph.extract, where=where))
