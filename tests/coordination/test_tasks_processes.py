"""Eight processes work off one board while they are killed and started again: each task is done exactly once."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import transactive
from tests.coordination.conftest import in_threads, numbers
from transactive import TeamMemory
from transactive.errors import LeaseLost

pytestmark = pytest.mark.slow

PROCESSES, EACH = 8, 500
LIVES = 5
"""How often each worker is started; all of them but the last are killed."""
LEASE = "2s"
SCRIPT = Path(__file__).with_name("worker.py")


class Worker:
    """One worker's lives. It is killed when it has said so many lines: in the middle of what comes next."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self.name = f"worker-{number}"
        self._random = random.Random(number)
        self.said: list[dict[str, str]] = []
        self.kills = 0

    def live(self) -> None:
        for _ in range(LIVES - 1):
            self.live_once(self._random.randrange(1, EACH // 2))
        self.live_once()

    def live_once(self, most: int | None = None) -> None:
        root = str(Path(transactive.__file__).parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        with subprocess.Popen(
            [sys.executable, str(SCRIPT), str(self._folder), self.name, LEASE],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        ) as process:
            assert process.stdout is not None
            for count, line in enumerate(process.stdout, 1):
                if line.endswith("\n"):
                    self.said.append(json.loads(line))
                if count == most:
                    process.kill()
            process.wait()
        self.kills += process.returncode != 0
        assert most is not None or process.returncode == 0, "the last life ends by itself"


def post_all(folder: Path) -> list[str]:
    """In many rooms, so that each has few among which nearly the same is sought."""
    with TeamMemory.open(folder, index=None, progress=False) as team:
        team.grant("*", "jobs/**", "read", "write")

        def post(number):
            tasks = team.agent(f"poster-{number}").tasks
            posted.extend(
                tasks.post(f"job {number}-{n}", namespace=f"jobs/{number}/{n // 20}", max_attempts=1000).uid
                for n in range(EACH)
            )

        posted: list[str] = []
        in_threads(PROCESSES, post)
    return posted


def test_each_task_is_done_exactly_once_though_workers_are_killed_at_random(tmp_path):
    posted = post_all(tmp_path)
    assert len(set(posted)) == PROCESSES * EACH

    workers = [Worker(tmp_path, number) for number in range(PROCESSES)]
    in_threads(PROCESSES, lambda number: workers[number].live())
    assert sum(worker.kills for worker in workers) > PROCESSES
    told = Counter(line["done"] for worker in workers for line in worker.said if "done" in line)
    assert max(told.values()) == 1, "nobody was told of a task as done that somebody else had done"

    with TeamMemory.open(tmp_path, index=None, progress=False) as team:
        assert team.tasks.count(status="done") == team.tasks.count() == len(posted)
        check_events(team, posted)
        check_attempts(team, posted)
        done = {task.uid: task for task in team.tasks.list(limit=10_000)}
        for worker in workers:
            for uid in (line["done"] for line in worker.said if "done" in line):
                assert done[uid].result == done[uid].claimed_by == worker.name


def check_events(team: TeamMemory, posted: list[str]) -> None:
    assert numbers(team) == list(range(1, numbers(team)[-1] + 1))
    by_type = {"task.post": Counter[str](), "task.claim": Counter[str](), "task.complete": Counter[str]()}
    expired: Counter[str] = Counter()
    with team.events.follow(idle="0.02s") as events:
        for event in events:
            by_type.get(event.type, expired)[event.uid] += 1
    once = dict.fromkeys(posted, 1)
    assert by_type["task.post"] == once
    assert by_type["task.complete"] == once
    assert by_type["task.claim"] == Counter(posted) + expired, "each claim either was the one or ran out"


def check_attempts(team: TeamMemory, posted: list[str]) -> None:
    outcomes: Counter[str | None] = Counter()
    for uid in posted:
        attempts = team.tasks.attempts(uid)
        assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
        assert [attempt.outcome for attempt in attempts] == ["expired"] * (len(attempts) - 1) + ["done"]
        outcomes.update(attempt.outcome for attempt in attempts)
    assert outcomes["done"] == len(posted)
    assert outcomes["expired"] > 0, "some were killed while they held a claim"


def test_of_two_processes_that_hold_a_claim_one_after_the_other_the_first_has_lost_it(tmp_path):
    """With clocks of their own: what counts is the lease in the ledger."""
    with TeamMemory.open(tmp_path, index=None, progress=False) as team:
        team.tasks.post("work")
        claim = team.agent("slow").tasks.claim(lease="0.001s")
        assert claim is not None
        worker = Worker(tmp_path, 1)
        worker.live_once()
        assert {"done": claim.task.uid} in worker.said
        with pytest.raises(LeaseLost):
            team.agent("slow").tasks.complete(claim)
