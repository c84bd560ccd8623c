"""A lost or damaged index is repaired when the store is opened; never does it answer that nothing is there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from transactive import TeamMemory
from transactive.testing import Clock, HashEmbedder


def files(index: Path, name: str) -> list[Path]:
    found = sorted(path for path in index.rglob(name) if path.is_file())
    assert found, f"no {name} in {index}"
    return found


def remove(name: str) -> Callable[[Path], object]:
    return lambda index: list(map(Path.unlink, files(index, name)))


def overwrite(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda index: [path.write_bytes(content) for path in files(index, name)]


def remove_folders(name: str) -> Callable[[Path], object]:
    return lambda index: list(map(shutil.rmtree, sorted(index.rglob(name))))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "the whole folder is gone": shutil.rmtree,
    "the pointer is gone": remove("CURRENT"),
    "the pointer is empty": overwrite("CURRENT", b""),
    "the pointer names what is not there": overwrite("CURRENT", b'{"generation": "g-000099", "signature": {}}'),
    "the generation is gone": remove_folders("g-*"),
    "the segments are gone": remove_folders("segments"),
    "one segment's description is gone": remove("segment.json"),
    "the shard's settings are gone": remove("edge_config.json"),
    "the shard's settings are garbage": overwrite("edge_config.json", b"{"),
    "the ids are gone": remove("mutable_id_tracker.mappings"),
    "the ids are cut off": overwrite("mutable_id_tracker.mappings", b"\x00\x01"),
    "the payloads are gone": remove_folders("payload_storage"),
    "the vectors are gone": remove_folders("vector_storage-dense"),
    "the terms are gone": remove_folders("vector_storage-terms"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_repaired_from_the_ledger(tmp_path: Path, damage: str) -> None:
    def opened() -> TeamMemory:
        return TeamMemory.open(
            tmp_path, embedder=HashEmbedder(), background=False, progress=False, clock=Clock(step="1s")
        )

    with opened() as team:
        written = [team.remember(f"Invoice INV-{n} is paid.", tags=[f"t{n % 2}"]).id for n in range(6)]
        expected = [(hit.memory.id, round(hit.score, 6)) for hit in team.recall("invoice INV-3 paid")]
    assert {id for id, _ in expected} == set(written)
    DAMAGES[damage](tmp_path / "index")
    with opened() as team:
        assert [(hit.memory.id, round(hit.score, 6)) for hit in team.recall("invoice INV-3 paid")] == expected
        assert team.recall("INV-3", where={"tags": "t1"})[0].memory.id == written[3]
        assert {hit.memory.id for hit in team.recall("paid", where={"tags": "t0"})} == set(written[::2])
    with opened() as team:  # and the repair lasts
        assert len(team.recall("invoice")) == 6
