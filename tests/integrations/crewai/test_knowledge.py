"""Knowledge as documents: sources of crews and agents, found by text and vectors."""

import asyncio

import pytest

pytest.importorskip("crewai")

from crewai.knowledge.knowledge import Knowledge
from crewai.knowledge.source.string_knowledge_source import StringKnowledgeSource
from crewai.knowledge.storage.base_knowledge_storage import BaseKnowledgeStorage
from crewai.knowledge.storage.factory import set_knowledge_storage_factory

from tests.integrations.crewai.scripted import agent, crew, final, model
from tests.team.stores import opened
from transactive.errors import EmbedderMismatch, EmbeddingFailed, InvalidInput, StoreClosed
from transactive.testing import HashEmbedder
from transactive_integrations.crewai import TransactiveKnowledge, TransactiveMemory, knowledge_factory


@pytest.fixture
def storage(team):
    return TransactiveKnowledge(team.agent("crew"), "handbook")


@pytest.fixture
def factory():
    yield set_knowledge_storage_factory
    set_knowledge_storage_factory(None)


def contents(found):
    return [one["content"] for one in found]


def test_it_is_a_knowledge_storage(storage):
    assert isinstance(storage, BaseKnowledgeStorage)


def test_sources_are_kept_and_found(storage, team):
    sources = [
        StringKnowledgeSource(content="Refunds take two working days."),
        StringKnowledgeSource(content="x" * 9000),
    ]
    knowledge = Knowledge("handbook", sources, storage=storage)
    knowledge.add_sources()
    (found,) = knowledge.query(["how long do refunds take"], results_limit=3)
    assert found["content"] == "Refunds take two working days."
    assert found["score"] >= 0.6
    assert found["metadata"] == {}
    assert {d.namespace for d in team.agent("crew").documents.list()} == {"agents/crew/knowledge/handbook"}
    assert asyncio.run(knowledge.aquery(["how long do refunds take"])) == [found]
    knowledge.reset()
    assert knowledge.query(["refunds"], score_threshold=0.0) == []


def test_the_threshold_is_crewais_measure(storage):
    storage.save(["refunds take two days", "something else entirely"])
    assert len(storage.search(["refunds take two days"], score_threshold=0.0)) == 2
    assert contents(storage.search(["refunds take two days"], score_threshold=0.99)) == ["refunds take two days"]
    (best, other) = storage.search(["refunds take two days"], score_threshold=0.0)
    assert best["score"] == pytest.approx(1.0, abs=1e-3)
    assert 0.3 < other["score"] < 0.6


def test_the_same_chunk_is_kept_once_and_a_blank_one_not_at_all(storage, team):
    storage.save(["refunds take two days", "  \n", ""])
    asyncio.run(storage.asave(["refunds take two days", "invoices are blue"]))
    assert team.agent("crew").documents.count() == 2
    storage.save([])
    with pytest.raises(InvalidInput):
        storage.save([b"bytes"])


def test_metadata_filters_before_the_limit(team):
    agent_ = team.agent("crew")
    TransactiveKnowledge(agent_, metadata={"lang": "en", "year": 2025}).save([f"refunds, part {n}" for n in range(20)])
    TransactiveKnowledge(agent_, metadata={"lang": "de", "year": 2026}).save(["refunds, and more of the same"])
    found = TransactiveKnowledge(agent_).search(["refunds"], limit=1, metadata_filter={"lang": "de", "year": 2026})
    assert contents(found) == ["refunds, and more of the same"]
    assert found[0]["metadata"] == {"lang": "de", "year": 2026}
    assert TransactiveKnowledge(agent_).search(["refunds"], metadata_filter={"lang": "fr"}) == []


def test_collections_agents_and_users_are_kept_apart(team):
    TransactiveKnowledge(team.agent("crew"), "a").save(["refunds of a"])
    TransactiveKnowledge(team.agent("crew"), "a/b").save(["refunds of a/b"])
    TransactiveKnowledge(team.agent("crew", user="ann"), "a").save(["refunds of ann"])

    def found(collection, **bound):
        storage = TransactiveKnowledge(team.agent("crew", **bound), collection)
        return set(contents(storage.search(["refunds"], score_threshold=0.0)))

    assert found("a") == {"refunds of a"}
    assert found("a/b") == {"refunds of a/b"}
    assert found("a", user="ann") == {"refunds of a", "refunds of ann"}
    assert found("a", user="bea") == {"refunds of a"}
    assert TransactiveKnowledge(team.agent("other"), "a").search(["refunds"], score_threshold=0.0) == []
    asyncio.run(TransactiveKnowledge(team.agent("crew", user="ann"), "a").areset())
    assert found("a", user="ann") == {"refunds of a"}
    TransactiveKnowledge(team.agent("crew", user="ann"), "a").save(["refunds of ann"])
    TransactiveKnowledge(team.agent("crew"), "a").reset()
    assert found("a", user="ann") == {"refunds of ann"}


def test_a_crew_and_its_agents_know_what_their_sources_say(team, factory):
    factory(knowledge_factory(team.agent("crew")))
    llm = model("how long do refunds take", final("Two days."))
    source, own = (
        StringKnowledgeSource(content=c)
        for c in ("Refunds take two days.", "Who asks how long do refunds take asks Zoe.")
    )
    asked = crew(
        [agent(llm, "Clerk", knowledge_sources=[own])],
        "How long do refunds take",
        knowledge_sources=[source],
        memory=TransactiveMemory(team.agent("crew")),
    )
    asked.kickoff()
    prompt = llm.prompts[-1]
    assert "Refunds take two days." in prompt
    assert "Who asks how long do refunds take asks Zoe." in prompt
    assert "Relevant memories" not in prompt
    assert set(team.agent("crew").documents.namespaces()) == {
        "agents/crew/knowledge/crew",
        "agents/crew/knowledge/Clerk",
    }
    asked.reset_memories("knowledge")
    assert team.agent("crew").documents.count() == 0


def test_another_embedder_is_refused(team, factory):
    factory(knowledge_factory(team.agent("crew")))
    with pytest.raises(EmbedderMismatch, match="hash-64"):
        Knowledge("x", [], embedder={"provider": "openai", "config": {}})


def test_asking_for_nothing_is_an_error(storage):
    for query in ([], [""], [" ", ""]):
        with pytest.raises(InvalidInput):
            storage.search(query)


class Moody(HashEmbedder):
    fails = False

    def embed_query(self, text):
        if self.fails:
            raise ConnectionError("away")
        return super().embed_query(text)


def test_it_degrades_where_it_may():
    model = Moody()
    with opened(embedder=model) as team:
        made = {d: TransactiveKnowledge(team.agent("crew"), degrade=d) for d in ("raise", "text", "empty")}
        made["raise"].save(["Refunds take two days."])
        model.fails = True
        with pytest.raises(EmbeddingFailed):
            made["raise"].search(["refunds"])
        assert contents(made["text"].search(["refunds"])) == ["Refunds take two days."]
        assert made["empty"].search(["refunds"]) == []
        assert [made[d].degradations for d in ("raise", "text", "empty")] == [0, 1, 1]
    with pytest.raises(StoreClosed):
        made["raise"].save(["x"])
    made["empty"].save(["x"])
    made["empty"].reset()
    assert made["empty"].degradations == 3
