"""Documents by key: what is put comes back, as it was, until its time is over."""

from __future__ import annotations

import array
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents.rooms import HOME, after_reading, keys, of, rows
from tests.team.stores import START, Clock, opened, small_embedder
from transactive import Policy, TeamMemory
from transactive.documents import Documents
from transactive.errors import NotFound
from transactive.records import Document, NewDocument

HOUR = timedelta(hours=1)


# --- put and get ------------------------------------------------------------------------------------------------------


def test_a_document_is_what_was_put(team, clock):
    ana = team.agent("ana", app="desk")
    put = ana.documents.put("agents/ana/settings", "theme", {"dark": True, "size": 12.5}, data=b"\x00\xff")
    assert put == Document(
        namespace="agents/ana/settings",
        key="theme",
        value={"dark": True, "size": 12.5},
        data=b"\x00\xff",
        agent="ana",
        user=None,
        app="desk",
        sensitivity="internal",
        created_at=START,
        updated_at=START,
        version=1,
        ttl=None,
        expires_at=None,
        uid=None,
    )
    assert ana.documents.get("agents/ana/settings", "theme") == put
    assert ana.documents.get("agents/ana", "theme") is None
    assert ana.documents.get("agents/ana/settings", "Theme") is None


def test_a_value_takes_the_place_of_the_former_one(team, clock):
    ana, ben = team.agent("ana"), team.agent("ben")
    team.grant("*", "team/store/**", "read", "write")
    ana.documents.put("team/store", "k", {"a": 1}, data=b"x", sensitivity="public", ttl="1h")
    clock.advance(timedelta(minutes=1))
    second = ben.documents.put("team/store", "k", [2])
    assert (second.value, second.data, second.agent, second.version) == ([2], None, "ben", 2)
    assert (second.created_at, second.updated_at) == (START, START + timedelta(minutes=1))
    assert second.sensitivity == "public", "kept where none is said"
    assert (second.ttl, second.expires_at) == (None, None), "a time to live is that of the version"
    assert ana.documents.get("team/store", "k") == second
    assert rows(team)["documents"] == 1


def test_a_key_that_was_deleted_begins_anew(ana, clock):
    ana.documents.put(ana.namespace, "k", 1)
    ana.documents.put(ana.namespace, "k", 2)
    assert ana.documents.delete(ana.namespace, "k") is True
    assert ana.documents.delete(ana.namespace, "k") is False
    assert ana.documents.get(ana.namespace, "k") is None
    clock.advance(HOUR)
    again = ana.documents.put(ana.namespace, "k", 3)
    assert (again.version, again.created_at) == (1, START + HOUR)


def test_a_thousand_and_more_are_put_and_the_last_of_a_key_stays(ana):
    items = [NewDocument(key=f"{n:04}", value=n) for n in range(1200)]
    items += [
        NewDocument(key="0000", value="last"),
        NewDocument(key="0001", value=1, namespace=f"{ana.namespace}/other"),
    ]
    put = ana.documents.put_many(iter(items))
    assert [d.key for d in put] == [item.key for item in items]
    assert put[0] == put[1200]
    assert (put[1200].value, put[1200].version) == ("last", 1)
    assert ana.documents.count(ana.namespace) == 1200
    assert ana.documents.namespaces() == [ana.namespace, f"{ana.namespace}/other"]
    found = ana.documents.get_many(
        [(ana.namespace, "1199"), (ana.namespace, "none"), (ana.namespace, "0000"), (ana.namespace, "1199")]
    )
    assert [d and d.value for d in found] == [1199, None, "last", 1199]
    assert (
        ana.documents.delete_many(
            [(ana.namespace, "0000"), (ana.namespace, "0000"), (ana.namespace, "none"), (ana.namespace, "0002")]
        )
        == 2
    )
    assert ana.documents.put_many([]) == []
    assert ana.documents.get_many([]) == []
    assert ana.documents.delete_many([]) == 0


def test_items_without_a_namespace_go_to_the_one_that_is_said(ana):
    put = ana.documents.put_many(
        [NewDocument(key="a"), NewDocument(key="b", namespace=f"{ana.namespace}/y")], namespace=f"{ana.namespace}/x"
    )
    assert [d.namespace for d in put] == [f"{ana.namespace}/x", f"{ana.namespace}/y"]


