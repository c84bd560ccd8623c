"""Tasks: rows, who may take them, what they need, and what became of each claim."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from transactive.ledger import placed
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema_coordination import attempts, task_needs, tasks
from transactive.ledger.times import stamp, unstamp
from transactive.records import Attempt, Task
from transactive.rules.access import Reach, principals

ENDED = ("done", "dead", "cancelled")


def to_tasks(connection: Connection, rows: Sequence[AnyRow], where: ColumnElement[bool], now: datetime) -> list[Task]:
    """Rows as records, which name of other tasks those alone that fulfil `where`."""
    needs = needs_of(connection, [row.uid for row in rows], where)
    earlier = [row.duplicate_of for row in rows if row.duplicate_of is not None]
    known = placed.by_uids(connection, tasks, earlier, where)
    return [
        replace(
            to_task(row, now, needs.get(row.uid, ())),
            duplicate_of=row.duplicate_of if row.duplicate_of in known else None,
        )
        for row in rows
    ]


def to_task(row: AnyRow, now: datetime, needs: Sequence[str] = ()) -> Task:
    """A row as a record; a lease that has run out counts for nothing, even while nobody has noted it."""
    over = row.status == "claimed" and row.lease_until <= stamp(now)
    return Task(
        uid=row.uid,
        text=row.text,
        payload=json.loads(row.payload),
        namespace=row.namespace,
        status="open" if over else row.status,
        agent=row.agent,
        assignee=row.assignee,
        user=row.user,
        session=row.session,
        app=row.app,
        sensitivity=row.sensitivity,
        priority=row.priority,
        attempts=row.attempts,
        failures=row.failures,
        max_attempts=row.max_attempts,
        needs=tuple(needs),
        not_before=unstamp(row.not_before),
        deadline=unstamp(row.deadline),
        claimed_by=None if over else row.claimed_by,
        lease_until=None if over else unstamp(row.lease_until),
        result=None if row.result is None else json.loads(row.result),
        reason=row.reason,
        duplicate_of=row.duplicate_of,
        created_at=unstamp(row.created_at),
        updated_at=unstamp(row.updated_at),
        started_at=unstamp(row.started_at),
        finished_at=unstamp(row.finished_at),
        version=row.version,
    )


def add(connection: Connection, row: Mapping[str, Any], needs: Sequence[str]) -> None:
    """Insert a task with what it needs."""
    connection.execute(insert(tasks), dict(row))
    if needs:
        connection.execute(insert(task_needs), [{"task": row["uid"], "needs": uid} for uid in needs])


def change(connection: Connection, uid: str, now: datetime, **values: Any) -> AnyRow:
    """Make a new version of a task; returns its row."""
    changed = update(tasks).where(tasks.c.uid == uid)
    changed = changed.values(version=tasks.c.version + 1, updated_at=stamp(now), **values)
    return connection.execute(changed.returning(tasks)).one()


def needs_of(connection: Connection, uids: Sequence[str], where: ColumnElement[bool]) -> dict[str, list[str]]:
    """By task, the uids of those tasks that it needs and that fulfil `where`."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(uids), placed.SOME):
        query = select(task_needs).join(tasks, tasks.c.uid == task_needs.c.needs)
        query = query.where(task_needs.c.task.in_(uids[start : start + placed.SOME]), where)
        for row in connection.execute(query.order_by(tasks.c.number)):
            found.setdefault(row.task, []).append(row.needs)
    return found


def undone(connection: Connection, uids: Sequence[str]) -> int:
    """How many of these tasks are not done."""
    query = select(func.count()).select_from(tasks).where(tasks.c.uid.in_(uids), tasks.c.status != "done")
    return int(connection.execute(query).scalar_one())


def freed(connection: Connection, uid: str) -> None:
    """A task is done: what needs it needs one less."""
    waiting = select(task_needs.c.task).where(task_needs.c.needs == uid)
    connection.execute(update(tasks).where(tasks.c.uid.in_(waiting)).values(needed=tasks.c.needed - 1))


def recount(connection: Connection) -> None:
    """Some tasks were deleted: what needed them needs them no more."""
    needed = tasks.alias("needed")
    left = select(func.count()).select_from(task_needs.join(needed, needed.c.uid == task_needs.c.needs))
    left = left.where(task_needs.c.task == tasks.c.uid, needed.c.status != "done")
    connection.execute(update(tasks).where(tasks.c.needed > 0).values(needed=left.scalar_subquery()))


# --- taking -------------------------------------------------------------------------------------------------------


