"""The memory itself: what is kept, what is found, and by whom."""

import asyncio
import copy
import inspect
import threading
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("crewai")

from crewai import Flow, Memory
from crewai.events.event_bus import crewai_event_bus
from crewai.events.types.memory_events import (
    MemoryQueryCompletedEvent,
    MemoryQueryFailedEvent,
    MemorySaveCompletedEvent,
    MemorySaveFailedEvent,
)
from crewai.memory.types import MemoryMatch, MemoryRecord

from tests.integrations.crewai.scripted import agent, crew, model
from tests.team.stores import opened, texts
from transactive import Policy
from transactive.errors import AccessDenied, EmbeddingFailed, InvalidInput, InvalidNamespace, StoreClosed
from transactive.testing import HashEmbedder
from transactive_integrations.crewai import TransactiveMemory


@pytest.fixture
def memory(team):
    return TransactiveMemory(team.agent("crew"))


def contents(found):
    return [getattr(one, "record", one).content for one in found]


# --- what it is -------------------------------------------------------------------------------------------------------


def test_a_crew_an_agent_and_a_flow_take_it(memory):
    assert isinstance(memory, Memory)
    one = agent(model(), memory=memory)
    assert one.memory is memory
    assert crew([one], "What?", memory=memory)._memory is memory

    class Remembering(Flow):
        pass

    assert Remembering(memory=memory).memory is memory


@pytest.mark.parametrize("name", [n for n in vars(Memory) if callable(getattr(Memory, n)) and not n.startswith("_")])
def test_every_method_takes_what_crewais_takes(name):
    theirs = inspect.signature(getattr(Memory, name)).parameters
    ours = inspect.signature(getattr(TransactiveMemory, name)).parameters
    if name not in {"model_post_init", "__init__"}:
        assert list(theirs) == list(ours)
        assert [p.default for p in theirs.values()] == [p.default for p in ours.values()]


def test_a_copy_is_the_same_memory(memory):
    memory.remember("HNSW answers in 5 ms.")
    assert contents(copy.deepcopy(memory).recall("HNSW")) == contents(copy.copy(memory).recall("HNSW"))
    assert copy.deepcopy(memory) is memory


def test_an_unknown_option_is_an_error(team):
    with pytest.raises(TypeError, match="consolidation_treshold"):
        TransactiveMemory(team.agent("crew"), consolidation_treshold=1)


# --- keeping ----------------------------------------------------------------------------------------------------------


def test_a_text_is_kept_as_it_is_with_all_that_is_said_of_it(memory, clock):
    text = "  Invoice INV-5678 was paid twice;\n refund 18,40 €.  "
    kept = memory.remember(
        text,
        scope="/finance/refunds",
        categories=["invoice", "refund"],
        metadata={"amount": 18.4, "paths": ["a", "b"]},
        importance=0.9,
        source="erp",
    )
    assert isinstance(kept, MemoryRecord)
    assert kept.content == text
    assert (kept.scope, kept.categories, kept.importance) == ("/finance/refunds", ["invoice", "refund"], 0.9)
    assert (kept.metadata, kept.source, kept.private) == ({"amount": 18.4, "paths": ["a", "b"]}, "erp", False)
    assert kept.created_at == clock.now.replace(tzinfo=None)
    assert memory.list_records() == [kept]


def test_what_is_kept_is_a_memory_of_the_agent(memory, team):
    memory.remember("Refunds take two days.", scope="/finance", categories=["refund"])
    found = team.agent("crew").recall("refunds")[0].memory
    assert (found.agent, found.namespace, found.tags) == ("crew", "agents/crew/finance", ("refund",))
    assert not team.agent("other").recall("refunds")


def test_many_are_there_when_the_call_returns(memory):
    kept = memory.remember_many(["The moon is round.", "The sun is hot."], scope="/sky", agent_role="Astronomer")
    assert contents(kept) == ["The moon is round.", "The sun is hot."]
    assert kept[0].metadata == {"agent_role": "Astronomer"}
    assert memory.info("/sky").record_count == 2
    assert memory.remember_many([]) == []


def test_one_invalid_text_refuses_all_of_them(memory):
    with pytest.raises(InvalidInput, match="item 1"):
        memory.remember_many(["Fine.", "   "])
    assert memory.info().record_count == 0


