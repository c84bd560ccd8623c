"""What an import costs, and what it says when LangChain is not there."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("langchain_core")

import transactive_integrations.langchain as adapters


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_name_is_there() -> None:
    for name in adapters.__all__:
        assert getattr(adapters, name).__module__.startswith("transactive_integrations.langchain.")
    with pytest.raises(AttributeError, match="TransactiveNothing"):
        _ = adapters.TransactiveNothing
    assert sorted(adapters._HOMES) == sorted(adapters.__all__)


def test_importing_the_adapters_imports_no_framework_before_one_is_used() -> None:
    code = """
        import sys
        import transactive_integrations.langchain as adapters
        print("langchain_core" in sys.modules, "langchain" in sys.modules)
        adapters.TransactiveVectorStore, adapters.TransactiveChatHistory, adapters.TransactiveRetriever
        print("langchain_core" in sys.modules, "langchain.agents" in sys.modules, "langchain_classic" in sys.modules)
    """
    assert run(code) == "False False\nTrue False False"


@pytest.mark.parametrize(
    ("hidden", "used", "word"),
    [
        ("langchain_core", "", "transactive[langchain]"),
        ("langchain", "", "transactive[langchain]"),
        ("langchain_core.vectorstores", "adapters.TransactiveVectorStore", "transactive[langchain]"),
        ("langchain_classic", "adapters.TransactiveChainMemory", "transactive[langchain-classic]"),
    ],
)
def test_what_is_missing_is_named(hidden: str, used: str, word: str) -> None:
    code = f"""
        import sys

        sys.modules[{hidden!r}] = None  # as if it were not installed
        try:
            import transactive_integrations.langchain as adapters
            {used or "pass"}
        except ImportError as error:
            print(error)
    """
    assert word in run(code)
