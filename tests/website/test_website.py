"""What the book makes of notebooks and docstrings, without Sphinx and without a browser."""

import inspect
import json
import re

import bs4
import nbformat
import pytest

import d2l_helpers as d2l
from tests.notebooks.test_notebooks import PATHS, READING_ORDER, ROOT
from tools.export_html import html_copy
from website import docstrings, sphinx_hooks

FUNCTIONS = [name for name in d2l.__all__ if callable(getattr(d2l, name))]


def words(text):
    return re.findall(r"\w+", re.sub(r" <d2l_helpers\.\w+>|:py:obj:", "", text))


def test_the_books_chapters_are_the_notebooks_in_reading_order():
    assert list(sphinx_hooks.chapters()) == READING_ORDER


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_picture_of_a_chapter_has_its_description_where_the_book_looks(path):
    notebook = json.loads(sphinx_hooks.for_the_book(path.read_text()))
    pictures = list(sphinx_hooks.described_pictures(notebook))
    assert pictures
    for cell, _, alt in pictures:
        assert cell["metadata"]["mystnb"]["image"]["alt"] == alt
        assert len(alt) > 20
    cells = [id(cell) for cell, _, _ in pictures]
    assert len(cells) == len(set(cells))  # MyST-NB has one description for each cell


@pytest.mark.parametrize(
    ("repository", "link"),
    [("", "Solutions"), ("https://example.org/a/b", "[Solutions](https://example.org/a/b/blob/HEAD/README.md)")],
)
def test_a_link_out_of_the_book_leads_to_the_repository_or_is_none(repository, link, monkeypatch):
    monkeypatch.setenv("REPOSITORY", repository)
    monkeypatch.setattr(sphinx_hooks, "repository_address", lambda root: "")
    cell = nbformat.v4.new_markdown_cell("[Solutions](../README.md), [Solutions](../solutions/none.ipynb)")
    notebook = json.loads(sphinx_hooks.for_the_book(json.dumps({"cells": [cell]})))
    assert notebook["cells"][0]["source"] == f"{link}, Solutions"


def test_the_environment_overrides_the_repository_address(monkeypatch):
    monkeypatch.setattr(sphinx_hooks, "repository_address", lambda root: "https://example.org/project")
    monkeypatch.setenv("REPOSITORY", "")
    assert sphinx_hooks.repository() == "https://example.org/project"
    monkeypatch.setenv("REPOSITORY", "https://example.org/fork/")
    assert sphinx_hooks.repository() == "https://example.org/fork"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_docstring_keeps_all_its_words_and_lists_its_arguments(name):
    function = getattr(d2l, name)
    doc = inspect.getdoc(function)
    arguments = inspect.signature(function).parameters
    lines = docstrings.restructured(doc.splitlines(), arguments, d2l.__all__)
    assert words("\n".join(lines)) == words(doc)
    explained = [argument for argument in arguments if re.search(rf"^{argument}: ", doc, re.MULTILINE)]
    assert [argument for argument in explained if not re.search(rf"^- .*``{argument}``", "\n".join(lines), re.M)] == []


def test_code_in_a_docstring_is_code():
    lines = docstrings.restructured(["As `sgd` with `x`:", "", "    f(x)"], [], ["sgd"])
    assert lines == ["As :py:obj:`sgd <d2l_helpers.sgd>` with ``x``:", "", "", "::", "", "    f(x)", ""]


def test_a_copy_leaves_no_level_of_headings_out_and_names_the_columns_of_tables():
    cells = [
        nbformat.v4.new_markdown_cell(text) for text in ["# A", "### B", "## C", "| a | b |\n|---|---|\n| 1 | 2 |"]
    ]
    page = bs4.BeautifulSoup(html_copy(nbformat.v4.new_notebook(cells=cells), "title", ROOT), "html.parser")
    assert [heading.name for heading in page.find_all(["h1", "h2", "h3"])] == ["h1", "h2", "h2"]
    assert [header["scope"] for header in page.find_all("th")] == ["col", "col"]
