"""A document and the memory that makes it found: what happens to the one happens to the other."""

from __future__ import annotations

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.documents.rooms import HOME, axes, keys, of, rows, run
from tests.team.stores import Clock, opened, texts
from tests.team.traces import found_in, leaks, rare
from transactive import NewMemory, Policy
from transactive.errors import AccessDenied, InvalidInput, NotFound, TransactiveError
from transactive.records import CheckpointWrite, NewDocument

DAY = timedelta(days=1)
KILLED = -signal.SIGKILL if sys.platform != "win32" else 1


# --- forget and undo --------------------------------------------------------------------------------------------------


def test_a_document_whose_memory_is_forgotten_is_gone_and_comes_back(ana):
    home, documents = ana.namespace, ana.documents
    put = documents.put(home, "k", {"t": "blue"}, index=True)
    documents.put(home, "plain", {"t": "blue"})
    forgotten = ana.forget(put.uid)
    assert documents.get(home, "k") is None
    assert keys(documents.list()) == ["plain"]
    assert documents.count(prefix="k") == documents.clear(home, prefix="k") == 0
    assert documents.delete(home, "k") is False
    assert list(documents.search("blue")) == list(ana.recall("blue")) == []
    assert ana.undo(forgotten) == 1
    assert documents.get(home, "k") == put
    assert keys(documents.search("blue")) == ["k"]


def test_forgetting_by_a_filter_takes_documents_with_it(ana):
    ana.documents.put(ana.namespace, "k", {"t": "blue", "color": "red"}, index=["t"])
    ana.documents.put(ana.namespace, "j", {"t": "blue", "color": "green"}, index=["t"])
    forgotten = ana.forget(where={"kind": "document", "metadata.color": "red"})
    assert forgotten.count == 1
    assert keys(ana.documents.list()) == ["j"]
    assert ana.undo(forgotten) == 1
    assert ana.documents.count() == 2


def test_a_key_that_was_written_again_is_not_disturbed_by_an_undo(ana):
    home, documents = ana.namespace, ana.documents
    old = documents.put(home, "k", {"t": "old words"}, index=True)
    forgotten = ana.forget(old.uid)
    new = documents.put(home, "k", {"t": "new words"}, index=True)
    assert (new.version, new.uid != old.uid) == (1, True)
    with pytest.raises(NotFound):
        ana.undo(forgotten)
    assert documents.get(home, "k") == new
    assert keys(documents.search("old words", limit=1)) == ["k"]
    assert [hit.memory.uid for hit in ana.recall("old words")] == [new.uid]


def test_who_may_not_forget_a_memory_may_still_delete_the_document(house, ana):
    """Whoever may write replaces and deletes what it may read; the memory alone is its author's."""
    store = f"team/{ana.name}"
    ben = house.agent(f"ben of {ana.name}")
    for name in (ana.name, ben.name):
        house.grant(name, store, "read", "write")
    uid = ana.documents.put(store, "k", {"t": "blue"}, index=True).uid
    with pytest.raises(AccessDenied):
        ben.forget(uid)
    assert ben.documents.delete(store, "k") is True
    assert list(ana.recall("blue")) == []


# --- a memory that follows from a document is changed there -----------------------------------------------------------


def test_the_memory_of_a_document_is_changed_by_the_document_alone(house, ana):
    put = ana.documents.put(ana.namespace, "k", {"t": "blue"}, index=True)
    for call in (
        lambda: ana.revise(put.uid, text="green"),
        lambda: ana.revise(put.uid, importance=0.9),
        lambda: ana.revise(put.uid, metadata={"t": "green"}),
        lambda: ana.correct(put.uid, "green"),
        lambda: ana.remember("green", supersedes=[put.uid]),
        lambda: ana.remember_many([NewMemory(text="green", supersedes=[put.uid])]),
        lambda: ana.remember("green", kind="document"),
        lambda: ana.remember_many([NewMemory(text="green", kind="document")]),
    ):
        with pytest.raises(InvalidInput, match="document"):
            call()
    assert ana.documents.get(ana.namespace, "k") == put
    assert texts(ana.list()) == ["blue"]


def test_a_copy_of_a_document_is_no_document_or_there_is_none(team):
    """A promoted memory of the kind `document` would belong to no document: neither a hand nor a policy makes it."""
    ana = team.agent("ana")
    put = ana.documents.put(HOME, "k", {"t": "blue"}, index=True)
    try:
        copy = ana.promote(put.uid)
    except InvalidInput:
        pass
    else:
        assert copy.kind != "document"
    team.namespaces.configure(HOME, Policy(promote_at=0.1))
    team.verify(put.uid)
    ana.documents.put(HOME, "k", {"t": "green"}, index=True)
    assert [m.namespace for m in team.list({"kind": "document"})] == [HOME]
    assert keys(ana.documents.search("blue", limit=1)) == ["k"]


