"""pyproject.toml is the source of dependencies: environment.yml and requirements.lock agree with it."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]
LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE))
CONDA = (ROOT / "environment.yml").read_text()


def test_the_lock_holds_every_declared_dependency_at_a_version_that_fits():
    for requirement in DECLARED:
        assert requirement.specifier.contains(LOCKED[canonicalize_name(requirement.name)]), requirement


def test_every_locked_version_has_hashes_and_no_host():
    assert "://" not in LOCK
    for entry in re.split(r"\n(?=\S)", LOCK.strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_environment_names_the_packages_with_the_versions_of_pyproject():
    pinned = dict(re.findall(r"- ([a-z0-9]+)==(\S+)", CONDA))
    assert {"mxnet", "d2l", "jupyter", "matplotlib", "nbval"} <= pinned.keys()
    assert {name: version for name, version in pinned.items() if LOCKED[name] != version} == {}


def test_environment_installs_the_package_with_the_extras_for_running_and_testing():
    assert re.search(r"^      - -e \.\[run,test\]$", CONDA, re.MULTILINE)
    assert {"run", "test"} <= EXTRAS.keys()


def test_every_dependency_says_why_it_is_there():
    section = re.search(r"^dependencies = .*?^\[tool", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    for line in section[0].splitlines():
        assert not line.strip().startswith('"') or "#" in line, line
