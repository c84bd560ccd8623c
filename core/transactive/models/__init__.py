"""What a language model, or a function of yours, may do in the place of a built-in rule: score, sum up, extract.

None is needed: importance, summaries and the graph's connections have rules of their own, and without an extractor the
turns are kept as they are. Each is a callable, or any LangChain chat model, which is asked for structured output.
"""

from transactive.models.protocol import Extractor, GraphExtractor, Scorer, Summarizer
from transactive.models.resolve import Models, ModelsLike

__all__ = ["Extractor", "GraphExtractor", "Models", "ModelsLike", "Scorer", "Summarizer"]
