"""Linux on ARM: `make` puts the three libraries that MXNet's wheel leaves out in place.

The wheel for aarch64 was built with the Arm Performance Libraries, looks for them beside its own
`libmxnet.so`, and does not bring them. OpenBLAS has the same functions, and the wheel of
`scipy-openblas32` that `pyproject.toml` pins has OpenBLAS and LAPACKE in one file. It stands in for
all three: what MXNet wants from the other two, `exp` and `strlen` for example, is in the C library.
"""

import os
import platform
import sys
from importlib.util import find_spec
from pathlib import Path

LEFT_OUT = ("libarmpl_lp64_mp.so", "libamath.so", "libastring.so")
OPENBLAS = "libopenblas_python.so"  # later releases name it libscipy_openblas.so, and put scipy_ before each function


def put_in_place(mxnet, openblas):
    """Link OpenBLAS, and the library that it needs in turn, into the folder of MXNet's machine code.

    mxnet, openblas: the folders of the two installed packages. What is there already stays.
    Returns the names that were new.

    Raises:
        FileNotFoundError: OpenBLAS is not installed, or is a release whose functions have other names.
    """
    libraries = Path(openblas, "lib")
    if not Path(libraries, OPENBLAS).exists():
        raise FileNotFoundError(
            f"There is no {OPENBLAS} in {libraries}: run `pip install scipy-openblas32==0.3.23.293.2`, the last "
            "release whose functions have the names that MXNet asks for."
        )
    # A link's own folder is where the loader then looks for what the library behind it needs.
    needed = [path.name for path in libraries.glob("*.so.*")]
    new = []
    for name, target in [*((name, OPENBLAS) for name in LEFT_OUT), *zip(needed, needed, strict=True)]:
        link = Path(mxnet, name)
        if not link.exists():
            link.unlink(missing_ok=True)  # a link to where OpenBLAS once was
            link.symlink_to(os.path.relpath(libraries / target, mxnet))
            new.append(name)
    return new


def folder(package):
    """The folder of an installed package, which is not imported, or one that cannot be where it is not installed."""
    spec = find_spec(package)
    return spec.submodule_search_locations[0] if spec else Path(sys.prefix, package)


if __name__ == "__main__" and platform.machine() == "aarch64":
    try:
        put_in_place(folder("mxnet"), folder("scipy_openblas32"))
    except FileNotFoundError as error:
        sys.exit(str(error))
