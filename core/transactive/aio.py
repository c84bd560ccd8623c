"""The same doors, awaited: every verb of `Agent` and `TeamMemory`, run on a bounded pool of threads.

One logic serves both: the embedded index holds the interpreter anyway, and the ledger releases it. A lock is taken
inside the blocking verb, never around its await, so a cancelled caller cannot release it early; the verb itself runs to
its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

from transactive.agent import Agent, Session
from transactive.checkpoints import Checkpoints
from transactive.coordination import (
    Alerts,
    Consumer,
    Decisions,
    Directory,
    Events,
    Facts,
    Follower,
    Handoffs,
    Learnings,
    Tasks,
)
from transactive.coordination.events import POLL_SECONDS
from transactive.documents import Documents
from transactive.graph import KnowledgeGraph
from transactive.policies import duration
from transactive.records import Event, SessionInfo, Transcript
from transactive.team import Audit, Groups, Namespaces, TeamMemory

if TYPE_CHECKING:
    from transactive.embedding import Embedder

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Sync = TypeVar("Sync")

THREADS = 8
AT_ONCE = timedelta(microseconds=1)
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


class AsyncFollower(Generic[T]):
    """A follower, awaited: `async for event in agent.events.follow(…):`. It holds no thread while nothing happens.

    Leave the loop early inside `async with`, or call `aclose`, so that it is not woken any more.
    """

    def __init__(self, begin: Callable[[], Follower[T]]) -> None:
        self._begin = begin
        self._follower: Follower[T] | None = None
        self._closed = False
        self._wake = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._closed:
            raise StopAsyncIteration
        follower = await self._begun()
        since = time.monotonic()
        while not await _run(follower.pull):
            if follower.over(since):
                await self.aclose()
                raise StopAsyncIteration
            await _woken_or(self._wake, follower.pause)
            self._wake.clear()
        return follower.take()

    async def _begun(self) -> Follower[T]:
        if self._follower is None:
            loop = asyncio.get_running_loop()
            self._follower = await _run(self._begin)
            self._follower.heard(lambda: _woken(loop, self._wake))
        return self._follower

    async def cursor(self) -> str:
        """The place behind the last one that it gave; `follow(after=…)` goes on there."""
        return (await self._begun()).cursor

    async def aclose(self) -> None:
        """End it: whoever waits in it stops waiting."""
        self._closed = True
        if self._follower is not None:
            self._follower.close()
        self._wake.set()

    async def __aenter__(self) -> Self:
        await self._begun()  # what happens from here on is not missed
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def _woken_or(wake: asyncio.Event, seconds: float) -> None:
    """Wait to be woken, or for so long. (`wait_for` of Python 3.11 can swallow a cancellation.)"""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()


def _woken(loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and whoever followed in it
        loop.call_soon_threadsafe(wake.set)


def followed(
    method: Callable[Concatenate[Sync, P], Follower[T]],
) -> Callable[Concatenate[Any, P], AsyncFollower[T]]:
    """The method of the object behind the door, as an asynchronous iterator; for a type checker the signature stays."""

    @functools.wraps(method)
    def call(self: Door, /, *args: P.args, **kwargs: P.kwargs) -> AsyncFollower[T]:
        sync = self._sync  # pyright: ignore[reportPrivateUsage]  # its own decorator
        return AsyncFollower(functools.partial(method, sync, *args, **kwargs))

    return call


def waited(
    method: Callable[Concatenate[Sync, P], R | None], limit: str
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R | None]]:
    """The method of the object behind the door that waits for something, awaited: it holds no thread meanwhile.

    `limit` names the argument that says how long; the method itself is asked again and again, without waiting.
    """

    @functools.wraps(method)
    async def call(self: Door, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        sync = self._sync  # pyright: ignore[reportPrivateUsage]  # its own decorator
        options: dict[str, Any] = {**kwargs}
        given = options.get(limit)
        if limit == "wait" and given is None:
            return await _run(functools.partial(method, sync, *args, **kwargs))
        until = math.inf if given is None else time.monotonic() + duration(given, limit).total_seconds()
        once: Callable[..., R | None] = functools.partial(method, sync, *args, **{**options, limit: AT_ONCE})
        wake, loop = asyncio.Event(), asyncio.get_running_loop()
        with sync._heard(lambda: _woken(loop, wake)):
            while True:
                wake.clear()
                found = await _run(once)
                left = until - time.monotonic()
                if found is not None or left <= 0:
                    return found
                await _woken_or(wake, min(POLL_SECONDS, left))

    return call


class AsyncConsumer(Door):
    """A named place in the sequence of events, awaited; see `Consumer`. `async for event in consumer.follow():`."""

    @property
    def name(self) -> str:
        """What it is called."""
        return cast("Consumer", self._sync).name

    async def cursor(self) -> str:
        """The place behind what was acknowledged."""
        return await _run(lambda: cast("Consumer", self._sync).cursor)

    follow = followed(Consumer.follow)
    acknowledge = awaited(Consumer.acknowledge)
    list = awaited(Consumer.list)

    def __aiter__(self) -> AsyncFollower[Event]:
        return self.follow()


def _consumed(
    method: Callable[Concatenate[Events, P], Consumer],
) -> Callable[Concatenate[Any, P], Awaitable[AsyncConsumer]]:
    @functools.wraps(method)
    async def call(self: Door, /, *args: P.args, **kwargs: P.kwargs) -> AsyncConsumer:
        sync = self._sync  # pyright: ignore[reportPrivateUsage]  # its own decorator
        return AsyncConsumer(await _run(functools.partial(method, sync, *args, **kwargs)))

    return call


class AsyncEvents(Door):
    """`agent.events`, awaited; see `Events`."""

    emit = awaited(Events.emit)
    follow = followed(Events.follow)
    cursor = awaited(Events.cursor)
    consumer = _consumed(Events.consumer)
    consumers = awaited(Events.consumers)
    remove_consumer = awaited(Events.remove_consumer)
    trim = awaited(Events.trim)
    retain = awaited(Events.retain)
    list = awaited(Events.list)


class AsyncTasks(Door):
    """`agent.tasks`, awaited; see `Tasks`."""

    post = awaited(Tasks.post)
    claim = waited(Tasks.claim, "wait")
    renew = awaited(Tasks.renew)
    complete = awaited(Tasks.complete)
    fail = awaited(Tasks.fail)
    release = awaited(Tasks.release)
    cancel = awaited(Tasks.cancel)
    retry = awaited(Tasks.retry)
    get = awaited(Tasks.get)
    attempts = awaited(Tasks.attempts)
    count = awaited(Tasks.count)
    list = awaited(Tasks.list)


class AsyncFacts(Door):
    """`agent.facts`, awaited; see `Facts`."""

    set = awaited(Facts.set)
    update = awaited(Facts.update)
    get = awaited(Facts.get)
    delete = awaited(Facts.delete)
    history = awaited(Facts.history)
    follow = followed(Facts.follow)
    list = awaited(Facts.list)


class AsyncAlerts(Door):
    """`agent.alerts`, awaited; see `Alerts`."""

    send = awaited(Alerts.send)
    acknowledge = awaited(Alerts.acknowledge)
    get = awaited(Alerts.get)
    follow = followed(Alerts.follow)
    count = awaited(Alerts.count)
    list = awaited(Alerts.list)


class AsyncDecisions(Door):
    """`agent.decisions`, awaited; see `Decisions`."""

    record = awaited(Decisions.record)
    find = awaited(Decisions.find)


class AsyncLearnings(Door):
    """`agent.learnings`, awaited; see `Learnings`."""

    record = awaited(Learnings.record)
    find = awaited(Learnings.find)


class AsyncHandoffs(Door):
    """`agent.handoffs`, awaited; see `Handoffs`."""

    get = awaited(Handoffs.get)
    take = awaited(Handoffs.take)
    resolve = awaited(Handoffs.resolve)
    wait = waited(Handoffs.wait, "timeout")
    follow = followed(Handoffs.follow)
    list = awaited(Handoffs.list)


class AsyncDirectory(Door):
    """`agent.directory`, awaited; see `Directory`."""

    register = awaited(Directory.register)
    heartbeat = awaited(Directory.heartbeat)
    get = awaited(Directory.get)
    remove = awaited(Directory.remove)
    list = awaited(Directory.list)


class AsyncKnowledgeGraph(Door):
    """`agent.graph`, awaited; see `KnowledgeGraph`."""

    add = awaited(KnowledgeGraph.add)
    link = awaited(KnowledgeGraph.link)
    link_many = awaited(KnowledgeGraph.link_many)
    unlink = awaited(KnowledgeGraph.unlink)
    merge = awaited(KnowledgeGraph.merge)
    split = awaited(KnowledgeGraph.split)
    remove = awaited(KnowledgeGraph.remove)
    define = awaited(KnowledgeGraph.define)
    types = awaited(KnowledgeGraph.types)
    extract = awaited(KnowledgeGraph.extract)
    get = awaited(KnowledgeGraph.get)
    edges = awaited(KnowledgeGraph.edges)
    neighbors = awaited(KnowledgeGraph.neighbors)
    traverse = awaited(KnowledgeGraph.traverse)
    path = awaited(KnowledgeGraph.path)
    subgraph = awaited(KnowledgeGraph.subgraph)
    history = awaited(KnowledgeGraph.history)
    mentions = awaited(KnowledgeGraph.mentions)
    mentioned = awaited(KnowledgeGraph.mentioned)
    list = awaited(KnowledgeGraph.list)


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

    @property
    def graph(self) -> AsyncKnowledgeGraph:
        """Entities and what connects them, awaited."""
        return AsyncKnowledgeGraph(self.sync.graph)

    @property
    def events(self) -> AsyncEvents:
        """Every change in one order, awaited."""
        return AsyncEvents(self.sync.events)

    @property
    def tasks(self) -> AsyncTasks:
        """Work that is claimed by one, awaited."""
        return AsyncTasks(self.sync.tasks)

    @property
    def facts(self) -> AsyncFacts:
        """The state that the team shares, awaited."""
        return AsyncFacts(self.sync.facts)

    @property
    def alerts(self) -> AsyncAlerts:
        """Messages to named agents or groups, awaited."""
        return AsyncAlerts(self.sync.alerts)

    @property
    def decisions(self) -> AsyncDecisions:
        """What was decided, awaited."""
        return AsyncDecisions(self.sync.decisions)

    @property
    def learnings(self) -> AsyncLearnings:
        """What came of doing something, awaited."""
        return AsyncLearnings(self.sync.learnings)

    @property
    def handoffs(self) -> AsyncHandoffs:
        """What was handed over, awaited."""
        return AsyncHandoffs(self.sync.handoffs)

    @property
    def directory(self) -> AsyncDirectory:
        """Which agents have registered, awaited."""
        return AsyncDirectory(self.sync.directory)

    handoff = awaited(Agent.handoff)
    escalate = awaited(Agent.escalate)
    who_knows = awaited(Agent.who_knows)
    ask = awaited(Agent.ask)

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
    metrics = awaited(TeamMemory.metrics)
    reindex = awaited(TeamMemory.reindex)
