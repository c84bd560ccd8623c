"""Policies: how the memories of a namespace live, set on patterns and inherited field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Literal, get_args

from transactive.errors import InvalidInput
from transactive.namespaces import patterns_covering

Decay = Literal["exponential", "linear", "logarithmic", "power", "step", "none"]
DECAYS: tuple[str, ...] = get_args(Decay)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(value: timedelta | str, what: str) -> timedelta:
    """A positive duration from a `timedelta` or a string such as `"90s"`, `"15m"`, `"24h"`, `"30d"`, `"2w"`."""
    result = value
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", value.strip())
        if match is None:
            raise InvalidInput(f"{what} is a timedelta or a string like '15m', '24h' or '30d', not {value!r}")
        try:
            result = timedelta(**{_UNITS[match[2]]: float(match[1])})
        except OverflowError:
            raise InvalidInput(f"{what} is too long: {value!r}") from None
    if not isinstance(result, timedelta) or result <= timedelta(0):
        raise InvalidInput(f"{what} is a positive duration, not {value!r}")
    return result


def unit_interval(value: object, what: str) -> float:
    """The value as a float in [0, 1]; `InvalidInput` for anything else, NaN included."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInput(f"{what} is a number from 0 to 1, not {value!r:.40}")
    return float(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What holds in a namespace. A field left None is inherited from the next pattern that covers the namespace."""

    decay: Decay | None = None
    """How relevance fades with age, where `recency_weight` is above 0. Default: exponential."""
    half_life: timedelta | str | None = None
    """The age at which decay reaches a half. Default: 30 days."""
    recency_weight: float | None = None
    """How much decay counts in a hit's score, in [0, 1]. Default: 0."""
    importance_weight: float | None = None
    """How much importance counts in a hit's score, in [0, 1]. Default: 0."""
    ttl: timedelta | str | None = None
    """How long a memory is kept after it was recorded. Default: for ever."""

    def __post_init__(self) -> None:
        if self.decay is not None and self.decay not in DECAYS:
            raise InvalidInput(f"decay is one of {', '.join(DECAYS)}, not {self.decay!r}")
        for name in ("half_life", "ttl"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, duration(value, name))
        for name in ("recency_weight", "importance_weight"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, unit_interval(value, name))


DEFAULT = Policy(decay="exponential", half_life="30d", recency_weight=0.0, importance_weight=0.0)


def effective(policies: Mapping[str, Policy], namespace: str) -> Policy:
    """The policy of a namespace: field by field from the closest pattern, exact before `*` before `**`."""
    result = DEFAULT
    for pattern in reversed(patterns_covering(namespace)):
        policy = policies.get(pattern)
        if policy is not None:
            given = {f.name: getattr(policy, f.name) for f in fields(Policy) if getattr(policy, f.name) is not None}
            result = replace(result, **given)
    return result


def to_json(policy: Policy) -> dict[str, str | float]:
    """The set fields of a policy as JSON values; durations as seconds with the unit `s`."""
    out: dict[str, str | float] = {}
    for f in fields(Policy):
        value = getattr(policy, f.name)
        if isinstance(value, timedelta):
            out[f.name] = f"{value.total_seconds():.6f}s"
        elif value is not None:
            out[f.name] = value
    return out
