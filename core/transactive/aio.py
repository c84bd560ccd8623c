"""The same doors, awaited: every verb of `Agent` and `TeamMemory`, run on a bounded pool of threads.

One logic serves both: the embedded index holds the interpreter anyway, and the ledger releases it. A lock is taken
inside the blocking verb, never around its await, so a cancelled caller cannot release it early; the verb itself runs to
its end.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar, cast

from transactive.agent import Agent, Session
from transactive.checkpoints import Checkpoints
from transactive.documents import Documents
from transactive.records import SessionInfo, Transcript
from transactive.team import Audit, Groups, Namespaces, TeamMemory

if TYPE_CHECKING:
    from transactive.embedding import Embedder

P = ParamSpec("P")
R = TypeVar("R")
Sync = TypeVar("Sync")

THREADS = 8
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="transactive-aio")


async def _run(function: Callable[[], R]) -> R:
    return await asyncio.get_running_loop().run_in_executor(_pool, function)


class Door:
    """What stands in front of a synchronous object."""

    def __init__(self, sync: Any) -> None:
        self._sync = sync

    async def _call(self, method: Callable[..., R], /, *args: Any, **kwargs: Any) -> R:
        return await _run(functools.partial(method, self._sync, *args, **kwargs))


def awaited(
    method: Callable[Concatenate[Sync, P], R],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """The method of the object behind the door, awaited; for a type checker the signature stays."""

    @functools.wraps(method)
    async def call(self: Door, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._call(method, *args, **kwargs)  # pyright: ignore[reportPrivateUsage]  # its own decorator

    return call


class Beginning:
    """What `agent.session(…)` gives: await it for the session, or enter it, and it ends with the block."""

    def __init__(self, begin: Callable[[], Session]) -> None:
        self._begin = begin
        self._session: AsyncSession | None = None

    def __await__(self) -> Generator[Any, None, AsyncSession]:
        return self._begun().__await__()

    async def _begun(self) -> AsyncSession:
        return AsyncSession(await _run(self._begin))

    async def __aenter__(self) -> AsyncSession:
        self._session = await self._begun()
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.end()


def _begun(method: Callable[Concatenate[Agent, P], Session]) -> Callable[Concatenate[Any, P], Beginning]:
    @functools.wraps(method)
    def call(self: AsyncAgent, /, *args: P.args, **kwargs: P.kwargs) -> Beginning:
        return Beginning(functools.partial(method, self.sync, *args, **kwargs))

    return call


class AsyncDocuments(Door):
    """`agent.documents`, awaited; see `Documents`."""

    put = awaited(Documents.put)
    put_many = awaited(Documents.put_many)
    get = awaited(Documents.get)
    get_many = awaited(Documents.get_many)
    delete = awaited(Documents.delete)
    delete_many = awaited(Documents.delete_many)
    clear = awaited(Documents.clear)
    count = awaited(Documents.count)
    namespaces = awaited(Documents.namespaces)
    search = awaited(Documents.search)
    sweep = awaited(Documents.sweep)
    list = awaited(Documents.list)


class AsyncCheckpoints(Door):
    """`agent.checkpoints`, awaited; see `Checkpoints`."""

    put = awaited(Checkpoints.put)
    put_writes = awaited(Checkpoints.put_writes)
    get = awaited(Checkpoints.get)
    history = awaited(Checkpoints.history)
    threads = awaited(Checkpoints.threads)
    delete = awaited(Checkpoints.delete)
    delete_runs = awaited(Checkpoints.delete_runs)
    copy = awaited(Checkpoints.copy)
    prune = awaited(Checkpoints.prune)
    list = awaited(Checkpoints.list)


class AsyncAgent(Door):
    """An agent handle whose verbs are awaited; see `Agent`."""

    @property
    def sync(self) -> Agent:
        """The synchronous handle."""
        return cast("Agent", self._sync)

    @property
    def name(self) -> str:
        """Whose handle this is."""
        return self.sync.name

    @property
    def user(self) -> str | None:
        """The user it is bound to."""
        return self.sync.user

    @property
    def session_id(self) -> str | None:
        """The session that it stamps on what it writes."""
        return self.sync.session_id

    @property
    def app(self) -> str | None:
        """The application that it stamps on what it writes."""
        return self.sync.app

    @property
    def namespace(self) -> str:
        """Its private namespace."""
        return self.sync.namespace

    def __repr__(self) -> str:
        return f"AsyncAgent({self.name!r})"

    @property
    def path(self) -> Path:
        """The store's folder."""
        return self.sync.path

    @property
    def embedder(self) -> Embedder:
        """The store's own embedding model."""
        return self.sync.embedder

    @property
    def documents(self) -> AsyncDocuments:
        """Keyed JSON values, awaited."""
        return AsyncDocuments(self.sync.documents)

    @property
    def checkpoints(self) -> AsyncCheckpoints:
        """The state of running programs, awaited."""
        return AsyncCheckpoints(self.sync.checkpoints)

    def bind(self, *, user: str | None = None, session: str | None = None, app: str | None = None) -> AsyncAgent:
        """The same agent bound more narrowly; nothing is awaited, since nothing is read."""
        return AsyncAgent(self.sync.bind(user=user, session=session, app=app))

    remember = awaited(Agent.remember)
    remember_many = awaited(Agent.remember_many)
    publish = awaited(Agent.publish)
    revise = awaited(Agent.revise)
    forget = awaited(Agent.forget)
    undo = awaited(Agent.undo)
    promote = awaited(Agent.promote)
    correct = awaited(Agent.correct)
    verify = awaited(Agent.verify)
    why = awaited(Agent.why)
    conflicts = awaited(Agent.conflicts)
    resolve = awaited(Agent.resolve)
    compact = awaited(Agent.compact)
    transcript = awaited(Agent.transcript)
    sessions = awaited(Agent.sessions)
    observe = awaited(Agent.observe)
    wait = awaited(Agent.wait)
    recall = awaited(Agent.recall)
    context = awaited(Agent.context)
    get = awaited(Agent.get)
    history = awaited(Agent.history)
    count = awaited(Agent.count)
    facets = awaited(Agent.facets)
    session = _begun(Agent.session)
    list = awaited(Agent.list)


