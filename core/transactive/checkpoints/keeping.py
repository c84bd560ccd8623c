"""put, get, list, copy, prune and delete: checkpoints under the grants of memories, without event or audit."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection

from transactive.errors import NotFound
from transactive.ledger import checkpoints as ledger
from transactive.ledger.rows import AnyRow, mapping
from transactive.namespaces import check_path
from transactive.paths.admission import check_may
from transactive.records import Checkpoint, CheckpointWrite, Right, Typed
from transactive.rules.access import Identity
from transactive.store import Store

AT_HAND = 1 << 25
Place = tuple[str, str]
"""Namespace and thread."""


class Values:
    """Values at hand, those used last, up to 32 MiB: one of a number is never another, in whatever process."""

    def __init__(self) -> None:
        self._held: OrderedDict[int, Typed] = OrderedDict()
        self._size = 0
        self._guard = threading.Lock()

    def of(self, connection: Connection, of: int, numbers: Mapping[str, int]) -> dict[str, Typed]:
        """The values of a thread's channels by their numbers, read where they are not at hand."""
        with self._guard:
            found = {number: self._held[number] for number in numbers.values() if number in self._held}
            for number in found:
                self._held.move_to_end(number)
        read = ledger.values(connection, of, [n for n in numbers.values() if n not in found])
        self.add(read)
        found.update(read)
        return {channel: found[number] for channel, number in numbers.items()}

    def clear(self) -> None:
        """Forget them all."""
        with self._guard:
            self._held.clear()
            self._size = 0

    def add(self, values: Mapping[int, Typed]) -> None:
        """Keep what was read or written at hand."""
        with self._guard:
            for number, value in values.items():
                if number not in self._held:
                    self._held[number] = value
                    self._size += len(value[1])
            while self._size > AT_HAND:
                self._size -= len(self._held.popitem(last=False)[1][1])


