"""How much importance and decay count for each candidate, as the policies of their namespaces and the call say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from transactive.policies import Policy
from transactive.rules import decay
from transactive.rules.decay import Floats
from transactive.rules.ranking import Traits


@dataclass(frozen=True, slots=True)
class Weights:
    """What a call asks for; None leaves it to the policies."""

    importance: float | None = None
    recency: float | None = None
    half_life: timedelta | None = None


def factors(
    traits: Sequence[Traits], policies: Mapping[str, Policy], asked: Weights, now: datetime
) -> tuple[Floats, Floats]:
    """For each candidate, the factors of its importance and of its decay; `policies` are those in force."""
    importance = np.ones(len(traits))
    decayed = np.ones(len(traits))
    groups: dict[tuple[str, str], list[int]] = {}
    for place, trait in enumerate(traits):
        groups.setdefault((trait.namespace, trait.kind), []).append(place)
    for (namespace, _), members in groups.items():
        policy, first = policies[namespace], traits[members[0]]
        weight = _first(asked.importance, policy.importance_weight)
        if weight:
            values = np.array([traits[place].importance for place in members])
            importance[members] = 1.0 - weight * (1.0 - values)
        weight = _first(asked.recency, policy.recency_weight)
        if weight:
            half_life = decay.seconds_of(policy, first.kind, asked.half_life)
            renews = policy.renew_on_access is not False
            since = [traits[n].touched if renews else traits[n].created_at.timestamp() for n in members]
            ratios = (now.timestamp() - np.array(since)) / half_life
            kept = decay.factors(policy.decay or "exponential", np.maximum(0.0, ratios))
            decayed[members] = 1.0 - weight * (1.0 - kept)
    return importance, decayed


def _first(asked: float | None, policy: float | None) -> float:
    return asked if asked is not None else policy or 0.0