def test_a_fact_said_again_is_one_record(memory):
    first = memory.remember("HNSW answers in 5 ms.")
    assert memory.remember("hnsw answers in 5 ms").id == first.id
    assert memory.info().record_count == 1


def test_without_importance_the_text_decides(memory):
    trivial = memory.remember("ok thanks")
    weighty = memory.remember("CRITICAL: the production database lost 4,211 orders on 2026-05-03; never restart it.")
    assert trivial.importance < weighty.importance


def test_extraction_keeps_the_text_and_asks_nobody(memory):
    raw = "Task: sum up\nAgent: Analyst\nResult: INV-5678 was paid."
    assert memory.extract_memories(raw) == [raw]
    assert asyncio.run(memory.aextract_memories(raw)) == [raw]
    assert memory.extract_memories(" \n ") == []


def test_extraction_cuts_only_what_is_too_long_and_replaces_only_what_no_text_holds(memory):
    pieces = memory.extract_memories("ö" * 600_000)
    assert "".join(pieces) == "ö" * 600_000
    assert len(pieces) == 3
    assert memory.extract_memories("a\x00b\ud800c\U0001f600") == ["a\ufffdb\ufffdc\U0001f600"]
    assert len(memory.remember_many(memory.extract_memories("half a pair \udfff"))) == 1


def test_a_read_only_memory_keeps_nothing_and_finds_what_is_there(team, memory):
    memory.remember("The moon is round.")
    reading = TransactiveMemory(team.agent("crew"), read_only=True)
    assert reading.remember("The sun is hot.") is None
    assert reading.remember_many(["The sun is hot."]) == []
    assert contents(reading.recall("moon")) == ["The moon is round."]


# --- finding ----------------------------------------------------------------------------------------------------------


def test_recall_finds_by_words_and_by_identifiers(memory):
    memory.remember_many([f"Order ORD-{n} was shipped from Rotterdam." for n in range(1000, 1040)])
    found = memory.recall("what about ORD-1017?", limit=3)
    assert isinstance(found[0], MemoryMatch)
    assert "ORD-1017" in found[0].record.content
    assert "identifier" in found[0].match_reasons
    assert 0 < found[0].score <= 1


@pytest.mark.parametrize("depth", ["shallow", "deep"])
def test_both_depths_are_one_search(memory, depth):
    memory.remember("The moon is round.")
    assert contents(memory.recall("moon " * 300, depth=depth)) == ["The moon is round."]


def test_recall_filters_by_category_and_scope_before_the_limit(memory):
    memory.remember_many([f"Report {n} about moons" for n in range(40)], scope="/a", categories=["report"])
    memory.remember("A note about moons and something else", scope="/b", categories=["note"])
    assert contents(memory.recall("report about moons", categories=["note"], limit=1)) == [
        "A note about moons and something else"
    ]
    assert contents(memory.recall("report about moons", scope="/b", limit=5)) == [
        "A note about moons and something else"
    ]
    assert len(memory.recall("report about moons", categories=["note", "report"], limit=100)) == 41


@pytest.mark.parametrize(("query", "limit"), [("", 5), ("  ", 5), ("moon", 0), ("moon", -1)])
def test_asking_for_nothing_finds_nothing(memory, query, limit):
    memory.remember("The moon is round.")
    assert memory.recall(query, limit=limit) == []


def test_a_query_may_hold_what_models_write(memory):
    memory.remember("The moon is round.")
    assert contents(memory.recall("moon \x00 \ud83d")) == ["The moon is round."]


def test_importance_and_age_count_when_that_is_asked_for(team, clock):
    plain = TransactiveMemory(team.agent("crew"))
    plain.remember("The moon is round.", importance=0.1)
    clock.advance(timedelta(days=100))
    plain.remember("The moon is far.", importance=0.1)
    weighing = TransactiveMemory(team.agent("crew"), recency_weight=1.0, half_life="10d")
    older = {m.record.content: m.score for m in weighing.recall("the moon")}["The moon is round."]
    assert older < {m.record.content: m.score for m in plain.recall("the moon")}["The moon is round."]


