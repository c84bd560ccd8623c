"""The storage protocol on memories: CrewAI's own `Memory` over it, and every method by itself."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("crewai")

from crewai import Memory
from crewai.memory.storage.backend import StorageBackend
from crewai.memory.storage.factory import set_memory_storage_factory
from crewai.memory.types import MemoryRecord

from tests.integrations.crewai.scripted import model
from tests.team.stores import opened
from transactive.errors import EmbedderMismatch, InvalidInput
from transactive.testing import HashEmbedder
from transactive_integrations.crewai import TransactiveMemory, TransactiveStorage, storage_factory


@pytest.fixture
def storage(team):
    return TransactiveStorage(team.agent("crew"))


@pytest.fixture
def factory():
    yield set_memory_storage_factory
    set_memory_storage_factory(None)


def made(storage, content, **fields):
    return MemoryRecord(content=content, embedding=storage.embed([content])[0], **fields)


def contents(found):
    return [(one[0] if isinstance(one, tuple) else one).content for one in found]


def test_it_is_a_storage_backend(storage):
    assert isinstance(storage, StorageBackend)
    assert {name for name in dir(StorageBackend) if not name.startswith("_")} <= set(dir(storage))


def test_a_record_comes_back_as_it_was(storage):
    record = made(
        storage,
        "The moon is round.",
        id="rec/1",
        scope="/sky/moon",
        categories=["shape", "moon"],
        metadata={"a": {"b": [1, 2.5, None]}},
        importance=0.25,
        created_at=datetime(2024, 2, 29, 12, 30),  # noqa: DTZ001  # as CrewAI's are
        source="nasa",
        private=True,
    )
    storage.save([record])
    back = storage.get_record("rec/1")
    left_out = {"embedding", "last_accessed"}
    assert back.model_dump(exclude=left_out) == record.model_dump(exclude=left_out)
    assert storage.get_record("rec/2") is None
    storage.save([])
    assert storage.count() == 1


def test_search_is_by_vector_with_every_filter_before_the_limit(storage):
    many = [made(storage, f"report {n} about moons", scope="/a", categories=["report"]) for n in range(40)]
    note = made(storage, "a note about moons", scope="/a/b", categories=["note"], metadata={"k.x": 1})
    storage.save([*many, note, made(storage, "nothing of the kind", scope="/ab")])
    vector = storage.embed(["report about moons"])[0]
    found = storage.search(vector, limit=5)
    assert len(found) == 5
    assert all(content.startswith("report") for content in contents(found))
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert all(0 <= score <= 1 for _, score in found)
    for filters in ({"categories": ["note"]}, {"metadata_filter": {"k.x": 1}}, {"scope_prefix": "/a/b"}):
        assert contents(storage.search(vector, limit=1, **filters)) == ["a note about moons"]
    assert len(storage.search(vector, scope_prefix="/a", limit=100)) == 41
    assert storage.search(vector, scope_prefix="/c") == storage.search(vector, limit=0) == []
    best = found[0][1]
    assert all(score >= best - 1e-6 for _, score in storage.search(vector, limit=50, min_score=best - 1e-6))


def test_the_score_is_the_cosine(storage):
    storage.save([made(storage, "the moon is round")])
    ((_, score),) = storage.search(storage.embed(["the moon is round"])[0])
    assert score == pytest.approx(1.0, abs=1e-3)


def test_vectors_of_another_model_are_refused(storage):
    with pytest.raises(EmbedderMismatch, match="64 dimensions"):
        storage.search([0.5] * 3)
    with pytest.raises(EmbedderMismatch, match="64 dimensions"):
        storage.save([MemoryRecord(content="The moon.", embedding=[1.0] * 3072)])
    other = [float(x) for x in HashEmbedder(64).embed_query("something else")]
    with pytest.raises(EmbedderMismatch, match="not made by"):
        storage.save([MemoryRecord(content="The moon.", embedding=other)])
    assert storage.count() == 0
    storage.save([MemoryRecord(content="Without a vector.")])
    with pytest.raises(EmbedderMismatch):
        storage.update(MemoryRecord(content="Without a vector.", embedding=[1.0]))
    assert storage.count() == 1


def test_update_replaces_and_adds(storage):
    record = made(storage, "The moon is square.", scope="/a", categories=["x"])
    storage.save([record])
    storage.update(record.model_copy(update={"content": "The moon is round.", "scope": "/b", "importance": 0.9}))
    assert contents(storage.list_records("/b")) == ["The moon is round."]
    assert storage.list_records("/a") == []
    storage.update(made(storage, "The sun is hot.", id="new"))
    assert storage.get_record("new").content == "The sun is hot."
    storage.save([made(storage, "The sun is very hot.", id="new"), made(storage, "A third.", id="third")])
    assert storage.get_record("new").content == "The sun is very hot."
    assert storage.count() == 3


def test_an_update_that_is_refused_changes_nothing(storage):
    record = made(storage, "The moon is round.", scope="/a")
    storage.save([record])
    with pytest.raises(InvalidInput):
        storage.update(record.model_copy(update={"content": " ", "scope": "/b"}))
    assert contents(storage.list_records("/a")) == ["The moon is round."]


def test_delete_needs_every_condition(storage, clock):
    old = made(storage, "old moon", scope="/a", created_at=clock.now - timedelta(days=9))
    new = made(storage, "new moon", scope="/a-b", categories=["c"], created_at=clock.now)
    storage.save([old, new])
    assert storage.delete(scope_prefix="/b", record_ids=[old.id, new.id]) == 0
    assert storage.delete(record_ids=[]) == 0
    assert storage.delete(scope_prefix="/a", older_than=clock.now - timedelta(days=10)) == 0
    assert storage.delete(scope_prefix="/a", categories=["c"]) == 0
    storage.reset("/a")
    assert contents(storage.list_records()) == ["new moon"]
    assert asyncio.run(storage.adelete(categories=["c"])) == 1
    assert storage.count() == 0


def test_what_is_deleted_can_be_brought_back(storage, team):
    storage.save([made(storage, "The moon is round.")])
    forgotten = team.agent("crew").forget(where={"text": {"$contains": "moon"}})
    assert storage.count() == 0
    team.agent("crew").undo(forgotten)
    assert storage.count() == 1


def test_scopes_and_categories_are_counted(storage, clock):
    for n, scope in enumerate(["/", "/a", "/a/b/c", "/a/b/d", "/z"]):
        storage.save([made(storage, f"moon {n}", scope=scope, categories=["even"] if n % 2 == 0 else [])])
        clock.advance(timedelta(hours=1))
    assert storage.list_scopes() == ["/a", "/z"]
    assert storage.list_scopes("/a") == ["/a/b"]
    assert storage.list_scopes("/a/b/") == ["/a/b/c", "/a/b/d"]
    assert storage.list_categories() == {"even": 3}
    assert storage.list_categories("/a") == {"even": 1}
    assert (storage.count(), storage.count("/a"), storage.count("/nothing")) == (5, 3, 0)
    info = storage.get_scope_info("/a/")
    assert (info.path, info.record_count, info.child_scopes) == ("/a", 3, ["/a/b"])
    assert storage.get_scope_info("/nothing").oldest_record is None
    assert storage.list_scopes("/nothing") == []


def test_awaited_calls_work_side_by_side(storage):
    async def one(n):
        record = made(storage, f"moon number {n}", id=f"r{n}")
        await storage.asave([record])
        return contents(await storage.asearch(storage.embed([record.content])[0], limit=1))[0] == record.content

    async def all_of_them():
        return await asyncio.gather(*(one(n) for n in range(100)))

    assert all(asyncio.run(all_of_them()))
    assert storage.count() == 100


def test_it_degrades_where_it_may():
    with opened(embedder=HashEmbedder()) as team:
        storage = TransactiveStorage(team.agent("crew"), degrade="empty")
        record, vector = made(storage, "The moon."), storage.embed(["The moon."])[0]
    storage.save([record])
    storage.update(record)
    assert storage.search(vector) == storage.list_records() == storage.list_scopes() == []
    assert storage.get_record(record.id) is None
    assert (storage.count(), storage.delete(), storage.list_categories()) == (0, 0, {})
    assert storage.get_scope_info("/").record_count == 0
    assert storage.degradations == 10


# --- under CrewAI's own memory ----------------------------------------------------------------------------------------


def test_crewais_own_memory_keeps_and_finds_on_it(team):
    storage = TransactiveStorage(team.agent("crew"), namespace="agents/crew/own")
    llm = model()
    own = Memory(storage=storage, embedder=storage.embed, llm=llm)
    own.remember("The moon is round.", scope="/sky", categories=["moon"], importance=0.5)
    own.remember_many(["The sun is hot."], scope="/sky", categories=["sun"], importance=0.5)
    assert own.recall("moon", depth="shallow", limit=1)[0].record.content == "The moon is round."
    assert {m.record.content for m in own.recall("the moon is hot")} == {"The moon is round.", "The sun is hot."}
    assert own.info().record_count == 2
    assert llm.prompts == []
    assert team.agent("crew").recall("moon")[0].memory.namespace == "agents/crew/own/sky"
    own.close()
    assert storage.count() == 2


def test_a_factory_serves_specs_by_name(team, factory):
    factory(storage_factory(team.agent("crew")))
    given = {"embedder": TransactiveStorage(team.agent("crew")).embed, "llm": model()}
    own = Memory(storage="transactive", **given)
    own.remember("The moon is round.", scope="/", categories=[], importance=0.5)
    Memory(storage="transactive:team/shared", **given).remember(
        "The sun is hot.", scope="/", categories=[], importance=0.5
    )
    assert {m.namespace for m in team.agent("crew").list()} == {"agents/crew", "team/shared"}
    make = storage_factory(team.agent("crew"), "ours")
    assert make("lancedb") is make("transactive") is make("ours:") is None
    assert isinstance(make("ours"), TransactiveStorage)


def test_what_is_private_stays_so_though_crewais_memory_merges_it(team):
    storage = TransactiveStorage(team.agent("crew"))

    def merge(prompt):
        known = prompt.partition("id=")[2].partition(" ")[0]
        action = {"action": "update", "record_id": known, "new_content": "The pin is 1234!", "reason": "same"}
        return json.dumps({"actions": [action], "insert_new": False})

    own = Memory(storage=storage, embedder=storage.embed, llm=model(merge))
    given = {"scope": "/", "categories": ["pin"], "importance": 0.5}
    own.remember("The pin is 1234.", source="alice", private=True, **given)
    own.remember("The pin is 1234.", source="bob", **given)
    (kept,) = own.list_records()
    assert (kept.content, kept.private, kept.source) == ("The pin is 1234!", True, "alice")
    assert own.recall("pin", source="bob") == []


def test_both_see_one_memory(team):
    storage = TransactiveStorage(team.agent("crew"))
    memory = TransactiveMemory(team.agent("crew"))
    memory.remember("The moon is round.", scope="/sky", categories=["moon"])
    storage.save([made(storage, "The sun is hot.", scope="/sky", created_at=datetime.now(UTC))])
    assert {r.content for r in storage.list_records("/sky")} == {r.content for r in memory.list_records("/sky")}
    assert storage.count("/sky") == 2
