"""What every handle has: the engine, the identity that it is bound to, and how it shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from transactive.embedding import Embedder
    from transactive.engine import Engine
    from transactive.rules.access import Identity


class Handle:
    """A view of the store bound to one identity."""

    def __init__(self, engine: Engine, identity: Identity) -> None:
        self._engine = engine
        self._identity = identity

    @property
    def name(self) -> str:
        """Whose handle this is; stamped on everything it writes."""
        return self._identity.agent

    @property
    def embedder(self) -> Embedder:
        """The store's own embedding model; where it was opened without an index, the one it was opened with."""
        return self._engine.store.encoders.embedder

    @property
    def path(self) -> Path:
        """The folder of the store that it looks into."""
        return self._engine.store.settings.path

    @property
    def user(self) -> str | None:
        """The user it is bound to: it sees memories of that user and of none, and nothing else."""
        return self._identity.user

    @property
    def app(self) -> str | None:
        """The application that it stamps on what it writes."""
        return self._identity.app

    @property
    def namespace(self) -> str:
        """Its private namespace, `agents/<name>`: where it writes unless told otherwise."""
        return self._identity.private