def test_documents_are_found_only_when_asked_for(team, memory):
    documents = team.agent("crew").documents
    documents.put("agents/crew", "k", {"text": "The moon of a document."}, index=["text"])
    memory.remember("The moon is round.")
    assert contents(memory.recall("moon")) == contents(memory.list_records()) == ["The moon is round."]
    assert memory.info().record_count == 1
    found = memory.storage.search(memory.embedder(["The moon of a document."])[0])
    assert [record.content for record, _ in found] == ["The moon is round."]
    asking = TransactiveMemory(team.agent("crew"), kinds=["document"])
    assert contents(asking.recall("moon")) == ["The moon of a document."]
    memory.forget()
    memory.reset()
    assert memory.info().record_count == 0
    assert documents.get("agents/crew", "k") is not None


# --- scopes -----------------------------------------------------------------------------------------------------------


def test_a_scope_is_a_subtree_and_not_a_prefix(memory):
    memory.remember("moon in team", scope="/team")
    memory.remember("moon in team a", scope="/team/a")
    memory.remember("moon in teamwork", scope="/teamwork")
    memory.remember("moon at the root")
    assert set(contents(memory.recall("moon", scope="/team"))) == {"moon in team", "moon in team a"}
    assert memory.list_scopes() == ["/team", "/teamwork"]
    assert memory.list_scopes("/team") == ["/team/a"]
    assert memory.info("/team").record_count == 2
    assert memory.info("/team").child_scopes == ["/team/a"]
    assert memory.tree() == "/ (4 records)\n  /team (2 records)\n    /team/a (1 records)\n  /teamwork (1 records)"
    memory.reset("/team")
    assert set(contents(memory.list_records())) == {"moon in teamwork", "moon at the root"}


def test_a_view_of_a_scope_sees_and_writes_that_scope_alone(memory):
    a, b = memory.scope("/team/a"), memory.scope("/team/b")
    a.remember("moon of a")
    a.subscope("deep").remember("moon of a, deeper")
    b.remember_many(["moon of b"])
    other = b.remember("sun of b")
    assert set(contents(a.recall("moon"))) == {"moon of a", "moon of a, deeper"}
    assert contents(memory.scope("/team").recall("moon b", limit=1)) == ["moon of b"]
    assert a.forget(record_ids=[other.id]) == 0
    assert b.forget(record_ids=[other.id]) == 1
    a.reset()
    assert contents(memory.list_records()) == ["moon of b"]


def test_a_slice_sees_several_scopes(memory):
    for scope in ("/a", "/b", "/c"):
        memory.remember(f"moon of {scope}", scope=scope, categories=[scope[1:]])
    both = memory.slice(["/a", "/b"])
    assert set(contents(both.recall("moon"))) == {"moon of /a", "moon of /b"}
    assert both.remember("moon", scope="/a") is None
    assert both.info().record_count == 2
    assert both.list_categories() == {"a": 1, "b": 1}
    memory.slice(["/a"], read_only=False).remember("sun of /a", scope="/a")
    assert contents(memory.recall("sun", scope="/a", limit=1)) == ["sun of /a"]


@pytest.mark.parametrize("scope", ["/a b/ü", "/x/../y", "/100%/*", "/tab\there", "no-slash", "/a//b/", "/%2E"])
def test_any_scope_comes_back_as_it_was(memory, scope):
    kept = memory.remember("The moon.", scope=scope)
    normal = "/" + "/".join(part for part in scope.split("/") if part)
    assert kept.scope == normal
    assert contents(memory.recall("moon", scope=scope)) == ["The moon."]
    assert normal in [kept.scope, *memory.list_scopes(normal.rpartition("/")[0] or "/")]
    assert memory.info(scope).record_count == 1


def test_a_scope_that_nests_too_deep_is_refused(memory):
    with pytest.raises(InvalidNamespace):
        memory.remember("The moon.", scope="/" + "/".join("abcdefghijklmnopqrst"))


def test_a_root_scope_is_above_every_other(team, memory):
    rooted = TransactiveMemory(team.agent("crew"), root_scope="/crew/x")
    rooted.remember("moon of x", scope="/a")
    rooted.remember_many(["moon of a member"], root_scope="/crew/x/agent/analyst")
    memory.remember("moon of all")
    assert set(contents(rooted.recall("moon"))) == {"moon of x", "moon of a member"}
    assert contents(rooted.recall("moon", scope="a")) == ["moon of x"]
    assert memory.list_scopes("/crew/x") == ["/crew/x/a", "/crew/x/agent"]
    rooted.reset()
    assert contents(memory.list_records()) == ["moon of all"]


