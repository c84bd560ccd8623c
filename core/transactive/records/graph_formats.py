"""A part of the graph as text for other programs: GraphML, JSON, Mermaid; and as a graph of NetworkX."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from transactive.errors import MissingExtra
from transactive.records import Edge, Entity, EntityRef, Subgraph

_NODE_KEYS = ("type", "name", "aliases", "namespace", "user", "sensitivity", "agent", "metadata")
_EDGE_KEYS = (
    "type",
    "namespace",
    "user",
    "sensitivity",
    "agent",
    "confidence",
    "valid_from",
    "valid_until",
    "metadata",
)
_UNHELD = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not hold."""
_ESCAPED = str.maketrans(
    {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "\n": " ", "\r": " ", "[": "#91;", "]": "#93;", "|": "#124;"}
)


def as_dict(graph: Subgraph) -> dict[str, Any]:
    """Entities and edges as plain values."""
    return {
        "entities": [_node(entity) for entity in graph.entities],
        "edges": [_edge(edge) for edge in graph.edges],
        "truncated": graph.truncated,
    }


def as_json(graph: Subgraph) -> str:
    """The same as JSON."""
    return json.dumps(as_dict(graph), ensure_ascii=False, indent=2)


def as_graphml(graph: Subgraph) -> str:
    """The same as GraphML (graphml.graphdrawing.org): nodes with their fields, and directed edges with theirs."""
    keys = [(f"n_{name}", "node", name) for name in _NODE_KEYS] + [(f"e_{name}", "edge", name) for name in _EDGE_KEYS]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
        *(
            f'  <key id="{id}" for="{kind}" attr.name="{name}" attr.type="{_xml_type(name)}"/>'
            for id, kind, name in keys
        ),
        '  <graph edgedefault="directed">',
    ]
    for entity in graph.entities:
        lines.append(f"    <node id={quoteattr(entity.uid)}>")
        lines += _data("n", _NODE_KEYS, _node(entity))
        lines.append("    </node>")
    ids = {entity.ref: entity.uid for entity in graph.entities}
    for edge in graph.edges:
        ends = f"source={quoteattr(ids[edge.source])} target={quoteattr(ids[edge.target])}"
        lines.append(f"    <edge id={quoteattr(edge.uid)} {ends}>")
        lines += _data("e", _EDGE_KEYS, _edge(edge))
        lines.append("    </edge>")
    return "\n".join([*lines, "  </graph>", "</graphml>", ""])


def as_mermaid(graph: Subgraph) -> str:
    """The same as a Mermaid flowchart."""
    ids = {entity.ref: f"n{number}" for number, entity in enumerate(graph.entities)}
    lines = ["graph LR"]
    lines += [f'    {ids[e.ref]}["{e.name.translate(_ESCAPED)}"]' for e in graph.entities]
    lines += [f"    {ids[e.source]} -->|{e.type}| {ids[e.target]}" for e in graph.edges]
    return "\n".join([*lines, ""])


def as_networkx(graph: Subgraph) -> Any:
    """The same as a `networkx.MultiDiGraph`: nodes are pairs of type and name, keys of edges their uids."""
    try:
        import networkx
    except ImportError as error:
        raise MissingExtra("a graph of NetworkX", "graph") from error
    built: Any = networkx.MultiDiGraph()
    for entity in graph.entities:
        built.add_node(entity.ref, **_node(entity))
    for edge in graph.edges:
        built.add_edge(edge.source, edge.target, key=edge.uid, **_edge(edge))
    return built


def _node(entity: Entity) -> dict[str, Any]:
    return {"uid": entity.uid, **{name: _plain(getattr(entity, name)) for name in _NODE_KEYS}}


def _edge(edge: Edge) -> dict[str, Any]:
    ends = {"source": list(edge.source), "target": list(edge.target)}
    return {"uid": edge.uid, **ends, **{name: _plain(getattr(edge, name)) for name in _EDGE_KEYS}}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | EntityRef):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _data(kind: str, names: tuple[str, ...], values: Mapping[str, Any]) -> list[str]:
    given = ((name, values[name]) for name in names if values[name] not in (None, [], {}))
    return [f'      <data key="{kind}_{name}">{escape(_text(value))}</data>' for name, value in given]


def _xml_type(name: str) -> str:
    return "double" if name == "confidence" else "string"


def _text(value: Any) -> str:
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _UNHELD.sub("", said)
