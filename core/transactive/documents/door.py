"""`agent.documents`: the verbs, for one identity."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from transactive.records import Degrade, Document, DocumentRecall, NewDocument, Sensitivity
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.documents.finding import Finding
    from transactive.documents.keeping import Keeping
    from transactive.filters import Where

Keys = Iterable[tuple[str, str]]


class Documents:
    """Keyed JSON values per namespace, under the grants of memories.

    A document is named by namespace, key and user. A handle bound to a user writes documents of that user, and reads
    those, and where that user has none of the key, those of no user. An unbound one reads and writes those of no user
    unless `user=` is said. Whoever may write in a namespace may replace and delete what it may read there. A document
    whose text is indexed is also a memory of the kind `document`: `recall` finds it, and forgotten, expired or erased,
    it is gone from here too.
    """

    def __init__(self, keeping: Keeping, finding: Finding, identity: Identity) -> None:
        self._keeping = keeping
        self._finding = finding
        self._identity = identity

    def put(
        self,
        namespace: str,
        key: str,
        value: Any = None,
        *,
        data: bytes | None = None,
        index: bool | Sequence[str] = False,
        text: str | None = None,
        vector: Sequence[float] | None = None,
        ttl: timedelta | str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Document:
        """Put a value under a key, in the place of the former one; needs the right `write` there.

        Args:
            namespace: Where.
            key: Any string of at most 4,096 characters.
            value: Whatever JSON holds, up to 16 MiB.
            data: Bytes to keep beside it, up to 64 MiB.
            index: What `search` and `recall` find it by: nothing, every string and number in it (True), or those of
                some fields: `["title", "body.text", "items[*].note", "items[-1]"]`.
            text: The text to index instead.
            vector: Of that text, by the store's own model, where it is known already.
            ttl: How long it lives, such as `"30m"`; by default as the namespace's policy says.
            user: About whom it is.
            sensitivity: By default that of the former value, or `internal`.

        Raises:
            InvalidInput, AccessDenied, RateLimited: nothing was written.
        """
        new = NewDocument(
            key=key,
            value=value,
            data=data,
            index=index,
            text=text,
            vector=vector,
            ttl=ttl,
            user=user,
            sensitivity=sensitivity,
        )
        return self._keeping.put_many(self._identity, [new], namespace)[0]

    def put_many(self, items: Iterable[NewDocument], *, namespace: str | None = None) -> Sequence[Document]:
        """Put many: all in one transaction up to 1,000, and so on; of several under one key, the last stays.

        `namespace` is that of items which name none; by default the agent's private one.
        """
        return self._keeping.put_many(self._identity, items, namespace, action="put_many")

    def get(self, namespace: str, key: str, *, user: str | None = None, refresh: bool = False) -> Document | None:
        """The document under a key; None when it is absent, expired or not readable.

        With `refresh`, its time to live counts from now.
        """
        return self._keeping.get_many(self._identity, [(namespace, key)], user, refresh=refresh)[0]

    def get_many(self, keys: Keys, *, user: str | None = None, refresh: bool = False) -> Sequence[Document | None]:
        """For each pair of namespace and key, the document or None."""
        return self._keeping.get_many(self._identity, keys, user, refresh=refresh)

    def delete(self, namespace: str, key: str, *, user: str | None = None) -> bool:
        """Delete a document for good, with the memory that made it found; whether there was one."""
        return self._keeping.delete_many(self._identity, [(namespace, key)], user) > 0

    def delete_many(self, keys: Keys, *, user: str | None = None) -> int:
        """Delete several, in one transaction; returns how many there were."""
        return self._keeping.delete_many(self._identity, keys, user)

    def clear(self, pattern: str, *, prefix: str = "", where: Where | None = None) -> int:
        """Delete every document in the namespaces that a pattern covers, of keys with a prefix, that fulfils `where`.

        Of those, what the agent may read and write; a handle bound to a user deletes those of that user, an unbound one
        those of every user. In one transaction; returns how many there were.
        """
        return self._keeping.clear(self._identity, pattern, prefix, where)

    def list(
        self,
        pattern: str = "**",
        *,
        prefix: str = "",
        where: Where | None = None,
        order_by: str = "-updated_at",
        limit: int | None = 100,
        offset: int = 0,
        refresh: bool = False,
    ) -> builtins.list[Document]:
        """Documents in the namespaces that a pattern covers, of keys with a prefix, that fulfil `where`.

        `order_by` is updated_at, created_at or key, descending with a leading `-`. In `where`, `value.<path>` names a
        field of the value: `{"value.color": "red", "value.size": {"$gt": 3}}`; a key with a dot is quoted.
        """
        return self._keeping.listed(
            self._identity,
            pattern,
            prefix=prefix,
            where=where,
            order_by=order_by,
            limit=limit,
            offset=offset,
            refresh=refresh,
        )

    def count(self, pattern: str = "**", *, prefix: str = "", where: Where | None = None) -> int:
        """How many documents `list` would give without a limit."""
        return self._keeping.count(self._identity, pattern, prefix=prefix, where=where)

    def namespaces(self, pattern: str = "**", *, where: Where | None = None) -> Sequence[str]:
        """The namespaces that hold documents which the agent may read and that fulfil `where`, sorted."""
        return self._keeping.namespaces(self._identity, pattern, where)

    def search(
        self,
        query: str | None = None,
        *,
        vector: Sequence[float] | None = None,
        vector_weight: float | None = None,
        namespaces: Sequence[str] = ("**",),
        where: Where | None = None,
        limit: int = 10,
        offset: int = 0,
        min_similarity: float | None = None,
        diversity: float | None = None,
        candidates: int | None = None,
        degrade: Degrade | None = None,
        refresh: bool = False,
    ) -> DocumentRecall:
        """The indexed documents that are about something, best first.

        Words and vectors count as in `recall`; what a question says of author and time does not, nor do age and
        importance.
        The limit is filled as long as there are documents; `min_similarity` leaves out what is far.

        Args:
            query: A question or a few words.
            vector: What to be close to, made with the store's own model; alone, or instead of the query's own.
            vector_weight: How much likeness of vectors counts against words in common, in [0, 1]; by default as
                measured to be best.
            namespaces: Patterns to stay within.
            where: A filter as in `list`, applied before the limit. Of values over 64 KiB it sees the short scalars at
                their top level.
            limit: 1 to 1,000 hits.
            offset: How many hits to pass over.
            min_similarity: Cosine of query and indexed text, in [-1, 1].
            diversity: How much a hit's likeness to those before it counts against it, in [0, 1] (maximal marginal
                relevance).
            candidates: Among how many a diverse choice is made, 1 to 1,000; by default four times as many as wanted,
                and at least 20.
            degrade: As in `recall`.
            refresh: Whether the time to live of what is found counts from now.

        Raises:
            EmbedderMismatch: the vector has other dimensions than the store's.
            IndexUnavailable: the search could not run.
        """
        return self._finding.search(
            self._identity,
            query,
            vector=vector,
            vector_weight=vector_weight,
            namespaces=namespaces,
            where=where,
            limit=limit,
            offset=offset,
            min_similarity=min_similarity,
            diversity=diversity,
            candidates=candidates,
            degrade=degrade,
            refresh=refresh,
        )

    def sweep(self) -> int:
        """Delete what the agent may change and whose time is over, as upkeep does once a minute; returns how many.

        Expired documents are given to nobody, swept or not.
        """
        return self._keeping.sweep(self._identity)
