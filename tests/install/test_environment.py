"""The two pyproject.toml are the source of dependencies: the environment and lock files agree with them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from d2l_helpers._internal import cuda, import_mxnet
from tools.install import check_platform

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
MORE = {name: [Requirement(line) for line in EXTRAS.pop(name)] for name in ("classroom", "website")}
DECLARED = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]
LOCKS = ROOT / "requirements"
OVERRIDES = [
    Requirement(line)
    for name in ("base.in", "overrides.in")
    for line in (LOCKS / name).read_text().splitlines()
    if not line.startswith("#")
]
LOCK = (LOCKS / "base.lock").read_text()
CONDA = (ROOT / "environment.yml").read_text()
PYTHONS = pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14", "3.15"])
GPU = tomllib.loads((ROOT / "tools" / "install" / "gpu" / "pyproject.toml").read_text())["project"]
GPU_LOCK = (LOCKS / "gpu.lock").read_text()
FRAMEWORKS_LOCK = (LOCKS / "frameworks.lock").read_text()
MORE_LOCKS = {name: (LOCKS / f"{name}.lock").read_text() for name in MORE}
TORCH_LOCK = (LOCKS / "torch.lock").read_text()


def applies(requirement, python):
    """Whether a requirement is one on Linux with an Intel processor and this Python."""
    linux = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}
    environment = default_environment() | linux | {"python_version": python, "python_full_version": f"{python}.9"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def locked(python, lock=LOCK):
    """Name -> version, for this Python."""
    entries = re.findall(r"^([A-Za-z0-9].*?) *\\$", lock, re.MULTILINE)
    fitting = [entry for entry in map(Requirement, entries) if applies(entry, python)]
    assert len({entry.name for entry in fitting}) == len(fitting)
    return {entry.name: str(entry.specifier).removeprefix("==") for entry in fitting}


@PYTHONS
def test_the_lock_holds_every_declared_dependency_at_a_version_that_fits(python):
    versions = locked(python)
    for requirement in DECLARED + OVERRIDES:
        if applies(requirement, python):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@PYTHONS
@pytest.mark.parametrize("name", MORE)
def test_a_further_lock_adds_what_it_declares_and_changes_nothing(name, python):
    versions, ours = locked(python, MORE_LOCKS[name]), locked(python)
    for requirement in MORE[name]:
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement
    assert {name for name in versions.keys() & ours.keys() if versions[name] != ours[name]} == set()


@PYTHONS
def test_d2ls_pins_are_overridden_only_where_they_cannot_be_met(python):
    pins = {"numpy": "1.23.5", "matplotlib": "3.7.2", "pandas": "2.0.3", "scipy": "1.10.1"}
    assert {name for name, version in pins.items() if locked(python)[name] != version} == (
        set() if python == "3.11" else pins.keys()
    )


@pytest.mark.parametrize(
    "lock",
    [LOCK, GPU_LOCK, FRAMEWORKS_LOCK, TORCH_LOCK, *MORE_LOCKS.values()],
    ids=["cpu", "gpu", "jax", "torch", *MORE_LOCKS],
)
def test_every_locked_version_has_hashes_and_no_host(lock):
    assert "://" not in lock
    for entry in re.split(r"\n(?=\S)", re.sub("^#.*\n", "", lock, flags=re.MULTILINE).strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_environment_names_the_packages_with_the_versions_of_the_lock():
    pinned = dict(re.findall(r"- ([a-z0-9]+)==(\S+)", CONDA))
    assert {"mxnet", "d2l", "jupyter", "matplotlib", "nbval"} <= pinned.keys()
    assert {name: version for name, version in pinned.items() if locked("3.11")[name] != version} == {}


def test_environment_installs_the_package_with_the_extras_for_running_and_testing():
    assert re.search(r"^      - -e \.\[run,test\]$", CONDA, re.MULTILINE)
    assert {"run", "test"} <= EXTRAS.keys()


def test_the_supported_pythons_are_the_same_everywhere():
    assert (check_platform.OLDEST, check_platform.NEWEST) == (import_mxnet.OLDEST_PYTHON, import_mxnet.NEWEST_PYTHON)
    listed = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if "Python :: 3." in c}
    oldest, newest = check_platform.OLDEST[1], check_platform.NEWEST[1]
    assert listed == {f"3.{minor}" for minor in range(oldest, newest + 1)}
    assert PROJECT["requires-python"] == f">=3.{oldest}"


def test_every_dependency_says_why_it_is_there():
    section = re.search(
        r"^dependencies = .*?^\[project.urls", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL
    )
    for line in section[0].splitlines():
        assert not line.strip().startswith('"') or "#" in line, line


# With a GPU


def test_the_gpu_s_lock_holds_what_stands_in_for_mxnet_and_nothing_else():
    assert re.findall(r"^(\S+==\S+)", GPU_LOCK, re.MULTILINE) == sorted(GPU["dependencies"])


def test_the_gpu_s_lock_has_every_wheel_from_which_libraries_are_loaded():
    wheels = {Requirement(line).name for line in GPU["dependencies"]}
    assert wheels == {"mxnet-cu117", *cuda.WHEELS}


def test_the_cuda_build_counts_as_the_mxnet_that_the_package_asks_for():
    asked_for = next(requirement for requirement in DECLARED if requirement.name == GPU["name"])
    assert asked_for.specifier.contains(GPU["version"])


def test_the_gpu_s_environment_differs_in_its_name_and_in_mxnet():
    cpu, gpu = (
        {line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines()}
        for file in ("environment.yml", "environment-gpu.yml")
    )
    assert cpu - gpu == {"name: deep-rnn", "- mxnet==1.9.1"}
    assert gpu - cpu == {"name: deep-rnn-gpu", "- ./tools/install/gpu"}


def test_make_test_executes_every_notebook():
    named = {path for path in PYPROJECT["tool"]["pytest"]["ini_options"]["testpaths"] if path.startswith("notebooks/")}
    others = {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert named == others - {"notebooks/other-frameworks.ipynb"}  # see test_frameworks.py