# --- changing ---------------------------------------------------------------------------------------------------------


def test_update_replaces_what_is_given(memory, team):
    kept = memory.remember("The moon is square.", categories=["shape"], metadata={"a": 1})
    memory.update(kept.id, content="The moon is round.", categories=["form"], importance=0.2)
    (found,) = memory.recall("moon")
    assert (found.record.content, found.record.categories, found.record.importance) == (
        "The moon is round.",
        ["form"],
        0.2,
    )
    assert (found.record.id, found.record.metadata) == (kept.id, {"a": 1})
    assert [version.text for version in team.agent("crew").history(kept.id)] == [
        "The moon is square.",
        "The moon is round.",
    ]
    with pytest.raises(ValueError, match="not found"):
        memory.update("nobody", content="x")


def test_what_lies_elsewhere_is_not_changed_by_its_id(memory, team):
    elsewhere = team.agent("crew").publish("The moon is round.")
    with pytest.raises(ValueError, match="not found"):
        memory.update(elsewhere.id, content="The moon is square.")
    assert memory.forget(record_ids=[elsewhere.id]) == 0
    assert memory.storage.get_record(elsewhere.id) is None
    assert team.agent("crew").get(elsewhere.id).text == "The moon is round."


def test_update_moves_a_record_to_another_scope(memory, clock):
    kept = memory.remember("The moon is round.", scope="/a", source="nasa")
    clock.advance(timedelta(days=3))
    memory.update(kept.id, scope="/b")
    (moved,) = memory.list_records("/b")
    assert (moved.id, moved.content, moved.source, moved.created_at) == (kept.id, kept.content, "nasa", kept.created_at)
    assert memory.list_records("/a") == []
    assert memory.update(kept.id, scope="/a").scope == "/a"
    assert [r.id for r in memory.list_records("/a")] == [kept.id]


def test_forget_takes_what_fulfils_all_conditions(memory, clock, team):
    old = memory.remember("old moon", scope="/a", categories=["x"], metadata={"k.d": 1})
    clock.advance(timedelta(days=2))
    new = memory.remember("new moon", scope="/a", categories=["x"], metadata={"k.d": 2})
    cutoff = clock.now - timedelta(days=1)
    assert memory.forget(scope="/a", older_than=cutoff.replace(tzinfo=None), metadata_filter={"k.d": 2}) == 0
    assert memory.forget(scope="/b", record_ids=[old.id]) == 0
    assert memory.forget(record_ids=[]) == 0
    assert memory.forget(categories=["x"], older_than=cutoff) == 1
    assert contents(memory.list_records()) == ["new moon"]
    assert memory.forget(metadata_filter={"k.d": 2}, record_ids=[new.id, "nobody"]) == 1
    assert memory.info().record_count == 0


def test_records_are_listed_newest_first_in_pages(memory, clock):
    for n in range(7):
        clock.advance(timedelta(minutes=1))
        memory.remember(f"moon number {n}", categories=["even" if n % 2 == 0 else "odd"])
    assert contents(memory.list_records(limit=3)) == [f"moon number {n}" for n in (6, 5, 4)]
    assert contents(memory.list_records(limit=3, offset=5)) == ["moon number 1", "moon number 0"]
    assert memory.list_records(limit=0) == memory.list_records(offset=-1) == []
    assert memory.list_categories() == {"even": 4, "odd": 3}
    info = memory.info()
    assert (info.record_count, info.categories) == (7, ["even", "odd"])
    assert info.newest_record - info.oldest_record == timedelta(minutes=6)


# --- private ----------------------------------------------------------------------------------------------------------


def test_what_is_private_is_found_by_its_source_alone(memory):
    kept = memory.remember("Alice's pin is 1234.", source="alice", private=True)
    memory.remember("A pin has four digits.", source="bob")
    nobodys = memory.remember("The master pin is 9999.", private=True)
    assert kept.private
    assert nobodys.private
    assert contents(memory.recall("pin")) == ["A pin has four digits."]
    assert contents(memory.recall("pin", source="bob")) == ["A pin has four digits."]
    assert set(contents(memory.recall("pin", source="alice"))) == {"Alice's pin is 1234.", "A pin has four digits."}
    assert len(memory.recall("pin", include_private=True)) == 3


