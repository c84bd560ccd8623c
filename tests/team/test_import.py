"""`import transactive` costs next to nothing: what is heavy is loaded when a store is opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import transactive

HEAVY = {
    "asyncio",
    "autogen_agentchat",
    "autogen_core",
    "concurrent.futures.thread",
    "crewai",
    "fastembed",
    "hypothesis",
    "importlib.metadata",
    "langchain",
    "langchain_core",
    "langgraph",
    "llama_index",
    "numpy",
    "onnxruntime",
    "psycopg",
    "pydantic",
    "pytest",
    "qdrant_client",
    "qdrant_edge",
    "rich",
    "sqlalchemy",
    "sqlite3",
    "tokenizers",
}


def loaded_by(code: str) -> set[str]:
    """The modules in a fresh process after this code."""
    path = [str(Path(transactive.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, json\n{code}\nprint(json.dumps(list(sys.modules)))"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import transactive",
        "from transactive import *",
        "import transactive.errors, transactive.records, transactive.filters, transactive.policies",
    ],
)
def test_the_import_loads_nothing_heavy(code):
    before = loaded_by("pass")
    modules = loaded_by(code)
    assert "transactive.team" in modules
    assert not (modules - before) & HEAVY
    assert not [name for name in modules - before if name.startswith(("transactive.ledger", "transactive.paths"))]


def test_an_open_store_loads_no_framework_and_no_server_client():
    store = "transactive.TeamMemory.open(':memory:', background=False)"
    modules = loaded_by(f"import transactive\nwith {store} as t: t.agent('a').remember('x'); t.recall('x')")
    assert {"sqlalchemy", "numpy", "qdrant_edge"} <= modules
    unwanted = {"fastembed", "qdrant_client", "psycopg", "pydantic", "langchain_core", "rich", "pytest"}
    assert not modules & unwanted


def test_the_public_names_are_few_and_there():
    assert len(transactive.__all__) <= 20
    assert sorted(transactive.__all__) == list(transactive.__all__)
    for name in transactive.__all__:
        assert hasattr(transactive, name)
    assert (Path(transactive.__file__).parent / "py.typed").is_file()
