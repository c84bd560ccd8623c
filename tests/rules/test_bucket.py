"""A token bucket: what an agent may still write, and exactly when it may write more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.policies import Rate
from transactive.rules.bucket import Bucket, refilled, wait

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
MINUTE = Rate(count=60, per=timedelta(minutes=1))
rates = st.builds(Rate, count=st.integers(1, 10_000), per=st.timedeltas(timedelta(seconds=1), timedelta(days=30)))
spans = st.timedeltas(timedelta(0), timedelta(days=60))


def test_a_new_bucket_is_full():
    assert refilled(None, MINUTE, NOW) == Bucket(60.0, NOW)


@given(rates, st.floats(0, 1), spans)
def test_it_never_holds_more_than_its_size_nor_less_than_it_did(rate, share, span):
    held = Bucket(share * rate.count, NOW)
    later = refilled(held, rate, NOW + span)
    assert held.tokens <= later.tokens <= rate.count
    assert later.at == NOW + span


@given(rates)
def test_an_empty_one_is_full_again_after_its_time_and_half_full_after_half_of_it(rate):
    empty = Bucket(0.0, NOW)
    assert refilled(empty, rate, NOW + rate.per).tokens == pytest.approx(rate.count)
    assert refilled(empty, rate, NOW + rate.per / 2).tokens == pytest.approx(rate.count / 2, rel=1e-5)


@given(rates, spans, spans)
def test_it_does_not_matter_how_often_one_looks(rate, one, other):
    once = refilled(Bucket(0.0, NOW), rate, NOW + one + other)
    twice = refilled(refilled(Bucket(0.0, NOW), rate, NOW + one), rate, NOW + one + other)
    assert twice.tokens == pytest.approx(once.tokens)


@given(rates, spans)
def test_a_clock_that_goes_back_adds_nothing(rate, span):
    assert refilled(Bucket(0.5, NOW), rate, NOW - span).tokens == 0.5


@given(rates, st.floats(0, 1), st.floats(0, 1))
def test_the_wait_is_as_long_as_needed_and_no_longer(rate, share, part):
    held, wanted = Bucket(share * rate.count, NOW), max(1, int(part * rate.count))
    pause = wait(held, rate, wanted)
    assert timedelta(0) <= pause <= rate.per + timedelta(microseconds=1)
    assert (pause == timedelta(0)) == (wanted - held.tokens <= 1e-9 or pause == timedelta(0))
    tick = timedelta(microseconds=1)
    there = refilled(held, rate, NOW + pause + tick)
    assert there.tokens >= wanted - 1e-6
    if pause > 2 * tick:
        early = refilled(held, rate, NOW + pause - 2 * tick)
        assert early.tokens < wanted


def test_the_wait_by_hand():
    assert wait(Bucket(1.0, NOW), MINUTE, 1) == timedelta(0)
    assert wait(Bucket(0.0, NOW), MINUTE, 1) == timedelta(seconds=1)
    assert wait(Bucket(0.5, NOW), MINUTE, 1) == timedelta(seconds=0.5)
    assert wait(Bucket(10.0, NOW), MINUTE, 60) == timedelta(seconds=50)


def test_what_is_missing_by_rounding_alone_is_not_waited_for():
    assert wait(Bucket(1 - 1e-12, NOW), MINUTE, 1) == timedelta(0)
    assert wait(Bucket(1 - 1e-3, NOW), MINUTE, 1) > timedelta(0)


@given(rates, st.lists(st.tuples(spans, st.integers(1, 50)), min_size=1, max_size=30))
def test_over_any_time_no_more_is_taken_than_the_size_and_what_flowed_in(rate, takes):
    held, now, taken = refilled(None, rate, NOW), NOW, 0
    for pause, wanted in takes:
        now += pause
        held = refilled(held, rate, now)
        if wanted <= rate.count and wait(held, rate, wanted) == timedelta(0):
            held = Bucket(held.tokens - wanted, now)
            taken += wanted
    assert taken <= rate.count + (now - NOW) / rate.per * rate.count + 1e-6 * rate.count + 1e-6
