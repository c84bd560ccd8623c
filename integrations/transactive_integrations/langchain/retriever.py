"""The retriever: what an agent remembers, as LangChain's documents."""

from __future__ import annotations

import asyncio
from typing import Any, Unpack

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from pydantic import ConfigDict, Field, PrivateAttr

from transactive import Agent, Hit, Recall
from transactive.records import Degrade
from transactive_integrations.common import Guard, RecallOptions
from transactive_integrations.langchain.asking import USER, Caller, ask, checked


class TransactiveRetriever(BaseRetriever):
    """Retrieves what an agent may read: its own memories and those that others shared, with their authors.

    A document's id is the memory's uid, its metadata are the memory's own, and `metadata["memory"]` says where it comes
    from: author, namespace, time, score. The run's user is `user_id` in `config["configurable"]`: such a run sees what
    is about that user and about none; a run that names none sees what is about none, unless `all_users`. The other
    keywords are those of `agent.recall`: `namespaces`, `where`, `min_similarity` …
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    agent: Agent = Field(exclude=True)
    """Whose memory is asked."""
    k: int = 4
    """How many documents, unless `invoke(…, k=…)` says so."""
    user: str = USER
    """The name under which a config holds the user."""
    all_users: bool = False
    """Whether a run that names no user sees what is about every user."""
    degrade: Degrade = "raise"
    """What happens when the memory fails: `raise`, answer by full `text`, or `empty`."""

    _guard: Guard = PrivateAttr()
    _options: RecallOptions = PrivateAttr()

    def __init__(
        self,
        agent: Agent,
        *,
        k: int = 4,
        user: str = USER,
        all_users: bool = False,
        degrade: Degrade = "raise",
        name: str | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **options: Unpack[RecallOptions],
    ) -> None:
        guard = Guard(degrade)
        fields: dict[str, Any] = {"k": k, "user": user, "all_users": all_users, "degrade": degrade}
        super().__init__(**{"agent": agent, "name": name, "tags": tags, "metadata": metadata, **fields})
        self._guard = guard
        self._options = checked(options)

    @property
    def degradations(self) -> int:
        """How often it answered without the index; the documents say so themselves (`metadata["memory"]`)."""
        return self._guard.degradations

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """What is remembered about the input, best first."""
        return super().invoke(input, config, **{"handle": self._handle(config), **kwargs})

    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """The same, awaited."""
        return await super().ainvoke(input, config, **{"handle": self._handle(config), **kwargs})

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun | None = None,  # noqa: ARG002  # LangChain hands it in
        k: int | None = None,
        handle: Agent | None = None,
    ) -> list[Document]:
        return to_documents(self.recall(query, k=k, handle=handle))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun | None = None,  # noqa: ARG002  # as above
        k: int | None = None,
        handle: Agent | None = None,
    ) -> list[Document]:
        return to_documents(await asyncio.to_thread(self.recall, query, k=k, handle=handle))

    def recall(self, query: str, *, k: int | None = None, handle: Agent | None = None) -> Recall:
        """The hits as the memory gives them; `handle` is the agent's own, bound to a user."""
        bound = handle or self.agent
        where = Caller(self.agent, self.user, self.all_users).sees(bound, self._options.get("where"))
        return ask(bound, query, self.k if k is None else k, self._guard, {**self._options, "where": where})

    def _handle(self, config: RunnableConfig | None) -> Agent:
        return Caller(self.agent, self.user, self.all_users).handle(ensure_config(config))


def to_documents(found: Recall) -> list[Document]:
    """The hits as documents, each with what its memory holds and where it comes from."""
    return [to_document(hit, degraded=found.degraded) for hit in found]


def to_document(hit: Hit, *, degraded: bool = False) -> Document:
    """One hit as a document."""
    memory = hit.memory
    origin = {
        "agent": memory.agent,
        "namespace": memory.namespace,
        "kind": memory.kind,
        "created_at": memory.created_at,
        "importance": memory.importance,
        "score": hit.score,
        "similarity": hit.similarity,
        "tags": list(memory.tags),
        "user": memory.user,
        "session": memory.session,
        "source": memory.source,
        "verified_by": memory.verified_by,
        "degraded": degraded,
    }
    return Document(page_content=memory.text, metadata={**memory.metadata, "memory": origin}, id=memory.uid)
