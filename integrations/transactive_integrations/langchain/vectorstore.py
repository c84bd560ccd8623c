"""The vector store: LangChain's documents in one namespace, found by words and by vectors together."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from transactive import Agent, TeamMemory
from transactive.errors import InvalidInput
from transactive.filters import Where
from transactive.namespaces import check_path
from transactive.records import Degrade, DocumentHit, DocumentRecall, NewDocument
from transactive.records import Document as Kept
from transactive_integrations.common import Guard
from transactive_integrations.langchain.asking import both
from transactive_integrations.langchain.embeddings import TransactiveEmbeddings, check_embeddings
from transactive_integrations.langchain.turns import kept_text
from transactive_integrations.langchain.values import put_together, taken_apart

_HEAD = b'{"page_content":'
_OPTIONS = ("filter", "where", "min_similarity", "vector_weight")


class TransactiveVectorStore(VectorStore):
    """A vector store over the documents of one namespace; what `agent.recall` finds too.

    A handle bound to a user adds and deletes documents about that user, and finds those and the ones about none; an
    unbound one keeps to the ones about none. Every search takes `filter` (on metadata, in the filter language of
    `transactive.filters`), `where` (on a document's own fields), `min_similarity` and `vector_weight`.

    Args:
        agent: Whose documents.
        namespace: Where, by default `<agent.namespace>/documents`, which is private.
        embedding: The model that the store was opened with; another raises `EmbedderMismatch`.
        degrade: What a search does when the memory fails: `raise`, answer by full `text`, or `empty`. Writes raise.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        embedding: Embeddings | None = None,
        degrade: Degrade = "raise",
    ) -> None:
        if embedding is not None:
            check_embeddings(agent, embedding)
        self._embedding = embedding
        self._opened: TeamMemory | None = None
        self.agent = agent
        self.namespace = check_path(f"{agent.namespace}/documents" if namespace is None else namespace)
        self.guard = Guard(degrade)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: str | Path | None = None,
        agent: Agent | None = None,
        namespace: str | None = None,
        degrade: Degrade = "raise",
        **kwargs: Any,
    ) -> Self:
        """A vector store with these texts, in the store of `agent`, or in the one at `path`, opened with `embedding`.

        With neither, it is in a temporary folder. Close what was opened here: it is a context manager.

        Raises:
            EmbedderMismatch: the store's vectors were made by another model.
        """
        _refuse(kwargs)
        if agent is not None and path is not None:
            raise InvalidInput("from_texts takes a path or an agent, one of the two")
        opened = (
            None if agent is not None else TeamMemory.open(":memory:" if path is None else path, embedder=embedding)
        )
        try:
            store = cls(agent or _given(opened), namespace=namespace, embedding=embedding, degrade=degrade)
            store._opened = opened
            store.add_texts(texts, metadatas, ids=ids)
        except BaseException:
            if opened is not None:
                opened.close()
            raise
        return store

    def close(self) -> None:
        """Close the store if `from_texts` opened it; harmless otherwise."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def embeddings(self) -> Embeddings:
        """The model that makes the vectors."""
        return TransactiveEmbeddings(self.agent) if self._embedding is None else self._embedding

    @property
    def degradations(self) -> int:
        """How often a search was answered without the index, or not at all."""
        return self.guard.degradations

    # --- documents ------------------------------------------------------------------------------------------------

    def add_documents(
        self, documents: list[Document], *, ids: Sequence[str | None] | None = None, **kwargs: Any
    ) -> list[str]:
        """Add documents under `ids`, their own ids or fresh ones; one that is there already is replaced.

        In one transaction up to 1,000, and so on; `batch_size`, which LangChain's indexing names, changes nothing.
        """
        _refuse({name: value for name, value in kwargs.items() if name != "batch_size"})
        documents = list(documents)
        given = [document.id for document in documents] if ids is None else list(ids)
        if len(given) != len(documents):
            raise InvalidInput(f"there are {len(documents)} documents and {len(given)} ids; each document has one")
        keys = [uuid4().hex if id is None else id for id in given]
        self.agent.documents.put_many(
            [_new(key, document) for key, document in zip(keys, documents, strict=True)], namespace=self.namespace
        )
        return keys

    def delete(self, ids: Sequence[str] | None = None, **kwargs: Any) -> bool:
        """Delete documents for good, all of them when no ids are given; ids that are not there are passed over."""
        _refuse(kwargs)
        if ids is None:
            self.agent.documents.clear(self.namespace, where={"user": self.agent.user})
        else:
            self.agent.documents.delete_many([(self.namespace, id) for id in ids])
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents under these ids, in their order; what is not there is left out."""
        found = self.agent.documents.get_many([(self.namespace, id) for id in dict.fromkeys(ids)])
        return [_document(kept) for kept in found if kept is not None]

    # --- searches -------------------------------------------------------------------------------------------------

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """The `k` best documents, by words and vectors together."""
        return [_document(hit.document) for hit in self._search(k, kwargs, query=query)]

    def similarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Document, float]]:
        """The same, each with the score that it is ranked by: in [0, 1], comparable within one search."""
        return [(_document(hit.document), hit.score) for hit in self._search(k, kwargs, query=query)]

    def similarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The same, each with its cosine to the query, those below 0 as 0: comparable between searches.

        With `score_threshold`, of those alone that have at least that.
        """
        options = dict(kwargs)
        threshold = options.pop("score_threshold", None)
        if threshold is not None:
            options["min_similarity"] = threshold
        return [(_document(hit.document), _relevance(hit)) for hit in self._search(k, options, query=query)]

    async def asimilarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The same, in a thread."""
        return await asyncio.to_thread(self.similarity_search_with_relevance_scores, query, k, **kwargs)

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Document]:
        """The `k` documents that are closest to a vector of the store's own model."""
        return [_document(hit.document) for hit in self._search(k, kwargs, vector=embedding)]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """`k` of the `fetch_k` best documents, which are close to the query and not to one another."""
        found = self._search(k, kwargs, query=query, diversity=1.0 - lambda_mult, candidates=max(fetch_k, k))
        return [_document(hit.document) for hit in found]

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """The same, close to a vector."""
        found = self._search(k, kwargs, vector=embedding, diversity=1.0 - lambda_mult, candidates=max(fetch_k, k))
        return [_document(hit.document) for hit in found]

    def _search(
        self,
        k: int,
        options: Mapping[str, Any],
        *,
        query: str | None = None,
        vector: Sequence[float] | None = None,
        diversity: float | None = None,
        candidates: int | None = None,
    ) -> DocumentRecall:
        _refuse({name: value for name, value in options.items() if name not in _OPTIONS})
        user: Where | None = {"user": None} if self.agent.user is None else None
        where = both(_on_metadata(options.get("filter")), options.get("where"), user)

        def search() -> DocumentRecall:
            found = self.agent.documents.search(
                query,
                vector=vector,
                vector_weight=options.get("vector_weight"),
                namespaces=[self.namespace],
                where=where,
                limit=k,
                min_similarity=options.get("min_similarity"),
                diversity=diversity,
                candidates=candidates,
                degrade=self.guard.degrade,
            )
            if found.degraded:
                self.guard.note("search", found.reason)
            return found

        return self.guard.run("search", search, lambda reason: DocumentRecall(degraded=True, reason=reason))


