"""The conformance suite of an index: subclass it, say how yours is made, and its tests run.

    class TestMyIndex(IndexSuite):
        def make_index(self, folder, declared):
            return MyIndex(folder, self.dimensions, declared)

What an index may decide for itself the suite does not ask for: the order among equal scores, the scale of the sparse
ones, and whether points that are deleted still count as documents of a search without a corpus.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transactive.embedding.terms import Sparse
from transactive.errors import IndexUnavailable
from transactive.filters import ALL, NONE, Not, equals, parse
from transactive.index.protocol import Index, Search
from transactive.testing.filtering import Filtering
from transactive.testing.points import point, sample_points, sparse_query, uid_of
from transactive.testing.suite import (
    CHANNELS,
    DECLARED,
    EMBEDDER,
    Suite,
    all_uids,
    ask,
    everything,
    found,
    search,
    terms_scores,
)

_NO_TERMS = Sparse(np.zeros(0, np.uint32), np.zeros(0, np.float32))


class Writing(Suite):
    """Upsert, delete, clear, flush, close."""

    def test_a_new_index_is_empty(self, index: Index) -> None:
        """No candidates, in as many lists as ever, and nothing to count."""
        lists = ask(index, search("invoice", "INV-5000"))
        assert [one.uids for one in lists] == [[], [], [], [], []]
        assert [one.scores.shape for one in lists] == [(0,)] * 5
        assert (index.count(), index.facets("agent"), index.unindexed()) == (0, {}, 0)
        assert index.vectors([uid_of("absent")]) == {}
        assert index.nearest([EMBEDDER.embed_query("invoice")], ALL, 4) == [[]]

    def test_an_upsert_is_seen_by_the_next_call(self, index: Index) -> None:
        """Without a flush."""
        index.upsert([point("The invoice was disputed.")])
        assert index.count() == 1
        assert found(index, "invoice") == {name: [uid_of("The invoice was disputed.")] for name in CHANNELS}

    def test_an_upsert_may_be_repeated(self, index: Index) -> None:
        """The same points twice leave what once leaves."""
        index.upsert(sample_points(12))
        before = everything(index)
        index.upsert(sample_points(12))
        assert everything(index) == before

    def test_an_upsert_replaces_the_whole_point(self, index: Index) -> None:
        """Nothing of the former text, vectors and fields can be found."""
        index.upsert([point("old words", name="m", user="ann", tags=("a", "b"), metadata={"x": 1})])
        new = point("new text", name="m", agent="billing")
        index.upsert([new])
        assert index.count() == 1
        assert found(index, "old words")["terms"] == []
        assert found(index, "new text")["terms"] == [uid_of("m")]
        assert index.vectors([uid_of("m")])[uid_of("m")] == pytest.approx(new.dense, abs=1e-6)
        former: list[Mapping[str, Any]] = [{"user": "ann"}, {"tags": "a"}, {"metadata.x": 1}, {"agent": "triage"}]
        assert [index.count(parse(where)) for where in former] == [0, 0, 0, 0]
        [[(uid, cosine)]] = index.nearest([new.dense], ALL, 5)
        assert (uid, round(cosine, 4)) == (uid_of("m"), 1.0)
        assert (index.count(parse({"tags": {"$exists": True}})), index.facets("agent")) == (0, {"billing": 1})

    def test_of_the_same_point_twice_in_one_call_the_last_stays(self, index: Index) -> None:
        """A batch is applied in its order."""
        index.upsert([point("first", name="m", agent="one"), point("second", name="m", agent="two")])
        assert index.facets("agent") == {"two": 1}

    def test_a_deleted_point_is_gone_from_the_next_call(self, index: Index) -> None:
        """From every channel, count, facet and vector."""
        some = sample_points(6)
        index.upsert(some)
        index.delete([some[0].uid, some[1].uid])
        assert all_uids(index) == {p.uid for p in some[2:]}
        assert index.count() == 4
        assert index.vectors([some[0].uid]) == {}
        assert some[0].uid not in found(index, "The customer disputes invoice INV-5000")["terms"]
        assert some[0].uid not in {uid for uid, _ in index.nearest([some[0].dense], ALL, 6)[0]}

    def test_a_delete_may_be_repeated(self, index: Index) -> None:
        """What is absent is ignored, and what is named beside it goes."""
        some = sample_points(3)
        index.upsert(some)
        for _ in range(2):
            index.delete([uid_of("absent"), some[0].uid])
            assert all_uids(index) == {some[1].uid, some[2].uid}

    def test_a_deleted_point_may_come_back(self, index: Index) -> None:
        """As if it had never been away."""
        index.upsert(sample_points(4))
        before = everything(index)
        index.delete([sample_points(1)[0].uid])
        index.upsert(sample_points(1))
        assert everything(index) == before

    def test_nothing_may_be_upserted_deleted_and_looked_up(self, index: Index) -> None:
        """Empty lists are no error."""
        index.upsert([])
        index.delete([])
        assert index.vectors([]) == {}
        assert index.nearest([], ALL, 4) == []
        assert index.count() == 0

    def test_clear_leaves_an_empty_index_that_works(self, index: Index) -> None:
        """Also when it was empty."""
        index.clear()
        index.upsert(sample_points(5))
        index.clear()
        assert (index.count(), index.unindexed(), all_uids(index)) == (0, 0, set())
        index.upsert(sample_points(2))
        assert all_uids(index) == {p.uid for p in sample_points(2)}

    def test_a_flush_changes_no_answer(self, index: Index) -> None:
        """Neither does the next one."""
        index.flush()
        index.upsert(sample_points(12))
        before = everything(index)
        index.flush()
        index.flush()
        assert everything(index) == before

    def test_close_may_be_repeated(self, index: Index) -> None:
        """A second close does nothing."""
        index.upsert(sample_points(2))
        index.close()
        index.close()


class Finding(Suite):
    """Candidates and vectors."""

    def test_every_channel_answers_in_one_call_in_a_fixed_order(self, index: Index) -> None:
        """The four channels, then one list for each identifier, in the order asked."""
        some = sample_points(20)
        index.upsert(some)
        lists = ask(index, search("invoice", "INV-5003", "INV-9999", "INV-5001"))
        assert [one.channel for one in lists] == [*CHANNELS, "identifiers", "identifiers", "identifiers"]
        assert [one.uids for one in lists[4:]] == [[some[3].uid], [], [some[1].uid]]

    def test_each_list_is_parallel_and_best_first(self, index: Index) -> None:
        """As many scores as ids, none twice, none NaN, descending."""
        index.upsert(sample_points(30))
        for _, uids, scores in ask(index, search("The customer wants a refund for invoice INV-5002", "INV-5002")):
            assert len(uids) == len(scores) == len(set(uids)) > 0
            assert scores.dtype == np.float64
            assert np.isfinite(scores).all()
            assert (np.diff(scores) <= 0).all()

    def test_each_channel_looks_at_its_own_vector(self, index: Index) -> None:
        """Own words are found by all, a neighbour's words by the windows alone."""
        index.upsert([point("refund", around=["courier"]), point("unrelated")])
        own, neighbour = found(index, "refund"), found(index, "courier")
        assert {name: uids[:1] for name, uids in own.items()} == {name: [uid_of("refund")] for name in CHANNELS}
        assert neighbour["terms"] == []
        assert neighbour["window_terms"] == [uid_of("refund")]
        scores = {c.channel: dict(zip(c.uids, c.scores, strict=True)) for c in ask(index, search("courier"))}
        expected = point("refund", around=["courier"])
        query = EMBEDDER.embed_query("courier")
        assert scores["dense"][uid_of("refund")] == pytest.approx(float(expected.dense @ query), abs=1e-5)
        assert scores["window_dense"][uid_of("refund")] == pytest.approx(float(expected.window_dense @ query), abs=1e-5)

    def test_dense_scores_are_cosines_of_all_points(self, index: Index) -> None:
        """With the best first, and every point a candidate."""
        some = sample_points(15)
        index.upsert(some)
        query = EMBEDDER.embed_query("Acme lost invoice twice")
        dense = ask(index, search("Acme lost invoice twice"))[2]
        expected = {p.uid: float(p.dense @ query) for p in some}
        assert dict(zip(dense.uids, dense.scores, strict=True)) == pytest.approx(expected, abs=1e-5)

    def test_depth_bounds_every_list(self, index: Index) -> None:
        """And gives its beginning."""
        index.upsert(sample_points(20))
        text = "The customer disputes invoice INV-5000 after the outage."
        whole = ask(index, search(text, "INV-5000"))
        cut = ask(index, search(text, "INV-5000", depth=3))
        assert [len(one.uids) for one in cut] == [3, 3, 3, 3, 1]
        for short, long in zip(cut, whole, strict=True):
            assert short.scores == pytest.approx(long.scores[: len(short.uids)], abs=1e-6)

    def test_the_filter_applies_before_the_depth(self, index: Index) -> None:
        """Better candidates that are filtered out take no place."""
        better = [point("refund refund", name=f"better {n}", agent="other") for n in range(30)]
        wanted = [point(f"refund and {word}", name=f"wanted {n}", agent="mine") for n, word in enumerate("abc")]
        index.upsert([*better, *wanted])
        lists = ask(index, search("refund", "", where=equals("agent", "mine"), depth=5))
        assert [set(one.uids) for one in lists[:4]] == [{p.uid for p in wanted}] * 4

    def test_a_point_that_was_superseded_can_be_left_out(self, index: Index) -> None:
        """From candidates and neighbours, from the upsert on that says so, and be let in again by another."""
        old = point("refund within 30 days", name="old")
        stands = point("refund within 60 days")
        index.upsert([old, stands])
        standing = Not(equals("superseded", True))
        assert all_uids(index, standing) == {old.uid, stands.uid}
        index.upsert([point("refund within 30 days", name="old", superseded=True)])
        for name, uids in {c.channel: c.uids for c in ask(index, search("refund", where=standing))}.items():
            assert uids == [stands.uid], name
        assert [uid for uid, _ in index.nearest([old.dense], standing, 5)[0]] == [stands.uid]
        assert (index.count(standing), index.count(equals("superseded", True)), index.count()) == (1, 1, 2)
        index.upsert([old])
        assert all_uids(index, standing) == {old.uid, stands.uid}

    def test_the_nearest_points_come_closest_first_with_their_cosines(self, index: Index) -> None:
        """For each vector a list of its own, in the order asked, by the own text and not by the window."""
        some = sample_points(25)
        index.upsert(some)
        texts = ["Acme lost invoice twice", "the courier", "Billing has paid invoice INV-5001 in euros."]
        asked = [EMBEDDER.embed_query(text) for text in texts]
        for vector, near in zip(asked, index.nearest(asked, ALL, 7), strict=True):
            cosines = sorted((float(p.dense @ vector) for p in some), reverse=True)
            assert [cosine for _, cosine in near] == pytest.approx(cosines[:7], abs=1e-5)
            own = {p.uid: float(p.dense @ vector) for p in some}
            assert dict(near) == pytest.approx({uid: own[uid] for uid, _ in near}, abs=1e-5)
            assert len(dict(near)) == 7
        [(uid, cosine)] = index.nearest(asked, ALL, 1)[2]
        assert (uid, round(cosine, 4)) == (some[1].uid, 1.0)

    def test_of_many_vectors_each_has_its_neighbours(self, index: Index) -> None:
        """However many are asked for at once; twice the same gives twice the same."""
        some = sample_points(40)
        index.upsert(some)
        asked = [p.dense for p in some] * 2
        found = index.nearest(asked, ALL, 1)
        assert [near[0][1] for near in found] == pytest.approx([1.0] * 80, abs=1e-5)
        assert [near[0][0] for near in found] == [p.uid for p in some] * 2

    def test_fewer_neighbours_than_asked_for_are_all_there_are(self, index: Index) -> None:
        """And a limit that no store reaches is no error."""
        index.upsert(sample_points(3))
        assert len(index.nearest([EMBEDDER.embed_query("invoice")], ALL, 1000)[0]) == 3

    def test_neighbours_are_filtered_before_the_limit(self, index: Index) -> None:
        """Closer points that are filtered out take no place."""
        closer = [point("refund", name=f"closer {n}", namespace="theirs") for n in range(30)]
        wanted = [point(f"refund and {word}", name=f"wanted {word}", namespace="mine") for word in ("one", "two")]
        index.upsert([*closer, *wanted])
        query = EMBEDDER.embed_query("refund")
        near = index.nearest([query, query], equals("scopes", "mine"), 3)
        assert [{uid for uid, _ in one} for one in near] == [{p.uid for p in wanted}] * 2
        assert index.nearest([query], NONE, 3) == [[]]

    def test_a_zero_vector_is_near_to_nothing(self, index: Index) -> None:
        """A text without a known word has no neighbour closer than 0, and is an error to nobody."""
        index.upsert(sample_points(3))
        (near,) = index.nearest([np.zeros(EMBEDDER.dimensions, np.float32)], ALL, 2)
        assert [cosine for _, cosine in near] == pytest.approx([0.0] * len(near), abs=1e-6)

    def test_a_rarer_word_weighs_more(self, index: Index) -> None:
        """Inverse document frequency is counted over the points."""
        index.upsert([point("common rare"), point("common one"), point("common two"), point("rare three")])
        index.upsert([point(f"common filler{n}") for n in range(6)])
        scores = terms_scores(index, "common rare")
        assert scores[uid_of("common rare")] > scores[uid_of("rare three")] > scores[uid_of("common one")] > 0

    def test_the_corpus_decides_what_is_rare(self, index: Index) -> None:
        """A word that is common among all and rare in the corpus ranks first only with that corpus."""
        mine = [point("alpha", namespace="mine"), *(point(f"beta {n}x", namespace="mine") for n in range(5))]
        index.upsert([*mine, *(point(f"alpha {n}y", namespace="theirs") for n in range(40))])
        where = equals("scopes", "mine")
        with_corpus = terms_scores(index, "alpha beta", where=where, corpus=where)
        without = terms_scores(index, "alpha beta", where=where)
        assert max(with_corpus, key=lambda uid: with_corpus[uid]) == uid_of("alpha")
        assert max(without, key=lambda uid: without[uid]) != uid_of("alpha")

    def test_the_words_of_another_tenant_never_move_a_ranking(self, index: Index) -> None:
        """With a corpus, every score is the same whatever lies outside of it."""
        index.upsert([p for p in sample_points(30) if p.fields.namespace.startswith("acme/")])
        readable = equals("scopes", "acme/**")
        question = search("The customer disputes invoice twice", "INV-5003", where=readable, corpus=readable)
        before = [dict(zip(c.uids, c.scores, strict=True)) for c in ask(index, question)]
        index.upsert([point(f"customer disputes {n}z INV-5003", namespace="globex/sales") for n in range(50)])
        after = [dict(zip(c.uids, c.scores, strict=True)) for c in ask(index, question)]
        for old, new in zip(before, after, strict=True):
            assert new == pytest.approx(old, abs=1e-6)

    def test_an_unknown_word_finds_nothing_by_terms(self, index: Index) -> None:
        """And hinders no other channel."""
        index.upsert(sample_points(5))
        lists = ask(index, search("xylophone", "XY-1"))
        assert [len(one.uids) for one in lists] == [0, 0, 5, 5, 0]

    def test_an_empty_sparse_query_finds_nothing_by_terms(self, index: Index) -> None:
        """A question of stopwords alone is no error."""
        index.upsert(sample_points(5))
        lists = ask(index, Search(dense=EMBEDDER.embed_query("invoice"), terms=_NO_TERMS))
        assert [len(one.uids) for one in lists] == [0, 0, 5, 5]

    def test_a_zero_query_vector_is_no_error(self, index: Index) -> None:
        """A question without a known word still finds by its terms, and scores are numbers."""
        index.upsert(sample_points(5))
        lists = ask(
            index, Search(dense=np.zeros(EMBEDDER.dimensions, np.float32), terms=sparse_query("INV-5002 invoice"))
        )
        assert set(lists[0].uids) == {p.uid for p in sample_points(5)}
        for _, _, scores in lists:
            assert np.isfinite(scores).all()

    def test_a_point_without_a_known_word_is_kept(self, index: Index) -> None:
        """Zero vectors and empty sparse ones are stored, counted, filtered and scored 0."""
        silent = point("…", name="silent", agent="Zoë")
        assert not silent.dense.any()
        assert not len(silent.terms.indices)
        index.upsert([silent, *sample_points(3)])
        assert index.count(equals("agent", "Zoë")) == 2
        assert not index.vectors([silent.uid])[silent.uid].any()
        lists = ask(index, search("invoice", where=equals("id", silent.uid)))
        assert [one.uids for one in lists] == [[], [], [silent.uid], [silent.uid]]
        assert [one.scores.tolist() for one in lists[2:]] == [[0.0], [0.0]]

    def test_vectors_come_back_as_they_went_in(self, index: Index) -> None:
        """Of those points that are there."""
        some = sample_points(5)
        index.upsert(some)
        stored = index.vectors([some[3].uid, uid_of("absent"), some[1].uid])
        assert set(stored) == {some[1].uid, some[3].uid}
        assert stored[some[3].uid].dtype == np.float32
        assert stored[some[3].uid] == pytest.approx(some[3].dense, abs=1e-6)

    def test_unindexed_is_at_most_what_is_there(self, index: Index) -> None:
        """It counts points, not vectors."""
        index.upsert(sample_points(7))
        assert 0 <= index.unindexed() <= 7