def test_facts_are_not_merged_with_documents(team):
    team.namespaces.configure(HOME, Policy(duplicate_at=0.0))
    ana = team.agent("ana")
    put = ana.documents.put(HOME, "k", "the gate is blue", index=True)
    fact = ana.remember("the gate is blue", kind="semantic")
    assert (fact.kind, fact.uid != put.uid, fact.version) == ("semantic", True, 1)
    ana.documents.put(HOME, "j", "the gate is blue", index=True)
    assert ana.documents.delete(HOME, "k")
    assert ana.get(fact.uid).text == "the gate is blue"
    assert sorted(keys(ana.documents.search("blue gate"))) == ["j"]


def test_condensing_passes_documents_over(team, clock):
    ana = team.agent("ana")
    for number in range(3):
        ana.documents.put(HOME, str(number), {"t": f"blue {number}"}, index=True)
        ana.remember(f"note {number}", importance=0.1)
    clock.advance(60 * DAY)
    done = ana.compact(HOME, older_than="30d", max_importance=1.0, summarizer=lambda notes: "in short")
    assert done.condensed == 3
    assert ana.documents.count() == 3
    assert team.count({"kind": "document"}) == 3


# --- expiry, eviction, purge ------------------------------------------------------------------------------------------


def test_a_full_namespace_evicts_documents_by_their_memories(team, clock):
    ana = team.agent("ana")
    for number in range(4):
        ana.documents.put(HOME, str(number), {"t": f"blue {number}"}, index=True)
        clock.advance(DAY)
    ana.documents.put(HOME, "plain", 1)
    team.namespaces.configure(HOME, Policy(max_memories=2))
    assert team.maintain(build=False).evicted == 2
    assert sorted(keys(ana.documents.list())) == ["2", "3", "plain"]
    assert len(ana.documents.search("blue")) == 2
    assert ana.documents.put(HOME, "0", 1).version == 1


def test_a_purge_takes_the_forgotten_document_for_good(team, clock):
    ana = team.agent("ana")
    words = [rare("value", n) for n in range(3)]
    put = ana.documents.put(HOME, "k", {"t": words[0], "hidden": words[1]}, index=["t"], data=words[2].encode())
    ana.documents.put(HOME, "kept", {"t": "green"}, index=True)
    forgotten = ana.forget(put.uid)
    clock.advance(29 * DAY)
    team.maintain(build=False)
    assert rows(team)["documents"] == 2
    clock.advance(2 * DAY)
    assert team.maintain(build=False).purged == 1
    assert rows(team, ["documents", "memories"]) == {"documents": 1, "memories": 1}
    assert leaks(team.path, words[1:]) == set()
    with pytest.raises(NotFound):
        ana.undo(forgotten)
    assert ana.documents.put(HOME, "k", 1).version == 1


def test_what_is_put_again_outlives_the_purge_of_the_former_one(team, clock):
    ana = team.agent("ana")
    ana.forget(ana.documents.put(HOME, "k", {"t": "old"}, index=True).uid)
    new = ana.documents.put(HOME, "k", {"t": "new"}, index=True)
    clock.advance(60 * DAY)
    team.maintain(build=False)
    assert ana.documents.get(HOME, "k") == new


def test_a_deleted_document_can_be_neither_undone_nor_recalled(team):
    ana = team.agent("ana")
    put = ana.documents.put(HOME, "k", {"t": "blue"}, index=True)
    child = ana.remember("follows from it", derived_from=[put.uid])
    assert ana.documents.delete(HOME, "k")
    with pytest.raises(NotFound):
        ana.get(put.uid)
    assert ana.get(child.uid).text == "follows from it"
    assert rows(team, ["documents", "memories"]) == {"documents": 0, "memories": 1}


# --- namespaces and users ---------------------------------------------------------------------------------------------


def test_a_deleted_namespace_holds_no_documents_and_no_threads(team):
    team.grant("ana", "prod/**", "read", "write", clearance="confidential")
    ana = team.agent("ana")
    for place in ("prod/x", "prod/x/y"):
        ana.documents.put(place, "indexed", {"t": "blue"}, index=True)
        ana.documents.put(place, "plain", 1, sensitivity="confidential")
        ana.documents.put(place, "k", 1, user="u1")
        ana.checkpoints.put("t", "1", body=("b", b""), metadata=("m", b""), versions={}, values={}, namespace=place)
    assert {info.path for info in team.namespaces.list("prod/**")} == {"prod/x", "prod/x/y"}
    team.namespaces.delete("prod/x")
    assert ana.documents.list("prod/x") == team.documents.list("prod/x") == []
    assert ana.documents.namespaces() == ["prod/x/y"]
    assert ana.checkpoints.threads(namespace="prod/x") == []
    assert ana.documents.count("prod/x/y") == 3
    assert ana.checkpoints.threads(namespace="prod/x/y") == ["t"]
    assert keys(ana.documents.search("blue")) == ["indexed"]
    assert [info.path for info in team.namespaces.list("prod/**")] == ["prod/x/y"]
    assert ana.documents.put("prod/x", "plain", 2).version == 1


