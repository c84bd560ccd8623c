"""Every change is an event, in one order without gaps; what agents say themselves is one too."""

import pytest

from tests.coordination.conftest import in_threads, numbers, types
from transactive import NewMemory, Policy
from transactive.errors import AccessDenied, InvalidInput, RateLimited


@pytest.fixture
def team(bare):
    return bare


@pytest.fixture
def ada(team):
    return team.agent("ada")


@pytest.fixture
def bob(team):
    return team.agent("bob")


# --- what is an event -------------------------------------------------------------------------------------------------


def memory(ada, bob):
    note = ada.publish("INV-5678 is open")
    ada.revise(note.uid, text="INV-5678 was paid")
    ada.forget(note.uid)


def graph(ada, bob):
    edge = ada.graph.link(("person", "Ann"), "works_at", ("company", "Acme"), namespace="team/shared")
    ada.graph.unlink(edge)


def task(ada, bob):
    task = ada.tasks.post("Refund INV-5678")
    bob.tasks.release(bob.tasks.claim(task))
    bob.tasks.fail(bob.tasks.claim(task), reason="the bank is closed", retry=False)
    ada.tasks.retry(task)
    bob.tasks.complete(bob.tasks.claim(task))
    ada.tasks.cancel(ada.tasks.post("Call the bank"))


def fact(ada, bob):
    ada.facts.set("order/991", "paid")
    ada.facts.update("order/991", lambda value: f"{value} twice")
    bob.facts.delete("order/991")


def alert(ada, bob):
    bob.alerts.acknowledge(ada.alerts.send("The bank is closed", to="bob"))


def handoff(ada, bob):
    handoff = ada.handoff(to="bob", reason="out of my depth")
    bob.handoffs.take(handoff)
    bob.handoffs.resolve(handoff, answer="done")


def own(ada, bob):
    ada.events.emit("deploy.finished", {"version": 7})


CHANGES = [
    (memory, ["memory.remember", "memory.revise", "memory.forget"]),
    (graph, ["entity.add", "entity.add", "edge.link", "edge.end"]),
    (
        task,
        [
            *("task.post", "task.claim", "task.release", "task.claim", "task.dead", "task.retry", "task.claim"),
            *("task.complete", "task.post", "task.cancel"),
        ],
    ),
    (fact, ["fact.set", "fact.set", "fact.delete"]),
    (alert, ["alert.send", "alert.acknowledge"]),
    (handoff, ["handoff.send", "handoff.take", "handoff.resolve"]),
    (own, ["deploy.finished"]),
]


@pytest.mark.parametrize(("changes", "wanted"), CHANGES, ids=lambda case: getattr(case, "__name__", ""))
def test_every_change_is_an_event(team, ada, bob, changes, wanted):
    before = team.events.cursor()
    changes(ada, bob)
    assert types(team.events.list(after=before)) == wanted
    assert types(bob.events.list(after=before)) == wanted, "all of it lies where both may read"


def test_all_changes_together_are_one_order_without_gaps(team, ada, bob):
    for changes, _ in CHANGES:
        changes(ada, bob)
    assert numbers(team) == list(range(1, sum(len(wanted) for _, wanted in CHANGES) + 1))
    assert types(team.events.list()) == [type for _, wanted in CHANGES for type in wanted]


def test_an_event_says_who_did_what_to_what_and_when(team, ada, bob, clock):
    task = ada.tasks.post("Refund INV-5678", sensitivity="public")
    bob.tasks.claim(task)
    event = team.events.list()[-1]
    assert (event.type, event.agent, event.uid, event.at) == ("task.claim", "bob", task.uid, clock.now)
    assert (event.namespace, event.sensitivity, event.version) == ("team/shared", "public", 2)
    assert event.data is None
    assert team.tasks.get(event.uid).version == event.version


def test_an_event_holds_no_text_of_what_changed(team, ada, bob):
    ada.publish("the SECRETWORD of a memory", metadata={"SECRETWORD": 1}, tags=["SECRETWORD"])
    ada.facts.set("SECRETWORD", "SECRETWORD")
    ada.tasks.post("SECRETWORD", payload="SECRETWORD")
    bob.tasks.complete(bob.tasks.claim(), result="SECRETWORD")
    ada.alerts.send("SECRETWORD", to="bob", metadata={"SECRETWORD": 1})
    assert len(team.events.list()) == 6
    assert not [event for event in team.events.list() if "SECRETWORD" in repr(event)]


def test_a_batch_has_an_event_for_each_of_its_memories(team, ada):
    kept = ada.remember_many([NewMemory(text=f"NOTE-{number}") for number in range(5)])
    assert [event.uid for event in team.events.list()] == [memory.uid for memory in kept]


def test_what_was_refused_is_no_event(team, ada):
    with pytest.raises(AccessDenied):
        ada.facts.set("plan", 1, namespace="projects/secret")
    with pytest.raises(InvalidInput):
        ada.tasks.post("")
    assert ada.tasks.claim() is None
    assert ada.facts.delete("nothing") is False
    assert team.events.list() == []
    ada.facts.set("plan", 1)
    assert numbers(team) == [1]


def test_eight_threads_leave_one_order_without_gaps(team):
    def work(number):
        agent = team.agent(f"agent-{number}")
        for round in range(12):
            agent.publish(f"note {round} of {number}")
            agent.facts.set(f"fact/{number}", round)
            agent.tasks.post(f"job {round} of {number}", namespace=agent.namespace)
            agent.events.emit("round.done", round)

    in_threads(8, work)
    assert numbers(team) == list(range(1, 8 * 12 * 4 + 1))
    events = team.events.list(limit=10_000)
    assert len(events) == 8 * 12 * 4
    for number in range(8):
        own = [event.data for event in events if event.agent == f"agent-{number}" and event.type == "round.done"]
        assert own == list(range(12)), "and each thread's own in the order in which it wrote"


