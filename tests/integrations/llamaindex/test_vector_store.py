"""The vector store: nodes come back as they were, found in every mode that is offered."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

pytest.importorskip("llama_index.core")

from llama_index.core import Document, MockEmbedding, StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.schema import (
    BaseNode,
    ImageDocument,
    ImageNode,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from tests.team.stores import opened
from transactive import TeamMemory
from transactive.errors import AccessDenied, EmbedderMismatch, InvalidInput
from transactive.testing import HashEmbedder
from transactive_integrations.llamaindex import TransactiveEmbedding, TransactiveVectorStore

Mode: TypeAlias = VectorStoreQueryMode
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


@pytest.fixture
def store(team: TeamMemory) -> TransactiveVectorStore:
    return TransactiveVectorStore(team.agent("ana"))


def of_document(text: str, source: str, **metadata: Any) -> TextNode:
    return TextNode(
        id_=f"{source}:{text}",
        text=text,
        metadata=metadata,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=source)},
    )


class Node7(TextNode):
    """A class of a user's own."""

    extra: int = 0

    @classmethod
    def class_name(cls) -> str:
        return "Node7"


NODES: list[BaseNode] = [
    TextNode(id_="text", text="A plum cake.\n\nBaked.", metadata={"a": 1, "b": [1, "x", None], "c": {"d": 0.1}}),
    TextNode(
        id_="linked",
        text="Linked.",
        relationships={
            NodeRelationship.SOURCE: RelatedNodeInfo(node_id="doc", metadata={"k": "v"}, hash="h"),
            NodeRelationship.NEXT: RelatedNodeInfo(node_id="text"),
            NodeRelationship.CHILD: [RelatedNodeInfo(node_id="x"), RelatedNodeInfo(node_id="y")],
        },
        excluded_llm_metadata_keys=["a"],
        excluded_embed_metadata_keys=["b"],
        start_char_idx=3,
        end_char_idx=10,
        text_template="{content} ({metadata_str})",
        metadata={"a": "shown to no model", "b": "embedded by none"},
    ),
    TextNode(
        id_="odd ⚙ id/with\nnewline", text="NUL \x00, a surrogate \ud800 and 東京.", metadata={"": "", "a.b": "é"}
    ),
    ImageNode(id_="image", text="A cat.", image="aGVsbG8=", image_mimetype="image/png", metadata={"page": 3}),
    IndexNode(id_="index", text="Points elsewhere.", index_id="other", obj=TextNode(id_="inner", text="inner")),
    Node(
        id_="multi",
        text_resource=MediaResource(text="Of several media."),
        image_resource=MediaResource(data=PNG, mimetype="image/png"),
        audio_resource=MediaResource(path=Path("/no/such/file.mp3")),
    ),
    Document(id_="document", text="A whole document.", metadata={"file": "a.txt"}),
    ImageDocument(id_="image document", image="aGVsbG8=", image_mimetype="image/png", text="A cat."),
    Node7(id_="own class", text="Of a user's own class.", extra=7),
    TextNode(id_="empty", text=""),
]


def test_it_is_a_vector_store(store: TransactiveVectorStore) -> None:
    assert isinstance(store, BasePydanticVectorStore)
    assert (store.stores_text, store.is_embedding_query) == (True, True)
    assert store.client.name == "ana"
    assert "_agent" not in str(store.to_dict())


@pytest.mark.parametrize("node", NODES, ids=lambda node: str(node.id_).split()[0])
def test_a_node_comes_back_as_it_was(store: TransactiveVectorStore, node: BaseNode) -> None:
    assert store.add([node]) == [node.node_id]
    (back,) = store.get_nodes([node.node_id])
    assert type(back) is type(node)
    assert back == node
    assert back.hash == node.hash
    words = node.get_content().replace("\x00", "").replace("\ud800", "") or "anything"
    found = store.query(VectorStoreQuery(query_str=words, similarity_top_k=5))
    assert found.nodes == ([node] if node.get_content() else [])  # without a text there is nothing to find


