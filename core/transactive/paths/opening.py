"""Opens a store: the ledger, the lock, the manifest's checks, the index, and whatever has to be healed."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from transactive.embedding.protocol import Embedder
from transactive.embedding.resolve import EmbedderLike, resolve
from transactive.embedding.terms import AVERAGE_LENGTH, SparseEncoder
from transactive.errors import EmbedderMismatch, IndexUnavailable, InvalidInput, StoreLocked
from transactive.filters import normalise_path
from transactive.index.edge import EdgeIndex
from transactive.index.lock import FileLock
from transactive.index.protocol import RangeKind
from transactive.ledger import access, events, lineage, manifest, memories, namespaces
from transactive.ledger.database import Database
from transactive.models import Models, ModelsLike
from transactive.namespaces import OWNER, check_path
from transactive.paths.incoming import check_time
from transactive.paths.rebuild import Rebuild, unfinished
from transactive.progress import ProgressLike, reporter
from transactive.records import Degrade, Grant
from transactive.rules.ids import uuid7
from transactive.store import Encoders, Settings, Store

log = logging.getLogger("transactive")

INDEX_FORMAT = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `open` was asked."""

    path: str | Path
    embedder: EmbedderLike | None = None
    index: Literal["edge"] | None = "edge"
    language: str | None = None
    durability: Literal["process", "power"] = "process"
    degrade: Degrade = "raise"
    shared: str | None = "team/shared"
    index_fields: Mapping[str, RangeKind] | None = None
    build_at: int = 20_000
    reindex: bool = False
    progress: ProgressLike = True
    clock: Callable[[], datetime] | None = None
    scorer: ModelsLike = None
    summarizer: ModelsLike = None
    extractor: ModelsLike = None
    graph_extractor: ModelsLike = None


def utc_now() -> datetime:
    """The clock of a store that was not given another."""
    return datetime.now(UTC)


def open_store(options: Options) -> Store:
    """Open or create the store that the options name; on any error nothing stays open or locked."""
    _check(options)
    temporary = str(options.path) == ":memory:"
    folder = Path(tempfile.mkdtemp(prefix="transactive-")) if temporary else _folder(options.path)
    lock = None if options.index is None else _locked(folder)
    ledger: Database | None = None
    try:
        ledger = Database(folder / "ledger.db", durability=options.durability)
        return _assembled(options, folder, ledger, lock, temporary)
    except BaseException:  # whatever it was is raised again: nothing stays open or locked
        if ledger is not None:
            ledger.close()
        if lock is not None:
            lock.release()
        if temporary:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _check(options: Options) -> None:
    if options.index not in ("edge", None):
        raise InvalidInput(
            f"index is 'edge' (the embedded index) or None (the ledger alone), not {options.index!r:.80}"
        )
    if options.durability not in ("process", "power"):
        raise InvalidInput(f"durability is 'process' or 'power', not {options.durability!r:.40}")
    if options.degrade not in ("raise", "text", "empty"):
        raise InvalidInput(f"degrade is 'raise', 'text' or 'empty', not {options.degrade!r:.40}")
    if not isinstance(options.path, str | Path) or not str(options.path).strip() or "\x00" in str(options.path):
        raise InvalidInput("a store is a folder's path, or ':memory:'")
    if isinstance(options.build_at, bool) or not isinstance(options.build_at, int) or options.build_at < 1:
        raise InvalidInput(f"build_at is a number of memories, at least 1, not {options.build_at!r:.40}")
    if options.language is not None and not isinstance(options.language, str):
        raise InvalidInput(f"language is a name such as 'english', not {options.language!r:.40}")
    if options.clock is not None:
        _check_clock(options.clock)
    if "://" in str(options.path):
        raise InvalidInput("a store is a folder or ':memory:'; database URLs are not supported by this version")
    if options.shared is not None:
        check_path(options.shared)


def _check_clock(clock: object) -> None:
    if not callable(clock):
        raise InvalidInput("clock is a function that returns the current time")
    check_time(clock(), "what clock() returns")


def _folder(path: str | Path) -> Path:
    folder = Path(path).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; a store is a folder, which open() creates when it is absent")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"cannot create the folder {folder}: {error}") from error
    return folder


def _locked(folder: Path) -> FileLock:
    lock = FileLock(folder / "index" / "owner.lock")
    if not lock.acquire():
        owner = lock.owner()
        raise StoreLocked(
            f"the index of {folder} is owned by process {owner.get('pid', '?')} on {owner.get('host', '?')} since "
            f"{owner.get('since', '?')}. Ways out: use the store that is open there; open this one with index=None "
            "(all verbs but similarity search; the owner indexes what you write); or close the other first"
        )
    return lock


def _assembled(options: Options, folder: Path, ledger: Database, lock: FileLock | None, temporary: bool) -> Store:
    clock = options.clock or utc_now
    said = _manifest(options, ledger, clock)
    settings = Settings(
        path=folder,
        store_id=said["store_id"],
        language=said["language"],
        shared=options.shared,
        degrade=options.degrade,
        durability=options.durability,
        index_fields=_index_fields(options, said),
        build_at=options.build_at,
        temporary=temporary,
        cursor_key=said["cursor_key"],
    )
    models = Models.of(options.scorer, options.summarizer, options.extractor, options.graph_extractor)
    named_only = options.index is None and isinstance(options.embedder, str)  # the ledger alone embeds nothing
    embedder = resolve(None if named_only else options.embedder)
    encoders = Encoders(embedder, SparseEncoder(settings.language))
    if options.index is not None:
        _check_embedder(options, said, embedder, folder)
    index = None if options.index is None else _index(options, settings, ledger, encoders)
    store = Store(
        settings=settings,
        ledger=ledger,
        index=index,
        encoders=encoders,
        models=models,
        lock=lock,
        clock=clock,
        new_id=lambda: uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)),
    )
    with ledger.read() as connection:
        store.expiring = memories.expiring(connection)
        store.superseding = lineage.superseding(connection)
    return store


