"""The embedded index: a Qdrant Edge shard, its generations, and HNSW builds that nobody waits for."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transactive.embedding.protocol import Vectors
from transactive.errors import IndexUnavailable
from transactive.filters import ALL, Expression
from transactive.index.build import Build
from transactive.index.generations import Generations, builder_lock, copy_generation, read_mark, write_mark
from transactive.index.protocol import Candidates, Declared, Point, Search
from transactive.index.shard import Shard

_REPLAYED = 200  # points: a last batch this small is replayed while writers wait


class EdgeIndex:
    """The current generation, behind one lock for writers; readers take none.

    `signature` is what the stored points depend on (model, language, declared fields …); `open` refuses another one.
    """

    id = "edge"

    def __init__(self, generations: Generations, shard: Shard, signature: dict[str, Any], declared: Declared) -> None:
        self._generations = generations
        self._shard = shard
        self._signature = signature
        self._declared = declared
        self._lock = threading.RLock()
        self._build: Build | None = None
        self._touched: set[str] = set()
        self._closed = False

    @classmethod
    def open(
        cls, folder: Path, signature: dict[str, Any], declared: Declared, *, unfinished: str | None = None
    ) -> EdgeIndex | None:
        """The index in a folder; None when it is absent, damaged or made with another signature: rebuild it.

        Generations that nobody uses are deleted, but for `unfinished`, which a rebuild will go on with.
        """
        generations = Generations(folder)
        current = generations.current()
        generations.sweep([name for name in (current and current.folder.name, unfinished) if name])
        if current is None or current.signature != signature:
            return None
        return cls._loaded(generations, current.folder, signature, declared)

    @classmethod
    def resume(cls, folder: Path, generation: str, signature: dict[str, Any], declared: Declared) -> EdgeIndex | None:
        """An unfinished generation, to go on filling it; None when it cannot be used."""
        generations = Generations(folder)
        return cls._loaded(generations, folder / generation, signature, declared)

    @classmethod
    def _loaded(
        cls, generations: Generations, folder: Path, signature: dict[str, Any], declared: Declared
    ) -> EdgeIndex | None:
        try:
            return cls(generations, Shard.load(folder, declared), signature, declared)
        except IndexUnavailable:
            return None

    @classmethod
    def create(cls, folder: Path, signature: dict[str, Any], declared: Declared) -> EdgeIndex:
        """An empty index in a generation that nobody reads until `publish`."""
        generations = Generations(folder)
        shard = Shard.create(generations.fresh(), int(signature["dimensions"]), declared)
        return cls(generations, shard, signature, declared)

    @property
    def generation(self) -> str:
        """The name of the folder in use."""
        return self._shard.folder.name

    def publish(self) -> None:
        """Make this index's generation the current one, and delete the others."""
        with self._lock:
            self._shard.flush()
            self._generations.switch(self._shard.folder, self._signature)
            self._generations.sweep([self.generation])

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace."""
        with self._lock:
            self._reader().upsert(points)
            self._note(point.uid for point in points)

    def delete(self, uids: Sequence[str]) -> None:
        """Delete; absent ones are ignored."""
        with self._lock:
            self._reader().delete(uids)
            self._note(uids)

    def _note(self, uids: Any) -> None:
        if self._build is not None:
            self._touched.update(uids)

    def candidates(self, search: Search) -> list[Candidates]:
        """Every channel in one call."""
        return self._reader().candidates(search)

    def nearest(self, vectors: Sequence[Vectors], where: Expression, limit: int) -> list[list[tuple[str, float]]]:
        """By the dense vectors of the own texts."""
        return self._reader().nearest(vectors, where, limit)

    def vectors(self, uids: Sequence[str]) -> dict[str, Vectors]:
        """The dense vectors of these points."""
        return self._reader().vectors(uids)

    def count(self, where: Expression = ALL) -> int:
        """How many points fulfil the expression."""
        return self._reader().count(where)

    def facets(self, field: str, where: Expression = ALL, limit: int = 100) -> dict[str, int]:
        """Counted by the values of a keyword field."""
        return self._reader().facets(field, where, limit)

    def flush(self) -> None:
        """Everything on disk."""
        with self._lock:
            self._reader().flush()

    def check(self) -> None:
        """`IndexUnavailable` when points lack vectors; ask after what a crash left open was brought in."""
        self._reader().check()

    def mark(self, event: int) -> None:
        """Note that every event up to this one was in the points at the last `flush`."""
        with self._lock:
            try:
                write_mark(self._reader().folder, event)
            except OSError as error:
                raise IndexUnavailable(f"the index cannot note how far it has come: {error}") from error

    def marked(self) -> int | None:
        """What was noted last in this generation."""
        return read_mark(self._reader().folder)

    def unindexed(self) -> int:
        """Points that similarity search scans one by one."""
        return self._reader().unindexed()

    def clear(self) -> None:
        """Delete every point, by an empty generation: nothing of them stays in the files."""
        with self._lock:
            self._reader()
            self.stop_build()
            dimensions = int(self._signature["dimensions"])
            self._shard = Shard.create(self._generations.fresh(), dimensions, self._declared)
            self.publish()

    def close(self) -> None:
        """Stop a build, flush and release the files; harmless when closed already."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self.stop_build()
                self._shard.flush()
                self._shard.close()

    def _reader(self) -> Shard:
        if self._closed:
            raise IndexUnavailable("the index is closed")
        return self._shard

    # --- builds ---------------------------------------------------------------------------------------------------

    @property
    def building(self) -> bool:
        """Whether a build was started and its result not yet taken."""
        return self._build is not None

    def start_build(self) -> None:
        """Copy the shard and let a child process build its graph. Writers wait for the copy, readers for nothing."""
        with self._lock:
            if self._build is None:
                self._shard.flush()
                target = self._generations.fresh()
                try:
                    copy_generation(self._shard.folder, target)
                    self._touched = set()
                    self._build = Build(target)
                except (OSError, shutil.Error) as error:
                    shutil.rmtree(target, ignore_errors=True)
                    raise IndexUnavailable(f"no index build could be started: {error}") from error

    def wait_build(self, timeout: float) -> bool:
        """Wait for the child, at most `timeout` seconds; whether there is a result to take."""
        build = self._build
        return build is not None and build.wait(timeout)

    def take_build(self) -> bool:
        """Put the result of an ended build in the place of the current generation; False when there is none yet.

        Raises `IndexUnavailable` when the builder failed; the current generation then stays.
        """
        build = self._build
        if build is None or build.running:
            return False
        failure = build.outcome()
        if failure is not None:
            self._drop_build(build)
            raise IndexUnavailable(f"the index build failed ({failure}); searches go on without it")
        built = Shard.load(build.folder, self._declared)
        while len(self._touched) > _REPLAYED:
            self._replay(built)
        with self._lock:
            if self._closed or self._build is not build:
                return False
            self._replay(built)
            built.flush()
            self._shard, self._build = built, None  # a reader in the middle of a call keeps the old one until it ends
            self._generations.switch(built.folder, self._signature)
            self._generations.sweep([built.folder.name])
        return True

    def stop_build(self) -> None:
        """End a running build and delete what it worked on."""
        with self._lock:
            if self._build is not None:
                self._build.stop()
                self._drop_build(self._build)

    def _drop_build(self, build: Build) -> None:
        with self._lock:
            self._build = None
            self._touched = set()
            builder_lock(build.folder).unlink(missing_ok=True)
            shutil.rmtree(build.folder, ignore_errors=True)

    def _replay(self, built: Shard) -> None:
        """Bring what was written since the copy into the built shard."""
        with self._lock:
            touched, self._touched = self._touched, set()
        uids = sorted(touched)
        for start in range(0, len(uids), _REPLAYED):
            some = uids[start : start + _REPLAYED]
            points = self._shard.copied(some)
            held = {str(point.id) for point in points}
            built.delete([uid for uid in some if uid not in held])
            built.put(points)
