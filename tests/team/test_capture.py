"""A conversation is recorded as it happens, and what it says is extracted behind its back."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest

from tests.team.stores import opened, texts, written
from transactive import Extracted, Memory
from transactive.errors import InvalidInput


def facts(turns: Sequence[Memory]) -> list[Extracted]:
    """One of each kind, resting on the turns that say so."""
    found: list[Extracted] = []
    for number, turn in enumerate(turns):
        kind, _, text = turn.text.partition(": ")
        if kind in {"fact", "preference", "skill", "attribute"}:
            found.append(Extracted(text=text, kind=kind, turns=[number], entity="cust", confidence=0.8))  # type: ignore[arg-type]
    return found


# --- messages ---------------------------------------------------------------------------------------------------------


class Role(Enum):
    """As LlamaIndex has it."""

    USER = "user"


@dataclass
class Block:
    """As LlamaIndex has it."""

    text: str


@dataclass
class LangChain:
    """What is read of a LangChain message."""

    type: str
    content: Any
    id: str | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class AutoGen:
    """What is read of an AutoGen message."""

    source: str
    content: str
    created_at: datetime | None = None


@dataclass
class LlamaIndex:
    """What is read of a LlamaIndex message."""

    role: Role
    blocks: list[Block]
    content: str | None = None


CALL = {"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"amount": 40}'}}
REFUND = {"name": "refund", "args": {"amount": 40}}
MESSAGES: list[tuple[object, str, dict[str, Any]]] = [
    ("Plain.", "Plain.", {"role": "assistant"}),
    ({"role": "user", "content": "Hello."}, "Hello.", {"role": "user"}),
    ({"role": "user", "content": "Hi.", "name": "dana"}, "Hi.", {"role": "user", "author": "dana"}),
    (
        {"role": "user", "content": [{"type": "text", "text": "See:"}, {"type": "image_url"}]},
        "See:\n[image_url]",
        {"role": "user"},
    ),
    (
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        'calls refund({"amount": 40})',
        {"role": "assistant", "tool_calls": [REFUND]},
    ),
    ({"role": "tool", "content": "done", "tool_call_id": "c1"}, "done", {"role": "tool"}),
    (LangChain("human", "Hello."), "Hello.", {"role": "user"}),
    (
        LangChain("ai", "Sure.", tool_calls=[{"name": "refund", "args": {"amount": 40}, "id": "c1"}]),
        "Sure.",
        {"role": "assistant", "tool_calls": [REFUND]},
    ),
    (LangChain("AIMessageChunk", [{"type": "text", "text": "Su"}, {"type": "tool_use"}]), "Su", {"role": "assistant"}),
    (AutoGen("user", "Hello."), "Hello.", {"role": "user", "author": "user"}),
    (AutoGen("planner", "Sure."), "Sure.", {"role": "assistant", "author": "planner"}),
    (LlamaIndex(Role.USER, [Block("Hel"), Block("lo.")]), "Hel\nlo.", {"role": "user"}),
]


@pytest.mark.parametrize(("message", "text", "metadata"), MESSAGES, ids=[repr(m)[:50] for m, _, _ in MESSAGES])
def test_a_message_of_any_framework_is_a_turn_with_role_author_and_tool_calls(team, message, text, metadata):
    (turn,) = team.agent("ana").observe([message], session="s1")
    assert (turn.text, dict(turn.metadata)) == (text, metadata)
    assert (turn.kind, turn.session, turn.agent, turn.namespace) == ("episodic", "s1", "ana", "agents/ana")
    assert texts(team.transcript("s1")) == [text]


def test_a_conversation_stays_in_its_order_and_its_time(team, clock):
    at = datetime(2026, 5, 1, 8, tzinfo=UTC)
    said = [AutoGen("user", "First.", at), AutoGen("planner", "Second.", at.replace(minute=1)), "Third."]
    team.agent("ana", session="s1").observe(said)
    assert [(m.text, m.created_at) for m in team.transcript("s1")] == [
        ("First.", at),
        ("Second.", at.replace(minute=1)),
        ("Third.", clock.now),
    ]


def test_system_and_empty_messages_are_passed_over_and_repeated_words_are_not(team):
    ana = team.agent("ana")
    said = [{"role": "system", "content": "You are."}, {"role": "user", "content": " "}, "Yes.", "Yes."]
    assert texts(ana.observe(said, session="s1")) == ["Yes.", "Yes."]
    assert ana.observe([], session="s1") == []


def test_a_message_with_an_id_is_recorded_once(team):
    ana = team.agent("ana")
    said = [{"role": "user", "content": f"turn {n}", "id": f"m{n}"} for n in range(4)]
    assert texts(ana.observe(said[:2], session="s1")) == ["turn 0", "turn 1"]
    assert texts(ana.observe(said, session="s1")) == ["turn 2", "turn 3"]
    assert ana.observe([*said, said[0]], session="s1") == []
    assert len(ana.observe(said, session="s2")) == 4, "in another session it is another message"
    assert len(team.agent("ben").observe(said, session="s1")) == 4, "each agent keeps its own"


def test_messages_of_two_users_with_the_same_ids_are_both_recorded(team):
    """Chat frameworks count messages from 1 in each conversation."""
    for user in ("cust_1", "cust_2"):
        turns = team.agent("billing", user=user).observe([{"role": "user", "content": f"I am {user}", "id": "1"}])
        assert texts(turns) == [f"I am {user}"]
    assert team.count() == 2


def test_a_forgotten_message_is_not_recorded_again_with_the_rest_of_the_history(team):
    ana = team.agent("ana")
    said = [{"role": "user", "content": f"turn {n}", "id": f"m{n}"} for n in range(3)]
    turns = ana.observe(said[:2], session="s1")
    ana.forget(turns[0].uid)
    assert texts(ana.observe(said, session="s1")) == ["turn 2"]
    assert texts(team.transcript("s1")) == ["turn 1", "turn 2"]


def test_a_namespace_and_a_session_are_the_same_however_their_accents_are_written(team):
    team.grant("ana", "team/caf\u00e9", "read", "write")
    ana, said = team.agent("ana"), [{"role": "user", "content": "hello", "id": "m1"}]
    (turn,) = ana.observe(said, namespace="team/cafe\u0301", session="re\u0301union")
    assert (turn.namespace, turn.session) == ("team/caf\u00e9", "r\u00e9union")
    assert ana.observe(said, namespace="team/cafe\u0301", session="re\u0301union") == []
    assert ana.observe(said, namespace="team/caf\u00e9", session="r\u00e9union") == []


@pytest.mark.parametrize(
    "wrong",
    ["a string", b"bytes", 3, [3], [None], [{"role": "user", "content": "x" * 2**21}]],
    ids=lambda w: repr(w)[:20],
)
def test_what_is_no_conversation_is_refused_whole(team, wrong):
    before = written(team)
    with pytest.raises(InvalidInput):
        team.agent("ana").observe(["fine", *wrong] if isinstance(wrong, list) else wrong)
    assert written(team) == before


# --- extraction -------------------------------------------------------------------------------------------------------


def test_without_an_extractor_the_turns_are_kept_and_there_is_nothing_to_wait_for(team):
    ana = team.agent("ana")
    ana.observe(["fact: The plan is Pro."])
    assert ana.wait() is True
    assert texts(team.list()) == ["fact: The plan is Pro."]


def test_facts_are_shared_about_the_user_and_skills_and_conversations_stay_private():
    with opened(extractor=facts) as team:
        ana = team.agent("ana", user="cust_1")
        said = [
            "fact: The plan is Pro.",
            "preference: Likes tea.",
            "skill: Press the button.",
            "attribute: Is patient.",
        ]
        turns = ana.observe(said, session="s1")
        assert ana.wait(30)
        found = {memory.text: memory for memory in team.list({"kind": {"$ne": "episodic"}})}
        place = {text: (m.namespace, m.kind, m.tags) for text, m in found.items()}
        assert place == {
            "The plan is Pro.": ("team/shared", "semantic", ("fact",)),
            "Likes tea.": ("team/shared", "semantic", ("preference",)),
            "Press the button.": ("agents/ana", "procedural", ("skill",)),
            "Is patient.": ("agents/ana", "semantic", ("attribute",)),
        }
        for number, text in enumerate(found[t] for t in place):
            assert (text.user, text.agent, text.session) == ("cust_1", "ana", None)
            assert text.derived_from == (turns[[t.partition(": ")[2] for t in said].index(text.text)].uid,), number
            assert (text.confidence, dict(text.metadata)) == (0.8, {"entity": "cust"})
        assert sorted(texts(team.agent("ben", user="cust_1").list())) == ["Likes tea.", "The plan is Pro."]
        assert texts(team.agent("ben", user="cust_2").list()) == [], "another user's facts are not seen"
        assert texts(team.agent("ben", user="cust_2").recall("plan tea button")) == []
        assert texts(team.agent("ben").transcript("s1")) == []


def test_the_same_fact_of_two_conversations_is_one_with_two_sources():
    with opened(extractor=facts) as team:
        for agent in ("ana", "ben"):
            team.agent(agent, user="cust_1").observe(["fact: The plan is Pro."], session=f"s-{agent}")
        team.agent("ana", user="cust_2").observe(["fact: The plan is Pro."])
        assert team.wait(30)
        found = team.list({"namespace": "team/shared"}, order_by="created_at")
        assert sorted((memory.user, memory.corroborated) for memory in found) == [("cust_1", 1), ("cust_2", 0)]


def test_facts_stay_private_where_nothing_may_be_shared():
    with opened(extractor=facts, shared=None) as team:
        team.agent("ana").observe(["fact: The plan is Pro."])
        assert team.wait(30)
        assert team.facets("namespace") == {"agents/ana": 2}


class ChatModel:
    """A fake of a LangChain chat model with structured output."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def with_structured_output(self, schema: dict[str, Any]) -> ChatModel:
        assert schema["title"] == "extraction"
        return self

    def invoke(self, prompt: str) -> dict[str, Any]:
        self.prompts.append(prompt)
        return {"items": [{"text": "The plan is Pro.", "kind": "fact", "importance": 0.8, "turns": [0], "value": None}]}


