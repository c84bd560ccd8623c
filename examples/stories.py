"""What the demo plays: a week of support written for this project, or conversations of a LoCoMo file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CONVERSATIONS = "support/conversations"
DROPPED = (
    "Dropped on 6 May: Northwind's failures were not about certificates. ERR-TLS-0x1F means that the two sides share "
    "no TLS version, and their old load balancer speaks 1.2 at most."
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that an agent remembers: a turn of a conversation, a finding for all, or a private note."""

    id: str
    agent: str
    text: str
    at: datetime
    namespace: str | None = None
    """None for the agent's private one."""
    user: str | None = None
    session: str | None = None
    source: str | None = None
    kind: Any = None
    importance: float | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Question:
    """What an agent asks, which items answer it, and which it must never find."""

    asker: str
    text: str
    user: str | None = None
    evidence: frozenset[str] = frozenset()
    must_not: frozenset[str] = frozenset()
    paraphrase: str | None = None
    """The same in words of which the answer has hardly any."""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything that happens, in order of time, and what is asked afterwards."""

    title: str
    items: tuple[Item, ...]
    questions: tuple[Question, ...]
    readers: dict[str, str]
    """Who takes no part: agent → the namespace of the conversation that it may read."""
    corrected: str
    """The item that turns out wrong."""
    correction: str
    """What is right instead."""
    least: float = 0.0
    """The share of questions that have to be answered."""
    erased: str | None = None
    """The customer who asks in the end to be forgotten."""

    @property
    def agents(self) -> list[str]:
        """Who remembers, in order of appearance."""
        return list(dict.fromkeys(item.agent for item in self.items))

    @property
    def conversations(self) -> dict[str, list[str]]:
        """The namespace of each conversation, with the agents that take part in it."""
        found: dict[str, dict[str, None]] = {}
        for item in self.items:
            if item.namespace is not None and item.session is not None:
                found.setdefault(item.namespace, {})[item.agent] = None
        return {namespace: list(agents) for namespace, agents in found.items()}


# --- the project's own week -----------------------------------------------------------------------------------------


def support_week(path: Path) -> Story:
    """Three agents of a support team and two customers."""
    week = json.loads(path.read_text(encoding="utf-8"))
    items = [*_turns(week), *_notes(week, "published", "team/shared"), *_notes(week, "private", None)]
    return Story(
        title=week["title"],
        items=tuple(sorted(items, key=lambda item: item.at)),
        questions=tuple(
            Question(
                asker=asked["asker"],
                text=asked["question"],
                user=asked["user"],
                evidence=frozenset(asked["evidence"]),
                must_not=frozenset(asked.get("must_not", ())),
                paraphrase=asked.get("paraphrase"),
                why=asked["why"],
            )
            for asked in week["questions"]
        ),
        readers={},
        corrected="published:4",
        correction=DROPPED,
        least=0.8,
        erased="cust_77",
    )


def _turns(week: dict[str, Any]) -> Iterator[Item]:
    """A customer writes nothing here: the agent in the chat records the words, and `source` says whose they are."""
    for session in week["sessions"]:
        for turn in session["turns"]:
            yield Item(
                id=turn["id"],
                agent=turn["recorded_by"],
                text=turn["text"],
                at=datetime.fromisoformat(turn["at"]),
                namespace=CONVERSATIONS,
                user=session["user"],
                session=session["id"],
                source="customer" if turn["speaker"] == "customer" else None,
            )


def _notes(week: dict[str, Any], which: str, namespace: str | None) -> Iterator[Item]:
    for number, note in enumerate(week[which]):
        yield Item(
            id=f"{which}:{number}",
            agent=note["agent"],
            text=note["text"],
            at=datetime.fromisoformat(note["at"]),
            namespace=namespace,
            user=note["user"],
            kind=note.get("kind"),
            importance=note["importance"],
            tags=note.get("tags", ()),
        )


# --- LoCoMo ---------------------------------------------------------------------------------------------------------


def locomo(path: Path) -> Story:
    """Conversations of two people each: their turns, and as private notes what pictures each of them looked for."""
    samples = json.loads(path.read_text(encoding="utf-8"))
    items = [item for sample in samples for item in _spoken(sample)]
    questions = [question for sample in samples for question in _asked(sample)]
    names = [sample["sample_id"] for sample in samples]
    noted = next(item for item in items if item.namespace is None)
    return Story(
        title=f"LoCoMo, {len(samples)} conversation{'s' if len(samples) > 1 else ''}",
        items=tuple(items),
        questions=(*questions, *_forbidden(items, questions)),
        readers={_reader(name): f"conversations/{name}" for name in names},
        corrected=noted.id,
        correction=f"{noted.text}; and found one",
    )


def _reader(conversation: str) -> str:
    return f"reader of {conversation}"


def _spoken(sample: dict[str, Any]) -> Iterator[Item]:
    name, conversation = sample["sample_id"], sample["conversation"]
    numbers = sorted(int(key.split("_")[1]) for key in conversation if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        said = conversation[f"session_{number}_date_time"]
        start = datetime.strptime(said, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for place, turn in enumerate(conversation[f"session_{number}"]):
            at = start + timedelta(seconds=30 * place)
            caption = f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            yield Item(
                id=f"{name}/{turn['dia_id']}",
                agent=turn["speaker"],
                text=turn["text"] + caption,
                at=at,
                namespace=f"conversations/{name}",
                session=f"{name}/{number}",
            )
            if turn.get("query"):
                note = f"I looked for a picture: {turn['query']}"
                yield Item(id=f"{name}/{turn['dia_id']}/note", agent=turn["speaker"], text=note, at=at)


def _asked(sample: dict[str, Any]) -> Iterator[Question]:
    """The questions of categories 1 to 4; the evidence of the fifth is another speaker's turn by design."""
    name = sample["sample_id"]
    known = {item.id for item in _spoken(sample)}
    for asked in sample["qa"]:
        pairs = re.findall(r"D:?(\d+):(\d+)", " ".join(asked["evidence"]))
        evidence = frozenset(f"{name}/D{int(a)}:{int(b)}" for a, b in pairs) & known
        if evidence and asked["category"] <= 4:
            yield Question(asker=_reader(name), text=asked["question"], evidence=evidence)


def _forbidden(items: Sequence[Item], questions: Sequence[Question]) -> Iterator[Question]:
    """Each reader asks another conversation's question, and for a private note word by word."""
    readers = list(dict.fromkeys(question.asker for question in questions))
    private = [item for item in items if item.namespace is None]
    for place, reader in enumerate(readers):
        other = next((q for q in questions if q.asker == readers[place - 1] and q.asker != reader), None)
        if other is not None:
            yield Question(
                asker=reader, text=other.text, must_not=other.evidence, why="It belongs to another conversation."
            )
        if private:
            note = private[place * len(private) // len(readers)]
            yield Question(
                asker=reader, text=note.text, must_not=frozenset({note.id}), why=f"A private note of {note.agent}."
            )
