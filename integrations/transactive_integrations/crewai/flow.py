"""The state of CrewAI's flows on the documents of one agent: `@persist(TransactiveFlowPersistence(agent))`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from crewai.flow.async_feedback.types import PendingFeedbackContext
from crewai.flow.persistence.base import FlowPersistence
from pydantic import BaseModel, PrivateAttr
from pydantic_core import PydanticSerializationError, to_jsonable_python

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.namespaces import check_path
from transactive.records import Degrade, Document, NewDocument
from transactive_integrations.common import Guard

_BYTES, _DICT = "$bytes", "$dict"


class TransactiveFlowPersistence(FlowPersistence):
    """A `FlowPersistence`: of each flow its latest state, one document under its id, and what feedback it waits for.

    What JSON has no word for comes back as CrewAI's SQLite persistence gives it (times, paths and ids as strings, sets
    as lists), but bytes as bytes; an object that has no such form is refused rather than turned into its name.

    Args:
        agent: Whose documents; a handle bound to a user keeps and sees that user's alone.
        namespace: Where, by default `<agent.namespace>/flows`, which is private.
        ttl: How long a state is kept after its last save, such as `"30d"`.
        degrade: What happens when the memory fails: `raise` (the flow then stops), or else log and count it, keep
            nothing and find no state.
    """

    persistence_type: str = "TransactiveFlowPersistence"
    _agent: Agent = PrivateAttr()
    _place: str = PrivateAttr()
    _ttl: str | None = PrivateAttr()
    _guard: Guard = PrivateAttr()

    def __init__(
        self, agent: Agent, *, namespace: str | None = None, ttl: str | None = None, degrade: Degrade = "raise"
    ) -> None:
        super().__init__()
        self._agent = agent
        self._place = check_path(f"{agent.namespace}/flows" if namespace is None else namespace)
        self._ttl = ttl
        self._guard = Guard(degrade)

    @property
    def degradations(self) -> int:
        """How often it kept or found nothing because the memory failed; never with `degrade="raise"`."""
        return self._guard.degradations

    def init_db(self) -> None:
        """Nothing is to be prepared."""

    def save_state(self, flow_uuid: str, method_name: str, state_data: dict[str, Any] | BaseModel) -> None:
        """Keep the state after a method, in the place of the one before."""
        self._put([self._document("state", flow_uuid, {"method": method_name, "state": _plain(state_data)})])

    def load_state(self, flow_uuid: str) -> dict[str, Any] | None:
        """The latest state, or None."""
        kept = self._get("state", flow_uuid)
        return None if kept is None else dict(kept["state"])

    def save_pending_feedback(
        self, flow_uuid: str, context: PendingFeedbackContext, state_data: dict[str, Any] | BaseModel
    ) -> None:
        """Keep the state and what the flow waits for, in one transaction."""
        state = _plain(state_data)
        waiting = {"context": context.to_dict(), "state": state}
        self._put(
            [
                self._document("state", flow_uuid, {"method": context.method_name, "state": state}),
                self._document("pending", flow_uuid, waiting),
            ]
        )

    def load_pending_feedback(self, flow_uuid: str) -> tuple[dict[str, Any], PendingFeedbackContext] | None:
        """The state of a flow that waits, and what for; None when it does not wait."""
        kept = self._get("pending", flow_uuid)
        return None if kept is None else (dict(kept["state"]), PendingFeedbackContext.from_dict(kept["context"]))

    def clear_pending_feedback(self, flow_uuid: str) -> None:
        """The flow waits no longer."""
        delete = partial(self._agent.documents.delete, self._place, f"pending:{flow_uuid}")
        self._guard.run("flow persistence", delete, lambda _: False)

    def _document(self, kind: str, flow_uuid: str, value: Mapping[str, Any]) -> NewDocument:
        blobs: list[bytes] = []
        encoded = _encoded(value, kind, blobs)
        return NewDocument(key=f"{kind}:{flow_uuid}", value=encoded, data=b"".join(blobs) or None, ttl=self._ttl)

    def _put(self, documents: list[NewDocument]) -> None:
        put = partial(self._agent.documents.put_many, documents, namespace=self._place)
        self._guard.run("flow persistence", put, lambda _: [])

    def _get(self, kind: str, flow_uuid: str) -> dict[str, Any] | None:
        get: Callable[[], Document | None] = partial(self._agent.documents.get, self._place, f"{kind}:{flow_uuid}")
        found = self._guard.run("flow persistence", get, lambda _: None)
        if found is None or found.user != self._agent.user:
            return None
        value: dict[str, Any] = _decoded(found.value, found.data or b"")
        return value


def _plain(state: dict[str, Any] | BaseModel) -> dict[str, Any]:
    if isinstance(state, BaseModel):
        return state.model_dump()
    if not isinstance(state, dict):
        raise InvalidInput(f"a flow's state is a dict or a pydantic model, not {type(state).__name__}")
    return state


def _encoded(value: object, path: str, blobs: list[bytes]) -> Any:
    """As JSON; bytes go to `blobs`, and their place among them is noted."""
    if isinstance(value, BaseModel):
        return _encoded(value.model_dump(), path, blobs)
    if isinstance(value, Mapping):
        encoded = {_key(key, path): _encoded(inner, f"{path}.{key}", blobs) for key, inner in value.items()}
        return {_DICT: encoded} if encoded.keys() & {_BYTES, _DICT} else encoded
    if isinstance(value, list | tuple | set | frozenset):
        return [_encoded(inner, f"{path}[{place}]", blobs) for place, inner in enumerate(value)]
    if isinstance(value, bytes | bytearray | memoryview):
        blobs.append(bytes(value))
        return {_BYTES: [sum(map(len, blobs[:-1])), len(blobs[-1])]}
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError:
        raise InvalidInput(
            f"{path:.100} is a {type(value).__name__}, which a state cannot keep; hold it outside of the state, "
            "or as bytes or JSON"
        ) from None


def _key(key: object, path: str) -> str:
    name = to_jsonable_python({key: None}) if isinstance(key, str | int | float | bool | None) else {}
    if not name:
        raise InvalidInput(f"{path:.100} has the key {key!r:.60}; JSON keys are strings")
    return str(next(iter(name)))


def _decoded(value: Any, data: bytes) -> Any:
    if isinstance(value, list):
        return [_decoded(inner, data) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_BYTES}:
        start, size = value[_BYTES]
        return data[start : start + size]
    inside = value[_DICT] if value.keys() == {_DICT} else value
    return {key: _decoded(inner, data) for key, inner in inside.items()}
