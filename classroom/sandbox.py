"""A kernel for a stranger's code: bubblewrap around it, limits on it, and an eye on it.

Jupyter starts it as `python confined.py CONNECTION_FILE`, in the folder of a submission. Inside there is no network, no
file but Python's, the package's and the data of the assignment, and nothing that is written stays.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

import psutil

MEBIBYTE = 2**20
MOST_ADDRESSES = 6144 * MEBIBYTE  # of one process: who asks for more at once gets a MemoryError
MOST_MEMORY = 2048 * MEBIBYTE  # of all its processes together
MOST_PROCESSES = 16
MOST_ON_DISK = 64 * MEBIBYTE  # in each of the two folders that can be written
SECONDS_BETWEEN_LOOKS = 0.2
NOBODY = "65534"
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


def sandbox(readable, writable):
    """The beginning of a command line: bubblewrap, and all that the program behind it may see.

    readable: path outside -> path inside. writable: paths of folders, the same inside.
    """
    words = f"bwrap --unshare-all --uid {NOBODY} --gid {NOBODY} --die-with-parent --new-session --clearenv".split()
    for name, value in ENVIRONMENT.items():
        words += ["--setenv", name, value]
    words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for folder in (HOME, "/tmp"):
        words += ["--size", str(MOST_ON_DISK), "--tmpfs", folder]
    for path in map(Path, ("/lib", "/lib32", "/lib64", "/bin", "/sbin")):
        words += ["--symlink", str(path.readlink()), str(path)] if path.is_symlink() else ["--ro-bind-try", path, path]
    for path in ("/usr", "/etc/ld.so.cache", "/etc/alternatives", sys.base_prefix, sys.prefix, PACKAGE):
        words += ["--ro-bind-try", path, path]
    for outside, inside in readable.items():
        words += ["--ro-bind", outside, inside]
    for folder in writable:
        words += ["--bind", folder, folder]
    return [*map(str, words), "--remount-ro", "/", "--chdir", HOME, "--"]


def limit():
    """Limits of the system, for the process that is about to begin."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_ON_DISK, MOST_ON_DISK))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def too_much(process):
    """Whether the descendants of a process are too many or take too much memory."""
    number = memory = 0
    for child in process.children(recursive=True):
        try:
            memory += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        number += 1
    return number > MOST_PROCESSES or memory > MOST_MEMORY


def main(connection_file):
    """Run the kernel until it ends, or takes too much."""
    data = {path: f"{HOME}/{path.name}" for path in Path.cwd().iterdir() if path.suffix not in (".ipynb", ".json")}
    command = sandbox(data, [Path(connection_file).parent])
    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", connection_file, "--HistoryManager.hist_file=:memory:"]
    process = psutil.Popen([*command, *kernel], preexec_fn=limit)
    while process.poll() is None:
        if too_much(process):
            process.kill()  # and with it all that is inside
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return process.wait()


def works():
    """Whether this system lets somebody be confined."""
    try:
        return subprocess.run([*sandbox({}, []), sys.executable, "-c", ""], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
