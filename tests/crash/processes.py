"""Starts and talks to other processes at a store, looks at its index, and waits for what they do to be seen."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transactive
from transactive import TeamMemory
from transactive.index.edge import EdgeIndex

SCRIPT = Path(__file__).with_name("child.py")


class Child:
    """One process that runs `child.py`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        root = str(Path(transactive.__file__).parents[1])
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def heard(self) -> dict[str, Any]:
        """The next line that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the other process ended with {self._process.wait()}"
        said: dict[str, Any] = json.loads(line)
        return said

    def opened(self) -> "Child":
        """Itself, once it has opened the store."""
        said = self.heard()
        while "done" in said:
            said = self.heard()
        assert said == {"open": True}, said
        return self

    def tell(self, verb: str, *arguments: Any, agent: str | None = None, **named: Any) -> None:
        """Have it make a call."""
        assert self._process.stdin is not None
        call = {"verb": verb, "agent": agent, "arguments": arguments, "named": named}
        self._process.stdin.write(json.dumps(call) + "\n")
        self._process.stdin.flush()

    def ask(self, verb: str, *arguments: Any, agent: str | None = None, **named: Any) -> Any:
        """Have it make a call, and return the answer."""
        self.tell(verb, *arguments, agent=agent, **named)
        return self.answer()

    def answer(self) -> Any:
        """The answer to the last call."""
        said = self.heard()
        assert "answer" in said, said
        return said["answer"]

    def kill(self) -> None:
        """`kill -9`; harmless when it has ended."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def edge(team: TeamMemory) -> EdgeIndex:
    """The embedded index of a store."""
    index = team._engine.store.index
    assert isinstance(index, EdgeIndex)
    return index


def soon(true: Callable[[], object], seconds: float = 10.0) -> bool:
    """Whether something comes true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
