"""A part of the graph as text for other programs, and what they read of it."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree

import networkx
import pytest

from tests.graph.graphs import ACME, ALICE, BETA, BOB, thing, year
from transactive import Agent
from transactive.records import EntityRef, Subgraph

NS = {"g": "http://graphml.graphdrawing.org/xmlns"}
ODD_NAMES = {
    "markup": "<b>\"A\" & 'B'</b>",
    "the end of a value": "]]></data>",
    "brackets": "a [b] {c} (d) |e|",
    "a line break": "two\nlines",
    "a control character": "bell\x07 rings",
    "no character of XML": "odd \ufffe name",
    "nor this one": "odd \uffff name",
    "an emoji": "rocket 🚀 works",
    "Japanese": "東京タワー",
    "arrows": "a --> b",
    "a keyword": "end",
    "a comment": "%% hidden",
    "a backslash": "C:\\temp",
    "a tick": "`code`",
}


@pytest.fixture
def part(ana: Agent) -> Subgraph:
    """Two people, two companies, and what there is between them."""
    ana.graph.add(ALICE, aliases=["Ally"], metadata={"level": 3, "tags": ["a", "b"]})
    ana.graph.link(ALICE, "works_at", ACME, confidence=0.75, valid_from=year(2020), metadata={"since": "spring"})
    ana.graph.link(ALICE, "advises", ACME)
    ana.graph.link(ACME, "owns", BETA, user="cust_1")
    ana.graph.add(BOB)
    return ana.graph.subgraph()


def odd(agent: Agent, name: str) -> Subgraph:
    """An entity with an odd name, with an odd alias and odd metadata, on an edge."""
    agent.graph.add(thing("plain"), aliases=[f"also {name}"], metadata={f"key {name}": name})
    agent.graph.link(thing(name), "leads_to", thing("plain"), metadata={"note": name})
    return agent.graph.subgraph()


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_holds_everything_and_comes_back(part):
    read = json.loads(part.to_json())
    assert read == part.to_dict()
    assert set(read) == {"entities", "edges", "truncated"}
    alice = next(entity for entity in read["entities"] if entity["name"] == "Alice Chen")
    assert alice["metadata"] == {"level": 3, "tags": ["a", "b"]}
    assert (alice["type"], alice["aliases"], alice["namespace"], alice["agent"]) == (
        "person",
        ["Ally"],
        "agents/ana",
        "ana",
    )
    works = next(edge for edge in read["edges"] if edge["type"] == "works_at")
    assert (works["source"], works["target"]) == (["person", "Alice Chen"], ["company", "Acme Corp"])
    assert (works["confidence"], works["valid_from"], works["valid_until"]) == (0.75, year(2020).isoformat(), None)
    assert {edge["user"] for edge in read["edges"]} == {None, "cust_1"}
    uids = {entity["uid"] for entity in read["entities"]} | {edge["uid"] for edge in read["edges"]}
    assert len(uids) == 4 + 3


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_json_keeps_odd_names(ana, name):
    read = json.loads(odd(ana, name).to_json())
    assert name in {entity["name"] for entity in read["entities"]}
    assert {edge["metadata"]["note"] for edge in read["edges"]} == {name}


# --- GraphML ----------------------------------------------------------------------------------------------------------


def as_xml(text: str) -> tuple[dict[str, dict[str, str]], list[tuple[str, str, dict[str, str]]]]:
    """Nodes by id, and edges by their ends, each with its values by the names that the keys declare."""
    root = ElementTree.fromstring(text.encode())
    keys = {key.attrib["id"]: key.attrib for key in root.findall("g:key", NS)}

    def values(element: ElementTree.Element, kind: str) -> dict[str, str]:
        found = element.findall("g:data", NS)
        assert all(keys[data.attrib["key"]]["for"] == kind for data in found)
        return {keys[data.attrib["key"]]["attr.name"]: data.text or "" for data in found}

    nodes = {node.attrib["id"]: values(node, "node") for node in root.findall("g:graph/g:node", NS)}
    edges = root.findall("g:graph/g:edge", NS)
    return nodes, [(edge.attrib["source"], edge.attrib["target"], values(edge, "edge")) for edge in edges]


def test_graphml_is_xml_with_every_node_and_edge(part):
    nodes, edges = as_xml(part.to_graphml())
    assert {node["name"] for node in nodes.values()} == {"Alice Chen", "Acme Corp", "Beta Works", "Bob Diaz"}
    assert {(nodes[s]["name"], values["type"], nodes[t]["name"]) for s, t, values in edges} == {
        ("Alice Chen", "works_at", "Acme Corp"),
        ("Alice Chen", "advises", "Acme Corp"),
        ("Acme Corp", "owns", "Beta Works"),
    }
    alice = next(node for node in nodes.values() if node["name"] == "Alice Chen")
    assert json.loads(alice["metadata"]) == {"level": 3, "tags": ["a", "b"]}
    assert json.loads(alice["aliases"]) == ["Ally"]


def test_networkx_reads_the_graphml(part):
    graph = networkx.read_graphml(io.BytesIO(part.to_graphml().encode()), force_multigraph=True)
    assert (graph.number_of_nodes(), graph.number_of_edges(), graph.is_directed()) == (4, 3, True)
    uids = {entity.ref: entity.uid for entity in part.entities}
    for edge in part.edges:
        values = graph.get_edge_data(uids[edge.source], uids[edge.target])[edge.uid]
        assert values["type"] == edge.type
        assert values["confidence"] == edge.confidence
    assert graph.nodes[uids[EntityRef(*ALICE)]]["name"] == "Alice Chen"


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_graphml_with_odd_names_is_read(ana, name):
    graph = networkx.read_graphml(io.BytesIO(odd(ana, name).to_graphml().encode()))
    kept = "".join(c for c in name if c not in "\x07\ufffe\uffff")
    assert {values["name"] for _, values in graph.nodes(data=True)} == {"plain", kept}


def test_an_empty_part_is_a_file_that_is_read(ana):
    empty = ana.graph.subgraph()
    assert networkx.read_graphml(io.BytesIO(empty.to_graphml().encode())).number_of_nodes() == 0
    assert json.loads(empty.to_json()) == {"entities": [], "edges": [], "truncated": False}
    assert empty.to_mermaid().startswith("graph LR")
    assert empty.to_networkx().number_of_nodes() == 0


# --- Mermaid ----------------------------------------------------------------------------------------------------------


NODE = re.compile(r'    (n\d+)\["([^"<>\[\]|\n]*)"\]')
EDGE = re.compile(r"    (n\d+) -->\|([a-z0-9_]+)\| (n\d+)")
CODES = {"quot": '"', "lt": "<", "gt": ">", "amp": "&"}


def drawn(text: str) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Nodes and edges as Mermaid draws them; it shows `#name;` and `#number;` as the character that they stand for."""
    first, *lines = text.rstrip("\n").split("\n")
    assert first == "graph LR"

    def shown(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code)) if code.isdigit() else CODES.get(code, match[0])

    nodes: dict[str, str] = {}
    edges: list[tuple[str, str, str]] = []
    for line in lines:
        if node := NODE.fullmatch(line):
            nodes[node[1]] = re.sub(r"#(\w+);", shown, node[2])
        else:
            edge = EDGE.fullmatch(line)
            assert edge is not None, line
            edges.append((edge[1], edge[2], edge[3]))
    return nodes, edges


