"""How relevance fades with age. With half-life h and age t, all in [0, 1], all ½ at t = h except `none`:

exponential 2^(−t/h) · linear max(0, 1 − t/2h) · logarithmic 1/(1 + log₂(1 + t/h)) · power 1/(1 + t/h) ·
step 1 before h and ½ from h on · none 1.

The exponential is the forgetting curve of Ebbinghaus (1885), the power law that of Wickelgren (1974), written so that
the half-life is its parameter. The half-life of a kind is that of the policy times the kind's factor.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from transactive.policies import DEFAULT, Decay, Policy
from transactive.records import Kind

Floats: TypeAlias = npt.NDArray[np.float64]


def factor(decay: Decay, age: timedelta, half_life: timedelta) -> float:
    """What is left of 1 after `age`; an age below zero counts as zero."""
    return _left(decay, max(0.0, age / half_life))


def _left(decay: Decay, ratio: float) -> float:
    match decay:
        case "exponential":
            return float(2.0**-ratio)
        case "linear":
            return max(0.0, 1.0 - ratio / 2.0)
        case "logarithmic":
            return 1.0 / (1.0 + math.log2(1.0 + ratio))
        case "power":
            return 1.0 / (1.0 + ratio)
        case "step":
            return 1.0 if ratio < 1.0 else 0.5
        case "none":
            return 1.0


def factors(decay: Decay, ratios: Floats) -> Floats:
    """The same for many at once, given each age in half-lives, none below zero."""
    match decay:
        case "exponential":
            return np.exp2(-ratios)
        case "linear":
            return np.maximum(0.0, 1.0 - ratios / 2.0)
        case "logarithmic":
            return 1.0 / (1.0 + np.log2(1.0 + ratios))
        case "power":
            return 1.0 / (1.0 + ratios)
        case "step":
            return np.where(ratios < 1.0, 1.0, 0.5)
        case "none":
            return np.ones_like(ratios)


def age(created_at: datetime, last_access: datetime | None, now: datetime) -> timedelta:
    """Decay counts from the later of when it happened and when it was last used."""
    return now - max(created_at, last_access or created_at)


def seconds_of(policy: Policy, kind: Kind, half_life: timedelta | None = None) -> float:
    """The half-life of a kind in seconds under a policy in force; `half_life` takes the place of the policy's."""
    base = half_life or cast("timedelta", policy.half_life or DEFAULT.half_life)
    return base.total_seconds() * (policy.half_life_factors or {}).get(kind, 1.0)


def kept(policy: Policy, kind: Kind, created_at: datetime, last_access: datetime | None, now: datetime) -> float:
    """What is left of a memory under a policy in force, in [0, 1]."""
    renewed = last_access if policy.renew_on_access is not False else None
    ratio = age(created_at, renewed, now).total_seconds() / seconds_of(policy, kind)
    return _left(policy.decay or "exponential", max(0.0, ratio))
