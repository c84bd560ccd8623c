"""`agent.checkpoints`: the verbs, for one identity."""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from transactive.errors import InvalidInput
from transactive.records import Checkpoint, CheckpointWrite, Typed, Version
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.checkpoints.keeping import Archive

MAX_NAME = 512
_UNHELD = re.compile("[\x00\ud800-\udfff]")
_UNKNOWN = datetime.fromtimestamp(0, UTC)


class Checkpoints:
    """The state of running programs, such as LangGraph's threads, under the grants of memories.

    Serialised values come in and go out as they are; what a format is, and whether it is encrypted, is the caller's
    affair. A value is stored once for each version of its channel, and stretches that versions have in common are
    stored once. A thread is named by namespace, name and user: a handle bound to a user sees the threads of that user,
    an unbound one those of no user. By default the namespace is the agent's private one.
    """

    def __init__(self, archive: Archive, identity: Identity) -> None:
        self._archive = archive
        self._identity = identity

    def put(
        self,
        thread: str,
        id: str,
        *,
        body: Typed,
        metadata: Typed,
        versions: Mapping[str, Version],
        values: Mapping[str, Typed],
        parent: str | None = None,
        space: str = "",
        run: str | None = None,
        deltas: Sequence[str] = (),
        namespace: str | None = None,
    ) -> None:
        """Store a checkpoint; one of the same id is replaced. Needs the right `write`.

        Args:
            thread: Whose state it is.
            id: Sorts by time; at most 512 characters, as every name here.
            body: The state without the values of its channels.
            metadata: What is known about it.
            versions: The version that each channel has.
            values: The values of the channels that changed. What else has the version that it had at the parent (or,
                without one, at the latest checkpoint) has the value that it had there.
            parent: The id of the checkpoint that it continues.
            space: The program within the thread's, if it is not the outermost one.
            run: The run that made it.
            deltas: Channels whose value follows from the writes since an earlier checkpoint: `prune` and `delete_runs`
                keep what they follow from.
            namespace: Where the thread is.
        """
        checkpoint = Checkpoint(
            namespace=self._place(namespace),
            thread=_name(thread, "a thread"),
            space=_name(space, "a space", empty=True),
            id=_name(id, "a checkpoint's id"),
            parent=_optional(parent, "a parent's id"),
            body=_typed(body),
            metadata=_typed(metadata),
            versions=_versions(versions),
            values=_values(values),
            writes=(),
            run=_optional(run, "a run"),
            deltas=tuple(_names(deltas, "deltas")),
            agent=self._identity.agent,
            created_at=_UNKNOWN,
        )
        self._archive.put(self._identity, checkpoint)

    def put_writes(
        self, thread: str, id: str, writes: Iterable[CheckpointWrite], *, space: str = "", namespace: str | None = None
    ) -> None:
        """Store what tasks wrote after a checkpoint: by task and index, the first stays; below 0, the last."""
        place = self._place(namespace), _name(thread, "a thread")
        if not isinstance(writes, Iterable):
            raise InvalidInput("writes are a list of CheckpointWrite records")
        checked = [_write(write) for write in writes]
        self._archive.put_writes(
            self._identity, place, _name(space, "a space", empty=True), _name(id, "a checkpoint's id"), checked
        )

    def get(
        self, thread: str, id: str | None = None, *, space: str = "", namespace: str | None = None
    ) -> Checkpoint | None:
        """A checkpoint with its values and writes, by default the latest; None when there is none."""
        place = self._place(namespace), _name(thread, "a thread")
        return self._archive.get(
            self._identity, place, _name(space, "a space", empty=True), _optional(id, "a checkpoint's id")
        )

    def list(
        self,
        thread: str | None = None,
        *,
        space: str | None = None,
        id: str | None = None,
        before: str | None = None,
        limit: int | None = None,
        keep: Callable[[Checkpoint], bool] | None = None,
        namespace: str | None = None,
    ) -> builtins.list[Checkpoint]:
        """Checkpoints, latest first, of one thread or of all in the namespace.

        `before` is an id; `keep` is given each without values and writes, and decides before the limit.
        """
        return self._archive.listed(
            self._identity,
            self._place(namespace),
            _optional(thread, "a thread"),
            space=_optional(space, "a space", empty=True),
            id=_optional(id, "a checkpoint's id"),
            before=_optional(before, "a checkpoint's id"),
            limit=limit if limit is None else _count(limit),
            keep=keep,
        )

    def history(
        self,
        thread: str,
        id: str | None = None,
        *,
        channels: Sequence[str],
        space: str = "",
        namespace: str | None = None,
    ) -> Sequence[Checkpoint]:
        """The ancestors of a checkpoint, its parent first, as far as any of these channels has no value yet.

        Each comes with the values and writes of those channels alone that had none in a later one.
        """
        return self._archive.history(
            self._identity,
            (self._place(namespace), _name(thread, "a thread")),
            _name(space, "a space", empty=True),
            _optional(id, "a checkpoint's id"),
            _names(channels, "channels"),
        )

    def threads(self, *, namespace: str | None = None) -> Sequence[str]:
        """The names of the threads, sorted."""
        return self._archive.threads(self._identity, self._place(namespace))

    def delete(self, thread: str, *, namespace: str | None = None) -> bool:
        """Delete a thread for good; whether there was one."""
        return self._archive.delete(self._identity, (self._place(namespace), _name(thread, "a thread")))

    def delete_runs(self, runs: Sequence[str], *, namespace: str | None = None) -> int:
        """Delete the checkpoints that these runs made; returns how many it was.

        A checkpoint from which a delta channel of another one follows stays.
        """
        return self._archive.delete_runs(self._identity, self._place(namespace), _names(runs, "runs"))

    def copy(self, source: str, target: str, *, namespace: str | None = None) -> None:
        """Copy a thread whole; what the target has under the same ids is replaced. `NotFound` without a source."""
        place = self._place(namespace)
        self._archive.copy(self._identity, (place, _name(source, "a thread")), (place, _name(target, "a thread")))

    def prune(self, threads: Sequence[str], *, latest: bool = True, namespace: str | None = None) -> int:
        """Delete every checkpoint of these threads but the latest of each space; with `latest=False` that one too.

        What the delta channels of a latest one follow from stays. Returns how many went.
        """
        place = self._place(namespace)
        places = [(place, thread) for thread in _names(threads, "threads")]
        return self._archive.prune(self._identity, places, latest=latest)

    def _place(self, namespace: str | None) -> str:
        return self._identity.private if namespace is None else namespace


