"""Documents by what they are about: their fields, their words, their vectors."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from tests.documents.rooms import HOME, axes, keys, of
from tests.team.stores import Clock, opened, small_embedder
from transactive import Agent, Policy, TeamMemory
from transactive.errors import EmbedderMismatch, EmbeddingFailed, FilterTooBroad, IndexUnavailable
from transactive.records import DocumentRecall, NewDocument


@pytest.fixture(scope="module")
def orchard():
    """A store whose model puts each of four words on an axis of its own."""
    with opened(embedder=axes, clock=Clock()) as team:
        yield team


@pytest.fixture
def eve(orchard, ana):
    """An agent of the orchard whom no other story knows."""
    return orchard.agent(f"eve of {ana.name}")


def put(agent: Agent, **texts: str) -> None:
    """One indexed document for each text."""
    agent.documents.put_many([NewDocument(key=key, value={"t": text}, index=True) for key, text in texts.items()])


# --- what is indexed --------------------------------------------------------------------------------------------------

VALUE = {
    "title": "alphaword",
    "body": {"text": "betaword", "n": 42},
    "items": [{"note": "gammaword"}, {"note": "deltaword", "more": "epsilonword"}],
    "flag": True,
    "nothing": None,
}
INDEXED: list[tuple[Any, list[str]]] = [
    (False, []),
    ([], []),
    (["none"], []),
    (["flag"], []),
    (["nothing"], []),
    (True, ["alphaword", "betaword", "42", "gammaword", "deltaword", "epsilonword"]),
    (["$"], ["alphaword", "betaword", "42", "gammaword", "deltaword", "epsilonword"]),
    (["title"], ["alphaword"]),
    (("body.text", "title"), ["betaword", "alphaword"]),
    (["body"], ["betaword", "42"]),
    (["items[*].note"], ["gammaword", "deltaword"]),
    (["items[-1]"], ["deltaword", "epsilonword"]),
    (["items[0].note", "items[9].note", "title.none"], ["gammaword"]),
]


@pytest.mark.parametrize(("index", "expected"), INDEXED, ids=[str(index) for index, _ in INDEXED])
def test_what_is_found_is_what_was_indexed(ana, index, expected):
    document = ana.documents.put(ana.namespace, "k", VALUE, index=index)
    words = ["alphaword", "betaword", "gammaword", "deltaword", "epsilonword"]
    assert (document.uid is None) == (not expected)
    if document.uid is not None:
        assert ana.get(document.uid).text == "\n".join(expected)
    for word in words:
        found = ana.documents.search(word, vector_weight=0.0)
        assert keys(found) == (["k"] if word in expected else [])


def test_the_text_may_be_given_instead(ana):
    document = ana.documents.put(ana.namespace, "k", VALUE, text="zetaword", index=["title"])
    assert ana.get(document.uid).text == "zetaword"
    assert list(ana.documents.search("alphaword", vector_weight=0.0)) == []
    assert ana.documents.put(ana.namespace, "k", VALUE, text="").uid is None


def test_what_a_text_cannot_hold_is_left_out_and_the_rest_is_found(ana):
    for key, given in (("NUL", "a\x00lphaword"), ("surrogate", "alphaword \ud800"), ("long", "alphaword " * 200_000)):
        for options in ({"index": True}, {"text": given}):
            document = ana.documents.put(ana.namespace, key, given, **options)
            assert document.value == given
            assert "alphaword" in ana.get(document.uid).text
    assert set(keys(ana.documents.search("alphaword"))) == {"NUL", "surrogate", "long"}
    assert ana.documents.put(ana.namespace, "k", [None, "\x00 \n"], index=True).uid is None


def test_recall_finds_a_document_as_a_memory_of_its_kind(ana):
    bound = ana.bind(user="u1", app="desk")
    document = bound.documents.put(ana.namespace, "k 1", VALUE, index=["title"], ttl="1h", sensitivity="public")
    ana.remember("alphaword too")
    hit = ana.recall("alphaword", kinds=["document"])[0]
    memory = hit.memory
    assert memory == ana.get(document.uid)
    assert (memory.kind, memory.text, memory.source) == ("document", "alphaword", "document:k 1")
    assert (memory.agent, memory.user, memory.app, memory.sensitivity) == (ana.name, "u1", "desk", "public")
    assert (memory.created_at, memory.expires_at) == (document.created_at, document.expires_at)
    assert memory.metadata == VALUE
    assert len(ana.recall("alphaword")) == 2
    assert len(ana.recall("alphaword", kinds=["document"])) == 1
    assert "alphaword" in ana.context("alphaword", budget=200).text
    assert [hit.memory.uid for hit in ana.recall("alphaword", where={"metadata.body.n": 42})] == [document.uid]
    revised = ana.documents.put(ana.namespace, "k 1", {"title": "etaword"}, index=["title"], user="u1")
    assert revised.uid == document.uid
    assert ana.recall("etaword", kinds=["document"])[0].memory.metadata == {"title": "etaword"}


def test_search_gives_documents_and_nothing_else(ana):
    ana.remember("alphaword in a note")
    put(ana, k="alphaword")
    found = ana.documents.search("alphaword")
    assert isinstance(found, DocumentRecall)
    assert keys(found) == ["k"]
    assert (found.degraded, found.reason) == (False, None)
    assert found[0].document == ana.documents.get(ana.namespace, "k")
    assert 0 <= found[0].score <= 1
    assert -1 <= found[0].similarity <= 1


# --- narrowing --------------------------------------------------------------------------------------------------------

WHERE: dict[str, dict[str, Any]] = {
    "a value": {"value.color": "red"},
    "a number": {"value.n": 2},
    "a range": {"value.n": {"$gte": 3}},
    "not": {"value.color": {"$ne": "red"}},
    "one of": {"value.color": {"$in": ["green"]}},
    "in a list": {"value.tags": {"$contains": "x"}},
    "there": {"value.deep": {"$exists": True}},
    "further in": {"value.deep.a.b": 5},
    "quoted": {'value."a.b"': 1},
    "either": {"$or": [{"value.n": 1}, {"value.deep.a.b": 5}]},
    "whole": {"value.$": "plain"},
    "by": {"sensitivity": "public"},
    "nothing": {},
}


@pytest.fixture(scope="module")
def market(house):
    """Documents of many shapes, some of which filters can see only in part of the index."""
    eve = house.agent("eve at the market")
    deep: Any = "leaf"
    for _ in range(20):
        deep = [{"in": deep}]
    for number, value in enumerate(
        [
            {"color": "red", "n": 1, "tags": ["x", "y"]},
            {"color": "green", "n": 2, "a.b": 1},
            {"color": "red", "n": 3.5, "deep": {"a": {"b": 5}}},
            {"color": "red", "n": 3, "deep": {"a": {"b": 5}}, "odd": "x\x00"},
            {"color": "red", "n": 3, "deep": {"a": {"b": 5}}, "odd": ["\ud800"]},
            {"color": "green", "n": 3, "deep": {"a": {"b": 5}}, "odd": 2**70, "tags": ["x"]},
            {"color": "red", "n": 4, "deep": {"a": {"b": 5}}, "odd": deep},
            "plain",
            ["plain", 2],
        ]
    ):
        level = "public" if number % 2 else "internal"
        eve.documents.put(eve.namespace, str(number), value, text=f"alphaword {number}", sensitivity=level)
    return eve


@pytest.mark.parametrize("where", WHERE.values(), ids=WHERE)
def test_a_search_is_narrowed_as_a_list_is(market, where):
    listed = keys(market.documents.list(where=where, limit=None))
    assert len(listed) > 0
    assert sorted(keys(market.documents.search("alphaword", where=where, limit=100))) == sorted(listed)
    assert len(market.documents.search("alphaword", where=where, limit=1)) == 1


def test_of_a_large_value_a_search_sees_the_short_scalars_on_top(ana):
    value = {"n": 5, "long": "x" * 70_000, "inner": {"n": 6}}
    ana.documents.put(ana.namespace, "k", value, text="alphaword")
    assert keys(ana.documents.search("alphaword", where={"value.n": 5})) == ["k"]
    assert keys(ana.documents.list(where={"value.inner.n": 6})) == ["k"]
    assert ana.documents.search("alphaword")[0].document.value == value


def test_a_search_stays_within_namespaces_and_is_paged(ana):
    for place in ("a", "a/b", "c"):
        for number in range(3):
            ana.documents.put(f"{ana.namespace}/{place}", str(number), f"alphaword {number}", index=True)
    search = ana.documents.search
    assert {h.document.namespace for h in search("alphaword", namespaces=[f"{ana.namespace}/a/**"])} == {
        f"{ana.namespace}/a",
        f"{ana.namespace}/a/b",
    }
    whole = [h.document for h in search("alphaword", limit=9)]
    assert len(whole) == 9
    assert [h.document for h in search("alphaword", limit=4, offset=3)] == whole[3:7]
    assert list(search("alphaword", limit=4, offset=9)) == []


def test_a_least_similarity_is_kept_to(eve):
    put(eve, both="apple pear", one="apple", other="car")
    found = eve.documents.search(vector=axes(["apple"])[0], min_similarity=0.6)
    assert keys(found) == ["one", "both"]
    assert [round(hit.similarity, 3) for hit in found] == [1.0, 0.707]


# --- vectors ----------------------------------------------------------------------------------------------------------


def test_a_vector_alone_finds_what_lies_close(eve):
    put(eve, apple="apple", pear="pear pear apple", car="car")
    found = eve.documents.search(vector=[3.0, 0.0, 0.0, 0.0])
    assert keys(found) == ["apple", "pear", "car"], "as many as are wanted, however far they are"
    assert [round(hit.similarity, 3) for hit in found] == [1.0, 0.447, 0.0]
    assert keys(eve.documents.search(vector=[3.0, 0.0, 0.0, 0.0], min_similarity=0.01)) == ["apple", "pear"]
    assert keys(eve.documents.search(vector=[-1.0, 0.0, 0.0, 0.0], limit=1)) == ["car"]


def test_words_and_vectors_are_weighed_against_one_another(eve):
    put(eve, words="zetaword thetaword car", vectors="apple", none="bus")
    near = axes(["apple"])[0]

    def best(weight: float | None) -> list[str]:
        return keys(eve.documents.search("zetaword thetaword", vector=near, vector_weight=weight))

    assert best(0.0) == ["words"]
    assert best(1.0)[0] == "vectors"
    assert best(0.1)[0] == "words"
    assert best(0.9)[0] == "vectors"
    assert set(best(None)) == set(best(1.0)) == {"words", "vectors", "none"}
    assert best(None) == best(0.5)


def test_a_vector_that_is_known_is_not_made_again():
    asked: list[str] = []

    def counting(texts: Any) -> list[list[float]]:
        asked.extend(texts)
        return axes(texts)

    with opened(embedder=counting) as team:
        ana = team.agent("ana")
        asked.clear()
        ana.documents.put(HOME, "k", "apple", index=True, vector=[0, 0, 2, 0])
        ana.documents.put_many([NewDocument(key="j", text="apple", vector=(0.0, 1.0, 0.0, 0.0))])
        team.maintain(build=False)
        assert asked == []
        assert keys(ana.documents.search(vector=[0, 0, 1, 0])) == ["k", "j"]
        assert keys(ana.documents.search(vector=[0, 1, 0, 0])) == ["j", "k"]


def test_a_vector_belongs_to_the_stores_own_model(eve):
    assert eve.embedder.dimensions == 4
    for call in (
        lambda: eve.documents.search(vector=[1.0] * 5),
        lambda: eve.documents.search("apple", vector=[[1.0] * 4]),
        lambda: eve.documents.put(eve.namespace, "k", "apple", index=True, vector=[1.0] * 3),
        lambda: eve.documents.put_many([NewDocument(key="k", text="apple", vector=[])]),
    ):
        with pytest.raises(EmbedderMismatch, match="4"):
            call()
    assert eve.documents.count() == 0


def test_large_numbers_in_a_vector_are_a_direction(eve):
    put(eve, apple="apple", car="car")
    for large in (1e38, 1e300):
        found = eve.documents.search(vector=[large, 0, large, 0])
        assert [round(hit.similarity, 3) for hit in found] == [0.707, 0.707]


def test_what_is_said_anew_is_found_by_its_new_vector(eve):
    eve.documents.put(eve.namespace, "k", "apple", index=True)
    eve.documents.put(eve.namespace, "k", "car", index=True)
    assert [hit.similarity for hit in eve.documents.search(vector=axes(["apple"])[0])] == [0.0]
    assert [hit.similarity for hit in eve.documents.search(vector=axes(["car"])[0])] == [1.0]


# --- diversity --------------------------------------------------------------------------------------------------------


def test_a_diverse_choice_does_not_say_the_same_again(eve):
    near = [f"apple apple apple {'x' * number}" for number in range(1, 6)]
    put(eve, **{f"apple {number}": text for number, text in enumerate(near)}, pear="apple pear")
    query = {"query": "apple", "vector": axes(["apple apple apple pear"])[0], "limit": 2}
    close = keys(eve.documents.search(**query, vector_weight=1.0))
    assert all(key.startswith("apple") for key in close)
    chosen = keys(eve.documents.search(**query, diversity=0.6))
    assert len(chosen) == 2
    assert chosen[0].startswith("apple")
    assert chosen[1] == "pear"


def test_a_diverse_choice_is_paged_filtered_and_exact(eve):
    put(eve, a="apple", b="apple x", c="apple pear", d="apple car", e="apple bus", f="car")
    query = {"vector": axes(["apple apple pear"])[0], "diversity": 0.5}
    whole = keys(eve.documents.search(**query, limit=5))
    assert len(whole) == len(set(whole)) == 5
    assert keys(eve.documents.search(**query, limit=2, offset=2)) == whole[2:4]
    narrowed = eve.documents.search(**query, where={"value.t": {"$in": ["apple", "apple bus"]}})
    assert sorted(keys(narrowed)) == ["a", "e"]
    assert keys(eve.documents.search(vector=axes(["bus"])[0], diversity=1.0, limit=1)) == ["e"]


def test_a_diverse_choice_of_nothing_is_nothing(eve):
    for options in ({"query": "apple"}, {"vector": [1.0] * 4}, {"query": "apple", "offset": 5}):
        found = eve.documents.search(**options, diversity=0.5)
        assert (list(found), found.degraded) == ([], False)


def test_a_diverse_choice_is_made_among_as_many_as_are_asked_for(eve):
    put(eve, **{f"apple {number}": f"apple apple apple {'x' * number}" for number in range(1, 6)}, pear="pear apple")
    query = {"vector": axes(["apple apple apple pear"])[0], "diversity": 0.6, "limit": 2}
    assert "pear" in keys(eve.documents.search(**query, candidates=6))
    assert "pear" not in keys(eve.documents.search(**query, candidates=3))


# --- degrading --------------------------------------------------------------------------------------------------------


def broken(team: TeamMemory) -> TeamMemory:
    """A store whose index was taken away under its feet."""
    index = team._engine.store.index
    assert index is not None
    index.close()
    return team


def test_a_search_that_cannot_run_raises_unless_it_was_told_otherwise(team):
    ana = team.agent("ana")
    put(ana, k="alphaword one", j="alphaword two")
    broken(team)
    search = ana.documents.search
    with pytest.raises(IndexUnavailable):
        search("alphaword")
    with pytest.raises(IndexUnavailable):
        search(vector=small_embedder(["x"])[0])
    for diversity in (None, 0.5):
        found = search("alphaword", degrade="text", diversity=diversity)
        assert (sorted(keys(found)), found.degraded) == (["j", "k"], True)
        assert "IndexUnavailable" in str(found.reason)
        assert math.isnan(found[0].similarity)
        assert keys(search("alphaword", degrade="text", diversity=diversity, where={"value.t": "alphaword one"})) == [
            "k"
        ]
        assert len(search("alphaword", degrade="text", diversity=diversity, limit=1, offset=1)) == 1
        empty = search("alphaword", degrade="empty", diversity=diversity)
        assert (list(empty), empty.degraded) == ([], True)
    nothing = search(vector=small_embedder(["x"])[0], degrade="text")
    assert (list(nothing), nothing.degraded) == ([], True), "a vector has no words to fall back on"


def test_a_model_that_fails_refuses_the_write_and_degrades_the_search():
    failing = False

    def model(texts: Any) -> list[list[float]]:
        if failing:
            raise OSError
        return small_embedder(texts)

    with opened(embedder=model, degrade="text") as team:
        ana = team.agent("ana")
        put(ana, k="alphaword")
        failing = True
        with pytest.raises(EmbeddingFailed):
            ana.documents.put(HOME, "new", "betaword", index=True)
        with pytest.raises(EmbeddingFailed):
            ana.documents.put_many([NewDocument(key="plain"), NewDocument(key="k", value="betaword", index=True)])
        assert keys(ana.documents.list()) == ["k"]
        assert of(ana, "k").value == {"t": "alphaword"}
        found = ana.documents.search("alphaword")
        assert (keys(found), found.degraded) == (["k"], True)
        assert ana.documents.search(vector=small_embedder(["x"])[0])[0].document.key == "k"
        assert ana.documents.put(HOME, "plain", 1).version == 1


def test_a_range_that_fits_too_much_says_so(team, monkeypatch):
    from transactive.paths import recall

    ana = team.agent("ana")
    ana.documents.put_many([NewDocument(key=str(n), value={"n": n}, text="alphaword") for n in range(30)])
    monkeypatch.setattr(recall, "MOST_IDS", 20)
    assert len(ana.documents.search("alphaword", where={"value.n": {"$lt": 20}}, limit=30)) == 20
    with pytest.raises(FilterTooBroad):
        ana.documents.search("alphaword", where={"value.n": {"$lt": 25}})


def test_weights_of_age_and_importance_apply_to_documents_too(team, clock):
    team.namespaces.configure(HOME, Policy(recency_weight=1.0, half_life="1h", renew_on_access=False))
    ana = team.agent("ana")
    put(ana, old="alphaword")
    clock.advance(timedelta(hours=10))
    put(ana, new="alphaword alphaword betaword")
    assert keys(ana.documents.search("alphaword")) == ["new", "old"]
