"""Memories as LlamaIndex's nodes, and its nodes as bytes and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isnan
from typing import Any

from llama_index.core.schema import BaseNode, MediaResource, MetadataMode, NodeWithScore, TextNode
from pydantic_core import to_jsonable_python

from transactive import Hit, Recall
from transactive.errors import InvalidInput

SHOWN = ("author", "created_at")
"""What a model is shown of a node's metadata, beside what the author gave."""
_MEDIA = ("text_resource", "image_resource", "audio_resource", "video_resource")


def to_node(hit: Hit, *, degraded: str | None = None) -> NodeWithScore:
    """A memory that was found, with its author, namespace and time in the node's metadata."""
    noted = _noted(hit) | ({} if degraded is None else {"degraded": degraded})
    given = {f"metadata.{name}" if name in noted else name: value for name, value in hit.memory.metadata.items()}
    node = TextNode(
        id_=hit.memory.uid,
        text=hit.memory.text,
        metadata=given | noted,
        excluded_embed_metadata_keys=list(noted),
        excluded_llm_metadata_keys=[name for name in noted if name not in SHOWN],
    )
    return NodeWithScore(node=node, score=hit.score)


def to_nodes(found: Recall) -> list[NodeWithScore]:
    """Every hit as a node, best first; of a degraded recall, each says why."""
    reason = (found.reason or "degraded") if found.degraded else None
    return [to_node(hit, degraded=reason) for hit in found]


def _noted(hit: Hit) -> dict[str, Any]:
    memory = hit.memory
    noted = {
        "author": memory.agent,
        "namespace": memory.namespace,
        "created_at": memory.created_at.isoformat(),
        "kind": memory.kind,
        "user": memory.user,
        "session": memory.session,
        "app": memory.app,
        "tags": list(memory.tags) or None,
        "source": memory.source,
        "verified_by": memory.verified_by,
        "similarity": None if isnan(hit.similarity) else hit.similarity,
    }
    return {name: value for name, value in noted.items() if value is not None}


def dump_node(node: BaseNode) -> bytes:
    """A node as JSON, whatever its class, without its vector.

    Raises `InvalidInput` when something in it is not what JSON holds.
    """
    try:
        fields = node.model_dump(mode="json") | {"embedding": None, "metadata": node.metadata}
        for name in _MEDIA:
            resource = getattr(node, name, None)
            if isinstance(resource, MediaResource) and resource.data is not None:
                fields[name]["data"] = resource.data.decode()  # base64; LlamaIndex leaves it out of its own dumps
        return json.dumps({"type": node.class_name(), "node": fields}, default=to_jsonable_python).encode()
    except (TypeError, ValueError) as error:  # pydantic's own is one too
        raise InvalidInput(f"the node {node.node_id!r:.100} holds what JSON cannot: {error}") from None


def load_node(data: bytes) -> BaseNode:
    """The node that was dumped, of its class if that is known in this process, else a `TextNode`."""
    held = json.loads(data)
    every = [*_below(BaseNode)]  # type: ignore[type-abstract]  # it is asked for what is below it
    kinds = {kind.class_name(): kind for kind in reversed(every)}
    node: BaseNode = kinds.get(held["type"], TextNode).from_dict(held["node"])
    return node


def _below(kind: type[BaseNode]) -> Iterator[type[BaseNode]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _below(inner)


def indexed_text(node: BaseNode, mode: MetadataMode) -> str | None:
    """The text that a node is found by; None when it has none."""
    text = node.get_content(metadata_mode=mode).replace("\x00", " ").encode(errors="replace").decode()
    return text if text.strip() else None
