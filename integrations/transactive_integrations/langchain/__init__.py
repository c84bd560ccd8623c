"""LangChain: middleware, retriever, vector store, chat history, stores, cache, records and tools on one team memory.

agent = create_agent(model, tools=[...], middleware=[MemoryMiddleware(team.agent("support"))])
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from transactive_integrations.common import missing

if TYPE_CHECKING:
    from transactive_integrations.langchain.cache import TransactiveCache
    from transactive_integrations.langchain.classic import TransactiveChainMemory
    from transactive_integrations.langchain.embeddings import TransactiveEmbeddings
    from transactive_integrations.langchain.history import TransactiveChatHistory
    from transactive_integrations.langchain.middleware import MemoryMiddleware
    from transactive_integrations.langchain.records import TransactiveRecordManager
    from transactive_integrations.langchain.retriever import TransactiveRetriever
    from transactive_integrations.langchain.stores import TransactiveByteStore, TransactiveKeyValueStore
    from transactive_integrations.langchain.tools import memory_tools
    from transactive_integrations.langchain.turns import message_of
    from transactive_integrations.langchain.vectorstore import TransactiveVectorStore

__all__ = [
    "MemoryMiddleware",
    "TransactiveByteStore",
    "TransactiveCache",
    "TransactiveChainMemory",
    "TransactiveChatHistory",
    "TransactiveEmbeddings",
    "TransactiveKeyValueStore",
    "TransactiveRecordManager",
    "TransactiveRetriever",
    "TransactiveVectorStore",
    "memory_tools",
    "message_of",
]

_HOMES = {
    "MemoryMiddleware": "middleware",
    "TransactiveByteStore": "stores",
    "TransactiveCache": "cache",
    "TransactiveChainMemory": "classic",
    "TransactiveChatHistory": "history",
    "TransactiveEmbeddings": "embeddings",
    "TransactiveKeyValueStore": "stores",
    "TransactiveRecordManager": "records",
    "TransactiveRetriever": "retriever",
    "TransactiveVectorStore": "vectorstore",
    "memory_tools": "tools",
    "message_of": "turns",
}

if find_spec("langchain") is None or find_spec("langchain_core") is None:
    raise missing("langchain")


def __getattr__(name: str) -> Any:
    """An adapter, loaded when it is first asked for: LangChain's agents alone take more than a second."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"langchain", "langchain_core", "langgraph"}:
            raise
        raise missing("langchain") from error
