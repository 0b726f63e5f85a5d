"""other-frameworks.ipynb has PyTorch and JAX in an environment of its own, and nobody else is kept waiting for them."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
LOCK = (ROOT / "requirements" / "frameworks.lock").read_text()
TORCH_LOCK = (ROOT / "requirements" / "torch.lock").read_text()
NAMED = "notebooks/other-frameworks.ipynb solutions/other-frameworks.ipynb"  # a teacher may have taken the second away
BOTH = [path for path in NAMED.split() if (ROOT / path).exists()]


def collected(*paths):
    """The files in which pytest finds something to run, called as `make` calls it."""
    pytest_here = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *paths]
    done = subprocess.run(pytest_here, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return set(re.findall(r"^(\S+?)::", done.stdout, re.MULTILINE))


def test_only_who_names_it_executes_it():
    assert collected(*{path.split("/")[0] for path in BOTH}).isdisjoint(BOTH)
    assert collected(*BOTH) == set(BOTH)
    assert f"FRAMEWORK_NOTEBOOKS := $(wildcard {NAMED})\n" in MAKEFILE


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("missing", [{"torch"}, {"jax"}, {"torch", "jax"}])
def test_without_its_packages_its_first_cell_says_what_to_do(path, missing, monkeypatch, is_one_sentence):
    code = next(cell.source for cell in nbformat.read(ROOT / path, 4).cells if cell.cell_type == "code")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else object())
    with pytest.raises(ImportError) as error:
        exec(code, {})
    assert is_one_sentence(str(error.value))
    assert set(re.findall("torch|jax", str(error.value))) == missing
    (target,) = re.findall(r"`make ([a-z-]+)`", str(error.value))
    assert re.search(f"^{target}:", MAKEFILE, re.MULTILINE)


def test_nobody_downloads_cuda_by_accident():
    assert not re.search("^(torch|nvidia|cuda|triton)", LOCK, re.MULTILINE)
    (name,) = re.findall(r"^[^#\s]+", TORCH_LOCK, re.MULTILINE)
    assert name.startswith("torch==") and name.endswith("+cpu")  # a build that PyPI does not have
