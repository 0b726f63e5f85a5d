"""Can MXNet run here? `make` asks before it sets `.venv` up, in the words of whoever has to do something about it."""

import platform
import sys

CONTAINER = (
    "open this folder in its container, with Dev Containers in VS Code or in GitHub Codespaces, "
    "or with `docker build -t deep-rnn .` and `docker run --rm -p 8888:8888 deep-rnn`"
)


def what_to_do(system, machine, libc="glibc", bits=64, version=(3, 11)):
    """One sentence that says why MXNet 1.9.1 cannot be installed here and what to do, or None where it can.

    system, machine: what `platform.system()` and `platform.machine()` say, such as "Linux" and "x86_64".
    libc: the C library of a Linux, as `platform.libc_ver()` names it.
    bits: of a pointer in this Python.
    version: of this Python, a tuple of two or more numbers.
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
    if version < (3, 11):
        return (
            f"This project needs Python 3.11 or later and this is Python {version[0]}.{version[1]}: install Python "
            "3.11, 3.12 or 3.13, or say where it is with `make PYTHON=/path/to/python3.11`."
        )
    return None


def warning_about(version):
    """One sentence on a Python that is newer than all that were tried, or None."""
    if version < (3, 14):
        return None
    return (
        f"Python 3.11 to 3.13 were tried and this is Python {version[0]}.{version[1]}: should something fail, install "
        "one of them and run `make PYTHON=/path/to/python3.13`."
    )


if __name__ == "__main__":
    bits = 64 if sys.maxsize > 2**32 else 32
    advice = what_to_do(platform.system(), platform.machine(), platform.libc_ver()[0], bits, sys.version_info[:2])
    if advice:
        sys.exit(advice)
    if warning_about(sys.version_info[:2]):
        print(warning_about(sys.version_info[:2]), file=sys.stderr)
