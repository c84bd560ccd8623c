"""Kills a writing process again and again, and looks each time whether anything is lost, doubled or half-written.

    python benchmarks/crash.py [--kills 200] [--seed 1] [--keep FOLDER]

One store lives through all kills. Each round a process (`crash_writer.py`) writes to it from two threads while index
builds and swaps go on, and is ended by SIGKILL at a random moment: while it writes, opens, rebuilds a lost index,
reindexes or closes; alone, with its builder, or after its builder. Then the store is opened and compared with what was
acknowledged. A call that was open when the process died may have happened or not, but wholly.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.crash_checks import Held, Model, Sight, inspect
from transactive import TeamMemory

WRITER = Path(__file__).with_name("crash_writer.py")
AGENTS = ("ada", "bob")
MODES = {"write": 55, "reindex": 13, "rebuild": 12, "open": 9, "close": 11}
PATIENCE = 60.0
"""Seconds after which a process that says nothing, or a builder that does not end, is a fault."""


class Writer:
    """One process that writes, started ahead of its turn so that it opens the store at once when told to."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WRITER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self._phases: queue.Queue[str] = queue.Queue()
        self.said: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                return  # the kill cut it: what it told of had not begun, or was not acknowledged
            message = json.loads(line)
            self.said.append(message)
            if "phase" in message:
                self._phases.put(message["phase"])

    def order(self, order: dict[str, Any]) -> None:
        """Let it begin."""
        self.reached("ready")
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def reached(self, phase: str) -> None:
        """Wait until it says that it has come so far."""
        while self._phases.get(timeout=PATIENCE) != phase:
            pass

    def kill(self, *, group: bool = False) -> None:
        """End it by SIGKILL, with its builder or alone, and read what it had said."""
        if group:
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def builders(folder: Path) -> list[int]:
    """The processes that build an index of this store."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = (line.split(None, 1) for line in listed.splitlines())
    return [int(pid) for pid, args in lines if "transactive.index.build" in args and str(folder) in args]


@dataclass
class Tally:
    """What one mode came to."""

    kills: int = 0
    calls: int = 0
    memories: int = 0
    cut: int = 0
    """Calls that were open when the process died."""
    happened: int = 0
    """Of those, calls that had happened all the same."""
    rebuilt: int = 0
    """Opens that had to rebuild the index."""
    opened: list[float] = field(default_factory=list)
    """Seconds of each open after a kill."""


class Crashes:
    """One store, and what has been done to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.tallies = {mode: Tally() for mode in MODES}
        self.killed: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.faults: list[str] = []
        self.orphans: list[float] = []
        self.size = 0
        self._random = random.Random(seed)
        self._model = Model()
        self._round = 0
        self._spare = Writer(folder)
        self._rebuild_seconds = 0.3

    def run(self, kills: int) -> Iterator[int]:
        """Kill so many times; yields after each."""
        try:
            while self._round < kills:
                self._round += 1
                self._kill(self._random.choices(list(MODES), weights=list(MODES.values()))[0])
                yield self._round
            self._look(self._random.choice(list(MODES)), everything=True)
        finally:
            self._spare.kill(group=True)

    # --- one round ------------------------------------------------------------------------------------------------

    def _kill(self, mode: str) -> None:
        if mode == "rebuild":
            shutil.rmtree(self.folder / "index", ignore_errors=True)
        writer, self._spare = self._spare, Writer(self.folder)
        writer.order(self._order(mode))
        self._wait(writer, mode)
        how = self._random.choice(["alone", "alone", "with its builder", "after its builder"])
        if how == "after its builder":
            self._kill_builder()
        writer.kill(group=how == "with its builder")
        self.killed[how] += 1
        self._await_builders()
        self._learn(writer, mode)
        self._look(mode)

    def _order(self, mode: str) -> dict[str, Any]:
        return {
            "mode": mode,
            "seed": f"{self.seed} {self._round}",
            "round": self._round,
            "next": self._round * 100_000,
            "live": {name: self._model.some_live(name, self._random) for name in AGENTS},
            "gone": {name: self._model.some_gone(name) for name in AGENTS},
        }

    def _wait(self, writer: Writer, mode: str) -> None:
        """Let it come to the random moment."""
        phase, longest = {
            "write": ("open", 1.5),
            "reindex": ("reindexing", 1.5 * self._rebuild_seconds),
            "rebuild": ("opening", self._rebuild_seconds),
            "open": ("opening", 0.25),
            "close": ("closing", 0.25),
        }[mode]
        writer.reached(phase)
        time.sleep(self._random.uniform(0, longest))

    def _kill_builder(self) -> None:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            found = builders(self.folder)
            if found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._random.choice(found), signal.SIGKILL)
                time.sleep(self._random.uniform(0, 0.4))
                return

    def _await_builders(self) -> None:
        """Half of the time open at once, beside a builder that may still be ending; else see that it ends by itself."""
        if self._random.random() < 0.5:
            return
        start = time.monotonic()
        while builders(self.folder):
            if time.monotonic() > start + PATIENCE:
                self._fault("a builder outlived its parent")
                return
            time.sleep(0.01)
        self.orphans.append(time.monotonic() - start)

    # --- what is known, and what is there -------------------------------------------------------------------------

    def _learn(self, writer: Writer, mode: str) -> None:
        tally = self.tallies[mode]
        tally.kills += 1
        for message in writer.said:
            if "failed" in message:
                self._fault(message["failed"])
            elif "warning" in message:
                self.warnings[message["warning"].replace(str(self.folder), "…")[:110]] += 1
            elif "begin" in message:
                self._model.begin(message)
            elif "done" in message:
                tally.calls += 1
                tally.memories += self._model.done(message)

    def _look(self, mode: str, *, everything: bool = False) -> None:
        """Open the store, compare all of it, and close it."""
        alone = not builders(self.folder)
        start = time.monotonic()
        with Heard() as heard, TeamMemory.open(self.folder, background=False, progress=False) as team:
            tally, seconds = self.tallies[mode], time.monotonic() - start
            tally.opened.append(seconds)
            if heard.rebuilt:
                tally.rebuilt += 1
                self._rebuild_seconds = seconds
            tally.cut += len(self._model.open)
            sight = Sight(team=team, swept=alone, random=self._random, everything=everything)
            happened, faults = inspect(sight, self._model)
            tally.happened += happened
            for fault in faults:
                self._fault(f"after {mode}: {fault}")
            self.size = len(self._model.live)

    def _fault(self, fault: str) -> None:
        self.faults.append(f"round {self._round}: {fault}")


class Heard(logging.Handler):
    pass
