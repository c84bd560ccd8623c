"""Several processes at one folder: one owns the index, the others write beside it, and nobody is harmed."""

import os
import socket
import sqlite3
import sys
import time
from contextlib import closing

import pytest

from tests.crash.processes import edge, soon
from transactive import TeamMemory
from transactive.errors import AccessDenied, ForkedStore, NotFound, StoreLocked

pytestmark = pytest.mark.slow


@pytest.fixture
def owner(tmp_path):
    with TeamMemory.open(tmp_path, progress=False) as team:
        yield team


def event_numbers(team):
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        return [number for (number,) in ledger.execute("SELECT number FROM events ORDER BY number")]


def found(team, query):
    return [hit.memory.text for hit in team.recall(query, limit=3)]


# --- who owns the index -----------------------------------------------------------------------------------------------


def test_the_second_process_is_told_who_owns_the_index_and_what_to_do(owner, another):
    kept = owner.remember("INV-5678 was refunded")
    said = another(owner.path).heard()

    assert said["error"] == "StoreLocked"
    for part in (f"process {os.getpid()}", socket.gethostname(), "index=None", "close"):
        assert part in said["message"]
    assert owner.get(kept.uid).text == kept.text
    assert found(owner, "INV-5678") == [kept.text]
    assert owner.remember("INV-5679 too").text in found(owner, "INV-5679")


def test_a_second_open_in_the_same_process_is_refused_as_well(owner):
    with pytest.raises(StoreLocked, match=str(os.getpid())):
        TeamMemory.open(owner.path)
    assert owner.remember("INV-5678 was refunded").text in found(owner, "INV-5678")


def test_a_refused_open_leaves_the_owners_name_on_the_lock(owner, another):
    for _ in range(2):
        with pytest.raises(StoreLocked, match=f"process {os.getpid()} "):
            TeamMemory.open(owner.path)
    assert f"process {os.getpid()} " in another(owner.path).heard()["message"]


def test_a_killed_owner_owns_nothing(tmp_path, another):
    child = another(tmp_path).opened()
    with pytest.raises(StoreLocked, match=f"process {child.pid} "):
        TeamMemory.open(tmp_path)
    child.kill()
    with TeamMemory.open(tmp_path, progress=False) as team:
        assert team.remember("INV-5678 was refunded").text in found(team, "INV-5678")


def test_a_closed_store_can_be_opened_by_another_process(owner, another):
    owner.remember("INV-5678 was refunded")
    owner.close()
    assert another(owner.path).opened().ask("count") == "1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_store_says_so(owner):
    kept = owner.remember("INV-5678 was refunded")
    verbs = [
        lambda: owner.remember("from the fork"),
        lambda: owner.recall("INV-5678"),
        lambda: owner.get(kept.uid),
        owner.list,
        lambda: owner.forget(kept.uid),
        owner.maintain,
        owner.close,
    ]
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        wrong = 0
        for verb in verbs:
            try:
                verb()
            except ForkedStore:
                continue
            except BaseException:  # noqa: BLE001  # the fork must never return into pytest
                pass
            wrong += 1
        os._exit(wrong)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert found(owner, "INV-5678") == [kept.text]
    assert owner.count() == 1


# --- beside the owner -------------------------------------------------------------------------------------------------


def test_what_four_processes_write_beside_the_owner_reaches_the_ledger_once_and_is_soon_found(owner, another):
    names, each = ("ada", "bob", "cyd", "dan"), 1_000
    before = len(event_numbers(owner))
    children = {name: another(owner.path, index=None) for name in names}
    for child in children.values():
        child.opened()
    for name, child in children.items():
        child.tell("write", name, each)
    for child in children.values():
        assert child.answer() == each
    last = time.monotonic()

    wanted = {f"{name.upper()}-{number:04d} was written by {name}" for name in names for number in (0, 500, each - 1)}
    missing = set(wanted)
    while missing and time.monotonic() < last + 2:
        missing = {text for text in missing if text not in found(owner, text.partition(" ")[0])}
    assert missing == set()

    assert event_numbers(owner) == list(range(1, before + len(names) * each + 1))
    facets = owner.facets("agent")
    assert facets == dict.fromkeys(names, each)
    index = edge(owner)
    assert soon(lambda: index.count() == len(names) * each)