def test_private_records_do_not_take_the_place_of_others(memory):
    memory.remember_many([f"alice pin pin pin {n}" for n in range(60)], source="alice", private=True)
    memory.remember_many([f"a public word on the pin, number {n}" for n in range(3)])
    found = memory.recall("pin", limit=3, source="bob")
    assert len(found) == 3
    assert not any(match.record.private for match in found)


def test_what_is_private_is_not_where_others_read(team):
    team.grant("*", "team/shared/**", "read", "write")
    memory = TransactiveMemory(team.agent("crew"), namespace="team/shared")
    memory.remember("Alice's pin is 1234.", scope="/bank", source="alice", private=True)
    memory.remember("A pin has four digits.", scope="/bank")
    other = TransactiveMemory(team.agent("other"), namespace="team/shared")
    assert texts(team.agent("other").recall("pin")) == ["A pin has four digits."]
    assert contents(other.recall("pin", source="alice", include_private=True)) == ["A pin has four digits."]
    assert len(memory.recall("pin", source="alice")) == 2
    assert memory.info("/bank").record_count == 2
    assert {r.scope for r in memory.list_records("/bank")} == {"/bank"}
    memory.reset("/bank")
    assert memory.info().record_count == 0


def test_who_saves_the_same_changes_nothing_of_what_is_private(memory):
    hers = memory.remember("The pin is 1234.", source="alice", private=True)
    his = memory.remember("The pin is 1234.", source="bob")
    assert his.id != hers.id
    assert (his.private, his.source) == (False, "bob")
    kept = {r.id: (r.private, r.source) for r in memory.list_records()}
    assert kept == {hers.id: (True, "alice"), his.id: (False, "bob")}


def test_an_update_and_a_promotion_keep_private_what_is(team):
    team.namespaces.configure("agents/crew/**", Policy(promote_to="team/shared", promote_at=0.7))
    memory = TransactiveMemory(team.agent("crew"), reads=["team/shared"])
    kept = memory.remember("Alice's pin is 1234.", source="alice", private=True, importance=0.9)
    memory.update(kept.id, content="Alice's pin is 4321.", scope="/bank", metadata={})
    assert memory.recall("pin") == []
    assert texts(team.agent("other").recall("pin")) == []
    assert {m.record.content for m in memory.recall("pin", source="alice")} >= {"Alice's pin is 4321."}


def test_users_are_kept_apart(team):
    ann, bea = (TransactiveMemory(team.agent("crew", user=user)) for user in ("ann", "bea"))
    ann.remember("Ann likes tea.")
    bea.remember("Bea likes tea.")
    TransactiveMemory(team.agent("crew")).remember("Tea is served at five.")
    assert set(contents(ann.recall("tea"))) == {"Ann likes tea.", "Tea is served at five."}
    assert set(contents(bea.list_records())) == {"Bea likes tea.", "Tea is served at five."}
    ann.forget()
    assert "Bea likes tea." in contents(bea.recall("tea"))


# --- shared -----------------------------------------------------------------------------------------------------------


def test_it_reads_what_others_publish_with_the_authors_name(team):
    team.agent("surveyor").publish("The moon is 384,400 km away.", metadata={"unit": "km"})
    memory = TransactiveMemory(team.agent("crew"), reads=["team/shared"])
    memory.remember("The moon is round.")
    found = {m.record.content: m.record for m in memory.recall("moon")}
    theirs = found["The moon is 384,400 km away."]
    assert theirs.metadata == {"unit": "km", "agent": "surveyor"}
    assert theirs.scope == "@team/shared"
    assert "agent" not in found["The moon is round."].metadata
    assert contents(memory.recall("moon", scope="/")) == ["The moon is round."]
    assert memory.info().record_count == 1


def test_where_it_may_not_write_it_says_so(team):
    memory = TransactiveMemory(team.agent("crew"), namespace="projects/secret")
    with pytest.raises(AccessDenied):
        memory.remember("The moon is round.")
    assert memory.recall("moon") == []


