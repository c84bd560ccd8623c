"""`agent.events`: the verbs, for one identity."""

from __future__ import annotations

import builtins
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from transactive.errors import StoreClosed
from transactive.records import ConsumerInfo, Event, Sensitivity
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.coordination.feed import Asked, Feed

T = TypeVar("T")

POLL_SECONDS = 0.25
"""How often a follower looks whether another process has written; what this process writes wakes it at once."""


class Events:
    """Every change in one order: durable, without gaps, replayable, and followed as it happens.

    An event names what changed by its id and never holds its text. An agent gets those of what it may read (of alerts
    and handoffs, its own): decided when they are read, by the grants of then. Documents that are not indexed,
    checkpoints, caches and accesses are not among them.
    """

    def __init__(self, feed: Feed, identity: Identity) -> None:
        self._feed = feed
        self._identity = identity

    def emit(
        self,
        type: str,
        data: Any = None,
        *,
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Event:
        """Say that something happened, by default in the shared namespace; needs the right `write` there.

        Args:
            type: A dotted name such as `"deploy.finished"`; those that the store uses itself are reserved.
            data: Whatever JSON holds, up to 64 KiB.
            namespace: Where.
            user: About whom.
            sensitivity: By default `internal`.
        """
        return self._feed.emit(self._identity, type, data, namespace=namespace, user=user, sensitivity=sensitivity)

    def follow(
        self,
        *,
        after: str | None = None,
        namespaces: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
        idle: timedelta | str | None = None,
    ) -> Follower[Event]:
        """Events in order as they happen, for ever, or until none has come for `idle`: `for event in …follow():`.

        Args:
            after: The `cursor` of the last event that is known; None begins with the first that is kept, `"now"` with
                the next.
            namespaces: Patterns to stay within.
            types: Such as `"task.complete"`, or `"task.*"` for all of tasks.
            idle: How long to wait for the next one before the iteration ends.

        The iteration ends too when the store is closed, or the follower: `follower.close()`.

        Raises:
            EventsExpired: what follows that cursor was deleted by retention.
            InvalidInput: the cursor is of another store, or a pattern is wrong.
        """
        asked = self._feed.asked(self._identity, namespaces, types)
        return Follower(self._feed, asked, self._feed.position(after), idle, _as_they_are)

    def list(
        self,
        *,
        after: str | None = None,
        namespaces: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
        limit: int = 1000,
    ) -> Sequence[Event]:
        """At most `limit` of them that are there already, oldest first; see `follow`."""
        return self._feed.some(self._feed.asked(self._identity, namespaces, types), after, limit)

    def cursor(self) -> str:
        """The cursor of now: behind everything that has happened."""
        return self._feed.now()

    def consumer(
        self,
        name: str,
        *,
        namespaces: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
        after: str | None = None,
    ) -> Consumer:
        """A follower whose place is kept in the store under a name: it goes on where it has acknowledged, whoever asks.

        `after` is where it begins when there is none of that name yet. Each event is delivered at least once: after a
        crash, those that were not acknowledged come again.
        """
        asked = self._feed.asked(self._identity, namespaces, types)
        self._feed.begin(self._identity, name, after)
        return Consumer(self._feed, self._identity, name, asked)

    def consumers(self) -> builtins.list[ConsumerInfo]:
        """This agent's named consumers; for the owner, everybody's."""
        return self._feed.consumers(self._identity)

    def remove_consumer(self, name: str) -> bool:
        """Forget a named consumer; whether there was one."""
        return self._feed.remove_consumer(self._identity, name)

    def trim(self, *, older_than: timedelta | str, unread: bool = False) -> int:
        """Delete the events that are older; only the owner may. Returns how many it was.

        What a named consumer has not acknowledged stays, unless `unread`; so does what an index has still to learn.
        Only a beginning of the sequence is ever cut off, and who asks for what is gone gets `EventsExpired`.
        """
        return self._feed.trim(self._identity, older_than, unread=unread)

    def retain(self, older_than: timedelta | str | None) -> None:
        """Have upkeep `trim` events from now on; None keeps all, as it is at first. Only the owner may."""
        self._feed.retain(self._identity, older_than)


Numbered = builtins.list[tuple[int, Event]]


def _as_they_are(events: Numbered) -> Numbered:
    return events


class Follower(Iterator[T], Generic[T]):
    """An iterator over what happens, as it happens; made by `events.follow`. Not for several threads at once."""

    def __init__(
        self,
        feed: Feed,
        asked: Asked,
        position: int,
        idle: timedelta | str | None,
        shaped: Callable[[Numbered], builtins.list[tuple[int, T]]],
    ) -> None:
        self._feed = feed
        self._asked = asked
        self._position = position
        self._idle = feed.seconds(idle)
        self._shaped = shaped
        self._waiting: deque[tuple[int, T]] = deque()
        self._wake = threading.Event()
        self._looking = threading.Lock()
        self._closed = False
        self._hearing = ExitStack()
        self._hearing.enter_context(feed.heard(self._wake.set))

    @property
    def cursor(self) -> str:
        """The place behind the last one that it gave; `follow(after=…)` goes on there."""
        return self._feed.cursor_at(self._position)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        since = time.monotonic()
        while not self.pull():
            if self.over(since):
                self.close()
                raise StopIteration
            self._wake.wait(self.pause)
            self._wake.clear()
        return self.take()

    @property
    def pause(self) -> float:
        """How many seconds to wait, unless woken, before looking again."""
        return POLL_SECONDS if self._idle is None else min(POLL_SECONDS, self._idle)

    def over(self, since: float) -> bool:
        """Whether it has ended, or has waited long enough since a time of the monotonic clock."""
        return self._closed or self._feed.closed or (self._idle is not None and time.monotonic() - since >= self._idle)

    def pull(self) -> bool:
        """Whether one can be taken; looks for more when none is at hand."""
        with self._looking:  # a wait that was cancelled leaves its look to end beside the next one
            more = True
            while more and not self._waiting and not self._closed:
                more = self._look()
            return bool(self._waiting) and not self._closed

    def _look(self) -> bool:
        """Read one page; whether there may be another one."""
        try:
            found, reached = self._feed.page(self._asked, self._position)
            self._waiting.extend(self._shaped(found))
        except StoreClosed:
            self._closed = True
            return False
        if not self._waiting:
            self._position = found[-1][0] if found else reached
        return bool(found)

    def take(self) -> T:
        """The next one that is at hand."""
        self._position, item = self._waiting.popleft()
        return item

    def heard(self, wake: Callable[[], None]) -> None:
        """Have a function called at each commit in this process, until it is closed."""
        self._hearing.enter_context(self._feed.heard(wake))

    def close(self) -> None:
        """End it: whoever waits in it stops waiting."""
        self._closed = True
        self._wake.set()
        self._hearing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Consumer:
    """A named place in the sequence of events; made by `events.consumer`.

    `for event in consumer:` follows from behind what was acknowledged.
    """

    def __init__(self, feed: Feed, identity: Identity, name: str, asked: Asked) -> None:
        self._feed = feed
        self._identity = identity
        self._asked = asked
        self.name = name

    @property
    def cursor(self) -> str:
        """The place behind what was acknowledged."""
        return self._feed.cursor_at(self._feed.acknowledged(self._identity, self.name))

    def follow(self, *, idle: timedelta | str | None = None) -> Follower[Event]:
        """What was not acknowledged yet, and then what happens; ends when none has come for `idle`."""
        position = self._feed.acknowledged(self._identity, self.name)
        return Follower(self._feed, self._asked, position, idle, _as_they_are)

    def __iter__(self) -> Follower[Event]:
        return self.follow()

    def list(self, limit: int = 1000) -> Sequence[Event]:
        """At most `limit` of what was not acknowledged yet."""
        return self._feed.some(self._asked, self.cursor, limit)

    def acknowledge(self, event: Event | str) -> None:
        """Note that this event, or the one of this cursor, and all before it are done with; they do not come again."""
        cursor = event.cursor if isinstance(event, Event) else event
        self._feed.acknowledge(self._identity, self.name, cursor)
