"""Every Python block of the README and the docs runs.

A page is one test: its blocks share a namespace and run in order, in an empty folder, and may `await` at top level.
A block is left out by `<!-- skip: next -->` before it, or, where it needs a framework that is not installed here, by
`<!-- skip: next if(missing("crewai"), reason="needs CrewAI") -->`.
"""

import ast
import asyncio
import inspect
from collections.abc import Awaitable
from importlib.util import find_spec
from pathlib import Path
from typing import cast
from unittest import SkipTest

import pytest
from sybil import Document, Example
from sybil.evaluators.python import pad
from sybil.parsers.markdown import CodeBlockParser, SkipParser

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("README.md"), *ROOT.glob("docs/**/*.md")])


def missing(module: str) -> bool:
    """Whether a module is not installed here."""
    return find_spec(module) is None


def run_block(example: Example, loop: asyncio.Runner) -> None:
    source = pad(example.parsed, example.line + example.parsed.line_offset)  # so that tracebacks show the page's lines
    code = compile(source, example.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    result = cast(Awaitable[None] | None, eval(code, example.namespace))
    if inspect.isawaitable(result):
        loop.run(finish(result))


async def finish(result: Awaitable[None]) -> None:
    await result


def run_page(page: Path) -> None:
    with asyncio.Runner() as loop:
        blocks = CodeBlockParser("python", lambda example: run_block(example, loop))
        document = Document.parse(str(page), blocks, SkipParser())
        document.namespace.update(__name__=page.stem, missing=missing)
        for example in document.examples():
            try:
                example.evaluate()
            except SkipTest:
                continue


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_of_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


def test_blocks_share_a_namespace_and_may_await(page: Path) -> None:
    page.write_text("```python\nimport asyncio\nx = 1\n```\n\n```python\nawait asyncio.sleep(0)\nassert x == 1\n```\n")
    run_page(page)


def test_a_failing_block_fails_and_shows_its_line(page: Path) -> None:
    page.write_text("# Title\n\n```python\nx = 1\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as failure:
        run_page(page)
    assert (failure.traceback[-1].path, failure.traceback[-1].lineno + 1) == (page, 5)


@pytest.mark.parametrize("skip", ["skip: next", 'skip: next if(missing("no_such_module"), reason="needs it")'])
def test_a_block_can_be_skipped(page: Path, skip: str) -> None:
    page.write_text(f"<!-- {skip} -->\n\n```python\n1 / 0\n```\n\n```python\nassert missing\n```\n")
    run_page(page)
