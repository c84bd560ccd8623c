"""A store's life from end to end: sharing, governing, losing the index, changing the model, growing older."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.team.stores import START, Clock, opened, small_embedder, texts, written
from transactive import NewMemory, Policy, Recall, TeamMemory
from transactive.errors import (
    AccessDenied,
    EmbedderMismatch,
    IndexUnavailable,
    InvalidInput,
    NotFound,
    StoreClosed,
    StoreDamaged,
    StoreLocked,
    StoreTooNew,
)
from transactive.ledger.database import Database
from transactive.ledger.migrations import VERSION, migrate
from transactive.records import Progress


def wide_embedder(batch: Sequence[str]) -> list[list[float]]:
    """Another model: sixteen numbers for each text."""
    return [row + row[::-1] for row in small_embedder(batch)]


# --- sharing ----------------------------------------------------------------------------------------------------------


def test_one_publishes_and_another_recalls_with_the_authors_name():
    with TeamMemory.open(":memory:", background=False) as team:
        researcher, writer = team.agent("researcher"), team.agent("writer")
        researcher.remember(
            "Paper 2 claims 8 ms at 10M vectors; different hardware.", importance=0.3, tags=["unverified"]
        )
        researcher.publish(
            "HNSW answers in 5 ms p50 at 10M vectors (ef=200).", tags=["finding"], metadata={"papers": 5}
        )
        (hit,) = writer.recall("how fast is HNSW?", limit=5)
        assert (hit.memory.agent, hit.memory.namespace) == ("researcher", "team/shared")
        assert 0 < hit.score <= 1
        assert 0 < hit.similarity <= 1
        assert str(hit.why)
        assert len(researcher.recall("how fast is HNSW?", limit=5)) == 2


def test_private_is_private_until_it_is_granted(team, clock):
    team.agent("ana").remember("a private note")
    ben = team.agent("ben")
    assert ben.count() == 0
    team.grant("ben", "agents/ana", "read", valid_until=clock.now + timedelta(days=1))
    assert texts(ben.recall("note")) == texts(ben.list()) == ["a private note"]
    with pytest.raises(AccessDenied, match=r"team\.grant\('ben', 'agents/ana', 'write'\)"):
        ben.remember("not there", namespace="agents/ana")
    clock.advance(timedelta(days=1))
    assert ben.count() == len(ben.recall("note")) == 0


def test_groups_share_and_leave(team):
    team.groups.set("support", ["triage", "billing"])
    team.grant("group:support", "support/**", "read", "write")
    team.agent("triage").remember("a ticket", namespace="support/tickets")
    assert texts(team.agent("billing").recall("ticket")) == ["a ticket"]
    assert team.agent("sales").count() == 0
    team.groups.set("support", ["triage"])
    assert team.agent("billing").count() == 0
    assert team.groups.list() == {"support": ["triage"]}
    team.groups.remove("support")
    assert team.agent("triage").count() == 0
    assert team.groups.get("support") == []


def test_grants_are_listed_and_revoked_right_by_right(team, clock):
    given = team.grant(
        "ana", "projects/**", "read", "write", clearance="confidential", valid_until=START + timedelta(9)
    )
    assert team.grants("ana") == [given]
    assert (given.granted_by, given.granted_at) == ("owner", clock.now)
    assert {grant.principal for grant in team.grants()} == {"*", "ana"}
    team.agent("ana").remember("a plan", namespace="projects/x")
    assert team.revoke("ana", "projects/x") == 0, "a grant is revoked by its own pattern"
    assert team.revoke("ana", "projects/**", "write") == 1
    (left,) = team.grants("ana")
    assert (left.rights, left.clearance, left.valid_until) == ({"read"}, "confidential", given.valid_until)
    assert team.agent("ana").count() == 1
    with pytest.raises(AccessDenied):
        team.agent("ana").remember("another", namespace="projects/x")
    assert team.revoke("ana", "projects/**") == 1
    assert team.agent("ana").count() == 0


def test_clearance_bounds_what_is_read(team):
    for level in ("public", "internal", "confidential"):
        team.remember(level, namespace="team/shared", sensitivity=level)
    assert sorted(texts(team.agent("ana").recall("any", limit=10))) == ["internal", "public"]
    team.grant("auditor", "team/**", "read", clearance="confidential")
    assert len(team.agent("auditor").recall("any", limit=10)) == 3
    team.revoke("*", "team/shared")
    team.grant("guest", "team/shared", "read", clearance="public")
    assert texts(team.agent("guest").recall("any", limit=10)) == ["public"]


def test_who_only_writes_learns_nothing(team):
    team.grant("sensor", "log/**", "write")
    sensor = team.agent("sensor")
    memory = sensor.remember("42 degrees", namespace="log/room")
    assert sensor.count() == len(sensor.recall("degrees")) == len(sensor.list()) == 0
    with pytest.raises(NotFound):
        sensor.get(memory.uid)
    assert team.get(memory.uid) == memory


def test_a_store_without_a_shared_namespace(tmp_path):
    with opened(tmp_path, shared=None) as team:
        with pytest.raises(InvalidInput, match="publish"):
            team.agent("ana").publish("x")
        team.grant("ana", "wall", "write")
        assert team.agent("ana").publish("x", to="wall").namespace == "wall"


# --- namespaces -------------------------------------------------------------------------------------------------------


def test_namespaces_are_listed_with_size_and_last_use(team, clock):
    ana = team.agent("ana")
    ana.remember("x")
    clock.advance(timedelta(hours=1))
    ana.publish("y")
    written_at = clock.now
    assert [(info.path, info.count) for info in team.namespaces.list()] == [("agents/ana", 1), ("team/shared", 1)]
    clock.advance(timedelta(hours=1))
    ana.recall("x", namespaces=["agents/*"])
    used = {info.path: info.last_used_at for info in team.namespaces}
    assert used == {"agents/ana": clock.now, "team/shared": written_at}
    assert [info.path for info in team.namespaces.list("team/**")] == ["team/shared"]


def test_policies_are_inherited_field_by_field(team):
    team.namespaces.configure("prod/**", Policy(ttl="30d", recency_weight=0.2))
    team.namespaces.configure("prod/*", Policy(ttl="7d"))
    team.namespaces.configure("prod/support", Policy(decay="step"))
    policy = team.namespaces.policy("prod/support")
    assert (policy.decay, policy.ttl, policy.recency_weight) == ("step", timedelta(days=7), 0.2)
    assert team.namespaces.policy("prod/support/eu").ttl == timedelta(days=30)
    team.namespaces.configure("prod/*", Policy())
    assert team.namespaces.policy("prod/support").ttl == timedelta(days=30)
    assert team.namespaces.policy("elsewhere").ttl is None


# --- open and closed --------------------------------------------------------------------------------------------------


def test_everything_is_there_after_reopening(tmp_path):
    with opened(tmp_path) as team:
        team.grant("ana", "projects/**", "write", "read")
        team.groups.set("red", ["ana"])
        team.namespaces.configure("projects/**", Policy(half_life="2d"))
        note = team.agent("ana", user="cust_1", session="s", app="desk").remember(
            "Ünïcödé 東京 🧑‍🚒", namespace="projects/x", id="note", tags=["a"], metadata={"n": [1, {"m": None}]},
            importance=0.25, confidence=0.5, source="mail", ttl="5d", sensitivity="public", kind="decision",
        )  # fmt: skip
        grants = team.grants()
    with opened(tmp_path) as team:
        assert team.agent("ana").get("note", namespace="projects/x").text == note.text
        assert team.get(note.uid) == note
        assert team.grants() == grants
        assert team.groups.list() == {"red": ["ana"]}
        assert team.namespaces.policy("projects/y").half_life == timedelta(days=2)
        assert texts(team.agent("ana").recall("東京")) == [note.text]


def test_a_closed_store_refuses_every_verb(tmp_path):
    team = opened(tmp_path)
    ana = team.agent("ana")
    note = ana.remember("x")
    team.close()
    team.close()
    for call in (
        lambda: ana.remember("y"),
        lambda: ana.remember_many(["y"]),
        lambda: ana.publish("y"),
        lambda: ana.revise(note.id, text="y"),
        lambda: ana.forget(note.id),
        lambda: ana.forget(note.id, dry_run=True),
        lambda: ana.forget(where={"agent": "ana"}),
        lambda: ana.undo(note.id),
        lambda: ana.recall("x"),
        lambda: ana.context("x"),
        lambda: ana.get(note.id),
        ana.list,
        ana.count,
        lambda: ana.facets("kind"),
        lambda: ana.history(note.id),
        lambda: team.grant("ana", "a", "read"),
        lambda: team.revoke("ana", "a"),
        team.grants,
        lambda: team.groups.set("g", ["ana"]),
        team.groups.list,
        lambda: team.namespaces.configure("a", Policy()),
        lambda: team.namespaces.policy("a"),
        team.namespaces.list,
        lambda: team.namespaces.delete("agents/ana"),
        team.maintain,
        team.reindex,
    ):
        with pytest.raises(StoreClosed):
            call()


def test_a_temporary_store_leaves_nothing_behind():
    with opened() as team:
        folder = team.path
        assert folder.is_dir()
    assert not folder.exists()


def test_one_folder_has_one_owner(tmp_path):
    with opened(tmp_path) as team:
        with pytest.raises(StoreLocked, match="index=None"):
            opened(tmp_path)
        team.agent("ana").remember("unharmed")
    with opened(tmp_path) as team:
        assert team.count() == 1


# --- the ledger alone, beside the owner -------------------------------------------------------------------------------


def test_beside_the_owner_every_verb_works_and_recall_says_that_it_is_degraded(tmp_path):
    with opened(tmp_path) as owner, opened(tmp_path, index=None) as beside:
        owner.agent("ana").publish("the invoice is open")
        ben = beside.agent("ben")
        found = ben.recall("an invoice?")
        assert (texts(found), found.degraded) == (["the invoice is open"], True)
        assert found.reason
        assert found[0].why.degraded
        note = ben.publish("the refund was sent")
        ben.revise(note.uid, text="the refund was sent on Monday")
        assert ben.get(note.uid).version == 2
        hits = owner.agent("ana").recall("refund", limit=10)
        assert sorted(texts(hits)) == ["the invoice is open", "the refund was sent on Monday"]
        assert not hits.degraded
        ben.undo(ben.forget(note.uid))
        ben.forget(note.uid)
        assert texts(owner.recall("refund", limit=10)) == ["the invoice is open"]
        with pytest.raises(InvalidInput, match="min_similarity"):
            ben.recall("invoice", min_similarity=0.5)
        with pytest.raises(InvalidInput, match="without an index"):
            beside.reindex()


def test_what_was_written_beside_is_there_when_the_owner_comes_later(tmp_path):
    with opened(tmp_path, index=None) as alone:
        alone.agent("ana").remember_many([f"note {number}" for number in range(30)])
    with opened(tmp_path) as owner:
        assert len(owner.recall("note", limit=100)) == 30
        assert not owner.recall("note").degraded


# --- a search that cannot run -----------------------------------------------------------------------------------------


def broken_index(team: TeamMemory) -> None:
    """Take the index away under the store's feet."""
    index = team._engine.store.index
    assert index is not None
    index.close()


