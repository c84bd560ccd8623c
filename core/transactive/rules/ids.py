"""Ids: UUIDv7 (RFC 9562) from a clock reading and random bits, and UUIDv5 for ids of the caller's own."""

from __future__ import annotations

from uuid import UUID, uuid5


def uuid7(milliseconds: int, random: int) -> str:
    """48 bits of Unix time, version and variant, and 74 of the random bits."""
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    return str(UUID(int=value | 0b10 << 62 | random & (1 << 62) - 1))


def of_foreign(store_id: str, namespace: str, id: str) -> str:
    """The store-wide id of a caller's own id: the same for the same store, namespace and id."""
    return str(uuid5(UUID(store_id), f"{namespace}\0{id}"))


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID in canonical form."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
