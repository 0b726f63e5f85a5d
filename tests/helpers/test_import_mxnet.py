"""Before MXNet is imported: which Python, which NumPy, how many threads."""

import os
import re
import warnings

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from d2l_helpers._internal import import_mxnet, numpy_compat, openmp

# Python


@pytest.mark.parametrize("version", [(3, 7), (3, 10, 13), (2, 7)])
def test_a_python_that_is_too_old_is_told(version, run_python, is_one_sentence):
    run = run_python(f"import sys; sys.version_info = (*{version}, 0, 'final', 0)[:5]; import d2l_helpers")
    assert run.returncode == 1
    name, _, message = run.stderr.rstrip("\n").split("\n")[-1].partition(": ")
    assert name == "ImportError"
    assert is_one_sentence(message)
    assert f"this is Python {version[0]}.{version[1]}" in message and "install Python 3.11" in message


@pytest.mark.parametrize("version", [(3, 11), (3, 12, 1), (3, 15, 0, "final", 0)])
def test_pythons_that_were_tried_are_not_spoken_of(version):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_mxnet.check_python(version)


@pytest.mark.parametrize("version", [(3, 16), (3, 20, 1), (4, 0)])
def test_a_newer_python_is_warned_of_and_not_refused(version, is_one_sentence):
    with pytest.warns(UserWarning) as caught:
        import_mxnet.check_python(version)
    (message,) = (str(warning.message) for warning in caught)
    assert is_one_sentence(message)
    assert f"this is Python {version[0]}.{version[1]}" in message


# NumPy


def test_nobody_but_mxnet_sees_a_changed_numpy(run_python):
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
def test_mxnets_modules_find_the_names_that_numpy_removed(name):
    assert hasattr(numpy_compat._NumPyOf2022("numpy"), name)


def test_only_names_that_are_missing_are_added():
    added = vars(numpy_compat._NumPyOf2022("numpy")).keys() & numpy_compat.REMOVED.keys()
    assert [name for name in added if name in dir(np)] == []


def test_removed_functions_compute_what_they_did():
    removed = numpy_compat.REMOVED
    assert removed["in1d"](np.array([[1, 2], [3, 4]]), [2, 3]).tolist() == [False, True, True, False]
    assert removed["msort"](np.array([[3, 1], [2, 4]])).tolist() == [[2, 1], [3, 4]]
    with pytest.raises(RuntimeError, match="numpy.npv was removed in NumPy 1.20"):
        removed["npv"](0.1, [1, 2])


def test_other_modules_keep_their_numpy_while_mxnet_is_imported():
    with numpy_compat.for_mxnet():
        seen = {}
        for name in ("mxnet.some.module", "mxnet_of_somebody_else", "pandas"):
            exec("import numpy", namespace := {"__name__": name})
            seen[name] = namespace["numpy"] is np
    assert seen == {"mxnet.some.module": False, "mxnet_of_somebody_else": True, "pandas": True}


@pytest.mark.parametrize("number", [np.int32, np.int64, np.uint8])
def test_operators_take_numpys_whole_numbers(number):
    X = nd.arange(12).reshape((number(3), number(4)))
    assert X[:, number(1) : number(3)].asnumpy().tolist() == [[1, 2], [5, 6], [9, 10]]
    assert nd.zeros((number(2), 3)).shape == (2, 3)
    assert nd.one_hot(nd.array([1]), number(3)).asnumpy().tolist() == [[0, 1, 0]]


def test_operators_take_numpys_floats_and_truths():
    assert nd.clip(nd.array([5]), np.float64(0.25), np.float32(0.5)).asscalar() == 0.5
    assert nd.sum(nd.ones((2, 3)), axis=1, keepdims=np.bool_(True)).shape == (2, 1)
    data = mx.sym.var("data")
    assert mx.sym.reshape(data, shape=(np.int64(3), -1)).infer_shape(data=(6, 2))[1] == [(3, 4)]


# Threads

with_an_old_numpy = pytest.mark.skipif(
    np.__version__ != "1.23.5", reason="MXNet cannot be imported first: it would not find NumPy's old names"
)

SHOW_THREADS = "import mxnet; print(mxnet.base._LIB.omp_get_max_threads())"


