"""The text of chosen fields of a JSON value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.errors import InvalidInput
from transactive.rules.fields import steps, text_of

VALUE = {
    "title": "Paper",
    "body": {"text": "HNSW", "n": 42, "share": 0.5},
    "items": [{"note": "one"}, {"note": "two", "more": ["three", ["four"]]}, "five"],
    "rows": [[1, 2], [3]],
    "flag": True,
    "nothing": None,
    "blank": " \n",
    "$": "dollar",
}
PATHS = {
    "title": "Paper",
    "body": "HNSW 42 0.5",
    "body.text": "HNSW",
    "items": "one two three four five",
    "items[*]": "one two three four five",
    "items[*].note": "one two",
    "items[0].note": "one",
    "items[-1]": "five",
    "items[-2].more[1]": "four",
    "items[3]": "",
    "items[-4]": "",
    "rows[*][0]": "1 3",
    "rows[1][*]": "3",
    "title[0]": "",
    "title.text": "",
    "body[0]": "",
    "items.note": "",
    "none": "",
    "flag": "",
    "nothing": "",
    "blank": "",
    "$.x": "",
}


@pytest.mark.parametrize(("path", "expected"), PATHS.items())
def test_paths(path, expected):
    assert text_of(VALUE, [steps(path)]) == "\n".join(expected.split())


def test_the_whole_and_several_without_repetition():
    assert text_of(VALUE, [steps("$")]).split("\n")[:4] == ["Paper", "HNSW", "42", "0.5"]
    assert text_of(VALUE, [steps("body.n"), steps("title"), steps("body")]) == "42\nPaper\nHNSW\n0.5"
    assert text_of({"a": "same", "b": ["same", "other"]}, [()]) == "same\nother"
    assert text_of("plain", [steps("$")]) == "plain"
    assert text_of(["plain"], [steps("[0]")]) == text_of(["plain"], [steps("[*]")]) == "plain"
    assert text_of(VALUE, []) == ""


@pytest.mark.parametrize(
    "path",
    ["", ".", "a.", ".a", "a..b", "a[", "a]", "a[]", "a[x]", "a[1.5]", "a[0]b", "a.[0]", "[*", "a[0", "a[-]", "a[**]"],
)
def test_malformed_paths_are_refused(path):
    with pytest.raises(InvalidInput, match="field path"):
        steps(path)


def test_a_place_beyond_all_places_is_refused_or_holds_nothing():
    try:
        found = text_of([1], [steps("[" + "1" * 5_000 + "]")])
    except InvalidInput:
        return
    assert found == ""


keys = st.text(st.characters(exclude_characters=".[]"), min_size=1, max_size=5).filter(lambda key: key != "$")
places = st.integers(-3, 3)


@given(st.lists(keys | places | st.none(), min_size=1, max_size=6))
def test_a_path_is_read_as_it_is_written(parts):
    if isinstance(parts[0], str) and parts[0].startswith("$") and len(parts) == 1:
        return
    written = "".join(
        f".{part}" if isinstance(part, str) else f"[{'*' if part is None else part}]" for part in parts
    ).removeprefix(".")
    assert steps(written) == tuple(parts)


@given(st.text(max_size=12))
def test_any_text_is_a_path_or_refused(path):
    try:
        parts = steps(path)
    except InvalidInput:
        return
    assert isinstance(text_of(VALUE, [parts]), str)


leaves = st.text("ab \n", max_size=4) | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))


@given(trees)
def test_the_whole_holds_each_string_and_number_once(value):
    wanted: list[str] = []

    def walk(part: object) -> None:
        if isinstance(part, dict):
            part = list(part.values())
        if isinstance(part, list):
            for inner in part:
                walk(inner)
        elif isinstance(part, str):
            wanted.extend([part] if part.strip() else [])
        elif not isinstance(part, bool) and part is not None:
            wanted.append(repr(part))

    walk(value)
    assert text_of(value, [steps("$")]) == "\n".join(dict.fromkeys(wanted))