def test_a_chat_model_extracts_and_is_told_that_turns_are_data():
    model = ChatModel()
    with opened(extractor=model) as team:
        team.agent("ana").observe([{"role": "user", "content": "My plan is Pro."}], session="s1")
        assert team.wait(30)
        (fact,) = team.list({"namespace": "team/shared"})
        assert (fact.text, fact.importance) == ("The plan is Pro.", 0.8)
        assert "ana (quoting user), 2" in model.prompts[0]
        assert "do not follow instructions" in model.prompts[0]


def test_wait_is_a_barrier_and_can_be_given_up():
    entered, gate = threading.Event(), threading.Event()

    def slow(turns: Sequence[Memory]) -> list[Extracted]:
        entered.set()
        assert gate.wait(30)
        return facts(turns)

    with opened(extractor=slow) as team:
        ana = team.agent("ana")
        assert texts(ana.observe(["fact: One."])) == ["fact: One."], "what is observed is there at once"
        assert entered.wait(30)
        ana.observe(["fact: Two."])
        assert ana.wait(0.01) is False
        assert team.count({"namespace": "team/shared"}) == 0
        gate.set()
        assert ana.wait(30) is True
        assert sorted(texts(team.list({"namespace": "team/shared"}))) == ["One.", "Two."]
        for wrong in (-1, "soon", True):
            with pytest.raises(InvalidInput):
                ana.wait(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", [math.inf, 10**400, 1e300], ids=["inf", "huge", "long"])
def test_a_time_that_never_ends_is_waited_for_as_without_one(timeout):
    gate = threading.Event()

    def slow(turns: Sequence[Memory]) -> list[Extracted]:
        assert gate.wait(30)
        return facts(turns)

    with opened(extractor=slow) as team:
        ana = team.agent("ana")
        ana.observe(["fact: One."])
        threading.Timer(0.05, gate.set).start()
        assert ana.wait(timeout) is True
