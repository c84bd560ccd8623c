"""Who may read what a team says to one another, said once more in plain Python: no SQL, no index, nothing cached.

Whatever is said holds a secret of its own, a word that occurs nowhere else: `Model.unread` finds those in an answer
that its reader may not know.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from tests.team.model import LEVELS, OWNER, Handle, Rights, fits
from transactive.records import Alert, Handoff

SECRET = re.compile(r"z[qn]\d+x")
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Readers: TypeAlias = Callable[[Handle], bool]
"""Whether a handle may know something."""


@dataclass(frozen=True)
class Place:
    """Where something lies."""

    namespace: str
    user: str | None
    level: str


@dataclass
class Told:
    """A memory."""

    uid: str
    agent: str
    place: Place
    texts: list[str]
    expires: datetime | None
    forgotten: str | None = None


@dataclass
class Model(Rights):
    """Grants, groups and policies; and what was said where."""

    advertising: dict[str, bool] = field(default_factory=dict)
    """By pattern, whether the authors of what is there may be named."""
    secrets: dict[str, list[Readers]] = field(default_factory=dict)
    places: dict[str, list[Place]] = field(default_factory=dict)
    """By uid, of whatever it is."""
    memories: dict[str, Told] = field(default_factory=dict)
    tasks: dict[str, Place] = field(default_factory=dict)
    facts: dict[str, Place] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    handoffs: dict[str, Handoff] = field(default_factory=dict)
    numbers: Iterable[int] = field(default_factory=itertools.count)

    # --- what is said -------------------------------------------------------------------------------------------------

    def secret(self) -> str:
        """A word that was never said before."""
        return f"zq{next(iter(self.numbers))}x"

    def say(self, text: str, readers: Readers) -> None:
        """Note that the secrets in a text are known to some."""
        for word in SECRET.findall(text):
            self.secrets.setdefault(word, []).append(readers)

    def say_at(self, text: str, place: Place) -> None:
        """Note that the secrets in a text are known to whoever may read a place."""
        self.say(text, lambda who: self.sees(who, place))

    def put(self, uid: str, place: Place) -> None:
        """Note where the thing with an id lies."""
        if place not in self.places.setdefault(uid, []):
            self.places[uid].append(place)

    def remember(self, told: Told) -> None:
        """Note a memory, whose secrets are known as long as it counts."""
        self.memories[told.uid] = told
        self.put(told.uid, told.place)
        self.say("\n".join(told.texts), lambda who: self.live(told) and self.sees(who, told.place))

    # --- who may know it ----------------------------------------------------------------------------------------------

    def sees(self, who: Handle, place: Place) -> bool:
        """Whether a handle may read what lies in a place."""
        mine = who.user is None or place.user in {None, who.user}
        return mine and self.may(who, "read", place.namespace, place.level)

    def live(self, told: Told) -> bool:
        """Whether a memory counts."""
        return told.forgotten is None and (told.expires is None or self.now < told.expires)

    def acts_as(self, agent: str) -> set[str]:
        """Every principal that an agent is, but `*`."""
        return {agent, *(f"group:{name}" for name, members in self.groups.items() if agent in members)}

    def received(self, who: Handle, alert: Alert) -> bool:
        """Whether an alert was sent to a handle, which may read it."""
        named = not self.acts_as(who.agent).isdisjoint(alert.to)
        everybody = "*" in alert.to and alert.agent != who.agent
        return (named or everybody) and self.sees(who, place_of(alert))

    def gets(self, who: Handle, alert: Alert) -> bool:
        """Whether an alert is shown to a handle."""
        mine = who.agent in {OWNER, alert.agent} and self.sees(who, place_of(alert))
        return mine or self.received(who, alert)

    def handed(self, who: Handle, handoff: Handoff) -> bool:
        """Whether a handoff was made to a handle, or taken by it."""
        mine = handoff.to in self.acts_as(who.agent) or handoff.taken_by == who.agent
        return mine and self.sees(who, place_of(handoff))

    def holds(self, who: Handle, handoff: Handoff) -> bool:
        """Whether a handoff is shown to a handle."""
        mine = who.agent in {OWNER, handoff.agent} and self.sees(who, place_of(handoff))
        return mine or self.handed(who, handoff)

    def advertised(self, told: Told, who: Handle) -> bool:
        """Whether the author of a memory may be named to a handle, whatever that may read."""
        covering = sorted((p for p in self.advertising if fits(p, told.place.namespace)), key=_closeness)
        open_ = bool(covering) and self.advertising[covering[0]] and told.place.level in LEVELS[:2]
        return open_ and (who.user is None or told.place.user in {None, who.user})

    # --- what an answer must not hold ---------------------------------------------------------------------------------

    def unread(self, who: Handle, text: str, known: str = "") -> set[str]:
        """The secrets and ids in a text that a handle may not know, but for those that it has just said itself."""
        said = set(SECRET.findall(known)) | set(UID.findall(known))
        found = {word for word in set(SECRET.findall(text)) - said if not self._known(who, word)}
        uids = set(UID.findall(text)) - said
        return found | {uid for uid in uids if not any(self.sees(who, place) for place in self.places.get(uid, ()))}

    def check(self, who: Handle, text: str, said: str = "", what: str = "a call") -> None:
        """`AssertionError` when a text holds what a handle may not know."""
        found = self.unread(who, text, said)
        for word in found:
            place = text.index(word)
            raise AssertionError(f"{what} told {who} of {word}: …{text[max(0, place - 200) : place + 60]}…")

    def _known(self, who: Handle, word: str) -> bool:
        return any(readers(who) for readers in self.secrets.get(word, ()))

    def unnamed(self, who: Handle, text: str, namespaces: Sequence[str], users: Sequence[str]) -> set[str]:
        """The namespaces and users in a text of which a handle may know nothing."""
        closed = {place for place in namespaces if not self.may(who, "read", place)}
        others = set() if who.user is None else {user for user in users if user != who.user}
        return {name for name in closed | others if f"'{name}'" in text or f'"{name}"' in text}


def place_of(placed: object) -> Place:
    """The place of a record."""
    return Place(*(getattr(placed, name) for name in ("namespace", "user", "sensitivity")))


def _closeness(pattern: str) -> tuple[int, int]:
    """A path before `*` before `**`, and of those the longest first."""
    kind = 2 if pattern.endswith("**") else 1 if pattern.endswith("*") else 0
    return kind, -len(pattern)
