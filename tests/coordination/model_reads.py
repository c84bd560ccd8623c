"""Every verb that reads, and every verb that takes an id or a name; and all that an answer says, as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from tests.team.stores import START
from transactive import Agent, TransactiveError
from transactive.coordination.events import Follower
from transactive.records import Claim, Edge, Handoff, Subgraph, Task

T = TypeVar("T")
Call = Callable[[], object]
SOON = timedelta(milliseconds=1)
MANY = 10_000


@dataclass(frozen=True)
class Reading:
    """One call, and what its caller says itself in it."""

    name: str
    call: Call
    said: str = ""


def told(value: object) -> str:
    """All that a value says, in every form that it has."""
    return "\n".join(_told(value))


def _told(value: object) -> Iterator[str]:
    yield from (repr(value), str(value))
    if isinstance(value, Handoff):
        yield from (value.to_markdown(), value.to_html(), json.dumps(dict(value.to_dict())))
        yield from _told(value.package.graph)
    elif isinstance(value, Subgraph):
        yield from (value.to_json(), value.to_graphml(), value.to_mermaid())
        drawn = value.to_networkx()
        yield from (repr(list(drawn.nodes(data=True))), repr(list(drawn.edges(keys=True, data=True))))
    elif isinstance(value, BaseException):
        yield repr(vars(value))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _told(item)


def outcome(call: Call, *names: str) -> tuple[str, str]:
    """What a call returned or raised, without what it was asked for."""
    try:
        found: object = call()
        kind = "returned"
    except TransactiveError as error:
        found, kind = error, type(error).__name__
    text = told(found)
    for name in names:
        text = text.replace(name, "<it>")
    return kind, text


# --- reading ----------------------------------------------------------------------------------------------------------


def of_graph(handle: Agent, names: Sequence[tuple[str, str]]) -> Iterator[Reading]:
    """The verbs that read the graph, about these names."""
    graph = handle.graph
    yield Reading("graph.types", graph.types)
    for ref in names:
        said = f"{ref}"
        yield Reading("graph.get", partial(graph.get, ref), said)
        yield Reading("graph.get, by name", partial(graph.get, ref[1]), said)
        yield Reading("graph.edges", partial(graph.edges, ref, direction="out"), said)
        yield Reading("graph.neighbors", partial(graph.neighbors, ref), said)
        yield Reading("graph.traverse", partial(graph.traverse, ref, depth=3), said)
        yield Reading("graph.edges, as of", partial(graph.edges, ref, as_of=START), said)
        yield Reading("graph.mentions", partial(graph.mentions, ref), said)
        yield Reading("graph.path", partial(graph.path, names[0], ref, max_depth=20), f"{names[0]} {ref}")
        yield Reading("graph.subgraph, of two", partial(graph.subgraph, [names[0], ref]), f"{names[0]} {ref}")
        yield Reading("graph.traverse, in places", partial(graph.traverse, ref, namespaces=["prod/**"]), said)
        yield Reading("graph.path, in places", partial(graph.path, ref, ref, namespaces=["prod/**"]), said)
        yield Reading("recall, expanded", partial(handle.recall, f"about {ref[1]}", limit=2, expand="graph"))


def of_things(handle: Agent, edges: Iterable[str], memories: Iterable[str], tasks: Iterable[str]) -> Iterator[Reading]:
    """The verbs that read whatever there is, or the thing with an id."""
    yield Reading("graph.list", lambda: handle.graph.list(limit=MANY))
    yield Reading("graph.subgraph", handle.graph.subgraph)
    yield from (Reading("graph.history", partial(handle.graph.history, uid), uid) for uid in edges)
    yield from (Reading("graph.mentioned", partial(handle.graph.mentioned, uid), uid) for uid in memories)
    yield from (Reading("tasks.attempts", partial(handle.tasks.attempts, uid), uid) for uid in tasks)
    yield Reading("tasks.list", lambda: handle.tasks.list(limit=MANY))
    yield Reading("tasks.list, offered", lambda: handle.tasks.list(offered=True, limit=MANY))
    yield Reading("facts.list", lambda: handle.facts.list(limit=MANY))
    yield Reading("facts.follow", lambda: drained(handle.facts.follow(prefix="", after=None)))
    yield Reading("alerts.list", lambda: handle.alerts.list(acknowledged=None, limit=MANY))
    yield Reading("alerts.list, sent", lambda: handle.alerts.list(acknowledged=None, sent=True, limit=MANY))
    yield Reading("alerts.follow", lambda: drained(handle.alerts.follow(after=None)))
    yield Reading("events.list", lambda: handle.events.list(limit=MANY))
    yield Reading("events.follow", lambda: drained(handle.events.follow()))
    yield Reading("decisions.find", lambda: handle.decisions.find("what was decided?", limit=100))
    yield Reading("learnings.find", lambda: handle.learnings.find("what was learned?", limit=100))
    yield Reading("directory.list", handle.directory.list)
    yield Reading("ask", lambda: handle.ask("what is known?", min_similarity=0.0, limit=100))
    yield Reading("who_knows", lambda: handle.who_knows("what is known?", min_similarity=0.0, limit=100))


def of_handoffs(handle: Agent, uids: Iterable[str]) -> Iterator[Reading]:
    """The verbs that read handoffs, each by itself."""
    for uid in uids:
        yield Reading("handoffs.get", partial(handle.handoffs.get, uid), uid)
    for one in (*handle.handoffs.list(limit=1000), *drained(handle.handoffs.follow(after=None))):
        yield Reading("handoffs.list, follow", partial(_as_it_is, one), one.uid)


def _as_it_is(handoff: Handoff) -> Handoff:
    return handoff


def drained(follower: Follower[T]) -> list[T]:
    """What has happened so far."""
    with follower:
        return list(iter(lambda: follower.take() if follower.pull() else None, None))


# --- asking for one thing ---------------------------------------------------------------------------------------------


def with_task(handle: Agent, task: Task) -> list[Call]:
    """Every verb that takes a task."""
    uid = task.uid
    claim = Claim(task=task, token="made up", expires_at=task.created_at)
    return [
        lambda: handle.tasks.get(uid),
        lambda: handle.tasks.get(task),
        lambda: handle.tasks.attempts(uid),
        lambda: handle.tasks.claim(uid),
        lambda: handle.tasks.cancel(uid, reason="no"),
        lambda: handle.tasks.retry(uid),
        lambda: handle.tasks.renew(claim),
        lambda: handle.tasks.complete(claim, result=1),
        lambda: handle.tasks.fail(claim, reason="no"),
        lambda: handle.tasks.release(claim),
        lambda: handle.tasks.post("after it", needs=[uid], namespace=handle.namespace),
        lambda: handle.handoff(to="human:dana", task=uid),
        lambda: handle.escalate(claim, "why", to="human:dana"),
    ]


def with_handoff(handle: Agent, uid: str) -> list[Call]:
    """Every verb that takes a handoff."""
    return [
        lambda: handle.handoffs.get(uid),
        lambda: handle.handoffs.take(uid),
        lambda: handle.handoffs.resolve(uid, answer=1),
        lambda: handle.handoffs.wait(uid, timeout=SOON),
    ]


def with_alert(handle: Agent, uid: str) -> list[Call]:
    """Every verb that takes an alert."""
    return [lambda: handle.alerts.get(uid), lambda: handle.alerts.acknowledge(uid, note="seen")]


def with_edge(handle: Agent, edge: Edge) -> list[Call]:
    """Every verb that takes an edge."""
    return [
        lambda: handle.graph.history(edge.uid),
        lambda: handle.graph.history(edge),
        lambda: handle.graph.unlink(replace(edge, namespace=handle.namespace)),
        lambda: handle.graph.unlink(edge),
    ]


def with_memory(handle: Agent, uid: str) -> list[Call]:
    """Every verb beside those of memories that takes one."""
    return [
        lambda: handle.graph.mentioned(uid),
        lambda: handle.graph.extract([uid]),
        lambda: handle.graph.link(("person", "somebody"), "knows", ("person", "else"), sources=[uid]),
        lambda: handle.handoff(to="human:dana", include=[uid]),
        lambda: handle.decisions.record("so be it", derived_from=[uid], namespace=handle.namespace),
        lambda: handle.learnings.record("pattern", "so it is", supersedes=uid, namespace=handle.namespace),
    ]


def with_name(handle: Agent, ref: tuple[str, str], namespace: str) -> list[Call]:
    """Every verb that takes an entity and makes none."""
    graph = handle.graph
    here: tuple[str, str] = ("thing", "here")
    return [
        lambda: graph.get(ref),
        lambda: graph.get(ref[1]),
        lambda: graph.edges(ref),
        lambda: graph.neighbors(ref[1]),
        lambda: graph.traverse(ref),
        lambda: graph.path(here, ref),
        lambda: graph.path(ref, here),
        lambda: graph.subgraph([ref]),
        lambda: graph.mentions(ref),
        lambda: graph.unlink(ref, namespace=namespace),
        lambda: graph.unlink(here, "knows", ref, namespace=namespace),
        lambda: graph.remove(ref, namespace=namespace),
        lambda: graph.split(ref, namespace=namespace),
    ]


def with_key(handle: Agent, key: str, namespace: str) -> list[Call]:
    """Every verb that takes the key of a fact and sets none."""
    where: dict[str, Any] = {"namespace": namespace}
    return [
        lambda: handle.facts.get(key, **where),
        lambda: handle.facts.history(key, **where),
        lambda: handle.facts.list(prefix=key, namespaces=[namespace]),
        lambda: handle.facts.delete(key, **where),
        lambda: handle.facts.delete(key, expected_version=7, **where),
        lambda: handle.facts.set(key, 1, expected_version=7, **where),
        lambda: handle.facts.set(key, 1, expected_version=1, sensitivity="confidential", **where),
    ]
