"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# A run must say the same thing twice, so examples are derived from the test itself, and no deadline depends on how
# busy the machine is. `HYPOTHESIS_PROFILE=explore` looks for new counterexamples instead.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of models and corpora that are too large or too restricted for the repository."""
    folder = Path(os.environ.get("TRANSACTIVE_SHARED", ROOT.parent / "shared")).resolve()
    if not folder.is_dir():
        pytest.skip("needs the shared models and data: set TRANSACTIVE_SHARED to their folder")
    return folder
