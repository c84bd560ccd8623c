"""Turns fused relevance into the final order: what the question says of author and time, sessions, identifiers, decay.

    boosted   = fused + 0.3 [its author or user is the one name in the question] + 0.1 [asks when, and it tells when]
                      + 0.2 [the question names its year or month]
    relevance = (boosted + 0.25 × mean of the three best of its session) / the most that this question allows
    score     = relevance × (1 − wᵢ(1 − importance)) × (1 − wᵣ(1 − decay))

Memories that contain an identifier of the question come before all that don't. Ties are broken by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from transactive.records import Kind
from transactive.rules.cues import MentionedDate
from transactive.rules.fusion import Floats, Fused

AUTHOR, WHEN, DATE, SESSION = 0.3, 0.1, 0.2, 0.25
_TOP = 3


@dataclass(frozen=True, slots=True)
class Cues:
    """What the question says about the memory it wants."""

    name: str | None = None
    """The one known name in it; None when it names nobody or several."""
    when: bool = False
    date: MentionedDate | None = None


@dataclass(frozen=True, slots=True)
class Traits:
    """What ranking needs to know of a candidate besides its channel scores."""

    agent: str
    user: str | None
    session: str | None
    created_at: datetime
    tells_when: bool
    namespace: str = ""
    kind: Kind = "semantic"
    importance: float = 0.5
    touched: float = 0.0
    """The latest of when it happened, and was last recalled, read or said again, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates in their final order of relevance; row i of each array belongs to `order[i]`, a row of the fused."""

    order: npt.NDArray[np.intp]
    relevance: Floats
    boosts: dict[str, Floats]
    importance_factor: Floats | None = None
    decay_factor: Floats | None = None
    """None where no weight was asked for: then it is 1."""


def rank(fused: Fused, traits: Sequence[Traits], cues: Cues) -> Ranked:
    """Order candidates by identifiers, then relevance, then id."""
    boosts = _boosts(traits, cues)
    boosted = fused.relevance + sum(boosts.values(), start=np.zeros(len(traits)))
    boosts["session"] = SESSION * _session_means(boosted, traits)
    attainable = (1 + AUTHOR * (cues.name is not None) + WHEN * cues.when + DATE * (cues.date is not None)) * (
        1 + SESSION
    )
    relevance = (boosted + boosts["session"]) / attainable
    order = _ordered(fused, relevance)
    return Ranked(order, relevance[order], {name: values[order] for name, values in boosts.items() if values.any()})


def rank_documents(fused: Fused) -> Ranked:
    """The same without boosts: what a question says of author, time and session is not said of a keyed value."""
    order = _ordered(fused, fused.relevance)
    return Ranked(order, fused.relevance[order], {})


def _ordered(fused: Fused, relevance: Floats) -> npt.NDArray[np.intp]:
    count = len(fused.keys)
    keys = zip((-fused.identifiers).tolist(), (-relevance).tolist(), fused.keys, range(count), strict=True)
    return np.fromiter((key[-1] for key in sorted(keys)), np.intp, count)


def weigh(ranked: Ranked, fused: Fused, importance_factor: Floats, decay_factor: Floats) -> Ranked:
    """Order by the final score; the factors belong to the fused rows, and come back in the new order."""
    importance, decay = importance_factor[ranked.order], decay_factor[ranked.order]
    scores = ranked.relevance * importance * decay
    rows = ranked.order.tolist()
    keys = zip(
        (-fused.identifiers[ranked.order]).tolist(),
        (-scores).tolist(),
        (fused.keys[row] for row in rows),
        range(len(rows)),
        strict=True,
    )
    order = np.fromiter((key[-1] for key in sorted(keys)), np.intp, len(rows))
    return Ranked(
        ranked.order[order],
        ranked.relevance[order],
        {name: values[order] for name, values in ranked.boosts.items()},
        importance[order],
        decay[order],
    )


def _boosts(traits: Sequence[Traits], cues: Cues) -> dict[str, Floats]:
    count = len(traits)
    boosts: dict[str, Floats] = {}
    if cues.name is not None:
        boosts["author"] = AUTHOR * np.fromiter((cues.name in {t.agent, t.user} for t in traits), np.float64, count)
    if cues.when:
        boosts["when"] = WHEN * np.fromiter((t.tells_when for t in traits), np.float64, count)
    if cues.date is not None:
        date = cues.date
        boosts["date"] = DATE * np.fromiter((date.matches(t.created_at) for t in traits), np.float64, count)
    return boosts


def _session_means(scores: Floats, traits: Sequence[Traits]) -> Floats:
    """For each candidate, the mean of the best three of its session; what has no session stands for itself."""
    best: dict[str, list[float]] = {}
    values = scores.tolist()
    for row in np.argsort(-scores).tolist():
        session = traits[row].session
        if session is not None:
            top = best.setdefault(session, [])
            if len(top) < _TOP:
                top.append(values[row])
    means = {session: sum(top) / len(top) for session, top in best.items()}
    return np.array([values[row] if t.session is None else means[t.session] for row, t in enumerate(traits)])