def test_namespaces_are_compared_in_normal_form(ana):
    ana.documents.put(f"{ana.namespace}/cafe\u0301", "k", 1)
    assert ana.documents.get(f"{ana.namespace}/caf\u00e9", "k").namespace == f"{ana.namespace}/caf\u00e9"
    assert ana.documents.get_many([(f"{ana.namespace}/cafe\u0301", "k")])[0] is not None


# --- keys and values are what they were -------------------------------------------------------------------------------

KEYS = [
    "", " ", "\x00", "a\x00", "a", "A", "a ", "\n", "\\n", "\\", '"', "\\\\", "\\u0000", "\\ud800", "\ud800", "\udfff",
    "\ud83d\ude00", "😀", "caf\u00e9", "cafe\u0301", "%", "_", "*", "a/b", "..", "\u2028", "x" * 4096, "😀" * 4096,
]  # fmt: skip


def test_any_key_is_a_key_of_its_own(ana):
    for number, key in enumerate(KEYS):
        put = ana.documents.put(
            ana.namespace, key, number, index=number % 2 == 0, text="indexed" if number % 2 == 0 else None
        )
        assert put.key == key
    assert [d and d.value for d in ana.documents.get_many([(ana.namespace, key) for key in KEYS])] == list(
        range(len(KEYS))
    )
    assert {d.key for d in ana.documents.list(limit=None)} == set(KEYS)
    for number, key in enumerate(KEYS):
        assert ana.documents.put(ana.namespace, key, number).version == 2
        assert ana.documents.delete(ana.namespace, key)
    assert ana.documents.count() == 0


def test_a_prefix_is_one_of_the_key_whatever_it_holds(ana):
    ana.documents.put_many([NewDocument(key=key) for key in KEYS])
    for prefix in KEYS:
        found = keys(ana.documents.list(prefix=prefix, limit=None))
        assert set(found) == {key for key in KEYS if key.startswith(prefix)}, repr(prefix)
        assert ana.documents.count(prefix=prefix) == len(found)


def test_keys_are_sorted_as_python_sorts_them(ana):
    chosen = [key for key in KEYS if len(key) < 10]
    ana.documents.put_many([NewDocument(key=key) for key in chosen])
    assert keys(ana.documents.list(order_by="key", limit=None)) == sorted(chosen)
    assert keys(ana.documents.list(order_by="-key", limit=None)) == sorted(chosen, reverse=True)


VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 1.0, -0.0, 1e308, 5e-324, 2**63, 10**300, "", "text", "\x00", "\ud800", "😀", [], {},
    [None, [[]], {}], {"": None}, {"a.b": {'"': "\\"}}, {"\x00": "\udfff"}, {"k": [1, "two", {"three": 3.5}]},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_any_json_value_comes_back_as_it_was(ana, value):
    for index in (False, True):
        put = ana.documents.put(ana.namespace, "k", value, index=index)
        got = ana.documents.get(ana.namespace, "k")
        assert repr(put.value) == repr(got.value) == repr(value)
        assert ana.documents.list()[0] == got == put


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(max_examples=60)
@given(st.dictionaries(st.text(st.characters(), max_size=8), values, max_size=6))
def test_whatever_is_put_comes_back(held):
    ana = shared_store().agent("ana")
    ana.documents.clear("**")
    items = [
        NewDocument(key=key, value=value, index=number % 2 == 0) for number, (key, value) in enumerate(held.items())
    ]
    ana.documents.put_many(items)
    assert {d.key: d.value for d in ana.documents.list(limit=None)} == held
    assert [d and d.value for d in ana.documents.get_many([(HOME, key) for key in held])] == list(held.values())


_opened: list[TeamMemory] = []


def shared_store() -> TeamMemory:
    """One store for all examples of a property."""
    if not _opened:
        _opened.append(opened())
    return _opened[0]


@pytest.fixture(scope="module", autouse=True)
def closed():
    yield
    while _opened:
        _opened.pop().close()


def test_the_order_of_an_objects_keys_is_kept(ana):
    ana.documents.put(ana.namespace, "k", {"z": 1, "a": {"y": 1, "b": 2}})
    got = ana.documents.get(ana.namespace, "k").value
    assert [*got, *got["a"]] == ["z", "a", "y", "b"]


