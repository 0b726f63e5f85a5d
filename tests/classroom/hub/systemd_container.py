"""A machine of its own for the server: systemd, users and limits are real, and nothing is left of them."""

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
NETWORK = 0x40000000  # CLONE_NEWNET


def why_not():
    """Why this system cannot be given such a machine with the server on it, or an empty text."""
    if not importlib.util.find_spec("jupyterhub"):
        return "JupyterHub is not in this environment: run `make test-server`."
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root on Linux makes a machine with systemd: run these tests as root."
    if not (CGROUPS / "memory" / "cgroup.procs").exists():
        return "machine.sh makes a machine where cgroups are of version 1, which this system has not: run them there."
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed: run `apt-get install systemd`."
    return ""


class Machine:
    """What `machine.sh` starts, from `with Machine() as machine` until its end."""

    def __init__(self):
        self.name = f"classroom-{os.getpid()}"

    def __enter__(self):
        """Start systemd and wait until it takes orders."""
        environment = Path(sys.prefix), Path(sys.base_prefix)
        paths = [str(path.resolve()) for path in dict.fromkeys([REPOSITORY, *environment])]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig=KILL", HERE / "machine.sh", self.name, *paths])
        try:
            self.pid = wait_for(self.first_process)
            wait_for(lambda: self.run("systemctl", "is-active", "basic.target", check=False).stdout == "active\n")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.process.kill()  # its child is killed with it, and with that one everything that runs there
        self.process.wait()
        for controller in CGROUPS.iterdir():
            folders = sorted((controller / self.name).glob("**/"), reverse=True)
            for folder in folders:
                wait_for(lambda folder=folder: removed(folder))

    def first_process(self):
        """The identifier of the machine's systemd, seen from outside, or 0 while there is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        with contextlib.suppress(FileNotFoundError):
            return next((int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "systemd\n"), 0)

    def run(self, *command, user="root", check=True):
        """Run a command in the machine, as one of its users. Returns the completed process, output as text."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-i", "-u", "-n", "--wd=/"]
        command = enter + ([] if user == "root" else ["runuser", "-u", user, "--"]) + [str(word) for word in command]
        return subprocess.run(command, capture_output=True, text=True, check=check)

    def write(self, path, text):
        """Write a file that only root of the machine reads."""
        Path(f"/proc/{self.pid}/root{path}").write_text(text)
        self.run("chmod", "600", path)

    @contextlib.contextmanager
    def network(self):
        """Inside this `with` statement, the thread that calls is in the machine's network, which is loopback only."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        its = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            change_network(its)
            yield
        finally:
            change_network(own)
            os.close(own)
            os.close(its)

    def unit(self, name, controller, file):
        """A number from a file of a unit's cgroup, such as "memory.max_usage_in_bytes"."""
        return int((CGROUPS / controller / self.name / "system.slice" / f"{name}.service" / file).read_text())

    def main_process(self, name):
        """The identifier of a unit's process, as processes in the machine see it."""
        return self.run("systemctl", "show", "--value", "-p", "MainPID", name).stdout.strip()

    def processor_seconds(self, name):
        """What a unit's processes and their ended children have used of the processors so far, in seconds."""
        procs = CGROUPS / "memory" / self.name / "system.slice" / f"{name}.service" / "cgroup.procs"
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in procs.read_text().split()]
        return sum(int(ticks) for stat in stats for ticks in stat[11:15]) / os.sysconf("SC_CLK_TCK")


def change_network(namespace):
    """Move this thread into a network namespace, given as an open file."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, NETWORK):
        raise OSError(ctypes.get_errno(), "the network namespace cannot be entered")


def removed(folder):
    """Whether an empty cgroup is gone now."""
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def wait_for(condition, seconds=60, pause=0.1):
    """Wait until a function gives something true, and return that. TimeoutError after so many seconds."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{condition} was not true within {seconds} seconds: look into the machine's journal.")
        time.sleep(pause)
    return result
