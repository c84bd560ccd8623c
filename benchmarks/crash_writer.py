"""The process that `crash.py` kills: it announces every call, makes it, and acknowledges it.

    python benchmarks/crash_writer.py FOLDER

It imports everything, says `ready` and waits for one line of JSON: what to do, and what the store holds. Each message
is a line of JSON on stdout: `begin` before a call, `done` with what it returned after it. Two threads write in the name
of two agents, each only to its own memories, so at most two calls are open when the process dies. `build_at` is so
small that index builds and swaps go on all the time.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from transactive import Agent, NewMemory, TeamMemory
from transactive.errors import IndexUnavailable

AGENTS = ("ada", "bob")
BUILD_AT = 200
SUBJECTS = ("the refund for the annual plan", "a slow query on the orders table", "the onboarding call", "the outage")
ENDS = ("was settled by phone", "waits for an answer", "has to be looked at again on Monday", "was passed to research")

_pipe = threading.Lock()


def say(**message: Any) -> None:
    """Write one message; the pipe keeps what was written when the process dies."""
    line = json.dumps(message).encode() + b"\n"
    with _pipe:
        while line:
            line = line[os.write(1, line) :]


class Said(logging.Handler):
    """Tells the parent what the library warns of."""

    def emit(self, record: logging.LogRecord) -> None:
        say(warning=record.getMessage())


class Writer(threading.Thread):
    """One agent that writes until the process dies, or until it is stopped."""

    def __init__(self, agent: Agent, order: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.agent = agent
        self.stopped = threading.Event()
        self._random = random.Random(f"{order['seed']} {agent.name}")
        self._live: dict[str, str] = dict(order["live"][agent.name])
        self._gone: dict[str, dict[str, str]] = dict(order["gone"][agent.name])
        self._numbers = count(int(order["next"]))
        self._calls = count()
        self._round = order["round"]
        self._weights = [20, 2, 24, 46, 8] if order["crowded"] else [48, 7, 24, 13, 8]

    def run(self) -> None:
        verbs: list[Callable[[], None]] = [self.remember, self.remember_many, self.revise, self.forget, self.undo]
        try:
            while not self.stopped.is_set():
                self._random.choices(verbs, weights=self._weights)[0]()
                time.sleep(0.002)
        except Exception as error:  # noqa: BLE001  # whatever it is, the parent shall hear of it
            say(failed=f"{self.agent.name}: {type(error).__name__}: {error}")

    def _call(self, verb: str, texts: dict[str, str], action: Callable[[], Any]) -> Any:
        call = f"{self.agent.name}-{next(self._calls)}"
        say(begin=call, verb=verb, agent=self.agent.name, texts=texts)
        ids, version, forget_id = action()
        say(done=call, ids=ids, version=version, forget_id=forget_id)

    def _new(self) -> tuple[str, str]:
        key = f"{self.agent.name.upper()}-{next(self._numbers):06d}"
        return key, f"{key}: {self._random.choice(SUBJECTS)} {self._random.choice(ENDS)}"

    def _fields(self, key: str) -> dict[str, Any]:
        session = f"day-{self._round}-{self.agent.name}" if self._random.random() < 0.4 else None
        return {"tags": ["note"], "metadata": {"n": int(key.rpartition("-")[2])}, "session": session}

    def remember(self) -> None:
        """One memory, private or shared."""
        key, text = self._new()
        verb = self.agent.publish if self._random.random() < 0.5 else self.agent.remember
        self._call("remember", {key: text}, lambda: self._kept({key: verb(text, **self._fields(key)).uid}))

    def remember_many(self) -> None:
        """A batch, all of it or nothing."""
        new = dict(self._new() for _ in range(self._random.randint(2, 40)))
        items = [NewMemory(text=text, **self._fields(key)) for key, text in new.items()]

        def act() -> tuple[dict[str, str], int, None]:
            found = self.agent.remember_many(items, namespace="team/shared")
            return self._kept({key: memory.uid for key, memory in zip(new, found, strict=True)})

        self._call("remember", new, act)

    def _kept(self, ids: dict[str, str]) -> tuple[dict[str, str], int, None]:
        self._live |= ids
        return ids, 1, None

    def revise(self) -> None:
        """Another text for one of its memories."""
        if self._live:
            key = self._random.choice(list(self._live))
            text = f"{key}: corrected on day {self._round}, {self._random.choice(SUBJECTS)} {self._random.choice(ENDS)}"

            def act() -> tuple[dict[str, str], int, None]:
                memory = self.agent.revise(self._live[key], text=text)
                return {key: memory.uid}, memory.version, None

            self._call("revise", {key: text}, act)

    def forget(self) -> None:
        """One memory, or some by a filter."""
        some = self._random.sample(list(self._live), min(len(self._live), self._random.choice([1, 1, 4])))
        if not some:
            return
        ids = {key: self._live.pop(key) for key in some}

        def act() -> tuple[dict[str, str], None, str | None]:
            if len(ids) == 1:
                found = self.agent.forget(next(iter(ids.values())))
            else:
                found = self.agent.forget(where={"id": {"$in": list(ids.values())}})
            assert found.count == len(ids), (found, ids)
            assert found.id is not None
            self._gone[found.id] = ids
            return ids, None, found.id

        self._call("forget", dict.fromkeys(ids, ""), act)

    def undo(self) -> None:
        """Brings back what one `forget` took."""
        if not self._gone:
            return
        forget_id = self._random.choice(list(self._gone))
        ids = self._gone.pop(forget_id)

        def act() -> tuple[dict[str, str], None, None]:
            back = self.agent.undo(forget_id)
            assert back == len(ids), (back, ids)
            self._live |= ids
            return ids, None, None

        self._call("undo", dict.fromkeys(ids, ""), act)


def main() -> None:
    importlib.import_module("transactive.engine")  # or `open` would do it, after the word is given
    folder = sys.argv[1]
    logging.getLogger("transactive").addHandler(Said())
    say(phase="ready")
    order = json.loads(sys.stdin.readline())
    say(phase="opening")
    team = TeamMemory.open(folder, build_at=BUILD_AT, progress=False)
    say(phase="open")
    writers = [Writer(team.agent(name), order) for name in AGENTS]
    for writer in writers:
        writer.start()
    if order["mode"] == "reindex":
        time.sleep(0.1)  # not before there is something to do meanwhile
        say(phase="reindexing")
        while True:
            team.reindex(progress=False)
    if order["mode"] == "close":
        time.sleep(0.3)
        for writer in writers:
            writer.stopped.set()
        for writer in writers:
            writer.join()
        say(phase="closing")
        team.close()
        say(phase="closed")
        threading.Event().wait()
    chosen = random.Random(order["seed"])
    while True:  # flush at once what otherwise waits for five seconds, so that pending rows go all the time
        time.sleep(chosen.uniform(0, 0.4))
        with suppress(IndexUnavailable):  # the builder may have been killed
            team.maintain(build=False)


if __name__ == "__main__":
    main()
