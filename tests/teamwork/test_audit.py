"""Every call that changes something in these rooms is in the audit and in the events: ids and counts, and no text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from tests.team.stores import Clock
from tests.team.traces import rare
from tests.teamwork.rooms import said
from transactive import TeamMemory


class Words:
    """Words that no id holds by chance."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self) -> str:
        self.said.append(rare("audit", len(self.said)))
        return self.said[-1]


def tasks(team: TeamMemory, clock: Clock, word: Words) -> None:
    """Every verb of tasks."""
    ana = team.agent("ana", user=word(), session=word(), app=word())
    first = ana.tasks.post(word(), payload={word(): word()})
    second = ana.tasks.post(word(), assignee="ana", needs=[first])
    for _ in range(2):
        claim = ana.tasks.claim(first)
        assert claim is not None
        ana.tasks.release(claim, reason=word())
    claim = ana.tasks.claim(first)
    assert claim is not None
    ana.tasks.fail(claim, reason=word(), retry=False)
    ana.tasks.retry(first)
    claim = ana.tasks.claim(first)
    assert claim is not None
    ana.tasks.complete(ana.tasks.renew(claim), result=word())
    assert ana.tasks.claim(second, lease="1m") is not None
    clock.advance(timedelta(minutes=2))
    assert ana.tasks.claim(namespace="prod") is None, "it notes what has run out"
    ana.tasks.cancel(second, reason=word())


def coordinate(team: TeamMemory, clock: Clock, word: Words) -> None:
    """Every other verb that changes something."""
    ana, ben = team.agent("ana", user=word()), team.agent("ben")
    ana.facts.set("key", word())
    ana.facts.update("key", lambda _: word())
    ana.facts.delete("key")
    alert = ana.alerts.send(word(), to="*", metadata={word(): word()})
    ben.alerts.acknowledge(alert, note=word())
    ana.decisions.record(word(), why=word(), alternatives=[word()], context=word(), tags=[word()])
    ana.learnings.record("success", word(), context=word(), recommendation=word())
    made = ana.handoff(to="ben", reason=word(), notes=word(), session=word())
    ben.handoffs.take(made)
    ben.handoffs.resolve(made, answer=word())
    asked = ana.escalate(reason=word(), to="human:dana", task=ana.tasks.post(word()))
    team.handoffs.resolve(asked, answer=word(), by=word())
    ana.directory.register(role=word(), capabilities=[word()], description=word(), metadata={word(): word()})
    ana.directory.remove()
    ana.events.emit("deploy.finished", {word(): word()})
    edge = ana.graph.link((word(), word()), "relates_to", ("x", word()), metadata={word(): word()})
    ana.graph.add(("person", word()), aliases=[word()], metadata={word(): word()})
    ana.graph.unlink(edge)


VERBS = {
    "post_task",
    "claim_task",
    "release_task",
    "fail_task",
    "retry_task",
    "complete_task",
    "cancel_task",
    "expire_tasks",
    "send_alert",
    "acknowledge",
    "set_fact",
    "handoff",
    "escalation",
    "take_handoff",
    "resolve_handoff",
    "register",
    "unregister",
    "emit",
}
EVENTS = {
    "task.post",
    "task.claim",
    "task.release",
    "task.dead",
    "task.retry",
    "task.complete",
    "task.cancel",
    "task.expire",
    "task.resume",
    "task.hand_over",
    "alert.send",
    "alert.acknowledge",
    "fact.set",
    "handoff.send",
    "handoff.take",
    "handoff.resolve",
    "memory.remember",
    "deploy.finished",
}


@pytest.fixture
def lived(team, clock):
    """A store in which every verb was called, and all the words that were said in it."""
    word = Words()
    tasks(team, clock, word)
    coordinate(team, clock, word)
    return team, word.said


def test_every_verb_is_in_the_audit_and_the_chain_holds(lived):
    team, _ = lived
    entries = team.audit.list()
    missing = {entry.action for entry in entries}
    assert VERBS - missing == set()
    assert team.audit.verify()
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))


def test_every_change_is_an_event_in_one_sequence_without_a_gap(lived):
    team, _ = lived
    assert EVENTS - {event.type for event in team.events.list()} == set()
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        numbers = [number for (number,) in ledger.execute("SELECT number FROM events ORDER BY number")]
        [(last,)] = ledger.execute("SELECT last_event FROM heads")
    assert numbers == list(range(1, last + 1))


def test_the_audit_counts_the_events_of_each_call(lived):
    team, _ = lived
    assert sum(entry.count for entry in team.audit.list()) == len(team.events.list(limit=10_000))


def test_neither_holds_a_text(lived):
    team, words = lived
    kept = said(team, "events", "audit").lower()
    assert [word for word in words if word in kept] == []
    shown = repr([event for event in team.events.list() if event.type != "deploy.finished"])
    assert [word for word in words if word in shown] == []


def test_who_did_it_and_where_is_said(lived):
    team, _ = lived
    by = {entry.action: (entry.principal, entry.target, entry.count) for entry in team.audit.list()}
    assert by["send_alert"] == ("ana", "team/shared", 1)
    assert by["acknowledge"] == ("ben", "team/shared", 1)
    assert by["take_handoff"] == ("ben", "team/shared", 1)
    assert by["resolve_handoff"] == ("owner", "team/shared", 2)
    assert by["escalation"] == ("ana", "team/shared", 2)
    assert by["register"][:2] == ("ana", "agents/ana")
    assert by["expire_tasks"][0] == "owner"


def test_a_task_that_is_not_posted_again_is_noted_by_its_id_alone(team):
    word = rare("unique")
    task = team.agent("ana").tasks.post(f"Refund {word}")
    team.agent("ben").tasks.post(f"Refund {word}", unique=True)
    [_, entry] = team.audit.list(actions="post_task")
    assert (entry.principal, entry.count, dict(entry.details)) == ("ben", 0, {"task": task.uid})


def test_what_is_refused_is_in_neither(team):
    made = team.agent("ana").handoff(to="ben", reason="x")
    team.agent("ben").handoffs.take(made)
    entries, events = len(team.audit.list()), len(team.events.list())
    for verb in (
        lambda: team.agent("ben").handoffs.take(made),
        lambda: team.agent("ana").handoffs.resolve(made),
        lambda: team.agent("carl").handoffs.resolve(made),
        lambda: team.agent("ana").alerts.send("x", to="ben", namespace="prod"),
        lambda: team.agent("ana").directory.remove("ben"),
    ):
        with pytest.raises(Exception, match=r"\w"):
            verb()
    assert (len(team.audit.list()), len(team.events.list())) == (entries, events)


def test_a_changed_entry_of_these_rooms_shows(lived):
    team, _ = lived
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE audit SET principal = 'eve' WHERE action = 'take_handoff'")
    assert not team.audit.verify()