def test_a_search_that_cannot_run_raises_unless_it_was_told_otherwise(tmp_path, caplog):
    team = opened(tmp_path)
    ana = team.agent("ana")
    ana.remember("the invoice is open")
    broken_index(team)
    with pytest.raises(IndexUnavailable):
        ana.recall("invoice")
    with pytest.raises(IndexUnavailable):
        ana.context("invoice")
    with caplog.at_level(logging.WARNING, logger="transactive"):
        found = ana.recall("invoice", degrade="text")
        nothing = ana.recall("invoice", degrade="empty")
    assert (texts(found), found.degraded) == (["the invoice is open"], True)
    assert (list(nothing), nothing.degraded) == ([], True)
    assert "IndexUnavailable" in str(found.reason)
    assert len(caplog.records) == 2
    assert ana.remember("written all the same").version == 1
    team.close()
    with opened(tmp_path) as team:
        assert len(team.recall("invoice", limit=10)) == 2


def test_the_store_can_be_told_how_to_degrade():
    with opened(degrade="text") as team:
        team.agent("ana").remember("the invoice is open")
        broken_index(team)
        found = team.agent("ana").recall("invoice")
        assert (texts(found), found.degraded) == (["the invoice is open"], True)
        with pytest.raises(IndexUnavailable):
            team.agent("ana").recall("invoice", degrade="raise")


