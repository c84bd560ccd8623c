"""The vector store beyond LangChain's suite: ids, metadata, filters, diversity, users, and whose vectors they are."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("langchain_core")

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from tests.team.stores import opened, texts
from transactive import TeamMemory
from transactive.errors import (
    AccessDenied,
    EmbedderMismatch,
    IndexUnavailable,
    InvalidFilter,
    InvalidInput,
    StoreClosed,
)
from transactive.testing import HashEmbedder
from transactive_integrations.langchain import TransactiveEmbeddings, TransactiveVectorStore

Store = TransactiveVectorStore


class Words(Embeddings):
    """LangChain's interface to a model in which texts that share words are near each other."""

    model = "words"

    def __init__(self, dimensions: int = 64) -> None:
        self._model = HashEmbedder(dimensions)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [float(number) for number in self._model.embed_query(text)]


@pytest.fixture
def store(team: TeamMemory) -> TransactiveVectorStore:
    return Store(team.agent("librarian"))


IDS = ["", "1", "a/b\n\x00", "ö" * 2000, "\ud800", '"quoted"', "document:1", "550e8400-e29b-41d4-a716-446655440000"]


@pytest.mark.parametrize("id", IDS, ids=lambda id: repr(id)[:20])
def test_any_string_is_an_id(store: TransactiveVectorStore, id: str) -> None:
    assert store.add_texts(["tea in the morning"], ids=[id]) == [id]
    assert store.add_texts(["tea in the evening"], ids=[id]) == [id]
    [found] = store.similarity_search("tea")
    assert (found.id, found.page_content) == (id, "tea in the evening")
    assert store.get_by_ids([id]) == [found]
    assert store.delete([id]) is True
    assert store.similarity_search("tea") == []


METADATA: dict[Any, Any] = {
    "nested": {"list": [1, 2.5, None, True, {"deep": "x"}], "tuple": (1, "2")},
    "at": datetime(2026, 5, 4, tzinfo=UTC),
    "day": date(2026, 5, 4),
    "bytes": b"\x00\xff",
    "tags": {"a", "b"},
    "number": 10**30,
    "a.b": "dotted",
    "page_content": "not the content",
    "": "no name",
    7: "a key that is a number",
}


@pytest.mark.parametrize("content", ["tea", "  tea\n\n", "tea \x00 \ud800", "tea " * 400_000, "tea\n{" + "}" * 40])
def test_documents_come_back_as_they_were(store: TransactiveVectorStore, content: str) -> None:
    given = Document(id="d", page_content=content, metadata=METADATA)
    store.add_documents([given])
    assert store.get_by_ids(["d", "missing", "d"]) == [given]
    [found] = store.similarity_search("tea")
    assert found == given
    assert [type(found.metadata[name]) for name in METADATA] == [type(value) for value in METADATA.values()]


def test_nothing_is_aliased_and_nothing_is_changed(store: TransactiveVectorStore) -> None:
    given = Document("tea", metadata={"list": [1]})
    [id] = store.add_documents([given])
    assert given.id is None
    given.metadata["list"].append(2)
    store.get_by_ids([id])[0].metadata["list"].append(3)
    assert store.get_by_ids([id])[0].metadata == {"list": [1]}


def test_documents_without_words_are_kept_and_found_by_id_alone(store: TransactiveVectorStore) -> None:
    store.add_texts(["", "   "], ids=["a", "b"])
    assert [d.page_content for d in store.get_by_ids(["a", "b"])] == ["", "   "]
    assert store.similarity_search("anything") == []


def test_what_cannot_be_kept_is_refused_and_nothing_is_written(store: TransactiveVectorStore) -> None:
    with pytest.raises(InvalidInput, match="model is a object"):
        store.add_documents([Document("tea"), Document("tea", metadata={"model": object()})])
    with pytest.raises(ValueError, match="1 documents and 2 ids"):
        store.add_texts(["tea"], ids=["1", "2"])
    with pytest.raises(ValueError, match="number of metadatas"):
        store.add_texts(["tea"], metadatas=[{}, {}])
    with pytest.raises(InvalidInput, match="unknown option colour"):
        store.add_texts(["tea"], colour="red")
    with pytest.raises(InvalidInput, match="unknown option fliter"):
        store.similarity_search("tea", fliter={"a": 1})
    with pytest.raises(InvalidInput, match="filter is a dict"):
        store.similarity_search("tea", filter=lambda document: True)
    assert store.agent.documents.count() == 0


