"""CUDA's libraries are loaded from wheels, and the driver's answers are interpreted correctly.

Both are stubs: libraries without functions, which depend on each other like the real ones, in a directory with the
layout that pip creates. tests/install/gpu/ uses the real wheels.
"""

import ctypes
import os
import shutil
import struct
import sys
from types import SimpleNamespace

import pytest

from d2l_helpers._internal import cuda, import_mxnet

# Dependencies of the real libraries, from `readelf -d`; some of the real ones also have an RPATH.
BLAS = ["libcublas.so.11", "libcublasLt.so.11"]
NEEDS = {
    "libcublas.so.11": ["libcublasLt.so.11"],
    "libcusolver.so.11": BLAS,
    "libcudnn_ops_infer.so.8": BLAS,
    "libcudnn_ops_train.so.8": ["libcudnn_ops_infer.so.8"],
    "libcudnn_adv_infer.so.8": ["libcudnn_ops_infer.so.8"],
    "libcudnn_adv_train.so.8": ["libcudnn_ops_infer.so.8", "libcudnn_ops_train.so.8", "libcudnn_adv_infer.so.8"],
    "libcudnn_cnn_infer.so.8": ["libcudnn_ops_infer.so.8", *BLAS],
}
LOADED = [name for names in cuda.WHEELS.values() for name in names]
MXNET_ASKS_FOR = [name for name in LOADED if name != "libcublasLt.so.11" and "libcudnn_" not in name]
NOT_LOADED = "libcudnn_cnn_infer.so.8"  # cuDNN loads it for convolutions

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="MXNet's CUDA build exists for Linux only")


def shared_library(name, needed, machine=None):
    """Return the bytes of a library without functions.

    Args:
        name: Its soname.
        needed: Names of the libraries on which it depends.
        machine: ELF's number of a processor; None means this one.
    """
    with open(sys.executable, "rb") as python:
        machine = machine or struct.unpack("18xH", python.read(20))[0]
    strings, header, programs = b"\0", 64, 3 * 56
    dynamic = []
    for tag, text in [(14, name), *((1, other) for other in needed)]:  # 14: soname; 1: dependency
        dynamic.append((tag, len(strings)))
        strings += text.encode() + b"\0"
    size = 16 * (len(dynamic) + 5)
    at, end = header + programs, header + programs + size + len(strings)
    # Address and size of the strings; the empty symbol table and the size of an entry; the end.
    dynamic += [(5, at + size), (10, len(strings)), (6, end), (11, 24), (0, 0)]
    return b"".join(
        [
            b"\x7fELF\2\1\1".ljust(16, b"\0"),
            struct.pack("HHIQQQIHHHHHH", 3, machine, 1, 0, header, 0, 0, header, 56, 3, 0, 0, 0),
            struct.pack("IIQQQQQQ", 1, 6, 0, 0, 0, end + 24, end + 24, 4096),  # load all of it
            struct.pack("IIQQQQQQ", 2, 6, at, at, at, size, size, 8),  # the dynamic section
            struct.pack("IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16),  # the stack is not executable
            *(struct.pack("QQ", tag, value) for tag, value in dynamic),
            strings,
            bytes(24),
        ]
    )


def install(site, wheel, files):
    """Write a wheel's files (path -> bytes) into a directory, and the RECORD that pip writes."""
    for path, content in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
    info = site / f"{wheel.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {wheel}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{path},,{len(content)}\n" for path, content in files.items()))


def folder_of(wheel):
    return f"nvidia/{wheel.removeprefix('nvidia-').removesuffix('-cu11').replace('-', '_')}/lib"


LIST_WHAT_IS_LOADED = """
import ctypes, pathlib
ctypes.CDLL(pathlib.Path(__file__).with_name("libmxnet.so"))
ctypes.CDLL("libcudnn_adv_infer.so.8")  # as libcudnn.so.8 does when it first computes
print(pathlib.Path("/proc/self/maps").read_text())
raise SystemExit
"""


@pytest.fixture
def site(tmp_path):
    """Return a site-packages directory with MXNet's CUDA build and the wheels of its libraries."""
    site = tmp_path / "site-packages"
    mxnet = {"mxnet/__init__.py": LIST_WHAT_IS_LOADED.encode()}
    install(site, "mxnet-cu117", mxnet | {"mxnet/libmxnet.so": shared_library("libmxnet.so", MXNET_ASKS_FOR)})
    for wheel, names in cuda.WHEELS.items():
        names = [*names, NOT_LOADED] if wheel == "nvidia-cudnn-cu11" else names
        install(site, wheel, {f"{folder_of(wheel)}/{n}": shared_library(n, NEEDS.get(n, [])) for n in names})
    return site


@pytest.fixture
def import_package(site, run_python):
    """Return a function that imports the package with this directory first, and directories for the loader."""

    def run(*folders, code="import d2l_helpers"):
        first = f"import sys; sys.path.insert(0, {str(site)!r})"
        return run_python(f"{first}\n{code}", LD_LIBRARY_PATH=os.pathsep.join(map(str, folders)) or None)

    return run


