"""Two processes, one folder: one owns the index, the other writes beside it with index=None."""

import subprocess
import sys
import tempfile
import time

from transactive import TeamMemory
from transactive.errors import StoreLocked

WORKER = """
import sys
from transactive import TeamMemory

with TeamMemory.open(sys.argv[1], index=None) as team:
    team.agent("worker").publish("The nightly import took 41 minutes.")
    hits = team.agent("worker").recall("nightly import")
    print("worker:", hits[0].memory.text, "degraded:", hits.degraded)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, TeamMemory.open(folder) as team:
        try:
            TeamMemory.open(folder)
        except StoreLocked as error:
            print("a second owner:", "Ways out" in str(error))

        subprocess.run([sys.executable, "-c", WORKER, folder], check=True)

        analyst, deadline = team.agent("analyst"), time.monotonic() + 5
        hits = analyst.recall("how long did the import take?")  # settles what others wrote before it searches
        while not hits and time.monotonic() < deadline:
            time.sleep(0.05)
            hits = analyst.recall("how long did the import take?")
        print("owner:", hits[0].memory.text, "degraded:", hits.degraded)


if __name__ == "__main__":
    main()
