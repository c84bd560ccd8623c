"""CrewAI's knowledge on the documents of one agent: `Knowledge(…, storage=TransactiveKnowledge(agent))`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from crewai.knowledge.storage.base_knowledge_storage import BaseKnowledgeStorage
from crewai.rag.embeddings.types import EmbedderConfig
from crewai.rag.types import SearchResult
from pydantic import PrivateAttr

from transactive import Agent
from transactive.errors import EmbedderMismatch, InvalidInput
from transactive.filters import Where, join_path
from transactive.namespaces import check_path, encode_segment
from transactive.records import Degrade, DocumentRecall, NewDocument
from transactive_integrations.common import Guard


class TransactiveKnowledge(BaseKnowledgeStorage):
    """A `BaseKnowledgeStorage`: each chunk is a document, found by text and vectors together.

    The same chunk saved again is one chunk. A search that cannot run raises, where CrewAI's own
    answers that there is nothing.

    Args:
        agent: Whose documents; a handle bound to a user saves that user's, and finds those and what is nobody's.
        collection: Keeps one body of knowledge from another: a namespace below `namespace`.
        namespace: Where, by default `<agent.namespace>/knowledge`, which is private.
        metadata: A JSON object that every chunk saved here has, for filters.
        degrade: What happens when the memory fails: `raise`, or log and count it and answer by full `text`, or with
            nothing at all (`empty`).
    """

    _agent: Agent = PrivateAttr()
    _place: str = PrivateAttr()
    _metadata: dict[str, Any] = PrivateAttr()
    _guard: Guard = PrivateAttr()

    def __init__(
        self,
        agent: Agent,
        collection: str | None = None,
        *,
        namespace: str | None = None,
        metadata: dict[str, Any] | None = None,
        degrade: Degrade = "raise",
    ) -> None:
        super().__init__()
        root = f"{agent.namespace}/knowledge" if namespace is None else namespace
        self._agent = agent
        self._place = check_path(f"{root}/{encode_segment(collection)}" if collection else root)
        self._metadata = dict(metadata or {})
        self._guard = Guard(degrade)

    @property
    def degradations(self) -> int:
        """How often it answered less well than it should have, or kept nothing; never with `degrade="raise"`."""
        return self._guard.degradations

    def save(self, documents: list[str]) -> None:
        """Keep chunks; blank ones are passed over."""
        for chunk in documents:
            if not isinstance(chunk, str):
                raise InvalidInput(f"a chunk of knowledge is a string, not {type(chunk).__name__}")
        items = [
            NewDocument(key=_digest(chunk), value={"content": chunk, "metadata": self._metadata}, index=["content"])
            for chunk in documents
            if chunk.strip()
        ]
        if items:
            put = partial(self._agent.documents.put_many, items, namespace=self._place)
            self._guard.run("knowledge save", put, lambda _: [])

    async def asave(self, documents: list[str]) -> None:
        """The same, in a thread."""
        await asyncio.to_thread(self.save, documents)

    def search(
        self,
        query: list[str],
        limit: int = 5,
        metadata_filter: dict[str, Any] | None = None,
        score_threshold: float = 0.6,
    ) -> list[SearchResult]:
        """The chunks that are about something, best first.

        Args:
            query: Questions, searched as one.
            limit: At most 1,000.
            metadata_filter: What their metadata must be; counts before the limit.
            score_threshold: In [0, 1], of CrewAI's measure: (1 + cosine) / 2.
        """
        text = " ".join(query).strip()
        if not text:
            raise InvalidInput("a search in knowledge takes a list of questions that is not empty")
        where: dict[str, Any] = {
            f"value.metadata.{join_path([key])}": value for key, value in (metadata_filter or {}).items()
        }
        if self._agent.user is None:
            where["user"] = None  # what is some user's is found with that user's handle
        ask = partial(self._hits, text, limit=limit, where=where or None, threshold=score_threshold)
        hits = self._guard.run("knowledge search", ask, lambda reason: DocumentRecall(degraded=True, reason=reason))
        return [
            SearchResult(
                id=hit.document.key,
                content=hit.document.value["content"],
                metadata=dict(hit.document.value["metadata"]),
                score=hit.score if hits.degraded else _score(hit.similarity),
            )
            for hit in hits
        ]

    async def asearch(
        self,
        query: list[str],
        limit: int = 5,
        metadata_filter: dict[str, Any] | None = None,
        score_threshold: float = 0.6,
    ) -> list[SearchResult]:
        """The same, in a thread."""
        return await asyncio.to_thread(self.search, query, limit, metadata_filter, score_threshold)

    def _hits(self, text: str, *, limit: int, where: Where | None, threshold: float) -> DocumentRecall:
        hits = self._agent.documents.search(
            text,
            namespaces=[self._place],
            where=where,
            limit=limit,
            min_similarity=max(-1.0, min(1.0, 2 * threshold - 1)) if threshold else None,
            degrade=self._guard.degrade,
        )
        if hits.degraded and self._guard.degrade != "raise":
            self._guard.note("knowledge search", hits.reason)
        return hits

    def reset(self) -> None:
        """Delete the collection for good: with a handle bound to a user, what is that user's of it."""
        clear = partial(self._agent.documents.clear, self._place, where={"user": self._agent.user})
        self._guard.run("knowledge reset", clear, lambda _: 0)

    async def areset(self) -> None:
        """The same, in a thread."""
        await asyncio.to_thread(self.reset)


def knowledge_factory(
    agent: Agent, *, namespace: str | None = None, degrade: Degrade = "raise"
) -> Callable[[EmbedderConfig | None, str | None], TransactiveKnowledge]:
    """A factory for `set_knowledge_storage_factory`: every `Knowledge` then lies with the agent, by its collection.

    Raises `EmbedderMismatch` for knowledge that names an embedder: chunks are embedded by the store's own model.
    """

    def make(embedder: EmbedderConfig | None, collection: str | None) -> TransactiveKnowledge:
        if embedder is not None:
            raise EmbedderMismatch(
                f"knowledge here is embedded by the store's own model ({agent.embedder.name}); leave embedder= out"
            )
        return TransactiveKnowledge(agent, collection, namespace=namespace, degrade=degrade)

    return make


def _digest(chunk: str) -> str:
    return hashlib.sha256(chunk.encode("utf-8", "surrogatepass")).hexdigest()


def _score(similarity: float) -> float:
    return min(1.0, max(0.0, (1.0 + similarity) / 2))
