"""What must happen before MXNet is imported, and which device computes.

MXNet 1.9.1 was the last release before the project retired. It runs on the Python and NumPy
of its own time only, and it decides once, while it is imported, how many threads it uses.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path

NEWEST_PYTHON = (3, 11)
OLDEST_PYTHON = (3, 8)
FIRST_BAD_NUMPY = (1, 24)  # removed np.bool, which MXNet's own modules still name


def check_versions(python, numpy):
    """Raise ImportError where MXNet 1.9.1 cannot be imported.

    python: the interpreter's version, a tuple of two or more numbers.
    numpy: NumPy's version, a string such as "1.23.5".
    """
    if not OLDEST_PYTHON <= tuple(python[:2]) <= NEWEST_PYTHON:
        raise ImportError(
            f"MXNet 1.9.1 runs on Python 3.8 to 3.11 and this is Python {python[0]}.{python[1]}: "
            "install Python 3.11 and run `make`, or `conda env create -f environment.yml`."
        )
    if tuple(int(part) for part in numpy.split(".")[:2]) >= FIRST_BAD_NUMPY:
        raise ImportError(
            f"MXNet 1.9.1 needs NumPy below 1.24 and this environment has {numpy}: "
            'run `pip install "numpy==1.23.5"`, or start from a fresh environment with `make`.'
        )


def usable_cores():
    """The number of physical cores that this process may use, at least 1.

    Hyperthreads of one core count once (a second one only slows a matrix product down);
    the affinity mask and a container's processor quota are respected.
    """
    try:
        processors = os.sched_getaffinity(0)
    except AttributeError:  # macOS and Windows have no affinity mask
        processors = range(os.cpu_count() or 1)
    cores = {_read(f"/sys/devices/system/cpu/cpu{p}/topology/thread_siblings_list", p) for p in processors}
    quota, _, period = str(_read("/sys/fs/cgroup/cpu.max", "max 1")).partition(" ")
    limit = len(cores) if quota == "max" else int(quota) // int(period)
    return max(1, min(len(cores), limit))


def _read(path, otherwise):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return otherwise


check_versions(sys.version_info, version("numpy"))

if "OMP_NUM_THREADS" not in os.environ:
    cores = usable_cores()
    if "mxnet" not in sys.modules:
        os.environ["OMP_NUM_THREADS"] = str(cores)
    elif cores > 1:
        print(
            "Hint: import d2l_helpers before mxnet; MXNet has already settled for half of the "
            "processors, so training is slower.",
            file=sys.stderr,
        )

import mxnet as mx  # noqa: E402  (only now: all of the above has to come first)


def try_gpu():
    """The first GPU if there is one that works, `mx.gpu(0)`, else `mx.cpu()`.

    Source: the document's second cell.
    """
    return try_all_gpus()[0]


def try_all_gpus():
    """A list of all GPUs, or `[mx.cpu()]` if there is none."""
    return [mx.gpu(i) for i in range(mx.context.num_gpus())] or [mx.cpu()]