def test_all_documents_can_be_deleted(store: TransactiveVectorStore) -> None:
    store.add_texts(["tea", "coffee"])
    other = Store(store.agent, namespace="agents/librarian/other")
    other.add_texts(["tea"])
    store.delete()
    assert store.similarity_search("tea") == []
    assert len(other.similarity_search("tea")) == 1


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"color": "red"}, {"1"}),
    ({"color": {"$in": ["red", "blue"]}}, {"1", "2"}),
    ({"size": {"$gte": 2}}, {"2", "3"}),
    ({"size": {"$gt": 1, "$lt": 3}}, {"2"}),
    ({"color": {"$ne": "red"}}, {"2", "3"}),
    ({"color": {"$exists": False}}, {"3"}),
    ({"$or": [{"color": "red"}, {"size": 3}]}, {"1", "3"}),
    ({"$and": [{"size": {"$gt": 1}}, {"color": "blue"}]}, {"2"}),
    ({"$not": {"color": "blue"}}, {"1", "3"}),
    ({"made.by": "Ada"}, {"1"}),
    ({'"a.b"': 1}, {"2"}),
    ({"at": {"$lt": datetime(2026, 2, 1, tzinfo=UTC)}}, {"1"}),
    ({"tags": {"$contains": "x"}}, {"3"}),
]


@pytest.mark.parametrize(("given", "expected"), FILTERS, ids=lambda value: str(value)[:40])
def test_filters_on_metadata_apply_before_the_limit(
    store: TransactiveVectorStore, given: dict[str, Any], expected: set[str]
) -> None:
    store.add_documents(
        [
            Document(
                "tea pot",
                id="1",
                metadata={"color": "red", "size": 1, "made": {"by": "Ada"}, "at": datetime(2026, 1, 1, tzinfo=UTC)},
            ),
            Document(
                "tea cup",
                id="2",
                metadata={"color": "blue", "size": 2, "a.b": 1, "at": datetime(2026, 3, 1, tzinfo=UTC)},
            ),
            Document("tea bag", id="3", metadata={"size": 3, "tags": ["x", "y"]}),
            *(
                Document("tea tea tea", id=f"filler {n}", metadata={"color": "none", "size": 0, "filler": True})
                for n in range(20)
            ),
        ]
    )
    both = {"$and": [given, {"filler": {"$exists": False}}]}
    assert {d.id for d in store.similarity_search("tea", k=3, filter=both)} == expected
    assert {d.id for d in store.max_marginal_relevance_search("tea", k=3, filter=both)} == expected
    vector = store.embeddings.embed_query("tea")
    assert {d.id for d in store.similarity_search_by_vector(vector, k=3, filter=both)} == expected
    assert {d.id for d, _ in store.similarity_search_with_score("tea", k=3, filter=both)} == expected


def test_a_wrong_filter_is_an_error(store: TransactiveVectorStore) -> None:
    with pytest.raises(InvalidFilter):
        store.similarity_search("tea", filter={"color": {"$like": "r%"}})
    with pytest.raises(InvalidFilter):
        store.similarity_search("tea", filter={"$where": "1"})


def test_documents_are_filtered_by_their_own_fields_too(store: TransactiveVectorStore) -> None:
    store.add_texts(["tea"], ids=["1"])
    assert store.similarity_search("tea", where={"agent": "librarian"}) != []
    assert store.similarity_search("tea", where={"agent": "another"}) == []


def test_scores(store: TransactiveVectorStore) -> None:
    store.add_texts(["green tea", "black tea with milk", "motor oil"], ids=["1", "2", "3"])
    scored = store.similarity_search_with_score("green tea", k=3)
    assert [score for _, score in scored] == sorted((score for _, score in scored), reverse=True)
    relevant = {d.id: score for d, score in store.similarity_search_with_relevance_scores("green tea", k=3)}
    assert relevant["1"] == pytest.approx(1.0)
    assert all(0.0 <= score <= 1.0 for score in relevant.values())
    near = store.similarity_search_with_relevance_scores("green tea", k=3, score_threshold=0.9)
    assert [document.id for document, _ in near] == ["1"]


async def test_the_threshold_holds_for_retrievers_and_when_awaited(store: TransactiveVectorStore) -> None:
    store.add_texts(["green tea", "motor oil"], ids=["1", "2"])
    near = await store.asimilarity_search_with_relevance_scores("green tea", k=3, score_threshold=0.9)
    assert [document.id for document, _ in near] == ["1"]
    options = {"k": 2, "score_threshold": 0.9}
    strict = store.as_retriever(search_type="similarity_score_threshold", search_kwargs=options)
    assert [d.id for d in strict.invoke("green tea")] == [d.id for d in await strict.ainvoke("green tea")] == ["1"]
    assert strict.tags == ["TransactiveVectorStore", "TransactiveEmbeddings"]


