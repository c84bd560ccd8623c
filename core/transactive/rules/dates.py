"""Dates in English words, whatever the process's locale: they are stored in the terms of every memory."""

from __future__ import annotations

from datetime import datetime

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def in_words(time: datetime) -> str:
    """A date such as `8 May 2026`."""
    return f"{time.day} {MONTHS[time.month - 1]} {time.year}"
