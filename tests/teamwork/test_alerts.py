"""Alerts reach whom they name, and nobody else; they wait until each has acknowledged them."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.team.stores import START, texts
from tests.teamwork.rooms import at_once, types
from transactive import Agent
from transactive.errors import AccessDenied, InvalidInput, NotFound
from transactive.records import Alert


def waiting(agent: Agent) -> list[str]:
    """What an agent has still to acknowledge; the count says the same."""
    found = texts(agent.alerts.list())
    assert agent.alerts.count() == len(found)
    return found


# --- whom they reach --------------------------------------------------------------------------------------------------


def test_an_alert_says_who_sent_what_to_whom(team):
    sent = team.agent("ana").alerts.send("Payments are down", to="ben", severity="critical", metadata={"region": "eu"})
    assert (sent.text, sent.agent, sent.to, sent.severity) == ("Payments are down", "ana", ("ben",), "critical")
    assert (sent.namespace, sent.user, sent.sensitivity, sent.version) == ("team/shared", None, "internal", 1)
    assert (sent.metadata, sent.created_at, sent.acknowledgements) == ({"region": "eu"}, START, ())
    assert team.agent("ben").alerts.list() == [sent]
    assert team.agent("ben").alerts.get(sent.uid) == team.agent("ana").alerts.get(sent) == sent


def test_only_whom_it_names_gets_it(team):
    ana, ben, carl = (team.agent(name) for name in ("ana", "ben", "carl"))
    alert = ana.alerts.send("for ben", to="ben")
    assert waiting(ben) == ["for ben"]
    assert waiting(carl) == waiting(ana) == []
    for verb in (carl.alerts.get, carl.alerts.acknowledge):
        with pytest.raises(NotFound):
            verb(alert)
    assert carl.alerts.list(acknowledged=None) == carl.alerts.list(sent=True) == []


def test_of_several_recipients_each_acknowledges_for_itself(team, clock):
    ana, ben, carl = (team.agent(name) for name in ("ana", "ben", "carl"))
    alert = ana.alerts.send("for both", to=["carl", "ben", "carl"])
    assert sorted(alert.to) == ["ben", "carl"]
    clock.advance(timedelta(minutes=1))
    ben.alerts.acknowledge(alert, note="on it")
    assert waiting(ben) == []
    assert waiting(carl) == ["for both"]
    [seen] = ana.alerts.get(alert).acknowledgements
    assert (seen.agent, seen.at, seen.note) == ("ben", clock.now, "on it")


def test_everybody_gets_what_is_sent_to_everybody_but_the_sender(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    alert = ana.alerts.send("for all", to="*")
    assert waiting(ben) == waiting(team.agent("newcomer")) == ["for all"]
    assert waiting(ana) == []
    with pytest.raises(NotFound):
        ana.alerts.acknowledge(alert)
    assert ana.alerts.list(sent=True) == [alert]
    assert texts(team.alerts.list()) == ["for all"]


def test_a_sender_gets_what_it_sends_to_itself(team):
    ana = team.agent("ana")
    ana.alerts.send("note to self", to=["ana", "*"])
    assert waiting(ana) == ["note to self"]


def test_a_group_is_whoever_is_in_it_now(team):
    ana, ben, carl = (team.agent(name) for name in ("ana", "ben", "carl"))
    team.groups.set("billing", ["ben"])
    alert = ana.alerts.send("for billing", to="group:billing")
    assert (waiting(ben), waiting(carl)) == (["for billing"], [])
    team.groups.set("billing", ["carl"])
    assert (waiting(ben), waiting(carl)) == ([], ["for billing"])
    with pytest.raises(NotFound):
        ben.alerts.acknowledge(alert)
    carl.alerts.acknowledge(alert)
    team.groups.set("billing", ["ben", "carl"])
    assert (waiting(ben), waiting(carl)) == (["for billing"], [])


def test_a_person_reads_alerts_by_a_handle_of_the_persons_name(team):
    team.agent("ana").alerts.send("please call", to="human:dana")
    assert waiting(team.agent("human:dana")) == ["please call"]
    assert waiting(team.agent("dana")) == waiting(team.agent("ben")) == []


def test_the_owner_looks_at_every_alert(team):
    alert = team.agent("ana").alerts.send("for ben", to="ben")
    assert team.alerts.get(alert) == alert


# --- who may ----------------------------------------------------------------------------------------------------------


def test_an_alert_lies_where_its_sender_may_write_and_its_agents_may_read(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    with pytest.raises(AccessDenied):
        ana.alerts.send("x", to="ben", namespace="prod/payments")
    team.grant("ana", "prod/**", "read", "write")
    with pytest.raises(InvalidInput, match="could not see an alert"):
        ana.alerts.send("x", to=["ana", "ben"], namespace="prod/payments")
    assert ana.alerts.list(sent=True) == []
    team.grant("ben", "prod/**", "read")
    ana.alerts.send("seen", to="ben", namespace="prod/payments")
    assert waiting(ben) == ["seen"]


def test_of_everybody_and_of_a_group_only_those_get_it_who_may_read_there(team):
    team.grant("ana", "prod/**", "read", "write")
    team.grant("ben", "prod/**", "read")
    team.groups.set("all", ["ben", "carl"])
    team.agent("ana").alerts.send("both ways", to=["*", "group:all"], namespace="prod/payments")
    assert waiting(team.agent("ben")) == ["both ways"]
    assert waiting(team.agent("carl")) == []


def test_who_may_not_read_there_any_more_has_no_alert(team):
    team.grant("*", "prod/**", "read", "write")
    alert = team.agent("ana").alerts.send("x", to="ben", namespace="prod/payments")
    team.revoke("*", "prod/**")
    assert waiting(team.agent("ben")) == []
    assert team.agent("ana").alerts.list(sent=True) == []
    with pytest.raises(NotFound):
        team.agent("ben").alerts.acknowledge(alert)


def test_a_confidential_alert_is_shown_to_those_who_are_cleared_for_it(team):
    ana = team.agent("ana")
    with pytest.raises(InvalidInput, match="ben"):
        ana.alerts.send("the salaries leaked", to="ben", sensitivity="confidential")
    team.grant("ben", "team/shared", "read", clearance="confidential")
    ana.alerts.send("the salaries leaked", to=["ben", "*"], sensitivity="confidential")
    assert waiting(team.agent("ben")) == ["the salaries leaked"]
    assert waiting(team.agent("carl")) == []


def test_a_handle_bound_to_a_user_gets_the_alerts_of_that_user_and_of_none(team):
    ana = team.agent("ana")
    for user in ("u1", "u2", None):
        ana.alerts.send(f"about {user}", to="ben", user=user)
    assert waiting(team.agent("ben", user="u1")) == ["about None", "about u1"]
    assert waiting(team.agent("ben")) == ["about None", "about u2", "about u1"]
    bound = team.agent("ana", user="u1")
    assert bound.alerts.send("stamped", to="ben").user == "u1"
    with pytest.raises(AccessDenied):
        bound.alerts.send("x", to="ben", user="u2")


# --- acknowledging ----------------------------------------------------------------------------------------------------


def test_an_acknowledgement_said_again_changes_nothing(team, clock):
    ana, ben = team.agent("ana"), team.agent("ben")
    alert = ana.alerts.send("x", to="ben")
    first = ben.alerts.acknowledge(alert.uid, note="seen")
    assert first.version == 2
    after = team.events.cursor()
    clock.advance(timedelta(hours=1))
    assert ben.alerts.acknowledge(alert, note="something else") == first
    assert types(team, after) == []


def test_threads_that_acknowledge_at_once_leave_one_acknowledgement(team):
    alert = team.agent("ana").alerts.send("x", to="ben")
    found = at_once(8, lambda n: team.agent("ben").alerts.acknowledge(alert, note=f"from {n}"))
    assert all(isinstance(seen, Alert) for seen in found)
    assert len(team.alerts.get(alert).acknowledgements) == 1
    assert types(team, only=["alert.*"]) == ["alert.send", "alert.acknowledge"]


# --- lists and followers ----------------------------------------------------------------------------------------------


def test_lists_are_latest_first_and_narrowed(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    sent = [ana.alerts.send(level, to="ben", severity=level) for level in ("info", "warning", "critical")]
    ben.alerts.acknowledge(sent[0])
    assert texts(ben.alerts.list(acknowledged=None)) == ["critical", "warning", "info"]
    assert texts(ben.alerts.list()) == ["critical", "warning"]
    assert texts(ben.alerts.list(acknowledged=True)) == ["info"]
    assert texts(ben.alerts.list(severity="warning")) == ["warning"]
    assert texts(ben.alerts.list(acknowledged=None, severity=["info", "critical"])) == ["critical", "info"]
    assert texts(ben.alerts.list(acknowledged=None, limit=1, offset=1)) == ["warning"]
    assert texts(ana.alerts.list(sent=True)) == ["critical", "warning", "info"]
    assert ben.alerts.count() == 2


def test_a_follower_gets_the_alerts_to_its_agent_as_they_are_sent(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    ana.alerts.send("before", to="ben")
    with ben.alerts.follow(idle="5s") as follower:
        found: list[str] = []
        waits = threading.Thread(target=lambda: found.extend(next(follower).text for _ in range(2)))
        waits.start()
        ana.alerts.send("for carl", to="carl")
        ana.alerts.send("for ben", to="ben")
        ana.alerts.send("for all", to="*")
        waits.join(timeout=10)
    assert found == ["for ben", "for all"]


def test_a_follower_begins_where_it_is_told(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    alert = ana.alerts.send("one", to="ben")
    ben.alerts.acknowledge(alert)
    ana.alerts.send("to all", to="*")
    assert texts(ben.alerts.follow(after=None, idle="0.01s")) == ["one", "to all"]
    assert texts(ana.alerts.follow(after=None, idle="0.01s")) == []
    assert texts(ben.alerts.follow(idle="0.01s")) == []


def test_a_follower_of_a_handle_bound_to_a_user_gets_the_alerts_of_that_user(team):
    for user in ("u1", "u2", None):
        team.agent("ana").alerts.send(f"about {user}", to="ben", user=user)
    bound = team.agent("ben", user="u1")
    assert texts(bound.alerts.follow(after=None, idle="0.01s")) == ["about u1", "about None"]
