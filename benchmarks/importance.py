"""Measures the built-in importance scorer: does it rank what is worth keeping above what is not?

    python benchmarks/importance.py [--data ../shared/data/locomo-dev.json]

The set is `importance.jsonl`: 200 sentences written by hand by the project's authors, half of them decisions,
commitments, corrections, incidents and specifics, half chatter, acknowledgements and drafts. The first hundred were
written first and held out; the scorer's marks and weights were made on the second hundred, by somebody who had not read
the first, and on two LoCoMo conversations. With `--data`, LoCoMo too: turns that are evidence for some question against
all the others. AUC is the share
of pairs (important, unimportant) that are ranked rightly, ties counting half.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # when run as a script

from benchmarks.locomo import evidence_ids
from transactive.rules import importance

SET = Path(__file__).with_name("importance.jsonl")
USED = 2
"""How many LoCoMo conversations the weights were made with."""


def auc(scored: Iterable[tuple[float, bool]]) -> float:
    """The share of pairs that are ranked rightly."""
    ordered = sorted(scored)
    ranks: dict[float, list[int]] = {}
    for rank, (score, _) in enumerate(ordered, 1):
        ranks.setdefault(score, []).append(rank)
    mean = {score: sum(found) / len(found) for score, found in ranks.items()}
    positives = sum(1 for _, important in ordered if important)
    total = sum(mean[score] for score, important in ordered if important)
    return (total - positives * (positives + 1) / 2) / (positives * (len(ordered) - positives))


def labelled() -> list[tuple[int, float, bool]]:
    """Number, score and label of every sentence of the set."""
    rows = [json.loads(line) for line in SET.read_text().splitlines()]
    return [(row["n"], importance.score(row["text"]), row["important"]) for row in rows]


def held_out() -> float:
    """The AUC on the hundred sentences that were written first."""
    return auc((score, important) for n, score, important in labelled() if n <= 100)


def locomo(path: Path) -> tuple[float, float]:
    """The AUC on LoCoMo, evidence turns against the rest: on the two conversations used, and on the others."""
    used: list[tuple[float, bool]] = []
    others: list[tuple[float, bool]] = []
    for place, talk in enumerate(json.loads(path.read_text())):
        said = {
            turn["dia_id"]: turn["text"]
            for key, turns in talk["conversation"].items()
            if key.startswith("session_") and isinstance(turns, list)
            for turn in turns
        }
        evidence = evidence_ids([text for qa in talk["qa"] for text in qa.get("evidence", [])], frozenset(said))
        scored = [(importance.score(text), id in evidence) for id, text in said.items()]
        (used if place < USED else others).extend(scored)
    return auc(used), auc(others)


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a LoCoMo file")
    data = parser.parse_args().data
    tuned = auc((score, important) for n, score, important in labelled() if n > 100)
    print(f"held out (first hundred)  AUC {held_out():.3f}")
    print(f"tuned on (second hundred) AUC {tuned:.3f}")
    if data is not None:
        used, others = locomo(data)
        print(f"LoCoMo, other three       AUC {others:.3f}")
        print(f"LoCoMo, two tuned on      AUC {used:.3f}")


if __name__ == "__main__":
    main()