def test_a_tuple_is_a_list_and_subclasses_are_what_json_says(ana):
    assert ana.documents.put(ana.namespace, "k", (1, (2,))).value == [1, [2]]


def test_as_much_as_is_promised_fits(ana):
    value = "v" * ((1 << 24) - 2)
    assert ana.documents.put(ana.namespace, "k", value).value == value
    data = bytes(range(256)) * (1 << 12)
    ana.documents.put(ana.namespace, "k", data=data)
    assert ana.documents.get(ana.namespace, "k").data == data
    deep: Any = "leaf"
    for _ in range(60):
        deep = [deep]
    assert ana.documents.put(ana.namespace, "deep", deep, index=True).value == deep


@pytest.mark.parametrize("data", [b"", b"\x00", bytearray(b"ab"), memoryview(b"ab"), memoryview(b"abcdef")[::2]])
def test_bytes_of_any_kind_are_bytes(ana, data):
    assert ana.documents.put(ana.namespace, "k", data=data).data == bytes(data)
    got = ana.documents.get(ana.namespace, "k").data
    assert got == bytes(data)
    assert type(got) is bytes


def test_bytes_are_counted_as_bytes(ana):
    wide = memoryview(array.array("Q", [1, 2, 3]))
    assert ana.documents.put(ana.namespace, "k", data=wide).data == bytes(wide)


def test_nothing_is_aliased(ana):
    given = {"a": [1]}
    put = ana.documents.put(ana.namespace, "k", given, ttl="1h", index=True, text="words")
    given["a"].append(2)
    put.value["a"].append(3)
    first, second = ana.documents.get_many([(ana.namespace, "k"), (ana.namespace, "k")])
    first.value["a"].append(4)
    third, fourth = ana.documents.get_many([(ana.namespace, "k"), (ana.namespace, "k")], refresh=True)
    third.value["a"].append(5)
    ana.documents.list()[0].value["a"].append(6)
    ana.documents.search("words")[0].document.value["a"].append(7)
    assert second.value == fourth.value == ana.documents.get(ana.namespace, "k").value == {"a": [1]}
    assert ana.get(put.uid).metadata == {"a": [1]}


def test_two_items_of_one_key_do_not_share_a_value(ana):
    given = {"a": [1]}
    one, two = ana.documents.put_many([NewDocument(key="k", value=given), NewDocument(key="k", value=given)])
    one.value["a"].append(2)
    assert two.value == ana.documents.get(ana.namespace, "k").value == given == {"a": [1]}


# --- list, count, namespaces, clear -----------------------------------------------------------------------------------


@dataclass
class Shop:
    """Six documents in three namespaces below a place, a minute apart."""

    place: str
    documents: Documents

    def below(self, pattern: str) -> str:
        """A pattern of this shop."""
        return re.sub(r"^shop", self.place, pattern)

    def told(self, clock: Clock) -> None:
        """Put the six."""
        for place, key, value in (
            ("shop", "b", {"color": "red", "n": 1, "tags": ["x"]}),
            ("shop/fruit", "a", {"color": "green", "n": 2}),
            ("shop/fruit", "aa", {"color": "red", "n": 3.5, "at": "2026-05-04T00:00:00Z"}),
            ("shop/fruit/dry", "c", {"a.b": 1, "inner": {"n": 5}}),
            ("shop0", "d", ["red"]),
            ("shop", "e", "red"),
        ):
            self.documents.put(self.below(place), key, value)
            clock.advance(timedelta(minutes=1))


@pytest.fixture
def shop(house, ana, clock):
    shop = Shop(f"shop-{ana.name}", ana.documents)
    for pattern in ("shop/**", "shop0"):
        house.grant(ana.name, shop.below(pattern), "read", "write")
    shop.told(clock)
    return shop


def test_a_list_is_ordered_and_paged(shop):
    documents = shop.documents
    assert keys(documents.list()) == ["e", "d", "c", "aa", "a", "b"]
    documents.put(shop.place, "b", {})
    assert keys(documents.list()) == ["b", "e", "d", "c", "aa", "a"]
    assert keys(documents.list(order_by="updated_at")) == ["a", "aa", "c", "d", "e", "b"]
    assert keys(documents.list(order_by="created_at", limit=2)) == ["b", "a"]
    assert keys(documents.list(order_by="-created_at", limit=2, offset=1)) == ["d", "c"]
    assert keys(documents.list(order_by="key", limit=None)) == ["a", "aa", "b", "c", "d", "e"]
    assert keys(documents.list(order_by="-key", limit=2, offset=5)) == ["a"]
    assert documents.list(limit=0) == documents.list(offset=6) == []


