"""Values that are read again and again are made again quickly."""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol

from transactive.records import Typed

AT_HAND = 1 << 25
WORTH = 2048
"""Bytes from which on a value is worth it."""


class Loader:
    """Loads what a serialiser has written; a value that is loaded for the third time is copied by pickle.

    An unchanged channel has one value in every checkpoint, which a history reads as often as there are steps; copying
    fifty messages by pickle takes a quarter of the time. What is pickled never leaves the process, and is what the
    serialiser itself has made of the bytes: nothing that it refuses comes in.
    """

    def __init__(self, serde: SerializerProtocol) -> None:
        self.serde = serde
        self._held: OrderedDict[Typed, bytes | None] = OrderedDict()
        self._size = 0
        self._guard = threading.Lock()

    def load(self, value: Typed) -> Any:
        """A value of the caller's own."""
        if len(value[1]) < WORTH:
            return self.serde.loads_typed(value)
        with self._guard:
            again = value in self._held
            copy = self._held.get(value)
        if copy is not None:
            return pickle.loads(copy)
        loaded = self.serde.loads_typed(value)
        self._hold(value, _copied(loaded) if again else None)
        return loaded

    def _hold(self, value: Typed, copy: bytes | None) -> None:
        with self._guard:
            self._size += _size(value, copy) - (_size(value, self._held[value]) if value in self._held else 0)
            self._held[value] = copy
            self._held.move_to_end(value)
            while self._size > AT_HAND:
                self._size -= _size(*self._held.popitem(last=False))


def _size(value: Typed, copy: bytes | None) -> int:
    return len(value[1]) + (0 if copy is None else len(copy))


def _copied(loaded: object) -> bytes | None:
    try:
        return pickle.dumps(loaded, pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001  # whatever a value's own methods raise: it is then loaded anew each time
        return None