class Archive:
    """Keeps checkpoints."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._values = Values()
        store.forgetters.append(self._values.clear)

    # --- writing --------------------------------------------------------------------------------------------------

    def put(self, identity: Identity, checkpoint: Checkpoint) -> None:
        """Store a checkpoint with the values that are new; the others are those of its parent in the same version."""
        place, thread = checkpoint.namespace, checkpoint.thread
        made = replace(checkpoint, agent=identity.agent, created_at=self._store.clock())
        with self._writing(identity, place) as connection:
            of = ledger.begun(connection, place, thread, identity.user, made.created_at)
            former, again = ledger.known(connection, of, made.space, made.id, made.parent)
            numbers = {
                channel: number
                for channel, (version, number) in former.items()
                if channel not in made.values and version is not None and made.versions.get(channel) == version
            }
            added = ledger.add_values(connection, of, made.values)
            numbers.update(added)
            ledger.put(connection, of, made, numbers)
            if again:
                ledger.collect(connection, of)
        self._values.add({number: made.values[channel] for channel, number in added.items()})

    def put_writes(
        self, identity: Identity, place: Place, space: str, id: str, writes: Sequence[CheckpointWrite]
    ) -> None:
        """Store what tasks wrote after a checkpoint."""
        with self._writing(identity, place[0]) as connection:
            of = ledger.begun(connection, *place, identity.user, self._store.clock())
            ledger.add_writes(connection, of, space, id, writes)

    @contextmanager
    def _writing(self, identity: Identity, namespace: str) -> Generator[Connection, None, None]:
        self._store.check()
        check_path(namespace)
        with self._store.ledger.write() as connection:
            check_may(self._store.reach(connection, identity), "write", namespace)
            yield connection

    # --- reading --------------------------------------------------------------------------------------------------

    def get(self, identity: Identity, place: Place, space: str, id: str | None) -> Checkpoint | None:
        """One checkpoint, by default the latest; None when there is none."""
        with self._reading(identity, place[0]) as connection:
            row = ledger.named(connection, *place, identity.user, space=space, id=id)
            return None if row is None else self._whole(connection, place, row)

    def listed(
        self,
        identity: Identity,
        namespace: str,
        thread: str | None,
        *,
        space: str | None,
        id: str | None,
        before: str | None,
        limit: int | None,
        keep: Callable[[Checkpoint], bool] | None,
    ) -> list[Checkpoint]:
        """Checkpoints, latest first; `keep` sees each without its values and writes, and decides before the limit."""
        found: list[Checkpoint] = []
        with self._reading(identity, namespace) as connection:
            rows = ledger.listed(connection, namespace, identity.user, thread=thread, space=space, id=id, before=before)
            for row in rows if limit != 0 else ():
                place = namespace, row.thread
                if keep is None or keep(ledger.to_checkpoint(row, *place, {}, ())):
                    found.append(self._whole(connection, place, row))
                    if len(found) == limit:
                        break
        return found

    def history(
        self, identity: Identity, place: Place, space: str, id: str | None, channels: Sequence[str]
    ) -> list[Checkpoint]:
        """The ancestors of a checkpoint from its parent up, as far as a channel is without a value.

        Each with the values and writes of these channels alone.
        """
        found: list[Checkpoint] = []
        with self._reading(identity, place[0]) as connection:
            of = ledger.thread(connection, *place, identity.user)
            row = None if of is None else ledger.one(connection, of, space, id)
            remaining = set(channels)
            seen: set[str | None] = {None}
            while of is not None and row is not None and row.parent not in seen and remaining:
                seen.add(row.parent)
                row = ledger.one(connection, of, space, row.parent)
                if row is None:
                    break
                numbers = {channel: n for channel, n in ledger.numbers_of(row).items() if channel in remaining}
                writes = ledger.writes(connection, of, space, row.id)
                kept = tuple(write for write in writes if write.channel in remaining)
                values = self._values.of(connection, of, numbers)
                found.append(ledger.to_checkpoint(row, *place, values, kept))
                remaining -= set(numbers)
        return found

    def _whole(self, connection: Connection, place: Place, row: AnyRow) -> Checkpoint:
        values = self._values.of(connection, row.of, ledger.numbers_of(row))
        return ledger.to_checkpoint(row, *place, values, ledger.writes(connection, row.of, row.space, row.id))

    def threads(self, identity: Identity, namespace: str) -> list[str]:
        """The names of the threads in a namespace."""
        with self._reading(identity, namespace) as connection:
            return ledger.names(connection, namespace, identity.user)

    @contextmanager
    def _reading(self, identity: Identity, namespace: str, right: Right = "read") -> Generator[Connection, None, None]:
        self._store.check()
        check_path(namespace)
        with self._store.ledger.snapshot() as connection:
            check_may(self._store.reach(connection, identity), right, namespace)
            yield connection

    # --- deleting and copying -------------------------------------------------------------------------------------

    def delete(self, identity: Identity, place: Place) -> bool:
        """Delete a thread; whether there was one."""
        with self._writing(identity, place[0]) as connection:
            of = ledger.thread(connection, *place, identity.user)
            if of is not None:
                ledger.remove_thread(connection, of)
                self._values.clear()
            return of is not None

    def delete_runs(self, identity: Identity, namespace: str, runs: Sequence[str]) -> int:
        """Delete the checkpoints of runs, but for those that others need; returns how many it was."""
        gone = 0
        with self._writing(identity, namespace) as connection:
            wanted = set(runs)
            for number in ledger.threads_of_runs(connection, namespace, identity.user, runs):
                rows = ledger.outline(connection, number)
                kept = _needed(rows, [row for row in rows if row.run not in wanted])
                over = [row for row in rows if row.number not in kept]
                gone += self._remove(connection, number, rows, over)
        return gone

    def prune(self, identity: Identity, places: Sequence[Place], *, latest: bool) -> int:
        """Delete all checkpoints of threads, or all but the latest of each program and what that needs."""
        gone = 0
        for place in places:
            with self._writing(identity, place[0]) as connection:
                of = ledger.thread(connection, *place, identity.user)
                rows = [] if of is None else ledger.outline(connection, of)
                if of is None or (latest and not rows):
                    continue
                heads = {row.space: row for row in reversed(rows)}.values() if latest else ()
                kept = _needed(rows, list(heads))
                gone += self._remove(connection, of, rows, [row for row in rows if row.number not in kept])
        return gone

    def _remove(self, connection: Connection, of: int, rows: Sequence[AnyRow], gone: Sequence[AnyRow]) -> int:
        self._values.clear()
        if len(gone) == len(rows):
            ledger.remove_thread(connection, of)
        elif gone:
            ledger.remove(connection, of, gone)
        return len(gone)

    def copy(self, identity: Identity, source: Place, target: Place) -> None:
        """Copy a thread whole: every checkpoint, value and write; `NotFound` when there is none."""
        with self._writing(identity, target[0]) as connection:
            check_may(self._store.latest_reach(identity), "read", source[0])
            of = ledger.thread(connection, *source, identity.user)
            if of is None:
                raise NotFound(f"there is no thread {source[1]!r:.100} in {source[0]!r}")
            to = ledger.begun(connection, *target, identity.user, self._store.clock())
            if to != of:
                ledger.copy(connection, of, to)


def _needed(rows: Sequence[AnyRow], kept: Sequence[AnyRow]) -> set[int]:
    """The numbers of what is kept, and of the ancestors from which the values of its delta channels follow."""
    by_id = {(row.space, row.id): row for row in rows}
    found = {row.number for row in kept}
    for head in kept:
        remaining = set(json.loads(head.deltas)) - set(ledger.numbers_of(head)) if head.deltas else set()
        row = by_id.get((head.space, head.parent))
        walked: set[int] = set()
        while row is not None and remaining and row.number not in walked:
            walked.add(row.number)
            found.add(row.number)
            remaining -= set(json.loads(mapping(row)["values"]))
            row = by_id.get((row.space, row.parent))
    return found
