"""From relevance to the final order."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.rules.cues import MentionedDate
from transactive.rules.fusion import Fused
from transactive.rules.ranking import Cues, Ranked, Traits, rank

MAY = datetime(2026, 5, 4, tzinfo=UTC)


def fused(relevance: list[float], identifiers: list[int] | None = None, keys: list[int] | None = None) -> Fused:
    count = len(relevance)
    return Fused(
        keys or list(range(count)),
        np.zeros((count, 4)),
        np.zeros((count, 4)),
        np.array(relevance, np.float64),
        np.array(identifiers or [0] * count, np.int64),
    )


def traits(
    agent: str = "ana", user: str | None = None, session: str | None = None, at: datetime = MAY, tells: bool = False
) -> Traits:
    return Traits(agent, user, session, at, tells)


def relevances(ranked: Ranked) -> dict[int, float]:
    return dict(zip(ranked.order.tolist(), ranked.relevance.tolist(), strict=True))


cues = st.builds(
    Cues,
    name=st.sampled_from((None, "ana", "cust_1")),
    when=st.booleans(),
    date=st.sampled_from((None, MentionedDate(2026, 5), MentionedDate(None, 6))),
)
rows = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 2),
        st.builds(
            traits,
            st.sampled_from(("ana", "ben")),
            st.sampled_from((None, "cust_1")),
            st.sampled_from((None, "s1", "s2")),
            st.sampled_from((MAY, MAY.replace(month=6))),
            st.booleans(),
        ),
    ),
    max_size=10,
)


def by_hand(given: list[tuple[float, int, Traits]], asked: Cues) -> list[float]:
    boosted = []
    for relevance, _, trait in given:
        value = relevance
        value += 0.3 if asked.name is not None and asked.name in {trait.agent, trait.user} else 0
        value += 0.1 if asked.when and trait.tells_when else 0
        value += 0.2 if asked.date is not None and asked.date.matches(trait.created_at) else 0
        boosted.append(value)
    attainable = 1.25 * (1 + 0.3 * (asked.name is not None) + 0.1 * asked.when + 0.2 * (asked.date is not None))
    result = []
    for value, (_, _, trait) in zip(boosted, given, strict=True):
        same = [b for b, (_, _, t) in zip(boosted, given, strict=True) if t.session == trait.session]
        best = sorted(same, reverse=True)[:3] if trait.session is not None else [value]
        result.append((value + 0.25 * sum(best) / len(best)) / attainable)
    return result


@given(rows, cues)
def test_the_formula(given, asked):
    ranked = rank(fused([r for r, _, _ in given], [i for _, i, _ in given]), [t for _, _, t in given], asked)
    expected = by_hand(given, asked)
    assert relevances(ranked) == pytest.approx(dict(enumerate(expected)))
    assert all(0 <= value <= 1 + 1e-9 for value in ranked.relevance)


@given(rows, cues)
def test_identifiers_then_relevance(given, asked):
    identifiers = [i for _, i, _ in given]
    ranked = rank(fused([r for r, _, _ in given], identifiers), [t for _, _, t in given], asked)
    assert sorted(ranked.order.tolist()) == list(range(len(given)))
    places = [(-identifiers[row], -value) for row, value in zip(ranked.order, ranked.relevance, strict=True)]
    assert places == sorted(places)


def test_ties_are_broken_by_key():
    ranked = rank(fused([0.5, 0.5, 0.5], keys=[30, 10, 20]), [traits()] * 3, Cues())
    assert ranked.order.tolist() == [1, 2, 0]


def test_a_boost_is_told_for_whom_it_was():
    people = [traits("ben"), traits("ana", tells=True), traits("ben", user="ana", at=MAY.replace(month=6))]
    ranked = rank(fused([0.6, 0.5, 0.4]), people, Cues(name="ana", when=True, date=MentionedDate(None, 6)))
    at = {row: place for place, row in enumerate(ranked.order.tolist())}
    told = {name: [float(values[at[row]]) for row in range(3)] for name, values in ranked.boosts.items()}
    assert told["author"] == [0, 0.3, 0.3]
    assert told["when"] == [0, 0.1, 0]
    assert told["date"] == [0, 0, 0.2]
    assert at[0] == 2


def test_nobody_named_is_nobody_boosted():
    ranked = rank(fused([0.6, 0.5]), [traits(user=None), traits()], Cues())
    assert set(ranked.boosts) == {"session"}


def test_a_session_lifts_what_it_holds():
    together = [
        traits(session="s1"),
        traits(session="s1"),
        traits(session="s1"),
        traits(session="s1"),
        traits(session="s2"),
    ]
    ranked = rank(fused([0.9, 0.8, 0.7, 0.2, 0.25]), together, Cues())
    value = relevances(ranked)
    assert value[3] == pytest.approx((0.2 + 0.25 * 0.8) / 1.25), "the mean of the three best"
    assert value[4] == pytest.approx((0.25 + 0.25 * 0.25) / 1.25)
    assert value[3] > value[4]


def test_nothing():
    ranked = rank(fused([]), [], Cues(name="ana", when=True))
    assert (len(ranked.order), len(ranked.relevance)) == (0, 0)
