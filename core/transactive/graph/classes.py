"""Which names mean the same: names that are joined by alias edges, and the one of each that is its name proper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Classes:
    """Names in classes, grown by one alias after the other."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}
        self._aliases: set[int] = set()
        self._members: dict[int, list[int]] = {}

    def add(self, name: int) -> int:
        """Take in a name; returns what stands for its class."""
        if name not in self._parent:
            self._members[name] = [name]
        root = name
        while (above := self._parent.setdefault(root, root)) != root:
            root = above
        while self._parent[name] != root:
            self._parent[name], name = root, self._parent[name]
        return root

    def join(self, alias: int, proper: int) -> None:
        """The one name is an alias of the other."""
        self._aliases.add(alias)
        one, other = self.add(alias), self.add(proper)
        if one != other:
            self._parent[one] = other
            self._members[other] += self._members.pop(one)

    def members(self) -> dict[int, list[int]]:
        """Every class, by what stands for it; the name proper first."""
        found = self._members.items()
        return {root: sorted(names, key=lambda n: (n in self._aliases, n)) for root, names in found}

    def of(self, name: int) -> list[int]:
        """All that mean the same as a name."""
        return self._members[self.add(name)]

    def only(self, roots: Iterable[int]) -> Classes:
        """Some of the classes, by what stands for them."""
        kept = Classes()
        for root in roots:
            for name in self._members[root]:
                kept._parent[name] = root
            kept._members[root] = list(self._members[root])
        kept._aliases = self._aliases & kept._parent.keys()
        return kept

    def same(self, names: Iterable[int]) -> bool:
        """Whether these are all in one class."""
        return len({self.add(name) for name in names}) <= 1

    def __contains__(self, name: int) -> bool:
        return name in self._parent

    def __iter__(self) -> Iterator[int]:
        return iter(self._parent)
