"""Two floors: the course, and below it the engine that carries it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COURSE = sorted((ROOT / "d2l_helpers").glob("*.py"))
ENGINE = sorted((ROOT / "d2l_helpers" / "_internal").glob("*.py"))
PRIVATE_PARTS_OF_GLUON = ("_RNNLayer", "_hidden_size", "_num_layers", "_collect_params_with_prefix", "_forward_kernel")


def imports(path):
    """What a module imports, wherever in it, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.stem)
def test_no_import_runs_upwards(path):
    ours = [name for name in imports(path) if name.startswith("d2l_helpers")]
    assert all(name.startswith("d2l_helpers._internal") for name in ours), ours


def test_the_course_is_read_in_one_sitting():
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in COURSE) <= 650


@pytest.mark.parametrize("path", [*COURSE, *ENGINE], ids=lambda path: path.stem)
def test_one_module_knows_gluons_private_parts(path):
    knows = [name for name in PRIVATE_PARTS_OF_GLUON if name in path.read_text(encoding="utf-8")]
    assert bool(knows) == (path.name == "gluon.py")


def test_the_run_does_not_know_what_a_learning_rate_is():
    for name in ("run.py", "keeper.py", "checkpoint.py", "progress.py"):
        text = (ROOT / "d2l_helpers" / "_internal" / name).read_text(encoding="utf-8")
        assert not re.search(r"\blr\b|learning.rate|clipping", text)


def test_the_readme_names_every_module():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in [*COURSE, *ENGINE] if path.name != "__init__.py" and path.name not in readme] == []


def test_the_architecture_fits_on_a_page():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) <= 60
