"""LangChain's own standard suites, every one that fits, synchronous and asynchronous."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("langchain_core")
pytest.importorskip("langchain_tests")

from langchain_core.caches import BaseCache
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.stores import BaseStore
from langchain_core.tools import BaseTool
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import (
    AsyncCacheTestSuite,
    BaseStoreAsyncTests,
    BaseStoreSyncTests,
    RetrieversIntegrationTests,
    SyncCacheTestSuite,
    ToolsIntegrationTests,
    VectorStoreIntegrationTests,
)
from langchain_tests.unit_tests import ToolsUnitTests

from transactive import TeamMemory
from transactive_integrations.langchain import (
    TransactiveByteStore,
    TransactiveCache,
    TransactiveKeyValueStore,
    TransactiveRetriever,
    TransactiveVectorStore,
    memory_tools,
)


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> Iterator[VectorStore]:
        with TransactiveVectorStore.from_texts([], self.get_embeddings()) as store:
            yield store


class TestVectorStoreWithTheBundledModel(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, team: TeamMemory) -> VectorStore:
        return TransactiveVectorStore(team.agent("librarian", user="cust_42"))


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def filled(self, team: TeamMemory) -> None:
        team.agent("researcher").remember_many([f"Finding {n} about HNSW graphs." for n in range(10)])
        type(self).team = team

    team: TeamMemory

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return TransactiveRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"agent": self.team.agent("researcher")}

    @property
    def retriever_query_example(self) -> str:
        return "findings about graphs"


VALUES = {"a": [1, {"b": None}]}, Document("text", metadata={"n": 1}), ("tuple", b"bytes")
BYTES = b"one", b"", b"\x00\xff"


class TestKeyValueStore(BaseStoreSyncTests[Any]):
    @pytest.fixture
    def kv_store(self, team: TeamMemory) -> BaseStore[str, Any]:
        return TransactiveKeyValueStore(team.agent("keeper"))

    @pytest.fixture
    def three_values(self) -> tuple[Any, Any, Any]:
        return VALUES


class TestKeyValueStoreAwaited(BaseStoreAsyncTests[Any]):
    @pytest.fixture
    def kv_store(self, team: TeamMemory) -> BaseStore[str, Any]:
        return TransactiveKeyValueStore(team.agent("keeper", user="cust_42"))

    @pytest.fixture
    def three_values(self) -> tuple[Any, Any, Any]:
        return VALUES


class TestByteStore(BaseStoreSyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, team: TeamMemory) -> BaseStore[str, bytes]:
        return TransactiveByteStore(team.agent("keeper"))

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return BYTES


class TestByteStoreAwaited(BaseStoreAsyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, team: TeamMemory) -> BaseStore[str, bytes]:
        return TransactiveByteStore(team.agent("keeper"))

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return BYTES


class TestCache(SyncCacheTestSuite):
    @pytest.fixture
    def cache(self, team: TeamMemory) -> BaseCache:
        return TransactiveCache(team.agent("cache"))


class TestCacheAwaited(AsyncCacheTestSuite):
    @pytest.fixture
    def cache(self, team: TeamMemory) -> BaseCache:
        return TransactiveCache(team.agent("cache"))


class _Remember:
    """The tool `remember`; the suites make it anew for each test."""

    @pytest.fixture(autouse=True)
    def store(self, team: TeamMemory) -> None:
        type(self).team = team

    team: TeamMemory

    @property
    def tool_constructor(self) -> BaseTool:
        return memory_tools(self.team.agent("helper"), namespaces=["agents/helper", "team/shared"])[0]

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"text": "The customer prefers e-mail."}


class TestToolUnits(_Remember, ToolsUnitTests):
    pass


class TestTool(_Remember, ToolsIntegrationTests):
    pass
