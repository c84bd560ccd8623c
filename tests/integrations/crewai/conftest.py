"""A folder for what CrewAI writes by itself, and none of its own reports."""

import os
import tempfile
from pathlib import Path

import pytest

os.environ.update(
    CREWAI_TRACING_ENABLED="false", CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TESTING="true"
)
_folder = tempfile.TemporaryDirectory(prefix="crewai-")
os.environ["CREWAI_STORAGE_DIR"] = _folder.name
os.environ.pop("OPENAI_API_KEY", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """CrewAI warns of itself and of its dependencies; of us it must not."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.filterwarnings("error:::transactive"))
