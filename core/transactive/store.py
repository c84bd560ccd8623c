"""What an open store consists of: its parts, its settings, and caches that can be read again from the ledger."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection

from transactive.embedding.protocol import Embedder
from transactive.embedding.static import StaticEmbedder
from transactive.embedding.terms import SparseEncoder
from transactive.errors import ForkedStore, StoreClosed
from transactive.filters import ALL, And, Expression, Not, Or, Test, Value, both, equals, matches
from transactive.index.edge import EdgeIndex
from transactive.index.lock import FileLock
from transactive.index.protocol import Index, RangeKind
from transactive.ledger import access, directory, events, lineage, memories, namespaces
from transactive.ledger.database import Database
from transactive.models import Models
from transactive.namespaces import covers, patterns_covering
from transactive.policies import Policy, effective
from transactive.records import SENSITIVITIES, Degrade, Grant, Kind, Sensitivity
from transactive.rules.access import Ceilings, Identity, Reach, reach
from transactive.rules.cues import Names
from transactive.rules.ranking import Traits

EDGE = EdgeIndex.id
_MOST_TRAITS = 200_000
_MOST_VIEWS = 256
_MOST_SELECTIONS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What `open` was told, and what the store holds to since it was created."""

    path: Path
    store_id: str
    language: str
    shared: str | None
    degrade: Degrade
    durability: Literal["process", "power"]
    index_fields: Mapping[str, RangeKind]
    build_at: int
    """How many unindexed memories start a build."""
    temporary: bool
    cursor_key: str
    """Of the cursors into the feed of events, in hexadecimal digits."""


@dataclass(frozen=True)
class Tables:
    """Who may do what, as of one access epoch."""

    epoch: int
    grants: list[Grant]
    groups: dict[str, list[str]]
    policies: dict[str, Policy]
    namespaces: frozenset[str]
    registered: frozenset[str]
    """The agents of the directory."""

    @cached_property
    def ceilings(self) -> Ceilings:
        """The namespaces whose policy bounds the sensitivity of what is there."""
        if all(policy.max_sensitivity is None for policy in self.policies.values()):
            return ()
        found: list[tuple[str, Sensitivity]] = []
        for place in sorted(self.namespaces):
            level = effective(self.policies, place).max_sensitivity
            if level is not None and level != SENSITIVITIES[-1]:
                found.append((place, level))
        return tuple(found)

    @cached_property
    def gated(self) -> tuple[str, ...]:
        """The namespaces from which only verified memories are recalled."""
        if all(policy.verified_only in {None, "off"} for policy in self.policies.values()):
            return ()
        return tuple(p for p in sorted(self.namespaces) if effective(self.policies, p).verified_only != "off")

    @cached_property
    def advertised(self) -> tuple[str, ...]:
        """The namespaces whose authors may be named to those who may not read them."""
        if not any(policy.advertise for policy in self.policies.values()):
            return ()
        return tuple(place for place in sorted(self.namespaces) if effective(self.policies, place).advertise)


@dataclass(frozen=True, slots=True)
class Who:
    """One live combination of where, by whom, about whom, how sensitive and of what kind."""

    namespace: str
    agent: str
    user: str | None
    sensitivity: Sensitivity
    kind: Kind

    def read(self, path: str) -> list[tuple[Value, bool]]:
        """Its values for `filters.matches`."""
        if path == "scopes":
            return [(pattern, True) for pattern in patterns_covering(self.namespace)]
        value = getattr(self, path)
        return [] if value is None else [(value, False)]


_WHO = frozenset({"namespace", "scopes", "agent", "user", "sensitivity", "kind"})


def _decides(expression: Expression) -> bool:
    """Whether a condition is decided by a `Who`."""
    match expression:
        case And(items) | Or(items):
            return all(map(_decides, items))
        case Not(item):
            return _decides(item)
        case Test(path=path):
            return path in _WHO