def test_a_grant_by_another_process_takes_effect_at_once(owner, another):
    owner.remember("PLAN-4711 is secret", namespace="projects/plan")
    ada, child = owner.agent("ada"), another(owner.path, index=None).opened()
    assert found(ada, "PLAN-4711") == []
    with pytest.raises(AccessDenied):
        ada.remember("PLAN-4712", namespace="projects/plan")

    child.ask("grant", "ada", "projects/plan", "read", "write")
    assert found(ada, "PLAN-4711") == ["PLAN-4711 is secret"]
    assert ada.count() == 1
    ada.remember("PLAN-4712 is ours", namespace="projects/plan")

    child.ask("revoke", "ada", "projects/plan")
    assert found(ada, "PLAN-4711") == []
    assert ada.count() == 0
    with pytest.raises(AccessDenied):
        ada.remember("PLAN-4713", namespace="projects/plan")


def test_the_very_next_recall_finds_what_another_process_has_written_forgotten_and_revised(owner, another):
    child = another(owner.path, index=None).opened()
    uid = child.ask("remember", "INV-5678 is open", agent="ada")
    assert found(owner, "INV-5678") == ["INV-5678 is open"]

    child.ask("revise", uid, text="INV-5678 was paid under CUST-0042", agent="ada")
    assert found(owner, "CUST-0042") == ["INV-5678 was paid under CUST-0042"]
    assert [memory.version for memory in owner.history(uid)] == [1, 2]

    child.ask("forget", uid, agent="ada")
    assert found(owner, "INV-5678") == []
    with pytest.raises(NotFound):
        owner.get(uid)


def test_another_process_sees_what_the_owner_did(owner, another):
    child = another(owner.path, index=None).opened()
    kept = owner.agent("ada").remember("INV-5678 is open")
    assert child.ask("count") == "1"
    owner.agent("ada").revise(kept.uid, text="INV-5678 was paid")
    child.tell("revise", kept.uid, text="too late", expected_version=1, agent="ada")
    assert child.heard()["error"] == "VersionConflict"
    owner.forget(kept.uid)
    assert child.ask("count") == "0"


def test_of_several_processes_that_want_an_id_one_gets_it_and_the_others_are_told(owner, another):
    ids = [f"order-{number}" for number in range(60)]
    names = ("ada", "bob", "cyd", "dan")
    children = [another(owner.path, index=None) for _ in names]
    for child in children:
        child.opened()
    for name, child in zip(names, children, strict=True):
        child.tell("race", name, ids)
    won = {id: name for name, child in zip(names, children, strict=True) for id in child.answer()}
    counted = [owner.get(id, namespace="team/shared") for id in ids]

    assert {memory.id: memory.agent for memory in counted} == won
    assert owner.count() == len(ids)
    assert event_numbers(owner) == list(range(1, len(event_numbers(owner)) + 1))
    assert [memory.text for memory in counted] == [f"{id} belongs to {won[id]}" for id in ids]


def test_a_writer_that_is_killed_beside_the_owner_leaves_the_owner_well(owner, another):
    child = another(owner.path, index=None).opened()
    child.tell("write", "ada", 100_000)
    assert soon(lambda: owner.count() > 100)
    child.kill()
    written = owner.count()
    assert soon(lambda: edge(owner).count() == written)
    assert event_numbers(owner) == list(range(1, len(event_numbers(owner)) + 1))
    assert owner.remember("INV-5678 was refunded").text in found(owner, "INV-5678")