def _manifest(options: Options, ledger: Database, clock: Callable[[], datetime]) -> dict[str, Any]:
    """The manifest; of a new store, after writing it."""
    with ledger.read() as connection:
        said = manifest.read(connection)
    if "store_id" not in said:
        with ledger.write() as connection:
            said = manifest.read(connection)
            if "store_id" not in said:  # another process may have been first
                said = _founded(options, connection, clock())
    if options.language is not None and options.language != said["language"]:
        raise InvalidInput(
            f"this store was created with language={said['language']!r}; open it so, or create another one"
        )
    return said


def _founded(options: Options, connection: Any, now: datetime) -> dict[str, Any]:
    language = options.language or "english"
    SparseEncoder(language)
    manifest.write(
        connection,
        store_id=uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)),
        cursor_key=secrets.token_hex(32),
        created_at=now.isoformat(),
        language=language,
        average_length=AVERAGE_LENGTH,
        index_fields={},
    )
    if options.shared is not None:
        grant = Grant(
            id=0,
            principal="*",
            pattern=check_path(options.shared),
            rights=frozenset({"read", "write"}),
            clearance="internal",
            granted_by=OWNER,
            granted_at=now,
        )
        access.add_grant(connection, grant)
        namespaces.add(connection, [grant.pattern], now)
        entry = events.Entry(principal=OWNER, action="create", target=grant.pattern, count=0)
        events.record(connection, [], entry, now)
    return manifest.read(connection)


def _index_fields(options: Options, said: Mapping[str, Any]) -> dict[str, RangeKind]:
    if options.index_fields is None:
        return dict(said["index_fields"])
    if not isinstance(options.index_fields, Mapping):
        raise InvalidInput("index_fields is a dict such as {'metadata.amount': 'number'}")
    fields: dict[str, RangeKind] = {}
    for path, kind in options.index_fields.items():
        if not isinstance(path, str) or not path.startswith("metadata.") or kind not in ("number", "time"):
            raise InvalidInput(
                f"index_fields maps 'metadata.<key>' to 'number' or 'time', not {path!r:.80} to {kind!r:.40}"
            )
        fields["metadata." + normalise_path(path.removeprefix("metadata."))] = kind
    return dict(sorted(fields.items()))


def _check_embedder(options: Options, said: Mapping[str, Any], embedder: Embedder, folder: Path) -> None:
    made = (said.get("embedder"), said.get("dimensions"))
    if made[0] is None or made == (embedder.name, embedder.dimensions) or options.reindex:
        return
    raise EmbedderMismatch(
        f"the vectors of {folder} were made by {made[0]!r} with {made[1]} dimensions, and it is opened with "
        f"{embedder.name!r} with {embedder.dimensions}. Open it with embedder={made[0]!r}, or embed everything anew: "
        "TeamMemory.open(…, embedder=…, reindex=True), or team.reindex(embedder=…) on the open store"
    )


def signature(settings: Settings, encoders: Encoders) -> dict[str, Any]:
    """What stored points depend on."""
    return {
        "format": INDEX_FORMAT,
        "store": settings.store_id,
        "embedder": encoders.embedder.name,
        "dimensions": encoders.embedder.dimensions,
        "language": settings.language,
        "index_fields": dict(settings.index_fields),
    }


def _index(options: Options, settings: Settings, ledger: Database, encoders: Encoders) -> EdgeIndex:
    """The index, whole: loaded, or rebuilt from the ledger when it is lost, damaged or of other settings."""
    folder, sign = settings.path / "index", signature(settings, encoders)
    with ledger.read() as connection:
        noted = unfinished(connection)
        total = memories.total(connection)
    keep = None if noted is None else str(noted["generation"])
    index = EdgeIndex.open(folder, sign, settings.index_fields, unfinished=keep)
    if index is None:
        if total:
            log.warning("the index of %s is absent, damaged or of other settings: rebuilding it", settings.path)
        rebuild = start_rebuild(settings, ledger, encoders)
        rebuild.fill(reporter(options.progress if total else False, "rebuilding the index"))
        rebuild.finish()
        index = rebuild.index
    with ledger.write() as connection:
        manifest.write(connection, index_fields=dict(settings.index_fields))
    return index


def start_rebuild(settings: Settings, ledger: Database, encoders: Encoders) -> Rebuild:
    """A rebuild of the index from the ledger, or what is left of an interrupted one."""
    return Rebuild(ledger, settings.path / "index", signature(settings, encoders), settings.index_fields, encoders)


def close_store(store: Store) -> None:
    """Release everything; a temporary store is deleted."""
    if store.index is not None:
        try:
            store.index.close()
        except IndexUnavailable as error:  # the rest must be released all the same
            log.warning("the index did not close: %s", error)
    store.ledger.close()
    if store.lock is not None:
        store.lock.release()
    if store.settings.temporary:
        shutil.rmtree(store.settings.path, ignore_errors=True)
