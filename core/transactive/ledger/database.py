"""Opens the ledger's database and gives out its transactions.

SQLite in WAL mode: one writer connection under a lock, readers from a pool. Every write transaction is BEGIN IMMEDIATE,
so that what it reads cannot change before it commits, across processes too.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.pool import QueuePool, StaticPool

from transactive.errors import FilterTooBroad, StoreBusy, StoreClosed, StoreDamaged
from transactive.ledger.migrations import migrate
from transactive.ledger.schema import FULL_TEXT

BUSY_SECONDS = 60.0
_CHECKPOINTS, _CHECKPOINT_PAUSE = 200, 0.05
_LIMITS = ("parser stack overflow", "too many SQL variables", "Expression tree is too large")


class Database:
    """The connections of one SQLite ledger."""

    def __init__(self, path: Path, *, durability: Literal["process", "power"] = "process") -> None:
        self._path = path
        self._lock = threading.RLock()
        self._closed = False
        synchronous = "FULL" if durability == "power" else "NORMAL"
        self._writer = self._engine(StaticPool, "DEFERRED")
        self._reader = self._engine(QueuePool, "AUTOCOMMIT")
        _prepare(self._writer, f"PRAGMA synchronous={synchronous}", begin="BEGIN IMMEDIATE")
        _prepare(self._reader, "PRAGMA query_only=ON", begin=None)
        self._open()

    def _engine(self, pool: type[sa.Pool], mode: str) -> sa.Engine:
        sizes: dict[str, Any] = {"pool_size": 4, "max_overflow": 60} if pool is QueuePool else {}
        autocommit: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if mode == "AUTOCOMMIT" else {}
        return sa.create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None, cached_statements=256
            ),
            poolclass=pool,
            hide_parameters=True,  # an error that is logged must not carry texts
            json_deserializer=_decoded,
            **sizes,
            **autocommit,
        )

    def _open(self) -> None:
        try:
            with self.write() as connection:
                migrate(connection)
        except BaseException:  # whatever it was is raised again: no connection stays open
            self.close()
            raise

    @contextmanager
    def write(self) -> Generator[Connection, None, None]:
        """One write transaction: committed when the block ends, rolled back when it raises."""
        with self._lock:
            self._check_open()
            with _translated(self._path), self._writer.begin() as connection:
                yield connection

    @contextmanager
    def read(self) -> Generator[Connection, None, None]:
        """A connection for single reads; each statement sees one snapshot."""
        self._check_open()
        with _translated(self._path), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Generator[Connection, None, None]:
        """A connection for several reads that see one state."""
        with self.read() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def scrub(self) -> None:
        """Leave nothing of deleted text in any file: merge the full-text indexes, rewrite the file, empty its log.

        `secure_delete` zeroes deleted rows, but not what rebalancing an index leaves between its cells (seen in a leaf
        page of `attributes_token`): only a file that was written anew holds nothing else. Raises `StoreBusy` when
        another process keeps the log from being emptied; call it again then.
        """
        with self._lock:
            self._check_open()
            with self.write() as connection:
                for name in FULL_TEXT:
                    connection.exec_driver_sql(f"INSERT INTO {name}({name}) VALUES ('optimize')")
            with _translated(self._path), closing(self._writer.raw_connection()) as raw:
                raw.cursor().execute("VACUUM")
                for _ in range(_CHECKPOINTS):
                    if not raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                        return
                    time.sleep(_CHECKPOINT_PAUSE)
        raise StoreBusy(f"deleted, but another process still reads {self._path}, so that its log is not empty yet")

    def close(self) -> None:
        """Close every connection; harmless when closed already."""
        with self._lock:
            self._closed = True
            self._reader.dispose()
            self._writer.dispose()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed("this store is closed; open it again with TeamMemory.open(…)")


def _decoded(text: str) -> Any:
    """JSON of a column; most lists and objects are empty, and a search reads dozens of them."""
    if text == "[]":
        return []
    return {} if text == "{}" else json.loads(text)


def _prepare(engine: sa.Engine, pragma: str, *, begin: str | None) -> None:
    @event.listens_for(engine, "connect")
    def connected(raw: Any, _record: object) -> None:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA cache_size=-65536")
        raw.execute("PRAGMA temp_store=MEMORY")
        raw.execute("PRAGMA secure_delete=ON")  # deleted text is overwritten, not only unlinked
        raw.execute(pragma)

    if begin is not None:

        @event.listens_for(engine, "begin")
        def began(connection: Connection) -> None:
            connection.exec_driver_sql(begin)


@contextmanager
def _translated(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DatabaseError, sqlite3.DatabaseError) as error:  # the latter while a connection is prepared
        cause = error.orig if isinstance(error, DatabaseError) else error
        if "locked" in str(cause) or "busy" in str(cause):
            raise StoreBusy(
                f"another process has held the write lock of {path} for over {BUSY_SECONDS:.0f} s; "
                "find it and let it finish, then call again: nothing was written"
            ) from error
        if any(limit in str(cause) for limit in _LIMITS):
            raise FilterTooBroad(f"the filter, or the list of grants, is too large for the ledger: {cause}") from error
        raise StoreDamaged(f"the ledger {path} cannot be used, or is not a database of ours: {cause}") from error
