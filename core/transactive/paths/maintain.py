"""maintain, reindex and the background thread: what keeps a store in shape while nobody waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from transactive.embedding.resolve import EmbedderLike, resolve
from transactive.errors import IndexUnavailable, InvalidInput, StoreClosed, TransactiveError
from transactive.index.edge import EdgeIndex
from transactive.index.protocol import Index
from transactive.ledger import events, memories
from transactive.paths import evict
from transactive.paths.erase import Erasing
from transactive.paths.forget import Forgetting
from transactive.paths.opening import start_rebuild
from transactive.paths.settle import Settling
from transactive.progress import ProgressLike, reporter
from transactive.records import Erased, Maintenance
from transactive.rules.access import Identity
from transactive.store import Encoders, Store

log = logging.getLogger("transactive")

_STEP = 10
"""Memories: a few milliseconds of work, since a reader waits for the interpreter meanwhile."""
_REST, _LONGEST_REST = 0.002, 0.05
_WAIT = 0.05
POLL_SECONDS = 0.25
ROUND_SECONDS = 60.0
"""How often the background thread expires and evicts."""
PURGE_SECONDS = 3600.0
"""How often it purges: each purge that finds something rewrites the ledger's file."""


Sweep = Callable[[Callable[[int], None]], int]
"""Deletes documents whose time is over."""


