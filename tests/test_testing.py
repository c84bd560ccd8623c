"""The fakes never vary, the shipped suite finds what it is there to find, and neither needs what it does not use."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from transactive.embedding import Embedder
from transactive.errors import InvalidInput
from transactive.testing import Clock, HashEmbedder, sample_points


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


# --- the clock --------------------------------------------------------------------------------------------------------


def test_a_clock_stands_still() -> None:
    clock = Clock(datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert clock() == clock() == clock.now == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert clock().tzinfo is UTC


def test_a_clock_is_moved_by_a_timedelta_or_a_text() -> None:
    clock = Clock()
    start = clock()
    assert clock.advance("24h") == clock() == start + timedelta(hours=24)
    assert clock.advance(timedelta(seconds=-1)) == clock() == start + timedelta(hours=24, seconds=-1)
    with pytest.raises(InvalidInput):
        clock.advance("soon")


def test_a_clock_may_take_a_step_with_each_reading() -> None:
    clock = Clock(step="1s")
    assert [(clock() - Clock().now).total_seconds() for _ in range(3)] == [0, 1, 2]


# --- the embedder -----------------------------------------------------------------------------------------------------


def test_texts_that_share_words_are_near_each_other() -> None:
    model = HashEmbedder()
    query = model.embed_query("late invoice")
    near, nearer, far = (float(v @ query) for v in model.embed_documents(["an invoice", "Invoice: late!", "red fox"]))
    assert nearer == pytest.approx(1)
    assert nearer > near > far
    assert abs(far) < 0.4


@pytest.mark.parametrize("dimensions", [1, 7, 64, 300])
def test_an_embedder_keeps_the_protocol(dimensions: int) -> None:
    model = HashEmbedder(dimensions)
    assert isinstance(model, Embedder)
    assert model.name == f"hash-{dimensions}"
    vectors = model.embed_documents(["one", "…", "東京 one"])
    assert vectors.shape == (3, dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1)[:2] == pytest.approx([1, 0])
    assert (vectors[0] == model.embed_query("ONE")).all()
    assert model.embed_documents([]).shape == (0, dimensions)


def test_a_vector_is_the_same_for_ever() -> None:
    assert (HashEmbedder(8).embed_query("invoice") * 8**0.5).round().tolist() == INVOICE
    assert HashEmbedder(8).embed_query("invoice").tolist() == HashEmbedder(8).embed_query(" Invoice ").tolist()


INVOICE = [1, 1, -1, -1, 1, -1, 1, 1]


# --- the points -------------------------------------------------------------------------------------------------------


def test_sample_points_have_the_same_beginning_whatever_their_number() -> None:
    few, more = sample_points(5), sample_points(30)
    assert [p.uid for p in few] == [p.uid for p in more[:5]]
    assert [p.fields for p in few] == [p.fields for p in more[:5]]
    assert all((a.window_dense == b.window_dense).all() for a, b in zip(few, more[:5], strict=True))
    assert len({p.uid for p in more}) == 30
    assert sample_points(0) == []
    assert sample_points(3, embedder=HashEmbedder(16))[2].dense.shape == (16,)


# --- the suite --------------------------------------------------------------------------------------------------------


def test_the_fakes_need_no_pytest() -> None:
    program = "import sys, transactive.testing as t; t.Clock(); t.sample_points(2); assert 'pytest' not in sys.modules"
    assert run(program).stderr == ""


def test_without_pytest_a_suite_says_what_to_install() -> None:
    program = "import sys; sys.modules['pytest'] = None; from transactive.testing import IndexSuite"
    assert 'IndexSuite needs an optional dependency: pip install "transactive[dev]"' in run(program).stderr


def test_what_is_not_there_is_an_attribute_error() -> None:
    from transactive import testing

    with pytest.raises(AttributeError, match="has no attribute 'LedgerSuite'"):
        _ = testing.LedgerSuite


FAULTY = """
from dataclasses import replace
from transactive.filters import ALL
from transactive.index.memory import MemoryIndex
from transactive.testing import IndexSuite


