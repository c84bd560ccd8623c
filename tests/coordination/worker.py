"""Another process that works off tasks until none is left, or it is killed.

    python worker.py FOLDER NAME LEASE

It says each task that it has claimed, done or lost, in a line of JSON.
"""

import json
import sys

from transactive import TeamMemory
from transactive.errors import LeaseLost


def say(**message: str) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def work(team: TeamMemory, name: str, lease: str) -> None:
    tasks = team.agent(name).tasks
    while True:
        claim = tasks.claim(lease=lease, wait="1s")
        if claim is None:
            if tasks.count(status=["open", "claimed"]):
                continue  # who holds it may have been killed: its lease will run out
            return
        say(claimed=claim.task.uid)
        try:
            tasks.complete(claim, result=name)
        except LeaseLost:
            say(lost=claim.task.uid)
        else:
            say(done=claim.task.uid)


def main() -> None:
    folder, name, lease = sys.argv[1:]
    with TeamMemory.open(folder, index=None, progress=False) as team:
        work(team, name, lease)


if __name__ == "__main__":
    main()
