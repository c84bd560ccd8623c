"""Chat histories: messages as they were, in their order, of one session and one user."""

from __future__ import annotations

import asyncio
import warnings
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory

from tests.integrations.langchain.scripted import scripted
from tests.integrations.langchain.test_values import MESSAGES
from tests.team.stores import texts
from transactive import TeamMemory
from transactive.errors import InvalidInput, StoreClosed
from transactive_integrations.langchain import TransactiveChatHistory, message_of


def history(team: TeamMemory, session: str = "s", user: str | None = None, **options: Any) -> TransactiveChatHistory:
    return TransactiveChatHistory(team.agent("chat", user=user), session, **options)


def test_messages_come_back_as_they_were(team: TeamMemory) -> None:
    kept = history(team)
    assert isinstance(kept, BaseChatMessageHistory)
    assert kept.messages == []
    kept.add_messages(MESSAGES)
    kept.add_user_message("And now?")
    kept.add_ai_message("Done.")
    back = history(team).messages
    assert back == [*MESSAGES, HumanMessage("And now?"), AIMessage("Done.")]
    assert [type(message) for message in back[: len(MESSAGES)]] == [type(message) for message in MESSAGES]


def test_they_outlive_the_store(tmp_path: Any) -> None:
    for expected in ([], MESSAGES, [*MESSAGES, *MESSAGES]):
        with TeamMemory.open(tmp_path, embedder=lambda texts: [[1.0] for _ in texts], background=False) as team:
            assert history(team).messages == expected
            history(team).add_messages(MESSAGES)


@pytest.mark.parametrize("session", ["a", "a/b", "a/", "", "ä\n", "history/a", "%61", "a" * 500])
def test_no_session_sees_another_ones(team: TeamMemory, session: str) -> None:
    others = [name for name in ("a", "a/b", "a/", "ä\n", "history/a", "%61", "a" * 500) if name != session]
    if not session:
        for wrong in ("", "\ud800", None):
            with pytest.raises(InvalidInput):
                history(team, wrong)  # type: ignore[arg-type]
        return
    for other in others:
        history(team, other).add_user_message(f"in {other!r}")
    assert history(team, session).messages == []
    history(team, session).add_user_message("mine")
    assert [m.text for m in history(team, session).messages] == ["mine"]
    history(team, session).clear()
    assert [m.text for other in others for m in history(team, other).messages] == [f"in {other!r}" for other in others]


def test_no_user_sees_another_ones_or_nobodys(team: TeamMemory) -> None:
    for user in ("alice", "bob", None):
        history(team, user=user).add_user_message(f"of {user}")
    for user in ("alice", "bob", None):
        assert [message.text for message in history(team, user=user).messages] == [f"of {user}"]
    history(team, user=None).clear()
    history(team, user="bob").clear()
    assert [m.text for m in history(team, user="alice").messages] == ["of alice"]
    assert history(team, user="bob").messages == history(team).messages == []


def test_it_can_be_replaced_as_a_whole(team: TeamMemory) -> None:
    kept = history(team)
    kept.add_messages([HumanMessage("one"), HumanMessage("two")])
    kept.messages = kept.messages[1:]
    assert kept.messages == [HumanMessage("two")]


def test_what_was_said_is_recalled_only_if_asked_for(team: TeamMemory) -> None:
    agent = team.agent("chat", user="alice")
    image = HumanMessage([{"type": "text", "text": "My green bicycle"}, {"type": "image", "data": b"\x89PNG"}])
    said: list[BaseMessage] = [
        SystemMessage("Be kind about the bicycle."),
        image,
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "1"}]),
        ToolMessage("a bicycle", tool_call_id="1"),
        AIMessage("A fine bicycle."),
    ]
    history(team, "quiet", "alice").add_messages(said)
    assert len(agent.recall("bicycle")) == 0

    loud = history(team, "loud", "alice", recallable=True)
    loud.add_messages(said)
    found = agent.recall("bicycle", session="loud")
    assert sorted(texts(found)) == ["A fine bicycle.", "My green bicycle\n[image]"]
    [whole] = [message_of(agent, hit.memory) for hit in found if "image" in hit.memory.text]
    assert whole == image
    assert len(team.agent("chat", user="bob").recall("bicycle")) == 0

    loud.clear()
    assert len(agent.recall("bicycle")) == 0
    assert loud.messages == []
    loud.add_messages(said)
    assert len(agent.recall("bicycle")) == 2, "what is said again after clear is recalled again"


def test_what_is_no_message_is_refused_and_nothing_is_added(team: TeamMemory) -> None:
    with pytest.raises(InvalidInput, match="messages of LangChain"):
        history(team).add_messages([HumanMessage("a"), "b"])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="is a object"):
        history(team).add_messages([HumanMessage("a"), ToolMessage("b", tool_call_id="1", artifact=object())])
    assert history(team).messages == []


def test_a_runnable_with_message_history(team: TeamMemory) -> None:
    model = scripted("Hello Alice.", "You are Alice.", "I do not know.")
    prompt = ChatPromptTemplate([("system", "Be kind."), MessagesPlaceholder("history"), ("human", "{input}")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and still what many programs use
        chain = RunnableWithMessageHistory(
            prompt | model,
            lambda session_id: history(team, session_id),
            input_messages_key="input",
            history_messages_key="history",
        )
    chain.invoke({"input": "I am Alice."}, {"configurable": {"session_id": "one"}})
    chain.invoke({"input": "Who am I?"}, {"configurable": {"session_id": "one"}})
    chain.invoke({"input": "Who am I?"}, {"configurable": {"session_id": "two"}})

    assert [m.text for m in model.seen[1]] == ["Be kind.", "I am Alice.", "Hello Alice.", "Who am I?"]
    assert [m.text for m in model.seen[2]] == ["Be kind.", "Who am I?"]
    assert len(history(team, "one").messages) == 4


async def test_a_runnable_with_message_history_awaited(team: TeamMemory) -> None:
    model = scripted("Hello.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chain = RunnableWithMessageHistory(model, lambda session_id: history(team, session_id))
    for _ in range(2):
        await chain.ainvoke([HumanMessage("I am Alice.")], {"configurable": {"session_id": "one"}})
    assert [m.text for m in model.seen[1]] == ["I am Alice.", "Hello.", "I am Alice."]
    assert len(await history(team, "one").aget_messages()) == 4
    await history(team, "one").aclear()
    assert await history(team, "one").aget_messages() == []


async def test_a_hundred_writers_at_once_lose_nothing(team: TeamMemory) -> None:
    await asyncio.gather(
        *(history(team).aadd_messages([HumanMessage(f"{n}"), AIMessage(f"re {n}")]) for n in range(100))
    )
    said = [message.text for message in history(team).messages]
    assert sorted(said[::2], key=int) == [str(n) for n in range(100)]
    assert all(said[2 * i + 1] == f"re {said[2 * i]}" for i in range(100)), "what is added together stays together"


def test_messages_expire_if_they_are_to(team: TeamMemory, clock: Any) -> None:
    history(team, ttl="30d").add_user_message("old")
    clock.advance(timedelta(days=20))
    history(team, ttl="30d").add_user_message("new")
    clock.advance(timedelta(days=20))
    assert [message.text for message in history(team).messages] == ["new"]


def test_a_failing_memory(team: TeamMemory) -> None:
    strict, working_on = history(team), history(team, degrade="empty")
    team.close()
    with pytest.raises(StoreClosed):
        _ = strict.messages
    assert working_on.messages == []
    working_on.add_user_message("lost")
    assert working_on.degradations == 2
