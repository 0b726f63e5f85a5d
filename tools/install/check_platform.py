"""Check whether MXNet can run on this machine; `make` does so before it creates an environment."""

import platform
import sys

OLDEST, NEWEST = (3, 11), (3, 15)  # the supported versions of Python

CONTAINER = (
    "open this folder in its container, with Dev Containers in VS Code or in GitHub Codespaces, "
    "or with `docker build -t deep-rnn .` and `docker run --rm -p 8888:8888 deep-rnn`"
)


def what_to_do(system, machine, libc="glibc", bits=64, version=OLDEST):
    """Return one sentence on why MXNet 1.9.1 cannot be installed and what to do, or None if it can be installed.

    Args:
        system: The operating system as `platform.system()` names it, such as "Linux".
        machine: The processor as `platform.machine()` names it, such as "x86_64".
        libc: The C library of a Linux as `platform.libc_ver()` names it.
        bits: The size of a pointer in this Python.
        version: The version of this Python, a tuple of two or more integers.
    """
    if system == "Windows" or system.startswith(("CYGWIN", "MINGW", "MSYS")):
        return f"MXNet 1.9.1 does not run on Windows: run `make` in WSL (`wsl --install -d Debian`), or {CONTAINER}."
    if (system, machine) == ("Darwin", "arm64"):
        return f"MXNet 1.9.1 does not run on macOS on Apple silicon: {CONTAINER}."
    if (system, machine) not in {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "x86_64")}:
        return (
            f"MXNet 1.9.1 runs on x86_64 and on ARM of 64 bits and this is {system} on {machine}: use another "
            "computer, or GitHub Codespaces in the browser."
        )
    if bits != 64:
        return f"MXNet 1.9.1 needs a Python of 64 bits and this one has {bits}: install one, and a system of 64 bits."
    if system == "Linux" and libc != "glibc":
        return f"MXNet 1.9.1 needs the C library glibc, which Alpine and other systems with musl lack: {CONTAINER}."
    if tuple(version[:2]) < OLDEST:
        return (
            f"This project needs Python 3.11 to 3.15 and this is Python {version[0]}.{version[1]}: install one of "
            "them, or name one that is installed with `make PYTHON=/path/to/python3.11`."
        )
    return None


if __name__ == "__main__":
    bits = 64 if sys.maxsize > 2**32 else 32
    advice = what_to_do(platform.system(), platform.machine(), platform.libc_ver()[0], bits, sys.version_info[:2])
    if advice:
        sys.exit(advice)
