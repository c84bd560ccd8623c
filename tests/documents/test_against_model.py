"""Documents against a plain dict: who sees, replaces and deletes what, whatever happens in which order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.team.stores import START, Clock, opened
from tests.team.test_access_property import LEVELS, Granted, Handle, fits
from transactive import Agent
from transactive.errors import AccessDenied, NotFound
from transactive.records import Document, NewDocument, Right, Sensitivity

AGENTS = ("ana", "ben")
USERS = (None, "u1", "u2")
PLACES = ("shop", "shop/fruit", "agents/ana/inner")
PATTERNS = (*PLACES, "shop/**", "shop/*", "agents/**", "*", "**")
KEYS = ("k", 'kk"\x00')
WHERE: dict[str, tuple[dict[str, Any] | None, Callable[[Any], bool]]] = {
    "all": (None, lambda value: True),
    "large": ({"value.n": {"$gte": 2}}, lambda value: isinstance(value, dict) and value["n"] >= 2),
    "red": ({"value.color": "red"}, lambda value: isinstance(value, dict) and value["color"] == "red"),
    "not red": ({"value.color": {"$ne": "red"}}, lambda value: not isinstance(value, dict) or value["color"] != "red"),
    "a list": ({"value.$": {"$contains": 1}}, lambda value: isinstance(value, list) and 1 in value),
}
Name = tuple[str, str, str | None]


@dataclass
class Held:
    """One document."""

    document: Document
    indexed: bool
    forgotten: str | None = None


@dataclass
class Model:
    """All of them, and who may do what."""

    now: datetime = START
    grants: list[Granted] = field(default_factory=list)
    held: dict[Name, Held] = field(default_factory=dict)

    def may(self, handle: Handle, right: str, place: str, level: str | None = None) -> bool:
        if handle.agent == "owner":
            return True
        if fits(f"agents/{handle.agent}/**", place) and right in {"read", "write"}:
            return True
        return any(
            right in grant.rights
            and grant.principal in {handle.agent, "*"}
            and fits(grant.pattern, place)
            and (level is None or LEVELS.index(level) <= LEVELS.index(grant.clearance))
            for grant in self.grants
        )

    def over(self, held: Held) -> bool:
        return held.document.expires_at is not None and held.document.expires_at <= self.now

    def live(self, name: Name) -> Held | None:
        held = self.held.get(name)
        return None if held is None or held.forgotten is not None or self.over(held) else held

    def sees(self, handle: Handle, document: Document) -> bool:
        mine = handle.user is None or document.user in {None, handle.user}
        return mine and self.may(handle, "read", document.namespace, document.sensitivity)

    def shown(self, handle: Handle) -> list[Held]:
        live = filter(None, map(self.live, self.held))
        return [held for held in live if self.sees(handle, held.document)]


EVERYBODY = [Handle(agent, user) for agent in (*AGENTS, "owner") for user in USERS]
handles = st.sampled_from(EVERYBODY)
places, keys, users = st.sampled_from(PLACES), st.sampled_from(KEYS), st.sampled_from(USERS)
values = st.one_of(
    st.fixed_dictionaries({"n": st.integers(0, 3), "color": st.sampled_from(("red", "green"))}),
    st.lists(st.integers(0, 2), max_size=2),
)
names = st.tuples(places, keys, users)
grants = st.tuples(
    st.sampled_from((*AGENTS, "*")),
    st.sampled_from(PATTERNS),
    st.sampled_from((("read", "write"), ("read",), ("write",))),
    st.sampled_from(LEVELS),
)
EVERY_NAME: list[Name] = list(itertools.product(PLACES, KEYS, USERS))
ttls = st.none() | st.sampled_from((timedelta(hours=1), timedelta(hours=3)))
levels = st.none() | st.sampled_from(LEVELS)


class Rooms(RuleBasedStateMachine):
    @initialize(
        told=st.lists(st.tuples(names, values, st.booleans(), ttls, levels), min_size=6, max_size=12),
        granted=st.lists(grants, min_size=2, max_size=5),
    )
    def begin(self, told: list[Any], granted: list[Any]) -> None:
        self.clock = Clock()
        self.team = opened(clock=self.clock)
        self.model = Model()
        for name, value, index, ttl, level in told:
            self.write(Handle("owner"), [self.item(name[0], name[1], name[2], value, index, ttl, level)])
        for grant in granted:
            self.grant(*grant)

    def teardown(self) -> None:
        self.team.close()

    def handle(self, who: Handle) -> Agent:
        if who.agent == "owner":
            return self.team.bind(user=who.user)
        return self.team.agent(who.agent).bind(user=who.user)

    def tick(self, by: timedelta = timedelta(seconds=1)) -> None:
        """Time passes, so that no two writes are of one moment."""
        self.clock.advance(by)
        self.model.now = self.clock.now

    # --- writing ------------------------------------------------------------------------------------------------------

    @rule(grant=grants)
    def granted(self, grant: Any) -> None:
        self.grant(*grant)

    def grant(self, principal: str, pattern: str, rights: tuple[Right, ...], clearance: Sensitivity) -> None:
        self.team.revoke(principal, pattern)
        self.team.grant(principal, pattern, *rights, clearance=clearance)
        self.model.grants = [g for g in self.model.grants if (g.principal, g.pattern) != (principal, pattern)]
        self.model.grants.append(Granted(principal, pattern, frozenset(rights), clearance, None, None))

    @rule(principal=st.sampled_from(AGENTS), pattern=st.sampled_from(PATTERNS))
    def revoke(self, principal: str, pattern: str) -> None:
        self.team.revoke(principal, pattern)
        self.model.grants = [g for g in self.model.grants if (g.principal, g.pattern) != (principal, pattern)]

    @rule(who=handles, place=places, key=keys, user=users, value=values, index=st.booleans(), ttl=ttls, level=levels)
    def put(self, who: Handle, place: str, key: str, user: str | None, value: Any, **rest: Any) -> None:
        self.write(who, [self.item(place, key, user, value, **rest)])

    @rule(who=handles, some=st.lists(st.tuples(places, keys, users, values, st.booleans()), min_size=2, max_size=4))
    def put_many(self, who: Handle, some: list[tuple[str, str, str | None, Any, bool]]) -> None:
        self.write(who, [self.item(*one, ttl=None, level=None) for one in some])

    def item(
        self, place: str, key: str, user: str | None, value: Any, index: bool, ttl: timedelta | None, level: Any
    ) -> NewDocument:
        text = f"words {value}" if index else None
        return NewDocument(namespace=place, key=key, user=user, value=value, text=text, ttl=ttl, sensitivity=level)

    def write(self, who: Handle, items: list[NewDocument]) -> None:
        self.tick()
        allowed = all(self.writable(who, item) for item in items)
        try:
            done = self.handle(who).documents.put_many(items)
        except AccessDenied:
            assert not allowed
            return
        assert allowed
        last = {self.name(who, item): (item, document) for item, document in zip(items, done, strict=True)}
        for name, (item, document) in last.items():
            assert not isinstance(item.ttl, str)
            former = self.model.live(name)
            expected = Document(
                namespace=name[0],
                key=name[1],
                value=item.value,
                data=None,
                agent=who.agent,
                user=name[2],
                app=None,
                sensitivity=item.sensitivity or (former.document.sensitivity if former else "internal"),
                created_at=former.document.created_at if former else self.model.now,
                updated_at=self.model.now,
                version=former.document.version + 1 if former else 1,
                ttl=item.ttl,
                expires_at=self.model.now + item.ttl if item.ttl else None,
                uid=document.uid,
            )
            assert document == expected
            assert (document.uid is not None) == (item.text is not None)
            self.model.held[name] = Held(document, item.text is not None)

    def name(self, who: Handle, item: NewDocument) -> Name:
        return item.namespace or "", item.key, who.user or item.user

    def writable(self, who: Handle, item: NewDocument) -> bool:
        if who.user is not None and item.user not in {None, who.user}:
            return False
        name = self.name(who, item)
        former = self.model.live(name)
        hidden = former is not None and not self.model.sees(who, former.document)
        return self.model.may(who, "write", name[0]) and not (hidden and self.model.may(who, "read", name[0]))

    # --- taking away --------------------------------------------------------------------------------------------------

    @rule(who=handles, place=places, key=keys, user=users)
    def delete(self, who: Handle, place: str, key: str, user: str | None) -> None:
        self.tick()
        name = place, key, who.user or user
        held = self.model.live(name)
        foreign = who.user is not None and user not in {None, who.user}
        try:
            gone = self.handle(who).documents.delete(place, key, user=user)
        except AccessDenied:
            assert foreign or not self.model.may(who, "write", place)
            return
        assert not foreign
        assert self.model.may(who, "write", place)
        assert gone == (held is not None and self.model.sees(who, held.document))
        if gone:
            del self.model.held[name]

    @rule(
        who=handles,
        pattern=st.sampled_from(PATTERNS),
        prefix=st.sampled_from(("", "", "kk")),
        key=st.sampled_from([*WHERE]),
    )
    def clear(self, who: Handle, pattern: str, prefix: str, key: str) -> None:
        self.tick()
        where, fulfils = WHERE[key]
        going = [
            held.document
            for held in self.model.shown(who)
            if self.changes(who, held.document)
            and fits(pattern, held.document.namespace)
            and held.document.key.startswith(prefix)
            and fulfils(held.document.value)
        ]
        assert self.handle(who).documents.clear(pattern, prefix=prefix, where=where) == len(going)
        for document in going:
            del self.model.held[document.namespace, document.key, document.user]

    @precondition(lambda self: any(h.indexed and self.model.live(n) for n, h in self.model.held.items()))
    @rule(pick=st.integers(0, 99), undo=st.booleans())
    def forget(self, pick: int, undo: bool) -> None:
        self.tick()
        found = [held for name, held in self.model.held.items() if held.indexed and self.model.live(name)]
        held = found[pick % len(found)]
        assert held.document.uid is not None
        forgotten = self.team.forget(held.document.uid)
        assert self.team.documents.get(held.document.namespace, held.document.key, user=held.document.user) is None
        if undo:
            assert self.team.undo(forgotten) == 1
        else:
            held.forgotten = str(forgotten.id)

    @precondition(lambda self: any(held.forgotten for held in self.model.held.values()))
    @rule(pick=st.integers(0, 99))
    def undo(self, pick: int) -> None:
        self.tick()
        found = [held for held in self.model.held.values() if held.forgotten]
        held = found[pick % len(found)]
        assert held.forgotten is not None
        try:
            self.team.undo(held.forgotten)
        except NotFound:
            assert self.model.over(held)
        else:
            held.forgotten = None

    @rule(hours=st.integers(1, 2))
    def wait(self, hours: int) -> None:
        self.tick(timedelta(hours=hours))

    def changes(self, who: Handle, document: Document) -> bool:
        """Whether a handle may delete by pattern: what it may read and write, and, bound to a user, that user's own."""
        own = who.user is None or document.user == who.user
        return own and self.model.sees(who, document) and self.model.may(who, "write", document.namespace)

    @rule(who=handles)
    def sweep(self, who: Handle) -> None:
        over = [
            name for name, held in self.model.held.items() if self.model.over(held) and self.changes(who, held.document)
        ]
        assert self.handle(who).documents.sweep() == len(over)
        for name in over:
            del self.model.held[name]

    # --- reading ------------------------------------------------------------------------------------------------------

    @rule()
    def everybody_gets_what_they_may_see(self) -> None:
        for who in EVERYBODY:
            named_here = [name for name in EVERY_NAME if who.user in {None, name[2]}]
            found = [self.handle(who).documents.get(place, key, user=user) for place, key, user in named_here]
            assert found == [self.expected(who, name) for name in named_here]
            shown = [held.document for held in self.model.shown(who)]
            listed = self.handle(who).documents.list(limit=None)
            assert sorted(listed, key=named) == sorted(shown, key=named)
            indexed = [held.document for held in self.model.shown(who) if held.indexed]
            hits = self.handle(who).documents.search("words", limit=100)
            assert sorted((hit.document for hit in hits), key=named) == sorted(indexed, key=named)

    def expected(self, who: Handle, name: Name) -> Document | None:
        also = [(*name[:2], None)] if who.user is not None and name[2] is not None else []
        held = [self.model.live(one) for one in (name, *also)]
        return next((one.document for one in held if one and self.model.sees(who, one.document)), None)

    @rule(who=handles, place=places, key=keys, user=users, refresh=st.booleans())
    def get(self, who: Handle, place: str, key: str, user: str | None, refresh: bool) -> None:
        try:
            found = self.handle(who).documents.get(place, key, user=user, refresh=refresh)
        except AccessDenied:
            assert who.user is not None
            assert user not in {None, who.user}
            return
        asked: list[Name] = [(place, key, who.user or user), *([(place, key, None)] if who.user else [])]
        held = [one for name in asked if (one := self.model.live(name)) and self.model.sees(who, one.document)]
        if refresh and held:
            self.renewed(held[:1])
        assert found == (held[0].document if held else None)

    def renewed(self, some: Iterable[Held]) -> None:
        for held in some:
            if held.document.ttl is not None:
                held.document = replace(held.document, expires_at=self.model.now + held.document.ttl)

    @rule(
        who=handles,
        pattern=st.sampled_from(PATTERNS),
        prefix=st.sampled_from(("", "kk")),
        key=st.sampled_from([*WHERE]),
        refresh=st.booleans(),
    )
    def look(self, who: Handle, pattern: str, prefix: str, key: str, refresh: bool) -> None:
        documents, (where, fulfils) = self.handle(who).documents, WHERE[key]
        wanted = [
            held
            for held in self.model.shown(who)
            if fits(pattern, held.document.namespace) and fulfils(held.document.value)
        ]
        prefixed = [held for held in wanted if held.document.key.startswith(prefix)]
        assert documents.count(pattern, prefix=prefix, where=where) == len(prefixed)
        assert documents.namespaces(pattern, where=where) == sorted({held.document.namespace for held in wanted})
        found = documents.search("words", namespaces=[pattern], where=where, limit=100)
        by_name = [held.document for held in wanted if held.indexed]
        assert sorted(map(named, (hit.document for hit in found))) == sorted(map(named, by_name))
        assert all(hit.document in by_name for hit in found)
        if refresh:
            self.renewed(prefixed)
        latest = sorted((held.document for held in prefixed), key=lambda d: d.updated_at, reverse=True)
        listed = documents.list(pattern, prefix=prefix, where=where, limit=None, refresh=refresh)
        assert [d.updated_at for d in listed] == [d.updated_at for d in latest]
        assert sorted(listed, key=named) == sorted(latest, key=named)
        assert documents.list(pattern, prefix=prefix, where=where, limit=2, offset=1) == listed[1:3]

    @invariant()
    def the_owner_sees_everything(self) -> None:
        if hasattr(self, "team"):
            assert self.team.documents.count() == sum(1 for name in self.model.held if self.model.live(name))


def named(document: Document) -> tuple[str, str, str]:
    return document.namespace, document.key, document.user or ""


@pytest.mark.slow
def test_documents_are_a_dict_with_rights() -> None:
    run_state_machine_as_test(
        Rooms,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
