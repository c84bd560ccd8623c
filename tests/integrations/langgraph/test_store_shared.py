"""Many tasks on one store, whose memory it is, and what happens when the memory fails."""

import asyncio
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langgraph")

from langgraph.store.base import GetOp, ListNamespacesOp, PutOp, SearchOp

from tests.team.stores import opened
from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidFilter, InvalidInput, InvalidNamespace, StoreClosed
from transactive.testing import HashEmbedder
from transactive_integrations.langgraph import TransactiveStore


def keys(items: Any) -> set[str]:
    return {item.key for item in items}


# --- many at once ----------------------------------------------------------------------------------------------------


def test_a_hundred_tasks_on_one_store(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))

    async def work(i: int) -> None:
        place = ("work", f"group{i % 10}")
        await store.aput(place, f"k{i}", {"n": i, "text": f"task number {i}"})
        item = await store.aget(place, f"k{i}")
        assert item is not None
        assert item.value["n"] == i
        found = await store.asearch(place, query=f"number {i}", filter={"n": i})
        assert keys(found) == {f"k{i}"}
        await store.aput(place, f"k{i}", {"n": i, "text": "done", "done": True})
        if i % 2:
            await store.adelete(place, f"k{i}")
        assert place in await store.alist_namespaces(prefix=("work",)) or i % 2

    async def story() -> None:
        await asyncio.gather(*(work(i) for i in range(100)))

    asyncio.run(story())
    left = store.search(("work",), limit=1000)
    assert keys(left) == {f"k{i}" for i in range(0, 100, 2)}
    assert all(item.value["done"] for item in left)
    assert {item.key for item in store.search(("work",), query="done", limit=1000)} == keys(left)


def test_a_hundred_tasks_on_one_key_lose_nothing(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))

    async def story() -> None:
        await asyncio.gather(*(store.aput(("one",), "k", {"n": i}) for i in range(100)))

    asyncio.run(story())
    (document,) = team.documents.list(f"{store.namespace}/**")
    assert document.version == 100


def test_the_loop_goes_on_while_the_store_works(tmp_path: Path) -> None:
    gate, busy = threading.Event(), threading.Event()

    def slow(texts: list[str]) -> list[list[float]]:
        if "slow" in texts[0]:
            busy.set()
            assert gate.wait(10)
        return [[float(len(text)), 1.0] for text in texts]

    with opened(tmp_path, embedder=slow) as team:
        store = TransactiveStore(team.agent("planner"))

        async def story() -> None:
            writing = asyncio.create_task(store.aput(("a",), "k", {"text": "slow"}))
            assert await asyncio.to_thread(busy.wait, 10)
            assert not writing.done()
            gate.set()
            await asyncio.wait_for(writing, 10)

        asyncio.run(story())
        assert store.get(("a",), "k") is not None


def test_threads_and_tasks_at_the_same_time(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))
    threads = [
        threading.Thread(target=lambda t=t: [store.put(("t",), f"{t}-{i}", {"n": i}) for i in range(20)])  # type: ignore[misc]
        for t in range(4)
    ]

    async def story() -> None:
        for thread in threads:
            thread.start()
        await asyncio.gather(*(store.aput(("a",), str(i), {"n": i}) for i in range(40)))

    asyncio.run(story())
    for thread in threads:
        thread.join()
    assert len(store.search((), limit=1000)) == 120


# --- whose memory ----------------------------------------------------------------------------------------------------


def test_a_store_is_private_to_its_agent(team: TeamMemory) -> None:
    planner, writer = TransactiveStore(team.agent("planner")), TransactiveStore(team.agent("writer"))
    planner.put(("secrets",), "k", {"text": "the launch is in May"})
    assert planner.namespace == "agents/planner/store"
    assert writer.search((), query="launch") == []
    assert writer.list_namespaces() == []
    intruder = TransactiveStore(team.agent("writer"), namespace=planner.namespace)
    assert intruder.get(("secrets",), "k") is None
    assert intruder.search((), query="launch") == intruder.search(()) == []
    assert intruder.list_namespaces() == []
    for op in (PutOp(("secrets",), "k", {"text": "x"}), PutOp(("secrets",), "k", None)):
        with pytest.raises(AccessDenied):
            intruder.batch([op])
    assert planner.get(("secrets",), "k").value == {"text": "the launch is in May"}  # type: ignore[union-attr]


def test_a_shared_root_is_everybodys_who_may(team: TeamMemory) -> None:
    team.grant("*", "team/store/**", "read", "write")
    planner = TransactiveStore(team.agent("planner"), namespace="team/store")
    writer = TransactiveStore(team.agent("writer"), namespace="team/store")
    planner.put(("facts",), "k", {"text": "the launch is in May"})
    assert keys(writer.search((), query="launch")) == {"k"}
    writer.put(("facts",), "k", {"text": "the launch is in June"})
    assert planner.get(("facts",), "k").value["text"].endswith("June")  # type: ignore[union-attr]
    assert team.agent("writer").recall("launch", namespaces=["team/store/**"])[0].memory.agent == "writer"


def test_the_memory_itself_is_the_owners_handle(team: TeamMemory) -> None:
    store = TransactiveStore(team)
    store.put(("a",), "k", {"text": "x"})
    assert store.namespace == "agents/owner/store"
    assert keys(store.search(())) == {"k"}
    assert keys(TransactiveStore(team, namespace="agents/planner/store").search(())) == set()


