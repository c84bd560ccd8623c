"""What a store's search finds, and by what."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langgraph")

from langchain_core.embeddings import Embeddings
from langgraph.store.base import PutOp

from tests.team.stores import opened
from transactive import TeamMemory
from transactive.errors import EmbedderMismatch, InvalidInput
from transactive.testing import HashEmbedder
from transactive_integrations.langgraph import TransactiveStore

MODEL = HashEmbedder()


@pytest.fixture
def store(team: TeamMemory) -> TransactiveStore:
    return TransactiveStore(team.agent("planner"))


def keys(items: Any) -> list[str]:
    return [item.key for item in items]


class Words(Embeddings):
    """The store's own model, as LangChain knows models."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, row)) for row in MODEL.embed_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def embed(texts: list[str]) -> list[list[float]]:
    return Words().embed_documents(texts)


async def aembed(texts: list[str]) -> list[list[float]]:
    await asyncio.sleep(0)
    return Words().embed_documents(texts)


def other(texts: list[str]) -> list[list[float]]:
    return [[float(i == len(text) % 64) for i in range(64)] for text in texts]


# --- hybrid recall ---------------------------------------------------------------------------------------------------


DOCS = {
    "doc1": {"text": "short text", "color": "red", "score": 4.5},
    "doc2": {"text": "longer text document", "color": "red", "score": 3.0},
    "doc3": {"text": "longest text document here", "color": "green", "score": 4.0},
    "doc4": {"description": "an invoice INV-5678 in the description"},
    "doc5": {"content": "nothing of the kind"},
}


@pytest.fixture
def full(store: TransactiveStore) -> TransactiveStore:
    store.batch([PutOp(("test",), key, value) for key, value in DOCS.items()])
    return store


def test_what_a_query_is_about_comes_first(full: TransactiveStore) -> None:
    found = full.search(("test",), query="longest document")
    assert found[0].key == "doc3"
    assert len(found) == 5
    scores = [item.score for item in found if item.score is not None]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) >= 2
    assert 0 <= scores[-1] <= scores[0] <= 1
    assert [item.score for item in found[len(scores) :]] == [None] * (5 - len(scores))  # what has nothing to do with it
    assert full.search(("test",), query="INV-5678")[0].key == "doc4"
    assert full.search(("test",), query="what is the description?")[0].key == "doc4"  # a key's name tells too


def test_a_replaced_text_is_found_by_its_new_words_alone(full: TransactiveStore) -> None:
    assert full.search(("test",), query="shortest short text")[0].key == "doc1"
    before = {item.key: item.score or 0 for item in full.search(("test",), query="short")}
    full.put(("test",), "doc1", {"text": "quiet quokka"})
    after = {item.key: item.score or 0 for item in full.search(("test",), query="short")}
    assert after["doc1"] < before["doc1"]
    assert full.search(("test",), query="quiet quokka")[0].key == "doc1"
    full.delete(("test",), "doc1")
    assert "doc1" not in keys(full.search(("test",), query="quiet quokka"))


def test_query_filter_and_pages_together(full: TransactiveStore) -> None:
    assert keys(full.search(("test",), query="document", filter={"color": "red"})) == ["doc2", "doc1"]
    assert keys(full.search(("test",), query="document", filter={"score": {"$gte": 4}, "color": "green"})) == ["doc3"]
    everything = keys(full.search(("test",), query="text", limit=5))
    assert keys(full.search(("test",), query="text", limit=2, offset=1)) == everything[1:3]
    assert keys(full.search(("test",), query="text", limit=2, offset=4)) == everything[4:]
    assert full.search(("test",), query="text", limit=2, offset=5) == []


@pytest.mark.parametrize(
    "query", ["", "  ", "\n", "test!@#$%^&*()", "test " * 2000, "\x00", "\ud800", "日本語", "$and"]
)
def test_any_query_is_answered(full: TransactiveStore, query: str) -> None:
    assert len(full.search(("test",), query=query)) == 5


def test_an_empty_query_is_none(full: TransactiveStore) -> None:
    assert [item.score for item in full.search((), query="")] == [None] * 5
    assert full.search((), query=" ") == full.search(())