# --- async, and when it fails -----------------------------------------------------------------------------------------


def test_a_hundred_tasks_at_once(memory):
    async def one(n):
        kept = await memory.aremember(f"moon number {n}", scope=f"/s{n % 3}")
        await memory.aremember_many([f"sun number {n}", f"star number {n}"])
        found = await memory.arecall(f"moon number {n}", limit=200)
        return kept.id in {match.record.id for match in found}

    async def all_of_them():
        return await asyncio.gather(*(one(n) for n in range(100)))

    assert all(asyncio.run(all_of_them()))
    assert memory.info().record_count == 300


def test_awaited_calls_leave_the_loop_alone():
    loops = set()

    class Slow(HashEmbedder):
        def embed_documents(self, texts):
            loops.add(threading.get_ident())
            return super().embed_documents(texts)

        def embed_query(self, text):
            loops.add(threading.get_ident())
            return super().embed_query(text)

    async def use(memory):
        await memory.aremember("The moon is round.")
        await memory.aremember_many(["The sun is hot."])
        await memory.arecall("moon")

    with opened(embedder=Slow()) as team:
        loops.clear()
        asyncio.run(use(TransactiveMemory(team.agent("crew"))))
    assert loops
    assert threading.get_ident() not in loops


class Moody(HashEmbedder):
    """A model that fails on demand."""

    fails = False

    def embed_query(self, text):
        if self.fails:
            raise ConnectionError("away")
        return super().embed_query(text)

    def embed_documents(self, texts):
        if self.fails:
            raise ConnectionError("away")
        return super().embed_documents(texts)


@pytest.mark.parametrize(("degrade", "found"), [("text", ["The moon is round."]), ("empty", [])])
def test_a_memory_that_may_degrade_answers_and_counts(degrade, found):
    model = Moody()
    with opened(embedder=model) as team:
        memory = TransactiveMemory(team.agent("crew"), degrade=degrade)
        memory.remember("The moon is round.")
        assert memory.degradations == 0
        model.fails = True
        matches = memory.recall("moon")
        assert contents(matches) == found
        assert all(match.match_reasons == ["degraded"] for match in matches)
        assert memory.degradations == 1
        assert memory.remember("The sun is hot.") is None
        assert memory.remember_many(["The sun is hot."]) == []
        assert memory.degradations == 3
        with pytest.raises(InvalidInput):
            memory.remember("")
    assert memory.recall("moon") == memory.list_records() == []
    assert memory.info().record_count == 0


def test_a_memory_that_may_not_degrade_raises():
    model = Moody()
    with opened(embedder=model) as team:
        memory = TransactiveMemory(team.agent("crew"))
        model.fails = True
        with pytest.raises(EmbeddingFailed):
            memory.remember("The moon is round.")
        with pytest.raises(EmbeddingFailed):
            memory.recall("moon")
    with pytest.raises(StoreClosed):
        memory.list_records()


def test_the_event_bus_hears_of_it(memory):
    heard = []
    with crewai_event_bus.scoped_handlers():
        for kind in (
            MemorySaveCompletedEvent,
            MemoryQueryCompletedEvent,
            MemorySaveFailedEvent,
            MemoryQueryFailedEvent,
        ):
            crewai_event_bus.on(kind)(lambda _source, event: heard.append(event))
        memory.remember("The moon is round.", agent_role="Astronomer")
        memory.recall("moon")
        with pytest.raises(InvalidInput):
            memory.remember("")
        with pytest.raises(InvalidInput):
            memory.recall("moon", limit=100_000)
        crewai_event_bus.flush()
    assert {event.type for event in heard} == {
        "memory_save_completed",
        "memory_query_completed",
        "memory_save_failed",
        "memory_query_failed",
    }
    saved = next(event for event in heard if event.type == "memory_save_completed")
    assert (saved.value, saved.agent_role) == ("The moon is round.", "Astronomer")


def test_times_come_in_with_a_zone_and_without(team, clock):
    memory = TransactiveMemory(team.agent("crew"))
    memory.remember("The moon is round.")
    later = datetime(2027, 1, 1, tzinfo=UTC)
    assert memory.forget(older_than=later - timedelta(days=365 * 5)) == 0
    assert memory.forget(older_than=later.replace(tzinfo=None)) == 1
