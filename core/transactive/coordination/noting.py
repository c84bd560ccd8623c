"""Decisions and learnings: written as memories, and read back from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from transactive.errors import AccessDenied, InvalidInput
from transactive.filters import Where
from transactive.paths.incoming import check_metadata, check_text, optional_name
from transactive.paths.placing import Placing
from transactive.paths.question import question
from transactive.paths.recall import Recalling
from transactive.paths.remember import Remembering
from transactive.records import OUTCOMES, Decision, Hit, Learning, Memory, NewMemory, Outcome
from transactive.rules.access import Identity


class Noting:
    """Records what was decided and learned, and finds it again."""

    def __init__(self, placing: Placing, remembering: Remembering, recalling: Recalling) -> None:
        self._placing = placing
        self._store = placing.store
        self._remembering = remembering
        self._recalling = recalling

    def decide(
        self,
        identity: Identity,
        what: str,
        *,
        why: str | None,
        alternatives: Sequence[str],
        context: str | None,
        by: str | None,
        metadata: Mapping[str, Any] | None,
        **given: Any,
    ) -> Decision:
        """Record a decision."""
        if by is not None and not identity.is_owner:
            raise AccessDenied("whose decision it is, the owner says: team.decisions.record(…, by=…)")
        if isinstance(alternatives, str) or not isinstance(alternatives, Sequence):
            raise InvalidInput("alternatives is a list of strings")
        others = [check_text(other, "an alternative") for other in alternatives]
        fields: dict[str, Any] = {
            "what": check_text(what, "what was decided"),
            "why": _optional(why, "why"),
            "alternatives": others,
            "context": _optional(context, "context"),
            "by": optional_name(by, "by") or identity.agent,
        }
        return to_decision(
            self._written(identity, "decision", _decided(fields), fields, metadata=metadata, given=given)
        )

    def learn(
        self,
        identity: Identity,
        outcome: Outcome,
        what: str,
        *,
        context: str | None,
        recommendation: str | None,
        metadata: Mapping[str, Any] | None,
        **given: Any,
    ) -> Learning:
        """Record what was learned."""
        fields = {
            "outcome": _outcome(outcome),
            "what": check_text(what, "what was learned"),
            "context": _optional(context, "context"),
            "recommendation": _optional(recommendation, "recommendation"),
        }
        return to_learning(
            self._written(identity, "learning", _learned(fields), fields, metadata=metadata, given=given)
        )

    def _written(
        self,
        identity: Identity,
        kind: Any,
        lines: Iterable[str],
        fields: Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None,
        given: dict[str, Any],
    ) -> Memory:
        more = check_metadata(metadata)
        if kind in more:
            raise InvalidInput(f"metadata.{kind} is made of what you said of the {kind}; name yours otherwise")
        said = {name: value for name, value in fields.items() if value not in (None, [])}
        place = self._placing.place(identity, given.pop("namespace"), shared=True)
        item = NewMemory(text="\n".join(lines), kind=kind, metadata={**more, kind: said}, **given)
        return self._remembering.one(identity, item, place.namespace)

    # --- finding --------------------------------------------------------------------------------------------------

    def decisions(self, identity: Identity, context: str, **asked: Any) -> list[Decision]:
        """Decisions that fit a situation."""
        return [to_decision(hit.memory, hit.score) for hit in self._found(identity, "decision", context, **asked)]

    def learnings(
        self, identity: Identity, context: str, *, outcomes: Sequence[Outcome] | None, **asked: Any
    ) -> list[Learning]:
        """Learnings that fit a situation."""
        if outcomes is not None:
            if isinstance(outcomes, str) or not isinstance(outcomes, Sequence):
                raise InvalidInput("outcomes is a list such as ['failure']")
            among: Where = {"metadata.learning.outcome": {"$in": [_outcome(outcome) for outcome in outcomes]}}
            given = asked.pop("where")
            asked["where"] = among if given is None else {"$and": [among, given]}
        return [to_learning(hit.memory, hit.score) for hit in self._found(identity, "learning", context, **asked)]

    def _found(self, identity: Identity, kind: str, context: str, **asked: Any) -> Sequence[Hit]:
        degrade = asked.pop("degrade")
        wanted = question(
            identity,
            context,
            embedder=self._store.encoders.embedder,
            degrade=self._store.settings.degrade if degrade is None else degrade,
            kinds=[kind],
            **asked,
        )
        return self._recalling.recall(identity, wanted)


def to_decision(memory: Memory, score: float | None = None) -> Decision:
    """A memory of the kind `decision`, by whatever verb it was written."""
    fields = _fields(memory, "decision", _decided)
    return Decision(
        memory=memory,
        what=str(fields.get("what", memory.text)),
        why=fields.get("why"),
        alternatives=tuple(fields.get("alternatives", ())),
        context=fields.get("context"),
        by=str(fields.get("by", memory.agent)),
        score=score,
    )


def to_learning(memory: Memory, score: float | None = None) -> Learning:
    """A memory of the kind `learning`, by whatever verb it was written."""
    fields = _fields(memory, "learning", _learned)
    return Learning(
        memory=memory,
        outcome=fields.get("outcome", "pattern"),
        what=str(fields.get("what", memory.text)),
        context=fields.get("context"),
        recommendation=fields.get("recommendation"),
        score=score,
    )


def _decided(fields: Mapping[str, Any]) -> list[str]:
    """The lines of a decision's text."""
    return [
        f"Decision: {fields.get('what')}",
        *_line("Because", fields.get("why")),
        *_line("Instead of", "; ".join(fields.get("alternatives", ())) or None),
        *_line("Context", fields.get("context")),
    ]


def _learned(fields: Mapping[str, Any]) -> list[str]:
    """The lines of a learning's text."""
    return [
        f"{str(fields.get('outcome')).capitalize()}: {fields.get('what')}",
        *_line("Recommendation", fields.get("recommendation")),
        *_line("Context", fields.get("context")),
    ]


def _fields(memory: Memory, kind: str, lines: Callable[[Mapping[str, Any]], list[str]]) -> Mapping[str, Any]:
    """What was said of it; of one whose text was changed since, only what the text does not hold."""
    fields = memory.metadata.get(kind)
    if not isinstance(fields, Mapping):
        return {}
    if "\n".join(lines(fields)) == memory.text:
        return fields
    return {name: fields[name] for name in ("outcome", "by") if name in fields}


def _outcome(outcome: object) -> Outcome:
    if outcome not in OUTCOMES:
        raise InvalidInput(f"an outcome is one of {', '.join(OUTCOMES)}, not {outcome!r:.60}")
    return outcome


def _optional(value: object, what: str) -> str | None:
    return None if value is None else check_text(value, what)


def _line(label: str, value: str | None) -> list[str]:
    return [] if value is None else [f"{label}: {value}"]
