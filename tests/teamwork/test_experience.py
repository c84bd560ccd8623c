"""Decisions and learnings: recorded with all that belongs to them, and found by whoever is in a like situation."""

from __future__ import annotations

import pytest

from tests.team.stores import opened, small_embedder
from tests.teamwork.rooms import rows
from transactive.errors import AccessDenied, EmbeddingFailed, InvalidInput, NotFound, RateLimited
from transactive.policies import Policy
from transactive.records import OUTCOMES

# --- recording --------------------------------------------------------------------------------------------------------


def test_a_decision_keeps_all_that_was_said_of_it(team):
    basis = team.agent("ana").publish("The old gateway lost 3 payments.")
    made = team.agent("ana").decisions.record(
        "Move to the new gateway",
        why="the old one loses payments",
        alternatives=["stay", "two gateways"],
        context="payments get lost",
        importance=0.9,
        tags=["payments"],
        metadata={"ticket": "T-7"},
        user="cust_42",
        session="s1",
        sensitivity="public",
        derived_from=[basis.uid],
    )
    assert (made.what, made.why) == ("Move to the new gateway", "the old one loses payments")
    assert (made.alternatives, made.context) == (("stay", "two gateways"), "payments get lost")
    assert (made.by, made.score) == ("ana", None)
    memory = made.memory
    assert (memory.kind, memory.agent, memory.namespace) == ("decision", "ana", "team/shared")
    assert (memory.importance, memory.tags, memory.sensitivity) == (0.9, ("payments",), "public")
    assert (memory.user, memory.session, memory.derived_from) == ("cust_42", "s1", (basis.uid,))
    assert memory.metadata["ticket"] == "T-7"
    for words in ("Move to the new gateway", "loses payments", "two gateways", "payments get lost"):
        assert words in memory.text
    assert team.get(memory.uid).text == memory.text


def test_a_learning_keeps_all_that_was_said_of_it(team):
    basis = team.agent("ana").publish("The bank was called twice.")
    made = team.agent("ana").learnings.record(
        "failure",
        "Calling the bank took two days",
        context="a refund is late",
        recommendation="write to them",
        importance=0.6,
        confidence=0.8,
        tags=["bank"],
        metadata={"days": 2},
        user="cust_42",
        session="s1",
        derived_from=[basis.uid],
    )
    assert (made.outcome, made.what) == ("failure", "Calling the bank took two days")
    assert (made.context, made.recommendation, made.score) == ("a refund is late", "write to them", None)
    memory = made.memory
    assert (memory.kind, memory.agent, memory.namespace) == ("learning", "ana", "team/shared")
    assert (memory.importance, memory.confidence, memory.tags) == (0.6, 0.8, ("bank",))
    assert (memory.user, memory.session, memory.derived_from) == ("cust_42", "s1", (basis.uid,))
    assert memory.metadata["days"] == 2


def test_what_was_not_said_is_none(team):
    decision = team.agent("ana").decisions.record("Ship it")
    assert (decision.why, decision.alternatives, decision.context) == (None, (), None)
    assert decision.memory.importance == 0.8
    learning = team.agent("ana").learnings.record("pattern", "Mondays are slow")
    assert (learning.context, learning.recommendation) == (None, None)
    assert learning.memory.importance == 0.7
    rated = team.agent("ana").decisions.record("Ship it on Friday", importance=None)
    assert 0 <= rated.memory.importance <= 1


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_of_the_four_outcomes_is_taken(team, outcome):
    made = team.agent("ana").learnings.record(outcome, "what came of it")
    [found] = team.agent("ben").learnings.find("what came of it", outcomes=[outcome])
    assert (made.outcome, found.outcome) == (outcome, outcome)


def test_whose_decision_it_is_only_the_owner_says(team):
    before = rows(team)
    with pytest.raises(AccessDenied):
        team.agent("ana").decisions.record("Refund all", by="dana")
    assert rows(team) == before
    made = team.decisions.record("Refund all", by="dana")
    assert (made.by, made.memory.agent) == ("dana", "owner")
    assert [d.by for d in team.agent("ana").decisions.find("Refund all")] == ["dana"]


