"""maintain, reindex and the background thread: what keeps a store in shape while nobody waits."""

from __future__ import annotations

import logging
import threading

from transactive.embedding.resolve import EmbedderLike, resolve
from transactive.errors import IndexUnavailable, InvalidInput, StoreClosed, TransactiveError
from transactive.index.edge import EdgeIndex
from transactive.index.protocol import Index
from transactive.ledger import events, memories
from transactive.paths.forget import Forgetting
from transactive.paths.opening import start_rebuild
from transactive.paths.settle import Settling
from transactive.progress import ProgressLike, reporter
from transactive.records import Maintenance
from transactive.store import Encoders, Store

log = logging.getLogger("transactive")

_STEP = 1000
_WAIT = 0.05
POLL_SECONDS = 0.25


class Maintaining:
    """Settles, expires, builds and rebuilds."""

    def __init__(self, store: Store, settling: Settling, forgetting: Forgetting) -> None:
        self._store = store
        self._settling = settling
        self._forgetting = forgetting
        self._guard = threading.RLock()
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

    def _caught_up(self, index: Index) -> bool:
        """Bring in what the index lacks; False when it does not say how far it has come, or says too much."""
        marked = index.marked()
        with self._store.ledger.read() as connection:
            last = events.read(connection).last_event
        if marked is None or marked > last:
            return False
        self._settling.replay(index, marked)
        self._settling.settle()
        return True

    def _complete(self, index: object) -> bool:
        assert isinstance(index, EdgeIndex)
        index.check()
        with self._store.ledger.read() as connection:
            return memories.total(connection) == index.count()

    def maintain(self, *, build: bool | None = None) -> Maintenance:
        """One round: settle, expire, flush and build.

        `build`: True builds whatever is unindexed and waits for it, False never builds, None builds (and waits) when
        there is enough to be worth it.
        """
        self._store.check()
        settled = self._settling.settle()
        expired = self.expire()
        self._settling.tidy(now=True)
        index = self._store.index
        built = False
        if isinstance(index, EdgeIndex):
            enough = self._store.settings.build_at if build is None else 1
            if build is not False and (index.building or index.unindexed() >= enough):
                built = self._built(index)
        unindexed = 0 if index is None else index.unindexed()
        return Maintenance(settled=settled, expired=expired, built=built, unindexed=unindexed)

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

    def expire(self) -> int:
        """Forget memories whose time is over, in the index too; they are answered to nobody already."""
        done = 0
        while self._store.expiring:
            with self._store.ledger.read() as connection:
                over = memories.expired(connection, self._store.clock(), _STEP)
            if not over:
                break
            done += self._forgetting.expired([row.uid for row in over])
        return done

    def poll(self) -> None:
        """What the background thread does four times a second."""
        index = self._store.index
        self._settling.settle()
        self._settling.tidy()
        if not isinstance(index, EdgeIndex):
            return
        with self._guard:
            if index.building:
                self._take(index)
            elif index.unindexed() >= self._left + self._store.settings.build_at:
                index.start_build()

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
