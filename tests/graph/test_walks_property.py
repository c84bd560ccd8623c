"""Neighbours, walks and paths against a model in plain Python, over random graphs with aliases and validity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.graph.graphs import SHARED, depths, thing, year
from tests.team.stores import opened
from transactive import Agent
from transactive.records import Edge

LETTERS = "abcdefgh"
TYPES = ("uses", "owns")
YEARS = (None, 2010, 2015, 2020)


@dataclass(frozen=True)
class Line:
    """An edge as the model knows it."""

    source: str
    type: str
    target: str
    start: int | None
    end: int | None
    confidence: float
    place: str | None

    def so(self, at: int) -> bool:
        """Whether it is so in a year."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


@dataclass(frozen=True)
class Asked:
    """A question."""

    start: str
    goal: str
    at: int
    direction: str
    types: tuple[str, ...] | None
    least: float | None
    depth: int


@dataclass
class Model:
    """Everything that was said, and answers from it by looking at all of it."""

    lines: dict[str, Line] = field(default_factory=dict)
    """By the uid of the edge."""
    proper: dict[str, str] = field(default_factory=dict)
    """What each alias is an alias of."""

    def name(self, letter: str) -> str:
        """The name proper."""
        while letter in self.proper:
            letter = self.proper[letter]
        return letter

    def usable(self, asked: Asked) -> dict[str, tuple[str, str]]:
        """The ends of each edge that a question may go along."""
        return {
            uid: (self.name(line.source), self.name(line.target))
            for uid, line in self.lines.items()
            if line.so(asked.at)
            and (asked.types is None or line.type in asked.types)
            and line.confidence >= (asked.least or 0)
        }

    def near(self, asked: Asked, name: str, direction: str) -> list[tuple[str, str, bool]]:
        """Edge, the other end, and whether it leads there."""
        found: list[tuple[str, str, bool]] = []
        for uid, (source, target) in self.usable(asked).items():
            if source == name and (direction != "in" or target == name):
                found.append((uid, target, True))
            elif target == name and direction != "out":
                found.append((uid, source, False))
        return found

    def walk(self, asked: Asked, depth: int, direction: str) -> tuple[dict[str, int], set[str]]:
        """How far each entity is, and the edges that were seen."""
        far, edges = {self.name(asked.start): 0}, set[str]()
        for level in range(1, depth + 1):
            for name in [name for name, at in far.items() if at == level - 1]:
                for uid, other, _ in self.near(asked, name, direction):
                    edges.add(uid)
                    far.setdefault(other, level)
        return far, edges


LINES = st.lists(
    st.tuples(
        st.sampled_from(LETTERS),
        st.sampled_from(TYPES),
        st.sampled_from(LETTERS),
        st.sampled_from(YEARS),
        st.sampled_from(YEARS),
        st.sampled_from([0.2, 0.8]),
        st.sampled_from([None, SHARED]),
    ),
    max_size=14,
    unique_by=lambda line: line[:3],
)
ALIASES = st.lists(st.tuples(st.sampled_from(LETTERS), st.sampled_from(LETTERS)), max_size=3)
ASKED = st.builds(
    Asked,
    start=st.sampled_from(LETTERS),
    goal=st.sampled_from(LETTERS),
    at=st.sampled_from([2009, 2010, 2014, 2015, 2019, 2030]),
    direction=st.sampled_from(["out", "in", "both"]),
    types=st.sampled_from([None, ("uses",), ("owns",), TYPES]),
    least=st.sampled_from([None, 0.5]),
    depth=st.integers(1, 5),
)


@pytest.fixture(scope="module")
def agents() -> Iterator[Iterator[Agent]]:
    """A store in which each example has an agent of its own, in namespaces of its own, over the same names."""
    with opened(shared=None) as team:

        def each() -> Iterator[Agent]:
            for number in range(10_000):
                yield team.agent(f"agent {number}")

        yield each()


def built(agent: Agent, lines: list[tuple[Any, ...]], aliases: list[tuple[str, str]]) -> Model:
    """The same graph in the store and in the model: edges, then other names."""
    model = Model()
    for letter in LETTERS:
        agent.graph.add(thing(letter))
    for source, type, target, start, end, confidence, place in lines:
        line = Line(source, type, target, start, end, confidence, place)
        if source != target and (start is None or end is None or start < end):
            edge = agent.graph.link(
                thing(source),
                type,
                thing(target),
                valid_from=None if start is None else year(start),
                valid_until=None if end is None else year(end),
                confidence=confidence,
                namespace=None if place is None else f"{agent.namespace}/shared",
            )
            model.lines[edge.uid] = line
    for one, other in aliases:
        # Names that are aliases already, or have some, stay as they are: chains have tests of their own.
        if one != other and not {one, other} & {*model.proper, *model.proper.values()}:
            agent.graph.merge(thing(one), thing(other))
            model.proper[one] = other
    return model


def leads(edge: Edge, one: str, other: str) -> bool:
    """Whether an edge joins two entities."""
    return {edge.source.name, edge.target.name} == {one, other}


def check_path(agent: Agent, model: Model, asked: Asked, more: dict[str, Any]) -> None:
    """As long as the model's shortest way, and each step is an edge that may be used."""
    path = agent.graph.path(thing(asked.start), thing(asked.goal), max_depth=asked.depth, **more)
    far, _ = model.walk(asked, asked.depth, "both")
    length = far.get(model.name(asked.goal))
    assert (None if path is None else len(path)) == length
    if path is not None:
        usable = model.usable(asked)
        way = [entity.name for entity in path.entities]
        assert (way[0], way[-1]) == (model.name(asked.start), model.name(asked.goal))
        for (one, other), edge in zip(pairwise(way), path.edges, strict=True):
            assert edge.uid in usable
            assert leads(edge, one, other)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(lines=LINES, aliases=ALIASES, questions=st.lists(ASKED, min_size=3, max_size=6))
def test_what_the_graph_answers_is_what_looking_at_everything_answers(agents, lines, aliases, questions):
    agent = next(agents)
    model = built(agent, lines, aliases)
    for asked in questions:
        more = {"at": year(asked.at), "types": asked.types, "min_confidence": asked.least}
        far, edges = model.walk(asked, asked.depth, asked.direction)
        part = agent.graph.traverse(thing(asked.start), depth=asked.depth, direction=asked.direction, **more)
        assert depths(part) == far
        assert {edge.uid for edge in part.edges} == edges
        assert len(part.edges) == len(edges)
        assert not part.truncated
        near = agent.graph.neighbors(thing(asked.start), direction=asked.direction, **more)
        told = Counter((item.edge.uid, item.entity.name, item.outgoing) for item in near)
        assert told == Counter(model.near(asked, model.name(asked.start), asked.direction))
        check_path(agent, model, asked, more)
    whole = agent.graph.subgraph(at=year(2014))
    assert {edge.uid for edge in whole.edges} == {uid for uid, line in model.lines.items() if line.so(2014)}
    assert {entity.name for entity in whole.entities} == {model.name(letter) for letter in LETTERS}
