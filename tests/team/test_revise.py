"""A revision is a new version; the former ones stay in the history, and nobody overwrites what they did not see."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.team.stores import opened, texts, written
from transactive.errors import AccessDenied, NotFound, VersionConflict


def test_every_version_is_kept(team, clock):
    ana = team.agent("ana")
    first = ana.remember("8 ms", importance=0.3, tags=["unverified"], metadata={"papers": 1}, confidence=0.4)
    clock.advance(timedelta(hours=1))
    second = ana.revise(first.id, text="18 ms")
    clock.advance(timedelta(hours=1))
    third = ana.revise(first.id, importance=0.9, tags=[], metadata={"papers": 2}, confidence=1)
    assert ana.history(first.id) == [first, second, third]
    assert [memory.version for memory in ana.history(first.id)] == [1, 2, 3]
    assert (second.text, second.importance, second.tags, second.metadata) == (
        "18 ms",
        0.3,
        ("unverified",),
        {"papers": 1},
    )
    assert (third.text, third.importance, third.tags, third.metadata) == ("18 ms", 0.9, (), {"papers": 2})
    assert (third.confidence, third.created_at, third.recorded_at) == (1.0, first.created_at, first.recorded_at)
    assert [memory.updated_at - first.updated_at for memory in (second, third)] == [
        timedelta(hours=1),
        timedelta(hours=2),
    ]
    assert ana.get(first.id) == third


def test_a_conflict_carries_what_is_there_now(team):
    note = team.agent("ana").publish("first")
    team.grant("ben", "team/shared", "admin")
    ben = team.agent("ben").revise(note.uid, text="second", expected_version=1)
    before = written(team)
    with pytest.raises(VersionConflict, match="at version 2, not 1") as conflict:
        team.agent("ana").revise(note.uid, text="mine", expected_version=1)
    assert conflict.value.current == ben
    assert "second" not in str(conflict.value)
    assert written(team) == before
    current = conflict.value.current
    assert team.agent("ana").revise(note.uid, text="mine", expected_version=current.version).version == 3


def test_of_many_who_saw_the_same_version_one_wins(team):
    ana = team.agent("ana")
    note = ana.remember("0")
    won: list[str] = []
    lost: list[int] = []
    start = threading.Barrier(8)

    def revise(number: int) -> None:
        start.wait()
        for _ in range(5):
            seen = ana.get(note.id)
            try:
                won.append(ana.revise(note.id, text=f"{seen.text}.{number}", expected_version=seen.version).text)
            except VersionConflict as conflict:
                lost.append(conflict.current.version - seen.version)

    threads = [threading.Thread(target=revise, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = ana.history(note.id)
    assert len(history) == len(won) + 1
    assert len(won) + len(lost) == 40
    assert all(behind > 0 for behind in lost)
    assert all(after.text.startswith(before.text) for before, after in pairwise(history))


def test_the_new_text_is_found_and_the_old_one_is_not(team):
    ana = team.agent("ana")
    ana.remember("something else entirely")
    note = ana.remember("invoice INV-1111 is open")
    ana.revise(note.id, text="invoice INV-2222 is paid", tags=["paid"])
    assert ana.recall("INV-2222")[0].memory.text == "invoice INV-2222 is paid"
    assert ana.recall("INV-2222")[0].why.identifiers == 1
    assert all(hit.why.identifiers == 0 for hit in ana.recall("INV-1111"))
    assert ana.count({"text": {"$contains": "INV-1111"}}) == 0
    assert texts(ana.list({"tags": "paid"})) == ["invoice INV-2222 is paid"]


def test_old_tags_and_metadata_match_no_longer(team):
    ana = team.agent("ana")
    note = ana.remember("x", tags=["old"], metadata={"state": "open", "n": 1})
    ana.revise(note.id, tags=["new"], metadata={"state": "paid"})
    for where, found in (
        ({"tags": "old"}, 0),
        ({"tags": "new"}, 1),
        ({"metadata.state": "open"}, 0),
        ({"metadata.state": "paid"}, 1),
        ({"metadata.n": {"$exists": True}}, 0),
    ):
        assert ana.count(where) == len(ana.recall("x", where=where)) == found


def test_ones_own_needs_write_and_that_of_others_admin(team):
    note = team.agent("ana").publish("of ana")
    with pytest.raises(AccessDenied):
        team.agent("ben").revise(note.uid, text="of ben")
    team.revoke("*", "team/shared", "write")
    with pytest.raises(AccessDenied):
        team.agent("ana").revise(note.uid, text="mine no more")
    team.revoke("*", "team/shared")
    with pytest.raises(NotFound):
        team.agent("ana").revise(note.uid, text="mine no more")
    assert team.get(note.uid) == note


def test_history_is_closed_to_whom_the_memory_is_closed(team):
    note = team.agent("ana").remember("x")
    team.agent("ana").revise(note.id, text="y")
    with pytest.raises(NotFound):
        team.agent("ben").history(note.uid)
    team.grant("ben", "agents/ana", "read")
    assert texts(team.agent("ben").history(note.uid)) == ["x", "y"]


def test_versions_survive_a_restart(tmp_path):
    with opened(tmp_path) as team:
        note = team.agent("ana").remember("first", id="note")
        team.agent("ana").revise("note", text="second")
    with opened(tmp_path) as team:
        ana = team.agent("ana")
        assert texts(ana.history("note")) == ["first", "second"]
        assert ana.revise("note", text="third", expected_version=2).uid == note.uid
        assert texts(ana.recall("third")) == ["third"]
