"""What a search finds an item by, and whether the model that a configuration names is the store's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from langgraph.store.base import IndexConfig, ensure_embeddings, get_text_at_path

from transactive.embedding import Embedder, Vectors, resolve
from transactive.errors import EmbedderMismatch, InvalidInput

Fields = tuple[str, ...]
WHOLE = "$"
_MOST = 1 << 20  # bytes: as much as a memory's text has
_PROBE = "The quick brown fox jumps over the lazy dog."
_NEAR = 1e-2


def configured(index: IndexConfig | Literal[False] | None, embedder: Embedder) -> Fields:
    """The fields that are indexed: the whole value by default, none with `index=False`.

    Raises `EmbedderMismatch` when `dims` or `embed` say another model than the store's.
    """
    if index is False:
        return ()
    if index is None:
        return (WHOLE,)
    _check_model(index, embedder)
    fields = index.get("fields")
    return (WHOLE,) if fields is None else paths(fields)


def paths(fields: object) -> Fields:
    """Field paths, checked."""
    if isinstance(fields, str) or not isinstance(fields, list | tuple) or not all(isinstance(f, str) for f in fields):
        raise InvalidInput(f"what is indexed is a list of paths such as ['title', 'notes[*].text'], not {fields!r:.60}")
    return tuple(fields)


def text_of(value: dict[str, Any], fields: Fields) -> str | None:
    """The text to index, a line for each field found: as much as a memory holds; None when there is none."""
    try:
        plain = json.loads(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return None  # whoever keeps the value refuses it, and says why
    lines: list[str] = []
    for field in fields:
        lines.extend(_lines(plain, "") if field == WHOLE else get_text_at_path(plain, field))
    text = clean("\n".join(dict.fromkeys(lines)))
    text = text.encode()[:_MOST].decode(errors="ignore")
    return text if text.strip() else None


def clean(text: str) -> str:
    """A text without what no memory and no query holds: NUL, and lone surrogates."""
    return text.replace("\x00", " ").encode(errors="replace").decode()


def _lines(value: Any, name: str) -> Iterator[str]:
    """What is in a value, in words: each scalar after its key, for keys such as `food_preference` tell what it is."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _lines(inner, name)
    elif value is not None:
        said = value if isinstance(value, str) else json.dumps(value)
        yield f"{name.replace('_', ' ')}: {said}" if name else said


# --- the model -------------------------------------------------------------------------------------------------------


def _check_model(index: IndexConfig, embedder: Embedder) -> None:
    dims = index.get("dims")
    if dims is not None and dims != embedder.dimensions:
        raise _mismatch(f"dims={dims}", embedder)
    embed: Any = index.get("embed")
    if embed is None or embed is embedder:
        return
    theirs, ours = _unit(_embedded(embed)), _unit(embedder.embed_documents([_PROBE])[0])
    if theirs.shape != ours.shape or not np.allclose(theirs, ours, atol=_NEAR):
        raise _mismatch("embed=", embedder)


def _mismatch(what: str, embedder: Embedder) -> EmbedderMismatch:
    return EmbedderMismatch(
        f"the index configuration's {what} is not the model of this store: {embedder.name!r}, of "
        f"{embedder.dimensions} dimensions; leave it out, or open the store with it: TeamMemory.open(…, embedder=…)"
    )


def _embedded(embed: Any) -> Vectors | list[float]:
    if isinstance(embed, Embedder) or embed == "static" or str(embed).startswith("fastembed:"):
        return resolve(embed).embed_documents([_PROBE])
    model = ensure_embeddings(embed)
    with ThreadPoolExecutor(1) as pool:  # the caller may be in an event loop already
        vectors: list[list[float]] = pool.submit(asyncio.run, model.aembed_documents([_PROBE])).result()
    return vectors[0]


def _unit(vector: Vectors | list[float]) -> Vectors:
    array = np.asarray(vector, dtype=np.float32).reshape(-1)
    return np.asarray(array / (float(np.linalg.norm(array)) or 1.0), dtype=np.float32)
