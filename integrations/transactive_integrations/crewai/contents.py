"""What the scopes of a memory hold."""

from __future__ import annotations

from crewai.memory.types import ScopeInfo

from transactive import Agent, Memory
from transactive.errors import InvalidInput
from transactive.filters import Where
from transactive_integrations.crewai.records import RECORDS, every, record
from transactive_integrations.crewai.scopes import Scopes, parts

_MOST = 10_000


class Contents:
    """Counts and lists records by scope, each scope with all below it."""

    def __init__(self, agent: Agent, scopes: Scopes) -> None:
        self._agent = agent
        self._scopes = scopes

    def places(self, scope: str | None) -> dict[str, int]:
        """The namespaces of a scope that hold records, each with how many."""
        counted = self._agent.facets("namespace", RECORDS, limit=_MOST)
        if len(counted) == _MOST:
            raise InvalidInput(f"the agent reads {_MOST:,} namespaces or more; grant it fewer to list scopes")
        patterns = self._scopes.patterns(scope)
        return {place: number for place, number in counted.items() if self._scopes.among(patterns, place)}

    def inside(self, scope: str | None) -> Where | None:
        """The condition that a record is in a scope; None when none is."""
        places = list(self.places(scope))
        return every({"namespace": {"$in": places}}) if places else None

    def listed(self, scope: str | None, wanted: int, order_by: str = "-created_at") -> list[Memory]:
        """The first memories of a scope in an order."""
        inside, after = self.inside(scope), None
        found: list[Memory] = []
        while inside and len(found) < wanted:
            page = self._agent.list(inside, order_by=order_by, limit=min(_MOST, wanted - len(found)), after=after)
            found += page
            after = page.next
            if after is None:
                break
        return found

    def found(self, id: str) -> Memory | None:
        """The memory of this id, or None."""
        patterns = self._scopes.patterns(None)
        where = every({"id": id})
        return next((m for m in self._agent.list(where) if self._scopes.among(patterns, m.namespace)), None)

    def categories(self, scope: str | None) -> dict[str, int]:
        """The tags in a scope, each with how many records have it."""
        inside = self.inside(scope)
        return self._agent.facets("tags", inside, limit=_MOST) if inside else {}

    def children(self, scope: str) -> list[str]:
        """The scopes directly below one."""
        return self._children(scope, self.places(scope))

    def _children(self, scope: str, places: dict[str, int]) -> list[str]:
        depth = len(parts(scope))
        inner = [parts(self._scopes.scope(place)) for place in places]
        return sorted({"/" + "/".join(levels[: depth + 1]) for levels in inner if len(levels) > depth})

    def info(self, scope: str) -> ScopeInfo:
        """How much a scope holds, since when, under which categories and in which scopes."""
        places = self.places(scope)
        oldest, newest = self.listed(scope, 1, "created_at"), self.listed(scope, 1)
        return ScopeInfo(
            path=scope,
            record_count=sum(places.values()),
            categories=sorted(self.categories(scope)),
            oldest_record=record(oldest[0], self._scopes).created_at if oldest else None,
            newest_record=record(newest[0], self._scopes).created_at if newest else None,
            child_scopes=self._children(scope, places),
        )
