"""The links in README.md and the address in CITATION.cff follow from pyproject.toml."""

import shutil

import pytest

from tests.conftest import REPOSITORY
from tools import repository_links

ADDRESS = "https://github.com/owner/name"
LINKS = [
    "https://colab.research.google.com/github/owner/name/blob/main/notebooks/deep-rnn.ipynb",
    "https://mybinder.org/v2/gh/owner/name/HEAD?labpath=notebooks%2Fdeep-rnn.ipynb",
    "https://owner.github.io/name/",
]


FILES = ["README.md", "CITATION.cff"]


@pytest.fixture
def folder(tmp_path):
    """Copy both files to a temporary folder."""
    for name in FILES:
        shutil.copy(REPOSITORY / name, tmp_path)
    return tmp_path


def update(folder, address, **options):
    """Run the program for this address and return the text of both files."""
    urls = f'[project.urls]\nRepository = "{address}"\n' if address else ""
    (folder / "pyproject.toml").write_text(f'[project]\nname = "copy"\n{urls}')
    repository_links.main(folder, **options)
    return read(folder)


def read(folder):
    return [(folder / name).read_text(encoding="utf-8") for name in FILES]


def test_the_files_of_the_repository_are_up_to_date():
    repository_links.main(check=True)


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/"])
def test_an_address_on_github_gives_all_links(folder, address):
    readme, citation = update(folder, address)
    assert [link for link in LINKS if f"]({link})" not in readme] == []
    assert citation.count(f"\nrepository-code: {ADDRESS}\n") == 1
    assert update(folder, address, check=True) == [readme, citation]


def test_an_address_elsewhere_gives_no_links(folder):
    readme, citation = update(folder, "https://example.org/owner/name")
    assert f"{repository_links.START}\n{repository_links.END}" in readme
    assert "\nrepository-code: https://example.org/owner/name\n" in citation


def test_without_an_address_the_links_disappear(folder):
    update(folder, ADDRESS)
    readme, citation = update(folder, None)
    assert f"{repository_links.START}\n{repository_links.END}" in readme
    assert "\nrepository-code:" not in citation


def test_check_reports_an_outdated_file_and_does_not_write(folder, is_one_sentence):
    before = update(folder, ADDRESS)
    with pytest.raises(SystemExit) as stopped:
        update(folder, "https://github.com/owner/another", check=True)
    assert str(stopped.value).startswith("README.md is out of date; run ")
    assert is_one_sentence(str(stopped.value))
    assert read(folder) == before
