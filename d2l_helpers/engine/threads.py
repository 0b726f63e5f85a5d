"""How many threads compute, and how they wait for each other. OpenMP reads it once, with MXNet's import."""

import os
import sys
from pathlib import Path


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


def prepare():
    """Set what OpenMP and MXNet read from the environment, where the user has not set it."""
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


def _read(path, otherwise):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return otherwise
