"""LangGraph's namespaces as namespaces of Transactive: below a root, one path segment for each label."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from urllib.parse import quote, unquote

from langgraph.store.base import MatchCondition

from transactive.errors import InvalidInput
from transactive.namespaces import check_path, encode_segment

Labels = tuple[str, ...]


def encode(label: str) -> str:
    """A label as a path segment; distinct labels have distinct segments, which Unicode's normal form leaves alone."""
    if label == unicodedata.normalize("NFC", label) and not any("\ud800" <= c <= "\udfff" for c in label):
        return encode_segment(label)
    return quote(label, safe="", errors="surrogatepass")


def decode(segment: str) -> str:
    """The label of a segment."""
    return unquote(segment, errors="surrogatepass")


class Root:
    """The namespace below which a store keeps its own."""

    def __init__(self, path: str) -> None:
        self.path = check_path(path)

    def namespace(self, labels: Iterable[str]) -> str:
        """The path of a tuple of labels."""
        return "/".join((self.path, *map(encode, labels)))

    def subtree(self, labels: Iterable[str]) -> str:
        """The pattern of a tuple of labels and of all that begin with it."""
        return self.namespace(labels) + "/**"

    def labels(self, namespace: str) -> Labels:
        """The labels of a path below this root."""
        below = namespace.removeprefix(self.path).removeprefix("/")
        return tuple(map(decode, below.split("/"))) if below else ()


def known(conditions: Iterable[MatchCondition]) -> Labels:
    """The labels that every namespace looked for begins with."""
    for condition in conditions:
        if condition.match_type == "prefix":
            path = tuple(condition.path)
            return path[: path.index("*")] if "*" in path else path
    return ()


def matches(labels: Labels, condition: MatchCondition) -> bool:
    """Whether labels begin, or end, as a condition says; `*` stands for any one label."""
    path = tuple(condition.path)
    if condition.match_type not in {"prefix", "suffix"}:
        raise InvalidInput(f"a match type is 'prefix' or 'suffix', not {condition.match_type!r}")
    part = labels[: len(path)] if condition.match_type == "prefix" else labels[len(labels) - len(path) :]
    return len(labels) >= len(path) and all(want in {"*", label} for want, label in zip(path, part, strict=True))