class Counting(Suite):
    """Count and facets."""

    def test_facets_count_points_by_value(self, index: Index) -> None:
        """Most frequent first."""
        index.upsert(sample_points(9))
        assert list(index.facets("agent").items()) == [("triage", 3), ("Zoë", 2), ("billing", 2), ("billing/eu", 2)]
        assert index.facets("namespace") == {"acme/support": 3, "acme/support/triage": 3, "globex/support": 3}
        assert index.facets("kind") == {"decision": 3, "episodic": 3, "semantic": 3}
        assert index.facets("sensitivity") == {"confidential": 3, "internal": 3, "public": 3}

    def test_the_limit_keeps_the_most_frequent(self, index: Index) -> None:
        """Among equals the first by value."""
        agents = (("d", 1), ("b", 1), ("c", 1), ("e", 1), ("e", 2))
        index.upsert([point(f"{agent}{n}", agent=agent) for agent, n in agents])
        assert list(index.facets("agent", limit=3).items()) == [("e", 2), ("b", 1), ("c", 1)]

    def test_the_limit_keeps_the_first_of_equal_namespaces(self, index: Index) -> None:
        """As for any other field."""
        index.upsert([point(path, namespace=path) for path in ("d", "b", "e", "a", "c")])
        assert list(index.facets("namespace", limit=2).items()) == [("a", 1), ("b", 1)]

    def test_facets_and_count_keep_to_the_filter(self, index: Index) -> None:
        """Only points that fulfil it."""
        index.upsert(sample_points(9))
        where = parse({"tags": "urgent"})
        assert index.count(where) == 3
        assert sum(index.facets("agent", where).values()) == 3
        assert index.facets("agent", NONE) == {}

    def test_values_that_look_like_something_else_are_counted_as_they_are(self, index: Index) -> None:
        """Quotes, equals signs, question marks, unicode, and values too long for a keyword."""
        values = ('say "x"', "user=1", "tags?", "a=b", "東京", "true", "1", "#1", "long " + "x" * 195)
        index.upsert([point(f"n{n}", tags=(v,), user=v, agent=v) for n, v in enumerate(values)])
        assert index.facets("agent") == dict.fromkeys(values, 1)
        for value in values:
            assert index.count(parse({"tags": value})) == index.count(parse({"user": value})) == 1

    def test_metadata_crowds_no_facet_out(self, index: Index) -> None:
        """However many values the points have besides."""
        busy = {f"key {n}": n for n in range(60)}
        index.upsert([point(f"n{n}", agent=f"agent {n}", metadata={**busy, "own": n}) for n in range(8)])
        assert index.facets("agent") == {f"agent {n}": 1 for n in range(8)}


