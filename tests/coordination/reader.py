"""Another process that consumes events and acknowledges every third, until it is killed.

    python reader.py FOLDER

It says what it has got, and what it has acknowledged, in a line of JSON each.
"""

import json
import sys

from transactive import TeamMemory


def say(**message: int) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    with TeamMemory.open(sys.argv[1], index=None, progress=False) as team:
        consumer = team.agent("reader").events.consumer("mailer")
        for event in consumer:
            say(got=event.data)
            if event.data % 3 == 2:
                consumer.acknowledge(event)
                say(acknowledged=event.data)


if __name__ == "__main__":
    main()
