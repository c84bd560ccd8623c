"""The verbs of a memory's later life: promoted, corrected, verified, explained, disputed, condensed; and of capture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from transactive.handle import Handle
from transactive.records import (
    Compaction,
    Conflict,
    Memory,
    NewMemory,
    Provenance,
    SessionInfo,
    Transcript,
)


class Lifecycle(Handle):
    """What a handle does with memories that are there."""

    def promote(self, id: str, *, to: str | None = None, namespace: str | None = None) -> Memory:
        """Copy a memory to where others read it, by default to the shared namespace; needs the right `write` there.

        The copy keeps author, user, time and content, and names its origin (`promoted_from`). Where the same is said
        there already, that memory gains a source instead (`corroborated`) and is returned. Again, the same is returned,
        unless the origin was revised since: a new copy then takes the place of the former one.

        Raises:
            VersionConflict: it was superseded; `.current` is what took its place.
            NotFound, AccessDenied, InvalidInput.
        """
        return self._engine.promoting.promote(self._identity, id, to, namespace)

    def correct(
        self,
        id: str,
        text: str,
        *,
        importance: float | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        source: str | None = None,
        confidence: float | None = None,
        verified: bool = False,
        namespace: str | None = None,
    ) -> Memory:
        """Put a new memory in the place of a wrong one, which stays in the history but leaves recall.

        Kind, importance, tags, metadata, user and sensitivity are those of the old one unless given; source,
        confidence, verification, session and time to live are the correction's own. Who may revise it may
        correct it: its author with `write`, others with `admin`.

        Raises:
            VersionConflict: it was superseded already; `.current` is what took its place.
            NotFound, AccessDenied, InvalidInput.
        """
        given = NewMemory(
            text=text,
            importance=importance,
            tags=tags,
            metadata=metadata,
            source=source,
            confidence=confidence,
            verified=verified,
        )
        return self._engine.correcting.correct(self._identity, id, given, namespace)

    def verify(self, id: str, *, by: str | None = None, namespace: str | None = None) -> Memory:
        """Mark a memory verified, as a new version; needs the right `verify` there.

        `by` names the person who vouches for it, and is the owner's to say: `team.verify(id, by="dana")`.
        """
        return self._engine.correcting.verify(self._identity, id, by, namespace)

    def why(self, id: str, *, namespace: str | None = None) -> Provenance:
        """Where a memory comes from: author, session, former versions, further sources, and what it was promoted or
        derived from, corrects or is corrected by, each with its own; `print(agent.why(id))` draws the tree.

        What the agent may not read is named by its id alone.
        """
        return self._engine.explaining.why(self._identity, id, namespace)

    def conflicts(self, namespace: str = "**", *, limit: int = 100) -> Sequence[Conflict]:
        """Pairs of facts, procedures, decisions and learnings that say different things about the same thing.

        Either the same `entity` and `attribute` (in the metadata) with another `value`, or very similar texts with
        other numbers, dates or negations: each memory against the 16 latest of the one, and the 16 most similar of the
        other. `namespace` is a path or a pattern; at most 20,000 memories are compared.
        """
        return self._engine.arbitrating.conflicts(self._identity, namespace, limit)

    def resolve(
        self, conflict: Conflict, *, keep: str | None = None, text: str | None = None, dismiss: bool = False
    ) -> Memory | None:
        """Settle a conflict: `keep` the memory with that id, put a new `text` in the place of both, or `dismiss` it.

        What loses is superseded, not forgotten. Returns what stands now; None for a dismissal.

        Raises:
            VersionConflict: one of the two changed since it was listed.
            AccessDenied: the agent may not change what loses, or some who may read it could not read what stands.
        """
        return self._engine.arbitrating.resolve(self._identity, conflict, keep, text, dismiss=dismiss)

    def compact(
        self,
        namespace: str | None = None,
        *,
        older_than: timedelta | str = "30d",
        max_importance: float = 0.3,
        summarizer: Any = None,
        dry_run: bool = False,
    ) -> Compaction:
        """Condense old, unimportant memories of a namespace into summaries, at most 50 into one.

        Only what the agent may change, and never across users, sensitivities or sessions. `summarizer` is a function
        from memories to a text, or a LangChain chat model; by default the store's, or the most telling sentences. The
        originals are forgotten: `undo(compaction.forgotten)` brings them back, and `why(summary.id)` shows them, until
        they are purged.
        """
        return self._engine.compacting.compact(
            self._identity,
            self.namespace if namespace is None else namespace,
            older_than=older_than,
            max_importance=max_importance,
            summarizer=summarizer,
            dry_run=dry_run,
        )

    # --- sessions and capture -------------------------------------------------------------------------------------

    def transcript(self, session: str) -> Transcript:
        """What was contributed to a session, by whom and in which order, as far as the agent may read it."""
        return self._engine.sitting.transcript(self._identity, session)

    def sessions(self, *, user: str | None = None, limit: int = 100) -> Sequence[SessionInfo]:
        """The sessions that the agent began (for the owner: all), latest first."""
        return self._engine.sitting.listed(self._identity, user, limit)

    def observe(
        self, messages: Iterable[object], *, session: str | None = None, namespace: str | None = None
    ) -> Sequence[Memory]:
        """Record a conversation as it happens, one memory a message, and have facts extracted in the background.

        Messages are strings, dicts with `role` and `content`, or message objects of LangChain, AutoGen or LlamaIndex;
        role, author, tool calls and a dict's own `metadata` go to the metadata. A message with an id is recorded once,
        however often it is observed. System messages and empty ones are passed over. The turns are durable when this
        returns; with `open(extractor=…)`, facts and preferences go to the shared namespace, about the user, skills and
        attributes to the agent's own: call `wait` to have them.
        """
        return self._engine.capturing.observe(self._identity, messages, session, namespace)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until what was observed so far is extracted; False when `timeout` seconds were over before.

        Raises `ModelFailed` when the extractor failed: the turns are kept, and the next `wait` tries them again.
        """
        return self._engine.capturing.wait(timeout)
