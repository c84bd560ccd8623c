"""How agents work together: events, tasks, facts, alerts, decisions, learnings, handoffs, directory, measures."""

from transactive.coordination.alerts import Alerts
from transactive.coordination.directory import Directory
from transactive.coordination.events import Consumer, Events, Follower
from transactive.coordination.experience import Decisions, Learnings
from transactive.coordination.facts import Facts
from transactive.coordination.handoffs import Handoffs
from transactive.coordination.tasks import Tasks

__all__ = [
    "Alerts",
    "Consumer",
    "Decisions",
    "Directory",
    "Events",
    "Facts",
    "Follower",
    "Handoffs",
    "Learnings",
    "Tasks",
]
