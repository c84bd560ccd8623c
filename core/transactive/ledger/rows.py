"""The types of rows and queries whose columns are the schema's, and a row's view as a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from sqlalchemy import Row, Select

    AnyRow: TypeAlias = Row[*tuple[Any, ...]]
    AnySelect: TypeAlias = Select[*tuple[Any, ...]]
else:
    AnyRow = AnySelect = Any


def mapping(row: AnyRow) -> Mapping[str, Any]:
    """A row by its column names."""
    return cast("Mapping[str, Any]", row._mapping)  # pyright: ignore[reportPrivateUsage]  # documented as public
