"""What was taken from a memory holds as long as that counts: no longer, and, when it is back, again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.graph.graphs import ACME, ALICE, BETA, REDIS, names, rows, said
from tests.team.stores import START, Clock
from transactive import Agent, Policy, TeamMemory
from transactive.errors import NotFound

TEXT = "Alice Chen works at Acme Corp."


@pytest.fixture
def eager(team: TeamMemory, ana: Agent) -> Agent:
    """Whatever she writes goes to the graph."""
    team.namespaces.configure("**", Policy(extract_graph=True))
    return ana


def nothing_is_known(agent: Agent) -> bool:
    """Neither entity nor edge, by any verb."""
    with pytest.raises(NotFound):
        agent.graph.get(ALICE)
    return agent.graph.list() == [] and len(agent.graph.subgraph().edges) == 0


def test_what_is_forgotten_takes_its_edges_and_entities_along_and_undo_brings_them_back(eager):
    memory = eager.remember(TEXT)
    [edge] = eager.graph.edges(ALICE)
    forgotten = eager.forget(memory.uid)
    assert nothing_is_known(eager)
    eager.undo(forgotten)
    assert eager.graph.edges(ALICE) == [edge]
    assert names(eager.graph.mentioned(memory)) == ["Acme Corp", "Alice Chen"]


def test_an_edge_rests_on_each_of_its_memories(eager):
    one, two = eager.remember(TEXT), eager.remember(f"As everybody knows: {TEXT}")
    assert len(eager.graph.edges(ALICE)[0].sources) == 2
    eager.forget(one.uid)
    assert [edge.sources for edge in eager.graph.edges(ALICE)] == [(two.uid,)]
    eager.forget(two.uid)
    assert nothing_is_known(eager)


def test_an_edge_that_somebody_stated_rests_on_their_word_too(eager):
    memory = eager.remember(TEXT)
    eager.graph.link(ALICE, "works_at", ACME)
    eager.forget(memory.uid)
    assert said(eager.graph.edges(ALICE)) == ["Alice Chen works_at Acme Corp"]
    assert eager.graph.edges(ALICE)[0].sources == ()


def test_what_was_stated_is_again_as_it_was_stated(eager):
    """A memory is less sure of the same; forgotten, it takes its doubt along."""
    eager.graph.link(ALICE, "works_at", ACME, confidence=1.0)
    memory = eager.remember(TEXT)
    eager.forget(memory.uid)
    assert [edge.confidence for edge in eager.graph.edges(ALICE)] == [1.0]


def test_what_a_forgotten_memory_had_ended_is_so_again(eager, clock):
    eager.graph.link(ALICE, "works_at", ACME)
    clock.advance(timedelta(days=1))
    mistake = eager.remember("Alice Chen works at Beta Works.")
    assert names(eager.graph.neighbors(ALICE)) == ["Beta Works"]
    eager.forget(mistake.uid)
    assert names(eager.graph.neighbors(ALICE)) == ["Acme Corp"]


def test_a_correction_takes_the_edges_along_and_brings_its_own(eager, clock):
    memory = eager.remember(TEXT)
    clock.advance(timedelta(days=1))
    correction = eager.correct(memory.uid, "Alice Chen works at Beta Works.")
    [edge] = eager.graph.edges(ALICE)
    assert (str(edge), edge.sources) == ("Alice Chen works_at Beta Works", (correction.uid,))
    assert names(eager.graph.list()) == ["Alice Chen", "Beta Works"]


def test_a_correction_that_is_taken_back_brings_the_former_edges_back(eager, clock):
    memory = eager.remember(TEXT)
    clock.advance(timedelta(days=1))
    correction = eager.correct(memory.uid, "Alice Chen works at Beta Works.")
    eager.forget(correction.uid)
    assert said(eager.graph.edges(ALICE)) == ["Alice Chen works_at Acme Corp"]


def test_a_correction_that_says_nothing_of_it_leaves_nothing(eager):
    memory = eager.remember(TEXT)
    eager.correct(memory.uid, "That was a joke.")
    assert nothing_is_known(eager)


def test_a_revised_text_does_not_say_what_the_former_said(eager):
    memory = eager.remember(TEXT)
    eager.revise(memory.uid, importance=0.9)
    assert len(eager.graph.edges(ALICE)) == 1, "another importance is the same text"
    eager.revise(memory.uid, text="That was a joke.")
    assert nothing_is_known(eager)


def test_what_expires_takes_its_edges_along(team, eager, clock):
    eager.remember(TEXT, ttl="1h")
    assert len(eager.graph.edges(ALICE)) == 1
    clock.advance(timedelta(hours=2))
    assert nothing_is_known(eager)
    team.maintain(build=False)
    assert nothing_is_known(eager)


def test_the_history_of_an_edge_is_not_told_when_its_memory_is_forgotten(eager):
    eager.graph.add(ALICE)
    eager.graph.add(ACME)
    memory = eager.remember(TEXT)
    [edge] = eager.graph.edges(ALICE)
    eager.forget(memory.uid)
    assert eager.graph.edges(ALICE) == []
    with pytest.raises(NotFound):
        eager.graph.history(edge)


def test_an_entity_that_was_stated_stays(eager):
    eager.graph.add(ALICE)
    memory = eager.remember(TEXT)
    eager.forget(memory.uid)
    assert names(eager.graph.list()) == ["Alice Chen"]
    assert eager.graph.edges(ALICE) == []


def test_an_edge_that_was_ended_by_hand_stays_ended(eager, clock):
    memory = eager.remember(TEXT)
    clock.advance(timedelta(days=1))
    eager.graph.unlink(ALICE)
    eager.undo(eager.forget(memory.uid))
    assert eager.graph.edges(ALICE) == []
    assert said(eager.graph.edges(ALICE, at=START)) == ["Alice Chen works_at Acme Corp"]


def test_walks_and_paths_do_not_go_along_what_rests_on_nothing(eager):
    memory = eager.remember(TEXT)
    eager.graph.link(ALICE, "uses", REDIS)
    eager.graph.link(ACME, "owns", BETA)
    assert len(eager.graph.path(REDIS, BETA)) == 3
    forgotten = eager.forget(memory.uid)
    assert eager.graph.path(REDIS, BETA) is None
    assert len(eager.graph.traverse(REDIS, depth=5)) == 2
    assert len(eager.graph.subgraph().edges) == 2
    eager.undo(forgotten)
    assert len(eager.graph.path(REDIS, BETA)) == 3


def test_what_is_purged_is_gone_for_good(team, eager, clock: Clock):
    kept = eager.remember("Bob Diaz works at Beta Works.")
    memory = eager.remember(TEXT)
    eager.forget(memory.uid)
    clock.advance(timedelta(days=31))
    assert team.maintain(build=False).purged == 1
    left = rows(team)
    assert (left["names"], left["entities"], left["edges"], left["edge_sources"], left["mentions"]) == (2, 2, 1, 1, 2)
    assert names(eager.graph.mentioned(kept)) == ["Beta Works", "Bob Diaz"]
    eager.remember(TEXT)
    assert said(eager.graph.edges(ALICE)) == ["Alice Chen works_at Acme Corp"], "and may be said again"
