"""A token bucket: what an agent may still write to a namespace. It holds `count` tokens and refills within `per`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from transactive.policies import Rate


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many tokens were left at a time."""

    tokens: float
    at: datetime


def refilled(bucket: Bucket | None, rate: Rate, now: datetime) -> Bucket:
    """The bucket as it is now; a new one is full. A clock that went back adds nothing."""
    if bucket is None:
        return Bucket(float(rate.count), now)
    gained = max(timedelta(0), now - bucket.at) / rate.per * rate.count
    return Bucket(min(float(rate.count), bucket.tokens + gained), max(now, bucket.at))


def wait(bucket: Bucket, rate: Rate, wanted: int) -> timedelta:
    """How long until `wanted` tokens are there, at most the bucket's size; zero when they are there now."""
    missing = wanted - bucket.tokens
    return timedelta(0) if missing <= 1e-9 else missing / rate.count * rate.per
