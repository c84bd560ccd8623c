"""The token buckets of write rates: in the ledger, so that all processes together stay within them."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from transactive.ledger.schema import rates
from transactive.ledger.times import stamp, unstamp
from transactive.rules.bucket import Bucket


def read(connection: Connection, agent: str, namespace: str) -> Bucket | None:
    """What was left when the agent last wrote there; None when it never did."""
    query = select(rates.c.tokens, rates.c.at).where(rates.c.agent == agent, rates.c.namespace == namespace)
    row = connection.execute(query).first()
    return None if row is None else Bucket(row.tokens, unstamp(row.at))


def write(connection: Connection, agent: str, namespace: str, bucket: Bucket) -> None:
    """What is left now."""
    row = {"agent": agent, "namespace": namespace, "tokens": bucket.tokens, "at": stamp(bucket.at)}
    statement = insert(rates).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=[rates.c.agent, rates.c.namespace],
        set_={"tokens": statement.excluded.tokens, "at": statement.excluded.at},
    )
    connection.execute(statement)
