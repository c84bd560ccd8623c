"""Two names of one entity: said so, taken back, in chains, and for whoever may read where it was said."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.graph.graphs import ACME, ALICE, BETA, BOB, REDIS, SHARED, depths, names, said
from tests.team.stores import START, opened
from transactive.errors import InvalidInput, NotFound

BOBBY, ROBERT = ("person", "Bobby"), ("person", "Robert Diaz")


def test_two_names_become_one_entity_whose_name_is_the_second(ana):
    ana.graph.link(BOBBY, "uses", REDIS)
    ana.graph.link(ROBERT, "works_at", ACME)
    merged = ana.graph.merge(BOBBY, ROBERT)
    assert (merged.name, merged.aliases) == ("Robert Diaz", ("Bobby",))
    assert ana.graph.get(BOBBY) == ana.graph.get(ROBERT) == merged
    assert said(ana.graph.edges(BOBBY)) == ["Robert Diaz uses Redis", "Robert Diaz works_at Acme Corp"]
    assert [near.outgoing for near in ana.graph.neighbors(REDIS)] == [False]
    assert names(ana.graph.neighbors(REDIS)) == ["Robert Diaz"]
    assert names(ana.graph.list(type="person")) == ["Robert Diaz"]


def test_a_split_gives_each_its_own_again(ana):
    ana.graph.link(BOBBY, "uses", REDIS)
    ana.graph.link(ROBERT, "works_at", ACME)
    ana.graph.merge(BOBBY, ROBERT)
    own = ana.graph.split(BOBBY)
    assert (own.name, own.aliases) == ("Bobby", ())
    assert ana.graph.get(ROBERT).aliases == ()
    assert said(ana.graph.edges(BOBBY)) == ["Bobby uses Redis"]
    assert said(ana.graph.edges(ROBERT)) == ["Robert Diaz works_at Acme Corp"]


def test_merging_and_splitting_go_on_and_on(ana, clock):
    for _ in range(3):
        assert ana.graph.merge(BOBBY, ROBERT).aliases == ("Bobby",)
        clock.advance(timedelta(hours=1))
        assert ana.graph.split(BOBBY).aliases == ()
        clock.advance(timedelta(hours=1))
    assert len(ana.graph.list()) == 2


def test_merging_and_splitting_at_one_moment_end_as_said_last(ana):
    ana.graph.merge(BOBBY, ROBERT)
    ana.graph.split(BOBBY)
    assert ana.graph.merge(BOBBY, ROBERT).aliases == ("Bobby",)
    ana.graph.split(BOBBY)
    assert ana.graph.get(ROBERT).aliases == ()


def test_merging_again_changes_nothing(ana):
    assert ana.graph.merge(BOBBY, ROBERT) == ana.graph.merge(BOBBY, ROBERT)
    ana.graph.split(BOBBY)
    assert len(ana.graph.list()) == 2, "one split is enough"


def test_the_last_word_says_which_is_the_name_proper(ana):
    ana.graph.merge(BOBBY, ROBERT)
    turned = ana.graph.merge(ROBERT, BOBBY)
    assert (turned.name, turned.aliases) == ("Bobby", ("Robert Diaz",))


def test_a_chain_of_names_is_one_entity(ana):
    chain = [("person", f"name {number}") for number in range(12)]
    for one, other in pairwise(chain):
        ana.graph.merge(one, other)
    ana.graph.link(chain[0], "uses", REDIS)
    for name in chain:
        assert ana.graph.get(name).name == "name 11"
        assert names(ana.graph.neighbors(name)) == ["Redis"]
    assert len(ana.graph.get(chain[3]).aliases) == 11
    ana.graph.split(chain[5])
    assert ana.graph.get(chain[0]).name == "name 5"
    assert ana.graph.get(chain[6]).name == "name 11"
    assert ana.graph.neighbors(chain[6]) == []


def test_a_split_takes_the_names_that_hang_on_it_along(ana):
    ana.graph.merge(("person", "Bo"), BOBBY)
    ana.graph.merge(BOBBY, ROBERT)
    assert ana.graph.split(BOBBY).aliases == ("Bo",)
    assert ana.graph.get(ROBERT).aliases == ()


def test_names_of_different_types_may_be_of_one_entity(ana):
    ana.graph.add(("company", "Acme"))
    ana.graph.add(("customer", "Acme"))
    with pytest.raises(InvalidInput, match="several entities"):
        ana.graph.get("Acme")
    ana.graph.merge(("customer", "Acme"), ("company", "Acme"))
    assert ana.graph.get("Acme").type == "company"


def test_what_is_no_alias_cannot_be_split(ana):
    ana.graph.merge(BOBBY, ROBERT)
    for name in (ROBERT, ALICE):
        with pytest.raises(NotFound, match="alias of nothing"):
            ana.graph.split(name)
    ana.graph.split(BOBBY)
    with pytest.raises(NotFound, match="alias of nothing"):
        ana.graph.split(BOBBY)


def test_what_was_merged_then_is_seen_at_that_time(ana, clock):
    ana.graph.link(BOBBY, "uses", REDIS)
    ana.graph.add(ROBERT)
    clock.advance(timedelta(hours=1))
    ana.graph.merge(BOBBY, ROBERT)
    clock.advance(timedelta(hours=1))
    ana.graph.split(BOBBY)
    during = START + timedelta(hours=1, minutes=30)
    assert names(ana.graph.neighbors(ROBERT, as_of=during)) == ["Redis"]
    assert ana.graph.neighbors(ROBERT) == []
    assert ana.graph.neighbors(ROBERT, as_of=START) == []


def test_names_are_merged_for_whoever_may_read_the_namespace(team, ana, ben):
    ben.graph.link(BOBBY, "uses", REDIS, namespace=SHARED)
    ana.graph.merge(BOBBY, ROBERT)
    assert ana.graph.get(BOBBY).name == "Robert Diaz"
    assert (ben.graph.get(BOBBY).name, ben.graph.get(BOBBY).aliases) == ("Bobby", ())
    with pytest.raises(NotFound):
        ben.graph.get(ROBERT)
    ana.graph.merge(BOBBY, ROBERT, namespace=SHARED)
    assert ben.graph.get(BOBBY).name == "Robert Diaz"


def test_a_split_undoes_what_was_merged_in_that_namespace(ana):
    ana.graph.merge(BOBBY, ROBERT)
    ana.graph.merge(BOBBY, ROBERT, namespace=SHARED)
    with pytest.raises(NotFound, match="namespace="):
        ana.graph.split(BOBBY, namespace="agents/ana/notes")
    ana.graph.split(BOBBY)
    assert names(ana.graph.list()) == ["Robert Diaz"], "the shared namespace still says so"
    ana.graph.split(BOBBY, namespace=SHARED)
    assert names(ana.graph.list()) == ["Bobby", "Robert Diaz"]


def test_an_alias_costs_no_step(ana):
    ana.graph.link(ALICE, "knows", BOBBY)
    ana.graph.merge(BOBBY, ROBERT)
    ana.graph.link(ROBERT, "works_at", ACME)
    ana.graph.link(ACME, "owns", BETA)
    part = ana.graph.traverse(ALICE, depth=2)
    assert depths(part) == {"Alice Chen": 0, "Robert Diaz": 1, "Acme Corp": 2}


def test_aliases_are_held_by_the_store_and_not_by_the_process(tmp_path):
    with opened(tmp_path) as team:
        team.agent("ana").graph.merge(BOB, ROBERT)
    with opened(tmp_path) as team:
        assert team.agent("ana").graph.get(BOB).name == "Robert Diaz"
