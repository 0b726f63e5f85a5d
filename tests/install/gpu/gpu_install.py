"""`make install-gpu`, run in a copy of the repository, and its environment with a stand-in for NVIDIA's driver.

By hand, with `make test-gpu-install`: it downloads 2 GB and needs 7 GB on the disk and gcc. The stand-in has no GPU, so
this shows that everything is found, and what is said where it is not; it never computes on a card.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from d2l_helpers._internal import cuda

ROOT = Path(__file__).resolve().parents[3]
LIBRARIES = sorted({name for names in cuda.WHEELS.values() for name in names} | {"libcudnn_cnn_infer.so.8"})

TRAIN = """
import d2l_helpers as d2l
from mxnet.gluon import rnn
corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine()
model = d2l.RNNModel(rnn.LSTM(64, num_layers=2), vocab_size)
history = d2l.train_and_predict_rnn_gluon(
    model, 64, vocab_size, d2l.try_gpu(), corpus_indices, idx_to_char, char_to_idx, 3, 35, 1e2, 1e-2, 32, 1, 10, ["a"])
print(*history.perplexity)
"""


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=1800, **options)


@pytest.fixture(scope="session")
def driver():
    """The environment variables with which the stand-in for the driver is found."""
    with tempfile.TemporaryDirectory() as folder:
        library = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", f"{folder}/libcuda.so.1"]
        subprocess.run(["gcc", "-Wall", *library, ROOT / "tests" / "install" / "gpu" / "driver.c"], check=True)
        yield {**os.environ, "LD_LIBRARY_PATH": folder, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def copy(driver):
    """A copy of the repository in which `make install-gpu` was called."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        files = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
        for file in filter(None, files.split("\0")):
            (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, Path(folder) / file)
        made = run(
            "make", "--no-print-directory", "install-gpu", f"PYTHON={os.path.realpath(sys.executable)}", cwd=folder, env=driver
        )
        assert made.returncode == 0, made.stderr
        assert made.stdout.splitlines()[-1] == "MXNet computes on cpu(0)"
        yield Path(folder)


@pytest.fixture
def python(copy, driver):
    """A function that runs code in that environment."""

    def run_code(code, environment=driver, **variables):
        return run(copy / ".venv/bin/python", "-c", code, cwd=copy, env={**environment, **variables})

    return run_code


def library(name, copy):
    (path,) = copy.glob(f".venv/lib/python3*/site-packages/nvidia/*/lib/{name}")
    return path


def message_of(run):
    kind, _, message = run.stderr.rstrip("\n").split("\n")[-1].partition(": ")
    assert (run.returncode, kind) == (1, "ImportError"), run.stderr
    return message


def test_the_requirement_of_mxnet_is_met(copy):
    assert "mxnet" not in run(copy / ".venv/bin/pip", "check").stdout


def test_make_leaves_the_environment_as_it_is(copy):
    assert "venv" not in run("make", "--no-print-directory", "-n", "test", cwd=copy).stdout.replace(".venv/bin", "")


@pytest.mark.parametrize("lock", ["requirements/base.lock", "requirements/gpu.lock"])
def test_a_changed_lock_brings_the_cuda_build_again(lock, copy):
    plan = run("make", "--no-print-directory", "-n", "--what-if", lock, "test", cwd=copy).stdout
    assert "tools.install.set_up .venv --mxnet gpu" in plan


def test_the_way_back_leaves_the_cuda_build_out(copy):
    plan = run("make", "-n", "--what-if", "requirements/base.lock", ".venv/installed", "MXNET=cpu", cwd=copy).stdout
    assert "tools.install.set_up .venv --mxnet cpu" in plan


def test_mxnet_has_cuda_and_sees_no_gpu(python):
    code = """
import d2l_helpers as d2l, mxnet as mx
print(mx.runtime.Features().is_enabled("CUDA"), mx.context.num_gpus(), d2l.try_gpu(), d2l.try_all_gpus())
"""
    assert python(code).stdout == "True 0 cpu(0) [cpu(0)]\n"


def test_training_gives_the_numbers_of_the_build_for_cpus(python, driver):
    here = run(sys.executable, "-c", TRAIN, cwd=ROOT, env=driver).stdout.splitlines()[-1]
    there = python(TRAIN).stdout.splitlines()[-1]
    print(f"build for CPUs: {here}; CUDA build: {there}")
    assert list(map(float, there.split())) == pytest.approx(list(map(float, here.split())), rel=1e-5)


@pytest.mark.parametrize("harm", ["missing", "cut off"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_an_unfit_library_is_named_with_the_command_that_brings_it(name, harm, copy, python, is_one_sentence):
    path = library(name, copy)
    whole = path.rename(path.with_name("whole"))
    if harm == "cut off":
        with whole.open("rb") as file:
            path.write_bytes(file.read(whole.stat().st_size // 2))
    try:
        message = message_of(python("import d2l_helpers"))
    finally:
        whole.rename(path)
    print(message)
    assert is_one_sentence(message)
    assert name in message and "`make install-gpu`" in message


@pytest.mark.parametrize("wheel", cuda.WHEELS)
def test_a_wheel_that_was_never_installed_is_named_by_its_library(wheel, copy, python, is_one_sentence):
    path = library(cuda.WHEELS[wheel][-1], copy).parent
    (info,) = copy.glob(f".venv/lib/python3*/site-packages/{wheel.replace('-', '_')}-*.dist-info")
    hidden = [(place.rename(copy / place.name), place) for place in (path, info)]
    try:
        message = message_of(python("import d2l_helpers"))
    finally:
        for place, home in hidden:
            place.rename(home)
    print(message)
    assert is_one_sentence(message)
    assert "`make install-gpu`" in message and any(name in message for name in cuda.WHEELS[wheel])


def test_without_a_driver_the_way_back_is_named(python, is_one_sentence):
    message = message_of(python("import d2l_helpers", os.environ))
    print(message)
    assert is_one_sentence(message)
    assert "libcuda.so.1" in message and "`make install-cpu`" in message


ONE_GPU = "import d2l_helpers as d2l, mxnet as mx; mx.context.num_gpus = lambda: 1; print(d2l.try_gpu())"


@pytest.mark.parametrize(
    ("capability", "fault"), [("90", "its compute capability is 9.0, and MXNet has"), ("86", "CUDA: Check failed")]
)
def test_a_card_that_cannot_compute_is_passed_over(capability, fault, python):
    tried = python(ONE_GPU, CAPABILITY=capability)
    print(tried.stderr)
    assert tried.stdout == "cpu(0)\n"
    assert f"UserWarning: GPU 0 cannot be used ({fault}" in tried.stderr


def test_a_driver_that_cannot_count_gives_the_cpu(python):
    tried = python("import d2l_helpers as d2l; print(d2l.try_gpu())", CAPABILITY="86")
    print(tried.stderr)
    assert tried.stdout == "cpu(0)\n"
    assert "UserWarning: The GPU cannot be used (CUDA: Check failed" in tried.stderr
