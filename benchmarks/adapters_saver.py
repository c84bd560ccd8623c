"""LangGraph's checkpointers side by side: ours and `langgraph-checkpoint-sqlite`, on one disk, step by step in turn.

Each step of a thread puts a checkpoint, puts a write and reads the latest checkpoint, as a graph does; the thread's
list of messages grows to a given length, one message every tenth step. Medians in milliseconds, and what is on disk.

    .integrations/all/bin/python benchmarks/adapters_saver.py [--steps 1000] [--messages 100]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.sqlite import SqliteSaver

from transactive import TeamMemory
from transactive_integrations.langgraph import TransactiveSaver

WORDS = [
    "refund",
    "parcel",
    "customer",
    "invoice",
    "tomorrow",
    "because",
    "agent",
    "checked",
    "order",
    "delayed",
    "carrier",
    "answer",
    "please",
]


class Thread:
    """One thread on one saver, and what its calls took."""

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        self.saver = saver
        self.config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        self.versions: dict[str, Any] = {}
        self.took: dict[str, list[float]] = {"put": [], "put_writes": [], "get_tuple": []}

    def step(self, number: int, messages: list[AnyMessage], *, grown: bool) -> None:
        new = ["step", "messages"] if grown else ["step"]
        for channel in new:
            self.versions[channel] = self.saver.get_next_version(self.versions.get(channel), None)
        checkpoint: Any = {
            "v": 4,
            "id": str(uuid6(clock_seq=number)),
            "ts": "2026-11-20T12:00:00+00:00",
            "channel_values": {"messages": messages, "step": number},
            "channel_versions": dict(self.versions),
            "versions_seen": {"agent": dict(self.versions)},
            "updated_channels": new,
        }
        metadata: Any = {"source": "loop", "step": number, "parents": {}}
        versions = {channel: self.versions[channel] for channel in new}
        start = time.perf_counter()
        self.config = self.saver.put(self.config, checkpoint, metadata, versions)
        put = time.perf_counter()
        self.saver.put_writes(self.config, [("step", number + 1)], str(uuid.uuid4()))
        written = time.perf_counter()
        found = self.saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}})
        read = time.perf_counter()
        assert found is not None
        assert found.checkpoint["channel_values"]["messages"] == messages
        for name, seconds in (("put", put - start), ("put_writes", written - put), ("get_tuple", read - written)):
            self.took[name].append(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--dir", type=Path, default=None, help="where both keep their files")
    given = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(dir=given.dir) as folder:
        peer_path, our_path = Path(folder) / "peer.sqlite", Path(folder) / "ours"
        with SqliteSaver.from_conn_string(str(peer_path)) as peer, TeamMemory.open(our_path) as team:
            threads = {"sqlite": Thread(peer), "transactive": Thread(TransactiveSaver(team))}
            messages: list[AnyMessage] = []
            for number in range(given.steps):
                grown = len(messages) < given.messages and number % 10 == 0
                if grown:
                    text = " ".join(chance.choices(WORDS, k=40))
                    messages = [*messages, HumanMessage(text, id=str(uuid.uuid4()))]
                for thread in threads.values() if number % 2 else reversed(threads.values()):
                    thread.step(number, messages, grown=grown)
        sizes = {"sqlite": peer_path.stat().st_size, "transactive": (our_path / "ledger.db").stat().st_size}
    for name in ("put", "put_writes", "get_tuple"):
        medians = {saver: 1e3 * statistics.median(thread.took[name]) for saver, thread in threads.items()}
        ratio = medians["sqlite"] / medians["transactive"]
        print(
            f"{name:10}  sqlite {medians['sqlite']:.3f} ms  transactive {medians['transactive']:.3f} ms  {ratio:.2f}x"
        )
    print(
        f"{'storage':10}  sqlite {sizes['sqlite']:,} bytes  transactive {sizes['transactive']:,} bytes  "
        f"{sizes['sqlite'] / sizes['transactive']:.1f}x smaller"
    )


if __name__ == "__main__":
    main()
