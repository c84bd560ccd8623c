"""`agent.tasks`: the verbs, for one identity."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from transactive.records import Attempt, Claim, Sensitivity, Task, TaskStatus
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.coordination.board import Board


class Tasks:
    """Work that is posted, claimed by one, and done once.

    A task lies in a namespace, under its grants. An agent may take what it can read and is assigned to, itself, by its
    group or by `*`; and what is assigned to nobody, where it may write. Of all that try, one gets the claim, across
    threads and processes, for as long as its lease runs.
    """

    def __init__(self, board: Board, identity: Identity) -> None:
        self._board = board
        self._identity = identity

    def post(
        self,
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
        """Offer a task; needs the right `write` in its namespace, by default the shared one.

        Args:
            text: What is to be done.
            payload: Whatever JSON holds, up to 1 MiB.
            assignee: An agent, `group:<name>`, `*` (whoever may read it), or a person (`human:<name>`); by default
                whoever may write in the namespace. An agent must be able to read it.
            namespace: Where.
            needs: Tasks that must be done before it is offered.
            priority: Higher is offered earlier.
            max_attempts: After how many failures it is a dead letter.
            backoff: How long it rests after the first failure; after each further one twice as long, at most an hour.
            not_before: From when on it is offered.
            deadline: Until when it can be claimed; then it is a dead letter.
            user: About whom.
            session: Of which unit of work.
            sensitivity: By default `internal`.
            unique: Return the task of that namespace that asks for nearly the same and is neither dead nor cancelled,
                if there is one that may be read, instead of posting another.

        Raises:
            InvalidInput, NotFound, AccessDenied, RateLimited: nothing was written.
        """
        return self._board.post(
            self._identity,
            text,
            payload=payload,
            assignee=assignee,
            namespace=namespace,
            needs=needs,
            priority=priority,
            max_attempts=max_attempts,
            backoff=backoff,
            not_before=not_before,
            deadline=deadline,
            user=user,
            session=session,
            sensitivity=sensitivity,
            unique=unique,
        )

    def claim(
        self,
        task: Task | str | None = None,
        *,
        namespace: str | None = None,
        lease: timedelta | str = "5m",
        wait: timedelta | str | None = None,
    ) -> Claim | None:
        """Take a task, or the next one that is offered; None when it, or any, is not to be had.

        Args:
            task: Which; by default the one of the highest priority, and of those the oldest.
            namespace: A pattern to take the next one from, such as `"projects/**"`; by default from everywhere.
            lease: How long it is this agent's alone, unless renewed.
            wait: How long to wait for one.

        Raises:
            NotFound: there is no such task for this agent.
            AccessDenied: it may read the task, and was not assigned to it.
        """
        return self._board.claim(self._identity, task, namespace, lease, wait)

    def _heard(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """While this lasts, a function is called at each commit of this process: there may be something to claim."""
        return self._board.heard(wake)

    def renew(self, claim: Claim, *, lease: timedelta | str = "5m") -> Claim:
        """Keep a claim for so long from now on. Raises `LeaseLost` when it had run out."""
        return self._board.renew(self._identity, claim, lease)

    def complete(self, claim: Claim, *, result: Any = None) -> Task:
        """The task is done. Said again with the same claim, it changes nothing.

        Raises:
            LeaseLost: the lease had run out, or the task was taken back: what was done is not recorded.
            InvalidInput: the result is not what JSON can hold, up to 1 MiB.
        """
        return self._board.complete(self._identity, claim, result)

    def fail(self, claim: Claim, *, reason: str, retry: bool = True) -> Task:
        """It could not be done: it is offered again after its back-off, or is a dead letter after too many failures.

        With `retry=False` it is a dead letter at once. Raises `LeaseLost`.
        """
        return self._board.fail(self._identity, claim, reason, retry=retry)

    def release(self, claim: Claim, *, reason: str | None = None) -> Task:
        """Give it back: it is offered again at once, and that counts as no failure. Raises `LeaseLost`."""
        return self._board.release(self._identity, claim, reason)

    def cancel(self, task: Task | str, *, reason: str | None = None) -> Task:
        """It is not to be done any more; who posted it may, or who has `admin` there.

        A claim that goes on is lost. What needs it is not offered until it is posted anew.
        """
        return self._board.cancel(self._identity, task, reason)

    def retry(self, task: Task | str) -> Task:
        """Offer a dead or cancelled task again, with no failures; who posted it may, or who has `admin` there."""
        return self._board.retry(self._identity, task)

    def get(self, task: Task | str) -> Task:
        """A task as it stands. Raises `NotFound`."""
        return self._board.get(self._identity, task)

    def attempts(self, task: Task | str) -> Sequence[Attempt]:
        """Every claim of a task, in order, and what became of it."""
        return self._board.attempts(self._identity, task)

    def list(
        self,
        *,
        status: TaskStatus | Sequence[TaskStatus] | None = None,
        namespaces: Sequence[str] | None = None,
        assignee: str | None = None,
        claimed_by: str | None = None,
        offered: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Task]:
        """Tasks that the agent may read, in the order in which they are offered.

        Args:
            status: `open`, `claimed`, `waiting` (for an answer), `done`, `dead` or `cancelled`, one or several.
            namespaces: Patterns to stay within.
            assignee: Of this assignee.
            claimed_by: That this agent works on.
            offered: Only what this agent could claim now.
            limit: 1 to 10,000.
            offset: How many to pass over.
        """
        return self._board.list(
            self._identity,
            status=status,
            namespaces=namespaces,
            assignee=assignee,
            claimed_by=claimed_by,
            offered=offered,
            limit=limit,
            offset=offset,
        )

    def count(
        self, *, status: TaskStatus | Sequence[TaskStatus] | None = None, namespaces: Sequence[str] | None = None
    ) -> int:
        """How many tasks the agent may read."""
        return self._board.count(self._identity, status=status, namespaces=namespaces)
