"""No verb reveals what an agent may not read, and every verb finds what it may: against a model in plain Python."""

from __future__ import annotations

import itertools
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.team.stores import START, Clock, opened
from transactive import Agent, Memory, NewMemory, TeamMemory
from transactive.errors import AccessDenied, NotFound, VersionConflict

AGENTS = ("ana", "ben", "cleo")
USERS = (None, "cust_1", "cust_2")
GROUPS = ("red", "blue")
PRINCIPALS = (*AGENTS, "group:red", "group:blue", "*")
LEVELS = ("public", "internal", "confidential")
RIGHTS = ("read", "write", "verify", "admin")
PLACES = (
    "prod",
    "prod/support",
    "prod/support/triage",
    "prod/support/triage/eu",
    "prod/supportive",
    "prod/support-eu",  # sorts between "prod/support" and "prod/support/"
    "prod0",
    "team/shared",
    "agents/ana",
    "agents/ben",
)
PATTERNS = (
    *PLACES,
    "prod/*",
    "prod/**",
    "prod/support/*",
    "prod/support/**",
    "prod/support/triage/**",
    "prod/supp/**",
    "agents/*",
    "team/**",
    "*",
    "**",
)
TAGS = ("urgent", "billing")
KINDS = ("episodic", "semantic", "procedural")
ORDERS = ("-created_at", "created_at", "-importance", "recorded_at", "-updated_at")
FACETS = ("namespace", "agent", "user", "session", "app", "kind", "sensitivity", "tags")


LATER = datetime(2027, 1, 1, tzinfo=UTC)


# --- the model: who may do what, said once more and differently -------------------------------------------------------


@dataclass(frozen=True)
class Handle:
    agent: str
    user: str | None = None


@dataclass(frozen=True)
class Granted:
    principal: str
    pattern: str
    rights: frozenset[str]
    clearance: str
    start: datetime | None
    end: datetime | None


@dataclass
class Item:
    uid: str
    agent: str
    namespace: str
    user: str | None
    sensitivity: str
    texts: list[str]
    tags: tuple[str, ...]
    kind: str
    session: str | None
    expires: datetime | None
    forgotten: str | None = None

    @property
    def text(self) -> str:
        return self.texts[-1]


def fits(pattern: str, place: str) -> bool:
    """Whether a pattern covers a namespace, by regular expressions instead of prefixes."""
    expression = "/".join({"*": "[^/]+", "**": "…"}.get(part, re.escape(part)) for part in pattern.split("/"))
    return re.fullmatch(expression.replace("/…", "(/.+)?").replace("…", ".+"), place) is not None


@dataclass
class Model:
    now: datetime = START
    grants: list[Granted] = field(default_factory=list)
    groups: dict[str, set[str]] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)

    def may(self, handle: Handle, right: str, place: str, sensitivity: str | None = None) -> bool:
        if place == f"agents/{handle.agent}" and right in {"read", "write"}:
            return True
        return any(
            right in grant.rights
            and fits(grant.pattern, place)
            and self._is(handle.agent, grant.principal)
            and (grant.start is None or grant.start <= self.now)
            and (grant.end is None or self.now < grant.end)
            and (sensitivity is None or LEVELS.index(sensitivity) <= LEVELS.index(grant.clearance))
            for grant in self.grants
        )

    def _is(self, agent: str, principal: str) -> bool:
        group = principal.removeprefix("group:")
        return principal in {agent, "*"} or (principal != group and agent in self.groups.get(group, ()))

    def live(self, item: Item) -> bool:
        return item.forgotten is None and (item.expires is None or self.now < item.expires)

    def visible(self, handle: Handle, item: Item) -> bool:
        """Whether it may be read, were it live."""
        mine = handle.user is None or item.user in {None, handle.user}
        return mine and self.may(handle, "read", item.namespace, item.sensitivity)

    def sees(self, handle: Handle, item: Item) -> bool:
        return self.live(item) and self.visible(handle, item)

    def changes(self, handle: Handle, item: Item) -> bool:
        own = item.agent == handle.agent and self.may(handle, "write", item.namespace)
        return self.visible(handle, item) and (own or self.may(handle, "admin", item.namespace, item.sensitivity))

    def readable(self, handle: Handle) -> list[Item]:
        return [item for item in self.items.values() if self.sees(handle, item)]


def counted(items: Iterable[Item], name: str) -> dict[str, int]:
    if name == "tags":
        return dict(Counter(tag for item in items for tag in item.tags))
    if name == "app":
        return {}
    return dict(Counter(value for item in items if (value := getattr(item, name)) is not None))


# --- what a look at the store shows -----------------------------------------------------------------------------------


