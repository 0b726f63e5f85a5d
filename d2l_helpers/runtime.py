"""What must happen before MXNet is imported, and which device computes.

MXNet 1.9.1 was the last release before the project retired. It runs on the Python and NumPy
of its own time only, and it decides once, while it is imported, how many threads it uses.
"""

import os
import sys
import warnings
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

if "mxnet" not in sys.modules:
    os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))
    # Threads wait for each other's part of a matrix product by spinning. libgomp's own numbers of
    # turns are far too high on a busy machine and far too low as soon as MXNet has used OpenMP from
    # two threads; with these an epoch costs 0.27 s alone, 1.2 beside a busy program, 0.29 after that.
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"], os.environ["GOMP_SPINCOUNT"] = "active", "10000"
    # Copies are the reason why it would: with this, no array is large enough for a parallel copy.
    os.environ.setdefault("MXNET_CPU_PARALLEL_SIZE", "2000000000")
elif "OMP_NUM_THREADS" not in os.environ and usable_cores() > 1:
    print(
        "Hint: import d2l_helpers before mxnet; MXNet has already settled for half of the "
        "processors, so training is slower.",
        file=sys.stderr,
    )

try:
    import mxnet as mx
except OSError as error:
    raise ImportError(
        f"MXNet's machine code cannot be loaded ({error}): install the CUDA libraries that its wheel needs "
        "(README, GPU), or the package for CPUs, `pip install mxnet==1.9.1`."
    ) from error
import numpy as np  # noqa: E402  (all of the above has to come first)
from mxnet import autograd, nd  # noqa: E402
from mxnet.gluon import rnn  # noqa: E402


def try_gpu():
    """The first GPU if it works, `mx.gpu(0)`, else `mx.cpu()`.

    A GPU counts as working once it has computed something and got it right; about one that
    does not there is a warning that says why and what to do.

    Source: the document's second cell.
    """
    return _usable_gpus(at_most=1)[0]


def try_all_gpus():
    """A list of all GPUs that work, or `[mx.cpu()]` if there is none. Warnings as in `try_gpu`."""
    return _usable_gpus(at_most=None)


def _usable_gpus(at_most):
    try:
        gpus = [mx.gpu(i) for i in range(mx.context.num_gpus())][:at_most]
    except mx.MXNetError as error:
        _warn_about("The GPU", str(error).splitlines()[0])
        gpus = []
    return [gpu for gpu in gpus if _works(gpu)] or [mx.cpu()]


def _works(gpu):
    """Whether a GPU computes what the CPU computes; if not, a warning says what went wrong."""
    try:
        right = np.allclose(_small_lstm_step(gpu), _small_lstm_step(mx.cpu()), rtol=1e-3, atol=1e-5)
        fault = None if right else "it computes wrong numbers"
    except mx.MXNetError as error:
        fault = str(error).strip().splitlines()[-1]
    if fault:
        _warn_about(f"GPU {gpu.device_id}", fault)
    return fault is None


def _small_lstm_step(ctx):
    """The sum and the gradient of a small LSTM's outputs, computed on a device; a NumPy vector."""
    layer = rnn.LSTM(hidden_size=4, num_layers=2, input_size=3)
    layer.initialize(mx.init.Constant(0.1), ctx=ctx)
    X = nd.arange(30, ctx=ctx).reshape((5, 2, 3)) / 30  # (num_steps, batch_size, inputs)
    with autograd.record():
        total = layer(X).sum()
    total.backward()
    weight = layer.l0_i2h_weight.grad(ctx)
    return nd.concat(total, weight.reshape((-1,)), dim=0).asnumpy()


def _warn_about(device, fault):
    warnings.warn(
        f"{device} cannot be used ({fault}), so the CPU computes: see the README's section on GPUs for the package "
        "and the CUDA libraries that this card needs.",
        stacklevel=4,
    )
