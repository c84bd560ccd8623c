"""Grants, groups, policies and namespaces: what the owner, or who has `admin`, decides about others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from transactive.errors import AccessDenied, InvalidInput, NotFound
from transactive.filters import equals
from transactive.ledger import access, namespaces
from transactive.ledger.times import stamp
from transactive.namespaces import OWNER, check_agent, check_path, check_pattern, covers
from transactive.paths.forget import Forgetting
from transactive.paths.incoming import check_name, check_sensitivity, check_time
from transactive.paths.writing import Change, Writing
from transactive.policies import Policy, effective
from transactive.records import RIGHTS, Forgotten, Grant, NamespaceInfo, Right, Sensitivity
from transactive.rules.access import Identity, Reach


class Sharing:
    """Decides who may do what, and how namespaces live."""

    def __init__(self, writing: Writing, forgetting: Forgetting) -> None:
        self._writing = writing
        self._forgetting = forgetting
        self._store = writing.store

    # --- grants ---------------------------------------------------------------------------------------------------

    def grant(
        self,
        identity: Identity,
        principal: str,
        pattern: str,
        rights: Sequence[Right],
        *,
        clearance: Sensitivity = "internal",
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
    ) -> Grant:
        """Give a principal rights on the namespaces that a pattern covers."""
        asked = Grant(
            id=0,
            principal=check_principal(principal),
            pattern=check_pattern(pattern),
            rights=_check_rights(rights),
            clearance=check_sensitivity(clearance),
            granted_by=identity.agent,
            granted_at=self._store.clock(),
            valid_from=None if valid_from is None else check_time(valid_from, "valid_from"),
            valid_until=None if valid_until is None else check_time(valid_until, "valid_until"),
        )
        if asked.valid_from is not None and asked.valid_until is not None and asked.valid_from >= asked.valid_until:
            raise InvalidInput("valid_until must be later than valid_from")
        with self._writing.change(identity, "grant") as change:
            _check_admin(change, asked.pattern)
            change.target = asked.pattern
            change.details = {
                "principal": asked.principal,
                "rights": sorted(asked.rights),
                "clearance": asked.clearance,
                "valid_from": stamp(asked.valid_from),
                "valid_until": stamp(asked.valid_until),
            }
            return access.add_grant(change.connection, asked)

    def revoke(self, identity: Identity, principal: str, pattern: str, rights: Sequence[Right]) -> int:
        """Take rights away (all, when none is named); returns how many grants it touched."""
        who, where = check_principal(principal), check_pattern(pattern)
        gone = _check_rights(rights) if rights else frozenset(RIGHTS)
        with self._writing.change(identity, "revoke") as change:
            _check_admin(change, where)
            held = [g for g in access.all_grants(change.connection) if g.principal == who and g.pattern == where]
            touched = [grant for grant in held if grant.rights & gone]
            access.remove_grants(change.connection, [grant.id for grant in touched])
            for grant in touched:
                if grant.rights - gone:
                    access.add_grant(change.connection, _without(grant, gone))
            change.target = where
            change.details = {"principal": who, "rights": sorted(gone), "grants": len(touched)}
        return len(touched)

    def grants(self, identity: Identity, principal: str | None = None) -> list[Grant]:
        """Every grant that the identity may see: all for the owner, its own and those within its `admin` for others."""
        self._store.check()
        with self._store.ledger.read() as connection:
            found = access.all_grants(connection)
            reach = self._store.reach(connection, identity)
        wanted = None if principal is None else check_principal(principal)
        return [g for g in found if wanted in {None, g.principal} and _may_see(reach, g)]

    # --- groups ---------------------------------------------------------------------------------------------------

    def set_group(self, identity: Identity, name: str, members: Sequence[str]) -> None:
        """Replace the members of a group."""
        group = check_name(name, "a group's name", longest=200)
        if isinstance(members, str) or not isinstance(members, Sequence | set | frozenset):
            raise InvalidInput("a group's members are a list of agent names")
        agents = list(dict.fromkeys(check_agent(member) for member in members))
        with self._writing.change(identity, "set_group") as change:
            _check_owner(change)
            change.target = f"group:{group}"
            change.details = {"members": len(agents)}
            access.set_group(change.connection, group, agents)

    def group(self, name: str) -> list[str]:
        """The members of a group; none when there is none."""
        return list(self.groups().get(check_name(name, "a group's name", longest=200), ()))

    def groups(self) -> dict[str, list[str]]:
        """Every group with its members."""
        self._store.check()
        with self._store.ledger.read() as connection:
            return access.all_groups(connection)

    # --- namespaces and policies ----------------------------------------------------------------------------------

    def configure(self, identity: Identity, pattern: str, policy: Policy) -> None:
        """Replace the policy of a pattern."""
        where = check_pattern(pattern)
        if not isinstance(policy, Policy):
            raise InvalidInput(f"configure takes a Policy, not {type(policy).__name__}")
        with self._writing.change(identity, "configure") as change:
            _check_admin(change, where)
            change.target = where
            self._check_target(change, where, policy)
            empty = policy == Policy()
            if empty:
                access.remove_policy(change.connection, where)
            else:
                access.set_policy(change.connection, where, policy, identity.agent, stamp(change.now))
            if not where.endswith("*"):
                namespaces.add(change.connection, [where], change.now)

    def _check_target(self, change: Change, pattern: str, policy: Policy) -> None:
        """`InvalidInput` when what the policy would promote has nowhere to go, here or by another policy."""
        if policy.promote_at is None or self._store.settings.shared is not None:
            return
        others = (other for where, other in change.tables.policies.items() if where != pattern)
        if all(each.promote_to is None for each in (policy, *others)):
            raise InvalidInput(
                "this store has no shared namespace (open(…, shared=None)), so that promote_at alone promotes nothing; "
                "say where to as well: Policy(promote_to=…, promote_at=…)"
            )

    def policy(self, namespace: str) -> Policy:
        """The policy that is in force in a namespace, every field filled in."""
        path = check_path(namespace)
        self._store.check()
        with self._store.ledger.read() as connection:
            return effective(self._store.tables(connection).policies, path)

    def infos(self, pattern: str = "**") -> list[NamespaceInfo]:
        """Every namespace that a pattern covers, with its size and last use."""
        wanted = check_pattern(pattern)
        self._store.check()
        with self._store.ledger.read() as connection:
            found = namespaces.infos(connection, self._store.clock())
        unsaved = self._store.recalled
        return [_used(info, unsaved.get(info.path)) for info in found if covers(wanted, info.path)]

    def delete(self, identity: Identity, path: str, *, dry_run: bool) -> Forgotten:
        """Forget everything in one namespace, and the policy that was set on it; `undo` brings the memories back."""
        where = check_path(path)
        self._store.check()
        with self._store.ledger.read() as connection:
            if where not in self._store.tables(connection).namespaces:
                raise NotFound(f"there is no namespace {where!r}")
        return self._forgetting.expression(
            identity, equals("namespace", where), dry_run=dry_run, action="delete_namespace", place=where
        )


def check_principal(principal: object) -> str:
    """`*`, `group:<name>`, or an agent's name."""
    if principal == "*":
        return "*"
    if isinstance(principal, str) and principal.startswith("group:"):
        return "group:" + check_name(principal.removeprefix("group:"), "a group's name", longest=200)
    if isinstance(principal, str) and principal.startswith("human:"):
        check_name(principal.removeprefix("human:"), "the name of a person", longest=190)
    return check_agent(principal)


