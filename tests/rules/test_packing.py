"""Hits in a prompt: cited, in order, within the budget."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.records import Hit, Memory, Why
from transactive.rules.packing import cited_line, pack

NOW = datetime(2026, 5, 8, 9, tzinfo=UTC)


def hit(text: str, agent: str = "billing") -> Hit:
    memory = Memory(
        id="1", uid="1", namespace="a", kind="semantic", text=text, importance=0.5, agent=agent,
        created_at=NOW, recorded_at=NOW, updated_at=NOW, version=1,
    )  # fmt: skip
    return Hit(memory=memory, score=1.0, similarity=1.0, why=Why())


def words(text: str) -> int:
    return len(text.split())


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 150))
def test_what_fits_is_taken_in_order_and_nothing_else(sizes, budget):
    hits = [hit("word " * size) for size in sizes]
    context = pack(hits, budget, words)
    assert context.tokens == words(context.text) <= budget
    assert context.omitted == len(hits) - len(context.hits)
    left, taken = budget, []
    for item, size in zip(hits, sizes, strict=True):
        if size + 5 <= left:  # a citation has five words
            taken.append(item)
            left -= size + 5
    assert list(context.hits) == taken


@given(st.lists(st.text(min_size=1), max_size=6), st.integers(1, 400))
def test_any_counter_is_obeyed(texts, budget):
    context = pack([hit(text) for text in texts], budget, len)
    assert len(context.text) == context.tokens <= budget
    assert len(context.text.splitlines()) == len(context.hits)


def test_a_line_says_which_when_and_who():
    assert cited_line(3, hit("It was\n  paid\ttwice. ").memory) == "[3] (8 May 2026, billing) It was paid twice."


@pytest.mark.parametrize("break_", ["\n", "\r", "\u2028", "\u2029", "\x85", "\x1c"])
def test_a_memory_is_one_line(break_):
    assert len(cited_line(1, hit(f"a{break_}b").memory).splitlines()) == 1
    if break_ in "\u2028\u2029":  # an agent's name has no control characters, but these are none
        assert len(cited_line(1, hit("a", agent=f"a{break_}b").memory).splitlines()) == 1


def test_nothing_is_an_empty_context():
    context = pack([], 10, words)
    assert (context.text, context.hits, context.tokens, context.omitted) == ("", (), 0, 0)
