"""What one agent hands over to another, or to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from transactive.records.coordination import Attempt, Decision, Learning, Task
from transactive.records.graph import Subgraph
from transactive.records.memory import Memory, Sensitivity

HandoffKind = Literal["handoff", "escalation"]
HandoffStatus = Literal["pending", "taken", "resolved"]
HANDOFF_STATUSES: tuple[HandoffStatus, ...] = ("pending", "taken", "resolved")


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """Everything that who takes over needs, as far as the reader may read it; built anew at every look."""

    task: Task | None = None
    attempts: tuple[Attempt, ...] = ()
    """What was tried with the task: by whom, and how it ended."""
    memories: tuple[Memory, ...] = ()
    decisions: tuple[Decision, ...] = ()
    learnings: tuple[Learning, ...] = ()
    tasks: tuple[Task, ...] = ()
    """Open ones around it."""
    transcript: tuple[Memory, ...] = ()
    """The session in which it came up, in order."""
    graph: Subgraph = field(default_factory=Subgraph)
    tokens: int = 0
    """What the Markdown takes; at most the budget, where that holds what nobody may leave out."""
    omitted: int = 0
    """How many items did not fit into the budget."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Handoff:
    """Work that goes from one to another, with what is needed for it."""

    uid: str
    kind: HandoffKind
    to: str
    """An agent, `group:<name>`, or a person: `human:<name>`."""
    agent: str
    """Who handed it over."""
    namespace: str
    user: str | None
    sensitivity: Sensitivity
    reason: str | None
    notes: str | None
    status: HandoffStatus
    session: str | None
    package: Package = field(default_factory=Package)
    created_at: datetime
    updated_at: datetime
    version: int
    taken_by: str | None = None
    taken_at: datetime | None = None
    answer: Any = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None

    def to_dict(self) -> Mapping[str, Any]:
        """All of it as plain values that JSON holds."""
        from transactive.records.dossier import as_dict

        return as_dict(self)

    def to_markdown(self) -> str:
        """All of it for a prompt, or for a person."""
        from transactive.records.dossier import as_markdown

        return as_markdown(self)

    def to_html(self) -> str:
        """All of it as one page that needs nothing else; every text is escaped."""
        from transactive.records.dossier import as_html

        return as_html(self)