class Maintaining:
    """Settles, expires, builds and rebuilds."""

    def __init__(
        self,
        store: Store,
        settling: Settling,
        forgetting: Forgetting,
        erasing: Erasing,
        *,
        sweep: Sweep,
        also: Sequence[Callable[[], int]],
    ) -> None:
        self._store = store
        self._settling = settling
        self._forgetting = forgetting
        self._erasing = erasing
        self._sweep = sweep
        self._also = also
        self._last_round = self._last_purge = time.monotonic()
        self._guard = threading.RLock()
        self._upkeep = threading.RLock()
        """One round, or one erasure, at a time."""
        self._left = 0
        """What the last build left unindexed: too little for a graph, and no reason to build again."""

    def heal(self, progress: ProgressLike) -> None:
        """After opening: replay what is pending, and rebuild an index that is still not what the ledger says."""
        index = self._store.index
        if index is None:
            return
        try:
            complete = self._caught_up(index) and self._complete(index)
        except IndexUnavailable as error:
            log.warning("the index cannot be repaired: %s", error)
            complete = False
        if not complete:
            log.warning("the index of %s is incomplete: rebuilding it", self._store.settings.path)
            self._replace(self._store.encoders, progress)
        if self._erasing.unfinished():
            self._renew(progress)

    def _caught_up(self, index: Index) -> bool:
        """Bring in what the index lacks; False when it does not say how far it has come, says too much, or has missed
        events that retention has deleted.
        """
        marked = index.marked()
        with self._store.ledger.read() as connection:
            heads = events.read(connection)
        if marked is None or not heads.cut <= marked <= heads.last_event:
            return False
        self._settling.replay(index, marked)
        self._settling.settle()
        return True

    def _complete(self, index: object) -> bool:
        assert isinstance(index, EdgeIndex)
        index.check()
        with self._store.ledger.read() as connection:
            return memories.total(connection) == index.count()

    def maintain(self, *, build: bool | None = None, progress: ProgressLike = False) -> Maintenance:
        """One round: settle, expire, evict, purge, flush and build, in steps after each of which others have a turn.

        `build`: True builds whatever is unindexed and waits for it, False never builds, None builds (and waits) when
        there is enough to be worth it.
        """
        self._store.check()
        settled = self._settling.settle()
        self._settling.tidy(now=True)
        expired, evicted, purged = self._rounds(progress, purge=True)
        self._settling.tidy(now=True)
        index = self._store.index
        built = False
        if isinstance(index, EdgeIndex):
            enough = self._store.settings.build_at if build is None else 1
            if build is not False and (index.building or index.unindexed() >= enough):
                built = self._built(index)
        unindexed = 0 if index is None else index.unindexed()
        return Maintenance(
            settled=settled, expired=expired, evicted=evicted, purged=purged, built=built, unindexed=unindexed
        )

    def _rounds(self, progress: ProgressLike, *, purge: bool) -> tuple[int, int, int]:
        with self._upkeep:
            self._last_round = time.monotonic()
            expired = self._sweep(_pause(progress, "sweeping")) + self.expire(_pause(progress, "expiring"))
            evicted = self._outlive(evict.beyond(self._store), "evict", _pause(progress, "evicting"))
            for sweep in self._also:
                sweep()
            purged = self._erasing.purge(_pause(progress, "purging")) if purge else 0
            if purge:
                self._last_purge = time.monotonic()
        return expired, evicted, purged

    def _built(self, index: EdgeIndex) -> bool:
        with self._guard:
            index.start_build()
        while True:
            index.wait_build(_WAIT)
            with self._guard:
                if not index.building:
                    return True  # the background thread was faster
                if self._take(index):
                    return True

    def _take(self, index: EdgeIndex) -> bool:
        """Take the result of an ended build; whether it succeeded or failed, what it left is no reason for another."""
        try:
            taken = index.take_build()
        except IndexUnavailable:
            self._left = index.unindexed()
            raise
        if taken:
            self._left = index.unindexed()
        return taken

    def expire(self, pause: Callable[[int], None]) -> int:
        """Forget memories whose time is over, in the index too; they are answered to nobody already."""
        if not self._store.expiring:
            return 0
        with self._store.ledger.read() as connection:
            over = memories.expired_uids(connection, self._store.clock())
        return self._outlive(over, "expire", pause)

    def _outlive(self, uids: Sequence[str], action: str, pause: Callable[[int], None]) -> int:
        done = 0
        for start in range(0, len(uids), _STEP):
            done += self._forgetting.outlived(uids[start : start + _STEP], action)
            pause(done)
        return done

    def poll(self) -> None:
        """What the background thread does four times a second."""
        index = self._store.index
        self._settling.settle()
        self._settling.tidy()
        if time.monotonic() - self._last_round >= ROUND_SECONDS:
            self._rounds(False, purge=time.monotonic() - self._last_purge >= PURGE_SECONDS)
        if not isinstance(index, EdgeIndex):
            return
        with self._guard:
            if index.building:
                self._take(index)
            elif index.unindexed() >= self._left + self._store.settings.build_at:
                index.start_build()

    def erase(self, identity: Identity, user: str, progress: ProgressLike) -> Erased:
        """Delete all about a user: from the ledger at once, and from the index by building it anew."""
        self._store.check()
        if self._store.index is None:
            raise InvalidInput("this store was opened without an index; erase where it is owned")
        with self._upkeep:
            erased = self._erasing.erase(identity, user)
            self._renew(progress)
        return erased

    def _renew(self, progress: ProgressLike) -> None:
        """Build the index anew, so that nothing erased is left in its files, and empty the ledger's log."""
        self._replace(self._store.encoders, progress)
        self._store.ledger.scrub()
        self._erasing.finished()

    def reindex(self, embedder: EmbedderLike | None, progress: ProgressLike) -> None:
        """Embed every memory anew, with the same model or another, into an index that then replaces the old one."""
        self._store.check()
        if self._store.index is None:
            raise InvalidInput("this store was opened without an index; reindex where it is owned")
        model = self._store.encoders.embedder if embedder is None else resolve(embedder)
        self._replace(Encoders(model, self._store.encoders.sparse), progress)

    def _replace(self, encoders: Encoders, progress: ProgressLike) -> None:
        old = self._store.index
        with self._guard:
            if isinstance(old, EdgeIndex):
                old.stop_build()
            rebuild = start_rebuild(self._store.settings, self._store.ledger, encoders)
            rebuild.fill(reporter(progress, "rebuilding the index"))
            self._settling.switch(rebuild)
            self._left = 0


def _pause(progress: ProgressLike, what: str) -> Callable[[int], None]:
    """Called after each step: reports it, and rests as long as it took: others need interpreter and write lock."""
    report = reporter(progress, what)
    began = time.perf_counter()

    def pause(done: int) -> None:
        nonlocal began
        if report is not None:
            report(done, done)
        time.sleep(min(_LONGEST_REST, max(_REST, time.perf_counter() - began)))
        began = time.perf_counter()

    return pause


class Background:
    """One daemon thread that polls until it is stopped."""

    def __init__(self, maintaining: Maintaining) -> None:
        self._maintaining = maintaining
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="transactive", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                self._maintaining.poll()
            except StoreClosed:
                return
            except TransactiveError as error:
                log.warning("background work failed, and is tried again: %s", error)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
