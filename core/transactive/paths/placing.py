"""Where something is put: a namespace, about whom, how sensitive; checked like a memory, whatever it is."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from transactive.errors import AccessDenied, InvalidInput
from transactive.ledger import events
from transactive.namespaces import check_path, check_pattern
from transactive.paths.admission import check_gate, check_level, check_may_write, take_tokens
from transactive.paths.incoming import check_sensitivity, optional_name
from transactive.paths.writing import Change, Writing
from transactive.policies import effective
from transactive.records import Sensitivity
from transactive.rules.access import Identity, Reach
from transactive.store import Store


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies."""

    namespace: str
    user: str | None
    sensitivity: Sensitivity


class Placing:
    """Carries out writes into namespaces, under the rules that memories are under."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing
        self.store: Store = writing.store

    def place(
        self,
        identity: Identity,
        namespace: str | None,
        user: str | None = None,
        sensitivity: Sensitivity | None = None,
        *,
        shared: bool = False,
    ) -> Place:
        """Where a call says to put something; without a namespace the private one, or with `shared` the shared one."""
        default = self.store.settings.shared if shared else identity.private
        if namespace is None and default is None:
            raise InvalidInput("this store has no shared namespace (open(…, shared=None)); say namespace=")
        named = optional_name(user, "a user")
        if identity.user is not None and named not in {None, identity.user}:
            raise AccessDenied("this handle is bound to one user and writes about that user only; leave user= out")
        return Place(
            check_path(default if namespace is None else namespace),
            named or identity.user,
            "internal" if sensitivity is None else check_sensitivity(sensitivity),
        )

    @contextmanager
    def change(self, identity: Identity, action: str, place: Place) -> Generator[Change, None, None]:
        """One transaction that puts something in a place.

        Raises `AccessDenied` or `RateLimited` when rights or policy do not let it in.
        """
        with self.writing.change(identity, action) as change:
            self.admit(change, place)
            change.target = place.namespace
            yield change

    def admit(self, change: Change, place: Place) -> None:
        """Let something into a place within a transaction."""
        check_may_write(change.reach, place.namespace)
        policy = effective(change.tables.policies, place.namespace)
        check_gate(place.namespace, policy, verified=False)
        check_level(place.namespace, policy, place.sensitivity)
        take_tokens(change, [place.namespace])
        change.enter([place.namespace])

    @contextmanager
    def reading(self, identity: Identity) -> Generator[tuple[Connection, Reach], None, None]:
        """A connection for reads that see one state, and what the identity may do."""
        self.store.check()
        with self.store.ledger.snapshot() as connection:
            yield connection, self.store.reach(connection, identity, events.read(connection))


def patterns_of(namespaces: Sequence[str] | None) -> list[str] | None:
    """Checked patterns to stay within; None for everywhere."""
    if namespaces is None:
        return None
    if isinstance(namespaces, str) or not isinstance(namespaces, Sequence | set | frozenset):
        raise InvalidInput("namespaces is a list of patterns such as ['team/**']")
    return [check_pattern(pattern) for pattern in namespaces]
