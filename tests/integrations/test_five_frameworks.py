"""One memory, five frameworks: the example runs as a person would run it, and each knows what the others found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

if os.environ.get("TRANSACTIVE_TEST_EXTRA") != "all":
    pytest.skip("needs all five frameworks: make test-integrations", allow_module_level=True)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "five_frameworks.py"
SAID = [
    r"^CrewAI    published; model calls: 1, for the memory: 0$",
    r"^LangGraph planned: Parcel 4711: the shipping desk sends the invoice to customs today",
    r"^AutoGen   answered: .*customs office in Rotterdam.* delivery is expected on Thursday\.$",
    r"^LlamaIndex found, by investigator: ",
    r"^LlamaIndex found, by planner: Parcel 4711: the shipping desk",
    r"^LlamaIndex found, by writer: ",
    r"^LangChain answered: .*customs office in Rotterdam.* delivery is expected on Thursday\.",
]


@pytest.mark.slow
def test_what_one_agent_learns_agents_of_the_other_frameworks_know():
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    for line in SAID:
        assert re.search(line, done.stdout, re.MULTILINE), (line, done.stdout)
