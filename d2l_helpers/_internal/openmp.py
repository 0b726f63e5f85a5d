"""How many threads compute, and how they wait for each other. OpenMP and MXNet ask once, when MXNet is imported."""

import contextlib
import os
import sys
from pathlib import Path, PurePosixPath

# More do not pay: a fifth of an epoch of the document's network cannot be shared (`make bench`), so that eight threads
# are at most 3.1 times as fast as one and sixteen 3.7 times, before they have waited for each other.
MOST_THREADS = 8


def usable_cores():
    """The number of physical cores that this process may use, at least 1.

    Hyperthreads of one core count once (a second one only slows a matrix product down);
    the affinity mask and the processor quotas of containers and services are respected.
    """
    try:
        processors = os.sched_getaffinity(0)
    except AttributeError:  # macOS and Windows have no affinity mask
        processors = range(os.cpu_count() or 1)
    cores = {_read(f"/sys/devices/system/cpu/cpu{p}/topology/thread_siblings_list", p) for p in processors}
    return max(1, min([len(cores), *_quotas()]))


def _quotas():
    """As many processors as this process's control groups allow, their own and those above, of version 1 and of 2."""
    for line in _read("/proc/self/cgroup", "0::/").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = PurePosixPath("/sys/fs/cgroup", "cpu" if controllers else "")
        # In a container the names may be those outside; what is there then is the top.
        for folder in (here := top / group.lstrip("/"), *here.parents):
            if controllers:
                quota, period = _read(f"{folder}/cpu.cfs_quota_us", "-1"), _read(f"{folder}/cpu.cfs_period_us", "1")
            else:
                quota, period = _read(f"{folder}/cpu.max", "max 1").split()
            if quota not in ("max", "-1"):
                yield int(quota) // int(period)


@contextlib.contextmanager
def prepared():
    """Inside this `with` statement, the environment says what MXNet and OpenMP ask of it, unless the user has said it.

    Yields whether the number of threads is ours to change later.
    """
    if "mxnet" in sys.modules:
        if "OMP_NUM_THREADS" not in os.environ and usable_cores() > 1:
            print(
                "Hint: import d2l_helpers before mxnet; MXNet has already settled for half of the "
                "processors, so training is slower.",
                file=sys.stderr,
            )
        yield False
        return
    # Threads wait for each other's part of a matrix product by spinning. libgomp's own numbers of
    # turns are far too high on a busy machine and far too low as soon as MXNet has used OpenMP from
    # two threads; with these an epoch costs 0.27 s alone, 1.2 beside a busy program, 0.29 after that.
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ |= {"OMP_WAIT_POLICY": "active", "GOMP_SPINCOUNT": "10000"}
    # Copies are the reason why it would: with this, no array is large enough for a parallel copy.
    os.environ.setdefault("MXNET_CPU_PARALLEL_SIZE", "2000000000")
    if "OMP_NUM_THREADS" in os.environ:
        yield False
        return
    os.environ["OMP_NUM_THREADS"] = str(min(usable_cores(), MOST_THREADS))
    try:
        yield True
    finally:
        del os.environ["OMP_NUM_THREADS"]  # programs that are started later shall count for themselves


def _read(path, otherwise):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return otherwise