PATTERNS = {
    "**": "a aa b c d e",
    "*": "b d e",
    "shop": "b e",
    "shop/*": "a aa",
    "shop/**": "a aa b c e",
    "shop/fruit": "a aa",
    "shop/fruit/**": "a aa c",
    "shop/f": "",
    "shop/fruit/dry/**": "c",
    "agents/**": "",
}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.items())
def test_patterns(shop, pattern, expected):
    documents, below, wanted = shop.documents, shop.below(pattern), expected.split()
    found = documents.list(below, order_by="key")
    assert keys(found) == wanted
    assert documents.count(below) == len(wanted)
    assert documents.namespaces(below) == sorted({document.namespace for document in found})
    assert documents.clear(below) == len(wanted)
    assert documents.count() == 6 - len(wanted)


WHERE: dict[str, tuple[dict[str, Any], str]] = {
    "a value": ({"value.color": "red"}, "b aa"),
    "a number": ({"value.n": 2.0}, "a"),
    "a range": ({"value.n": {"$gt": 1, "$lte": 3.5}}, "a aa"),
    "not equal, or missing": ({"value.color": {"$ne": "red"}}, "a c d e"),
    "there and not equal": ({"value.color": {"$ne": "red", "$exists": True}}, "a"),
    "one of": ({"value.color": {"$in": ["green", "blue"]}}, "a"),
    "none of": ({"value.color": {"$nin": ["green", "blue"], "$exists": True}}, "b aa"),
    "in a list": ({"value.tags": {"$contains": "x"}}, "b"),
    "a quoted key": ({'value."a.b"': 1}, "c"),
    "further in": ({"value.inner.n": {"$gte": 5}}, "c"),
    "a time": ({"value.at": {"$lt": "2026-05-05T00:00:00+00:00"}}, "aa"),
    "either": ({"$or": [{"value.n": 1}, {"value.inner.n": 5}]}, "b c"),
    "both": ({"$and": [{"value.color": "red"}, {"value.n": {"$lt": 2}}]}, "b"),
    "not": ({"$not": {"value.n": {"$exists": True}}}, "c d e"),
    "by": ({"agent": "ben"}, ""),
    "about": ({"user": None}, "b a aa c d e"),
    "where": ({"namespace": "shop/fruit"}, "a aa"),
    "when": ({"created_at": {"$gte": START + timedelta(minutes=4)}}, "d e"),
    "nothing": ({}, "b a aa c d e"),
}


@pytest.mark.parametrize(("where", "expected"), WHERE.values(), ids=WHERE)
def test_filters(shop, where, expected):
    documents, wanted = shop.documents, expected.split()
    if "namespace" in where:
        where = {"namespace": shop.below(where["namespace"])}
    assert keys(documents.list(where=where, order_by="created_at")) == wanted
    assert keys(documents.list(where=where, order_by="created_at", limit=1, offset=1)) == wanted[1:2]
    assert documents.count(where=where) == len(wanted)
    places = {d.namespace for d in documents.list() if d.key in wanted}
    assert documents.namespaces(where=where) == sorted(places)
    assert documents.clear("**", where=where) == len(wanted)
    assert sorted(keys(documents.list())) == sorted({"a", "aa", "b", "c", "d", "e"} - set(wanted))


def test_what_is_not_an_object_is_filtered_as_a_whole(shop):
    documents = shop.documents
    assert keys(documents.list(where={"value.$": "red"})) == ["e", "d"]
    assert keys(documents.list(where={"value.$": {"$contains": "red"}})) == ["d"]


def test_clear_takes_keys_of_a_prefix_only(shop):
    documents = shop.documents
    assert documents.clear(shop.below("shop/fruit"), prefix="aa", where={"value.color": "green"}) == 0
    assert documents.clear(shop.below("shop/fruit"), prefix="aa") == 1
    assert documents.clear(shop.below("shop/**"), prefix="A") == 0
    assert keys(documents.list(shop.below("shop/fruit"))) == ["a"]


