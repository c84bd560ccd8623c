"""Cursors into the feed of events: opaque, so that they do not tell how much others write in between.

A cursor is the number of an event, padded and put through a keyed permutation: a Feistel network of six rounds over 96
bits with BLAKE2b as its round function (Luby & Rackoff, 1988). The padding shows whether a cursor is one of this store.
"""

from __future__ import annotations

import base64
import hashlib

_HALF = 6
_ROUNDS = 6


def encode(number: int, key: bytes) -> str:
    """The cursor of an event's number, 16 characters."""
    left, right = bytes(_HALF - 2) + number.to_bytes(8)[:2], number.to_bytes(8)[2:]
    for turn in range(_ROUNDS):
        left, right = right, _mixed(left, right, turn, key)
    return base64.urlsafe_b64encode(left + right).decode()


def decode(cursor: str, key: bytes) -> int | None:
    """The number of the event that a cursor names; None when this store has not made it."""
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(raw) != 2 * _HALF:
        return None
    left, right = raw[:_HALF], raw[_HALF:]
    for turn in reversed(range(_ROUNDS)):
        left, right = _mixed(right, left, turn, key), left
    return None if any(left[: _HALF - 2]) else int.from_bytes(left[_HALF - 2 :] + right)


def _mixed(half: bytes, other: bytes, turn: int, key: bytes) -> bytes:
    digest = hashlib.blake2b(bytes([turn]) + other, key=key, digest_size=_HALF).digest()
    return bytes(a ^ b for a, b in zip(half, digest, strict=True))
