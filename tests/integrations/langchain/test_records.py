"""The indexing API of LangChain, end to end: what is indexed again, what is new, what is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.indexing import InMemoryRecordManager, RecordManager, aindex, index
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from tests.team.stores import texts
from transactive import TeamMemory
from transactive.errors import InvalidInput
from transactive_integrations.langchain import TransactiveEmbeddings, TransactiveRecordManager, TransactiveVectorStore


@pytest.fixture
def records(team: TeamMemory) -> TransactiveRecordManager:
    return TransactiveRecordManager(team.agent("indexer"))


@pytest.fixture
def store(team: TeamMemory) -> TransactiveVectorStore:
    return TransactiveVectorStore(team.agent("indexer"))


def pages(**contents: str) -> list[Document]:
    return [Document(text, metadata={"source": source}) for source, text in contents.items()]


def counts(added: int = 0, updated: int = 0, skipped: int = 0, deleted: int = 0) -> dict[str, int]:
    return {"num_added": added, "num_updated": updated, "num_skipped": skipped, "num_deleted": deleted}


def indexed(docs: Iterable[Document], records: RecordManager, store: VectorStore, **how: Any) -> Any:
    return index(docs, records, store, key_encoder="blake2b", source_id_key="source", **how)


@pytest.mark.parametrize("cleanup", ["full", "incremental", "scoped_full", None])
def test_what_is_known_is_skipped_and_what_is_gone_is_deleted(
    team: TeamMemory, records: TransactiveRecordManager, store: TransactiveVectorStore, cleanup: Any
) -> None:
    first, changed = pages(a="tea at four", b="tea at five"), pages(a="tea at four", b="tea at six")
    gone = 0 if cleanup is None else 1
    assert indexed(first, records, store, cleanup=cleanup) == counts(added=2)
    assert indexed(first, records, store, cleanup=cleanup) == counts(skipped=2)
    assert indexed(changed, records, store, cleanup=cleanup) == counts(added=1, skipped=1, deleted=gone)
    assert indexed(changed, records, store, cleanup=cleanup, force_update=True) == counts(updated=2)

    found = {document.page_content for document in store.similarity_search("tea", k=10)}
    assert found == {"tea at four", "tea at six"} | ({"tea at five"} if cleanup is None else set())
    assert set(texts(team.agent("indexer").recall("tea"))) == found


def test_an_empty_source_deletes_all_of_it(records: TransactiveRecordManager, store: TransactiveVectorStore) -> None:
    indexed(pages(a="tea", b="milk"), records, store, cleanup="full")
    assert indexed([], records, store, cleanup="full") == counts(deleted=2)
    assert store.similarity_search("tea") == []
    assert records.list_keys() == []


async def test_awaited(records: TransactiveRecordManager, store: TransactiveVectorStore) -> None:
    async def source(docs: Sequence[Document]) -> AsyncIterator[Document]:
        for document in docs:
            yield document

    async def run(docs: Sequence[Document]) -> Any:
        return await aindex(
            source(docs),
            records,
            store,
            key_encoder="sha256",
            source_id_key="source",
            cleanup="incremental",
            batch_size=1,
        )

    await records.acreate_schema()
    assert await run(pages(a="tea at four", b="tea at five")) == counts(added=2)
    assert await run(pages(a="tea at four", b="tea at six")) == counts(added=1, skipped=1, deleted=1)
    assert {d.page_content for d in await store.asimilarity_search("tea")} == {"tea at four", "tea at six"}


def test_a_loader_of_many_pages(records: TransactiveRecordManager, store: TransactiveVectorStore) -> None:
    class Loader(BaseLoader):
        def lazy_load(self) -> Any:
            return iter([Document(f"tea number {n}", metadata={"source": f"s{n % 7}"}) for n in range(250)])

    def run() -> Any:
        return index(
            Loader(),
            records,
            store,
            cleanup="full",
            source_id_key="source",
            key_encoder="sha256",
            cleanup_batch_size=10,
        )

    records.create_schema()
    assert run() == counts(added=250)
    assert run() == counts(skipped=250)
    assert indexed(pages(s1="only this"), records, store, cleanup="full", cleanup_batch_size=10) == counts(
        1, deleted=250
    )


def test_it_serves_another_vector_store_too(team: TeamMemory, records: TransactiveRecordManager) -> None:
    other = InMemoryVectorStore(TransactiveEmbeddings(team))
    assert indexed(pages(a="tea"), records, other, cleanup="full") == counts(added=1)
    assert indexed(pages(b="milk"), records, other, cleanup="full") == counts(added=1, deleted=1)
    assert [d.page_content for d in other.similarity_search("tea milk")] == ["milk"]


@pytest.fixture(params=["ours", "LangChain's own"])
def manager(request: pytest.FixtureRequest, team: TeamMemory) -> RecordManager:
    """The contract is what LangChain's own manager does."""
    if request.param == "ours":
        return TransactiveRecordManager(team.agent("indexer"))
    return InMemoryRecordManager("memory")


