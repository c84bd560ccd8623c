"""The shortest way from one entity to another."""

from __future__ import annotations

import pytest

from tests.graph.graphs import SHARED, names, thing, year
from tests.graph.test_walks import chain, hub
from transactive.errors import NotFound


def test_a_path_tells_each_step_and_its_direction(ana):
    ana.graph.link(thing("Alice"), "works_at", thing("Acme"))
    ana.graph.link(thing("Beta"), "part_of", thing("Acme"))
    path = ana.graph.path(thing("Alice"), "Beta")
    assert names(path.entities) == ["Alice", "Acme", "Beta"]
    assert [str(edge) for edge in path.edges] == ["Alice works_at Acme", "Beta part_of Acme"]
    assert str(path) == "Alice —works_at→ Acme ←part_of— Beta"
    assert len(path) == 2
    assert str(ana.graph.path("Beta", "Alice")) == "Beta —part_of→ Acme ←works_at— Alice"


def test_the_shortest_of_several_is_taken(ana):
    chain(ana, "a", "b", "c", "d", "e")
    chain(ana, "a", "x", "e")
    assert names(ana.graph.path(thing("a"), thing("e")).entities) == ["a", "x", "e"]
    chain(ana, "e", "a")
    assert len(ana.graph.path(thing("a"), thing("e"))) == 1


def test_a_path_is_at_most_so_long(ana):
    chain(ana, *"abcdefgh")
    assert ana.graph.path(thing("a"), thing("h")) is None, "six by default"
    assert len(ana.graph.path(thing("a"), thing("g"))) == 6
    assert len(ana.graph.path(thing("a"), thing("h"), max_depth=7)) == 7
    for length in range(1, 8):
        reached = "abcdefgh"[length]
        assert len(ana.graph.path(thing("a"), thing(reached), max_depth=length)) == length
        assert length == 1 or ana.graph.path(thing("a"), thing(reached), max_depth=length - 1) is None


def test_where_nothing_leads_there_is_no_path(ana):
    chain(ana, "a", "b")
    chain(ana, "x", "y")
    assert ana.graph.path(thing("a"), thing("y")) is None
    with pytest.raises(NotFound):
        ana.graph.path(thing("a"), thing("nowhere"))
    with pytest.raises(NotFound):
        ana.graph.path(thing("nowhere"), thing("a"))


def test_a_path_goes_through_other_names_at_no_cost(ana):
    chain(ana, "a", "b 1")
    chain(ana, "b 2", "c 1")
    chain(ana, "c 2", "d")
    ana.graph.merge(thing("b 1"), thing("b"))
    ana.graph.merge(thing("b 2"), thing("b"))
    ana.graph.merge(thing("c 1"), thing("c 2"))
    path = ana.graph.path(thing("a"), thing("d"), max_depth=3)
    assert names(path.entities) == ["a", "b", "c 2", "d"]
    assert str(path) == "a —leads_to→ b —leads_to→ c 2 —leads_to→ d"


def test_from_a_name_to_another_of_the_same_entity_is_no_step(ana):
    ana.graph.add(thing("a"), aliases=["also a"])
    for one, other in (("a", "also a"), ("also a", "a"), ("a", "a")):
        path = ana.graph.path(thing(one), thing(other))
        assert (len(path), names(path.entities), str(path)) == (0, ["a"], "a")


def test_a_path_keeps_to_types_time_confidence_and_namespaces(ana):
    ana.graph.link(thing("a"), "short", thing("z"), confidence=0.3)
    ana.graph.link(thing("a"), "old", thing("z"), valid_until=year(2020))
    ana.graph.link(thing("a"), "shared", thing("z"), namespace=SHARED)
    chain(ana, "a", "b", "c", "z", type="long")

    def way(**more):
        path = ana.graph.path(thing("a"), thing("z"), **more)
        return path and [edge.type for edge in path.edges]

    assert way(types=["short"]) == ["short"]
    assert way(types=["long"]) == ["long", "long", "long"]
    assert way(types=["old"]) is None
    assert way(types=["old"], at=year(2019)) == ["old"]
    assert way(namespaces=[SHARED]) == ["shared"]
    assert way(namespaces=["agents/ana"], min_confidence=0.5) == ["long", "long", "long"]
    assert way(as_of=year(2020)) is None, "nothing was known then"


def test_within_namespaces_that_know_neither_end_there_is_no_way(ana):
    chain(ana, "a", "b")
    assert ana.graph.path(thing("a"), thing("b"), namespaces=[SHARED]) is None
    path = ana.graph.path(thing("a"), thing("a"), namespaces=[SHARED])
    assert path is None or len(path) == 0


def test_a_path_leads_through_hubs(ana):
    hub(ana, 60, "one")
    hub(ana, 60, "two")
    chain(ana, "start", "spoke 00")
    chain(ana, "spoke 59", "end")
    path = ana.graph.path(thing("start"), thing("end"))
    assert len(path) == 4
    assert names(path.entities)[0::4] == ["start", "end"]
