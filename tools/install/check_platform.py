"""Check whether MXNet can run on this machine, before `make` creates an environment."""

import platform
import sys

OLDEST, NEWEST = (3, 11), (3, 15)  # the supported versions of Python

CONTAINER = (
    "open this folder in its container, with Dev Containers in VS Code or in GitHub Codespaces, "
    "or with `docker build -t deep-rnn .` and `docker run --rm -p 8888:8888 deep-rnn`"
)


def unsupported_reason(system, machine, libc="glibc", bits=64, version=OLDEST):
    """Return one sentence with the reason why MXNet 1.9.1 cannot run and a fix, or None if it can run.

    Args:
        system: The operating system, as in `platform.system()`; for example, "Linux".
        machine: The processor, as in `platform.machine()`; for example, "x86_64".
        libc: The C library on Linux, as in `platform.libc_ver()`.
        bits: The size of a pointer in Python.
        version: The version of Python, a tuple of two or more integers.
    """
    if system == "Windows" or system.startswith(("CYGWIN", "MINGW", "MSYS")):
        return f"MXNet 1.9.1 does not run on Windows; run `make` in WSL (`wsl --install -d Debian`), or {CONTAINER}."
    if (system, machine) == ("Darwin", "arm64"):
        return f"MXNet 1.9.1 does not run on macOS on Apple silicon; {CONTAINER}."
    if (system, machine) not in {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "x86_64")}:
        return (
            f"MXNet 1.9.1 requires x86_64 or 64-bit ARM, got {system} on {machine}; use another computer, or GitHub "
            "Codespaces in the browser."
        )
    if bits != 64:
        return f"MXNet 1.9.1 requires a 64-bit Python, got {bits} bits; install one on a 64-bit operating system."
    if system == "Linux" and libc != "glibc":
        return f"MXNet 1.9.1 requires the C library glibc, got another one, such as musl on Alpine; {CONTAINER}."
    if tuple(version[:2]) < OLDEST:
        return (
            f"This project requires Python 3.11 to 3.15, got Python {version[0]}.{version[1]}; install one of them, or "
            "select an installed one with `make PYTHON=/path/to/python3.11`."
        )
    return None


if __name__ == "__main__":
    bits = 64 if sys.maxsize > 2**32 else 32
    reason = unsupported_reason(
        platform.system(), platform.machine(), platform.libc_ver()[0], bits, sys.version_info[:2]
    )
    if reason:
        sys.exit(reason)