# --- asking for some --------------------------------------------------------------------------------------------------


def test_a_list_goes_on_behind_a_cursor(team, ada):
    for number in range(7):
        ada.facts.set("number", number)
    whole = team.events.list()
    first = team.events.list(limit=3)
    assert first == whole[:3]
    assert team.events.list(after=first[-1].cursor, limit=2) == whole[3:5]
    assert team.events.list(after=whole[-1].cursor) == []
    assert team.events.list(after="now") == []
    assert team.events.cursor() == whole[-1].cursor


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["fact.set"], ["fact.set"]),
        (["task.*"], ["task.post", "task.claim"]),
        (["task.claim", "fact.*"], ["fact.set", "task.claim"]),
        (["tasks.*"], ["tasks.counted"]),
        (["task"], []),
        (["*"], ["fact.set", "task.post", "task.claim", "tasks.counted"]),
        ([], []),
        (None, ["fact.set", "task.post", "task.claim", "tasks.counted"]),
    ],
)
def test_types_are_named_exactly_or_by_their_beginning(team, ada, wanted, found):
    ada.facts.set("a", 1)
    ada.tasks.claim(ada.tasks.post("work"))
    ada.events.emit("tasks.counted", 1)
    assert types(ada.events.list(types=wanted)) == found


def test_namespaces_are_patterns_to_stay_within(team, ada):
    team.grant("ada", "projects/**", "read", "write")
    for place in ("projects/apollo", "projects/gemini/crew", "team/shared", "agents/ada"):
        ada.facts.set("a", 1, namespace=place)

    def places(*namespaces):
        return [event.namespace for event in ada.events.list(namespaces=namespaces)]

    assert places("projects/**") == ["projects/apollo", "projects/gemini/crew"]
    assert places("projects/*") == ["projects/apollo"]
    assert places("agents/ada", "projects/apollo") == ["projects/apollo", "agents/ada"]
    assert places("agents/bob") == []


@pytest.mark.parametrize(
    "asked",
    [
        {"types": "task.*"},
        {"types": ["Task"]},
        {"types": ["task.*.*"]},
        {"types": ["*.done"]},
        {"types": [None]},
        {"namespaces": "team/shared"},
        {"namespaces": ["/"]},
        {"after": "yesterday"},
        {"after": ""},
        {"after": 1},
        {"limit": 0},
        {"limit": 10_001},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(team, asked):
    with pytest.raises(InvalidInput):
        team.events.list(**asked)
    if "limit" not in asked:
        with pytest.raises(InvalidInput):
            team.events.follow(**asked)


# --- own events -------------------------------------------------------------------------------------------------------


def test_an_agent_says_that_something_happened(team, ada, bob, clock):
    said = ada.events.emit("deploy.finished", {"version": 7, "hosts": ["a", "b"]}, sensitivity="public")
    assert (said.type, said.agent, said.namespace, said.at) == ("deploy.finished", "ada", "team/shared", clock.now)
    assert said.data == {"version": 7, "hosts": ["a", "b"]}
    assert bob.events.list() == [said]
    assert bob.events.list(after=said.cursor) == []


@pytest.mark.parametrize("data", [None, False, 0, "", [], {}, 1.5, "ü 東京 \ud800", {"a": [None, {"b": 1}]}], ids=repr)
def test_data_is_whatever_json_holds(ada, data):
    assert ada.events.emit("said", data).data == data
    assert ada.events.list()[-1].data == data


@pytest.mark.parametrize(
    "type",
    [
        *("memory.remember", "document.put", "entity.add", "edge.link", "task.done", "fact.set", "alert.send"),
        *("handoff.take", "agent.registered", "decision.made", "learning.found", "task", "memory"),
    ],
)
def test_the_stores_own_types_are_reserved(team, ada, type):
    with pytest.raises(InvalidInput, match="own"):
        ada.events.emit(type)
    assert team.events.list() == []


@pytest.mark.parametrize(
    "type", ["", "Deploy", "deploy..done", "deploy.", ".done", "de ploy", "deploy.*", "7.up", "x" * 101, None, 7]
)
def test_a_type_is_a_dotted_name_of_lower_case(team, ada, type):
    with pytest.raises(InvalidInput):
        ada.events.emit(type)
    assert team.events.list() == []


@pytest.mark.parametrize(
    "data", [float("nan"), object(), {1: 2}, b"x", "x" * (1 << 16)], ids=lambda data: str(data)[:9]
)
def test_data_that_json_cannot_hold_or_is_too_long_is_refused(team, ada, data):
    with pytest.raises(InvalidInput):
        ada.events.emit("deploy.finished", data)
    assert team.events.list() == []


def test_to_say_something_takes_the_right_to_write_there(team, ada):
    team.grant("ada", "projects/apollo", "read")
    with pytest.raises(AccessDenied):
        ada.events.emit("deploy.finished", namespace="projects/apollo")
    team.grant("ada", "projects/apollo", "write")
    ada.events.emit("deploy.finished", namespace="projects/apollo")
    assert [event.namespace for event in ada.events.list()] == ["projects/apollo"]


def test_saying_something_counts_against_the_rate_of_a_namespace(team, ada):
    team.namespaces.configure("team/shared", Policy(write_rate="2/m"))
    ada.events.emit("tick")
    ada.events.emit("tick")
    with pytest.raises(RateLimited):
        ada.events.emit("tick")
    assert types(team.events.list()) == ["tick", "tick"]
