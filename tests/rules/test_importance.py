"""How important a text is: features that are named, weights that are documented, and a set that was held out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.importance import auc, held_out, labelled
from transactive.rules.importance import BIAS, NOVELTY, WEIGHTS, features, salience, score

novelties = st.none() | st.floats(0, 1)


def test_important_ranks_above_unimportant_on_what_was_held_out():
    assert held_out() >= 0.85


def test_the_held_out_set_is_a_hundred_of_both_kinds():
    held = [important for n, _, important in labelled() if n <= 100]
    assert len(held) == 100
    assert len(labelled()) == 200
    assert 30 <= sum(held) <= 70
    assert 60 <= sum(important for _, _, important in labelled()) <= 140


def test_the_measure_itself():
    assert auc([(0.1, False), (0.9, True)]) == 1
    assert auc([(0.9, False), (0.1, True)]) == 0
    assert auc([(0.5, False), (0.5, True)]) == 0.5
    assert auc([(0.1, False), (0.3, True), (0.2, False), (0.2, True)]) == 0.875


@given(st.text(), novelties)
def test_an_importance_is_a_fraction_and_the_same_again(text, novelty):
    value = score(text, novelty)
    assert 0 <= value <= 1
    assert score(text, novelty) == value


@given(st.text())
def test_every_feature_is_a_fraction_and_has_a_weight(text):
    found = features(text)
    assert found.keys() == WEIGHTS.keys()
    assert all(0 <= value <= 1 for value in found.values())


@given(st.text(), novelties)
def test_the_formula_is_the_documented_one(text, novelty):
    logit = BIAS + sum(WEIGHTS[name] * value for name, value in features(text).items())
    assert salience(text) == pytest.approx(logit)
    logit += 0 if novelty is None else NOVELTY * (novelty - 0.5)
    assert score(text, novelty) == pytest.approx(1 / (1 + math.exp(-logit)), abs=0.0006)


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_what_is_newer_is_never_less_important(text, one, other):
    known, new = sorted((one, other))
    assert score(text, known) <= score(text, new)
    assert score(text, 0) <= score(text) <= score(text, 1)
    assert score(text, 0) < score(text, 1)


@pytest.mark.parametrize("novelty", [-5.0, -0.1, 1.1, 7.0])
def test_a_novelty_beyond_its_range_counts_as_its_end(novelty):
    text = "We agreed to ship on Friday."
    assert score(text, novelty) == score(text, min(1, max(0, novelty)))


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("We decided against MySQL", "decision"),
        ("I'll send the contract, promised", "commitment"),
        ("That was wrong: the limit is 60", "correction"),
        ("The API crashed during the outage", "incident"),
        ("Never deploy without a review", "rule"),
        ("maybe, not sure", "hedge"),
        ("ok thanks, got it", "acknowledgement"),
        ("lol my cat again", "small talk"),
        ("could you send your notes", "addresses"),
        ("she went and he took it", "reports"),
        ("invoice INV-5678 over €40", "specifics"),
        ("due on Friday", "dates"),
        ("we met Alice at noon", "names"),
        ("all our tests are in the cloud", "statement"),
        ("and then we will,", "broken off"),
        ("yesss!! 🎉", "excited"),
        ("who has it?", "question"),
        ("one two three four five six seven", "length"),
    ],
)
def test_each_feature_is_found_in_what_it_is_named_after(text, feature):
    assert features(text)[feature] > 0
    assert features("")[feature] == 0


@pytest.mark.parametrize(
    ("important", "unimportant"),
    [
        ("We decided to ship the beta on 14 May, and Dana will announce it.", "ok cool, thanks!"),
        ("Correction: the invoice is INV-5678, not INV-5687.", "hmm, not sure, maybe something like that"),
        ("The payment API was down from 14:00 to 14:25, and 31 orders were lost.", "lol good morning guys"),
        ("Never send the contract to a customer before legal has approved it.", "anyone else hungry? 😀"),
    ],
)
def test_what_matters_is_above_what_does_not(important, unimportant):
    assert score(important) >= 0.7
    assert score(unimportant) <= 0.3


def test_only_the_beginning_of_a_long_text_is_read():
    assert score("x " * 2000) == pytest.approx(score("x " * 500_000), abs=0.01)
