"""Policies: how the memories of a namespace live, set on patterns and inherited field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from transactive.errors import InvalidInput
from transactive.namespaces import check_path, patterns_covering
from transactive.records import KINDS, SENSITIVITIES, Kind, Sensitivity

Decay = Literal["exponential", "linear", "logarithmic", "power", "step", "none"]
Gate = Literal["off", "hold", "refuse"]
DECAYS: tuple[str, ...] = get_args(Decay)
GATES: tuple[str, ...] = get_args(Gate)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(value: timedelta | str, what: str) -> timedelta:
    """A positive duration from a `timedelta` or a string such as `"90s"`, `"15m"`, `"24h"`, `"30d"`, `"2w"`."""
    result = value
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+)(\.\d+)?([smhdw])", value.strip())
        if match is None:
            raise InvalidInput(f"{what} is a timedelta or a string like '15m', '24h' or '30d', not {value!r}")
        try:
            unit = _UNITS[match[3]]
            result = timedelta(**{unit: int(match[1])}) + timedelta(**{unit: float(match[2] or 0)})  # exact to the end
        except (OverflowError, ValueError):
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
class Rate:
    """At most `count` writes in `per`, on average; as many at once."""

    count: int
    per: timedelta


def rate(value: str) -> Rate:
    """A rate such as `"60/m"`, `"5/s"` or `"1000/24h"`."""
    match = re.fullmatch(r"([1-9]\d{0,8})/(\d*)([smhdw])", value.strip()) if isinstance(value, str) else None
    if match is None:
        raise InvalidInput(f"write_rate is a string like '60/m', '5/s' or '1000/24h', not {value!r:.40}")
    return Rate(count=int(match[1]), per=duration(f"{match[2] or 1}{match[3]}", "write_rate"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What holds in a namespace. A field left None is inherited from the next pattern that covers the namespace."""

    decay: Decay | None = None
    """How relevance fades with age, where `recency_weight` is above 0, and retention always. Default: exponential."""
    half_life: timedelta | str | None = None
    """The age at which decay reaches a half. Default: 30 days."""
    half_life_factors: Mapping[Kind, float] | None = None
    """By how much the half-life of a kind is longer or shorter: `{"procedural": 4, "working": 0.1}`. Default: 1."""
    renew_on_access: bool | None = None
    """Whether age counts from the last access instead of from `created_at`. Default: True."""
    recency_weight: float | None = None
    """How much decay counts in a hit's score, in [0, 1]. Default: 0."""
    importance_weight: float | None = None
    """How much importance counts in a hit's score, in [0, 1]. Default: 0."""
    ttl: timedelta | str | None = None
    """How long a memory is kept after it was recorded. Default: for ever."""
    max_memories: int | None = None
    """How many memories are kept; `maintain` forgets those of the lowest retention score. Default: any number."""
    promote_to: str | None = None
    """Where important memories are copied to. Default: the shared namespace, once `promote_at` is set; a store without
    one needs it."""
    promote_at: float | None = None
    """The importance from which on they are, in [0, 1]. Default: 0.7, once `promote_to` is set; else none are."""
    reinforce: bool | None = None
    """Whether a fact or procedure said again reinforces the memory that there is. Default: True."""
    duplicate_at: float | None = None
    """The cosine, in [0, 1], from which on a wording that only adds or leaves out plain words says the same too.
    Default: none does; what differs in case, punctuation and fillers ("the", "please") alone is the same anyhow."""
    write_rate: str | None = None
    """How many memories one agent may write here, such as `"60/m"`. Default: any number. The owner is exempt."""
    verified_only: Gate | bool | None = None
    """`"hold"`: what is not verified is left out of recall until it is; `"refuse"` (or True): so it is where it is
    there already, and only verified memories may enter; `"off"` (or False, default)."""
    max_sensitivity: Sensitivity | None = None
    """The most sensitive memories that may be here; what is here already and is more so, only the owner still reads.
    Default: confidential."""
    advertise: bool | None = None
    """Whether `who_knows` names the authors of what is here, public and internal, to agents that may not read it; what
    they wrote is never shown. Default: False."""
    extract_graph: bool | None = None
    """Whether what is written here goes to the knowledge graph too, by the store's graph extractor. Default: False."""
    purge_after: timedelta | str | None = None
    """How long `undo` brings forgotten memories back; then `maintain` deletes them for good. Default: 30 days."""

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check(value, name))


