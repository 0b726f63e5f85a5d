"""Import MXNet 1.9.1, its last release, with the threads, NumPy names, and CUDA libraries that it needs."""

import os
import platform
import sys
import warnings

from d2l_helpers._internal import cuda, openmp
from d2l_helpers._internal.numpy_compat import legacy_numpy_for_mxnet, patch_number_formatting

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 15)  # the newest with which the tests have run

# Libraries that MXNet's wheels need in addition to the C library. Only the wheel for x86-64 needs the last one, on
# which libgfortran5 no longer depends from Debian 13 on.
SYSTEM_LIBRARIES = ("libgomp.so", "libgcc_s.so", "libstdc++.so", "libquadmath.so")


def check_python(version):
    """Raise ImportError if this Python is too old, and warn if it is newer than every tested one.

    Args:
        version: The interpreter's version, a tuple of two or more integers.
    """
    message = f"d2l_helpers needs Python 3.11 to 3.15, got Python {version[0]}.{version[1]}"
    if tuple(version[:2]) < OLDEST_PYTHON:
        raise ImportError(f"{message}; install a newer one and run `make PYTHON=python3.13`.")
    if tuple(version[:2]) > NEWEST_PYTHON:
        warnings.warn(f"{message}, which is untested; if it fails, run `make PYTHON=python3.13`.", stacklevel=2)


def how_to_get_mxnet(error, machine):
    """Return a sentence on how to fix an OSError from loading MXNet's shared library.

    Args:
        error: The OSError.
        machine: Result of `platform.machine()`, for example "x86_64" or "aarch64".
    """
    if str(error).startswith(SYSTEM_LIBRARIES):
        apt, dnf = ("", "") if machine == "aarch64" else (" libquadmath0", " libquadmath")
        debian = f"`sudo apt install libgomp1 libgfortran5{apt}`"
        fedora = f"`sudo dnf install libgomp libgfortran{dnf}`"
        fix = f"install the system's libraries with {debian} on Debian and Ubuntu, or {fedora} on Fedora"
    elif machine == "aarch64":
        fix = "run `make install` or `python -m tools.install.link_openblas`, which link OpenBLAS instead"
    elif "libcuda.so.1" in str(error):
        fix = "install NVIDIA's driver, or the CPU build with `make install-cpu`"
    else:
        fix = "install the CUDA libraries with `make install-gpu`, or the CPU build with `make install-cpu`"
    return f"MXNet's shared library cannot be loaded ({error}); {fix}."


check_python(sys.version_info)
try:
    if "mxnet" not in sys.modules:
        cuda.load_libraries()
    with openmp.openmp_environment(), legacy_numpy_for_mxnet():
        import mxnet
except OSError as error:
    raise ImportError(how_to_get_mxnet(error, platform.machine())) from error
except ModuleNotFoundError as error:
    if error.name != "mxnet":
        raise
    # From Python 3.13 on, pip leaves MXNet out, because no NumPy satisfies MXNet's metadata.
    raise ImportError("MXNet is not installed; install it with `pip install --no-deps mxnet==1.9.1`.") from error
# os.fork waits for MXNet's engine while it holds Python's lock, which the engine needs in openmp.one_thread.
os.register_at_fork(before=mxnet.nd.waitall)
patch_number_formatting(mxnet._ctypes.ndarray)
patch_number_formatting(mxnet._ctypes.symbol)
