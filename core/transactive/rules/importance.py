"""How important a text is, without a language model: importance = σ(b + Σ wᵢ·fᵢ + w_novelty·(novelty − ½)), in [0, 1].

The features fᵢ, each in [0, 1], are counts of marks in the text, capped: what decides, commits, corrects, reports an
incident, sets a rule, or is specific (numbers, names, identifiers, dates) speaks for it; hedges, acknowledgements,
small talk and broken-off sentences against it. Novelty = 1 − cosine to the nearest memory of the namespace, ½ where
that was not looked up: for what is no fact, and for the facts of a call with more than 64 items. The weights are those
of a logistic regression, rounded, on the second hundred sentences of benchmarks/importance.jsonl and, with half their
weight, the turns of two LoCoMo conversations; benchmarks/importance.py measures them on the first hundred and on the
other conversations.
"""

from __future__ import annotations

import math
import re

from transactive.rules import marks

_MOST = {"addresses": 2, "reports": 2, "dates": 1, "statement": 4}
"""How many marks of a kind count: two unless said otherwise."""
_KINDS = (
    *("decision", "commitment", "correction", "incident", "rule", "hedge", "acknowledgement", "small talk"),
    *_MOST,
)
_SPECIFIC = re.compile(r"\d[\d.,:/%-]*|[\w.]+@[\w.]+|\w+_\w+|--\w+|[€$£%]")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][a-zß-ÿ]{2,}")
_BROKEN_OFF = re.compile(
    r"(?:[,…]|\.\.\.|\b(?:and|or|but|the|a|it|it's|about|that|to|of|with|is)|\)|\?\?)\s*$", re.IGNORECASE
)
_EXCITED = re.compile(r"!!|[\U0001F300-\U0001FAFF]|([^\W\d_])\1\1|\?\s*\?")

WEIGHTS: dict[str, float] = {
    "decision": 0.8,
    "commitment": 0.8,
    "correction": 0.9,
    "incident": 0.7,
    "rule": 0.6,
    "hedge": -1.4,
    "acknowledgement": -1.0,
    "small talk": -1.0,
    "addresses": -0.4,
    "reports": 0.6,
    "specifics": 0.1,
    "dates": 0.8,
    "names": 0.8,
    "statement": 0.9,
    "broken off": -0.3,
    "excited": -0.2,
    "question": -0.3,
    "length": 0.3,
}
BIAS = -0.6
NOVELTY = 0.8


def features(text: str) -> dict[str, float]:
    """Every feature of a text, in [0, 1]."""
    some = text[:4000].replace("’", "'")
    counts = marks.counted(some.lower())
    found = {name: min(1.0, counts[name] / _MOST.get(name, 2)) for name in _KINDS}
    found["specifics"] = min(1.0, len(_SPECIFIC.findall(some)) / 2)
    found["names"] = min(1.0, len(_NAME.findall(some)) / 2)
    found["broken off"] = float(_BROKEN_OFF.search(some) is not None)
    found["excited"] = float(_EXCITED.search(some) is not None)
    found["question"] = float("?" in some)
    found["length"] = min(1.0, math.log2(1 + len(some.split())) / 6)
    return found


def salience(text: str) -> float:
    """What the text alone says of its importance, as a logit."""
    return BIAS + sum(WEIGHTS[name] * value for name, value in features(text).items())


def score(text: str, novelty: float | None = None) -> float:
    """The importance of a text, in [0, 1]; `novelty` in [0, 1], None where it was not looked up."""
    surprise = 0.0 if novelty is None else NOVELTY * (min(1.0, max(0.0, novelty)) - 0.5)
    return round(1.0 / (1.0 + math.exp(-(salience(text) + surprise))), 3)
