"""The built-in rules: which connections a text of English states, and which it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from transactive.rules.connections import CONFIDENCE, connections

STATED = {
    "Alice Chen works at Acme Corp.": ("person", "Alice Chen", "works_at", "company", "Acme Corp"),
    "Alice works for Acme": ("person", "Alice", "works_at", "company", "Acme"),
    "Alice now works at the Acme Corp.": ("person", "Alice", "works_at", "company", "Acme Corp"),
    "Alice has joined Acme.": ("person", "Alice", "works_at", "company", "Acme"),
    "Alice is employed by Acme.": ("person", "Alice", "works_at", "company", "Acme"),
    "Alice is a senior engineer at Acme.": ("person", "Alice", "works_at", "company", "Acme"),
    "Alice reports to Bob Diaz.": ("person", "Alice", "reports_to", "person", "Bob Diaz"),
    "Bob leads Atlas.": ("person", "Bob", "manages", "thing", "Atlas"),
    "Alice lives in Rio de Janeiro.": ("person", "Alice", "lives_in", "place", "Rio de Janeiro"),
    "Acme is headquartered in Berlin.": ("company", "Acme", "located_in", "place", "Berlin"),
    "Atlas is part of Acme.": ("thing", "Atlas", "part_of", "thing", "Acme"),
    "Atlas belongs to Acme.": ("thing", "Atlas", "part_of", "thing", "Acme"),
    "billing-api depends on payments-db.": ("thing", "billing-api", "depends_on", "thing", "payments-db"),
    "Billing relies on Redis.": ("thing", "Billing", "depends_on", "thing", "Redis"),
    "`billing` uses `redis`.": ("thing", "billing", "uses", "thing", "redis"),
    '"The Ledger" runs on Postgres.': ("thing", "Ledger", "uses", "thing", "Postgres"),
    "Acme has acquired Beta Works.": ("company", "Acme", "owns", "company", "Beta Works"),
    "Atlas is related to Hermes.": ("thing", "Atlas", "relates_to", "thing", "Hermes"),
    "The Atlas uses Redis.": ("thing", "Atlas", "uses", "thing", "Redis"),
}


@pytest.mark.parametrize("text", STATED)
def test_what_is_stated_is_found(text):
    one, source, type, other, target = STATED[text]
    [found] = connections(text)
    assert (found.source, found.type, found.target) == ((one, source), type, (other, target))
    assert found.confidence == CONFIDENCE


NOT_STATED = {
    "a question": "Does it matter that Alice works at Acme?",
    "the past": "Alice worked at Acme.",
    "a negation": "Alice does not work at Acme.",
    "never": "Alice never works at Acme.",
    "no longer": "Alice no longer works at Acme.",
    "nobody": "Nobody works at Acme.",
    "no one": "No one works at Acme.",
    "none": "None of them works at Acme.",
    "a pronoun": "She works at Acme.",
    "which": "Which works at Acme.",
    "no name after": "Alice works at home.",
    "no name before": "somebody works at Acme.",
    "to itself": "Acme uses ACME.",
    "nothing": "",
}


@pytest.mark.parametrize("text", NOT_STATED.values(), ids=NOT_STATED)
def test_what_is_not_stated_is_not_found(text):
    assert connections(text) == []


def test_several_in_one_text_each_once():
    text = "Alice works at Acme. Bob works at Acme.\nAlice works at Acme! Acme uses Redis."
    assert [(found.source[1], found.type, found.target and found.target[1]) for found in connections(text)] == [
        ("Alice", "works_at", "Acme"),
        ("Bob", "works_at", "Acme"),
        ("Acme", "uses", "Redis"),
    ]


def test_identifiers_and_addresses_are_named():
    found = connections("Mail bob@acme.com about INV-5687 and TICKET_12.")
    assert {item.source for item in found} == {
        ("email", "bob@acme.com"),
        ("identifier", "INV-5687"),
        ("identifier", "TICKET_12"),
    }
    assert all((item.type, item.target, item.confidence) == (None, None, 1.0) for item in found)


LONG = {
    "dots": "a." * 4000,
    "slashes": "a/" * 4000,
    "underlines": "a_" * 4000,
    "one word": "a" * 200_000,
    "capitals": "Aa " * 20_000,
    "digits": "a1-" * 4000,
    "quotes": '"' * 8000,
    "at signs": "a@" * 4000,
    "spaces": "Aa" + " " * 20_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_no_text_takes_long(text):
    """In a process of its own, which can be ended: a pattern that goes back and forth would take hours."""
    code = "import sys; from transactive.rules.connections import connections; connections(sys.stdin.read())"
    subprocess.run([sys.executable, "-c", code], input=text, text=True, timeout=20, check=True)
