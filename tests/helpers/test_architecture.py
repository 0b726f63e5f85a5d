"""The package is small, its layers depend on each other in one direction, and one module uses Gluon's private API."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = sorted((ROOT / "d2l_helpers").glob("*.py"))
INTERNAL = sorted((ROOT / "d2l_helpers" / "_internal").glob("*.py"))
PRIVATE_API_OF_GLUON = ("_RNNLayer", "_hidden_size", "_num_layers", "_collect_params_with_prefix", "_cached_op")
NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(path):
    """Return the number of lines in a module without blank lines, comments, and docstrings."""
    source = path.read_text(encoding="utf-8")
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def imports(path):
    """Return what a module imports, at any place in it, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_package_is_small():
    assert len(PUBLIC + INTERNAL) <= 25
    assert sum(map(code_lines, PUBLIC + INTERNAL)) <= 1656
    assert sum(map(code_lines, PUBLIC)) <= 545


def test_code_lines_do_not_include_docstrings_comments_and_blank_lines(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        '"""Doc."""\n\n# comment\ndef f():\n    """Two\n    lines."""\n    return """a\n    b"""  # comment\n'
    )
    assert code_lines(path) == 3


@pytest.mark.parametrize("path", INTERNAL, ids=lambda path: path.stem)
def test_internal_modules_do_not_import_public_ones(path):
    names = [name for name in imports(path) if name.startswith("d2l_helpers")]
    assert all(name.startswith("d2l_helpers._internal") for name in names), names


@pytest.mark.parametrize("path", [*PUBLIC, *INTERNAL], ids=lambda path: path.stem)
def test_one_module_uses_the_private_api_of_gluon(path):
    uses = [name for name in PRIVATE_API_OF_GLUON if name in path.read_text(encoding="utf-8")]
    assert bool(uses) == (path.name == "gluon_internals.py")


def test_the_loop_does_not_depend_on_the_learning_rate():
    for name in ("loop.py", "progress.py"):
        text = (ROOT / "d2l_helpers" / "_internal" / name).read_text(encoding="utf-8")
        assert not re.search(r"\blr\b|learning.rate|clipping", text)
