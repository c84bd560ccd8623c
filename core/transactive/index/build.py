"""Builds the HNSW graph of a copied generation in a child process: a build holds the interpreter to its end.

    python -m transactive.index.build FOLDER            supervises: kills the work when its stdin closes
    python -m transactive.index.build FOLDER --work PID works for the supervisor PID: holds the lock, optimizes, flushes

The supervisor is a process of its own because the worker, deep in the engine, could not watch its stdin.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from transactive.index.generations import builder_lock
from transactive.index.lock import FileLock

_PR_SET_PDEATHSIG = 1


class Build:
    """A running build of one generation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "transactive.index.build", str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment()
        )

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, at most `timeout` seconds; whether it has."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def outcome(self) -> str | None:
        """None when an ended build succeeded, else what the builder said."""
        assert self._process.stderr is not None
        assert self._process.stdin is not None
        said = self._process.stderr.read().decode(errors="replace").strip()
        self._process.stderr.close()
        self._process.stdin.close()
        code = self._process.returncode
        return None if code == 0 else f"exit code {code}: {said[-500:]}"

    def stop(self) -> None:
        """End it now; the generation it worked on is worthless."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()


def _environment() -> dict[str, str]:
    """The child must find this package however the parent came by it."""
    root = str(Path(__file__).parents[2])
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys([root, *others]))}


def main(arguments: list[str]) -> int:
    """The child's entry point."""
    folder = Path(arguments[0])
    if "--work" not in arguments:
        return _supervise(folder)
    for supervisor in arguments[2:]:
        _die_with(int(supervisor))
    return _work(folder)


def _supervise(folder: Path) -> int:
    worker = subprocess.Popen(
        [sys.executable, "-m", "transactive.index.build", str(folder), "--work", str(os.getpid())],
        stdin=subprocess.DEVNULL,
    )

    def watch() -> None:
        os.read(0, 1)  # returns when the parent closes the pipe, or dies
        worker.kill()

    threading.Thread(target=watch, daemon=True).start()
    return abs(worker.wait())


def _die_with(supervisor: int) -> None:
    """Where the system can do it, end when the supervisor is killed: nobody would ever stop the work then."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it was killed before
            os.kill(os.getpid(), signal.SIGKILL)


def _work(folder: Path) -> int:
    import qdrant_edge

    lock = FileLock(builder_lock(folder))
    if not lock.acquire():
        sys.stderr.write(f"another builder works on {folder}\n")
        return 3
    if hasattr(os, "nice"):
        os.nice(10)  # those who search come first
    try:
        shard = qdrant_edge.EdgeShard.load(str(folder))
        shard.optimize()
        shard.flush()
        shard.close()
    finally:
        lock.release(delete=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
