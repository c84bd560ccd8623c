"""Turn retrieval on LoCoMo, through the public API: recall@k, NDCG@10 and MRR per category, with timings.

    python benchmarks/locomo.py --data locomo10.json [--embedder static] [--pooled]

LoCoMo (Maharana et al., ACL 2024, github.com/snap-research/locomo) is CC BY-NC 4.0 and not part of this project. Each
turn becomes a memory with its author, session and time. recall@k is the share of a question's evidence turns among the
first k, averaged over questions; categories 1–4 and 5 (adversarial: the evidence is the other speaker's) apart. Each
question is asked twice: for ten hits, which give R@1 to R@10, NDCG and the timings, and for fifty, which give the rest.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from transactive import Agent, NewMemory, Recall, TeamMemory

CUTS = (1, 5, 10, 20, 50)
NAMES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}


@dataclass(frozen=True)
class Question:
    """One question with the ids of its evidence turns."""

    text: str
    category: int
    evidence: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """What came back for a question."""

    question: Question
    ten: tuple[str, ...]
    fifty: tuple[str, ...]
    seconds: float


def evidence_ids(raw: Sequence[str], known: frozenset[str]) -> frozenset[str]:
    """Repair malformed ids (`D8:6; D9:17`, `D:11:26`, `D30:05`); what names no turn is dropped."""
    found = (f"D{int(a)}:{int(b)}" for text in raw for a, b in re.findall(r"D:?(\d+):(\d+)", text))
    return frozenset(id for id in found if id in known)


def turns(sample: dict[str, Any]) -> Iterator[tuple[str, NewMemory]]:
    """Every turn of a conversation with its speaker, as a memory in time order."""
    conversation = sample["conversation"]
    numbers = sorted(int(key.split("_")[1]) for key in conversation if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        said = conversation[f"session_{number}_date_time"]
        start = datetime.strptime(said, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for place, turn in enumerate(conversation[f"session_{number}"]):
            caption = f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            yield (
                turn["speaker"],
                NewMemory(
                    text=turn["text"] + caption,
                    id=turn["dia_id"],
                    session=f"{sample['sample_id']}/{number}",
                    created_at=start + timedelta(seconds=30 * place),
                ),
            )


def load(team: TeamMemory, sample: dict[str, Any]) -> Agent:
    """Remember a conversation; returns a reader of it alone."""
    namespace = f"locomo/{sample['sample_id']}"
    reader = f"reader of {sample['sample_id']}"
    team.grant("*", "locomo/**", "write")
    team.grant(reader, namespace, "read")
    by_speaker: dict[str, list[NewMemory]] = {}
    for speaker, memory in turns(sample):
        by_speaker.setdefault(speaker, []).append(memory)
    for speaker, memories in by_speaker.items():
        team.agent(speaker).remember_many(memories, namespace=namespace)
    return team.agent(reader)


def questions(sample: dict[str, Any]) -> list[Question]:
    """The questions of a conversation that have evidence."""
    known = frozenset(memory.id or "" for _, memory in turns(sample))
    asked = [Question(qa["question"], qa["category"], evidence_ids(qa["evidence"], known)) for qa in sample["qa"]]
    return [question for question in asked if question.evidence]


def ask(reader: Agent, sample: dict[str, Any], *, pooled: bool) -> Iterator[Answer]:
    """Recall turns for each question; pooled, turns of another conversation are wrong whatever their number."""
    here = f"locomo/{sample['sample_id']}"
    for question in questions(sample):
        start = time.perf_counter()
        ten = reader.recall(question.text, limit=10)
        seconds = time.perf_counter() - start
        fifty = reader.recall(question.text, limit=50)
        assert pooled or all(hit.memory.namespace == here for hit in fifty)
        yield Answer(question, ids(ten, here), ids(fifty, here), seconds)


def ids(hits: Recall, here: str) -> tuple[str, ...]:
    """The turn ids of hits; those of another conversation match no evidence."""
    return tuple(h.memory.id if h.memory.namespace == here else f"elsewhere/{h.memory.uid}" for h in hits)


def recall_at(answer: Answer, cut: int) -> float:
    """The share of the evidence among the first `cut`."""
    ranked = answer.ten if cut <= len(answer.ten) else answer.fifty
    return len(answer.question.evidence & set(ranked[:cut])) / len(answer.question.evidence)


def ndcg(answer: Answer, cut: int = 10) -> float:
    """Normalised discounted cumulative gain with binary relevance (Järvelin & Kekäläinen, 2002)."""
    gained = sum(1 / math.log2(i + 2) for i, id in enumerate(answer.ten[:cut]) if id in answer.question.evidence)
    return gained / sum(1 / math.log2(i + 2) for i in range(min(cut, len(answer.question.evidence))))


def reciprocal_rank(answer: Answer) -> float:
    """1 / the place of the first evidence turn, 0 when it is not among the first 50."""
    return next((1 / (i + 1) for i, id in enumerate(answer.fifty) if id in answer.question.evidence), 0.0)


def row(name: str, answers: Sequence[Answer]) -> str:
    """One line of the table, in per cent."""
    cells = [statistics.fmean(recall_at(a, cut) for a in answers) for cut in CUTS]
    cells += [statistics.fmean(map(ndcg, answers)), statistics.fmean(map(reciprocal_rank, answers))]
    return f"{name:<22}{len(answers):>6}" + "".join(f"{100 * cell:>8.1f}" for cell in cells)


def measure(samples: Sequence[dict[str, Any]], embedder: str, *, pooled: bool) -> tuple[list[Answer], float, int]:
    """Every answer, the seconds that loading took, and the number of turns."""
    with TeamMemory.open(":memory:", embedder=embedder) as team:
        start = time.perf_counter()
        readers = [load(team, sample) for sample in samples]
        seconds = time.perf_counter() - start
        if pooled:
            team.grant("reader of all", "locomo/**", "read")
            readers = [team.agent("reader of all")] * len(samples)
        answers = [
            answer
            for reader, sample in zip(readers, samples, strict=True)
            for answer in ask(reader, sample, pooled=pooled)
        ]
        return answers, seconds, team.count()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a LoCoMo file")
    parser.add_argument("--embedder", default="static", help="as in TeamMemory.open")
    parser.add_argument("--pooled", action="store_true", help="all conversations in one search")
    options = parser.parse_args()
    samples = json.loads(options.data.read_text(encoding="utf-8"))
    answers, seconds, count = measure(samples, options.embedder, pooled=options.pooled)
    scope = "pooled" if options.pooled else "per conversation"
    print(f"LoCoMo, {len(samples)} conversations, {count} turns, {scope}, embedder {options.embedder}")
    print(f"{'category':<22}{'n':>6}" + "".join(f"{f'R@{cut}':>8}" for cut in CUTS) + f"{'NDCG@10':>8}{'MRR':>8}")
    for category, name in NAMES.items():
        some = [answer for answer in answers if answer.question.category == category]
        if some:
            print(row(f"{category} {name}", some))
        if category == 4:
            print(row("1-4", [answer for answer in answers if answer.question.category <= 4]))
    times = sorted(answer.seconds for answer in answers)
    print(
        f"loaded {count / seconds:,.0f} turns/s; recall p50 {1000 * statistics.median(times):.2f} ms, "
        f"p99 {1000 * times[int(0.99 * len(times))]:.2f} ms"
    )


if __name__ == "__main__":
    main()
