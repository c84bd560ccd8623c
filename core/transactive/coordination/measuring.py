"""How the team does: counted from tasks and handoffs, and from what was counted by the hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from transactive.errors import AccessDenied, InvalidInput
from transactive.ledger import handoffs, measures, tasks
from transactive.ledger.rows import AnyRow
from transactive.ledger.times import stamp
from transactive.paths.incoming import check_time
from transactive.policies import ago, duration
from transactive.records import Measured, Metrics
from transactive.rules.access import Identity
from transactive.store import Store

HOUR = timedelta(hours=1)
MOST_STRETCHES = 10_000
_MICROSECONDS = 1_000_000


class Measuring:
    """Measures the team."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def metrics(
        self, identity: Identity, since: datetime | None, until: datetime | None, every: timedelta | str
    ) -> Metrics:
        """The measures of a time, in all and stretch by stretch."""
        self._store.check()
        if not identity.is_owner:
            raise AccessDenied("the team's measures are the owner's: team.metrics()")
        step = duration(every, "every")
        if step < HOUR or step % HOUR:
            raise InvalidInput(
                "every is a number of whole hours, such as '1h', '24h' or '7d': counts are kept by the hour"
            )
        end = _next_hour(self._store.clock()) if until is None else _hour(check_time(until, "until"))
        start = ago(end, timedelta(days=30)) if since is None else _hour(check_time(since, "since"))
        if start >= end:
            raise InvalidInput("until must be later than since, by an hour at least")
        if (end - start) // step > MOST_STRETCHES:
            raise InvalidInput(f"that is more than {MOST_STRETCHES:,} stretches; say a longer every=")
        return self._measured(start, end, step)

    def _measured(self, start: datetime, end: datetime, step: timedelta) -> Metrics:
        first, last = _hours(start), _hours(end)
        with self._store.ledger.snapshot() as connection:
            counted = measures.read(connection, first, last)
            posted = tasks.posted(connection, stamp(start), stamp(end))
            ended = tasks.ended(connection, stamp(start), stamp(end))
            escalated = handoffs.escalated(connection, stamp(start), stamp(end))
        with self._store.guard:
            counted += [(h, name, n) for (h, name), n in self._store.measured.items() if first <= h < last]
        stretches = [(begin, min(begin + step, end)) for begin in _steps(start, end, step)]
        of = _Counted(counted, posted, ended, escalated)
        series = tuple(_stretch(*stretch, of) for stretch in stretches)
        by = Counter(row.claimed_by for row in ended if row.status == "done" and row.claimed_by is not None)
        return Metrics(
            total=_stretch(start, end, of),
            series=series,
            agents=dict(sorted(by.items(), key=lambda item: (-item[1], item[0]))),
        )


@dataclass(frozen=True, slots=True)
class _Counted:
    """What was counted and noted in all."""

    counts: Sequence[tuple[int, str, int]]
    posted: Sequence[int]
    ended: Sequence[AnyRow]
    escalated: Sequence[int]


def _stretch(start: datetime, end: datetime, of: _Counted) -> Measured:
    """What of all that lies in one stretch."""
    first, last, since, until = _hours(start), _hours(end), stamp(start), stamp(end)
    counts: Counter[str] = Counter()
    for hour, name, value in of.counts:
        if first <= hour < last:
            counts[name] += value
    over = [row for row in of.ended if since <= row.finished_at < until]
    done = [row for row in over if row.status == "done"]
    return Measured(
        start=start,
        end=end,
        writes=counts["writes"],
        rework_avoided=counts["rework_avoided"],
        rework_done=sum(row.duplicate_of is not None for row in done),
        tasks_posted=sum(since <= at < until for at in of.posted),
        tasks_done=len(done),
        tasks_dead=sum(row.status == "dead" for row in over),
        escalations=sum(since <= at < until for at in of.escalated),
        waiting_seconds=_median([row.started_at - row.created_at for row in done]),
        working_seconds=_median([row.finished_at - row.started_at for row in done]),
        recalls=counts["recalls"],
        recalls_from_others=counts["recalls_from_others"],
    )


def _median(spans: Sequence[int]) -> float | None:
    return median(spans) / _MICROSECONDS if spans else None


def _steps(start: datetime, end: datetime, step: timedelta) -> Iterable[datetime]:
    while start < end:
        yield start
        start += step


def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _next_hour(time: datetime) -> datetime:
    return _hour(time) + HOUR


def _hours(time: datetime) -> int:
    return int(time.timestamp()) // 3600
