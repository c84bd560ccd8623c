"""What belongs into a package: chosen once, as ids; and filled at every look, by the rights of who looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, or_

from transactive.coordination.noting import to_decision, to_learning
from transactive.errors import AccessDenied
from transactive.graph.classes import Classes
from transactive.graph.walking import Walk, Walked
from transactive.ledger import graph, memories, placed, sessions
from transactive.ledger import tasks as task_ledger
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema_coordination import tasks as task_table
from transactive.paths.placing import Placing
from transactive.paths.question import question
from transactive.paths.reading import Reading
from transactive.paths.recall import Recalling
from transactive.paths.recipients import HUMAN
from transactive.records import Handoff, Memory, Package, Subgraph, Task
from transactive.rules import fitting, naming
from transactive.rules.access import Identity, Reach, Rule, in_force, reach
from transactive.rules.relevance import is_about

MEMORIES, DECISIONS, LEARNINGS, TASKS, TURNS, NAMES = 20, 5, 5, 20, 100, 30
ENDED = task_ledger.ENDED


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What a handoff is about."""

    to: str
    task: Task | None
    query: str | None
    include: Sequence[str]
    session: str | None
    user: str | None


class Packing:
    """Makes packages."""

    def __init__(self, placing: Placing, reading: Reading, recalling: Recalling) -> None:
        self._placing = placing
        self._store = placing.store
        self._reading = reading
        self._recalling = recalling

    # --- choosing -------------------------------------------------------------------------------------------------

    def choose(self, identity: Identity, chosen: Chosen) -> dict[str, Any]:
        """What to hand over: what was asked for, and what both sides may read and is about it."""
        given = [self._reading.get(identity, id) for id in chosen.include]
        with self._placing.reading(identity) as (_, own):
            theirs = self._theirs(chosen.to, own)
        if chosen.user is not None:
            theirs = replace(theirs, identity=replace(theirs.identity, user=chosen.user))
        hidden = next((memory for memory in given if not theirs.sees(memory)), None)
        if hidden is not None:
            raise AccessDenied(
                f"{chosen.to!r} may not read memory {hidden.id!r:.100} in {hidden.namespace!r}: publish or promote it "
                "to where it may, or say in notes= what it needs to know; nothing was handed over"
            )
        about = replace(identity, user=chosen.user)
        found = {
            kind: [memory for memory in self._about(about, chosen.query, kind, most) if theirs.sees(memory)]
            for kind, most in (("other", MEMORIES), ("decision", DECISIONS), ("learning", LEARNINGS))
        }
        kept = list({memory.uid: memory for memory in [*given, *found["other"]]}.values())
        with self._placing.reading(about) as (connection, allowed):
            names = self._names(connection, kept, chosen)
            tasks = [row.uid for row in self._around(connection, allowed, chosen)]
        return {
            "memories": [memory.uid for memory in kept],
            "decisions": [memory.uid for memory in found["decision"]],
            "learnings": [memory.uid for memory in found["learning"]],
            "tasks": tasks,
            "names": names,
        }

    def _theirs(self, to: str, own: Reach) -> Reach:
        """What the one who takes over may read; people read what whoever shows it to them may."""
        if to.startswith(HUMAN):
            return own
        tables, now = self._store.latest, self._store.clock()
        if not to.startswith("group:"):
            return reach(Identity(to), tables.grants, tables.groups, now, tables.ceilings)
        held = [g for g in tables.grants if g.principal in {to, "*"} and in_force(g, now)]
        rules = tuple(Rule(grant.pattern, grant.rights, grant.clearance) for grant in held)
        return Reach(Identity(to), rules, tables.ceilings)

    def _about(self, identity: Identity, query: str | None, kind: str, most: int) -> list[Memory]:
        if query is None:
            return []
        others = ["episodic", "semantic", "procedural", "working", "document"]
        asked = question(
            identity,
            query,
            embedder=self._store.encoders.embedder,
            degrade="text",
            limit=most,
            kinds=others if kind == "other" else [kind],
        )
        return [hit.memory for hit in self._recalling.recall(identity, asked, widen=_unchanged) if is_about(hit, query)]

    def _names(self, connection: Connection, kept: Sequence[Memory], chosen: Chosen) -> list[int]:
        """The entities that the memories and the task name, those of most memories first."""
        counts: dict[int, int] = {}
        for mentioned in graph.mentioned_by(connection, [memory.uid for memory in kept]).values():
            for name, _ in mentioned:
                counts[name] = counts.get(name, 0) + 1
        if chosen.query is not None:
            known = graph.of_keys(connection, [key for key, *_ in naming.phrases(chosen.query)])
            counts.update({name: len(kept) + 1 for names in known.values() for name in names})
        return sorted(counts, key=lambda name: (-counts[name], name))[:NAMES]

    def _around(self, connection: Connection, allowed: Reach, chosen: Chosen) -> list[AnyRow]:
        """Open tasks of the same session, or about the same user, or that the task needs or that need it."""
        t = task_table.c
        ties = []
        if chosen.session is not None:
            ties.append(t.session == chosen.session)
        if chosen.user is not None:
            ties.append(t.user == chosen.user)
        if chosen.task is not None:
            ties.append(task_ledger.tied(chosen.task.uid))
        if not ties:
            return []
        own = [] if chosen.task is None else [t.uid != chosen.task.uid]
        where = and_(placed.readable(allowed, task_table), t.status.not_in(ENDED), or_(*ties), *own)
        return task_ledger.matching(connection, where, limit=TASKS)

    # --- filling --------------------------------------------------------------------------------------------------

    def filled(
        self, connection: Connection, allowed: Reach, bare: Handoff, task: str | None, contents: Mapping[str, Any]
    ) -> Handoff:
        """A handoff with what of its package the reader may read, as much as the budget holds."""
        mine = allowed if bare.user is None else replace(allowed, identity=replace(allowed.identity, user=bare.user))
        read = {
            name: self._memories(connection, mine, contents.get(name, ()))
            for name in ("memories", "decisions", "learnings")
        }
        rows = self._tasks(connection, mine, [*contents.get("tasks", ()), *([] if task is None else [task])])
        main = rows.pop(task, None) if task is not None else None
        whole = Package(
            task=next(iter(self._shown(connection, mine, [] if main is None else [main])), None),
            attempts=() if main is None else tuple(task_ledger.history(connection, main.uid)),
            memories=tuple(read["memories"]),
            decisions=tuple(map(to_decision, read["decisions"])),
            learnings=tuple(map(to_learning, read["learnings"])),
            tasks=tuple(self._shown(connection, mine, [row for row in rows.values() if row.status not in ENDED])),
            transcript=tuple(self._transcript(connection, mine, bare.session)),
            graph=self._graph(connection, mine, contents.get("names", ())),
        )
        return fitting.fitted(replace(bare, package=whole), int(contents["budget"]), self._store.count_tokens)

    def _memories(self, connection: Connection, allowed: Reach, uids: Sequence[str]) -> list[Memory]:
        rows = memories.by_uids(connection, uids)
        now = self._store.clock()
        found = (rows[uid] for uid in uids if uid in rows)
        read = [memories.to_memory(row) for row in found if memories.is_live(row, now)]
        return [memory for memory in read if not memory.superseded and allowed.sees(memory)]

    def _tasks(self, connection: Connection, allowed: Reach, uids: Sequence[str]) -> dict[str, AnyRow]:
        rows = placed.by_uids(connection, task_table, uids, placed.readable(allowed, task_table))
        return {uid: rows[uid] for uid in uids if uid in rows}

    def _shown(self, connection: Connection, allowed: Reach, rows: Sequence[AnyRow]) -> list[Task]:
        return task_ledger.to_tasks(connection, rows, placed.readable(allowed, task_table), self._store.clock())

    def _transcript(self, connection: Connection, allowed: Reach, session: str | None) -> list[Memory]:
        if session is None:
            return []
        return sessions.transcript(connection, session, allowed.condition(), self._store.clock())[-TURNS:]

    def _graph(self, connection: Connection, allowed: Reach, names: Iterable[int]) -> Subgraph:
        now = self._store.clock()
        walk = Walk(self._store, connection, graph.View(reach=allowed, now=now, at=now))
        classes = Classes()
        walk.close(names, classes)
        if not any(True for _ in classes):
            return Subgraph()
        walked: Walked = walk.walk(
            sorted(classes), depth=1, limit=2 * NAMES, fan_out=10, direction="both", classes=classes
        )
        entities = walk.entities(classes, walked.depths)
        edges = walk.standing(walked.edges, entities)
        ends = {end for edge in edges for end in (edge.source, edge.target)}
        shown = {entity.uid: entity for entity in entities.values() if entity.ref in ends}
        return Subgraph(entities=tuple(shown.values()), edges=tuple(edges), truncated=walked.truncated)


def _unchanged(reach: Reach) -> Reach:
    """To choose what to hand over is no use of it."""
    return reach
