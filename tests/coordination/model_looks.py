"""What a handle sees, held against the model: exactly what it may read, and of the rest no sign."""

from __future__ import annotations

import itertools
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from tests.coordination.model import Place, place_of
from tests.coordination.model_graph import Row, Rows, Seen, lies, metadata, seen
from tests.coordination.model_reads import (
    MANY,
    Call,
    Reading,
    of_graph,
    of_handoffs,
    of_things,
    outcome,
    told,
    with_alert,
    with_edge,
    with_handoff,
    with_key,
    with_memory,
    with_name,
    with_task,
)
from tests.coordination.model_work import Work
from tests.coordination.model_world import NAMES, PLACES, USERS
from tests.team.model import LEVELS, Handle
from transactive import Agent, TransactiveError
from transactive.records import Entity, Event, Fact, Path

T = TypeVar("T")
KEYS = ("limit", "eu limit", "owner of it")
SOME = [user for user in USERS if user is not None]


class Looks:
    """Looks into a world: each a handle of an agent, and `pick` where it begins."""

    def __init__(self, world: Work) -> None:
        self.world = world
        self.model = world.model
        self.owner = world.team

    # --- exactly what may be read -------------------------------------------------------------------------------------

    def graph(self, who: Handle, pick: int) -> None:
        """Entities, edges, walks and ways are those of the model."""
        handle, rows = self.world.handle(who), Rows.read(self.owner.path)
        graph = seen(self.model, rows, who)
        assert called(handle.graph.list(limit=MANY)) == graph.everything()
        whole = handle.graph.subgraph()
        assert called(whole.entities) == graph.everything()
        shown = {edge.uid: (edge.version, edge.metadata) for edge in whole.edges}
        assert shown == {row["uid"]: (row["version"], metadata(row)) for row in graph.edges}
        for name in graph.said:
            found = handle.graph.edges(rows.names[name])
            assert Counter(edge.uid for edge in found) == Counter(row["uid"] for row in graph.around(name))
        for name in some(list(graph.said), pick):
            self.walks(handle, graph, rows, name)

    def walks(self, handle: Agent, graph: Seen, rows: Rows, name: int) -> None:
        """From a name, everything is found that hangs together with it, by a shortest way."""
        distances, ref = graph.distances(name), rows.names[name]
        walked = handle.graph.traverse(ref, depth=10)
        assert len(walked) == len(distances)
        inside = [row for row in graph.edges if graph.classes[row["source"]] in distances]
        assert {edge.uid for edge in walked.edges} == {row["uid"] for row in inside}
        for other in graph.said:
            way = handle.graph.path(ref, rows.names[other], max_depth=20)
            assert (None if way is None else len(way)) == distances.get(graph.classes[other])
            assert way is None or hangs_together(way)

    def tasks(self, who: Handle) -> None:
        """Tasks are those that the owner sees, but for ids of others that the reader may not read."""
        tasks, model = self.world.handle(who).tasks, self.model
        every = self.owner.tasks.list(limit=MANY)
        assert {task.uid for task in every} == set(model.tasks)
        mine = {uid for uid, place in model.tasks.items() if model.sees(who, place)}
        expected = [
            replace(
                task,
                needs=tuple(uid for uid in task.needs if uid in mine),
                duplicate_of=task.duplicate_of if task.duplicate_of in mine else None,
            )
            for task in every
            if task.uid in mine
        ]
        assert tasks.list(limit=MANY) == expected
        assert [tasks.get(task.uid) for task in expected] == expected
        assert tasks.count() == len(expected)
        assert tasks.count(status="open") == sum(task.status == "open" for task in expected)

    def facts(self, who: Handle) -> None:
        """Of each name the most sensitive fact that may be read; that of the handle's user before that of nobody."""
        facts = self.world.handle(who).facts
        rows = [row for row in Rows.read(self.owner.path).facts if not row["deleted"]]
        best: dict[tuple[str, str, str | None], Row] = {}
        for row in sorted(rows, key=lambda row: LEVELS.index(row["sensitivity"])):
            if self.model.sees(who, lies(row)):
                best[row["namespace"], row["key"], row["user"]] = row
        found = {(fact.namespace, fact.key, fact.user): as_written(fact) for fact in facts.list(limit=MANY)}
        assert found == {name: (row["uid"], row["version"], json.loads(row["value"])) for name, row in best.items()}
        for namespace, key in {(row["namespace"], row["key"]) for row in rows}:
            expected = found.get((namespace, key, who.user)) or found.get((namespace, key, None))
            fact = facts.get(key, namespace=namespace)
            assert (None if fact is None else as_written(fact)) == expected

    def messages(self, who: Handle) -> None:
        """Alerts and handoffs are those to and by the handle, where it may read them."""
        handle, model = self.world.handle(who), self.model
        alerts = [self.owner.alerts.get(uid) for uid in reversed(model.alerts)]
        received = [alert for alert in alerts if model.received(who, alert)]
        assert handle.alerts.list(acknowledged=None, limit=MANY) == received
        waiting = [alert for alert in received if who.agent not in {one.agent for one in alert.acknowledgements}]
        assert handle.alerts.list(limit=MANY) == waiting
        assert handle.alerts.count() == len(waiting)
        sent = [alert for alert in alerts if alert.agent == who.agent and model.gets(who, alert)]
        assert handle.alerts.list(acknowledged=None, sent=True, limit=MANY) == sent
        handed = [uid for uid, handoff in model.handoffs.items() if model.handed(who, handoff)]
        assert [handoff.uid for handoff in handle.handoffs.list(limit=1000)] == handed[::-1]
        made = [uid for uid, one in model.handoffs.items() if one.agent == who.agent and model.holds(who, one)]
        assert [handoff.uid for handoff in handle.handoffs.list(sent=True, limit=1000)] == made[::-1]

    def events(self, who: Handle) -> None:
        """Events are those of what may be read; for alerts and handoffs see the stories of the test."""
        there = [event for event in self.owner.events.list(limit=MANY) if self.model.sees(who, self.of(event))]
        shown = self.world.handle(who).events.list(limit=MANY)
        assert [event for event in shown if not is_message(event)] == [e for e in there if not is_message(e)]
        assert {event.uid for event in shown} <= {event.uid for event in there}
        mine = {uid for uid, alert in self.model.alerts.items() if self.model.gets(who, alert)}
        mine |= {uid for uid, handoff in self.model.handoffs.items() if self.model.holds(who, handoff)}
        assert {event.uid for event in shown} >= mine

    def of(self, event: Event) -> Place:
        """Where an event happened, and about whom."""
        return Place(event.namespace, self.model.places[event.uid][0].user, event.sensitivity)

    def experts(self, who: Handle) -> None:
        """Named is who wrote what may be read or is advertised, and nobody else."""
        live = [memory for memory in self.model.memories.values() if self.model.live(memory)]
        read = Counter(memory.agent for memory in live if self.model.sees(who, memory.place))
        more = [m for m in live if self.model.advertised(m, who) and not self.model.sees(who, m.place)]
        both = read + Counter(memory.agent for memory in more)
        experts = self.world.handle(who).who_knows("what is known?", min_similarity=0.0, limit=100)
        assert {expert.agent: expert.memories for expert in experts} == both
        assert {e.agent: len(e.evidence) for e in experts} == {agent: min(3, read[agent]) for agent in both}
        assert {e.agent for e in experts if e.advertised} == {memory.agent for memory in more}

    # --- nothing else -------------------------------------------------------------------------------------------------

    def reads(self, who: Handle, pick: int) -> None:
        """No answer and no error of any verb that reads holds what the reader may not know."""
        handle, model = self.world.handle(who), self.model
        names = [NAMES[pick % len(NAMES)], NAMES[(pick + 1) % len(NAMES)]]
        edges = sorted({row["uid"] for row in Rows.read(self.owner.path).edges})
        for reading in (*of_graph(handle, names), *of_things(handle, edges, model.memories, model.tasks)):
            self.answers(who, reading)
        for key, place in itertools.product(KEYS, {place.namespace for place in model.facts.values()}):
            self.answers(who, Reading("a fact", partial(handle.facts.history, key, namespace=place)))
        for handoff in of_handoffs(handle, model.handoffs):
            # at one about a user one looks as if bound to that user
            self.answers(Handle(who.agent, who.user or model.handoffs[handoff.said].user), handoff)

    def answers(self, who: Handle, reading: Reading) -> None:
        """One call is answered, or refused, without a sign of what the reader may not know."""
        try:
            text, said = told(reading.call()), ""
        except TransactiveError as error:
            text, said = told(error), reading.said
        else:
            assert not self.model.unnamed(who, text, PLACES, SOME), f"{reading.name} named to {who}: {text}"
        self.model.check(who, text, said, reading.name)

    # --- the hidden is absent -----------------------------------------------------------------------------------------

    def asks(self, who: Handle, pick: int) -> None:
        """Every verb that takes an id or a name answers about what may not be read as about what is not there."""
        handle, model, absent = self.world.handle(who), self.model, str(uuid.UUID(int=pick))
        for uid in some([uid for uid, place in model.tasks.items() if not model.sees(who, place)], pick):
            task = self.owner.tasks.get(uid)
            same(with_task(handle, task), with_task(handle, replace(task, uid=absent)), uid, absent)
        for uid in some([uid for uid, one in model.handoffs.items() if not model.holds(who, one)], pick):
            same(with_handoff(handle, uid), with_handoff(handle, absent), uid, absent)
        for uid in some([uid for uid, alert in model.alerts.items() if not model.gets(who, alert)], pick):
            same(with_alert(handle, uid), with_alert(handle, absent), uid, absent)
        memories = model.memories.values()
        for uid in some([m.uid for m in memories if not (model.live(m) and model.sees(who, m.place))], pick):
            same(with_memory(handle, uid), with_memory(handle, absent), uid, absent)
        self.asks_for_names(who, pick)

    def asks_for_names(self, who: Handle, pick: int) -> None:
        """The same of edges, entities and the keys of facts."""
        handle, model, absent = self.world.handle(who), self.model, str(uuid.UUID(int=pick))
        edges = [edge for edge in self.owner.graph.subgraph().edges if not model.sees(who, place_of(edge))]
        for edge in some(edges, pick):
            other = replace(edge, uid=absent)
            same(with_edge(handle, edge), with_edge(handle, other), edge.uid, absent)
        rows, spot = Rows.read(self.owner.path), PLACES[pick % len(PLACES)]
        known = {rows.names[number][1] for number in seen(model, rows, who).said}
        for type, name in some([ref for ref in NAMES if ref[1] not in known], pick):
            nobody = "nobody at all"
            same(with_name(handle, (type, name), spot), with_name(handle, (type, nobody), spot), name, nobody)
        facts = {(row["key"], row["namespace"]) for row in rows.facts}
        facts -= {(fact.key, fact.namespace) for fact in handle.facts.list(limit=MANY)}
        for key, place in some(sorted(facts), pick):
            same(with_key(handle, key, place), with_key(handle, "no key", place), key, "no key")


def same(here: Sequence[Call], there: Sequence[Call], name: str, other: str) -> None:
    """Each call has the same outcome as its twin, but for what was asked for."""
    for number, (one, two) in enumerate(zip(here, there, strict=True)):
        assert outcome(one, name) == outcome(two, other), f"attempt {number} at {name}"


def some(found: Sequence[T], pick: int) -> Sequence[T]:
    """One of several, if there is one."""
    return found[pick % len(found) :][:1] if found else []


def as_written(fact: Fact) -> tuple[str, int, object]:
    """What the ledger holds of a fact."""
    return fact.uid, fact.version, fact.value


def called(entities: Iterable[Entity]) -> Counter[frozenset[str]]:
    """Entities by their names."""
    return Counter(frozenset((entity.name, *entity.aliases)) for entity in entities)


def hangs_together(way: Path) -> bool:
    """Whether each edge of a way joins the entities at its sides."""
    steps = zip(way.edges, itertools.pairwise(way.entities), strict=True)
    return all({edge.source, edge.target} == {one.ref, two.ref} for edge, (one, two) in steps)


def is_message(event: Event) -> bool:
    """Whether it is of an alert or a handoff, which lies where many may read and is meant for few."""
    return event.type.startswith(("alert.", "handoff."))
