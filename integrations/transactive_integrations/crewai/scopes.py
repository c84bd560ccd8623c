"""CrewAI's scopes as namespaces: "/" is the memory's own namespace, "/team/a" the one two levels below it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from crewai.memory.utils import normalize_scope_path

from transactive import Agent
from transactive.namespaces import check_path, covers, encode_segment

_DOTS = {".": "%2E", "..": "%2E%2E"}


class Scopes:
    """Where the records of a memory lie.

    What is private to its source must not be where others read. Unless the memory lies in the agent's own namespace,
    which nobody else reads, private records have a root of their own there: `agents/<name>/private/<namespace>`.
    """

    def __init__(self, agent: Agent, namespace: str | None) -> None:
        self.root = check_path(agent.namespace if namespace is None else namespace)
        own = covers(f"{agent.namespace}/**", self.root)
        self.private_root = self.root if own else check_path(f"{agent.namespace}/private/{self.root}")

    def namespace(self, scope: str | None, *, private: bool = False) -> str:
        """Where a record of this scope lies; raises `InvalidNamespace` when it nests too deep."""
        return check_path("/".join([self.private_root if private else self.root, *_segments(scope)]))

    def scope(self, namespace: str) -> str:
        """The scope of a record that lies there; outside the memory, `@` and the namespace."""
        for root in (self.private_root, self.root):
            if namespace == root:
                return "/"
            if namespace.startswith(f"{root}/"):
                below = namespace.removeprefix(f"{root}/").split("/")
                return "/" + "/".join(unquote(segment) for segment in below)
        return f"@{namespace}"

    def patterns(self, scope: str | None) -> list[str]:
        """What covers a scope with all below it."""
        both = [self.namespace(scope, private=private) for private in (False, True)]
        return [f"{namespace}/**" for namespace in dict.fromkeys(both)]

    @staticmethod
    def among(patterns: Sequence[str], namespace: str) -> bool:
        """Whether one of these patterns covers a namespace."""
        return any(covers(pattern, namespace) for pattern in patterns)


def parts(scope: str | None) -> list[str]:
    """The levels of a scope: `/team/a` has `team` and `a`."""
    return [part for part in normalize_scope_path(scope or "/").split("/") if part]


def _segments(scope: str | None) -> list[str]:
    encoded = (encode_segment(part) for part in parts(scope))
    return [_DOTS.get(segment, segment) for segment in encoded]
