"""Whether what is meant for somebody can reach them."""

from __future__ import annotations

from transactive.errors import InvalidInput
from transactive.paths.writing import Change
from transactive.records import Placed
from transactive.rules.access import Identity, reach

HUMAN = "human:"
"""How the names of people begin: they read what an owner, or a handle of that name, shows them."""


def check_reaches(change: Change, place: Placed, recipient: str, what: str) -> None:
    """`InvalidInput` when an agent could not even see what is meant for it; of groups and people that is not known."""
    if recipient == "*" or recipient.startswith(("group:", HUMAN)):
        return
    tables = change.tables
    theirs = reach(Identity(recipient), tables.grants, tables.groups, change.now, tables.ceilings)
    if not theirs.may_at("read", place.namespace, place.sensitivity):
        raise InvalidInput(
            f"{recipient!r} could not see {what} in {place.namespace!r}, as it may not read that there; put it "
            f"elsewhere, or have the owner allow it: team.grant({recipient!r}, {place.namespace!r}, 'read'); "
            "nothing was written"
        )