# --- time to live -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [False, True])
def test_a_document_is_gone_at_the_moment_its_time_is_over(ana, clock, index):
    put = ana.documents.put(ana.namespace, "k", {"t": "blue"}, ttl="30m", index=index)
    assert (put.ttl, put.expires_at) == (timedelta(minutes=30), START + timedelta(minutes=30))
    clock.advance(timedelta(minutes=30, microseconds=-1))
    assert ana.documents.get(ana.namespace, "k") == put
    assert len(ana.documents.search("blue")) == len(ana.recall("blue")) == int(index)
    clock.advance(timedelta(microseconds=1))
    absent(ana)
    assert ana.documents.delete(ana.namespace, "k") is False
    again = ana.documents.put(ana.namespace, "k", {"t": "blue again"}, index=index)
    assert (again.version, again.created_at, again.expires_at) == (1, clock.now, None)
    assert len(ana.documents.search("blue")) == int(index)


def absent(ana: Any) -> None:
    """Nothing shows the document `k`."""
    assert ana.documents.get(ana.namespace, "k") is None
    assert ana.documents.get_many([(ana.namespace, "k")], refresh=True) == [None]
    assert ana.documents.list() == ana.documents.list(refresh=True) == []
    assert ana.documents.count() == 0
    assert ana.documents.namespaces() == []
    assert list(ana.documents.search("blue")) == []
    assert list(ana.recall("blue")) == []
    assert ana.documents.clear("**") == 0


def test_reading_with_refresh_lets_it_live_on(ana, clock):
    for key in ("got", "many", "listed", "found", "left"):
        ana.documents.put(ana.namespace, key, {"t": f"blue {key}"}, ttl=HOUR, index=True)
    ana.documents.put(ana.namespace, "endless", 1)
    clock.advance(timedelta(minutes=40))
    later = clock.now + HOUR
    assert ana.documents.get(ana.namespace, "got", refresh=True).expires_at == later
    assert [d.expires_at for d in ana.documents.get_many([(ana.namespace, "many")] * 2, refresh=True)] == [later] * 2
    assert ana.documents.list(prefix="listed", refresh=True)[0].expires_at == later
    found = ana.documents.search("blue", where={"value.t": "blue found"}, refresh=True)
    assert [hit.document.expires_at for hit in found] == [later]
    assert ana.documents.get(ana.namespace, "endless", refresh=True).expires_at is None
    clock.advance(timedelta(minutes=40))
    assert set(keys(ana.documents.list())) == {"got", "many", "listed", "found", "endless"}
    assert set(keys(ana.documents.search("blue"))) == {"got", "many", "listed", "found"}
    assert {hit.memory.text for hit in ana.recall("blue")} == {"blue got", "blue many", "blue listed", "blue found"}
    renewed = ana.documents.get(ana.namespace, "got")
    assert (renewed.version, renewed.updated_at) == (1, START), "reading is no change"
    clock.advance(HOUR)
    assert keys(ana.documents.list()) == ["endless"]
    assert list(ana.documents.search("blue")) == list(ana.recall("blue")) == []


def test_reading_without_refresh_does_not(ana, clock):
    ana.documents.put(ana.namespace, "k", 1, ttl=HOUR)
    clock.advance(timedelta(minutes=59))
    for _ in range(2):
        assert ana.documents.get(ana.namespace, "k").expires_at == START + HOUR
        ana.documents.list()
    clock.advance(timedelta(minutes=1))
    absent(ana)


@pytest.mark.parametrize("index", [False, True])
def test_a_new_version_without_a_time_to_live_is_not_shortened_by_who_read_the_old_one(tmp_path, clock, index):
    """Between the read of a document and its refresh somebody puts another value, which shall stay."""
    with opened(tmp_path, clock=clock) as team, opened(tmp_path, clock=clock, index=None) as other:
        ana, ben = team.agent("ana"), other.agent("ana")
        ana.documents.put(HOME, "k", {"t": "blue"}, ttl=HOUR, index=index)
        waiting = [lambda: ben.documents.put(HOME, "k", {"t": "green"}, index=index)]
        after_reading(team, "FROM documents", waiting)
        ana.documents.get(HOME, "k", refresh=True)
        assert not waiting
        kept = of(ana, "k")
        assert (kept.value, kept.ttl, kept.expires_at) == ({"t": "green"}, None, None)
        clock.advance(2 * HOUR)
        ana.documents.sweep()
        assert of(ana, "k").value == {"t": "green"}


