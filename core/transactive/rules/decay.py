"""How relevance fades with age. With half-life h and age t, all in [0, 1], all ½ at t = h except `none`:

exponential 2^(−t/h) · linear max(0, 1 − t/2h) · logarithmic 1/(1 + log₂(1 + t/h)) · power 1/(1 + t/h) ·
step 1 before h and ½ from h on · none 1.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from transactive.policies import Decay


def factor(decay: Decay, age: timedelta, half_life: timedelta) -> float:
    """What is left of 1 after `age`; an age below zero counts as zero."""
    ratio = max(0.0, age / half_life)
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


def age(created_at: datetime, last_access: datetime | None, now: datetime) -> timedelta:
    """Decay counts from the later of when it happened and when it was last used."""
    return now - max(created_at, last_access or created_at)


def weighted(value: float, weight: float) -> float:
    """A factor in [1 − weight, 1]: 1 when value is 1 or weight is 0."""
    return 1.0 - weight * (1.0 - value)
