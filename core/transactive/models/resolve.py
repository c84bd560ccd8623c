"""What `open` was given, as the three functions that the engine calls, their errors translated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from transactive.errors import InvalidInput, ModelFailed, TransactiveError
from transactive.models.chat import ChatExtractor, ChatGraphExtractor, ChatScorer, ChatSummarizer, is_chat_model
from transactive.models.protocol import Extractor, GraphExtractor, Scorer, Summarizer
from transactive.policies import unit_interval
from transactive.records import Extracted, Found, Memory
from transactive.rules import connections, summary

ModelsLike: TypeAlias = Any
"""A callable, a LangChain chat model, or None for the built-in rule."""
T = TypeVar("T")
_KINDS = ("fact", "preference", "skill", "attribute")


@dataclass(frozen=True, slots=True)
class Models:
    """What was plugged in; None is the built-in rule, or for the extractor, none."""

    scorer: Scorer | None = None
    summarizer: Summarizer | None = None
    extractor: Extractor | None = None
    graph_extractor: GraphExtractor | None = None

    @classmethod
    def of(
        cls, scorer: ModelsLike, summarizer: ModelsLike, extractor: ModelsLike, graph_extractor: ModelsLike = None
    ) -> Models:
        """Each from a callable or a chat model."""
        return cls(
            _resolved(scorer, "scorer", ChatScorer),
            _resolved(summarizer, "summarizer", ChatSummarizer),
            _resolved(extractor, "extractor", ChatExtractor),
            _resolved(graph_extractor, "graph_extractor", ChatGraphExtractor),
        )

    def importance(self, text: str) -> float | None:
        """What the plugged-in scorer says, in [0, 1]; None when there is none."""
        scorer = self.scorer
        if scorer is None:
            return None
        value = _called(lambda: scorer(text), "scorer")
        try:
            return unit_interval(float(value), "importance")
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelFailed(f"the scorer returned no number from 0 to 1, but a {type(value).__name__}") from error

    def summary(self, memories: Sequence[Memory], summarizer: ModelsLike = None) -> str:
        """A text that stands for memories: by the given summariser, the store's, or the built-in rule."""
        summarize = _resolved(summarizer, "summarizer", ChatSummarizer) or self.summarizer
        if summarize is None:
            return summary.extract([memory.text for memory in memories])
        text: Any = _called(lambda: summarize(memories), "summarizer")
        if not isinstance(text, str) or not text.strip():
            raise ModelFailed("the summarizer returned no text")
        return text

    def extracted(self, turns: Sequence[Memory]) -> list[Extracted]:
        """What the extractor finds, checked."""
        extract = self.extractor
        if extract is None:
            return []
        found: Any = _called(lambda: extract(turns), "extractor")
        if isinstance(found, str | Mapping) or not isinstance(found, Sequence):
            raise ModelFailed(f"the extractor returned no list of Extracted, but {type(found).__name__}")
        return [_checked(item, len(turns)) for item in found]

    def connections(self, text: str, extractor: ModelsLike = None) -> list[Found]:
        """What a text says is connected: by the given extractor, the store's, or the built-in rules."""
        extract = _resolved(extractor, "extractor", ChatGraphExtractor) or self.graph_extractor
        if extract is None:
            return connections.connections(text)
        found: Any = _called(lambda: extract(text), "graph extractor")
        if isinstance(found, str | Mapping) or not isinstance(found, Sequence):
            raise ModelFailed(f"the graph extractor returned no list of Found, but {type(found).__name__}")
        return [_connection(item) for item in found]


def _connection(item: object) -> Found:
    if not isinstance(item, Found):
        raise ModelFailed(f"the graph extractor returned a {type(item).__name__}, not a Found")
    if (item.type is None) != (item.target is None):
        raise ModelFailed("the graph extractor returned a connection without its type, or without its target")
    try:
        unit_interval(item.confidence, "confidence")
    except InvalidInput as error:
        raise ModelFailed(f"the graph extractor returned an item whose {error}") from error
    return item


def _checked(item: object, turns: int) -> Extracted:
    if not isinstance(item, Extracted):
        raise ModelFailed(f"the extractor returned a {type(item).__name__}, not an Extracted")
    if item.kind not in _KINDS or not isinstance(item.text, str) or not item.text.strip():
        raise ModelFailed(f"the extractor returned an item without text, or of the kind {item.kind!r:.40}")
    for name in ("importance", "confidence"):
        if getattr(item, name) is not None:
            try:
                unit_interval(getattr(item, name), name)
            except InvalidInput as error:
                raise ModelFailed(f"the extractor returned an item whose {error}") from error
    if any(isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < turns for n in item.turns):
        raise ModelFailed("the extractor named a turn that there is not")
    return item


def _resolved(value: ModelsLike, what: str, chat: Callable[[Any], T]) -> Any:
    if value is None:
        return None
    if is_chat_model(value):
        return chat(value)
    if not callable(value):
        raise InvalidInput(f"{what} is a function or a LangChain chat model, not {type(value).__name__}")
    return value


def _called(call: Callable[[], T], what: str) -> T:
    try:
        return call()
    except TransactiveError:
        raise
    except Exception as error:  # a plugged-in model may raise anything; it is ours to say which one did
        raise ModelFailed(f"the {what} raised {type(error).__name__}; nothing was written") from error
