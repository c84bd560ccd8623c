"""Who may set and read which facts: grants, levels of sensitivity, users; and that nothing hidden shows."""

import pytest

from tests.coordination.conftest import IDLE, Following, numbers, types
from tests.team.stores import opened
from tests.team.traces import leaks, rare
from transactive.errors import AccessDenied, VersionConflict

KEY, OPS = "order/991/status", "ops"


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    """An agent that may read and write what is public and internal in ops."""
    team.grant("ada", OPS, "read", "write")
    return team.agent("ada")


def values(facts):
    return [fact.value for fact in facts]


# --- grants -----------------------------------------------------------------------------------------------------------


def test_what_one_may_not_read_is_not_there(team):
    team.facts.set(KEY, "secret", namespace="projects/apollo")
    facts = team.agent("bob").facts
    assert facts.get(KEY, namespace="projects/apollo") is None
    assert facts.history(KEY, namespace="projects/apollo") == []
    assert facts.list() == []
    assert list(facts.follow(KEY, after=None, idle=IDLE)) == []


def test_to_set_a_fact_takes_the_rights_to_read_and_to_write(team):
    team.facts.set(KEY, "secret", namespace=OPS)
    for rights in (["read"], ["write"], ["admin"]):
        team.grant("bob", OPS, *rights)
        facts = team.agent("bob").facts
        for verb in (
            lambda facts=facts: facts.set(KEY, 1, namespace=OPS),
            lambda facts=facts: facts.set("another", 1, namespace=OPS, expected_version=0),
            lambda facts=facts: facts.set(KEY, 1, namespace=OPS, expected_version=99),
            lambda facts=facts: facts.update(KEY, lambda value: 1, namespace=OPS),
            lambda facts=facts: facts.delete(KEY, namespace=OPS),
        ):
            with pytest.raises(AccessDenied) as refused:
                verb()
            assert "secret" not in str(refused.value)
        team.revoke("bob", OPS)
    assert numbers(team) == [1]


def test_who_may_only_write_learns_nothing(team):
    team.grant("webhook", OPS, "write")
    facts = team.agent("webhook").facts
    refused = []
    for key in (KEY, "another"):
        with pytest.raises(AccessDenied) as refusal:
            facts.set(key, 1, namespace=OPS, expected_version=0)
        refused.append(str(refusal.value))
        assert facts.get(key, namespace=OPS) is None
        assert facts.history(key, namespace=OPS) == []
        team.facts.set(KEY, "secret", namespace=OPS)
    assert refused[0] == refused[1], "whether there is one does not show"


def test_whoever_may_write_replaces_what_others_wrote(team, ada):
    team.grant("bob", OPS, "read", "write")
    ada.facts.set(KEY, 1, namespace=OPS)
    assert team.agent("bob").facts.set(KEY, 2, namespace=OPS, expected_version=1).agent == "bob"
    assert team.agent("bob").facts.delete(KEY, namespace=OPS) is True


# --- levels of sensitivity --------------------------------------------------------------------------------------------


def test_a_fact_of_a_level_that_one_may_not_read_is_not_there(team, ada):
    team.facts.set(KEY, "secret", namespace=OPS, sensitivity="confidential")
    assert ada.facts.get(KEY, namespace=OPS) is None
    assert ada.facts.history(KEY, namespace=OPS) == []
    assert ada.facts.list(namespaces=[OPS]) == []
    assert ada.events.list(namespaces=[OPS]) == []
    assert list(ada.facts.follow(KEY, after=None, idle=IDLE)) == []
    assert ada.facts.delete(KEY, namespace=OPS) is False


def test_a_conflict_does_not_reveal_a_fact_that_one_may_not_read(team, ada):
    said = []
    for _ in range(2):
        with pytest.raises(VersionConflict) as conflict:
            ada.facts.set(KEY, 1, namespace=OPS, expected_version=1)
        assert conflict.value.current is None
        said.append(str(conflict.value))
        team.facts.set(KEY, "secret", namespace=OPS, sensitivity="confidential")
    assert said[0] == said[1]