@pytest.mark.parametrize("size", [1, 4, 7, 30])
def test_pages_hold_each_item_once_when_all_are_alike(store: TransactiveStore, size: int) -> None:
    ops = [PutOp(("v",), f"same{i:02d}", {"t": "tied text"}) for i in range(30)]
    ops += [PutOp(("v",), f"other{i}", {"t": f"tied text and {i} more"}) for i in range(5)]
    ops += [PutOp(("v",), f"unseen{i}", {"t": "tied text"}, index=False) for i in range(5)]
    store.batch(ops)
    full = keys(store.search(("v",), query="tied text", limit=100))
    assert len(set(full)) == 40
    pages = [store.search(("v",), query="tied text", limit=size, offset=o) for o in range(0, 50, size)]
    assert [key for page in pages for key in keys(page)] == full
    assert sorted(full[35:]) == [f"unseen{i}" for i in range(5)]


# --- what is indexed -------------------------------------------------------------------------------------------------


def test_what_is_not_indexed_follows_without_a_score(store: TransactiveStore) -> None:
    store.put(("a",), "seen", {"text": "hello world"})
    store.put(("a",), "unseen", {"text": "hello world"}, index=False)
    found = store.search(("a",), query="hello")
    assert [(item.key, item.score is None) for item in found] == [("seen", False), ("unseen", True)]
    assert keys(store.search(("a",), query="hello", limit=1)) == ["seen"]
    assert keys(store.search(("a",), query="hello", limit=1, offset=1)) == ["unseen"]
    store.put(("a",), "seen", {"text": "hello world"}, index=False)
    assert {item.score for item in store.search(("a",), query="hello")} == {None}


