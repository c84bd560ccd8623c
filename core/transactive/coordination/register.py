"""Facts: set, compared, read, followed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, true

from transactive.coordination.events import Follower, Numbered
from transactive.coordination.feed import Feed
from transactive.errors import InvalidInput, VersionConflict
from transactive.ledger import facts as ledger
from transactive.ledger import placed
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema_coordination import facts as table
from transactive.paths.admission import check_may, check_may_share
from transactive.paths.incoming import check_count, check_name
from transactive.paths.placing import Place, Placing, patterns_of
from transactive.paths.values import encode
from transactive.paths.writing import Change
from transactive.records import Fact, Sensitivity
from transactive.rules.access import Identity, Reach

MAX_VALUE = 1 << 20
MAX_VERSION = 2**62


class Register:
    """Keeps facts."""

    def __init__(self, placing: Placing, feed: Feed) -> None:
        self._placing = placing
        self._store = placing.store
        self._feed = feed

    # --- writing --------------------------------------------------------------------------------------------------

    def set(
        self,
        identity: Identity,
        key: str,
        value: Any,
        *,
        expected: int | None,
        namespace: str | None,
        user: str | None,
        sensitivity: Sensitivity | None,
    ) -> Fact:
        """Set a value."""
        name, said = _key(key), encode(value, "a fact's value", most=MAX_VALUE)
        place = self._placing.place(identity, namespace, user, sensitivity, shared=True)
        with self._changing(identity, "set_fact", place, name, _version(expected)) as (change, rows):
            shown = next(iter(rows), None)
            level = place.sensitivity if sensitivity is not None or shown is None else shown.sensitivity
            check_may_share(change.reach, replace(place, sensitivity=level))
            held = next((row for row in rows if row.sensitivity == level), None)
            for row in rows:
                if row is not held and not row.deleted:  # one value under each key, for whoever can read both
                    self._written(change, place, name, row, value="null", deleted=True)
            version = 1 + max((row.version for row in rows), default=0)  # of the key, whatever its level was
            at = replace(place, sensitivity=level)
            return self._written(change, at, name, held, value=said, deleted=False, version=version)

    def update(
        self,
        identity: Identity,
        key: str,
        change: Callable[[Any], Any],
        *,
        namespace: str | None,
        user: str | None,
        sensitivity: Sensitivity | None,
    ) -> Fact:
        """Set a value that depends on the one there is."""
        if not callable(change):
            raise InvalidInput("update takes a function from the value that there is to the new one")
        place = self._placing.place(identity, namespace, user, shared=True)
        while True:
            held = self._exact(identity, place, _key(key))
            value = change(None if held is None or held.deleted else held.value)
            try:
                return self.set(
                    identity,
                    key,
                    value,
                    expected=0 if held is None else held.version,
                    namespace=place.namespace,
                    user=place.user,
                    sensitivity=sensitivity,
                )
            except VersionConflict:
                continue  # somebody else was first

    def delete(
        self, identity: Identity, key: str, expected: int | None, namespace: str | None, user: str | None
    ) -> bool:
        """Delete a value, as a new version."""
        name, place = _key(key), self._placing.place(identity, namespace, user, shared=True)
        with self._changing(identity, "delete_fact", place, name, _version(expected)) as (change, rows):
            live = [row for row in rows if not row.deleted]
            for row in live:
                self._written(change, place, name, row, value="null", deleted=True)
        return bool(live)

    @contextmanager
    def _changing(
        self, identity: Identity, action: str, place: Place, key: str, expected: int | None
    ) -> Generator[tuple[Change, Sequence[AnyRow]], None, None]:
        if expected is not None:  # who was too slow shall not hold up the others
            with self._placing.reading(identity) as (connection, allowed):
                self._checked(connection, allowed, place, key, expected)
        with self._placing.change(identity, action, place) as change:
            yield change, self._checked(change.connection, change.reach, place, key, expected)

    def _checked(
        self, connection: Connection, allowed: Reach, place: Place, key: str, expected: int | None
    ) -> Sequence[AnyRow]:
        """What of a name may be read, the one that `get` shows first, if that is at the version that is expected."""
        check_may(allowed, "write", place.namespace)
        check_may(allowed, "read", place.namespace)
        rows = self._named(connection, allowed, place, key)
        row = next(iter(rows), None)
        stands = 0 if row is None or row.deleted else row.version
        if expected is not None and expected not in {stands, 0 if row is None else row.version}:
            current = None if not stands or row is None else ledger.to_fact(row)
            raise VersionConflict(
                f"the fact {key!r:.100} in {place.namespace!r} is at version {stands}, not {expected}; read it again, "
                "or use update(): nothing was written",
                current,
            )
        return rows

    def _written(
        self,
        change: Change,
        place: Place,
        key: str,
        row: AnyRow | None,
        *,
        value: str,
        deleted: bool,
        version: int | None = None,
    ) -> Fact:
        values: dict[str, Any] = {"value": value, "deleted": deleted, "agent": change.reach.identity.agent}
        values["version"] = row.version + 1 if version is None and row is not None else version
        if row is None:
            values |= {"uid": self._store.new_id(), "key": key, "namespace": place.namespace}
            values |= {"user": place.user, "sensitivity": place.sensitivity}
        else:
            values["number"] = row.number
        fact = ledger.to_fact(ledger.write(change.connection, values, change.now))
        change.noted("fact.delete" if deleted else "fact.set", fact)
        return fact

    # --- reading --------------------------------------------------------------------------------------------------

    def get(self, identity: Identity, key: str, namespace: str | None, user: str | None) -> Fact | None:
        """The fact under a key."""
        name, place = _key(key), self._placing.place(identity, namespace, user, shared=True)
        with self._placing.reading(identity) as (connection, allowed):
            rows = self._shown(connection, allowed, place, name)
        return next((ledger.to_fact(row) for row in rows if not row.deleted), None)

    def _exact(self, identity: Identity, place: Place, key: str) -> Fact | None:
        with self._placing.reading(identity) as (connection, allowed):
            rows = self._named(connection, allowed, place, key)
        return next(map(ledger.to_fact, rows), None)

    def history(self, identity: Identity, key: str, namespace: str | None, user: str | None) -> list[Fact]:
        """Every version of a fact."""
        name, place = _key(key), self._placing.place(identity, namespace, user, shared=True)
        with self._placing.reading(identity) as (connection, allowed):
            row = next(iter(self._shown(connection, allowed, place, name)), None)
            return [] if row is None else ledger.history(connection, row.uid)

    def list(
        self, identity: Identity, prefix: str, namespaces: Sequence[str] | None, limit: int, offset: int
    ) -> list[Fact]:
        """Facts by namespace and key."""
        most = check_count(limit, "limit", least=1, most=10_000)
        first = check_count(offset, "offset", least=0, most=1_000_000)
        begins = _begins(prefix)
        patterns = patterns_of(namespaces)
        with self._placing.reading(identity) as (connection, allowed):
            where = and_(ledger.shown(allowed), placed.within(table, patterns), begins)
            return [ledger.to_fact(row) for row in ledger.matching(connection, where, most, first)]

    def _named(self, connection: Connection, allowed: Reach, place: Place, key: str) -> Sequence[AnyRow]:
        """The facts of a name that may be read: what is there first, and of that the most sensitive."""
        rows = ledger.named(connection, place.namespace, key, place.user, placed.readable(allowed, table))
        return sorted(rows, key=lambda row: bool(row.deleted))

    def _shown(self, connection: Connection, allowed: Reach, place: Place, key: str) -> Sequence[AnyRow]:
        """The same; for a handle bound to a user, those of no user where the user has none."""
        rows = self._named(connection, allowed, place, key)
        if allowed.identity.user is None or any(not row.deleted for row in rows):
            return rows
        return [*self._named(connection, allowed, replace(place, user=None), key), *rows]

    # --- following ------------------------------------------------------------------------------------------------

    def follow(
        self,
        identity: Identity,
        key: str | None,
        prefix: str | None,
        *,
        namespaces: Sequence[str] | None,
        after: str | None,
        idle: timedelta | str | None,
    ) -> Follower[Fact]:
        """Versions of facts as they are set."""
        if (key is None) == (prefix is None):
            raise InvalidInput("follow takes a key or a prefix=, one of the two")
        chosen = table.c.key == _key(key) if key is not None else _begins(prefix)
        asked = self._feed.asked(identity, namespaces, ["fact.*"])

        def shaped(events: Numbered) -> list[tuple[int, Fact]]:
            if not events:
                return []
            with self._placing.reading(identity) as (connection, allowed):
                where = and_(placed.readable(allowed, table), chosen)
                found = ledger.versions(connection, [(event.uid, event.version) for _, event in events], where)
            known = ((number, found.get((event.uid, event.version))) for number, event in events)
            return [(number, fact) for number, fact in known if fact is not None]

        return Follower(self._feed, asked, self._feed.position(after), idle, shaped)


def _begins(prefix: object) -> ColumnElement[bool]:
    if not isinstance(prefix, str):
        raise InvalidInput(f"prefix is a string, not {type(prefix).__name__}")
    return true() if not prefix else func.substr(table.c.key, 1, len(prefix)) == prefix


def _key(key: object) -> str:
    return check_name(key, "a fact's key")


def _version(expected: object) -> int | None:
    return None if expected is None else check_count(expected, "expected_version", least=0, most=MAX_VERSION)
