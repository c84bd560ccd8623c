"""What a question says about the memory it wants."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.rules.cues import Names, asks_when, mentioned_date, tells_when, without

NAMES = Names(["Alice", "Alice Chen", "bob", "cust_42", "Zoë", "researcher-2", "李雷", "Will"])


def mentioned(query: str) -> list[str]:
    return [mention.name for mention in NAMES.mentions(query)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("what did Alice say?", ["Alice"]),
        ("what did ALICE say?", ["Alice"]),
        ("what did Alice Chen say?", ["Alice Chen"]),
        ("Alice, Chen and Bob's friends", ["Alice Chen", "bob"]),
        ("Alice's invoice", ["Alice"]),
        ("malice and alicent", []),
        ("is cust_42 happy?", ["cust_42"]),
        ("is cust_421 happy?", []),
        ("does zoë know?", ["Zoë"]),
        ("what does researcher-2 think?", ["researcher-2"]),
        ("李雷 说了什么?", ["李雷"]),
        ("Bob and bob", ["bob", "bob"]),
        ("", []),
    ],
)
def test_known_names_are_found_as_whole_words(query, names):
    assert mentioned(query) == names


@given(st.text(), st.lists(st.text(min_size=1), max_size=5))
def test_a_mention_stands_where_it_says(query, names):
    place = 0
    for mention in Names(names).mentions(query):
        assert mention.name in names
        assert place <= mention.start < mention.end <= len(query)
        place = mention.end


def test_a_proper_name_is_left_out_of_the_dense_query():
    for query, expected in (
        ("what did Alice say about the invoice?", "what did say about the invoice?"),
        ("Alice's invoice", "invoice"),
        ("will it rain?", "will it rain?"),
        ("what did Will say?", "what did say?"),
        ("Alice?", "Alice?"),
        ("Alice and Bob", "and"),
    ):
        assert without(query, NAMES.mentions(query)) == expected


@given(st.text(min_size=1))
def test_something_is_left_to_search_for(query):
    assert without(query, NAMES.mentions(query)).strip() or not query.strip()


@pytest.mark.parametrize(
    "query",
    [
        "When did it happen?",
        " when was it",
        "What date is the meeting?",
        "on which day did it fail",
        "how long ago was it?",
        "Since when is it down?",
        "What month did they move?",
        "in what year",
    ],
)
def test_questions_for_a_time(query):
    assert asks_when(query)


@pytest.mark.parametrize(
    "query", ["what happened?", "it fails whenever I call", "tell me when", "who was it", "", "whence"]
)
def test_other_questions(query):
    assert not asks_when(query)


@pytest.mark.parametrize(
    "text",
    [
        "We met yesterday.",
        "TOMORROW then",
        "two weeks ago",
        "last Friday",
        "in 2024",
        "on the 3rd",
        "this morning",
        "in January",
        "a few days",
        "the other day",
        "next month",
        "Monday it is",
    ],
)
def test_texts_that_tell_when(text):
    assert tells_when(text)


@pytest.mark.parametrize("text", ["The index is fast.", "You may go.", "It was 8080.", "12345", "a dayton manday", ""])
def test_texts_that_do_not(text):
    assert not tells_when(text)


@pytest.mark.parametrize(
    ("query", "year", "month"),
    [
        ("what happened in May 2026?", 2026, 5),
        ("what happened in may?", None, 5),
        ("the 8 May meeting", None, 5),
        ("on May 8", None, 5),
        ("since 2024-11", 2024, 11),
        ("on 2024-11-03", 2024, 11),
        ("in 1999", 1999, None),
        ("DECEMBER sales", None, 12),
    ],
)
def test_a_named_date(query, year, month):
    found = mentioned_date(query)
    assert found is not None
    assert (found.year, found.month) == (year, month)


@pytest.mark.parametrize("query", ["you may go", "may I?", "port 8080", "INV-20245", "12026", "a marching band", ""])
def test_no_named_date(query):
    assert mentioned_date(query) is None


def test_a_month_out_of_range_is_none():
    found = mentioned_date("in 2024-13")
    assert found is None or found.month is None


def test_what_was_named_must_agree():
    may, year, both = mentioned_date("in May"), mentioned_date("in 2026"), mentioned_date("in May 2026")
    assert may is not None
    assert year is not None
    assert both is not None
    for time, expected in (
        (datetime(2026, 5, 1, tzinfo=UTC), (True, True, True)),
        (datetime(2025, 5, 1, tzinfo=UTC), (True, False, False)),
        (datetime(2026, 6, 1, tzinfo=UTC), (False, True, False)),
    ):
        assert (may.matches(time), year.matches(time), both.matches(time)) == expected
