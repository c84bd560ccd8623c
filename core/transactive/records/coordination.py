"""What agents work together by: events, tasks, facts, alerts, decisions, learnings, and who knows what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from transactive.records.memory import Memory, Sensitivity

if TYPE_CHECKING:
    from transactive.records.answers import Hit, Recall

TaskStatus = Literal["open", "claimed", "waiting", "done", "dead", "cancelled"]
Outcome = Literal["success", "failure", "pattern", "recommendation"]
Severity = Literal["info", "warning", "critical"]

TASK_STATUSES: tuple[TaskStatus, ...] = ("open", "claimed", "waiting", "done", "dead", "cancelled")
OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "pattern", "recommendation")
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One change, in the order in which the ledger took them; ids only, never the text of what changed."""

    cursor: str
    """Pass it as `after=` to go on behind it. Opaque: how many events lie between two of them, it does not tell."""
    type: str
    """What happened: `memory.remember`, `task.claim`, `fact.set`, `edge.link` …, or a type of an agent's own."""
    at: datetime
    agent: str
    """Who did it."""
    uid: str
    """Of what it happened to: `agent.get(uid)`, `agent.tasks.get(uid)` … show that, where it may be read still."""
    namespace: str
    sensitivity: Sensitivity
    version: int
    """The version that the change made."""
    data: Any = None
    """What an agent said in an event of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsumerInfo:
    """A named consumer of events, and how far it has come."""

    agent: str
    name: str
    cursor: str
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One claim of a task, and what became of it."""

    number: int
    agent: str
    claimed_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    """`done`, `failed`, `released`, `expired`, `cancelled` or `handed over`; None while it goes on."""
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A piece of work, as it stood when it was read."""

    uid: str
    text: str
    payload: Any
    namespace: str
    status: TaskStatus
    agent: str
    """Who posted it."""
    assignee: str | None
    """An agent, `group:<name>`, a person (`human:<name>`), `*`: who may read it, or None: who may write there."""
    user: str | None
    session: str | None
    app: str | None
    sensitivity: Sensitivity
    priority: int
    """Higher is earlier."""
    attempts: int
    """How often it was claimed."""
    failures: int
    """How often it failed, or its lease ran out."""
    max_attempts: int
    """After how many failures it is a dead letter."""
    needs: tuple[str, ...]
    """Uids of the tasks that must be done before it."""
    not_before: datetime | None
    deadline: datetime | None
    claimed_by: str | None
    lease_until: datetime | None
    result: Any
    reason: str | None
    """Why it last failed, was given back or cancelled."""
    duplicate_of: str | None
    """The earlier task of the same namespace that asks for nearly the same."""
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The right to work on a task until the lease ends."""

    task: Task
    token: str = field(repr=False)
    """Proves this claim; another claim of the same task has another one."""
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """The value under a key, as it stood when it was read."""

    uid: str
    namespace: str
    key: str
    value: Any
    version: int
    """1 for the first; one more with each change, deletions included."""
    agent: str
    """Who set this version."""
    user: str | None
    sensitivity: Sensitivity
    created_at: datetime
    updated_at: datetime
    deleted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """That an agent has seen an alert."""

    agent: str
    at: datetime
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A message to named agents or groups."""

    uid: str
    text: str
    severity: Severity
    to: tuple[str, ...]
    namespace: str
    agent: str
    """Who sent it."""
    user: str | None
    sensitivity: Sensitivity
    metadata: Mapping[str, Any]
    created_at: datetime
    acknowledgements: tuple[Acknowledgement, ...] = ()
    version: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What was decided, why, and what else was considered."""

    memory: Memory
    what: str
    why: str | None
    alternatives: tuple[str, ...]
    context: str | None
    by: str
    """The agent that recorded it, or whom the owner named."""
    score: float | None = None
    """How well it fits what was asked, in [0, 1]; None when nothing was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Learning:
    """What a team has learned from doing something."""

    memory: Memory
    outcome: Outcome
    what: str
    context: str | None
    recommendation: str | None
    score: float | None = None
    """How well it fits what was asked, in [0, 1]; None when nothing was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentInfo:
    """An agent as it has registered itself."""

    name: str
    role: str | None
    description: str | None
    capabilities: tuple[str, ...]
    metadata: Mapping[str, Any]
    registered_at: datetime
    last_seen: datetime
    """When it last registered, or wrote something, to the minute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expert:
    """An agent that remembers something about what was asked."""

    agent: str
    score: float
    """In [0, 1]: the sum of its memories' scores, each counting half of the one before."""
    memories: int
    """How many of the best candidates are its own."""
    evidence: tuple[Hit, ...]
    """Those that the asker may read."""
    advertised: bool
    """Whether some are in a namespace that names its authors but does not show what they wrote."""
    info: AgentInfo | None = None
    """What it has registered, if it has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """Whom to ask, and what is shared already."""

    query: str
    experts: tuple[Expert, ...]
    """Without the asker, best first."""
    evidence: Recall
    """What others have written about it that the asker may read."""
    capable: tuple[AgentInfo, ...] = ()
    """Agents of which nothing about it is known, but that have registered for something of the kind."""

    def __str__(self) -> str:
        lines = [f"- {e.agent}{_role(e.info)}: {e.memories} memories, {e.score:.2f}" for e in self.experts]
        lines += [f"- {info.name}{_role(info)}: has registered for it" for info in self.capable]
        lines += [f"  [{n}] {hit.memory.agent}: {hit.memory.text}" for n, hit in enumerate(self.evidence, 1)]
        return "\n".join(lines) or "nobody is known to know about it"


def _role(info: AgentInfo | None) -> str:
    return f" ({info.role})" if info is not None and info.role else ""
