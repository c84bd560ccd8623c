"""The store's door: open it, hand out agent handles, decide who may do what, keep it in shape."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import WeakValueDictionary

from transactive.agent import Agent
from transactive.errors import InvalidInput
from transactive.namespaces import OWNER, SHARED, check_agent
from transactive.policies import Policy
from transactive.records import (
    AuditCheck,
    AuditEntry,
    Degrade,
    Erased,
    Forgotten,
    Grant,
    Maintenance,
    Metrics,
    NamespaceInfo,
    Progress,
    Right,
    Sensitivity,
)
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.aio import AsyncTeamMemory
    from transactive.engine import Engine


class Namespaces:
    """`team.namespaces`: sizes, last uses and policies."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def configure(self, pattern: str, policy: Policy) -> None:
        """Set the policy of a pattern; it holds, field by field, for what has no closer one. `Policy()` removes it."""
        self._engine.sharing.configure(_OWNER, pattern, policy)

    def policy(self, namespace: str) -> Policy:
        """The policy in force in a namespace, every field filled in but `ttl`, which may be None."""
        return self._engine.sharing.policy(namespace)

    def delete(self, namespace: str, *, dry_run: bool = False) -> Forgotten:
        """Forget everything in one namespace, and its own policy; `team.undo` brings the memories back.

        With them the documents that they make found. Other documents there, and threads, are deleted for good.
        """
        return self._engine.sharing.delete(_OWNER, namespace, dry_run=dry_run)

    def list(self, pattern: str = "**") -> Sequence[NamespaceInfo]:
        """The namespaces that a pattern covers, by path, each with its size and last use."""
        return self._engine.sharing.infos(pattern)

    def __iter__(self) -> Iterator[NamespaceInfo]:
        return iter(self.list())


class Audit:
    """`team.audit`: every call that changed something, chained by hashes; who, what, where and when, never text."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def verify(self) -> AuditCheck:
        """Whether the audit is as it was written: every entry changed, deleted or added shows.

        Who can write to the ledger's file could also compute a new chain: keep `export`s elsewhere to notice that.
        """
        return self._engine.auditing.verify()

    def list(
        self,
        *,
        principal: str | None = None,
        actions: Sequence[str] | str = (),
        target: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> Sequence[AuditEntry]:
        """Entries in order, filtered; `after` is the `number` of the last one seen.

        Actions are those of the verbs: remember, revise, forget, grant, configure, erase …; `target` is a namespace.
        """
        return self._engine.auditing.list(
            principal=principal,
            actions=actions,
            target=target,
            since=since,
            until=until,
            after=after,
            limit=limit,
        )

    def export(self, path: str | Path) -> int:
        """Write all of it to a new file, one JSON object a line; returns how many entries."""
        return self._engine.auditing.export(path)


class Groups:
    """`team.groups`: named sets of agents; `group:<name>` is then a principal for grants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set(self, name: str, members: Sequence[str]) -> None:
        """Make or replace a group; no members removes it."""
        self._engine.sharing.set_group(_OWNER, name, members)

    def remove(self, name: str) -> None:
        """Remove a group; harmless when there is none."""
        self._engine.sharing.set_group(_OWNER, name, [])

    def get(self, name: str) -> Sequence[str]:
        """The members of a group; empty when there is none."""
        return self._engine.sharing.group(name)

    def list(self) -> Mapping[str, Sequence[str]]:
        """Every group with its members."""
        return self._engine.sharing.groups()


_OWNER = Identity(OWNER)
_opened: WeakValueDictionary[str, Engine] = WeakValueDictionary()
_guard = threading.Lock()


