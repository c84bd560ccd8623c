"""The retriever: memories as documents, with their authors, for the user that a run names."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough

from transactive import TeamMemory
from transactive.errors import AccessDenied, InvalidInput, StoreClosed
from transactive_integrations.langchain import TransactiveRetriever


def for_user(user: str | None) -> Any:
    return {"configurable": {"user_id": user}}


def said(documents: Any) -> set[str]:
    return {document.page_content for document in documents}


def test_a_document_says_where_it_comes_from(team: TeamMemory) -> None:
    note = team.agent("researcher").publish(
        "HNSW answers in 5 ms.", metadata={"papers": 5}, tags=["finding"], source="p2"
    )
    [found] = TransactiveRetriever(team.agent("writer")).invoke("How fast is HNSW?")
    assert (found.id, found.page_content, found.metadata["papers"]) == (note.uid, "HNSW answers in 5 ms.", 5)
    origin = found.metadata["memory"]
    assert (origin["agent"], origin["namespace"], origin["tags"]) == ("researcher", "team/shared", ["finding"])
    assert (origin["source"], origin["created_at"], origin["degraded"]) == ("p2", note.created_at, False)
    assert 0 < origin["score"] <= 1
    assert 0 < origin["similarity"] <= 1


async def test_how_many_and_with_which_options(team: TeamMemory) -> None:
    writer = team.agent("writer")
    writer.remember_many([f"Draft {n} about tea" for n in range(8)])
    team.publish("Tea is at four.", tags=["time"])
    retriever = TransactiveRetriever(writer, k=3)
    assert len(retriever.invoke("tea")) == 3
    assert len(retriever.invoke("tea", k=5)) == len(await retriever.ainvoke("tea", k=5)) == 5
    assert said(TransactiveRetriever(writer, namespaces=["team/**"]).invoke("tea")) == {"Tea is at four."}
    assert said(TransactiveRetriever(writer, where={"tags": "time"}).invoke("tea")) == {"Tea is at four."}
    with pytest.raises(InvalidInput, match="unknown option 'namespace'"):
        TransactiveRetriever(writer, namespace="team/**")  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match="non-empty"):
        retriever.invoke(" ")


async def test_two_users_never_mix(team: TeamMemory) -> None:
    for user in ("alice", "bob", None):
        team.agent("support", user=user).remember(f"The pin of {user} is secret.")
    retriever = TransactiveRetriever(team.agent("support"))
    chain: Runnable[Any, Any] = RunnablePassthrough() | retriever | RunnableLambda(said)
    for user in ("alice", "bob"):
        expected = {f"The pin of {user} is secret.", "The pin of None is secret."}
        assert said(retriever.invoke("pin", for_user(user))) == expected
        assert said(await retriever.ainvoke("pin", for_user(user))) == expected
        assert chain.invoke("pin", for_user(user)) == expected
        assert await chain.ainvoke("pin", for_user(user)) == expected
        assert said(retriever.batch(["pin"], for_user(user))[0]) == expected
        bound = TransactiveRetriever(team.agent("support", user=user))
        assert said(bound.invoke("pin")) == expected
    assert said(retriever.invoke("pin")) == {"The pin of None is secret."}
    assert len(TransactiveRetriever(team.agent("support"), all_users=True).invoke("pin")) == 3
    with pytest.raises(AccessDenied):
        TransactiveRetriever(team.agent("support", user="alice")).invoke("pin", for_user("bob"))


async def test_a_run_inside_another_is_for_the_same_user(team: TeamMemory) -> None:
    team.agent("support", user="alice").remember("Alice likes tea.")
    retriever = TransactiveRetriever(team.agent("support"))
    step: Runnable[Any, Any] = RunnableLambda(lambda question: said(retriever.invoke(question)))
    assert step.invoke("tea", for_user("alice")) == {"Alice likes tea."}
    assert step.invoke("tea", for_user("bob")) == set()
    found = await asyncio.gather(*(step.ainvoke("tea", for_user(f"{u}")) for u in ["alice", "bob"] * 20))
    assert found == [{"Alice likes tea."}, set()] * 20


def test_private_stays_private(team: TeamMemory) -> None:
    team.agent("a").remember("A secret about tea.")
    assert TransactiveRetriever(team.agent("b")).invoke("tea") == []


def test_callbacks_see_it_as_a_retriever(team: TeamMemory) -> None:
    seen: list[Any] = []

    class Note(BaseCallbackHandler):
        def on_retriever_end(self, documents: Any, **kwargs: Any) -> None:
            seen.extend(documents)

    team.publish("Tea is at four.")
    retriever = TransactiveRetriever(team.agent("a"), tags=["memory"], name="tea memory")
    retriever.invoke("tea", {"callbacks": [Note()]})
    assert said(seen) == {"Tea is at four."}
    assert retriever.get_name() == "tea memory"


def test_a_failing_memory(team: TeamMemory, caplog: pytest.LogCaptureFixture) -> None:
    strict, working_on = TransactiveRetriever(team), TransactiveRetriever(team, degrade="empty")
    with pytest.raises(InvalidInput):
        TransactiveRetriever(team, degrade="quietly")  # type: ignore[arg-type]
    team.close()
    with pytest.raises(StoreClosed):
        strict.invoke("tea")
    with caplog.at_level(logging.WARNING, "transactive.integrations"):
        assert working_on.invoke("tea") == []
    assert working_on.degradations == len(caplog.records) == 1