def test_mermaid_draws_nodes_and_labelled_edges(part):
    nodes, edges = drawn(part.to_mermaid())
    assert sorted(nodes.values()) == ["Acme Corp", "Alice Chen", "Beta Works", "Bob Diaz"]
    assert {(nodes[one], type, nodes[other]) for one, type, other in edges} == {
        ("Alice Chen", "works_at", "Acme Corp"),
        ("Alice Chen", "advises", "Acme Corp"),
        ("Acme Corp", "owns", "Beta Works"),
    }


MERMAID_NAMES = {**ODD_NAMES, "what looks escaped": "ticket #42; closed", "an escaped quote": "a #quot; b", "C#": "C#"}


@pytest.mark.parametrize("name", MERMAID_NAMES.values(), ids=MERMAID_NAMES)
def test_mermaid_shows_odd_names_as_they_are(ana, name):
    nodes, edges = drawn(odd(ana, name).to_mermaid())
    assert set(nodes.values()) == {"plain", name.replace("\n", " ")}
    assert len(edges) == 1


# --- NetworkX ---------------------------------------------------------------------------------------------------------


def test_a_graph_of_networkx_has_pairs_as_nodes_and_each_edge(part):
    graph = part.to_networkx()
    assert isinstance(graph, networkx.MultiDiGraph)
    assert set(graph.nodes) == {ALICE, BOB, ACME, BETA}
    assert graph.number_of_edges(ALICE, ACME) == 2
    assert graph.nodes[ALICE]["metadata"] == {"level": 3, "tags": ["a", "b"]}
    works = next(edge for edge in part.edges if edge.type == "works_at")
    assert graph.edges[ALICE, ACME, works.uid]["confidence"] == 0.75
    assert networkx.shortest_path(graph, ALICE, BETA) == [ALICE, ACME, BETA]


def test_what_is_exported_is_no_view_of_the_record(part):
    exported = part.to_dict()
    exported["entities"].clear()
    assert len(part.entities) == 4
