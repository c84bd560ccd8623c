"""Exact identifiers, and pairs of characters where words have no spaces between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.rules.identifiers import MAX_IDENTIFIERS, character_pairs, exact, identifiers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Invoice INV-5678 is open.", ["inv-5678"]),
        ("(INV-5678), 'INV-5678': “INV-5678”!", ["inv-5678"]),
        ("INV-5678's total", ["inv-5678"]),
        ("C++ is not C# is not C", ["c++", "c#"]),
        ("see /var/log/syslog.1.", ["/var/log/syslog.1"]),
        ("mail anna.schmidt@example.org, now", ["anna.schmidt@example.org"]),
        ("cust_42 and cust_421", ["cust_42", "cust_421"]),
        ("https://example.org/a?b=1", ["https://example.org/a?b=1"]),
        ("v2.10.0 and 10.0.0.17", ["v2.10.0", "10.0.0.17"]),
        ("C:\\Users\\anna", ["c:\\users\\anna"]),
        ("plain words, no more", []),
        ("- / _ # + @", []),
        ("", []),
    ],
)
def test_identifiers_are_found_whole(text, found):
    assert identifiers(text) == found


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400))
def test_each_identifier_stands_once_and_is_found_again_alone(text):
    found = identifiers(text)
    assert len(found) == len(set(found)) <= MAX_IDENTIFIERS
    assert all(0 < len(word) <= 200 for word in found)
    assert all(not any(c.isspace() for c in word) for word in found)


@given(
    st.from_regex(r"[A-Z]{2,5}-[0-9]{3,6}", fullmatch=True), st.sampled_from(("{}", "({})", "“{}”,", "{}!", "see {}."))
)
def test_case_and_punctuation_make_no_difference(name, frame):
    assert identifiers(frame.format(name)) == identifiers(name.lower()) == [name.lower()]
    assert exact(frame.format(name)) == [name.lower()]


def test_there_is_an_end_to_them():
    assert len(identifiers(" ".join(f"id-{number}" for number in range(2000)))) == MAX_IDENTIFIERS
    assert len(identifiers("x-" + "9" * 10_000)[0]) == 200


@pytest.mark.parametrize(
    "query",
    [
        "INV-5678",
        "cust_42",
        "C++",
        "c#",
        "/etc/hosts",
        "anna@example.org",
        "12345",
        "v2.10.0",
        "10.0.0.17",
        "#4711",
        "a_b",
        "src/index/build.py",
    ],
)
def test_what_names_one_thing(query):
    assert exact(f"what about {query}?") == [query.casefold()]


@pytest.mark.parametrize(
    "query", ["5 apples", "10:30", "8080", "well-known", "and/or", "3rd", "50%", "$5.00", "2026-05-04", "e.g."]
)
def test_what_names_nothing(query):
    assert exact(query) == []


def test_a_query_has_four_at_most():
    assert len(exact(" ".join(f"INV-{number}" for number in range(1000, 1010)))) == 4


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
        ("私 go 家", ["私", "家"]),
        ("안녕하세요", ["안녕", "녕하", "하세", "세요"]),
        ("東京東京", ["東京", "京東"]),
        ("Tokyo", []),
        ("", []),
    ],
)
def test_pairs(text, pairs):
    assert character_pairs(text) == pairs


@given(st.text(alphabet="東京タワー駅 a", min_size=2))
def test_a_part_of_two_characters_or_more_shares_its_pairs(text):
    whole = set(character_pairs(text))
    for run in text.replace("a", " ").split():
        if len(run) > 1:
            assert set(character_pairs(run)) <= whole
