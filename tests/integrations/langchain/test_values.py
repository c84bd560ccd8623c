"""Values come back as they went in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("langchain_core")

from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation
from pydantic import BaseModel

from transactive.errors import InvalidInput
from transactive_integrations.langchain.values import LONG, put_together, taken_apart


def there_and_back(value: Any) -> Any:
    plain, data = taken_apart(value)
    return put_together(json.loads(json.dumps(plain, allow_nan=False)), data)


NOW = datetime(2026, 5, 4, 9, 30, 0, 123456, tzinfo=UTC)
SPOKEN = AIMessage(
    content=[{"type": "text", "text": "Hi"}, {"type": "image", "data": b"\x00\xff"}],
    tool_calls=[{"name": "f", "args": {"a": (1, 2)}, "id": "1"}],
    invalid_tool_calls=[{"name": "g", "args": "{", "id": "2", "error": "no", "type": "invalid_tool_call"}],
    usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    response_metadata={"at": NOW, "model": "m"},
    id="x",
    name="support",
    own=3,
)
MESSAGES: list[BaseMessage] = [
    SPOKEN,
    AIMessageChunk(
        content="a", tool_call_chunks=[{"name": "f", "args": '{"a":1', "id": "1", "index": 0}], chunk_position="last"
    ),
    HumanMessage("", id=""),
    HumanMessage(["a", {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}], example=True),
    HumanMessageChunk(content="part"),
    SystemMessage("x" * (LONG + 1)),
    ToolMessage("out", tool_call_id="1", artifact=[Document("d", metadata={1: {2}}, id="q")], status="error"),
    ChatMessage(content="a", role="critic"),
    FunctionMessage(content="a", name="f"),
    RemoveMessage(id="4"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_of_every_kind(message: BaseMessage) -> None:
    back = there_and_back(message)
    assert type(back) is type(message)
    assert back == message
    assert repr(back) == repr(message)


@pytest.mark.parametrize(
    "value",
    [
        ChatGeneration(message=SPOKEN, generation_info={"finish_reason": "stop"}),
        ChatGenerationChunk(message=AIMessageChunk(content="a")),
        [Generation(text="a", generation_info={"n": 1})],
        {"at": NOW, "day": date(2026, 5, 4), "hour": time(9, 30), "span": timedelta(1, 2, 3), "money": Decimal("1.10")},
        {
            "where": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "naive": NOW.replace(tzinfo=None),
        },
        {"id": UUID(int=7), "set": {1, "a"}, "frozen": frozenset([(1, (2,))]), "tuple": ((), [()], {"": ()})},
        {1: "a", None: "b", (1, 2): {3: 4}, "plain": True},
        b"",
        [b"\x00", b"\n{", "\ud800" * (LONG + 1)],
        {"marks": [[[], "tuple"]], "": {"": {}}},
        float("inf"),
        10**30,
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_json_does_not_hold(value: Any) -> None:
    back = there_and_back(value)
    assert back == value
    assert repr(back) == repr(value) or isinstance(value, dict)
    assert type(back) is type(value)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates()
VALUES = st.recursive(
    SCALARS | st.datetimes() | st.decimals(allow_nan=False) | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner, max_size=4)
        | st.sets(st.integers() | st.text(), max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_anything_nested(value: Any) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


def test_plain_json_is_left_as_it_is() -> None:
    plain = {"a": [1, 2.5, None, True, {"b": "c"}]}
    assert taken_apart(plain) == (plain, None)
    assert put_together(plain, b"the bytes of another program") is plain


class Answer(BaseModel):
    text: str


def test_models_of_ones_own_become_objects_and_other_things_are_refused_by_name() -> None:
    assert there_and_back({"parsed": Answer(text="a")}) == {"parsed": {"text": "a"}}
    with pytest.raises(InvalidInput, match=r"response_metadata\.x is a object"):
        taken_apart(AIMessage("a", response_metadata={"x": object()}))
    with pytest.raises(InvalidInput, match="the value is a type"):
        taken_apart(dict)
