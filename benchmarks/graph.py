"""Walks over a large graph: ours, level by level, beside one recursive statement over the same tables.

    python benchmarks/graph.py [--edges 100000] [--hubs 3] [--degree 20000] [--runs 60]

Entities of uneven popularity, and hubs with many edges each, all in the shared namespace; an agent that may not read
everything walks three edges deep from entities drawn at random, and from the hubs. The recursive statement gives the
same names with their depths, under the same conditions, but neither edges, names proper nor records: it is the least
that one statement can do. Both alternate, in one run.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # when run as a script

from transactive import Agent, TeamMemory
from transactive.errors import NotFound

SHARED = "team/shared"
TYPES = ("relates_to", "depends_on", "part_of")
Name = tuple[str, str]
Edge = tuple[Name, str, Name]

STEP = """
    SELECT e.{far}, w.depth + 1 FROM walk w JOIN edges e ON e.number IN (
        SELECT number FROM edges WHERE {near} = w.name AND retired_at IS NULL
            AND (valid_from IS NULL OR valid_from <= :now) AND (valid_until IS NULL OR valid_until > :now)
            AND type <> 'same_as' AND namespace = 'team/shared'
            AND sensitivity IN ('public', 'internal') AND stated
        ORDER BY number DESC LIMIT :most
    ) WHERE w.depth < :depth"""
RECURSIVE = f"""
WITH RECURSIVE walk(name, depth) AS (
    SELECT number, 0 FROM names WHERE type = :type AND key = :key
    UNION {STEP.format(near="source", far="target")}
    UNION {STEP.format(near="target", far="source")}
)
SELECT name, min(depth) FROM walk GROUP BY name ORDER BY 2 LIMIT :limit
"""


def drawn(edges: int, hubs: int, degree: int, seed: int = 7) -> Iterator[Edge]:
    """A graph: half of its ends drawn evenly, half of them from the popular ones; and the hubs."""
    rng = random.Random(seed)
    nodes = max(10, edges // 5)

    def node() -> Name:
        place = rng.random() ** (1 if rng.random() < 0.5 else 3)
        return "thing", f"node {int(nodes * place)}"

    for hub in range(hubs):
        some = rng.sample(range(nodes), min(degree, nodes))
        yield from ((("thing", f"hub {hub}"), TYPES[0], ("thing", f"node {place}")) for place in some)
    for _ in range(max(0, edges - hubs * min(degree, nodes))):
        one, other = node(), node()
        if one != other:
            yield one, rng.choice(TYPES), other


def recursive(ledger: Path, start: Name) -> int:
    """How many names one recursive statement reaches."""
    with closing(sqlite3.connect(ledger)) as connection:
        given = {"type": start[0], "key": start[1], "depth": 3, "most": 100, "limit": 200}
        return len(connection.execute(RECURSIVE, {**given, "now": time.time_ns() // 1000}).fetchall())


def measured(starts: Sequence[Name], ways: dict[str, Callable[[Name], object]]) -> dict[str, list[float]]:
    """Milliseconds of each way for each start, in turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for start in starts:
        for name, way in ways.items():
            began = time.perf_counter()
            way(start)
            times[name].append((time.perf_counter() - began) * 1000)
    return times


def shown(title: str, times: dict[str, list[float]]) -> None:
    ours = statistics.median(times["ours"])
    for name, some in times.items():
        p50 = statistics.median(some)
        p95 = sorted(some)[int(0.95 * len(some))]
        print(f"{title:<28} {name:<10} p50 {p50:7.2f} ms  p95 {p95:7.2f} ms  {p50 / ours:5.2f}×", flush=True)


def walks(agent: Agent, ledger: Path, starts: Sequence[Name], hubs: Sequence[Name]) -> None:
    ways: dict[str, Callable[[Name], object]] = {
        "ours": lambda start: agent.graph.traverse(start, depth=3),
        "recursive": lambda start: recursive(ledger, start),
    }
    measured(starts[:5], ways)  # warm
    shown("depth 3, at random", measured(starts, ways))
    shown("depth 3, from hubs", measured([hub for hub in hubs for _ in range(10)], ways))
    outwards = partial(agent.graph.traverse, depth=3, types=["part_of"], direction="out")
    shown("depth 3, one type, outwards", measured(starts, {"ours": outwards}))
    shown("neighbors of hubs", measured([*hubs] * 10, {"ours": agent.graph.neighbors}))
    pairs = dict(zip(starts, reversed(starts), strict=True))
    shown("shortest path", measured(starts, {"ours": lambda start: agent.graph.path(start, pairs[start])}))


def main() -> None:
    parser = argparse.ArgumentParser(description="How long walks over a large graph take.")
    parser.add_argument("--edges", type=int, default=100_000)
    parser.add_argument("--hubs", type=int, default=3)
    parser.add_argument("--degree", type=int, default=20_000, help="edges of each hub, as far as there are entities")
    parser.add_argument("--runs", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, TeamMemory.open(folder, background=False) as team:
        began = time.perf_counter()
        made = team.agent("writer").graph.link_many(drawn(asked.edges, asked.hubs, asked.degree), namespace=SHARED)
        took = time.perf_counter() - began
        team.graph.link(("thing", "hub 0"), "relates_to", ("thing", "secret"), namespace="agents/owner")
        print(
            f"{len(made):,} edges, {len(made) / took:,.0f} a second; {asked.hubs} hubs of {asked.degree:,}", flush=True
        )
        rng = random.Random(11)
        starts = [("thing", f"node {rng.randrange(max(10, asked.edges // 5))}") for _ in range(asked.runs)]
        known = [start for start in dict.fromkeys(starts) if there(team, start)]
        hubs = [("thing", f"hub {place}") for place in range(asked.hubs)]
        walks(team.agent("reader"), Path(folder) / "ledger.db", known, hubs)


def there(team: TeamMemory, start: Name) -> bool:
    """Whether an entity was drawn at all."""
    try:
        return bool(team.graph.get(start))
    except NotFound:
        return False


if __name__ == "__main__":
    main()
