"""LangGraph's store on our memory, beside LangGraph's SQLite store, its store in memory and Qdrant's in local mode.

    python benchmarks/adapters_store.py --data locomo10.json [--items 5000] [--rounds 200]

All embed with the same model and hold the same items: real sentences with a few fields, spread over the namespaces of a
hundred users. Ours and SQLite's, on the same disk, take turns, so that a noisy machine is noisy for both; the other
two, which are slow enough to empty the processor's caches, take theirs afterwards. `all` searches every item, `user`
one user's, `filter` every item with a condition that a fifth of them fulfil. Each figure is a median, and each ratio
theirs by ours.

The SQLite store needs a Python whose `sqlite3` loads extensions, which those of Debian and python.org do.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sqlite3
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, IndexConfig, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.qdrant import QdrantStore
from langgraph.store.sqlite import SqliteStore

from transactive import TeamMemory
from transactive.embedding import StaticEmbedder
from transactive_integrations.langgraph import TransactiveStore

BATCH = 500
USERS = 100
MODEL = StaticEmbedder()
Item = tuple[tuple[str, ...], str, dict[str, Any]]


class Static(Embeddings):
    """The bundled model, as LangChain knows models."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, row)) for row in MODEL.embed_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        return list(map(float, MODEL.embed_query(text)))


def read(data: Path, count: int) -> tuple[list[Item], list[str]]:
    """Items and questions made of a LoCoMo file, in a fixed random order."""
    samples = json.loads(data.read_text(encoding="utf-8"))
    turns = [
        turn["text"]
        for sample in samples
        for key, session in sample["conversation"].items()
        if re.fullmatch(r"session_\d+", key)
        for turn in session
    ]
    chosen = random.Random(42)
    texts = dict.fromkeys(turns)
    while len(texts) < count:
        texts[f"{chosen.choice(turns)} {chosen.choice(turns)}"] = None
    items: list[Item] = [
        (("memories", f"user{i % USERS}"), f"item{i}", {"text": text, "kind": f"k{i % 5}", "n": i})
        for i, text in enumerate(list(texts)[:count])
    ]
    return items, [qa["question"] for sample in samples for qa in sample["qa"]]


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, BaseStore]]:
    """One store of each kind, empty; ours is the first."""
    config: IndexConfig = {"dims": MODEL.dimensions, "embed": Static(), "fields": ["text"]}
    with ExitStack() as stack:
        warnings.simplefilter("ignore")  # local mode tells of indexes that it has not
        team = stack.enter_context(TeamMemory.open(folder / "team", progress=False))
        sqlite = stack.enter_context(SqliteStore.from_conn_string(str(folder / "store.db"), index=config))
        qdrant = stack.enter_context(QdrantStore.from_url(":memory:", index=config))  # type: ignore[arg-type]
        sqlite.setup()
        qdrant.setup()
        yield {
            "ours": TransactiveStore(team.agent("planner"), index=config),
            "sqlite": sqlite,
            "memory": InMemoryStore(index=config),
            "qdrant local": qdrant,
        }


def timed(action: Callable[[], object]) -> float:
    """Milliseconds that one call takes."""
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def filled(store: BaseStore, items: Sequence[Item]) -> float:
    """Seconds that filling it takes."""
    start = time.perf_counter()
    for place in range(0, len(items), BATCH):
        store.batch([PutOp(namespace, key, value) for namespace, key, value in items[place : place + BATCH]])
    return time.perf_counter() - start


def in_turns(
    all_stores: dict[str, BaseStore], rounds: int, action: Callable[[BaseStore, int], object]
) -> dict[str, list[float]]:
    """Milliseconds of each round of each store."""
    taken: dict[str, list[float]] = {name: [] for name in all_stores}
    for number in range(rounds):
        for name, store in all_stores.items():
            taken[name].append(timed(lambda store=store, number=number: action(store, number)))  # type: ignore[misc]
    return taken


def report(what: str, taken: dict[str, list[float]]) -> None:
    """One line: medians and ratios."""
    ours = statistics.median(taken["ours"])
    parts = [f"ours {ours:.2f} ms"]
    for name, values in taken.items():
        if name != "ours":
            theirs = statistics.median(values)
            parts.append(f"{name} {theirs:.2f} ms ({theirs / ours:.1f}x)")
    print(f"{what:24} " + ", ".join(parts), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a LoCoMo file")
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        raise SystemExit("the sqlite3 of this Python loads no extensions, and so no sqlite-vec; take another Python")
    items, questions = read(options.data, options.items + options.rounds)
    asked = random.Random(1).sample(questions, min(options.rounds, len(questions)))
    kept, more = items[: options.items], items[options.items :]
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder)) as found:
        seconds = {name: filled(store, kept) for name, store in found.items()}
        print(f"filling with {len(kept):,} items: " + ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items()))
        measures: dict[str, Callable[[BaseStore, int], object]] = {
            "search, all": lambda s, i: s.search(("memories",), query=asked[i]),
            "search, user": lambda s, i: s.search(("memories", f"user{i % USERS}"), query=asked[i]),
            "search, filter": lambda s, i: s.search((), query=asked[i], filter={"kind": f"k{i % 5}"}),
            "search, no query": lambda s, i: s.search(("memories", f"user{i % USERS}")),
            "list_namespaces": lambda s, _: s.list_namespaces(),
            "get": lambda s, i: s.get(*kept[i][:2]),
            "put": lambda s, i: s.put(*more[i]),
        }
        for what, action in measures.items():
            taken: dict[str, list[float]] = {}
            for names, rounds in ((("ours", "sqlite"), len(asked)), (("memory", "qdrant local"), len(asked) // 4)):
                some = {name: found[name] for name in names}
                in_turns(some, 5, action)
                taken |= in_turns(some, rounds, action)
            report(what, taken)


if __name__ == "__main__":
    main()