def names_scopes(expression: Expression) -> bool:
    """Whether a condition asks for patterns that cover a memory, as what was superseded has none of."""
    parts = expression.items if isinstance(expression, And) else (expression,)
    return any(isinstance(part, Test) and part.path == "scopes" for part in parts)


@dataclass(frozen=True, slots=True)
class Encoders:
    """What makes vectors of texts."""

    embedder: Embedder
    sparse: SparseEncoder


class View:
    """What one caller can know of, as of the memories that there are; grows with them."""

    def __init__(self, allowed: Reach, known: Iterable[Who]) -> None:
        self.names = Names()
        """The agents and users of readable memories."""
        self._allowed = allowed
        self._readable: set[str] = set()
        self._hidden: set[str] = set()
        self._condition: Expression | None = None
        self._at: dict[str, set[Who]] = {}
        self._fulfilled: dict[str, bool] = {}
        for who in known:
            self.add(who)

    def add(self, who: Who) -> None:
        """Take in a combination that was not there before."""
        self._at.setdefault(who.namespace, set()).add(who)
        self._fulfilled.clear()
        places = self._readable
        if self._sees(who):
            self.names.add(who.agent)
            if who.user is not None:
                self.names.add(who.user)
        else:
            places = self._hidden
        if who.namespace not in places:
            places.add(who.namespace)
            self._condition = None

    @property
    def readable(self) -> Expression:
        """The cheapest condition that holds for every memory the caller may read and for no other that there is."""
        if self._condition is None:
            self._condition = self._cheapest()
        return self._condition

    def admitted(self, gated: Iterable[str]) -> Expression:
        """What is readable without the drafts of namespaces that hold them back.

        Said by what is there rather than by what is not: an index looks up the one, and must check each point for the
        other (8 ms instead of 0.3 at 10,000 points).
        """
        held = self._readable & set(gated)
        if not held:
            return self.readable
        verified = both(equals("scopes", *sorted(held)), equals("verified", True))
        opened = Or((equals("scopes", *sorted(self._readable - held)), verified))
        mixed = bool(self._readable & self._hidden)
        return both(self._allowed.condition(), opened) if mixed else opened

    def selected(self, asked: Expression, gated: Sequence[str]) -> Expression:
        """The cheapest condition for what the caller may read of what it asks for.

        Each condition costs an index a third of a millisecond at 5,000 points; where all that is there fulfils them,
        the patterns that are asked for are enough.
        """
        if gated:
            return both(self.admitted(gated), asked)
        parts = asked.items if isinstance(asked, And) else (asked,)
        decided = [part for part in parts if _decides(part)]
        patterns = next((part.operand for part in decided if isinstance(part, Test) and part.path == "scopes"), None)
        if patterns is None or not self._fulfil(decided, patterns):
            return both(self.readable, asked)
        return both(equals("scopes", *patterns), *(part for part in parts if not _decides(part)))

    def _fulfil(self, decided: Sequence[Expression], patterns: Sequence[str]) -> bool:
        """Whether all that lies where these patterns say is readable and fulfils the conditions."""
        key = repr(decided)  # two filters may be equal though they are not the same: True is not 1
        found = self._fulfilled.get(key)
        if found is None:
            if len(self._fulfilled) > _MOST_SELECTIONS:
                self._fulfilled.clear()
            inside = (who for place in self._within(patterns) for who in self._at[place])
            found = all(self._sees(w) and all(matches(part, w.read) for part in decided) for w in inside)
            self._fulfilled[key] = found
        return found

    def _within(self, patterns: Sequence[str]) -> Iterable[str]:
        if not any(pattern.endswith("*") for pattern in patterns):
            return [pattern for pattern in patterns if pattern in self._at]  # each a place itself
        return [place for place in self._at if any(covers(pattern, place) for pattern in patterns)]

    def _cheapest(self) -> Expression:
        if not self._hidden:
            return ALL
        if self._readable & self._hidden:
            return self._allowed.condition()
        # Whole namespaces are readable or not: the condition needs neither sensitivity nor user.
        patterns = {rule.pattern for rule in self._allowed.rules if "read" in rule.rights}
        return equals("scopes", *sorted(p for p in patterns if any(covers(p, place) for place in self._readable)))

    def _sees(self, who: Who) -> bool:
        user = self._allowed.identity.user
        mine = user is None or who.user is None or who.user == user
        return mine and self._allowed.may_at("read", who.namespace, who.sensitivity)


