"""Deletes expired items now and then, in a thread."""

from __future__ import annotations

import logging
import threading
import weakref
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import Protocol

from transactive.errors import InvalidInput, StoreClosed, TransactiveError

log = logging.getLogger("transactive.integrations")


class Swept(Protocol):
    """What expires."""

    def sweep_ttl(self) -> int:
        """Delete what has; returns how much it was."""
        ...


class Sweeper:
    """The thread of one store: it ends when it is told to, when the store is closed, and when nobody holds it."""

    def __init__(self, store: Swept) -> None:
        self._store = weakref.ref(store)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._future: Future[None] = Future()
        self._stop = threading.Event()

    def start(self, minutes: float) -> Future[None]:
        """Sweep every so many minutes; the future is done when the thread has ended, and cancelling it ends it."""
        if not minutes > 0:
            raise InvalidInput(f"a sweep interval is a positive number of minutes, not {minutes!r:.40}")
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                stop = self._stop = threading.Event()
                self._future = Future()
                self._future.add_done_callback(lambda _: stop.set())
                store = self._store()
                if store is not None:
                    weakref.finalize(store, stop.set)
                run = partial(_run, self._store, stop, minutes * 60.0, self._future)
                self._thread = threading.Thread(target=run, name="ttl-sweeper", daemon=True)
                self._thread.start()
            return self._future

    def stop(self, timeout: float | None = None) -> bool:
        """End the thread; False when it is still at work after `timeout` seconds."""
        with self._lock:
            thread = self._thread
        if thread is None:
            return True
        self._stop.set()
        thread.join(timeout)
        return not thread.is_alive()


def _run(store: weakref.ref[Swept], stop: threading.Event, seconds: float, future: Future[None]) -> None:
    while not stop.wait(seconds) and _swept(store()):
        pass
    with suppress(InvalidStateError):  # it was cancelled
        future.set_result(None)


def _swept(store: Swept | None) -> bool:
    """Whether there is more to come."""
    if store is None:
        return False
    try:
        store.sweep_ttl()
    except StoreClosed:
        return False
    except TransactiveError as error:  # the next round may do better
        log.warning("sweeping expired items failed: %s", error)
    return True