def offered(reach: Reach, groups: Mapping[str, Iterable[str]], now: datetime) -> ColumnElement[bool]:
    """What a caller may take now."""
    return and_(free(now), placed.readable(reach, tasks), meant_for(reach, groups))


def free(now: datetime) -> ColumnElement[bool]:
    """What nobody works on and nothing holds back; a lease that has run out counts for nothing."""
    at = stamp(now)
    again = and_(tasks.c.status == "claimed", tasks.c.lease_until <= at, tasks.c.failures + 1 < tasks.c.max_attempts)
    return and_(
        or_(tasks.c.status == "open", again),
        tasks.c.needed == 0,
        or_(tasks.c.not_before.is_(None), tasks.c.not_before <= at),
        or_(tasks.c.deadline.is_(None), tasks.c.deadline > at),
    )


def meant_for(reach: Reach, groups: Mapping[str, Iterable[str]]) -> ColumnElement[bool]:
    """What a caller was named for, or what nobody was and lies where it may write."""
    named = tasks.c.assignee.in_(sorted(principals(reach.identity.agent, groups)))
    return or_(named, and_(tasks.c.assignee.is_(None), placed.writable(reach, tasks)))


def next_of(connection: Connection, where: ColumnElement[bool]) -> AnyRow | None:
    """The task of the highest priority that fulfils `where`; of several, the one that was posted first."""
    query = select(tasks).where(where).order_by(tasks.c.priority.desc(), tasks.c.number).limit(1)
    return connection.execute(query).one_or_none()


def overdue(now: datetime) -> ColumnElement[bool]:
    """Of a lease that has run out, or of a deadline that has passed without a claim."""
    at = stamp(now)
    leased = and_(tasks.c.status == "claimed", tasks.c.lease_until <= at)
    return or_(leased, and_(tasks.c.status == "open", tasks.c.deadline <= at))


def any_overdue(connection: Connection, now: datetime) -> bool:
    """Whether there is one."""
    return connection.execute(select(tasks.c.uid).where(overdue(now)).limit(1)).first() is not None


def matching(
    connection: Connection, where: ColumnElement[bool], *, limit: int, offset: int = 0, latest: bool = False
) -> list[AnyRow]:
    """Tasks in the order in which they are offered, or the latest first."""
    order = (tasks.c.number.desc(),) if latest else (tasks.c.priority.desc(), tasks.c.number)
    return list(connection.execute(select(tasks).where(where).order_by(*order).limit(limit).offset(offset)))


def count(connection: Connection, where: ColumnElement[bool]) -> int:
    """How many tasks fulfil `where`."""
    return int(connection.execute(select(func.count()).select_from(tasks).where(where)).scalar_one())


def tied(uid: str) -> ColumnElement[bool]:
    """What a task needs, or what needs it."""
    before = select(task_needs.c.needs).where(task_needs.c.task == uid)
    after = select(task_needs.c.task).where(task_needs.c.needs == uid)
    return or_(tasks.c.uid.in_(before), tasks.c.uid.in_(after))


# --- attempts -----------------------------------------------------------------------------------------------------


def begin(connection: Connection, uid: str, attempt: int, agent: str, now: datetime) -> None:
    """Note a claim."""
    connection.execute(insert(attempts), {"task": uid, "attempt": attempt, "agent": agent, "claimed_at": stamp(now)})


def end(connection: Connection, uid: str, outcome: str, reason: str | None, now: datetime) -> None:
    """Note what became of the claim that went on."""
    going = and_(attempts.c.task == uid, attempts.c.ended_at.is_(None))
    connection.execute(update(attempts).where(going).values(ended_at=stamp(now), outcome=outcome, reason=reason))


def history(connection: Connection, uid: str) -> list[Attempt]:
    """Every claim of a task, in order."""
    rows = connection.execute(select(attempts).where(attempts.c.task == uid).order_by(attempts.c.attempt))
    return [
        Attempt(
            number=row.attempt,
            agent=row.agent,
            claimed_at=unstamp(row.claimed_at),
            ended_at=unstamp(row.ended_at),
            outcome=row.outcome,
            reason=row.reason,
        )
        for row in rows
    ]


# --- measures -----------------------------------------------------------------------------------------------------


def posted(connection: Connection, since: int, until: int) -> list[int]:
    """When each task of a time was posted."""
    at = tasks.c.created_at
    return list(connection.execute(select(at).where(at >= since, at < until)).scalars())


def ended(connection: Connection, since: int, until: int) -> list[AnyRow]:
    """The tasks that were done or became dead letters in a time."""
    over = and_(tasks.c.finished_at >= since, tasks.c.finished_at < until, tasks.c.status.in_(("done", "dead")))
    return list(connection.execute(select(tasks).where(over)))
