"""Namespaces: paths such as `prod/support/triage`, and the patterns that cover them.

A pattern is a path (that namespace alone), `path/*` (its direct children) or `path/**` (it and its whole subtree).
`**` alone covers everything and `*` alone every top-level namespace.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from urllib.parse import quote

from transactive.errors import InvalidInput, InvalidNamespace

MAX_LENGTH = 512
MAX_DEPTH = 16
SHARED = "team/shared"
OWNER = "owner"
_KEPT = "-_.~@+:,=()&'!$"  # what a segment may hold unescaped besides letters and digits


def _check_segment(segment: str, path: str) -> None:
    if not segment:
        raise InvalidNamespace(f"namespace {path!r} has an empty segment; write it like 'team/shared'")
    if segment in {".", "..", "*", "**"}:
        raise InvalidNamespace(f"namespace {path!r} has the segment {segment!r}, which is reserved")
    wrong = next((c for c in segment if c == "*" or c.isspace() or unicodedata.category(c) in {"Cc", "Cs"}), None)
    if wrong is not None:
        raise InvalidNamespace(
            f"namespace {path!r} holds {wrong!r}; use letters, digits and any of {_KEPT}, "
            "or transactive.namespaces.encode_segment(name)"
        )


def check_path(path: object) -> str:
    """The path in normal form (NFC); `InvalidNamespace` unless it is 1–16 non-empty segments joined by `/`."""
    if not isinstance(path, str):
        raise InvalidNamespace(f"a namespace is a string such as 'team/shared', not {type(path).__name__}")
    return _checked(str.__str__(path))


@lru_cache(maxsize=4096)
def _checked(path: str) -> str:
    normal = unicodedata.normalize("NFC", path)
    if not normal or len(normal) > MAX_LENGTH:
        raise InvalidNamespace(f"a namespace has 1 to {MAX_LENGTH} characters, this one has {len(normal)}")
    segments = normal.split("/")
    if len(segments) > MAX_DEPTH:
        raise InvalidNamespace(f"a namespace has at most {MAX_DEPTH} segments, this one has {len(segments)}")
    for segment in segments:
        _check_segment(segment, normal)
    return normal


def check_pattern(pattern: object) -> str:
    """The pattern in normal form; `InvalidNamespace` unless it is a path, `path/*`, `path/**`, `*` or `**`."""
    if not isinstance(pattern, str):
        raise InvalidNamespace(f"a namespace pattern is a string such as 'team/**', not {type(pattern).__name__}")
    if pattern in {"*", "**"}:
        return pattern
    for suffix in ("/**", "/*"):
        if pattern.endswith(suffix):
            return check_path(pattern.removesuffix(suffix)) + suffix
    return check_path(pattern)


def patterns_covering(path: str) -> list[str]:
    """Every pattern that covers `path`, closest first: itself, `parent/*`, then `x/**` from the path up to the root."""
    segments = path.split("/")
    parent = "/".join(segments[:-1])
    subtrees = ["/".join(segments[:depth]) + "/**" for depth in range(len(segments), 0, -1)]
    return [path, f"{parent}/*" if parent else "*", *subtrees, "**"]


def superseded(pattern: str) -> str:
    """How an index marks a pattern that covers what was superseded; no pattern of a caller's is written so."""
    return "*/" + pattern


def covers(pattern: str, path: str) -> bool:
    """Whether `pattern` covers `path`; both in normal form."""
    if pattern in (path, "**"):
        return True
    if pattern.endswith("/**"):
        root = pattern[:-3]
        return path == root or path.startswith(root + "/")
    if pattern == "*":
        return "/" not in path
    if pattern.endswith("/*"):
        root = pattern[:-1]
        return path.startswith(root) and "/" not in path[len(root) :]
    return False


def encode_segment(name: str) -> str:
    """A name of any characters as one path segment: what a segment may not hold is percent-encoded (UTF-8)."""
    normal = unicodedata.normalize("NFC", name)
    return "".join(c if c.isalnum() or c in _KEPT else quote(c, safe="") for c in normal)


def check_agent(name: object) -> str:
    """An agent's name in normal form (NFC, case-sensitive); `InvalidInput` when it cannot name one."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("an agent's name is a non-empty string")
    normal = unicodedata.normalize("NFC", name)
    if normal in {"*", OWNER} or normal.startswith("group:"):
        raise InvalidInput(f"the agent name {normal!r} is reserved; '*', 'owner' and 'group:…' are principals already")
    if len(normal) > 200 or any(unicodedata.category(c) in {"Cc", "Cs"} for c in normal):
        raise InvalidInput("an agent's name has at most 200 characters and no control characters")
    if len(encode_segment(normal)) > 400:
        raise InvalidInput("an agent's name is too long: percent-encoded it has at most 400 characters")
    return normal


def private_namespace(agent: str) -> str:
    """The namespace that belongs to one agent alone, with all below it: `agents/<name>`."""
    segment = encode_segment(agent)
    return "agents/" + {".": "%2E", "..": "%2E%2E"}.get(segment, segment)
