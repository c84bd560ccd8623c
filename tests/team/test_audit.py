"""Who did what, when and where: one entry a call, chained so that tampering shows, and never a word of a memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.team.stores import Clock, opened
from tests.team.traces import rare
from transactive import Policy, TeamMemory
from transactive.errors import AccessDenied, InvalidInput, NotFound, RateLimited, TransactiveError
from transactive.records import AuditEntry, Extracted


def entries(team: TeamMemory, verb: Callable[[], Any]) -> list[AuditEntry]:
    """What the audit notes while a call is made."""
    last = team.audit.list(limit=100_000)[-1].number
    verb()
    return list(team.audit.list(after=last))


# --- one entry a call -------------------------------------------------------------------------------------------------


def test_every_verb_that_writes_leaves_one_entry(team, clock):
    ana = team.agent("ana")
    note, other, second = (ana.remember(text).uid for text in ("HNSW answers in 5 ms.", "Lunch at noon.", "Old news."))
    team.agent("ben").publish("The office opens at 9.")
    team.agent("ben").publish("The office opens at 8.")
    conflict = team.conflicts("team/**")[0]
    session = ana.session()
    for number in range(3):
        ana.remember(f"chatter {number}", kind="episodic", importance=0.1)
    clock.advance(timedelta(days=40))
    forgotten = ana.forget(second)
    acts: list[tuple[str, str, str, int, Callable[[], object]]] = [
        ("ana", "remember", "agents/ana", 1, lambda: ana.remember("one")),
        ("ana", "remember", "team/shared", 1, lambda: ana.publish("two")),
        ("ana", "remember_many", "agents/ana", 2, lambda: ana.remember_many(["three", "four"])),
        ("ana", "revise", "agents/ana", 1, lambda: ana.revise(other, tags=["x"])),
        ("ana", "promote", "team/shared", 1, lambda: ana.promote(note)),
        ("ana", "undo", "agents/ana", 1, lambda: ana.undo(forgotten)),
        ("owner", "verify", "agents/ana", 1, lambda: team.verify(other)),
        ("owner", "resolve", "team/shared", 1, lambda: team.resolve(conflict, keep=conflict.second.uid)),
        ("ana", "start_session", "-", 0, ana.session),
        ("ana", "end_session", "-", 0, session.end),
        ("ana", "observe", "agents/ana", 2, lambda: ana.observe(["hello", "there"], session="s9")),
        ("ana", "compact", "agents/ana", 4, ana.compact),
        ("ana", "forget", "agents/ana", 1, lambda: ana.forget(other)),
        ("owner", "grant", "team/x", 0, lambda: team.grant("ana", "team/x", "read")),
        ("owner", "revoke", "team/x", 0, lambda: team.revoke("ana", "team/x")),
        ("owner", "set_group", "group:red", 0, lambda: team.groups.set("red", ["ana"])),
        ("owner", "configure", "team/**", 0, lambda: team.namespaces.configure("team/**", Policy(half_life="3d"))),
        ("owner", "delete_namespace", "team/shared", 4, lambda: team.namespaces.delete("team/shared")),
        ("owner", "erase", "-", 0, lambda: team.erase(user="nobody")),
    ]
    for principal, action, target, count, act in acts:
        clock.advance(timedelta(seconds=1))
        noted = entries(team, act)
        assert [(e.principal, e.action, e.target, e.count, e.at) for e in noted] == [
            (principal, action, target, count, clock.now)
        ]
    assert [e.number for e in team.audit.list()] == list(range(1, len(team.audit.list()) + 1))
    assert team.audit.verify()


def test_a_correction_is_one_entry_of_two_memories(team):
    ana = team.agent("ana")
    note = ana.remember("HNSW answers in 5 ms.")
    noted = entries(team, lambda: ana.correct(note.uid, "HNSW answers in 8 ms."))
    assert [(e.principal, e.target, e.count) for e in noted] == [("ana", "agents/ana", 2)]


def test_what_maintain_takes_away_is_noted(clock):
    with opened(clock=clock) as team:
        team.namespaces.configure("agents/ana", Policy(max_memories=2))
        ana = team.agent("ana")
        ana.remember("short", ttl="1h")
        for number in range(4):
            ana.remember(f"chatter {number}", kind="episodic", importance=number / 10)
        clock.advance(timedelta(hours=2))
        noted = entries(team, lambda: team.maintain(build=False))
        assert [(e.principal, e.action, e.count) for e in noted] == [("owner", "expire", 1), ("owner", "evict", 2)]
        clock.advance(timedelta(days=31))
        (purge,) = entries(team, lambda: team.maintain(build=False))
        assert (purge.principal, purge.action, dict(purge.details)) == ("owner", "purge", {"memories": 3})


def test_what_an_extractor_finds_is_noted_in_the_name_of_who_observed(clock):
    with opened(clock=clock, extractor=lambda turns: [Extracted(text="Likes tea")]) as team:
        ana = team.agent("ana")
        noted = entries(team, lambda: (ana.observe(["I like tea"], session="s1"), ana.wait(30)))
        assert [(e.principal, e.action, e.target) for e in noted] == [
            ("ana", "observe", "agents/ana"),
            ("ana", "extract", "team/shared"),
        ]


def test_what_changes_nothing_leaves_no_entry(team):
    ana, note = team.agent("ana"), team.agent("ben").remember("private")
    own = ana.remember("mine")
    team.namespaces.configure("team/x", Policy(write_rate="1/d"))
    team.grant("ana", "team/x", "write")
    ana.publish("the one for today", to="team/x")
    last = team.audit.list()[-1].number
    refused: list[tuple[type[TransactiveError], Callable[[], object]]] = [
        (NotFound, lambda: ana.forget(note.uid)),
        (NotFound, lambda: ana.revise(note.uid, text="x")),
        (InvalidInput, lambda: ana.remember("")),
        (AccessDenied, lambda: ana.remember("x", namespace="agents/ben")),
        (AccessDenied, lambda: ana.verify(own.uid, by="dana")),
        (RateLimited, lambda: ana.publish("another", to="team/x")),
    ]
    for error, verb in refused:
        with pytest.raises(error):
            verb()
    for read in (ana.list, ana.count, lambda: ana.recall("mine"), lambda: ana.why(own.uid), lambda: ana.get(own.uid)):
        read()
    ana.forget(own.uid, dry_run=True)
    ana.compact(dry_run=True)
    assert list(team.audit.list(after=last)) == []


# --- the chain --------------------------------------------------------------------------------------------------------

TAMPERING = [
    ("UPDATE audit SET principal = 'ben' WHERE number = 4", 4),
    ("UPDATE audit SET action = 'revise' WHERE number = 5", 5),
    ("UPDATE audit SET target = 'team/x' WHERE number = 1", 1),
    ("UPDATE audit SET at = at + 1 WHERE number = 6", 6),
    ('UPDATE audit SET "count" = 7 WHERE number = 3', 3),
    ("UPDATE audit SET details = '{\"x\": 1}' WHERE number = 9", 9),
    ("UPDATE audit SET hash = zeroblob(32) WHERE number = 7", 7),
    ("DELETE FROM audit WHERE number = 1", 1),
    ("DELETE FROM audit WHERE number = 5", 5),
    ("DELETE FROM audit WHERE number = 10", 10),
    ("DELETE FROM audit WHERE number > 7", 8),
    ("DELETE FROM audit", 1),
    ('INSERT INTO audit SELECT 11, at, principal, action, target, "count", details, hash FROM audit LIMIT 1', 11),
    ("UPDATE audit SET number = number + 1 WHERE number = 10", 10),
    ("UPDATE heads SET last_audit_hash = zeroblob(32)", 10),
    ("UPDATE heads SET last_audit = 9", 10),
    ("UPDATE heads SET last_audit = 12", 11),
]


@pytest.mark.parametrize(("statement", "number"), TAMPERING, ids=[statement[:50] for statement, _ in TAMPERING])
def test_tampering_shows_and_where(tmp_path, statement, number):
    with opened(tmp_path) as team:
        for n in range(9):
            team.agent("ana").remember(f"note {n}")
        check = team.audit.verify()
        assert (bool(check), check.entries, check.broken_at, check.reason) == (True, 10, None, None)
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
            ledger.execute(statement)
            ledger.commit()
        check = team.audit.verify()
        assert not check
        assert check.broken_at == number
        assert check.reason


def test_the_chain_goes_on_over_restarts_and_beside_other_openers(tmp_path):
    for _ in range(3):
        with opened(tmp_path) as team, opened(tmp_path, index=None) as beside:
            team.remember("x", kind="episodic")
            beside.remember("y", kind="episodic")
            assert beside.audit.verify()
    with opened(tmp_path) as team:
        assert (bool(team.audit.verify()), team.audit.verify().entries) == (True, 7)


def test_two_long_chains_are_checked_to_their_end(team):
    for number in range(1_050):
        team._engine.sharing.set_group(team._identity, "red", [f"agent {number}"])
    assert team.audit.verify().entries == 1_051
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        ledger.execute("UPDATE audit SET target = 'group:blue' WHERE number = 1040")
        ledger.commit()
    assert team.audit.verify().broken_at == 1_040


# --- reading it -------------------------------------------------------------------------------------------------------


def test_the_audit_is_filtered(team, clock):
    start = clock.now
    for name in ("ana", "ben", "ana"):
        clock.advance(timedelta(hours=1))
        team.agent(name).forget(team.agent(name).remember("x").uid)
        team.agent(name).publish(f"news of {name}")

    def numbers(**asked: Any) -> list[int]:
        return [entry.number for entry in team.audit.list(**asked)]

    assert numbers() == list(range(1, 11))
    assert numbers(principal="ana") == [2, 3, 4, 8, 9, 10]
    assert numbers(actions="forget") == [3, 6, 9]
    assert numbers(actions=["create", "forget"], principal="owner") == [1]
    assert numbers(target="team/shared") == [1, 4, 7, 10]
    assert numbers(since=start + timedelta(hours=2)) == [5, 6, 7, 8, 9, 10]
    assert numbers(since=start + timedelta(hours=2), until=start + timedelta(hours=3)) == [5, 6, 7]
    assert numbers(after=4, limit=2) == [5, 6]
    assert numbers(principal="nobody") == []
    for wrong in ({"limit": 0}, {"after": -1}, {"actions": 3}, {"since": "yesterday"}):
        with pytest.raises(InvalidInput):
            numbers(**wrong)


def test_the_audit_is_exported_as_lines_of_json(team, tmp_path):
    for number in range(5):
        team.agent("ana").remember(f"note {number}")
    target = tmp_path / "audit.jsonl"
    assert team.audit.export(target) == 7, "with the entry of the export itself"
    lines = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 8))
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        hashes = [hash.hex() for (hash,) in ledger.execute("SELECT hash FROM audit ORDER BY number")]
    assert [line.pop("hash") for line in lines] == hashes, "what an export kept elsewhere is compared by"
    entry = team.audit.list()[3]
    assert lines[3] == {
        "number": 4,
        "at": entry.at.isoformat(),
        "principal": "ana",
        "action": "remember",
        "target": "agents/ana",
        "count": 1,
        "details": {},
    }
    for wrong in (target, tmp_path / "no such folder" / "audit.jsonl"):
        with pytest.raises(InvalidInput):
            team.audit.export(wrong)
    assert len(target.read_text(encoding="utf-8").splitlines()) == 7, "an earlier export is not overwritten"


def test_no_text_no_metadata_no_user_and_no_key_is_ever_in_it(tmp_path):
    words = {
        what: rare("audit", what) for what in ("text", "new", "meta", "tag", "user", "id", "source", "said", "ticket")
    }
    with opened(tmp_path / "store", clock=Clock(), extractor=lambda turns: [Extracted(text=turns[0].text)]) as team:
        ana = team.agent("ana", user=words["user"])
        note = ana.remember(
            words["text"],
            id=words["id"],
            metadata={"key": words["meta"]},
            tags=[words["tag"]],
            source=words["source"],
        )
        ana.promote(note.uid)
        ana.revise(note.uid, text=words["new"], metadata={words["meta"]: 1})
        ana.correct(note.uid, f"{words['new']} again")
        team.verify(note.uid, by="dana")
        with ana.session(metadata={"ticket": words["ticket"]}, summary=True) as session:
            session.remember(words["said"])
        ana.observe([{"role": "user", "content": words["said"], "id": words["id"]}])
        ana.wait(30)
        ana.undo(ana.forget(where={"user": words["user"]}))
        with pytest.raises(TransactiveError):
            ana.forget(words["text"])
        team.erase(user=words["user"])
        exported = tmp_path / "audit.jsonl"
        team.audit.export(exported)
        with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
            rows = str(ledger.execute("SELECT * FROM audit").fetchall())
            rows += str(ledger.execute("SELECT * FROM events").fetchall())
        held = exported.read_text(encoding="utf-8") + rows
        assert {what for what, word in words.items() if word in held} == set()
        assert team.audit.verify()
        assert Path(exported).stat().st_size > 0
