"""Paths, patterns, and agents' names as paths."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.errors import InvalidInput, InvalidNamespace
from transactive.namespaces import (
    check_agent,
    check_path,
    check_pattern,
    covers,
    encode_segment,
    patterns_covering,
    private_namespace,
)

paths = st.lists(st.sampled_from(("a", "b", "ab", "a0")), min_size=1, max_size=4).map("/".join)
patterns = st.one_of(paths, st.sampled_from(("*", "**")), paths.map("{}/*".format), paths.map("{}/**".format))
names = st.text(min_size=1, max_size=40)


def fits(pattern: str, path: str) -> bool:
    expression = re.escape(pattern).replace(r"/\*\*", "(/.+)?").replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
    return re.fullmatch(expression, path) is not None


@given(patterns, paths)
def test_a_pattern_covers_what_it_says(pattern, path):
    assert covers(pattern, path) == fits(pattern, path)
    assert (pattern in patterns_covering(path)) == fits(pattern, path)


def test_neighbours_are_not_subtrees():
    assert covers("prod/support/**", "prod/support")
    assert covers("prod/support/**", "prod/support/triage/eu")
    assert not covers("prod/support/**", "prod/supportive")
    assert not covers("prod/support/*", "prod/support")
    assert not covers("prod/support/*", "prod/support/triage/eu")
    assert not covers("Prod", "prod")


def test_closest_first():
    assert patterns_covering("a/b/c") == ["a/b/c", "a/b/*", "a/b/c/**", "a/b/**", "a/**", "**"]
    assert patterns_covering("a") == ["a", "*", "a/**", "**"]


@pytest.mark.parametrize(
    "path",
    ["a", "team/shared", "Ünïcode/東京", "a.b/c-d_e~f@g+h:i", "/".join("a" * 16), "a" * 512, "…", "agents/a%2Fb"],
)
def test_paths(path):
    assert check_path(path) == path
    assert check_pattern(path) == path
    assert check_pattern(path + "/*") == path + "/*"
    assert check_pattern(path + "/**") == path + "/**"


def test_a_path_is_normalised():
    assert check_path("Zoe\u0308/x") == "Zo\u00eb/x"
    assert check_pattern("Zoe\u0308/**") == "Zo\u00eb/**"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "a b",
        "a\tb",
        "a\nb",
        "a\x00",
        "a/\ud800",
        ".",
        "a/..",
        "a/./b",
        "*",
        "**",
        "a/*",
        "a/**",
        "a*",
        "**/a",
        "/".join("a" * 17),
        "a" * 513,
        None,
        5,
        b"a",
        ["a"],
        ("a", "b"),
    ],
)
def test_what_is_no_path(path):
    with pytest.raises(InvalidNamespace, match="namespace"):
        check_path(path)


@pytest.mark.parametrize(
    "pattern", ["", "/*", "/**", "a/***", "*/a", "a/**/b", "a*", "a/b*", "a//*", "***", None, 5, b"*"]
)
def test_what_is_no_pattern(pattern):
    with pytest.raises(InvalidNamespace, match="namespace"):
        check_pattern(pattern)


@given(names)
def test_every_agent_has_a_namespace_of_its_own(name):
    try:
        agent = check_agent(name)
    except InvalidInput:
        return
    place = private_namespace(agent)
    assert check_path(place) == place
    assert place.startswith("agents/")
    assert place.count("/") == 1


@given(names, names)
def test_two_agents_have_two_namespaces(one, other):
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    assert (private_namespace(one) == private_namespace(other)) == same


def test_names_are_encoded_as_little_as_needed():
    assert private_namespace("researcher") == "agents/researcher"
    assert encode_segment("Zoe\u0308") == "Zo\u00eb"
    assert encode_segment("Senior Data/Researcher 100%*") == "Senior%20Data%2FResearcher%20100%25%2A"
    assert private_namespace(".") == "agents/%2E"
    assert private_namespace("..") == "agents/%2E%2E"


@pytest.mark.parametrize(
    "name", ["", " ", "*", "owner", "group:red", "a\nb", "\x00", "\ud800", "x" * 201, None, 5, b"a"]
)
def test_what_names_no_agent(name):
    with pytest.raises(InvalidInput):
        check_agent(name)


@pytest.mark.parametrize("name", ["ana", "Owner", "groups", "agent:1", "x" * 200, "🧑‍🚒", "a/b", "Senior Researcher"])
def test_what_names_an_agent(name):
    assert check_agent(name) == name
