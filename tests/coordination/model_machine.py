"""A team at work as a state machine: random rights, random doings, and after each step a look by one of the agents."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.coordination.model import Place
from tests.coordination.model_looks import KEYS, Looks
from tests.coordination.model_work import Work
from tests.coordination.model_world import AGENTS, NAMES, PLACES, TEXTS, TYPES, USERS
from tests.team.model import LEVELS, Granted, Handle
from tests.team.stores import START

PATTERNS = (
    *PLACES,
    "prod/*",
    "prod/**",
    "prod/support/*",
    "prod/support/**",
    "prod/supp/**",  # covers nothing
    "agents/*",
    "team/**",
    "**",
)
PRINCIPALS = (*AGENTS, "group:red", "group:blue", "*")
RECIPIENTS = (*AGENTS, "group:red", "group:blue")
RIGHTS = ("read", "write", "verify", "admin")
HANDLES = tuple(itertools.starmap(Handle, itertools.product(AGENTS, USERS)))

handles, picks = st.sampled_from(HANDLES), st.integers(0, 1_000)
spots = st.sampled_from((*PLACES, *["prod/support"] * 4, "team/shared"))  # where much lies, things meet
refs, flags = st.sampled_from(NAMES), st.booleans()
levels = st.sampled_from((*LEVELS, "internal", "internal"))
places = st.builds(Place, spots, st.sampled_from(USERS), levels)
ends = st.permutations(NAMES).map(lambda names: (names[0], names[1]))
days = st.tuples(st.sampled_from((None, None, -1, 0)), st.sampled_from((None, None, 1, 2)))
subsets = st.sets(st.sampled_from(AGENTS))


@st.composite
def grants(draw: st.DrawFn) -> Granted:
    start, end = draw(st.sampled_from(((None, None), (None, 1), (-1, None), (0, 2), (1, None), (-2, 0))))
    return Granted(
        draw(st.sampled_from(PRINCIPALS)),
        draw(st.sampled_from(PATTERNS)),
        frozenset(draw(st.sets(st.sampled_from(RIGHTS), min_size=1))),
        draw(st.sampled_from(LEVELS)),
        None if start is None else START + timedelta(days=start),
        None if end is None else START + timedelta(days=end),
    )


class Team(RuleBasedStateMachine):
    """A world that agents change, and look at."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Work()
        self.team, self.model = self.world.team, self.world.model
        self.looks = Looks(self.world)
        self.steps = 0

    def teardown(self) -> None:
        self.team.close()

    @initialize(
        said=st.lists(st.tuples(handles, places, picks), min_size=24, max_size=36),
        policies=st.lists(st.tuples(st.sampled_from(PATTERNS), flags, flags), min_size=1, max_size=3),
        given=st.lists(grants(), min_size=4, max_size=8),
        groups=st.tuples(subsets, subsets),
    )
    def begin(self, said: list[Any], policies: list[Any], given: list[Granted], groups: tuple[Any, Any]) -> None:
        """A world that is not empty: for a moment everybody may do everything everywhere."""
        everything = Granted("*", "**", frozenset({"read", "write"}), "confidential", None, None)
        self.world.grant(everything)
        for policy in policies:
            self.world.configure(*policy)
        for agent in AGENTS:
            self.team.agent(agent).graph.add(("thing", "here"))
        self.begin_with_what_is_rare()
        for number, (who, place, pick) in enumerate(said):
            self.act(who, place, number, pick)
        self.world.revoke(self.model.grants.index(everything), ())
        for grant in given:
            self.world.grant(grant)
        for name, members in zip(("red", "blue"), groups, strict=True):
            self.world.group(name, members)

    def begin_with_what_is_rare(self) -> None:
        """The same work asked for twice, and names that nothing holds but a memory that will expire."""
        ana = Handle("ana")
        for level in ("confidential", "internal", "public"):
            self.world.post(ana, Place("prod/support", None, level), TEXTS[0], None, 0, unique=False)
        self.world.configure("prod/support/triage", advertise=True, extract=True)
        self.world.remember(ana, Place("prod/support/triage", None, "internal"), NAMES[2:4], ttl=1)

    def act(self, who: Handle, place: Place, number: int, pick: int) -> None:
        """One of the things that agents do, each in turn."""
        place = replace(place, user=who.user or place.user)
        one, two = NAMES[pick % len(NAMES)], NAMES[(pick + 1 + pick // 7 % (len(NAMES) - 1)) % len(NAMES)]
        to, source = RECIPIENTS[pick % len(RECIPIENTS)], ["", *self.model.memories][-1]
        acts = (
            lambda: self.world.remember(who, place, [one, two][: 1 + pick % 2], None if pick % 3 else 1),
            lambda: self.world.link(who, place, (one, two), TYPES[pick % len(TYPES)], (None, None), source),
            lambda: self.world.post(who, place, TEXTS[pick % 2] if pick % 3 else "", None, pick, unique=pick % 5 == 1),
            lambda: self.world.set_fact(who, place, KEYS[pick % len(KEYS)], level=True),
            lambda: self.world.alert(who, place, [to]),
            lambda: self.world.emit(who, place),
            lambda: self.world.hand(who, place, to, pick, "task" if pick % 2 else "", ""),
            lambda: self.world.decide(who, place, one, learn=pick % 2 == 0),
            lambda: self.world.add(who, place, one, f"other {self.model.secret()}"),
        )
        acts[number % len(acts)]()

    # --- who may do what ----------------------------------------------------------------------------------------------

    @rule(asked=grants())
    def grant(self, asked: Granted) -> None:
        self.world.grant(asked)

    @rule(pick=picks, rights=st.sets(st.sampled_from(RIGHTS)))
    def revoke(self, pick: int, rights: set[str]) -> None:
        self.world.revoke(pick, sorted(rights))

    @rule(name=st.sampled_from(("red", "blue")), members=subsets)
    def group(self, name: str, members: set[str]) -> None:
        self.world.group(name, members)

    @rule(pattern=st.sampled_from(PATTERNS), advertise=flags, extract=flags)
    def configure(self, pattern: str, advertise: bool, extract: bool) -> None:
        self.world.configure(pattern, advertise, extract)

    @rule(hours=st.sampled_from((1, 13, 24)), upkeep=flags)
    def time_passes(self, hours: int, upkeep: bool) -> None:
        self.world.wait(hours)
        if upkeep:
            self.team.maintain(build=False)

    # --- what they say ------------------------------------------------------------------------------------------------

    @rule(said=st.lists(st.tuples(handles, places, picks, picks), min_size=1, max_size=4))
    def say(self, said: list[Any]) -> None:
        for one in said:
            self.act(*one)

    @rule(who=handles, pick=picks, ref=refs, how=st.sampled_from(("revise", "forget", "undo", "extract")))
    def change_a_memory(self, who: Handle, pick: int, ref: tuple[str, str], how: str) -> None:
        if how == "revise":
            self.world.revise(who, pick, ref)
        elif how == "forget":
            self.world.forget(who, pick)
        elif how == "undo":
            self.world.undo(pick)
        else:
            self.world.extract(who, pick)

    @rule(who=handles, place=places, ends=ends, type=st.sampled_from(TYPES), days=days, pick=picks)
    def link(self, who: Handle, place: Place, ends: Any, type: str, days: Any, pick: int) -> None:
        uids = ["", *self.model.memories]
        self.world.link(who, place, ends, type, days, uids[pick % len(uids)])

    @rule(who=handles, spot=spots, ends=ends, how=st.sampled_from(("merge", "merge", "split", "unlink", "remove")))
    def change_the_graph(self, who: Handle, spot: str, ends: Any, how: str) -> None:
        if how in {"merge", "split"}:
            self.world.join(who, spot, ends, apart=how == "split")
        else:
            self.world.unlink(who, spot, ends[0], remove=how == "remove")

    @rule(
        who=handles,
        place=places,
        text=st.sampled_from(("", *TEXTS)),
        to=st.sampled_from((None, "*", *RECIPIENTS)),
        pick=picks,
        unique=flags,
    )
    def post(self, who: Handle, place: Place, text: str, to: str | None, pick: int, unique: bool) -> None:
        self.world.post(who, place, text, to, pick, unique)

    @rule(who=handles, pick=st.one_of(st.none(), picks))
    def claim(self, who: Handle, pick: int | None) -> None:
        self.world.claim(who, pick)

    @rule(who=handles, pick=picks, how=st.sampled_from(("complete", "fail", "give up", "release", "cancel", "retry")))
    def work(self, who: Handle, pick: int, how: str) -> None:
        if how in {"cancel", "retry"}:
            self.world.stop(who, pick, again=how == "retry")
        else:
            self.world.end(pick, how)

    @rule(who=handles, place=places, key=st.sampled_from(KEYS), level=flags, delete=flags)
    def fact(self, who: Handle, place: Place, key: str, level: bool, delete: bool) -> None:
        if delete:
            self.world.delete_fact(who, place.namespace, key)
        else:
            self.world.set_fact(who, place, key, level)

    @rule(who=handles, place=places, to=st.lists(st.sampled_from(PRINCIPALS), min_size=1, max_size=2, unique=True))
    def alert(self, who: Handle, place: Place, to: list[str]) -> None:
        self.world.alert(who, place, to)

    @rule(who=handles, pick=picks, register=flags)
    def acknowledge(self, who: Handle, pick: int, register: bool) -> None:
        self.world.acknowledge(who, pick)
        if register:
            self.world.register(who)

    @rule(
        who=handles,
        place=st.one_of(st.none(), places),
        to=st.sampled_from((*RECIPIENTS, "human:dana")),
        pick=picks,
        of=st.sampled_from(("", "task", "claim")),
        given=flags,
    )
    def hand(self, who: Handle, place: Place | None, to: str, pick: int, of: str, given: bool) -> None:
        uids = [*self.model.memories] if given else []
        self.world.hand(who, place, to, pick, of, uids[pick % len(uids)] if uids else "")

    @rule(who=st.one_of(st.none(), handles), pick=picks, resolve=flags)
    def settle(self, who: Handle | None, pick: int, resolve: bool) -> None:
        self.world.settle(who, pick, resolve)

    # --- looking ------------------------------------------------------------------------------------------------------

    @invariant()
    def look(self) -> None:
        """After each step somebody looks, each in turn, and each time at something else."""
        self.steps += 1
        who, pick = HANDLES[self.steps * 4 % len(HANDLES)], self.steps * 7
        match self.steps % 6:
            case 0 | 3:
                self.looks.graph(who, pick)
                self.looks.experts(who)
            case 1 | 4:
                self.looks.tasks(who)
                self.looks.facts(who)
                self.looks.messages(who)
                self.looks.events(who)
            case 2:
                self.looks.asks(who, pick)
            case _:
                self.looks.reads(who, pick)
