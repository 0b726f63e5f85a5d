"""The number of threads, which is fixed when MXNet is imported, and the settings that OpenMP reads at that moment."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path
from unittest.mock import patch

import joblib

# More threads do not pay off: a fifth of an epoch of the original notebook's network is sequential (`make bench`), so
# that eight threads are at most 3.1 times as fast as one, and sixteen 3.7 times.
MAX_THREADS = 8


def usable_cores():
    """Return the number of physical cores that the affinity mask and the container's CPU quota allow, at least 1."""
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        cores = {Path(siblings.format(cpu)).read_text() for cpu in os.sched_getaffinity(0)}
    except (AttributeError, OSError):  # not Linux, or no /sys
        return joblib.cpu_count(only_physical_cores=True)
    return min(len(cores), joblib.cpu_count())  # only_physical_cores would ignore hyperthreads in an affinity mask


@contextlib.contextmanager
def openmp_environment():
    """Set the environment variables of OpenMP and MXNet in this `with` statement, unless the user has set them."""
    if "mxnet" in sys.modules:
        if "OMP_NUM_THREADS" not in os.environ and usable_cores() > 1:
            hint = "Hint: import d2l_helpers before mxnet; MXNet now uses half of the processors, which is slower."
            print(hint, file=sys.stderr)
        yield
        return
    settings = {"OMP_NUM_THREADS": str(min(usable_cores(), MAX_THREADS))}
    # Threads spin while they wait for each other. libgomp's default is far too long if another process needs the core,
    # and far too short as soon as MXNet has used OpenMP from two threads.
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        settings |= {"OMP_WAIT_POLICY": "active", "GOMP_SPINCOUNT": "10000"}
    # MXNet would use OpenMP from a second thread for parallel copies; with this size, no array is large enough. MXNet
    # reads this one later.
    os.environ.setdefault("MXNET_CPU_PARALLEL_SIZE", "2000000000")
    with patch.dict(os.environ, {**settings, **os.environ}):  # only here, because child processes choose their own
        yield


@contextlib.contextmanager
def one_thread():
    """Compute with one thread in this `with` statement, which is fastest for one character at a time."""
    from mxnet import base, nd

    threads = base._LIB.omp_get_max_threads()
    if threads == 1:
        yield
        return
    nd.waitall()  # training that is still running keeps its threads
    _set_num_threads(base, 1)
    try:
        yield
    finally:
        _set_num_threads(base, threads)


def _set_num_threads(base, number):
    """Set the number of threads of MXNet's engine, where operators run; OpenMP has one number per thread."""
    cpu, priority = (ctypes.c_int32 * 2)(1, 0), 1  # mx.cpu() in C; before any operator that has not started
    arguments = (ctypes.c_void_p(number), None, ctypes.byref(cpu), None, 0, None, 0, None, priority, None)
    base.check_call(base._LIB.MXEnginePushSyncND(_in_engine, *arguments))


@ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
def _in_engine(context, number):  # MXNet calls this in the thread of its engine
    sys.modules["mxnet"].base._LIB.omp_set_num_threads(number)
