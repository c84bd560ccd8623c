"""Random verbs in the name of random agents, access and time included, against a model in plain Python.

Each step is one verb, and afterwards the store must be what the model is: to the owner in every field of every memory,
to one of the agents in every reading verb. Ten thousand steps in all, in stores that are renewed now and then.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.team.model import (
    LEVELS,
    OWNER,
    SHARED,
    Chooser,
    Errors,
    Granted,
    Handle,
    Item,
    Memories,
    New,
    Sitting,
    Version,
    differences,
)
from tests.team.stores import texts
from transactive import Agent, Memory, NewMemory, Policy, Session, TeamMemory
from transactive.errors import AccessDenied, NotFound, SessionClosed, TransactiveError, VersionConflict
from transactive.testing import Clock, HashEmbedder

SEEDS = range(20)
STEPS = 500
AGENTS = ("ana", "ben", "cleo")
USERS = (None, None, None, None, "cust_1", "cust_2")
HANDLES = tuple(Handle(agent, user) for agent in AGENTS for user in USERS)
PLACES = (SHARED, "prod", "prod/support", "agents/ana", "agents/ben")
PATTERNS = (*PLACES, "prod/*", "prod/**", "agents/*", "**")
PRINCIPALS = (*AGENTS, "group:red", "group:blue", "*")
RIGHTS = ("read", "write", "verify", "admin")
LIKELY_LEVELS = ("internal",) * 7 + LEVELS
KINDS = (*("semantic",) * 6, "procedural", "episodic", "decision", None)
TAGS = ("urgent", "billing", "later")
SOURCES = (None, None, "call", "mail")
SESSIONS = tuple(f"ticket-{n}" for n in range(6))
FACETS = ("namespace", "agent", "user", "session", "kind", "sensitivity", "tags")
GOVERNED = (*PLACES, "prod/**", "agents/*", "**")
WORD = "harbour"


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


class Machine:
    """A store and the model of it, changed side by side."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.clock = Clock()
        options: dict[str, Any] = {"embedder": HashEmbedder(16), "background": False, "progress": False}
        self.team = TeamMemory.open(":memory:", clock=self.clock, **options)
        self.model = Memories(self.clock.now)
        self.model.answered = lambda: {memory.uid: memory for memory in self.listed()}
        self.model.grants.append(Granted("*", SHARED, frozenset({"read", "write"}), "internal", None, None))
        self.forgets: list[str] = []
        self.sittings: dict[str, Session] = {}
        self.told = 0
        self.verb = ""
        self.team.namespaces.configure("**", Policy(decay="none"))  # retention is then importance alone
        for _ in range(8):
            self.grant()

    def door(self, who: Handle) -> Agent:
        return self.team if who.agent == OWNER else self.team.agent(who.agent, user=who.user)

    # --- what chance decides ------------------------------------------------------------------------------------------

    def who(self) -> Handle:
        return Handle(OWNER) if self.chance(0.15) else self.random.choice(HANDLES)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def place(self, who: Handle) -> str:
        own = f"agents/{who.agent}"
        return self.random.choice([*PLACES, *(SHARED,) * 5, own if own in PLACES else SHARED])

    def text(self) -> str:
        """Mostly something that was said before, perhaps in another spelling."""
        self.told += self.chance(0.15)
        number = self.random.randint(max(0, self.told - 5), self.told)
        text = f"boat {number} lies in the {WORD}"
        return self.random.choice([text, text, text.upper(), f"  {text}.", text.replace("the ", "")])

    def importance(self) -> float | None:
        return self.random.choice([None, round(self.random.random(), 6), round(self.random.random(), 6)])

    def item(self, who: Handle | None = None) -> Item | None:
        """A memory, mostly one that somebody can read."""
        items = list(self.model.items.values())
        seen = self.model.readable(who) if who is not None and self.chance(0.9) else items
        return self.random.choice(seen) if seen else None

    def new(self, who: Handle) -> New:
        derived = self.item(who) if self.chance(0.1) else None
        return New(
            text=self.text(),
            namespace=self.place(who),
            kind=self.random.choice(KINDS),
            user=self.random.choice(USERS) if who.user is None or self.chance(0.1) else None,
            sensitivity=self.random.choice(LIKELY_LEVELS),
            tags=tuple(self.random.sample(TAGS, self.random.choice([0, 0, 0, 1, 2]))),
            session=self.random.choice(SESSIONS) if self.chance(0.15) else None,
            source=self.random.choice(SOURCES),
            verified=self.chance(0.1),
            importance=self.importance(),
            ttl=self.random.choice([hours(1), hours(30)]) if self.chance(0.1) else None,
            derived_from=() if derived is None else (derived.uid,),
        )

    # --- writing ------------------------------------------------------------------------------------------------------

    def tried(self, call: Callable[[], Any], why: Errors) -> Any:
        """What a call returns; where the model refuses it, None, after the store has refused it too."""
        if not why:
            return call()
        with pytest.raises(TransactiveError) as refused:
            call()
        assert refused.type in why, (refused.value, why)
        return None

    def remember(self) -> None:
        who = self.who()
        new = self.new(who)
        if self.chance(0.08):
            former = self.item(who)
            if former is not None:
                new = replace(new, supersedes=(former.uid,), namespace=former.namespace, user=former.user)
        fields = new.fields()
        if new.namespace == SHARED and self.chance(0.5):
            del fields["namespace"]
            memory = self.tried(lambda: self.door(who).publish(new.text, **fields), self.model.refuses(who, new))
        else:
            memory = self.tried(lambda: self.door(who).remember(new.text, **fields), self.model.refuses(who, new))
        self.took(who, [new], [] if memory is None else [memory])

    def remember_many(self) -> None:
        who = self.who()
        first, second = self.new(who), self.new(who)
        items = self.random.choice([[first, second], [first, first], [first, second, second]])
        why: Errors = set().union(*(self.model.refuses(who, new) for new in items))
        users = {new.session: {i.user or who.user for i in items if i.session == new.session} for new in items}
        if any(len(some - {None}) > 1 for session, some in users.items() if session is not None):
            why.add(AccessDenied)
        batch = [NewMemory(text=new.text, **new.fields()) for new in items]
        written = self.tried(lambda: self.door(who).remember_many(batch), why)
        self.took(who, items, written or [])

    def took(self, who: Handle, items: Sequence[New], written: Sequence[Memory]) -> None:
        own: list[str] = []
        for new, memory in zip(items, written, strict=False):
            assert 0 <= memory.importance <= 1
            importance = memory.importance if new.importance is None else new.importance
            first = memory.uid not in self.model.items
            self.model.remember(who, new, memory.uid, importance, own)
            own += [memory.uid] if first else []
        for memory in written:
            self.model.by_policy(who, self.model.items[memory.uid])

    def promote(self) -> None:
        who = self.who()
        item = self.item(who)
        if item is None:
            return
        to = self.random.choice([SHARED, SHARED, *PLACES])
        options = {} if to == SHARED and self.chance(0.5) else {"to": to}
        why = self.model.refuses_promotion(who, item, to)
        for _ in range(self.random.choice([1, 1, 2])):
            memory = self.tried(lambda: self.door(who).promote(item.uid, **options), why)
            if memory is not None:
                self.model.promote(who, item, to, memory.uid)

    def correct(self) -> None:
        who = self.who()
        item = self.item(who)
        if item is None:
            return
        new = New(
            text=self.text(),
            namespace=item.namespace,
            kind=item.kind,
            user=item.user,
            sensitivity=item.sensitivity,
            tags=item.now.tags,
            verified=self.chance(0.2),
            importance=item.now.importance,
            supersedes=(item.uid,),
        )
        why = self.model.refuses(who, new)
        if who.user is not None and item.user is None:
            why.add(AccessDenied)
        memory = self.tried(lambda: self.door(who).correct(item.uid, new.text, verified=new.verified), why)
        self.took(who, [new], [] if memory is None else [memory])

    def verify(self) -> None:
        who = self.who()
        item = self.item(who)
        if item is None:
            return
        why: Errors = set() if self.model.sees(who, item) else {NotFound}
        if not self.model.may(who, "verify", item.namespace):
            why.add(AccessDenied)
        if item.now.verified_by is None and not self.model.below_ceiling(item):
            why.add(AccessDenied)
        if self.tried(lambda: self.door(who).verify(item.uid), why) is not None:
            self.model.verify(who, item)

    def revise(self) -> None:
        who = self.who()
        item = self.item(who)
        if item is None:
            return
        text, importance = self.random.choice([(self.text(), None), (None, round(self.random.random(), 6))])
        expected = len(item.versions) + self.random.choice([0, 0, 0, 1])
        why: Errors = set() if self.model.sees(who, item) else {NotFound}
        if not self.model.changes(who, item):
            why.add(AccessDenied)
        if expected != len(item.versions):
            why.add(VersionConflict)
        options: dict[str, Any] = {"text": text, "importance": importance, "expected_version": expected}
        if self.tried(lambda: self.door(who).revise(item.uid, **options), why) is not None:
            self.model.revise(who, item, text=text, importance=importance)

    # --- forgetting ---------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        who, derived = self.who(), self.chance(0.2)
        item = self.item(who)
        if item is None:
            return
        why: Errors = set() if self.model.sees(who, item) else {NotFound}
        if not self.model.changes(who, item):
            why.add(AccessDenied)
        taken = [] if why else [item, *self.model.following(who, [item], derived=derived)]
        shown = self.tried(lambda: self.door(who).forget(item.uid, derived=derived, dry_run=True), why)
        forgotten = self.tried(lambda: self.door(who).forget(item.uid, derived=derived), why)
        self.forgot(taken, shown, forgotten)

    def forget_where(self) -> None:
        who, derived = self.who(), self.chance(0.2)
        where, fulfils = self.where(who)
        chosen = [item for item in self.model.readable(who) if fulfils(item) and self.model.changes(who, item)]
        taken = [*chosen, *self.model.following(who, chosen, derived=derived)]
        sayings = self.model.sayings(who, taken, fulfils)
        shown = self.door(who).forget(where=where, derived=derived, dry_run=True)
        forgotten = self.door(who).forget(where=where, derived=derived)
        assert (shown.withdrawn, forgotten.withdrawn) == (len(sayings), len(sayings))
        self.model.take_back(sayings, str(forgotten.id))
        self.forgot(taken, shown, forgotten)
        self.model.succeed(taken, fulfils)

    def where(self, who: Handle) -> tuple[dict[str, Any], Chooser]:
        place, kind, user = self.place(who), self.random.choice(KINDS[5:9]), self.random.choice(USERS)
        agent, tag = self.random.choice([*AGENTS, who.agent]), self.random.choice(TAGS)
        wheres: list[tuple[dict[str, Any], Chooser]] = [
            ({"namespace": place, "kind": kind}, lambda i: (i.namespace, i.kind) == (place, kind)),
            ({"user": user, "sensitivity": "public"}, lambda i: (i.user, i.sensitivity) == (user, "public")),
            ({"importance": {"$lt": 0.1}}, lambda i: i.now.importance < 0.1),
            ({"superseded": True, "namespace": place}, lambda i: i.superseded_by is not None and i.namespace == place),
            ({"agent": agent, "namespace": place}, lambda i: (i.agent, i.namespace) == (agent, place)),
            ({"agent": agent, "tags": tag}, lambda i: i.agent == agent and tag in i.now.tags),
            ({"tags": tag, "namespace": place}, lambda i: tag in i.now.tags and i.namespace == place),
        ]
        return self.random.choice(wheres)

    def forgot(self, taken: list[Item], shown: Any, forgotten: Any) -> None:
        if forgotten is not None:
            assert (shown.count, forgotten.count) == (len(taken), len(taken))
            assert {memory.uid for memory in forgotten.sample} <= {item.uid for item in taken}
            self.model.forget(taken, forgotten.id)
            self.forgets.append(forgotten.id)

    def undo(self) -> None:
        if not self.forgets:
            return
        who, forget_id = self.who(), self.random.choice(self.forgets[-6:])
        if self.chance(0.5):
            who = Handle(OWNER)
        back = self.model.undone(who, forget_id)
        again = self.model.taken_back(who, forget_id)
        number = self.tried(lambda: self.door(who).undo(forget_id), set() if back or again else {NotFound})
        if back or again:
            assert number == len(back)
            self.model.undo(back, again)

    # --- sessions -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        who, id, user = self.who(), self.random.choice(SESSIONS), self.random.choice(USERS)
        if who.agent == OWNER:
            return
        about, session, why = user or who.user, self.model.sessions.get(id), set[type[Exception]]()
        if user is not None and who.user not in {None, user}:
            why.add(AccessDenied)
        if session is not None:
            if session.ended:
                why.add(SessionClosed)
            if session.agent != who.agent or (None not in (session.user, about) and session.user != about):
                why.add(AccessDenied)
        begun = self.tried(lambda: self.door(who).session(id, user=user), why)
        if begun is not None:
            self.model.sessions.setdefault(id, Sitting(who.agent, about))
            self.sittings[id] = begun

    def speak(self) -> None:
        """Within a session, whoever began it."""
        if not self.sittings:
            return
        id = self.random.choice(list(self.sittings))
        session = self.sittings[id]
        new = New(text=self.text(), namespace=session.namespace, user=session.user, session=id, importance=0.4)
        who = Handle(session.name, session.user)
        memory = self.tried(lambda: session.remember(new.text, importance=0.4), self.model.refuses(who, new))
        self.took(who, [new], [] if memory is None else [memory])

    def end(self) -> None:
        if not self.sittings:
            return
        id = self.random.choice(list(self.sittings))
        session, sitting = self.sittings[id], self.model.sessions.get(id)
        mine = sitting is not None and sitting.agent == session.name and sitting.user in {None, session.user}
        mine = mine or (sitting is not None and sitting.agent == session.name and session.user is None)
        if self.tried(session.end, set() if mine else {NotFound}) is not None:
            assert sitting is not None
            sitting.ended = True
            assert sitting.ended == session.info.closed

    # --- governing ----------------------------------------------------------------------------------------------------

    def grant(self) -> None:
        principal, pattern = self.random.choice(PRINCIPALS), self.random.choice(PATTERNS)
        rights = self.random.sample(RIGHTS, self.random.randint(1, 4))
        if "admin" in rights and "write" not in rights:
            rights.append("write")
        level: Any = self.random.choice(LEVELS)
        start = self.clock.now + hours(self.random.choice([-1, 5])) if self.chance(0.2) else None
        end = self.clock.now + hours(self.random.choice([6, 48])) if self.chance(0.3) else None
        chosen: Any = rights
        self.team.grant(principal, pattern, *chosen, clearance=level, valid_from=start, valid_until=end)
        self.model.grants.append(Granted(principal, pattern, frozenset(rights), level, start, end))

    def revoke(self) -> None:
        if len(self.model.grants) < 4:
            return
        one = self.random.choice(self.model.grants)
        rights: Any = self.random.sample(RIGHTS, self.random.choice([0, 0, 1, 2]))
        if "write" in rights and "admin" not in rights:
            rights.append("admin")
        touched = self.team.revoke(one.principal, one.pattern, *rights)
        assert touched == self.model.revoke(one.principal, one.pattern, rights)

    def group(self) -> None:
        name, members = self.random.choice(["red", "blue"]), self.random.sample(AGENTS, self.random.randint(0, 2))
        self.team.groups.set(name, members)
        self.model.groups[name] = set(members)

    def configure(self) -> None:
        pattern = self.random.choice(GOVERNED)
        fields: dict[str, Any] = {
            "ttl": self.random.choice([hours(2), hours(50)]),
            "max_memories": self.random.randint(3, 12),
            "verified_only": self.random.choice(["hold", "refuse", "off"]),
            "max_sensitivity": self.random.choice(LEVELS),
            "purge_after": self.random.choice([hours(3), hours(72)]),
            "reinforce": self.chance(0.5),
            "promote_at": self.random.choice([0.5, 0.9]),
            "promote_to": self.random.choice([SHARED, "prod"]),
        }
        kept = dict(self.random.sample(sorted(fields.items()), self.random.choice([0, 0, 1, 1, 2])))
        if pattern == "**":
            kept = {name: value for name, value in kept.items() if name in {"purge_after", "promote_at"}}
        self.team.namespaces.configure(pattern, Policy(**kept, decay="none") if pattern == "**" else Policy(**kept))
        self.model.policies[pattern] = kept

    # --- time and upkeep ----------------------------------------------------------------------------------------------

    def wait(self) -> None:
        self.clock.advance(hours(self.random.choice([0.5, 1, 6, 24])))
        if self.chance(0.02):
            self.clock.advance(hours(31 * 24))

    def maintain(self) -> None:
        done = self.team.maintain(build=False)
        assert done.expired == self.model.expire()
        excess = self.model.excess()
        assert done.evicted == sum(excess.values())
        kept = {memory.uid for memory in self.listed()}
        for place, number in excess.items():
            held = [i for i in self.model.items.values() if i.namespace == place and self.model.live(i)]
            gone = [item for item in held if item.uid not in kept]
            assert len(gone) == number, f"{place} holds {len(held)}, and {len(gone)} went instead of {number}"
            left = [item.now.importance for item in held if item.uid in kept]
            assert not left or max(item.now.importance for item in gone) <= min(left)
            for item in gone:
                item.forgotten = self.clock.now
        assert done.purged == self.model.purge()

    def erase(self) -> None:
        user = self.random.choice(["cust_1", "cust_2"])
        assert self.team.erase(user=user).memories == self.model.erase(user)
        self.sittings = {id: sitting for id, sitting in self.sittings.items() if id in self.model.sessions}

    # --- looking ------------------------------------------------------------------------------------------------------

    def listed(self) -> list[Memory]:
        return list(self.team.list(limit=10_000))

    def look(self) -> None:
        """The owner sees every field of every memory; somebody sees what it may, by every verb."""
        live = {uid: item for uid, item in self.model.items.items() if self.model.live(item)}
        listed = {memory.uid: memory for memory in self.listed()}
        assert listed.keys() == live.keys()
        assert {uid: wrong for uid, memory in listed.items() if (wrong := differences(live[uid], memory))} == {}
        who = self.who()
        for looks, often in ((self.reads, 0.35), (self.recalls, 0.4), (self.remembers_the_past, 0.12)):
            if self.chance(often):
                looks(who)

    def reads(self, who: Handle) -> None:
        door, seen = self.door(who), self.model.readable(who)
        assert {memory.uid for memory in door.list(limit=1000)} == {item.uid for item in seen}
        assert door.count() == len(seen)
        name = self.random.choice(FACETS)
        values = [v for i in seen for v in (i.now.tags if name == "tags" else [getattr(i, name)]) if v is not None]
        assert door.facets(name) == dict(Counter(values))
        session = self.random.choice(SESSIONS)
        said = [i.uid for i in seen if i.session == session and i.promoted_from is None]
        assert sorted(memory.uid for memory in door.transcript(session)) == sorted(said)
        item = self.item()
        if item is None:
            return
        if self.model.sees(who, item):
            assert door.get(item.uid).text == item.now.text
            assert [memory.text for memory in door.history(item.uid)] == [version.text for version in item.versions]
        else:
            for call in (door.get, door.history, door.why):
                with pytest.raises(NotFound):
                    call(item.uid)

    def recalls(self, who: Handle) -> None:
        door, everything = self.door(who), self.chance(0.3)
        expected = {item.uid: item.now.text for item in self.model.recalled(who, superseded=everything)}
        hits = door.recall(WORD, limit=1000, include_superseded=everything)
        assert not hits.degraded
        assert {hit.memory.uid: hit.memory.text for hit in hits} == expected
        assert len(hits) == len(expected)

    def remembers_the_past(self, who: Handle) -> None:
        at = self.clock.now - timedelta(seconds=30) - hours(self.random.choice([0, 0.2, 1, 10, 50]))
        known = self.model.known(who, at)
        door = self.door(who)
        listed = {memory.uid: memory for memory in door.list(as_of=at, limit=1000)}
        assert {uid: (m.text, m.tags, m.version) for uid, m in listed.items()} == {
            item.uid: (version.text, version.tags, item.versions.index(version) + 1) for item, version in known
        }
        assert door.count(as_of=at) == len(known)
        stood = [(item, version) for item, version in known if self.stood(item, version, at)]
        assert {hit.memory.uid: hit.memory.text for hit in door.recall(WORD, limit=1000, as_of=at)} == {
            item.uid: version.text for item, version in stood
        }
        for item, version in known[:1]:
            assert door.get(item.uid, as_of=at).text == version.text

    def stood(self, item: Item, version: Version, at: Any) -> bool:
        return not item.was_superseded(at) and not self.model.is_held(item, version)

    # --- the run ------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        weights: dict[Callable[[], None], float] = {
            self.remember: 30,
            self.remember_many: 5,
            self.promote: 10,
            self.correct: 7,
            self.verify: 5,
            self.revise: 6,
            self.forget: 7,
            self.forget_where: 3,
            self.undo: 5,
            self.begin: 3,
            self.speak: 3,
            self.end: 1.5,
            self.grant: 6,
            self.revoke: 3,
            self.group: 1.5,
            self.configure: 4,
            self.wait: 3,
            self.maintain: 3,
            self.erase: 0.3,
        }
        self.clock.advance(timedelta(minutes=1))
        self.model.now = self.clock.now
        (verb,) = self.random.choices(list(weights), weights=list(weights.values()))
        self.verb = verb.__name__
        verb()
        self.model.now = self.clock.now
        self.look()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_store_is_what_the_model_says(seed: int) -> None:
    machine = Machine(f"lifecycle {seed}")
    with machine.team:
        for number in range(STEPS):
            try:
                machine.step()
            except BaseException as error:
                error.add_note(f"seed {seed}, step {number}: {machine.verb}")
                raise


# --- what the model does not go into ----------------------------------------------------------------------------------


def test_what_two_corrections_name_stays_corrected_while_one_of_them_stands(team: TeamMemory) -> None:
    ana = team.agent("ana")
    old = ana.remember("The gate opens at eight.")
    first = ana.correct(old.uid, "The gate opens at nine.")
    forgotten = ana.forget(first.uid)
    second = ana.correct(old.uid, "The gate opens at ten.")
    assert ana.undo(forgotten) == 1
    ana.forget(second.uid)
    assert texts(ana.recall("when does the gate open?")) == ["The gate opens at nine."]


def test_what_somebody_else_said_stands_again_when_its_correction_goes_with_it(team: TeamMemory) -> None:
    ana, ben = team.agent("ana"), team.agent("ben")
    old = ana.publish("The gate opens at eight.")
    ben.publish("The gate opens at eight.")
    ana.correct(old.uid, "The gate opens at nine.")
    team.forget(where={"agent": "ana"})
    assert texts(ben.recall("when does the gate open?")) == ["The gate opens at eight."]
