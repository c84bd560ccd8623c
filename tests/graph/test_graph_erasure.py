"""After a purge or an erasure no name of the graph that was only known by it is in any file of the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.team.stores import Clock, opened
from tests.team.traces import found_in, leaks, rare
from transactive import Agent, Policy, TeamMemory
from transactive.errors import NotFound


class Words:
    """Words of one user that nothing else holds."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.all: list[str] = []

    def word(self) -> str:
        """The next one."""
        self.all.append(rare(self.user, len(self.all)))
        return self.all[-1]

    def name(self) -> str:
        """A name that begins with a capital."""
        return self.word().capitalize()


def live(agent: Agent, words: Words, namespace: str | None) -> None:
    """Whatever a graph can hold of a user."""
    graph = agent.graph
    person, company = ("person", words.name()), ("company", words.name())
    graph.add(person, aliases=[words.name(), words.name()], metadata={words.word(): words.word()}, namespace=namespace)
    for _ in range(3):
        graph.link(person, "works_at", company, metadata={"note": words.word()}, confidence=0.5, namespace=namespace)
    graph.link(person, "works_at", ("company", words.name()), namespace=namespace)
    graph.link(person, words.word(), (words.word(), words.name()), namespace=namespace)
    graph.unlink(person, namespace=namespace)
    graph.merge(("person", words.name()), person, namespace=namespace)
    graph.add(("company", words.name()), namespace=namespace)
    graph.remove(words.all[-1], namespace=namespace)
    text = f"{words.name()} works at {words.name()}. Mail {words.word()}@acme.com about INV-5."
    memory = agent.remember(text, namespace=namespace or agent.namespace)
    agent.revise(memory.uid, text=f"{words.name()} reports to {words.name()}.")
    agent.forget(agent.remember(f"{words.name()} lives in {words.name()}.").uid)


@pytest.fixture
def store(tmp_path) -> Iterator[tuple[TeamMemory, Words, Words]]:
    """A store that has a graph of two customers, side by side."""
    one, other = Words("one"), Words("other")
    with opened(tmp_path / "store", clock=Clock()) as team:
        team.namespaces.configure("**", Policy(extract_graph=True))
        for _ in range(3):
            for words in (one, other):
                live(team.agent("ana", user=words.user), words, None)
                live(team.agent("ben", user=words.user), words, "team/shared")
        yield team, one, other


def test_the_files_hold_the_names_before(store):
    """Without this the searches below would prove nothing."""
    team, one, other = store
    kept = found_in(team.path, [*one.all, *other.all])
    assert len(kept) > 0.8 * len(one.all + other.all)


def test_an_erased_user_leaves_no_name_in_any_file(store):
    team, one, other = store
    theirs = {e.uid: e.name for e in team.graph.list(limit=1000) if e.user == other.user}
    erased = team.erase(user=one.user)
    assert erased.coordinated > 0
    assert leaks(team.path, one.all) == set()
    assert {e.uid: e.name for e in team.graph.list(limit=1000)} == theirs
    kept = {word for word in other.all if word.capitalize() in theirs.values()}
    assert len(kept) > 20
    assert found_in(team.path, kept) == kept
    team.close()
    assert leaks(team.path, one.all) == set()


def test_a_name_that_others_use_too_stays_and_says_nothing_of_the_user(tmp_path):
    with opened(tmp_path) as team:
        word = rare("both").capitalize()
        ana, ben = team.agent("ana", user="one"), team.agent("ben")
        ana.graph.add(("company", word), aliases=[rare("alias")], metadata={"a": rare("metadata")})
        ben.graph.add(("company", word))
        team.erase(user="one")
        assert leaks(tmp_path, [rare("alias"), rare("metadata")]) == set()
        assert ben.graph.get(("company", word)).aliases == ()
        with pytest.raises(NotFound):
            ana.graph.get(("company", word))


def test_what_others_derived_from_the_user_takes_its_edges_along(tmp_path):
    with opened(tmp_path) as team:
        team.namespaces.configure("**", Policy(extract_graph=True))
        name, place = rare("name").capitalize(), rare("place").capitalize()
        about = team.agent("ana", user="one").publish("They called.")
        team.agent("ben").remember(f"{name} lives in {place}.", derived_from=[about.uid])
        assert len(team.graph.list()) == 2
        team.erase(user="one")
        assert team.graph.list() == []
        assert leaks(tmp_path, [name.lower(), place.lower()]) == set()


def test_past_the_horizon_a_purged_memory_leaves_no_name(tmp_path):
    clock = Clock()
    with opened(tmp_path, clock=clock) as team:
        team.namespaces.configure("**", Policy(extract_graph=True))
        ana, name, place = team.agent("ana"), rare("name"), rare("place")
        memory = ana.remember(f"{name.capitalize()} lives in {place.capitalize()}.")
        ana.forget(memory.uid)
        clock.advance(timedelta(days=31))
        assert found_in(tmp_path, [name, place]) == {name, place}
        team.maintain(build=False)
        assert leaks(tmp_path, [name, place]) == set()
