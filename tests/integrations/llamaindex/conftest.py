"""Settings that look for no model, and none of LlamaIndex's own reports."""

import os
from pathlib import Path

import pytest

os.environ.update(OTEL_SDK_DISABLED="true", ANONYMIZED_TELEMETRY="false", DO_NOT_TRACK="1")
FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """LlamaIndex's workflows ask pydantic for what is deprecated; our own code may not."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"))
            item.add_marker(pytest.mark.filterwarnings("error:::transactive"))


@pytest.fixture(autouse=True)
def no_default_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """No default model is looked for."""
    from llama_index.core import MockEmbedding, Settings
    from llama_index.core.llms import MockLLM

    monkeypatch.setattr(Settings, "_embed_model", MockEmbedding(embed_dim=8))
    monkeypatch.setattr(Settings, "_llm", MockLLM())
