"""recall(expand="graph"): what mentions the same entities as the best hits, and what is one edge away."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from tests.graph.graphs import ACME, ALICE, BETA, SHARED
from tests.team.stores import START, opened, texts
from transactive import Agent
from transactive.errors import InvalidInput
from transactive.records import Recall
from transactive.testing import HashEmbedder

QUESTION = "who tends the orchid greenhouse"
ANSWER = "Alice Chen tends the orchid greenhouse."
NEXT = "Acme Corp pays its invoices late."
FILLING = [
    f"{one} {other}."
    for one in ("Rain fell on", "Snow closed", "A parade crossed", "Somebody painted", "Two buses left", "Fog hid")
    for other in ("the harbour", "a bridge", "our canteen", "their market", "every roof")
]


@pytest.fixture
def team(clock):
    """A store whose model knows which texts share words."""
    with opened(clock=clock, embedder=HashEmbedder()) as team:
        yield team


@pytest.fixture
def story(ana: Agent) -> Agent:
    """An answer that names Alice, and a note about her employer, among much else."""
    ana.remember_many([ANSWER, NEXT, *FILLING])
    ana.graph.link(ALICE, "works_at", ACME)
    return ana


def expanded(agent: Agent, limit: int = 3, **more) -> Recall:
    """With the graph."""
    return agent.recall(QUESTION, limit=limit, expand="graph", **more)


def test_one_edge_away_is_found_and_why_tells_the_way(story):
    assert NEXT not in texts(story.recall(QUESTION, limit=3))
    hits = expanded(story)
    assert texts(hits)[0] == ANSWER
    [hit] = [hit for hit in hits if hit.memory.text == NEXT]
    assert hit.why.path == "Alice Chen works_at Acme Corp"
    assert "graph: Alice Chen works_at Acme Corp" in str(hit.why)
    assert 0 < hit.score < hits[0].score
    assert -1 <= hit.similarity <= 1
    assert hits[0].why.path is None


def test_what_mentions_the_same_entity_is_found(story):
    other = story.remember("Alice Chen is allergic to penicillin.")
    assert other.text not in texts(story.recall(QUESTION, limit=2))
    [hit] = [hit for hit in expanded(story) if hit.memory.uid == other.uid]
    assert hit.why.path == "about Alice Chen"


def test_an_entity_of_the_question_leads_on_too(story):
    hits = story.recall("news of Alice Chen please", limit=5, expand="graph")
    assert NEXT in texts(hits)


def test_two_edges_away_is_not_found(story):
    far = story.remember("Beta Works moved to another street.")
    story.graph.link(ACME, "owns", BETA)
    assert far.uid not in {hit.memory.uid for hit in expanded(story, limit=10) if hit.why.path}


def test_what_mentions_a_neighbour_by_another_name_is_found(story):
    story.graph.add(ACME, aliases=["Rocket Works"])
    near = story.remember("Rocket Works is closed on Mondays.")
    found = {hit.memory.uid: hit.why.path for hit in expanded(story)}
    assert found.get(near.uid) == "Alice Chen works_at Acme Corp"


def test_what_mentions_the_same_entity_by_another_name_is_found(story):
    story.graph.add(ALICE, aliases=["Ally"])
    same = story.remember("Ally is on leave since Tuesday.")
    found = {hit.memory.uid: hit.why.path for hit in expanded(story)}
    assert found.get(same.uid) == "about Alice Chen"


def test_a_hit_that_names_an_alias_leads_to_the_edges_of_the_name(ana):
    ana.remember_many(["Ally tends the orchid greenhouse.", NEXT, *FILLING])
    ana.graph.link(ALICE, "works_at", ACME)
    ana.graph.merge(("person", "Ally"), ALICE)
    assert NEXT in texts(expanded(ana))


def test_both_directions_are_followed(ana):
    ana.remember_many([ANSWER, NEXT, *FILLING])
    ana.graph.link(ACME, "employs", ALICE)
    [hit] = [hit for hit in expanded(ana) if hit.memory.text == NEXT]
    assert hit.why.path == "Acme Corp employs Alice Chen"


def test_without_a_graph_it_is_the_recall_that_it_was(ana):
    ana.remember_many([ANSWER, NEXT, *FILLING])
    assert expanded(ana, 10) == ana.recall(QUESTION, limit=10)


def test_the_limit_and_the_offset_hold(story):
    assert [len(expanded(story, limit)) for limit in (1, 2, 12)] == [1, 2, 12]
    assert len(expanded(story, 3, offset=2)) == 3


@pytest.mark.parametrize("size", [1, 3, 5])
def test_pages_put_together_are_the_whole(story, size):
    whole = texts(expanded(story, 10))
    pages = [text for start in range(0, 10, size) for text in texts(expanded(story, size, offset=start))]
    assert pages[:10] == whole


def test_what_is_reached_ranks_the_same_whatever_the_limit(story):
    ranks = [texts(expanded(story, limit)).index(NEXT) for limit in (3, 10, 32)]
    assert ranks == [1, 1, 1]


def test_each_memory_is_there_once(story):
    hits = expanded(story, 40)
    assert len({hit.memory.uid for hit in hits}) == len(hits)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_filters_hold_for_what_is_reached(story, clock):
    def reached(**more) -> bool:
        return NEXT in texts(expanded(story, **more))

    assert reached()
    assert reached(namespaces=["agents/ana"])
    assert not reached(namespaces=[SHARED])
    assert not reached(where={"tags": "none"})
    assert not reached(kinds=["episodic"])
    assert not reached(exclude_own=True)
    assert not reached(session="other")
    assert not reached(min_importance=1.0)


def test_the_least_similarity_holds_for_what_is_reached(story):
    [hit] = [hit for hit in expanded(story) if hit.memory.text == NEXT]
    least = hit.similarity
    assert NEXT in texts(expanded(story, min_similarity=least))
    above = expanded(story, min_similarity=min(1.0, least + 0.01))
    assert NEXT not in texts(above)
    assert all(hit.similarity >= least for hit in above)


def test_what_the_agent_may_not_read_is_not_reached(story, ben):
    """She answers in the shared namespace; the note about the employer stays hers, and so does another's."""
    story.publish(ANSWER)
    story.graph.link(ALICE, "works_at", ACME, namespace=SHARED)
    assert NEXT not in texts(expanded(ben, 40))
    secret = ben.remember("Acme Corp will be sold in June.")
    assert secret.uid not in {hit.memory.uid for hit in expanded(story, 60)}
    assert secret.uid in {hit.memory.uid for hit in expanded(ben, 40)}