def test_the_namespaces_policy_gives_the_time_to_live(team, clock):
    ana = team.agent("ana")
    team.namespaces.configure("agents/**", Policy(ttl="2h"))
    assert ana.documents.put(HOME, "policy").expires_at == START + timedelta(hours=2)
    assert ana.documents.put(HOME, "own", ttl="5m").expires_at == START + timedelta(minutes=5)
    clock.advance(HOUR)
    assert keys(ana.documents.list()) == ["policy"]
    assert ana.documents.get(HOME, "policy", refresh=True).expires_at == START + timedelta(hours=3)


@pytest.mark.parametrize("ttl", [timedelta.max, timedelta(days=365 * 300_000), "9000000w"])
def test_a_time_to_live_beyond_all_time_never_ends(ana, ttl):
    put = ana.documents.put(ana.namespace, "k", {"t": "blue"}, ttl=ttl, index=True)
    assert put.expires_at is None
    assert ana.documents.get(ana.namespace, "k", refresh=True).expires_at is None
    assert ana.documents.get(ana.namespace, "k").version == 1


def test_a_sweep_deletes_what_is_over_and_so_does_upkeep(team, clock):
    ana = team.agent("ana")
    for number in range(45):
        ana.documents.put(HOME, str(number), {"t": f"blue {number}"}, ttl="1h", index=number % 2 == 0)
    ana.documents.put(HOME, "kept", {"t": "blue"}, index=True)
    assert ana.documents.sweep() == 0
    clock.advance(HOUR)
    assert rows(team)["documents"] == 46
    assert ana.documents.sweep() == 45
    assert rows(team, ["documents", "memories"]) == {"documents": 1, "memories": 1}
    assert ana.documents.sweep() == 0
    ana.documents.put(HOME, "again", {"t": "blue"}, ttl="1s", index=True)
    clock.advance(HOUR)
    assert team.maintain(build=False).expired == 1
    assert rows(team, ["documents", "memories"]) == {"documents": 1, "memories": 1}


# --- what is written beside -------------------------------------------------------------------------------------------


def test_a_text_that_stays_is_not_embedded_again():
    asked: list[str] = []

    def counting(texts: Any) -> list[list[float]]:
        asked.extend(texts)
        return small_embedder(texts)

    with opened(embedder=counting) as team:
        ana = team.agent("ana")
        asked.clear()
        ana.documents.put(HOME, "k", {"t": "blue", "n": 1}, index=["t"])
        ana.documents.put(HOME, "k", {"t": "blue", "n": 2}, index=["t"])
        ana.documents.get(HOME, "k", refresh=True)
        team.maintain(build=False)
        assert asked == ["blue"]
        assert ana.documents.search("x", where={"value.n": 2})[0].document.version == 2
        assert list(ana.documents.search("x", where={"value.n": 1})) == []


def test_a_document_that_is_indexed_no_longer_leaves_no_memory(team):
    ana = team.agent("ana")
    uid = ana.documents.put(HOME, "k", {"t": "blue"}, index=True).uid
    assert ana.get(uid).text == "blue"
    assert ana.documents.put(HOME, "k", {"t": "blue"}).uid is None
    with pytest.raises(NotFound):
        ana.get(uid)
    assert list(ana.documents.search("blue")) == []
    assert rows(team, ["memories"]) == {"memories": 0}
    assert ana.documents.put(HOME, "k", {"t": "blue"}, index=True).uid not in {None, uid}


def test_renewals_of_what_is_not_indexed_leave_no_trace(team, clock):
    ana = team.agent("ana")
    ana.documents.put(HOME, "k", 1, ttl="1h")
    before = rows(team, ["events", "audit"])
    ana.documents.get(HOME, "k", refresh=True)
    assert rows(team, ["events", "audit"]) == before


def test_the_audit_tells_that_documents_were_put_and_never_what_they_hold(team):
    ana = team.agent("ana")
    ana.documents.put(HOME, "the key", {"t": "the value"}, data=b"the data", index=True, user="the user")
    ana.documents.delete(HOME, "the key", user="the user")
    told = repr([*team.audit.list()])
    assert "put" in told
    assert "delete" in told
    assert not any(word in told for word in ("the key", "the value", "the data", "the user"))
    assert team.audit.verify()
