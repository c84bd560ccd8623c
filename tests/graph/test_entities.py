"""Entities: stated, with other names and metadata, by whoever, and compared by their words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.graph.graphs import ACME, ALICE, BETA, REDIS, SHARED, names, rows
from tests.team.stores import START
from transactive.errors import NotFound
from transactive.records import EntityRef


def test_what_is_added_is_read_with_its_author_place_and_time(ana, clock):
    entity = ana.graph.add(ACME, metadata={"industry": "rockets"})
    assert ana.graph.get(ACME) == entity
    assert entity.ref == EntityRef("company", "Acme Corp")
    assert (entity.agent, entity.namespace, entity.namespaces) == ("ana", "agents/ana", ("agents/ana",))
    assert (entity.user, entity.sensitivity, entity.aliases, entity.version) == (None, "internal", (), 1 + 1)
    assert entity.metadata == {"industry": "rockets"}
    assert entity.created_at == entity.updated_at == START


def test_an_entity_without_metadata_is_at_its_first_version(ana):
    assert ana.graph.add(ACME).version == 1


SAME_NAMES = {
    "case": "ACME corp",
    "punctuation": "Acme Corp.",
    "spaces": "  Acme   Corp ",
    "quotes": "'Acme Corp'",
    "full width": "\uff21\uff43\uff4d\uff45 Corp",
    "line break": "Acme\nCorp",
    "possessive": "Acme Corp's",
}


@pytest.mark.parametrize("spelling", SAME_NAMES.values(), ids=SAME_NAMES)
def test_case_punctuation_and_spaces_of_a_name_do_not_count(ana, spelling):
    first = ana.graph.add(ACME)
    assert ana.graph.add(("company", spelling)).uid == first.uid
    assert ana.graph.get(("company", spelling)).uid == first.uid
    assert ana.graph.get(spelling).uid == first.uid
    assert len(ana.graph.list()) == 1


DIFFERENT_NAMES = [
    ("C", "C++"),
    ("C", "C#"),
    ("INV-5678", "INV-5679"),
    ("INV-5678", "INV 5678 B"),
    ("Acme", "Acme Corp"),
    ("!!!", "???"),
    ("東京", "京都"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT_NAMES)
def test_other_words_are_another_name(ana, one, other):
    assert ana.graph.add(("thing", one)).uid != ana.graph.add(("thing", other)).uid
    assert len(ana.graph.list()) == 2


def test_the_same_name_of_another_type_is_another_entity(ana):
    company, fruit = ana.graph.add(("company", "Apple")), ana.graph.add(("fruit", "Apple"))
    assert company.uid != fruit.uid
    assert ana.graph.get(("fruit", "apple")).uid == fruit.uid


def test_other_names_lead_to_the_same_entity(ana):
    entity = ana.graph.add(ALICE, aliases=["Ally", "A. Chen"])
    assert (entity.name, set(entity.aliases)) == ("Alice Chen", {"Ally", "A. Chen"})
    for name in (ALICE, "ally", ("person", "a chen"), ("person", "Ally"), entity):
        assert ana.graph.get(name) == entity


def test_an_alias_that_is_the_name_itself_adds_nothing(ana):
    assert ana.graph.add(ALICE, aliases=["alice chen", "Alice  Chen!"]).aliases == ()
    assert len(ana.graph.list()) == 1


def test_again_it_is_the_same_one_with_what_is_new(ana, clock):
    first = ana.graph.add(ALICE, aliases=["Ally"], metadata={"team": "red"})
    clock.advance(timedelta(hours=1))
    again = ana.graph.add(ALICE, aliases=["Ali"], metadata={"team": "blue"})
    assert (again.uid, again.created_at, again.updated_at) == (first.uid, START, clock.now)
    assert set(again.aliases) == {"Ally", "Ali"}
    assert again.metadata == {"team": "blue"}
    assert again.version == first.version + 1


def test_nothing_new_is_no_new_version(ana, clock):
    first = ana.graph.add(ALICE, aliases=["Ally"], metadata={"team": "red"})
    before = rows(ana)
    clock.advance(timedelta(hours=1))
    assert ana.graph.add(ALICE, aliases=["Ally"], metadata={"team": "red"}) == first
    assert ana.graph.add(ALICE) == first, "metadata that is not given stays"
    after = rows(ana)
    assert {**after, "audit": 0} == {**before, "audit": 0}, "no row, no event"


def test_both_ends_of_an_edge_are_entities(ana):
    ana.graph.link(ALICE, "works_at", ACME)
    assert [entity.ref for entity in ana.graph.list()] == [ACME, ALICE]


def test_the_same_entity_is_known_in_several_namespaces(ana, clock):
    ana.graph.add(ACME, metadata={"where": "private"})
    clock.advance(timedelta(hours=1))
    entity = ana.graph.add(("company", "ACME CORP"), metadata={"where": "shared"}, namespace=SHARED)
    assert entity.namespaces == ("agents/ana", SHARED)
    assert (entity.namespace, entity.name) == (SHARED, "ACME CORP"), "as it was last stated"
    assert entity.metadata == {"where": "shared"}
    assert entity.created_at == START
    assert len(ana.graph.list()) == 1


def test_what_two_agents_say_of_one_name_meets_in_the_shared_namespace(ana, ben):
    first = ana.graph.add(ACME, namespace=SHARED)
    second = ben.graph.add(("company", "acme corp"), metadata={"by": "ben"}, namespace=SHARED)
    assert second.uid == first.uid
    assert second.agent == "ana", "who stated it first"
    assert ana.graph.get(ACME).metadata == {"by": "ben"}


def test_metadata_may_be_emptied(ana):
    ana.graph.add(ACME, metadata={"a": 1})
    assert ana.graph.add(ACME, metadata={}).metadata == {}


# --- lists ------------------------------------------------------------------------------------------------------------


def test_lists_are_by_name_by_type_by_namespace_and_in_pages(ana):
    for entity in (REDIS, ALICE, ACME, BETA):
        ana.graph.add(entity)
    ana.graph.add(("person", "Zoe"), namespace=SHARED)
    assert names(ana.graph.list()) == ["Acme Corp", "Alice Chen", "Beta Works", "Redis", "Zoe"]
    assert names(ana.graph.list(type="person")) == ["Alice Chen", "Zoe"]
    assert names(ana.graph.list(namespaces=["team/**"])) == ["Zoe"]
    assert names(ana.graph.list(namespaces=["team/**", "agents/ana"], type="company")) == ["Acme Corp", "Beta Works"]
    assert names(ana.graph.list(limit=2)) == ["Acme Corp", "Alice Chen"]
    assert names(ana.graph.list(limit=2, offset=2)) == ["Beta Works", "Redis"]
    assert ana.graph.list(offset=5) == []


def test_an_entity_with_other_names_is_listed_once_where_its_name_belongs(ana):
    ana.graph.add(("person", "Mia"))
    ana.graph.add(("person", "Zoe"), aliases=["Abby", "Noor"])
    assert names(ana.graph.list()) == ["Mia", "Zoe"]
    assert names(ana.graph.list(limit=1)) == ["Mia"]
    assert names(ana.graph.list(limit=1, offset=1)) == ["Zoe"]


def test_long_lists_have_each_entity_once(ana):
    for number in range(230):
        ana.graph.add(("thing", f"name {number:03}"), aliases=[f"other {number:03}"] if number % 50 == 0 else [])
    assert len(names(ana.graph.list(limit=1000))) == 230
    pages = [name for start in range(0, 240, 60) for name in names(ana.graph.list(limit=60, offset=start))]
    assert len(pages) == len(set(pages)) == 230


# --- removing ---------------------------------------------------------------------------------------------------------


def test_what_is_removed_is_gone_with_its_edges_and_their_history(ana):
    ana.graph.link(ALICE, "works_at", ACME)
    edge = ana.graph.link(ALICE, "works_at", ACME, confidence=0.5)
    ana.graph.link(ALICE, "uses", REDIS)
    ana.graph.link(REDIS, "part_of", BETA)
    assert ana.graph.remove(ALICE) == 2
    for read in (lambda: ana.graph.get(ALICE), lambda: ana.graph.history(edge), lambda: ana.graph.neighbors(ALICE)):
        with pytest.raises(NotFound):
            read()
    assert ana.graph.neighbors(ACME) == []
    assert names(ana.graph.neighbors(REDIS)) == ["Beta Works"]


def test_a_removed_entity_takes_its_other_names_along(ana):
    ana.graph.add(ALICE, aliases=["Ally"])
    ana.graph.remove("Ally")
    for name in (ALICE, ("person", "Ally")):
        with pytest.raises(NotFound):
            ana.graph.get(name)
    assert ana.graph.list() == []


def test_it_is_removed_in_one_namespace_only(ana):
    ana.graph.link(ALICE, "works_at", ACME)
    ana.graph.link(ALICE, "works_at", BETA, namespace=SHARED)
    assert ana.graph.remove(ALICE, namespace=SHARED) == 1
    assert names(ana.graph.neighbors(ALICE)) == ["Acme Corp"]
    assert ana.graph.get(ALICE).namespaces == ("agents/ana",)
    with pytest.raises(NotFound, match="namespace="):
        ana.graph.remove(ALICE, namespace=SHARED)


def test_a_removed_entity_can_be_stated_again_and_finds_its_memories(ana):
    memory = ana.remember("Alice Chen called.")
    first = ana.graph.add(ALICE, aliases=["Ally"], metadata={"a": 1})
    ana.graph.remove(ALICE)
    again = ana.graph.add(ALICE)
    assert again.uid != first.uid
    assert (again.aliases, again.metadata, again.version) == ((), {}, 1)
    assert [m.uid for m in ana.graph.mentions(ALICE)] == [memory.uid]


def test_what_was_never_there_cannot_be_removed(ana):
    with pytest.raises(NotFound):
        ana.graph.remove(ACME)
