"""What a handle does with others: graph, events, tasks, facts, alerts, decisions, learnings, handoffs, directory."""

from __future__ import annotations

from collections.abc import Sequence

from transactive.coordination import (
    Alerts,
    Decisions,
    Directory,
    Events,
    Facts,
    Handoffs,
    Learnings,
    Tasks,
)
from transactive.graph import KnowledgeGraph
from transactive.handle import Handle
from transactive.records import Advice, Claim, Degrade, Expert, Handoff, Sensitivity, Task

BUDGET = 4000


class Teamwork(Handle):
    """A handle's rooms for working together."""

    @property
    def graph(self) -> KnowledgeGraph:
        """Entities and what connects them."""
        engine = self._engine
        return KnowledgeGraph(engine.linking, engine.looking, engine.extracting, self._identity)

    @property
    def events(self) -> Events:
        """Every change in one order, to be followed."""
        return Events(self._engine.feed, self._identity)

    @property
    def tasks(self) -> Tasks:
        """Work that is posted, claimed by one, and done once."""
        return Tasks(self._engine.board, self._identity)

    @property
    def facts(self) -> Facts:
        """The state that the team shares: values under keys, with versions and compare-and-set."""
        return Facts(self._engine.register, self._identity)

    @property
    def alerts(self) -> Alerts:
        """Messages to named agents or groups."""
        return Alerts(self._engine.inbox, self._identity)

    @property
    def decisions(self) -> Decisions:
        """What was decided, why, and what else was considered."""
        return Decisions(self._engine.noting, self._identity)

    @property
    def learnings(self) -> Learnings:
        """What came of doing something."""
        return Learnings(self._engine.noting, self._identity)

    @property
    def handoffs(self) -> Handoffs:
        """What was handed over, to this agent and by it."""
        return Handoffs(self._engine.handing, self._identity)

    @property
    def directory(self) -> Directory:
        """Which agents have registered, as what."""
        return Directory(self._engine.roster, self._identity)

    def handoff(
        self,
        *,
        to: str,
        task: Task | Claim | str | None = None,
        reason: str | None = None,
        notes: str | None = None,
        include: Sequence[str] = (),
        session: str | None = None,
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
        budget: int = BUDGET,
    ) -> Handoff:
        """Hand work over, with what is needed for it: memories, decisions, learnings, open tasks, what is connected,
        the conversation, and what was tried.

        Args:
            to: An agent, `group:<name>`, or a person: `human:<name>`.
            task: What is handed over: a claim that this agent holds, or a task that it posted. It is then open for the
                one who takes over; for a person it waits.
            reason: Why.
            notes: What the other one needs to know, in this agent's words.
            include: Ids of memories that must be in it; the other one must be able to read them.
            session: The conversation that belongs to it; by default that of the task, or this handle's.
            namespace: Where it lies; by default the shared one.
            user: About whom; by default as the task.
            sensitivity: By default that of the task, or `internal`.
            budget: How many tokens its Markdown may take; reason, notes, task and attempts are never shortened.

        The package holds what both sides may read and is about task, reason and notes. It is named by ids and built
        anew at every look, by the rights of who looks: `handoff.to_markdown()`, `.to_html()`, `.to_dict()`.

        Raises:
            InvalidInput: such as: the other one could not see it.
            AccessDenied: such as: the other one may not read what `include` names.
            NotFound, LeaseLost, RateLimited.
        """
        return self._engine.handing.hand(
            self._identity,
            "handoff",
            to,
            task,
            reason=reason,
            notes=notes,
            include=include,
            session=session,
            namespace=namespace,
            user=user,
            sensitivity=sensitivity,
            budget=budget,
        )

    def escalate(
        self,
        task: Task | Claim | str | None = None,
        reason: str | None = None,
        *,
        to: str,
        notes: str | None = None,
        include: Sequence[str] = (),
        session: str | None = None,
        namespace: str | None = None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
        budget: int = BUDGET,
    ) -> Handoff:
        """Ask somebody who may decide, with everything that they need for it; to a person: `to="human:support"`.

        The task waits meanwhile. The answer comes back as the event `handoff.resolve`: follow
        `agent.handoffs.follow()`, or wait for it with `agent.handoffs.wait(handoff)`; the task is then offered to this
        agent again. The arguments and errors are those of `handoff`.
        """
        return self._engine.handing.hand(
            self._identity,
            "escalation",
            to,
            task,
            reason=reason,
            notes=notes,
            include=include,
            session=session,
            namespace=namespace,
            user=user,
            sensitivity=sensitivity,
            budget=budget,
        )

    def who_knows(
        self,
        query: str,
        *,
        limit: int = 5,
        namespaces: Sequence[str] | None = None,
        min_similarity: float | None = None,
        degrade: Degrade | None = None,
    ) -> Sequence[Expert]:
        """The agents that remember something about it, best first.

        Counted is what this agent may read, and, without showing it, what is public or internal in namespaces whose
        policy says `advertise=True`. `min_similarity` is the cosine from which on a memory is about it (0.25 unless
        said). The other arguments and errors are those of `recall`.
        """
        return self._engine.roster.who_knows(
            self._identity,
            query,
            limit=limit,
            namespaces=namespaces,
            min_similarity=min_similarity,
            degrade=degrade,
        )

    def ask(
        self,
        query: str,
        *,
        limit: int = 5,
        namespaces: Sequence[str] | None = None,
        min_similarity: float | None = None,
        degrade: Degrade | None = None,
    ) -> Advice:
        """Whom to ask about something, and what others have shared about it already; `print` shows both."""
        return self._engine.roster.ask(
            self._identity,
            query,
            limit=limit,
            namespaces=namespaces,
            min_similarity=min_similarity,
            degrade=degrade,
        )
