"""The words and phrases that mark a text as important or not: data for `rules.importance`, in lower case.

Each entry is a regular expression for whole words (`_WORDS`) or for whole phrases (`_PHRASES`).
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = r"january|february|march|april|june|july|august|september|october|november|december"

_WORDS: dict[str, str] = {
    "decision": (
        r"decid\w+|decision|agreed|approv\w+|chose|chosen|pick(?:ed)?|reject\w*|abolish\w*|cancel\w*|postpone\w*"
        r"|final\w*|voted?|adopt\w*|unanimous\w*|stays?|against"
    ),
    "commitment": (
        r"(?:i|we|he|she|they)'ll|promis\w+|guarantee\w*|commit\w*|undertakes?|vouch|owes?|due|deadline|confirmed|within"
    ),
    "correction": (
        r"actually|wrong\w*|mistake\w*|correction|corrected|misread|false|outdated|earlier|retract\w*|(?:is|was)n't"
        r"|doesn't|didn't|chang\w+|nope"
    ),
    "incident": (
        r"fail\w*|errors?|outages?|down|crash\w*|bro(?:k|ke|ken)|lost|los(?:e|ing)|leak\w*|stuck|suspended|missing|shut"
        r"|breach\w*|corrupt\w*|damag\w+|diverged|injur\w+|burn\w*|incident|bug|died|allerg\w+|emergency|block\w*"
        r"|expired|stolen|accident\w*|hospital\w*|froze|flood\w*|twice|wrongly|unreachable|delete[ds]?|recall\w*|thawed"
        r"|collaps\w+|bounced|pushed"
    ),
    "rule": (
        r"always|never|must(?:n't)?|only|forbidden|require[d]?|mandatory|don't|cannot|can't|without|unless|until|except"
        r"|prefers?|wants?|nobody|anyone|every|limit\w*|maximum|minimum|above|below"
    ),
    "hedge": (
        r"maybe|perhaps|possibly|probably|might|h+m+|um|uh|er|idk|dunno|somehow|somewhat|thinking|wonder\w*|toying|tbd"
        r"|todo|draft|wip|nvm|whatever|kinda|could|would|half|rough\w*|random|lose"
    ),
    "acknowledgement": (
        r"ok\w{0,2}|thanks?|thx|ty|cheers|merci|sure|great|cool|nice|perfect|lovely|awesome|understood|noted|roger"
        r"|received|receipt|yep|yup|aha|agreed|clear|appreciate\w*"
    ),
    "small talk": (
        r"lol|ha(?:ha)+|omg|guys|folks|yawn|funny|weird|lunch|breakfast|coffee|tea|weekend|birthday|hello|hi|hey|bye"
        r"|who's|soo+|honestly|frankly|apparently|somehow|weather|rain\w*|congrat\w*|happy|sad|proud|terrible|useless"
        r"|again|forever|literally"
    ),
    "addresses": r"you|your|yours|you're|you've|yourself",
    "reports": r"was|were|had|went|got|made|took|gave|came|found|\w{2,}ed",
    "dates": rf"{_DAY}s?|{_MONTH}|\d+(?:st|nd|rd|th)|tomorrow|tonight|noon|spring|autumn",
    "statement": r"the|our|my|her|his|their|all|is|are|has|been|we",
}
_PHRASES: dict[str, str] = {
    "decision": (
        r"settled on|going with|sign(?:ed)? off|from now on|plan [a-d]|switch\w* to|instead of|it is\.$|not \w+ing"
        r"|we(?:'re| are) (?:not |now )?\w+ing|we (?:use|go|keep|drop|stop|start|stick)"
    ),
    "commitment": (
        r"(?:i|we|he|she|they) (?:will|shall)|count on|(?:his|her|their|my|our) word|no later than|before the|will be"
        r"|i'm (?:doing|bringing|taking|covering|sending)"
        rf"|by (?:the|{_DAY}|noon|tomorrow|tonight|next|end|eod|\d)"
    ),
    "correction": (
        r"turns? out|no longer|not valid|(?:i|we) (?:said|told|posted|reported|wrote)|other way (?:round|around)"
        r"|in fact|(?:is|was|are|were|it's|the)\b[^,.;]{0,40}, not|not [^,.;]{1,30}[,;:] (?:but|the|it)|does not"
        r"|did not|rather than|after all"
    ),
    "incident": r"root cause|roll(?:ed)? back|time[ds]? out|ran out|out of",
    "rule": (
        r"no exceptions|needs? (?:to|a)|ha(?:s|ve) to|do not|at most|at least|no more than|not allowed|on purpose"
        r"|no \w+ before"
    ),
    "hedge": (
        r"not sure|don't know|no idea|or not|something (?:like|with|in|about)|or something|i mean|never mind|sort of"
        r"|kind of|i guess|i suppose|let me think|an? (?:thought|idea)|what if|note to self"
        r"|one (?:could|would|idea|more idea)"
    ),
    "acknowledgement": (
        r"oki doki|thank you|got it|sounds good|will do|fine (?:by|with) me|you're welcome|right you are|as expected"
        r"|in (?:good )?order|read it|all clear|makes sense|no (?:worries|problem|need)|good,? good|loud and clear"
        r"|nothing to add|if you say so|my pleasure|moving on"
    ),
    "small talk": (
        r"la la|good (?:morning|evening|night)|see you|asking for a friend|is it just me|does anyone|anyone else"
        r"|my (?:cat|dog|kid|son|daughter|neighbour|head)|as we speak|day (?:two|three)|how does"
    ),
}

_TOKEN = re.compile(r"\w+(?:'\w+)?")
_OF_WORD = {name: re.compile(pattern) for name, pattern in _WORDS.items()}
_NAMES = tuple(_PHRASES)
_PHRASE = re.compile(
    r"(?<!\w)(?:" + "|".join(f"(?P<g{n}>{_PHRASES[name]})" for n, name in enumerate(_NAMES)) + r")(?!\w)"
)


@lru_cache(maxsize=1 << 16)
def _of(word: str) -> tuple[str, ...]:
    return tuple(name for name, pattern in _OF_WORD.items() if pattern.fullmatch(word))


def counted(text: str) -> Counter[str]:
    """How many words and phrases of each kind a text in lower case has."""
    found = Counter([name for word in _TOKEN.findall(text) for name in _of(word)])
    for match in _PHRASE.finditer(text):
        assert match.lastgroup is not None
        found[_NAMES[int(match.lastgroup[1:])]] += 1
    return found
