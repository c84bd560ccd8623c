"""LlamaIndex: a retriever, a memory block, chat stores, a vector store and tools, all views of one store."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from transactive_integrations.common import missing

if TYPE_CHECKING:
    from transactive_integrations.llamaindex.block import TransactiveMemoryBlock
    from transactive_integrations.llamaindex.chat_store import TransactiveChatStore, TransactiveSyncChatStore
    from transactive_integrations.llamaindex.embedding import TransactiveEmbedding
    from transactive_integrations.llamaindex.retriever import TransactiveQueryEngine, TransactiveRetriever
    from transactive_integrations.llamaindex.tools import TransactiveToolSpec, query_engine_tool
    from transactive_integrations.llamaindex.vector_store import TransactiveVectorStore

__all__ = [
    "TransactiveChatStore",
    "TransactiveEmbedding",
    "TransactiveMemoryBlock",
    "TransactiveQueryEngine",
    "TransactiveRetriever",
    "TransactiveSyncChatStore",
    "TransactiveToolSpec",
    "TransactiveVectorStore",
    "query_engine_tool",
]

_HOMES = {
    "TransactiveChatStore": "chat_store",
    "TransactiveEmbedding": "embedding",
    "TransactiveMemoryBlock": "block",
    "TransactiveQueryEngine": "retriever",
    "TransactiveRetriever": "retriever",
    "TransactiveSyncChatStore": "chat_store",
    "TransactiveToolSpec": "tools",
    "TransactiveVectorStore": "vector_store",
    "query_engine_tool": "tools",
}


def _installed() -> bool:
    try:
        return find_spec("llama_index.core") is not None
    except ModuleNotFoundError:  # not even the package around it
        return False


if not _installed():
    raise missing("llama-index")


def __getattr__(name: str) -> Any:
    """An adapter, loaded when it is first asked for: LlamaIndex itself takes two seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
