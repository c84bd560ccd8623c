"""How much of a handoff's package fits a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from transactive.records import Handoff, Package
from transactive.records.dossier import as_markdown

_LEFT_OUT = ("transcript", "graph", "tasks", "learnings", "memories", "decisions")
"""What a budget costs first: each is shortened before the next is touched; of a transcript the beginning goes first."""


def fitted(handoff: Handoff, budget: int, count_tokens: Callable[[str], int]) -> Handoff:
    """The handoff with as much of its package as the budget holds; reason, notes, task and attempts always stay."""
    package = handoff.package
    tokens = count_tokens(as_markdown(handoff))
    for name in _LEFT_OUT:
        if tokens <= budget:
            break
        package, tokens = _shortened(handoff, package, name, budget, count_tokens)
    return replace(handoff, package=replace(package, tokens=tokens))


def _shortened(
    handoff: Handoff, package: Package, name: str, budget: int, count_tokens: Callable[[str], int]
) -> tuple[Package, int]:
    """The package with as many items of one kind as fit (found by halving), and its tokens."""

    def kept(number: int) -> Package:
        return replace(_with(package, name, number), omitted=package.omitted + size - number)

    def cost(number: int) -> int:
        return count_tokens(as_markdown(replace(handoff, package=kept(number))))

    size = len(_items(package, name))
    least, most = 0, size
    while least < most:
        middle = (least + most + 1) // 2
        if cost(middle) <= budget:
            least = middle
        else:
            most = middle - 1
    return kept(least), cost(least)


def _items(package: Package, name: str) -> Sequence[Any]:
    return package.graph.edges if name == "graph" else getattr(package, name)


def _with(package: Package, name: str, number: int) -> Package:
    items = _items(package, name)
    if name == "graph":
        edges = package.graph.edges[:number]
        ends = {end for edge in edges for end in (edge.source, edge.target)}
        entities = tuple(entity for entity in package.graph.entities if entity.ref in ends)
        return replace(package, graph=replace(package.graph, edges=edges, entities=entities))
    some = items[len(items) - number :] if name == "transcript" else items[:number]
    shortened: dict[str, Any] = {name: tuple(some)}
    return replace(package, **shortened)
