"""observe and wait: turns are recorded at once, and facts are extracted from them in the background."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from transactive.errors import InvalidInput, StoreClosed, TransactiveError
from transactive.ledger import extractions, memories
from transactive.models import Models
from transactive.namespaces import check_path
from transactive.paths import messages
from transactive.paths.incoming import optional_name
from transactive.paths.reading import Reading
from transactive.paths.remember import Also, Remembering
from transactive.paths.writing import Change, Writing
from transactive.policies import effective
from transactive.records import Extracted, Memory, NewMemory, Sensitivity
from transactive.rules import ids
from transactive.rules.access import Identity, clears, most_sensitive

log = logging.getLogger("transactive")

SHARED_KINDS = frozenset({"fact", "preference"})


class Capturing:
    """Records conversations. What is observed is durable when `observe` returns; what is extracted, after `wait`."""

    def __init__(self, writing: Writing, reading: Reading, remembering: Remembering, models: Models) -> None:
        self._writing = writing
        self._reading = reading
        self._remembering = remembering
        self._models = models
        self._store = writing.store
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None
        self._failure: TransactiveError | None = None
        self._stopping = False
        self._asked = False
        if models.extractor is not None:
            self._wake()  # a process that died may have left something to extract

    def observe(
        self, identity: Identity, said: Iterable[object], session: str | None, namespace: str | None
    ) -> list[Memory]:
        """Record messages as turns; those whose ids were recorded before are passed over."""
        if isinstance(said, str | bytes) or not isinstance(said, Iterable):
            raise InvalidInput("observe takes a list of messages")
        place = identity.private if namespace is None else check_path(namespace)
        within = optional_name(session, "a session") or identity.session
        read = [message for message in map(messages.read, said) if message.text.strip() and message.role != "system"]
        items = self._new([self._turn(identity, message, within) for message in read], place)
        if not items:
            return []
        written = self._remembering.many(identity, items, place, action="observe", also=self._note(identity))
        if self._models.extractor is not None:
            self._wake()
        return written

    def _turn(self, identity: Identity, message: messages.Message, session: str | None) -> NewMemory:
        return NewMemory(
            text=message.text,
            id=None if message.id is None else _message_id(identity, session, message.id),
            kind="episodic",
            metadata=message.metadata,
            session=session,
            created_at=message.at,
        )

    def _new(self, items: list[NewMemory], namespace: str) -> list[NewMemory]:
        uids = {item.id: ids.of_foreign(self._store.settings.store_id, namespace, item.id) for item in items if item.id}
        with self._store.ledger.read() as connection:
            known = memories.by_uids(connection, uids.values())  # forgotten ones too: they are not to come back so
        fresh: dict[str, NewMemory] = {}
        for place, item in enumerate(items):
            if item.id is None or uids[item.id] not in known:
                fresh.setdefault(item.id or f"\0{place}", item)
        return list(fresh.values())

    def _note(self, identity: Identity) -> Also | None:
        if self._models.extractor is None:
            return None

        def note(change: Change, written: Sequence[Memory]) -> None:
            extractions.add(change.connection, asdict(identity), [memory.uid for memory in written])

        return note

    # --- extraction -----------------------------------------------------------------------------------------------

    def wait(self, timeout: float | None) -> bool:
        """Wait until everything observed so far is extracted; False when the time is over before.

        Raises the error of the extractor; the turns are kept, and the next call tries them again.
        """
        longest = _seconds(timeout)
        self._store.check()
        if self._models.extractor is None:
            return True
        self._wake()
        deadline = time.monotonic() + longest
        with self._changed:
            while self._worker is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(None if math.isinf(left) else left)
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return True

    def stop(self) -> None:
        """End the background work after the call that runs; the rest is done when the store is opened again."""
        with self._changed:
            self._stopping = True
            worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join()

    def _wake(self) -> None:
        with self._changed:
            self._asked = True
            if self._worker is None and not self._stopping:
                self._failure = None
                self._worker = threading.Thread(target=self._run, name="transactive-extract", daemon=True)
                self._worker.start()

    def _run(self) -> None:
        failure: TransactiveError | None = None
        while True:
            with self._changed:
                self._asked = False
            try:
                self._extract_all()
            except StoreClosed:
                failure = None
            except TransactiveError as error:
                log.warning("extraction failed, and is tried again with the next turns: %s", error)
                failure = error
            with self._changed:
                if not self._asked or self._stopping:
                    self._worker, self._failure = None, failure
                    self._changed.notify_all()
                    return

    def _extract_all(self) -> None:
        last, failure = 0, None
        while not self._stopping:
            with self._store.ledger.read() as connection:
                waiting = extractions.following(connection, last)
            if waiting is None:
                break
            last = waiting.number
            try:
                self._extract(replace(Identity(**waiting.identity), session=None), waiting)
            except StoreClosed:
                raise
            except TransactiveError as error:  # one conversation must not hold up the others
                failure = error
        if failure is not None:
            raise failure

    def _extract(self, identity: Identity, waiting: extractions.Waiting) -> None:
        turns = self._reading.several(identity, waiting.uids)  # what is extracted rests on them, so it needs no others
        items = [self._item(identity, turns, found) for found in self._models.extracted(turns)] if turns else []
        if items:

            def done(change: Change, _written: Sequence[Memory]) -> None:
                extractions.done(change.connection, waiting.number)

            self._remembering.many(identity, items, action="extract", also=done)
            return
        with self._store.ledger.write() as connection:
            extractions.done(connection, waiting.number)

    def _item(self, identity: Identity, turns: Sequence[Memory], found: Extracted) -> NewMemory:
        resting = [turns[n] for n in found.turns] or list(turns)
        sensitivity = most_sensitive(resting)
        named = {"entity": found.entity, "attribute": found.attribute, "value": found.value}
        return NewMemory(
            text=found.text,
            namespace=self._place(identity, found, sensitivity),
            kind="procedural" if found.kind == "skill" else "semantic",
            importance=found.importance,
            tags=(found.kind,),
            metadata={key: value for key, value in named.items() if value is not None},
            user=next((turn.user for turn in resting if turn.user is not None), None),
            session=None,
            confidence=found.confidence,
            sensitivity=sensitivity,
            derived_from=tuple(turn.uid for turn in resting),
        )

    def _place(self, identity: Identity, found: Extracted, sensitivity: Sensitivity) -> str:
        """Facts and preferences are shared where the agent may write them; skills and attributes are its own."""
        shared = self._store.settings.shared
        if found.kind not in SHARED_KINDS or shared is None:
            return identity.private
        with self._store.ledger.read() as connection:
            allowed = self._store.reach(connection, identity).may("write", shared)
        policy = effective(self._store.latest.policies, shared)
        admitted = policy.verified_only != "refuse" and clears(policy.max_sensitivity or "confidential", sensitivity)
        return shared if allowed and admitted else identity.private


def _seconds(timeout: float | None) -> float:
    """How long to wait at most: for ever without a timeout, and with one that is longer than a thread can."""
    if timeout is None:
        return math.inf
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout >= 0:
        raise InvalidInput(f"timeout is a number of seconds, at least 0, not {timeout!r:.40}")
    return timeout if timeout < threading.TIMEOUT_MAX else math.inf


def _message_id(identity: Identity, session: str | None, id: str) -> str:
    """The memory's id for a message's: the same for the same message, and never that of another user's or session's."""
    named = json.dumps([identity.user, identity.app, session, id])
    return "message-" + hashlib.sha256(named.encode()).hexdigest()[:32]
