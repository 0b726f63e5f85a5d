"""The website's reading order, alt texts, and links, tested without Sphinx and without a browser."""

import json
import re

import bs4
import nbformat
import pytest

from tests.notebooks.test_notebooks import PATHS, ROOT
from tools.export_html import html_copy
from website import sphinx_hooks

DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/*.md"))


def test_the_index_has_a_question_and_a_time_for_every_notebook():
    lessons = sphinx_hooks.lessons()
    assert set(lessons) == {path.stem for path in PATHS}
    assert all("?" in lesson["question"] and lesson["minutes"] >= 1 for lesson in lessons.values())


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_figure_of_a_lesson_has_its_alt_text_where_mystnb_looks_for_it(path):
    notebook = json.loads(sphinx_hooks.prepare_notebook(path.read_text(encoding="utf-8")))
    figures = list(sphinx_hooks.figures(notebook))
    assert figures
    for cell, _, alt in figures:
        assert cell["metadata"]["mystnb"]["image"]["alt"] == alt
        assert len(alt) > 20
    cells = [id(cell) for cell, _, _ in figures]
    assert len(cells) == len(set(cells))  # MyST-NB has one alt text for each cell


@pytest.mark.parametrize(
    ("folder", "page_folder", "link", "expected"),
    [
        ("notebooks", ".", "[a](deep-rnn.ipynb)", "[a](deep-rnn.ipynb)"),
        ("notebooks", ".", "[a](../docs/teaching.md#plan)", "[a](docs/teaching.md#plan)"),
        ("notebooks", ".", "[a](#plan) [b](https://d2l.ai)", "[a](#plan) [b](https://d2l.ai)"),
        ("notebooks", ".", "[a](../README.md)", "[a](ADDRESS/blob/HEAD/README.md)"),
        ("notebooks", ".", "[a](../solutions/deleted.ipynb)", "a"),
        ("docs", "docs", "[`a`](../notebooks/deep-rnn.ipynb)", "[`a`](../deep-rnn.ipynb)"),
        ("docs", "docs", "`a[0](b)`\n```\na[0](b)\n```", "`a[0](b)`\n```\na[0](b)\n```"),
        (".", ".", "[a](docs/teaching.md) [b](LICENSE#c)", "[a](docs/teaching.md) [b](ADDRESS/blob/HEAD/LICENSE#c)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", ["https://example.org/a/b", ""])
def test_links_lead_to_pages_or_to_the_repository(folder, page_folder, link, expected, address, monkeypatch):
    monkeypatch.setattr(sphinx_hooks, "repository", lambda: address)
    expected = expected.replace("ADDRESS", address) if address else re.sub(r"\[(\w)\]\(ADDRESS[^)]*\)", r"\1", expected)
    assert sphinx_hooks.rewrite_links(link, folder, page_folder) == expected


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_in_the_documentation_leads_to_a_file(path):
    links = sphinx_hooks.CODE_OR_LINK.finditer(path.read_text(encoding="utf-8"))
    missing = [link["url"] for link in links if link["url"] and not (path.parent / link["url"]).exists()]
    assert missing == []


def test_the_environment_overrides_the_repository_address(monkeypatch):
    monkeypatch.setattr(sphinx_hooks, "repository_address", lambda root: "https://example.org/project")
    monkeypatch.setenv("REPOSITORY", "")
    assert sphinx_hooks.repository() == "https://example.org/project"
    monkeypatch.setenv("REPOSITORY", "https://example.org/fork/")
    assert sphinx_hooks.repository() == "https://example.org/fork"


def test_an_html_copy_skips_no_heading_level_and_marks_column_headers():
    texts = ["# A", "### B", "## C", "| a | b |\n|---|---|\n| 1 | 2 |"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text) for text in texts])
    page = bs4.BeautifulSoup(html_copy(notebook, "title", ROOT), "html.parser")
    assert [heading.name for heading in page.find_all(["h1", "h2", "h3"])] == ["h1", "h2", "h2"]
    assert [header["scope"] for header in page.find_all("th")] == ["col", "col"]
