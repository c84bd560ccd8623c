"""What is forgotten is out of every answer at once, and undo brings it back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.team.stores import START, opened, texts, written
from transactive import Forgotten, Policy, TeamMemory
from transactive.errors import AccessDenied, NotFound


def everywhere(team: TeamMemory, text: str) -> set[bool]:
    """Whether each verb of the owner still shows a memory; one answer when they agree."""
    where = {"text": {"$contains": text}}
    return {
        text in texts(team.list(limit=1000)),
        text in texts(team.recall(text, limit=1000)),
        text in str(team.context(text, budget=10_000, limit=1000)),
        team.count(where) == 1,
        bool(team.facets("kind", where)),
    }


def test_one_memory_goes_and_comes_back_as_it_was(team):
    ana = team.agent("ana")
    note = ana.remember("the queue is slow on Mondays", tags=["ops"], metadata={"n": 1})
    other = ana.remember("the index is fast")
    shown = ana.forget(note.id, dry_run=True)
    assert (shown.id, shown.count, texts(shown.sample), shown.dry_run) == (None, 1, [note.text], True)
    assert everywhere(team, note.text) == {True}

    forgotten = ana.forget(note.id)
    assert (forgotten.count, texts(forgotten.sample), forgotten.dry_run) == (1, [note.text], False)
    assert everywhere(team, note.text) == {False}
    assert everywhere(team, other.text) == {True}
    for verb in (ana.get, ana.history, ana.forget, lambda id: ana.revise(id, text="x")):
        with pytest.raises(NotFound):
            verb(note.id)

    assert ana.undo(forgotten) == 1
    assert ana.get(note.id) == note
    assert everywhere(team, note.text) == {True}
    assert ana.count({"tags": "ops"}) == ana.count({"metadata.n": 1}) == 1


def test_undo_works_once_and_by_id(team):
    ana = team.agent("ana")
    forgotten = ana.forget(ana.remember("x").id)
    assert forgotten.id is not None
    assert ana.undo(forgotten.id) == 1
    for again in (forgotten, forgotten.id, "01a1f942-a282-7fab-a9a7-348db7fc8fa1"):
        with pytest.raises(NotFound):
            ana.undo(again)


def test_a_rogue_agents_afternoon_is_taken_back(team, clock):
    rogue, careful = team.agent("rogue"), team.agent("careful")
    kept = [rogue.publish("morning").text]
    clock.advance(timedelta(hours=4))
    started = clock.now
    for number in range(25):
        rogue.publish(f"nonsense {number}")
    kept.append(careful.publish("a finding").text)
    clock.advance(timedelta(hours=2))
    kept.append(rogue.publish("evening").text)
    where = {"agent": "rogue", "created_at": {"$gte": started, "$lt": clock.now}}

    shown = team.forget(where=where, dry_run=True)
    assert (shown.count, len(shown.sample)) == (25, 10)
    assert team.count() == 28
    forgotten = team.forget(where=where)
    assert forgotten.count == 25
    assert sorted(texts(team.list())) == sorted(kept)
    assert not [text for text in texts(team.recall("nonsense", limit=100)) if "nonsense" in text]
    assert team.undo(forgotten) == 25
    assert team.count() == 28


def test_a_filter_takes_only_what_the_agent_may_forget(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    ana.publish("of ana", tags=["old"])
    ben.publish("of ben", tags=["old"])
    ben.remember("private", tags=["old"])
    assert ana.forget(where={"tags": "old"}, dry_run=True).count == 1
    assert ana.forget(where={"tags": "old"}).count == 1
    assert sorted(texts(team.list())) == ["of ben", "private"]


def test_the_memories_of_others_need_the_right_admin(team):
    note = team.agent("ana").publish("of ana")
    ben = team.agent("ben")
    before = written(team)
    for dry_run in (True, False):
        with pytest.raises(AccessDenied, match="admin"):
            ben.forget(note.uid, dry_run=dry_run)
    assert written(team) == before
    team.grant("ben", "team/shared", "admin")
    forgotten = ben.forget(note.uid)
    assert team.agent("ana").undo(forgotten) == 1, "an author may take its own back"


def test_a_filter_that_matches_nothing_forgets_nothing(team):
    ana = team.agent("ana")
    ana.remember("x")
    assert ana.forget(where={"tags": "nothing"}).count == 0
    assert ana.count() == 1


def test_a_dry_run_writes_nothing(team):
    ana = team.agent("ana")
    note = ana.remember("x")
    before = written(team)
    ana.forget(note.id, dry_run=True)
    ana.forget(where={"agent": "ana"}, dry_run=True)
    team.namespaces.delete("agents/ana", dry_run=True)
    assert written(team) == before


def test_forgetting_and_undo_survive_a_restart(tmp_path):
    with opened(tmp_path) as team:
        ana = team.agent("ana")
        ana.remember("stays")
        forgotten = ana.forget(ana.remember("goes").id)
    with opened(tmp_path) as team:
        assert texts(team.recall("goes", limit=100)) == ["stays"]
        assert team.undo(forgotten.id or "") == 1
    with opened(tmp_path) as team:
        assert sorted(texts(team.recall("goes", limit=100))) == ["goes", "stays"]


def test_a_forgotten_turn_leaves_the_windows_of_its_neighbours():
    with TeamMemory.open(":memory:", background=False) as team:
        ana = team.agent("ana", session="s1")
        for number, text in enumerate(("we talked about lunch", "the zeppelin hangar burned", "then it rained")):
            ana.remember(text, created_at=START + timedelta(minutes=number))
        around = {hit.memory.text: hit.why.channels for hit in ana.recall("zeppelin hangar")}
        assert "window_terms" in around["we talked about lunch"]
        forgotten = ana.forget(where={"text": {"$contains": "zeppelin"}})
        for hit in ana.recall("zeppelin hangar"):
            assert "window_terms" not in hit.why.channels
        ana.undo(forgotten)
        around = {hit.memory.text: hit.why.channels for hit in ana.recall("zeppelin hangar")}
        assert "window_terms" in around["then it rained"]


# --- namespaces -------------------------------------------------------------------------------------------------------


def test_a_deleted_namespace_is_empty_and_comes_back(team):
    team.namespaces.configure("projects/hnsw", Policy(ttl="1d"))
    team.remember("in it", namespace="projects/hnsw")
    team.remember("below it", namespace="projects/hnsw/notes")
    assert team.namespaces.delete("projects/hnsw", dry_run=True).count == 1
    deleted = team.namespaces.delete("projects/hnsw")
    assert deleted.count == 1
    assert texts(team.list()) == ["below it"]
    assert [info.path for info in team.namespaces.list("projects/**")] == ["projects/hnsw/notes"]
    assert team.namespaces.policy("projects/hnsw").ttl is None
    with pytest.raises(NotFound):
        team.namespaces.delete("projects/hnsw")
    assert team.undo(deleted) == 1
    assert {info.path: info.count for info in team.namespaces.list("projects/**")} == {
        "projects/hnsw": 1,
        "projects/hnsw/notes": 1,
    }
    assert sorted(texts(team.list())) == ["below it", "in it"]


def test_a_deleted_namespace_can_be_written_to_again(team):
    team.remember("before", namespace="projects/hnsw")
    team.namespaces.delete("projects/hnsw")
    team.remember("after", namespace="projects/hnsw")
    assert [(info.path, info.count) for info in team.namespaces.list("projects/*")] == [("projects/hnsw", 1)]


# --- time to live -----------------------------------------------------------------------------------------------------


def test_a_memory_lives_as_long_as_it_was_given(team, clock):
    ana = team.agent("ana")
    ana.remember("for ever")
    note = ana.remember("for a day", ttl="24h")
    assert note.expires_at == clock.now + timedelta(days=1)
    clock.advance(timedelta(hours=24) - timedelta(microseconds=1))
    assert everywhere(team, "for a day") == {True}
    clock.advance(timedelta(microseconds=1))
    assert everywhere(team, "for a day") == {False}
    with pytest.raises(NotFound):
        ana.get(note.id)
    assert team.maintain().expired == 1
    assert team.maintain().expired == 0
    assert texts(ana.list()) == ["for ever"]


def test_a_policy_gives_the_time_to_live_and_a_memory_overrules_it(team, clock):
    team.namespaces.configure("agents/**", Policy(ttl="1h"))
    team.namespaces.configure("agents/ben", Policy(ttl="3h"))
    team.agent("ana").remember("one hour")
    team.agent("ana").remember("a week", ttl="1w")
    team.agent("ben").remember("three hours")
    team.agent("ana").publish("shared: no end")
    clock.advance(timedelta(hours=2))
    assert sorted(texts(team.list())) == ["a week", "shared: no end", "three hours"]
    clock.advance(timedelta(hours=2))
    assert sorted(texts(team.list())) == ["a week", "shared: no end"]


def test_time_to_live_counts_from_when_it_was_recorded(team, clock):
    old = team.agent("ana").remember("years ago", created_at=START - timedelta(days=1000), ttl="1h")
    assert old.expires_at == clock.now + timedelta(hours=1)


def test_expired_memories_do_not_eat_the_limit(team, clock):
    ana = team.agent("ana")
    for number in range(300):
        ana.remember(f"short {number}", ttl="1h") if number else ana.remember("long")
    clock.advance(timedelta(hours=2))
    assert texts(ana.recall("short", limit=5)) == ["long"]
    assert texts(ana.list(limit=5)) == ["long"]


def test_the_owner_of_the_index_expires_what_another_opener_wrote(tmp_path, clock):
    with opened(tmp_path, clock=clock) as owner, opened(tmp_path, clock=clock, index=None) as beside:
        beside.agent("ana").remember("short", ttl="1h")
        assert texts(owner.recall("short")) == ["short"]
        clock.advance(timedelta(hours=2))
        assert texts(owner.recall("short")) == []
        assert owner.maintain().expired == 1


def test_what_undo_takes_is_what_forget_returned(team):
    ana = team.agent("ana")
    ana.remember("x")
    forgotten = ana.forget(where={"agent": "ana"})
    assert isinstance(forgotten, Forgotten)
    assert forgotten.id != ana.forget(where={"agent": "ana"}).id
