"""CUDA's libraries, loaded from wheels before MXNet asks for them, and what the driver knows of a GPU.

MXNet's CUDA build does not bring CUDA and would not find it where wheels put it; but a library that
is loaded already is found by its name. A library without a wheel is left to the system.
"""

import csv
import ctypes
import os
from importlib import metadata, util
from pathlib import Path

# Wheel -> those of its libraries that are needed, each after the ones that it needs itself. MXNet asks for all but
# libcublasLt and the parts of cuDNN. cuDNN would open these when it first computes an RNN; it would take them from
# LD_LIBRARY_PATH first, and end the process where another cuDNN's parts are there.
WHEELS = {
    "nvidia-cuda-runtime-cu11": ["libcudart.so.11.0"],
    "nvidia-cuda-nvrtc-cu11": ["libnvrtc.so.11.2"],
    "nvidia-nvtx-cu11": ["libnvToolsExt.so.1"],
    "nvidia-nccl-cu11": ["libnccl.so.2"],
    "nvidia-cufft-cu11": ["libcufft.so.10"],
    "nvidia-curand-cu11": ["libcurand.so.10"],
    "nvidia-cublas-cu11": ["libcublasLt.so.11", "libcublas.so.11"],
    "nvidia-cusparse-cu11": ["libcusparse.so.11"],
    "nvidia-cusolver-cu11": ["libcusolver.so.11"],
    "nvidia-cudnn-cu11": [
        "libcudnn_ops_infer.so.8",
        "libcudnn_ops_train.so.8",
        "libcudnn_adv_infer.so.8",
        "libcudnn_adv_train.so.8",
        "libcudnn.so.8",
    ],
}


def load_libraries():
    """Load what MXNet's CUDA build needs from the wheels beside it; without that build, do nothing.

    Raises OSError that names a library which has gone from its wheel, is not whole, or cannot be loaded.
    """
    site_packages = _home_of_the_cuda_build()
    if site_packages is None:
        return
    for wheel, names in WHEELS.items():
        for distribution in metadata.distributions(name=wheel, path=[site_packages]):
            libraries = _whole_libraries(distribution)
            for name in filter(libraries.get, names):
                ctypes.CDLL(libraries[name])


def compute_capability(gpu):
    """(major, minor) of the GPU with that number, as the driver knows it; None if it cannot be asked."""
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        failed = (
            driver.cuInit(0)
            or driver.cuDeviceGet(ctypes.byref(device), gpu)
            or driver.cuDeviceGetAttribute(ctypes.byref(major), 75, device)
            or driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)
        )
    except (OSError, AttributeError):  # there is no driver, or one without these functions
        return None
    return None if failed else (major.value, minor.value)


def _home_of_the_cuda_build():
    """The folder in which MXNet stands, if it is a CUDA build, which is another package; else None."""
    mxnet = util.find_spec("mxnet")
    if mxnet is None or mxnet.origin is None:
        return None
    home = str(Path(mxnet.origin).parents[1])
    return home if any(name.startswith("mxnet_cu") for name in os.listdir(home)) else None


def _whole_libraries(distribution):
    """Name -> path of a wheel's libraries, each as long as the wheel's own list says.

    Those are looked at, too, that nobody loads now, for cuDNN opens the rest of its own when it
    needs them, and ends the process where one is missing.
    """
    libraries = {}
    for file, _, size in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        path = Path(distribution.locate_file(file))
        if ".so" in path.name:
            found = path.stat().st_size
            if size and found != int(size):
                name = distribution.metadata["Name"]
                raise OSError(f"{path.name} of {name} has {found} bytes and should have {size}")
            libraries[path.name] = str(path)
    return libraries