class TeamMemory(Agent):
    """A store. Whoever holds it is the principal `owner`, who may do everything and is named in the audit.

    Every verb of an agent handle is here too, as the owner's; what the owner writes without `namespace=` goes to
    `agents/owner`. Open it with `TeamMemory.open`, and close it, or use it as a context manager. Thread-safe.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, _OWNER)
        self.namespaces = Namespaces(engine)
        self.groups = Groups(engine)
        self.audit = Audit(engine)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        embedder: Any = None,
        index: Literal["edge"] | None = "edge",
        language: str | None = None,
        durability: Literal["process", "power"] = "process",
        degrade: Degrade = "raise",
        shared: str | None = SHARED,
        index_fields: Mapping[str, Literal["number", "time"]] | None = None,
        background: bool = True,
        build_at: int = 20_000,
        reindex: bool = False,
        progress: bool | Callable[[Progress], None] = True,
        clock: Callable[[], datetime] | None = None,
        scorer: Any = None,
        summarizer: Any = None,
        extractor: Any = None,
        graph_extractor: Any = None,
    ) -> Self:
        """Open the store in a folder, creating it when absent. No server, no key, no download.

        Args:
            path: A folder, or `":memory:"` for a private temporary one that `close` deletes.
            embedder: `"static"` (the bundled model, default), `"fastembed:<model or folder>"`, a callable from a list
                of texts to a list of vectors, a LangChain or LlamaIndex embeddings object, or an `Embedder`.
            index: `"edge"`, owned by one process at a time; or None for the ledger alone beside that process: every
                verb works but similarity search, and the owner indexes what this process writes.
            language: Of stemmer and stopwords; fixed when the store is created (default english).
            durability: What survives: `"process"` a killed process, `"power"` a power cut too (slower writes).
            degrade: What a recall does when the search cannot run: `"raise"`, answer by full `"text"`, or `"empty"`.
            shared: The namespace that everybody may read and write, made when the store is; None for none.
            index_fields: Metadata fields that recalls filter by range: `{"metadata.amount": "number"}`, or `"time"`.
                None keeps what was declared before; another set rebuilds the index.
            background: Whether a thread settles what other processes write, flushes, and starts index builds.
            build_at: How many memories without an HNSW graph start a build, in a child process.
            reindex: Embed everything anew when the embedder is another than before, instead of refusing.
            progress: Of a rebuild: a bar or lines on stderr (True), nothing (False), or a callback.
            clock: Gives the current time, aware; for tests.
            scorer: Rates the importance of what is written without one: a function from a text to a number in [0, 1],
                or a LangChain chat model. By default a rule (`transactive.rules.importance`).
            summarizer: Sums up sessions and old memories: a function from memories to a text, or a chat model. By
                default the most telling sentences are taken.
            extractor: Finds facts in what is observed: a function from turns to `Extracted`s, or a chat model. By
                default none: the turns are kept as they are.
            graph_extractor: Finds connections in what is written: a function from a text to `Found`s, or a chat model.
                By default a few patterns of English (`transactive.rules.connections`).

        Raises:
            StoreLocked: the index is owned already; the message names by whom, and the ways out.
            EmbedderMismatch: its vectors were made by another model.
            StoreTooNew, StoreDamaged, InvalidInput.
        """
        from transactive.engine import Engine, Options

        options = Options(
            path=path,
            embedder=embedder,
            index=index,
            language=language,
            durability=durability,
            degrade=degrade,
            shared=shared,
            index_fields=index_fields,
            build_at=build_at,
            reindex=reindex,
            progress=progress,
            clock=clock,
            scorer=scorer,
            summarizer=summarizer,
            extractor=extractor,
            graph_extractor=graph_extractor,
        )
        engine = Engine(options, background=background)
        with _guard:
            _opened[os.path.realpath(engine.store.settings.path)] = engine
        return cls(engine)

    @classmethod
    def opened(cls, path: str | Path) -> Self | None:
        """The store that this process has open at a path; None when it has none."""
        if not isinstance(path, str | Path) or "\0" in str(path):
            raise InvalidInput("the path of a store is a string or a Path")
        with _guard:
            engine = _opened.get(os.path.realpath(path))
        return None if engine is None or engine.store.closed else cls(engine)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._engine.store.closed

    def __repr__(self) -> str:
        return f"TeamMemory({str(self.path)!r})"

    def close(self) -> None:
        """Write everything to disk and release it; harmless when closed already."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def agent(self, name: str, *, user: str | None = None, session: str | None = None, app: str | None = None) -> Agent:
        """A handle for one agent.

        Args:
            name: Who it is; any characters but control characters. Stamped on everything it writes.
            user: Binds it to a user: it then sees memories of that user and of none, in every verb, and writes about
                that user only.
            session: Stamped on what it writes.
            app: Stamped on what it writes.
        """
        from transactive.paths.incoming import optional_name

        identity = Identity(
            check_agent(name),
            user=optional_name(user, "a user"),
            session=optional_name(session, "a session"),
            app=optional_name(app, "an app"),
        )
        return Agent(self._engine, identity)

    def grant(
        self,
        principal: str,
        pattern: str,
        *rights: Right,
        clearance: Sensitivity = "internal",
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
    ) -> Grant:
        """Give an agent, a `group:<name>` or `*` rights on the namespaces that a pattern covers.

        `read`; `write` (add; revise and forget one's own); `verify`; `admin` (revise, forget and restore the memories
        of others, set policies and grants within the pattern). `clearance` bounds the sensitivity of what it reads.
        """
        return self._engine.sharing.grant(
            self._identity,
            principal,
            pattern,
            rights,
            clearance=clearance,
            valid_from=valid_from,
            valid_until=valid_until,
        )

    def revoke(self, principal: str, pattern: str, *rights: Right) -> int:
        """Take rights on exactly this pattern away, all when none is named; returns how many grants it touched."""
        return self._engine.sharing.revoke(self._identity, principal, pattern, rights)

    def grants(self, principal: str | None = None) -> Sequence[Grant]:
        """Every grant, or those of one principal, in force or not."""
        return self._engine.sharing.grants(self._identity, principal)

    def maintain(
        self, *, build: bool | None = None, progress: bool | Callable[[Progress], None] = False
    ) -> Maintenance:
        """One round of upkeep: settle, expire, evict, purge, flush, and build the index when there is enough to build.

        In small steps, between which others read and write. `build=True` builds whatever is unindexed, `build=False`
        nothing; a build is waited for, while others go on. The background thread expires and evicts once a minute, and
        purges once an hour: a purge that finds something rewrites the ledger's file, while writers wait.
        """
        return self._engine.maintaining.maintain(build=build, progress=progress)

    def erase(self, *, user: str, progress: bool | Callable[[Progress], None] = False) -> Erased:
        """Delete all about a user for good and at once (right to erasure): nothing of it is left in any file.

        Every memory about the user, forgotten or not, with its versions; promoted copies; what was derived from any of
        it; what other memories hold of it as a further source; the user's sessions. Then the index is built anew. The
        audit keeps that it happened, and to how many. Not undoable. Backups and exports are yours to delete.
        """
        return self._engine.maintaining.erase(self._identity, user, progress)

    def metrics(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        every: timedelta | str = "24h",
    ) -> Metrics:
        """How the team does: rework avoided and done, escalations, times of tasks, recalls answered by other agents.

        In all, and for each stretch of `every` (whole hours) from `since` (30 days before) to `until` (now), both taken
        down to the hour. `metrics.plot("team.png")` draws it. What a killed process had counted in its last seconds is
        missing.
        """
        return self._engine.measuring.metrics(self._identity, since, until, every)

    def reindex(self, *, embedder: Any = None, progress: bool | Callable[[Progress], None] = True) -> None:
        """Embed every memory anew, with the same model or another one. Searches go on meanwhile; a crash is resumed.

        After an interruption, call it again (or open with `reindex=True`) with the same embedder.
        """
        self._engine.maintaining.reindex(embedder, progress)

    @property
    def aio(self) -> AsyncTeamMemory:
        """The same store with every verb awaited."""
        from transactive.aio import AsyncTeamMemory  # the one upward import: the door to the awaited verbs

        return AsyncTeamMemory(self)
