"""Run systemd in a temporary container with real users, services, and resource limits."""

import contextlib
import ctypes
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
CGROUPS = Path("/sys/fs/cgroup")
CLONE_NEWNET = 0x40000000


def skip_reason():
    """Return why this system cannot run the class server in a container, or an empty string."""
    if not importlib.util.find_spec("jupyterhub"):
        return "JupyterHub is not installed; run `make test-server`."
    if sys.platform != "linux" or os.geteuid() != 0:
        return "The container requires root on Linux; run these tests as root."
    if not (CGROUPS / "memory" / "cgroup.procs").exists():
        return "The container requires cgroups v1; run these tests on a system that uses them."
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed; run `apt-get install systemd`."
    return ""


class SystemdContainer:
    """A container that systemd_container.sh starts when entering a `with` statement and that ends with it."""

    def __init__(self):
        self.name = f"classroom-{os.getpid()}"

    def __enter__(self):
        """Start systemd and wait until it is running."""
        paths = [REPOSITORY, Path(sys.prefix), Path(sys.base_prefix)]
        paths = [str(path.resolve()) for path in dict.fromkeys(paths)]
        command = ["setpriv", "--pdeathsig=KILL", HERE / "systemd_container.sh", self.name, *paths]
        self.process = subprocess.Popen(command)
        try:
            self.pid = wait_for(self.find_systemd)
            wait_for(lambda: self.run("systemctl", "is-active", "basic.target", check=False).stdout == "active\n")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.process.kill()  # also kills its child, which is the first process of the container, and so the container
        self.process.wait()
        for controller in CGROUPS.iterdir():
            for cgroup in sorted((controller / self.name).glob("**/"), reverse=True):
                wait_for(lambda cgroup=cgroup: is_removed(cgroup))

    def find_systemd(self):
        """Return the host's process ID of the container's systemd, or 0 if it has not started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        with contextlib.suppress(FileNotFoundError):
            return next((int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "systemd\n"), 0)

    def run(self, *command, user="root", check=True):
        """Run a command in the container as one of its users, and return the completed process."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-i", "-u", "-n", "--wd=/"]
        command = enter + ([] if user == "root" else ["runuser", "-u", user, "--"]) + [str(arg) for arg in command]
        return subprocess.run(command, capture_output=True, text=True, check=check)

    def write(self, path, text):
        """Write a file in the container that only root can read."""
        Path(f"/proc/{self.pid}/root{path}").write_text(text)
        self.run("chmod", "600", path)

    @contextlib.contextmanager
    def join_network(self):
        """Move the calling thread into the container's network, which has only a loopback interface."""
        host = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        container = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            enter_network(container)
            yield
        finally:
            enter_network(host)
            os.close(host)
            os.close(container)

    def read_cgroup(self, unit, controller, file):
        """Return the content of a file in a unit's cgroup, for example "memory.usage_in_bytes"."""
        return (CGROUPS / controller / self.name / "system.slice" / f"{unit}.service" / file).read_text()

    def memory(self, unit, file="memory.usage_in_bytes"):
        """Return the current memory usage of a unit, or the value of another file, in bytes."""
        return int(self.read_cgroup(unit, "memory", file))

    def main_pid(self, unit):
        """Return the process ID, inside the container, of a unit's main process."""
        return self.run("systemctl", "show", "--value", "-p", "MainPID", unit).stdout.strip()

    def cpu_seconds(self, unit):
        """Return the CPU seconds that a unit's processes and their terminated children have used."""
        pids = self.read_cgroup(unit, "memory", "cgroup.procs").split()
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
        return sum(int(ticks) for stat in stats for ticks in stat[11:15]) / os.sysconf("SC_CLK_TCK")


def enter_network(namespace):
    """Move the calling thread into a network namespace, given as a file descriptor."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot enter the network namespace")


def is_removed(cgroup):
    """Try to remove an empty cgroup, and return whether it is gone."""
    with contextlib.suppress(OSError):
        cgroup.rmdir()
    return not cgroup.exists()


def wait_for(condition, seconds=60, pause=0.1):
    """Wait until a function returns a true value, and return the value; raise TimeoutError after `seconds`."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{condition} must become true within {seconds} seconds; see the container's journal.")
        time.sleep(pause)
    return result
