"""What the lifecycle costs: a recall with every rule on beside one with none, and recalls while `maintain` works.

    python benchmarks/lifecycle.py --data locomo10.json [--size 10000] [--maintained 100000]

Two stores hold the same memories. In one, policies weigh importance and age, hold drafts back, bound sensitivity, set
times to live and room, and some memories are superseded, verified, corroborated or confidential; in the other there is
no policy. The same agent asks both, alternating. Then a store of `--maintained` memories has a tenth to expire, a tenth
to evict and a tenth to purge, in one round of `maintain`, while a reader goes on; before and after, it reads in quiet.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # when run as a script

from benchmarks.speed import AGENTS, percentile, questions, texts, timed
from transactive import Agent, NewMemory, Policy, TeamMemory
from transactive.records import Progress
from transactive.testing import Clock

SHARED = "team/shared"


def filled(some: Sequence[str], *, rules: bool) -> TeamMemory:
    """A store of these texts, with every rule of the lifecycle in use or with none."""
    team = TeamMemory.open(":memory:", background=False, build_at=10**9)
    if rules:
        team.namespaces.configure("**", Policy(importance_weight=0.2, recency_weight=0.3, half_life="7d"))
        team.namespaces.configure(
            SHARED,
            Policy(decay="power", half_life_factors={"procedural": 4.0}, ttl="90d", max_memories=10**6, promote_at=1.0),
        )
        team.namespaces.configure("team/drafts", Policy(verified_only="hold", max_sensitivity="internal"))
        team.namespaces.configure("team/plans", Policy(max_sensitivity="internal", write_rate="100000/s"))
    for number, name in enumerate(AGENTS):
        agent = team.agent(name)
        for place in (SHARED, "team/drafts", "team/plans"):
            team.grant(name, place, "read", "write")
        agent.remember_many([_item(text, place) for place, text in enumerate(some[number :: len(AGENTS)])])
    for agent in (team.agent(name) for name in AGENTS):  # the same writes in both, so that both hold the same
        for memory in agent.list(limit=100, where={"kind": "semantic", "agent": agent.name}):
            agent.correct(memory.uid, memory.text + " (corrected)") if rules else agent.revise(
                memory.uid, text=memory.text + " (corrected)"
            )
    return team


def _item(text: str, place: int) -> NewMemory:
    namespace = ("team/drafts", "team/plans")[place % 2] if place % 10 == 0 else SHARED
    if place % 2:
        return NewMemory(text=text, namespace=namespace, session=f"session {place // 20}", importance=0.5)
    return NewMemory(text=text, namespace=namespace, kind="semantic", importance=(place % 10) / 10)


def compare(some: Sequence[str], asked: Sequence[str]) -> None:
    """Recall with and without the rules, alternating."""
    with filled(some, rules=False) as plain, filled(some, rules=True) as ruled:
        for who in ("agent", "owner"):
            readers = [plain, ruled] if who == "owner" else [plain.agent("reader"), ruled.agent("reader")]
            without: list[float] = []
            withal: list[float] = []
            for query in asked:
                without.append(timed(partial(readers[0].recall, query)))
                withal.append(timed(partial(readers[1].recall, query)))
            ratio = statistics.median(withal) / statistics.median(without)
            print(
                f"recall by the {who}, {len(some):,} memories: p50 {percentile(without, 0.5):.2f} ms without rules, "
                f"{percentile(withal, 0.5):.2f} ms with all of them; ratio {ratio:.2f}"
            )


def kept_busy(reader: Agent, asked: Sequence[str], stop: threading.Event) -> Iterator[float]:
    """Seconds of recalls, one after another with a short rest, until told to stop."""
    chosen = random.Random(7)
    while not stop.is_set():
        query = chosen.choice(asked)
        yield timed(partial(reader.recall, query))
        time.sleep(0.002)


def maintained(some: Sequence[str], asked: Sequence[str]) -> None:
    """Recalls while `maintain` expires, evicts and purges a tenth each."""
    clock = Clock(step=timedelta(microseconds=1))
    tenth = len(some) // 10
    with TeamMemory.open(":memory:", background=False, build_at=10**9, clock=clock) as team:
        writer, reader = team.agent("writer"), team.agent("reader")
        items = [
            NewMemory(
                text=text,
                namespace=SHARED,
                ttl="1d" if place < tenth else None,
                tags=["old"] if place % 10 == 1 else [],
            )
            for place, text in enumerate(some)
        ]
        writer.remember_many(items)
        team.maintain(build=True)
        team.forget(where={"tags": "old"})
        team.namespaces.configure(SHARED, Policy(max_memories=len(some) - 3 * tenth, purge_after="1h"))
        clock.advance("2d")
        quiet = _measured(reader, asked, 300)
        steps: list[Progress] = []
        stop = threading.Event()
        found: list[object] = []
        worker = threading.Thread(target=lambda: found.append(_round(team, steps, stop)))
        start = time.perf_counter()
        worker.start()
        busy = list(kept_busy(reader, asked, stop))
        worker.join()
        print(f"maintain on {len(some):,}: {found[0]} in {len(steps):,} steps, {time.perf_counter() - start:.1f} s")
        after = _measured(reader, asked, 300)
    ratio = percentile(busy, 0.99) / percentile(quiet, 0.99)
    for name, seconds in (("before", quiet), ("during", busy), ("after", after)):
        print(
            f"  recall {name}: p50 {percentile(seconds, 0.5):.2f} ms, p99 {percentile(seconds, 0.99):.2f} ms, "
            f"longest {1000 * max(seconds):.0f} ms ({len(seconds):,} recalls)"
        )
    print(f"  p99 during maintain / before: {ratio:.2f}")


def _round(team: TeamMemory, steps: list[Progress], stop: threading.Event) -> object:
    try:
        return team.maintain(build=False, progress=steps.append)
    finally:
        stop.set()


def _measured(reader: Agent, asked: Sequence[str], count: int) -> list[float]:
    stop = threading.Event()
    found: list[float] = []
    for seconds in kept_busy(reader, asked, stop):
        found.append(seconds)
        if len(found) == count:
            stop.set()
    return found


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a LoCoMo file")
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--maintained", type=int, default=100_000)
    options = parser.parse_args()
    asked = random.Random(1).sample(questions(options.data), 300)
    compare(texts(options.data, options.size), asked)
    maintained(texts(options.data, options.maintained), asked)


if __name__ == "__main__":
    main()
