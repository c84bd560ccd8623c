"""A handoff as data, as Markdown and as a page of HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from html import escape
from typing import Any

from transactive.records import Attempt, Decision, Handoff, Learning, Memory, Task, speaker


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines."""

    title: str
    lines: Sequence[str]


# --- as text --------------------------------------------------------------------------------------------------------


def as_markdown(handoff: Handoff) -> str:
    """The handoff for a prompt, or for a person; texts are quoted so that they cannot pass for headings."""
    parts = [f"# {_title(handoff)}", ""]
    parts += [f"- **{name}:** {value}" for name, value in _facts(handoff)]
    for section in sections(handoff):
        parts += ["", f"## {section.title}", "", *(f"- {_one_line(line)}" for line in section.lines)]
    if handoff.package.omitted:
        parts += ["", f"_{handoff.package.omitted} further items did not fit._"]
    return "\n".join([*parts, ""])


def as_html(handoff: Handoff) -> str:
    """The handoff as one page of HTML that loads nothing; every text is escaped."""
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(handoff))
    body = "".join(
        f"<section><h2>{escape(section.title)}</h2><ul>"
        + "".join(f"<li>{escape(_held(line))}</li>" for line in section.lines)
        + "</ul></section>"
        for section in sections(handoff)
    )
    more = f"<p>{handoff.package.omitted} further items did not fit.</p>" if handoff.package.omitted else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_title(handoff))}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(_title(handoff))}</h1><dl>{facts}</dl>{body}{more}</main></body></html>"
    )


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f6f6f4;color:#222}"
    "main{max-width:46rem;margin:2rem auto;padding:1.5rem 2rem;background:#fff;border-radius:8px}"
    "h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:1.6rem;border-bottom:1px solid #ddd}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#666}dd{margin:0}"
    "li{white-space:pre-wrap;margin:.3rem 0}"
)


def sections(handoff: Handoff) -> Iterator[Section]:
    """The parts of a handoff that have something in them, in the order in which they are read."""
    package = handoff.package
    entries: Iterable[tuple[str, Iterable[str]]] = (
        ("Why", _given(handoff.reason)),
        ("Notes", _given(handoff.notes)),
        ("Task", _task(package.task)),
        ("What was tried", map(_attempt, package.attempts)),
        ("Answer", _given(None if handoff.answer is None else _plain_text(handoff.answer))),
        ("Decisions", map(_decision, package.decisions)),
        ("What is known", map(_memory, package.memories)),
        ("What was learned", map(_learning, package.learnings)),
        ("Open tasks around it", map(_open, package.tasks)),
        ("How it is connected", (f"{edge}{_confidence(edge.confidence)}" for edge in package.graph.edges)),
        ("Conversation", (f"{m.created_at:%Y-%m-%d %H:%M} {speaker(m)}: {m.text}" for m in package.transcript)),
    )
    for title, lines in entries:
        said = list(lines)
        if said:
            yield Section(title, said)


_MARKS = ("#", ">", "-", "+", "*", "=", "`", "~", "|")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def _title(handoff: Handoff) -> str:
    what = "Escalation" if handoff.kind == "escalation" else "Handoff"
    return f"{what} from {handoff.agent} to {handoff.to}"


def _facts(handoff: Handoff) -> list[tuple[str, str]]:
    found = [("Id", handoff.uid), ("Status", handoff.status), ("Since", f"{handoff.created_at:%Y-%m-%d %H:%M} UTC")]
    if handoff.user is not None:
        found.append(("About", handoff.user))
    if handoff.taken_by is not None:
        found.append(("Taken by", handoff.taken_by))
    if handoff.resolved_by is not None:
        found.append(("Resolved by", handoff.resolved_by))
    return [(name, _one_line(value)) for name, value in found]


def _given(text: str | None) -> list[str]:
    return [] if text is None else [text]


def _task(task: Task | None) -> list[str]:
    if task is None:
        return []
    lines = [task.text, f"status: {task.status}, attempts: {task.attempts}, failures: {task.failures}"]
    lines += [] if task.payload is None else [f"payload: {_plain_text(task.payload)}"]
    lines += [] if task.deadline is None else [f"deadline: {task.deadline:%Y-%m-%d %H:%M} UTC"]
    return lines


def _attempt(attempt: Attempt) -> str:
    ended = attempt.outcome or "goes on"
    why = f": {attempt.reason}" if attempt.reason else ""
    return f"{attempt.number}. {attempt.agent}, {attempt.claimed_at:%Y-%m-%d %H:%M}: {ended}{why}"


def _memory(memory: Memory) -> str:
    verified = ", verified" if memory.verified else ""
    return f"{memory.text} ({memory.agent}, {memory.created_at:%Y-%m-%d}{verified})"


def _decision(decision: Decision) -> str:
    why = f", because {decision.why}" if decision.why else ""
    other = f", instead of {'; '.join(decision.alternatives)}" if decision.alternatives else ""
    return f"{decision.what}{why}{other} ({decision.by}, {decision.memory.created_at:%Y-%m-%d})"


def _learning(learning: Learning) -> str:
    then = f" → {learning.recommendation}" if learning.recommendation else ""
    return f"{learning.outcome}: {learning.what}{then} ({learning.memory.agent})"


def _open(task: Task) -> str:
    who = task.claimed_by or task.assignee
    return f"{task.text} ({task.status}{f', {who}' if who else ''})"


def _confidence(confidence: float) -> str:
    return "" if confidence == 1.0 else f" ({confidence:.0%})"


def _one_line(text: str) -> str:
    """A text as one line that can be neither heading nor list, quote, fence or tag."""
    line = _TAG.sub(r"\\<", " ".join(_held(text).split()))
    return f"\\{line}" if line.startswith(_MARKS) else line


def _held(text: str) -> str:
    """A text without lone surrogates, which no file holds."""
    return text.encode(errors="replace").decode()


def _plain_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- as data --------------------------------------------------------------------------------------------------------


def as_dict(handoff: Handoff) -> dict[str, Any]:
    """The handoff as plain values that JSON holds."""
    plain: dict[str, Any] = _plain(
        asdict(replace(handoff, package=replace(handoff.package, graph=_no_depths(handoff))))
    )
    plain["package"]["graph"] = handoff.package.graph.to_dict()
    return plain


def _no_depths(handoff: Handoff) -> Any:
    return replace(handoff.package.graph, entities=(), edges=(), depths={})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