def test_keys_by_time_and_group(manager: RecordManager) -> None:
    manager.create_schema()
    manager.update(["a", "b"], group_ids=["g", None])
    between = later(manager, manager.get_time())
    manager.update(["c", "", "ö\n"], group_ids=["g", "h", "h"])
    after = later(manager, manager.get_time())
    assert manager.exists(["a", "x", "", "a"]) == [True, False, True, True]
    assert sorted(manager.list_keys()) == ["", "a", "b", "c", "ö\n"]
    assert sorted(manager.list_keys(before=between)) == ["a", "b"]
    assert sorted(manager.list_keys(after=between)) == ["", "c", "ö\n"]
    assert manager.list_keys(after=after) == []
    assert sorted(manager.list_keys(group_ids=["g"])) == ["a", "c"]
    assert manager.list_keys(group_ids=["g"], before=between) == ["a"]
    assert len(manager.list_keys(limit=2)) == 2
    manager.update(["a"], group_ids=["h"])
    assert manager.list_keys(before=between) == ["b"], "an update counts from now"
    manager.delete_keys(["a", "x", ""])
    assert sorted(manager.list_keys()) == ["b", "c", "ö\n"]
    with pytest.raises(ValueError, match="group"):
        manager.update(["a", "b"], group_ids=["g"])
    with pytest.raises(ValueError, match="time_at_least"):
        manager.update(["a"], time_at_least=manager.get_time() + 60)


def later(manager: RecordManager, than: float) -> float:
    """The time once the clock has moved on."""
    while (now := manager.get_time()) <= than:
        pass
    return now


def test_many_groups(records: TransactiveRecordManager) -> None:
    keys = [f"k{n}" for n in range(20)]
    records.update(keys, group_ids=[f"g{n}" for n in range(20)])
    asked = [f"g{n}" for n in range(25_000)]
    assert sorted(records.list_keys(group_ids=asked)) == sorted(keys)
    assert sorted(records.list_keys(group_ids=list(reversed(asked)))) == sorted(keys)
    assert len(records.list_keys(group_ids=list(reversed(asked)), limit=3)) == 3


async def test_every_verb_awaited(team: TeamMemory) -> None:
    manager = TransactiveRecordManager(team.agent("indexer"), namespace="agents/indexer/records/docs")
    assert manager.namespace == "agents/indexer/records/docs"
    before = await manager.aget_time()
    await manager.aupdate(["a"], group_ids=["g"], time_at_least=before)
    assert await manager.aexists(["a", "b"]) == [True, False]
    assert await manager.alist_keys(group_ids=["g"]) == ["a"]
    await manager.adelete_keys(["a"])
    assert await manager.alist_keys() == []


def test_time_never_goes_back(records: TransactiveRecordManager, monkeypatch: pytest.MonkeyPatch) -> None:
    now = records.get_time()
    monkeypatch.setattr("time.time", lambda: now - 3600)
    assert records.get_time() == now
    records.update(["a"], time_at_least=now)


def test_users_and_namespaces_never_mix(team: TeamMemory) -> None:
    managers = {user: TransactiveRecordManager(team.agent("i", user=user)) for user in ("alice", "bob", None)}
    managers[None].update(["k"])
    managers["alice"].update(["a"])
    assert managers["bob"].list_keys() == []
    assert managers["bob"].exists(["k", "a"]) == [False, False]
    assert managers["alice"].list_keys() == ["a"]
    assert managers[None].list_keys() == ["k"]
    other = TransactiveRecordManager(team.agent("i"), namespace="agents/i/records/other")
    assert other.list_keys() == []
    with pytest.raises(InvalidInput):
        TransactiveRecordManager(team.agent("i"), namespace="//")