def test_written_again_a_node_replaces_the_former_one(store: TransactiveVectorStore) -> None:
    store.add([TextNode(id_="n", text="The plum cake."), TextNode(id_="m", text="The plum cake.")])
    store.add([TextNode(id_="n", text="The pear tart.")])
    assert [node.get_content() for node in store.get_nodes()] == ["The pear tart.", "The plum cake."]
    assert store.query(VectorStoreQuery(query_str="plum", similarity_top_k=1)).ids == ["m"]
    assert store.query(VectorStoreQuery(query_str="pear", similarity_top_k=1)).ids == ["n"]


def test_nodes_are_deleted_by_document_id_and_filter(store: TransactiveVectorStore) -> None:
    store.add([of_document(f"part {n}", f"d{n % 2}", n=n) for n in range(6)])
    store.delete("d0")
    assert {node.ref_doc_id for node in store.get_nodes()} == {"d1"}
    store.delete("no such document")
    over_two = MetadataFilters(filters=[MetadataFilter(key="n", value=2, operator=">")])
    store.delete_nodes(["d1:part 1", "d1:part 5"], over_two)
    assert [node.node_id for node in store.get_nodes()] == ["d1:part 1", "d1:part 3"]
    store.delete_nodes(filters=over_two)
    store.delete_nodes()
    store.delete_nodes([])
    store.delete_nodes(["no such node"])
    assert [node.node_id for node in store.get_nodes()] == ["d1:part 1"]
    store.clear()
    assert store.get_nodes() == []


def test_nodes_are_given_in_the_order_asked_for(store: TransactiveVectorStore) -> None:
    store.add([TextNode(id_=str(n), text=f"word {n}", metadata={"n": n}) for n in range(4)])
    assert [node.node_id for node in store.get_nodes(["3", "1", "absent", "3"])] == ["3", "1"]
    assert store.get_nodes([]) == []
    even = MetadataFilters(filters=[MetadataFilter(key="n", value=[0, 2], operator="in")])
    assert [node.node_id for node in store.get_nodes(["3", "2"], even)] == ["2"]


# --- finding ----------------------------------------------------------------------------------------------------------


def test_by_default_the_similarities_are_the_cosines_best_first(store: TransactiveVectorStore) -> None:
    texts = [f"plum {word} cake number{n}" for n, word in enumerate(["red", "blue", "green", "sour", "sweet"] * 8)]
    store.add([TextNode(id_=text, text=text) for text in texts])
    embedder = HashEmbedder()
    vector = embedder.embed_query("sour plum")
    cosines = {text: float(embedder.embed_query(text) @ vector) for text in texts}
    found = store.query(VectorStoreQuery(query_str="sour plum", query_embedding=vector.tolist(), similarity_top_k=10))
    best = sorted(cosines.values(), reverse=True)[:10]
    assert np.allclose(found.similarities or [], best, atol=1e-4)
    assert np.allclose([cosines[id_] for id_ in found.ids or []], best, atol=1e-4)


def test_each_mode_searches_by_what_it_says(store: TransactiveVectorStore) -> None:
    """The vector is of another text than the words: each mode shows what it goes by."""
    store.add([TextNode(id_="cake", text="a plum cake"), TextNode(id_="hnsw", text="vectors and graphs")])
    vector = HashEmbedder().embed_query("vectors and graphs").tolist()

    def first(mode: Mode, **options: Any) -> str:
        asked = VectorStoreQuery(query_str="a plum cake", query_embedding=vector, similarity_top_k=1, mode=mode)
        for name, value in options.items():
            setattr(asked, name, value)
        store._origin._proved = True  # the query's vector is far from its words on purpose
        return (store.query(asked).ids or [])[0]

    assert first(Mode.DEFAULT) == "hnsw"
    assert first(Mode.MMR) == "hnsw"
    assert first(Mode.SPARSE) == "cake"
    assert first(Mode.TEXT_SEARCH) == "cake"
    assert first(Mode.HYBRID, alpha=1.0) == "hnsw"
    assert first(Mode.HYBRID, alpha=0.0) == "cake"


