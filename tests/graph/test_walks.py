"""Neighbours, walks to a depth, and parts of the graph."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.graph.graphs import ACME, ALICE, BETA, BOB, CAROL, REDIS, SHARED, depths, names, said, thing
from transactive import Agent
from transactive.errors import NotFound
from transactive.records import EntityRef, Subgraph


def chain(agent: Agent, *letters: str, type: str = "leads_to") -> None:
    """An edge from each to the next."""
    for one, other in pairwise(letters):
        agent.graph.link(thing(one), type, thing(other))


def hub(agent: Agent, spokes: int, center: str = "hub") -> None:
    """A thing with so many edges that lead from it."""
    for number in range(spokes):
        agent.graph.link(thing(center), "has", thing(f"spoke {number:02}"))


# --- neighbours -------------------------------------------------------------------------------------------------------


def test_neighbours_come_latest_edge_first_with_edge_and_direction(ana):
    one = ana.graph.link(ALICE, "works_at", ACME)
    two = ana.graph.link(BOB, "reports_to", ALICE)
    near = ana.graph.neighbors(ALICE)
    assert names(near) == ["Bob Diaz", "Acme Corp"]
    assert [item.edge for item in near] == [two, one] == ana.graph.edges(ALICE)
    assert [item.outgoing for item in near] == [False, True]


def test_neighbours_by_direction_type_confidence_and_namespace(ana):
    ana.graph.link(ALICE, "works_at", ACME, confidence=0.9)
    ana.graph.link(ALICE, "knows", CAROL, confidence=0.4, namespace=SHARED)
    ana.graph.link(BOB, "knows", ALICE, confidence=0.6)
    near = ana.graph.neighbors
    assert names(near(ALICE, direction="out")) == ["Carol Okoye", "Acme Corp"]
    assert names(near(ALICE, direction="in")) == ["Bob Diaz"]
    assert names(near(ALICE, types=["knows"])) == ["Bob Diaz", "Carol Okoye"]
    assert names(near(ALICE, types=["knows", "works_at"], direction="out")) == ["Carol Okoye", "Acme Corp"]
    assert names(near(ALICE, types=[])) == []
    assert names(near(ALICE, min_confidence=0.6)) == ["Bob Diaz", "Acme Corp"]
    assert names(near(ALICE, namespaces=[SHARED])) == ["Carol Okoye"]
    assert names(near(ALICE, namespaces=["nowhere/**"])) == []


def test_the_limit_takes_the_latest(ana):
    hub(ana, 7)
    ana.graph.link(thing("other"), "has", thing("hub"))
    assert names(ana.graph.neighbors(thing("hub"), limit=3)) == ["other", "spoke 06", "spoke 05"]
    assert len(ana.graph.edges(thing("hub"), limit=8)) == 8


def test_two_edges_to_one_entity_are_two_neighbours(ana):
    ana.graph.link(ALICE, "knows", BOB)
    ana.graph.link(ALICE, "manages", BOB)
    assert names(ana.graph.neighbors(ALICE)) == ["Bob Diaz", "Bob Diaz"]


def test_who_is_alone_has_no_neighbours_and_who_is_not_there_is_not_found(ana):
    ana.graph.add(ALICE)
    assert ana.graph.neighbors(ALICE) == ana.graph.edges(ALICE) == []
    for read in (ana.graph.neighbors, ana.graph.edges, ana.graph.traverse):
        with pytest.raises(NotFound):
            read(BOB)


# --- walks ------------------------------------------------------------------------------------------------------------


def test_a_walk_goes_as_deep_as_it_is_told(ana):
    chain(ana, "a", "b", "c", "d", "e")
    for depth, reached in ((1, "ab"), (2, "abc"), (3, "abcd"), (4, "abcde"), (10, "abcde")):
        part = ana.graph.traverse(thing("a"), depth=depth)
        assert depths(part) == {letter: number for number, letter in enumerate(reached)}
        assert len(part.edges) == len(part) - 1
        assert not part.truncated
    assert depths(ana.graph.traverse(thing("a"))) == {"a": 0, "b": 1, "c": 2}, "two by default"


def test_the_closest_come_first_and_a_shortcut_counts(ana):
    chain(ana, "a", "b", "c", "d")
    chain(ana, "a", "d")
    part = ana.graph.traverse(thing("a"), depth=3)
    assert depths(part) == {"a": 0, "b": 1, "d": 1, "c": 2}
    assert names(part.entities) == ["a", "b", "d", "c"]


def test_directions(ana):
    chain(ana, "a", "b", "c", "d")
    walk = ana.graph.traverse
    assert set(depths(walk(thing("b"), depth=5, direction="out"))) == {"b", "c", "d"}
    assert set(depths(walk(thing("c"), depth=5, direction="in"))) == {"a", "b", "c"}
    assert set(depths(walk(thing("c"), depth=5))) == {"a", "b", "c", "d"}


def test_cycles_end(ana):
    chain(ana, "a", "b", "c", "a")
    chain(ana, "b", "a")
    part = ana.graph.traverse(thing("a"), depth=10, direction="out")
    assert depths(part) == {"a": 0, "b": 1, "c": 2}
    assert len(part.edges) == 4


def test_a_walk_keeps_to_types_confidence_and_namespaces_at_every_step(ana):
    chain(ana, "a", "b", "c")
    chain(ana, "b", "d", type="other")
    ana.graph.link(thing("c"), "leads_to", thing("e"), confidence=0.3)
    ana.graph.link(thing("c"), "leads_to", thing("f"), namespace=SHARED)
    walk = ana.graph.traverse
    assert set(depths(walk(thing("a"), depth=3, types=["leads_to"]))) == set("abcef")
    assert set(depths(walk(thing("a"), depth=3, min_confidence=0.5))) == set("abcdf")
    assert set(depths(walk(thing("a"), depth=3, namespaces=["agents/**"]))) == set("abcde")
    assert set(depths(walk(thing("a"), depth=3, types=["leads_to"], namespaces=["agents/ana"]))) == set("abce")


def test_the_limit_keeps_the_closest_and_says_that_there_is_more(ana):
    chain(ana, "a", "b", "c", "d")
    part = ana.graph.traverse(thing("a"), depth=3, limit=2)
    assert (depths(part), part.truncated) == ({"a": 0, "b": 1}, True)
    assert len(part.edges) == 1
    whole = ana.graph.traverse(thing("a"), depth=3, limit=4)
    assert (len(whole), whole.truncated) == (4, False)


def test_other_names_take_no_room_of_the_limit(ana):
    ana.graph.add(thing("a"), aliases=["a 1", "a 2", "a 3"])
    chain(ana, "a", "b", "c")
    ana.graph.add(thing("b"), aliases=["b 1", "b 2"])
    part = ana.graph.traverse(thing("a"), depth=3, limit=3)
    assert depths(part) == {"a": 0, "b": 1, "c": 2}
    assert not part.truncated


def test_a_hub_gives_its_latest_edges_up_to_the_fan_out(ana):
    hub(ana, 6)
    part = ana.graph.traverse(thing("hub"), fan_out=3)
    assert (set(depths(part)), part.truncated) == ({"hub", "spoke 03", "spoke 04", "spoke 05"}, True)


def test_a_hub_with_exactly_as_many_edges_is_whole(ana):
    hub(ana, 3)
    part = ana.graph.traverse(thing("hub"), fan_out=3)
    assert (len(part), part.truncated) == (4, False)


def test_the_fan_out_is_of_each_direction(ana):
    hub(ana, 3)
    for number in range(3):
        ana.graph.link(thing(f"root {number}"), "has", thing("hub"))
    assert len(ana.graph.traverse(thing("hub"), depth=1, fan_out=3)) == 7


def test_a_walk_through_a_hub_goes_on_behind_it(ana):
    hub(ana, 40)
    chain(ana, "spoke 07", "behind")
    assert depths(ana.graph.traverse(thing("hub"), depth=2))["behind"] == 2


# --- parts ------------------------------------------------------------------------------------------------------------


def test_a_part_has_the_edges_among_its_entities_only(ana):
    chain(ana, "a", "b", "c", "d")
    chain(ana, "a", "c")
    part = ana.graph.subgraph([thing("a"), thing("b"), "c"])
    assert set(names(part.entities)) == set("abc")
    assert said(part.edges) == ["a leads_to b", "a leads_to c", "b leads_to c"]
    assert set(part.depths.values()) == {0}
    assert not part.truncated


def test_without_entities_it_is_everything(ana):
    chain(ana, "a", "b")
    ana.graph.add(thing("alone"))
    ana.graph.link(ALICE, "works_at", BETA, namespace=SHARED)
    whole = ana.graph.subgraph()
    assert set(names(whole.entities)) == {"a", "b", "alone", "Alice Chen", "Beta Works"}
    assert said(whole.edges) == ["Alice Chen works_at Beta Works", "a leads_to b"]
    shared = ana.graph.subgraph(namespaces=["team/**"])
    assert (names(shared.entities), len(shared.edges)) == (["Alice Chen", "Beta Works"], 1)
    assert said(ana.graph.subgraph(types=["leads_to"]).edges) == ["a leads_to b"]


def test_an_empty_graph_is_an_empty_part(ana):
    assert ana.graph.subgraph() == Subgraph()
    assert ana.graph.subgraph([]) == Subgraph()
    assert ana.graph.list() == []


def test_a_part_is_bounded_and_says_so(ana):
    chain(ana, "a", "b", "c")
    part = ana.graph.subgraph(limit=2)
    assert (names(part.entities), len(part.edges), part.truncated) == (["a", "b"], 1, True)
    assert not ana.graph.subgraph(limit=3).truncated


def test_the_bound_of_a_part_counts_entities_and_not_their_names(ana):
    ana.graph.add(thing("a"), aliases=["a 1", "a 2", "a 3"])
    chain(ana, "a", "b")
    part = ana.graph.subgraph(limit=2)
    assert (names(part.entities), len(part.edges), part.truncated) == (["a", "b"], 1, False)


def test_an_entity_that_is_not_there_makes_no_part(ana):
    ana.graph.add(ALICE)
    with pytest.raises(NotFound):
        ana.graph.subgraph([ALICE, BOB])


def test_aliases_that_are_asked_for_give_one_entity(ana):
    ana.graph.add(ALICE, aliases=["Ally"])
    ana.graph.link(("person", "Ally"), "uses", REDIS)
    part = ana.graph.subgraph([ALICE, "Ally", REDIS])
    assert part.depths == {EntityRef(*ALICE): 0, EntityRef(*REDIS): 0}
    assert said(part.edges) == ["Alice Chen uses Redis"]


def test_a_walk_is_of_one_moment(ana, clock):
    chain(ana, "a", "b")
    clock.advance(timedelta(hours=1))
    chain(ana, "b", "c")
    assert set(depths(ana.graph.traverse(thing("a"), depth=3, as_of=clock.now - timedelta(minutes=1)))) == {"a", "b"}
