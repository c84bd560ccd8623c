"""Every filter operator, nested, against LlamaIndex's own evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

pytest.importorskip("llama_index.core")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from tests.team.stores import opened
from transactive import TeamMemory
from transactive.errors import InvalidFilter
from transactive.testing import HashEmbedder
from transactive_integrations.llamaindex import TransactiveVectorStore

Op = FilterOperator
LISTS = {Op.IN, Op.NIN, Op.ANY, Op.ALL}
OF_LISTS = {Op.CONTAINS, Op.ANY, Op.ALL}

NODES: tuple[dict[str, Any], ...] = (
    {"year": 2020, "theme": "Mafia", "tags": ["crime", "family"], "score": 8.7},
    {"year": 2024, "theme": "mafia wars", "tags": ["crime"], "score": 8},
    {"year": 1999.5, "theme": "", "tags": [], "score": -1},
    {"year": "2020", "theme": "Space", "tags": "crime", "seen": True},
    {"year": None, "theme": None, "tags": None, "seen": False},
    {"year": 0, "theme": "ÄRGER im Weltraum", "tags": [1, 2.0, True], "score": 1},
    {"a.b": "dotted", 'say "x"': 1, "": "empty key", "theme": "a 'quoted' \"theme\" 100%_"},
    {"year": [2020, 2021], "theme": ["Mafia"], "nested": {"inner": 1}},
    {},
)
KEYS = ("year", "theme", "tags", "score", "seen", "a.b", 'say "x"', "", "missing")


def reference(filters: MetadataFilters | MetadataFilter | None, metadata: Mapping[str, Any]) -> bool:
    """What LlamaIndex's own evaluation says, taken leaf by leaf so that filters may nest."""
    if isinstance(filters, MetadataFilter):
        return leaf(filters, metadata)
    if filters is None or not filters.filters:
        return True
    inner = [reference(one, metadata) for one in filters.filters]
    join = {FilterCondition.OR: any, FilterCondition.NOT: lambda values: not any(values)}
    return join.get(filters.condition or FilterCondition.AND, all)(inner)


def leaf(asked: MetadataFilter, metadata: Mapping[str, Any]) -> bool:
    if asked.operator in OF_LISTS and not isinstance(metadata.get(asked.key), list):
        # They are documented for arrays; the reference looks for substrings of a string too. `text_match` does that.
        return asked.operator == Op.ALL and not asked.value and metadata.get(asked.key) is not None
    try:
        return build_metadata_filter_fn(lambda _: metadata, MetadataFilters(filters=[asked]))("")
    except TypeError:  # a string compared with a number, and so on
        return False


@pytest.fixture(scope="module")
def store() -> Any:
    with opened(embedder=HashEmbedder()) as team:
        store = TransactiveVectorStore(team.agent("ana"))
        store.add([TextNode(id_=str(n), text=f"word {n}", metadata=metadata) for n, metadata in enumerate(NODES)])
        yield store


def matching(store: TransactiveVectorStore, filters: MetadataFilters) -> set[str]:
    """What a query and a listing find, which must be the same."""
    listed = {node.node_id for node in store.get_nodes(filters=filters)}
    found = store.query(VectorStoreQuery(query_str="word", similarity_top_k=100, filters=filters))
    assert set(found.ids or ()) == listed
    sparse = VectorStoreQuery(query_str="word", similarity_top_k=100, filters=filters, mode="text_search")
    assert set(store.query(sparse).ids or ()) == listed
    return listed


def expected(filters: MetadataFilters) -> set[str]:
    return {str(n) for n, metadata in enumerate(NODES) if reference(filters, metadata)}


def one(key: str, operator: FilterOperator, value: Any) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key=key, value=value, operator=operator)])


@pytest.mark.parametrize("operator", FilterOperator, ids=lambda operator: operator.name)
def test_an_operator_means_what_the_reference_means(store: TransactiveVectorStore, operator: FilterOperator) -> None:
    values: Sequence[Any] = (
        [["crime"], [2020, 2024], [1], ["Mafia", "x"], [8.7, 8.0]]
        if operator in LISTS
        else ["crime", "Mafia", "mafia", "är", "2020", 2020, 2024, 8, 8.7, 1, 0, -1, 'e" 1', "%", "dotted"]
    )
    if operator in {Op.GT, Op.GTE, Op.LT, Op.LTE}:
        values = [value for value in values if not isinstance(value, str)]
    if operator in {Op.TEXT_MATCH, Op.TEXT_MATCH_INSENSITIVE}:
        values = [value for value in values if isinstance(value, str)]
    hits = 0
    for key in KEYS:
        for value in values:
            filters = one(key, operator, value)
            found = matching(store, filters)
            assert found == expected(filters), (key, value)
            hits += 0 < len(found) < len(NODES)
    assert hits  # the comparison was of something