def test_the_modes_of_words_find_only_what_has_one_of_them(store: TransactiveVectorStore) -> None:
    store.add([TextNode(id_="cake", text="a plum cake"), TextNode(id_="hnsw", text="vectors and graphs")])
    for mode in (Mode.SPARSE, Mode.TEXT_SEARCH):
        assert store.query(VectorStoreQuery(query_str="plum", similarity_top_k=9, mode=mode)).ids == ["cake"]
    for mode in (Mode.DEFAULT, Mode.MMR, Mode.HYBRID):
        found = store.query(VectorStoreQuery(query_str="plum", similarity_top_k=9, mode=mode))
        assert found.ids == ["cake", "hnsw"]


def test_limits_of_their_own_for_sparse_and_hybrid(store: TransactiveVectorStore) -> None:
    store.add([TextNode(text=f"plum {n}") for n in range(9)])
    query = VectorStoreQuery(query_str="plum", similarity_top_k=2, sparse_top_k=5, hybrid_top_k=3)
    counts = {}
    for mode in (Mode.DEFAULT, Mode.SPARSE, Mode.HYBRID):
        query.mode = mode
        counts[mode] = len(store.query(query).ids or [])
    assert counts == {Mode.DEFAULT: 2, Mode.SPARSE: 5, Mode.HYBRID: 3}
    assert store.query(VectorStoreQuery(query_str="plum", similarity_top_k=0)).ids == []


def test_mmr_prefers_what_is_not_said_yet(store: TransactiveVectorStore) -> None:
    store.add([TextNode(id_=f"same {n}", text=f"plum cake with sugar {n}") for n in range(3)])
    store.add([TextNode(id_="other", text="plum trees")])

    def found(threshold: float | None, **kwargs: Any) -> set[str]:
        query = VectorStoreQuery(query_str="plum cake", similarity_top_k=2, mode=Mode.MMR, mmr_threshold=threshold)
        return set(store.query(query, **kwargs).ids or [])

    assert "other" not in found(1.0)  # relevance alone
    assert "other" in found(0.5)
    assert found(None) == found(0.5)
    assert found(None, mmr_threshold=1.0) == found(1.0)  # as VectorIndexRetriever's `vector_store_kwargs` give it


@pytest.mark.parametrize("mode", [Mode.SEMANTIC_HYBRID, Mode.SVM, Mode.LOGISTIC_REGRESSION, Mode.LINEAR_REGRESSION])
def test_other_modes_are_refused_by_name(store: TransactiveVectorStore, mode: Mode) -> None:
    with pytest.raises(InvalidInput, match=f"{mode.value}.*default, mmr, sparse, text_search, hybrid"):
        store.query(VectorStoreQuery(query_str="plum", similarity_top_k=1, mode=mode))


def test_a_query_without_what_its_mode_needs_is_refused(store: TransactiveVectorStore) -> None:
    vector = [0.1] * 64
    with pytest.raises(InvalidInput, match="query_str"):
        store.query(VectorStoreQuery(query_embedding=vector, mode=Mode.SPARSE))
    with pytest.raises(InvalidInput, match="words"):
        store.query(VectorStoreQuery(query_str=" "))
    with pytest.raises(InvalidInput, match="limit"):
        store.query(VectorStoreQuery(query_str="plum", similarity_top_k=5000))


def test_a_vector_alone_is_enough(store: TransactiveVectorStore) -> None:
    store.add([TextNode(id_="cake", text="a plum cake")])
    vector = HashEmbedder().embed_query("plum cake").tolist()
    for mode in (Mode.DEFAULT, Mode.MMR, Mode.HYBRID):
        assert store.query(VectorStoreQuery(query_embedding=vector, mode=mode)).ids == ["cake"]