def _given(team: TeamMemory | None) -> TeamMemory:
    assert team is not None
    return team


def _refuse(kwargs: Mapping[str, Any]) -> None:
    if kwargs:
        raise InvalidInput(f"unknown option {', '.join(sorted(kwargs)):.100}; a search takes k, {', '.join(_OPTIONS)}")


def _relevance(hit: DocumentHit) -> float:
    return 0.0 if math.isnan(hit.similarity) else min(1.0, max(0.0, hit.similarity))


def _on_metadata(given: object) -> Where | None:
    """A filter on metadata as one on documents, whose values the metadata are."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise InvalidInput(f"filter is a dict such as {{'color': 'red'}}, not {type(given).__name__}")
    return {_field(key): _inner(key, condition) for key, condition in given.items()}


def _inner(key: object, condition: Any) -> Any:
    if key in {"$and", "$or"} and isinstance(condition, list | tuple):
        return [_on_metadata(one) for one in condition]
    return _on_metadata(condition) if key == "$not" else condition


def _field(key: object) -> str:
    return str(key) if str(key).startswith("$") else f"value.{key}"


def _new(key: str, document: Document) -> NewDocument:
    """The metadata are the value, so that filters see them; the content lies beside it, whatever its length."""
    value, marks = taken_apart(document.metadata)
    content = json.dumps({"page_content": document.page_content}).encode()
    text = kept_text(document.page_content)
    return NewDocument(
        key=key, value=value, data=b"\n".join([content, marks or b""]), text=text if text.strip() else None
    )


def _document(kept: Kept) -> Document:
    """The document that was added; what another program keeps there is its JSON."""
    if kept.data is None or not kept.data.startswith(_HEAD):
        content = kept.value if isinstance(kept.value, str) else json.dumps(kept.value, ensure_ascii=False)
        return Document(id=kept.key, page_content=content)
    head, _, marks = kept.data.partition(b"\n")
    metadata = put_together(kept.value, marks or None)
    return Document(id=kept.key, page_content=json.loads(head)["page_content"], metadata=metadata)
