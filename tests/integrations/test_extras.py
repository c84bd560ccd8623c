"""Each extra alone: its adapters import, and those of the others say what is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXTRAS = {  # the extra, the package that it brings, and the adapter's
    "langgraph": ("langgraph.graph", "langgraph"),
    "langchain": ("langchain.agents", "langchain"),
    "crewai": ("crewai", "crewai"),
    "autogen": ("autogen_agentchat", "autogen"),
    "llama-index": ("llama_index.core", "llamaindex"),
}
EXTRA = os.environ.get("TRANSACTIVE_TEST_EXTRA", "")
"""Which environment this is: one extra, `all`, or none."""


def brought(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def offered(module: ModuleType, name: str) -> bool:
    """Whether a name is there, documented, or says which further package it stands on."""
    try:
        return bool(getattr(module, name).__doc__)
    except ImportError as error:
        return "pip install" in str(error)


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_adapter_imports_or_says_which_extra_is_missing(extra):
    package, adapter = EXTRAS[extra]
    if EXTRA in {extra, "all"}:
        assert brought(package)
    if brought(package):
        module = importlib.import_module(f"transactive_integrations.{adapter}")
        assert all(offered(module, name) for name in module.__all__)
    else:
        with pytest.raises(ImportError, match=rf"transactive\[{extra}\]"):
            importlib.import_module(f"transactive_integrations.{adapter}")


def test_what_is_not_used_costs_nothing():
    """Neither the core nor the package of adapters imports a framework."""
    code = (
        "import sys, transactive, transactive_integrations; from transactive import TeamMemory; "
        "TeamMemory.open(':memory:', background=False).close(); "
        "print({n.partition('.')[0] for n in sys.modules} "
        "& {'langgraph', 'langchain', 'langchain_core', 'crewai', 'autogen_core', 'llama_index', 'pydantic'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "set()"


def test_an_adapter_is_thin_and_uses_public_names_only():
    root = Path(importlib.import_module("transactive_integrations").__path__[0])
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 300, path
        assert "._engine" not in text, path
        assert "._identity" not in text, path
