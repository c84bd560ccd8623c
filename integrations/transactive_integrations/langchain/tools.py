"""Tools by which a model remembers, recalls and forgets, within what the program set for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.runtime import get_runtime
from pydantic import BaseModel, ConfigDict, Field, create_model

from transactive import Agent, Memory
from transactive.errors import AccessDenied, InvalidInput, NotFound, RateLimited
from transactive.namespaces import check_path, covers
from transactive.records import Degrade, speaker
from transactive_integrations.common import Guard
from transactive_integrations.langchain.asking import USER, Caller, ask, asked

NAMES = ("remember", "recall", "forget")
MOST = 20
NOTHING = "Nothing is remembered about that."
OUT_OF_REACH = "The memory is out of reach just now; go on without it."
INCOMPLETE = "(The memory is degraded just now: this may be incomplete.)"

Text = Annotated[str, Field(description="What to remember: one complete statement that is understood on its own.")]
Importance = Annotated[float, Field(ge=0, le=1, description="How much it matters, from 0 to 1.")]
Tags = Annotated[list[str], Field(description="Short labels.")]
Query = Annotated[str, Field(description="A question, or a few words.")]
Limit = Annotated[int, Field(ge=1, le=MOST, description="How many memories at most.")]
Id = Annotated[str, Field(description="The id of a memory, as recall gave it.")]
WHERE = "Where: others who may read there will find it."


def memory_tools(
    agent: Agent,
    *,
    namespaces: Sequence[str] | None = None,
    reads: Sequence[str] | None = None,
    names: Collection[str] = NAMES,
    limit: int = 5,
    user: str = USER,
    all_users: bool = False,
    degrade: Degrade = "raise",
) -> list[BaseTool]:
    """The tools `remember`, `recall` and `forget` of one agent, for `create_agent` or `model.bind_tools`.

    The model chooses what is said, never who says it: author, user and session come from the handle and from the run's
    context or config. What it gets wrong comes back to it as the tool's answer.

    Args:
        agent: Who remembers.
        namespaces: Where it may remember and forget, the first by default; without, in its private namespace alone.
        reads: Patterns of what recall sees; by default all that the agent may read.
        names: Which of the three.
        limit: How many memories a recall gives unless the model says so.
        user: The name under which context or config hold the user.
        all_users: Whether a run that names no user sees what is about every user.
        degrade: What happens when the memory fails: `raise`, or else log and count it, and tell the model.
    """
    if isinstance(namespaces, str) or (namespaces is not None and not namespaces):
        raise InvalidInput("namespaces is a list of at least one namespace")
    if unknown := set(names) - set(NAMES):
        raise InvalidInput(f"names are some of {', '.join(NAMES)}, not {', '.join(sorted(map(str, unknown)))}")
    places = tuple(check_path(place) for place in namespaces or [agent.namespace])
    doing = _Doing(Caller(agent, user, all_users), places, None if reads is None else tuple(reads), Guard(degrade))
    return [tool for tool in _tools(doing, limit) if tool.name in names]


def _tools(doing: _Doing, limit: int) -> list[BaseTool]:
    remembered: dict[str, Any] = {"text": (Text, ...), "importance": (Importance, 0.5), "tags": (Tags, [])}
    if len(doing.places) > 1:
        chosen: Any = Literal.__getitem__(doing.places)  # of values that are known at run time alone
        remembered["namespace"] = (Annotated[chosen, Field(description=WHERE)], doing.places[0])
    return [
        _tool(
            "remember",
            "Remember a fact, a preference, a decision or a lesson for later conversations.",
            remembered,
            doing.remember,
        ),
        _tool(
            "recall",
            "Recall what is remembered about something, best first, each with its id, author and date.",
            {"query": (Query, ...), "limit": (Limit, limit)},
            doing.recall,
        ),
        _tool("forget", "Forget a memory that is wrong or no longer wanted.", {"id": (Id, ...)}, doing.forget),
    ]


def _tool(name: str, description: str, fields: dict[str, Any], do: Callable[..., str]) -> BaseTool:
    schema: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    return StructuredTool(
        name=name,
        description=description,
        args_schema=schema,
        func=do,
        handle_tool_error=True,
        handle_validation_error=True,
    )


@dataclass(frozen=True, slots=True)
class _Doing:
    """What the tools do, for one agent."""

    caller: Caller
    places: tuple[str, ...]
    reads: tuple[str, ...] | None
    guard: Guard

    def remember(self, text: str, importance: float, tags: list[str], namespace: str | None = None) -> str:
        handle, place = self._handle(), namespace or self.places[0]

        def do() -> str:
            memory = handle.remember(text, namespace=place, importance=importance, tags=tags)
            return f"Remembered, with the id {memory.uid}."

        return self._done("remember", do)

    def recall(self, query: str, limit: int) -> str:
        handle = self._handle()
        where = self.caller.sees(handle, None)
        if not asked(query):
            raise ToolException("query is empty: ask for something")

        def do() -> str:
            found = ask(handle, asked(query), limit, self.guard, {"where": where, "namespaces": self.reads})
            lines = [_line(hit.memory) for hit in found] or [NOTHING]
            return "\n".join([*lines, INCOMPLETE] if found.degraded else lines)

        return self._done("recall", do)

    def forget(self, id: str) -> str:
        handle = self._handle()

        def do() -> str:
            memory = handle.get(id.strip())
            if not any(covers(place, memory.namespace) for place in self.places) or not self._sees(handle, memory):
                raise NotFound(f"no memory {id!r:.60} that may be forgotten here")
            handle.forget(memory.uid)
            return f"Forgotten: {memory.text}"

        return self._done("forget", do)

    def _sees(self, handle: Agent, memory: Memory) -> bool:
        return handle.user is not None or self.caller.all_users or memory.user is None

    def _handle(self) -> Agent:
        return self.caller.handle(ensure_config(), _context())

    def _done(self, what: str, do: Callable[[], str]) -> str:
        """What was done; what the model got wrong goes back to it."""
        try:
            return self.guard.run(what, do, lambda _: OUT_OF_REACH)
        except (InvalidInput, NotFound, AccessDenied, RateLimited) as error:
            raise ToolException(str(error)) from error


def _context() -> object:
    """The runtime context of the graph that the tool runs in, if it runs in one."""
    try:
        return getattr(get_runtime(), "context", None)
    except (RuntimeError, KeyError):
        return None


def _line(memory: Memory) -> str:
    said = " ".join(memory.text.split())
    return f"[{memory.uid}] ({memory.created_at:%Y-%m-%d}, {speaker(memory)}) {said}"
