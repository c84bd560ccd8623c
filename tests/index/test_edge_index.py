"""The embedded index passes the suite that any index has to pass."""

from pathlib import Path

from tests.index.edge import open_edge
from transactive.index.edge import EdgeIndex
from transactive.index.protocol import Declared
from transactive.testing import PersistentIndexSuite


class TestEdgeIndex(PersistentIndexSuite):
    def make_index(self, folder: Path, declared: Declared) -> EdgeIndex:
        return open_edge(folder, declared, dimensions=self.dimensions)
