"""Checks the README and the docs: every link resolves, every page is in the index, every Python block is run.

`python docs/check.py` prints what is wrong, a line each, and fails if there is anything. The blocks themselves are run
by tests/test_documentation.py.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

FENCE = re.compile(r"^ *(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)\n.*?^ *(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?) *#* *$", re.MULTILINE)
ANCHOR = re.compile(r"""<[a-z]+ [^>]*?\b(?:id|name)=["']([^"']+)["']""")
# [text](target "title") and [label]: target
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)|^ {0,3}\[[^\]]+\]: +<?(\S+?)>?(?: |$)", re.MULTILINE)
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
LOCAL_PATH = re.compile(r"(?<![\w./:~-])(?:/(?:Users|home|mnt|root|tmp|work)/|[A-Z]:\\)\S*")


def check(root: Path) -> Iterator[str]:
    """Every fault of the pages under a project's root, as `page: what is wrong`."""
    index = root / "docs" / "README.md"
    pages = sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])
    for page in pages:
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(root).as_posix()
        for fault in (*broken_links(page, text), *local_paths(text), *unrun_blocks(text)):
            yield f"{name}: {fault}"
    listed = {target.resolve() for target, _ in links(index, index.read_text(encoding="utf-8"))}
    for page in pages:
        if page.is_relative_to(index.parent) and page != index and page.resolve() not in listed:
            yield f"{page.relative_to(root).as_posix()}: is not linked from docs/README.md"


def broken_links(page: Path, text: str) -> Iterator[str]:
    """Relative links whose file, or whose heading in it, is not there."""
    for target, anchor in links(page, text):
        if not target.exists():
            yield f"links to {target.name}, which is not there"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"links to #{anchor}, which {target.name} does not have"


def links(page: Path, text: str) -> Iterator[tuple[Path, str]]:
    """The file and the anchor of every relative link, code left aside."""
    for match in LINK.finditer(CODE.sub("", FENCE.sub("", text))):
        link = unquote(match[1] or match[2])
        if not EXTERNAL.match(link):
            path, _, anchor = link.partition("#")
            yield (page.parent / path if path else page), anchor


def anchors(text: str) -> set[str]:
    """The anchors that a page offers: its headings as the usual renderers spell them, and its own ids."""
    body = FENCE.sub("", text)
    found: set[str] = set(ANCHOR.findall(body))
    for heading in HEADING.findall(body):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(slug if slug not in found else f"{slug}-{sum(name.startswith(slug) for name in found)}")
    return found


def local_paths(text: str) -> Iterator[str]:
    """Paths that exist on one machine only."""
    for match in LOCAL_PATH.finditer(text):
        yield f"names the local path {match[0]}"


def unrun_blocks(text: str) -> Iterator[str]:
    """Blocks that look like Python, and that the tests would not recognise as such."""
    for match in FENCE.finditer(text):
        info = match["info"].strip()
        if re.match(r"(py|python3?)\b", info, re.IGNORECASE) and info != "python":
            yield f"has a block marked {info!r}: only 'python' is run"


if __name__ == "__main__":
    faults = list(check(Path(__file__).resolve().parent.parent))
    print("\n".join(faults) if faults else "docs: every link resolves, every page is in the index")
    sys.exit(bool(faults))