class IndexSuite(Writing, Finding, Counting, Filtering):
    """What any `transactive.index.protocol.Index` has to do. A subclass says how it is made."""


class PersistentIndexSuite(IndexSuite):
    """The same, for an index that outlives its process: `make_index` of the same folder opens what is there."""

    def test_a_reopened_index_gives_the_same_answers(self, tmp_path: Path) -> None:
        """What was written, replaced and deleted, with no flush but the one of `close`."""
        first = self.make_index(tmp_path / "index", DECLARED)
        some = sample_points(20)
        first.upsert(some)
        first.delete([some[0].uid])
        first.upsert([point("replaced by a later text", name="m"), point("the latest text", name="m", tags=("z",))])
        before = everything(first)
        first.close()
        again = self.make_index(tmp_path / "index", DECLARED)
        try:
            assert everything(again) == before
            assert again.count() == 20
        finally:
            again.close()

    def test_a_cleared_index_is_reopened_empty(self, tmp_path: Path) -> None:
        """And takes points."""
        first = self.make_index(tmp_path / "index", DECLARED)
        first.upsert(sample_points(5))
        first.flush()
        first.clear()
        first.close()
        again = self.make_index(tmp_path / "index", DECLARED)
        try:
            assert again.count() == 0
            again.upsert(sample_points(1))
            assert again.count() == 1
        finally:
            again.close()

    def test_a_closed_index_refuses_every_call(self, index: Index) -> None:
        """An empty answer would say that nothing is there."""
        index.upsert(sample_points(1))
        index.close()
        for call in (
            lambda: ask(index, search("invoice")),
            lambda: index.vectors([uid_of("absent")]),
            lambda: index.nearest([EMBEDDER.embed_query("invoice")], ALL, 4),
            index.count,
            lambda: index.facets("agent"),
            index.unindexed,
            lambda: index.upsert(sample_points(2)),
            lambda: index.delete([uid_of("absent")]),
            index.flush,
            index.clear,
        ):
            with pytest.raises(IndexUnavailable):
                call()
