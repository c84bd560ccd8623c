"""The text of chosen fields of a JSON value, by paths such as `title`, `body.text`, `items[*].note` and `$`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from transactive.errors import InvalidInput

WHOLE = "$"
_STEP = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<place>\*|-?\d{1,9})\]")


def steps(path: str) -> tuple[str | int | None, ...]:
    """A path taken apart: keys, places in lists (negative ones from the end), and None for every place."""
    if not isinstance(path, str):
        raise InvalidInput(f"a field path is a string such as items[*].note, not {type(path).__name__}")
    if path == WHOLE:
        return ()
    found: list[str | int | None] = []
    end = 0
    for step in _STEP.finditer(path):
        between = path[end : step.start()]
        joined = between == ("." if found and step["key"] is not None else "")
        if not joined:
            break
        place = step["place"]
        found.append(step["key"] if place is None else None if place == "*" else int(place))
        end = step.end()
    if not found or end != len(path):
        raise InvalidInput(f"the field path {path!r:.80} is malformed; write it like title, body.text or items[*].note")
    return tuple(found)


def text_of(value: Any, paths: Iterable[Sequence[str | int | None]]) -> str:
    """The strings and numbers at these paths and below, a line each, without repetition."""
    lines = (line for path in paths for found in _at(value, path) for line in _texts(found))
    return "\n".join(dict.fromkeys(lines))


def _at(value: Any, path: Sequence[str | int | None]) -> Iterator[Any]:
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if isinstance(value, Mapping) and step in value:
            yield from _at(value[step], rest)
    elif isinstance(value, list):
        if step is None:
            for inner in value:
                yield from _at(inner, rest)
        elif -len(value) <= step < len(value):
            yield from _at(value[step], rest)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        if value.strip():
            yield value
    elif value is not None and not isinstance(value, bool):
        yield repr(value)
