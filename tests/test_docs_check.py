"""The docs check finds what it is there to find."""

from pathlib import Path

import pytest

from docs.check import check


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("[docs](docs/README.md#the-index)\n")
    (tmp_path / "docs" / "README.md").write_text("# The index\n\n[a page](page.md)\n")
    (tmp_path / "docs" / "page.md").write_text("# A page\n\n[up](README.md) [out](https://example.org) `[no](link)`\n")
    return tmp_path


def test_sound_docs_have_no_faults(project: Path) -> None:
    assert list(check(project)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[gone](gone.md)", "links to gone.md, which is not there"),
        ("[gone]: gone.md", "links to gone.md, which is not there"),
        ("[a](README.md#nowhere)", "links to #nowhere, which README.md does not have"),
        ("see /home/me/notes", "names the local path /home/me/notes"),
        ("```py\nx\n```", "has a block marked 'py': only 'python' is run"),
    ],
)
def test_a_fault_is_named(project: Path, text: str, fault: str) -> None:
    (project / "docs" / "page.md").write_text(f"# A page\n\n{text}\n")
    assert list(check(project)) == [f"docs/page.md: {fault}"]


def test_a_page_outside_the_index_is_named(project: Path) -> None:
    (project / "docs" / "decisions").mkdir()
    (project / "docs" / "decisions" / "0001-a-choice.md").write_text("# A choice\n")
    assert list(check(project)) == ["docs/decisions/0001-a-choice.md: is not linked from docs/README.md"]
