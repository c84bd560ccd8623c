"""The bundled model, fastembed from a local folder, and the embedding objects of other libraries."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from transactive import TeamMemory
from transactive.embedding import Embedder, StaticEmbedder, resolve
from transactive.embedding.protocol import embed_documents, embed_query
from transactive.embedding.terms import SparseEncoder, extra_terms
from transactive.errors import EmbedderMismatch, EmbeddingFailed, InvalidInput, MissingExtra

TEXTS = ["The invoice was paid twice.", "Somebody was charged two times for one bill.", "Cats sleep all day."]


class LangChainLike:
    """The shape of LangChain's `Embeddings`."""

    model = "toy"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 1.0, 0.0] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [float(len(text)), 1.0, 0.0]


class LlamaIndexLike:
    """The shape of LlamaIndex's `BaseEmbedding`."""

    model_name = "toy"

    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, float(len(text))] for text in texts]

    def get_query_embedding(self, text: str) -> list[float]:
        return [1.0, float(len(text))]


class Broken:
    """A model whose vectors are not what it says."""

    name = "broken"
    dimensions = 3

    def __init__(self, vectors: object) -> None:
        self.vectors = vectors

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        return np.array(self.vectors, dtype=np.float32)

    def embed_query(self, text: str) -> np.ndarray:
        return self.embed_documents([text])


def test_the_bundled_model_knows_related_sentences():
    vectors = embed_documents(StaticEmbedder(), TEXTS)
    assert vectors.shape == (3, 256)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_the_bundled_model_gives_one_text_the_same_vector_alone_and_among_others():
    model = StaticEmbedder()
    assert (model.embed_documents(TEXTS)[1] == model.embed_query(TEXTS[1])).all()


def test_a_text_without_a_known_word_has_no_direction():
    assert not StaticEmbedder().embed_query("🎉🎉").any()


def test_tokens_of_a_long_text_are_counted_to_its_end():
    model = StaticEmbedder()
    assert 30_000 <= model.count_tokens("word " * 30_000) <= 30_030  # cut into pieces, some in the middle of a word


def test_fastembed_reads_a_model_from_a_folder(shared_folder: Path):
    model = resolve(f"fastembed:{shared_folder / 'models' / 'minilm-onnx'}")
    vectors = embed_documents(model, TEXTS)
    assert (model.name, model.dimensions) == ("fastembed:minilm-onnx", 384)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]
    assert vectors[0] @ embed_query(model, TEXTS[0]) == pytest.approx(
        1, abs=0.02
    )  # quantised: a batch rounds otherwise


def test_a_store_works_with_fastembed(shared_folder: Path):
    embedder = f"fastembed:{shared_folder / 'models' / 'minilm-onnx'}"
    with TeamMemory.open(":memory:", embedder=embedder) as team:
        team.remember_many(TEXTS)
        assert team.recall("double payment of a bill", limit=1)[0].memory.text in TEXTS[:2]


def test_an_extra_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "fastembed", None)
    with pytest.raises(MissingExtra, match=r'pip install "transactive\[fastembed\]"'):
        resolve("fastembed:any/model")


@pytest.mark.parametrize(
    ("given", "name", "dimensions"),
    [
        (LangChainLike(), "langchain:LangChainLike:toy", 3),
        (LlamaIndexLike(), "llamaindex:LlamaIndexLike:toy", 2),
        (LangChainLike().embed_documents, "callable:tests.embedding.test_embedders.LangChainLike.embed_documents", 3),
        (StaticEmbedder(), "static:minilm-256-int8", 256),
        ("static", "static:minilm-256-int8", 256),
        (None, "static:minilm-256-int8", 256),
    ],
)
def test_models_of_all_kinds_are_taken(given: object, name: str, dimensions: int):
    model = resolve(given)
    assert isinstance(model, Embedder)
    assert (model.name, model.dimensions) == (name, dimensions)
    assert embed_documents(model, TEXTS).shape == (3, dimensions)
    assert embed_query(model, "a question").shape == (dimensions,)


@pytest.mark.parametrize("given", ["openai", "fastembed:", "fastembed:no/such-model-anywhere", 5, lambda texts: 3])
def test_what_is_no_embedder_is_said(given: object):
    with pytest.raises(InvalidInput):
        resolve(given)


@pytest.mark.parametrize("vectors", [[[1, 2]], [[1, 2, 3], [1, 2, 3]], [[1, float("nan"), 2]], [["x", 1, 2]], []])
def test_vectors_of_the_wrong_shape_are_refused(vectors: object):
    with pytest.raises(EmbeddingFailed):
        embed_documents(Broken(vectors), ["one text"])


def test_another_model_is_refused_and_then_embeds_everything_anew(tmp_path: Path):
    with TeamMemory.open(tmp_path) as team:
        team.remember_many(TEXTS)
    with pytest.raises(EmbedderMismatch, match=r"static:minilm-256-int8.*langchain:LangChainLike:toy.*reindex=True"):
        TeamMemory.open(tmp_path, embedder=LangChainLike())
    with TeamMemory.open(tmp_path, embedder=LangChainLike(), reindex=True, progress=False) as team:
        assert team.recall("invoice", limit=1)[0].memory.text == TEXTS[0]
        team.reindex(embedder="static", progress=False)
        assert team.recall("invoice", limit=1)[0].memory.text == TEXTS[0]
    with TeamMemory.open(tmp_path) as team:
        assert team.recall("invoice")[0].memory.text == TEXTS[0]


class Interrupted(Exception):
    """What stops a reindex half way."""


def test_an_interrupted_reindex_goes_on_where_it_stopped(tmp_path: Path):
    seen: list[int] = []

    def stopping(texts: list[str]) -> list[list[float]]:
        seen.extend(len(text) for text in texts)
        if len(seen) > 11_500:
            raise Interrupted
        return [[1.0, float(len(text))] for text in texts]

    def steady(texts: list[str]) -> list[list[float]]:
        again.extend(texts)
        return [[1.0, float(len(text))] for text in texts]

    again: list[str] = []
    stopping.__qualname__ = steady.__qualname__ = "measure"
    with TeamMemory.open(tmp_path, background=False) as team:
        team.remember_many([f"memory number {n}" for n in range(12_000)])
        with pytest.raises(EmbeddingFailed):
            team.reindex(embedder=stopping, progress=False)
        assert team.recall("memory number 7", limit=1)  # the old index still answers
        team.reindex(embedder=steady, progress=False)
        index = team._engine.store.index
        assert index is not None
        assert team.count() == index.count() == 12_000
    assert len(again) < 3_000  # ten thousand were there already, and not embedded again


def test_sparse_terms_keep_identifiers_whole_and_cap_long_texts():
    sparse = SparseEncoder()
    words = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(500))
    long = sparse.document(f"{words} INV-5678", extra_terms("INV-5678"))
    assert len(long.indices) == 61
    assert set(sparse.query("inv-5678").indices) & set(extra_terms("INV-5678"))
    assert set(extra_terms("C++")).isdisjoint(extra_terms("C#"))
    assert set(extra_terms("東京タワー")) & set(sparse.query("東京").indices.tolist())
