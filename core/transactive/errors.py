"""The errors that Transactive raises, as one tree; catch at the level you mean.

    TransactiveError
    ├── InvalidInput (ValueError)      an argument was wrong; nothing was written
    │   ├── InvalidNamespace           a namespace or a pattern
    │   ├── InvalidFilter              a `where`
    │   │   └── FilterTooBroad         a condition that only the ledger can answer matches too many memories
    │   └── DuplicateId                that id is taken in that namespace
    ├── AccessDenied (PermissionError) the principal lacks a right on a namespace that it can see
    ├── NotFound (LookupError)         absent, or not readable: the two are the same to the caller
    ├── VersionConflict                it changed since it was read; `.current` is what it is now
    ├── RateLimited                    the policy allows no more writes just now; `.retry_after` says from when on
    ├── SessionClosed                  the session has ended and takes no more memories
    ├── LeaseLost                      the claim of a task ended before the work did; somebody else may have it
    ├── AlreadyTaken                   somebody else has taken a handoff, or settled it
    ├── EventsExpired                  events that were asked for were deleted by retention
    ├── StoreError                     the store as a whole
    │   ├── StoreLocked                another process (or this one) owns the index of this folder
    │   ├── StoreClosed                used after `close()`
    │   ├── ForkedStore                used in a process forked after `open()`
    │   ├── StoreTooNew                written by a newer version of Transactive
    │   ├── StoreDamaged               the ledger cannot be read
    │   ├── StoreBusy                  another process held the ledger's write lock for too long
    │   └── EmbedderMismatch           opened with another embedding model than the one that made its vectors
    ├── IndexUnavailable               the search could not run; no result was invented
    ├── EmbeddingFailed                the embedding model raised, or returned vectors of the wrong shape
    ├── ModelFailed                    a plugged-in scorer, summariser or extractor raised, or returned nonsense
    └── MissingExtra (ImportError)     an optional dependency is not installed; the message names the extra

Every message says what was wrong and what would be right. No message holds the text of a memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta


class TransactiveError(Exception):
    """The root of every error that this library raises on purpose."""


class InvalidInput(TransactiveError, ValueError):
    """An argument was wrong; nothing was written."""


class InvalidNamespace(InvalidInput):
    """A namespace path or pattern is malformed."""


class InvalidFilter(InvalidInput):
    """A `where` filter is malformed: an unknown field or operator, or an operand of the wrong type."""


class FilterTooBroad(InvalidFilter):
    """A condition that the index cannot answer matches more memories than can be handed to it as ids."""


class DuplicateId(InvalidInput):
    """The caller's own id is taken in that namespace."""


class AccessDenied(TransactiveError, PermissionError):
    """The principal may see the place, but not do this there."""


class NotFound(TransactiveError, LookupError):
    """No such thing for this principal: absent and unreadable give the same answer."""


class VersionConflict(TransactiveError):
    """A memory, or a fact, changed since the caller read it."""

    def __init__(self, message: str, current: Any) -> None:
        super().__init__(message)
        self.current = current
        """The `Memory`, or the `Fact`, as it stands now; None for a fact that is not there."""


class RateLimited(TransactiveError):
    """An agent wrote to a namespace faster than its policy allows; nothing was written."""

    def __init__(self, message: str, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """How long until the same call is allowed, if nothing else is written meanwhile."""


class LeaseLost(TransactiveError):
    """The claim is no longer the one that counts: its lease ended, or the task was taken back."""


class AlreadyTaken(TransactiveError):
    """A handoff that somebody else has taken, or that is settled."""


class EventsExpired(TransactiveError):
    """Some of the events that were asked for are kept no longer."""


class SessionClosed(TransactiveError):
    """The session has ended."""


class StoreError(TransactiveError):
    """The store as a whole cannot be used in this way."""


class StoreLocked(StoreError):
    """The index of this folder is owned already."""


class StoreClosed(StoreError):
    """The store was used after `close()`."""


class ForkedStore(StoreError):
    """The store was opened in a parent process and used after a fork."""


class StoreTooNew(StoreError):
    """The store was written by a newer version of Transactive."""


class StoreDamaged(StoreError):
    """The ledger cannot be read."""


class StoreBusy(StoreError):
    """Another process held the ledger's write lock for longer than the timeout."""


class EmbedderMismatch(StoreError):
    """The store's vectors were made by another embedding model."""


class IndexUnavailable(TransactiveError):
    """The search could not run."""


class EmbeddingFailed(TransactiveError):
    """The embedding model raised, or returned vectors of the wrong shape."""


class ModelFailed(TransactiveError):
    """A plugged-in scorer, summariser or extractor raised, or returned what it must not."""


class MissingExtra(TransactiveError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs an optional dependency: pip install "transactive[{extra}]"')
        self.extra = extra
