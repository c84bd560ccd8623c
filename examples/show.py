"""Prints the demo: with colours and a progress bar where there is a terminal and `rich`, else as plain text."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, TypeVar

T = TypeVar("T")
Style = Literal["plain", "strong", "faint", "good", "bad"]


class Plain:
    """Text without escape codes."""

    width = 110

    def heading(self, text: str) -> None:
        """The start of a part."""
        self._put("", "plain")
        self._put(text, "strong")
        self._put("-" * len(text), "faint")

    def line(self, text: str = "", style: Style = "plain", indent: int = 0) -> None:
        """One paragraph, wrapped, its further lines under the first."""
        margin = " " * indent
        wrapped = textwrap.wrap(text, self.width, initial_indent=margin, subsequent_indent=margin + "    ")
        for part in wrapped or [""]:
            self._put(part, style)

    def short(self, text: str, style: Style = "plain", indent: int = 0) -> None:
        """One line, cut to the width; what it starts with (the branches of a tree) stays as it is."""
        room = self.width - indent
        start = text[: len(text) - len(text.lstrip(" │"))]
        line = start + " ".join(text[len(start) :].split())
        self._put(" " * indent + (line if len(line) <= room else line[: room - 1] + "…"), style)

    def check(self, holds: bool, text: str, indent: int = 0) -> None:
        """Something that the program has verified."""
        self.line(f"{'✓' if holds else '✗'} {text}", "good" if holds else "bad", indent)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Columns as wide as they have to be; numbers to the right."""
        cells = [[_cell(value) for value in row] for row in rows]
        widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
        right = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(head))]
        self._put(_row(head, widths, right), "faint")
        for row in cells:
            self._put(_row(row, widths, right), "plain")

    def progress(self, items: Sequence[T], what: str) -> Iterator[T]:
        """The items, one by one."""
        self._put(f"{what}: {len(items):,} …", "faint")
        yield from items

    def _put(self, text: str, style: Style) -> None:  # noqa: ARG002  the coloured screen has a use for it
        print(text)


class Coloured(Plain):
    """The same on a terminal, by rich."""

    styles: ClassVar[dict[Style, str]] = {
        "plain": "",
        "strong": "bold cyan",
        "faint": "dim",
        "good": "green",
        "bad": "bold red",
    }

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)
        self.width = min(self._console.width - 1, 120)

    def progress(self, items: Sequence[T], what: str) -> Iterator[T]:
        """A bar that goes when it is full."""
        from rich.progress import track

        yield from track(items, what, console=self._console, transient=True)

    def _put(self, text: str, style: Style) -> None:
        from rich.text import Text

        self._console.print(Text(text, style=self.styles[style]))


def screen() -> Plain:
    """Whatever suits where the output goes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    if not sys.stdout.isatty():
        return Plain()
    try:
        return Coloured()
    except ImportError:  # rich is not installed
        return Plain()


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}" if isinstance(value, float) else str(value)


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    aligned = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True))
    return ("  " + "  ".join(aligned)).rstrip()
