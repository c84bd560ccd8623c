"""What a new part proves itself with, and what a test of your own may want: shipped suites, and fakes that never vary.

    from transactive.testing import IndexSuite

    class TestMyIndex(IndexSuite):
        def make_index(self, folder, declared):
            return MyIndex(folder, self.dimensions, declared)

`Clock`, `HashEmbedder` and `sample_points` need nothing but the library itself; the suites need pytest.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from transactive.errors import MissingExtra
from transactive.testing.clock import Clock
from transactive.testing.embedder import HashEmbedder
from transactive.testing.points import sample_points

if TYPE_CHECKING:
    from transactive.testing.index import IndexSuite, PersistentIndexSuite

__all__ = ["Clock", "HashEmbedder", "IndexSuite", "PersistentIndexSuite", "sample_points"]

_SUITES = {"IndexSuite": "transactive.testing.index", "PersistentIndexSuite": "transactive.testing.index"}


def __getattr__(name: str) -> Any:
    """A suite, loaded when it is first asked for, so that the fakes need no pytest."""
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _SUITES[name]
    try:
        import pytest
    except ImportError:
        raise MissingExtra(name, "dev") from None
    if module not in sys.modules:
        pytest.register_assert_rewrite(module)  # a failing assertion then shows what it compared
    __import__(module)
    return getattr(sys.modules[module], name)
