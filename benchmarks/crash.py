"""Kills a writing process again and again, and looks each time whether anything is lost, doubled or half-written.

    python benchmarks/crash.py [--kills 200] [--seed 1] [--keep FOLDER]

One store lives through all kills. Each round a process (`crash_writer.py`) writes to it from two threads while index
builds and swaps go on, and is ended by SIGKILL at a random moment: while it writes, opens, swaps a built index in,
rebuilds a lost one, reindexes or closes; alone, with its builder, or after its builder. Then the store is opened and
compared with what was acknowledged. A call that was open when the process died may have happened or not, but wholly.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
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
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # when run as a script

import transactive
from benchmarks.crash_checks import Model, Sight, inspect
from transactive import TeamMemory

WRITER = Path(__file__).with_name("crash_writer.py")
AGENTS = ("ada", "bob")
MODES = {"write": 38, "swap": 22, "reindex": 12, "rebuild": 12, "open": 8, "close": 8}
CROWDED = 11_000
"""Memories, enough for an HNSW graph; with more, the writers forget more than they remember."""
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
            env=_environment(),
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

    @property
    def opened(self) -> bool:
        """Whether it has opened the store."""
        return any(message.get("phase") == "open" for message in self.said)

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


def _environment() -> dict[str, str]:
    """The writer must import the same package."""
    root = str(Path(transactive.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


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
    swaps: int = 0
    """How often a built or rebuilt index took the place of the one before."""
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
        self._generation = 0
        self._lost = False
        """Whether the folder of the index was deleted and has not been made again yet."""
        self._spare = Writer(folder)
        self._rebuild_seconds = 0.3

    def run(self, kills: int, *, recalled: int = sys.maxsize) -> Iterator[int]:
        """Kill so many times; yields after each. At the end so many memories are recalled."""
        try:
            while self._round < kills:
                self._round += 1
                self._kill(self._mode())
                yield self._round
            self._look("write", others=recalled)
        finally:
            self._spare.kill(group=True)

    def _mode(self) -> str:
        """Each mode once in the first rounds, then by weight."""
        if self._round <= len(MODES):
            return list(MODES)[self._round - 1]
        return self._random.choices(list(MODES), weights=list(MODES.values()))[0]

    # --- one round ------------------------------------------------------------------------------------------------

    def _kill(self, mode: str) -> None:
        if mode == "rebuild":
            shutil.rmtree(self.folder / "index", ignore_errors=True)
            self._generation, self._lost = 0, True
        writer, self._spare = self._spare, Writer(self.folder)
        writer.order(self._order(mode))
        self._wait(writer, mode)
        self._lost &= not writer.opened
        how = self._random.choice(["alone", "alone", "with its builder", "after its builder"])
        if how == "after its builder":
            self._kill_builder()
        writer.kill(group=how == "with its builder")
        self.killed[how] += 1
        self._await_builders()
        self._learn(writer, mode)
        untouched = not any("begin" in message for message in writer.said)
        if mode == "rebuild" and untouched and self._random.random() < 0.5:
            return  # the next process, and not this one, shall find what is left of the rebuild
        self._look(mode)

    def _order(self, mode: str) -> dict[str, Any]:
        return {
            "mode": mode,
            "seed": f"{self.seed} {self._round}",
            "round": self._round,
            "next": self._round * 100_000,
            "crowded": self.size > CROWDED,
            "live": {name: self._model.some_live(name, self._random) for name in AGENTS},
            "gone": {name: self._model.some_gone(name) for name in AGENTS},
        }

    def _wait(self, writer: Writer, mode: str) -> None:
        """Let it come to the random moment."""
        phase, longest = {
            "write": ("open", 1.2),
            "swap": ("open", 0.3),
            "reindex": ("reindexing", 1.5 * self._rebuild_seconds),
            "rebuild": ("opening", self._rebuild_seconds),
            "open": ("opening", 0.25),
            "close": ("closing", 0.25),
        }[mode]
        writer.reached(phase)
        if mode == "swap":
            self._until_swapped(self._random.random())
        time.sleep(self._random.uniform(0, longest))

    def _until_swapped(self, moment: float) -> None:
        """Wait until a build is about to be swapped in, or has just been; some seconds at most, if there is none."""
        index, deadline = self.folder / "index", time.monotonic() + 6
        if moment < 0.5:
            before = (index / "CURRENT").read_bytes()
            while (index / "CURRENT").read_bytes() == before and time.monotonic() < deadline:
                time.sleep(0.001)
            return
        for building in (True, False):  # a builder takes its lock, and gives it up
            while any(index.glob("g-*.lock")) != building and time.monotonic() < deadline:
                time.sleep(0.001)

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

    def _look(self, mode: str, *, others: int = 40) -> None:
        """Open the store, compare all of it, and close it."""
        alone = not builders(self.folder)
        start = time.monotonic()
        with Heard() as heard, TeamMemory.open(self.folder, background=False, progress=False) as team:
            tally, seconds = self.tallies[mode], time.monotonic() - start
            tally.opened.append(seconds)
            if heard.rebuilt:
                tally.rebuilt += 1
                self._rebuild_seconds = seconds
            self._lost = False
            tally.cut += len(self._model.open)
            sight = Sight(team=team, swept=alone, random=self._random, others=others)
            tally.swaps += self._swaps(sight.index.generation)
            happened, faults = inspect(sight, self._model)
            tally.happened += happened
            for fault in faults:
                self._fault(f"after {mode}: {fault}")
            self.size = len(self._model.live)

    def _swaps(self, generation: str) -> int:
        """How often the index was replaced since the last look: each time by the next generation."""
        last, self._generation = self._generation, int(generation.removeprefix("g-"))
        return max(0, self._generation - last)

    def _fault(self, fault: str) -> None:
        self.faults.append(f"round {self._round}: {fault}")


class Heard(logging.Handler):
    """Listens whether an open rebuilds the index."""

    def __init__(self) -> None:
        super().__init__()
        self.rebuilt = False

    def emit(self, record: logging.LogRecord) -> None:
        self.rebuilt |= "rebuilding" in record.getMessage()

    def __enter__(self) -> Self:
        self._logger = logging.getLogger("transactive")
        self._propagated, self._logger.propagate = self._logger.propagate, False
        self._logger.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated


# --- the table --------------------------------------------------------------------------------------------------------

_HEADER: tuple[str, ...] = (
    "mode",
    "kills",
    "calls",
    "memories",
    "cut",
    "happened",
    "swaps",
    "rebuilt",
    "open p50",
    "longest",
)


def table(crashes: Crashes) -> Iterator[str]:
    """What came of it, one line for each mode and one for all."""
    rows = [_HEADER, *(_row(mode, tally) for mode, tally in crashes.tallies.items())]
    rows.append(_row("all", _sum(list(crashes.tallies.values()))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for mode, *cells in rows:
        yield "  ".join([mode.ljust(widths[0]), *map(str.rjust, cells, widths[1:])])
    yield f"killed {', '.join(f'{how} {number}' for how, number in sorted(crashes.killed.items()))}"
    if crashes.orphans:
        yield f"a builder outlived its parent by at most {max(crashes.orphans):.2f} s"
    for warning, number in crashes.warnings.most_common():
        yield f"warned {number} times: {warning}"


def _row(mode: str, tally: Tally) -> tuple[str, ...]:
    numbers = (tally.kills, tally.calls, tally.memories, tally.cut, tally.happened, tally.swaps, tally.rebuilt)
    times = (statistics.median(tally.opened), max(tally.opened)) if tally.opened else (0.0, 0.0)
    return (mode, *(f"{number:,}" for number in numbers), *(f"{seconds:.2f} s" for seconds in times))


def _sum(tallies: Sequence[Tally]) -> Tally:
    return Tally(
        kills=sum(t.kills for t in tallies),
        calls=sum(t.calls for t in tallies),
        memories=sum(t.memories for t in tallies),
        cut=sum(t.cut for t in tallies),
        happened=sum(t.happened for t in tallies),
        swaps=sum(t.swaps for t in tallies),
        rebuilt=sum(t.rebuilt for t in tallies),
        opened=[seconds for t in tallies for seconds in t.opened],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a new folder for the store, which then stays")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="transactive-crash-"))
    start = time.perf_counter()
    try:
        crashes = Crashes(folder.resolve(), options.seed)
        for number in crashes.run(options.kills):
            if number % 10 == 0 or crashes.faults:
                print(f"{number} kills, {crashes.size:,} memories, {len(crashes.faults)} faults", flush=True)
            if len(crashes.faults) > 20:
                break
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(*table(crashes), sep="\n")
    print(f"{len(crashes.faults)} faults in {time.perf_counter() - start:.0f} s", *crashes.faults[:40], sep="\n")
    return 1 if crashes.faults else 0


if __name__ == "__main__":
    sys.exit(main())