def _check_rights(rights: Sequence[Right]) -> frozenset[Right]:
    if isinstance(rights, str) or not rights or any(right not in RIGHTS for right in rights):
        raise InvalidInput(f"rights are one or more of {', '.join(RIGHTS)}; {rights!r:.60} is not that")
    return frozenset(rights)


def _check_admin(change: Change, pattern: str) -> None:
    if not any("admin" in rule.rights and _within(pattern, rule.pattern) for rule in change.reach.rules):
        agent = change.reach.identity.agent
        raise AccessDenied(
            f"{agent!r} has no 'admin' over {pattern!r}; the owner can: team.grant(…) or team.namespaces.…"
        )


def _check_owner(change: Change) -> None:
    if change.reach.identity.agent != OWNER:
        raise AccessDenied("groups are set by the owner of the store: team.groups.set(…)")


def _within(inner: str, outer: str) -> bool:
    """Whether every namespace that `inner` covers is covered by `outer`."""
    if outer in (inner, "**"):
        return True
    if inner.endswith("/**"):
        return outer.endswith("/**") and covers(outer, inner[:-3])
    if inner.endswith("/*"):
        return outer.endswith("/**") and covers(outer, inner[:-2])
    return inner not in {"*", "**"} and covers(outer, inner)


def _without(grant: Grant, gone: frozenset[Right]) -> Grant:
    return Grant(
        id=0,
        principal=grant.principal,
        pattern=grant.pattern,
        rights=grant.rights - gone,
        clearance=grant.clearance,
        granted_by=grant.granted_by,
        granted_at=grant.granted_at,
        valid_from=grant.valid_from,
        valid_until=grant.valid_until,
    )


def _may_see(reach: Reach, grant: Grant) -> bool:
    if reach.identity.is_owner or grant.principal in {"*", reach.identity.agent}:
        return True
    return any("admin" in rule.rights and _within(grant.pattern, rule.pattern) for rule in reach.rules)


def _used(info: NamespaceInfo, recalled: datetime | None) -> NamespaceInfo:
    if recalled is None or recalled <= info.last_used_at:
        return info
    return NamespaceInfo(path=info.path, count=info.count, created_at=info.created_at, last_used_at=recalled)
