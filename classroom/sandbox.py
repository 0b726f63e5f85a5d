"""Run a Jupyter kernel for untrusted code in a bubblewrap sandbox with resource limits.

Jupyter starts it as `python sandbox.py CONNECTION_FILE` in the directory of a submission. The sandbox has no network.
It contains only the files of Python, the package, and the assignment's data, and discards everything written to it.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

import psutil

MEBIBYTE = 2**20
MAX_ADDRESS_SPACE = 6144 * MEBIBYTE  # per process; larger requests raise MemoryError
MAX_MEMORY = 2048 * MEBIBYTE  # resident memory of all processes together
MAX_PROCESSES = 16
MAX_DISK = 64 * MEBIBYTE  # per file, and per writable directory
POLL_SECONDS = 0.2
NOBODY_ID = "65534"  # user and group
HOME = "/student"

PACKAGE = Path(__file__).resolve().parents[1] / "d2l_helpers"
ENVIRONMENT = {
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "MPLCONFIGDIR": HOME,
    "NBGRADER_EXECUTION": "autograde",
}


def sandbox_command(readable, writable):
    """Return the bubblewrap command line, to which the program to run is appended.

    Args:
        readable: Dictionary from paths outside the sandbox to paths inside.
        writable: Directories that have the same path inside.
    """
    args = f"bwrap --unshare-all --uid {NOBODY_ID} --gid {NOBODY_ID} --die-with-parent --new-session --clearenv".split()
    for name, value in ENVIRONMENT.items():
        args += ["--setenv", name, value]
    args += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for directory in (HOME, "/tmp"):
        args += ["--size", str(MAX_DISK), "--tmpfs", directory]
    for path in map(Path, ("/lib", "/lib32", "/lib64", "/bin", "/sbin")):
        args += ["--symlink", str(path.readlink()), str(path)] if path.is_symlink() else ["--ro-bind-try", path, path]
    for path in ("/usr", "/etc/ld.so.cache", "/etc/alternatives", sys.base_prefix, sys.prefix, PACKAGE):
        args += ["--ro-bind-try", path, path]
    for outside, inside in readable.items():
        args += ["--ro-bind", outside, inside]
    for directory in writable:
        args += ["--bind", directory, directory]
    return [*map(str, args), "--remount-ro", "/", "--chdir", HOME, "--"]


def set_limits():
    """Set the resource limits of the current process."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_DISK, MAX_DISK))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def exceeds_limits(process):
    """Return whether the descendants of a process are too many or use too much memory."""
    count = memory = 0
    for child in process.children(recursive=True):
        try:
            memory += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        count += 1
    return count > MAX_PROCESSES or memory > MAX_MEMORY


def main(connection_file):
    """Run the kernel until it ends or exceeds its limits, and return its exit status."""
    data = {path: f"{HOME}/{path.name}" for path in Path.cwd().iterdir() if path.suffix not in (".ipynb", ".json")}
    command = sandbox_command(data, [Path(connection_file).parent])
    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", connection_file, "--HistoryManager.hist_file=:memory:"]
    process = psutil.Popen([*command, *kernel], preexec_fn=set_limits)
    while process.poll() is None:
        if exceeds_limits(process):
            process.kill()  # ends every process in the sandbox
        time.sleep(POLL_SECONDS)
    return process.wait()


def is_available():
    """Return whether bubblewrap is installed and can create a sandbox on this system."""
    command = [*sandbox_command({}, []), sys.executable, "-c", ""]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
