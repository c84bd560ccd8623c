"""Packs hits into a prompt's token budget, cited."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transactive.errors import InvalidInput
from transactive.records import Context, Hit, Memory, Recall
from transactive.rules.dates import in_words


def cited_line(number: int, memory: Memory) -> str:
    """One memory as a line of a prompt: `[1] (8 May 2026, billing) text`; line breaks inside become spaces."""
    date = in_words(memory.created_at)
    return f"[{number}] ({date}, {' '.join(memory.agent.split())}) " + " ".join(memory.text.split())


def pack(hits: Sequence[Hit] | Recall, budget: int, count_tokens: Callable[[str], int]) -> Context:
    """The best hits, in order, whose lines fit the budget together; a hit that does not fit is passed over."""
    if not callable(count_tokens):
        raise InvalidInput(f"count_tokens is a function from a text to a number, not {count_tokens!r:.40}")
    lines: list[str] = []
    taken: list[Hit] = []
    spent = 0  # by the lines one by one, which is seldom less than what they take together
    for hit in hits:
        line = cited_line(len(taken) + 1, hit.memory)
        alone = count_tokens(line + "\n")
        if spent + alone <= budget or count_tokens("\n".join([*lines, line])) <= budget:
            lines.append(line)
            taken.append(hit)
            spent += alone
    text = "\n".join(lines)
    while (tokens := count_tokens(text) if text else 0) > budget:
        lines.pop()
        taken.pop()
        text = "\n".join(lines)
    return Context(
        text=text,
        hits=tuple(taken),
        tokens=tokens,
        omitted=len(hits) - len(taken),
        degraded=isinstance(hits, Recall) and hits.degraded,
        reason=hits.reason if isinstance(hits, Recall) else None,
    )
