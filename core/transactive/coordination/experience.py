"""`agent.decisions` and `agent.learnings`: the verbs, for one identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from transactive.records import Decision, Degrade, Learning, Outcome, Sensitivity
from transactive.rules.access import Identity

if TYPE_CHECKING:
    from transactive.coordination.noting import Noting
    from transactive.filters import Where


class Decisions:
    """What was decided, why, and what else was considered: memories of the kind `decision`, found by their context.

    Being memories, they are listed, corrected, verified, forgotten and explained as those are, and their fields are in
    the metadata: `where={"metadata.decision.by": "dana"}`.
    """

    def __init__(self, noting: Noting, identity: Identity) -> None:
        self._noting = noting
        self._identity = identity

    def record(
        self,
        what: str,
        *,
        why: str | None = None,
        alternatives: Sequence[str] = (),
        context: str | None = None,
        by: str | None = None,
        namespace: str | None = None,
        importance: float | None = 0.8,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        user: str | None = None,
        session: str | None = None,
        sensitivity: Sensitivity | None = None,
        derived_from: Sequence[str] = (),
        supersedes: Sequence[str] | str = (),
    ) -> Decision:
        """Record a decision, by default in the shared namespace.

        Args:
            what: What was decided.
            why: For which reasons.
            alternatives: What else was considered.
            context: In what situation; similar ones find it.
            by: Whose decision it is, where that is not this agent; the owner's to say.
            namespace: Where.
            importance: In [0, 1]; None has it rated.
            tags: Labels, for filters.
            metadata: More, for filters; `decision` is its own.
            user: About whom.
            session: In which unit of work.
            sensitivity: By default `internal`.
            derived_from: Ids of the memories it rests on.
            supersedes: The decision, or decisions, whose place it takes.

        Raises what `remember` raises.
        """
        return self._noting.decide(
            self._identity,
            what,
            why=why,
            alternatives=alternatives,
            context=context,
            by=by,
            namespace=namespace,
            importance=importance,
            tags=tags,
            metadata=metadata,
            user=user,
            session=session,
            sensitivity=sensitivity,
            derived_from=derived_from,
            supersedes=supersedes,
        )

    def find(
        self,
        context: str,
        *,
        limit: int = 5,
        namespaces: Sequence[str] | None = None,
        where: Where | None = None,
        exclude_own: bool = False,
        min_similarity: float | None = None,
        degrade: Degrade | None = None,
    ) -> Sequence[Decision]:
        """The decisions that fit a situation best, of all that the agent may read, whoever took them.

        The arguments and errors are those of `recall`.
        """
        return self._noting.decisions(
            self._identity,
            context,
            limit=limit,
            namespaces=namespaces,
            where=where,
            exclude_own=exclude_own,
            min_similarity=min_similarity,
            degrade=degrade,
        )


class Learnings:
    """What came of doing something: memories of the kind `learning`, found by the context they were made in.

    Of four outcomes: a `success`, a `failure`, a `pattern` that was seen, and a `recommendation`.
    """

    def __init__(self, noting: Noting, identity: Identity) -> None:
        self._noting = noting
        self._identity = identity

    def record(
        self,
        outcome: Outcome,
        what: str,
        *,
        context: str | None = None,
        recommendation: str | None = None,
        namespace: str | None = None,
        importance: float | None = 0.7,
        confidence: float | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        user: str | None = None,
        session: str | None = None,
        sensitivity: Sensitivity | None = None,
        derived_from: Sequence[str] = (),
        supersedes: Sequence[str] | str = (),
    ) -> Learning:
        """Record what was learned, by default in the shared namespace.

        Args:
            outcome: `success`, `failure`, `pattern` or `recommendation`.
            what: What was done and what came of it.
            context: In what situation; similar ones find it.
            recommendation: What to do, or not to do, next time.
            namespace: Where.
            importance: In [0, 1]; None has it rated.
            confidence: In [0, 1].
            tags: Labels, for filters.
            metadata: More, for filters; `learning` is its own.
            user: About whom.
            session: In which unit of work.
            sensitivity: By default `internal`.
            derived_from: Ids of the memories it rests on.
            supersedes: What it corrects.

        Raises what `remember` raises.
        """
        return self._noting.learn(
            self._identity,
            outcome,
            what,
            context=context,
            recommendation=recommendation,
            namespace=namespace,
            importance=importance,
            confidence=confidence,
            tags=tags,
            metadata=metadata,
            user=user,
            session=session,
            sensitivity=sensitivity,
            derived_from=derived_from,
            supersedes=supersedes,
        )

    def find(
        self,
        context: str,
        *,
        outcomes: Sequence[Outcome] | None = None,
        limit: int = 5,
        namespaces: Sequence[str] | None = None,
        where: Where | None = None,
        exclude_own: bool = False,
        min_similarity: float | None = None,
        degrade: Degrade | None = None,
    ) -> Sequence[Learning]:
        """What was learned in situations like this one, by whomever, as far as the agent may read it.

        `outcomes` are those to stay within; the other arguments and errors are those of `recall`.
        """
        return self._noting.learnings(
            self._identity,
            context,
            outcomes=outcomes,
            limit=limit,
            namespaces=namespaces,
            where=where,
            exclude_own=exclude_own,
            min_similarity=min_similarity,
            degrade=degrade,
        )
