"""Whether a memory may enter a namespace: rights, the verified gate, the sensitivity ceiling, sessions, write rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from transactive.errors import AccessDenied, InvalidInput, RateLimited, SessionClosed
from transactive.ledger import rates, sessions
from transactive.paths.writing import Change
from transactive.policies import Policy, effective, rate
from transactive.records import Memory, Placed, Right, Sensitivity, SessionInfo
from transactive.rules import bucket
from transactive.rules.access import Reach, clears


def check_may_write(reach: Reach, namespace: str, verified: bool = False) -> None:
    """`AccessDenied` unless the identity may write there, and verify there if it claims to."""
    needed: list[Right] = ["write", "verify"] if verified else ["write"]
    for right in needed:
        check_may(reach, right, namespace)


def check_may(reach: Reach, right: Right, namespace: str) -> None:
    """`AccessDenied` unless the identity has a right on a namespace."""
    if not reach.may(right, namespace):
        agent = reach.identity.agent
        raise AccessDenied(
            f"{agent!r} may not {right} in {namespace!r}; the owner of the store can allow it: "
            f"team.grant({agent!r}, {namespace!r}, {right!r})"
        )


def check_may_share(reach: Reach, placed: Placed) -> None:
    """`AccessDenied` unless the identity may write in a place and read what lies there.

    Of state that is shared, an answer tells what was there before.
    """
    check_may(reach, "write", placed.namespace)
    check_may(reach, "read", placed.namespace)
    if not reach.may_at("read", placed.namespace, placed.sensitivity):
        raise AccessDenied(
            f"{reach.identity.agent!r} may not read what is {placed.sensitivity} in {placed.namespace!r}, and so not "
            "say it there; say a lower sensitivity="
        )


def check_may_change(reach: Reach, memory: Memory) -> None:
    """`AccessDenied` unless the memory is the identity's own and it may write there, or it has `admin` there."""
    if not reach.changes(memory):
        agent, place = reach.identity.agent, memory.namespace
        raise AccessDenied(
            f"{agent!r} may revise and forget in {place!r} only what it wrote itself, and with the right 'write'; "
            f"for the memories of others: team.grant({agent!r}, {place!r}, 'read', 'admin')"
        )


def check_no_document(memory: Memory) -> None:
    """`InvalidInput` for what makes a document found: its text follows from the document's value."""
    if memory.kind == "document":
        raise InvalidInput(f"memory {memory.id!r:.100} belongs to a document; change that: agent.documents.put(…)")


def check_admission(memory: Memory, policy: Policy) -> None:
    """`AccessDenied` unless the policy of its namespace lets a memory in."""
    check_gate(memory.namespace, policy, verified=memory.verified)
    check_level(memory.namespace, policy, memory.sensitivity)


def check_gate(namespace: str, policy: Policy, *, verified: bool) -> None:
    """`AccessDenied` when what is written is not verified and the policy of its namespace refuses that."""
    if policy.verified_only == "refuse" and not verified:
        raise AccessDenied(
            f"only verified memories may enter {namespace!r}: write with verified=True and the right 'verify' there, "
            "or elsewhere, and promote it once it is verified"
        )


def check_level(namespace: str, policy: Policy, sensitivity: Sensitivity | None) -> None:
    """`AccessDenied` when what is written is more sensitive than the policy of its namespace allows."""
    ceiling = policy.max_sensitivity
    if ceiling is not None and sensitivity is not None and not clears(ceiling, sensitivity):
        raise AccessDenied(
            f"{namespace!r} holds memories up to {ceiling!r}, and this one is {sensitivity!r}; write it elsewhere"
        )


def take_tokens(change: Change, namespaces: Sequence[str]) -> None:
    """Count one write for each of these namespaces; `RateLimited` when the policy of one allows no more just now."""
    agent = change.reach.identity.agent
    if change.reach.identity.is_owner:
        return
    for place, wanted in Counter(namespaces).items():
        limit = effective(change.tables.policies, place).write_rate
        if limit is None:
            continue
        allowed = rate(limit)
        if wanted > allowed.count:
            raise InvalidInput(
                f"{wanted:,} memories at once are more than the write rate of {place!r}, {limit}; write at most "
                f"{allowed.count:,} at a time"
            )
        held = bucket.refilled(rates.read(change.connection, agent, place), allowed, change.now)
        wait = bucket.wait(held, allowed, wanted)
        if wait:
            raise RateLimited(
                f"{agent!r} may write {limit} to {place!r}; try again in {wait.total_seconds():.3g} s; "
                "nothing was written",
                wait,
            )
        rates.write(change.connection, agent, place, replace(held, tokens=held.tokens - wanted))


def join_sessions(change: Change, memories: Sequence[Memory]) -> None:
    """Begin the sessions that are new; refuse those that have ended, or belong to another user or app."""
    members = [m for m in memories if m.session is not None]
    known = sessions.by_ids(change.connection, {m.session for m in members if m.session is not None})
    new: dict[str, SessionInfo] = {}
    for memory in members:
        id = memory.session
        assert id is not None
        info = known.get(id) or new.get(id)
        if info is None:
            begun = min(memory.created_at, change.now)
            new[id] = SessionInfo(id=id, agent=memory.agent, user=memory.user, app=memory.app, started_at=begun)
            continue
        check_session(info, memory.user, memory.app)
        adopted = {name: getattr(memory, name) for name in ("user", "app") if getattr(info, name) is None}
        if any(adopted.values()):
            joined = replace(info, **adopted)
            if id in new:
                new[id] = joined
            else:
                known[id] = joined
                sessions.change(change.connection, id, **adopted)
    sessions.add(change.connection, list(new.values()))


def check_session(info: SessionInfo, user: str | None, app: str | None) -> None:
    """`SessionClosed` when it has ended, `AccessDenied` when it is another user's or app's."""
    if info.closed:
        raise SessionClosed(f"session {info.id!r:.100} has ended; begin another: agent.session(…)")
    for what, own, other in (("user", info.user, user), ("app", info.app, app)):
        if own is not None and other is not None and own != other:
            raise AccessDenied(f"session {info.id!r:.100} belongs to another {what}; a session has one {what}")
