"""What a text says is connected, by rules: patterns of English around names, and identifiers that stand for things.

Careful rather than complete: a pattern holds only where a name stands directly before and after it. Only the present
and the lasting is taken ("works at", not "worked at"), and no question and no negation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from transactive.records import Found

CONFIDENCE = 0.7
MAX_TEXT, MAX_SENTENCE = 20_000, 2_000
_WORD = r"[A-Z0-9][\w&'’.+/-]{0,60}"
_PROPER = rf"[A-Z][\w&'’.+/-]{{0,60}}(?: (?:(?:of|de|van|von|&) )?{_WORD}){{0,4}}"
_QUOTED = r"[`\"“][^`\"“”]{1,60}[`\"”]"
_CODED = r"[^\W\d_][^\W_]{0,60}(?:[-_/.][^\W_]{1,60}){1,8}"
_THING = rf"(?:{_QUOTED}|{_CODED}|{_PROPER})"
_STILL = r"(?:(?:now|currently|also|still) )?"

_ROLES = r"(?:an? |the )?(?:[a-z]+ ){0,3}"
_PATTERNS: tuple[tuple[str, str, str, str], ...] = (
    (
        "works_at",
        "person",
        rf"{_STILL}(?:works (?:at|for)|has joined|joined|is employed (?:at|by)|is {_ROLES}(?:at|with))",
        "company",
    ),
    ("reports_to", "person", rf"{_STILL}reports to", "person"),
    ("manages", "person", rf"{_STILL}(?:manages|leads|heads)", "thing"),
    ("lives_in", "person", rf"{_STILL}lives in", "place"),
    ("located_in", "company", r"is (?:located|based|headquartered) in", "place"),
    (
        "part_of",
        "thing",
        r"(?:is (?:a |an |the )?(?:part|subsidiary|division|module|component|member) of|belongs to)",
        "thing",
    ),
    ("depends_on", "thing", rf"{_STILL}(?:depends on|relies on|requires)", "thing"),
    ("uses", "thing", rf"{_STILL}(?:uses|runs on|is built on)", "thing"),
    ("owns", "company", r"(?:owns|has acquired|acquired)", "company"),
    ("relates_to", "thing", r"(?:relates to|is related to|is associated with|is linked to)", "thing"),
)
_COMPILED = tuple(
    (type, source, target, re.compile(rf"(?<![\w&'’.+/-])({_THING}),? {verb} (?:the )?({_THING})"))
    for type, source, verb, target in _PATTERNS
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_IDENTIFIER = re.compile(r"(?<![\w@.-])(?=[\w-]{0,64}\d)[A-Za-z]{2,16}[-_][\w-]{0,63}\w(?![\w@])")
_NOT_NAMES = frozenset(
    re.findall(
        r"\w+",
        "A An And As At But By For From He Her His I If In It Its My No Not Of On Or Our She So That The Their Then "
        "There These They This Those To Up We What When Where Which Who Why You Your Yes Today Tomorrow Yesterday Now "
        "Currently Also Still Nobody None Somebody Someone Everybody Everyone Anybody Anyone Nothing "
        "Everything Something Neither",
    )
)


def connections(text: str) -> list[Found]:
    """The connections that a text states, and the identifiers and addresses that it names; each once, in order.

    Of a text, the first 20,000 characters are read, and of a sentence 2,000.
    """
    some = text[:MAX_TEXT]
    found = [*_stated(some), *_named(some)]
    return list({(f.source, f.type, f.target): f for f in found}.values())


def _stated(text: str) -> Iterator[Found]:
    for sentence in _SENTENCE.split(text):
        if sentence.rstrip().endswith("?"):
            continue
        for type, source, target, pattern in _COMPILED:
            for match in pattern.finditer(sentence[:MAX_SENTENCE]):
                one, other = _name(match[1]), _name(match[2])
                if one and other and one.casefold() != other.casefold():
                    yield Found(source=(source, one), type=type, target=(target, other), confidence=CONFIDENCE)


def _named(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text):
        yield Found(source=("email", match[0].rstrip(".")), confidence=1.0)
    for match in _IDENTIFIER.finditer(text):
        yield Found(source=("identifier", match[0]), confidence=1.0)


def _name(said: str) -> str:
    """A name without what only stands beside it; empty when nothing is left."""
    name = said.strip('`"“”').rstrip(".,;:'’")
    for suffix in ("'s", "’s"):
        name = name.removesuffix(suffix)
    first, _, rest = name.partition(" ")
    while first in _NOT_NAMES:
        first, _, rest = rest.partition(" ")
        name = f"{first} {rest}".strip()
    return name
