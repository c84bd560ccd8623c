"""The state of running programs: threads, their checkpoints, and what is written between two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.documents.rooms import HOME, rows
from tests.team.stores import START
from transactive import Agent, TeamMemory
from transactive.errors import AccessDenied, NotFound
from transactive.records import Checkpoint, CheckpointWrite

BODY, METADATA = ("msgpack", b"body"), ("json", b"{}")


def typed(**values: str) -> dict[str, tuple[str, bytes]]:
    """Serialised values."""
    return {channel: ("text", value.encode()) for channel, value in values.items()}


def put(
    agent: Agent | TeamMemory,
    id: str,
    versions: Mapping[str, Any] | None = None,
    values: Mapping[str, tuple[str, bytes]] | None = None,
    *,
    thread: str = "t",
    **rest: Any,
) -> None:
    """Store a checkpoint, by default of the thread `t`."""
    agent.checkpoints.put(
        thread, id, body=BODY, metadata=METADATA, versions=versions or {}, values=values or {}, **rest
    )


def write(task: str, index: int = 0, channel: str = "c", value: str = "v", path: str = "") -> CheckpointWrite:
    """What a task wrote."""
    return CheckpointWrite(task=task, index=index, channel=channel, value=("text", value.encode()), path=path)


def held(checkpoint: Checkpoint | None) -> dict[str, str]:
    """The values of a checkpoint as texts."""
    assert checkpoint is not None
    return {channel: value[1].decode() for channel, value in checkpoint.values.items()}


# --- put and get ------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_what_was_put(ana):
    ana.checkpoints.put(
        "t",
        "01",
        body=("msgpack", b"\x00body"),
        metadata=("json", b"{}"),
        versions={"a": 1, "b": "2.x", "c": 0.5},
        values={"a": ("null", b""), "b": ("bytes", b"\xff")},
        run="r",
        deltas=["c"],
    )
    ana.checkpoints.put_writes("t", "01", [write("task")])
    assert ana.checkpoints.get("t") == Checkpoint(
        namespace=ana.namespace,
        thread="t",
        space="",
        id="01",
        parent=None,
        body=("msgpack", b"\x00body"),
        metadata=("json", b"{}"),
        versions={"a": 1, "b": "2.x", "c": 0.5},
        values={"a": ("null", b""), "b": ("bytes", b"\xff")},
        writes=(write("task"),),
        run="r",
        deltas=("c",),
        agent=ana.name,
        created_at=START,
    )


def test_the_latest_is_the_one_of_the_greatest_id(ana):
    for id in ("2", "10", "1"):
        put(ana, id)
    put(ana, "9", space="inner")
    assert ana.checkpoints.get("t").id == "2"
    assert ana.checkpoints.get("t", "10").id == "10"
    assert ana.checkpoints.get("t", space="inner").id == "9"
    assert ana.checkpoints.get("t", "9") is None
    assert ana.checkpoints.get("t", "2", space="inner") is None
    assert ana.checkpoints.get("none") is None


def test_a_value_whose_version_stays_is_that_of_the_parent(ana):
    put(ana, "1", {"a": 1, "b": 1}, typed(a="a1", b="b1"))
    put(ana, "2", {"a": 2, "b": 1}, typed(a="a2"), parent="1")
    put(ana, "3", {"a": 2, "b": 1, "c": 1}, typed(c="c1"), parent="2")
    put(ana, "4", {"a": 3, "c": 1}, {}, parent="3")
    assert held(ana.checkpoints.get("t", "1")) == {"a": "a1", "b": "b1"}
    assert held(ana.checkpoints.get("t", "2")) == {"a": "a2", "b": "b1"}
    assert held(ana.checkpoints.get("t", "3")) == {"a": "a2", "b": "b1", "c": "c1"}
    assert held(ana.checkpoints.get("t", "4")) == {"c": "c1"}, "a has a new version without a value, b none"


def test_without_a_parent_it_continues_the_latest(ana):
    put(ana, "1", {"a": 1}, typed(a="a1"))
    put(ana, "2", {"a": 1, "b": 1}, typed(b="b1"))
    assert held(ana.checkpoints.get("t")) == {"a": "a1", "b": "b1"}


def test_forks_with_equal_versions_keep_their_own_values(ana):
    put(ana, "1", {"a": 1, "b": 1}, typed(a="a1", b="b1"))
    put(ana, "2", {"a": 2, "b": 1}, typed(a="left"), parent="1")
    put(ana, "3", {"a": 2, "b": 1}, typed(a="right"), parent="1")
    put(ana, "4", {"a": 2, "b": 2}, typed(b="of left"), parent="2")
    put(ana, "5", {"a": 2, "b": 2}, typed(b="of right"), parent="3")
    assert held(ana.checkpoints.get("t", "2")) == {"a": "left", "b": "b1"}
    assert held(ana.checkpoints.get("t", "3")) == {"a": "right", "b": "b1"}
    assert held(ana.checkpoints.get("t", "4")) == {"a": "left", "b": "of left"}
    assert held(ana.checkpoints.get("t", "5")) == {"a": "right", "b": "of right"}


def test_spaces_and_threads_do_not_share_values(ana):
    put(ana, "1", {"a": 1}, typed(a="outer"))
    put(ana, "2", {"a": 1}, {}, space="inner")
    put(ana, "2", {"a": 1}, {}, thread="other", parent="1")
    assert held(ana.checkpoints.get("t", space="inner")) == held(ana.checkpoints.get("other")) == {}
    assert held(ana.checkpoints.get("t")) == {"a": "outer"}


def test_a_checkpoint_that_is_put_again_is_replaced(ana, clock):
    put(ana, "1", {"a": 1}, typed(a="a1"), run="r", deltas=["d"])
    clock.advance(timedelta(hours=1))
    put(ana, "1", {"a": 2}, typed(a="a2"), parent="0")
    again = ana.checkpoints.get("t")
    assert (held(again), again.run, again.deltas, again.parent) == ({"a": "a2"}, None, (), "0")
    assert len(ana.checkpoints.list("t")) == 1


def test_large_values_come_back_as_they_were(ana):
    large = {f"c{n}": ("bytes", bytes(range(256)) * n + b"end") for n in (0, 3, 4, 5, 50, 4000)}
    put(ana, "1", dict.fromkeys(large, 1), large)
    put(ana, "2", dict.fromkeys(large, 1), {}, parent="1")
    assert ana.checkpoints.get("t").values == large
    same = {f"e{n}": ("bytes", b"\x00" * n) for n in (1024, 1025, 100_000)}
    put(ana, "3", dict.fromkeys(same, 1), same)
    assert ana.checkpoints.get("t").values == same


# --- writes -----------------------------------------------------------------------------------------------------------


def test_writes_come_back_in_the_order_of_path_task_and_index(ana):
    put(ana, "1")
    writes = [write("b", 1), write("b", 0), write("a", 0), write("0", 0, path="p"), write("c", -1), write("b", -3)]
    ana.checkpoints.put_writes("t", "1", writes)
    found = ana.checkpoints.get("t").writes
    assert [(w.path, w.task, w.index) for w in found] == [
        ("", "a", 0),
        ("", "b", -3),
        ("", "b", 0),
        ("", "b", 1),
        ("", "c", -1),
        ("p", "0", 0),
    ]
    assert set(found) == set(writes)


def test_of_ordinary_writes_the_first_stays_and_of_special_ones_the_last(ana):
    put(ana, "1")
    for value in ("first", "second"):
        ana.checkpoints.put_writes("t", "1", [write("a", 0, value=value), write("a", -1, "error", value=value)])
    ana.checkpoints.put_writes("t", "1", [write("a", -1, "other", "third", "p"), write("a", 0, "other", "third")])
    first, special = sorted(ana.checkpoints.get("t").writes, key=lambda w: -w.index)
    assert first == write("a", 0, value="first")
    assert special == write("a", -1, "other", "third", "p")
    both = [write("b", 0, value="one"), write("b", 0, value="two"), write("b", -1, value="one"), write("b", -1)]
    ana.checkpoints.put_writes("t", "1", both)
    assert [w.value[1] for w in ana.checkpoints.get("t").writes if w.task == "b"] == [b"v", b"one"]


def test_writes_belong_to_their_checkpoint_whether_it_is_there_yet_or_not(ana):
    ana.checkpoints.put_writes("t", "2", [write("early")])
    ana.checkpoints.put_writes("t", "2", [write("inner")], space="inner")
    assert ana.checkpoints.get("t") is None
    assert ana.checkpoints.list() == []
    put(ana, "1")
    put(ana, "2", parent="1")
    assert ana.checkpoints.get("t", "1").writes == ()
    assert ana.checkpoints.get("t", "2").writes == (write("early"),)
    ana.checkpoints.put_writes("t", "2", [])
    put(ana, "2", parent="1")
    assert ana.checkpoints.get("t", "2").writes == (write("early"),), "a checkpoint that is replaced keeps its writes"


# --- list and history -------------------------------------------------------------------------------------------------


def test_lists_are_latest_first_narrowed_and_bounded(ana):
    for id in ("1", "2", "3"):
        put(ana, id, {"a": int(id)}, typed(a=id))
        put(ana, id, thread="other")
    put(ana, "4", space="inner")
    ana.checkpoints.put_writes("t", "2", [write("w")])

    def ids(*arguments: Any, **options: Any) -> list[tuple[str, str, str]]:
        return [(c.thread, c.space, c.id) for c in ana.checkpoints.list(*arguments, **options)]

    assert ids("t") == [("t", "inner", "4"), ("t", "", "3"), ("t", "", "2"), ("t", "", "1")]
    assert [id for _, _, id in ids()] == ["4", "3", "3", "2", "2", "1", "1"]
    assert ids("t", space="") == [("t", "", "3"), ("t", "", "2"), ("t", "", "1")]
    assert ids("t", id="2") == [("t", "", "2")]
    assert ids("t", before="3") == [("t", "", "2"), ("t", "", "1")]
    assert ids("t", limit=2) == [("t", "inner", "4"), ("t", "", "3")]
    assert ids("t", before="4", limit=1) == [("t", "", "3")]
    assert ids("t", limit=0) == ids("none") == ids(space="none") == []
    assert ids("t", keep=lambda c: c.id in {"1", "3"}, limit=2) == [("t", "", "3"), ("t", "", "1")]
    listed = ana.checkpoints.list("t", id="2")[0]
    assert listed == ana.checkpoints.get("t", "2")
    assert (held(listed), listed.writes) == ({"a": "2"}, (write("w"),))


def test_who_keeps_sees_everything_but_values_and_writes(ana):
    put(ana, "1", {"a": 1}, typed(a="a1"), run="r")
    ana.checkpoints.put_writes("t", "1", [write("w")])
    seen: list[Checkpoint] = []

    def keep(checkpoint: Checkpoint) -> bool:
        seen.append(checkpoint)
        return False

    assert ana.checkpoints.list("t", keep=keep) == []
    assert seen == [replace(ana.checkpoints.get("t"), values={}, writes=())]


def test_a_history_goes_up_until_each_channel_has_a_value(ana):
    put(ana, "1", {"a": 1, "d": 1}, typed(a="a1", d="d1"))
    put(ana, "2", {"a": 2, "d": 2}, typed(a="a2"), parent="1")
    put(ana, "2x", {"a": 2, "d": 2}, typed(a="other", d="other"), parent="1")
    put(ana, "3", {"a": 2, "d": 3}, {}, parent="2")
    put(ana, "4", {"a": 2, "d": 4}, {}, parent="3")
    for id in ("1", "2", "3", "4"):
        ana.checkpoints.put_writes("t", id, [write("w", 0, "d", id), write("w", 1, "a", id), write("w", 2, "x", id)])

    def told(id: str | None, channels: list[str]) -> list[tuple[str, dict[str, str], list[tuple[str, str]]]]:
        return [
            (c.id, held(c), [(w.channel, w.value[1].decode()) for w in c.writes])
            for c in ana.checkpoints.history("t", id, channels=channels)
        ]

    assert told(None, ["d"]) == [("3", {}, [("d", "3")]), ("2", {}, [("d", "2")]), ("1", {"d": "d1"}, [("d", "1")])]
    assert told("3", ["d"]) == told(None, ["d"])[1:]
    assert told("4", ["a", "d"]) == [
        ("3", {"a": "a2"}, [("d", "3"), ("a", "3")]),
        ("2", {}, [("d", "2")]),
        ("1", {"d": "d1"}, [("d", "1")]),
    ]
    assert [id for id, _, _ in told("4", ["none"])] == ["3", "2", "1"]
    assert told("1", ["d"]) == told("none", ["d"]) == told("4", []) == []
    assert ana.checkpoints.history("none", channels=["d"]) == []


def test_a_history_ends_where_a_parent_is_gone(ana):
    put(ana, "2", parent="1")
    put(ana, "3", parent="2")
    assert [c.id for c in ana.checkpoints.history("t", channels=["d"])] == ["2"]


@pytest.mark.parametrize("parents", [{"1": "1"}, {"1": "2", "2": "1"}, {"1": "3", "2": "1", "3": "2"}])
def test_parents_in_a_circle_are_refused_or_end(ana, parents):
    from transactive.errors import InvalidInput

    try:
        for id, parent in parents.items():
            put(ana, id, parent=parent, deltas=["d"])
    except InvalidInput:
        return
    assert len(ana.checkpoints.history("t", channels=["d"])) <= len(parents)
    assert ana.checkpoints.prune(["t"]) <= len(parents)
    assert ana.checkpoints.delete_runs(["none"]) == 0


# --- delete, prune, delete runs, copy ---------------------------------------------------------------------------------


def test_a_deleted_thread_is_gone_with_all_that_belongs_to_it(team):
    ana = team.agent("ana")
    for thread in ("t", "other"):
        put(ana, "1", {"a": 1}, {"a": ("bytes", bytes(range(256)) * 20)}, thread=thread)
        ana.checkpoints.put_writes(thread, "1", [write("w")])
    one = rows(team)
    assert ana.checkpoints.threads() == ["other", "t"]
    assert ana.checkpoints.delete("t") is True
    assert ana.checkpoints.delete("t") is False
    assert ana.checkpoints.get("t") is None
    assert ana.checkpoints.threads() == ["other"]
    assert {table: count * 2 for table, count in rows(team).items()} == {**one, "documents": 0}
    assert len(ana.checkpoints.get("other").values["a"][1]) == 5120
    put(ana, "1", {"a": 1})
    assert held(ana.checkpoints.get("t")) == {}
    assert ana.checkpoints.get("t").writes == ()


def test_a_value_is_never_one_that_was_deleted_before(ana):
    """Rows that go leave numbers that come again: for another user, after each way in which rows go."""
    one, two = ana.bind(user="u1"), ana.bind(user="u2")
    for go in (
        lambda: one.checkpoints.delete("t"),
        lambda: one.checkpoints.prune(["t"], latest=False),
        lambda: one.checkpoints.delete_runs(["r"]),
    ):
        put(one, "1", {"a": 1}, typed(a="secret of u1"), run="r")
        assert held(one.checkpoints.get("t")) == {"a": "secret of u1"}
        go()
        put(two, "1", {"a": 1}, typed(a="of u2"))
        assert held(two.checkpoints.get("t")) == {"a": "of u2"}
        two.checkpoints.delete("t")


def test_a_pruned_thread_has_the_latest_of_each_program(ana):
    put(ana, "1", {"a": 1, "b": 1}, typed(a="a1", b="b1"))
    put(ana, "2", {"a": 2, "b": 1}, typed(a="a2"), parent="1")
    put(ana, "3", {"a": 2, "b": 1}, {}, parent="2")
    put(ana, "1", {"x": 1}, typed(x="x1"), space="inner")
    put(ana, "2", {"x": 2}, typed(x="x2"), space="inner", parent="1")
    put(ana, "1", thread="other")
    ana.checkpoints.put_writes("t", "1", [write("gone")])
    ana.checkpoints.put_writes("t", "3", [write("kept")])
    assert ana.checkpoints.prune(["t", "none"]) == 3
    assert [(c.space, c.id) for c in ana.checkpoints.list("t")] == [("", "3"), ("inner", "2")]
    assert held(ana.checkpoints.get("t")) == {"a": "a2", "b": "b1"}
    assert ana.checkpoints.get("t").writes == (write("kept"),)
    assert held(ana.checkpoints.get("t", space="inner")) == {"x": "x2"}
    assert ana.checkpoints.prune(["t"]) == 0
    put(ana, "4", {"a": 3, "b": 1}, typed(a="a3"), parent="3")
    assert held(ana.checkpoints.get("t")) == {"a": "a3", "b": "b1"}
    assert ana.checkpoints.prune(["t"], latest=False) == 3
    assert ana.checkpoints.threads() == ["other"]


def test_pruning_keeps_what_the_latest_follows_from(ana):
    put(ana, "0", {"a": 1, "d": 1}, typed(a="a1", d="older"))
    put(ana, "1", {"a": 1, "d": 2}, typed(d="whole"), parent="0")
    put(ana, "2", {"a": 2, "d": 3}, typed(a="a2"), parent="1", deltas=["d"])
    put(ana, "2x", {"a": 2, "d": 3}, typed(a="fork"), parent="1", deltas=["d"])
    put(ana, "3", {"a": 3, "d": 4}, typed(a="a3"), parent="2", deltas=["d"])
    for id in ("1", "2", "3"):
        ana.checkpoints.put_writes("t", id, [write("w", channel="d", value=id)])
    before = ana.checkpoints.history("t", channels=["d"])
    assert [c.id for c in before] == ["2", "1"]
    assert ana.checkpoints.prune(["t"]) == 2
    assert [c.id for c in ana.checkpoints.list("t")] == ["3", "2", "1"]
    assert ana.checkpoints.history("t", channels=["d"]) == before
    put(ana, "4", {"a": 3, "d": 5}, typed(d="whole again"), parent="3", deltas=["d"])
    assert ana.checkpoints.prune(["t"]) == 3
    assert [c.id for c in ana.checkpoints.list("t")] == ["4"]
    assert held(ana.checkpoints.get("t")) == {"a": "a3", "d": "whole again"}


def test_deleting_runs_keeps_what_others_follow_from(ana):
    put(ana, "1", {"a": 1, "d": 1}, typed(a="a1", d="whole"), run="r1")
    put(ana, "2", {"a": 1, "d": 2}, {}, parent="1", run="r2", deltas=["d"])
    put(ana, "3", {"a": 2, "d": 3}, typed(a="a2"), parent="2", run="r3", deltas=["d"])
    put(ana, "4", {"a": 3, "d": 4}, typed(a="a3", d="whole"), parent="3", run="r4", deltas=["d"])
    put(ana, "1", thread="other", run="r1")
    put(ana, "1", thread="third")
    before = ana.checkpoints.get("t", "3")
    assert ana.checkpoints.delete_runs(["none"]) == ana.checkpoints.delete_runs([]) == 0
    assert ana.checkpoints.delete_runs(["r1", "r4"]) == 2
    assert [c.id for c in ana.checkpoints.list("t")] == ["3", "2", "1"], "3 follows from 1 by way of 2"
    assert ana.checkpoints.get("t", "3") == before
    assert ana.checkpoints.threads() == ["t", "third"]
    assert ana.checkpoints.delete_runs(["r1", "r2", "r3"]) == 3
    assert ana.checkpoints.threads() == ["third"]


def test_a_copy_is_whole_and_a_thread_of_its_own(ana):
    put(ana, "1", {"a": 1, "b": 1}, {**typed(a="a1"), "b": ("bytes", bytes(range(256)) * 20)})
    put(ana, "2", {"a": 2, "b": 1}, typed(a="a2"), parent="1", run="r", deltas=["d"])
    put(ana, "1", {"x": 1}, typed(x="x1"), space="inner")
    ana.checkpoints.put_writes("t", "2", [write("w"), write("w", -1)])
    ana.checkpoints.copy("t", "copy")
    assert [replace(c, thread="t") for c in ana.checkpoints.list("copy")] == ana.checkpoints.list("t")
    put(ana, "3", {"a": 2, "b": 1}, {}, parent="2", thread="copy")
    put(ana, "3", {"a": 3, "b": 1}, typed(a="own"), parent="2")
    ana.checkpoints.put_writes("copy", "2", [write("new")])
    assert held(ana.checkpoints.get("copy", space="inner")) == {"x": "x1"}
    ana.checkpoints.delete("t")
    assert ana.checkpoints.get("copy").values["b"][1] == bytes(range(256)) * 20
    assert ana.checkpoints.get("copy").values["a"][1] == b"a2"
    ana.checkpoints.copy("copy", "copy")
    assert len(ana.checkpoints.list("copy")) == 4
    with pytest.raises(NotFound):
        ana.checkpoints.copy("t", "copy")
    assert ana.checkpoints.threads() == ["copy"]


def test_a_copy_replaces_what_the_target_has_under_the_same_ids(ana):
    put(ana, "1", {"a": 1}, typed(a="source"))
    ana.checkpoints.put_writes("t", "1", [write("of source")])
    put(ana, "1", {"a": 1}, typed(a="target"), thread="target")
    put(ana, "2", {"a": 1}, {}, thread="target", parent="1")
    ana.checkpoints.put_writes("target", "1", [write("of target")])
    ana.checkpoints.put_writes("target", "2", [write("kept")])
    ana.checkpoints.copy("t", "target")
    assert held(ana.checkpoints.get("target", "1")) == {"a": "source"}
    assert ana.checkpoints.get("target", "1").writes == (write("of source"),)
    assert held(ana.checkpoints.get("target", "2")) == {"a": "target"}
    assert ana.checkpoints.get("target", "2").writes == (write("kept"),)


# --- who may ----------------------------------------------------------------------------------------------------------


def test_threads_of_users_never_cross(ana):
    handles = {None: ana, "u1": ana.bind(user="u1"), "u2": ana.bind(user="u2")}
    for user, handle in handles.items():
        put(handle, "1", {"a": 1}, typed(a=f"of {user}"))
        handle.checkpoints.put_writes("t", "1", [write(f"of {user}")])
        put(handle, "1", thread=f"only {user}")
    for user, handle in handles.items():
        found = handle.checkpoints.get("t")
        assert (held(found), found.writes) == ({"a": f"of {user}"}, (write(f"of {user}"),))
        assert handle.checkpoints.threads() == [f"only {user}", "t"]
        assert {c.thread for c in handle.checkpoints.list()} == {f"only {user}", "t"}
        for other in handles:
            if other != user:
                assert handle.checkpoints.get(f"only {other}") is None
                assert handle.checkpoints.delete(f"only {other}") is False
                assert handle.checkpoints.prune([f"only {other}"], latest=False) == 0
                with pytest.raises(NotFound):
                    handle.checkpoints.copy(f"only {other}", "mine")
    assert handles["u1"].checkpoints.delete("t") is True
    assert held(handles["u2"].checkpoints.get("t")) == {"a": "of u2"}
    assert held(ana.checkpoints.get("t")) == {"a": "of None"}


def test_runs_are_deleted_for_one_user_alone(ana):
    one = ana.bind(user="u1")
    for handle in (ana, one):
        put(handle, "1", run="r")
    assert one.checkpoints.delete_runs(["r"]) == 1
    assert ana.checkpoints.get("t").run == "r"


def test_rights_are_those_of_the_namespace(house, ana):
    ben = house.agent(f"ben of {ana.name}")
    place = f"team/{ana.name}"
    house.grant(ana.name, f"{place}/**", "read", "write")
    house.grant(ben.name, f"{place}/**", "read")
    put(ana, "1", {"a": 1}, typed(a="a1"), namespace=place)
    put(ana, "1")
    assert held(ben.checkpoints.get("t", namespace=place)) == {"a": "a1"}
    assert ben.checkpoints.threads(namespace=place) == ["t"]
    assert [c.namespace for c in ben.checkpoints.list(namespace=place)] == [place]
    assert ben.checkpoints.history("t", channels=["a"], namespace=place) == []
    assert ana.checkpoints.get("t", namespace=f"{place}/none") is None
    for namespace in (place, ana.namespace):
        for call in (
            lambda at=namespace: put(ben, "2", namespace=at),
            lambda at=namespace: ben.checkpoints.put_writes("t", "1", [write("w")], namespace=at),
            lambda at=namespace: ben.checkpoints.delete("t", namespace=at),
            lambda at=namespace: ben.checkpoints.delete_runs(["r"], namespace=at),
            lambda at=namespace: ben.checkpoints.prune(["t"], namespace=at),
            lambda at=namespace: ben.checkpoints.copy("t", "copy", namespace=at),
        ):
            with pytest.raises(AccessDenied):
                call()
    for read in (
        lambda: ben.checkpoints.get("t", namespace=ana.namespace),
        lambda: ben.checkpoints.get("none", namespace=ana.namespace),
        lambda: ben.checkpoints.list(namespace=ana.namespace),
        lambda: ben.checkpoints.threads(namespace=ana.namespace),
        lambda: ben.checkpoints.history("t", channels=[], namespace=ana.namespace),
    ):
        with pytest.raises(AccessDenied):
            read()
    assert [c.id for c in ana.checkpoints.list(namespace=place)] == ["1"]
    assert ana.checkpoints.get("t", namespace=place).writes == ()


def test_nothing_is_told_to_events_and_audit(team):
    ana = team.agent("ana")
    before = rows(team, ["events", "audit"])
    put(ana, "1", {"a": 1}, typed(a="a1"))
    ana.checkpoints.put_writes("t", "1", [write("w")])
    ana.checkpoints.copy("t", "copy")
    ana.checkpoints.prune(["t"], latest=False)
    assert rows(team, ["events", "audit"]) == before


def test_a_story_awaited(team):
    async def story() -> None:
        checkpoints = team.aio.agent("ana").bind(user="u1").checkpoints
        await checkpoints.put("t", "1", body=BODY, metadata=METADATA, versions={"a": 1}, values=typed(a="a1"))
        await checkpoints.put_writes("t", "1", [write("w")])
        assert held(await checkpoints.get("t")) == {"a": "a1"}
        assert len(await checkpoints.list()) == 1
        assert await checkpoints.history("t", channels=["a"]) == []
        await checkpoints.copy("t", "copy")
        assert await checkpoints.threads() == ["copy", "t"]
        assert await checkpoints.prune(["t"]) == await checkpoints.delete_runs(["r"]) == 0
        assert await checkpoints.delete("copy") is True

    asyncio.run(story())
    assert team.agent("ana", user="u1").checkpoints.threads() == ["t"]
    assert team.checkpoints.threads(namespace=HOME) == []