class AsyncSession(AsyncAgent):
    """A session whose verbs are awaited; see `Session`. `async with agent.session() as s:` ends it with the block."""

    @property
    def sync(self) -> Session:
        """The synchronous session."""
        return cast("Session", self._sync)

    @property
    def id(self) -> str:
        """The session's id."""
        return self.sync.id

    def __repr__(self) -> str:
        return f"AsyncSession({self.id!r}, agent={self.name!r})"

    end = awaited(Session.end)

    async def transcript(self, session: str | None = None) -> Transcript:  # spelt out: a checker keeps the agent's type
        """What was contributed to this session, by whom and in which order, as far as the agent may read it."""
        return await _run(lambda: self.sync.transcript(session))

    async def info(self) -> SessionInfo:
        """The session as it stands."""
        return await _run(lambda: self.sync.info)


class AsyncNamespaces(Door):
    """`team.aio.namespaces`; see `Namespaces`."""

    configure = awaited(Namespaces.configure)
    policy = awaited(Namespaces.policy)
    delete = awaited(Namespaces.delete)
    list = awaited(Namespaces.list)


class AsyncAudit(Door):
    """`team.aio.audit`; see `Audit`."""

    verify = awaited(Audit.verify)
    export = awaited(Audit.export)
    list = awaited(Audit.list)


class AsyncGroups(Door):
    """`team.aio.groups`; see `Groups`."""

    set = awaited(Groups.set)
    remove = awaited(Groups.remove)
    get = awaited(Groups.get)
    list = awaited(Groups.list)


def _opened(method: Callable[P, TeamMemory]) -> Callable[P, Awaitable[AsyncTeamMemory]]:
    @functools.wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> AsyncTeamMemory:
        return AsyncTeamMemory(await _run(functools.partial(method, *args, **kwargs)))

    return call


class AsyncTeamMemory(AsyncAgent):
    """A store whose verbs are awaited; see `TeamMemory`. Open it with `await AsyncTeamMemory.open(…)`."""

    def __init__(self, sync: TeamMemory) -> None:
        super().__init__(sync)
        self.namespaces = AsyncNamespaces(sync.namespaces)
        self.groups = AsyncGroups(sync.groups)
        self.audit = AsyncAudit(sync.audit)

    open = staticmethod(_opened(TeamMemory.open))

    @classmethod
    def opened(cls, path: str | Path) -> AsyncTeamMemory | None:
        """The store that this process has open at a path; nothing is awaited, since nothing is read."""
        team = TeamMemory.opened(path)
        return None if team is None else cls(team)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self.sync.closed

    @property
    def sync(self) -> TeamMemory:
        """The synchronous store."""
        return cast("TeamMemory", self._sync)

    def agent(
        self, name: str, *, user: str | None = None, session: str | None = None, app: str | None = None
    ) -> AsyncAgent:
        """A handle for one agent; nothing is awaited, since nothing is read."""
        return AsyncAgent(self.sync.agent(name, user=user, session=session, app=app))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    close = awaited(TeamMemory.close)
    grant = awaited(TeamMemory.grant)
    revoke = awaited(TeamMemory.revoke)
    grants = awaited(TeamMemory.grants)
    maintain = awaited(TeamMemory.maintain)
    erase = awaited(TeamMemory.erase)
    reindex = awaited(TeamMemory.reindex)
