"""Who may do what: the rules agree with a model, and with the expressions that the ledger and the index filter by."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.filters import ALL, matches, read_memory
from transactive.records import RIGHTS, SENSITIVITIES, Grant, Memory
from transactive.rules.access import Identity, clears, in_force, narrowed, principals, reach

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
AGENTS = ("ana", "ben")
PLACES = ("prod", "prod/a", "prod/a/b", "prod/ab", "prod0", "agents/ana", "agents/ben", "agents/ana/x", "team/shared")
PATTERNS = (*PLACES, "*", "**", "prod/*", "prod/**", "prod/a/**", "agents/*", "prod/a/*")


def memory(namespace: str, agent: str = "ana", user: str | None = None, sensitivity: str = "internal") -> Memory:
    return Memory(
        id="1",
        uid="1",
        namespace=namespace,
        kind="semantic",
        text="x",
        importance=0.5,
        agent=agent,
        created_at=NOW,
        recorded_at=NOW,
        updated_at=NOW,
        version=1,
        user=user,
        sensitivity=sensitivity,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    )


memories = st.builds(
    memory,
    st.sampled_from(PLACES),
    st.sampled_from(AGENTS),
    st.sampled_from((None, "u1", "u2")),
    st.sampled_from(SENSITIVITIES),
)
moments = st.one_of(st.none(), st.integers(-2, 2).map(lambda hours: NOW + timedelta(hours=hours)))
grants = st.builds(
    Grant,
    id=st.just(1),
    principal=st.sampled_from(("*", "group:red", "group:blue", *AGENTS)),
    pattern=st.sampled_from(PATTERNS),
    rights=st.frozensets(st.sampled_from(RIGHTS), min_size=1),
    clearance=st.sampled_from(SENSITIVITIES),
    granted_by=st.just("owner"),
    granted_at=st.just(NOW),
    valid_from=moments,
    valid_until=moments,
)
identities = st.builds(Identity, st.sampled_from(AGENTS), user=st.sampled_from((None, "u1")))
groups = st.dictionaries(st.sampled_from(("red", "blue")), st.lists(st.sampled_from(AGENTS), unique=True))


def fits(pattern: str, place: str) -> bool:
    """What a pattern covers, said by regular expressions."""
    expression = re.escape(pattern).replace(r"/\*\*", "(/.+)?").replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
    return re.fullmatch(expression, place) is not None


def allowed(
    identity: Identity,
    given: list[Grant],
    members: dict[str, list[str]],
    right: str,
    item: Memory,
    cleared: bool = True,
) -> bool:
    own = f"agents/{identity.agent}"
    if (item.namespace == own or item.namespace.startswith(own + "/")) and right in {"read", "write"}:
        return True
    return any(
        right in grant.rights
        and fits(grant.pattern, item.namespace)
        and (
            grant.principal in {"*", identity.agent}
            or (grant.principal[:6] == "group:" and identity.agent in members.get(grant.principal[6:], ()))
        )
        and not (grant.valid_from is not None and grant.valid_from > NOW)
        and not (grant.valid_until is not None and grant.valid_until <= NOW)
        and (not cleared or SENSITIVITIES.index(item.sensitivity) <= SENSITIVITIES.index(grant.clearance))
        for grant in given
    )


@given(identities, st.lists(grants, max_size=5), groups, memories)
def test_the_rules_say_what_the_model_says(identity, given, members, item):
    may = reach(identity, given, members, NOW)
    mine = identity.user is None or item.user in {None, identity.user}
    sees = mine and allowed(identity, given, members, "read", item)
    assert may.sees(item) == sees
    own = item.agent == identity.agent and allowed(identity, given, members, "write", item, cleared=False)
    assert may.changes(item) == (sees and (own or allowed(identity, given, members, "admin", item)))
    for right in RIGHTS:
        assert may.may(right, item.namespace) == allowed(identity, given, members, right, item, cleared=False)
        assert may.may_at(right, item.namespace, item.sensitivity) == allowed(identity, given, members, right, item)


@given(identities, st.lists(grants, max_size=5), groups, memories)
def test_the_expressions_say_what_the_rules_say(identity, given, members, item):
    may = reach(identity, given, members, NOW)
    assert matches(may.condition(), lambda path: read_memory(item, path)) == may.sees(item)
    assert matches(may.changeable(), lambda path: read_memory(item, path)) == may.changes(item)


@given(st.lists(st.sampled_from(PATTERNS), max_size=4), memories)
def test_narrowing_to_patterns(patterns, item):
    found = matches(narrowed(patterns), lambda path: read_memory(item, path))
    assert found == any(fits(pattern, item.namespace) for pattern in patterns)


@given(memories)
def test_the_owner_may_do_everything(item):
    may = reach(Identity("owner"), [], {}, NOW)
    assert may.condition() == may.changeable() == ALL
    assert may.sees(item)
    assert may.changes(item)
    assert all(may.may_at(right, item.namespace, "confidential") for right in RIGHTS)


def test_a_stranger_has_its_private_namespace_and_nothing_else():
    may = reach(Identity("ana"), [], {}, NOW)
    assert may.sees(memory("agents/ana", agent="ben", sensitivity="confidential"))
    assert may.may("write", "agents/ana")
    assert not may.may("admin", "agents/ana")
    assert may.may("write", "agents/ana/x")
    for place in ("agents/ben", "agents/anabel", "agents", "team/shared", "agents/an"):
        assert not may.may("read", place)


def test_clearance():
    assert [[clears(a, b) for b in SENSITIVITIES] for a in SENSITIVITIES] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_a_grant_holds_from_its_start_until_just_before_its_end():
    grant = Grant(
        id=1, principal="*", pattern="a", rights=frozenset({"read"}), clearance="internal", granted_by="owner",
        granted_at=NOW, valid_from=NOW, valid_until=NOW + timedelta(hours=1),
    )  # fmt: skip
    tick = timedelta(microseconds=1)
    for at, expected in (
        (-tick, False),
        (tick * 0, True),
        (timedelta(hours=1) - tick, True),
        (timedelta(hours=1), False),
    ):
        assert in_force(grant, NOW + at) is expected


@pytest.mark.parametrize("agent", ["ana", "group:red", "zoe"])
def test_principals(agent):
    found = principals(agent, {"red": ["ana", "ben"], "blue": ["ben"], "empty": []})
    assert found == {agent, "*"} | ({"group:red"} if agent == "ana" else set())
