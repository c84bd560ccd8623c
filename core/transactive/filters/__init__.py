"""The one filter language, its syntax tree and its reference evaluator.

    {"agent": "billing", "metadata.amount": {"$gte": 100}, "$or": [{"tags": "urgent"}, {"importance": {"$gt": 0.8}}]}

Operators: `$eq $ne $gt $gte $lt $lte $in $nin $exists $contains`, joined by `$and $or $not`. Missing, null and an empty
list are one thing. `$ne` and `$nin` are exactly not `$eq` and not `$in`, so a missing field matches them; every other
comparison never matches a missing field. A list matches when one of its elements does. `True` is not 1; 1 is 1.0.
`$gt …` compare numbers with numbers and times with times. `$contains` asks for an element of a list, or a substring of
`text`. A metadata key with a dot in it is written `metadata."a.b"`.

`parse` makes the tree; the index and the ledger translate it, and `matches` says what is right.
"""

from transactive.filters.parsing import MAX_CONDITIONS, MAX_VALUES, parse
from transactive.filters.reference import Reader, matches, metadata_values, read_memory
from transactive.filters.tree import (
    ALL,
    FIELDS,
    NONE,
    And,
    Expression,
    Not,
    Operator,
    Or,
    Scalar,
    Test,
    Value,
    Where,
    both,
    equals,
)
from transactive.filters.values import (
    MAX_INTEGER,
    Leaf,
    attribute_tokens,
    check_filterable,
    join_path,
    leaves,
    metadata_token,
    normalise_path,
    parse_time,
    token,
)

__all__ = [
    "ALL",
    "FIELDS",
    "MAX_CONDITIONS",
    "MAX_INTEGER",
    "MAX_VALUES",
    "NONE",
    "And",
    "Expression",
    "Leaf",
    "Not",
    "Operator",
    "Or",
    "Reader",
    "Scalar",
    "Test",
    "Value",
    "Where",
    "attribute_tokens",
    "both",
    "check_filterable",
    "equals",
    "join_path",
    "leaves",
    "matches",
    "metadata_token",
    "metadata_values",
    "normalise_path",
    "parse",
    "parse_time",
    "read_memory",
    "token",
]