def test_documents_and_nodes_to_stay_within(store: TransactiveVectorStore) -> None:
    store.add([of_document(f"plum {n}", f"d{n % 3}") for n in range(9)])
    found = store.query(VectorStoreQuery(query_str="plum", similarity_top_k=9, doc_ids=["d1"]))
    assert {node.ref_doc_id for node in found.nodes or []} == {"d1"}
    found = store.query(VectorStoreQuery(query_str="plum", similarity_top_k=9, node_ids=["d0:plum 0", "d1:plum 1"]))
    assert set(found.ids or []) == {"d0:plum 0", "d1:plum 1"}
    found = store.query(VectorStoreQuery(query_str="plum", similarity_top_k=9, node_ids=[], doc_ids=[]))
    assert len(found.ids or []) == 9  # an index over a store that keeps the text names none


# --- with LlamaIndex's own index --------------------------------------------------------------------------------------

DOCUMENTS = [
    Document(id_="cakes", text="Plum cake is baked at 180 degrees.", metadata={"year": 2020, "tags": ["cake"]}),
    Document(id_="hnsw", text="HNSW answers in 5 ms at ten million vectors.", metadata={"year": 2024}),
]


def index_over(store: TransactiveVectorStore, model: BaseEmbedding | None = None) -> VectorStoreIndex:
    return VectorStoreIndex.from_vector_store(store, embed_model=model or TransactiveEmbedding(store.client))


def test_an_index_over_the_store_works_end_to_end(store: TransactiveVectorStore) -> None:
    index = index_over(store)
    for document in DOCUMENTS:
        index.insert(document)
    (best,) = index.as_retriever(similarity_top_k=1).retrieve("HNSW answers at ten million vectors")
    assert (best.node.ref_doc_id, best.text) == ("hnsw", DOCUMENTS[1].text)
    assert best.score is not None
    assert 0 < best.score <= 1
    recent = MetadataFilters(filters=[MetadataFilter(key="year", value=2021, operator="<")])
    (old,) = index.as_retriever(similarity_top_k=5, filters=recent).retrieve("how fast is HNSW?")
    assert old.node.ref_doc_id == "cakes"
    answer = index.as_query_engine(llm=MockLLM()).query("how fast is HNSW?")
    assert "5 ms" in str(answer)
    index.delete_ref_doc("hnsw")
    assert {node.ref_doc_id for node in store.get_nodes()} == {"cakes"}
    index.update_ref_doc(Document(id_="cakes", text="Plum cake is baked at 200 degrees."))
    assert [node.get_content() for node in store.get_nodes()] == ["Plum cake is baked at 200 degrees."]


@pytest.mark.parametrize("mode", ["default", "sparse", "hybrid", "text_search", "mmr"])
def test_every_mode_through_the_index(store: TransactiveVectorStore, mode: str) -> None:
    context = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex.from_documents(DOCUMENTS, context, embed_model=TransactiveEmbedding(store.client))
    retriever = index.as_retriever(similarity_top_k=2, vector_store_query_mode=mode)
    assert retriever.retrieve("at how many degrees is a plum cake baked?")[0].node.ref_doc_id == "cakes"
    found = asyncio.run(retriever.aretrieve("at how many degrees is a plum cake baked?"))
    assert found[0].node.ref_doc_id == "cakes"


def test_awaited_the_index_works_as_well(store: TransactiveVectorStore) -> None:
    async def run() -> list[str]:
        context = StorageContext.from_defaults(vector_store=store)
        model = TransactiveEmbedding(store.client)
        index = VectorStoreIndex.from_documents(DOCUMENTS, context, embed_model=model)
        await index.ainsert_nodes([TextNode(id_="n", text="Pear tart needs cinnamon.")])
        found = [node.node_id for node in await index.as_retriever(similarity_top_k=1).aretrieve("pear tart")]
        await index.adelete_nodes(["n"])
        await store.adelete("hnsw")
        assert {node.ref_doc_id for node in await store.aget_nodes()} == {"cakes"}
        await store.aclear()
        assert await store.aget_nodes() == []
        return found

    assert asyncio.run(run()) == ["n"]


