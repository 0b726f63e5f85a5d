"""Test that only other-frameworks.ipynb needs PyTorch and JAX, which have a separate environment."""

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
PATTERN = "notebooks/other-frameworks.ipynb solutions/other-frameworks.ipynb"
PATHS = [path for path in PATTERN.split() if (ROOT / path).exists()]  # solutions may have been removed for a class


def collect(*paths):
    """Return the files in which pytest finds tests."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *paths]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout
    return set(re.findall(r"^(\S+?)::", process.stdout, re.MULTILINE))


def test_it_is_executed_only_when_it_is_named():
    assert collect(*{path.split("/")[0] for path in PATHS}).isdisjoint(PATHS)
    assert collect(*PATHS) == set(PATHS)
    assert f"FRAMEWORK_NOTEBOOKS := $(wildcard {PATTERN})\n" in MAKEFILE


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("missing", [{"torch"}, {"jax"}, {"torch", "jax"}])
def test_without_its_packages_the_first_cell_names_the_command(path, missing, monkeypatch, is_one_sentence):
    code = next(cell.source for cell in nbformat.read(ROOT / path, 4).cells if cell.cell_type == "code")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else object())
    with pytest.raises(ImportError) as caught:
        exec(code, {})
    assert is_one_sentence(str(caught.value))
    assert set(re.findall("torch|jax", str(caught.value))) == missing
    (target,) = re.findall(r"`make ([a-z-]+)`", str(caught.value))
    assert re.search(f"^{target}:", MAKEFILE, re.MULTILINE)


def test_the_locks_do_not_contain_cuda():
    assert not re.search("^(torch|nvidia|cuda|triton)", LOCK, re.MULTILINE)
    (name,) = re.findall(r"^[^#\s]+", TORCH_LOCK, re.MULTILINE)
    assert name.startswith("torch==") and name.endswith("+cpu")  # a build that PyPI does not have