def pages(handle: Agent, **options: Any) -> list[Memory]:
    """Everything that `list` gives, page by page."""
    found: list[Memory] = []
    after = None
    while True:
        page = handle.list(limit=4, after=after, **options)
        assert len(page) == 4 or page.next is None
        found.extend(page)
        after = page.next
        if after is None:
            return found


def uids(found: Iterable[Any]) -> list[str]:
    return [getattr(item, "memory", item).uid for item in found]


def refusal(call: Callable[[], object], uid: str) -> tuple[type[BaseException], str]:
    """The error of a call, as its type and its message without the id that was asked for."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever it is: it is compared with another one
        call()
    return caught.type, str(caught.value).replace(uid, "<id>")


def attempts(handle: Agent, uid: str) -> list[Callable[[], object]]:
    """Every verb that takes the id of a memory."""
    return [
        lambda: handle.get(uid),
        lambda: handle.get(uid, namespace="prod/support"),
        lambda: handle.history(uid),
        lambda: handle.revise(uid, text="changed"),
        lambda: handle.revise(uid, importance=0.9, expected_version=7),
        lambda: handle.forget(uid),
        lambda: handle.forget(uid, dry_run=True),
        lambda: handle.undo(uid),
        lambda: handle.remember("a conclusion", derived_from=[uid]),
        lambda: handle.remember("a correction", supersedes=uid),
        lambda: handle.correct(uid, "a correction"),
        lambda: handle.forget(uid, derived=True),
        lambda: handle.promote(uid),
        lambda: handle.verify(uid),
        lambda: handle.why(uid),
        lambda: handle.get(uid, as_of=LATER),
    ]


def shown(handle: Agent, items: list[Item], order: str) -> None:
    """Every reading verb shows exactly these memories, as they now are."""
    expected = {item.uid: item.text for item in items}
    listed = pages(handle, order_by=order)
    assert Counter(uids(listed)) == Counter(expected.keys())
    assert {memory.uid: memory.text for memory in listed} == expected
    assert handle.count() == len(expected)
    recalled = handle.recall("what is known about prod for ana and ben?", limit=1000)
    assert {hit.memory.uid: hit.memory.text for hit in recalled} == expected
    assert len(recalled) == len(expected)
    assert not recalled.degraded
    context = handle.context("what is known?", budget=100_000, limit=1000, count_tokens=len)
    assert sorted(uids(context.hits)) == sorted(expected)
    for name in FACETS:
        assert handle.facets(name) == counted(items, name), name


def narrowed(handle: Agent, items: list[Item], place: str, user: str) -> None:
    """Filters narrow what may be read, and never widen it."""
    here = [item.uid for item in items if item.namespace == place]
    assert handle.count({"namespace": place}) == len(here)
    assert sorted(uids(handle.recall("it", limit=1000, where={"namespace": place}))) == sorted(here)
    assert sorted(uids(handle.recall("it", limit=1000, namespaces=[place]))) == sorted(here)
    elsewhere = [item.uid for item in items if item.namespace != place]
    assert sorted(uids(pages(handle, where={"namespace": {"$ne": place}}))) == sorted(elsewhere)
    theirs = [item.uid for item in items if item.user == user]
    assert sorted(uids(handle.recall("it", limit=1000, where={"user": user}))) == sorted(theirs)
    either = [item.uid for item in items if item.user == user or item.namespace == place]
    wide = {"$or": [{"user": user}, {"namespace": place}]}
    assert sorted(uids(handle.list(wide))) == sorted(either)
    assert sorted(uids(handle.recall("it", limit=1000, where={"$not": {"$not": wide}}))) == sorted(either)
    assert handle.facets("kind", wide) == counted([item for item in items if item.uid in either], "kind")
    limited = handle.recall("it", limit=3, where={"namespace": place})
    assert len(limited) == min(3, len(here)), "filters apply before the limit"


# --- the machine ------------------------------------------------------------------------------------------------------

agents, users, places = st.sampled_from(AGENTS), st.sampled_from(USERS), st.sampled_from(PLACES)
levels = st.sampled_from(LEVELS)
handles = st.builds(Handle, agents, users)
days = st.one_of(st.none(), st.integers(-2, 3))
picks = st.integers(0, 1_000)


@st.composite
def granted(draw: st.DrawFn) -> tuple[str, str, list[str], str, int | None, int | None]:
    start, end = draw(days), draw(days)
    if start is not None and end is not None and end <= start:
        end = start + 1
    return (
        draw(st.sampled_from(PRINCIPALS)),
        draw(st.sampled_from(PATTERNS)),
        sorted(draw(st.sets(st.sampled_from(RIGHTS), min_size=1))),
        draw(levels),
        start,
        end,
    )


@st.composite
def new_items(draw: st.DrawFn) -> tuple[str, str, str | None, str, tuple[str, ...], str, str | None, int | None]:
    user = draw(users)
    return (
        draw(agents),
        draw(places),
        user,
        draw(levels),
        tuple(sorted(draw(st.sets(st.sampled_from(TAGS))))),
        draw(st.sampled_from(KINDS)),
        draw(st.sampled_from((None, f"of {user}"))),  # a session has one user
        draw(st.sampled_from((None, None, None, 1, 2))),
    )


class Team(RuleBasedStateMachine):
    """A store and the model of it, changed and looked at side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.team: TeamMemory = opened(clock=self.clock)
        self.model = Model()
        self.model.grants.append(Granted("*", "team/shared", frozenset({"read", "write"}), "internal", None, None))
        self.forgets: list[str] = []
        self.numbers = itertools.count(1)

    def teardown(self) -> None:
        self.team.close()

    def handle(self, who: Handle) -> Agent:
        return self.team.agent(who.agent, user=who.user)

    def _text(self, item: str) -> str:
        return f"note {next(self.numbers)}: {item} was seen by the team"

    def _noted(self, memory: Memory) -> None:
        self.model.items[memory.uid] = Item(
            uid=memory.uid,
            agent=memory.agent,
            namespace=memory.namespace,
            user=memory.user,
            sensitivity=memory.sensitivity,
            texts=[memory.text],
            tags=memory.tags,
            kind=memory.kind,
            session=memory.session,
            expires=memory.expires_at,
        )

    @initialize(
        new=st.lists(new_items(), min_size=12, max_size=22),
        grants=st.lists(granted(), min_size=3, max_size=8),
        groups=st.tuples(st.sets(agents, max_size=2), st.sets(agents, max_size=2)),
    )
    def begin(self, new: list[Any], grants: list[Any], groups: tuple[set[str], set[str]]) -> None:
        """A world that is not empty: for a moment everybody may write everywhere."""
        self.team.grant("*", "**", "write")
        for agent in AGENTS:
            batch = [
                NewMemory(
                    text=self._text(place),
                    namespace=place,
                    user=user,
                    sensitivity=level,
                    tags=tags,
                    kind=kind,
                    session=session,
                    ttl=None if ttl is None else timedelta(days=ttl),
                )
                for author, place, user, level, tags, kind, session, ttl in new
                if author == agent
            ]
            for memory in self.team.agent(agent).remember_many(batch):
                assert memory.agent == agent
                self._noted(memory)
        self.team.revoke("*", "**")
        for grant in grants:
            self.grant(grant)
        for name, members in zip(GROUPS, groups, strict=True):
            self.group(name, members)

    # --- who may do what ----------------------------------------------------------------------------------------------

    @rule(asked=granted())
    def grant_and_look(self, asked: Any) -> None:
        self.grant(asked)
        self.glance()

    def grant(self, asked: Any) -> None:
        principal, pattern, rights, clearance, start, end = asked
        valid_from, valid_until = (None if day is None else START + timedelta(days=day) for day in (start, end))
        self.team.grant(
            principal, pattern, *rights, clearance=clearance, valid_from=valid_from, valid_until=valid_until
        )
        self.model.grants.append(Granted(principal, pattern, frozenset(rights), clearance, valid_from, valid_until))

    @rule(pick=picks, rights=st.sets(st.sampled_from(RIGHTS)))
    def revoke(self, pick: int, rights: set[str]) -> None:
        if not self.model.grants:
            return
        one = self.model.grants[pick % len(self.model.grants)]
        gone = rights or set(RIGHTS)
        touched = [
            g for g in self.model.grants if (g.principal, g.pattern) == (one.principal, one.pattern) and g.rights & gone
        ]
        assert self.team.revoke(one.principal, one.pattern, *sorted(rights)) == len(touched)  # type: ignore[arg-type]
        left = [replace(g, rights=g.rights - gone) if g in touched else g for g in self.model.grants]
        self.model.grants = [g for g in left if g.rights]
        self.glance()

    @rule(name=st.sampled_from(GROUPS), members=st.sets(agents))
    def group(self, name: str, members: set[str]) -> None:
        self.team.groups.set(name, sorted(members))
        self.model.groups[name] = members
        self.glance()

    @rule(hours=st.sampled_from((1, 23, 24)))
    def time_passes(self, hours: int) -> None:
        self.clock.advance(timedelta(hours=hours))
        self.model.now = self.clock.now
        self.glance()

    def glance(self) -> None:
        """A short look by everybody, after something changed for everybody."""
        for who in itertools.starmap(Handle, itertools.product(AGENTS, USERS)):
            handle, expected = self.handle(who), {item.uid for item in self.model.readable(who)}
            assert set(uids(handle.list(limit=1000))) == expected
            assert set(uids(handle.recall("what is known?", limit=1000))) == expected
            assert handle.count() == len(expected)

    @rule()
    def upkeep(self) -> None:
        self.team.maintain(build=False)

    # --- writing ------------------------------------------------------------------------------------------------------

    @rule(who=handles, place=places, user=users, level=levels)
    def remember(self, who: Handle, place: str, user: str | None, level: Any) -> None:
        text = self._text(place)
        allowed = self.model.may(who, "write", place) and (who.user is None or user in {None, who.user})
        if not allowed:
            with pytest.raises(AccessDenied):
                self.handle(who).remember(text, namespace=place, user=user, sensitivity=level)
            return
        memory = self.handle(who).remember(text, namespace=place, user=user, sensitivity=level)
        assert (memory.agent, memory.user) == (who.agent, user or who.user)
        self._noted(memory)

    @rule(who=handles, pick=picks)
    def revise(self, who: Handle, pick: int) -> None:
        item = self._item(pick)
        if item is None or not self.model.sees(who, item):
            return  # what is not seen is refused like what is not there: see `the_unreadable_is_absent`
        if not self.model.changes(who, item):
            with pytest.raises(AccessDenied):
                self.handle(who).revise(item.uid, text="changed by somebody who may not")
            return
        with pytest.raises(VersionConflict) as conflict:
            self.handle(who).revise(item.uid, text="changed", expected_version=len(item.texts) + 1)
        assert (conflict.value.current.text, conflict.value.current.version) == (item.text, len(item.texts))
        text = self._text(item.namespace)
        assert self.handle(who).revise(item.uid, text=text, expected_version=len(item.texts)).agent == item.agent
        item.texts.append(text)

    @rule(who=handles, pick=picks)
    def forget(self, who: Handle, pick: int) -> None:
        item = self._item(pick)
        if item is None or not self.model.sees(who, item):
            return
        if not self.model.changes(who, item):
            for dry_run in (True, False):
                with pytest.raises(AccessDenied):
                    self.handle(who).forget(item.uid, dry_run=dry_run)
            return
        item.forgotten = self.handle(who).forget(item.uid).id
        self.forgets.append(str(item.forgotten))

    @rule(who=handles, place=places)
    def forget_where(self, who: Handle, place: str) -> None:
        mine = [item for item in self.model.readable(who) if self.model.changes(who, item) and item.namespace == place]
        shown = self.handle(who).forget(where={"namespace": place}, dry_run=True)
        assert shown.count == len(mine)
        assert set(uids(shown.sample)) <= {item.uid for item in mine}
        forgotten = self.handle(who).forget(where={"namespace": place})
        assert (forgotten.count, len(forgotten.sample)) == (len(mine), min(10, len(mine)))
        for item in mine:
            item.forgotten = forgotten.id
        self.forgets.append(str(forgotten.id))

    @rule(who=handles, pick=picks)
    def undo(self, who: Handle, pick: int) -> None:
        if not self.forgets:
            return
        forget_id = self.forgets[pick % len(self.forgets)]
        items = [i for i in self.model.items.values() if i.forgotten == forget_id and self.model.changes(who, i)]
        if not items:
            absent = str(uuid.uuid4())
            assert refusal(lambda: self.handle(who).undo(forget_id), forget_id) == refusal(
                lambda: self.handle(who).undo(absent), absent
            )
            return
        assert self.handle(who).undo(forget_id) == len(items)
        for item in items:
            item.forgotten = None

    def _item(self, pick: int) -> Item | None:
        items = list(self.model.items.values())
        return items[pick % len(items)] if items else None

    # --- looking ------------------------------------------------------------------------------------------------------

    @rule(who=handles, place=places, user=st.sampled_from(USERS[1:]), order=st.sampled_from(ORDERS))
    def look(self, who: Handle, place: str, user: str, order: str) -> None:
        readable = self.model.readable(who)
        shown(self.handle(who), readable, order)
        narrowed(self.handle(who), readable, place, user)
        for item in readable:
            assert self.handle(who).get(item.uid).text == item.text
            assert [m.text for m in self.handle(who).history(item.uid)] == item.texts

    @rule(who=handles, pick=picks)
    def the_unreadable_is_absent(self, who: Handle, pick: int) -> None:
        hidden = [item for item in self.model.items.values() if not self.model.sees(who, item)]
        if not hidden:
            return
        item, absent = hidden[pick % len(hidden)], str(uuid.uuid4())
        handle = self.handle(who)
        for number, (here, there) in enumerate(zip(attempts(handle, item.uid), attempts(handle, absent), strict=True)):
            assert refusal(here, item.uid) == refusal(there, absent), f"attempt {number}"
        assert handle.count({"id": item.uid}) == 0
        assert handle.forget(where={"id": item.uid}, dry_run=True).count == 0
        assert not handle.recall(item.text, where={"id": item.uid})
        assert not handle.recall(item.text, where={"text": {"$contains": item.text}})
        assert not handle.list({"text": {"$contains": item.text}})

    @invariant()
    def the_owner_sees_everything(self) -> None:
        assert self.team.count() == sum(map(self.model.live, self.model.items.values()))