def test_an_ingestion_pipeline_writes_into_the_store(store: TransactiveVectorStore) -> None:
    pipeline = IngestionPipeline(
        transformations=[TokenTextSplitter(chunk_size=32, chunk_overlap=0), TransactiveEmbedding(store.client)],
        vector_store=store,
        disable_cache=True,
    )
    nodes = pipeline.run(documents=[Document(id_="long", text="Plums are sweet and pears are soft. " * 20)])
    assert len(nodes) > 1
    assert {node.node_id for node in store.get_nodes()} == {node.node_id for node in nodes}


def test_every_framework_of_the_team_recalls_what_the_index_holds(team: TeamMemory) -> None:
    team.agent("ana").documents.put("team/shared", "setting", {"dark": True}, index=True)
    store = TransactiveVectorStore(team.agent("ana"), namespace="team/shared")
    index_over(store).insert(DOCUMENTS[1])
    (hit,) = team.agent("ben").recall("how fast is HNSW?")
    assert (hit.memory.agent, hit.memory.metadata["year"], hit.memory.metadata["ref_doc_id"]) == ("ana", 2024, "hnsw")
    assert TransactiveVectorStore(team.agent("ben"), namespace="team/shared").get_nodes() == store.get_nodes()
    store.clear()
    assert team.agent("ben").documents.count("team/shared") == 1  # what is no node stays


# --- one store, one model ---------------------------------------------------------------------------------------------


def test_the_models_vectors_are_those_of_the_store(team: TeamMemory) -> None:
    model = TransactiveEmbedding(team)
    assert model.get_text_embedding("plum") == pytest.approx(HashEmbedder().embed_query("plum").tolist())
    assert model.get_query_embedding("plum") == model.get_text_embedding_batch(["plum"])[0]
    assert asyncio.run(model.aget_query_embedding("plum")) == model.get_query_embedding("plum")
    assert asyncio.run(model.aget_text_embedding_batch(["plum"])) == [model.get_text_embedding("plum")]
    assert model.model_name == "hash-64"


@pytest.mark.parametrize("dimensions", [8, 64], ids=["of other dimensions", "of the same dimensions"])
def test_an_index_with_another_model_is_refused(store: TransactiveVectorStore, dimensions: int) -> None:
    other = index_over(store, MockEmbedding(embed_dim=dimensions))
    with pytest.raises(EmbedderMismatch, match="TransactiveEmbedding"):
        other.insert(DOCUMENTS[0])
    assert store.get_nodes() == []
    index_over(store).insert(DOCUMENTS[0])
    with pytest.raises(EmbedderMismatch):
        other.as_retriever().retrieve("plum cake")


class Words(BaseEmbedding):
    """A LlamaIndex model that a user brings along."""

    _hash: HashEmbedder = HashEmbedder(32)
    asked: int = 0

    def _get_text_embedding(self, text: str) -> list[float]:
        self.asked += 1
        return [float(number) for number in 3 * self._hash.embed_query(text)]  # of any length

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def test_a_store_opened_with_a_llamaindex_model_takes_the_vectors_of_an_index_with_it() -> None:
    model = Words(model_name="words")
    with opened(embedder=model) as team:
        store = TransactiveVectorStore(team.agent("ana"))
        nodes = [TextNode(id_=str(n), text=f"plum number{n}", metadata={"n": n}) for n in range(50)]
        before = model.asked
        index_over(store, model).insert_nodes(nodes)
        assert model.asked - before == len(nodes) + 1  # one more, to see that it is the same model; none twice
        (best,) = index_over(store, model).as_retriever(similarity_top_k=1).retrieve("plum number7")
        assert best.node.node_id == "7"


def test_nodes_embedded_without_their_metadata_are_found_by_that_text(store: TransactiveVectorStore) -> None:
    node = TextNode(id_="n", text="plum cake", metadata={"note": "vectors and graphs and much else"})
    node.embedding = TransactiveEmbedding(store.client).get_text_embedding(node.text)
    store.add([node])
    found = store.query(VectorStoreQuery(query_str="plum cake", similarity_top_k=1))
    assert found.similarities == [pytest.approx(1.0, abs=1e-4)]
    assert node.get_content(MetadataMode.EMBED) != node.text