def _one_of(allowed: tuple[str, ...]) -> Any:
    def check(value: Any, name: str) -> str:
        if value not in allowed:
            raise InvalidInput(f"{name} is one of {', '.join(allowed)}, not {value!r:.40}")
        return str(value)

    return check


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} is True or False, not {value!r:.40}")
    return value


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"{name} is a number of memories, at least 1, not {value!r:.40}")
    return value


def _factors(value: Any, name: str) -> dict[str, float]:
    if not isinstance(value, Mapping) or any(kind not in KINDS for kind in value):
        raise InvalidInput(f"{name} maps kinds ({', '.join(KINDS)}) to positive numbers")
    for kind, factor in value.items():
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 1e6:
            raise InvalidInput(f"{name} maps {kind!r} to a number above 0, not {factor!r:.40}")
    return {kind: float(value[kind]) for kind in KINDS if kind in value}


def _gate(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "refuse" if value else "off"
    checked: str = _one_of(GATES)(value, name)
    return checked


def _path(value: Any, _name: str) -> str:
    return check_path(value)


def _rate(value: Any, _name: str) -> str:
    rate(value)
    return str(value).strip()


_CHECKS: dict[str, Any] = {
    "decay": _one_of(DECAYS),
    "half_life": duration,
    "half_life_factors": _factors,
    "renew_on_access": _flag,
    "recency_weight": unit_interval,
    "importance_weight": unit_interval,
    "ttl": duration,
    "max_memories": _count,
    "promote_to": _path,
    "promote_at": unit_interval,
    "reinforce": _flag,
    "duplicate_at": unit_interval,
    "write_rate": _rate,
    "verified_only": _gate,
    "max_sensitivity": _one_of(SENSITIVITIES),
    "advertise": _flag,
    "extract_graph": _flag,
    "purge_after": duration,
}


DEFAULT = Policy(
    decay="exponential",
    half_life="30d",
    half_life_factors={},
    renew_on_access=True,
    recency_weight=0.0,
    importance_weight=0.0,
    reinforce=True,
    verified_only="off",
    max_sensitivity="confidential",
    advertise=False,
    extract_graph=False,
    purge_after="30d",
)


def effective(policies: Mapping[str, Policy], namespace: str) -> Policy:
    """The policy of a namespace: field by field from the closest pattern, exact before `*` before `**`."""
    result = DEFAULT
    for pattern in reversed(patterns_covering(namespace)):
        policy = policies.get(pattern)
        if policy is not None:
            given = {f.name: getattr(policy, f.name) for f in fields(Policy) if getattr(policy, f.name) is not None}
            result = replace(result, **given)
    return result


def ago(now: datetime, age: timedelta) -> datetime:
    """The time that is so long past; the first that there is where it would be before that."""
    try:
        return now - age
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def horizon(policies: Mapping[str, Policy], namespace: str, now: datetime) -> datetime:
    """The purge horizon of a namespace: what was forgotten up to then is due to be deleted for good."""
    kept = effective(policies, namespace).purge_after
    assert isinstance(kept, timedelta)
    return ago(now, kept)


def to_json(policy: Policy) -> dict[str, Any]:
    """The set fields of a policy as JSON values; durations as seconds with the unit `s`."""
    out: dict[str, Any] = {}
    for f in fields(Policy):
        value = getattr(policy, f.name)
        if isinstance(value, timedelta):
            out[f.name] = f"{value // timedelta(seconds=1)}.{value.microseconds:06}s"
        elif value is not None:
            out[f.name] = value
    return out
