"""What a write looks up before it happens: how new a text is, how important, and which memories it may repeat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from transactive.embedding.protocol import Vectors
from transactive.errors import IndexUnavailable
from transactive.filters import both, equals
from transactive.paths.incoming import MAX_METADATA
from transactive.policies import Policy
from transactive.records import Memory
from transactive.rules import duplicates, importance
from transactive.rules.access import Identity
from transactive.store import Store

FACTS = frozenset({"semantic", "procedural"})
NEIGHBOURS = 4
MOST_LOOKED_UP = 64
"""Facts of one call whose novelty is looked up; a longer load is rated by its texts alone, and is not held up."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked item on its way in."""

    memory: Memory
    turn: bool
    own_id: bool = False
    """The caller chose its id: it is a memory of its own, whatever else says the same."""
    importance_given: bool = False
    scored: bool = False
    """A plugged-in scorer rated it."""
    near: tuple[str, ...] = ()
    """Uids of memories whose embeddings are close enough to say the same, closest first."""
    twin: int | None = None
    """The place of an earlier draft of the same batch that is close enough."""

    @property
    def is_fact(self) -> bool:
        """Whether it may repeat what is there. Turns never do: "Yes, thanks!" twice is two turns."""
        return self.memory.kind in FACTS and not self.own_id and not self.memory.supersedes


class Judging:
    """Looks up the neighbours of new texts, and rates them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def judged(
        self,
        identity: Identity,
        drafts: Sequence[Draft],
        vectors: Vectors,
        policies: Mapping[str, Policy],
        *,
        few: bool,
    ) -> list[Draft]:
        """The drafts with importance, and with what they may repeat; `policies` by namespace.

        `few` says whether the call that they are of has no more items than are looked up.
        """
        found, novelty = list(drafts), dict[int, float]()
        for namespace, members in self._places(drafts, policies, few=few).items():
            some, at = vectors[members], policies[namespace].duplicate_at
            near = self.nearest(identity, namespace, some)
            twins = {} if at is None else _twins([drafts[m].memory for m in members], some, at)
            for row, place in enumerate(members):
                around = () if near is None else near[row]
                twin = members[twins[row]] if row in twins else None
                found[place] = replace(found[place], near=closer(around, at), twin=twin)
                if few and near is not None:
                    novelty[place] = 1.0 - max((cosine for _, cosine in around), default=0.0)
        return [self._rated(draft, novelty.get(place)) for place, draft in enumerate(found)]

    def _places(self, drafts: Sequence[Draft], policies: Mapping[str, Policy], *, few: bool) -> dict[str, list[int]]:
        """For each namespace, the places of the drafts whose neighbours are worth a search."""
        places: dict[str, list[int]] = {}
        if self._store.index is None:
            return places
        for place, draft in enumerate(drafts):
            namespace = draft.memory.namespace
            if self._looks(draft, policies[namespace], few=few):
                places.setdefault(namespace, []).append(place)
        return places

    def _looks(self, draft: Draft, policy: Policy, *, few: bool) -> bool:
        """Whether the neighbours of a fact are worth a search: for another wording of it, or for its novelty."""
        rated = draft.importance_given or draft.scored or not few
        return draft.is_fact and policy.reinforce is not False and (policy.duplicate_at is not None or not rated)

    def nearest(
        self, identity: Identity, namespace: str, vectors: Vectors | Sequence[Vectors]
    ) -> list[list[tuple[str, float]]] | None:
        """The closest memories of a namespace that the identity may read; None where it may read none, or not now.

        What a writer cannot read must not show, by importance or by an id, that it is there.
        """
        index = self._store.index
        if index is None:
            return None
        reach = self._store.latest_reach(identity)
        if not reach.may("read", namespace):
            return None
        readable = self._store.known_view(reach).readable
        where = both(readable, equals("scopes", namespace))  # which what was superseded has not
        try:
            return index.nearest(list(vectors), where, NEIGHBOURS)
        except IndexUnavailable:  # the write goes on: it needs the ledger alone
            return None

    def scored(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts with the importance that a plugged-in scorer gives them, before anything is written."""
        if self._store.models.scorer is None:
            return list(drafts)
        return [draft if draft.importance_given else self._by_scorer(draft) for draft in drafts]

    def _by_scorer(self, draft: Draft) -> Draft:
        rated = self._store.models.importance(draft.memory.text)
        assert rated is not None
        return replace(draft, memory=replace(draft.memory, importance=rated), scored=True)

    def _rated(self, draft: Draft, novelty: float | None) -> Draft:
        if draft.importance_given or draft.scored:
            return draft
        rated = importance.score(draft.memory.text, novelty)
        return replace(draft, memory=replace(draft.memory, importance=rated))


def closer(near: Iterable[tuple[str, float]], at: float | None) -> tuple[str, ...]:
    """The uids of those close enough to say the same in other words; none where the policy does not ask for it."""
    return () if at is None else tuple(uid for uid, cosine in near if cosine >= at)


def _twins(memories: Sequence[Memory], vectors: Vectors, at: float) -> dict[int, int]:
    """For each memory that an earlier one of the batch says already, the place of that one."""
    if len(memories) < 2:
        return {}
    found: dict[int, int] = {}
    cosines = vectors @ vectors.T
    for later, earlier in zip(*np.nonzero(np.tril(cosines >= at - 1e-6, -1)), strict=True):
        one, other = memories[int(earlier)], memories[int(later)]
        if int(later) not in found and int(earlier) not in found and repeats(other, one):
            found[int(later)] = int(earlier)
    return found


def repeats(new: Memory, old: Memory) -> bool:
    """Whether the text of a new memory says what an old one of the same kind, user and sensitivity says."""
    alike = (new.namespace, new.kind, new.user, new.sensitivity) == (
        old.namespace,
        old.kind,
        old.user,
        old.sensitivity,
    )
    return alike and (
        duplicates.text_key(new.text) == duplicates.text_key(old.text) or duplicates.same(new.text, old.text)
    )


def compatible(new: Memory, old: Memory, *, may_change: bool) -> bool:
    """Whether nothing that is said with the new memory contradicts the old one, or would be lost in it.

    Who may not change the old memory adds neither tags nor metadata to it: with others, it is a memory of its own.
    """
    if len(json.dumps({**old.metadata, **new.metadata})) > MAX_METADATA:
        return False
    clash = any(key in old.metadata and old.metadata[key] != value for key, value in new.metadata.items())
    more = not set(new.tags) <= set(old.tags) or not new.metadata.keys() <= old.metadata.keys()
    return not clash and (may_change or not more) and not (new.verified and not old.verified)


def merged(new: Memory, old: Memory, *, importance_given: bool) -> dict[str, Any]:
    """What the old memory gains by being said again: further tags and metadata, and the higher importance."""
    gained: dict[str, Any] = {}
    tags = [tag for tag in new.tags if tag not in old.tags]
    if tags:
        gained["tags"] = (*old.tags, *tags)
    extra = {key: value for key, value in new.metadata.items() if key not in old.metadata}
    if extra:
        gained["metadata"] = {**old.metadata, **extra}
    if importance_given and new.importance > old.importance:
        gained["importance"] = new.importance
    return gained