@pytest.mark.slow
def test_every_verb_shows_exactly_what_may_be_read() -> None:
    run_state_machine_as_test(
        Team,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


# --- what cannot be read leaves no trace in scores either -------------------------------------------------------------


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    vocabulary = ["invoice", "refund", "latency", "index", "graph", "queue", "token", "ana", "ben", "cleo"]
    words = st.lists(st.sampled_from(vocabulary), min_size=2, max_size=6)
    return [
        (draw(agents), draw(st.sampled_from(("prod/support", "prod/secret"))), " ".join(draw(words)))
        for _ in range(draw(st.integers(4, 20)))
    ]


def told(team: TeamMemory, notes: Iterable[tuple[int, str, str, str]]) -> None:
    team.grant("*", "prod/**", "write")
    team.grant("reader", "prod/support", "read")
    for number, agent, place, text in notes:
        handle = team.agent(agent, session="s1" if number % 2 else None)
        handle.remember(f"{text} ({number})", namespace=place, created_at=START + timedelta(hours=number))


def answers(team: TeamMemory, query: str) -> dict[str, tuple[float, float]]:
    return {h.memory.text: (round(h.score, 5), round(h.why.relevance, 5)) for h in team.agent("reader").recall(query)}


@pytest.mark.slow
@settings(max_examples=15)
@given(
    notes=stories(),
    query=st.sampled_from(("what did ben say of the invoice?", "refund latency", "when: cleo, May 2026")),
)
def test_ranking_does_not_depend_on_what_may_not_be_read(notes: list[Any], query: str) -> None:
    numbered = [(number, *note) for number, note in enumerate(notes)]
    with opened(clock=Clock(LATER)) as whole, opened(clock=Clock(LATER)) as part:
        told(whole, numbered)
        told(part, [note for note in numbered if note[2] == "prod/support"])
        assert answers(whole, query) == answers(part, query)


def test_full_text_scores_do_not_depend_on_what_may_not_be_read() -> None:
    notes = [(n, "ana", "prod/support", text) for n, text in enumerate(("refund " * 3, "invoice refund", "queue"))]
    secrets = [(n, "ben", "prod/secret", "invoice token graph") for n in range(10, 30)]
    with opened(clock=Clock(LATER), index=None) as whole, opened(clock=Clock(LATER), index=None) as part:
        told(whole, [*notes, *secrets])
        told(part, notes)
        assert answers(part, "invoice refund")
        assert answers(whole, "invoice refund") == answers(part, "invoice refund")


# --- ids --------------------------------------------------------------------------------------------------------------


def test_an_id_chosen_like_an_unreadable_uid_is_still_ones_own(team: TeamMemory) -> None:
    secret = team.agent("ben").remember("the password is swordfish")
    ana = team.agent("ana")
    for id in (secret.uid, str(uuid.uuid4())):
        mine = ana.remember("mine", id=id)
        assert ana.get(id).uid == mine.uid
        assert ana.revise(id, importance=0.9).uid == mine.uid


def test_an_id_of_ones_own_choosing_is_found_in_its_namespace_only(team: TeamMemory) -> None:
    ana, ben = team.agent("ana"), team.agent("ben")
    ana.remember("private", id="note")
    ana.publish("public", id="note")
    assert ana.get("note").text == "private"
    assert ben.get("note", namespace="team/shared").text == "public"
    for namespace in (None, "agents/ana", "agents/nobody"):
        with pytest.raises(NotFound):
            ben.get("note", namespace=namespace)


def test_the_id_of_a_forgotten_memory_is_free_again(team: TeamMemory) -> None:
    ana = team.agent("ana")
    ana.remember("first", id="note")
    ana.forget("note")
    ana.remember("second", id="note")
    assert ana.get("note").text == "second"
