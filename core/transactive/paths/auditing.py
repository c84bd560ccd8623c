"""The audit as its reader sees it: filtered, checked, exported."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from transactive.errors import InvalidInput
from transactive.ledger import audit
from transactive.namespaces import OWNER
from transactive.paths.incoming import check_count, check_name, check_time
from transactive.paths.writing import Writing
from transactive.records import AuditCheck, AuditEntry
from transactive.rules.access import Identity

_STEP = 1000


class Auditing:
    """Reads the audit; for the owner alone."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._store = writing.store

    def list(
        self,
        *,
        principal: str | None,
        actions: Sequence[str] | str,
        target: str | None,
        since: datetime | None,
        until: datetime | None,
        after: int,
        limit: int,
    ) -> list[AuditEntry]:
        """Entries in order."""
        if not isinstance(actions, str | Sequence):
            raise InvalidInput("actions is a list such as ['forget', 'grant']")
        some = [actions] if isinstance(actions, str) else actions
        asked = audit.Asked(
            principal=None if principal is None else check_name(principal, "a principal"),
            actions=[check_name(action, "an action") for action in some],
            target=None if target is None else check_name(target, "a target", longest=520),
            since=None if since is None else check_time(since, "since"),
            until=None if until is None else check_time(until, "until"),
        )
        first = check_count(after, "after", least=0, most=2**62)
        most = check_count(limit, "limit", least=1, most=100_000)
        self._store.check()
        with self._store.ledger.read() as connection:
            return audit.entries(connection, asked, after=first, limit=most)

    def verify(self) -> AuditCheck:
        """Whether the chain of hashes holds."""
        self._store.check()
        with self._store.ledger.read() as connection:
            return audit.verify(connection)

    def export(self, path: str | os.PathLike[str]) -> int:
        """Write every entry to a new file, one JSON object a line; returns how many. The last is the export itself."""
        self._store.check()
        count = 0
        with _new_file(path) as file:  # first, so that the audit notes no export that there is not
            with self._writing.change(Identity(OWNER), "export_audit"):
                pass
            for entry in self._all():
                file.write(json.dumps(_json(entry), ensure_ascii=False) + "\n")
                count += 1
        return count

    def _all(self) -> Iterator[AuditEntry]:
        after = 0
        while True:
            with self._store.ledger.read() as connection:
                found = audit.entries(connection, audit.Asked(), after=after, limit=_STEP)
            yield from found
            if not found:
                return
            after = found[-1].number


@contextmanager
def _new_file(path: str | os.PathLike[str]) -> Generator[TextIO]:
    """A file to write that was not there; removed again when it could not be written whole."""
    try:
        target = Path(path).expanduser()
        file = target.open("x", encoding="utf-8")
    except (OSError, TypeError, ValueError, RuntimeError) as error:  # too long; no path; NUL; nobody's home
        raise _unwritable(path, error) from error
    try:
        with file:
            yield file
    except BaseException as error:  # whatever it was is raised again
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(path, error) from error
        raise


def _unwritable(path: object, error: Exception) -> InvalidInput:
    if isinstance(error, FileExistsError):
        return InvalidInput(f"{str(path)!r:.200} exists already; name a new file")
    return InvalidInput(f"cannot write {str(path)!r:.200}: {getattr(error, 'strerror', None) or error!s:.200}")


def _json(entry: AuditEntry) -> dict[str, object]:
    return {
        "number": entry.number,
        "at": entry.at.isoformat(),
        "principal": entry.principal,
        "action": entry.action,
        "target": entry.target,
        "count": entry.count,
        "details": dict(entry.details),
        "hash": entry.hash,
    }