def test_diversity(store: TransactiveVectorStore) -> None:
    store.add_texts(["tea green leaf", "tea green leaf!", "tea cup china"], ids=["1", "2", "3"])
    alike = [d.id for d in store.max_marginal_relevance_search("tea green leaf", k=2, lambda_mult=1.0)]
    assert set(alike) == {"1", "2"}
    diverse = [d.id for d in store.max_marginal_relevance_search("tea green leaf", k=2, lambda_mult=0.1)]
    assert diverse[0] in {"1", "2"}
    assert diverse[1] == "3"
    among_two = [d.id for d in store.max_marginal_relevance_search("tea green leaf", k=2, fetch_k=2, lambda_mult=0.1)]
    assert set(among_two) == {"1", "2"}
    vector = store.embeddings.embed_query("tea green leaf")
    by_vector = [d.id for d in store.max_marginal_relevance_search_by_vector(vector, k=2, lambda_mult=0.1)]
    assert by_vector == diverse or set(by_vector) == {"2", "3"}
    retriever = store.as_retriever(search_type="mmr", search_kwargs={"k": 2, "fetch_k": 10, "lambda_mult": 0.1})
    assert "3" in {d.id for d in retriever.invoke("tea green leaf")}


def test_words_count_beside_vectors_and_can_be_left_out(store: TransactiveVectorStore) -> None:
    store.add_texts(["The error ERR-TLS-0x1F", "The error of the year", "Year and error"], ids=["1", "2", "3"])
    assert store.similarity_search("what does ERR-TLS-0x1F mean?", k=1)[0].id == "1"
    assert store.similarity_search("error year", k=1, vector_weight=1.0)[0].id in {"2", "3"}


def test_a_vector_of_another_model_is_refused(store: TransactiveVectorStore) -> None:
    store.add_texts(["tea"])
    with pytest.raises(EmbedderMismatch):
        store.similarity_search_by_vector([1.0, 0.0])


def test_users_never_mix_and_share_what_is_about_nobody(team: TeamMemory) -> None:
    stores = {user: Store(team.agent("shop", user=user)) for user in ("alice", "bob", None)}
    for user, store in stores.items():
        store.add_texts([f"order of {user}"], ids=["order"])
        store.add_texts([f"note for {user}"], ids=[f"note {user}"])

    for user in ("alice", "bob"):
        found = {d.page_content for d in stores[user].similarity_search("order note", k=10)}
        assert found == {f"order of {user}", f"note for {user}", "order of None", "note for None"}
        assert [d.page_content for d in stores[user].get_by_ids(["order"])] == [f"order of {user}"]
    assert {d.page_content for d in stores[None].similarity_search("order note", k=10)} == {
        "order of None",
        "note for None",
    }
    assert stores[None].get_by_ids(["note alice"]) == []

    stores["bob"].delete(["order", "note None", "note alice"])
    stores["bob"].delete()
    assert len(stores["alice"].get_by_ids(["order", "note alice", "note None"])) == 3
    stores[None].delete()
    assert len(stores["alice"].get_by_ids(["order", "note alice", "note None"])) == 2


def test_private_by_default_and_shared_by_namespace(team: TeamMemory) -> None:
    Store(team.agent("a")).add_texts(["secret tea"])
    assert Store(team.agent("b")).similarity_search("tea") == []
    with pytest.raises(AccessDenied):
        Store(team.agent("b"), namespace="agents/a/documents").add_texts(["tea"])
    Store(team.agent("a"), namespace="team/shared").add_texts(["shared tea"])
    assert [d.page_content for d in Store(team.agent("b"), namespace="team/shared").similarity_search("tea")] == [
        "shared tea"
    ]


def test_the_whole_team_recalls_it(team: TeamMemory) -> None:
    Store(team.agent("a"), namespace="team/shared").add_texts(["tea at four"], [{"room": 12}])
    [hit] = team.agent("b").recall("when is tea?", where={"metadata.room": 12})
    assert (hit.memory.text, hit.memory.agent, hit.memory.metadata) == ("tea at four", "a", {"room": 12})


def test_what_another_program_keeps_there_is_found_as_its_json(team: TeamMemory) -> None:
    team.agent("a").documents.put("team/shared", "k", {"title": "tea"}, index=True)
    team.agent("a").documents.put("team/shared", "s", "plain tea", index=True)
    found = {d.id: d.page_content for d in Store(team.agent("b"), namespace="team/shared").similarity_search("tea")}
    assert found == {"k": '{"title": "tea"}', "s": "plain tea"}


