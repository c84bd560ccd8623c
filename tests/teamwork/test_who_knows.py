"""Who knows what: agents by what they remember of it, as far as whoever asks may know."""

from __future__ import annotations

import pytest

from tests.team.stores import opened, small_embedder
from transactive import Policy, TeamMemory
from transactive.errors import EmbeddingFailed, InvalidInput

CARDS = "The payment gateway refuses credit cards that have expired"
QUERY = "why are credit cards refused by the payment gateway?"


def names(found) -> list[str]:
    return [expert.agent for expert in found]


@pytest.fixture
def peopled(real: TeamMemory) -> TeamMemory:
    """Ana knows most of cards, ben something, and carl cooks."""
    ana, ben, carl = (real.agent(name) for name in ("ana", "ben", "carl"))
    ana.publish(f"{CARDS}.")
    ana.publish("A refused credit card is tried once more by the payment gateway after an hour.")
    ana.publish("The payment gateway takes no prepaid credit cards.")
    ben.publish("A customer's credit card was refused on Monday.")
    carl.publish("The canteen serves tomato soup with fresh basil.")
    return real


# --- who knows --------------------------------------------------------------------------------------------------------


def test_who_remembers_most_of_it_comes_first_and_who_remembers_nothing_is_not_named(peopled):
    found = peopled.agent("dan").who_knows(QUERY)
    assert names(found) == ["ana", "ben"]
    assert found[0].score > found[1].score
    assert all(0 <= expert.score <= 1 for expert in found)
    assert [expert.memories for expert in found] == [3, 1]
    assert [expert.advertised for expert in found] == [False, False]
    assert names(peopled.agent("dan").who_knows("soup of the canteen")) == ["carl"]
    assert peopled.agent("dan").who_knows("quantum chromodynamics") == []


def test_the_evidence_is_the_best_of_what_may_be_read(peopled):
    [best, _] = peopled.agent("dan").who_knows(QUERY)
    assert {hit.memory.agent for hit in best.evidence} == {"ana"}
    scores = [hit.score for hit in best.evidence]
    assert scores == sorted(scores, reverse=True)
    for number in range(6):
        peopled.agent("ana").publish(f"Credit card number {number} was refused by the payment gateway.")
    [best, _] = peopled.agent("dan").who_knows(QUERY)
    assert best.memories > len(best.evidence) == 3


def test_what_an_agent_knows_itself_counts_too(peopled):
    assert names(peopled.agent("ana").who_knows(QUERY)) == ["ana", "ben"]


def test_whoever_has_registered_is_told_with_it(peopled):
    info = peopled.agent("ana").directory.register(role="payments")
    assert [expert.info for expert in peopled.agent("dan").who_knows(QUERY)] == [info, None]


def test_it_is_narrowed(peopled):
    dan = peopled.agent("dan")
    peopled.grant("*", "prod", "read", "write")
    peopled.agent("eve").remember(CARDS, namespace="prod")
    assert names(dan.who_knows(QUERY, namespaces=["prod"])) == ["eve"]
    assert "eve" not in names(dan.who_knows(QUERY, namespaces=["team/**"]))
    assert len(dan.who_knows(QUERY, limit=1)) == 1
    assert dan.who_knows(QUERY, min_similarity=0.99) == []


def test_only_what_the_asker_may_read_counts(peopled):
    peopled.agent("eve").remember(CARDS)
    peopled.agent("eve").publish(CARDS, sensitivity="confidential")
    peopled.agent("fay").publish(CARDS, user="u1")
    assert "eve" not in names(peopled.agent("dan").who_knows(QUERY))
    assert "eve" in names(peopled.agent("eve").who_knows(QUERY))
    assert "eve" in names(peopled.who_knows(QUERY))
    assert "fay" in names(peopled.agent("dan").who_knows(QUERY))
    assert "fay" in names(peopled.agent("dan", user="u1").who_knows(QUERY))
    assert "fay" not in names(peopled.agent("dan", user="u2").who_knows(QUERY))


# --- advertised -------------------------------------------------------------------------------------------------------


def test_an_advertised_namespace_names_its_authors_and_shows_nothing(peopled):
    eve, dan = peopled.agent("eve"), peopled.agent("dan")
    eve.remember(f"{CARDS}, and the vault opens with 7391.")
    peopled.namespaces.configure("agents/eve", Policy(advertise=True))
    found = {expert.agent: expert for expert in dan.who_knows(QUERY)}
    assert (found["eve"].advertised, found["eve"].evidence, found["eve"].memories) == (True, (), 1)
    assert not found["ana"].advertised
    assert "7391" not in str(found)
    advice = dan.ask(QUERY)
    assert "eve" in names(advice.experts)
    assert "7391" not in str(advice)
    assert "7391" not in repr(advice)
    assert all(hit.memory.agent != "eve" for hit in dan.recall(QUERY, limit=50))
    peopled.namespaces.configure("agents/eve", Policy())
    assert "eve" not in names(dan.who_knows(QUERY))


