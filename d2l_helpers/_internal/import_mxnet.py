"""MXNet is imported here, after all that has to happen before.

MXNet 1.9.1 was the last release before the project retired. It is given the threads, the NumPy
and the CUDA libraries that it would not find by itself; where it cannot be imported all the same,
one sentence says why.
"""

import platform
import sys
import warnings

from d2l_helpers._internal import cuda, openmp
from d2l_helpers._internal.numpy_compat import for_mxnet, write_numbers_plainly

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 15)  # the newest on which the tests have run

# What MXNet's wheels need in addition to the C library. Only the wheel for Intel and AMD needs the last one; from
# Debian 13 on, libgfortran5 does not depend on it.
FROM_THE_SYSTEM = ("libgomp.so", "libgcc_s.so", "libstdc++.so", "libquadmath.so")


def check_python(version):
    """Raise ImportError if this Python is too old, and warn if it is newer than every tested one.

    Args:
        version: The interpreter's version, a tuple of two or more integers.
    """
    if tuple(version[:2]) < OLDEST_PYTHON:
        raise ImportError(
            f"d2l_helpers needs Python 3.11 or later and this is Python {version[0]}.{version[1]}: "
            "install Python 3.11 to 3.15 and run `make PYTHON=python3.13`."
        )
    if tuple(version[:2]) > NEWEST_PYTHON:
        warnings.warn(
            f"d2l_helpers was tested on Python 3.11 to 3.15 and this is Python {version[0]}.{version[1]}: "
            "should something fail, run `make PYTHON=python3.13`.",
            stacklevel=2,
        )


def how_to_get_mxnet(error, machine):
    """One sentence on what to do about an OSError from MXNet's machine code.

    machine: what `platform.machine()` says, such as "x86_64" or "aarch64".
    """
    if str(error).startswith(FROM_THE_SYSTEM):
        apt, dnf = ("", "") if machine == "aarch64" else (" libquadmath0", " libquadmath")
        return (
            f"MXNet's machine code cannot be loaded ({error}): install what it needs from the system with "
            f"`sudo apt install libgomp1 libgfortran5{apt}` on Debian and Ubuntu, or "
            f"`sudo dnf install libgomp libgfortran{dnf}` on Fedora."
        )
    if machine == "aarch64":
        return (
            f"MXNet's machine code cannot be loaded ({error}): its wheel for ARM leaves out three libraries, "
            "so run `make` or `python tools/install/link_openblas.py`, which puts OpenBLAS in their place."
        )
    if "libcuda.so.1" in str(error):
        return (
            f"MXNet's CUDA build cannot be loaded without NVIDIA's driver ({error}): install the driver, or go back to "
            "the build for CPUs with `make install-cpu`."
        )
    return (
        f"MXNet's machine code cannot be loaded ({error}): install the CUDA libraries that its wheel needs with "
        "`make install-gpu`, or the build for CPUs with `make install-cpu`."
    )


check_python(sys.version_info)
try:
    if "mxnet" not in sys.modules:
        cuda.load_libraries()
    with openmp.prepared() as threads_may_change, for_mxnet():
        import mxnet
except OSError as error:
    raise ImportError(how_to_get_mxnet(error, platform.machine())) from error
except ModuleNotFoundError as error:
    if error.name != "mxnet":
        raise
    # pip leaves it out from Python 3.13 on, where no NumPy satisfies MXNet's own metadata.
    raise ImportError(
        "MXNet is not installed: complete the installation with `pip install --no-deps mxnet==1.9.1`."
    ) from error
write_numbers_plainly(mxnet._ctypes.ndarray)
write_numbers_plainly(mxnet._ctypes.symbol)