def test_a_rehearsed_deletion_of_a_namespace_leaves_everything(team):
    team.documents.put("prod/x", "plain", 1)
    team.documents.put("prod/x", "indexed", "blue", index=True)
    team.namespaces.delete("prod/x", dry_run=True)
    assert team.documents.count("prod/x") == 2


def test_an_erased_user_is_in_no_file(team):
    ana = team.agent("ana")
    words = {
        name: rare(name) for name in ("user", "key", "value", "indexed", "data", "thread", "body", "channel", "task")
    }
    user, one = words["user"], ana.bind(user=words["user"])
    big = (words["channel"] * 400).encode()
    one.documents.put(HOME, words["key"], {"t": words["indexed"], "v": words["value"]}, index=["t"])
    one.documents.put(HOME, "k", data=words["data"].encode())
    typed = ("b", words["body"].encode())
    values = {"a": ("bytes", big)}
    one.checkpoints.put(words["thread"], "1", body=typed, metadata=typed, versions={"a": 1}, values=values)
    write = CheckpointWrite(task=words["task"], index=0, channel="a", value=typed)
    one.checkpoints.put_writes(words["thread"], "1", [write])
    for other in (ana, ana.bind(user="u2")):
        other.documents.put(HOME, "k", {"t": "kept"}, index=True)
        other.checkpoints.put("t", "1", body=("b", b""), metadata=("m", b""), versions={"a": 1}, values=values)
        other.checkpoints.delete("t")
        other.checkpoints.put("t", "1", body=("b", b""), metadata=("m", b""), versions={}, values={})
    assert found_in(team.path, words.values()) == set(words.values()), "else the search below would prove nothing"
    erased = team.erase(user=user)
    assert (erased.memories, erased.documents, erased.threads) == (1, 2, 1)
    assert leaks(team.path, words.values()) == set()
    assert of(one, "k").value == {"t": "kept"}, "that of no user"
    assert one.checkpoints.threads() == []
    assert team.documents.count() == 2
    assert rows(team)["threads"] == 2
    assert len(ana.documents.search("kept")) == 2


# --- several processes, crashes, and coming back ----------------------------------------------------------------------


def test_beside_the_process_that_owns_the_index(tmp_path):
    clock = Clock()
    with opened(tmp_path, clock=clock, embedder=axes) as team, opened(tmp_path, clock=clock, index=None) as beside:
        ana, ben = team.agent("ana"), beside.agent("ana")
        ben.documents.put(HOME, "k", {"t": "apple"}, index=True, ttl="1h")
        assert of(ana, "k").value == {"t": "apple"}
        assert keys(ana.documents.search(vector=axes(["apple"])[0])) == ["k"]
        ana.documents.put(HOME, "k", {"t": "car"}, index=True, ttl="1h")
        degraded = ben.documents.search("car")
        assert (keys(degraded), degraded.degraded) == (["k"], True)
        assert list(ben.documents.search("apple")) == []
        assert [hit.similarity for hit in ana.documents.search(vector=axes(["car"])[0])] == [1.0]
        assert ben.documents.get_many([(HOME, "k")], refresh=True)[0] == of(ben, "k")
        clock.advance(timedelta(minutes=59))
        assert keys(ana.documents.search("car")) == ["k"]
        clock.advance(timedelta(minutes=1))
        assert ana.documents.get(HOME, "k") is ben.documents.get(HOME, "k") is None
        assert list(ana.documents.search("car")) == list(ben.documents.search("car")) == []
        ben.documents.put(HOME, "j", {"t": "pear"}, index=True)
        assert ben.documents.sweep() == 1
        assert keys(ana.documents.search("pear")) == ["j"]
        assert ben.documents.delete(HOME, "j")
        assert list(ana.documents.search("pear")) == []


