"""How a caller says which entity or which type of edge it means."""

from __future__ import annotations

import re
from typing import TypeAlias

from transactive.errors import InvalidInput
from transactive.ledger.graph import SAME, Ref
from transactive.paths.incoming import check_name
from transactive.records import Entity, EntityRef
from transactive.rules.naming import name_key

EntityLike: TypeAlias = EntityRef | Entity | tuple[str, str] | str
"""An entity, a pair of type and name, or a name whose type follows from what is there."""
MAX_NAME = 512
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def check_ref(entity: object) -> EntityRef:
    """Type and name of an entity; `InvalidInput` for a bare name."""
    if isinstance(entity, Entity):
        return entity.ref
    if isinstance(entity, tuple) and len(entity) == 2:
        return EntityRef(check_type(entity[0], "an entity's type"), _name(entity[1]))
    raise InvalidInput(f"an entity is a pair of type and name such as ('company', 'Acme Corp'), not {entity!r:.80}")


def ref_of(entity: EntityRef) -> Ref:
    """What is the same for every way to write its name."""
    return entity.type, name_key(entity.name)


def check_bare(name: object) -> str:
    """The key of a name without a type."""
    return name_key(_name(name))


def check_type(type: object, what: str = "a type of edges") -> str:
    """A type: lower case, digits and underscores, at most 64."""
    if not isinstance(type, str) or not _TYPE.fullmatch(type):
        raise InvalidInput(f"{what} is written like 'works_at': lower case, digits and _, at most 64; not {type!r:.80}")
    return type


def check_edge_type(type: object) -> str:
    """A type of edges that a caller may use."""
    checked = check_type(type)
    if checked == SAME:
        raise InvalidInput(f"edges of the type {SAME!r} join names of one entity; use merge() and split()")
    return checked


def _name(name: object) -> str:
    return check_name(name, "an entity's name", longest=MAX_NAME)
