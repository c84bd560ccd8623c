"""What was so at a time, what was known at a time, and types of edges of which a thing has one at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.graph.graphs import ACME, ALICE, BETA, BOB, GAMMA, REDIS, SHARED, names, said, year
from tests.team.stores import START, opened
from transactive import Agent
from transactive.errors import AccessDenied
from transactive.records import EdgeType


def employers(agent: Agent, at: datetime | None = None) -> list[str]:
    """Where Alice works, or worked."""
    return names(agent.graph.neighbors(ALICE, types=["works_at"], direction="out", at=at))


# --- what was so ------------------------------------------------------------------------------------------------------


def test_an_edge_is_so_from_its_first_moment_until_before_its_last(ana):
    ana.graph.link(ALICE, "uses", REDIS, valid_from=year(2020), valid_until=year(2022))
    moment = timedelta(microseconds=1)
    for at, so in (
        (year(2020) - moment, False),
        (year(2020), True),
        (year(2022) - moment, True),
        (year(2022), False),
    ):
        assert bool(ana.graph.neighbors(ALICE, at=at)) is so, at
    assert ana.graph.neighbors(ALICE) == [], "by default now"


def test_what_begins_later_is_not_so_yet(ana, clock):
    ana.graph.link(ALICE, "uses", REDIS, valid_from=START + timedelta(days=1))
    assert ana.graph.edges(ALICE) == []
    clock.advance(timedelta(days=1))
    assert len(ana.graph.edges(ALICE)) == 1


def test_every_read_takes_the_time(ana):
    ana.graph.link(ALICE, "uses", REDIS, valid_from=year(2020), valid_until=year(2022))
    then, since = year(2021), year(2023)
    assert len(ana.graph.traverse(ALICE, at=then)) == 2
    assert len(ana.graph.traverse(ALICE, at=since)) == 1
    assert len(ana.graph.subgraph(at=then).edges) == 1
    assert len(ana.graph.subgraph(at=since).edges) == 0
    assert len(ana.graph.path(ALICE, REDIS, at=then)) == 1
    assert ana.graph.path(ALICE, REDIS, at=since) is None


# --- what was known ---------------------------------------------------------------------------------------------------


def test_as_of_tells_what_was_held_then(ana, clock):
    ana.graph.link(ALICE, "uses", REDIS, confidence=0.9)
    clock.advance(timedelta(hours=1))
    ana.graph.link(ALICE, "uses", REDIS, confidence=0.2)
    clock.advance(timedelta(hours=1))
    ana.graph.unlink(ALICE, "uses", REDIS)

    def held(hours: float) -> list[float]:
        then = START + timedelta(hours=hours)
        return [edge.confidence for edge in ana.graph.edges(ALICE, as_of=then)]

    assert (held(-1), held(0), held(0.5), held(1), held(1.9), held(2)) == ([], [0.9], [0.9], [0.2], [0.2], [])
    assert ana.graph.edges(ALICE) == []


def test_what_was_so_and_what_was_known_are_two_questions(ana, clock):
    """It became known on the first hour that Alice had left in 2024."""
    ana.graph.link(ALICE, "works_at", ACME, valid_from=year(2020))
    clock.advance(timedelta(hours=1))
    ana.graph.unlink(ALICE, "works_at", ACME, at=year(2024))
    before = START + timedelta(minutes=30)
    assert employers(ana, at=year(2025)) == []
    assert names(ana.graph.neighbors(ALICE, at=year(2025), as_of=before)) == ["Acme Corp"]
    assert names(ana.graph.neighbors(ALICE, at=year(2023), as_of=clock.now)) == ["Acme Corp"]
    assert ana.graph.traverse(ALICE, at=year(2025), as_of=before).edges[0].valid_until is None
    assert ana.graph.path(ALICE, ACME, at=year(2025), as_of=before) is not None
    assert len(ana.graph.subgraph(at=year(2025), as_of=before).edges) == 1


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_another_employer_ends_the_former(ana, clock):
    first = ana.graph.link(ALICE, "works_at", ACME, valid_from=year(2020))
    second = ana.graph.link(ALICE, "works_at", BETA, valid_from=year(2024))
    assert employers(ana) == ["Beta Works"]
    assert employers(ana, year(2023)) == ["Acme Corp"]
    assert employers(ana, year(2019)) == []
    assert ana.graph.history(first)[-1].valid_until == year(2024)
    assert (second.valid_from, second.valid_until) == (year(2024), None)


def test_without_dates_the_new_one_holds_from_now_on(ana, clock):
    ana.graph.link(ALICE, "works_at", ACME)
    clock.advance(timedelta(days=1))
    second = ana.graph.link(ALICE, "works_at", BETA)
    assert second.valid_from == clock.now
    assert (employers(ana), employers(ana, START)) == (["Beta Works"], ["Acme Corp"])


def test_an_older_fact_that_arrives_late_ends_where_the_later_one_began(ana):
    ana.graph.link(ALICE, "works_at", BETA, valid_from=year(2024))
    late = ana.graph.link(ALICE, "works_at", ACME, valid_from=year(2020))
    assert (late.valid_from, late.valid_until) == (year(2020), year(2024))
    assert employers(ana) == ["Beta Works"]
    assert employers(ana, year(2022)) == ["Acme Corp"]


def test_a_fact_between_two_others_ends_the_earlier_and_ends_at_the_later(ana):
    ana.graph.link(ALICE, "works_at", ACME, valid_from=year(2018))
    ana.graph.link(ALICE, "works_at", GAMMA, valid_from=year(2024))
    middle = ana.graph.link(ALICE, "works_at", BETA, valid_from=year(2021))
    assert (middle.valid_from, middle.valid_until) == (year(2021), year(2024))
    at = {number: employers(ana, year(number)) for number in (2017, 2019, 2022, 2025)}
    assert at == {2017: [], 2019: ["Acme Corp"], 2022: ["Beta Works"], 2025: ["Gamma Ltd"]}


def test_a_fact_about_a_time_that_is_over_ends_nothing(ana):
    current = ana.graph.link(ALICE, "works_at", BETA, valid_from=year(2024))
    ana.graph.link(ALICE, "works_at", ACME, valid_from=year(2018), valid_until=year(2020))
    assert ana.graph.edges(ALICE) == [current]
    assert employers(ana, year(2019)) == ["Acme Corp"]


def test_a_fact_that_is_over_ends_nothing_though_the_beginnings_are_not_known(ana):
    ana.graph.link(ALICE, "works_at", BETA)
    past = ana.graph.link(ALICE, "works_at", ACME, valid_until=year(2020))
    assert past.valid_until == year(2020)
    assert past.valid_from is None or past.valid_from < year(2020)
    assert employers(ana) == ["Beta Works"]


def test_what_is_known_to_begin_later_stays_and_ends_what_is_said_without_a_date(ana, clock):
    begins = START + timedelta(days=30)
    ana.graph.link(ALICE, "works_at", BETA, valid_from=begins)
    now = ana.graph.link(ALICE, "works_at", ACME)
    assert now.valid_until == begins
    assert employers(ana) == ["Acme Corp"]
    assert employers(ana, begins) == ["Beta Works"]


def test_the_other_name_of_an_employer_is_no_contradiction(ana):
    ana.graph.add(ACME, aliases=["Acme International"])
    first = ana.graph.link(ALICE, "works_at", ACME)
    again = ana.graph.link(ALICE, "works_at", ("company", "Acme International"))
    assert again == first
    assert again.target.name == "Acme Corp"


def test_another_name_of_the_employee_is_bound_too(ana, clock):
    ana.graph.add(ALICE, aliases=["Ally"])
    ana.graph.link(ALICE, "works_at", ACME)
    clock.advance(timedelta(days=1))
    ana.graph.link(("person", "Ally"), "works_at", BETA)
    assert employers(ana) == ["Beta Works"]


def test_others_types_persons_namespaces_and_users_are_not_touched(team, ana):
    ana.graph.link(ALICE, "works_at", ACME)
    ana.graph.link(BOB, "works_at", BETA)
    ana.graph.link(ALICE, "advises", BETA)
    ana.graph.link(ALICE, "advises", GAMMA)
    ana.graph.link(ALICE, "works_at", BETA, namespace=SHARED)
    ana.graph.link(ALICE, "works_at", GAMMA, user="cust_1")
    ana.graph.link(ACME, "works_at", ALICE)
    assert len(ana.graph.edges(ALICE, types=["works_at"], direction="out")) == 3
    assert len(ana.graph.edges(ALICE, types=["advises"])) == 2
    assert names(ana.graph.neighbors(BOB)) == ["Beta Works"]


def test_the_owner_says_of_which_types_there_is_one(team, ana, clock):
    assert ana.graph.types() == [EdgeType(type="works_at", single=True)]
    defined = team.graph.define("lives_in", single=True, description="Where somebody lives.")
    assert defined == EdgeType(type="lives_in", single=True, description="Where somebody lives.")
    assert ana.graph.types() == [defined, EdgeType(type="works_at", single=True)]
    ana.graph.link(ALICE, "lives_in", ("place", "Lima"))
    clock.advance(timedelta(days=1))
    ana.graph.link(ALICE, "lives_in", ("place", "Oslo"))
    assert said(ana.graph.edges(ALICE)) == ["Alice Chen lives_in Oslo"]


def test_a_type_may_be_made_many_valued_again(team, ana):
    team.graph.define("works_at", single=False)
    ana.graph.link(ALICE, "works_at", ACME)
    ana.graph.link(ALICE, "works_at", BETA)
    assert sorted(employers(ana)) == ["Acme Corp", "Beta Works"]
    assert ana.graph.types() == [EdgeType(type="works_at", single=False)]


def test_only_the_owner_defines(team, ana):
    with pytest.raises(AccessDenied, match=r"team\.graph\.define"):
        ana.graph.define("lives_in", single=True)
    assert [type.type for type in team.graph.types()] == ["works_at"]


YEARS = st.integers(2010, 2020)
STATED = st.lists(
    st.tuples(st.sampled_from([ACME, BETA, GAMMA]), YEARS, st.none() | st.integers(1, 6)), min_size=2, max_size=6
)


@pytest.fixture(scope="module")
def people():
    """A store in which each example has an agent of its own."""
    with opened() as team:
        yield (team.agent(f"agent {number}") for number in range(10_000))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stated=STATED)
def test_at_no_time_does_a_thing_have_two(people, stated):
    """However the dated facts come in; and the last word holds from its beginning."""
    agent = next(people)
    for company, start, length in stated:
        until = None if length is None else year(start + length)
        agent.graph.link(ALICE, "works_at", company, valid_from=year(start), valid_until=until)
    for number in range(2009, 2028):
        assert len(employers(agent, year(number))) <= 1, number
    company, start, _ = stated[-1]
    assert employers(agent, year(start)) == [company[1]]
