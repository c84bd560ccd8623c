"""The three things that can be plugged in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from transactive.records import Extracted, Found, Memory

Scorer: TypeAlias = Callable[[str], float]
"""From a memory's text to its importance, in [0, 1]."""

Summarizer: TypeAlias = Callable[[Sequence[Memory]], str]
"""From memories, oldest first, to a text that stands for them."""


GraphExtractor: TypeAlias = Callable[[str], Sequence[Found]]
"""From a memory's text to the entities and connections that it states."""


class Extractor(Protocol):
    """Finds in a conversation what is worth keeping by itself."""

    def __call__(self, turns: Sequence[Memory], /) -> Sequence[Extracted]:
        """What these turns, oldest first, say: facts, preferences, skills and attributes; none when nothing."""
        ...