class Signal:
    """Tells whoever waits in this process that something was committed."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: set[Callable[[], None]] = set()

    def give(self) -> None:
        """Wake everybody who waits."""
        with self._guard:
            waiting = list(self._waiting)
        for wake in waiting:
            wake()

    @contextmanager
    def heard(self, wake: Callable[[], None]) -> Generator[None, None, None]:
        """Have a function called at each commit, from the thread that commits; it must not block."""
        with self._guard:
            self._waiting.add(wake)
        try:
            yield
        finally:
            with self._guard:
                self._waiting.discard(wake)


class Store:
    """The open parts. Caches hold nothing that the ledger does not."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Database,
        index: Index | None,
        encoders: Encoders,
        models: Models,
        lock: FileLock | None,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.index = index
        self.encoders = encoders
        self.models = models
        self.lock = lock
        self.clock = clock
        self.new_id = new_id
        self.closed = False
        self.signal = Signal()
        self.seen: dict[str, datetime] = {}
        """When an agent of the directory was last noted as there."""
        self.measured: Counter[tuple[int, str]] = Counter()
        """What was counted since that was last written to the ledger: by hour and name."""
        self.recalled: dict[str, datetime] = {}
        self.accessed: dict[str, tuple[datetime, int]] = {}
        """What was used since that was last written to the ledger: when last, and how often."""
        self.forgetters: list[Callable[[], None]] = []
        """What else must forget what it has at hand once something is deleted for good."""
        self.expiring = False
        self.superseding = False
        self._pid = os.getpid()
        self._tables: Tables | None = None
        self._known: set[Who] | None = None
        self._views: dict[Reach, View] = {}
        self._traits: dict[int, Traits] = {}
        self.guard = threading.Lock()
        """Of the caches and counters."""
        self._counter = encoders.embedder if isinstance(encoders.embedder, StaticEmbedder) else None

    def check(self) -> None:
        """`StoreClosed` or `ForkedStore` when the store cannot be used."""
        if self.closed:
            raise StoreClosed("this store is closed; open it again with TeamMemory.open(…)")
        if os.getpid() != self._pid:
            raise ForkedStore(
                f"this store was opened in process {self._pid} and is used in its fork {os.getpid()}; "
                "open it in the child instead, with index=None where the parent keeps the index"
            )

    def count_tokens(self, text: str) -> int:
        """Word pieces of the bundled tokenizer × 1.2."""
        with self.guard:
            if self._counter is None:
                self._counter = StaticEmbedder()
        return ceil(1.2 * self._counter.count_tokens(text))

    def count(self, name: str, times: int = 1) -> None:
        """Count something for `team.metrics`; `Settling.clear` writes it down."""
        if times:
            with self.guard:
                self.measured[int(self.clock().timestamp()) // 3600, name] += times

    def counted(self) -> Mapping[tuple[int, str], int]:
        """What was counted and is not written down yet; counting starts again."""
        with self.guard:
            measured, self.measured = self.measured, Counter()
        return measured

    # --- access ---------------------------------------------------------------------------------------------------

    def tables(self, connection: Connection, heads: events.Heads | None = None) -> Tables:
        """Grants, groups, policies and namespaces, read again when their epoch has moved."""
        epoch = (heads or events.read(connection)).access_epoch
        tables = self._tables
        if tables is None or tables.epoch != epoch:
            tables = Tables(
                epoch,
                access.all_grants(connection),
                access.all_groups(connection),
                access.all_policies(connection),
                frozenset(namespaces.paths(connection)),
                directory.names(connection),
            )
            self._tables = tables
        return tables

    def reach(self, connection: Connection, identity: Identity, heads: events.Heads | None = None) -> Reach:
        """What an identity may do now."""
        tables = self.tables(connection, heads)
        return reach(identity, tables.grants, tables.groups, self.clock(), tables.ceilings)

    @property
    def latest(self) -> Tables:
        """The tables as they were last read: in the course of a call that asked for `tables` or `reach` before."""
        assert self._tables is not None
        return self._tables

    @property
    def policies_at_hand(self) -> Mapping[str, Policy]:
        """The policies as they were last read; read now, if they never were."""
        if self._tables is None:
            with self.ledger.read() as connection:
                return self.tables(connection).policies
        return self._tables.policies

    # --- who and what is known ------------------------------------------------------------------------------------

    def learn(self, who: set[Who]) -> None:
        """Note combinations that were just written."""
        with self.guard:
            if self._known is not None:
                new = who - self._known
                self._known |= new
                for view in self._views.values():
                    for combination in new:
                        view.add(combination)

    def forget_known(self) -> None:
        """Read the known combinations again when they are next needed: something went, or another process wrote."""
        with self.guard:
            self._known = None
            self._views.clear()
            self._traits = {}

    def others_wrote(self) -> None:
        """Another process wrote: what is known, and whether anything expires, is read again."""
        self.forget_known()
        with self.ledger.read() as connection:
            self.expiring = memories.expiring(connection)
            self.superseding = lineage.superseding(connection)

    def used(self, uids: Iterable[str]) -> None:
        """Note that memories were answered; `Settling.tidy` writes it down."""
        now = self.clock()
        accessed, traits = self.accessed, self._traits
        for uid in uids:
            accessed[uid] = (now, accessed.get(uid, (now, 0))[1] + 1)
            key = UUID(uid).int
            known = traits.get(key)
            if known is not None:
                traits[key] = replace(known, touched=max(known.touched, now.timestamp()))

    def view(self, connection: Connection, allowed: Reach) -> View:
        """What a caller can know of: names, and what it may read as the cheapest exact condition."""
        with self.guard:
            found = self._views.get(allowed)
            if found is None:
                if self._known is None:
                    self._known = {Who(*row) for row in memories.known(connection)}
                if len(self._views) > _MOST_VIEWS:
                    self._views.clear()
                found = self._views[allowed] = View(allowed, self._known)
            return found

    def latest_reach(self, identity: Identity) -> Reach:
        """What an identity may do by the tables as they were last read: without asking the ledger again."""
        tables = self.latest
        return reach(identity, tables.grants, tables.groups, self.clock(), tables.ceilings)

    def known_view(self, allowed: Reach) -> View:
        """The view of a caller, read from the ledger only when it is not at hand."""
        with self.guard:
            found = self._views.get(allowed)
        if found is not None:
            return found
        with self.ledger.read() as connection:
            return self.view(connection, allowed)

    def traits(self, connection: Connection, keys: list[int]) -> dict[int, Traits]:
        """What ranking needs of these memories, by their uids as integers; those that are gone are left out."""
        cached = self._traits
        known = {key: traits for key in keys if (traits := cached.get(key)) is not None}
        missing = [key for key in keys if key not in known]
        if missing:
            read = memories.traits(connection, [str(UUID(int=key)) for key in missing])
            found = {UUID(uid).int: traits for uid, traits in read.items()}
            known.update(found)
            if len(cached) + len(found) > _MOST_TRAITS:
                self._traits = dict(found)
            else:
                cached.update(found)
        return known

    def forget_traits(self, uids: Iterable[str]) -> None:
        """These memories are not what they were."""
        for uid in uids:
            self._traits.pop(UUID(uid).int, None)


@dataclass(slots=True)
class Flushed:
    """What the index has learned and the ledger still lists as pending."""

    waiting: dict[str, int] = field(default_factory=dict)
    """Learned, not yet flushed."""
    safe: dict[str, int] = field(default_factory=dict)
    """Flushed: its pending rows may go."""
