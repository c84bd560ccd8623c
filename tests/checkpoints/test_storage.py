"""What is stored once, what goes when nobody needs it, and what others see meanwhile."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.checkpoints.test_checkpoints import BODY, METADATA, held, put, typed, write
from tests.documents.rooms import HOME, after_reading, rows, run
from tests.team.stores import opened
from transactive import Agent, TeamMemory
from transactive.records import Checkpoint

SEED = 20_260_504


def noise(size: int, seed: int = SEED) -> bytes:
    """Bytes that do not repeat."""
    return random.Random(seed).randbytes(size)


def of(agent: Agent, thread: str) -> Checkpoint:
    """The latest checkpoint of a thread that is there."""
    found = agent.checkpoints.get(thread)
    assert found is not None
    return found


def stored(team: TeamMemory) -> int:
    """How many bytes of values the ledger holds."""
    with closing(sqlite3.connect(team.path / "ledger.db")) as ledger:
        values = ledger.execute("SELECT coalesce(sum(length(data)), 0) FROM checkpoint_values").fetchone()[0]
        return int(values + ledger.execute("SELECT coalesce(sum(length(data)), 0) FROM checkpoint_parts").fetchone()[0])


# --- storage grows with what changes ----------------------------------------------------------------------------------


def test_a_value_is_stored_once_for_its_version(team):
    ana = team.agent("ana")
    put(ana, "000", {"a": 1, "n": 0}, {"a": ("bytes", noise(50_000)), **typed(n="0")})
    for number in range(1, 30):
        put(ana, f"{number:03}", {"a": 1, "n": number}, typed(n=str(number)), parent=f"{number - 1:03}")
    assert rows(team)["checkpoint_values"] == 31
    assert stored(team) < 50_000 + 100
    assert ana.checkpoints.get("t").values["a"][1] == noise(50_000)


def test_a_growing_value_costs_what_it_grows_by(team):
    ana = team.agent("ana")
    messages = b""
    for number in range(100):
        messages += noise(500, number)
        put(
            ana,
            f"{number:03}",
            {"m": number},
            {"m": ("bytes", messages)},
            parent=f"{number - 1:03}" if number else None,
        )
    assert stored(team) < 4 * len(messages), "whole copies would be fifty times as much"
    for number in (0, 42, 99):
        assert ana.checkpoints.get("t", f"{number:03}").values["m"][1] == messages[: 500 * (number + 1)]


def test_a_change_within_a_value_costs_little(team):
    ana = team.agent("ana")
    value = noise(100_000)
    changed = value[:50_000] + b"changed" + value[50_000:]
    put(ana, "1", {"m": 1}, {"m": ("bytes", value)})
    put(ana, "2", {"m": 2}, {"m": ("bytes", changed)}, parent="1")
    assert stored(team) < 100_000 + 10_000
    assert ana.checkpoints.get("t").values["m"][1] == changed
    assert ana.checkpoints.get("t", "1").values["m"][1] == value


def test_threads_do_not_share_parts(team):
    """What equal parts tell: that somebody else holds the same."""
    ana = team.agent("ana")
    for handle in (ana, ana.bind(user="u1")):
        put(handle, "1", {"m": 1}, {"m": ("bytes", noise(20_000))})
    assert stored(team) == 40_000


def test_what_nobody_needs_is_collected_and_what_somebody_needs_is_not(team):
    ana = team.agent("ana")
    value = noise(40_000)
    put(ana, "1", {"m": 1, "n": 1}, {"m": ("bytes", value), "n": ("bytes", noise(5_000, 1))})
    put(ana, "2", {"m": 2, "n": 1}, {"m": ("bytes", value + noise(2_000, 2))}, parent="1")
    put(ana, "3", {"m": 3, "n": 2}, {"m": ("bytes", value[:20_000]), "n": ("text", b"small")}, parent="2")
    ana.checkpoints.copy("t", "copy")
    assert ana.checkpoints.prune(["t"]) == 2
    assert stored(team) < 20_000 + 47_000 + 2 * 2_000 + 1_000
    assert ana.checkpoints.get("t").values == {"m": ("bytes", value[:20_000]), "n": ("text", b"small")}
    assert ana.checkpoints.get("copy", "2").values["m"][1] == value + noise(2_000, 2)
    ana.checkpoints.delete("copy")
    assert 20_000 <= stored(team) <= 20_005
    ana.checkpoints.prune(["t"], latest=False)
    assert {**rows(team), "documents": 0} == dict.fromkeys(rows(team), 0)


def test_a_checkpoint_that_is_replaced_leaves_nothing_behind(team):
    ana = team.agent("ana")
    for number in range(5):
        put(ana, "1", {"m": number}, {"m": ("bytes", noise(5_000, number))})
    assert rows(team)["checkpoint_values"] == 1
    assert stored(team) == 5_000
    put(ana, "1", {"m": 1}, {"m": ("bytes", noise(5_000, 9))}, thread="other")
    ana.checkpoints.copy("other", "t")
    assert stored(team) == 10_000
    assert ana.checkpoints.get("t").values["m"][1] == noise(5_000, 9)


# --- others at the same time ------------------------------------------------------------------------------------------

READ = ("threads", "checkpoints", "checkpoint_values", "checkpoint_parts", "checkpoint_writes")


@pytest.mark.parametrize("table", READ)
def test_a_thread_that_goes_while_it_is_read_is_there_whole_or_gone(tmp_path, table):
    whole = ("bytes", noise(5_000))
    with opened(tmp_path) as team, opened(tmp_path, index=None) as other:
        ana, reader = team.agent("ana"), other.agent("ana").checkpoints
        reads = {
            "get": lambda: [found] if (found := reader.get("t")) else [],
            "list": lambda: reader.list("t", space=""),
            "history": lambda: reader.history("t", channels=["m"]),
        }
        for read in reads.values():
            put(ana, "1", {"m": 1}, {"m": whole})
            put(ana, "2", {"m": 1}, {}, parent="1")
            ana.checkpoints.put_writes("t", "1", [write("w", channel="m")])
            waiting = [lambda: ana.checkpoints.delete("t")]
            after_reading(other, f"FROM {table}", waiting)
            found = read()
            waiting.clear()
            assert all(checkpoint.values == {"m": whole} for checkpoint in found)
            assert all(checkpoint.writes for checkpoint in found if checkpoint.id == "1")
            ana.checkpoints.delete("t")


def test_threads_at_once_lose_nothing(team):
    def work(name: int) -> None:
        ana = team.agent("ana").bind(user=f"u{name % 2}")
        for number in range(25):
            put(ana, f"{number:03}", {"a": number}, typed(a=f"{name} {number}"), thread=f"t{name}")
            ana.checkpoints.put_writes(f"t{name}", f"{number:03}", [write(f"w{name}")])
            ana.checkpoints.put_writes("shared", "1", [write(f"w{name}", number)])
            assert held(ana.checkpoints.get(f"t{name}")) == {"a": f"{name} {number}"}
            if number % 10 == 9:
                ana.checkpoints.prune([f"t{name}"])

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    for user in ("u0", "u1"):
        ana = team.agent("ana", user=user)
        assert len(ana.checkpoints.threads()) == 3
        put(ana, "1", thread="shared")
        assert len(ana.checkpoints.get("shared").writes) == 50


def test_a_hundred_tasks_at_once(team):
    async def story() -> None:
        async def one(number: int) -> None:
            checkpoints = team.aio.agent("ana").checkpoints
            await checkpoints.put(
                f"t{number % 10}", f"{number:03}", body=BODY, metadata=METADATA, versions={"a": number},
                values=typed(a=str(number)),
            )  # fmt: skip
            await checkpoints.put_writes(f"t{number % 10}", f"{number:03}", [write("w")])
            found = await checkpoints.get(f"t{number % 10}", f"{number:03}")
            assert held(found)["a"] == str(number)

        await asyncio.gather(*(one(number) for number in range(100)))

    asyncio.run(story())
    assert len(team.agent("ana").checkpoints.list()) == 100


WORK = """
import sys
from tests.checkpoints.test_checkpoints import held, put, typed, write
from tests.team.stores import opened
with opened(sys.argv[1], index=None) as team:
    ana = team.agent("ana")
    for n in range(40):
        put(ana, f"{n:03}", {"a": n}, {"a": ("bytes", bytes([65 + n]) * 3000)}, thread=sys.argv[2])
        ana.checkpoints.put_writes("shared", "1", [write(sys.argv[2], n)])
        assert ana.checkpoints.get(sys.argv[2]).values["a"][1] == bytes([65 + n]) * 3000
        if n % 8 == 7:
            ana.checkpoints.prune([sys.argv[2]])
