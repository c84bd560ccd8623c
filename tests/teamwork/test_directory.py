"""The directory: who has registered, as what, and when each was last seen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.team.stores import START, Clock, opened
from transactive.errors import AccessDenied, InvalidInput, NotFound

MINUTES = timedelta(minutes=5)


def test_an_agent_registers_itself_and_every_agent_may_read_it(team):
    info = team.agent("ana").directory.register(
        role="billing specialist",
        capabilities=["refunds", "invoices", "refunds"],
        description="Knows all about invoices.",
        metadata={"shift": "night"},
    )
    assert (info.name, info.role, info.capabilities) == ("ana", "billing specialist", ("refunds", "invoices"))
    assert (info.description, info.metadata) == ("Knows all about invoices.", {"shift": "night"})
    assert (info.registered_at, info.last_seen) == (START, START)
    assert team.agent("ben").directory.get("ana") == team.directory.get("ana") == info


def test_nobody_is_in_it_unasked(team):
    team.agent("ana").publish("hello")
    assert team.directory.list() == []
    for verb in (team.agent("ana").directory.heartbeat, lambda: team.directory.get("ana")):
        with pytest.raises(NotFound, match="register"):
            verb()


def test_who_registers_again_says_all_of_it_anew(team, clock):
    ana = team.agent("ana")
    ana.directory.register(role="clerk", capabilities=["refunds"], description="old", metadata={"n": 1})
    clock.advance(MINUTES)
    info = ana.directory.register(capabilities=["invoices"])
    assert (info.role, info.capabilities, info.description, info.metadata) == (None, ("invoices",), None, {})
    assert (info.registered_at, info.last_seen) == (START, clock.now)
    assert len(team.directory.list()) == 1


WRITES = {
    "a memory": lambda agent: agent.remember("x"),
    "a document": lambda agent: agent.documents.put("agents/ana", "k", 1),
    "a task": lambda agent: agent.tasks.post("x"),
    "a fact": lambda agent: agent.facts.set("k", 1),
    "an alert": lambda agent: agent.alerts.send("x", to="*"),
    "a decision": lambda agent: agent.decisions.record("x"),
    "a learning": lambda agent: agent.learnings.record("success", "x"),
    "a handoff": lambda agent: agent.handoff(to="ben", reason="x"),
    "an edge": lambda agent: agent.graph.link(("a", "b"), "relates_to", ("c", "d")),
    "an event": lambda agent: agent.events.emit("deploy.finished"),
    "a heartbeat": lambda agent: agent.directory.heartbeat(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_agent_is_seen_when_it_writes(team, clock, write):
    ana = team.agent("ana")
    ana.directory.register()
    clock.advance(MINUTES)
    write(ana)
    info = team.directory.get("ana")
    assert (info.registered_at, info.last_seen) == (START, clock.now)
    clock.advance(MINUTES)
    write(ana)
    assert team.directory.get("ana").last_seen == clock.now


def test_an_agent_is_not_seen_when_it_reads_or_others_write(team, clock):
    team.agent("ana").directory.register()
    clock.advance(MINUTES)
    team.agent("ana").list()
    team.agent("ana").directory.list()
    team.agent("ben").publish("x")
    assert team.directory.get("ana").last_seen == START


def test_it_is_listed_by_name_capability_and_role(team):
    for name, role, can in (
        ("carl", "Billing", ["Refunds"]),
        ("ana", "billing", ["refunds", "invoices"]),
        ("ben", None, []),
    ):
        team.agent(name).directory.register(role=role, capabilities=can)

    def named(**asked):
        return [info.name for info in team.agent("dan").directory.list(**asked)]

    assert named() == ["ana", "ben", "carl"]
    assert named(capability="REFUNDS") == ["ana", "carl"]
    assert named(role="BILLING") == ["ana", "carl"]
    assert named(capability="invoices", role="billing") == ["ana"]
    assert named(capability="cooking") == []


def test_an_agent_takes_out_itself_and_the_owner_anybody(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    ana.directory.register()
    ben.directory.register()
    with pytest.raises(AccessDenied):
        ben.directory.remove("ana")
    assert ana.directory.remove() is True
    assert ana.directory.remove("ana") is False
    with pytest.raises(NotFound):
        team.directory.get("ana")
    with pytest.raises(NotFound):
        ana.directory.heartbeat()
    assert team.directory.remove("ben") is True
    assert team.directory.remove("ben") is False
    ana.publish("still here, and not registered")
    assert team.directory.list() == []


def test_the_directory_is_kept(tmp_path):
    clock = Clock()
    with opened(tmp_path, clock=clock) as team:
        info = team.agent("ana").directory.register(role="clerk")
    with opened(tmp_path, clock=clock) as team, opened(tmp_path, clock=clock, index=None) as beside:
        assert team.directory.get("ana") == info
        beside.agent("ben").directory.register()
        assert [found.name for found in team.directory.list()] == ["ana", "ben"]
        clock.advance(MINUTES)
        team.agent("ben").publish("seen here, registered there")
        assert beside.directory.get("ben").last_seen == clock.now


@pytest.mark.parametrize(
    "asked",
    [
        {"role": ""},
        {"role": 5},
        {"role": "x" * 201},
        {"capabilities": "refunds"},
        {"capabilities": [5]},
        {"capabilities": [""]},
        {"capabilities": None},
        {"capabilities": [str(n) for n in range(101)]},
        {"description": ""},
        {"description": 5},
        {"metadata": [1]},
        {"metadata": {"x": "y" * (1 << 16)}},
    ],
    ids=lambda asked: f"{asked!s:.40}",
)
def test_nonsense_is_not_registered(team, asked):
    with pytest.raises(InvalidInput):
        team.agent("ana").directory.register(**asked)
    assert team.directory.list() == []


@pytest.mark.parametrize("wrong", ["", 5, [], "a\x00b", "x" * 600])
def test_nonsense_is_not_asked_for(team, wrong):
    directory = team.directory
    for verb in (
        lambda: directory.get(wrong),
        lambda: directory.remove(wrong),
        lambda: directory.list(capability=wrong),
        lambda: directory.list(role=wrong),
    ):
        with pytest.raises(InvalidInput):
            verb()
