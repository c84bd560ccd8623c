"""Observed turns from which facts have still to be extracted: written with the turns, deleted when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from transactive.ledger.schema import extractions


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turns of one call."""

    number: int
    identity: dict[str, Any]
    uids: list[str]


def add(connection: Connection, identity: dict[str, Any], uids: Sequence[str]) -> None:
    """These turns were observed by somebody."""
    connection.execute(insert(extractions), {"identity": identity, "uids": list(uids)})


def following(connection: Connection, after: int) -> Waiting | None:
    """The first with a higher number."""
    query = select(extractions).where(extractions.c.number > after).order_by(extractions.c.number).limit(1)
    row = connection.execute(query).first()
    return None if row is None else Waiting(row.number, row.identity, row.uids)


def done(connection: Connection, number: int) -> None:
    """Nothing more is to be extracted from these."""
    connection.execute(delete(extractions).where(extractions.c.number == number))
