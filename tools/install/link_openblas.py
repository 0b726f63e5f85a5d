"""Link OpenBLAS to the names of three libraries that MXNet's wheel for Linux on ARM lacks.

The wheel was built with the Arm Performance Libraries but does not contain them; `libmxnet.so` looks for them in its
own folder. OpenBLAS has the same functions: the wheel of `scipy-openblas32` that pyproject.toml pins has OpenBLAS and
LAPACKE in one file. It replaces all three libraries, because the functions that MXNet needs from the other two, such as
`exp` and `strlen`, are in the C library.
"""

import os
import platform
import sys
from importlib.util import find_spec
from pathlib import Path

MISSING_LIBRARIES = ("libarmpl_lp64_mp.so", "libamath.so", "libastring.so")
OPENBLAS = "libopenblas_python.so"  # later releases rename the file, and prefix all functions with scipy_


def link_openblas(mxnet, openblas):
    """Link OpenBLAS and its dependencies into the folder of `libmxnet.so`, without replacing existing files.

    Args:
        mxnet: The folder of the installed package `mxnet`.
        openblas: The folder of the installed package `scipy_openblas32`.

    Returns:
        A list of the names of the new links.

    Raises:
        FileNotFoundError: OpenBLAS is not installed, or in a release with other function names.
    """
    libraries = Path(openblas, "lib")
    if not Path(libraries, OPENBLAS).exists():
        raise FileNotFoundError(
            f"There is no {OPENBLAS} in {libraries}; run `pip install scipy-openblas32==0.3.23.293.2`, the last "
            "release with the function names that MXNet uses."
        )
    # The loader searches the folder of the link for the dependencies of OpenBLAS.
    dependencies = [path.name for path in libraries.glob("*.so.*")]
    new = []
    for name, target in [*((name, OPENBLAS) for name in MISSING_LIBRARIES), *((name, name) for name in dependencies)]:
        link = Path(mxnet, name)
        if not link.exists():
            link.unlink(missing_ok=True)  # a broken link
            link.symlink_to(os.path.relpath(libraries / target, mxnet))
            new.append(name)
    return new


def package_folder(package):
    """Return the folder of a package without importing it, or a folder that does not exist if it is not installed."""
    spec = find_spec(package)
    return spec.submodule_search_locations[0] if spec else Path(sys.prefix, package)


if __name__ == "__main__" and platform.machine() == "aarch64":
    try:
        link_openblas(package_folder("mxnet"), package_folder("scipy_openblas32"))
    except FileNotFoundError as error:
        sys.exit(str(error))
