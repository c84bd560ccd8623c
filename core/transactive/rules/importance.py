"""How important a text is, without a language model: importance = σ(b + Σ wᵢ·fᵢ + w_novelty·(novelty − ½)), in [0, 1].

The features fᵢ, each in [0, 1], are counts of marks in the text, capped: what decides, commits, corrects, reports an
incident, sets a rule, or is specific (numbers, names, identifiers, dates) speaks for it; hedges, acknowledgements,
small talk and broken-off sentences against it. Novelty = 1 − cosine to the nearest memory of the namespace, ½ where
that was not looked up. The weights are those of a logistic regression, rounded, on the second hundred sentences of
benchmarks/importance.jsonl and, with half their weight, the turns of two LoCoMo conversations;
benchmarks/importance.py measures them on the first hundred and on the other conversations.
"""

from __future__ import annotations

import math
import re

_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = r"january|february|march|april|june|july|august|september|october|november|december"


def _any(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w])(?:{pattern})(?![\w])", re.IGNORECASE)


_MARKS: dict[str, tuple[re.Pattern[str], int]] = {
    "decision": (
        _any(
            r"decid\w+|decision|agreed|approv\w+|cho(?:se|sen)|pick(?:ed)?|settled on|going with"
            r"|sign(?:ed)? off|reject\w*"
            r"|abolish\w*|cancel\w*|postpone\w*|final\w*|from now on|plan [a-d]|vot(?:e|ed)|adopt\w*|switch\w* to"
            r"|we(?:'re| are) (?:not |now )?\w+ing|we (?:use|go|keep|drop|stop|start|stick)|unanimous\w*|it is\.$"
            r"|not \w+ing|stays?|instead of|against"
        ),
        2,
    ),
    "commitment": (
        _any(
            r"(?:i|we|he|she|they)(?:'ll| will| shall)|promis\w+|guarantee\w*|commit\w*|undertakes?|vouch|owes?|due"
            r"|deadline|count on|(?:his|her|their|my|our) word|confirmed|i'm (?:doing|bringing|taking|covering|sending)"
            rf"|by (?:the|{_DAY}|noon|tomorrow|tonight|next|end|eod|\d)|no later than|within|before the|will be"
        ),
        2,
    ),
    "correction": (
        _any(
            r"actually|wrong\w*|mistake\w*|correct(?:ion|ed)|misread|false|turns? out|no longer|not valid|outdated"
            r"|(?:i|we) (?:said|told|posted|reported|wrote)|earlier|other way (?:round|around)|in fact|retract\w*"
            r"|(?:is|was|are|were|it's|the)\b[^,.;]{0,40}, not|not [^,.;]{1,30}[,;:] (?:but|the|it)|(?:is|was)n't"
            r"|doesn't|didn't|does not|did not|chang\w+|nope|rather than|after all"
        ),
        2,
    ),
    "incident": (
        _any(
            r"fail\w*|errors?|outages?|down|crash\w*|brok?en?|broke|lost|los(?:e|ing)|leak\w*|stuck|suspended|missing"
            r"|shut|breach\w*|corrupt\w*|damag\w+|diverged|injur\w+|burn\w*|incident|bug|root cause"
            r"|roll(?:ed)? back|died"
            r"|allerg\w+|emergency|time[ds]? ?out|block\w*|expired|stolen|accident\w*|hospital\w*|froze|flood\w*|twice"
            r"|ran out|out of|wrongly|unreachable|delete[ds]?|recall\w*|thawed|collaps\w+|bounced|pushed"
        ),
        2,
    ),
    "rule": (
        _any(
            r"always|never|must(?:n't)?|only|no exceptions|forbidden|required?|needs? (?:to|a)|ha(?:s|ve) to|mandatory"
            r"|don't|do not|cannot|can't|without|unless|until|except|at most|at least|no more than|prefers?|wants?"
            r"|not allowed|nobody|anyone|every|limit\w*|maximum|minimum|above|below|on purpose|no \w+ before"
        ),
        2,
    ),
    "hedge": (
        _any(
            r"maybe|perhaps|possibly|probably|might|h+m+|um|uh|er|not sure|(?:i )?don't know|idk|dunno|no idea|or not"
            r"|something (?:like|with|in|about)|or something|somehow|somewhat|thinking|wonder\w*|toying|tbd|todo|draft"
            r"|wip|i mean|never mind|nvm|whatever|sort of|kind of|kinda|could|would|i guess|i suppose|half|rough\w*"
            r"|let me think|an? (?:thought|idea)|what if|random|note to self|one (?:could|would|idea|more idea)|lose"
        ),
        2,
    ),
    "acknowledgement": (
        _any(
            r"ok\w{0,2}|oki doki|thanks?|thx|ty|thank you|cheers|merci|got it|sure|great|cool|nice|perfect"
            r"|lovely|awesome"
            r"|sounds good|will do|understood|noted|roger|received|receipt|fine (?:by|with) me|you're welcome|yep|yup"
            r"|right you are|as expected|in (?:good )?order|read it|all clear|makes sense|no (?:worries|problem|need)"
            r"|aha|good,? good|loud and clear|nothing to add|if you say so|my pleasure|agreed|clear"
            r"|appreciate\w*|moving on"
        ),
        2,
    ),
    "small talk": (
        _any(
            r"lol|ha(?:ha)+|omg|guys|folks|yawn|la la|funny|weird|lunch|breakfast|coffee|tea|weekend"
            r"|birthday|hello|hi|hey"
            r"|good (?:morning|evening|night)|bye|see you|asking for a friend|is it just me|does anyone"
            r"|anyone else|who's"
            r"|my (?:cat|dog|kid|son|daughter|neighbour|head)|so+|honestly|frankly|apparently|somehow|weather|rain\w*"
            r"|congrat\w*|happy|sad|proud|terrible|useless|as we speak|day (?:two|three)|again|forever"
            r"|literally|how does"
        ),
        2,
    ),
    "addresses": (_any(r"you|your|yours|you're|you've|yourself"), 2),
    "reports": (_any(r"was|were|had|went|got|made|took|gave|came|found|\w{2,}ed"), 2),
    "specifics": (re.compile(r"\d[\d.,:/%-]*|[\w.]+@[\w.]+|\b\w+[_/-]\d+\w*|\w+_\w+|--\w+|[€$£%]"), 2),
    "dates": (_any(rf"{_DAY}s?|{_MONTH}|\d+(?:st|nd|rd|th)|\d{{4}}-\d\d-\d\d|tomorrow|tonight|noon|spring|autumn"), 1),
    "names": (re.compile(r"(?<=[a-z,;:] )[A-Z][a-zß-ÿ]{2,}"), 2),
    "statement": (_any(r"the|our|my|her|his|their|all|is|are|has|been|we"), 4),
}
_BROKEN_OFF = re.compile(
    r"(?:[,…]|\.\.\.|\b(?:and|or|but|the|a|it|it's|about|that|to|of|with|is)|\)|\?\?)\s*$", re.IGNORECASE
)
_EXCITED = re.compile(r"!!|[\U0001F300-\U0001FAFF]|(\w)\1\1|\?\s*\?")