WRITE = """
import os, signal, sys
from tests.team.stores import opened
from transactive.records import NewDocument
team = opened(sys.argv[1])
documents = team.agent("ana").documents
documents.put("agents/ana", "k", {"t": "old words"}, index=True)
documents.put("agents/ana", "gone", {"t": "gone words"}, index=True)
documents.put_many([NewDocument(key=str(n), value={"t": f"number {n}"}, index=True, data=b"x" * n) for n in range(50)])
documents.put("agents/ana", "k", {"t": "new words"}, index=True)
documents.delete("agents/ana", "gone")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_put_just_before_a_kill_is_there_and_found(tmp_path):
    assert run(WRITE, tmp_path).returncode == KILLED
    with opened(tmp_path) as team:
        ana = team.agent("ana")
        assert of(ana, "k").value == {"t": "new words"}
        assert ana.documents.count() == 51
        assert of(ana, "49").data == b"x" * 49
        assert keys(ana.documents.search("words", vector_weight=0.0)) == ["k"]
        assert keys(ana.documents.search("number 33", where={"value.t": "number 33"})) == ["33"]
        assert ana.documents.put(HOME, "k", 1).version == 3


def test_documents_are_there_when_the_store_is_opened_again_and_its_index_built_anew(tmp_path):
    with opened(tmp_path) as team:
        ana = team.agent("ana")
        ana.documents.put(HOME, "k", {"t": "blue"}, index=True, ttl="1h")
        before = ana.documents.list()
    with opened(tmp_path) as team:
        assert team.agent("ana").documents.list() == before
        team.reindex(progress=False)
        assert keys(team.agent("ana").documents.search("blue", where={"value.t": "blue"})) == ["k"]


RACE = """
import sys
from tests.team.stores import opened
with opened(sys.argv[1], index=None) as team:
    documents = team.agent("ana").documents
    for n in range(60):
        documents.put("agents/ana", "one", {"by": sys.argv[2], "n": n}, index=n % 3 == 0)
        documents.put("agents/ana", sys.argv[2] + str(n), n)
"""


def test_two_processes_write_the_same_key_and_every_version_counts(tmp_path):
    with opened(tmp_path) as team:
        with ThreadPoolExecutor(2) as others:
            ended = [others.submit(run, RACE, tmp_path, name) for name in ("a", "b")]
            ana = team.agent("ana")
            for number in range(60):
                ana.documents.put(HOME, "one", {"by": "c", "n": number}, index=number % 3 == 0)
        assert [other.result().stderr for other in ended] == ["", ""]
        assert of(ana, "one").version == 180
        assert ana.documents.count() == 121
        one = ana.documents.put(HOME, "one", {"by": "c"}, index=True)
        assert [m.uid for m in ana.list()] == [one.uid]


# --- awaited ----------------------------------------------------------------------------------------------------------


def test_a_story_awaited(team):
    async def story() -> None:
        ana = team.aio.agent("ana")
        one = ana.bind(user="u1")
        assert (one.user, one.name) == ("u1", "ana")
        assert (await ana.documents.put(HOME, "k", {"t": "blue"}, index=True)).version == 1
        assert (await one.documents.get(HOME, "k")).value == {"t": "blue"}
        assert len(await ana.documents.put_many([NewDocument(key="j"), NewDocument(key="i")])) == 2
        assert len(await ana.documents.get_many([(HOME, "j"), (HOME, "x")])) == 2
        assert keys(await ana.documents.list(order_by="key")) == ["i", "j", "k"]
        assert await ana.documents.count() == 3
        assert await ana.documents.namespaces() == [HOME]
        assert keys(await ana.documents.search("blue")) == ["k"]
        assert await ana.documents.sweep() == 0
        assert await ana.documents.delete(HOME, "j") is True
        assert await ana.documents.delete_many([(HOME, "j"), (HOME, "i")]) == 1
        assert await ana.documents.clear("**") == 1
        with pytest.raises(TransactiveError):
            await ana.documents.put("agents/ben", "k")

    asyncio.run(story())


def test_a_hundred_tasks_at_once_lose_nothing(team):
    async def story() -> None:
        async def one(number: int) -> None:
            ana = team.aio.agent("ana").bind(user=f"u{number % 3}")
            await ana.documents.put(HOME, f"own {number}", {"t": f"blue {number}"}, index=number % 2 == 0)
            await ana.documents.put(HOME, "shared", number)
            assert (await ana.documents.get(HOME, f"own {number}")).value == {"t": f"blue {number}"}
            await ana.documents.search("blue", limit=3, refresh=True)
            if number % 5 == 0:
                assert await ana.documents.delete(HOME, f"own {number}") is True

        await asyncio.gather(*(one(number) for number in range(100)))

    asyncio.run(story())
    assert team.documents.count(prefix="own") == 80
    assert sum(document.version for document in team.documents.list(prefix="shared")) == 100
    assert team.count({"kind": "document"}) == 40
