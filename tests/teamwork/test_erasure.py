"""An erased user is in none of the rooms, and in no file; a deleted namespace takes along all that lay in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.team.stores import Clock, opened
from tests.team.traces import Customer, found_in, leaks, rare
from tests.teamwork.rooms import rows
from transactive import TeamMemory
from transactive.errors import NotFound
from transactive.records import Claim

SHARED = "team/shared"
COORDINATED = ("tasks", "facts", "alerts", "handoffs", "edges")


def live(team: TeamMemory, customer: Customer) -> None:
    """All that a team can do about somebody, with words that occur nowhere else; each room twice."""
    word, name = customer.word, customer.name
    for number in range(2):
        ana, ben = team.agent("ana", user=name), team.agent("ben", user=name)
        need = ana.tasks.post(f"First {word()}")
        task = ana.tasks.post(
            f"Refund {word()}", payload={"iban": word()}, needs=[need], assignee="*", session=f"{word()}-{number}"
        )
        claim = ana.tasks.claim(need)
        assert claim is not None
        claim = ana.tasks.claim(ana.tasks.fail(claim, reason=f"It said {word()}", retry=True)) or _later(team, need.uid)
        ana.tasks.complete(claim, result={"said": word()})
        ana.facts.set(f"order/{word()}", {"street": word()})
        ana.facts.set("state", word())
        ana.facts.set("state", word())
        ana.facts.delete("state")
        alert = ana.alerts.send(f"Angry about {word()}", to=["ben", "*"], metadata={"phone": word()})
        ben.alerts.acknowledge(alert, note=f"Called about {word()}")
        ana.decisions.record(f"Pay {word()}", why=word(), alternatives=[word()], context=word())
        ana.learnings.record("failure", f"Paid {word()}", context=word(), recommendation=word())
        ana.graph.link(
            ("person", f"Eve {word()}"),
            "lives_in",
            ("city", f"At {word()}"),
            metadata={"flat": word()},
            namespace=SHARED,
        )
        ana.graph.add(("person", f"Ida {word()}"), aliases=[word()], metadata={"age": word()}, namespace=SHARED)
        ana.events.emit("customer.called", {"said": word()})
        ana.events.consumer(f"watch-{number}")
        made = ana.handoff(to="ben", task=task, reason=f"Because {word()}", notes=f"Mind {word()}")
        ben.handoffs.take(made)
        ben.handoffs.resolve(made, answer={"answer": word()})
        asked = ana.escalate(reason=f"May I {word()}", to="human:dana")
        team.handoffs.resolve(asked, answer=word(), by="dana")


def _later(team: TeamMemory, uid: str) -> Claim:
    """A claim of a task that rests after a failure."""
    clock = team._engine.store.clock
    assert isinstance(clock, Clock)
    rests = team.tasks.get(uid).not_before
    assert rests is not None
    clock.now = rests
    claim = team.agent("ana").tasks.claim(uid)
    assert claim is not None
    return claim


@pytest.fixture
def peopled(tmp_path: Path, clock: Clock):
    """A store in which a team has worked for two customers."""
    one, other = Customer("one"), Customer("other")
    with opened(tmp_path / "store", clock=clock) as team:
        live(team, one)
        live(team, other)
        team.maintain(build=False)
        yield team, one, other


def test_the_files_hold_every_word_before_it_is_erased(peopled):
    """Without this the searches below would prove nothing."""
    team, one, _ = peopled
    assert found_in(team.path, [*one.texts, one.name]) == {*one.texts, one.name}


def test_an_erased_user_is_in_no_file(peopled):
    team, one, other = peopled
    before = rows(team)
    erased = team.erase(user=one.name)
    assert leaks(team.path, [*one.texts, one.name]) == set()
    assert found_in(team.path, [*other.texts, other.name]) == {*other.texts, other.name}
    after = rows(team)
    for table in (*COORDINATED, "attempts", "task_needs", "fact_versions", "alert_recipients", "acknowledgements"):
        assert after[table] * 2 == before[table] > 0, table
    for table in ("entities", "event_bodies", "consumers", "user_keys"):
        assert after[table] * 2 == before[table] > 0, table
    gone = sum(before[table] - after[table] for table in (*COORDINATED, "entities"))
    assert erased.coordinated == gone
    team.close()
    assert leaks(team.path, [*one.texts, one.name]) == set()


def test_an_erased_user_is_in_none_of_the_rooms(peopled):
    team, one, other = peopled
    team.erase(user=one.name)
    for user, there in ((one.name, 0), (other.name, 4)):
        ana = team.agent("ana", user=user)
        assert len(ana.tasks.list()) == there
        assert len(ana.handoffs.list(sent=True)) == there
        assert len(ana.alerts.list(sent=True)) == there / 2
        assert len(ana.facts.list()) == there / 2
        assert len(ana.decisions.find("Pay")) == there / 2
        assert len(ana.learnings.find("Paid")) == there / 2
        assert len(ana.events.list(types=["customer.called"])) == there / 2
        assert len(ana.events.consumers()) == there / 2
        assert len(ana.graph.list(type="city")) == there / 2
    assert team.audit.verify()


def test_the_audit_keeps_how_much_it_was(peopled):
    team, one, _ = peopled
    erased = team.erase(user=one.name)
    [entry] = team.audit.list(actions="erase")
    assert entry.details["coordinated"] == erased.coordinated > 0
    assert one.name not in str(entry)


def test_a_user_of_whom_there_are_only_tasks_is_erased_too(team):
    word = rare("only task")
    task = team.agent("ana").tasks.post(f"Refund {word}", user="u1")
    kept = team.agent("ana").tasks.post("Refund somebody", user="u2")
    erased = team.erase(user="u1")
    assert (erased.memories, erased.coordinated) == (0, 1)
    assert leaks(team.path, [word]) == set()
    with pytest.raises(NotFound):
        team.tasks.get(task)
    assert team.tasks.get(kept).text == "Refund somebody"
    assert team.erase(user="u1").coordinated == 0


def test_what_another_user_waits_for_is_answered_though_its_task_was_erased(team):
    ana = team.agent("ana")
    task = ana.tasks.post("Refund", user="u1")
    asked = ana.escalate(task, "May I?", to="human:dana", user="u2")
    team.erase(user="u1")
    assert team.handoffs.resolve(asked, answer="yes", by="dana").answer == "yes"


def test_what_needs_a_task_that_was_erased_does_not_wait_for_ever(team):
    ana = team.agent("ana")
    task = ana.tasks.post("Report", needs=[ana.tasks.post("Refund", user="u1")], assignee="ana")
    team.erase(user="u1")
    now = team.tasks.get(task)
    assert now.needs == ()
    assert now.status != "open" or ana.tasks.claim(task) is not None


# --- a namespace that is deleted --------------------------------------------------------------------------------------

ROOMS: dict[str, Callable[[TeamMemory, str], object]] = {
    "tasks": lambda team, place: team.tasks.post("x", namespace=place),
    "facts": lambda team, place: team.facts.set("k", 1, namespace=place),
    "alerts": lambda team, place: team.alerts.send("x", to="*", namespace=place),
    "handoffs": lambda team, place: team.handoff(to="human:dana", reason="x", namespace=place),
    "edges": lambda team, place: team.graph.link(("a", "b"), "relates_to", ("c", place), namespace=place),
    "entities": lambda team, place: team.graph.add(("person", "Eve"), aliases=["E."], namespace=place),
}


@pytest.mark.parametrize(("table", "put"), ROOMS.items(), ids=ROOMS)
def test_a_deleted_namespace_takes_along_what_lay_there(team, table, put):
    put(team, "proj/a")
    kept = rows(team)[table]
    put(team, "proj/b")
    assert rows(team)[table] > kept
    team.namespaces.delete("proj/b", dry_run=True)
    assert rows(team)[table] > kept
    team.namespaces.delete("proj/b")
    assert rows(team)[table] == kept
    assert team.audit.verify()


def test_decisions_and_learnings_of_a_deleted_namespace_come_back_as_memories_do(team):
    team.decisions.record("x", namespace="proj")
    team.learnings.record("success", "x", namespace="proj")
    gone = team.namespaces.delete("proj")
    assert gone.count == 2
    assert len(team.decisions.find("x")) == len(team.learnings.find("x")) == 0
    assert team.undo(gone) == 2
    assert len(team.decisions.find("x")) == len(team.learnings.find("x")) == 1