WEIGHTS: dict[str, float] = {
    "decision": 0.8,
    "commitment": 0.8,
    "correction": 0.9,
    "incident": 0.7,
    "rule": 0.6,
    "hedge": -1.4,
    "acknowledgement": -1.0,
    "small talk": -1.0,
    "addresses": -0.4,
    "reports": 0.6,
    "specifics": 0.1,
    "dates": 0.8,
    "names": 0.8,
    "statement": 0.9,
    "broken off": -0.3,
    "excited": -0.2,
    "question": -0.3,
    "length": 0.3,
}
BIAS = -0.6
NOVELTY = 0.8


def features(text: str) -> dict[str, float]:
    """Every feature of a text, in [0, 1]."""
    some = text[:4000].replace("’", "'")
    found = {name: min(1.0, len(pattern.findall(some)) / most) for name, (pattern, most) in _MARKS.items()}
    found["broken off"] = float(_BROKEN_OFF.search(some) is not None)
    found["excited"] = float(_EXCITED.search(some) is not None)
    found["question"] = float("?" in some)
    found["length"] = min(1.0, math.log2(1 + len(some.split())) / 6)
    return found


def salience(text: str) -> float:
    """What the text alone says of its importance, as a logit."""
    return BIAS + sum(WEIGHTS[name] * value for name, value in features(text).items())


def score(text: str, novelty: float | None = None) -> float:
    """The importance of a text, in [0, 1]; `novelty` in [0, 1], None where it was not looked up."""
    surprise = 0.0 if novelty is None else NOVELTY * (min(1.0, max(0.0, novelty)) - 0.5)
    return round(1.0 / (1.0 + math.exp(-(salience(text) + surprise))), 3)
