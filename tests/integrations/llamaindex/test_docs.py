"""The page of the documentation runs from top to bottom."""

from pathlib import Path

import pytest

pytest.importorskip("llama_index.core")
pytest.importorskip("sybil")

from tests.test_documentation import ROOT, run_page


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(ROOT / "docs" / "integrations" / "llamaindex.md")
