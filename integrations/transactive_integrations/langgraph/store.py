"""LangGraph's store on the documents of one agent: `builder.compile(store=TransactiveStore(team.agent("planner")))`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Literal

from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    validate_op_namespace,
)

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.records import Degrade, Document, DocumentHit, NewDocument
from transactive_integrations.common import Guard
from transactive_integrations.langgraph import filters, indexing
from transactive_integrations.langgraph.labels import Labels, Root, known, matches
from transactive_integrations.langgraph.sweeper import Sweeper

Name = tuple[str, str]
Found = tuple[Document, float | None]
_DEPTHS = (250, 1000)
"""How many hits are asked for beyond a first page: few sizes, so that one page's ranking is the next one's."""
_FIRST = 25
_SWEEP_MINUTES = 5.0


class TransactiveStore(BaseStore):
    """A LangGraph store: items are documents of the agent, and search is the store's hybrid recall.

    One object serves sync and async callers, and any number of them.

    Args:
        agent: Whose documents; a handle bound to a user keeps and sees that user's alone.
        namespace: The root that LangGraph's namespaces lie under, by default `<agent.namespace>/store`, which is
            private. To share, name one that others may read and write.
        index: What a search finds items by. By default the whole value; `fields` as LangGraph says, `dims` and `embed`
            only to make sure that they are the store's; False for nothing.
        ttl: LangGraph's defaults for times to live. Expired items are given to nobody, swept or not.
        degrade: What happens when the memory fails: `raise`, or log and count it and answer by full `text`, or with
            nothing at all (`empty`).

    Raises:
        EmbedderMismatch: `index` names another model than the store's.
    """

    supports_ttl = True

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        index: IndexConfig | Literal[False] | None = None,
        ttl: TTLConfig | None = None,
        degrade: Degrade = "raise",
    ) -> None:
        self.ttl_config = ttl
        self.index_config = index or None
        self._documents = agent.documents
        self._user = agent.user
        self._root = Root(f"{agent.namespace}/store" if namespace is None else namespace)
        self._fields = indexing.configured(index, agent.embedder)
        self._guard = Guard(degrade)
        self._sweeper = Sweeper(self)

    @property
    def namespace(self) -> str:
        """The root that its namespaces lie under."""
        return self._root.path

    @property
    def degradations(self) -> int:
        """How often it answered less well than it should have, or did not write; never with `degrade="raise"`."""
        return self._guard.degradations

    def __repr__(self) -> str:
        return f"TransactiveStore({self._root.path!r})"

    # --- batches ------------------------------------------------------------------------------------------------------

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Every operation's result: reads see what was there before, then the last put of each key is written."""
        listed = [_checked(op) for op in ops]
        results: list[Result] = [None] * len(listed)
        self._get(listed, results)
        for place, op in enumerate(listed):
            if isinstance(op, SearchOp):
                results[place] = self._guard.run("store search", partial(self._search, op), _no_items)
            elif isinstance(op, ListNamespacesOp):
                results[place] = self._guard.run("store list_namespaces", partial(self._list, op), _no_labels)
        self._put([op for op in listed if isinstance(op, PutOp)])
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """The same, in a thread: the loop goes on meanwhile."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _get(self, ops: Sequence[Op], results: list[Result]) -> None:
        for refresh in (False, True):
            asked = {i: op for i, op in enumerate(ops) if isinstance(op, GetOp) and bool(op.refresh_ttl) is refresh}
            names = [self._name(op) for op in asked.values()]
            got = self._guard.run("store get", partial(self._got, names, refresh), lambda _: [])
            for place, document in zip(asked, got, strict=False):
                results[place] = None if document is None else self._item(document)

    def _got(self, names: Sequence[Name], refresh: bool) -> list[Document | None]:
        found = self._documents.get_many(names, refresh=refresh) if names else []
        return [document if document is not None and self._own(document) else None for document in found]

    def _put(self, ops: Sequence[PutOp]) -> None:
        last = {self._name(op): op for op in ops}
        kept = [self._new(name, op) for name, op in last.items() if op.value is not None]
        gone = [name for name, op in last.items() if op.value is None]
        self._guard.run("store put", partial(self._write, kept, gone), lambda _: None)

    def _write(self, kept: Sequence[NewDocument], gone: Sequence[Name]) -> None:
        if kept:
            self._documents.put_many(kept)
        if gone:
            self._documents.delete_many(gone)

    def _new(self, name: Name, op: PutOp) -> NewDocument:
        try:
            value = dict(op.value or {})
        except (TypeError, ValueError):
            raise InvalidInput(f"an item's value is a dict, not {type(op.value).__name__}") from None
        fields = self._fields if op.index is None else () if op.index is False else indexing.paths(op.index)
        return NewDocument(
            namespace=name[0],
            key=name[1],
            value=value,
            text=indexing.text_of(value, fields) if self._fields else None,
            ttl=_lifetime(op.ttl),
        )

    # --- search -------------------------------------------------------------------------------------------------------

    def _search(self, op: SearchOp) -> list[SearchItem]:
        conditions = filters.parse(op.filter)
        if op.limit == 0:
            return []
        page = self._page(op, conditions)
        if op.refresh_ttl and any(document.ttl is not None for document, _ in page):
            self._documents.get_many([(document.namespace, document.key) for document, _ in page], refresh=True)
        return [self._search_item(document, score) for document, score in page]

    def _page(self, op: SearchOp, conditions: filters.Conditions) -> list[Found]:
        """What a query finds, best first; where that is not enough, the others follow, newest first."""
        wanted = op.offset + op.limit
        query = indexing.clean(op.query or "").strip()
        scored = self._scored(query, op, conditions, wanted) if query and self._fields else []
        page: list[Found] = [(hit.document, hit.score) for hit in scored[op.offset : wanted]]
        if len(scored) < wanted:
            others = self._others(op, conditions, {_name(hit.document) for hit in scored}, wanted)
            first = max(0, op.offset - len(scored))
            page += [(document, None) for document in islice(others, first, wanted - len(scored))]
        return page

    def _scored(self, query: str, op: SearchOp, conditions: filters.Conditions, wanted: int) -> list[DocumentHit]:
        """At least as many hits as are wanted, where there are so many among the best thousand."""
        limit = wanted if wanted <= _FIRST else _DEPTHS[0] if wanted <= _DEPTHS[0] else _DEPTHS[1]
        while True:
            recall = self._documents.search(
                query,
                namespaces=(self._root.subtree(op.namespace_prefix),),
                where=self._where(conditions),
                limit=limit,
                degrade=self._guard.degrade,
            )
            own = [hit for hit in recall if self._own(hit.document)]
            hits = [hit for hit in own if filters.fulfils(conditions, hit.document.value)]
            if len(hits) >= wanted or len(recall) < limit or limit == _DEPTHS[-1]:
                if recall.degraded:
                    self._guard.note("store search", recall.reason)
                return hits
            limit = next(depth for depth in _DEPTHS if depth > limit)

    def _others(
        self, op: SearchOp, conditions: filters.Conditions, found: set[Name], wanted: int
    ) -> Iterator[Document]:
        """Newest first, whatever else fulfils the conditions."""
        step, offset = wanted, 0
        while True:
            documents = self._documents.list(
                self._root.subtree(op.namespace_prefix), where=self._where(conditions), limit=step, offset=offset
            )
            for document in documents:
                if _name(document) not in found and filters.fulfils(conditions, document.value):
                    yield document
            if len(documents) < step:
                return
            offset += step

    def _where(self, conditions: filters.Conditions) -> dict[str, object]:
        """Before the limit: the documents of this store's user, and what may fulfil the conditions."""
        return {"user": self._user, **(filters.where(conditions) or {})}

    # --- namespaces ---------------------------------------------------------------------------------------------------

    def _list(self, op: ListNamespacesOp) -> list[Labels]:
        conditions = op.match_conditions or ()
        paths = self._documents.namespaces(self._root.subtree(known(conditions)), where={"user": self._user})
        found = map(self._root.labels, paths)
        kept = {labels[: op.max_depth] for labels in found if all(matches(labels, c) for c in conditions)}
        return sorted(kept)[op.offset : op.offset + op.limit]

    # --- expiry -------------------------------------------------------------------------------------------------------

    def sweep_ttl(self) -> int:
        """Delete what has expired, as the open store's own upkeep does once a minute; returns how much it was."""
        return self._documents.sweep()

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Sweep every so many minutes, by default as `ttl` says; the future is done when that has ended."""
        configured = (self.ttl_config or {}).get("sweep_interval_minutes")
        return self._sweeper.start(float(sweep_interval_minutes or configured or _SWEEP_MINUTES))

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """End that; False when a sweep under way outlasts `timeout` seconds."""
        return self._sweeper.stop(timeout)

    # --- items --------------------------------------------------------------------------------------------------------

    def _name(self, op: GetOp | PutOp) -> Name:
        return self._root.namespace(op.namespace), op.key

    def _own(self, document: Document) -> bool:
        """A key names one item: that of the handle's user, or of none when the handle is bound to none."""
        return document.user == self._user

    def _item(self, document: Document) -> Item:
        return Item(
            value=document.value,
            key=document.key,
            namespace=self._root.labels(document.namespace),
            created_at=document.created_at,
            updated_at=document.updated_at,
        )

    def _search_item(self, document: Document, score: float | None) -> SearchItem:
        return SearchItem(
            value=document.value,
            key=document.key,
            namespace=self._root.labels(document.namespace),
            created_at=document.created_at,
            updated_at=document.updated_at,
            score=score,
        )


def _name(document: Document) -> Name:
    return document.namespace, document.key


def _lifetime(minutes: float | None) -> timedelta | None:
    try:
        return None if minutes is None else timedelta(minutes=minutes)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"a time to live is a positive number of minutes, not {minutes!r:.40}") from None


def _no_items(_: str) -> list[SearchItem]:
    return []


def _no_labels(_: str) -> list[Labels]:
    return []


def _checked(op: Op) -> Op:
    if not isinstance(op, GetOp | PutOp | SearchOp | ListNamespacesOp):
        raise InvalidInput(f"a batch takes GetOp, PutOp, SearchOp and ListNamespacesOp, not {type(op).__name__}")
    namespace = op.namespace if isinstance(op, GetOp | PutOp) else getattr(op, "namespace_prefix", ())
    if not isinstance(namespace, tuple | list):
        raise InvalidNamespaceError(f"a namespace is a tuple of labels, not {namespace!r:.80}")
    validate_op_namespace(op)
    if isinstance(op, SearchOp | ListNamespacesOp) and min(op.limit, op.offset) < 0:
        raise InvalidInput(f"limit and offset are not negative: limit={op.limit}, offset={op.offset}")
    return op
