"""A summary without a language model: some of the sentences that there are, in their order."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transactive.rules.summary import MOST, extract

TALK = [
    "ok thanks! The customer's invoice INV-5678 was charged twice on 3 May.",
    "We decided to refund 40 EUR of the invoice by Friday. lol",
    "hmm, maybe.\nThe refund of invoice INV-5678 needs the approval of Dana.",
]
words = st.sampled_from(["alpha", "beta", "gamma", "delta", "42", "not", "INV-1", "東京"])
sentences = st.lists(words, min_size=1, max_size=6).map(lambda found: " ".join(found) + ".")
texts = st.lists(st.lists(sentences, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=8)


@given(st.lists(st.text(), max_size=6), st.integers(1, 200))
def test_it_is_never_longer_than_asked_and_never_empty(given_texts, most):
    found = extract(given_texts, most)
    assert len(found) <= most
    assert bool(found) == any(text.strip() for text in given_texts)


@given(texts, st.integers(30, 400))
def test_only_sentences_of_the_input_in_their_order(given_texts, most):
    there = [s + "." for text in given_texts for s in text.rstrip(".").split(". ")]
    found = extract(given_texts, most)
    assume(not found.endswith("…"))
    place = 0
    for sentence in (s + "." for s in found.rstrip(".").split(". ")):
        assert sentence in there[place:]
        place = there.index(sentence, place) + 1


@given(texts)
def test_the_same_again(given_texts):
    assert extract(given_texts) == extract(given_texts)


def test_what_matters_is_taken_first_and_chatter_is_left_out():
    telling = [
        "The customer's invoice INV-5678 was charged twice on 3 May.",
        "We decided to refund 40 EUR of the invoice by Friday.",
        "The refund of invoice INV-5678 needs the approval of Dana.",
    ]
    found = extract(TALK, 115)
    assert sum(sentence in found for sentence in telling) == 2
    assert not any(chatter in found for chatter in ("ok thanks", "lol", "maybe"))
    assert all(sentence in extract(TALK, 1000) for sentence in telling)


def test_a_sentence_that_repeats_another_is_taken_once():
    found = extract(["The refund of INV-5678 needs approval by Dana."] * 5)
    assert found == "The refund of INV-5678 needs approval by Dana."


def test_one_sentence_that_is_too_long_is_cut_and_says_so():
    found = extract(["word " * 1000])
    assert len(found) == MOST
    assert found.endswith("…")
    assert found.startswith("word word")


@pytest.mark.parametrize("nothing", [[], [""], ["  ", "\n"]])
def test_of_nothing_there_is_no_summary(nothing):
    assert extract(nothing) == ""
