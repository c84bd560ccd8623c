"""The classic memory of chains."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

pytest.importorskip("langchain_classic")

from langchain_classic.base_memory import BaseMemory
from langchain_core.prompts import PromptTemplate

from tests.integrations.langchain.scripted import scripted
from tests.team.stores import texts
from transactive import TeamMemory
from transactive.errors import InvalidInput, StoreClosed
from transactive_integrations.langchain import TransactiveChainMemory


def test_a_chain_remembers(team: TeamMemory) -> None:
    from langchain_classic.chains import LLMChain

    model = scripted("Noted.")
    prompt = PromptTemplate.from_template("Known:\n{history}\n\nQuestion: {question}")
    for session, question in (("one", "I take tea at four."), ("two", "When do I take tea?")):
        memory = TransactiveChainMemory(team.agent("chain", user="alice", session=session))
        assert isinstance(memory, BaseMemory)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the chain is deprecated, as all that takes such a memory
            LLMChain(llm=model, prompt=prompt, memory=memory).invoke({"question": question})
    assert "chain) I take tea at four." in model.seen[1][0].text
    assert texts(team.agent("chain").transcript("one")) == ["I take tea at four.", "Noted."]


def test_users_never_mix_and_clear_forgets_the_session(team: TeamMemory) -> None:
    def memory(user: str, session: str) -> TransactiveChainMemory:
        return TransactiveChainMemory(team.agent("chain", user=user, session=session))

    for user in ("alice", "bob"):
        memory(user, f"{user} 1").save_context({"input": f"The pin of {user}"}, {"output": "Noted."})
        memory(user, f"{user} 2").save_context({"input": f"The tea of {user}"}, {"output": "Noted."})
    asked: dict[str, Any] = {"input": "The pin? The tea?"}
    assert "pin of alice" in memory("alice", "3").load_memory_variables(asked)["history"]
    assert "bob" not in memory("alice", "3").load_memory_variables(asked)["history"]
    memory("alice", "alice 1").clear()
    known = memory("alice", "3").load_memory_variables(asked)["history"]
    assert "pin" not in known
    assert "tea of alice" in known
    assert "pin of bob" in memory("bob", "3").load_memory_variables(asked)["history"]


async def test_awaited_and_with_several_keys(team: TeamMemory) -> None:
    memory = TransactiveChainMemory(
        team.agent("chain"), memory_key="known", input_key="question", output_key="answer", namespaces=["agents/chain"]
    )
    assert memory.memory_variables == ["known"]
    await memory.asave_context({"question": "When is tea?", "style": "short"}, {"answer": "At four.", "cost": "1"})
    known = await memory.aload_memory_variables({"question": "tea", "style": "short"})
    assert "When is tea?" in known["known"]
    await memory.aclear()
    assert (await memory.aload_memory_variables({"question": "tea"}))["known"] == ""
    with pytest.raises(InvalidInput, match="input_key="):
        TransactiveChainMemory(team.agent("chain")).save_context({"a": "1", "b": "2"}, {"c": "3"})
    with pytest.raises(InvalidInput, match="no input 'question'"):
        memory.load_memory_variables({"query": "tea"})


def test_a_failing_memory(team: TeamMemory) -> None:
    strict = TransactiveChainMemory(team.agent("chain"))
    working_on = TransactiveChainMemory(team.agent("chain"), degrade="empty")
    team.close()
    with pytest.raises(StoreClosed):
        strict.load_memory_variables({"input": "tea"})
    assert working_on.load_memory_variables({"input": "tea"}) == {"history": ""}
    working_on.save_context({"input": "tea"}, {"output": "Noted."})
    working_on.clear()
    assert working_on.degradations == 3
