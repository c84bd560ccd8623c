"""Times as the ledger keeps them: integers, microseconds since 1970-01-01 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@overload
def stamp(time: datetime) -> int: ...
@overload
def stamp(time: None) -> None: ...
def stamp(time: datetime | None) -> int | None:
    """An aware datetime as microseconds."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


@overload
def unstamp(number: int) -> datetime: ...
@overload
def unstamp(number: None) -> None: ...
def unstamp(number: int | None) -> datetime | None:
    """Microseconds as an aware UTC datetime."""
    return None if number is None else _EPOCH + timedelta(microseconds=number)
