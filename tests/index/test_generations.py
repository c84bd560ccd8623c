"""Folders of an index: one pointer, moved as a whole, and nothing deleted that somebody needs."""

import json
from pathlib import Path

import pytest

from transactive.index.edge import EdgeIndex
from transactive.index.generations import Generations, builder_lock, copy_generation
from transactive.index.lock import FileLock
from transactive.testing import sample_points

SIGNATURE = {"dimensions": 64, "model": "tëst"}


@pytest.fixture
def generations(tmp_path: Path) -> Generations:
    return Generations(tmp_path / "index")


def made(generations: Generations) -> Path:
    """A generation with a file in it."""
    folder = generations.fresh()
    folder.mkdir()
    (folder / "data").write_text(folder.name)
    return folder


def names(generations: Generations) -> set[str]:
    return {path.name for path in generations.folder.iterdir()}


# --- the pointer ------------------------------------------------------------------------------------------------------


def test_a_new_folder_has_no_current_generation(generations: Generations) -> None:
    assert generations.folder.is_dir()
    assert generations.current() is None
    assert names(generations) == set()


def test_the_current_generation_is_the_one_switched_to_last(generations: Generations) -> None:
    first, second = made(generations), made(generations)
    generations.switch(first, SIGNATURE)
    generations.switch(second, {**SIGNATURE, "model": "other"})
    assert generations.current() == (second, {"dimensions": 64, "model": "other"})
    assert Generations(generations.folder).current() == generations.current()


def test_a_switch_that_was_interrupted_leaves_the_old_generation(generations: Generations) -> None:
    first = made(generations)
    generations.switch(first, SIGNATURE)
    (generations.folder / "CURRENT.new").write_text('{"generation": "g-0000')  # killed while it wrote
    assert generations.current() == (first, SIGNATURE)
    second = made(generations)
    generations.switch(second, SIGNATURE)
    assert generations.current() == (second, SIGNATURE)
    assert not (generations.folder / "CURRENT.new").exists()


def test_a_reader_never_sees_half_a_pointer(generations: Generations) -> None:
    """The file is replaced, not written again: who has it open reads the old one to its end."""
    generations.switch(made(generations), SIGNATURE)
    before = (generations.folder / "CURRENT").read_text()
    with (generations.folder / "CURRENT").open() as file:
        generations.switch(made(generations), SIGNATURE)
        assert file.read() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"generation": "g-0000',
        "[]",
        "null",
        '"g-000001"',
        "{}",
        '{"generation": "g-000001"}',
        '{"generation": "g-000001", "signature": 7}',
        '{"generation": "g-000009", "signature": {}}',
        "\udcff\udcfe",
    ],
)
def test_a_damaged_pointer_is_no_pointer(generations: Generations, text: str) -> None:
    made(generations)
    (generations.folder / "CURRENT").write_bytes(text.encode(errors="surrogateescape"))
    assert generations.current() is None


