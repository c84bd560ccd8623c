"""The retriever and the query engine: memories as nodes."""

import asyncio
from datetime import timedelta

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core import QueryBundle
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from tests.team.stores import Clock
from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidFilter, InvalidInput
from transactive_integrations.llamaindex import TransactiveQueryEngine, TransactiveRetriever

HNSW = "HNSW answers in 5 ms at ten million vectors."


def test_it_is_a_retriever(team: TeamMemory) -> None:
    retriever = TransactiveRetriever(team.agent("writer"))
    assert isinstance(retriever, BaseRetriever)
    assert isinstance(TransactiveQueryEngine(retriever), BaseQueryEngine)


def test_a_node_carries_author_namespace_time_and_score(team: TeamMemory, clock: Clock) -> None:
    note = team.agent("researcher").publish(
        HNSW, tags=["finding"], metadata={"papers": 5}, source="arxiv", session="s1"
    )
    clock.advance(timedelta(hours=1))
    (found,) = TransactiveRetriever(team.agent("writer")).retrieve("how fast is HNSW?")
    assert isinstance(found, NodeWithScore)
    assert isinstance(found.node, TextNode)
    assert (found.node_id, found.text) == (note.uid, HNSW)
    assert found.score == team.agent("writer").recall("how fast is HNSW?")[0].score
    assert found.metadata == {
        "papers": 5,
        "author": "researcher",
        "namespace": "team/shared",
        "created_at": note.created_at.isoformat(),
        "kind": "episodic",
        "session": "s1",
        "tags": ["finding"],
        "source": "arxiv",
        "similarity": pytest.approx(team.agent("writer").recall("how fast is HNSW?")[0].similarity),
    }


def test_a_model_is_shown_the_author_and_the_date_but_no_scores(team: TeamMemory) -> None:
    team.agent("researcher").publish(HNSW, metadata={"papers": 5})
    (found,) = TransactiveRetriever(team.agent("writer")).retrieve("HNSW")
    shown = found.node.get_content(MetadataMode.LLM)
    assert "author: researcher" in shown
    assert "created_at: 2026-05-04" in shown
    assert "papers: 5" in shown
    assert "similarity" not in shown
    assert found.node.get_content(MetadataMode.EMBED) == f"papers: 5\n\n{HNSW}"


def test_metadata_under_a_name_that_the_node_needs_is_kept_beside_it(team: TeamMemory) -> None:
    team.agent("researcher").publish(HNSW, metadata={"author": "Malkov", "kind": "paper"})
    (found,) = TransactiveRetriever(team.agent("writer")).retrieve("HNSW")
    assert found.metadata["author"] == "researcher"
    assert found.metadata["metadata.author"] == "Malkov"
    assert found.metadata["metadata.kind"] == "paper"


def test_awaited_it_finds_the_same(team: TeamMemory) -> None:
    team.agent("researcher").publish(HNSW)
    retriever = TransactiveRetriever(team.agent("writer"))
    assert asyncio.run(retriever.aretrieve("HNSW")) == retriever.retrieve(QueryBundle("HNSW"))


def test_it_finds_as_many_as_are_asked_for_best_first(team: TeamMemory) -> None:
    ana = team.agent("ana")
    ana.remember_many([f"Fact number {n} about plums and pears." for n in range(20)])
    found = TransactiveRetriever(ana, similarity_top_k=7).retrieve("plums")
    assert len(found) == 7
    assert [node.score for node in found] == sorted([node.score for node in found], reverse=True)


def test_options_narrow_the_recall(team: TeamMemory) -> None:
    ana = team.agent("ana")
    ana.remember("The plum cake is private.", tags=["cake"])
    ana.publish("The plum cake is shared.", tags=["cake"])
    ana.publish("The plum jam is shared.")
    retriever = TransactiveRetriever(ana, namespaces=["team/**"], where={"tags": "cake"})
    assert [node.text for node in retriever.retrieve("plum")] == ["The plum cake is shared."]


def test_private_memories_stay_with_their_agent_and_users_apart(team: TeamMemory) -> None:
    team.agent("ana").remember("Ana's pin for the plum safe is 1234.")
    team.agent("support", user="alice").remember("Alice's pin for the plum safe is 5678.")
    for handle in (team.agent("ben"), team.agent("support", user="bob")):
        assert TransactiveRetriever(handle).retrieve("pin for the plum safe") == []
    (own,) = TransactiveRetriever(team.agent("support", user="alice")).retrieve("pin for the plum safe")
    assert own.metadata["user"] == "alice"


def test_what_is_wrong_with_a_question_is_said(team: TeamMemory) -> None:
    with pytest.raises(InvalidInput, match="query"):
        TransactiveRetriever(team).retrieve("  ")
    with pytest.raises(InvalidFilter, match="colour"):
        TransactiveRetriever(team, where={"colour": "red"}, degrade="empty").retrieve("plum")
    with pytest.raises(InvalidInput, match="limit"):
        TransactiveRetriever(team, similarity_top_k=0).retrieve("plum")


def test_it_works_in_the_frameworks_own_query_engine_and_fusion(team: TeamMemory) -> None:
    team.agent("researcher").publish(HNSW)
    retriever = TransactiveRetriever(team.agent("writer"))
    engine = RetrieverQueryEngine.from_args(
        retriever, llm=MockLLM(), node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=0.0)]
    )
    answer = engine.query("how fast is HNSW?")
    assert HNSW in str(answer)  # the mock says its prompt, and that holds the context
    assert [node.metadata["author"] for node in answer.source_nodes] == ["researcher"]
    fused = QueryFusionRetriever([retriever, retriever], llm=MockLLM(), num_queries=1, use_async=False)
    assert [node.text for node in fused.retrieve("HNSW")] == [HNSW]


def test_the_query_engine_answers_with_numbered_sources_and_asks_no_model(team: TeamMemory) -> None:
    team.agent("researcher").publish(HNSW)
    team.agent("tester").publish("HNSW took 18 ms on our machine.")
    engine = TransactiveQueryEngine(TransactiveRetriever(team.agent("writer")))
    answer = engine.query("how fast is HNSW?")
    assert sorted(line[4:] for line in str(answer).splitlines()) == [
        f"researcher, 2026-05-04: {HNSW}",
        "tester, 2026-05-04: HNSW took 18 ms on our machine.",
    ]
    assert str(answer).startswith("[1] ")
    assert {node.metadata["author"] for node in answer.source_nodes} == {"researcher", "tester"}
    assert str(asyncio.run(engine.aquery("how fast is HNSW?"))) == str(answer)
    assert engine.retrieve(QueryBundle("HNSW"))[0].node_id in answer.metadata


def test_the_query_engine_says_when_nothing_is_remembered(team: TeamMemory) -> None:
    answer = TransactiveQueryEngine(TransactiveRetriever(team.agent("writer"))).query("anything?")
    assert str(answer) == "Nothing is remembered about that."
    assert answer.source_nodes == []


def test_a_handle_may_not_reach_for_another_user(team: TeamMemory) -> None:
    with pytest.raises(AccessDenied):
        team.agent("support", user="alice").bind(user="bob")
