"""list, count and facets: exact, in order, page by page."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.team.stores import START, Clock, opened, texts
from transactive import NewMemory, Page, TeamMemory
from transactive.errors import InvalidInput

ORDERS = ("created_at", "recorded_at", "updated_at", "importance")


@pytest.fixture(scope="module")
def shared_team() -> Iterator[TeamMemory]:
    """One store for all examples; each has an agent of its own."""
    with opened(clock=Clock(START)) as team:
        yield team


agents = itertools.count()


@settings(max_examples=50)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from((0.0, 0.1, 1 / 3, 1.0))), max_size=25),
    size=st.integers(1, 6),
    by=st.sampled_from(ORDERS),
    descending=st.booleans(),
)
def test_pages_hold_everything_once_in_order(shared_team, rows, size, by, descending):
    ana = shared_team.agent(f"ana {next(agents)}")
    items = [
        NewMemory(text=f"{number}", importance=importance, created_at=START + timedelta(microseconds=moment))
        for number, (moment, importance) in enumerate(rows)
    ]
    ana.remember_many(items)
    order = ("-" if descending else "") + by
    page = ana.list(order_by=order, limit=size)
    found = list(page)
    while page.next is not None:
        assert len(page) == size
        page = ana.list(order_by=order, limit=size, after=page.next)
        assert page, "a page that was announced is not empty"
        found.extend(page)
    keys = [getattr(memory, by) for memory in found]
    assert keys == sorted(keys, reverse=descending)
    assert sorted(memory.text for memory in found) == sorted(item.text for item in items)


def test_a_cursor_holds_its_place_while_others_write_and_forget(team):
    ana = team.agent("ana")
    for number in range(9):
        ana.remember(f"{number}", created_at=START + timedelta(minutes=number))
    first = ana.list(order_by="created_at", limit=3)
    ana.remember("before", created_at=START - timedelta(days=1))
    ana.forget(first[2].id)
    ana.forget(where={"text": {"$contains": "4"}})
    ana.remember("after", created_at=START + timedelta(days=1))
    rest = ana.list(order_by="created_at", limit=100, after=first.next)
    assert texts(first) == ["0", "1", "2"]
    assert texts(rest) == ["3", "5", "6", "7", "8", "after"]
    assert rest.next is None


def test_the_last_page_knows_that_it_is_the_last(team):
    ana = team.agent("ana")
    ana.remember_many(f"{number}" for number in range(6))
    first = ana.list(limit=3)
    assert first.next is not None
    assert ana.list(limit=3, after=first.next).next is None
    assert ana.list(limit=6).next is None


def test_a_cursor_shows_nothing_of_others(team):
    """It holds a place in the order of the store, and no text, name or id."""
    team.agent("ben").remember_many(f"secret {number}" for number in range(50))
    ana = team.agent("ana")
    ana.remember_many(["a", "b", "c"])
    cursor = ana.list(limit=1).next
    assert cursor is not None
    assert ana.list(limit=1, after=cursor).next != cursor
    with pytest.raises(InvalidInput, match="same order_by"):
        ana.list(limit=1, after=cursor, order_by="importance")
    ben = team.agent("ben").list(limit=100, after=cursor)
    assert all(memory.agent == "ben" for memory in ben), "a cursor opens nothing"


def test_newest_first_unless_told_otherwise(team, clock):
    ana = team.agent("ana")
    for number in range(3):
        ana.remember(f"{number}")
        clock.advance(timedelta(seconds=1))
    ana.remember("long ago", created_at=START - timedelta(days=9))
    assert texts(ana.list()) == ["2", "1", "0", "long ago"]
    assert texts(ana.list(order_by="-recorded_at")) == ["long ago", "2", "1", "0"]
    clock.advance(timedelta(seconds=1))
    ana.revise(ana.list({"text": {"$contains": "0"}})[0].id, importance=1)
    assert texts(ana.list(order_by="-updated_at"))[0] == "0"
    assert texts(ana.list(order_by="-importance"))[0] == "0"


def test_a_page_is_a_sequence(team):
    ana = team.agent("ana")
    ana.remember_many(["a", "b"])
    page = ana.list(order_by="created_at")
    assert len(page) == 2
    assert texts([page[0], page[-1]]) == ["a", "b"]
    assert texts(page[:1]) == ["a"]
    assert page == ana.list(order_by="created_at")
    assert not Page()


def test_count_agrees_with_list(team):
    ana = team.agent("ana")
    ana.remember_many(NewMemory(text=f"{n}", tags=["even"] * (n % 2 == 0), metadata={"n": n}) for n in range(20))
    for where in (
        None,
        {},
        {"tags": "even"},
        {"tags": {"$exists": False}},
        {"metadata.n": {"$lt": 5}},
        {"metadata.n": {"$in": [1, 2.0, "3"]}},
        {"$or": [{"metadata.n": 3}, {"tags": "even"}], "importance": {"$gte": 0.5}},
        {"created_at": {"$gt": START + timedelta(days=1)}},
    ):
        assert ana.count(where) == len(ana.list(where)) == sum(ana.facets("agent", where).values())


def test_facets_count_by_value_most_frequent_first(team):
    ana = team.agent("ana")
    for tags in (["a", "b"], ["b"], ["b", "c"], []):
        ana.remember("x", tags=tags, kind="learning" if tags else "decision", user="cust_1" if "a" in tags else None)
    assert list(ana.facets("tags").items()) == [("b", 3), ("a", 1), ("c", 1)]
    assert list(ana.facets("tags", limit=1).items()) == [("b", 3)]
    assert ana.facets("tags", {"tags": "c"}) == {"b": 1, "c": 1}
    assert ana.facets("kind") == {"learning": 3, "decision": 1}
    assert ana.facets("user") == {"cust_1": 1}
    assert ana.facets("session") == {}
    assert ana.facets("namespace") == {"agents/ana": 4}
