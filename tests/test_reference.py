"""The reference names everything that is public, with every argument."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

from transactive import Agent, TeamMemory
from transactive import errors as error_module
from transactive.agent import Session
from transactive.checkpoints import Checkpoints
from transactive.coordination import Alerts, Decisions, Directory, Events, Facts, Handoffs, Learnings, Tasks
from transactive.documents import Documents
from transactive.graph import KnowledgeGraph
from transactive.team import Audit, Groups, Namespaces

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`]+)`", REFERENCE)
NAMED = {word for code in CODE for word in re.findall(r"\w+", code)}


def public(owner: type) -> list[str]:
    """What a handle offers, wherever in its bases it is defined."""
    return [name for name in dir(owner) if not name.startswith("_")]


def calls(verb: str) -> list[str]:
    """How the reference writes the calls of a verb."""
    return [code for code in CODE if re.search(rf"\b{re.escape(verb)}\(", code)]


@pytest.mark.parametrize("module", ["transactive", "transactive.embedding", "transactive.testing"])
def test_every_exported_name_is_there(module: str) -> None:
    exported = {name for name in importlib.import_module(module).__all__ if not name.startswith("__")}
    assert exported - NAMED == set()


@pytest.mark.parametrize(
    ("module", "prefix"), [("transactive.errors", ""), ("transactive.records", ""), ("transactive.aio", "Async")]
)
def test_every_public_class_is_there(module: str, prefix: str) -> None:
    found = vars(importlib.import_module(module)).items()
    classes = {
        name
        for name, value in found
        if inspect.isclass(value)
        and f"{value.__module__}.".startswith(f"{module}.")  # in the package, or in one of its files
        and re.match(f"{prefix}[A-Z]", name)
    }
    assert classes
    assert classes - NAMED == set()


@pytest.mark.parametrize(
    ("owner", "prefix"),
    [
        (Agent, ""),
        (Session, ""),
        (TeamMemory, ""),
        (Namespaces, "namespaces."),
        (Groups, "groups."),
        (Audit, "audit."),
        (Documents, "documents."),
        (Checkpoints, "checkpoints."),
        (KnowledgeGraph, "graph."),
        (Events, "events."),
        (Tasks, "tasks."),
        (Facts, "facts."),
        (Alerts, "alerts."),
        (Decisions, "decisions."),
        (Learnings, "learnings."),
        (Handoffs, "handoffs."),
        (Directory, "directory."),
    ],
)
def test_every_verb_is_there_with_its_arguments(owner: type, prefix: str) -> None:
    for name in public(owner):
        verb = getattr(owner, name)
        if not callable(verb):
            assert name in NAMED, f"{owner.__name__}.{name}"
            continue
        written = calls(prefix + name)
        assert written, f"{owner.__name__}.{name}"
        arguments = set(inspect.signature(verb).parameters) - {"self"}
        if not any("…" in call for call in written):
            missing = arguments - {word for call in written for word in re.findall(r"\w+", call)}
            assert missing == set(), f"{owner.__name__}.{name}"


def test_the_reference_names_no_argument_that_is_not_there() -> None:
    owners = {
        "": Session,
        "namespaces.": Namespaces,
        "groups.": Groups,
        "audit.": Audit,
        "documents.": Documents,
        "checkpoints.": Checkpoints,
        "graph.": KnowledgeGraph,
        "events.": Events,
        "tasks.": Tasks,
        "facts.": Facts,
        "alerts.": Alerts,
        "decisions.": Decisions,
        "learnings.": Learnings,
        "handoffs.": Handoffs,
        "directory.": Directory,
    }
    for code in CODE:
        call = re.fullmatch(rf"(?:TeamMemory\.)?((?:{'|'.join(filter(None, owners))}))?(\w+)\((.*)\)", code)
        if call is None:
            continue
        owner = owners[call[1] or ""]
        verb = getattr(owner, call[2], None) or getattr(TeamMemory, call[2], None)
        if verb is not None:
            known = set(inspect.signature(verb).parameters)
            assert set(re.findall(r"(\w+)=", call[3])) <= known, code


def test_the_page_of_errors_shows_the_tree_as_the_module_does() -> None:
    assert error_module.__doc__ is not None
    lines = [
        line.rstrip() for line in error_module.__doc__.splitlines() if re.match(r"    (├|│|└|TransactiveError)", line)
    ]
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert len(lines) > 10
    assert "\n".join(lines) in page
