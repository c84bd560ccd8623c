"""Who is there, and who knows what: counted from what agents remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from transactive.errors import AccessDenied, InvalidInput, NotFound
from transactive.ledger import directory as ledger
from transactive.ledger.times import stamp
from transactive.paths.incoming import check_count, check_metadata, check_name, check_text
from transactive.paths.placing import Placing
from transactive.paths.question import question
from transactive.paths.recall import Recalling
from transactive.records import Advice, AgentInfo, Degrade, Expert, Hit, Recall, Right
from transactive.rules.access import Identity, Reach, Rule
from transactive.rules.duplicates import marks
from transactive.rules.relevance import LEAST_SIMILAR, is_about

AMONG = 100
"""How many of the best candidates are counted."""
EVIDENCE = 3
"""How many memories of an expert are shown."""
MOST_CAPABILITIES = 100


class Roster:
    """Keeps the directory, and finds experts."""

    def __init__(self, placing: Placing, recalling: Recalling) -> None:
        self._placing = placing
        self._store = placing.store
        self._recalling = recalling

    # --- the directory --------------------------------------------------------------------------------------------

    def register(
        self,
        identity: Identity,
        role: str | None,
        capabilities: Sequence[str],
        description: str | None,
        metadata: Mapping[str, Any] | None,
    ) -> AgentInfo:
        """Put an agent's entry in the place of the one it had."""
        row = {
            "name": identity.agent,
            "role": None if role is None else check_name(role, "a role", longest=200),
            "description": None if description is None else check_text(description, "a description"),
            "capabilities": _capabilities(capabilities),
            "metadata": check_metadata(metadata),
        }
        with self._placing.writing.change(identity, "register") as change:
            at = stamp(change.now)
            ledger.register(change.connection, {**row, "registered_at": at, "last_seen": at})
            change.target = identity.private
        return self.get(identity.agent)

    def heartbeat(self, identity: Identity) -> None:
        """Note that an agent is there; neither event nor audit."""
        self.get(identity.agent)
        with self._store.ledger.write() as connection:
            ledger.seen(connection, identity.agent, self._store.clock())

    def get(self, name: str) -> AgentInfo:
        """One entry."""
        wanted = check_name(name, "an agent's name")
        info = self._everybody().get(wanted)
        if info is None:
            raise NotFound(f"{wanted!r:.100} has not registered; it can: agent.directory.register(…)")
        return info

    def registered(self, capability: str | None, role: str | None) -> list[AgentInfo]:
        """Entries by name."""
        can = None if capability is None else check_name(capability, "a capability").casefold()
        does = None if role is None else check_name(role, "a role").casefold()
        return [
            info
            for info in self._everybody().values()
            if (can is None or can in {held.casefold() for held in info.capabilities})
            and (does is None or (info.role or "").casefold() == does)
        ]

    def remove(self, identity: Identity, name: str | None) -> bool:
        """Delete an entry."""
        wanted = identity.agent if name is None else check_name(name, "an agent's name")
        if wanted != identity.agent and not identity.is_owner:
            raise AccessDenied("an agent takes only its own entry out of the directory; the owner anybody's")
        with self._placing.writing.change(identity, "unregister") as change:
            return ledger.remove(change.connection, wanted)

    def _everybody(self) -> dict[str, AgentInfo]:
        self._store.check()
        with self._store.ledger.read() as connection:
            return {info.name: info for info in ledger.everybody(connection)}

    # --- who knows what -------------------------------------------------------------------------------------------

    def who_knows(
        self,
        identity: Identity,
        query: str,
        *,
        limit: int,
        namespaces: Sequence[str] | None,
        min_similarity: float | None,
        degrade: Degrade | None,
    ) -> list[Expert]:
        """Agents by what they remember about something, as far as the asker may know of it."""
        most = check_count(limit, "limit", least=1, most=100)
        hits, reach = self._about(identity, query, namespaces, min_similarity, degrade)
        by_agent: dict[str, list[Hit]] = {}
        for hit in hits:
            by_agent.setdefault(hit.memory.agent, []).append(hit)
        known = self._everybody()
        experts = [_expert(agent, own, reach, known.get(agent)) for agent, own in by_agent.items()]
        return sorted(experts, key=lambda expert: (-expert.score, expert.agent))[:most]

    def _about(
        self,
        identity: Identity,
        query: str,
        namespaces: Sequence[str] | None,
        min_similarity: float | None,
        degrade: Degrade | None,
    ) -> tuple[list[Hit], Reach]:
        """The best candidates that are about something, and what of them the asker may read."""
        asked = question(
            identity,
            query,
            embedder=self._store.encoders.embedder,
            degrade=self._store.settings.degrade if degrade is None else degrade,
            limit=AMONG,
            namespaces=namespaces,
            min_similarity=min_similarity,
        )
        found = self._recalling.recall(identity, asked, widen=self._widened)
        with self._placing.reading(identity) as (_, reach):
            least = LEAST_SIMILAR if min_similarity is None else min_similarity
            return [hit for hit in found if is_about(hit, query, least)], reach

    def _widened(self, reach: Reach) -> Reach:
        """With the namespaces whose authors may be named: what is public and internal there."""
        names: frozenset[Right] = frozenset({"read"})
        more = tuple(Rule(place, names, "internal") for place in self._store.latest.advertised)
        return replace(reach, rules=(*reach.rules, *more)) if more else reach

    def ask(
        self,
        identity: Identity,
        query: str,
        *,
        limit: int,
        namespaces: Sequence[str] | None,
        min_similarity: float | None,
        degrade: Degrade | None,
    ) -> Advice:
        """Whom to ask, and what others have shared about it."""
        experts = self.who_knows(
            identity, query, limit=100, namespaces=namespaces, min_similarity=min_similarity, degrade=degrade
        )
        others = [expert for expert in experts if expert.agent != identity.agent]
        asked = question(
            identity,
            query,
            embedder=self._store.encoders.embedder,
            degrade=self._store.settings.degrade if degrade is None else degrade,
            limit=check_count(limit, "limit", least=1, most=100),
            namespaces=namespaces,
            min_similarity=min_similarity,
            exclude_own=True,
        )
        found = self._recalling.recall(identity, asked)
        least = LEAST_SIMILAR if min_similarity is None else min_similarity
        evidence = Recall(
            [hit for hit in found if is_about(hit, query, least)], degraded=found.degraded, reason=found.reason
        )
        named = {expert.agent for expert in others} | {identity.agent}
        capable = [info for info in self._everybody().values() if info.name not in named and _can(info, query)]
        return Advice(query=query, experts=tuple(others[:limit]), evidence=evidence, capable=tuple(capable[:limit]))


def _expert(agent: str, hits: Sequence[Hit], reach: Reach, info: AgentInfo | None) -> Expert:
    best = sorted(hits, key=lambda hit: -hit.score)
    readable = [hit for hit in best if reach.sees(hit.memory)]
    return Expert(
        agent=agent,
        score=sum(hit.score / 2 ** (place + 1) for place, hit in enumerate(best)),
        memories=len(best),
        evidence=tuple(readable[:EVIDENCE]),
        advertised=len(readable) < len(best),
        info=info,
    )


def _can(info: AgentInfo, query: str) -> bool:
    said = " ".join((info.role or "", *info.capabilities))
    return bool(marks(said).words & marks(query).words)


def _capabilities(capabilities: object) -> list[str]:
    if isinstance(capabilities, str) or not isinstance(capabilities, Sequence | set | frozenset):
        raise InvalidInput("capabilities is a list of strings such as ['refunds', 'invoices']")
    found = [check_name(one, "a capability", longest=200) for one in capabilities]
    if len(found) > MOST_CAPABILITIES:
        raise InvalidInput(f"an agent names at most {MOST_CAPABILITIES} capabilities, this one {len(found)}")
    return list(dict.fromkeys(found if isinstance(capabilities, Sequence) else sorted(found)))