def test_what_is_confidential_or_of_another_user_is_not_advertised(peopled):
    peopled.namespaces.configure("agents/**", Policy(advertise=True))
    peopled.agent("eve").remember(CARDS, sensitivity="confidential")
    peopled.agent("fay").remember(CARDS, user="u1")
    assert "eve" not in names(peopled.agent("dan").who_knows(QUERY))
    assert "fay" not in names(peopled.agent("dan", user="u2").who_knows(QUERY))
    assert "fay" in names(peopled.agent("dan").who_knows(QUERY))


def test_of_an_agent_that_is_read_and_advertised_only_what_is_read_is_shown(peopled):
    peopled.namespaces.configure("agents/**", Policy(advertise=True))
    peopled.agent("ana").remember(f"{CARDS}, and the vault opens with 7391.")
    [best, *_] = peopled.agent("dan").who_knows(QUERY)
    assert (best.agent, best.advertised, best.memories) == ("ana", True, 4)
    assert "7391" not in str(best)
    assert len(best.evidence) == 3


# --- ask --------------------------------------------------------------------------------------------------------------


def test_who_asks_gets_others_with_what_they_have_shared(peopled):
    advice = peopled.agent("ana").ask(QUERY)
    assert advice.query == QUERY
    assert names(advice.experts) == ["ben"]
    assert {hit.memory.agent for hit in advice.evidence} == {"ben"}
    assert "ben: 1 memories" in str(advice)
    assert "was refused on Monday" in str(advice)
    assert str(peopled.agent("ana").ask("quantum chromodynamics")) == "nobody is known to know about it"


def test_who_has_registered_for_it_is_named_when_nothing_of_them_is_known(peopled):
    for name, role, can in (
        ("fay", "cards clerk", []),
        ("gil", None, ["credit checks"]),
        ("carl", "cook", ["soup"]),
        ("ana", "payments", ["cards"]),
        ("dan", "cards clerk", []),
    ):
        peopled.agent(name).directory.register(role=role, capabilities=can)
    advice = peopled.agent("dan").ask(QUERY)
    assert [info.name for info in advice.capable] == ["fay", "gil"]
    assert "fay (cards clerk): has registered for it" in str(advice)
    assert len(peopled.agent("dan").ask(QUERY, limit=1).capable) == 1


def test_advice_is_limited_and_narrowed(peopled):
    advice = peopled.agent("dan").ask(QUERY, limit=1)
    assert (len(advice.experts), len(advice.evidence)) == (1, 1)
    nowhere = peopled.agent("dan").ask(QUERY, namespaces=["prod"])
    assert (nowhere.experts, len(nowhere.evidence)) == ((), 0)
    strict = peopled.agent("dan").ask(QUERY, min_similarity=0.99)
    assert (strict.experts, len(strict.evidence)) == ((), 0)


# --- when there is no similarity --------------------------------------------------------------------------------------


def test_without_an_index_experts_are_found_by_words(tmp_path):
    with opened(tmp_path) as team, opened(tmp_path, index=None) as beside:
        team.agent("ana").publish(CARDS)
        team.agent("ben").publish("The canteen serves soup.")
        dan = beside.agent("dan")
        assert names(dan.who_knows("credit cards")) == ["ana"]
        advice = dan.ask("credit cards")
        assert names(advice.experts) == ["ana"]
        assert advice.evidence.degraded
        assert advice.evidence.reason


def test_a_search_that_cannot_run_says_so():
    def refuses(texts):
        if "cards?" in texts:
            raise RuntimeError
        return small_embedder(texts)

    with opened(embedder=refuses) as team:
        team.agent("ana").publish(CARDS)
        dan = team.agent("dan")
        for verb in (dan.who_knows, dan.ask):
            with pytest.raises(EmbeddingFailed):
                verb("cards?")
        assert names(dan.who_knows("cards?", degrade="text")) == ["ana"]
        assert dan.who_knows("cards?", degrade="empty") == []
        assert dan.ask("cards?", degrade="empty").evidence.degraded


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": ""},
        {"query": 5},
        {"limit": 0},
        {"limit": 101},
        {"limit": "5"},
        {"namespaces": "team"},
        {"namespaces": ["a//b"]},
        {"min_similarity": 2},
        {"min_similarity": "x"},
        {"degrade": "quietly"},
    ],
    ids=str,
)
def test_nonsense_is_refused(team, wrong):
    ana = team.agent("ana")
    for verb in (ana.who_knows, ana.ask):
        with pytest.raises(InvalidInput):
            verb(**{"query": "x", **wrong})
