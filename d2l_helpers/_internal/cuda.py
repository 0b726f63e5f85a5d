"""CUDA's libraries, loaded from wheels before MXNet needs them, and the compute capability of a GPU.

MXNet's CUDA build does not contain CUDA and does not find it in wheels, but the loader finds a library by its name if
it is loaded already. The system provides libraries without a wheel.
"""

import csv
import ctypes
import os
from importlib import metadata, util
from pathlib import Path

# Wheel -> required libraries, in dependency order. MXNet needs all but libcublasLt and the parts of cuDNN. cuDNN would
# load its parts when it first computes an RNN, from LD_LIBRARY_PATH first, and abort if they belong to another cuDNN.
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
        *(f"libcudnn_{part}.so.8" for part in ("ops_infer", "ops_train", "adv_infer", "adv_train")), "libcudnn.so.8",
    ],
}  # fmt: skip


def load_libraries():
    """Load the libraries of MXNet's CUDA build from wheels; without that build, do nothing.

    Raises:
        OSError: A library is missing from its wheel, truncated, or not loadable; the message names it.
    """
    site_packages = _cuda_build_directory()
    if site_packages is None:
        return
    for wheel, names in WHEELS.items():
        for distribution in metadata.distributions(name=wheel, path=[site_packages]):
            libraries = _complete_libraries(distribution)
            for name in filter(libraries.get, names):
                ctypes.CDLL(libraries[name])


def compute_capability(gpu):
    """Return the compute capability (major, minor) of the GPU with this number, or None if the driver fails."""
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        failed = driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), gpu)
        for value, attribute in ((major, 75), (minor, 76)):
            failed = failed or driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    except (OSError, AttributeError):  # there is no driver, or one without these functions
        return None
    return None if failed else (major.value, minor.value)


def _cuda_build_directory():
    """Return the directory that contains mxnet if it is a CUDA build, which is a separate package, else None."""
    mxnet = util.find_spec("mxnet")
    if mxnet is None or mxnet.origin is None:
        return None
    directory = str(Path(mxnet.origin).parents[1])
    return directory if any(name.startswith("mxnet_cu") for name in os.listdir(directory)) else None


def _complete_libraries(distribution):
    """Return name -> path of a wheel's libraries, and check that each has the size that the wheel's RECORD lists.

    This includes libraries that are not loaded now, because cuDNN aborts if it does not find one later.
    """
    libraries = {}
    for file, _, size in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        path = Path(distribution.locate_file(file))
        if ".so" in path.name:
            if (found := path.stat().st_size) != int(size):
                raise OSError(f"{path.name} in {distribution.metadata['Name']} must have {size} bytes, got {found}")
            libraries[path.name] = str(path)
    return libraries