class Good(MemoryIndex):
    pass


class WithoutCorpus(MemoryIndex):
    def candidates(self, search):
        return super().candidates(replace(search, corpus=ALL))


class FiltersTooLate(MemoryIndex):
    def candidates(self, search):
        keys = {key for one in super().candidates(replace(search, depth=1000)) for key in one.keys}
        found = super().candidates(replace(search, where=ALL))
        return [type(one)(one.channel, [k for k in one.keys if k in keys],
                one.scores[[k in keys for k in one.keys]]) for one in found]


class KeepsTheOld(MemoryIndex):
    def upsert(self, points):
        super().upsert([point for point in points if point.uid not in self._points])


class NeverDeletes(MemoryIndex):
    def delete(self, uids):
        pass


class MixesChannels(MemoryIndex):
    def candidates(self, search):
        lists = super().candidates(search)
        return [lists[0], lists[0], lists[2], lists[2], *lists[4:]]


class NeighboursFilteredTooLate(MemoryIndex):
    def nearest(self, vectors, where, limit):
        fit = {point.uid for point in self._matching(where)}
        return [[one for one in near if one[0] in fit] for near in super().nearest(vectors, ALL, limit)]


class NeighboursByTheWindow(MemoryIndex):
    def nearest(self, vectors, where, limit):
        windows = MemoryIndex()
        windows.upsert([replace(point, dense=point.window_dense) for point in self._points.values()])
        return windows.nearest(vectors, where, limit)


class NeighboursOfTheFirst(MemoryIndex):
    def nearest(self, vectors, where, limit):
        return super().nearest(list(vectors[:1]) * len(vectors), where, limit)


class KeepsTheFlag(MemoryIndex):
    def upsert(self, points):
        kept = {point.uid: self._points.get(point.uid, point).fields.superseded for point in points}
        super().upsert([replace(p, fields=replace(p.fields, superseded=kept[p.uid])) for p in points])


KINDS = (Good, WithoutCorpus, FiltersTooLate, KeepsTheOld, NeverDeletes, MixesChannels, NeighboursFilteredTooLate,
         NeighboursByTheWindow, NeighboursOfTheFirst, KeepsTheFlag)
for kind in KINDS:
    globals()["Test" + kind.__name__] = type(
        "Test" + kind.__name__, (IndexSuite,), {"make_index": lambda self, folder, declared, kind=kind: kind()})
"""
FOUND_BY = {
    "WithoutCorpus": "test_the_corpus_decides_what_is_rare",
    "FiltersTooLate": "test_the_filter_applies_before_the_depth",
    "KeepsTheOld": "test_an_upsert_replaces_the_whole_point",
    "NeverDeletes": "test_a_deleted_point_is_gone_from_the_next_call",
    "MixesChannels": "test_each_channel_looks_at_its_own_vector",
    "NeighboursFilteredTooLate": "test_neighbours_are_filtered_before_the_limit",
    "NeighboursByTheWindow": "test_the_nearest_points_come_closest_first_with_their_cosines",
    "NeighboursOfTheFirst": "test_of_many_vectors_each_has_its_neighbours",
    "KeepsTheFlag": "test_a_point_that_was_superseded_can_be_left_out",
}


def test_the_suite_finds_a_faulty_index(tmp_path: Path) -> None:
    (tmp_path / "test_faulty.py").write_text(FAULTY)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_faulty.py"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    failed = [line for line in said.splitlines() if line.startswith("FAILED")]
    assert failed, said
    for index, test in FOUND_BY.items():
        assert any(f"::Test{index}::{test}" in line for line in failed), index
    assert not [line for line in failed if "::TestGood::" in line]
    assert "assert" in said  # what was compared is shown, though the assertion is in an installed module
    assert "where" in said