LEAVES = st.one_of(
    st.builds(
        MetadataFilter,
        key=st.sampled_from(KEYS),
        operator=st.sampled_from([Op.EQ, Op.NE, Op.CONTAINS, Op.IS_EMPTY]),
        value=st.sampled_from(["crime", "Mafia", "", "2020", "dotted", 2020, 1, 0, 8.7, 1999.5, 2.0]),
    ),
    st.builds(
        MetadataFilter,
        key=st.sampled_from(KEYS),
        operator=st.sampled_from([Op.GT, Op.GTE, Op.LT, Op.LTE]),
        value=st.sampled_from([2020, 2020.5, 0, -1, 8, 8.7]),
    ),
    st.builds(
        MetadataFilter,
        key=st.sampled_from(KEYS),
        operator=st.sampled_from(sorted(LISTS)),
        value=st.one_of(
            st.lists(st.sampled_from(["crime", "Mafia", "family", "Space"]), max_size=3),
            st.lists(st.sampled_from([1, 2, 0, 2020, 2024]), max_size=3),
        ),
    ),
    st.builds(
        MetadataFilter,
        key=st.sampled_from(KEYS),
        operator=st.sampled_from([Op.TEXT_MATCH, Op.TEXT_MATCH_INSENSITIVE]),
        value=st.sampled_from(["mafia", "MAFIA", "a", "", "ärger", "100%"]),
    ),
)
FILTERS = st.recursive(
    st.builds(
        MetadataFilters,
        filters=st.lists(LEAVES, max_size=3),
        condition=st.sampled_from([*FilterCondition, None]),
    ),
    lambda inner: st.builds(
        MetadataFilters,
        filters=st.lists(st.one_of(LEAVES, inner), min_size=1, max_size=3),
        condition=st.sampled_from([*FilterCondition, None]),
    ),
    max_leaves=6,
)


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(filters=FILTERS)
def test_nested_filters_mean_what_the_reference_means(store: TransactiveVectorStore, filters: MetadataFilters) -> None:
    assert matching(store, filters) == expected(filters)


def test_the_source_document_is_a_field_as_in_other_stores(team: TeamMemory) -> None:
    store = TransactiveVectorStore(team.agent("ana"))
    node = TextNode(id_="n", text="word", relationships={"1": {"node_id": "d1"}})
    store.add([node, TextNode(id_="m", text="word", metadata={"doc_id": "mine"})])
    for key in ("doc_id", "ref_doc_id", "document_id"):
        assert matching(store, one(key, Op.EQ, "d1")) == {"n"}
    assert matching(store, one("doc_id", Op.EQ, "mine")) == {"m"}


def test_none_equals_nothing_as_in_the_reference(store: TransactiveVectorStore) -> None:
    assert matching(store, one("year", Op.EQ, None)) == set()
    assert len(matching(store, one("year", Op.NE, None))) == len(NODES)


@pytest.mark.parametrize(
    ("operator", "value", "said"),
    [
        (Op.IN, "crime", "list of values"),
        (Op.ANY, "crime", "list of values"),
        (Op.EQ, ["crime"], "one value"),
        (Op.GT, ["crime"], "one value"),
        (Op.CONTAINS, ["crime"], "one value"),
        (Op.TEXT_MATCH, 5, "takes a string"),
        (Op.GT, None, "not None"),
        (Op.GT, "b", "numbers with numbers"),
    ],
)
def test_a_filter_that_means_nothing_is_an_error(
    store: TransactiveVectorStore, operator: FilterOperator, value: Any, said: str
) -> None:
    with pytest.raises(InvalidFilter, match=said):
        store.get_nodes(filters=one("tags", operator, value))


def test_times_are_compared_as_times(team: TeamMemory) -> None:
    store = TransactiveVectorStore(team.agent("ana"))
    store.add(
        [
            TextNode(id_="may", text="word", metadata={"due": "2026-05-01T00:00:00+02:00"}),
            TextNode(id_="june", text="word", metadata={"due": "2026-06-01T00:00:00Z"}),
        ]
    )
    assert matching(store, one("due", Op.LT, "2026-05-01T00:00:00Z")) == {"may"}


def test_a_filter_sees_metadata_that_is_too_large_for_one_payload(team: TeamMemory) -> None:
    """Of values over 64 KiB the index sees the scalars at the top, and there the metadata is."""
    store = TransactiveVectorStore(team.agent("ana"))
    store.add([TextNode(id_="big", text="word", metadata={"year": 2020, "dump": "x" * 100_000})])
    assert matching(store, one("year", Op.EQ, 2020)) == {"big"}
    assert matching(store, one("year", Op.EQ, 2021)) == set()
