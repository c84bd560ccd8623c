"""Facts: one value under each key, with versions, compare-and-set, history, and what follows them."""

from datetime import timedelta

import pytest

from tests.coordination.conftest import IDLE, Following, in_threads, numbers, types
from tests.team.stores import opened
from transactive import Policy
from transactive.errors import InvalidInput, RateLimited, VersionConflict

KEY = "order/991/status"


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    return team.agent("ada")


@pytest.fixture
def bob(team):
    return team.agent("bob")


def values(facts):
    return [fact.value for fact in facts]


# --- set and get ------------------------------------------------------------------------------------------------------


def test_a_value_is_set_read_replaced_and_deleted(ada, bob, clock):
    start = clock.now
    first = ada.facts.set(KEY, {"state": "paid"})
    assert (first.key, first.value, first.version, first.agent) == (KEY, {"state": "paid"}, 1, "ada")
    assert (first.namespace, first.user, first.sensitivity, first.deleted) == ("team/shared", None, "internal", False)
    assert (first.created_at, first.updated_at) == (start, start)
    assert bob.facts.get(KEY) == first

    clock.advance(timedelta(minutes=1))
    second = bob.facts.set(KEY, "sent")
    assert (second.uid, second.value, second.version, second.agent) == (first.uid, "sent", 2, "bob")
    assert (second.created_at, second.updated_at) == (start, clock.now)
    assert ada.facts.get(KEY) == second

    assert ada.facts.delete(KEY) is True
    assert ada.facts.get(KEY) is None
    assert ada.facts.delete(KEY) is False
    assert ada.facts.delete("nothing") is False
    third = bob.facts.set(KEY, "again")
    assert (third.uid, third.version) == (first.uid, 4), "a deletion is a version"


@pytest.mark.parametrize("value", [None, False, 0, -1.5, "", "東京 \ud800", [], {}, {"a": [None, {"b": 1}]}], ids=repr)
def test_a_value_is_whatever_json_holds(ada, value):
    assert ada.facts.set(KEY, value).value == value
    fact = ada.facts.get(KEY)
    assert fact is not None
    assert (fact.value, type(fact.value)) == (value, type(value))


def test_a_key_means_another_fact_in_each_namespace(team, ada):
    ada.facts.set(KEY, "shared")
    ada.facts.set(KEY, "own", namespace=ada.namespace)
    assert ada.facts.get(KEY).value == "shared"
    assert ada.facts.get(KEY, namespace=ada.namespace).value == "own"
    assert ada.facts.delete(KEY) is True
    assert ada.facts.get(KEY, namespace=ada.namespace).value == "own"


def test_keys_are_told_apart_by_case_and_not_by_the_form_of_their_characters(ada):
    ada.facts.set("Cafe\u0301", 1)
    assert ada.facts.get("Caf\u00e9").value == 1
    assert ada.facts.get("caf\u00e9") is None


# --- compare and set --------------------------------------------------------------------------------------------------


def test_zero_is_expected_where_there_is_none(ada):
    first = ada.facts.set(KEY, 1, expected_version=0)
    assert first.version == 1
    with pytest.raises(VersionConflict) as conflict:
        ada.facts.set(KEY, 2, expected_version=0)
    assert conflict.value.current == first
    assert ada.facts.get(KEY) == first


def test_a_version_is_replaced_only_by_who_knows_it(team, ada, bob):
    ada.facts.set(KEY, 1)
    second = ada.facts.set(KEY, 2, expected_version=1)
    for expected in (1, 3, 99):
        with pytest.raises(VersionConflict) as conflict:
            bob.facts.set(KEY, 9, expected_version=expected)
        assert conflict.value.current == second
        assert "update" in str(conflict.value)
    assert bob.facts.set(KEY, 3, expected_version=second.version).version == 3
    assert numbers(team) == [1, 2, 3]


def test_a_version_is_expected_where_there_is_none(team, ada):
    with pytest.raises(VersionConflict) as conflict:
        ada.facts.set(KEY, 1, expected_version=1)
    assert conflict.value.current is None
    assert numbers(team) == []


def test_after_a_deletion_there_is_none(ada):
    ada.facts.set(KEY, 1)
    ada.facts.delete(KEY)
    with pytest.raises(VersionConflict) as conflict:
        ada.facts.set(KEY, 2, expected_version=1)
    assert conflict.value.current is None
    assert ada.facts.set(KEY, 2, expected_version=0).version == 3


