"""Edges: made, made again, described anew, and ended; with who said so, and on what grounds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.graph.graphs import ALICE, BILLING, BOB, LEDGER, REDIS, SHARED, names, rows, said, year
from tests.team.stores import START
from transactive.errors import InvalidInput, NotFound
from transactive.records import EntityRef


def test_an_edge_says_all_that_was_said(team, clock):
    ana = team.agent("ana", session="s-1")
    edge = ana.graph.link(
        BILLING, "depends_on", REDIS, confidence=0.6, metadata={"why": "cache"}, valid_from=year(2020)
    )
    assert (edge.source, edge.type, edge.target) == (EntityRef(*BILLING), "depends_on", EntityRef(*REDIS))
    assert (edge.confidence, edge.metadata, edge.valid_from, edge.valid_until) == (
        0.6,
        {"why": "cache"},
        year(2020),
        None,
    )
    assert (edge.agent, edge.session, edge.namespace, edge.user, edge.sensitivity) == (
        "ana",
        "s-1",
        "agents/ana",
        None,
        "internal",
    )
    assert (edge.version, edge.recorded_at, edge.retired_at, edge.sources) == (1, START, None, ())
    assert str(edge) == "Billing depends_on Redis"
    assert ana.graph.edges(BILLING) == [edge]


def test_unless_said_an_edge_is_sure_and_its_beginning_unknown(ana):
    edge = ana.graph.link(BILLING, "depends_on", REDIS)
    assert (edge.confidence, edge.metadata, edge.valid_from, edge.valid_until) == (1.0, {}, None, None)


SAID_AGAIN = {
    "as it was": {},
    "with a confidence": {"confidence": 0.5},
    "with metadata": {"metadata": {"a": 1}},
    "since": {"valid_from": year(2020)},
    "for a time that is over": {"valid_from": year(2018), "valid_until": year(2020)},
    "until a time to come": {"valid_until": year(2040)},
    "until a time that is over": {"valid_until": year(2020)},
    "for a time to come": {"valid_from": year(2040), "valid_until": year(2041)},
}


@pytest.mark.parametrize("more", SAID_AGAIN.values(), ids=SAID_AGAIN)
def test_the_same_once_more_is_the_same_edge(ana, clock, more):
    first = ana.graph.link(ALICE, "uses", REDIS, **more)
    before = rows(ana)
    clock.advance(timedelta(hours=1))
    assert ana.graph.link(("person", "ALICE chen"), "uses", ("service", "redis"), **more) == first
    assert {**rows(ana), "audit": 0} == {**before, "audit": 0}


def test_the_bare_edge_again_is_the_one_that_holds_until_later(ana):
    first = ana.graph.link(ALICE, "uses", REDIS, valid_until=year(2040))
    assert ana.graph.link(ALICE, "uses", REDIS) == first
    assert len(ana.graph.edges(ALICE)) == 1


def test_the_other_direction_and_another_type_are_other_edges(ana):
    ana.graph.link(ALICE, "knows", BOB)
    ana.graph.link(BOB, "knows", ALICE)
    ana.graph.link(ALICE, "manages", BOB)
    assert said(ana.graph.edges(ALICE)) == [
        "Alice Chen knows Bob Diaz",
        "Alice Chen manages Bob Diaz",
        "Bob Diaz knows Alice Chen",
    ]


@pytest.mark.parametrize("change", [{"confidence": 0.4}, {"metadata": {"b": 2}}, {"valid_from": year(2019)}])
def test_what_is_said_differently_is_a_new_version_of_the_same_edge(ana, ben, clock, change):
    first = ana.graph.link(ALICE, "uses", REDIS, metadata={"a": 1}, namespace=SHARED)
    clock.advance(timedelta(hours=1))
    second = ben.graph.link(ALICE, "uses", REDIS, namespace=SHARED, **change)
    assert (second.uid, second.version, second.agent, second.recorded_at) == (first.uid, 2, "ben", clock.now)
    for name, value in change.items():
        assert getattr(second, name) == value
    kept = {"confidence": 1.0, "metadata": {"a": 1}, "valid_from": None, **change}
    assert {name: getattr(second, name) for name in kept} == kept, "what was not said stays as it was"
    assert ana.graph.edges(ALICE) == [second]


def test_the_history_tells_every_version_and_when_it_was_held(ana, clock):
    first = ana.graph.link(ALICE, "uses", REDIS, confidence=0.9)
    clock.advance(timedelta(hours=1))
    ana.graph.link(ALICE, "uses", REDIS, confidence=0.4)
    one, two = ana.graph.history(first.uid)
    assert (one.version, one.confidence, one.recorded_at, one.retired_at) == (1, 0.9, START, clock.now)
    assert (two.version, two.confidence, two.recorded_at, two.retired_at) == (2, 0.4, clock.now, None)
    assert ana.graph.history(first) == [one, two]


def test_a_type_of_ones_own_is_as_good(ana):
    ana.graph.link(ALICE, "was_born_in_2", ("place", "Lima"))
    assert said(ana.graph.edges(ALICE, types=["was_born_in_2"])) == ["Alice Chen was_born_in_2 Lima"]


def test_the_same_edge_in_two_namespaces_is_two_statements(ana):
    one = ana.graph.link(ALICE, "uses", REDIS)
    two = ana.graph.link(ALICE, "uses", REDIS, namespace=SHARED)
    assert one.uid != two.uid
    assert [edge.namespace for edge in ana.graph.edges(ALICE)] == [SHARED, "agents/ana"]
    assert names(ana.graph.neighbors(ALICE)) == ["Redis", "Redis"], "one for each edge"


def test_an_entity_is_named_by_its_record_too(ana):
    alice, redis = ana.graph.add(ALICE), ana.graph.add(REDIS)
    assert ana.graph.link(alice, "uses", redis) == ana.graph.link(ALICE, "uses", REDIS)


# --- on what grounds --------------------------------------------------------------------------------------------------


def test_the_memories_that_say_so_are_its_sources(ana):
    one, two = ana.remember("Alice uses Redis."), ana.remember("Redis is used by Alice.", id="note-2")
    edge = ana.graph.link(ALICE, "uses", REDIS, sources=[one.uid])
    assert edge.sources == (one.uid,)
    again = ana.graph.link(ALICE, "uses", REDIS, sources=["note-2", one.uid])
    assert set(again.sources) == {one.uid, two.uid}
    assert (again.uid, again.version) == (edge.uid, edge.version)
    ana.forget(one.uid)
    [left] = ana.graph.edges(ALICE)
    assert left.sources == (two.uid,), "and what was said by itself holds without it"


def test_a_source_must_be_there(ana, ben):
    private = ben.remember("Alice uses Redis.")
    before = rows(ana)
    for id in (private.uid, "nothing"):
        with pytest.raises(NotFound):
            ana.graph.link(ALICE, "uses", REDIS, sources=[id])
    assert rows(ana) == before


# --- ending -----------------------------------------------------------------------------------------------------------


def test_an_edge_that_ended_is_known_to_have_been_so(ana, clock):
    ana.graph.link(ALICE, "uses", REDIS)
    clock.advance(timedelta(days=1))
    [ended] = ana.graph.unlink(ALICE, "uses", REDIS)
    assert (ended.valid_until, ended.version) == (clock.now, 2)
    assert ana.graph.edges(ALICE) == []
    assert said(ana.graph.edges(ALICE, at=START)) == ["Alice Chen uses Redis"]
    assert [edge.valid_until for edge in ana.graph.history(ended)] == [None, clock.now]
    assert names(ana.graph.list()) == ["Alice Chen", "Redis"], "the entities stay"


def test_an_edge_may_end_at_another_time(ana):
    ana.graph.link(ALICE, "uses", REDIS, valid_from=year(2020))
    [ended] = ana.graph.unlink(ALICE, "uses", REDIS, at=year(2023))
    assert ended.valid_until == year(2023)
    assert ana.graph.edges(ALICE, at=year(2022)) == [ended]
    assert ana.graph.edges(ALICE, at=year(2023)) == [], "until then, and not at that moment"
    ana.graph.link(ALICE, "uses", LEDGER)
    [later] = ana.graph.unlink(ALICE, "uses", LEDGER, at=year(2030))
    assert ana.graph.edges(ALICE) == [later], "not over yet"


def test_unlink_takes_what_matches(ana):
    for type, target in (("uses", REDIS), ("uses", LEDGER), ("owns", REDIS), ("owns", BILLING)):
        ana.graph.link(ALICE, type, target)
    ana.graph.link(BOB, "uses", REDIS)
    assert said(ana.graph.unlink(ALICE, "uses")) == ["Alice Chen uses Ledger", "Alice Chen uses Redis"]
    assert said(ana.graph.unlink(ALICE, target=REDIS)) == ["Alice Chen owns Redis"]
    assert said(ana.graph.unlink("Alice Chen")) == ["Alice Chen owns Billing"]
    assert ana.graph.unlink(ALICE) == []
    assert said(ana.graph.edges(REDIS)) == ["Bob Diaz uses Redis"]


def test_unlink_takes_an_edge_itself_in_its_own_namespace(ana):
    one, two = ana.graph.link(ALICE, "uses", REDIS, namespace=SHARED), ana.graph.link(ALICE, "uses", REDIS)
    [ended] = ana.graph.unlink(one)
    assert ended.uid == one.uid
    assert ana.graph.edges(ALICE) == [two]
    assert ana.graph.unlink(one) == [], "it has ended"


def test_unlink_stays_within_the_namespace(ana):
    ana.graph.link(ALICE, "uses", REDIS, namespace=SHARED)
    assert ana.graph.unlink(ALICE, "uses", REDIS) == []
    assert len(ana.graph.unlink(ALICE, "uses", REDIS, namespace=SHARED)) == 1


def test_unlink_goes_by_other_names_too(ana):
    ana.graph.add(ALICE, aliases=["Ally"])
    ana.graph.link(("person", "Ally"), "uses", REDIS)
    assert said(ana.graph.unlink(ALICE, "uses")) == ["Alice Chen uses Redis"]


def test_an_edge_cannot_end_before_it_began(ana):
    ana.graph.link(ALICE, "uses", REDIS, valid_from=year(2020))
    with pytest.raises(InvalidInput, match="at="):
        ana.graph.unlink(ALICE, "uses", REDIS, at=year(2019))
    assert len(ana.graph.edges(ALICE)) == 1


def test_what_is_linked_again_after_its_end_is_so_from_then_on(ana, clock):
    first = ana.graph.link(ALICE, "uses", REDIS)
    clock.advance(timedelta(days=1))
    gap = clock.now
    ana.graph.unlink(ALICE, "uses", REDIS)
    clock.advance(timedelta(days=1))
    again = ana.graph.link(ALICE, "uses", REDIS)
    assert (again.valid_from, again.valid_until) == (clock.now, None)
    assert again.uid != first.uid
    assert ana.graph.edges(ALICE, at=gap) == [], "not in between"
    assert len(ana.graph.edges(ALICE, at=START)) == 1


def test_no_edge_ends_before_it_begins(ana, clock):
    """Linked again after its end, but for a time that was before."""
    ana.graph.link(ALICE, "uses", REDIS, valid_from=year(2020))
    ana.graph.unlink(ALICE, "uses", REDIS, at=year(2022))
    edge = ana.graph.link(ALICE, "uses", REDIS, valid_until=year(2018))
    assert edge.valid_until == year(2018)
    assert edge.valid_from is None or edge.valid_from < year(2018)


def test_an_edge_may_join_two_entities_of_one_name(ana):
    ana.graph.link(("company", "Apple"), "sells", ("fruit", "Apple"))
    assert [near.entity.type for near in ana.graph.neighbors(("company", "Apple"))] == ["fruit"]
    assert [near.entity.type for near in ana.graph.neighbors(("fruit", "Apple"))] == ["company"]
