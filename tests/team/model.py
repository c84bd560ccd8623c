"""What a team remembers and who may see it, said once more in plain Python: no SQL, no index, and nothing cached.

Written from what the verbs promise, and slow: every question looks at every memory. `test_lifecycle_machine.py` drives
it and a store side by side, `test_access_property.py` its first half.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

from transactive import Memory
from transactive.errors import AccessDenied, InvalidInput, NotFound, SessionClosed, VersionConflict

OWNER = "owner"
SHARED = "team/shared"
LEVELS = ("public", "internal", "confidential")
FACTS = ("semantic", "procedural")
_UNRATED = 0.3
Errors: TypeAlias = set[type[Exception]]
Chooser: TypeAlias = "Callable[[Item], bool]"


# --- who may do what --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handle:
    """Whom a handle is bound to."""

    agent: str
    user: str | None = None


@dataclass(frozen=True)
class Granted:
    """A grant."""

    principal: str
    pattern: str
    rights: frozenset[str]
    clearance: str
    start: datetime | None
    end: datetime | None


@cache
def fits(pattern: str, place: str) -> bool:
    """Whether a pattern covers a namespace, by regular expressions instead of prefixes."""
    expression = "/".join({"*": "[^/]+", "**": "…"}.get(part, re.escape(part)) for part in pattern.split("/"))
    return re.fullmatch(expression.replace("/…", "(/.+)?").replace("…", ".+"), place) is not None


@dataclass
class Rights:
    """Grants and groups, at a time."""

    now: datetime
    grants: list[Granted] = field(default_factory=list)
    groups: dict[str, set[str]] = field(default_factory=dict)

    def may(self, who: Handle, right: str, place: str, sensitivity: str | None = None) -> bool:
        """Whether a right is given on a namespace, or on the memories of a sensitivity there."""
        if who.agent == OWNER or (f"{place}/".startswith(f"agents/{who.agent}/") and right in {"read", "write"}):
            return True
        return any(
            right in grant.rights
            and fits(grant.pattern, place)
            and self._is(who.agent, grant.principal)
            and (grant.start is None or grant.start <= self.now)
            and (grant.end is None or self.now < grant.end)
            and (sensitivity is None or LEVELS.index(sensitivity) <= LEVELS.index(grant.clearance))
            for grant in self.grants
        )

    def _is(self, agent: str, principal: str) -> bool:
        group = principal.removeprefix("group:")
        return principal in {agent, "*"} or (principal != group and agent in self.groups.get(group, ()))

    def revoke(self, principal: str, pattern: str, rights: Iterable[str]) -> int:
        """Take rights away, all when none is named; returns how many grants had one of them."""
        gone = frozenset(rights) or frozenset({"read", "write", "verify", "admin"})
        held = [g for g in self.grants if (g.principal, g.pattern) == (principal, pattern) and g.rights & gone]
        left = [replace(g, rights=g.rights - gone) if g in held else g for g in self.grants]
        self.grants = [g for g in left if g.rights]
        return len(held)


# --- what is remembered -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class New:
    """What somebody wants to be remembered."""

    text: str
    namespace: str
    kind: str | None = None
    user: str | None = None
    sensitivity: str = "internal"
    tags: tuple[str, ...] = ()
    session: str | None = None
    source: str | None = None
    verified: bool = False
    importance: float | None = None
    ttl: timedelta | None = None
    derived_from: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        """What is given, as the keywords of `remember`."""
        return {name: value for name, value in vars(self).items() if name != "text" and value not in (None, ())}


@dataclass(frozen=True)
class Version:
    """What a revision changes, and when it was made."""

    at: datetime
    text: str
    tags: tuple[str, ...]
    importance: float
    verified_by: str | None


@dataclass
class Said:
    """Somebody says the same: by a memory of their own that was promoted, or in so many words."""

    agent: str
    memory: str | None
    text: str
    tags: tuple[str, ...]
    session: str | None
    derived_from: tuple[str, ...]
    importance: float | None
    """None where the store rated it: it shows once it is a memory of its own."""
    first: datetime
    withdrawn: bool = False
    forget_id: str | None = None
    taken_back: datetime | None = None


@dataclass
class Item:
    """One memory."""

    uid: str
    agent: str
    namespace: str
    kind: str
    user: str | None
    session: str | None
    sensitivity: str
    recorded: datetime
    expires: datetime | None
    versions: list[Version]
    mergeable: bool
    """Whether others may say it again: a fact or a copy, where the policy had it so."""
    derived_from: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    superseded_by: str | None = None
    superseded_at: datetime | None = None
    promoted_from: str | None = None
    promoted_by: str | None = None
    reinforced: int = 0
    seen: datetime | None = None
    said: dict[tuple[str, str], Said] = field(default_factory=dict)
    forgotten: datetime | None = None
    forget_id: str | None = None
    heir_of: str | None = None
    away: list[tuple[datetime, datetime]] = field(default_factory=list)
    corrected: list[tuple[datetime, datetime]] = field(default_factory=list)

    def was_superseded(self, at: datetime) -> bool:
        """Whether something else stood in its place at a time."""
        still = self.superseded_at is not None and self.superseded_at <= at
        return still or any(start <= at < end for start, end in self.corrected)

    @property
    def now(self) -> Version:
        """The current version."""
        return self.versions[-1]

    @property
    def corroborated(self) -> int:
        """How many others say the same, each with each of its sources."""
        return sum(1 for said in self.said.values() if said.agent != self.agent and not said.withdrawn)

    def shown(self) -> dict[str, Any]:
        """What a reader is told, by the names of `Memory`."""
        return {
            "text": self.now.text,
            "tags": self.now.tags,
            "importance": self.now.importance,
            "verified_by": self.now.verified_by,
            "version": len(self.versions),
            "updated_at": self.now.at,
            "recorded_at": self.recorded,
            "expires_at": self.expires,
            "last_seen_at": self.seen,
            **{name: getattr(self, name) for name in _PLAIN},
        }


_PLAIN = (
    *("agent", "namespace", "kind", "user", "session", "sensitivity", "derived_from", "supersedes", "superseded_by"),
    *("promoted_from", "promoted_by", "reinforced", "corroborated"),
)


@dataclass
class Sitting:
    """A session."""

    agent: str
    user: str | None
    ended: bool = False


def heir(item: Item, said: Said, now: datetime) -> Item:
    """What a memory says, as somebody else said it."""
    return replace(
        item,
        uid="",
        agent=said.agent,
        session=said.session,
        recorded=now,
        versions=[Version(now, said.text, said.tags, _UNRATED if said.importance is None else said.importance, None)],
        derived_from=said.derived_from,
        supersedes=(),
        promoted_from=said.memory,
        promoted_by=None if said.memory is None else said.agent,
        reinforced=0,
        seen=None,
        said={},
        forgotten=None,
        forget_id=None,
        heir_of=None,
        superseded_by=None,
        superseded_at=None,
        away=[],
        corrected=[],
    )


def differences(item: Item, memory: Memory) -> dict[str, tuple[Any, Any]]:
    """Where a memory is not as expected: the field, what it should be and what it is."""
    expected = item.shown()
    return {name: (value, getattr(memory, name)) for name, value in expected.items() if getattr(memory, name) != value}


def said_as(text: str) -> str:
    """A text without what makes no difference to what it says."""
    return " ".join(word.strip(".!,") for word in text.casefold().split() if word != "the")


@dataclass
class Memories(Rights):
    """A store."""

    items: dict[str, Item] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, Sitting] = field(default_factory=dict)
    answered: Callable[[], Mapping[str, Memory]] = dict
    """What the owner sees of the store: for ids, and for choices that are the store's to make."""

    # --- looking ------------------------------------------------------------------------------------------------------

    def policy(self, place: str) -> dict[str, Any]:
        """What holds in a namespace: field by field from the closest pattern."""
        far_first = sorted(self.policies, key=lambda pattern: (pattern.count("*"), -len(pattern)), reverse=True)
        found: dict[str, Any] = {}
        for pattern in far_first:
            if fits(pattern, place):
                found.update(self.policies[pattern])
        return found

    def over(self, item: Item) -> bool:
        """Whether its time is over."""
        return item.expires is not None and item.expires <= self.now

    def live(self, item: Item) -> bool:
        """Whether anybody can read it."""
        return item.forgotten is None and not self.over(item)

    def stands(self, item: Item) -> bool:
        """Whether it is live, and nothing has taken its place."""
        return self.live(item) and item.superseded_by is None

    def below_ceiling(self, item: Item) -> bool:
        """Whether it is not too sensitive for where it is."""
        ceiling = self.policy(item.namespace).get("max_sensitivity", LEVELS[-1])
        return LEVELS.index(item.sensitivity) <= LEVELS.index(ceiling)

    def visible(self, who: Handle, item: Item) -> bool:
        """Whether somebody may read it, were it live."""
        if who.agent != OWNER and not self.below_ceiling(item):
            return False
        mine = who.user is None or item.user in {None, who.user}
        return mine and self.may(who, "read", item.namespace, item.sensitivity)

    def sees(self, who: Handle, item: Item) -> bool:
        """Whether somebody can read it."""
        return self.live(item) and self.visible(who, item)

    def changes(self, who: Handle, item: Item) -> bool:
        """Whether somebody may revise, forget or restore it, were it live."""
        own = item.agent == who.agent and self.may(who, "write", item.namespace)
        return self.visible(who, item) and (own or self.may(who, "admin", item.namespace, item.sensitivity))

    def readable(self, who: Handle) -> list[Item]:
        """All that somebody can read."""
        return [item for item in self.items.values() if self.sees(who, item)]

    def recalled(self, who: Handle, *, superseded: bool = False) -> list[Item]:
        """All that a question may bring up: neither corrected nor a draft that is held back."""
        return [
            item
            for item in self.readable(who)
            if (superseded or item.superseded_by is None) and not self.is_held(item, item.now)
        ]

    def is_held(self, item: Item, version: Version) -> bool:
        """Whether a namespace keeps a draft out of recall; where none may enter, one may have become one since."""
        return self.policy(item.namespace).get("verified_only") in {"hold", "refuse"} and version.verified_by is None

    def known(self, who: Handle, at: datetime) -> list[tuple[Item, Version]]:
        """What was known at an earlier time of what somebody may read today, each as it was."""
        found: list[tuple[Item, Version]] = []
        for item in self.items.values():
            gone = any(start <= at < end for start, end in item.away)
            gone = gone or (item.forgotten is not None and item.forgotten <= at)
            gone = gone or (item.expires is not None and item.expires <= at)
            if item.recorded <= at and not gone and self.visible(who, item):
                found.append((item, [version for version in item.versions if version.at <= at][-1]))
        return found

    # --- remembering --------------------------------------------------------------------------------------------------

    def refuses(self, who: Handle, new: New) -> Errors:
        """Why something cannot be written; any of these may be the answer."""
        why: Errors = set()
        if not self.may(who, "write", new.namespace) or (new.verified and not self.may(who, "verify", new.namespace)):
            why.add(AccessDenied)
        if who.user is not None and new.user not in {None, who.user}:
            why.add(AccessDenied)
        if not self.admits(new.namespace, new.sensitivity, verified=new.verified):
            why.add(AccessDenied)
        if new.session is not None:
            why |= self._refuses_session(new.session, new.user or who.user)
        if any(uid not in self.items or not self.sees(who, self.items[uid]) for uid in new.derived_from):
            why.add(NotFound)
        for uid in new.supersedes:
            why |= self._refuses_correction(who, uid, new)
        return why

    def admits(self, place: str, sensitivity: str, *, verified: bool) -> bool:
        """Whether the policy of a namespace lets a memory in."""
        policy = self.policy(place)
        ceiling = policy.get("max_sensitivity", LEVELS[-1])
        gated = policy.get("verified_only") == "refuse" and not verified
        return not gated and LEVELS.index(sensitivity) <= LEVELS.index(ceiling)

    def _refuses_session(self, id: str, user: str | None) -> Errors:
        session = self.sessions.get(id)
        if session is None:
            return set()
        why: Errors = {SessionClosed} if session.ended else set()
        if None not in (session.user, user) and session.user != user:
            why.add(AccessDenied)
        return why

    def _refuses_correction(self, who: Handle, uid: str, new: New) -> Errors:
        old = self.items.get(uid)
        if old is None or not self.sees(who, old):
            return {NotFound}
        why: Errors = set() if self.changes(who, old) else {AccessDenied}
        if old.superseded_by is not None:
            why.add(VersionConflict)
        as_open = LEVELS.index(new.sensitivity) <= LEVELS.index(old.sensitivity)
        if (old.namespace, old.user) != (new.namespace, new.user or who.user) or not as_open:
            why.add(AccessDenied)
        return why

    def repeats(self, who: Handle, new: Item, own: Iterable[str] = ()) -> list[Item]:
        """The memories that a new one would only say again, as far as its writer may know of them.

        `own` is what the same call wrote before: what one may not read, one still has just said.
        """
        if not self.policy(new.namespace).get("reinforce", True):
            return []
        return [
            old
            for old in self.items.values()
            if old.mergeable
            and (old.namespace, old.kind, old.user, old.sensitivity)
            == (new.namespace, new.kind, new.user, new.sensitivity)
            and said_as(old.now.text) == said_as(new.now.text)
            and self.stands(old)
            and (old.uid in own or (self.visible(who, old) and self._takes(who, old, new)))
            and not (new.now.verified_by and not old.now.verified_by)
        ]

    def _takes(self, who: Handle, old: Item, new: Item) -> bool:
        """Whether nothing that is said with the new one is lost in the old one; a copy's origin keeps it."""
        return new.promoted_from is not None or {*new.now.tags} <= {*old.now.tags} or self.changes(who, old)

    def remember(self, who: Handle, new: New, uid: str, importance: float, own: Iterable[str] = ()) -> None:
        """Something is written; `uid` and `importance` are what the store answered. `by_policy` comes after all."""
        item = self._item(who, new, uid, importance)
        if item.session is not None:
            session = self.sessions.setdefault(item.session, Sitting(who.agent, item.user))
            session.user = session.user or item.user
        again = self.repeats(who, item, own) if item.kind in FACTS and not new.supersedes else []
        if uid in self.items:
            assert uid in {old.uid for old in again}, f"{new} says nothing again, and reinforces {self.items[uid]}"
            gains = uid in own or self.changes(who, self.items[uid])
            self._reinforce(self.items[uid], item, key=new.source or "", importance=new.importance, gains=gains)
        else:
            assert not again, f"{new} says again what {again} say, and is another memory: {uid}"
            self.items[uid] = item
            self._supersede(item)

    def _supersede(self, item: Item) -> None:
        for former in item.supersedes:
            self.items[former].superseded_by, self.items[former].superseded_at = item.uid, self.now

    def _item(self, who: Handle, new: New, uid: str, importance: float) -> Item:
        ttl = new.ttl or self.policy(new.namespace).get("ttl")
        return Item(
            uid=uid,
            agent=who.agent,
            namespace=new.namespace,
            kind=new.kind or ("episodic" if new.session else "semantic"),
            user=new.user or who.user,
            session=new.session,
            sensitivity=new.sensitivity,
            recorded=self.now,
            expires=None if ttl is None else self.now + ttl,
            versions=[Version(self.now, new.text, new.tags, importance, who.agent if new.verified else None)],
            mergeable=(new.kind or ("episodic" if new.session else "semantic")) in FACTS
            and self.policy(new.namespace).get("reinforce", True),
            derived_from=new.derived_from,
            supersedes=new.supersedes,
        )

    def _reinforce(
        self, old: Item, new: Item, *, key: str, importance: float | None, gains: bool, memory: str | None = None
    ) -> None:
        before = old.said.get((new.agent, memory or key))
        old.said[new.agent, memory or key] = Said(
            agent=new.agent,
            memory=memory,
            text=new.now.text if new.now.text != old.now.text or before is None else before.text,
            tags=new.now.tags,
            session=new.session,
            derived_from=new.derived_from,
            importance=importance if memory is None else new.now.importance,
            first=self.now if before is None else before.first,
        )
        old.reinforced, old.seen = old.reinforced + 1, self.now
        if old.expires is not None:
            old.expires = None if new.expires is None else max(old.expires, new.expires)
        tags = (*old.now.tags, *(tag for tag in new.now.tags if tag not in old.now.tags))
        higher = max(old.now.importance, importance or 0)
        if gains and (tags, higher) != (old.now.tags, old.now.importance):
            old.versions.append(replace(old.now, at=self.now, tags=tags, importance=higher))

    # --- promotion ----------------------------------------------------------------------------------------------------

    def refuses_promotion(self, who: Handle, item: Item, to: str) -> Errors:
        """Why a memory cannot be promoted."""
        if not self.sees(who, item):
            return {NotFound}
        if to == item.namespace:
            return {InvalidInput}
        if not self.may(who, "write", to):
            return {AccessDenied}
        if item.superseded_by is not None:
            return {VersionConflict}
        verified = item.now.verified_by is not None and self.may(who, "verify", to)
        let_in = self.backed(who, item, to) is not None or self.admits(to, item.sensitivity, verified=verified)
        return set() if let_in else {AccessDenied}

    def backed(self, who: Handle, item: Item, to: str) -> Item | None:
        """What a memory was promoted to already, as its copy or as one more source, if the promoter may know of it."""
        there = [other for other in self.items.values() if other.namespace == to and self.live(other)]
        copies = [other for other in reversed(there) if other.promoted_from == item.uid]
        backed = [other for other in there if any(said.memory == item.uid for said in other.said.values())]
        for other in [*copies, *backed][:1]:
            still = other not in copies or said_as(other.now.text) == said_as(item.now.text)
            if still and (other.promoted_by == who.agent or self.visible(who, other)):
                return other
        return None

    def promote(self, who: Handle, item: Item, to: str, uid: str) -> None:
        """A memory was promoted, and `uid` is what the store answered."""
        done = self.backed(who, item, to)
        if done is not None:
            assert done.uid == uid, f"promoted again, {item} is another memory than {done}: {uid}"
            return
        copy = self._copy(who, item, to, uid)
        again = self.repeats(who, copy)
        if uid in self.items:
            assert uid in {old.uid for old in again}, f"{item} is not what {self.items[uid]} says"
            gains = self.changes(who, self.items[uid])
            self._reinforce(self.items[uid], copy, key="", importance=None, memory=item.uid, gains=gains)
        else:
            assert not again, f"{item} is there already in {to}: {again}"
            copy.supersedes = tuple(old.uid for old in self._stale(who, item, copy))
            self.items[uid] = copy
            self._supersede(copy)

    def _stale(self, who: Handle, item: Item, copy: Item) -> list[Item]:
        """Former copies of a memory, or of what it corrects, that nobody else backs: the new copy takes their place."""
        origins = {item.uid, *item.supersedes}
        return [
            old
            for old in self.items.values()
            if old.promoted_from in origins
            and (old.namespace, old.user, old.sensitivity) == (copy.namespace, copy.user, copy.sensitivity)
            and old.forgotten is None
            and old.superseded_by is None
            and not old.corroborated
            and self.changes(who, old)
        ]

    def _copy(self, who: Handle, item: Item, to: str, uid: str) -> Item:
        ttl = self.policy(to).get("ttl")
        verified = item.now.verified_by if self.may(who, "verify", to) else None
        return Item(
            uid=uid,
            agent=item.agent,
            namespace=to,
            kind=item.kind,
            user=item.user,
            session=item.session,
            sensitivity=item.sensitivity,
            recorded=self.now,
            expires=None if ttl is None else self.now + ttl,
            versions=[replace(item.now, at=self.now, verified_by=verified)],
            mergeable=self.policy(to).get("reinforce", True),
            promoted_from=item.uid,
            promoted_by=who.agent,
        )

    def by_policy(self, who: Handle, item: Item) -> None:
        """What the policy promotes of a memory that was just written."""
        policy = self.policy(item.namespace)
        if not self.stands(item) or item.promoted_from is not None or not {"promote_to", "promote_at"} & policy.keys():
            return
        to = policy.get("promote_to", SHARED)
        if item.now.importance < policy.get("promote_at", 0.7) or to == item.namespace:
            return
        verified = item.now.verified_by is not None and self.may(who, "verify", to)
        if not self.may(who, "write", to) or self.backed(who, item, to) is not None:
            return
        if self.admits(to, item.sensitivity, verified=verified):
            self.promote(who, item, to, self._promoted(item, to))

    def _promoted(self, item: Item, to: str) -> str:
        """What the store made of a promotion by policy: a new copy, or one more source of what was there."""
        shown = self.answered()
        copies = [m.uid for m in shown.values() if m.promoted_from == item.uid and m.namespace == to]
        there = [other for other in self.items.values() if other.namespace == to and other.uid in shown]
        backed = [other.uid for other in there if shown[other.uid].reinforced > other.reinforced]
        found = [uid for uid in copies if uid not in self.items] or backed
        assert found, f"not promoted to {to}: {item}"
        return found[0]

    # --- later --------------------------------------------------------------------------------------------------------

    def revise(self, who: Handle, item: Item, *, text: str | None, importance: float | None) -> None:
        """A new version."""
        former, verified = item.now.text, item.now.verified_by
        if verified is not None and text not in (None, item.now.text):
            verified = who.agent if self.may(who, "verify", item.namespace) else None
        item.versions.append(
            replace(
                item.now,
                at=self.now,
                text=item.now.text if text is None else text,
                importance=item.now.importance if importance is None else importance,
                verified_by=verified,
            )
        )
        if said_as(former) != said_as(item.now.text):
            self._divide(item)
        self.by_policy(who, item)

    def _divide(self, item: Item) -> None:
        """A memory says something else: what others said as well stays theirs, in the words of then."""
        self._succeed(item, lambda _: True, until_undone=False)
        others = {key for key, said in item.said.items() if said.agent != item.agent and not said.withdrawn}
        item.said = {key: said for key, said in item.said.items() if key not in others}

    def verify(self, who: Handle, item: Item) -> None:
        """Somebody vouches for a memory."""
        if item.now.verified_by is None:
            item.versions.append(replace(item.now, at=self.now, verified_by=who.agent))
            self.by_policy(who, item)

    def descendants(self, roots: Iterable[Item]) -> list[Item]:
        """All that was promoted or derived from some memories, and so on, without these."""
        known = {item.uid for item in roots}
        size = -1
        while size != len(known):
            size = len(known)
            known |= {i.uid for i in self.items.values() if i.promoted_from in known or known & {*i.derived_from}}
        known -= {item.uid for item in roots}
        return [item for item in self.items.values() if item.uid in known]

    def following(self, who: Handle, chosen: list[Item], *, derived: bool) -> list[Item]:
        """What is forgotten with some memories."""
        uids = {item.uid for item in chosen}
        copies = [i for i in self.items.values() if i.promoted_from in uids and i.corroborated == 0]
        below = self.descendants(chosen) if derived else copies
        return [i for i in below if self.live(i) and i.uid not in uids and self.changes(who, i)]

    def sayings(self, who: Handle, taken: list[Item], fulfils: Chooser) -> list[Said]:
        """What others say of other memories, and would go as well if it were a memory of their own."""
        gone = {item.uid for item in taken}
        found: list[Said] = []
        for item in self.items.values():
            for said in item.said.values():
                if item.uid in gone or item.forgotten is not None or said.withdrawn or said.agent == item.agent:
                    continue
                own = heir(item, said, self.now)
                if said.memory is None and fulfils(own) and self.changes(who, own):
                    found.append(said)
        return found

    def forget(self, taken: list[Item], forget_id: str) -> None:
        """Some memories are forgotten: what they corroborated is so no longer, what they corrected stands again."""
        uids = {item.uid for item in taken}
        for item in taken:
            item.forgotten, item.forget_id = self.now, forget_id
        self._withdraw(uids, withdrawn=True)
        self._reinstate(uids)

    def take_back(self, sayings: list[Said], forget_id: str) -> None:
        """What was said of other memories holds no longer."""
        for said in sayings:
            said.withdrawn, said.forget_id, said.taken_back = True, forget_id, self.now

    def succeed(self, taken: list[Item], fulfils: Chooser) -> None:
        """What another agent said as well, and does not go in that agent's name, stays in it."""
        for item in taken:
            self._succeed(item, lambda own: not fulfils(own))

    def _succeed(self, item: Item, stays: Chooser, *, until_undone: bool = True) -> None:
        others = [said for said in item.said.values() if not said.withdrawn and said.agent != item.agent]
        others.sort(key=lambda said: (said.first, said.agent))
        staying = [said for said in others if stays(heir(item, said, self.now))]
        if not staying:
            return
        first, *backing = staying
        new = heir(item, first, self.now)
        new.heir_of = item.uid if until_undone else None
        if item.superseded_by is not None:
            new.superseded_by, new.superseded_at = item.superseded_by, self.now
        for key, said in list(item.said.items()):
            if said in backing and said.agent != first.agent:
                new.said[key] = item.said.pop(key)
        self._found(new, first)

    def _found(self, new: Item, said: Said) -> None:
        """The heir that the store made; how it spelt and rated the same is its own affair."""
        unknown = [memory for uid, memory in self.answered().items() if uid not in self.items]
        free = {"text"} | ({"importance"} if said.importance is None else set())
        wrong = [differences(new, memory) for memory in unknown]
        found = [
            memory
            for memory, fields in zip(unknown, wrong, strict=True)
            if fields.keys() <= free and said_as(memory.text) == said_as(said.text)
        ]
        assert found, f"nothing stays in the name of {new.agent}: {wrong}"
        new.uid = found[0].uid
        new.versions = [replace(new.now, importance=found[0].importance, text=found[0].text)]
        self.items[new.uid] = new

    def _withdraw(self, uids: set[str], *, withdrawn: bool) -> None:
        for item in self.items.values():
            for said in item.said.values():
                if said.memory in uids:
                    said.withdrawn = withdrawn

    def _reinstate(self, uids: set[str]) -> None:
        """What was corrected by these stands again, unless they had been corrected themselves, by what stays."""
        for item in self.items.values():
            former = item.superseded_by
            if former not in uids:
                continue
            while former in uids:
                former = self.items[former].superseded_by
            item.superseded_by = former
            if item.superseded_by is None and item.superseded_at is not None:
                item.corrected.append((item.superseded_at, self.now))
                item.superseded_at = None

    def undone(self, who: Handle, forget_id: str) -> list[Item]:
        """What an undo would bring back."""
        found = [item for item in self.items.values() if item.forget_id == forget_id and self.changes(who, item)]
        return [item for item in found if not self.past(item)]

    def taken_back(self, who: Handle, forget_id: str) -> list[Said]:
        """What an undo would let hold again of what was said of other memories."""
        return [
            said
            for item in self.items.values()
            for said in item.said.values()
            if said.forget_id == forget_id
            and self.changes(who, heir(item, said, self.now))
            and not self._past(item.namespace, said.taken_back)
        ]

    def past(self, item: Item) -> bool:
        """Whether a forgotten memory is beyond the purge horizon."""
        return self._past(item.namespace, item.forgotten)

    def _past(self, namespace: str, forgotten: datetime | None) -> bool:
        kept: timedelta = self.policy(namespace).get("purge_after", timedelta(days=30))
        return forgotten is not None and self.now - forgotten >= kept

    def undo(self, back: list[Item], again: list[Said]) -> None:
        """Some memories are back, and what they say of others, or was said of others, holds again."""
        for said in again:
            said.withdrawn, said.forget_id, said.taken_back = False, None, None
        for item in back:
            assert item.forgotten is not None
            item.away.append((item.forgotten, self.now))
            item.forgotten = item.forget_id = None
        self._withdraw({item.uid for item in back}, withdrawn=False)
        for item in back:
            for uid in item.supersedes:
                former = self.items.get(uid)
                if former is not None and former.superseded_by in {None, item.superseded_by}:
                    former.superseded_by, former.superseded_at = item.uid, former.superseded_at or self.now
            self._disinherit(item)

    def _disinherit(self, item: Item) -> None:
        """What is back needs no heir."""
        for other in [o for o in self.items.values() if o.heir_of == item.uid and o.forgotten is None]:
            for key in [key for key in other.said if key not in item.said]:
                item.said[key] = other.said.pop(key)
            other.forgotten = self.now

    # --- upkeep -------------------------------------------------------------------------------------------------------

    def expire(self) -> int:
        """What is over is forgotten; what it backed and corrected stays so."""
        due = [item for item in self.items.values() if item.forgotten is None and self.over(item)]
        for item in due:
            item.forgotten = self.now
        return len(due)

    def excess(self) -> dict[str, int]:
        """How many memories each namespace has beyond what its policy keeps."""
        held = Counter(item.namespace for item in self.items.values() if self.live(item))
        most = {place: self.policy(place).get("max_memories") for place in held}
        return {
            place: number - kept for place, kept in most.items() if kept is not None and (number := held[place]) > kept
        }

    def purge(self) -> int:
        """What is past its horizon is deleted for good."""
        due = [item for item in self.items.values() if self.past(item)]
        for item in due:
            del self.items[item.uid]
        for item in self.items.values():
            held = {key: said for key, said in item.said.items() if not self._past(item.namespace, said.taken_back)}
            item.said = held
        return len(due)

    def erase(self, user: str) -> int:
        """All about a user is deleted for good, with what was promoted or derived from it; returns how many it was."""
        about = [item for item in self.items.values() if item.user == user]
        gone = {item.uid for item in [*about, *self.descendants(about)]}
        self._reinstate(gone)
        for uid in gone:
            del self.items[uid]
        for item in self.items.values():
            item.said = {key: said for key, said in item.said.items() if said.memory not in gone}
        self.sessions = {id: session for id, session in self.sessions.items() if session.user != user}
        return len(gone)
