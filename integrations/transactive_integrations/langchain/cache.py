"""The cache of models' answers: `set_llm_cache(TransactiveCache(team.agent("cache")))`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.outputs import Generation

from transactive import Agent
from transactive.namespaces import check_path
from transactive.records import Degrade
from transactive_integrations.common import Guard
from transactive_integrations.langchain.values import put_together, taken_apart

PREFIX = "llm/"


class TransactiveCache(BaseCache):
    """Keeps what a model answered to a prompt; the prompt itself is not kept, only its hash.

    A handle bound to a user has the answers of that user alone, an unbound one those of no user.

    Args:
        agent: Whose documents.
        namespace: Where, by default `<agent.namespace>/answers`, which is private.
        ttl: How long an answer lives, such as `"7d"`; by default as the namespace's policy says.
        degrade: What happens when the memory fails: `raise`, or else log and count it, and have the model asked.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        ttl: timedelta | str | None = None,
        degrade: Degrade = "raise",
    ) -> None:
        self._documents = agent.documents
        self._user = agent.user
        self._place = check_path(f"{agent.namespace}/answers" if namespace is None else namespace)
        self._ttl = ttl
        self.guard = Guard(degrade)

    @property
    def degradations(self) -> int:
        """How often the memory failed, and the model was asked or its answer not kept."""
        return self.guard.degradations

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """What the model answered, or None."""
        return self.guard.run("cache lookup", lambda: self._lookup(prompt, llm_string), lambda _: None)

    def _lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        document = self._documents.get(self._place, _key(prompt, llm_string))
        if document is None or document.user != self._user:
            return None
        answer: list[Generation] = put_together(document.value, document.data)
        return answer

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Keep what the model answered."""
        value, data = taken_apart(list(return_val))
        key = _key(prompt, llm_string)

        def put() -> None:
            self._documents.put(self._place, key, value, data=data, ttl=self._ttl)

        self.guard.run("cache update", put, lambda _: None)

    def clear(self, **kwargs: Any) -> None:  # noqa: ARG002  # of LangChain's signature; nothing here takes any
        """Delete every answer."""
        where = {"user": self._user}
        self.guard.run(
            "cache clear", lambda: self._documents.clear(self._place, prefix=PREFIX, where=where), lambda _: 0
        )


def _key(prompt: str, llm_string: str) -> str:
    return PREFIX + hashlib.sha256(json.dumps([prompt, llm_string]).encode()).hexdigest()
