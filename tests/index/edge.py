"""How these tests open an embedded index."""

from pathlib import Path

from transactive.index.edge import EdgeIndex
from transactive.index.protocol import Declared


def open_edge(folder: Path, declared: Declared | None = None, *, dimensions: int = 64) -> EdgeIndex:
    """The index of a folder, created and published when there is none."""
    signature = {"dimensions": dimensions}
    index = EdgeIndex.open(folder, signature, declared or {})
    if index is None:
        index = EdgeIndex.create(folder, signature, declared or {})
        index.publish()
    return index