def test_a_users_items_are_that_users_alone(team: TeamMemory) -> None:
    nobody = TransactiveStore(team.agent("planner"))
    alice = TransactiveStore(team.agent("planner", user="alice"))
    bob = TransactiveStore(team.agent("planner", user="bob"))
    for store, text in ((nobody, "of nobody"), (alice, "of alice"), (bob, "of bob")):
        store.put(("a",), "k", {"text": f"a secret {text}"})
    bob.put(("b",), "only", {"text": "a secret of bob"})
    for store, text in ((nobody, "of nobody"), (alice, "of alice"), (bob, "of bob")):
        assert store.get(("a",), "k").value == {"text": f"a secret {text}"}  # type: ignore[union-attr]
        for query in (None, "secret"):
            found = {item.value["text"] for item in store.search(("a",), query=query)}
            assert found == {f"a secret {text}"}
    assert alice.get(("b",), "only") is None
    assert nobody.get(("b",), "only") is None
    assert alice.list_namespaces() == nobody.list_namespaces() == [("a",)]
    alice.delete(("a",), "k")
    assert alice.get(("a",), "k") is None
    assert alice.search(()) == []
    team.erase(user="bob")
    assert bob.search(()) == []
    assert keys(nobody.search(())) == {"k"}


def test_roots_do_not_mix(team: TeamMemory) -> None:
    one = TransactiveStore(team.agent("planner"), namespace="agents/planner/a")
    two = TransactiveStore(team.agent("planner"), namespace="agents/planner/ab")
    one.put(("x",), "k", {"text": "of one"})
    two.put(("x",), "k", {"text": "of two"})
    assert [item.value["text"] for item in one.search((), query="of")] == ["of one"]
    assert one.list_namespaces() == two.list_namespaces() == [("x",)]


@pytest.mark.parametrize("namespace", ["", "a//b", "a/*", "/a", "a b"])
def test_a_root_is_a_namespace(team: TeamMemory, namespace: str) -> None:
    with pytest.raises(InvalidNamespace):
        TransactiveStore(team.agent("planner"), namespace=namespace)


# --- when it fails ---------------------------------------------------------------------------------------------------


def test_a_failing_memory_raises_unless_told_otherwise(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))
    team.close()
    ops = [GetOp(("a",), "k"), SearchOp(("a",), query="x"), ListNamespacesOp(), PutOp(("a",), "k", {})]
    for op in ops:
        with pytest.raises(StoreClosed):
            store.batch([op])
    assert store.degradations == 0


@pytest.mark.parametrize("degrade", ["text", "empty"])
def test_told_otherwise_it_is_logged_and_counted(team: TeamMemory, degrade: Any, caplog: Any) -> None:
    store = TransactiveStore(team.agent("planner"), degrade=degrade)
    store.put(("a",), "k", {"text": "x"})
    team.close()
    with caplog.at_level(logging.WARNING):
        ops = [GetOp(("a",), "k"), SearchOp(("a",), query="x"), ListNamespacesOp(), PutOp(("a",), "k", {"v": 1})]
        assert store.batch(ops) == [None, [], [], None]
    assert store.degradations == 4
    assert caplog.text.count("degraded") == 4
    for wrong, error in (
        (SearchOp(("a",), filter={"a": {"$in": []}}), InvalidFilter),
        (PutOp(("a",), "k", {"x": b""}, ttl="soon"), InvalidInput),  # type: ignore[arg-type]
    ):
        with pytest.raises(error):
            store.batch([wrong])


def test_denied_is_denied_whatever_degrades(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("writer"), namespace="agents/planner/store", degrade="empty")
    with pytest.raises(AccessDenied):
        store.put(("a",), "k", {"text": "x"})
    assert store.degradations == 0


class Failing(HashEmbedder):
    """A model that fails when it is told to."""

    broken = False

    def embed_query(self, text: str) -> Any:
        if self.broken:
            raise RuntimeError("away")
        return super().embed_query(text)

    def embed_documents(self, texts: Any) -> Any:
        return super().embed_documents(texts) if not self.broken else self.embed_query(texts[0])


def test_without_its_model_a_search_falls_back_to_words() -> None:
    model = Failing()
    with opened(embedder=model) as team:
        stores = {d: TransactiveStore(team.agent("planner"), degrade=d) for d in ("text", "empty")}  # type: ignore[arg-type]
        stores["text"].put(("a",), "olives", {"text": "likes olives"})
        stores["text"].put(("a",), "nuts", {"text": "hates nuts"})
        model.broken = True
        found = stores["text"].search(("a",), query="olives")
        assert found[0].key == "olives"
        assert found[0].score is not None
        assert {item.score for item in stores["empty"].search(("a",), query="olives")} == {None}
        stores["empty"].put(("a",), "new", {"text": "not kept"})
        assert stores["empty"].get(("a",), "new") is None
        assert (stores["text"].degradations, stores["empty"].degradations) == (1, 2)


def test_degrade_is_one_of_three(team: TeamMemory) -> None:
    with pytest.raises(InvalidInput, match="degrade is one of"):
        TransactiveStore(team.agent("planner"), degrade="quietly")  # type: ignore[arg-type]


def test_a_cancelled_caller_leaves_nothing_half_done(team: TeamMemory) -> None:
    store = TransactiveStore(team.agent("planner"))

    async def story() -> None:
        tasks = [asyncio.create_task(store.aput(("a",), str(i), {"text": f"number {i}"})) for i in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())
    deadline = time.monotonic() + 10
    while {str(i) for i in range(1, 20, 2)} - keys(store.search((), limit=100)):
        assert time.monotonic() < deadline
    found = store.search((), limit=100)
    assert keys(store.search((), query="number", limit=100)) == keys(found)