def test_metadata_cannot_say_who_decided(team):
    """`by` would be anybody's to say if it came through the metadata."""
    ana = team.agent("ana")
    with pytest.raises(InvalidInput, match=r"metadata\.decision"):
        ana.decisions.record("x", metadata={"decision": {"by": "dana"}})
    with pytest.raises(InvalidInput, match=r"metadata\.learning"):
        ana.learnings.record("success", "x", metadata={"learning": {"outcome": "failure"}})
    assert ana.decisions.record("x", metadata={"learning": "mine"}).memory.metadata["learning"] == "mine"


def test_a_store_without_a_shared_namespace_asks_where(team):
    with opened(shared=None) as bare:
        ana = bare.agent("ana")
        for record in (lambda: ana.decisions.record("x"), lambda: ana.learnings.record("success", "x")):
            with pytest.raises(InvalidInput, match="namespace="):
                record()
        assert ana.decisions.record("x", namespace="agents/ana").memory.namespace == "agents/ana"
        assert ana.learnings.record("success", "x", namespace="agents/ana").memory.namespace == "agents/ana"


def test_recording_is_under_the_rules_of_remember(team):
    ana = team.agent("ana")
    with pytest.raises(AccessDenied):
        ana.decisions.record("x", namespace="agents/ben")
    with pytest.raises(AccessDenied):
        team.agent("ana", user="u1").learnings.record("success", "x", user="u2")
    assert team.agent("ana", user="u1").decisions.record("x").memory.user == "u1"
    team.namespaces.configure("team/shared", Policy(write_rate="1/m"))
    ana.learnings.record("success", "the first")
    with pytest.raises(RateLimited):
        ana.learnings.record("success", "the second")


# --- finding ----------------------------------------------------------------------------------------------------------

SITUATIONS = {
    "The payment provider rejects a credit card": "Ask for another card at once",
    "A parcel is lost on its way to the customer": "Send a second one without waiting",
    "The database runs out of disk space": "Archive the logs of last year",
}


