"""The agent handle: every verb, for one identity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from transactive.checkpoints import Checkpoints
from transactive.documents import Documents
from transactive.errors import AccessDenied, InvalidInput
from transactive.lifecycle import Lifecycle
from transactive.records import (
    Context,
    Degrade,
    Forgotten,
    Kind,
    Memory,
    NewMemory,
    Page,
    Progress,
    Recall,
    Sensitivity,
    SessionInfo,
    Transcript,
)
from transactive.rules.packing import pack
from transactive.teamwork import Teamwork

if TYPE_CHECKING:
    from transactive.filters import Where
    from transactive.rules.access import Identity

CONTEXT_HITS = 50


class Agent(Lifecycle, Teamwork):
    """A view of the store bound to one identity: it sees what that identity may see, and writes in its name.

    Made by `team.agent(…)`. Thread-safe. The handle guards against bugs and prompt-injected tool calls, not against
    hostile code in the same interpreter.
    """

    _within: str | None = None
    """The session that recall stays within unless told otherwise."""

    def __repr__(self) -> str:
        return f"Agent({self.name!r})"

    @property
    def session_id(self) -> str | None:
        """The session that it stamps on what it writes; it narrows a read only when passed to it."""
        return self._identity.session

    @property
    def documents(self) -> Documents:
        """Keyed JSON values per namespace, under the same grants."""
        return Documents(self._engine.keeping, self._engine.finding, self._identity)

    @property
    def checkpoints(self) -> Checkpoints:
        """The state of running programs, under the same grants."""
        return Checkpoints(self._engine.archive, self._identity)

    def bind(self, *, user: str | None = None, session: str | None = None, app: str | None = None) -> Agent:
        """The same agent bound more narrowly: to a user, stamping a session or an app; costs nothing.

        Raises `AccessDenied` when it is bound to another user already.
        """
        return Agent(self._engine, self._bound(user, session, app))

    def _bound(self, user: str | None, session: str | None, app: str | None) -> Identity:
        from transactive.paths.incoming import optional_name

        bound = optional_name(user, "a user")
        if bound is not None and self.user not in {None, bound}:
            raise AccessDenied("this handle is bound to one user; for another user take another handle")
        return replace(
            self._identity,
            user=bound or self.user,
            session=optional_name(session, "a session") or self.session_id,
            app=optional_name(app, "an app") or self.app,
        )

    def session(
        self,
        id: str | None = None,
        *,
        user: str | None = None,
        app: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        summary: bool | Any = False,
    ) -> Session:
        """Begin a unit of work: a handle that stamps it, recalls from it, and ends it (`with agent.session() as s:`).

        Args:
            id: By default a fresh one. One of your own must be new, or that of a session which this agent began and
                has not ended.
            user: About whom it is; the handle is then bound to that user.
            app: In which application.
            metadata: A JSON object, kept with the session.
            summary: Sum it up when it ends: True (the store's summariser), a function from memories to a text, or a
                LangChain chat model.

        Raises:
            SessionClosed: the session has ended.
            AccessDenied: the id belongs to another agent, user or app.
        """
        identity = self._bound(user, None, app)
        info = self._engine.sitting.start(identity, id, metadata)
        return Session(self, replace(identity, session=info.id), info, summary)

    # --- writing --------------------------------------------------------------------------------------------------

    def remember(
        self,
        text: str,
        *,
        id: str | None = None,
        namespace: str | None = None,
        kind: Kind | None = None,
        importance: float | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        user: str | None = None,
        session: str | None = None,
        created_at: datetime | None = None,
        ttl: timedelta | str | None = None,
        source: str | None = None,
        confidence: float | None = None,
        verified: bool = False,
        sensitivity: Sensitivity | None = None,
        derived_from: Sequence[str] = (),
        supersedes: Sequence[str] | str = (),
    ) -> Memory:
        """Remember one text, by default in the agent's private namespace. When this returns, it survives `kill -9`.

        Args:
            text: 1 byte to 1 MiB of UTF-8.
            id: An id of your own, unique in the namespace; by default a fresh UUIDv7.
            namespace: Where; the agent needs the right `write` there.
            kind: By default `episodic` within a session, else `semantic`.
            importance: In [0, 1]; by default what the text says of it (`transactive.rules.importance`), and how new it
                is to its namespace.
            tags: Labels, for filters.
            metadata: A JSON object of at most 64 KiB, for filters (`metadata.key`); aware datetimes become ISO strings.
            user: About whom; a handle bound to a user writes about that user only.
            session: In which unit of work.
            created_at: When it happened, if not now; timezone-aware.
            ttl: How long to keep it (`"24h"`, a timedelta); by default as the namespace's policy says.
            source: Where it is from.
            confidence: In [0, 1].
            verified: Mark it verified at once; needs the right `verify` there.
            sensitivity: `public`, `internal` (default) or `confidential`: who may read it by their clearance.
            derived_from: Ids of memories it rests on.
            supersedes: The id, or ids, of memories whose place it takes (`correct` is the short form).

        A fact or a procedure (`semantic`, `procedural`) that says again what is there already, in the same namespace
        and about the same user, reinforces that memory, which is returned; with an id of your own it never does. What
        the namespace's policy promotes is promoted in the same transaction.

        Raises:
            InvalidInput: something of this was wrong.
            AccessDenied: the agent may not write (or verify) there, or the policy does not let this in.
            DuplicateId: the id is taken in that namespace.
            RateLimited: the policy allows no more just now; `.retry_after` says from when on.
            SessionClosed: the session has ended.

        In every case nothing was written.
        """
        item = NewMemory(
            text=text,
            id=id,
            kind=kind,
            importance=importance,
            tags=tags,
            metadata=metadata,
            user=user,
            session=session,
            created_at=created_at,
            ttl=ttl,
            source=source,
            confidence=confidence,
            verified=verified,
            sensitivity=sensitivity,
            derived_from=derived_from,
            supersedes=supersedes,
        )
        return self._engine.remembering.one(self._identity, item, namespace)

    def remember_many(
        self,
        items: Iterable[str | NewMemory],
        *,
        namespace: str | None = None,
        progress: bool | Callable[[Progress], None] = False,
    ) -> Sequence[Memory]:
        """Remember many, batched in embedding, ledger and index; one invalid item refuses all, naming its place.

        Args:
            items: Texts, or `NewMemory` records with the fields of `remember`.
            namespace: For those that name none; by default the agent's private one.
            progress: True for a bar (lines where there is no terminal), or a callback.
        """
        report = self._reporter(progress, "remembering")
        return self._engine.remembering.many(self._identity, items, namespace, report=report)

    def _reporter(self, progress: bool | Callable[[Progress], None], what: str) -> Callable[[int, int], None] | None:
        from transactive.progress import reporter

        return reporter(progress, what)

    def publish(
        self,
        text: str,
        *,
        to: str | None = None,
        id: str | None = None,
        kind: Kind | None = None,
        importance: float | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        user: str | None = None,
        session: str | None = None,
        created_at: datetime | None = None,
        ttl: timedelta | str | None = None,
        source: str | None = None,
        confidence: float | None = None,
        verified: bool = False,
        sensitivity: Sensitivity | None = None,
        derived_from: Sequence[str] = (),
        supersedes: Sequence[str] | str = (),
    ) -> Memory:
        """Remember one text where others read it: in the namespace `to`, by default the store's shared one.

        The other arguments and errors are those of `remember`.
        """
        namespace = self._engine.store.settings.shared if to is None else to
        if namespace is None:
            raise InvalidInput("this store has no shared namespace (open(…, shared=None)); say publish(…, to=…)")
        return self.remember(
            text,
            id=id,
            namespace=namespace,
            kind=kind,
            importance=importance,
            tags=tags,
            metadata=metadata,
            user=user,
            session=session,
            created_at=created_at,
            ttl=ttl,
            source=source,
            confidence=confidence,
            verified=verified,
            sensitivity=sensitivity,
            derived_from=derived_from,
            supersedes=supersedes,
        )

    def revise(
        self,
        id: str,
        *,
        text: str | None = None,
        importance: float | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        confidence: float | None = None,
        namespace: str | None = None,
        expected_version: int | None = None,
    ) -> Memory:
        """Replace fields of a memory by a new version; `history` keeps the former ones.

        With the right `write` its own, with `admin` anybody's. A verified memory whose text changes is verified no
        longer, unless who revises may verify.

        Raises:
            VersionConflict: it is not at `expected_version`; `.current` is what it is.
            NotFound, AccessDenied, InvalidInput.
        """
        from transactive.engine import Revision

        revision = Revision(text=text, importance=importance, tags=tags, metadata=metadata, confidence=confidence)
        return self._engine.revising.revise(self._identity, id, revision, namespace, expected_version)

    @overload
    def forget(
        self, id: str, *, namespace: str | None = None, derived: bool = False, dry_run: bool = False
    ) -> Forgotten: ...
    @overload
    def forget(self, *, where: Where, derived: bool = False, dry_run: bool = False) -> Forgotten: ...
    def forget(
        self,
        id: str | None = None,
        *,
        where: Where | None = None,
        namespace: str | None = None,
        derived: bool = False,
        dry_run: bool = False,
    ) -> Forgotten:
        """Take one memory, or all that fulfil `where`, out of every answer; `undo` brings them back until the horizon.

        With the right `write` its own, with `admin` anybody's; of a `where`, only those. A promoted copy that nobody
        else corroborates goes with its origin; with `derived`, so does everything that was promoted or derived from
        what goes, summaries too. What another agent has said as well stays, in that agent's name, unless it fulfils
        the `where` too; and what would fulfil it among the things said of memories that stay is withdrawn.
        `dry_run=True` changes nothing and shows what would go. After the namespace's `purge_after` (30 days) `undo` is
        refused, and `maintain` deletes it for good.
        """
        if (id is None) == (where is None):
            raise InvalidInput("forget takes an id or where=, one of the two")
        if id is not None:
            return self._engine.forgetting.one(self._identity, id, namespace, derived=derived, dry_run=dry_run)
        assert where is not None
        return self._engine.forgetting.where(self._identity, where, derived=derived, dry_run=dry_run)

    def undo(self, forgotten: Forgotten | str) -> int:
        """Bring back what one `forget` took, given what it returned or that one's `id`; returns how many came back.

        Only what the agent may change, and until the purge horizon; `NotFound` when that is nothing.
        """
        return self._engine.forgetting.undo(self._identity, forgotten)

    # --- finding --------------------------------------------------------------------------------------------------

    def recall(
        self,
        query: str | None = None,
        *,
        vector: Sequence[float] | None = None,
        limit: int = 10,
        offset: int = 0,
        where: Where | None = None,
        namespaces: Sequence[str] | None = None,
        kinds: Sequence[Kind] | None = None,
        session: str | None = None,
        min_importance: float | None = None,
        min_similarity: float | None = None,
        recency_weight: float | None = None,
        importance_weight: float | None = None,
        half_life: timedelta | str | None = None,
        exclude_own: bool = False,
        include_superseded: bool = False,
        as_of: datetime | None = None,
        expand: Literal["graph"] | None = None,
        degrade: Degrade | None = None,
    ) -> Recall:
        """Find what is remembered about something, best first, over everything that the agent may read.

        Args:
            query: A question or a few words.
            vector: What to be close to, made with the store's own model; alone, or instead of the query's own.
            limit: 1 to 1,000 hits.
            offset: How many hits to pass over.
            where: A filter (see `transactive.filters`), applied before the limit, as all the following are.
            namespaces: Patterns to stay within, such as `["team/**"]`.
            kinds: Kinds to stay within.
            session: A session to stay within.
            min_importance: In [0, 1].
            min_similarity: Cosine of query and text, in [-1, 1].
            recency_weight: How much age counts, in [0, 1]; by default as each namespace's policy says.
            importance_weight: How much importance counts, likewise.
            half_life: For the age, instead of the policy's.
            exclude_own: Leave out what this agent wrote.
            include_superseded: Find what was corrected too.
            as_of: Ask what was known at an earlier time; answered by full text, and marked as degraded.
            expand: `"graph"`: find too what mentions the same entities as the best hits, and those one edge away.
            degrade: What to do when the search cannot run: `raise`, answer by full `text`, or `empty`.

        Raises:
            InvalidInput, InvalidFilter, FilterTooBroad: the question was wrong.
            EmbedderMismatch: the vector has other dimensions than the store's.
            IndexUnavailable: the search could not run; never an empty answer instead, unless `degrade` says so.
        """
        from transactive.engine import question

        asked = question(
            self._identity,
            query,
            vector=vector,
            embedder=self.embedder,
            degrade=self._engine.store.settings.degrade if degrade is None else degrade,
            limit=limit,
            offset=offset,
            where=where,
            namespaces=namespaces,
            kinds=kinds,
            session=self._within if session is None else session,
            min_importance=min_importance,
            min_similarity=min_similarity,
            recency_weight=recency_weight,
            importance_weight=importance_weight,
            half_life=half_life,
            exclude_own=exclude_own,
            include_superseded=include_superseded,
            as_of=as_of,
        )
        if expand is None:
            return self._engine.recalling.recall(self._identity, asked)
        if expand != "graph" or as_of is not None:
            raise InvalidInput(f"expand is 'graph' or None, and goes without as_of=; not {expand!r:.40}")
        return self._engine.expanding.recall(self._identity, asked)

    def context(
        self,
        query: str,
        *,
        budget: int = 1000,
        count_tokens: Callable[[str], int] | None = None,
        limit: int = CONTEXT_HITS,
        where: Where | None = None,
        namespaces: Sequence[str] | None = None,
        kinds: Sequence[Kind] | None = None,
        session: str | None = None,
        min_importance: float | None = None,
        min_similarity: float | None = None,
        recency_weight: float | None = None,
        importance_weight: float | None = None,
        half_life: timedelta | str | None = None,
        exclude_own: bool = False,
        include_superseded: bool = False,
        as_of: datetime | None = None,
        expand: Literal["graph"] | None = None,
        degrade: Degrade | None = None,
    ) -> Context:
        """What is remembered about something, as cited text for a prompt, within a budget of tokens.

        `count_tokens` is your model's own counter; by default the bundled tokenizer's pieces × 1.2. The other arguments
        and errors are those of `recall`.
        """
        if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
            raise InvalidInput(f"budget is a number of tokens, at least 1, not {budget!r:.40}")
        hits = self.recall(
            query,
            limit=limit,
            where=where,
            namespaces=namespaces,
            kinds=kinds,
            session=session,
            min_importance=min_importance,
            min_similarity=min_similarity,
            recency_weight=recency_weight,
            importance_weight=importance_weight,
            half_life=half_life,
            exclude_own=exclude_own,
            include_superseded=include_superseded,
            as_of=as_of,
            expand=expand,
            degrade=degrade,
        )
        return pack(hits, budget, count_tokens or self._engine.count_tokens)

    # --- reading --------------------------------------------------------------------------------------------------

    def get(self, id: str, *, namespace: str | None = None, as_of: datetime | None = None) -> Memory:
        """One memory by its `uid`, or by an id of your own in `namespace` (by default the private one).

        With `as_of`, as it was known at that time; without, it counts as an access, from which decay counts anew.

        Raises `NotFound` when it is absent, forgotten, expired or not readable: the four are one answer.
        """
        return self._engine.reading.shown(self._identity, id, namespace, as_of)

    def history(self, id: str, *, namespace: str | None = None) -> Sequence[Memory]:
        """Every version of a memory, oldest first, the current one last."""
        return self._engine.reading.history(self._identity, id, namespace)

    def count(self, where: Where | None = None, *, as_of: datetime | None = None) -> int:
        """How many memories the agent may read, of those that fulfil `where`; with `as_of`, how many were known."""
        return self._engine.reading.count(self._identity, where, as_of)

    def facets(self, field: str, where: Where | None = None, *, limit: int = 100) -> dict[str, int]:
        """Readable memories that fulfil `where`, counted by the values of a field, most frequent first.

        `field` is one of namespace, agent, user, session, app, kind, sensitivity, tags.
        """
        return self._engine.reading.facets(self._identity, field, where, limit)

    def list(
        self,
        where: Where | None = None,
        *,
        order_by: str = "-created_at",
        limit: int = 100,
        after: str | None = None,
        as_of: datetime | None = None,
    ) -> Page:
        """One page of the memories that the agent may read, of those that fulfil `where`.

        `order_by` is created_at, recorded_at, updated_at or importance, descending with a leading `-`; `after` is the
        `next` of the page before. With `as_of`, what was known at that time, each memory in its version of then.
        """
        return self._engine.reading.list(self._identity, where, order_by, limit, after, as_of=as_of)


class Session(Agent):
    """An agent's handle within one session, made by `agent.session(…)`: every verb of the agent's, stamped with it.

    `recall` and `context` stay within the session, unless another is named; `agent` is the handle that it was begun
    with, for all the rest. As a context manager it ends with the block.
    """

    def __init__(self, agent: Agent, identity: Identity, info: SessionInfo, summary: bool | Any) -> None:
        super().__init__(agent._engine, identity)
        self.agent = agent
        self._info = info
        self._summary = summary
        self._within = info.id

    @property
    def id(self) -> str:
        """The session's id."""
        return self._info.id

    @property
    def info(self) -> SessionInfo:
        """The session as it stands: when it began and ended, its metadata, and the id of its summary."""
        return self._engine.sitting.info(self._identity, self.id)

    def __repr__(self) -> str:
        return f"Session({self.id!r}, agent={self.name!r})"

    def transcript(self, session: str | None = None) -> Transcript:
        """What was contributed to this session, by whom and in which order, as far as the agent may read it."""
        return super().transcript(self.id if session is None else session)

    def end(self, *, summary: bool | Any = None, namespace: str | None = None) -> SessionInfo:
        """End it for good: it takes no more memories. Ended already, it stays as it is.

        `summary` is that of `agent.session(…)` unless given; the summary is a memory of the session, by this agent, in
        `namespace` (by default its private one), and rests on all that the agent could read of it.
        """
        asked = self._summary if summary is None else summary
        return self._engine.sitting.end(self._identity, self.id, asked, namespace)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(summary=None if kind is None else False)  # an error of the block must not be hidden by a summary's
