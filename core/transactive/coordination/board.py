"""Tasks: posted, claimed by one, renewed, done, failed, offered again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, true

from transactive.errors import AccessDenied, InvalidInput, LeaseLost, NotFound
from transactive.ledger import placed
from transactive.ledger import tasks as ledger
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema_coordination import tasks as table
from transactive.ledger.times import stamp, unstamp
from transactive.namespaces import check_pattern
from transactive.paths.incoming import (
    MAX_NAME,
    check_among,
    check_count,
    check_name,
    check_text,
    check_time,
    optional_name,
)
from transactive.paths.placing import Place, Placing, patterns_of
from transactive.paths.recipients import check_reaches
from transactive.paths.share import check_principal
from transactive.paths.values import encode
from transactive.paths.writing import Change
from transactive.policies import duration
from transactive.records import TASK_STATUSES, Attempt, Claim, Sensitivity, Task
from transactive.rules import rework
from transactive.rules.access import Identity, Reach, principals

MAX_PAYLOAD = 1 << 20
MAX_PRIORITY = 1 << 31
COMPARED = 200
"""Among how many of the latest tasks of its namespace one is sought that asks for nearly the same."""
POLL_SECONDS = 0.25
LONGEST = timedelta(days=36_525)
"""Of a lease, or a back-off."""


class Board:
    """Hands out tasks."""

    def __init__(self, placing: Placing, owner: Identity) -> None:
        self._placing = placing
        self._store = placing.store
        self._owner = owner

    # --- posting --------------------------------------------------------------------------------------------------

    def post(
        self,
        identity: Identity,
        text: str,
        *,
        payload: Any = None,
        assignee: str | None = None,
        namespace: str | None = None,
        needs: Sequence[Task | str] = (),
        priority: int = 0,
        max_attempts: int = 3,
        backoff: timedelta | str = "10s",
        not_before: datetime | None = None,
        deadline: datetime | None = None,
        user: str | None = None,
        session: str | None = None,
        sensitivity: Sensitivity | None = None,
        unique: bool = False,
    ) -> Task:
        """Offer a task, or return the one that is offered already."""
        place = self._placing.place(identity, namespace, user, sensitivity, shared=True)
        wanted = _uids(needs)
        row: dict[str, Any] = {
            "uid": self._store.new_id(),
            "app": identity.app,
            "session": optional_name(session, "a session") or identity.session,
            "text": check_text(text, "a task's text"),
            "payload": encode(payload, "a task's payload", most=MAX_PAYLOAD),
            "assignee": None if assignee is None else check_principal(assignee),
            "priority": check_count(priority, "priority", least=-MAX_PRIORITY, most=MAX_PRIORITY),
            "max_attempts": check_count(max_attempts, "max_attempts", least=1, most=1000),
            "backoff": _span(backoff, "backoff") // timedelta(microseconds=1),
            "not_before": None if not_before is None else stamp(check_time(not_before, "not_before")),
            "deadline": None if deadline is None else stamp(check_time(deadline, "deadline")),
        }
        if not isinstance(unique, bool):
            raise InvalidInput("unique is True or False")
        with self._placing.change(identity, "post_task", place) as change:
            if row["assignee"] is not None:
                check_reaches(change, place, row["assignee"], "a task")
            self._check_needs(change, wanted)
            earlier = self._earlier(change, place, row["text"])
            if unique and earlier is not None:
                self._store.count("rework_avoided")
                change.details = {"task": earlier.uid}
                return self._shown(change.connection, change.reach, earlier)
            ledger.add(change.connection, {**row, **_fresh(change, place, wanted, earlier)}, wanted)
            return self._noted(change, "task.post", self._at(change.connection, row["uid"]))

    def _check_needs(self, change: Change, needs: Sequence[str]) -> None:
        found = placed.by_uids(change.connection, table, needs, placed.readable(change.reach, table))
        missing = next((uid for uid in needs if uid not in found), None)
        if missing is not None:
            raise _no_task(missing, change.reach)

    def _earlier(self, change: Change, place: Place, text: str) -> AnyRow | None:
        """The latest task of the place that asks for nearly the same, of those that the poster may read."""
        where = and_(
            table.c.namespace == place.namespace,
            placed.readable(change.reach, table),
            table.c.user.is_(None) if place.user is None else table.c.user == place.user,
            table.c.status.not_in(("dead", "cancelled")),
        )
        latest = ledger.matching(change.connection, where, limit=COMPARED, latest=True)
        return next((row for row in latest if rework.near(row.text, text)), None)

    # --- claiming -------------------------------------------------------------------------------------------------

    def claim(
        self,
        identity: Identity,
        task: Task | str | None,
        namespace: str | None,
        lease: timedelta | str,
        wait: timedelta | str | None,
    ) -> Claim | None:
        """Take a task, or the next one, waiting for it if that is asked for."""
        uid = None if task is None else _uid(task)
        pattern = None if namespace is None else check_pattern(namespace)
        if uid is not None and pattern is not None:
            raise InvalidInput("claim takes a task, or a namespace to take the next one from, not both")
        held = _span(lease, "lease")
        until = time.monotonic() + (0 if wait is None else duration(wait, "wait").total_seconds())
        woken = threading.Event()
        with self._store.signal.heard(woken.set):
            while True:
                woken.clear()
                claim = self._claim(identity, uid, pattern, held)
                left = until - time.monotonic()
                if claim is not None or left <= 0:
                    return claim
                woken.wait(min(POLL_SECONDS, left))

    def _claim(self, identity: Identity, uid: str | None, pattern: str | None, lease: timedelta) -> Claim | None:
        self.expire()
        with self._placing.reading(identity) as (connection, allowed):
            # Most of the time that workers spend asking there is nothing: that costs no write.
            if self._offered(connection, allowed, uid, pattern, self._store.clock()) is None:
                return None
        with self._placing.writing.change(identity, "claim_task") as change:
            row = self._offered(change.connection, change.reach, uid, pattern, change.now)
            if row is None:
                return None
            token, until = self._store.new_id(), change.now + lease
            claimed = ledger.change(
                change.connection,
                row.uid,
                change.now,
                status="claimed",
                claim=token,
                claimed_by=identity.agent,
                lease_until=stamp(until),
                attempts=row.attempts + 1,
                started_at=row.started_at or stamp(change.now),
            )
            ledger.begin(change.connection, row.uid, row.attempts + 1, identity.agent, change.now)
            return Claim(task=self._noted(change, "task.claim", claimed), token=token, expires_at=until)

    def _offered(
        self, connection: Connection, allowed: Reach, uid: str | None, pattern: str | None, now: datetime
    ) -> AnyRow | None:
        groups = self._store.latest.groups
        is_open = table.c.status == "open"  # a lease that ran out is noted first, by `expire`: each claim has its end
        if uid is None:
            where = true() if pattern is None else placed.under(table, pattern)
            return ledger.next_of(connection, and_(ledger.offered(allowed, groups, now), is_open, where))
        row = self._find(connection, allowed, uid)
        self._check_meant(allowed, groups, row)
        free = ledger.free(now) if allowed.identity.is_owner else ledger.offered(allowed, groups, now)
        return ledger.next_of(connection, and_(free, is_open, table.c.uid == uid))

    def _check_meant(self, allowed: Reach, groups: Mapping[str, Sequence[str]], row: AnyRow) -> None:
        agent = allowed.identity.agent
        named = row.assignee in principals(agent, groups)
        if named or allowed.identity.is_owner or (row.assignee is None and allowed.may("write", row.namespace)):
            return
        raise AccessDenied(
            f"{agent!r} is not assigned to this task; post it for {agent!r}, for one of its groups, or for '*'"
        )

    def expire(self) -> int:
        """Note leases that have run out and deadlines that have passed: by the owner, whoever finds them."""
        self._store.check()
        with self._store.ledger.read() as connection:
            if not ledger.any_overdue(connection, self._store.clock()):
                return 0
        with self._placing.writing.change(self._owner, "expire_tasks") as change:
            rows = ledger.matching(change.connection, ledger.overdue(change.now), limit=1000)
            for row in rows:
                self._over(change, row)
            change.details = {"tasks": len(rows)}
        return len(rows)

    def _over(self, change: Change, row: AnyRow) -> None:
        leased = row.status == "claimed"
        if leased:
            ledger.end(change.connection, row.uid, "expired", None, change.now)
        late = row.deadline is not None and row.deadline <= stamp(change.now)
        reason = "its deadline passed" if late else "its lease ran out"
        self._again(change, row, reason, failures=row.failures + leased, dead=late, type="task.expire")

    def _again(self, change: Change, row: AnyRow, reason: str | None, *, failures: int, dead: bool, type: str) -> Task:
        """Offer a task again, or make it a dead letter."""
        over = dead or failures >= row.max_attempts
        rested = failures > row.failures and not over
        pause = rework.rest(timedelta(microseconds=row.backoff), failures) if rested and type == "task.fail" else None
        changed = ledger.change(
            change.connection,
            row.uid,
            change.now,
            status="dead" if over else "open",
            claim=None,
            claimed_by=None,
            lease_until=None,
            failures=failures,
            not_before=row.not_before if pause is None else stamp(change.now + pause),
            finished_at=stamp(change.now) if over else None,
            reason=reason,
        )
        return self._noted(change, "task.dead" if over else type, changed)

    def heard(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """While this lasts, a function is called at each commit of this process."""
        return self._store.signal.heard(wake)

    # --- what a claim allows --------------------------------------------------------------------------------------

    def renew(self, identity: Identity, claim: Claim, lease: timedelta | str) -> Claim:
        """Keep a claim; neither event nor audit."""
        _check_claim(claim)
        held = _span(lease, "lease")
        with self._store.ledger.write() as connection:
            allowed = self._store.reach(connection, identity)
            now = self._store.clock()
            row = self._held(connection, allowed, claim, now)
            until = now + held
            ledger.change(connection, row.uid, now, lease_until=stamp(until))
            return replace(
                claim, expires_at=until, task=self._shown(connection, allowed, self._at(connection, row.uid))
            )

    def complete(self, identity: Identity, claim: Claim, result: Any) -> Task:
        """The task is done."""
        _check_claim(claim)
        said = encode(result, "a task's result", most=MAX_PAYLOAD)
        with self._placing.writing.change(identity, "complete_task") as change:
            done = self._done_before(change, claim)
            if done is not None:
                return done
            row = self._held(change.connection, change.reach, claim, change.now)
            ledger.end(change.connection, row.uid, "done", None, change.now)
            ledger.freed(change.connection, row.uid)
            changed = ledger.change(
                change.connection,
                row.uid,
                change.now,
                status="done",
                lease_until=None,
                result=said,
                finished_at=stamp(change.now),
            )
            return self._noted(change, "task.complete", changed)

    def _done_before(self, change: Change, claim: Claim) -> Task | None:
        """The task, if this very claim has completed it: the answer got lost, and is asked for again."""
        row = self._find(change.connection, change.reach, claim.task.uid)
        mine = row.status == "done" and row.claim == claim.token and row.claimed_by == change.reach.identity.agent
        return self._shown(change.connection, change.reach, row) if mine else None

    def fail(self, identity: Identity, claim: Claim, reason: str, *, retry: bool) -> Task:
        """It could not be done."""
        said = check_text(reason, "a reason")
        with self._ended(identity, "fail_task", claim, "failed", said) as (change, row):
            return self._again(change, row, said, failures=row.failures + 1, dead=not retry, type="task.fail")

    def release(self, identity: Identity, claim: Claim, reason: str | None) -> Task:
        """Give it back."""
        said = None if reason is None else check_text(reason, "a reason")
        with self._ended(identity, "release_task", claim, "released", said) as (change, row):
            return self._again(change, row, said, failures=row.failures, dead=False, type="task.release")

    @contextmanager
    def _ended(
        self, identity: Identity, action: str, claim: Claim, outcome: str, reason: str | None
    ) -> Generator[tuple[Change, AnyRow], None, None]:
        _check_claim(claim)
        with self._placing.writing.change(identity, action) as change:
            row = self._held(change.connection, change.reach, claim, change.now)
            ledger.end(change.connection, row.uid, outcome, reason, change.now)
            yield change, row

    def _held(self, connection: Connection, allowed: Reach, claim: Claim, now: datetime) -> AnyRow:
        """The task of a claim that counts; `LeaseLost` otherwise."""
        row = self._find(connection, allowed, claim.task.uid)
        mine = row.claim == claim.token and row.claimed_by == allowed.identity.agent
        if row.status != "claimed" or not mine:
            raise LeaseLost(f"task {row.uid} is no longer claimed by this claim; claim it again if it is still offered")
        if row.lease_until <= stamp(now):
            raise LeaseLost(
                f"the lease of task {row.uid} ran out at {unstamp(row.lease_until).isoformat()}; it is offered to "
                "others again. Renew earlier, or claim with a longer lease"
            )
        return row

    # --- what its poster may do -----------------------------------------------------------------------------------

    def cancel(self, identity: Identity, task: Task | str, reason: str | None) -> Task:
        """It is not to be done any more."""
        said = None if reason is None else check_text(reason, "a reason")
        with self._managed(identity, "cancel_task", task) as (change, row):
            if row.status in {"done", "cancelled"}:
                raise InvalidInput(f"task {row.uid} is {row.status} already")
            return self._stopped(change, row, "cancelled", said, status="cancelled", finished_at=stamp(change.now))

    def _stopped(self, change: Change, row: AnyRow, outcome: str, reason: str | None, **values: Any) -> Task:
        ledger.end(change.connection, row.uid, outcome, reason, change.now)
        nobody = {"claim": None, "claimed_by": None, "lease_until": None, "reason": reason}
        changed = ledger.change(change.connection, row.uid, change.now, **{**nobody, **values})
        return self._noted(change, f"task.{_CALLED[outcome]}", changed)

    def retry(self, identity: Identity, task: Task | str) -> Task:
        """Offer a dead or cancelled task again."""
        with self._managed(identity, "retry_task", task) as (change, row):
            if row.status not in {"dead", "cancelled"}:
                raise InvalidInput(f"task {row.uid} is {row.status}; only a dead or cancelled one is offered again")
            again = {"status": "open", "failures": 0, "not_before": None, "finished_at": None, "deadline": None}
            changed = ledger.change(change.connection, row.uid, change.now, **again)
            return self._noted(change, "task.retry", changed)

    @contextmanager
    def _managed(
        self, identity: Identity, action: str, task: Task | str
    ) -> Generator[tuple[Change, AnyRow], None, None]:
        uid = _uid(task)
        with self._placing.writing.change(identity, action) as change:
            row = self._find(change.connection, change.reach, uid)
            if not change.reach.changes(ledger.to_task(row, change.now)):
                agent, place = identity.agent, row.namespace
                raise AccessDenied(
                    f"{agent!r} may do that only with what it posted itself, and with the right 'write'; "
                    f"for the tasks of others: team.grant({agent!r}, {place!r}, 'read', 'admin')"
                )
            yield change, row

    # --- for handoffs ---------------------------------------------------------------------------------------------

    def hand_over(self, change: Change, task: Task | Claim | str, to: str | None) -> Task:
        """Within a handoff: take a task from who works on it. For another agent it is open; with no `to`, it waits.

        Why, the handoff says: not all who may read the task may read that.
        """
        if isinstance(task, Claim):
            row = self._held(change.connection, change.reach, task, change.now)
        else:
            row = self._find(change.connection, change.reach, _uid(task))
            if not change.reach.changes(ledger.to_task(row, change.now)):
                raise AccessDenied("a task is handed over by who holds its claim, posted it, or has 'admin' there")
        if row.status in ledger.ENDED:
            raise InvalidInput(f"task {row.uid} is {row.status}; there is nothing to hand over")
        values = {"status": "waiting"} if to is None else {"status": "open", "assignee": to, "not_before": None}
        return self._stopped(change, row, "handed over", None, **values)

    def resume(self, change: Change, uid: str, assignee: str) -> None:
        """Within a resolution: what has waited for the answer goes on, with who had asked."""
        row = placed.by_uid(change.connection, table, uid, true())
        if row is not None and row.status == "waiting":
            values = {"status": "open", "assignee": assignee}
            self._noted(change, "task.resume", ledger.change(change.connection, uid, change.now, **values))

    # --- reading --------------------------------------------------------------------------------------------------

    def get(self, identity: Identity, task: Task | str) -> Task:
        """A task as it stands."""
        uid = _uid(task)
        with self._placing.reading(identity) as (connection, allowed):
            return self._shown(connection, allowed, self._find(connection, allowed, uid))

    def attempts(self, identity: Identity, task: Task | str) -> list[Attempt]:
        """Every claim of a task."""
        uid = _uid(task)
        with self._placing.reading(identity) as (connection, allowed):
            return ledger.history(connection, self._find(connection, allowed, uid).uid)

    def list(
        self,
        identity: Identity,
        *,
        status: str | Sequence[str] | None = None,
        namespaces: Sequence[str] | None = None,
        assignee: str | None = None,
        claimed_by: str | None = None,
        offered: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Task]:
        """Tasks that may be read."""
        most = check_count(limit, "limit", least=1, most=10_000)
        first = check_count(offset, "offset", least=0, most=1_000_000)
        patterns = patterns_of(namespaces)
        asked = [placed.within(table, patterns), self._status(status)]
        if assignee is not None:
            asked.append(table.c.assignee == check_principal(assignee))
        if claimed_by is not None:
            who = table.c.claimed_by == check_name(claimed_by, "an agent")
            asked.append(and_(who, table.c.status == "claimed", table.c.lease_until > stamp(self._store.clock())))
        with self._placing.reading(identity) as (connection, allowed):
            if offered:
                asked.append(ledger.offered(allowed, self._store.latest.groups, self._store.clock()))
            where = and_(placed.readable(allowed, table), *asked)
            rows = ledger.matching(connection, where, limit=most, offset=first)
            return ledger.to_tasks(connection, rows, placed.readable(allowed, table), self._store.clock())

    def count(self, identity: Identity, *, status: str | Sequence[str] | None, namespaces: Sequence[str] | None) -> int:
        """How many tasks may be read."""
        asked = placed.within(table, patterns_of(namespaces)), self._status(status)
        with self._placing.reading(identity) as (connection, allowed):
            return ledger.count(connection, and_(placed.readable(allowed, table), *asked))

    def _status(self, status: str | Sequence[str] | None) -> ColumnElement[bool]:
        """Of these states; a lease that has run out makes a task open."""
        if status is None:
            return true()
        wanted = check_among(status, TASK_STATUSES, "the status of a task")
        over = and_(table.c.status == "claimed", table.c.lease_until <= stamp(self._store.clock()))
        plain = and_(table.c.status.in_(wanted), ~over) if "claimed" in wanted else table.c.status.in_(wanted)
        return or_(plain, over) if "open" in wanted else plain

    def _find(self, connection: Connection, allowed: Reach, uid: str) -> AnyRow:
        row = placed.by_uid(connection, table, uid, placed.readable(allowed, table))
        if row is None:
            raise _no_task(uid, allowed)
        return row

    def _at(self, connection: Connection, uid: str) -> AnyRow:
        row = placed.by_uid(connection, table, uid, true())
        assert row is not None
        return row

    def _shown(self, connection: Connection, allowed: Reach, row: AnyRow) -> Task:
        return ledger.to_tasks(connection, [row], placed.readable(allowed, table), self._store.clock())[0]

    def _noted(self, change: Change, type: str, row: AnyRow) -> Task:
        task = self._shown(change.connection, change.reach, row)
        change.target = task.namespace
        change.noted(type, task)
        return task


_CALLED = {"cancelled": "cancel", "handed over": "hand_over"}


def _fresh(change: Change, place: Place, needs: Sequence[str], earlier: AnyRow | None) -> dict[str, Any]:
    """The columns of a task that was posted just now."""
    return {
        "namespace": place.namespace,
        "user": place.user,
        "sensitivity": place.sensitivity,
        "agent": change.reach.identity.agent,
        "status": "open",
        "attempts": 0,
        "failures": 0,
        "needed": ledger.undone(change.connection, needs) if needs else 0,
        "duplicate_of": None if earlier is None else earlier.uid,
        "created_at": stamp(change.now),
        "updated_at": stamp(change.now),
        "version": 1,
    }


def _span(given: timedelta | str, what: str) -> timedelta:
    span = duration(given, what)
    if span > LONGEST:
        raise InvalidInput(f"{what} is at most {LONGEST.days} days")
    return span


def _uid(task: object) -> str:
    if isinstance(task, Task):
        return task.uid
    return check_name(task, "a task", longest=MAX_NAME)


def _uids(needs: object) -> list[str]:
    if isinstance(needs, str | Task) or not isinstance(needs, Sequence):
        raise InvalidInput("needs is a list of tasks")
    uids = list(dict.fromkeys(_uid(task) for task in needs))
    if len(uids) > placed.SOME:
        raise InvalidInput(f"a task needs at most {placed.SOME} others")
    return uids


def _check_claim(claim: object) -> None:
    if not isinstance(claim, Claim):
        raise InvalidInput("that takes the Claim that tasks.claim(…) returned")


def _no_task(uid: str, allowed: Reach) -> NotFound:
    return NotFound(f"no task {uid!r:.100} that {allowed.identity.agent!r} may read")