def test_who_may_not_read_the_hidden_fact_sets_one_of_its_own(team, ada):
    hidden = team.facts.set(KEY, "secret", namespace=OPS, sensitivity="confidential")
    own = ada.facts.set(KEY, "plain", namespace=OPS, expected_version=0)
    assert (own.version, own.sensitivity) == (1, "internal")
    assert own.uid != hidden.uid
    assert ada.facts.update(KEY, str.upper, namespace=OPS).value == "PLAIN"
    assert ada.facts.get(KEY, namespace=OPS).value == "PLAIN"
    assert team.facts.get(KEY, namespace=OPS) == hidden


@pytest.mark.parametrize("level", ["public", "internal"])
@pytest.mark.parametrize("verb", ["set", "compare and set", "update"])
def test_to_set_where_a_fact_of_the_same_level_is_hidden_reveals_nothing(team, level, verb):
    """The level that is taken unless one is named may be one that the writer cannot read."""
    team.grant("bob", OPS, "read", "write", clearance="public")
    facts = team.agent("bob").facts

    def attempt(key):
        try:
            if verb == "update":
                fact = facts.update(key, lambda value: value or "plain", namespace=OPS)
            else:
                expected = 0 if verb == "compare and set" else None
                fact = facts.set(key, "plain", namespace=OPS, expected_version=expected)
        except AccessDenied as refused:
            return str(refused).replace(key, "…")
        return (fact.value, fact.version, fact.sensitivity)

    if level == "internal":
        team.facts.set("taken", "secret", namespace=OPS)
    assert attempt("taken") == attempt("free")


def test_to_set_again_above_ones_clearance_works_or_is_refused_by_name(ada):
    def attempt():
        try:
            ada.facts.set(KEY, "mine", namespace=OPS, sensitivity="confidential")
        except AccessDenied:
            return "refused"
        return "set"

    assert attempt() == attempt()


def test_a_new_value_keeps_the_level_of_the_former_one(team):
    team.facts.set(KEY, 1, sensitivity="confidential")
    assert team.facts.set(KEY, 2).sensitivity == "confidential"
    assert team.facts.update(KEY, lambda value: value + 1).sensitivity == "confidential"
    assert values(team.facts.history(KEY)) == [1, 2, 3]


@pytest.mark.parametrize("level", ["public", "internal", "confidential"])
@pytest.mark.parametrize("former", ["public", "internal", "confidential"])
def test_whatever_level_it_is_given_what_was_set_last_is_what_is_read(team, former, level):
    team.facts.set(KEY, "former", sensitivity=former)
    team.facts.set(KEY, "latter", sensitivity=level)
    assert team.facts.get(KEY).value == "latter"
    assert values(team.facts.list(prefix=KEY)) == ["latter"], "one value under each key"


@pytest.mark.parametrize("level", ["public", "internal", "confidential"])
def test_an_update_to_another_level_comes_to_an_end(team, level):
    team.facts.set(KEY, 1)
    calls = []

    def added(value):
        calls.append(value)
        assert len(calls) < 10, "it is called for ever"
        return (value or 0) + 1

    assert team.facts.update(KEY, added, sensitivity=level).value == 2
    assert calls == [1]


def test_what_get_shows_can_be_compared_and_set_when_a_hidden_level_was_deleted(team, ada):
    ada.facts.set(KEY, "plain", namespace=OPS)
    team.facts.set(KEY, "secret", namespace=OPS, sensitivity="confidential")
    team.facts.delete(KEY, namespace=OPS)
    shown = team.facts.get(KEY, namespace=OPS)
    if shown is not None:
        assert team.facts.set(KEY, "next", namespace=OPS, expected_version=shown.version).value == "next"
        assert team.facts.get(KEY, namespace=OPS).value == "next"
        assert team.facts.update(KEY, lambda value: [value], namespace=OPS).value == ["next"]


