"""Embedding models of other libraries, as ours: fastembed, any callable, LangChain and LlamaIndex objects."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transactive.embedding.protocol import Vectors
from transactive.errors import InvalidInput, MissingExtra


class FastEmbedder:
    """A fastembed model by its name, or one exported to a local folder (then nothing is downloaded)."""

    def __init__(self, model: str) -> None:
        try:
            from fastembed import TextEmbedding  # costs a second: only who asks for it pays
            from fastembed.common.model_description import ModelSource, PoolingType
        except ImportError as error:
            raise MissingExtra(f"the embedder 'fastembed:{model}'", "fastembed") from error
        folder = Path(model).expanduser()
        if folder.is_dir():
            self.name = f"fastembed:{folder.resolve().name}"
            size = _output_size(folder)
            with contextlib.suppress(ValueError):  # registered by an earlier open in this process
                TextEmbedding.add_custom_model(
                    model=self.name,
                    pooling=PoolingType.MEAN,
                    normalization=True,
                    sources=ModelSource(hf=self.name),
                    dim=size,
                    model_file="model.onnx",
                )
            self._model = TextEmbedding(self.name, specific_model_path=str(folder))
        else:
            self.name = f"fastembed:{model}"
            try:
                self._model = TextEmbedding(model)
            except ValueError as error:
                raise InvalidInput(f"fastembed has no model {model!r}, and there is no such folder: {error}") from error
            size = int(self._model.embedding_size)
        self.dimensions = size

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Shape [n, dimensions]."""
        return np.stack(list(self._model.embed(list(texts)))).astype(np.float32)

    def embed_query(self, text: str) -> Vectors:
        """Shape [dimensions], with the model's own query prefix where it has one."""
        return np.asarray(next(iter(self._model.query_embed(text))), dtype=np.float32)


def _output_size(folder: Path) -> int:
    """The width of an exported model, by its config or else by asking it for one vector."""
    import json

    config = folder / "config.json"
    size = json.loads(config.read_text(encoding="utf-8")).get("hidden_size") if config.is_file() else None
    if not isinstance(size, int):
        raise InvalidInput(f"{config} does not say `hidden_size`, which fastembed needs to know")
    return size


class CallableEmbedder:
    """Any function from a list of texts to a list of vectors."""

    def __init__(self, function: Callable[[list[str]], Any], name: str | None = None) -> None:
        qualified = (
            f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"
        )
        self.name = name or f"callable:{qualified}"
        self._function = function
        self.dimensions = _measured(function)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """What the function returns, as an array."""
        return np.asarray(self._function(list(texts)), dtype=np.float32)

    def embed_query(self, text: str) -> Vectors:
        """The function's vector of this one text."""
        return self.embed_documents([text]).reshape(-1)


class LangChainEmbedder:
    """A LangChain `Embeddings` object."""

    def __init__(self, model: Any) -> None:
        self.name = f"langchain:{_model_name(model)}"
        self._model = model
        self.dimensions = _measured(model.embed_documents)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """By `model.embed_documents`."""
        return np.asarray(self._model.embed_documents(list(texts)), dtype=np.float32)

    def embed_query(self, text: str) -> Vectors:
        """By `model.embed_query`."""
        return np.asarray(self._model.embed_query(text), dtype=np.float32)


class LlamaIndexEmbedder:
    """A LlamaIndex `BaseEmbedding` object."""

    def __init__(self, model: Any) -> None:
        self.name = f"llamaindex:{_model_name(model)}"
        self._model = model
        self.dimensions = _measured(model.get_text_embedding_batch)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """By `model.get_text_embedding_batch`."""
        return np.asarray(self._model.get_text_embedding_batch(list(texts)), dtype=np.float32)

    def embed_query(self, text: str) -> Vectors:
        """By `model.get_query_embedding`."""
        return np.asarray(self._model.get_query_embedding(text), dtype=np.float32)


def _model_name(model: Any) -> str:
    for attribute in ("model_name", "model", "model_id"):
        name = getattr(model, attribute, None)
        if isinstance(name, str) and name:
            return f"{type(model).__name__}:{name}"
    return type(model).__name__


def _measured(function: Callable[[list[str]], Any]) -> int:
    """The width of the vectors that a function returns."""
    try:
        shape = np.asarray(function(["dimensions"]), dtype=np.float32).shape
    except Exception as error:  # foreign code: whatever it raises means that it cannot serve as an embedder
        raise InvalidInput(f"the embedder failed on a first text: {type(error).__name__}: {error}") from error
    if len(shape) != 2 or shape[0] != 1 or shape[1] < 1:
        raise InvalidInput(f"an embedder maps a list of n texts to n vectors; for one text it gave the shape {shape}")
    return int(shape[1])