def file_of(name, site):
    (path,) = site.glob(f"nvidia/*/lib/{name}")
    return path


@on_linux
def test_all_libraries_are_loaded_before_mxnet(import_package, site):
    run = import_package()
    assert (run.returncode, run.stderr) == (0, "")
    assert [name for name in LOADED if str(file_of(name, site)) not in run.stdout] == []
    assert NOT_LOADED not in run.stdout


@on_linux
def test_libraries_of_another_cuda_are_not_loaded(import_package, site, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in LOADED:
        shutil.copy(file_of(name, site), other)
    run = import_package(other)
    assert (run.returncode, run.stderr) == (0, "")
    assert str(other) not in run.stdout


@on_linux
def test_the_loader_does_not_find_the_stubs_without_help(site):
    with pytest.raises(OSError, match="cannot open shared object file"):
        ctypes.CDLL(str(file_of("libcublas.so.11", site)))


@on_linux
def test_without_the_cuda_build_no_wheel_is_read(import_package, site):
    for name in LOADED:
        file_of(name, site).write_bytes(b"")
    for info in site.glob("mxnet*.dist-info"):
        info.rename(site / "mxnet-1.9.1.dist-info")
    (site / "mxnet" / "__init__.py").write_text("raise SystemExit")
    run = import_package()
    assert (run.returncode, run.stderr) == (0, "")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def replace_content(path):
    path.write_bytes(b"?" * path.stat().st_size)


def use_another_processor(path):
    path.write_bytes(shared_library(path.name, NEEDS.get(path.name, []), machine=8))  # MIPS


DAMAGES = [truncate, replace_content, use_another_processor]
TRY_WITHOUT_EACH = """
import importlib, pathlib
for path in sorted(pathlib.Path(sys.path[0]).glob("nvidia/*/lib/*")):
    content = path.read_bytes()
    path.unlink()
    try:
        importlib.import_module("d2l_helpers")
    except ImportError as error:
        print(path.name, error, sep="\\t")
    path.write_bytes(content)
"""


@on_linux
def test_a_missing_library_is_named_with_the_command_that_installs_it(import_package, is_one_sentence):
    errors = [line.split("\t") for line in import_package(code=TRY_WITHOUT_EACH).stdout.splitlines()]
    assert sorted(name for name, _ in errors) == sorted([*LOADED, NOT_LOADED])
    for name, message in errors:
        assert is_one_sentence(message)
        assert name in message and "`make install-gpu`" in message


@on_linux
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_library_is_named_with_the_command_that_installs_it(damage, import_package, site, is_one_sentence):
    damage(file_of("libcufft.so.10", site))
    run = import_package()
    kind, _, message = run.stderr.rstrip("\n").split("\n")[-1].partition(": ")
    assert (run.returncode, kind) == (1, "ImportError")
    assert is_one_sentence(message)
    assert "libcufft.so.10" in message and "`make install-gpu`" in message


@on_linux
def test_the_system_provides_libraries_without_a_wheel(import_package, site):
    for info in site.glob("nvidia*.dist-info"):
        shutil.rmtree(info)
    (site / "nvidia").rename(site / "system")
    folders = list((site / "system").glob("*/lib"))
    run = import_package(*folders)
    assert (run.returncode, run.stderr) == (0, "")
    assert {folder for folder in folders if str(folder) not in run.stdout} == set()


def test_without_a_driver_the_error_names_the_cpu_build(is_one_sentence):
    error = OSError("libcuda.so.1: cannot open shared object file: No such file or directory")
    message = import_mxnet.how_to_get_mxnet(error, "x86_64")
    assert is_one_sentence(message)
    assert "NVIDIA's driver" in message and "`make install-cpu`" in message and "`make install-gpu`" not in message


# The driver


class Driver(SimpleNamespace):
    """A stub driver with two GPUs, of compute capability 8.6 and 9.0."""

    def cuInit(self, _):  # noqa: N802
        return 0

    def cuDeviceGet(self, device, number):  # noqa: N802
        device._obj.value = 40 + number
        return 0 if number < 2 else 101

    def cuDeviceGetAttribute(self, answer, attribute, device):  # noqa: N802
        answer._obj.value = {75: (8, 9), 76: (6, 0)}[attribute][device.value - 40]
        return 0


def test_the_driver_returns_the_compute_capability_of_each_gpu(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: {"libcuda.so.1": Driver()}[name])
    assert [cuda.compute_capability(gpu) for gpu in range(3)] == [(8, 6), (9, 0), None]


@pytest.mark.parametrize("function", ["cuInit", "cuDeviceGet", "cuDeviceGetAttribute"])
def test_a_driver_that_fails_gives_none(function, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(**{function: lambda *_: 100}))
    assert cuda.compute_capability(0) is None


@pytest.mark.parametrize("driver", ["missing", "of another kind"])
def test_a_driver_that_cannot_be_loaded_gives_none(driver, monkeypatch):
    def load(name):
        if driver == "missing":
            raise OSError(f"{name}: cannot open shared object file")
        return SimpleNamespace()

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert cuda.compute_capability(0) is None
