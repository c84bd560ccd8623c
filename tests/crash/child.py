"""Another process at a store: it answers each line of JSON on stdin by one on stdout, until stdin ends or it is killed.

    python child.py FOLDER JSON_OF_OPTIONS

The first line it writes tells how opening went.
"""

import json
import sys
from typing import Any

from transactive import TeamMemory
from transactive.errors import DuplicateId, TransactiveError
from transactive.records import Progress


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def told(progress: Progress) -> None:
    say(done=progress.done, total=progress.total)


def write(team: TeamMemory, agent: str, count: int) -> int:
    """Write to the shared namespace, one call at a time."""
    handle = team.agent(agent)
    for number in range(count):
        handle.publish(f"{agent.upper()}-{number:04d} was written by {agent}")
    return count


def race(team: TeamMemory, agent: str, ids: list[str]) -> list[str]:
    """Try to be the first under each id; the ids that were won."""
    won: list[str] = []
    for id in ids:
        try:
            team.agent(agent).publish(f"{id} belongs to {agent}", id=id)
        except DuplicateId:
            continue
        won.append(id)
    return won


def answer(team: TeamMemory, call: dict[str, Any]) -> Any:
    if call["verb"] in {"write", "race"}:
        return globals()[call["verb"]](team, *call["arguments"])
    door = team if call["agent"] is None else team.agent(call["agent"])
    found = getattr(door, call["verb"])(*call["arguments"], **call["named"])
    return getattr(found, "uid", None) or str(found)


def main() -> None:
    folder = sys.argv[1]
    options: dict[str, Any] = {"progress": told, **json.loads(sys.argv[2])}
    try:
        team = TeamMemory.open(folder, **options)
    except TransactiveError as error:
        say(error=type(error).__name__, message=str(error))
        return
    say(open=True)
    for line in sys.stdin:
        try:
            say(answer=answer(team, json.loads(line)))
        except TransactiveError as error:
            say(error=type(error).__name__, message=str(error))
    team.close()


if __name__ == "__main__":
    main()
