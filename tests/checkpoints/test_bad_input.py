"""Nonsense is refused with an error of ours, and nothing is written, deleted or taken for something else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.checkpoints.test_checkpoints import BODY, METADATA, put, typed, write
from tests.documents.test_bad_input import Room, refused
from tests.team.stores import opened
from tests.team.test_bad_input import PATHS
from transactive.errors import InvalidInput

NAMES: list[Any] = [5, b"t", ["t"], {}, "a\x00b", "\ud800", "x" * 513, 1.5, True, object()]
ORDINARY: dict[str, Any] = {
    "thread": "new",
    "id": "1",
    "body": BODY,
    "metadata": METADATA,
    "versions": {"a": 1},
    "values": typed(a="a1"),
}


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with opened() as team:
        agent = team.agent("ana")
        put(agent, "1", {"a": 1}, typed(a="a1"), run="r")
        put(agent, "2", {"a": 2}, typed(a="a2"), parent="1")
        agent.checkpoints.put_writes("t", "1", [write("w")])
        yield Room(team, agent)


@pytest.mark.parametrize("name", [*NAMES, None, ""], ids=lambda name: f"{name!r:.12}")
def test_threads(room, name):
    checkpoints = room.agent.checkpoints
    for call in (
        lambda: checkpoints.put(**{**ORDINARY, "thread": name}),
        lambda: checkpoints.put_writes(name, "1", [write("w")]),
        lambda: checkpoints.get(name),
        lambda: checkpoints.history(name, channels=["a"]),
        lambda: checkpoints.delete(name),
        lambda: checkpoints.prune([name]),
        lambda: checkpoints.prune(["t", name], latest=False),
        lambda: checkpoints.copy(name, "copy"),
        lambda: checkpoints.copy("t", name),
    ):
        refused(room, call)
    if name is not None:
        refused(room, lambda: checkpoints.list(name))


@pytest.mark.parametrize("name", [*NAMES, ""], ids=lambda name: f"{name!r:.12}")
def test_ids(room, name):
    checkpoints = room.agent.checkpoints
    for call in (
        lambda: checkpoints.put(**{**ORDINARY, "id": name}),
        lambda: checkpoints.put(**ORDINARY, parent=name),
        lambda: checkpoints.put(**ORDINARY, run=name),
        lambda: checkpoints.put_writes("t", name, [write("w")]),
        lambda: checkpoints.get("t", name),
        lambda: checkpoints.list("t", id=name),
        lambda: checkpoints.list("t", before=name),
        lambda: checkpoints.history("t", name, channels=["a"]),
        lambda: checkpoints.delete_runs([name]),
        lambda: checkpoints.delete_runs(["r", name]),
    ):
        refused(room, call)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: f"{name!r:.12}")
def test_spaces(room, name):
    checkpoints = room.agent.checkpoints
    for call in (
        lambda: checkpoints.put(**ORDINARY, space=name),
        lambda: checkpoints.put_writes("t", "1", [write("w")], space=name),
        lambda: checkpoints.get("t", space=name),
        lambda: checkpoints.list("t", space=name),
        lambda: checkpoints.history("t", channels=["a"], space=name),
    ):
        refused(room, call)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_namespaces(room, path):
    checkpoints = room.agent.checkpoints
    for call in (
        lambda: checkpoints.put(**ORDINARY, namespace=path),
        lambda: checkpoints.put_writes("t", "1", [write("w")], namespace=path),
        lambda: checkpoints.get("t", namespace=path),
        lambda: checkpoints.list(namespace=path),
        lambda: checkpoints.history("t", channels=["a"], namespace=path),
        lambda: checkpoints.threads(namespace=path),
        lambda: checkpoints.delete("t", namespace=path),
        lambda: checkpoints.delete_runs(["r"], namespace=path),
        lambda: checkpoints.copy("t", "copy", namespace=path),
        lambda: checkpoints.prune(["t"], namespace=path),
    ):
        refused(room, call, says="namespace")


TYPED: list[Any] = [
    None,
    b"bytes",
    "text",
    ("k",),
    ("k", "text"),
    (5, b""),
    (b"k", b""),
    ("k", b"", 1),
    ("\ud800", b""),
]
PUT: dict[str, list[Any]] = {
    "body": TYPED,
    "metadata": TYPED,
    "values": [None, [("a", ("k", b""))], "a", 5, *({"a": value} for value in TYPED)],
    "versions": [None, [1], "a", 5, {"a": object()}, {"a": [1]}, {"a": b"1"}, {"a": math.nan}, {"a": None}],
    "deltas": [None, "abc", b"abc", 5, [5], [None], [b"x"], [["x"]], ["\ud800"]],
}
PUTS = [pytest.param(name, value, id=f"{name}-{n}") for name, values in PUT.items() for n, value in enumerate(values)]


@pytest.mark.parametrize(("name", "value"), PUTS)
def test_what_is_put(room, name, value):
    refused(room, lambda: room.agent.checkpoints.put(**{**ORDINARY, name: value}))


@pytest.mark.parametrize("name", [5, None, b"x", ("a",), "\ud800", "a\x00b"], ids=repr)
def test_channels(room, name):
    checkpoints = room.agent.checkpoints
    refused(room, lambda: checkpoints.put(**{**ORDINARY, "versions": {name: 1}}))
    refused(room, lambda: checkpoints.put(**{**ORDINARY, "values": {name: ("k", b"")}}))
    refused(room, lambda: checkpoints.history("t", channels=[name]))


@pytest.mark.parametrize("channels", [None, 5, "abc", b"abc"], ids=repr)
def test_a_history_takes_a_list_of_channels(room, channels):
    refused(room, lambda: room.agent.checkpoints.history("t", channels=channels))


WRITES: dict[str, list[Any]] = {
    "task": ["", *NAMES, None],
    "channel": [*NAMES, None],
    "path": [5, None, b"x", ["x"], "a\x00b", "\ud800"],
    "index": ["0", None, 1.5, 2**70, -(2**70), [0], b"x"],
    "value": TYPED,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, id=f"{name}-{n}") for name, values in WRITES.items() for n, value in enumerate(values)],
)
def test_writes(room, name, value):
    wrong = replace(write("w", 7), **{name: value})
    refused(room, lambda: room.agent.checkpoints.put_writes("t", "1", [wrong]))
    refused(room, lambda: room.agent.checkpoints.put_writes("t", "1", [write("fine", 8), wrong]))
    refused(room, lambda: room.agent.checkpoints.put_writes("new", "1", [wrong]))


@pytest.mark.parametrize("writes", [None, 5, "writes", [None], [("w", 0, "c")], [{"task": "w"}], write("w")], ids=repr)
def test_writes_are_a_list_of_records(room, writes):
    refused(room, lambda: room.agent.checkpoints.put_writes("t", "1", writes))


@pytest.mark.parametrize("several", [None, 5, "t", "r", b"t", {"t": 1}.items()], ids=repr)
def test_several_are_a_list_and_not_a_name(room, several):
    refused(room, lambda: room.agent.checkpoints.prune(several))
    refused(room, lambda: room.agent.checkpoints.prune(several, latest=False))
    refused(room, lambda: room.agent.checkpoints.delete_runs(several))


def test_what_no_run_made_is_no_run_called_none(room):
    refused(room, lambda: room.agent.checkpoints.delete_runs([None]))
    assert len(room.agent.checkpoints.list("t")) == 2


@pytest.mark.parametrize("limit", [-1, True, "5", 2.5, math.nan, b"1", [1]], ids=repr)
def test_limits(room, limit):
    refused(room, lambda: room.agent.checkpoints.list("t", limit=limit))


def test_what_only_looks_like_nonsense(room):
    """Odd, and kept as it is."""
    checkpoints = room.agent.checkpoints
    odd = "x/y z \n 東京 'quoted\" %_"
    try:
        checkpoints.put(
            odd,
            odd,
            body=("", bytearray(b"b")),
            metadata=["json", memoryview(b"m")],
            versions={"": 2**80, odd: ""},
            values={"": ("", b""), odd: ("k", memoryview(b"v"))},
            space=odd,
            run=odd,
            deltas=(),
        )
        checkpoints.put_writes(odd, odd, iter([write(odd, -5, odd, path=odd)]), space=odd)
        found = checkpoints.get(odd, space=odd)
        assert (found.body, found.metadata) == (("", b"b"), ("json", b"m"))
        assert found.versions == {"": 2**80, odd: ""}
        assert found.values == {"": ("", b""), odd: ("k", b"v")}
        assert found.writes == (write(odd, -5, odd, path=odd),)
        with pytest.raises(InvalidInput):
            checkpoints.get("\ud800")
    finally:
        checkpoints.delete(odd)
