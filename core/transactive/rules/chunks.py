"""Content-defined chunking: bytes cut where their content says so, so that equal stretches give equal parts.

A cut follows every four bytes whose hash ends in zeros (Muthitacharoen, Chen & Mazières, SOSP 2001, with a
multiplicative hash): what is inserted or changed moves the cuts around it, and no others.
"""

from __future__ import annotations

import hashlib

import numpy as np

WHOLE = 1024
"""Bytes up to which a value is not worth cutting."""
LEAST, MOST = 256, 8192
_BITS = 8
_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)


def parts(data: bytes) -> list[bytes]:
    """The bytes in parts of 256 to 8,192, about 512 on average; the last may be shorter."""
    found: list[bytes] = []
    start = 0
    for cut in (*_cuts(data), len(data)):
        while cut - start > MOST:
            found.append(data[start : start + MOST])
            start += MOST
        if cut - start >= LEAST or (cut == len(data) and cut > start):
            found.append(data[start:cut])
            start = cut
    return found


def _cuts(data: bytes) -> list[int]:
    window = len(_FACTORS)
    if len(data) < window:
        return []
    values = np.frombuffer(data, np.uint8).astype(np.uint32)
    size = len(values) - window + 1
    mixed = np.zeros(size, np.uint32)
    for place, factor in enumerate(_FACTORS):
        mixed += values[place : place + size] * np.uint32(factor)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(_FACTORS[0])
    return (np.flatnonzero(mixed >> np.uint32(32 - _BITS) == 0) + window).tolist()


def name(part: bytes) -> bytes:
    """The name under which equal parts are one: 12 bytes of BLAKE2b."""
    return hashlib.blake2b(part, digest_size=NAME).digest()


NAME = 12
