"""Test that the lock files and the conda environments agree with the two pyproject.toml."""

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
OTHER_EXTRAS = {name: [Requirement(line) for line in EXTRAS.pop(name)] for name in ("classroom", "website")}
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
EXTRA_LOCKS = {name: (LOCKS / f"{name}.lock").read_text() for name in OTHER_EXTRAS}
TORCH_LOCK = (LOCKS / "torch.lock").read_text()


def applies(requirement, python):
    """Return whether a requirement applies to this Python on Linux and x86_64."""
    linux = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}
    environment = default_environment() | linux | {"python_version": python, "python_full_version": f"{python}.9"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def locked(python, lock=LOCK):
    """Return a dict from the names of the locked packages for this Python to their versions."""
    entries = re.findall(r"^([A-Za-z0-9].*?) *\\$", lock, re.MULTILINE)
    applicable = [entry for entry in map(Requirement, entries) if applies(entry, python)]
    assert len({entry.name for entry in applicable}) == len(applicable)
    return {entry.name: str(entry.specifier).removeprefix("==") for entry in applicable}


@PYTHONS
def test_the_base_lock_satisfies_every_declared_dependency(python):
    versions = locked(python)
    for requirement in DECLARED + OVERRIDES:
        if applies(requirement, python):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@PYTHONS
@pytest.mark.parametrize("name", OTHER_EXTRAS)
def test_an_extra_lock_satisfies_its_extra_and_keeps_the_base_versions(name, python):
    versions, base = locked(python, EXTRA_LOCKS[name]), locked(python)
    for requirement in OTHER_EXTRAS[name]:
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement
    assert {name for name in versions.keys() & base.keys() if versions[name] != base[name]} == set()


@PYTHONS
def test_d2ls_pins_are_overridden_only_where_they_have_no_wheels(python):
    pins = {"numpy": "1.23.5", "matplotlib": "3.7.2", "pandas": "2.0.3", "scipy": "1.10.1"}
    assert {name for name, version in pins.items() if locked(python)[name] != version} == (
        set() if python == "3.11" else pins.keys()
    )


@pytest.mark.parametrize(
    "lock",
    [LOCK, GPU_LOCK, FRAMEWORKS_LOCK, TORCH_LOCK, *EXTRA_LOCKS.values()],
    ids=["cpu", "gpu", "jax", "torch", *EXTRA_LOCKS],
)
def test_every_locked_version_has_hashes_and_no_url(lock):
    assert "://" not in lock
    for entry in re.split(r"\n(?=\S)", re.sub("^#.*\n", "", lock, flags=re.MULTILINE).strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_environment_yml_pins_the_versions_of_the_lock():
    pinned = dict(re.findall(r"- ([a-z0-9]+)==(\S+)", CONDA))
    assert {"mxnet", "d2l", "jupyter", "matplotlib", "nbval"} <= pinned.keys()
    assert {name: version for name, version in pinned.items() if locked("3.11")[name] != version} == {}


def test_environment_yml_installs_the_package_with_two_extras():
    assert re.search(r"^      - -e \.\[run,test\]$", CONDA, re.MULTILINE)
    assert {"run", "test"} <= EXTRAS.keys()


def test_the_supported_python_versions_are_consistent():
    assert (check_platform.OLDEST, check_platform.NEWEST) == (import_mxnet.OLDEST_PYTHON, import_mxnet.NEWEST_PYTHON)
    listed = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if "Python :: 3." in c}
    oldest, newest = check_platform.OLDEST[1], check_platform.NEWEST[1]
    assert listed == {f"3.{minor}" for minor in range(oldest, newest + 1)}
    assert PROJECT["requires-python"] == f">=3.{oldest}"


def test_every_dependency_has_a_comment():
    section = re.search(
        r"^dependencies = .*?^\[project.urls", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL
    )
    for line in section[0].splitlines():
        assert not line.strip().startswith('"') or "#" in line, line


def test_the_gpu_lock_contains_only_the_cuda_build_and_its_dependencies():
    assert re.findall(r"^(\S+==\S+)", GPU_LOCK, re.MULTILINE) == sorted(GPU["dependencies"])


def test_the_gpu_lock_has_every_wheel_whose_libraries_are_loaded():
    wheels = {Requirement(line).name for line in GPU["dependencies"]}
    assert wheels == {"mxnet-cu117", *cuda.WHEELS}


def test_the_cuda_build_satisfies_the_requirement_on_mxnet():
    required = next(requirement for requirement in DECLARED if requirement.name == GPU["name"])
    assert required.specifier.contains(GPU["version"])


def test_the_gpu_environment_differs_only_in_its_name_and_in_mxnet():
    cpu, gpu = (
        {line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines()}
        for file in ("environment.yml", "environment-gpu.yml")
    )
    assert cpu - gpu == {"name: deep-rnn", "- mxnet==1.9.1"}
    assert gpu - cpu == {"name: deep-rnn-gpu", "- ./tools/install/gpu"}


def test_make_test_executes_every_notebook():
    listed = {path for path in PYPROJECT["tool"]["pytest"]["ini_options"]["testpaths"] if path.startswith("notebooks/")}
    others = {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert listed == others - {"notebooks/other-frameworks.ipynb"}  # see test_frameworks.py