# --- users ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def chat(team):
    return team.agent("triage", user="cust_42")


def test_a_bound_handle_sets_and_reads_its_users_facts(team, chat):
    other = team.agent("triage", user="cust_77")
    mine = chat.facts.set("tier", "gold")
    other.facts.set("tier", "silver")
    assert (mine.user, mine.version) == ("cust_42", 1)
    assert chat.facts.get("tier") == mine
    assert other.facts.get("tier").value == "silver"
    assert team.facts.get("tier", user="cust_42") == mine
    assert team.facts.get("tier") is None
    assert values(chat.facts.list()) == ["gold"]
    assert values(team.facts.list()) == ["gold", "silver"]


def test_where_a_user_has_none_a_bound_handle_reads_that_of_no_user(team, chat):
    default = team.facts.set("tier", "standard")
    assert chat.facts.get("tier") == default
    assert chat.facts.history("tier") == [default]
    mine = chat.facts.set("tier", "gold", expected_version=0)
    assert (mine.user, chat.facts.get("tier")) == ("cust_42", mine)
    assert team.facts.get("tier") == default, "and it has changed only its own"
    assert chat.facts.delete("tier") is True
    assert chat.facts.get("tier") == default
    assert chat.facts.delete("tier") is False, "that of no user is not its to delete"


def test_an_update_by_a_bound_handle_begins_with_its_users_own_value(team, chat):
    team.facts.set("visits", 100)
    assert chat.facts.update("visits", lambda value: (value or 0) + 1).value == 1
    assert chat.facts.update("visits", lambda value: (value or 0) + 1).value == 2
    assert team.facts.get("visits").value == 100


def test_another_users_facts_are_not_there(team, chat):
    team.facts.set("tier", "silver", user="cust_77")
    for verb in (
        lambda: chat.facts.get("tier", user="cust_77"),
        lambda: chat.facts.set("tier", 1, user="cust_77"),
        lambda: chat.facts.delete("tier", user="cust_77"),
        lambda: chat.facts.history("tier", user="cust_77"),
        lambda: chat.facts.update("tier", lambda value: 1, user="cust_77"),
    ):
        with pytest.raises(AccessDenied):
            verb()
    assert chat.facts.get("tier") is None
    assert chat.facts.history("tier") == []
    assert chat.facts.list() == []
    with pytest.raises(VersionConflict) as conflict:
        chat.facts.set("tier", 1, expected_version=1)
    assert conflict.value.current is None


def test_a_bound_handle_follows_its_users_facts_and_those_of_no_user(team, chat):
    following = Following(chat.facts.follow("tier"))
    team.facts.set("tier", "silver", user="cust_77")
    general = team.facts.set("tier", "standard")
    assert following.next() == general
    mine = team.facts.set("tier", "gold", user="cust_42")
    assert following.next() == mine


def test_of_an_erased_user_no_fact_is_left(tmp_path, clock):
    user, word = rare("user"), rare("value")
    with opened(tmp_path, clock=clock) as team:
        chat = team.agent("triage", user=user)
        chat.facts.set(f"key/{word}", word)
        chat.facts.set("tier", word)
        chat.facts.set("tier", "gold")
        chat.facts.delete("tier")
        general = team.facts.set("tier", "standard")
        assert leaks(team.path, [user, word])

        team.erase(user=user)
        assert leaks(team.path, [user, word]) == set()
        assert team.facts.list() == [general]
        assert (chat.facts.get("tier"), chat.facts.history("tier")) == (general, [general])
        assert values(team.facts.follow(prefix="", after=None, idle=IDLE)) == ["standard"]
        assert types(team.events.list(types=["fact.*"]))[-1] == "fact.set"
        assert chat.facts.set("tier", "new", expected_version=0).version == 1