def _name(value: object, what: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or (not value and not empty):
        raise InvalidInput(f"{what} is a {'' if empty else 'non-empty '}string, not {value!r:.60}")
    if len(value) > MAX_NAME:
        raise InvalidInput(f"{what} has at most {MAX_NAME} characters, this one has {len(value)}")
    if _UNHELD.search(value):
        raise InvalidInput(f"{what} holds a NUL character or a lone surrogate")
    return str.__str__(value)


def _optional(value: object, what: str, *, empty: bool = False) -> str | None:
    return None if value is None else _name(value, what, empty=empty)


def _names(values: object, what: str) -> list[str]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidInput(f"{what} are a list of strings")
    return [_name(value, f"one of {what}") for value in values]


def _typed(value: object) -> Typed:
    match value:
        case (str() as kind, bytes() | bytearray() | memoryview() as data):
            return _name(kind, "a format", empty=True), bytes(data)
        case _:
            raise InvalidInput("a serialised value is a pair: the name of its format, and bytes")


def _values(values: object) -> dict[str, Typed]:
    if not isinstance(values, Mapping):
        raise InvalidInput(f"values are a dict of channels, not {type(values).__name__}")
    return {_name(channel, "a channel", empty=True): _typed(value) for channel, value in values.items()}


def _versions(versions: object) -> dict[str, Version]:
    if not isinstance(versions, Mapping):
        raise InvalidInput(f"versions are a dict of channels, not {type(versions).__name__}")
    return {_name(channel, "a channel", empty=True): _version(value) for channel, value in versions.items()}


def _version(value: object) -> Version:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _finite(value):
        raise InvalidInput(f"a version is a string or a number, not {value!r:.60}")
    return _name(value, "a version", empty=True) if isinstance(value, str) else value


def _finite(value: Version) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _count(limit: object) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidInput(f"limit is a whole number, at least 0, not {limit!r:.40}")
    return limit


def _write(write: object) -> CheckpointWrite:
    if not isinstance(write, CheckpointWrite):
        raise InvalidInput(f"a write is a CheckpointWrite, not {type(write).__name__}")
    if isinstance(write.index, bool) or not isinstance(write.index, int) or abs(write.index) >= 2**31:
        raise InvalidInput(f"the index of a write is a whole number, not {write.index!r:.60}")
    return CheckpointWrite(
        task=_name(write.task, "a task"),
        index=write.index,
        channel=_name(write.channel, "a channel", empty=True),
        value=_typed(write.value),
        path=_path(write.path),
    )


def _path(path: object) -> str:
    if not isinstance(path, str) or _UNHELD.search(path):
        raise InvalidInput("the path of a write is a string without NUL characters and lone surrogates")
    return path
