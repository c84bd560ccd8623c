"""The engine: an open store with every path that acts on it. The doors, `TeamMemory` and `Agent`, call nothing else.

It stands between them and the paths so that importing the doors loads neither SQLAlchemy nor NumPy.
"""

from __future__ import annotations

import logging
import threading
from functools import partial

from transactive.checkpoints.keeping import Archive
from transactive.coordination.board import Board
from transactive.coordination.feed import Feed
from transactive.coordination.handing import Handing
from transactive.coordination.inbox import Inbox
from transactive.coordination.measuring import Measuring
from transactive.coordination.noting import Noting
from transactive.coordination.packing import Packing
from transactive.coordination.register import Register
from transactive.coordination.roster import Roster
from transactive.documents.finding import Finding
from transactive.documents.keeping import Keeping
from transactive.errors import IndexUnavailable
from transactive.graph.expanding import Expanding
from transactive.graph.extracting import Extracting
from transactive.graph.linking import Linking
from transactive.graph.looking import Looking
from transactive.namespaces import OWNER
from transactive.paths.auditing import Auditing
from transactive.paths.capture import Capturing
from transactive.paths.compact import Compacting
from transactive.paths.conflicts import Arbitrating
from transactive.paths.correct import Correcting
from transactive.paths.erase import Erasing
from transactive.paths.forget import Forgetting
from transactive.paths.judging import Judging
from transactive.paths.maintain import Background, Maintaining
from transactive.paths.opening import Options, close_store, open_store
from transactive.paths.placing import Placing
from transactive.paths.promote import Promoting
from transactive.paths.provenance import Explaining
from transactive.paths.question import Question, question
from transactive.paths.reading import Reading
from transactive.paths.recall import Recalling
from transactive.paths.remember import Remembering
from transactive.paths.revise import Revising, Revision
from transactive.paths.sessions import Sitting
from transactive.paths.settle import Settling
from transactive.paths.share import Sharing
from transactive.paths.writing import Writing
from transactive.progress import reporter
from transactive.rules.access import Identity

log = logging.getLogger("transactive")

__all__ = ["Engine", "Options", "Question", "Revision", "question", "reporter"]


class Engine:
    """One open store."""

    def __init__(self, options: Options, *, background: bool) -> None:
        self.store = open_store(options)
        self.settling = Settling(self.store)
        models = self.store.models
        writing = Writing(self.store, self.settling)
        judging = Judging(self.store)
        self.reading = Reading(self.store)
        self.recalling = Recalling(self.store, self.settling)
        self.promoting = Promoting(writing, self.reading, judging)
        self.remembering = Remembering(writing, self.reading, judging, self.promoting)
        self.revising = Revising(writing, self.reading, self.promoting)
        self.correcting = Correcting(writing, self.reading, self.remembering, self.promoting)
        self.forgetting = Forgetting(writing, self.reading)
        self.sharing = Sharing(writing, self.forgetting)
        self.explaining = Explaining(self.store, self.reading)
        self.arbitrating = Arbitrating(writing, self.reading, self.remembering)
        self.sitting = Sitting(writing, self.remembering, models)
        self.compacting = Compacting(writing, self.forgetting, models)
        self.auditing = Auditing(writing)
        self.keeping = Keeping(writing)
        self.finding = Finding(self.store, self.keeping, self.recalling)
        self.archive = Archive(self.store)
        owner = Identity(OWNER)
        placing = Placing(writing)
        self._coordinate(placing, owner)
        self._connect(placing)
        erasing = Erasing(writing, owner)
        sweep = partial(self.keeping.sweep, owner)
        also = (self.board.expire, partial(self.feed.sweep, owner))
        self.maintaining = Maintaining(self.store, self.settling, self.forgetting, erasing, sweep=sweep, also=also)
        self._closing = threading.Lock()
        try:
            self.maintaining.heal(options.progress)
        except BaseException:  # whatever it was is raised again: nothing stays open or locked
            close_store(self.store)
            raise
        runs = background and self.store.index is not None
        self._background = Background(self.maintaining) if runs else None
        self.capturing = Capturing(writing, self.reading, self.remembering, models)

    def _coordinate(self, placing: Placing, owner: Identity) -> None:
        self.feed = Feed(placing)
        self.board = Board(placing, owner)
        self.register = Register(placing, self.feed)
        self.inbox = Inbox(placing, self.feed)
        self.noting = Noting(placing, self.remembering, self.recalling)
        packing = Packing(placing, self.reading, self.recalling)
        self.handing = Handing(placing, self.feed, self.board, packing)
        self.roster = Roster(placing, self.recalling)
        self.measuring = Measuring(self.store)

    def _connect(self, placing: Placing) -> None:
        self.linking = Linking(placing, self.reading)
        self.looking = Looking(placing, self.reading)
        self.extracting = Extracting(placing, self.linking, self.reading, self.store.models)
        self.expanding = Expanding(self.store, self.recalling)
        self.remembering.connecting = self.revising.connecting = self.extracting

    def close(self) -> None:
        """Flush, delete what is settled from the pending rows, and release everything; harmless when closed already."""
        with self._closing:
            if self.store.closed:
                return
            self.store.check()
            self.capturing.stop()
            if self._background is not None:
                self._background.stop()
            try:
                self.settling.tidy(now=True)
            except IndexUnavailable as error:  # what it could not flush is still pending
                log.warning("closed without a flush of the index: %s", error)
            finally:
                self.store.closed = True
                close_store(self.store)

    def count_tokens(self, text: str) -> int:
        """Word pieces of the bundled tokenizer × 1.2: a cautious guess at what a language model counts."""
        return self.store.count_tokens(text)
