"""Who sees what of the graph: by namespace, user and sensitivity; and nothing of the rest, in whatever way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.graph.graphs import ACME, ALICE, BETA, BOB, GAMMA, REDIS, SHARED, names, rows, said, thing
from tests.team.stores import opened, texts
from transactive import Agent, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, NotFound, TransactiveError

READS: dict[str, Callable[[Agent], object]] = {
    "get": lambda agent: agent.graph.get(ALICE),
    "get by name": lambda agent: agent.graph.get("Alice Chen"),
    "neighbors": lambda agent: agent.graph.neighbors(ALICE),
    "edges": lambda agent: agent.graph.edges(ALICE),
    "traverse": lambda agent: agent.graph.traverse(ALICE),
    "path": lambda agent: agent.graph.path(ALICE, ALICE),
    "path to": lambda agent: agent.graph.path(ACME, ALICE),
    "subgraph": lambda agent: agent.graph.subgraph([ALICE]),
    "mentions": lambda agent: agent.graph.mentions(ALICE),
    "remove": lambda agent: agent.graph.remove(ALICE),
    "unlink": lambda agent: agent.graph.unlink(ALICE),
    "split": lambda agent: agent.graph.split(ALICE),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_one_may_not_read_is_as_what_is_not_there(ana, ben, read):
    ben.graph.add(ACME)
    with pytest.raises(NotFound) as absent:
        read(ben)
    ana.graph.link(ALICE, "works_at", ACME)
    ana.graph.merge(ALICE, ("person", "Ally"))
    with pytest.raises(NotFound) as hidden:
        read(ben)
    assert str(hidden.value) == str(absent.value)


def test_what_is_private_is_seen_by_the_agent_and_the_owner(team, ana, ben):
    edge = ana.graph.link(ALICE, "works_at", ACME)
    assert said(team.graph.edges(ALICE)) == ["Alice Chen works_at Acme Corp"]
    assert ben.graph.list() == []
    assert len(ben.graph.subgraph()) == 0
    with pytest.raises(NotFound):
        ben.graph.history(edge)
    assert ben.graph.list(namespaces=["**"]) == []


def test_one_graph_spans_all_that_an_agent_may_read(team, ana, ben):
    ana.graph.link(ALICE, "works_at", ACME, namespace=SHARED)
    ben.graph.link(ACME, "owns", BETA)
    ana.graph.link(ACME, "uses", REDIS)
    assert set(names(ben.graph.traverse(ALICE).entities)) == {"Alice Chen", "Acme Corp", "Beta Works"}
    assert set(names(ana.graph.traverse(ALICE).entities)) == {"Alice Chen", "Acme Corp", "Redis"}
    assert ben.graph.path(ALICE, BETA) is not None
    with pytest.raises(NotFound):
        ana.graph.path(ALICE, BETA)
    team.grant("ana", "agents/ben", "read")
    assert ana.graph.path(ALICE, BETA) is not None
    team.revoke("ana", "agents/ben")
    with pytest.raises(NotFound):
        ana.graph.path(ALICE, BETA)


def test_a_hidden_edge_is_no_bridge(team, ana, ben):
    for entity in (ALICE, BETA):
        ana.graph.add(entity, namespace=SHARED)
    ben.graph.link(ALICE, "knows", BOB)
    ben.graph.link(BOB, "works_at", BETA)
    assert ben.graph.path(ALICE, BETA) is not None
    assert ana.graph.path(ALICE, BETA) is None
    assert ana.graph.neighbors(ALICE) == []


def test_of_an_entity_each_is_shown_what_they_may_read(ana, ben):
    ana.graph.add(ACME, metadata={"seen": "by all"}, namespace=SHARED)
    ben.graph.add(("company", "ACME CORP"), aliases=["The Target"], metadata={"bid": "9 million"})
    shown = ana.graph.get(ACME)
    assert (shown.name, shown.aliases, shown.metadata) == ("Acme Corp", (), {"seen": "by all"})
    assert (shown.namespaces, shown.agent) == ((SHARED,), "ana")
    assert set(ben.graph.get(ACME).namespaces) == {SHARED, "agents/ben"}
    with pytest.raises(NotFound):
        ana.graph.get("The Target")


def test_several_entities_of_a_name_are_only_those_that_one_may_read(ana, ben):
    ana.graph.add(("fruit", "Apple"))
    ben.graph.add(("takeover", "Apple"))
    assert ana.graph.get("Apple").type == "fruit"
    assert ben.graph.get("Apple").type == "takeover"
    ana.graph.add(("company", "Apple"))
    with pytest.raises(InvalidInput, match="company, fruit") as caught:
        ana.graph.get("apple")
    assert "takeover" not in str(caught.value)


def test_sources_that_one_may_not_read_are_not_told(team, ana, ben):
    private, public = ana.remember("Alice said so in private."), ana.publish("Alice said so.")
    ana.graph.link(ALICE, "works_at", ACME, sources=[private.uid, public.uid], namespace=SHARED)
    assert set(ana.graph.edges(ALICE)[0].sources) == {private.uid, public.uid}
    assert ben.graph.edges(ALICE)[0].sources == (public.uid,)


# --- users ------------------------------------------------------------------------------------------------------------


def test_a_bound_handle_sees_its_user_and_what_is_about_none(team):
    one, two = team.agent("ana", user="cust_1"), team.agent("ana", user="cust_2")
    team.graph.link(ALICE, "works_at", ACME, namespace=SHARED)
    edge = one.graph.link(ALICE, "owes", thing("invoice 1"), namespace=SHARED)
    two.graph.link(ALICE, "owes", thing("invoice 2"), namespace=SHARED)
    assert edge.user == "cust_1"
    assert names(one.graph.neighbors(ALICE)) == ["invoice 1", "Acme Corp"]
    assert names(two.graph.neighbors(ALICE)) == ["invoice 2", "Acme Corp"]
    assert len(team.agent("ana").graph.neighbors(ALICE)) == 3
    assert names(one.graph.list(type="thing")) == ["invoice 1"]
    with pytest.raises(NotFound):
        one.graph.get("invoice 2")
    with pytest.raises(NotFound):
        two.graph.history(edge)
    assert two.graph.unlink(ALICE, "owes", namespace=SHARED)[0].target.name == "invoice 2"
    assert names(one.graph.neighbors(ALICE)) == ["invoice 1", "Acme Corp"]


def test_a_bound_handle_writes_about_its_user_only(team):
    one = team.agent("ana", user="cust_1")
    before = rows(team)
    for write in (
        lambda: one.graph.add(ALICE, user="cust_2"),
        lambda: one.graph.link(ALICE, "works_at", ACME, user="cust_2"),
    ):
        with pytest.raises(AccessDenied):
            write()
    assert rows(team) == before
    assert one.graph.add(ALICE, user="cust_1").user == "cust_1"


def test_aliases_about_one_user_are_not_there_for_another(team):
    one, two = team.agent("ana", user="cust_1"), team.agent("ana", user="cust_2")
    team.graph.add(ALICE, namespace=SHARED)
    one.graph.add(ALICE, aliases=["Ally"], namespace=SHARED)
    assert one.graph.get("Ally").name == "Alice Chen"
    with pytest.raises(NotFound):
        two.graph.get("Ally")
    assert two.graph.get(ALICE).aliases == ()


# --- sensitivity ------------------------------------------------------------------------------------------------------


def test_what_is_confidential_takes_clearance(team, ana, ben):
    team.grant("ana", SHARED, "read", "write", clearance="confidential")
    ana.graph.link(ALICE, "works_at", ACME, namespace=SHARED)
    edge = ana.graph.link(ALICE, "negotiates_with", GAMMA, namespace=SHARED, sensitivity="confidential")
    assert edge.sensitivity == "confidential"
    assert len(ana.graph.edges(ALICE)) == 2
    assert said(ben.graph.edges(ALICE)) == ["Alice Chen works_at Acme Corp"]
    assert names(ben.graph.list()) == ["Acme Corp", "Alice Chen"]
    with pytest.raises(NotFound):
        ben.graph.get(GAMMA)
    with pytest.raises(NotFound):
        ben.graph.history(edge)


@pytest.mark.parametrize(
    "write",
    [
        lambda agent, **place: agent.graph.add(ALICE, **place),
        lambda agent, **place: agent.graph.link(ALICE, "works_at", ACME, **place),
    ],
    ids=["add", "link"],
)
def test_who_has_no_clearance_for_what_it_says_is_told_so(team, ana, write):
    """It could not read its own answer."""
    before = rows(team)
    with pytest.raises(AccessDenied):
        write(ana, namespace=SHARED, sensitivity="confidential")
    assert rows(team) == before


# --- rights -----------------------------------------------------------------------------------------------------------


WRITES: dict[str, Callable[[Agent, str], object]] = {
    "add": lambda agent, place: agent.graph.add(ALICE, namespace=place),
    "link": lambda agent, place: agent.graph.link(ALICE, "works_at", BETA, namespace=place),
    "unlink": lambda agent, place: agent.graph.unlink(ALICE, namespace=place),
    "merge": lambda agent, place: agent.graph.merge(ALICE, BOB, namespace=place),
    "split": lambda agent, place: agent.graph.split(ALICE, namespace=place),
    "remove": lambda agent, place: agent.graph.remove(ALICE, namespace=place),
}


@pytest.mark.parametrize("rights", [(), ("read",), ("write",), ("read", "verify", "admin")], ids=str)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_to_write_takes_read_and_write(team, ana, write, rights):
    team.graph.link(ALICE, "works_at", ACME, namespace="desk")
    team.graph.merge(ALICE, ("person", "Ally"), namespace="desk")
    if rights:
        team.grant("ana", "desk", *rights)
    before = rows(team)
    with pytest.raises((AccessDenied, NotFound)):
        write(ana, "desk")
    assert rows(team) == before
    team.grant("ana", "desk", "read", "write")
    write(ana, "desk")


def test_who_may_write_only_is_told_nothing_of_what_is_there(team, ana):
    team.grant("ana", "desk", "write")

    def answers() -> list[str]:
        said: list[str] = []
        for write in WRITES.values():
            with pytest.raises(TransactiveError) as caught:
                write(ana, "desk")
            said.append(f"{type(caught.value).__name__}: {caught.value}")
        return said

    before = answers()
    team.graph.link(ALICE, "works_at", ACME, namespace="desk")
    team.graph.merge(ALICE, ("person", "Ally"), namespace="desk")
    assert answers() == before


def test_who_may_write_there_may_change_what_others_said(ana, ben):
    edge = ana.graph.link(ALICE, "works_at", ACME, namespace=SHARED)
    [ended] = ben.graph.unlink(edge)
    assert (ended.uid, ended.agent) == (edge.uid, "ben")
    assert [version.agent for version in ana.graph.history(edge)] == ["ana", "ben"]


# --- nothing leaks ----------------------------------------------------------------------------------------------------


def hide(ben: Agent) -> None:
    """Whatever ben may say in private of names that ana uses."""
    graph = ben.graph
    graph.link(("person", "Alice  CHEN"), "works_at", BETA)
    graph.add(ACME, aliases=["Acme Corp Europe", "Initech"], metadata={"secret": True})
    graph.merge(BOB, ALICE)
    graph.add(("takeover", "Alice Chen"))
    graph.add(("place", "Corp Europe"))
    graph.add(("thing", "the orchid greenhouse"))
    for number in range(12):
        graph.link(ALICE, "knows", thing(f"hidden {number}"))
        graph.link(thing(f"hidden {number}"), "knows", BOB)
    ben.remember("Alice Chen works at Gamma Ltd.")
    graph.extract(where={})


def answers(ana: Agent, interfere: Callable[[], None]) -> list[Any]:
    """What ana is told, after whatever somebody else may have done before, between and after what she wrote."""
    interfere()
    ana.graph.link(ALICE, "works_at", ACME)
    ana.graph.add(BOB, aliases=["Bobby"])
    memory = ana.remember("Alice Chen of Acme Corp Europe tends the orchid greenhouse.")
    interfere()
    ana.graph.link(BOB, "knows", ALICE)
    ana.graph.link(ALICE, "knows", thing("chess"))
    other = ana.remember("Acme Corp pays late; ask Initech.")
    interfere()
    part = ana.graph.traverse(ALICE, depth=3, fan_out=3)
    return [
        [(entity.ref, entity.aliases, entity.version, entity.metadata) for entity in ana.graph.list()],
        [(str(near.edge), near.outgoing, near.edge.version) for near in ana.graph.neighbors(ALICE, limit=3)],
        (list(part.depths.items()), said(part.edges), part.truncated),
        str(ana.graph.path(BOB, ACME)),
        names(ana.graph.mentioned(memory)),
        names(ana.graph.mentioned(other)),
        texts(ana.graph.mentions(ACME)),
        ana.graph.get("Alice Chen").ref,
        [(hit.memory.text, hit.why.path) for hit in ana.recall("orchid greenhouse", limit=2, expand="graph")],
        ana.graph.types(),
    ]


QUESTIONS = ["entities", "neighbors", "traverse", "path", "mentioned", "also mentioned", "mentions", "get", "recall"]


@pytest.fixture(scope="module")
def compared() -> tuple[list[Any], list[Any]]:
    """The answers where ben says nothing, and where he says much."""

    def told(hidden: Callable[[TeamMemory], None]) -> list[Any]:
        with opened() as team:
            return answers(team.agent("ana"), lambda: hidden(team))

    return told(lambda team: None), told(lambda team: hide(team.agent("ben")))


@pytest.mark.parametrize("number", range(len(QUESTIONS)), ids=QUESTIONS)
def test_what_others_say_in_private_changes_no_answer(compared, number):
    without, with_them = compared
    assert with_them[number] == without[number]
