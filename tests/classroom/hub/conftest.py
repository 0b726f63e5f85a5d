"""The server of a class, running on a machine of its own."""

import json
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.classroom.hub.browser import HUB, Browser
from tests.classroom.hub.machine import REPOSITORY, Machine, wait_for, why_not

STUDENTS = [f"student{number:02}" for number in range(1, 21)]
TEACHER = "teacher01"
GIB = 2**30


@pytest.fixture(scope="session")
def proxy():
    """The proxy, installed as its lock file says; removed afterwards if it was not there before."""
    if reason := why_not():
        pytest.skip(reason)
    modules = REPOSITORY / "classroom" / "node_modules"
    was_there = modules.exists()
    if not was_there:
        subprocess.run(["npm", "ci", "--silent"], cwd=modules.parent, check=True)
    yield
    if not was_there:
        shutil.rmtree(modules)


@pytest.fixture(scope="session")
def machine(proxy):
    """A machine with a class of users, on which the hub runs as the service that the teacher has."""
    with Machine() as machine, machine.network():
        machine.run("groupadd", "students")
        machine.run("groupadd", "teachers")
        machine.passwords = {name: secrets.token_hex(8) for name in [*STUDENTS, TEACHER, "stranger"]}
        for name in machine.passwords:
            groups = {"student": "students", "teacher": "teachers"}.get(name[:7], "nogroup")
            machine.run("useradd", "--create-home", "--shell", "/bin/bash", "--groups", groups, name)
        for name, password in machine.passwords.items():
            machine.run("bash", "-c", f"echo {name}:{password} | chpasswd")
        machine.run("install", "-d", "-m", "1777", "/srv/nbgrader/exchange")
        machine.write(
            "/etc/jupyterhub.env",
            f"JPY_COOKIE_SECRET={secrets.token_hex(32)}\nCONFIGPROXY_AUTH_TOKEN={secrets.token_hex(32)}\n",
        )
        unit = (REPOSITORY / "classroom" / "jupyterhub.service").read_text()
        unit = unit.replace("/srv/deep-rnn/.venv-classroom", sys.prefix).replace("/srv/deep-rnn", str(REPOSITORY))
        machine.write("/mnt/units/jupyterhub.service", unit)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", "jupyterhub")
        wait_for(hub_answers)
        yield machine


def hub_answers():
    """Whether the hub answers through the proxy."""
    try:
        return requests.get(f"{HUB}/hub/health", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="session")
def students(machine):
    """Twenty students with a token each: name -> Browser."""
    browsers = {name: Browser(name, machine.passwords[name]) for name in STUDENTS}
    for browser in browsers.values():
        browser.log_in()
    return browsers


@pytest.fixture(scope="session")
def servers(machine, students):
    """The twenty with running servers, started at the same moment."""
    _, machine.seconds_to_start = all_at_once(Browser.start_server, students)
    machine.after_start = {
        name: (machine.processor_seconds(unit_of(name)), machine.unit(unit_of(name), "memory", "memory.usage_in_bytes"))
        for name in students
    }
    return students


@pytest.fixture(scope="session")
def kernels(servers):
    """A kernel of every student: name -> identifier."""
    return {name: browser.start_kernel() for name, browser in servers.items()}


@pytest.fixture
def tell(capsys):
    """A function that prints a line past pytest, so that a measurement is seen in every run."""

    def say(line):
        with capsys.disabled():
            print(f"\n{line}", flush=True)

    return say


def first_cells():
    """The document's cells before the training, and its network trained for two epochs: a session as it is at work."""
    notebook = json.loads((REPOSITORY / "notebooks" / "deep-rnn.ipynb").read_text())
    cells = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"}
    before = [cells[name] for name in ("cell-05", "cell-06", "cell-08", "cell-10", "cell-12")]
    return [*before, f"num_epochs, pred_period = 2, 2\n{cells['cell-14']}"]


def unit_of(name):
    """The systemd unit of a user's server."""
    return f"jupyter-{name}-singleuser"


def all_at_once(function, browsers):
    """Call a function for all students at the same moment. Returns name -> result, and the seconds it took."""
    start = time.monotonic()
    with ThreadPoolExecutor(len(browsers)) as pool:  # its threads are in the network of the thread that starts them
        results = dict(zip(browsers, pool.map(function, browsers.values()), strict=True))
    return results, time.monotonic() - start
