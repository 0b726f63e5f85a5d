"""Test `make install-gpu` in a copy of the repository, with a stub of NVIDIA's driver.

Run it with `make test-gpu-install`. It downloads 2 GB, and needs 7 GB of disk space and gcc. The stub has no GPU, so
the tests check that all libraries are found and that missing ones are reported, but not that a GPU computes.
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
    """Return environment variables with which the stub driver is found."""
    with tempfile.TemporaryDirectory() as folder:
        library = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", f"{folder}/libcuda.so.1"]
        subprocess.run(["gcc", "-Wall", *library, ROOT / "tests" / "install" / "gpu" / "driver.c"], check=True)
        yield {**os.environ, "LD_LIBRARY_PATH": folder, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def copy(driver):
    """Return a copy of the repository in which `make install-gpu` was run."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        files = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
        for file in filter(None, files.split("\0")):
            (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, Path(folder) / file)
        made = run(
            "make",
            "--no-print-directory",
            "install-gpu",
            f"PYTHON={os.path.realpath(sys.executable)}",
            cwd=folder,
            env=driver,
        )
        assert made.returncode == 0, made.stderr
        assert made.stdout.splitlines()[-1] == "MXNet computes on cpu(0)"
        yield Path(folder)


@pytest.fixture
def python(copy, driver):
    """Return a function that runs code in that environment."""

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


def test_the_requirement_on_mxnet_is_satisfied(copy):
    assert "mxnet" not in run(copy / ".venv/bin/pip", "check").stdout


def test_make_does_not_recreate_the_environment(copy):
    assert "venv" not in run("make", "--no-print-directory", "-n", "test", cwd=copy).stdout.replace(".venv/bin", "")


@pytest.mark.parametrize("lock", ["requirements/base.lock", "requirements/gpu.lock"])
def test_a_changed_lock_reinstalls_the_cuda_build(lock, copy):
    plan = run("make", "--no-print-directory", "-n", "--what-if", lock, "test", cwd=copy).stdout
    assert "tools.install.set_up .venv --mxnet gpu" in plan


def test_the_cpu_build_can_be_restored(copy):
    plan = run("make", "-n", "--what-if", "requirements/base.lock", ".venv/installed", "MXNET=cpu", cwd=copy).stdout
    assert "tools.install.set_up .venv --mxnet cpu" in plan


def test_mxnet_has_cuda_and_sees_no_gpu(python):
    code = """
import d2l_helpers as d2l, mxnet as mx
print(mx.runtime.Features().is_enabled("CUDA"), mx.context.num_gpus(), d2l.try_gpu(), d2l.try_all_gpus())
"""
    assert python(code).stdout == "True 0 cpu(0) [cpu(0)]\n"


def test_both_builds_train_to_the_same_perplexities(python, driver):
    cpu_build = run(sys.executable, "-c", TRAIN, cwd=ROOT, env=driver).stdout.splitlines()[-1]
    cuda_build = python(TRAIN).stdout.splitlines()[-1]
    print(f"CPU build: {cpu_build}; CUDA build: {cuda_build}")
    assert list(map(float, cuda_build.split())) == pytest.approx(list(map(float, cpu_build.split())), rel=1e-5)


@pytest.mark.parametrize("damage", ["missing", "truncated"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_missing_or_truncated_library_is_named_with_the_fix(name, damage, copy, python, is_one_sentence):
    path = library(name, copy)
    backup = path.rename(path.with_name("backup"))
    if damage == "truncated":
        with backup.open("rb") as file:
            path.write_bytes(file.read(backup.stat().st_size // 2))
    try:
        message = message_of(python("import d2l_helpers"))
    finally:
        backup.rename(path)
    print(message)
    assert is_one_sentence(message)
    assert name in message and "`make install-gpu`" in message


@pytest.mark.parametrize("wheel", cuda.WHEELS)
def test_a_missing_wheel_is_named_by_its_library(wheel, copy, python, is_one_sentence):
    path = library(cuda.WHEELS[wheel][-1], copy).parent
    (info,) = copy.glob(f".venv/lib/python3*/site-packages/{wheel.replace('-', '_')}-*.dist-info")
    hidden = [(original.rename(copy / original.name), original) for original in (path, info)]
    try:
        message = message_of(python("import d2l_helpers"))
    finally:
        for moved, original in hidden:
            moved.rename(original)
    print(message)
    assert is_one_sentence(message)
    assert "`make install-gpu`" in message and any(name in message for name in cuda.WHEELS[wheel])


def test_a_missing_driver_is_reported_with_the_fix(python, is_one_sentence):
    message = message_of(python("import d2l_helpers", os.environ))
    print(message)
    assert is_one_sentence(message)
    assert "libcuda.so.1" in message and "`make install-cpu`" in message


ONE_GPU = "import d2l_helpers as d2l, mxnet as mx; mx.context.num_gpus = lambda: 1; print(d2l.try_gpu())"


@pytest.mark.parametrize(
    ("capability", "problem"),
    [("90", "its compute capability is 9.0, and MXNet supports"), ("86", "CUDA: Check failed")],
)
def test_a_gpu_that_cannot_compute_is_skipped(capability, problem, python):
    process = python(ONE_GPU, CAPABILITY=capability)
    print(process.stderr)
    assert process.stdout == "cpu(0)\n"
    assert f"UserWarning: GPU 0 cannot be used ({problem}" in process.stderr


def test_the_cpu_is_used_if_the_driver_fails(python):
    process = python("import d2l_helpers as d2l; print(d2l.try_gpu())", CAPABILITY="86")
    print(process.stderr)
    assert process.stdout == "cpu(0)\n"
    assert "UserWarning: The GPU cannot be used (CUDA: Check failed" in process.stderr
