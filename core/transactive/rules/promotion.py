"""Whether an important memory is copied to where others read it, and what the copy is."""

from __future__ import annotations

from datetime import datetime

from transactive.policies import Policy
from transactive.records import Memory, another

THRESHOLD = 0.7
"""The importance from which on memories are promoted, where the policy says to but not from when on."""


def target(memory: Memory, policy: Policy, shared: str | None) -> str | None:
    """Where the policy in force sends a memory; None when it stays, as what was promoted or superseded does."""
    if policy.promote_to is None and policy.promote_at is None:
        return None
    if memory.promoted_from is not None or memory.superseded:
        return None
    threshold = THRESHOLD if policy.promote_at is None else policy.promote_at
    to = policy.promote_to or shared
    return to if memory.importance >= threshold and to != memory.namespace else None


def copy(
    memory: Memory, uid: str, to: str, by: str, now: datetime, *, keeps_verified: bool, expires: datetime | None
) -> Memory:
    """The copy in another namespace: the same author, user, time and content, with its origin kept.

    Of a document it is a fact: it does not follow the document's value.
    """
    return another(
        memory,
        uid,
        now,
        namespace=to,
        kind="semantic" if memory.kind == "document" else memory.kind,
        verified_by=memory.verified_by if keeps_verified else None,
        verified_at=memory.verified_at if keeps_verified else None,
        expires_at=expires,
        promoted_from=memory.uid,
        promoted_by=by,
    )
