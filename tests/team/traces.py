"""Words that occur nowhere else, a store that has a customer's all over it, and a search for them through its files."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from tests.team.stores import Clock, opened
from transactive import Memory, NewMemory, Policy, TeamMemory
from transactive.records import Extracted
from transactive.testing import HashEmbedder

_LETTERS = "bcdfghjklmnpqrtvwxz"  # no vowel, no s and no y: the stemmer leaves such a word as it is
_TAIL = 10
_RUN = re.compile(b"[%b]{%d,}" % (_LETTERS.encode(), _TAIL))
_ROOT = Path(__file__).resolve().parents[2]


def rare(*seed: object) -> str:
    """A word of fourteen letters, always the same for a seed, that no file holds by chance."""
    digest = hashlib.blake2b(repr(seed).encode(), digest_size=14).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest)


def leaks(folder: Path, words: Iterable[str]) -> set[str]:
    """Each of these words that any file of a folder still holds, in UTF-8 or UTF-16, as `file: word`.

    The full text keeps a word in lower case and without the letters that it shares with the one before, so that its
    last ten are looked for.
    """
    wanted = {word[-_TAIL:].encode(): word for word in words}
    found: set[str] = set()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            held = _RUN.findall(file.read_bytes().replace(b"\0", b"").lower())  # without zeros, UTF-16 is UTF-8
            tails = {run[start : start + _TAIL] for run in held for start in range(len(run) - _TAIL + 1)}
            found.update(f"{file.relative_to(folder)}: {wanted[tail]}" for tail in tails & wanted.keys())
    return found


def found_in(folder: Path, words: Iterable[str]) -> set[str]:
    """Those of these words that some file holds."""
    return {place.rpartition(": ")[2] for place in leaks(folder, words)}


class Customer:
    """One user of the store, and the words that only this user's memories hold."""

    def __init__(self, name: str) -> None:
        self.name = f"cust-{rare('user', name)}"
        self.texts: list[str] = []
        self.labels: list[str] = [self.name]
        """Words of tags, metadata, sources and the name."""

    def word(self, *seed: object) -> str:
        """A word for a text."""
        self.texts.append(rare(self.name, len(self.texts), *seed))
        return self.texts[-1]

    def label(self, *seed: object) -> str:
        """A word for a tag or for metadata."""
        self.labels.append(rare(self.name, "label", len(self.labels), *seed))
        return self.labels[-1]

    def item(self, number: int, size: int = 100) -> NewMemory:
        """A memory of about so many bytes, with rare words at its beginning, in its middle and at its end."""
        half = (size - 3 * 15) // 2
        filling = ("paid in full on the day " * (half // 24 + 1))[:half]
        text = f"{self.word(number)} {filling} {self.word(number)} {filling} {self.word(number)}"
        metadata = {"card": self.label(), "nested": {"street": self.label()}, "n": number}
        return NewMemory(
            text=text, user=self.name, kind="episodic", tags=[self.label()], metadata=metadata, source=self.label()
        )


def extractor(turns: Sequence[Memory]) -> list[Extracted]:
    """Each turn is a fact."""
    return [Extracted(text=f"It was said: {turn.text}", turns=[n]) for n, turn in enumerate(turns)]


def live(team: TeamMemory, clock: Clock, customer: Customer) -> None:
    """Whatever a store can make of what it is told about somebody: copies, variants, versions, windows, summaries."""
    ana, ben = (team.agent(name, user=customer.name) for name in ("ana", "ben"))
    team.namespaces.configure("team/**", Policy(duplicate_at=0.0))
    note = ana.remember(f"Owes {customer.word()}.", tags=[customer.label()], metadata={"iban": customer.label()})
    ana.promote(note.uid)
    same = ben.remember(f"Owes {customer.texts[-1]} {customer.word('variant')}.")
    assert team.get(ben.promote(same.uid).uid).promoted_from == note.uid, "one corroborates the other, reworded"
    ana.publish(f"Likes {customer.word()}.", metadata={"colour": customer.label()})
    ben.publish(f"Likes {customer.texts[-1]} {customer.word('variant')}.")

    for _ in range(4):
        ana.revise(note.uid, text=f"Owes {customer.word('revised')}.", metadata={"iban": customer.label()})
    ana.correct(note.uid, f"Owes nothing: {customer.word('corrected')}.")
    ana.forget(ana.remember(f"A mistake: {customer.word('forgotten')}.").uid)
    ana.remember("first", id=customer.label("foreign id"))
    ana.forget(customer.labels[-1])
    ana.remember("again", id=customer.labels[-1])

    with ana.session(metadata={"ticket": customer.label()}, summary=True) as session:
        for _ in range(6):
            session.remember(f"Said {customer.word('turn')} then.")
        ben.remember(f"Answered {customer.word('turn')}.", session=session.id)
    ana.observe([{"role": "user", "content": f"My name is {customer.word('observed')}", "name": customer.label()}])
    assert team.wait(30)

    for _ in range(5):
        ben.remember(f"Small talk of {customer.word('old')}.", kind="episodic", importance=0.1)
    clock.advance(timedelta(days=2))
    assert ben.compact(older_than="1d", max_importance=0.1, summarizer=joined).condensed == 5
    carl = team.agent("carl")
    carl.remember(
        f"What ana says of {customer.word('derived')}.", derived_from=[team.list({"user": customer.name})[0].uid]
    )


def joined(memories: Sequence[Memory]) -> str:
    """A summary that quotes everything."""
    return " and ".join(memory.text for memory in memories)


def reopened(path: str | Path, clock: Clock, **options: object) -> TeamMemory:
    """The store of `peopled`; texts that share words are near each other in it, so that a rewording is recognised."""
    return opened(path, clock=clock, embedder=HashEmbedder(), extractor=extractor, **options)


def peopled(path: Path, clock: Clock, *, each: int = 120, **options: object) -> tuple[TeamMemory, Customer, Customer]:
    """A store with two customers whose memories lie side by side on every page, short and long; all of it flushed."""
    team = reopened(path, clock, **options)
    one, other = Customer("one"), Customer("other")
    team.grant("*", "agents/**", "read")
    for number in range(each):
        size = 9_000 if number % 40 == 39 else 100
        pair = [one.item(number, size), other.item(number, size)]
        if number % 3:
            team.remember_many(pair if number % 2 else pair[::-1], namespace="team/shared")
        else:
            team.remember_many(pair, namespace=f"agents/agent-{number % 7}")
    for customer in (one, other):
        live(team, clock, customer)
    team.maintain(build=False)
    return team, one, other


def runs(code: str, *arguments: str | Path) -> int:
    """Run a program in a process of its own; how it ended."""
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, timeout=120, check=False)
    return ended.returncode
