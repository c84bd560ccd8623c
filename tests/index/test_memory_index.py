"""The fake that other tests stand on is an index like any other."""

from pathlib import Path

from transactive.index.memory import MemoryIndex
from transactive.index.protocol import Declared
from transactive.testing import IndexSuite


class TestMemoryIndex(IndexSuite):
    def make_index(self, folder: Path, declared: Declared) -> MemoryIndex:
        return MemoryIndex()
