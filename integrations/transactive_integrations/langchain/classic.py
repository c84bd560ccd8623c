"""The classic `BaseMemory`, for chains that still take one: `LLMChain(…, memory=TransactiveChainMemory(agent))`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from pydantic import ConfigDict, Field, PrivateAttr

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.namespaces import check_path
from transactive.records import Degrade
from transactive_integrations.common import Guard, RecallOptions, missing
from transactive_integrations.langchain.asking import asked, checked

try:
    from langchain_classic.base_memory import BaseMemory
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "langchain_classic":
        raise
    raise missing("langchain-classic") from error


class TransactiveChainMemory(BaseMemory):
    """Gives a chain what is remembered about its input, and records input and output as turns.

    It serves one user and one session, those of its handle: `team.agent("support", user=…, session=…)`. Other
    keywords are those of `agent.recall`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    agent: Agent = Field(exclude=True)
    """Who recalls and remembers."""
    memory_key: str = "history"
    """The chain's variable that takes what is remembered."""
    input_key: str | None = None
    """The chain's input that is asked about and recorded; needed where there are several."""
    output_key: str | None = None
    """The chain's output that is recorded; needed where there are several."""
    namespace: str | None = None
    """Where turns are recorded, by default the agent's private namespace."""
    budget: int = 1000
    """Tokens of what is recalled, at most."""
    degrade: Degrade = "raise"
    """What happens when the memory fails: `raise`, or else log and count it, and let the chain work on."""

    _guard: Guard = PrivateAttr()
    _options: RecallOptions = PrivateAttr()

    def __init__(
        self,
        agent: Agent,
        *,
        memory_key: str = "history",
        input_key: str | None = None,
        output_key: str | None = None,
        namespace: str | None = None,
        budget: int = 1000,
        degrade: Degrade = "raise",
        **options: Unpack[RecallOptions],
    ) -> None:
        guard = Guard(degrade)
        keys = {"memory_key": memory_key, "input_key": input_key, "output_key": output_key}
        place = None if namespace is None else check_path(namespace)
        super().__init__(**{"agent": agent, "namespace": place, "budget": budget, "degrade": degrade, **keys})
        self._guard = guard
        self._options = checked(options)

    @property
    def degradations(self) -> int:
        """How often the memory failed, and the chain went on without it."""
        return self._guard.degradations

    @property
    def memory_variables(self) -> list[str]:
        """The chain's variables that it fills."""
        return [self.memory_key]

    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """What is remembered about the input, numbered, with dates and authors."""
        query = asked(_one({k: v for k, v in inputs.items() if k != self.memory_key}, self.input_key, "input"))
        return {self.memory_key: self._guard.run("recall", lambda: self._recalled(query), lambda _: "")}

    def _recalled(self, query: str) -> str:
        if not query:
            return ""
        found = self.agent.context(query, budget=self.budget, degrade=self._guard.degrade, **self._options)
        if found.degraded:
            self._guard.note("recall", found.reason)
        return found.text

    def save_context(self, inputs: dict[str, Any], outputs: dict[str, str]) -> None:
        """Record what was put in and what came out."""
        said = _one({k: v for k, v in inputs.items() if k != self.memory_key}, self.input_key, "input")
        answer = _one(outputs, self.output_key, "output")
        turns = [{"role": "user", "content": said}, {"role": "assistant", "content": answer}]
        self._guard.run("record", lambda: bool(self.agent.observe(turns, namespace=self.namespace)), lambda _: False)

    def clear(self) -> None:
        """Forget the turns of the handle's session, or, where it has none, those of no session."""
        where = {
            "namespace": self.namespace or self.agent.namespace,
            "agent": self.agent.name,
            "kind": "episodic",
            "session": self.agent.session_id,
            "user": self.agent.user,
            "metadata.role": {"$exists": True},
        }
        self._guard.run("forget", lambda: self.agent.forget(where=where).count, lambda _: 0)


def _one(values: Mapping[str, Any], key: str | None, what: str) -> str:
    """The value that is meant, as text."""
    if key is None and len(values) != 1:
        raise InvalidInput(f"there are {len(values)} {what}s ({', '.join(values):.100}); say which one: {what}_key=")
    if key is not None and key not in values:
        raise InvalidInput(f"there is no {what} {key!r:.60}, only {', '.join(values):.100}")
    return str(values[next(iter(values)) if key is None else key])
