"""What `crash.py` knows of its store, and what it looks at after a kill."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from transactive import Memory, TeamMemory
from transactive.embedding.protocol import embed_documents
from transactive.errors import NotFound
from transactive.index.edge import EdgeIndex
from transactive.index.generations import Generations
from transactive.ledger.events import audit_hash
from transactive.paths.rebuild import unfinished
from transactive.store import Store


@dataclass(frozen=True, slots=True)
class Held:
    """One memory, as it was acknowledged."""

    uid: str
    agent: str
    text: str
    version: int


@dataclass
class Model:
    """Every memory by its key, the identifier that its text begins with."""

    live: dict[str, Held] = field(default_factory=dict)
    gone: dict[str, Held] = field(default_factory=dict)
    forgets: dict[str, list[str]] = field(default_factory=dict)
    """The keys that one acknowledged `forget` took, by its id."""
    open: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Calls that began and were not acknowledged."""
    touched: set[str] = field(default_factory=set)

    def begin(self, message: dict[str, Any]) -> None:
        """A call begins."""
        self.open[message["begin"]] = message

    def done(self, message: Mapping[str, Any]) -> int:
        """A call was acknowledged; returns how many memories it remembered."""
        call = self.open.pop(message["done"])
        self._apply(call, message["ids"], message["version"])
        if message["forget_id"] is not None:
            self.forgets[message["forget_id"]] = list(call["texts"])
        return len(call["texts"]) if call["verb"] == "remember" else 0

    def _apply(self, call: Mapping[str, Any], ids: Mapping[str, str], version: int | None) -> None:
        for key, text in call["texts"].items():
            self.touched.add(key)
            if call["verb"] == "remember":
                self.live[key] = Held(ids[key], call["agent"], text, 1)
            elif call["verb"] == "revise":
                assert version is not None
                self.live[key] = replace(self.live[key], text=text, version=version)
            elif call["verb"] == "forget":
                self.gone[key] = self.live.pop(key)
            else:
                self.live[key] = self.gone.pop(key)
        if call["verb"] == "undo":
            self.forgets = {id: keys for id, keys in self.forgets.items() if not set(keys) & set(call["texts"])}

    def settle(self, found: Mapping[str, Memory]) -> tuple[int, list[str]]:
        """Take every open call as happened or not, as the store has it; how many had, and those that did so in part."""
        happened, faults = 0, []
        for call in self.open.values():
            outcomes = {self._happened(call["verb"], key, text, found) for key, text in call["texts"].items()}
            if len(outcomes) > 1:
                faults.append(f"half of one {call['verb']} of {len(call['texts'])} memories happened: {call['texts']}")
            elif outcomes == {True}:
                happened += 1
                ids = {key: found[key].uid for key in call["texts"] if key in found}
                version = next((found[key].version for key in ids), None)
                self._apply(call, ids, version)
        self.open.clear()
        return happened, faults

    def _happened(self, verb: str, key: str, text: str, found: Mapping[str, Memory]) -> bool:
        if verb == "revise":
            old, memory = self.live[key], found.get(key)
            return memory is not None and (memory.text, memory.version) == (text, old.version + 1)
        return (key in found) == (verb != "forget")

    def some_live(self, agent: str, chosen: random.Random, most: int = 300) -> dict[str, str]:
        """At most `most` of an agent's memories: key → uid."""
        own = [key for key, held in self.live.items() if held.agent == agent]
        return {key: self.live[key].uid for key in chosen.sample(own, min(most, len(own)))}

    def some_gone(self, agent: str, most: int = 20) -> dict[str, dict[str, str]]:
        """The last that an agent forgot: id of the forget → key → uid."""
        own = {id: keys for id, keys in self.forgets.items() if self.gone[keys[0]].agent == agent}
        return {id: {key: self.gone[key].uid for key in own[id]} for id in list(own)[-most:]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """An open store, and how closely to look."""

    team: TeamMemory
    swept: bool
    """No builder was alive when it was opened, so nothing that one left may remain."""
    random: random.Random
    others: int = 40
    """How many memories to recall beside those that were touched last."""

    @property
    def store(self) -> Store:
        """What the open store consists of."""
        return self.team._engine.store  # pyright: ignore[reportPrivateUsage]  # there is no public way to the index

    @property
    def index(self) -> EdgeIndex:
        """The index of the store."""
        index = self.store.index
        assert isinstance(index, EdgeIndex)
        return index


def inspect(sight: Sight, model: Model) -> tuple[int, list[str]]:
    """Settle what was open, then compare everything: how many open calls had happened, and every fault."""
    memories = list(every_memory(sight.team))
    found = {memory.text.partition(":")[0]: memory for memory in memories}
    happened, faults = model.settle(found)
    doubled = [text for text, number in Counter(m.text.partition(":")[0] for m in memories).items() if number > 1]
    faults += [f"twice: {key}" for key in doubled]
    checks: list[Callable[[], Iterator[str]]] = [
        lambda: lost_or_strange(model, found),
        lambda: ledger_faults(sight.team.path),
        lambda: index_faults(sight, model),
        lambda: recall_faults(sight, model),
        lambda: folder_faults(sight),
    ]
    for check in checks:
        faults += list(check())
    model.touched.clear()
    return happened, faults


def every_memory(team: TeamMemory) -> Iterator[Memory]:
    """All that the owner can list."""
    after: str | None = None
    while True:
        page = team.list(order_by="created_at", limit=1000, after=after)
        yield from page
        after = page.next
        if after is None:
            return


def lost_or_strange(model: Model, found: Mapping[str, Memory]) -> Iterator[str]:
    """What is listed is what was acknowledged, to the letter."""
    for key in model.live.keys() - found.keys():
        yield f"lost: {key}"
    for key in found.keys() - model.live.keys():
        yield f"{'back again' if key in model.gone else 'never acknowledged'}: {key}"
    for key in model.live.keys() & found.keys():
        held, memory = model.live[key], found[key]
        if (held.uid, held.agent, held.text, held.version) != (memory.uid, memory.agent, memory.text, memory.version):
            yield f"not as acknowledged: {held} is {memory}"


# --- the ledger -------------------------------------------------------------------------------------------------------

_NONE = {
    "memories whose events end at another version": "SELECT uid FROM memories LEFT JOIN "
    "(SELECT uid, max(version) AS last FROM events GROUP BY uid) USING (uid) WHERE version IS NOT last",
    "events of no memory": "SELECT number FROM events WHERE uid NOT IN (SELECT uid FROM memories)",
    "memories without all their revisions": "SELECT uid FROM memories LEFT JOIN "
    "(SELECT uid, count(*) AS former FROM revisions GROUP BY uid) USING (uid) WHERE version - 1 != ifnull(former, 0)",
    "memories without all their attributes": "SELECT uid FROM memories LEFT JOIN "
    "(SELECT uid, count(*) AS held FROM attributes GROUP BY uid) USING (uid) WHERE held IS NOT 5",
    "memories with the number of another": "SELECT uid FROM memories JOIN attributes USING (uid) "
    "WHERE path = 'n' AND value != json_extract(metadata, '$.n')",
    "memories in an unknown namespace": "SELECT uid FROM memories WHERE namespace NOT IN (SELECT path FROM namespaces)",
    "memories of an unknown session": "SELECT uid FROM memories "
    "WHERE session IS NOT NULL AND session NOT IN (SELECT id FROM sessions)",
    "broken references": "PRAGMA foreign_key_check",
}


def ledger_faults(folder: Path) -> Iterator[str]:
    """Gap-free numbers, an unbroken chain, and tables that agree."""
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        last_event, last_audit, last_hash = ledger.execute(
            "SELECT last_event, last_audit, last_audit_hash FROM heads"
        ).fetchone()
        numbers = [number for (number,) in ledger.execute("SELECT number FROM events ORDER BY number")]
        if numbers != list(range(1, last_event + 1)):
            yield f"events have a gap: {len(numbers)} of {last_event}"
        yield from _chain_faults(ledger, last_audit, last_hash)
        for what, query in _NONE.items():
            wrong = ledger.execute(query).fetchall()
            if wrong:
                yield f"{len(wrong)} {what}, such as {wrong[0]}"
        ((integrity,),) = ledger.execute("PRAGMA integrity_check").fetchall()
        if integrity != "ok":
            yield f"SQLite says {integrity}"
        for table in ("memory_text", "revision_text"):
            try:
                ledger.execute(f"INSERT INTO {table}({table}, rank) VALUES ('integrity-check', 1)")
            except sqlite3.DatabaseError as error:
                yield f"the full text {table} is not what its table says: {error}"
        ledger.rollback()


def _chain_faults(ledger: sqlite3.Connection, last: int, last_hash: bytes) -> Iterator[str]:
    columns = "number, at, principal, action, target, count, details"
    rows = ledger.execute(f"SELECT {columns}, hash FROM audit ORDER BY number").fetchall()
    if [row[0] for row in rows] != list(range(1, last + 1)):
        yield f"audit numbers have a gap: {len(rows)} of {last}"
    previous = bytes(32)
    for *values, kept in rows:
        row = dict(zip(columns.split(", "), values, strict=True))
        previous = audit_hash(previous, {**row, "details": json.loads(row["details"])})
        if previous != kept:
            yield f"the audit's chain breaks at {row['number']}"
            return
    if previous != last_hash:
        yield "the audit's last hash is not the head's"
    told = sum(row[5] for row in rows)
    ((happened,),) = ledger.execute("SELECT count(*) FROM events").fetchall()
    if told != happened:
        yield f"the audit tells of {told} changes, the events of {happened}"


# --- the index --------------------------------------------------------------------------------------------------------


def index_faults(sight: Sight, model: Model) -> Iterator[str]:
    """One point for each live memory, with the vector of its present text."""
    points = sight.index.count()
    if points != len(model.live):
        yield f"the index has {points} points for {len(model.live)} memories"
    texts = {held.uid: held.text for held in model.live.values()}
    vectors = sight.index.vectors(list(texts))
    held = [uid for uid in texts if uid in vectors]
    if len(held) < len(texts):
        yield f"{len(texts) - len(held)} memories have no point"
    if held:
        wanted = embed_documents(sight.store.encoders.embedder, [texts[uid] for uid in held])
        likeness = np.sum(wanted * np.stack([vectors[uid] for uid in held]), axis=1)
        for place in np.flatnonzero(likeness < 0.999):
            yield f"the vector of {texts[held[place]]!r} is that of another text (cosine {likeness[place]:.3f})"


def recall_faults(sight: Sight, model: Model) -> Iterator[str]:
    """What was remembered is found and got, what was forgotten is not."""
    for key in _chosen(sight, model, model.live):
        held = model.live[key]
        hits = sight.team.recall(f"what was said about {key}?", limit=1)
        if [(hit.memory.uid, hit.memory.text) for hit in hits] != [(held.uid, held.text)]:
            yield f"not found: {held.text!r}, but {[hit.memory.text for hit in hits]}"
        if sight.team.get(held.uid).text != held.text:
            yield f"not got: {held.text!r}"
    for key in _chosen(sight, model, model.gone):
        uid = model.gone[key].uid
        if any(hit.memory.uid == uid for hit in sight.team.recall(f"what was said about {key}?", limit=5)):
            yield f"forgotten, but found: {key}"
        try:
            sight.team.get(uid)
        except NotFound:
            continue
        yield f"forgotten, but got: {key}"


def _chosen(sight: Sight, model: Model, held: Mapping[str, Held]) -> list[str]:
    """What the last round touched (at most 120), and some others."""
    touched = sorted(model.touched & held.keys())
    others = sorted(held.keys() - model.touched)
    return [
        *sight.random.sample(touched, min(120, len(touched))),
        *sight.random.sample(others, min(sight.others, len(others))),
    ]


def folder_faults(sight: Sight) -> Iterator[str]:
    """The folder of the index holds the generation in use, perhaps a rebuild to go on with, and nothing else."""
    if not sight.swept:
        return
    current = Generations(sight.team.path / "index").current()
    if current is None or current.folder.name != sight.index.generation:
        yield f"CURRENT names {current and current.folder.name}, in use is {sight.index.generation}"
    with sight.store.ledger.read() as connection:
        noted = unfinished(connection)
    expected = {"CURRENT", "owner.lock", sight.index.generation, str(noted and noted["generation"])}
    left = {path.name for path in (sight.team.path / "index").iterdir()} - expected
    if left:
        yield f"left in the index folder: {', '.join(sorted(left))}"