def test_a_deletion_compares_too(ada):
    ada.facts.set(KEY, 1)
    second = ada.facts.set(KEY, 2)
    with pytest.raises(VersionConflict) as conflict:
        ada.facts.delete(KEY, expected_version=1)
    assert conflict.value.current == second
    with pytest.raises(VersionConflict):
        ada.facts.delete("nothing", expected_version=1)
    assert ada.facts.delete(KEY, expected_version=2) is True
    assert ada.facts.delete(KEY, expected_version=0) is False


def test_an_update_makes_the_new_value_of_the_old_one(ada):
    seen = []

    def added(value):
        seen.append(value)
        return (value or 0) + 1

    assert [ada.facts.update(KEY, added).value for _ in range(3)] == [1, 2, 3]
    ada.facts.delete(KEY)
    assert ada.facts.update(KEY, added).value == 1
    assert seen == [None, 1, 2, None]
    assert ada.facts.get(KEY).version == 5


def test_an_update_begins_anew_when_somebody_was_first(ada, bob):
    ada.facts.set(KEY, 1)
    seen = []

    def slow(value):
        seen.append(value)
        if len(seen) < 3:
            bob.facts.set(KEY, value * 10)
        return value + 1

    assert ada.facts.update(KEY, slow).value == 101
    assert seen == [1, 10, 100]


def test_an_update_that_raises_writes_nothing(team, ada):
    ada.facts.set(KEY, "text")
    with pytest.raises(TypeError):
        ada.facts.update(KEY, lambda value: value + 1)
    with pytest.raises(InvalidInput):
        ada.facts.update(KEY, lambda value: object())
    assert ada.facts.get(KEY).version == 1


def test_eight_threads_count_together(team, ada):
    in_threads(
        8, lambda number: [team.agent(f"a{number}").facts.update(KEY, lambda n: (n or 0) + 1) for _ in range(25)]
    )
    assert ada.facts.get(KEY).value == ada.facts.get(KEY).version == 200
    assert values(ada.facts.history(KEY)) == list(range(1, 201))


# --- history ----------------------------------------------------------------------------------------------------------


def test_history_keeps_every_version_with_who_set_it_and_when(ada, bob, clock):
    start = clock.now
    ada.facts.set(KEY, "paid")
    clock.advance(timedelta(hours=1))
    bob.facts.set(KEY, "sent")
    ada.facts.delete(KEY)
    clock.advance(timedelta(hours=1))
    last = ada.facts.set(KEY, "again")
    history = bob.facts.history(KEY)
    assert [(f.version, f.value, f.agent, f.deleted) for f in history] == [
        (1, "paid", "ada", False),
        (2, "sent", "bob", False),
        (3, None, "ada", True),
        (4, "again", "ada", False),
    ]
    assert [fact.updated_at - start for fact in history] == [timedelta(hours=hours) for hours in (0, 1, 1, 2)]
    assert {fact.created_at for fact in history} == {start}
    assert history[-1] == last
    assert ada.facts.history("nothing") == []


# --- lists ------------------------------------------------------------------------------------------------------------


def test_facts_are_listed_by_namespace_and_key(team, ada):
    for key in ("order/2", "order/1", "orders", "ORDER/3", "o%", "o_"):
        ada.facts.set(key, key)
    ada.facts.set("order/1", "own", namespace=ada.namespace)
    ada.facts.set("order/9", "gone")
    ada.facts.delete("order/9")
    assert values(ada.facts.list(prefix="order/")) == ["own", "order/1", "order/2"]
    assert values(ada.facts.list(prefix="o%")) == ["o%"], "a prefix is no pattern"
    assert values(ada.facts.list(prefix="o_")) == ["o_"]
    assert values(ada.facts.list(namespaces=["agents/**"])) == ["own"]
    assert len(ada.facts.list()) == 7
    assert values(ada.facts.list(prefix="order", limit=2, offset=1)) == ["order/1", "order/2"]
    assert ada.facts.list(prefix="nothing") == []


# --- following --------------------------------------------------------------------------------------------------------


def test_every_version_of_a_fact_is_followed(ada, bob):
    ada.facts.set(KEY, "before")
    follower = bob.facts.follow(KEY, idle=IDLE)
    written = [ada.facts.set(KEY, "paid")]
    ada.facts.set("another", 1)
    written.append(bob.facts.set(KEY, "sent"))
    ada.facts.delete(KEY)
    got = list(follower)
    assert got[:2] == written
    assert [(fact.version, fact.deleted, fact.value) for fact in got[2:]] == [(4, True, None)]