def test_a_pointer_cannot_lead_out_of_the_folder(generations: Generations, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("../elsewhere", str(tmp_path / "elsewhere"), ".", ""):
        (generations.folder / "CURRENT").write_text(json.dumps({"generation": name, "signature": {}}))
        assert generations.current() is None, name


def test_a_fresh_generation_takes_no_name_that_is_in_use(generations: Generations) -> None:
    assert generations.fresh().name == "g-000001"
    assert generations.fresh().name == "g-000001"  # nothing was made
    made(generations)
    (generations.folder / "g-000007").mkdir()
    builder_lock(generations.folder / "g-000009").touch()  # a builder may still be on its way out
    (generations.folder / "g-other").mkdir()
    assert generations.fresh().name == "g-000010"


# --- the sweep --------------------------------------------------------------------------------------------------------


def test_a_sweep_keeps_what_it_is_told_and_what_is_not_its_own(generations: Generations) -> None:
    one, two, three = made(generations), made(generations), made(generations)
    generations.switch(two, SIGNATURE)
    (generations.folder / "g-notes").mkdir()
    (generations.folder / "owner.lock").touch()
    generations.sweep([two.name, three.name])
    assert not one.exists()
    assert (two / "data").read_text() == two.name
    assert names(generations) == {"CURRENT", two.name, three.name, "g-notes", "owner.lock"}


def test_a_sweep_spares_what_a_builder_holds(generations: Generations) -> None:
    held, left = made(generations), made(generations)
    lock = FileLock(builder_lock(held))
    assert lock.acquire()
    builder_lock(left).touch()  # its builder was killed
    generations.sweep([])
    assert (held / "data").read_text() == held.name
    assert names(generations) == {held.name, builder_lock(held).name}
    lock.release()
    generations.sweep([])
    assert names(generations) == set()


def test_a_copy_is_whole_and_its_own(generations: Generations) -> None:
    source = made(generations)
    (source / "segments").mkdir()
    (source / "segments" / "0").write_bytes(bytes(range(256)) * 5000)
    target = generations.fresh()
    copy_generation(source, target)
    assert (target / "segments" / "0").read_bytes() == bytes(range(256)) * 5000
    (target / "data").write_text("changed")
    assert (source / "data").read_text() == source.name


# --- an index on top --------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a published index with ten points."""
    index = EdgeIndex.create(tmp_path / "index", SIGNATURE, {})
    index.upsert(sample_points(10))
    index.publish()
    index.close()
    return tmp_path / "index"


def reopened(folder: Path, **changed: object) -> int | None:
    """How many points the index has that `open` gives, or None when it gives none."""
    index = EdgeIndex.open(folder, {**SIGNATURE, **changed}, {})
    if index is None:
        return None
    count = index.count()
    index.close()
    return count


def test_an_index_is_opened_with_the_signature_it_was_made_with(folder: Path) -> None:
    assert reopened(folder) == 10
    assert reopened(folder, model="other") is None
    assert reopened(folder, more=True) is None
    assert reopened(folder) == 10


def test_an_absent_index_is_none(tmp_path: Path) -> None:
    assert reopened(tmp_path / "nowhere") is None


def test_an_index_that_was_not_published_is_none(tmp_path: Path) -> None:
    index = EdgeIndex.create(tmp_path / "index", SIGNATURE, {})
    index.upsert(sample_points(3))
    index.close()
    assert reopened(tmp_path / "index") is None
    assert {path.name for path in (tmp_path / "index").iterdir()} == set()  # swept: nobody will use it


def test_an_unfinished_generation_is_kept_for_who_goes_on_with_it(folder: Path) -> None:
    rebuild = EdgeIndex.create(folder, SIGNATURE, {})
    rebuild.upsert(sample_points(4))
    rebuild.close()
    index = EdgeIndex.open(folder, SIGNATURE, {}, unfinished=rebuild.generation)
    assert index is not None
    assert index.count() == 10
    resumed = EdgeIndex.resume(folder, rebuild.generation, SIGNATURE, {})
    assert resumed is not None
    assert resumed.count() == 4
    index.close()
    resumed.upsert(sample_points(5))
    resumed.publish()
    resumed.close()
    assert reopened(folder) == 5
    assert {path.name for path in folder.iterdir()} == {"CURRENT", rebuild.generation}


def test_what_cannot_be_resumed_is_none(folder: Path) -> None:
    assert EdgeIndex.resume(folder, "g-000042", SIGNATURE, {}) is None


def test_a_cleared_index_leaves_no_word_of_what_it_held_on_disk(folder: Path) -> None:
    assert any(b"triage" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not any(b"cust_42" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    index = EdgeIndex.open(folder, SIGNATURE, {})
    assert index is not None
    index.clear()
    index.close()
    assert reopened(folder) == 0
    holding = [path for path in folder.rglob("*") if path.is_file() and b"triage" in path.read_bytes()]
    assert holding == []
