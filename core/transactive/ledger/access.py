"""Grants, groups and policies."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from transactive.ledger.events import access_changed
from transactive.ledger.rows import AnyRow
from transactive.ledger.schema import grants, groups, policies
from transactive.ledger.times import stamp, unstamp
from transactive.policies import Policy, to_json
from transactive.records import Grant


def add_grant(connection: Connection, grant: Grant) -> Grant:
    """Insert a grant; returns it with its id."""
    row = {
        "principal": grant.principal,
        "pattern": grant.pattern,
        "rights": sorted(grant.rights),
        "clearance": grant.clearance,
        "granted_by": grant.granted_by,
        "granted_at": stamp(grant.granted_at),
        "valid_from": stamp(grant.valid_from),
        "valid_until": stamp(grant.valid_until),
    }
    stored = connection.execute(insert(grants).returning(grants), row).one()
    access_changed(connection)
    return _to_grant(stored)


def remove_grants(connection: Connection, ids: Sequence[int]) -> None:
    """Delete grants by id."""
    connection.execute(delete(grants).where(grants.c.id.in_(ids)))
    access_changed(connection)


def all_grants(connection: Connection) -> list[Grant]:
    """Every grant, oldest first, whether in force or not."""
    return [_to_grant(row) for row in connection.execute(select(grants).order_by(grants.c.id))]


def _to_grant(row: AnyRow) -> Grant:
    return Grant(
        id=row.id,
        principal=row.principal,
        pattern=row.pattern,
        rights=frozenset(row.rights),
        clearance=row.clearance,
        granted_by=row.granted_by,
        granted_at=unstamp(row.granted_at),
        valid_from=unstamp(row.valid_from),
        valid_until=unstamp(row.valid_until),
    )


def set_group(connection: Connection, name: str, members: Sequence[str]) -> None:
    """Replace a group's members; none removes the group."""
    connection.execute(delete(groups).where(groups.c.name == name))
    if members:
        connection.execute(insert(groups), [{"name": name, "member": member} for member in members])
    access_changed(connection)


def all_groups(connection: Connection) -> dict[str, list[str]]:
    """Every group with its members."""
    found: dict[str, list[str]] = {}
    for name, member in connection.execute(select(groups).order_by(groups.c.name, groups.c.member)):
        found.setdefault(name, []).append(member)
    return found


def set_policy(connection: Connection, pattern: str, policy: Policy, by: str, at: int) -> None:
    """Replace the policy of a pattern."""
    row = {"pattern": pattern, "policy": to_json(policy), "set_by": by, "set_at": at}
    changed = {key: row[key] for key in ("policy", "set_by", "set_at")}
    statement = upsert(policies).on_conflict_do_update(index_elements=[policies.c.pattern], set_=changed)
    connection.execute(statement, row)
    access_changed(connection)


def remove_policy(connection: Connection, pattern: str) -> None:
    """Delete the policy of a pattern, if it has one."""
    connection.execute(delete(policies).where(policies.c.pattern == pattern))
    access_changed(connection)


def all_policies(connection: Connection) -> dict[str, Policy]:
    """Every policy by its pattern."""
    return {row.pattern: Policy(**row.policy) for row in connection.execute(select(policies))}