def test_a_prefix_a_namespace_and_a_beginning_are_followed(team, ada):
    start = team.events.cursor()
    for key in ("order/1", "order_2", "order/2", "ORDER/3"):
        ada.facts.set(key, key)
    ada.facts.set("order/4", "own", namespace=ada.namespace)
    assert values(ada.facts.follow(prefix="order/", after=start, idle=IDLE)) == ["order/1", "order/2", "own"]
    assert values(ada.facts.follow(prefix="order/", after=None, namespaces=["agents/**"], idle=IDLE)) == ["own"]
    assert values(ada.facts.follow(prefix="", after=start, idle=IDLE))[:4] == [
        "order/1",
        "order_2",
        "order/2",
        "ORDER/3",
    ]
    assert values(ada.facts.follow("order/1", after=start, idle=IDLE)) == ["order/1"]


def test_the_cursor_of_a_follower_of_facts_goes_on_there(ada):
    for number in range(5):
        ada.facts.set(KEY, number)
    follower = ada.facts.follow(KEY, after=None, idle=IDLE)
    assert [next(follower).value for _ in range(2)] == [0, 1]
    assert values(ada.facts.follow(KEY, after=follower.cursor, idle=IDLE)) == [2, 3, 4]


def test_who_follows_a_fact_gets_it_as_it_is_set(team, ada):
    following = Following(ada.facts.follow(KEY))
    for number in range(5):
        fact = team.agent("bob").facts.set(KEY, number)
        assert following.next() == fact


def test_a_follower_of_one_fact_among_many_passes_over_pages_of_others(ada):
    follower = ada.facts.follow(KEY, idle=IDLE)
    for number in range(450):
        ada.facts.set(f"other/{number % 7}", number)
    ada.facts.set(KEY, "found")
    assert values(follower) == ["found"]


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", " ", None, 7, "x" * 513, "a\ud800"], ids=ascii)
def test_a_key_is_a_name(team, ada, key):
    verbs = [
        lambda: ada.facts.set(key, 1),
        lambda: ada.facts.update(key, lambda value: 1),
        lambda: ada.facts.get(key),
        lambda: ada.facts.delete(key),
        lambda: ada.facts.history(key),
        lambda: ada.facts.follow(key),
    ]
    for verb in verbs:
        with pytest.raises(InvalidInput):
            verb()
    assert numbers(team) == []
    assert ada.facts.set("x" * 512, 1).version == 1


@pytest.mark.parametrize(
    "bad",
    [
        *({"value": value} for value in (float("nan"), {1, 2}, {1: 2}, b"x", "x" * (1 << 20))),
        *({"expected_version": version} for version in (-1, 1.0, True, "1", 1 << 70)),
        *({"namespace": namespace} for namespace in ("", "/", "a/*", 7)),
        *({"user": user} for user in ("", 7)),
        *({"sensitivity": sensitivity} for sensitivity in ("secret", 7)),
    ],
    ids=lambda bad: str(bad)[:40],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(team, ada, bad):
    with pytest.raises(InvalidInput):
        ada.facts.set(**{"key": KEY, "value": 1, **bad})
    assert numbers(team) == []


def test_what_cannot_be_asked_is_refused(team, ada):
    verbs = [
        lambda: ada.facts.update(KEY, 5),
        ada.facts.follow,
        lambda: ada.facts.follow(KEY, prefix="order/"),
        lambda: ada.facts.follow(prefix=7),
        lambda: ada.facts.follow(KEY, after="yesterday"),
        lambda: ada.facts.follow(KEY, idle=5),
        lambda: ada.facts.list(prefix=None),
        lambda: ada.facts.list(limit=0),
        lambda: ada.facts.list(offset=-1),
        lambda: ada.facts.list(namespaces="team/**"),
        lambda: ada.facts.delete(KEY, expected_version=-1),
        lambda: ada.facts.get(KEY, namespace="a/*"),
    ]
    for verb in verbs:
        with pytest.raises(InvalidInput):
            verb()
    assert numbers(team) == []


def test_a_store_without_a_shared_namespace_asks_for_one(tmp_path):
    with opened(tmp_path, shared=None, index=None) as team:
        ada = team.agent("ada")
        for verb in (lambda: ada.facts.set(KEY, 1), lambda: ada.facts.get(KEY), lambda: ada.tasks.post("work")):
            with pytest.raises(InvalidInput, match="namespace="):
                verb()
        assert ada.facts.set(KEY, 1, namespace=ada.namespace).version == 1


def test_setting_counts_against_the_rate_of_a_namespace(team, ada):
    team.namespaces.configure("team/shared", Policy(write_rate="2/m"))
    ada.facts.set(KEY, 1)
    ada.facts.set(KEY, 2)
    with pytest.raises(RateLimited):
        ada.facts.set(KEY, 3)
    assert ada.facts.get(KEY).value == 2
    assert types(team.events.list()) == ["fact.set", "fact.set"]
