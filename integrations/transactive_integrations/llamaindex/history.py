"""The messages of many conversations as documents: a namespace for each user, key and status."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from urllib.parse import unquote
from uuid import uuid4

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.storage.chat_store.base_db import MessageStatus

from transactive import Agent
from transactive.namespaces import encode_segment
from transactive.records import Document, NewDocument
from transactive_integrations.llamaindex.messages import dump_message, load_message

HASHED = "="
"""What the segment of a key starts with that is too long, or too odd, to be a segment itself."""
LONGEST = 100
NOBODY = "-"
"""The segment of an unbound handle, which sees the documents of every user: their chats must not mix with its own."""


class History:
    """Reads and writes messages in order. Each has a number that grows with time; documents sort by it."""

    def __init__(self, agent: Agent, namespace: str) -> None:
        self._agent = agent
        self._namespace = f"{namespace}/{NOBODY if agent.user is None else _segment(agent.user)}"
        self._taking = threading.Lock()
        self._numbering = threading.Lock()
        self._last = 0

    # --- writing --------------------------------------------------------------------------------------------------

    def numbered(self, messages: Sequence[ChatMessage]) -> list[tuple[str, ChatMessage]]:
        """Messages with the keys of their documents, after all that this process has numbered."""
        return [(self._number(), message) for message in messages]

    def _number(self) -> str:
        with self._numbering:  # the time, but never the same twice, and never back
            self._last = max(self._last + 1, time.time_ns())
            return f"{self._last:020d}-{uuid4().hex[:8]}"  # another process may have the same time

    def add(self, key: str, numbered: Sequence[tuple[str, ChatMessage]], status: MessageStatus) -> None:
        """Write messages under their numbers."""
        place = self._place(key, status)
        documents = [
            NewDocument(key=number, value={"key": key, "role": message.role.value}, data=dump_message(message))
            for number, message in numbered
        ]
        if documents:
            self._agent.documents.put_many(documents, namespace=place)

    def set(self, key: str, messages: Sequence[ChatMessage], status: MessageStatus) -> None:
        """Write messages, then delete what was there: what fails between the two has lost nothing."""
        with self._taking:
            former = self._documents(key, None)
            self.add(key, self.numbered(messages), status)
            self._delete(former)

    def clear(self, key: str, status: MessageStatus | None) -> None:
        """Delete the messages of a status, or of all."""
        self._agent.documents.clear(self._place(key, status))

    def take_all(self, key: str) -> list[ChatMessage]:
        """Delete every message, and give those that were active."""
        with self._taking:
            active = self._documents(key, MessageStatus.ACTIVE)
            self.clear(key, None)
        return _messages(active)

    def take_oldest(self, key: str, count: int, *, archive: bool = False) -> list[ChatMessage]:
        """Take the oldest active messages away, or move them to the archive."""
        with self._taking:
            oldest = self._documents(key, MessageStatus.ACTIVE, max(count, 0))
            if archive and oldest:
                kept = [NewDocument(key=d.key, value=d.value, data=d.data) for d in oldest]
                self._agent.documents.put_many(kept, namespace=self._place(key, MessageStatus.ARCHIVED))
            self._delete(oldest)
        return _messages(oldest)

    def delete_at(self, key: str, place: int, status: MessageStatus | None = None) -> ChatMessage | None:
        """Delete and give the message at a place; a negative one counts from the end, None when there is none."""
        with self._taking:
            documents = self._documents(key, status)
            if not -len(documents) <= place < len(documents):
                return None
            self._delete([documents[place]])
        return _messages([documents[place]])[0]

    def _delete(self, documents: Sequence[Document]) -> None:
        if documents:
            self._agent.documents.delete_many([(document.namespace, document.key) for document in documents])

    # --- reading --------------------------------------------------------------------------------------------------

    def get(self, key: str, status: MessageStatus | None, limit: int | None, offset: int) -> list[ChatMessage]:
        """Messages, oldest first."""
        return _messages(self._documents(key, status, limit, offset))

    def count(self, key: str, status: MessageStatus | None) -> int:
        """How many there are."""
        return self._agent.documents.count(self._place(key, status))

    def keys(self) -> list[str]:
        """The keys that have messages, sorted."""
        found = self._agent.documents.namespaces(f"{self._namespace}/**")
        depth = self._namespace.count("/") + 1
        segments = dict.fromkeys(path.split("/")[depth] for path in found if path.count("/") > depth)
        return sorted(map(self._key, segments))

    def _documents(
        self, key: str, status: MessageStatus | None, limit: int | None = None, offset: int = 0
    ) -> list[Document]:
        pattern = self._place(key, status)
        return list(self._agent.documents.list(pattern, order_by="key", limit=limit, offset=offset))

    # --- keys as places -------------------------------------------------------------------------------------------

    def _place(self, key: str, status: MessageStatus | None) -> str:
        return f"{self._namespace}/{_segment(key)}/{'**' if status is None else status.value}"

    def _key(self, segment: str) -> str:
        if not segment.startswith(HASHED):
            return unquote(segment)
        first = self._agent.documents.list(f"{self._namespace}/{segment}/**", limit=1)
        return str(first[0].value["key"]) if first else segment


def _segment(key: str) -> str:
    try:
        segment = encode_segment(key)
    except UnicodeEncodeError:  # a lone surrogate
        segment = ""
    plain = 0 < len(segment) <= LONGEST and unquote(segment) == key and segment not in {".", "..", NOBODY}
    if plain and not segment.startswith(HASHED):
        return segment
    return HASHED + hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _messages(documents: Sequence[Document]) -> list[ChatMessage]:
    return [load_message(document.data) for document in documents if document.data is not None]
