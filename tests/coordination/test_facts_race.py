"""Sixteen threads compare and set one fact: every increment counts once."""

import itertools

import pytest

from tests.coordination.conftest import in_threads, numbers
from transactive.errors import VersionConflict

pytestmark = pytest.mark.slow

THREADS, INCREMENTS = 16, 10_000
KEY = "counter"


@pytest.fixture
def team(bare):
    return bare


def updated(facts):
    """Add 1 by the verb that is made for it; how many attempts were in vain."""
    calls = itertools.count()

    def added(value):
        next(calls)
        return (value or 0) + 1

    facts.update(KEY, added)
    return next(calls) - 1


def incremented(facts):
    """Add 1 by comparing and setting by hand; how many attempts were in vain."""
    for vain in itertools.count():
        fact = facts.get(KEY)
        value, version = (0, 0) if fact is None else (fact.value, fact.version)
        try:
            written = facts.set(KEY, value + 1, expected_version=version)
        except VersionConflict as error:
            conflict = error
        else:
            assert written.version == version + 1
            return vain
        assert conflict.current is not None
        assert conflict.current.version > version
    raise AssertionError


def test_ten_thousand_increments_by_sixteen_threads_end_at_ten_thousand(team):
    """Half of them by `update`, half by `get` and `set`, all on the same fact."""
    vain = {updated: 0, incremented: 0}

    def work(number):
        facts = team.agent(f"agent-{number}").facts
        add = (updated, incremented)[number % 2]
        vain[add] += sum(add(facts) for _ in range(INCREMENTS // THREADS))

    in_threads(THREADS, work)
    fact = team.facts.get(KEY)
    assert fact is not None
    assert (fact.value, fact.version) == (INCREMENTS, INCREMENTS)
    assert [fact.value for fact in team.facts.history(KEY)] == list(range(1, INCREMENTS + 1))
    assert numbers(team) == list(range(1, INCREMENTS + 1))
    assert min(vain.values()) > 0, "they did come in each other's way"