def test_a_good_answer_is_not_marked_degraded(team):
    team.agent("ana").remember("x")
    found = team.agent("ana").recall("x", degrade="text")
    assert isinstance(found, Recall)
    assert (found.degraded, found.reason) == (False, None)


# --- the index is lost ------------------------------------------------------------------------------------------------

NOTES = [f"note {number} on invoice INV-{number:04}" for number in range(60)]


def rebuilt(path: Path, notes: Sequence[str] = NOTES) -> list[Progress]:
    """Open a store whose index was harmed; all of it must be found, by similarity and by identifier."""
    seen: list[Progress] = []
    with opened(path, progress=seen.append) as team:
        ana = team.agent("ana")
        assert sorted(texts(ana.recall("a note", limit=1000))) == sorted(notes)
        assert ana.recall("INV-0007")[0].memory.text == notes[7]
        assert ana.recall("INV-0007")[0].why.identifiers == 1
        assert len(ana.recall("a note", limit=1000, where={"tags": "even"})) == len(notes) // 2
        ana.remember("one more")
        assert "one more" in texts(ana.recall("one more", limit=1000))
    return seen


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A closed store with sixty notes."""
    with opened(tmp_path) as team:
        team.agent("ana").remember_many(
            NewMemory(text=note, tags=["even"] if number % 2 == 0 else ["odd"]) for number, note in enumerate(NOTES)
        )
    return tmp_path


def test_a_lost_index_is_rebuilt_with_a_report(kept):
    shutil.rmtree(kept / "index")
    seen = rebuilt(kept)
    assert (seen[-1].done, seen[-1].total) == (60, 60)
    assert "rebuilding" in seen[0].what


def test_a_whole_index_is_not_rebuilt(kept):
    assert rebuilt(kept) == []


HARMED = ("CURRENT", "segment.json", "mutable_id_tracker.mappings", "mutable_id_tracker.versions", "edge_config.json")


@pytest.mark.parametrize("name", HARMED)
@pytest.mark.parametrize("harm", ["cut", "overwritten", "emptied", "removed"])
def test_a_damaged_index_is_found_out_and_rebuilt(kept, name, harm):
    for file in (kept / "index").rglob(name):
        content = file.read_bytes()
        if harm == "removed":
            file.unlink()
        else:
            file.write_bytes(
                {"cut": content[: len(content) // 2], "overwritten": b"\xff" * len(content)}.get(harm, b"")
            )
    rebuilt(kept)


def test_an_index_that_fell_behind_is_brought_up_to_date(kept):
    """The folder comes from a backup that is older than the ledger."""
    shutil.copytree(kept / "index", kept.with_name("backup"))
    with opened(kept) as team:
        team.agent("ana").forget(where={"text": {"$contains": "note 7 "}})
        team.agent("ana").remember("note 7 on invoice INV-0007", tags=["odd"])
        team.agent("ana").remember("later", tags=["odd"])
        team.agent("ana").remember("latest", tags=["even"])
    shutil.rmtree(kept / "index")
    kept.with_name("backup").rename(kept / "index")
    with opened(kept) as team:
        found = texts(team.agent("ana").recall("a note", limit=1000))
        assert sorted(found) == sorted([*NOTES, "later", "latest"])


# --- another model ----------------------------------------------------------------------------------------------------


def test_another_model_is_refused_by_name_until_everything_is_embedded_anew(kept):
    with pytest.raises(EmbedderMismatch, match="reindex=True") as caught:
        opened(kept, embedder=wide_embedder)
    assert "small_embedder" in str(caught.value)
    assert "wide_embedder" in str(caught.value)
    with opened(kept, embedder=wide_embedder, reindex=True) as team:
        assert len(team.agent("ana").recall("a note", limit=1000)) == 60
    with pytest.raises(EmbedderMismatch):
        opened(kept)
    with opened(kept, embedder=wide_embedder) as team:
        assert len(team.agent("ana").recall("a note", limit=1000)) == 60


def test_the_ledger_alone_asks_for_no_model(kept):
    with opened(kept, index=None, embedder=wide_embedder) as team:
        assert len(team.agent("ana").recall("note", limit=1000)) == 60


def test_an_open_store_takes_another_model(kept):
    seen: list[Progress] = []
    with opened(kept) as team:
        ana = team.agent("ana")
        before = ana.recall("INV-0007")[0]
        team.reindex(embedder=wide_embedder, progress=seen.append)
        after = ana.recall("INV-0007")[0]
        assert (after.memory, after.why.identifiers) == (before.memory, 1)
        ana.remember("one more")
        assert len(ana.recall("a note", limit=1000)) == 61
    assert seen[-1].done == seen[-1].total == 60
    with opened(kept, embedder=wide_embedder) as team:
        assert len(team.agent("ana").recall("a note", limit=1000)) == 61


@pytest.mark.slow
def test_an_interrupted_change_of_model_goes_on_where_it_was(tmp_path):
    count = 11_500  # its progress is noted every ten thousand
    with opened(tmp_path) as team:
        team.agent("ana").remember_many(f"note {number}" for number in range(count))
        embedded: list[int] = []
        fails_at = 11_000

        def model(batch: Sequence[str]) -> list[list[float]]:
            if sum(embedded) >= fails_at:
                raise KeyboardInterrupt
            embedded.append(len(batch))
            return wide_embedder(batch)

        with pytest.raises(KeyboardInterrupt):
            team.reindex(embedder=model, progress=False)
        assert len(team.agent("ana").recall("note", limit=20)) == 20, "the old index serves on"
        team.agent("ana").remember("written in between")
    embedded.clear()
    fails_at = 10**9
    with opened(tmp_path, embedder=model, reindex=True) as team:
        assert sum(embedded) < 3_000, "most of it was done before"
        ana = team.agent("ana")
        assert texts(ana.recall("x", where={"text": {"$contains": "in between"}})) == ["written in between"]
        assert ana.recall("note 3", limit=1000, where={"text": {"$contains": "note 1111"}})
        assert team.maintain(build=False).unindexed == count + 1


# --- growing older ----------------------------------------------------------------------------------------------------


def set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE manifest SET value = ? WHERE key = 'schema_version'", (str(version),))


def test_a_store_of_a_newer_version_is_refused_and_not_touched(kept):
    set_version(kept, VERSION + 1)
    for index in ("edge", None):
        with pytest.raises(StoreTooNew, match="upgrade"):
            opened(kept, index=index)
    set_version(kept, VERSION)
    with opened(kept) as team:
        assert team.count() == 60


def test_an_older_store_is_brought_up_step_by_step(tmp_path):
    with opened(tmp_path) as team:
        team.agent("ana").remember("x")
    ran: list[int] = []

    def step(number: int, statement: str):
        def run(connection: Connection) -> None:
            ran.append(number)
            connection.execute(text(statement))

        return run

    steps = [
        *([step(0, "SELECT 1")] * (VERSION - 1)),
        step(1, "ALTER TABLE memories ADD COLUMN colour TEXT"),
        step(2, "UPDATE memories SET colour = 'red'"),
    ]
    database = Database(tmp_path / "ledger.db")
    with database.write() as connection:
        assert migrate(connection, steps) == VERSION
        assert ran == [1, 2]
        assert connection.execute(text("SELECT colour FROM memories")).scalar_one() == "red"
        assert migrate(connection, steps) == VERSION + 2
    assert ran == [1, 2], "a step runs once"
    database.close()
    with pytest.raises(StoreTooNew):
        opened(tmp_path)


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path):
    with opened(tmp_path) as team:
        team.agent("ana").remember("x")

    def fails(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE memories ADD COLUMN colour TEXT"))
        raise ZeroDivisionError

    database = Database(tmp_path / "ledger.db")
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        migrate(connection, [*([lambda _: None] * (VERSION - 1)), fails])
    database.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        assert "colour" not in {row[1] for row in ledger.execute("PRAGMA table_info(memories)")}
    with opened(tmp_path) as team:
        assert team.count() == 1


def test_a_file_that_is_no_ledger_is_not_overwritten(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"somebody's diary, which is longer than a header" * 10)
    with pytest.raises(StoreDamaged):
        opened(tmp_path)
    assert (tmp_path / "ledger.db").read_bytes().startswith(b"somebody's diary")


def test_events_and_audit_have_no_gap_and_hold_no_text(team):
    ana = team.agent("ana", user="cust_1")
    note = ana.publish("a sentence that must not be in the log", metadata={"key": "a value that must not"})
    ana.remember_many([f"sentence {number}" for number in range(5)])
    ana.revise(note.uid, text="another sentence")
    team.undo(ana.forget(note.uid))
    with pytest.raises(NotFound):
        ana.get("nothing")
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        numbers = [number for (number,) in ledger.execute("SELECT number FROM events ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) == written(team)["last event"] == 9
        logged = repr(
            ledger.execute("SELECT * FROM events").fetchall() + ledger.execute("SELECT * FROM audit").fetchall()
        )
    assert "sentence" not in logged
    assert "a value" not in logged
    assert "cust_1" not in logged


def test_the_clock_of_a_store_is_the_one_it_was_given():
    clock = Clock(START)
    with opened(clock=clock) as team:
        assert team.agent("ana").remember("x").recorded_at == START
        clock.advance(timedelta(days=1))
        assert team.agent("ana").remember("y").created_at == START + timedelta(days=1)
