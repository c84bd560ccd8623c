"""Who may read and write a document: users, grants, sensitivity, ceilings, gates and rates, as for memories."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.documents.rooms import HOME, keys, rows
from tests.team.stores import Clock, opened
from transactive import Policy
from transactive.errors import AccessDenied, InvalidInput, RateLimited
from transactive.records import NewDocument

STORE = "team/store"


# --- users ------------------------------------------------------------------------------------------------------------


def test_a_document_is_named_by_its_user_too(ana):
    home, one, two = ana.namespace, ana.bind(user="u1"), ana.bind(user="u2")
    ana.documents.put(home, "k", "nobody's")
    one.documents.put(home, "k", "of u1")
    ana.documents.put(home, "other", "of u2", user="u2")
    assert one.documents.get(home, "k").value == "of u1"
    assert one.documents.get(home, "k").user == "u1"
    assert two.documents.get(home, "k").value == "nobody's", "those of no user stand in for the user's own"
    assert one.documents.get(home, "other") is None
    assert two.documents.get(home, "other").value == "of u2"
    assert ana.documents.get(home, "k").value == "nobody's"
    assert ana.documents.get(home, "k", user="u1").value == "of u1"
    assert ana.documents.get(home, "k", user="u2") is None, "who names a user asks about that user"
    found = one.documents.get_many([(home, "k"), (home, "other")])
    assert [document and document.value for document in found] == ["of u1", None]


def test_a_handle_that_is_bound_to_a_user_shows_those_of_that_user_and_of_none(ana):
    home, one = ana.namespace, ana.bind(user="u1")
    for user in (None, "u1", "u2"):
        ana.documents.put(home, f"of {user}", {"t": f"blue {user}"}, index=True, user=user)
    assert sorted(keys(ana.documents.list())) == ["of None", "of u1", "of u2"]
    assert sorted(keys(one.documents.list())) == ["of None", "of u1"]
    assert one.documents.count() == 2
    assert keys(one.documents.list(where={"user": "u1"})) == ["of u1"]
    assert keys(one.documents.list(where={"user": "u2"})) == []
    assert sorted(keys(one.documents.search("blue"))) == ["of None", "of u1"]
    assert sorted(keys(ana.documents.search("blue"))) == ["of None", "of u1", "of u2"]
    assert {hit.memory.user for hit in one.recall("blue")} == {None, "u1"}


def test_a_handle_that_is_bound_to_a_user_writes_and_deletes_those_of_that_user_alone(ana):
    home, one = ana.namespace, ana.bind(user="u1")
    ana.documents.put(home, "k", "nobody's")
    ana.documents.put(home, "k", "of u2", user="u2")
    assert one.documents.delete(home, "k") is False
    assert one.documents.delete_many([(home, "k")]) == 0
    assert one.documents.put(home, "k", "of u1").user == "u1"
    assert one.documents.put(home, "k", "of u1", user="u1").version == 2
    assert one.documents.clear("**") == 1
    assert ana.documents.get(home, "k").value == "nobody's"
    assert ana.documents.get(home, "k", user="u2").value == "of u2"
    assert ana.documents.delete(home, "k", user="u2") is True
    assert ana.documents.get(home, "k").value == "nobody's"


def test_a_handle_that_is_bound_to_a_user_speaks_for_no_other(house, ana):
    one = ana.bind(user="u1")
    for call in (
        lambda: one.documents.put(ana.namespace, "k", user="u2"),
        lambda: one.documents.put_many([NewDocument(key="k", user="u2")]),
        lambda: one.documents.get(ana.namespace, "k", user="u2"),
        lambda: one.documents.get_many([(ana.namespace, "k")], user="u2"),
        lambda: one.documents.delete(ana.namespace, "k", user="u2"),
        lambda: one.documents.delete_many([(ana.namespace, "k")], user="u2"),
        lambda: one.bind(user="u2"),
    ):
        with pytest.raises(AccessDenied):
            call()
    assert ana.documents.count() == 0


def test_a_handle_is_bound_more_narrowly_and_stamps_what_it_is_bound_to(ana):
    bound = ana.bind(user="u1", app="desk").bind(session="s1")
    assert (bound.name, bound.user, bound.session_id, bound.app) == (ana.name, "u1", "s1", "desk")
    assert bound.bind(user="u1").user == "u1"
    assert (ana.user, ana.session_id, ana.app) == (None, None, None)
    document = bound.documents.put(ana.namespace, "k", "blue", index=True)
    assert (document.user, document.app) == ("u1", "desk")
    note = bound.remember("stamped")
    assert (note.user, note.session, note.app) == ("u1", "s1", "desk")


def test_the_owner_who_is_bound_to_a_user_sees_nobody_elses_either(team):
    for user in ("u1", "u2", None):
        team.documents.put("desk", "k", {"t": f"blue of {user}"}, index=True, user=user)
        team.remember(f"blue note of {user}", namespace="desk", user=user)
    one = team.bind(user="u1")
    assert {d.user for d in one.documents.list()} == {"u1", None}
    assert one.documents.count() == 2
    assert {hit.document.user for hit in one.documents.search("blue")} == {"u1", None}
    assert {m.user for m in one.list()} == {"u1", None}
    assert one.count() == 4
    assert {hit.memory.user for hit in one.recall("blue")} == {"u1", None}
    assert one.documents.clear("desk") == 1
    assert one.forget(where={"namespace": "desk"}).sample
    assert team.documents.get("desk", "k", user="u2").value == {"t": "blue of u2"}
    assert team.count({"user": "u2"}) == 2


# --- grants -----------------------------------------------------------------------------------------------------------


def test_without_a_right_there_is_nothing_to_see_and_nothing_to_do(house, ana):
    ben = house.agent(f"not {ana.name}")
    home = ana.namespace
    ana.documents.put(home, "k", {"t": "blue"}, index=True)
    assert ben.documents.get(home, "k") is None
    assert ben.documents.get(home, "none") is None
    assert ben.documents.get_many([(home, "k")]) == [None]
    assert ben.documents.list(home) == ben.documents.namespaces() == list(ben.documents.search("blue")) == []
    assert ben.documents.count() == ben.documents.clear("**") == 0
    refusals = set()
    for key in ("k", "none"):
        for call in (
            lambda key=key: ben.documents.put(home, key),
            lambda key=key: ben.documents.delete(home, key),
            lambda key=key: ben.documents.delete_many([(ben.namespace, "x"), (home, key)]),
            lambda key=key: ben.documents.put_many([NewDocument(key="x"), NewDocument(key=key, namespace=home)]),
        ):
            with pytest.raises(AccessDenied) as refused:
                call()
            refusals.add(str(refused.value).partition("'")[2])
    assert len({refusal.partition(": ")[2] for refusal in refusals}) <= 2, "what is there and what is not, alike"
    assert ben.documents.count() == 0
    assert ana.documents.get(home, "k").version == 1


def test_the_private_place_is_a_subtree(house, ana):
    assert ana.documents.put(f"{ana.namespace}/a/b", "k").namespace == f"{ana.namespace}/a/b"
    with pytest.raises(AccessDenied):
        ana.documents.put(f"{ana.namespace}er", "k")
    assert house.agent(f"{ana.name}er").documents.list() == []


def test_a_reader_reads_and_a_writer_replaces_what_anybody_wrote(house, ana):
    store = f"team/{ana.name}"
    ben = house.agent(f"ben of {ana.name}")
    house.grant(ana.name, f"{store}/**", "read", "write")
    house.grant(ben.name, f"{store}/**", "read")
    ana.documents.put(store, "k", 1, ttl="1h")
    assert ben.documents.get(store, "k").value == 1
    assert ben.documents.get(store, "k", refresh=True).ttl == timedelta(hours=1)
    for call in (
        lambda: ben.documents.put(store, "k", 2),
        lambda: ben.documents.delete(store, "k"),
        lambda: ben.documents.delete_many([(store, "none")]),
    ):
        with pytest.raises(AccessDenied):
            call()
    assert ana.documents.get(store, "k").value == 1
    house.grant(ben.name, f"{store}/**", "write")
    assert ben.documents.put(store, "k", 2).agent == ben.name
    assert ben.documents.delete(store, "k") is True


def test_clear_takes_what_may_be_read_and_written(house, ana):
    store = f"team/{ana.name}"
    house.grant(ana.name, store, "read")
    house.documents.put(store, "k", 1)
    ana.documents.put(ana.namespace, "k", 1)
    assert ana.documents.count() == 2
    assert ana.documents.clear("**") == 1
    assert ana.documents.namespaces() == [store]


def test_a_sweep_takes_what_the_agent_may_change_and_counts_no_other(house, ana, clock):
    one, home = ana.bind(user="u1"), ana.namespace
    store = f"team/{ana.name}"
    house.grant(ana.name, store, "read")
    house.documents.put(store, "k", 1, ttl="1h")
    for user in (None, "u1", "u2"):
        ana.documents.put(home, "k", 1, ttl="1h", user=user)
    ana.documents.put(home, "kept", 1)
    clock.advance(timedelta(hours=1))
    assert house.agent(f"ben of {ana.name}").documents.sweep() == 0
    assert one.documents.sweep() == 1
    assert ana.documents.sweep() == 2
    assert ana.documents.sweep() == 0
    assert house.documents.sweep() == 1
    assert keys(ana.documents.list()) == ["kept"]


def test_a_grant_ends(house, ana, clock):
    store = f"team/{ana.name}"
    house.documents.put(store, "k", {"t": "blue"}, index=True)
    house.grant(ana.name, store, "read", valid_until=clock.now + timedelta(hours=1))
    assert keys(ana.documents.list()) == keys(ana.documents.search("blue")) == ["k"]
    clock.advance(timedelta(hours=1))
    assert keys(ana.documents.list()) == keys(ana.documents.search("blue")) == []


# --- sensitivity ------------------------------------------------------------------------------------------------------


def test_clearance_bounds_what_is_shown_and_what_can_be_replaced(house, ana):
    store = f"team/{ana.name}"
    house.grant(ana.name, store, "read", "write", clearance="internal")
    for level in ("public", "internal", "confidential"):
        house.documents.put(store, level, {"t": f"blue {level}"}, index=True, sensitivity=level)
    assert sorted(keys(ana.documents.list())) == sorted(keys(ana.documents.search("blue"))) == ["internal", "public"]
    assert ana.documents.get(store, "confidential") is None
    assert ana.documents.count() == 2
    assert ana.documents.delete(store, "confidential") is False
    assert ana.documents.clear(store, prefix="confidential") == 0
    with pytest.raises(AccessDenied):
        ana.documents.put(store, "confidential", "mine now")
    assert house.documents.get(store, "confidential").value == {"t": "blue confidential"}
    raised = ana.documents.put(store, "public", {"t": "blue public"}, index=True, sensitivity="confidential")
    assert raised.sensitivity == "confidential"
    assert ana.documents.get(store, "public") is None


def test_a_ceiling_keeps_out_and_hides_what_is_there_already(team):
    ana = team.agent("ana")
    team.grant("ana", "prod/**", "read", "write", clearance="confidential")
    ana.documents.put("prod/eu", "secret", {"t": "blue"}, index=True, sensitivity="confidential")
    ana.documents.put("prod/eu", "plain", {"t": "blue"}, index=True)
    team.namespaces.configure("prod/**", Policy(max_sensitivity="internal"))
    assert keys(ana.documents.list()) == keys(ana.documents.search("blue")) == ["plain"]
    assert ana.documents.get("prod/eu", "secret") is None
    assert ana.documents.count() == 1
    assert team.documents.get("prod/eu", "secret") is not None, "the owner reads on"
    for call in (
        lambda: ana.documents.put("prod/eu", "plain", sensitivity="confidential"),
        lambda: ana.documents.put("prod/eu", "secret", 1),
        lambda: team.documents.put("prod/eu", "new", sensitivity="confidential"),
    ):
        with pytest.raises(AccessDenied):
            call()
    assert ana.documents.get("prod/eu", "plain").version == 1
    assert ana.documents.put("prod/new", "k", sensitivity="internal").version == 1


# --- gates and rates --------------------------------------------------------------------------------------------------


def test_an_indexed_document_is_a_draft_where_memories_are_held_back(team):
    ana = team.agent("ana")
    team.namespaces.configure("held", Policy(verified_only="hold"))
    team.grant("ana", "held", "read", "write")
    document = ana.documents.put("held", "k", {"t": "blue"}, index=True)
    assert list(ana.documents.search("blue")) == list(ana.recall("blue")) == []
    assert ana.documents.get("held", "k") == document
    assert keys(ana.documents.list()) == ["k"]
    team.verify(document.uid)
    assert keys(ana.documents.search("blue")) == ["k"]
    assert ana.documents.put("held", "k", {"t": "blue"}, index=True).version == 2
    assert list(ana.documents.search("blue")) == [], "who vouched for the former value did not see this one"


def test_where_nothing_unverified_may_enter_no_document_does(team):
    team.namespaces.configure("strict", Policy(verified_only="refuse"))
    for index in (False, True):
        with pytest.raises(AccessDenied):
            team.documents.put("strict", "k", {"t": "blue"}, index=index)
    assert rows(team, ["documents", "memories"]) == {"documents": 0, "memories": 0}


def test_documents_count_against_the_write_rate(team, clock):
    ana = team.agent("ana")
    team.namespaces.configure(HOME, Policy(write_rate="3/m"))
    ana.documents.put_many([NewDocument(key=str(n)) for n in range(2)])
    ana.remember("one more")
    with pytest.raises(RateLimited) as limited:
        ana.documents.put(HOME, "k")
    assert limited.value.retry_after == timedelta(seconds=20)
    with pytest.raises(InvalidInput, match="3"):
        ana.documents.put_many([NewDocument(key=str(n)) for n in range(4)])
    assert ana.documents.count() == 2
    assert ana.documents.delete(HOME, "0") is True, "taking away is no write"
    clock.advance(timedelta(seconds=20))
    assert ana.documents.put(HOME, "k").version == 1
    assert team.documents.put(HOME, "owner").version == 1


# --- one transaction --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 1000])
@pytest.mark.parametrize("wrong", ["a right", "a ceiling", "a user"])
def test_one_document_that_may_not_be_written_keeps_all_others_out(count, wrong):
    last = {
        "a right": NewDocument(key="last", namespace="agents/ben"),
        "a ceiling": NewDocument(key="last", sensitivity="confidential"),
        "a user": NewDocument(key="last", user="u2"),
    }[wrong]
    with opened(clock=Clock()) as team:
        team.namespaces.configure(HOME, Policy(max_sensitivity="internal"))
        ana = team.agent("ana", user="u1")
        with pytest.raises(AccessDenied):
            ana.documents.put_many([*(NewDocument(key=str(n)) for n in range(count)), last])
        assert rows(team)["documents"] == 0


def test_a_batch_of_any_length_is_within_the_rate_or_is_not_written(team):
    ana = team.agent("ana")
    team.namespaces.configure(HOME, Policy(write_rate="1500/d"))
    with pytest.raises((RateLimited, InvalidInput)):
        ana.documents.put_many([NewDocument(key=str(n)) for n in range(1600)])
    assert ana.documents.count() == 0