def machine_of(cores):
    """Code that makes Python see that many processors, each a core of its own, and no quota.

    For Path.read_text there is no file any more: neither the siblings, nor the quota, nor NumPy's version.
    """
    return f"""
import os, pathlib
def no_such_file(path, *args, **kwargs):
    raise FileNotFoundError(path)
os.sched_getaffinity = lambda pid: set(range({cores}))
pathlib.Path.read_text = no_such_file
from importlib import metadata
metadata.version = lambda name: "1.23.5"
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity mask")
def test_one_processor_makes_one_thread(run_python):
    one_processor = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    run = run_python(f"{one_processor}\nimport d2l_helpers\n{SHOW_THREADS}")
    assert (run.stdout, run.stderr) == ("1\n", "")


@pytest.mark.parametrize(("cores", "used"), [(3, "3"), (100, "8")])
def test_every_core_makes_a_thread_up_to_eight(run_python, cores, used):
    run = run_python(f"{machine_of(cores)}\nimport d2l_helpers\n{SHOW_THREADS}")
    assert (run.stdout, run.stderr) == (f"{used}\n", "")


def test_programs_that_are_started_later_count_for_themselves(run_python):
    run = run_python("import os, d2l_helpers; print(os.environ.get('OMP_NUM_THREADS'))")
    assert (run.stdout, run.stderr) == ("None\n", "")


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("first", ["", pytest.param("import mxnet", marks=with_an_old_numpy)])
def test_a_number_of_threads_that_was_set_is_respected(run_python, threads, first):
    run = run_python(f"{machine_of(3)}\n{first}\nimport d2l_helpers\n{SHOW_THREADS}", OMP_NUM_THREADS=threads)
    assert (run.stdout, run.stderr) == (f"{threads}\n", "")


@pytest.mark.parametrize(("given", "used"), [(None, "10000"), ("5", "5")])
def test_waiting_threads_spin_less_unless_somebody_has_chosen(run_python, given, used):
    run = run_python("import os, d2l_helpers; print(os.environ['GOMP_SPINCOUNT'])", GOMP_SPINCOUNT=given)
    assert (run.stdout, run.stderr) == (f"{used}\n", "")


@with_an_old_numpy
def test_importing_mxnet_first_works_and_gives_a_hint_in_one_line(run_python):
    run = run_python(f"{machine_of(2)}\nimport mxnet, d2l_helpers")
    assert re.fullmatch(r"Hint: import d2l_helpers before mxnet[^\n]+\.\n", run.stderr)


@with_an_old_numpy
def test_importing_mxnet_first_on_one_core_needs_no_hint(run_python):
    run = run_python(f"{machine_of(1)}\nimport mxnet, d2l_helpers")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.fixture
def machine(monkeypatch):
    """A function that describes a machine: the processors that may be used, their siblings, and other files."""

    def describe(processors, siblings=None, others=None):
        files = {
            f"/sys/devices/system/cpu/cpu{p}/topology/thread_siblings_list": s for p, s in (siblings or {}).items()
        } | (others or {})
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(processors), raising=False)
        monkeypatch.setattr(openmp, "_read", lambda path, otherwise: files.get(path, otherwise))

    return describe


@pytest.mark.parametrize(
    ("cpu_max", "cores"),
    [
        (None, 8),
        ("max 100000", 8),
        ("800000 100000", 8),
        ("1600000 100000", 8),
        ("400000 100000", 4),
        ("250000 100000", 2),
        ("100000 100000", 1),
        ("50000 100000", 1),
    ],
)
def test_a_container_s_quota_limits_the_cores(machine, cpu_max, cores):
    machine(range(8), others=cpu_max and {"/sys/fs/cgroup/cpu.max": cpu_max})
    assert openmp.usable_cores() == cores


SERVICE = "/system.slice/hub/anna.service"
VERSION_2 = {"/proc/self/cgroup": f"0::{SERVICE}"}
VERSION_1 = {"/proc/self/cgroup": f"4:memory:/else\n3:cpu,cpuacct:{SERVICE}\n1:name=systemd:/\n0::/init"}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        (VERSION_2 | {f"/sys/fs/cgroup{SERVICE}/cpu.max": "200000 100000"}, 2),
        (VERSION_2 | {"/sys/fs/cgroup/system.slice/cpu.max": "300000 100000"}, 3),
        (
            VERSION_2
            | {
                f"/sys/fs/cgroup{SERVICE}/cpu.max": "max 100000",
                "/sys/fs/cgroup/system.slice/hub/cpu.max": "50000 9000",
            },
            5,
        ),
        (VERSION_2 | {"/sys/fs/cgroup/else.slice/cpu.max": "100000 100000"}, 8),
    ],
    ids=["its own", "one above", "the lower of two", "another's"],
)
def test_a_service_s_quota_of_version_2_limits_the_cores(machine, files, cores):
    machine(range(8), others=files)
    assert openmp.usable_cores() == cores


@pytest.mark.parametrize(
    ("folder", "quota", "cores"),
    [(SERVICE, "400000", 4), ("/system.slice", "100000", 1), ("", "250000", 2), (SERVICE, "-1", 8), ("/else", "1", 8)],
)
def test_a_quota_of_version_1_limits_the_cores(machine, folder, quota, cores):
    files = {f"/sys/fs/cgroup/cpu{folder}/cpu.cfs_{name}_us": n for name, n in [("quota", quota), ("period", "100000")]}
    machine(range(8), others=VERSION_1 | files)
    assert openmp.usable_cores() == cores


def test_hyperthreads_of_one_core_count_once(machine):
    machine(range(4), {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"})
    assert openmp.usable_cores() == 2


def test_the_affinity_mask_limits_the_cores(machine):
    siblings = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}
    machine([0, 2], siblings)
    assert openmp.usable_cores() == 1
    machine([0, 3], siblings)
    assert openmp.usable_cores() == 2


@pytest.mark.parametrize(("count", "cores"), [(4, 4), (None, 1)])
def test_without_an_affinity_mask_all_processors_count(monkeypatch, count, cores):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    monkeypatch.setattr(openmp, "_read", lambda path, otherwise: otherwise)
    assert openmp.usable_cores() == cores


def test_a_file_that_is_not_there_is_replaced_by_the_alternative(tmp_path):
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert openmp._read(tmp_path / "cpu.max", "otherwise") == "max 100000"
    assert openmp._read(tmp_path / "missing", "otherwise") == "otherwise"


def test_this_machine_has_a_core():
    assert 1 <= openmp.usable_cores() <= os.cpu_count()
