"""The import of MXNet: the version of Python, the legacy names of NumPy, and the number of threads."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from d2l_helpers._internal import import_mxnet, numpy_compat, openmp

# Python


@pytest.mark.parametrize("version", [(3, 7), (3, 10, 13), (2, 7)])
def test_an_old_python_raises_one_sentence(version, run_python, is_one_sentence):
    run = run_python(f"import sys; sys.version_info = (*{version}, 0, 'final', 0)[:5]; import d2l_helpers")
    assert run.returncode == 1
    name, _, message = run.stderr.rstrip("\n").split("\n")[-1].partition(": ")
    assert name == "ImportError"
    assert is_one_sentence(message)
    assert f"needs Python 3.11 to 3.15, got Python {version[0]}.{version[1]};" in message


@pytest.mark.parametrize("version", [(3, 11), (3, 12, 1), (3, 15, 0, "final", 0)])
def test_tested_versions_of_python_cause_no_warning(version):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_mxnet.check_python(version)


@pytest.mark.parametrize("version", [(3, 16), (3, 20, 1), (4, 0)])
def test_a_newer_python_causes_a_warning_and_no_error(version, is_one_sentence):
    with pytest.warns(UserWarning) as caught:
        import_mxnet.check_python(version)
    (message,) = (str(warning.message) for warning in caught)
    assert is_one_sentence(message)
    assert f"got Python {version[0]}.{version[1]}, which is untested" in message


# NumPy


def test_numpy_itself_does_not_change(run_python):
    code = """
import builtins, sys, numpy
importer, before = builtins.__import__, dir(numpy)
import d2l_helpers
from d2l_helpers._internal.numpy_compat import REMOVED
assert sys.modules["numpy"] is numpy
assert builtins.__import__ is importer
assert not REMOVED.keys() & (set(dir(numpy)) - set(before))
"""
    run = run_python(code)
    assert run.stderr == ""


@pytest.mark.parametrize("name", ["Inf", "PZERO", "in1d", "alltrue"])
def test_mxnet_s_modules_find_the_names_that_numpy_removed(name):
    assert hasattr(numpy_compat._LegacyNumPy("numpy"), name)


def test_only_missing_names_are_added():
    added = vars(numpy_compat._LegacyNumPy("numpy")).keys() & numpy_compat.REMOVED.keys()
    assert [name for name in added if name in dir(np)] == []


def test_removed_functions_compute_the_same_as_before():
    removed = numpy_compat.REMOVED
    assert removed["in1d"](np.array([[1, 2], [3, 4]]), [2, 3]).tolist() == [False, True, True, False]
    assert removed["msort"](np.array([[3, 1], [2, 4]])).tolist() == [[2, 1], [3, 4]]
    with pytest.raises(RuntimeError, match="numpy.npv was removed in NumPy 1.20"):
        removed["npv"](0.1, [1, 2])


def test_other_modules_keep_their_numpy_while_mxnet_is_imported():
    with numpy_compat.legacy_numpy_for_mxnet():
        is_real = {}
        for name in ("mxnet.some.module", "mxnet_extension", "pandas"):
            exec("import numpy", namespace := {"__name__": name})
            is_real[name] = namespace["numpy"] is np
    assert is_real == {"mxnet.some.module": False, "mxnet_extension": True, "pandas": True}


@pytest.mark.parametrize("number", [np.int32, np.int64, np.uint8])
def test_operators_accept_numpy_integers(number):
    X = nd.arange(12).reshape((number(3), number(4)))
    assert X[:, number(1) : number(3)].asnumpy().tolist() == [[1, 2], [5, 6], [9, 10]]
    assert nd.zeros((number(2), 3)).shape == (2, 3)
    assert nd.one_hot(nd.array([1]), number(3)).asnumpy().tolist() == [[0, 1, 0]]


def test_operators_accept_numpy_floats_and_booleans():
    assert nd.clip(nd.array([5]), np.float64(0.25), np.float32(0.5)).asscalar() == 0.5
    assert nd.sum(nd.ones((2, 3)), axis=1, keepdims=np.bool_(True)).shape == (2, 1)
    data = mx.sym.var("data")
    assert mx.sym.reshape(data, shape=(np.int64(3), -1)).infer_shape(data=(6, 2))[1] == [(3, 4)]


# Threads

with_old_numpy = pytest.mark.skipif(
    np.__version__ != "1.23.5", reason="MXNet cannot be imported first, because it needs NumPy's old names"
)

SHOW_THREADS = "import mxnet; print(mxnet.base._LIB.omp_get_max_threads())"


def machine_with(cores):
    """Return code that makes Python see that many processors, without hyperthreads and quotas."""
    return f"""
import os, pathlib
read_text = pathlib.Path.read_text
os.sched_getaffinity = lambda pid: set(range({cores}))
os.cpu_count = lambda: {cores}
pathlib.Path.read_text = lambda path, *a, **k: str(path) if "siblings" in str(path) else read_text(path, *a, **k)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity mask")
def test_one_processor_means_one_thread(run_python):
    one_processor = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    run = run_python(f"{one_processor}\nimport d2l_helpers\n{SHOW_THREADS}")
    assert (run.stdout, run.stderr) == ("1\n", "")


@pytest.mark.parametrize(("cores", "used"), [(3, "3"), (100, "8")])
def test_there_is_one_thread_per_core_up_to_eight(run_python, cores, used):
    run = run_python(f"{machine_with(cores)}\nimport d2l_helpers\n{SHOW_THREADS}")
    assert (run.stdout, run.stderr) == (f"{used}\n", "")


