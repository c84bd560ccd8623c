"""CrewAI: saving and recalling with our memory, beside its own memory on LanceDB (its default) and on `qdrant-edge`.

    python benchmarks/adapters_crewai.py --data locomo10.json [--size 2000] [--rounds 40]

All three embed with the same model, hold the same records, and take turns, so that a noisy machine is noisy for all.
CrewAI's own are spared what can be spared: the model answers at once, and consolidation is off. `recall` and `remember`
are calls with nothing but a text, as CrewAI's agents make them; `shallow` is a recall by one vector search, and with
`all given` (scope, categories, importance) nothing is left to the model. `kickoff` is a crew of one agent and one task,
CrewAI's own part of it included. Each figure is a median, and each ratio theirs by ours.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

for name, value in {"CREWAI_TRACING_ENABLED": "false", "CREWAI_DISABLE_TELEMETRY": "true"}.items():
    os.environ.setdefault(name, value)
os.environ.setdefault("OTEL_SDK_DISABLED", "true")

from crewai import Agent, Crew, Task  # noqa: E402  # after the environment that it reads
from crewai.events.utils.console_formatter import set_suppress_console_output  # noqa: E402
from crewai.llms.base_llm import BaseLLM  # noqa: E402
from crewai.memory.storage.lancedb_storage import LanceDBStorage  # noqa: E402
from crewai.memory.storage.qdrant_edge_storage import QdrantEdgeStorage  # noqa: E402
from crewai.memory.types import MemoryRecord  # noqa: E402
from crewai.memory.unified_memory import Memory  # noqa: E402

from transactive import NewMemory, TeamMemory  # noqa: E402
from transactive_integrations.crewai import TransactiveMemory  # noqa: E402

BATCH = 10
PAUSE = 0.03
FIELDS: dict[str, Any] = {"scope": "/s1", "categories": ["t1"], "importance": 0.5}


JSON = {
    "memories": ["It was answered."],
    "suggested_scope": "/",
    "categories": [],
    "importance": 0.5,
    "extracted_metadata": {},
    "actions": [],
    "insert_new": True,
}
"""What each question that CrewAI's memory asks a model takes for an answer."""


class Instant(BaseLLM):
    """A model that answers at once."""

    def call(self, messages: Any, *_: Any, **__: Any) -> str:
        is_agent = "You are Analyst" in str(messages[0])
        return "Thought: done\nFinal Answer: It was answered." if is_agent else json.dumps(JSON)


def corpus(data: Path, count: int) -> tuple[list[str], list[str]]:
    """`count` distinct texts made of the sentences of a LoCoMo file, and its questions."""
    samples = json.loads(data.read_text(encoding="utf-8"))
    talks = [
        talk for sample in samples for key, talk in sample["conversation"].items() if re.match(r"session_\d+$", key)
    ]
    turns = [turn["text"] for talk in talks for turn in talk]
    chosen, found = random.Random(42), dict.fromkeys(turns)
    while len(found) < count:
        found[f"{chosen.choice(turns)} {chosen.choice(turns)}"] = None
    questions = [qa["question"] for sample in samples for qa in sample["qa"]]
    chosen.shuffle(questions)
    return list(found)[:count], questions


def theirs(storage: Any, embed: Callable[[Sequence[str]], list[list[float]]], texts: Sequence[str]) -> Memory:
    """CrewAI's memory on one of its storages, filled past the pipeline that saves one by one."""
    records = [
        MemoryRecord(content=text, scope=f"/s{n % 5}", categories=[f"t{n % 7}"], embedding=vector)
        for n, (text, vector) in enumerate(zip(texts, embed(texts), strict=True))
    ]
    for start in range(0, len(records), 500):
        storage.save(records[start : start + 500])
    return Memory(
        storage=storage,
        embedder=embed,
        llm=Instant(model="instant"),
        consolidation_threshold=1.0,
        exploration_budget=0,
        query_analysis_threshold=2**31,
    )


def ours(team: TeamMemory, texts: Sequence[str]) -> TransactiveMemory:
    """Ours, with the same records."""
    memory = TransactiveMemory(team.agent("crew"))
    place = memory.agent.namespace
    memory.agent.remember_many(
        NewMemory(text=text, namespace=f"{place}/s{n % 5}", tags=[f"t{n % 7}"], importance=0.5)
        for n, text in enumerate(texts)
    )
    return memory


def measured(memories: dict[str, Memory], fresh: Sequence[str], questions: Sequence[str], rounds: int) -> Any:
    """Milliseconds of each operation with each memory, taking turns."""
    crews = {name: crew(memory) for name, memory in memories.items()}
    taken: dict[str, dict[str, list[float]]] = {}
    for n in range(rounds):
        some = fresh[n * (BATCH + 2) : (n + 1) * (BATCH + 2)]
        for name in order(memories, n):
            for what, action in operations(memories[name], crews[name], questions[n], some).items():
                taken.setdefault(what, {}).setdefault(name, []).append(timed(action))
    return {what: {name: statistics.median(times) for name, times in of.items()} for what, of in taken.items()}


def operations(memory: Memory, asked: Crew, question: str, some: Sequence[str]) -> dict[str, Callable[[], object]]:
    """What is measured."""
    return {
        "recall": lambda: memory.recall(question),
        "recall, shallow": lambda: memory.recall(question, depth="shallow"),
        "  in a scope": lambda: memory.recall(question, scope="/s1", depth="shallow"),
        "remember": lambda: memory.remember(some[0]),
        "remember, all given": lambda: memory.remember(some[1], **FIELDS),
        f"  {BATCH} at once": lambda: many(memory, some[2:]),
        "kickoff": asked.kickoff,
    }


def order(names: Iterable[str], n: int) -> list[str]:
    """Another one begins each round."""
    listed = list(names)
    return listed[n % len(listed) :] + listed[: n % len(listed)]


def many(memory: Memory, texts: Sequence[str]) -> None:
    """Save several, and wait until they are there."""
    memory.remember_many(list(texts), **FIELDS)
    memory.drain_writes()


def crew(memory: Memory) -> Crew:
    """One agent with one task."""
    agent = Agent(role="Analyst", goal="Answer", backstory="Knows it", llm=Instant(model="instant"))
    task = Task(description="What did they do last summer?", expected_output="An answer", agent=agent)
    return Crew(agents=[agent], tasks=[task], memory=memory)


def timed(action: Callable[[], object]) -> float:
    """Milliseconds that one call takes, after a pause in which what the call before left to threads is done."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    set_suppress_console_output(True)
    texts, questions = corpus(options.data, options.size + options.rounds * (BATCH + 2))
    kept, fresh = texts[: options.size], texts[options.size :]
    with tempfile.TemporaryDirectory() as folder, TeamMemory.open(Path(folder) / "ours") as team:
        own = ours(team, kept)
        embed = own.embedder
        memories: dict[str, Memory] = {
            "ours": own,
            "lancedb": theirs(LanceDBStorage(path=f"{folder}/lance"), embed, kept),
            "qdrant-edge": theirs(QdrantEdgeStorage(path=f"{folder}/edge"), embed, kept),
        }
        results = measured(memories, fresh, questions, options.rounds)
        print(f"{options.size:,} records, {options.rounds} rounds, medians in ms")
        for what, of in results.items():
            ratios = "  ".join(
                f"{name} {of[name]:8.2f} ({of[name] / of['ours']:5.1f}×)" for name in of if name != "ours"
            )
            print(f"{what:20} ours {of['ours']:7.2f}  {ratios}")
        for memory in memories.values():
            memory.close()


if __name__ == "__main__":
    main()