def test_a_query_by_a_hypothetical_document_is_no_mismatch(store: TransactiveVectorStore) -> None:
    store.add([TextNode(id_="n", text="the plum cake is baked at 180 degrees")])
    imagined = HashEmbedder().embed_query("the cake is baked at some degrees").tolist()
    found = store.query(VectorStoreQuery(query_str="how hot is the cake?", query_embedding=imagined))
    assert found.ids == ["n"]


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_nodes_are_private_to_the_agent_unless_they_are_shared(team: TeamMemory) -> None:
    ana = TransactiveVectorStore(team.agent("ana"))
    ana.add([TextNode(id_="n", text="the plum safe")])
    assert ana.namespace == "agents/ana/nodes"
    ben = TransactiveVectorStore(team.agent("ben"))
    assert ben.query(VectorStoreQuery(query_str="plum safe")).ids == []
    assert ben.get_nodes(["n"]) == []
    with pytest.raises(AccessDenied):
        TransactiveVectorStore(team.agent("ben"), namespace=ana.namespace).add([TextNode(text="mine")])
    intruder = TransactiveVectorStore(team.agent("ben"), namespace=ana.namespace)
    assert intruder.query(VectorStoreQuery(query_str="plum safe")).ids == []
    assert intruder.get_nodes() == []


def test_users_are_kept_apart_in_every_verb(team: TeamMemory) -> None:
    alice = TransactiveVectorStore(team.agent("support", user="alice"))
    bob = TransactiveVectorStore(team.agent("support", user="bob"))
    common = TransactiveVectorStore(team.agent("support"))
    common.add([of_document("the plum price list", "d")])
    alice.add([TextNode(id_="n", text="alice's plum pin is 1234")])
    bob.add([TextNode(id_="n", text="bob's plum pin is 5678")])
    query = VectorStoreQuery(query_str="plum pin", similarity_top_k=9)
    assert {node.get_content() for node in bob.query(query).nodes or []} == {
        "bob's plum pin is 5678",
        "the plum price list",
    }
    assert "alice" not in str(bob.get_nodes())
    bob.delete("d")  # what is everybody's is not one user's to delete
    bob.delete_nodes(["n"])
    bob.clear()
    assert [node.get_content() for node in bob.get_nodes()] == ["the plum price list"]
    assert {node.get_content() for node in alice.get_nodes()} == {"alice's plum pin is 1234", "the plum price list"}
    team.erase(user="alice")
    assert [node.get_content() for node in alice.get_nodes()] == ["the plum price list"]


def test_metadata_that_json_cannot_hold_is_refused_and_nothing_is_written(store: TransactiveVectorStore) -> None:
    with pytest.raises(InvalidInput, match="bad"):
        store.add([TextNode(text="good"), TextNode(id_="bad", text="word", metadata={"x": object()})])
    assert store.get_nodes() == []


def test_metadata_beyond_json_is_kept_as_the_framework_writes_it(store: TransactiveVectorStore) -> None:
    when = datetime(2026, 5, 4, 9, tzinfo=UTC)
    store.add([TextNode(id_="n", text="word", metadata={"when": when, "pair": (1, 2), "number": float("inf")})])
    (back,) = store.get_nodes()
    assert back.metadata == {"when": "2026-05-04T09:00:00Z", "pair": [1, 2], "number": float("inf")}
    today = MetadataFilters(filters=[MetadataFilter(key="when", value="2026-05-04T00:00:00Z", operator=">=")])
    assert store.get_nodes(filters=today) == [back]


def test_many_nodes_in_one_call(store: TransactiveVectorStore) -> None:
    nodes = [TextNode(id_=f"{n:04d}", text=f"plum number{n}") for n in range(1500)]
    assert store.add(nodes) == [node.node_id for node in nodes]
    assert len(store.get_nodes()) == 1500
    assert store.query(VectorStoreQuery(query_str="number777", similarity_top_k=1)).ids == ["0777"]
