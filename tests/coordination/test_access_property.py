"""No verb of the graph, events, tasks, facts, alerts, handoffs or directory reveals what an agent may not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.coordination.model_machine import Team
from tests.team.stores import opened
from transactive import Policy, TeamMemory
from transactive.errors import AccessDenied


@pytest.mark.slow
def test_every_verb_shows_exactly_what_may_be_read() -> None:
    run_state_machine_as_test(
        Team,
        settings=settings(
            max_examples=10,
            stateful_step_count=30,
            phases=[
                Phase.generate
            ],  # to shrink a world takes minutes, and the message says who learned what by which verb
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@pytest.fixture
def team() -> Iterator[TeamMemory]:
    """A store where all may write in `prod`, and read there what is internal; ana what is confidential too."""
    with opened() as team:
        team.grant("*", "prod", "read", "write")
        team.grant("ana", "prod", "read", clearance="confidential")
        yield team


ANNA, ACME = ("person", "Anna Meyer"), ("company", "Acme")


def test_a_fact_that_may_not_be_read_is_not_told_of_by_setting_another(team: TeamMemory) -> None:
    team.agent("ana").facts.set("limit", "secret", namespace="prod", sensitivity="confidential")
    ben = team.agent("ben").facts
    answers: list[type] = []
    for key in ("limit", "no such key"):
        try:
            answers.append(type(ben.set(key, 1, namespace="prod", sensitivity="confidential")))
        except AccessDenied as refused:
            answers.append(type(refused))
    assert answers[0] == answers[1]
    assert [fact.value for fact in team.facts.history("limit", namespace="prod")] == ["secret"]


def test_the_former_values_of_a_fact_are_as_sensitive_as_they_were(team: TeamMemory) -> None:
    for value, level in (("secret", "confidential"), ("open", "public")):
        kind: Any = level
        team.agent("ana").facts.set("limit", value, namespace="prod", sensitivity=kind)
    ben = team.agent("ben").facts
    with ben.follow("limit", after=None, idle="1s", namespaces=["prod"]) as follower:
        followed = [follower.take().value] if follower.pull() else []
    assert [fact.value for fact in ben.history("limit", namespace="prod")] == ["open"]
    assert followed == ["open"]


def test_an_edge_that_may_not_be_read_is_not_shown_to_who_states_it_too(team: TeamMemory) -> None:
    secret = {"said": "secret"}
    said: Any = {"namespace": "prod", "sensitivity": "confidential"}
    team.agent("ana").graph.link(ANNA, "works_at", ACME, metadata=secret, **said)
    ben = team.agent("ben").graph
    ben.link(ANNA, "relates_to", ACME, namespace="prod")
    with suppress(AccessDenied):
        assert ben.link(ANNA, "works_at", ACME, **said).metadata != secret
    assert [edge.type for edge in ben.edges(ANNA)] == ["relates_to"]


def test_what_an_agent_states_above_its_clearance_is_done_or_refused(team: TeamMemory) -> None:
    said: Any = {"namespace": "prod", "sensitivity": "confidential"}
    for call in (
        lambda: team.agent("ben").graph.link(ANNA, "works_at", ACME, **said),
        lambda: team.agent("ben").graph.add(ANNA, **said),
        lambda: team.agent("ben").facts.set("limit", 1, **said),
        lambda: team.agent("ben").facts.set("limit", 2, **said),
    ):
        with suppress(AccessDenied):
            call()


def test_nobody_changes_what_is_said_of_an_entity_where_it_may_not_read_it(team: TeamMemory) -> None:
    said: Any = {"namespace": "prod", "sensitivity": "confidential"}
    team.agent("ana").graph.add(ANNA, metadata={"said": "secret"}, **said)
    ben = team.agent("ben").graph
    ben.add(ANNA)  # private
    with suppress(AccessDenied):
        ben.add(ANNA, metadata={"said": "nothing"}, **said)
    [told] = team.agent("ana").graph.list()
    assert told.metadata == {"said": "secret"}


def test_the_earlier_task_is_named_to_those_alone_who_may_read_it(team: TeamMemory) -> None:
    ana, text = team.agent("ana").tasks, "Refund the invoice of the customer twice"
    earlier = ana.post(text, namespace="prod", sensitivity="confidential")
    later = ana.post(text, namespace="prod")
    assert ana.get(later).duplicate_of == earlier.uid
    assert team.agent("ben").tasks.get(later).duplicate_of is None
    assert team.agent("ben").tasks.list()[0].duplicate_of is None
    other = ana.post("Restart every queue tonight", namespace="prod", sensitivity="confidential")
    posted = team.agent("ben").tasks.post("Restart every queue tonight", namespace="prod", unique=True)
    assert (posted.uid == other.uid, posted.duplicate_of) == (False, None)


@pytest.mark.parametrize(("user", "level"), [("cust_1", "internal"), (None, "confidential")])
def test_what_a_handoff_says_is_on_its_task_only_for_those_who_might_read_it_there(
    team: TeamMemory, user: str | None, level: Any
) -> None:
    ana = team.agent("ana")
    task = ana.tasks.post("Look at the queue", namespace="prod")
    sent = ana.escalate(task, "her diagnosis", to="human:dana", namespace="prod", user=user, sensitivity=level)
    cleo = team.agent("cleo", user="cust_2").tasks
    assert "diagnosis" not in repr((cleo.get(task), cleo.attempts(task)))
    team.handoffs.resolve(sent, answer="it is benign", by="dana")
    assert "benign" not in repr((cleo.get(task), cleo.attempts(task)))


def test_events_of_messages_come_to_those_who_get_these(team: TeamMemory) -> None:
    ana = team.agent("ana")
    ana.alerts.send("Stop", to="ben")
    ana.handoff(to="ben", reason="holidays")
    types = ["alert.send", "handoff.send"]
    for name, expected in (("ana", types), ("ben", types), ("cleo", [])):
        assert [event.type for event in team.agent(name).events.list()] == expected, name


def test_a_bound_handle_gets_the_events_about_its_user(team: TeamMemory) -> None:
    team.agent("ana", user="cust_1").publish("Her order is late.")
    kinds = [[e.type for e in team.agent("ben", user=user).events.list()] for user in ("cust_1", "cust_2", None)]
    assert kinds == [["memory.remember"], [], ["memory.remember"]]


@pytest.mark.parametrize("hidden", [None, ("company", "Acme Labs")])
def test_what_a_text_mentions_does_not_depend_on_names_that_may_not_be_read(
    team: TeamMemory, hidden: tuple[str, str] | None
) -> None:
    if hidden is not None:
        team.agent("ben").graph.add(hidden)  # private
    ana = team.agent("ana")
    ana.graph.add(ACME)
    memory = ana.remember("We met Acme Labs on Monday.")
    about = ana.remember("The invoice was paid twice, to Acme.")
    assert [entity.name for entity in ana.graph.mentioned(memory)] == ["Acme"]
    assert [found.uid for found in ana.graph.mentions(ACME)] == [about.uid, memory.uid]
    assert len(ana.recall("Acme Labs?", limit=2, expand="graph")) == 2


def test_a_path_within_places_where_nothing_is_said_of_its_ends_is_none_or_refused(team: TeamMemory) -> None:
    graph = team.agent("ana").graph
    graph.add(ANNA)
    way = graph.path(ANNA, ANNA, namespaces=["prod"])
    assert way is None or not way.edges


def test_who_may_not_read_a_namespace_gets_the_names_of_its_authors_where_it_advertises(team: TeamMemory) -> None:
    team.grant("ana", "sales", "read", "write", clearance="confidential")
    ana = team.agent("ana")
    for user, level in ((None, "internal"), ("cust_1", "internal"), (None, "confidential")):
        kind: Any = level
        ana.remember(f"The discount of {user} is {level}.", namespace="sales", user=user, sensitivity=kind)

    def known(user: str | None) -> list[tuple[str, int, int, bool]]:
        found = team.agent("ben", user=user).who_knows("discount", min_similarity=0.0)
        return [(expert.agent, expert.memories, len(expert.evidence), expert.advertised) for expert in found]

    assert known(None) == []
    team.namespaces.configure("sales", Policy(advertise=True))
    assert known(None) == [("ana", 2, 0, True)]
    assert known("cust_1") == [("ana", 2, 0, True)]
    assert known("cust_2") == [("ana", 1, 0, True)]