def test_fields_of_the_configuration_and_of_one_put(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"), index={"fields": ["title", "items[*].text"]})
    store.put(("docs",), "a", {"title": "alpha", "body": "omega"})
    store.put(("docs",), "b", {"title": "omega", "body": "alpha"}, index=["body"])
    store.put(("docs",), "c", {"items": [{"text": "beta"}, {"text": "gamma"}], "body": "alpha"})
    store.put(("docs",), "d", {"meta": {"x": "delta", "y": "alpha"}}, index=["meta.*"])
    store.put(("docs",), "e", {"list": ["alpha", "last"]}, index=["list[-1]"])
    store.put(("docs",), "f", {"one": "epsilon", "two": "zeta", "three": "alpha"}, index=["{one,two}"])
    store.put(("docs",), "g", {"body": "no such field"})
    store.put(("docs",), "h", {"title": "the whole", "body": "theta"}, index=["$"])

    for query, best in (("beta gamma", "c"), ("last", "e"), ("epsilon zeta", "f"), ("theta", "h"), ("whole", "h")):
        assert store.search(("docs",), query=query)[0].key == best
    assert set(keys(store.search(("docs",), query="alpha", limit=2))) == {"a", "b"}
    documents = {d.key: d for d in team.documents.list(f"{store.namespace}/**")}
    texts = {key: team.get(d.uid).text for key, d in documents.items() if d.uid is not None}  # type: ignore[union-attr]
    assert texts == {
        "a": "alpha",
        "b": "alpha",
        "c": "beta\ngamma",
        "d": "delta\nalpha",
        "e": "last",
        "f": "epsilon\nzeta",
        "h": "title: the whole\nbody: theta",
    }


def test_the_text_of_a_whole_value_names_its_fields(store: TransactiveStore, team: TeamMemory) -> None:
    value = {
        "food_preference": "pizza",
        "ages": [3, 5.5],
        "ok": True,
        "none": None,
        "kind": {"content": "x\x00y\ud800"},
    }
    store.put(("a",), "k", value)
    memory = team.recall("pizza", kinds=["document"])[0].memory
    assert memory.text == "food preference: pizza\nages: 3\nages: 5.5\nok: true\ncontent: x y?"
    assert memory.source == "document:k"


def test_a_very_long_text_is_indexed_as_far_as_it_goes(store: TransactiveStore) -> None:
    store.put(("a",), "long", {"text": "beginning " + "é" * 1_100_000})
    found = store.search(("a",), query="beginning")
    assert found[0].score == 1.0
    assert len(found[0].value["text"]) == 1_100_010


@pytest.mark.parametrize("index", ["title", True, [1], {"title": 1}])
def test_what_is_no_list_of_fields_is_refused(store: TransactiveStore, team: TeamMemory, index: Any) -> None:
    with pytest.raises(InvalidInput, match="list of paths"):
        store.put(("a",), "k", {"title": "x"}, index=index)
    assert store.get(("a",), "k") is None
    with pytest.raises(InvalidInput, match="list of paths"):
        TransactiveStore(team.agent("planner"), index={"fields": index})


def test_without_an_index_a_query_only_filters(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"), index=False)
    store.put(("a",), "k", {"text": "hello"}, index=["text"])
    assert [(item.key, item.score) for item in store.search(("a",), query="hello")] == [("k", None)]
    assert team.count({"kind": "document"}) == 0


# --- the model -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Words(), embed, aembed, MODEL], ids=["langchain", "function", "async", "ours"])
def test_the_stores_own_model_is_taken(team: TeamMemory, model: Any) -> None:
    store = TransactiveStore(team.agent("planner"), index={"dims": 64, "embed": model, "fields": ["text"]})
    store.put(("a",), "k", {"text": "hello"})
    assert store.search(("a",), query="hello")[0].score == 1.0

    async def inside_a_loop() -> None:
        TransactiveStore(team.agent("planner"), index={"dims": 64, "embed": model})

    asyncio.run(inside_a_loop())


@pytest.mark.parametrize(
    "index",
    [
        {"dims": 32},
        {"dims": 64, "embed": other},
        {"embed": lambda texts: [[1.0, 2.0] for _ in texts]},
        {"embed": "static"},
        {"dims": 64, "embed": HashEmbedder(32)},
    ],
    ids=["dims", "vectors", "length", "named", "ours"],
)
def test_another_model_is_refused(team: TeamMemory, index: Any) -> None:
    with pytest.raises(EmbedderMismatch, match="hash-64"):
        TransactiveStore(team.agent("planner"), index=index)


def test_the_bundled_model_by_its_name() -> None:
    with opened(embedder=None) as team:
        store = TransactiveStore(team.agent("planner"), index={"dims": team.embedder.dimensions, "embed": "static"})
        store.put(("a",), "car", {"text": "She drives an old automobile."})
        store.put(("a",), "food", {"text": "He cooks rice with beans."})
        assert keys(store.search(("a",), query="which car?")) == ["car", "food"]


# --- what stays ------------------------------------------------------------------------------------------------------


@pytest.fixture
def reopened(tmp_path: Path) -> Iterator[TeamMemory]:
    with opened(tmp_path, embedder=HashEmbedder()) as team:
        store = TransactiveStore(team.agent("planner"))
        store.put(("users", "alice"), "food", {"likes": "olives"})
        store.put(("users", "alice"), "plain", {"n": 1}, index=False)
    with opened(tmp_path, embedder=HashEmbedder()) as team:
        yield team


def test_items_outlive_the_process(reopened: TeamMemory) -> None:
    store = TransactiveStore(reopened.agent("planner"))
    assert keys(store.search(("users",), query="olives")) == ["food", "plain"]
    assert store.list_namespaces() == [("users", "alice")]


def test_an_item_is_a_memory_of_its_agent_as_well(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))
    store.put(("users", "alice"), "food", {"likes": "olives"})
    hit = team.agent("planner").recall("olives")[0]
    assert (hit.memory.agent, hit.memory.kind, hit.memory.metadata) == ("planner", "document", {"likes": "olives"})
    assert len(team.agent("writer").recall("olives")) == 0


def test_a_forgotten_memory_takes_its_item_along(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))
    store.put(("users", "alice"), "food", {"likes": "olives"})
    memory = team.agent("planner").recall("olives")[0].memory
    team.forget(memory.id, namespace=memory.namespace)
    assert store.get(("users", "alice"), "food") is None
    assert store.search((), query="olives") == []
    assert store.list_namespaces() == []