def test_the_decision_of_the_nearest_situation_comes_first_whoever_took_it(real):
    for agent, (context, what) in zip(("ana", "ben", "carl"), SITUATIONS.items(), strict=True):
        real.agent(agent).decisions.record(what, context=context)
    asks = real.agent("dan")
    for situation, what in (
        ("the customer's card was declined at checkout", "Ask for another card at once"),
        ("my package never arrived", "Send a second one without waiting"),
        ("no space left on the server's disk", "Archive the logs of last year"),
    ):
        found = asks.decisions.find(situation)
        assert found[0].what == what
        assert len(found) == 3
        scores = [decision.score for decision in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_learnings_are_found_by_situation_and_by_outcome(real):
    for agent, (context, what) in zip(("ana", "ben", "carl"), SITUATIONS.items(), strict=True):
        real.agent(agent).learnings.record("success", what, context=context)
        real.agent(agent).learnings.record("failure", f"{what}: too late", context=context)
    asks = real.agent("dan").learnings
    best = asks.find("my package never arrived", outcomes=["failure"])
    assert best[0].what == "Send a second one without waiting: too late"
    assert {learning.outcome for learning in best} == {"failure"}
    assert len(asks.find("my package never arrived", outcomes=["pattern", "recommendation"])) == 0
    assert len(asks.find("my package never arrived", outcomes=["success", "failure"], limit=6)) == 6


def test_min_similarity_leaves_out_what_is_about_something_else(real):
    for context, what in SITUATIONS.items():
        real.agent("ana").decisions.record(what, context=context)
    found = real.agent("ben").decisions.find("The database runs out of disk space", min_similarity=0.5)
    assert [decision.what for decision in found] == ["Archive the logs of last year"]


def test_only_decisions_are_among_decisions_and_only_learnings_among_learnings(team):
    ana = team.agent("ana")
    ana.publish("the gateway")
    ana.decisions.record("the gateway")
    ana.learnings.record("success", "the gateway")
    assert [d.memory.kind for d in team.agent("ben").decisions.find("the gateway")] == ["decision"]
    assert [found.memory.kind for found in team.agent("ben").learnings.find("the gateway")] == ["learning"]


def test_filters_reach_into_what_was_said(team):
    team.decisions.record("first", by="dana", metadata={"ticket": 1})
    team.decisions.record("second", by="eve", metadata={"ticket": 2})
    find = team.agent("ana").decisions.find
    assert [d.what for d in find("x", where={"metadata.decision.by": "dana"})] == ["first"]
    assert [d.what for d in find("x", where={"metadata.ticket": 2})] == ["second"]
    team.learnings.record("failure", "third", metadata={"ticket": 1})
    team.learnings.record("failure", "fourth", metadata={"ticket": 2})
    team.learnings.record("success", "fifth", metadata={"ticket": 2})
    among = team.agent("ana").learnings.find("x", outcomes=["failure"], where={"metadata.ticket": 2})
    assert [learning.what for learning in among] == ["fourth"]


def test_only_what_may_be_read_is_found(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    ana.decisions.record("mine alone", namespace="agents/ana")
    ana.decisions.record("of one user", user="u1")
    ana.decisions.record("confidential", sensitivity="confidential")
    assert [d.what for d in ben.decisions.find("x")] == ["of one user"]
    assert ben.bind(user="u2").decisions.find("x") == []
    assert [d.what for d in ana.decisions.find("x", namespaces=["agents/**"])] == ["mine alone"]
    assert ana.decisions.find("x", namespaces=["team/**"], exclude_own=True) == []


# --- afterwards -------------------------------------------------------------------------------------------------------


def test_a_new_decision_takes_the_place_of_an_old_one(team):
    ana = team.agent("ana")
    old = ana.decisions.record("Use the old gateway")
    new = ana.decisions.record("Use the new gateway", supersedes=old.memory.uid)
    assert [d.what for d in team.agent("ben").decisions.find("gateway")] == ["Use the new gateway"]
    assert team.get(old.memory.uid).superseded_by == new.memory.uid
    first = ana.learnings.record("success", "It works")
    ana.learnings.record("failure", "It does not", supersedes=[first.memory.uid])
    assert [found.what for found in ana.learnings.find("works")] == ["It does not"]


def test_what_is_forgotten_is_not_found(team):
    made = team.agent("ana").decisions.record("Use the old gateway")
    team.agent("ana").forget(made.memory.uid)
    assert team.agent("ben").decisions.find("gateway") == []
    with pytest.raises(NotFound):
        team.get(made.memory.uid)


def test_a_corrected_decision_says_what_it_was_corrected_to(team):
    made = team.agent("ana").decisions.record("Use the old gateway", why="it is cheap")
    team.agent("ana").correct(made.memory.uid, "Use the new gateway")
    [found] = team.agent("ben").decisions.find("gateway")
    assert "new gateway" in found.what
    assert "old" not in found.what


def test_a_revised_learning_says_what_it_was_revised_to(team):
    made = team.agent("ana").learnings.record("success", "Card 4111 was charged")
    team.agent("ana").revise(made.memory.uid, text="The card was charged")
    [found] = team.agent("ben").learnings.find("card")
    assert "4111" not in found.what


def test_a_plain_memory_of_the_kind_is_a_decision_too(team):
    team.agent("ana").publish("We take the train", kind="decision")
    [found] = team.agent("ben").decisions.find("train")
    assert (found.what, found.by, found.why, found.alternatives) == ("We take the train", "ana", None, ())


def test_without_an_index_what_is_found_is_found_by_words(tmp_path):
    with opened(tmp_path) as team, opened(tmp_path, index=None) as beside:
        team.agent("ana").decisions.record("Use the new gateway", context="payments get lost")
        found = beside.agent("ben").decisions.find("lost payments", degrade="text")
        assert [decision.what for decision in found] == ["Use the new gateway"]


def test_a_search_that_cannot_run_says_so():
    def refuses(texts):
        if "gateway?" in texts:
            raise RuntimeError
        return small_embedder(texts)

    with opened(embedder=refuses) as team:
        team.agent("ana").decisions.record("Use the new gateway")
        ben = team.agent("ben")
        with pytest.raises(EmbeddingFailed):
            ben.decisions.find("gateway?")
        assert ben.decisions.find("gateway?", degrade="empty") == []
        assert [d.what for d in ben.decisions.find("gateway?", degrade="text")] == ["Use the new gateway"]
