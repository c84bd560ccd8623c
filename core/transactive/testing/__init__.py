"""What a new part proves itself with, and what a test of your own may want: shipped suites, and fakes that never vary.

    from transactive.testing import IndexSuite

    class TestMyIndex(IndexSuite):
        def make_index(self, folder, declared):
            return MyIndex(folder, self.dimensions, declared)

`Clock`, `HashEmbedder` and `sample_points` need nothing but the library itself; the suites need pytest.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from transactive.errors import MissingExtra
from transactive.testing.clock import Clock
from transactive.testing.embedder import HashEmbedder
from transactive.testing.points import sample_points

if TYPE_CHECKING:
    from transactive.testing.index import IndexSuite, PersistentIndexSuite

__all__ = ["Clock", "HashEmbedder", "IndexSuite", "PersistentIndexSuite", "sample_points"]

_SUITES = {"IndexSuite": "index", "PersistentIndexSuite": "index"}
_ASSERTING = ("suite", "filtering", "index")


def __getattr__(name: str) -> Any:
    """A suite, loaded when it is first asked for, so that the fakes need no pytest."""
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import pytest
    except ImportError:
        raise MissingExtra(name, "dev") from None
    modules = [f"{__name__}.{module}" for module in _ASSERTING]
    pytest.register_assert_rewrite(
        *(module for module in modules if module not in sys.modules)
    )  # shows what it compared
    return getattr(import_module(f"{__name__}.{_SUITES[name]}"), name)
