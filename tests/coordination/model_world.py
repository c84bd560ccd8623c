"""A store and the model of it: what an agent tries is tried at the store, and noted in the model when it was done."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from tests.coordination.model import Model, Place, Told, place_of
from tests.coordination.model_graph import Rows
from tests.coordination.model_reads import told
from tests.team.model import OWNER, Granted, Handle
from tests.team.stores import START, Clock, opened
from transactive import Agent, Forgotten, Memory, Policy, TransactiveError
from transactive.records import Claim, Found, Handoff

T = TypeVar("T")
AGENTS = ("ana", "ben", "cleo")
USERS = (None, "cust_1", "cust_2")
PLACES = (
    "prod",
    "prod/support",
    "prod/support/triage",
    "prod/supportive",
    "prod/support-eu",  # sorts between "prod/support" and "prod/support/"
    "team/shared",
    "agents/ana",
    "agents/ben",
)
NAMES = (
    ("company", "acme zn1x"),
    ("company", "acme zn1x labs zn2x"),  # holds the first
    ("person", "dana zn3x"),
    ("person", "dora zn4x"),
    ("product", "widget zn5x"),
    ("tool", "widget zn5x"),  # the same name, of another type
)
TYPES = ("works_at", "part_of", "relates_to")
TEXTS = ("Check the invoice of the customer once more", "Restart the queue of the workers in the cluster")


def names_in(text: str) -> list[Found]:
    """The names that a text holds, and that each is related to the next one."""
    held = [ref for ref in NAMES if ref[1] in text]
    pairs = [Found(source=one, type="relates_to", target=other) for one, other in itertools.pairwise(held)]
    return [*(Found(source=ref) for ref in held), *pairs]


class World:
    """A team at work."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.team = opened(clock=self.clock, graph_extractor=names_in)
        self.model = Model(START)
        self.model.grants.append(Granted("*", "team/shared", frozenset({"read", "write"}), "internal", None, None))
        self.claims: list[tuple[Handle, Claim]] = []
        self.forgets: list[str] = []

    def handle(self, who: Handle) -> Agent:
        """What an agent holds."""
        return self.team if who.agent == OWNER else self.team.agent(who.agent, user=who.user)

    def tried(self, who: Handle, call: Callable[[Agent], T], said: str = "", allowed: bool | None = None) -> T | None:
        """What an agent's call returned; None when it was refused. `allowed` says which, where that is known.

        Neither answer may tell the agent more than it may know and has said itself.
        """
        try:
            done = call(self.handle(who))
        except TransactiveError as error:
            refused = error
        else:
            assert allowed is not False, f"{who} may not do that, and got {done!r}"
            return self.checked(who, done, said)
        assert not allowed, f"{who} may do that, and got {type(refused).__name__}: {refused}"
        self.model.check(who, told(refused), said, "an error")
        return None

    def checked(self, who: Handle, done: T, said: str) -> T:
        """What a write returned, which holds nothing that the agent may not know."""
        new = getattr(done, "uid", None)
        new = None if new in self.model.places else new
        self.learn()
        reader = who if not isinstance(done, Handoff) else narrowed(who, done)
        self.model.check(reader, told(done), f"{said} {new}", "a write")
        return done

    def learn(self) -> None:
        """Note where the entities and edges are that came about."""
        for uid, place in Rows.read(self.team.path).places():
            self.model.put(uid, place)

    # --- who may do what ----------------------------------------------------------------------------------------------

    def grant(self, asked: Granted) -> None:
        """The owner allows something."""
        span = {"valid_from": asked.start, "valid_until": asked.end}
        rights: list[Any] = sorted(asked.rights)
        level: Any = asked.clearance
        self.team.grant(asked.principal, asked.pattern, *rights, clearance=level, **span)
        self.model.grants.append(asked)

    def revoke(self, pick: int, rights: Sequence[Any]) -> None:
        """The owner takes rights back."""
        if self.model.grants:
            one = self.model.grants[pick % len(self.model.grants)]
            touched = self.model.revoke(one.principal, one.pattern, rights)
            assert self.team.revoke(one.principal, one.pattern, *rights) == touched

    def group(self, name: str, members: set[str]) -> None:
        """The owner sets a group."""
        self.team.groups.set(name, sorted(members))
        self.model.groups[name] = members

    def configure(self, pattern: str, advertise: bool, extract: bool) -> None:
        """The owner sets a policy."""
        self.team.namespaces.configure(pattern, Policy(advertise=advertise, extract_graph=extract))
        self.model.advertising[pattern] = advertise

    def wait(self, hours: int) -> None:
        """Time passes."""
        self.clock.advance(timedelta(hours=hours))
        self.model.now = self.clock.now

    def may_write(self, who: Handle, place: Place, *rights: str) -> bool:
        """Whether a handle may put something in a place."""
        mine = who.user is None or place.user in {None, who.user}
        return mine and all(self.model.may(who, right, place.namespace) for right in ("write", *rights))

    def lands(self, who: Handle, place: Place) -> Place:
        """Where something lies that a handle puts in a place."""
        return Place(place.namespace, place.user or who.user, place.level)

    # --- memories -----------------------------------------------------------------------------------------------------

    def remember(self, who: Handle, place: Place, names: Sequence[tuple[str, str]], ttl: int | None) -> None:
        """An agent remembers something that names some entities."""
        text = f"note {self.model.secret()} of {' and '.join(name for _, name in names) or 'nobody'}"
        kept = None if ttl is None else timedelta(days=ttl)

        def call(handle: Agent) -> Memory:
            session = f"of {self.lands(who, place).user}"  # a session has one user
            return handle.remember(text, kind="episodic", importance=0.5, ttl=kept, session=session, **where(place))

        memory = self.tried(who, call, text, self.may_write(who, place))
        if memory is not None:
            self.keep(memory)

    def decide(self, who: Handle, place: Place, name: tuple[str, str], learn: bool) -> None:
        """An agent records a decision, or a learning."""
        what, why = f"we take {self.model.secret()} for {name[1]}", f"because {self.model.secret()}"

        def call(handle: Agent) -> Memory:
            if learn:
                return handle.learnings.record("failure", what, context=why, **where(place)).memory
            return handle.decisions.record(what, why=why, alternatives=[f"or {why}"], **where(place)).memory

        memory = self.tried(who, call, what + why, self.may_write(who, place))
        if memory is not None:
            self.keep(memory)

    def keep(self, memory: Memory) -> None:
        """Note a memory."""
        texts = [memory.text]
        self.model.remember(Told(memory.uid, memory.agent, place_of(memory), texts, memory.expires_at))

    def revise(self, who: Handle, pick: int, name: tuple[str, str]) -> None:
        """An agent revises a memory."""
        memory = picked(list(self.model.memories.values()), pick)
        text = f"note {self.model.secret()} of {name[1]}"
        if memory is None:
            return
        if self.tried(who, lambda handle: handle.revise(memory.uid, text=text), text + memory.uid) is not None:
            memory.texts.append(text)
            self.model.remember(memory)

    def forget(self, who: Handle, pick: int) -> None:
        """An agent forgets a memory."""
        memory = picked(list(self.model.memories.values()), pick)
        if memory is None:
            return

        def call(handle: Agent) -> Forgotten:
            done = handle.forget(memory.uid)
            self.model.put(str(done.id), memory.place)
            return done

        done = self.tried(who, call, memory.uid)
        if done is not None:
            memory.forgotten = done.id
            self.forgets.append(str(done.id))

    def undo(self, pick: int) -> None:
        """The owner brings back what was forgotten."""
        forget_id = picked(self.forgets, pick)
        if forget_id is not None:
            self.forgets.remove(forget_id)
            self.team.undo(forget_id)
            for memory in self.model.memories.values():
                memory.forgotten = None if memory.forgotten == forget_id else memory.forgotten

    # --- the graph ----------------------------------------------------------------------------------------------------

    def link(
        self, who: Handle, place: Place, ends: tuple[Any, Any], type: str, days: tuple[Any, Any], uid: str
    ) -> None:
        """An agent connects two entities."""
        said = {"said": f"link {self.model.secret()}"}
        since, until = (None if day is None else START + timedelta(days=day) for day in days)
        sources = [uid] if uid and self.model.sees(who, self.model.memories[uid].place) else []
        linked = self.tried(
            who,
            lambda handle: handle.graph.link(
                ends[0],
                type,
                ends[1],
                metadata=said,
                valid_from=since,
                valid_until=until,
                sources=sources,
                **where(place),
            ),
            f"{said} {ends} {uid}",
            None if self.may_write(who, place, "read") else False,
        )
        if linked is not None:
            self.model.say_at(f"{said} {ends}", self.lands(who, place))

    def add(self, who: Handle, place: Place, ref: tuple[str, str], alias: str | None) -> None:
        """An agent states an entity."""
        said = {"said": f"add {self.model.secret()}"}
        aliases = [] if alias is None else [alias]
        allowed = None if self.may_write(who, place, "read") else False
        added = self.tried(
            who,
            lambda handle: handle.graph.add(ref, aliases=aliases, metadata=said, **where(place)),
            f"{said} {ref} {alias}",
            allowed,
        )
        if added is not None:
            self.model.say_at(f"{said} {ref} {alias}", self.lands(who, place))

    def join(self, who: Handle, namespace: str, ends: tuple[Any, Any], apart: bool) -> None:
        """An agent says that two names mean the same, or that they do not."""
        if apart:
            self.tried(who, lambda handle: handle.graph.split(ends[0], namespace=namespace), f"{ends}")
        elif self.tried(who, lambda handle: handle.graph.merge(*ends, namespace=namespace), f"{ends}"):
            self.model.say_at(f"{ends}", Place(namespace, who.user, "internal"))

    def unlink(self, who: Handle, namespace: str, ref: tuple[str, str], remove: bool) -> None:
        """An agent ends the edges of an entity, or deletes it."""
        if remove:
            self.tried(who, lambda handle: handle.graph.remove(ref, namespace=namespace), f"{ref}")
        else:
            self.tried(who, lambda handle: handle.graph.unlink(ref, namespace=namespace), f"{ref}")

    def extract(self, who: Handle, pick: int) -> None:
        """An agent takes the names of a memory into the graph."""
        memory = picked(list(self.model.memories.values()), pick)
        if memory is not None:
            self.tried(who, lambda handle: handle.graph.extract([memory.uid]), memory.uid)


def narrowed(who: Handle, handoff: Handoff) -> Handle:
    """A handle as it looks at a handoff: at one about a user, as if it were bound to that user."""
    return Handle(who.agent, who.user or handoff.user)


def picked(several: Sequence[T], pick: int) -> T | None:
    """One of several, if there is one."""
    return several[pick % len(several)] if several else None


def where(place: Place) -> dict[str, Any]:
    """A place as keywords of a verb that writes."""
    return {"namespace": place.namespace, "user": place.user, "sensitivity": place.level}


def lands_at(place: Place) -> tuple[str, str]:
    """Namespace and sensitivity."""
    return place.namespace, place.level
