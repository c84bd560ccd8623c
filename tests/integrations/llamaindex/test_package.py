"""The package: it costs nothing until it is asked, and says what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("llama_index.core")

import transactive_integrations.llamaindex as package

FOLDER = Path(package.__file__).parent


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_name_is_there() -> None:
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError, match="TransactiveNothing"):
        package.TransactiveNothing  # noqa: B018


def test_importing_it_imports_no_framework() -> None:
    code = "import sys, transactive_integrations.llamaindex; print('llama_index.core' in sys.modules)"
    assert run(code) == "False"


def test_one_adapter_does_not_load_the_others() -> None:
    code = """
import sys
from transactive_integrations.llamaindex import TransactiveRetriever
mine = [name for name in sys.modules if name.startswith("transactive_integrations.llamaindex.")]
print(*sorted(name.rpartition(".")[2] for name in mine))
"""
    assert run(code) == "asking nodes retriever"


@pytest.mark.parametrize("gone", ["llama_index", "llama_index.core"])
@pytest.mark.parametrize("module", ["", ".retriever", ".vector_store"])
def test_without_the_framework_it_names_the_extra(gone: str, module: str) -> None:
    code = f"""
import sys
sys.modules[{gone!r}] = None
try:
    import transactive_integrations.llamaindex{module}
except ImportError as error:
    print(error)
"""
    assert "pip install 'transactive[llama-index]'" in run(code)


def test_every_file_is_small() -> None:
    for file in FOLDER.glob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) < 300, file.name