"""


def test_processes_at_once_lose_nothing_and_see_one_another(tmp_path):
    with opened(tmp_path) as team:
        with ThreadPoolExecutor(2) as others:
            ended = [others.submit(run, WORK, tmp_path, name) for name in ("p", "q")]
            ana = team.agent("ana")
            for number in range(40):
                put(ana, f"{number:03}", {"a": number}, typed(a=str(number)), thread="here")
                ana.checkpoints.put_writes("shared", "1", [write("here", number)])
                assert held(ana.checkpoints.get("here")) == {"a": str(number)}
                ana.checkpoints.list("p")
        assert [other.result().stderr for other in ended] == ["", ""]
        put(ana, "1", thread="shared")
        assert len(of(ana, "shared").writes) == 120
        assert of(ana, "p").values["a"][1] == bytes([65 + 39]) * 3000
        assert ana.checkpoints.threads(namespace=HOME) == ["here", "p", "q", "shared"]


def test_another_process_sees_what_took_the_place_of_what_it_read(tmp_path):
    with opened(tmp_path) as team, opened(tmp_path, index=None) as other:
        ana, ben = team.agent("ana"), other.agent("ana")
        for number in range(4):
            put(ana, "1", {"a": 1}, typed(a=f"value {number}"), thread=f"t{number}")
            assert held(ben.checkpoints.get(f"t{number}")) == {"a": f"value {number}"}
            (ben if number % 2 else ana).checkpoints.delete(f"t{number}")


def test_what_was_put_is_there_when_the_store_is_opened_again(tmp_path):
    with opened(tmp_path) as team:
        put(team.agent("ana"), "1", {"a": 1}, {"a": ("bytes", noise(9_000))})
        before = team.agent("ana").checkpoints.list()
    with opened(tmp_path) as team:
        assert team.agent("ana").checkpoints.list() == before
