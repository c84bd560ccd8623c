"""Handoffs and escalations: made, taken, resolved, waited for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, true

from transactive.coordination.board import POLL_SECONDS, Board
from transactive.coordination.events import Follower, Numbered
from transactive.coordination.feed import Feed
from transactive.coordination.packing import Chosen, Packing
from transactive.errors import AccessDenied, AlreadyTaken, InvalidInput, NotFound
from transactive.ledger import handoffs as ledger
from transactive.ledger.placed import by_uid
from transactive.ledger.rows import AnyRow, mapping
from transactive.ledger.schema_coordination import handoffs as table
from transactive.ledger.times import stamp, unstamp
from transactive.paths.incoming import check_among, check_count, check_name, check_text, optional_name
from transactive.paths.placing import Placing
from transactive.paths.recipients import HUMAN, check_reaches
from transactive.paths.share import check_principal
from transactive.paths.values import encode
from transactive.paths.writing import Change
from transactive.policies import duration
from transactive.records import HANDOFF_STATUSES, Claim, Handoff, Sensitivity, Task
from transactive.rules.access import Identity, Reach

MAX_ANSWER = 1 << 20
KINDS = ("handoff", "escalation")


class Handing:
    """Hands work over."""

    def __init__(self, placing: Placing, feed: Feed, board: Board, packing: Packing) -> None:
        self._placing = placing
        self._store = placing.store
        self._feed = feed
        self._board = board
        self._packing = packing

    def hand(
        self,
        identity: Identity,
        kind: Literal["handoff", "escalation"],
        to: str,
        task: Task | Claim | str | None,
        *,
        reason: str | None,
        notes: str | None,
        include: Sequence[str],
        session: str | None,
        namespace: str | None,
        user: str | None,
        sensitivity: Sensitivity | None,
        budget: int,
    ) -> Handoff:
        """Make a handoff, with what is needed for it."""
        known = None if task is None else self._task(identity, task)
        about = user if user is not None else (None if known is None else known.user)
        level = sensitivity if sensitivity is not None else (None if known is None else known.sensitivity)
        place = self._placing.place(identity, namespace, about, level, shared=True)
        recipient = check_principal(to)
        if recipient == "*":
            raise InvalidInput("a handoff is to one: an agent, 'group:<name>', or a person: 'human:<name>'")
        chosen = Chosen(
            to=recipient,
            task=known,
            query=_query(known, reason, notes),
            include=_ids(include),
            session=optional_name(session, "a session") or _session(known, identity),
            user=place.user,
        )
        row: dict[str, Any] = {
            "uid": self._store.new_id(),
            "namespace": place.namespace,
            "user": place.user,
            "sensitivity": place.sensitivity,
            "agent": identity.agent,
            "version": 1,
            "kind": kind,
            "to": recipient,
            "task": None if known is None else known.uid,
            "session": chosen.session,
            "reason": None if reason is None else check_text(reason, "a reason"),
            "notes": None if notes is None else check_text(notes, "notes"),
            "status": "pending",
        }
        size = check_count(budget, "budget", least=100, most=1_000_000)
        row["contents"] = {**self._packing.choose(identity, chosen), "budget": size}
        with self._placing.change(identity, kind, place) as change:
            check_reaches(change, place, recipient, f"a {kind}")
            if task is not None and known is not None:
                check_reaches(change, known, recipient, "the task")
                waits = kind == "escalation" or recipient.startswith(HUMAN)
                self._board.hand_over(change, task, None if waits else recipient)
            at = stamp(change.now)
            made = ledger.add(change.connection, {**row, "created_at": at, "updated_at": at})
            return self._noted(change, "handoff.send", made)

    def _task(self, identity: Identity, task: Task | Claim | str) -> Task:
        return self._board.get(identity, task.task if isinstance(task, Claim) else task)

    # --- what becomes of it ---------------------------------------------------------------------------------------

    def take(self, identity: Identity, handoff: Handoff | str, by: str | None) -> Handoff:
        """Take a pending one."""
        uid, person = _uid(handoff), self._person(identity, by)
        with self._placing.writing.change(identity, "take_handoff") as change:
            row = self._meant(change, uid)
            self._check_free(row, person, "pending")
            values = {"status": "taken", "taken_by": person, "taken_at": stamp(change.now)}
            taken = ledger.change(change.connection, uid, change.now, **values)
            return self._noted(change, "handoff.take", taken)

    def resolve(self, identity: Identity, handoff: Handoff | str, answer: Any, by: str | None) -> Handoff:
        """Settle one."""
        uid, person = _uid(handoff), self._person(identity, by)
        said = encode(answer, "an answer", most=MAX_ANSWER)
        with self._placing.writing.change(identity, "resolve_handoff") as change:
            row = self._meant(change, uid)
            if row.status == "resolved" or not identity.is_owner:
                self._check_free(row, person, "pending", "taken")
            values = {"status": "resolved", "answer": said, "resolved_by": person, "resolved_at": stamp(change.now)}
            done = ledger.change(change.connection, uid, change.now, **values)
            if row.task is not None:
                self._board.resume(change, row.task, row.agent)
            return self._noted(change, "handoff.resolve", done)

    def _meant(self, change: Change, uid: str) -> AnyRow:
        """One that was made to the caller, or that it has taken; `NotFound` otherwise."""
        row = self._find(change.connection, change.reach, uid)
        change.target = row.namespace
        agent = change.reach.identity.agent
        groups = self._store.latest.groups
        members = groups.get(row.to.removeprefix("group:"), ()) if row.to.startswith("group:") else ()
        if change.reach.identity.is_owner or agent in {row.to, row.taken_by} or agent in members:
            return row
        raise AccessDenied(f"that handoff was made to {row.to!r}; {agent!r} may look at it, as it has made it")

    def _check_free(self, row: AnyRow, person: str, *states: str) -> None:
        if row.status not in states or row.taken_by not in {None, person}:
            by = row.resolved_by or row.taken_by
            raise AlreadyTaken(f"handoff {row.uid} is {row.status}, by {by!r}; look at it: agent.handoffs.get(…)")

    def _person(self, identity: Identity, by: str | None) -> str:
        if by is None:
            return identity.agent
        if not identity.is_owner:
            raise AccessDenied("for whom something is done, the owner says: team.handoffs.…(…, by=…)")
        return check_name(by, "by", longest=200)

    # --- reading --------------------------------------------------------------------------------------------------

    def heard(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """While this lasts, a function is called at each commit of this process."""
        return self._store.signal.heard(wake)

    def get(self, identity: Identity, handoff: Handoff | str) -> Handoff:
        """One as it stands."""
        uid = _uid(handoff)
        with self._placing.reading(identity) as (connection, allowed):
            return self._handoff(connection, allowed, self._find(connection, allowed, uid))

    def list(
        self,
        identity: Identity,
        *,
        status: str | Sequence[str] | None,
        kind: str | None,
        sent: bool,
        limit: int,
        offset: int,
    ) -> list[Handoff]:
        """Handoffs, latest first."""
        most = check_count(limit, "limit", least=1, most=1000)
        first = check_count(offset, "offset", least=0, most=1_000_000)
        if kind is not None and kind not in KINDS:
            raise InvalidInput(f"kind is 'handoff' or 'escalation', not {kind!r:.60}")
        if not isinstance(sent, bool):
            raise InvalidInput("sent is True or False")
        asked = and_(_statuses(status), true() if kind is None else table.c.kind == kind)
        with self._placing.reading(identity) as (connection, allowed):
            where = and_(self._readable(allowed), asked, self._side(allowed, sent))
            rows = ledger.matching(connection, where, most, first)
            return [self._handoff(connection, allowed, row) for row in rows]

    def _side(self, allowed: Reach, sent: bool) -> ColumnElement[bool]:
        agent = allowed.identity.agent
        if sent:
            return table.c.agent == agent
        if allowed.identity.is_owner:
            return true()
        received = ledger.received(allowed, self._store.latest.groups)
        return received | (table.c.taken_by == agent)

    def wait(self, identity: Identity, handoff: Handoff | str, timeout: timedelta | str | None) -> Handoff | None:
        """Wait for the answer."""
        uid = _uid(handoff)
        until = None if timeout is None else time.monotonic() + duration(timeout, "timeout").total_seconds()
        woken = threading.Event()
        with self._store.signal.heard(woken.set):
            while True:
                woken.clear()
                found = self.get(identity, uid)
                left = POLL_SECONDS if until is None else until - time.monotonic()
                if found.status == "resolved":
                    return found
                if left <= 0:
                    return None
                woken.wait(min(POLL_SECONDS, left))

    def follow(self, identity: Identity, after: str | None, idle: timedelta | str | None) -> Follower[Handoff]:
        """Handoffs as they are made, taken and resolved."""
        asked = self._feed.asked(identity, None, ["handoff.*"])

        def shaped(events: Numbered) -> list[tuple[int, Handoff]]:
            if not events:
                return []
            with self._placing.reading(identity) as (connection, allowed):
                among = table.c.uid.in_([event.uid for _, event in events])
                rows = ledger.matching(connection, and_(self._readable(allowed), among), len(events), 0)
                found = {row.uid: self._handoff(connection, allowed, row) for row in rows}
            return [(number, found[event.uid]) for number, event in events if event.uid in found]

        return Follower(self._feed, asked, self._feed.position(after), idle, shaped)

    def _readable(self, allowed: Reach) -> ColumnElement[bool]:
        return ledger.readable(allowed, self._store.latest.groups)

    def _find(self, connection: Connection, allowed: Reach, uid: str) -> AnyRow:
        row = by_uid(connection, table, uid, self._readable(allowed))
        if row is None:
            raise NotFound(f"no handoff {uid!r:.100} to or by {allowed.identity.agent!r}")
        return row

    def _noted(self, change: Change, type: str, row: AnyRow) -> Handoff:
        handoff = self._handoff(change.connection, change.reach, row)
        change.noted(type, handoff)
        return handoff

    def _handoff(self, connection: Connection, allowed: Reach, row: AnyRow) -> Handoff:
        contents = mapping(row)["contents"]
        bare = Handoff(
            uid=row.uid,
            kind=row.kind,
            to=row.to,
            agent=row.agent,
            namespace=row.namespace,
            user=row.user,
            sensitivity=row.sensitivity,
            reason=row.reason,
            notes=row.notes,
            status=row.status,
            session=row.session,
            created_at=unstamp(row.created_at),
            updated_at=unstamp(row.updated_at),
            version=row.version,
            taken_by=row.taken_by,
            taken_at=unstamp(row.taken_at),
            answer=None if row.answer is None else json.loads(row.answer),
            resolved_by=row.resolved_by,
            resolved_at=unstamp(row.resolved_at),
        )
        return self._packing.filled(connection, allowed, bare, row.task, contents)


def _query(task: Task | None, reason: str | None, notes: str | None) -> str | None:
    """What the package is sought by."""
    said = [part for part in (None if task is None else task.text, reason, notes) if isinstance(part, str)]
    return "\n".join(said)[:2000].strip() or None


def _session(task: Task | None, identity: Identity) -> str | None:
    return task.session if task is not None and task.session is not None else identity.session


def _ids(include: object) -> list[str]:
    if isinstance(include, str) or not isinstance(include, Sequence):
        raise InvalidInput("include is a list of ids of memories")
    return [check_name(id, "an id in include") for id in include]


def _statuses(status: str | Sequence[str] | None) -> ColumnElement[bool]:
    if status is None:
        return true()
    return table.c.status.in_(check_among(status, HANDOFF_STATUSES, "the status of a handoff"))


def _uid(handoff: object) -> str:
    return handoff.uid if isinstance(handoff, Handoff) else check_name(handoff, "a handoff")
