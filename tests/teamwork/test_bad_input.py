"""Nonsense is refused with an error of ours, in alerts, decisions, learnings and handoffs, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest

from tests.team.stores import opened
from tests.teamwork.rooms import rows
from transactive import Agent, TeamMemory
from transactive.errors import InvalidInput, NotFound, TransactiveError
from transactive.records import Alert, Handoff

SECRET = "the vault opens with 7391"
TEXTS: list[Any] = ["", " \n", 5, b"x", ["x"], "a\x00b", "a\ud800", "x" * ((1 << 20) + 1)]
NAMES: list[Any] = ["", " ", 5, [], "a\x00b", "x" * 600]
COUNTS: list[Any] = [-1, "5", 1.5, True, 10**400]


class World(NamedTuple):
    """A store with something of everything in it."""

    team: TeamMemory
    ana: Agent
    alert: Alert
    handoff: Handoff


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with opened() as team:
        ana = team.agent("ana")
        alert = team.agent("ben").alerts.send(SECRET, to="ana")
        made = team.agent("ben").handoff(to="ana", reason=SECRET, notes=SECRET)
        yield World(team, ana, alert, made)


def refused(world: World, call: Callable[[], object], kind: type[TransactiveError] = InvalidInput) -> None:
    """The call raises this error, whose message is of use and tells no text, and the ledger is as it was."""
    before = rows(world.team)
    with pytest.raises(kind) as caught:
        call()
    assert rows(world.team) == before
    assert SECRET not in str(caught.value)
    assert 10 < len(str(caught.value)) < 700


def short(value: object) -> str:
    return f"{value!r:.30}".encode("ascii", "backslashreplace").decode()


# --- alerts -----------------------------------------------------------------------------------------------------------

ALERTS: list[tuple[str, list[Any]]] = [
    ("text", [*TEXTS, None]),
    ("to", [None, 5, "", [], ["ana", ""], [5], {"ana": 1}, "group:", "owner", [f"a{n}" for n in range(101)]]),
    ("severity", ["bad", "", None, 5, ["info"], "INFO"]),
    ("metadata", [[1], "x", {5: 1}, {"x": object()}, {"x": float("nan")}, {"x": "y" * (1 << 16)}]),
    ("namespace", ["", "a//b", 5, "a/*", ["a"]]),
    ("user", NAMES),
    ("sensitivity", ["secret", 5, ["public"], ""]),
]


@pytest.mark.parametrize(("field", "wrong"), ALERTS, ids=[field for field, _ in ALERTS])
def test_alerts_are_not_sent(world, field, wrong):
    for value in wrong:
        refused(world, partial(world.ana.alerts.send, **{"text": "x", "to": "ben", field: value}))


@pytest.mark.parametrize("wrong", NAMES, ids=short)
def test_alerts_that_cannot_be_are_not_looked_for(world, wrong):
    refused(world, lambda: world.ana.alerts.get(wrong))
    refused(world, lambda: world.ana.alerts.acknowledge(wrong))


def test_alerts_that_are_not_there_are_not_found(world):
    refused(world, lambda: world.ana.alerts.get("nothing"), NotFound)
    refused(world, lambda: world.ana.alerts.acknowledge(world.handoff.uid), NotFound)


@pytest.mark.parametrize("wrong", [text for text in TEXTS if text != ""], ids=short)
def test_notes_of_acknowledgements(world, wrong):
    refused(world, lambda: world.ana.alerts.acknowledge(world.alert, note=wrong))


LISTS: list[tuple[str, list[Any]]] = [
    ("acknowledged", ["yes", 5, [], {}]),
    ("sent", ["yes", None, 5, []]),
    ("severity", ["bad", ["bad"], [None], 5, [5], [[]], object()]),
    ("limit", [*COUNTS, 0, 10_001]),
    ("offset", COUNTS),
]


@pytest.mark.parametrize(("field", "wrong"), LISTS, ids=[field for field, _ in LISTS])
def test_lists_of_alerts(world, field, wrong):
    for value in wrong:
        refused(world, partial(world.ana.alerts.list, **{field: value}))


@pytest.mark.parametrize(
    "wrong", [{"after": 5}, {"after": "x"}, {"idle": 5}, {"idle": "soon"}, {"idle": "-1s"}], ids=str
)
def test_followers(world, wrong):
    refused(world, lambda: world.ana.alerts.follow(**wrong))
    refused(world, lambda: world.ana.handoffs.follow(**wrong))


# --- decisions and learnings ------------------------------------------------------------------------------------------

SAID: list[tuple[str, list[Any]]] = [
    ("what", [*TEXTS, None]),
    ("context", TEXTS),
    ("namespace", ["", "a//b", 5, "a/*"]),
    ("importance", [2, -0.1, "high", True]),
    ("tags", ["x", [5], 5]),
    ("metadata", [[1], {5: 1}, {"x": object()}]),
    ("user", NAMES),
    ("session", NAMES),
    ("sensitivity", ["secret", 5]),
    ("derived_from", ["x", 5, [5]]),
    ("supersedes", [5, [5]]),
]
DECISIONS: list[tuple[str, list[Any]]] = [
    *SAID,
    ("why", TEXTS),
    ("alternatives", ["x", 5, None, [5], [""], {"a": 1}]),
]
LEARNINGS: list[tuple[str, list[Any]]] = [
    *SAID,
    ("outcome", ["lesson", "", None, 5, ["success"], "Success"]),
    ("recommendation", TEXTS),
    ("confidence", [2, -1, "sure"]),
]


@pytest.mark.parametrize(("field", "wrong"), DECISIONS, ids=[field for field, _ in DECISIONS])
def test_decisions_are_not_recorded(world, field, wrong):
    for value in wrong:
        refused(world, partial(world.ana.decisions.record, **{"what": "x", field: value}))


@pytest.mark.parametrize(("field", "wrong"), LEARNINGS, ids=[field for field, _ in LEARNINGS])
def test_learnings_are_not_recorded(world, field, wrong):
    for value in wrong:
        asked: dict[str, Any] = {"outcome": "success", "what": "x", field: value}
        refused(world, partial(world.ana.learnings.record, **asked))


@pytest.mark.parametrize("wrong", [name for name in NAMES if name is not None], ids=short)
def test_whose_decision_it_is(world, wrong):
    refused(world, lambda: world.team.decisions.record("x", by=wrong))


FINDS: list[dict[str, Any]] = [
    {"context": ""},
    {"context": 5},
    {"limit": 0},
    {"limit": 1001},
    {"namespaces": "team"},
    {"where": {"colour": "red"}},
    {"where": 5},
    {"min_similarity": 2},
    {"degrade": "quietly"},
]


@pytest.mark.parametrize("wrong", FINDS, ids=str)
def test_finding_decisions_and_learnings(world, wrong):
    refused(world, lambda: world.ana.decisions.find(**{"context": "x", **wrong}))
    refused(world, lambda: world.ana.learnings.find(**{"context": "x", **wrong}))


@pytest.mark.parametrize("wrong", ["failure", ["lesson"], 5, [5], [[]], {"failure": 1}], ids=str)
def test_outcomes(world, wrong):
    refused(world, lambda: world.ana.learnings.find("x", outcomes=wrong))


# --- handoffs ---------------------------------------------------------------------------------------------------------

HANDOFFS: list[tuple[str, list[Any]]] = [
    ("task", [5, [], "", object()]),
    ("reason", TEXTS),
    ("notes", TEXTS),
    ("include", ["x", 5, None, [5], [""]]),
    ("session", NAMES),
    ("namespace", ["", "a//b", 5, "a/*"]),
    ("user", NAMES),
    ("sensitivity", ["secret", 5]),
    ("budget", [*COUNTS, 0, 99, 1_000_001, None]),
]


@pytest.mark.parametrize(("field", "wrong"), HANDOFFS, ids=[field for field, _ in HANDOFFS])
def test_handoffs_are_not_made(world, field, wrong):
    for value in wrong:
        refused(world, partial(world.ana.handoff, **{"to": "ben", field: value}))
        refused(world, partial(world.ana.escalate, **{"to": "ben", field: value}))


@pytest.mark.parametrize("wrong", NAMES, ids=short)
def test_handoffs_that_cannot_be_are_not_looked_for(world, wrong):
    for verb in (world.ana.handoffs.get, world.ana.handoffs.take, world.ana.handoffs.resolve, world.ana.handoffs.wait):
        refused(world, partial(verb, wrong))
    for verb in (world.team.handoffs.take, world.team.handoffs.resolve):
        refused(world, partial(verb, world.handoff, by=wrong))


NO_JSON: dict[str, Any] = {
    "an object": object(),
    "no number": float("nan"),
    "a key": {5: object()},
    "a set": {1, 2},
    "too long": "x" * ((1 << 20) + 1),
}


@pytest.mark.parametrize("wrong", NO_JSON.values(), ids=NO_JSON)
def test_answers_that_json_cannot_hold(world, wrong):
    refused(world, lambda: world.ana.handoffs.resolve(world.handoff, answer=wrong))


@pytest.mark.parametrize("wrong", [5, "soon", "-1s", []], ids=short)
def test_waits(world, wrong):
    refused(world, lambda: world.ana.handoffs.wait(world.handoff, timeout=wrong))


WAYS: list[tuple[str, list[Any]]] = [
    ("status", ["done", "", ["done"], [None], 5, [5], [[]], object()]),
    ("kind", ["question", "", 5, ["handoff"]]),
    ("sent", ["yes", None, 5]),
    ("limit", [*COUNTS, 0, 1001]),
    ("offset", COUNTS),
]


@pytest.mark.parametrize(("field", "wrong"), WAYS, ids=[field for field, _ in WAYS])
def test_lists_of_handoffs(world, field, wrong):
    for value in wrong:
        refused(world, partial(world.ana.handoffs.list, **{field: value}))