def test_the_environment_of_child_processes_does_not_change(run_python):
    names = "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
    run = run_python(f"import os, d2l_helpers; print([os.environ.get(name) for name in {names}])")
    assert (run.stdout, run.stderr) == ("[None, None, None]\n", "")


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("first", ["", pytest.param("import mxnet", marks=with_old_numpy)])
def test_a_user_s_number_of_threads_is_respected(run_python, threads, first):
    run = run_python(f"{machine_with(3)}\n{first}\nimport d2l_helpers\n{SHOW_THREADS}", OMP_NUM_THREADS=threads)
    assert (run.stdout, run.stderr) == (f"{threads}\n", "")


@pytest.mark.parametrize(("given", "used"), [(None, "10000"), ("5", "5")])
def test_waiting_threads_spin_less_unless_the_user_has_chosen(run_python, given, used):
    run = run_python("import d2l_helpers", GOMP_SPINCOUNT=given, OMP_DISPLAY_ENV="verbose")
    assert f"GOMP_SPINCOUNT = '{used}'" in run.stderr


@with_old_numpy
def test_importing_mxnet_first_works_and_prints_a_hint_in_one_line(run_python):
    run = run_python(f"{machine_with(2)}\nimport mxnet, d2l_helpers")
    assert re.fullmatch(r"Hint: import d2l_helpers before mxnet[^\n]+\.\n", run.stderr)


@with_old_numpy
def test_importing_mxnet_first_on_one_core_prints_no_hint(run_python):
    run = run_python(f"{machine_with(1)}\nimport mxnet, d2l_helpers")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.fixture
def machine(monkeypatch):
    """Return a function that describes a machine: its processors, their hyperthreads, and those that may be used."""

    def describe(siblings, usable=None, quota=None):
        monkeypatch.setattr(os, "cpu_count", lambda: len(siblings))
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(usable or siblings), raising=False)
        monkeypatch.setattr(Path, "read_text", lambda path: siblings[int(re.search(r"cpu(\d+)", str(path))[1])])
        monkeypatch.setattr(openmp.joblib, "cpu_count", lambda: quota or len(usable or siblings))

    return describe


HYPERTHREADS = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}


@pytest.mark.parametrize(
    ("usable", "quota", "cores"),
    [(None, None, 2), ([0, 2], None, 1), ([0, 3], None, 2), (None, 1, 1), (None, 3, 2), ([1], 3, 1)],
)
def test_hyperthreads_the_affinity_mask_and_a_container_s_quota_limit_the_cores(machine, usable, quota, cores):
    machine(HYPERTHREADS, usable, quota)
    assert openmp.usable_cores() == cores


@pytest.mark.parametrize("missing", ["affinity", "topology"])
def test_without_an_affinity_mask_or_the_topology_joblib_counts(monkeypatch, missing):
    monkeypatch.delattr(*((os, "sched_getaffinity") if missing == "affinity" else (Path, "read_text")), raising=False)
    monkeypatch.setattr(openmp.joblib, "cpu_count", lambda only_physical_cores: 7)
    assert openmp.usable_cores() == 7


def test_the_number_of_cores_of_this_machine_is_plausible():
    assert 1 <= openmp.usable_cores() <= os.cpu_count()


THREADS_OF_THE_ENGINE = """
import ctypes, d2l_helpers
from d2l_helpers._internal import openmp
from mxnet import base, nd

@ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
def read(context, argument):
    seen.append(base._LIB.omp_get_max_threads())

def push():
    base._LIB.MXEnginePushSyncND(read, None, None, ctypes.byref(cpu), None, 0, None, 0, None, 0, None)
    nd.waitall()

seen, cpu = [], (ctypes.c_int32 * 2)(1, 0)
push()
with openmp.one_thread():
    push()
push()
print(seen)
"""


@pytest.mark.parametrize(("threads", "seen"), [("1", "[1, 1, 1]\n"), ("2", "[2, 1, 2]\n")])
def test_prediction_uses_one_thread_and_training_all_of_them(run_python, threads, seen):
    run = run_python(THREADS_OF_THE_ENGINE, OMP_NUM_THREADS=threads)
    assert (run.stdout, run.stderr) == (seen, "")


# Reproducibility

TRAIN_AND_HASH = """
import hashlib
import d2l_helpers as d2l
import mxnet as mx
from mxnet.gluon import rnn

mx.random.seed(1)
*_, vocab_size = text = d2l.load_data_time_machine(1000)
model = d2l.RNNModel(rnn.LSTM(64, 2), vocab_size)
history = d2l.Training(model, text, num_epochs=3, num_steps=10, pred_period=2, pred_len=5, ctx=mx.cpu()).run()
weights = b"".join(p.data().asnumpy().tobytes() for p in model.collect_params().values())
print(history.perplexity, history.reports[0].splitlines()[1:], hashlib.sha256(weights).hexdigest())
"""


@pytest.mark.parametrize("threads", [None, "1", "2"])
def test_the_same_call_is_bitwise_reproducible_also_under_cpu_contention(run_python, threads):
    alone = run_python(TRAIN_AND_HASH, OMP_NUM_THREADS=threads)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        contended = run_python(TRAIN_AND_HASH, OMP_NUM_THREADS=threads)
    finally:
        busy.kill()
        busy.wait()
    assert (alone.returncode, alone.stderr) == (contended.returncode, contended.stderr) == (0, "")
    assert alone.stdout.splitlines()[-1] == contended.stdout.splitlines()[-1]
