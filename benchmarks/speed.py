"""How fast: remember, remember_many and recall, with the bare index call beside them in the same run.

    python benchmarks/speed.py --data locomo10.json [--size 10000] [--build]

Memories are real sentences: the turns of a LoCoMo file, and from there on pairs of them. The bare call is what recall
cannot do without: embedding the query and one `query_batch` over the four channels at the same depth; ours and the bare
call alternate, so that a noisy machine is noisy for both. With `--build` an index build runs while readers and
an unrelated thread measure their longest pauses.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from transactive import Agent, NewMemory, TeamMemory
from transactive.embedding.protocol import embed_query
from transactive.index.edge import EdgeIndex
from transactive.index.protocol import Search

AGENTS = ("triage", "billing", "technical", "research", "writer")


def texts(data: Path, count: int) -> list[str]:
    """`count` distinct texts made of the sentences of a LoCoMo file, in a fixed random order."""
    samples = json.loads(data.read_text(encoding="utf-8"))
    turns = [
        turn["text"]
        for sample in samples
        for key, session in sample["conversation"].items()
        if re.fullmatch(r"session_\d+", key)
        for turn in session
    ]
    chosen = random.Random(42)
    found = dict.fromkeys(turns)
    while len(found) < count:
        found[f"{chosen.choice(turns)} {chosen.choice(turns)}"] = None
    return list(found)[:count]


def questions(data: Path) -> list[str]:
    """The questions of a LoCoMo file."""
    samples = json.loads(data.read_text(encoding="utf-8"))
    return [qa["question"] for sample in samples for qa in sample["qa"]]


def percentile(seconds: Sequence[float], share: float) -> float:
    """A percentile in milliseconds."""
    return 1000 * sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


def timed(action: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def items(some: Sequence[str], offset: int = 0) -> list[NewMemory]:
    """Texts as turns of sessions of twenty."""
    return [
        NewMemory(text=text, session=f"session-{(offset + place) // 20}", tags=[f"t{place % 7}"])
        for place, text in enumerate(some)
    ]


def bare(team: TeamMemory, query: str) -> object:
    """The least that a recall can cost: an embedding, sparse terms and one call of the index."""
    store = team._engine.store  # pyright: ignore[reportPrivateUsage]  # what recall stands on
    index = store.index
    assert isinstance(index, EdgeIndex)
    vector = embed_query(store.encoders.embedder, query)
    return index.candidates(Search(dense=vector, terms=store.encoders.sparse.query(query)))


def compare(team: TeamMemory, reader: Agent, asked: Sequence[str]) -> tuple[list[float], list[float]]:
    """Seconds of recall and of the bare call, alternating."""
    ours: list[float] = []
    theirs: list[float] = []
    for query in asked:
        ours.append(timed(lambda query=query: reader.recall(query)))  # type: ignore[misc]
        theirs.append(timed(lambda query=query: bare(team, query)))  # type: ignore[misc]
    return ours, theirs


class Pauses(threading.Thread):
    """An unrelated thread: how late does it wake from sleeps of one millisecond?"""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            start = time.perf_counter()
            time.sleep(0.001)
            self.longest = max(self.longest, time.perf_counter() - start - 0.001)


def build(team: TeamMemory, reader: Agent, writer: Agent, asked: Sequence[str]) -> None:
    """Build the index while others read and write, and print the longest pause of each."""
    pauses, builder = Pauses(), threading.Thread(target=lambda: print(f"  {team.maintain(build=True)}"))
    pauses.start()
    reads: list[float] = []
    writes: list[float] = []
    start = time.perf_counter()
    builder.start()
    while builder.is_alive():
        reads.append(timed(lambda: reader.recall(random.choice(asked))))
        writes.append(timed(lambda: writer.publish(f"written during the build {len(writes)}")))
        time.sleep(0.005)
    pauses.stopped.set()
    builder.join()
    print(
        f"build {time.perf_counter() - start:.1f} s; meanwhile recall p50 {percentile(reads, 0.5):.1f} ms, longest "
        f"{1000 * max(reads):.0f} ms; remember p50 {percentile(writes, 0.5):.1f} ms, longest {1000 * max(writes):.0f} "
        f"ms; longest pause of an unrelated thread {1000 * pauses.longest:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a LoCoMo file")
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--build", action="store_true", help="build the index under load, then measure again")
    options = parser.parse_args()
    some, asked = texts(options.data, options.size + 600), questions(options.data)
    asked = random.Random(1).sample(asked, min(options.queries, len(asked)))
    with TeamMemory.open(":memory:", build_at=10**9) as team:
        writers = [team.agent(name) for name in AGENTS]
        start = time.perf_counter()
        for number, writer in enumerate(writers):
            share = items(some[: options.size][number :: len(AGENTS)], offset=number * options.size)
            writer.remember_many(share, namespace="team/shared")
        print(f"remember_many: {options.size / (time.perf_counter() - start):,.0f}/s ({options.size:,} memories)")
        facts = [timed(lambda text=text: writers[0].publish(text)) for text in some[-300:]]  # type: ignore[misc]
        turns = [
            timed(lambda text=text: writers[1].publish(text, session="live"))  # type: ignore[misc]
            for text in some[-600:-300]
        ]
        private = writers[2]
        private.remember_many([f"private note {i}: {text}" for i, text in enumerate(some[:200])])
        for name, seconds in (("remember (fact)", facts), ("remember (turn)", turns)):
            print(f"{name}: p50 {percentile(seconds, 0.5):.2f} ms, p99 {percentile(seconds, 0.99):.2f} ms")
        report(team, writers[0], asked, "unbuilt")
        if options.build:
            build(team, writers[0], writers[1], asked)
            report(team, writers[0], asked, "built")


def report(team: TeamMemory, reader: Agent, asked: Sequence[str], state: str) -> None:
    """Print recall and the bare call side by side, for one agent and for the owner."""
    for name, who in (("agent (filtered)", reader), ("owner (unfiltered)", team)):
        ours, theirs = compare(team, who, asked)
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(
            f"recall, {state}, {name}: p50 {percentile(ours, 0.5):.2f} ms, p99 {percentile(ours, 0.99):.2f} ms; "
            f"bare index call p50 {percentile(theirs, 0.5):.2f} ms; ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
