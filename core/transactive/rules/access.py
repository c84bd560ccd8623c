"""Who may do what: grants, groups and handles, as one value that every verb asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from transactive.filters import NONE, And, Expression, Not, Or, Test, both, equals
from transactive.namespaces import OWNER, covers, private_namespace, superseded
from transactive.records import RIGHTS, SENSITIVITIES, Authored, Grant, Memory, Placed, Right, Sensitivity


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a handle is bound to. What it stamps, and what it narrows."""

    agent: str
    user: str | None = None
    session: str | None = None
    app: str | None = None

    @property
    def is_owner(self) -> bool:
        """Whether this is the holder of the store itself, who may do everything."""
        return self.agent == OWNER

    @property
    def private(self) -> str:
        """The namespace that this identity writes to by default."""
        return private_namespace(self.agent)


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern with what is allowed in it."""

    pattern: str
    rights: frozenset[Right]
    clearance: Sensitivity


def clears(clearance: Sensitivity, sensitivity: Sensitivity) -> bool:
    """Whether a clearance reaches a sensitivity: public < internal < confidential."""
    return _level(clearance) >= _level(sensitivity)


def most_sensitive(memories: Iterable[Memory]) -> Sensitivity:
    """The highest sensitivity among some memories: that of whatever is made of them."""
    level: Sensitivity = SENSITIVITIES[max((_level(memory.sensitivity) for memory in memories), default=0)]
    return level


def _level(sensitivity: Sensitivity) -> int:
    return SENSITIVITIES.index(sensitivity)


def principals(agent: str, groups: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Every principal that an agent acts as: itself, its groups, and everybody."""
    return frozenset({agent, "*", *(f"group:{name}" for name, members in groups.items() if agent in members)})


Ceilings: TypeAlias = tuple[tuple[str, Sensitivity], ...]
"""For each namespace that has one, the most sensitive memories that may be there."""


def reach(
    identity: Identity,
    grants: Sequence[Grant],
    groups: Mapping[str, Iterable[str]],
    now: datetime,
    ceilings: Ceilings = (),
) -> Reach:
    """What an identity may do at `now`, by the grants that are in force, and below the ceilings of the namespaces."""
    if identity.is_owner:
        return Reach(identity, (Rule("**", frozenset(RIGHTS), "confidential"),))
    own = Rule(f"{identity.private}/**", frozenset[Right]({"read", "write"}), "confidential")
    acting_as = principals(identity.agent, groups)
    granted = (Rule(g.pattern, g.rights, g.clearance) for g in grants if g.principal in acting_as and in_force(g, now))
    return Reach(identity, (own, *granted), ceilings)


def in_force(grant: Grant, now: datetime) -> bool:
    """Whether a grant holds at `now`: from `valid_from` on, and before `valid_until`."""
    return (grant.valid_from is None or grant.valid_from <= now) and (
        grant.valid_until is None or now < grant.valid_until
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """What one identity may do at one moment."""

    identity: Identity
    rules: tuple[Rule, ...]
    ceilings: Ceilings = ()

    def may(self, right: Right, namespace: str) -> bool:
        """Whether the identity has a right on a namespace, at any clearance."""
        return any(right in rule.rights and covers(rule.pattern, namespace) for rule in self.rules)

    def may_at(self, right: Right, namespace: str, sensitivity: Sensitivity) -> bool:
        """Whether the identity has a right on memories of a sensitivity in a namespace."""
        if not all(clears(ceiling, sensitivity) for place, ceiling in self.ceilings if place == namespace):
            return False
        return any(
            right in rule.rights and clears(rule.clearance, sensitivity) and covers(rule.pattern, namespace)
            for rule in self.rules
        )

    def sees(self, placed: Placed) -> bool:
        """Whether a memory, or whatever else lies in a namespace, may be shown to the identity."""
        user = self.identity.user
        mine = user is None or placed.user is None or placed.user == user
        return mine and self.may_at("read", placed.namespace, placed.sensitivity)

    def changes(self, authored: Authored) -> bool:
        """Whether the identity may revise, forget or restore it: its own with `write`, anybody's with `admin`."""
        if not self.sees(authored):
            return False
        own = authored.agent == self.identity.agent and self.may("write", authored.namespace)
        return own or self.may_at("admin", authored.namespace, authored.sensitivity)

    def condition(self, right: Right = "read") -> Expression:
        """`sees` as an expression over stored fields, `scopes` (the patterns that cover a memory) among them."""
        if self.identity.is_owner:
            return both(*self._of_user())
        by_clearance: dict[Sensitivity, list[str]] = {}
        for rule in self.rules:
            if right in rule.rights:
                by_clearance.setdefault(rule.clearance, []).append(rule.pattern)
        parts = [_scoped(patterns, clearance) for clearance, patterns in by_clearance.items()]
        granted: Expression = parts[0] if len(parts) == 1 else Or(tuple(parts)) if parts else NONE
        return both(granted, *self._of_user(), *self._below_ceilings())

    def changeable(self) -> Expression:
        """`changes` as an expression."""
        if self.identity.is_owner:
            return both(*self._of_user())
        writable = [rule.pattern for rule in self.rules if "write" in rule.rights]
        own = both(equals("agent", self.identity.agent), equals("scopes", *dict.fromkeys(writable)))
        return both(self.condition(), Or((own, self.condition("admin"))))

    def _below_ceilings(self) -> tuple[Expression, ...]:
        above: dict[Sensitivity, list[str]] = {}
        for place, ceiling in self.ceilings:
            above.setdefault(ceiling, []).append(place)
        return tuple(
            Not(And((equals("namespace", *places), equals("sensitivity", *SENSITIVITIES[_level(ceiling) + 1 :]))))
            for ceiling, places in above.items()
        )

    def _of_user(self) -> tuple[Expression, ...]:
        if self.identity.user is None:
            return ()
        return (Or((equals("user", self.identity.user), Not(Test("user", "exists")))),)


def _scoped(patterns: list[str], clearance: Sensitivity) -> Expression:
    scopes = equals("scopes", *dict.fromkeys(patterns))
    if clearance == SENSITIVITIES[-1]:
        return scopes
    allowed = SENSITIVITIES[: SENSITIVITIES.index(clearance) + 1]
    return And((scopes, equals("sensitivity", *allowed)))


def widened(expression: Expression) -> Expression:
    """The expression for an index that shall find what was superseded too."""
    match expression:
        case And(items):
            return And(tuple(map(widened, items)))
        case Or(items):
            return Or(tuple(map(widened, items)))
        case Not(item):
            return Not(widened(item))
        case Test(path="scopes"):
            return equals("scopes", *expression.operand, *map(superseded, expression.operand))
        case Test():
            return expression


def narrowed(namespaces: Sequence[str]) -> Expression:
    """The expression that a memory lies in a namespace which one of these patterns covers."""
    return equals("scopes", *dict.fromkeys(namespaces))
