"""Every verb in a random order, for hundreds of steps, against a dict as the model; the clock is the test's own."""

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.crash.processes import edge
from transactive import NewMemory, TeamMemory
from transactive.errors import DuplicateId, NotFound, VersionConflict

pytestmark = pytest.mark.slow

STEPS = 300
SUBJECTS = ("the refund for the annual plan", "a slow query on the orders table", "the onboarding call", "the outage")
PLACES = ("agents/ada", "agents/bob", "team/shared")
READS = {"ada": {"agents/ada", "team/shared"}, "bob": {"agents/bob", "team/shared"}, "owner": set(PLACES)}


@dataclass(frozen=True, kw_only=True)
class Known:
    key: str
    uid: str
    id: str
    text: str
    namespace: str
    agent: str
    tag: str
    version: int
    recorded_at: datetime
    expires_at: datetime | None
    forget_id: str | None = None


class Soak:
    """A store, a dict that says what it holds, and a clock that moves when told to."""

    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.now = datetime(2026, 5, 1, tzinfo=UTC)
        self.folder = folder
        self.known: dict[str, Known] = {}
        self.forgets: dict[str, tuple[str, list[str]]] = {}
        """What each `forget` that can be undone took: by whom, and the keys."""
        self.displaced: set[str] = set()
        """Keys of forgotten memories whose id another took: they come back under an id that they did not have."""
        self.made = 0
        self.done: Counter[str] = Counter()
        self.team = self.opened()

    def opened(self):
        return TeamMemory.open(self.folder, build_at=150, progress=False, clock=lambda: self.now)

    # --- the model ----------------------------------------------------------------------------------------------------

    def alive(self, known):
        return known.forget_id is None and (known.expires_at is None or known.expires_at > self.now)

    def seen(self, agent):
        """What an agent can read, in the order in which it was recorded."""
        return [k for k in self.known.values() if self.alive(k) and k.namespace in READS[agent]]

    def own(self, agent):
        return [k for k in self.seen(agent) if k.agent == agent]

    def door(self, agent):
        return self.team if agent == "owner" else self.team.agent(agent)

    def writer(self):
        return self.random.choice(["ada", "bob"])

    def reader(self):
        return self.random.choice(list(READS))

    # --- writing ------------------------------------------------------------------------------------------------------

    def new(self):
        self.made += 1
        ttl = self.random.choice([None, None, None, timedelta(minutes=30), timedelta(hours=3)])
        return NewMemory(
            text=f"NOTE-{self.made:05d}: {self.random.choice(SUBJECTS)}",
            id=f"note {self.made}" if self.random.random() < 0.2 else None,
            tags=[self.random.choice(["red", "green", "blue"])],
            metadata={"n": self.made},
            session=self.random.choice([None, f"talk-{self.made // 20}"]),
            ttl=ttl,
        )

    def note(self, new, memory):
        key = new.text.partition(":")[0]
        self.known[key] = Known(
            key=key,
            uid=memory.uid,
            id=memory.id,
            text=new.text,
            namespace=memory.namespace,
            agent=memory.agent,
            tag=new.tags[0],
            version=1,
            recorded_at=self.now,
            expires_at=None if new.ttl is None else self.now + new.ttl,
        )

    def remember_many(self):
        agent = self.writer()
        new = [self.new() for _ in range(self.random.choice([1, 1, 1, 2, 30]))]
        place = self.random.choice([None, "team/shared"])
        for item, memory in zip(new, self.door(agent).remember_many(new, namespace=place), strict=True):
            assert memory.namespace == (place or f"agents/{agent}")
            self.note(item, memory)

    def remember_an_id_again(self):
        """Taken while its memory lives or has merely expired; free once that is forgotten."""
        taken = [k for k in self.known.values() if k.id != k.uid and k.namespace == "team/shared"]
        if not taken:
            return
        known, agent, new = self.random.choice(taken), self.writer(), replace(self.new(), session=None)
        fields: dict[str, Any] = {"id": known.id, "tags": new.tags, "metadata": new.metadata, "ttl": new.ttl}
        if known.forget_id is None:
            with pytest.raises(DuplicateId):
                self.door(agent).publish(new.text, **fields)
            return
        self.note(new, self.door(agent).publish(new.text, **fields))
        self.known[known.key] = replace(known, id=known.uid)
        self.displaced.add(known.key)

    def revise(self):
        agent = self.writer()
        if self.own(agent):
            known = self.random.choice(self.own(agent))
            text = f"{known.key}: corrected, {self.random.choice(SUBJECTS)}"
            memory = self.door(agent).revise(known.uid, text=text, expected_version=known.version)
            assert memory.version == known.version + 1
            self.known[known.key] = replace(known, text=text, version=memory.version)

    def revise_too_late(self):
        agent = self.writer()
        if self.own(agent):
            known = self.random.choice(self.own(agent))
            with pytest.raises(VersionConflict) as conflict:
                self.door(agent).revise(known.uid, text="too late", expected_version=known.version + 1)
            assert conflict.value.current.text == known.text

    def forget(self):
        agent = self.writer()
        if self.own(agent):
            known = self.random.choice(self.own(agent))
            self.forgot(agent, [known], self.door(agent).forget(known.uid))

    def forget_where(self):
        agent, tag = self.writer(), self.random.choice(["red", "green", "blue"])
        least = self.made - self.random.randint(0, 40)
        where = {"tags": tag, "metadata.n": {"$gte": least}}
        gone = [k for k in self.own(agent) if k.tag == tag and int(k.key[5:]) >= least]
        assert self.door(agent).forget(where=where, dry_run=True).count == len(gone)
        self.forgot(agent, gone, self.door(agent).forget(where=where))

    def forgot(self, agent, gone, forgotten):
        assert forgotten.count == len(gone)
        self.forgets[forgotten.id] = (agent, [k.key for k in gone])
        for known in gone:
            self.known[known.key] = replace(known, forget_id=forgotten.id)

    def undo(self):
        if self.forgets:
            forget_id = self.random.choice(list(self.forgets))
            agent, keys = self.forgets.pop(forget_id)
            if keys:
                assert self.door(agent).undo(forget_id) == len(keys)
                self.known |= {key: replace(self.known[key], forget_id=None) for key in keys}
                self.find_again(self.displaced & set(keys))
            with pytest.raises(NotFound):
                self.door(agent).undo(forget_id)

    def find_again(self, keys):
        for known in [self.known[key] for key in keys if self.alive(self.known[key])]:
            (memory,) = self.team.list({"text": {"$contains": known.key}})
            assert memory.text == known.text
            self.known[known.key] = replace(known, uid=memory.uid, id=memory.id)
            self.displaced.discard(known.key)

    # --- reading ------------------------------------------------------------------------------------------------------

    def get(self):
        if self.known:
            agent, known = self.reader(), self.random.choice(list(self.known.values()))
            if known.key in self.displaced:
                return
            if known in self.seen(agent):
                memory = self.door(agent).get(known.id, namespace=known.namespace)
                assert (memory.uid, memory.text, memory.version) == (known.uid, known.text, known.version)
                assert len(self.door(agent).history(known.uid)) == known.version
            else:
                with pytest.raises(NotFound):
                    self.door(agent).get(known.uid)

    def list(self):
        agent, tag = self.reader(), self.random.choice(["red", "green", "blue"])
        wanted = [k.text for k in self.seen(agent) if k.tag == tag]
        found, after = [], None
        while True:
            page = self.door(agent).list({"tags": tag}, order_by="recorded_at", limit=37, after=after)
            found += [memory.text for memory in page]
            after = page.next
            if after is None:
                break
        assert found == wanted
        assert self.door(agent).count({"tags": tag}) == len(wanted)
        facets = Counter(k.namespace for k in self.seen(agent))
        assert self.door(agent).facets("namespace") == dict(facets)

    def recall(self):
        if self.known:
            agent, known = self.reader(), self.random.choice(list(self.known.values()))
            hits = self.door(agent).recall(f"what was said about {known.key}?", limit=5)
            seen = {k.uid: k.text for k in self.seen(agent)}
            assert [hit.memory.text for hit in hits] == [seen[hit.memory.uid] for hit in hits]
            assert len(hits) == min(5, len(seen))
            if known.uid in seen:
                assert hits[0].memory.uid == known.uid

    def recall_where(self):
        agent, tag = self.reader(), self.random.choice(["red", "green", "blue"])
        wanted = {k.uid for k in self.seen(agent) if k.tag == tag}
        hits = self.door(agent).recall(self.random.choice(SUBJECTS), where={"tags": tag}, limit=20)
        assert {hit.memory.uid for hit in hits} <= wanted
        assert len(hits) == min(20, len(wanted))

    # --- time and upkeep ----------------------------------------------------------------------------------------------

    def wait(self):
        self.now += timedelta(minutes=self.random.choice([1, 10, 40]))

    def maintain(self):
        over = [k for k in self.known.values() if k.forget_id is None and not self.alive(k)]
        done = self.team.maintain(build=self.random.random() < 0.3)
        assert done.expired == len(over)
        self.known |= {k.key: replace(k, forget_id="expired") for k in over}

    def reopen(self):
        self.team.close()
        self.team = self.opened()

    def reindex(self):
        self.team.reindex(progress=False)

    # --- the run ------------------------------------------------------------------------------------------------------

    def step(self):
        weights = {
            self.remember_many: 22,
            self.remember_an_id_again: 2,
            self.revise: 12,
            self.revise_too_late: 2,
            self.forget: 6,
            self.forget_where: 2,
            self.undo: 5,
            self.get: 12,
            self.list: 5,
            self.recall: 16,
            self.recall_where: 5,
            self.wait: 7,
            self.maintain: 2,
            self.reopen: 1.5,
            self.reindex: 0.5,
        }
        verb = self.random.choices(list(weights), weights=list(weights.values()))[0]
        self.now += timedelta(seconds=1)
        verb()
        self.done[verb.__name__] += 1

    def everything(self):
        """All of it, at the end."""
        for agent in READS:
            for known in self.seen(agent):
                hit = self.door(agent).recall(known.key, limit=1)[0]
                assert (hit.memory.uid, hit.memory.text) == (known.uid, known.text)
        points = sum(known.forget_id is None for known in self.known.values())
        assert edge(self.team).count() == points


@pytest.mark.parametrize("seed", [1, 2])
def test_a_store_does_what_a_dict_would(tmp_path, seed):
    soak = Soak(tmp_path, seed)
    try:
        for _ in range(STEPS):
            soak.step()
        soak.reopen()
        soak.everything()
    finally:
        soak.team.close()
    assert len(soak.done) == 15, f"not every verb was called: {soak.done}"