# --- whose vectors ---------------------------------------------------------------------------------------------------


def test_from_texts_opens_a_folder_with_the_model_and_finds_it_again(tmp_path: Path) -> None:
    with Store.from_texts(["tea"], Words(), [{"n": 1}], ids=["1"], path=tmp_path) as store:
        assert store.similarity_search("tea") == [Document(id="1", page_content="tea", metadata={"n": 1})]
        assert isinstance(store.embeddings, Words)
    with Store.from_documents([Document("coffee", id="2")], Words(), path=tmp_path) as store:
        assert {d.id for d in store.similarity_search("tea coffee")} == {"1", "2"}
    with pytest.raises(EmbedderMismatch, match="words"):
        Store.from_texts(["tea"], Words(32), path=tmp_path)
    with pytest.raises(EmbedderMismatch):
        Store.from_texts(["tea"], DeterministicFakeEmbedding(size=64), path=tmp_path)
    with TeamMemory.open(tmp_path, embedder=Words(), background=False) as team:  # what failed has released it
        assert team.documents.count() == 2


async def test_from_texts_awaited(tmp_path: Path) -> None:
    store = await Store.afrom_texts(["tea"], Words(), ids=["1"], path=tmp_path)
    assert [d.id for d in await store.asimilarity_search("tea")] == ["1"]
    store.close()


def test_from_texts_with_an_agent_of_an_open_store() -> None:
    with opened(embedder=Words()) as team:
        store = Store.from_texts(["tea"], Words(), agent=team.agent("a"), namespace="team/shared")
        assert texts(team.agent("b").recall("tea")) == ["tea"]
        store.close()
        assert team.agent("b").count() == 1, "what it did not open it does not close"
        with pytest.raises(EmbedderMismatch, match="DeterministicFakeEmbedding"):
            Store.from_texts(["tea"], DeterministicFakeEmbedding(size=64), agent=team.agent("a"))
        with pytest.raises(EmbedderMismatch):
            Store(team.agent("a"), embedding=Words(32))
        with pytest.raises(InvalidInput, match="path or an agent"):
            Store.from_texts(["tea"], Words(), agent=team.agent("a"), path="x")
        with pytest.raises(InvalidInput, match="unknown option collection"):
            Store.from_texts(["tea"], Words(), agent=team.agent("a"), collection="x")
        assert Store(team.agent("a"), embedding=TransactiveEmbeddings(team)).embeddings.embed_query("tea")


def test_the_stores_own_model_serves_langchain(team: TeamMemory) -> None:
    model = TransactiveEmbeddings(team)
    assert np.allclose(model.embed_documents(["tea", "milk"])[0], model.embed_query("tea"))
    assert model.embed_documents([]) == []
    assert len(model.embed_query("tea")) == 64


# --- many at once, and failures --------------------------------------------------------------------------------------


async def test_a_hundred_tasks_at_once(store: TransactiveVectorStore) -> None:
    async def work(n: int) -> bool:
        await store.aadd_texts([f"tea number {n}"], ids=[str(n)])
        found = await store.asimilarity_search(f"tea number {n}", k=100)
        return str(n) in {document.id for document in found}

    assert all(await asyncio.gather(*(work(n) for n in range(100))))
    assert len(await store.aget_by_ids([str(n) for n in range(100)])) == 100
    await store.adelete([str(n) for n in range(99)])
    assert [d.id for d in await store.asimilarity_search("tea number")] == ["99"]


def test_a_search_without_the_index(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path, embedder=HashEmbedder()) as owner:
        Store(owner).add_texts(["green tea", "oil"], ids=["1", "2"])
        with opened(tmp_path, embedder=HashEmbedder(), index=None) as beside:
            degraded, vector = Store(beside, degrade="text"), beside.embedder.embed_query("tea").tolist()
            with caplog.at_level(logging.WARNING, "transactive.integrations"):
                assert [d.id for d in degraded.similarity_search("tea")] == ["1"]
            assert degraded.degradations == len(caplog.records) == 1
            with pytest.raises(IndexUnavailable):
                Store(beside).similarity_search_by_vector(vector)
            assert Store(beside, degrade="empty").similarity_search_by_vector(vector) == []


def test_a_closed_store(team: TeamMemory) -> None:
    strict, working_on = Store(team.agent("a")), Store(team.agent("a"), degrade="empty")
    team.close()
    with pytest.raises(StoreClosed):
        strict.similarity_search("tea")
    assert working_on.similarity_search("tea") == []
    assert working_on.degradations == 1
    with pytest.raises(StoreClosed):
        working_on.add_texts(["tea"])
