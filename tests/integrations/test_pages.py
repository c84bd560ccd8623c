"""The pages about the frameworks run, each in the environment of its framework alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.test_documentation import ROOT, run_page

EXTRA = os.environ.get("TRANSACTIVE_TEST_EXTRA", "")
PAGES = [page for page in sorted((ROOT / "docs" / "integrations").glob("*.md")) if page.stem == EXTRA.replace("-", "")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_block_of_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page)


def test_every_extra_has_its_page() -> None:
    assert PAGES or EXTRA in {"", "all"}
