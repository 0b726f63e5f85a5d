"""Test the links to OpenBLAS on ARM, and the error messages for missing libraries."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_helpers._internal import import_mxnet
from tests.conftest import REPOSITORY
from tools.install import link_openblas

GFORTRAN = "libgfortran-daac5196.so.5.0.0"


@pytest.fixture
def packages(tmp_path):
    """Return the folders (mxnet, openblas) of the two wheels for ARM, with text files as libraries."""
    mxnet, openblas = tmp_path / "site-packages" / "mxnet", tmp_path / "site-packages" / "scipy_openblas32"
    mxnet.mkdir(parents=True)
    (openblas / "lib" / "cmake").mkdir(parents=True)
    (openblas / "lib" / link_openblas.OPENBLAS).write_text("OpenBLAS")
    (openblas / "lib" / GFORTRAN).write_text("Fortran")
    return mxnet, openblas


def test_three_names_link_to_openblas_and_its_dependencies_are_linked(packages):
    mxnet, _ = packages
    assert link_openblas.link_openblas(*packages) == [*link_openblas.MISSING_LIBRARIES, GFORTRAN]
    assert [(mxnet / name).read_text() for name in link_openblas.MISSING_LIBRARIES] == ["OpenBLAS"] * 3
    assert (mxnet / GFORTRAN).read_text() == "Fortran"


def test_a_second_run_changes_nothing(packages):
    mxnet, _ = packages
    link_openblas.link_openblas(*packages)
    before = {path: os.readlink(path) for path in mxnet.iterdir()}
    assert link_openblas.link_openblas(*packages) == []
    assert {path: os.readlink(path) for path in mxnet.iterdir()} == before


def test_existing_libraries_are_kept(packages):
    mxnet, _ = packages
    (mxnet / "libarmpl_lp64_mp.so").write_text("Arm Performance Libraries")
    assert link_openblas.link_openblas(*packages) == ["libamath.so", "libastring.so", GFORTRAN]
    assert (mxnet / "libarmpl_lp64_mp.so").read_text() == "Arm Performance Libraries"


def test_a_broken_link_is_replaced(packages, tmp_path):
    mxnet, _ = packages
    (mxnet / "libamath.so").symlink_to(tmp_path / "gone.so")
    assert "libamath.so" in link_openblas.link_openblas(*packages)
    assert (mxnet / "libamath.so").read_text() == "OpenBLAS"


def test_the_links_work_after_the_environment_is_moved(packages, tmp_path):
    link_openblas.link_openblas(*packages)
    (tmp_path / "site-packages").rename(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "mxnet" / "libastring.so").read_text() == "OpenBLAS"


@pytest.mark.parametrize("found", [None, "libscipy_openblas.so"])
def test_a_missing_or_newer_openblas_is_reported_in_one_sentence(packages, found, is_one_sentence):
    mxnet, openblas = packages
    library = openblas / "lib" / link_openblas.OPENBLAS
    library.rename(library.with_name(found)) if found else library.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        link_openblas.link_openblas(mxnet, openblas)
    assert is_one_sentence(str(caught.value))
    assert str(openblas) in str(caught.value)
    assert list(mxnet.iterdir()) == []


def test_the_error_names_the_release_that_is_pinned():
    (pinned,) = re.findall(r'"(scipy-openblas32==[^;"]+)', (REPOSITORY / "pyproject.toml").read_text())
    assert f"`pip install {pinned}`" in Path(link_openblas.__file__).read_text()


def run_as(machine, tmp_path):
    """Run tools/install/link_openblas.py with this value of `platform.machine()`."""
    (tmp_path / "sitecustomize.py").write_text(f"import platform; platform.machine = lambda: {machine!r}")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    script = [sys.executable, Path(link_openblas.__file__)]
    return subprocess.run(script, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(platform.machine() == "aarch64", reason="OpenBLAS is installed on ARM")
def test_the_program_fails_on_arm_without_openblas(tmp_path, is_one_sentence):
    run = run_as("aarch64", tmp_path)
    assert (run.returncode, run.stdout) == (1, "")
    assert is_one_sentence(run.stderr.rstrip("\n"))
    assert "pip install scipy-openblas32" in run.stderr


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_the_program_does_nothing_on_other_processors(tmp_path, machine):
    run = run_as(machine, tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("missing", link_openblas.MISSING_LIBRARIES)
def test_the_import_error_names_the_program(missing, is_one_sentence):
    error = OSError(f"{missing}: cannot open shared object file: No such file or directory")
    message = import_mxnet.how_to_get_mxnet(error, "aarch64")
    assert is_one_sentence(message)
    assert missing in message and "python -m tools.install.link_openblas" in message and "CUDA" not in message


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("missing", ["libgomp.so.1", "libquadmath.so.0"])
def test_the_import_error_names_the_packages_of_system_libraries(missing, machine, is_one_sentence):
    error = OSError(f"{missing}: cannot open shared object file: No such file or directory")
    message = import_mxnet.how_to_get_mxnet(error, machine)
    assert is_one_sentence(message)
    assert missing in message and "apt install libgomp1 libgfortran5" in message and "CUDA" not in message
    assert ("libquadmath0" in message) == (machine == "x86_64")
