"""The folders of an embedded index: numbered generations, and a pointer to the one that counts.

    index/CURRENT          {"generation": "g-000002", "signature": {…}}, replaced by an atomic rename
    index/g-000002/        the shard in use
    index/g-000003/        a copy that a builder works on, or a rebuild that is not finished; nobody reads it

A crash at any moment leaves CURRENT naming a whole generation, or (before the first) no CURRENT.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from transactive.index.lock import FileLock

_PREFIX = "g-"


class Current(NamedTuple):
    """What CURRENT says."""

    folder: Path
    signature: dict[str, Any]


class Generations:
    """The generations in one index folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def current(self) -> Current | None:
        """The generation in use; None when there is none or the pointer is unreadable."""
        try:
            said = json.loads((self.folder / "CURRENT").read_text(encoding="utf-8"))
            found = Current(self.folder / str(said["generation"]), dict(said["signature"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if found.folder in self._all() and found.folder.is_dir() else None

    def fresh(self) -> Path:
        """A path for the next generation; nothing is created."""
        taken = [int(path.name.removeprefix(_PREFIX).partition(".")[0]) for path in self._all()]
        return self.folder / f"{_PREFIX}{max(taken, default=0) + 1:06d}"

    def switch(self, folder: Path, signature: dict[str, Any]) -> None:
        """Make a generation the current one: atomic, and on disk when this returns."""
        draft = self.folder / "CURRENT.new"
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"generation": folder.name, "signature": signature}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / "CURRENT")
        _sync_folder(self.folder)

    def sweep(self, keep: Collection[str]) -> None:
        """Delete every generation but those named in `keep` and those that a builder still holds."""
        for path in self._all():
            if path.name in keep or path.suffix == ".lock":
                continue
            lock = FileLock(builder_lock(path))
            if lock.acquire():
                shutil.rmtree(path, ignore_errors=True)
                lock.release(delete=True)

    def _all(self) -> list[Path]:
        return [p for p in self.folder.glob(_PREFIX + "*") if p.name.removeprefix(_PREFIX).partition(".")[0].isdigit()]


def write_mark(generation: Path, event: int) -> None:
    """Note how far a generation has come, by an atomic rename; older or absent is harmless, newer would not be."""
    draft = generation / "SETTLED.new"
    draft.write_text(str(event), encoding="ascii")
    draft.replace(generation / "SETTLED")


def read_mark(generation: Path) -> int | None:
    """How far a generation has come; None when that is not known."""
    try:
        return int((generation / "SETTLED").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def builder_lock(generation: Path) -> Path:
    """The lock file that a builder holds while it works on a generation."""
    return generation.with_name(generation.name + ".lock")


def copy_generation(source: Path, target: Path) -> None:
    """Copy a flushed shard; file by file a reflink where the file system has them."""
    shutil.copytree(source, target, copy_function=_copy_file)


def _copy_file(source: str, target: str) -> str:
    if not _cloned(source, target):
        shutil.copyfile(source, target)
    return target


def _cloned(source: str, target: str) -> bool:
    try:
        import fcntl

        clone = 0x40049409  # FICLONE of linux/fs.h
        with open(source, "rb") as original, open(target, "wb") as copy:
            fcntl.ioctl(copy.fileno(), clone, original.fileno())
    except (ImportError, OSError):
        return False
    return True


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError, AttributeError):  # Windows cannot open a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
