"""Taking back what was written, by whatever it has in common: shown first, undone until the horizon, then gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.team.stores import START, texts, written
from transactive import NewMemory, Policy, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, NotFound


def filled(team: TeamMemory) -> None:
    """Nine memories that differ in everything a purge can ask for."""
    rogue, ana = team.agent("rogue"), team.agent("ana")
    items = [
        NewMemory(text="rogue morning", created_at=START, tags=["old"], metadata={"batch": 1}, importance=0.1),
        NewMemory(
            text="rogue noon",
            created_at=START + timedelta(hours=3),
            tags=["new"],
            metadata={"batch": 2},
            importance=0.3,
        ),
        NewMemory(text="rogue evening", created_at=START + timedelta(hours=9), importance=0.9, session="s1"),
        NewMemory(text="rogue skill", kind="procedural", metadata={"run": {"id": "r7"}}, importance=0.5),
    ]
    rogue.remember_many(items, namespace="team/shared")
    ana.remember_many([NewMemory(text=i.text.replace("rogue", "ana"), tags=i.tags) for i in items])
    ana.remember("ana in session", session="s2", tags=["old", "new"])


WHERE = [
    ({"agent": "rogue"}, 4),
    ({"created_at": {"$gte": START + timedelta(hours=2), "$lt": START + timedelta(hours=10)}}, 2),
    ({"agent": "rogue", "created_at": {"$lt": START + timedelta(hours=5)}}, 3),
    ({"tags": "old"}, 3),
    ({"tags": {"$in": ["old", "new"]}}, 5),
    ({"metadata.batch": 2}, 1),
    ({"metadata.batch": {"$gte": 1}}, 2),
    ({"metadata.run.id": "r7"}, 1),
    ({"agent": "rogue", "importance": {"$lte": 0.1}}, 1),
    ({"agent": "rogue", "importance": {"$gte": 0.5}}, 2),
    ({"session": "s1"}, 1),
    ({"session": {"$exists": True}}, 2),
    ({"kind": "procedural"}, 1),
    ({"kind": "episodic", "agent": "ana"}, 1),
    ({"namespace": "team/shared", "text": {"$contains": "noon"}}, 1),
]


@pytest.mark.parametrize(("where", "count"), WHERE, ids=[str(where)[:60] for where, _ in WHERE])
def test_a_purge_takes_exactly_what_fulfils_the_filter_and_undo_brings_it_back(team, where, count):
    filled(team)
    before, rows = sorted(texts(team.list())), written(team)
    asked = set(texts(team.list(where)))
    shown = team.forget(where=where, dry_run=True)
    assert (shown.id, shown.dry_run, shown.count, set(texts(shown.sample))) == (None, True, count, asked)
    assert written(team) == rows, "a dry run changes nothing"
    assert sorted(texts(team.list())) == before

    forgotten = team.forget(where=where)
    assert (forgotten.count, set(texts(forgotten.sample))) == (count, asked)
    left = set(before) - asked
    assert set(texts(team.list())) == set(texts(team.recall("rogue", limit=100))) == left
    assert team.undo(forgotten) == count
    assert sorted(texts(team.list())) == before


def test_the_sample_shows_ten_at_most_and_the_count_all(team):
    team.agent("rogue").remember_many([NewMemory(text=f"note {n}", kind="episodic") for n in range(30)])
    shown = team.forget(where={"agent": "rogue"}, dry_run=True)
    assert (shown.count, len(shown.sample)) == (30, 10)


def test_a_purge_asks_for_something(team):
    for where in ({}, {"nothing": 1}):
        with pytest.raises(InvalidInput):
            team.forget(where=where)
    for arguments in ({}, {"id": "x", "where": {"agent": "a"}}):
        with pytest.raises(InvalidInput, match="one of the two"):
            team.forget(**arguments)


# --- what goes with it ------------------------------------------------------------------------------------------------


def test_a_promoted_copy_goes_with_its_origin_unless_somebody_else_says_the_same(team):
    rogue, ben = team.agent("rogue"), team.agent("ben")
    alone = rogue.promote(rogue.remember("The moon is a cheese.").uid)
    backed = rogue.promote(rogue.remember("The office opens at nine.").uid)
    assert ben.promote(ben.remember("The office opens at nine.").uid).uid == backed.uid
    forgotten = rogue.forget(where={"namespace": "agents/rogue"})
    assert forgotten.count == 3
    with pytest.raises(NotFound):
        team.get(alone.uid)
    assert team.get(backed.uid).text == "The office opens at nine."
    assert team.undo(forgotten) == 3
    assert team.get(alone.uid).text == "The moon is a cheese."


def chain(team: TeamMemory) -> list[str]:
    """A memory, its promoted copy, what was derived from that, and what was derived from this: their uids."""
    ana, ben = team.agent("ana"), team.agent("ben")
    note = ana.remember("Latency doubled on Monday.")
    copy = ana.promote(note.uid)
    guess = ben.publish("The deploy on Monday was bad.", derived_from=[copy.uid])
    plan = team.agent("carl").publish("Roll the deploy back.", derived_from=[guess.uid])
    return [note.uid, copy.uid, guess.uid, plan.uid]


def test_derived_takes_all_that_came_from_it_with_it(team):
    ids = chain(team)
    assert team.forget(ids[0], derived=True, dry_run=True).count == 4
    assert team.count() == 4
    forgotten = team.forget(ids[0], derived=True)
    assert (forgotten.count, team.count()) == (4, 0)
    assert team.undo(forgotten) == 4
    assert {memory.uid for memory in team.list()} == set(ids)
    assert team.forget(where={"agent": "ana"}, derived=True).count == 4


def test_without_derived_what_was_concluded_stays(team):
    ids = chain(team)
    assert team.forget(ids[0]).count == 2
    assert {memory.uid for memory in team.list()} == set(ids[2:])


def test_derived_takes_only_what_the_agent_may_forget(team):
    ids = chain(team)
    assert team.agent("ana").forget(ids[0], derived=True).count == 2
    assert {memory.uid for memory in team.list()} == set(ids[2:])
    with pytest.raises(AccessDenied):
        team.agent("ana").forget(ids[2])


# --- what others have said as well ------------------------------------------------------------------------------------


def test_what_another_agent_has_said_as_well_stays_in_that_agents_name(team):
    rogue, ben = team.agent("rogue"), team.agent("ben")
    said = rogue.publish("The office opens at nine.", tags=["rogue", "hours"])
    assert ben.publish("The office opens at nine.", tags=["hours"], source="the door").uid == said.uid
    team.agent("carl").publish("The office opens at nine.")
    rogue.publish("Only the rogue says so.")

    assert team.forget(where={"agent": "rogue"}).count == 2
    (left,) = team.list()
    assert (left.text, left.agent, left.source, left.tags) == (
        "The office opens at nine.",
        "ben",
        "the door",
        ("hours",),
    )
    assert left.uid != said.uid
    assert left.corroborated == 1, "carl still says so"
    assert [source.agent for source in team.why(left.uid).sources] == ["carl"]
    assert texts(team.recall("when does the office open?")) == [left.text]
    assert ben.revise(left.uid, text="The office opens at eight.").agent == "ben"


def test_what_fulfils_the_filter_in_the_other_agents_name_goes_too(team):
    team.agent("rogue").publish("The office opens at nine.", tags=["wrong"])
    team.agent("ben").publish("The office opens at nine.", tags=["wrong"])
    assert team.forget(where={"tags": "wrong"}).count == 1
    assert team.count() == 0


def test_undo_leaves_what_there_was_and_not_the_same_twice(team):
    said = team.agent("rogue").publish("The office opens at nine.")
    for name in ("ben", "carl"):
        team.agent(name).publish("The office opens at nine.")
    before = team.get(said.uid)
    forgotten = team.forget(where={"agent": "rogue"})
    assert team.undo(forgotten) == 1
    assert texts(team.list()) == ["The office opens at nine."]
    assert team.get(said.uid).corroborated == before.corroborated == 2


def test_a_purged_agent_backs_nobody_any_more(team):
    said = team.agent("ana").publish("The office opens at nine.")
    team.agent("rogue").publish("The office opens at nine.")
    team.agent("ben").publish("The office opens at nine.")
    assert team.get(said.uid).corroborated == 2
    team.forget(where={"agent": "rogue"})
    assert team.get(said.uid).corroborated == 1, "a withdrawn source lowers the corroboration"


# --- the horizon ------------------------------------------------------------------------------------------------------


def test_undo_works_until_the_horizon_and_past_it_nothing_is_found(team, clock):
    ana = team.agent("ana")
    note = ana.remember("x")
    forgotten = ana.forget(note.uid)
    clock.advance(timedelta(days=30) - timedelta(seconds=1))
    assert team.maintain(build=False).purged == 0
    assert ana.undo(forgotten) == 1
    forgotten = ana.forget(note.uid)
    clock.advance(timedelta(days=30))
    assert team.maintain(build=False).purged == 1
    for verb in (lambda: ana.undo(forgotten), lambda: team.undo(forgotten), lambda: ana.get(note.uid)):
        with pytest.raises(NotFound):
            verb()
    assert team.maintain(build=False).purged == 0


def test_each_namespace_has_its_own_horizon(team, clock):
    team.namespaces.configure("agents/ben", Policy(purge_after="1h"))
    team.namespaces.configure("agents/carl", Policy(purge_after="90d"))
    forgotten = {name: team.forget(team.agent(name).remember(name).uid) for name in ("ana", "ben", "carl")}
    for elapsed, gone in ((timedelta(hours=2), {"ben"}), (timedelta(days=31), {"ana"}), (timedelta(days=60), {"carl"})):
        clock.advance(elapsed)
        assert team.maintain(build=False).purged == len(gone)
        for name in gone:
            with pytest.raises(NotFound):
                team.undo(forgotten.pop(name))
    assert forgotten == {}


def test_what_is_purged_is_gone_from_the_past_too_and_from_the_tree(team, clock):
    ana = team.agent("ana")
    note = ana.remember("Latency doubled.")
    rests = ana.remember("Roll back.", derived_from=[note.uid])
    known = clock.now
    clock.advance(timedelta(hours=1))
    ana.forget(note.uid)
    assert note.text in texts(ana.list(as_of=known))
    assert ana.why(rests.uid).origins[0].memory is not None
    clock.advance(timedelta(days=31))
    team.maintain(build=False)
    assert texts(ana.list(as_of=known)) == ["Roll back."]
    assert [(node.uid, node.memory) for node in ana.why(rests.uid).origins] == [(note.uid, None)]
    assert ana.get(rests.uid).derived_from == (note.uid,)