def test_an_edge_that_the_agent_may_not_read_leads_nowhere(team, ana, ben):
    for text in (ANSWER, NEXT, *FILLING):
        ana.publish(text)
    ana.graph.add(ALICE, namespace=SHARED)
    ana.graph.add(ACME, namespace=SHARED)
    ana.graph.link(ALICE, "works_at", ACME)
    assert NEXT in texts(expanded(ana))
    assert NEXT not in texts(expanded(ben))
    assert all(hit.why.path is None for hit in expanded(ben))


def test_what_is_over_or_forgotten_leads_nowhere(story, clock):
    clock.advance(timedelta(days=1))
    story.graph.unlink(ALICE, "works_at")
    assert NEXT not in texts(expanded(story))
    story.graph.link(ALICE, "works_at", ACME)
    assert NEXT in texts(expanded(story))
    story.forget(next(memory.uid for memory in story.list(limit=100) if memory.text == NEXT))
    assert NEXT not in texts(expanded(story, 40))


def test_an_unsure_edge_counts_less(story):
    def score() -> float:
        return next(hit.score for hit in expanded(story, 3) if hit.memory.text == NEXT)

    sure = score()
    story.graph.link(ALICE, "works_at", ACME, confidence=0.5)
    assert 0 < score() < sure


def test_without_an_index_it_goes_along_the_graph_as_well(tmp_path):
    with opened(tmp_path, index=None, degrade="text") as team:
        ana = team.agent("ana")
        ana.remember_many([ANSWER, NEXT, *FILLING])
        ana.graph.link(ALICE, "works_at", ACME)
        hits = ana.recall("orchid greenhouse", limit=3, expand="graph")
        assert NEXT in texts(hits)
        assert all(math.isnan(hit.similarity) for hit in hits)


@pytest.mark.parametrize("arguments", [{"expand": "web"}, {"expand": True}, {"expand": "graph", "as_of": START}])
def test_what_cannot_be_expanded(ana, arguments):
    with pytest.raises(InvalidInput, match="expand"):
        ana.recall(QUESTION, **arguments)
